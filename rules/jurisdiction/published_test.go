package jurisdiction

import (
	"bytes"
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction/ranges"
	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

// rangeFile converts a published file as `borderflow data import` does.
func rangeFile(t testing.TB, format ranges.Format, content string, options ranges.Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := ranges.Import(t.Context(), format, strings.NewReader(content), &out, options); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const publishedByAWS = `{"createDate": "2026-06-10-00-00-00", "prefixes": [
  {"ip_prefix": "198.51.100.0/26", "region": "eu-central-1", "network_border_group": "eu-central-1"},
  {"ip_prefix": "198.51.100.64/26", "region": "eu-north-1", "network_border_group": "eu-north-1-hel-1"},
  {"ip_prefix": "198.51.100.128/26", "region": "GLOBAL", "network_border_group": "GLOBAL"},
  {"ip_prefix": "198.51.100.192/27", "region": "eu-south-9", "network_border_group": "eu-south-9"},
  {"ip_prefix": "198.51.100.224/28", "region": "cn-north-1", "network_border_group": "cn-north-1"},
  {"ip_prefix": "198.51.100.240/28", "region": "us-east-1", "network_border_group": "us-east-1"},
  {"ip_prefix": "198.51.100.240/28", "region": "eu-west-1", "network_border_group": "eu-west-1"}],
 "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/40", "region": "eusc-de-east-1", "network_border_group": "eusc-de-east-1"}]}`

func TestPublishedRangeLocatesAnAddressWithItsRegion(t *testing.T) {
	table := writeDatabase(t, "aws.ranges", rangeFile(t, ranges.AWS, publishedByAWS, ranges.Options{}))
	database := writeDatabase(t, "own.mmdb", countryDatabase(map[string]string{"198.51.100.0/24": "US"}))
	resolver := newResolver(t, Options{Databases: []string{database, table}, DisableEmbedded: true, Now: soonAfter})
	for name, test := range map[string]struct {
		host, address, country string
		confidence             float64
		cloud, region          string
		operator, reach        string
		anycast                bool
		conflicts              int
	}{
		"region":                    {"", "198.51.100.1", "DE", 0.90, "aws", "eu-central-1", "Amazon Web Services", "DE US", false, 1},
		"local zone abroad":         {"", "198.51.100.65", "FI", 0.90, "aws", "eu-north-1-hel-1", "Amazon Web Services", "FI US", false, 1},
		"served from everywhere":    {"", "198.51.100.129", "", 0, "aws", "", "Amazon Web Services", "US", true, 0},
		"region of unknown country": {"", "198.51.100.193", "US", 0.55, "aws", "eu-south-9", "Amazon Web Services", "US", false, 0},
		"several regions":           {"", "198.51.100.241", "US", 0.55, "aws", "", "Amazon Web Services", "US", false, 0},
		"another operator":          {"", "198.51.100.225", "CN", 0.90, "aws", "cn-north-1", "Sinnet and NWCD (AWS China)", "CN", false, 1},
		"sovereign cloud":           {"", "2001:db8:1::1", "DE", 0.90, "aws", "eusc-de-east-1", "AWS European Sovereign Cloud", "DE US", false, 0},
		"host name is stronger":     {"s3.eu-west-1.amazonaws.com", "198.51.100.1", "IE", 0.95, "aws", "eu-west-1", "Amazon Web Services", "IE US", false, 2},
		"name of somebody else":     {"api.mistral.ai", "198.51.100.1", "DE", 0.90, "aws", "eu-central-1", "Mistral AI", "DE FR", false, 1},
		"behind a delivery network": {"d111.cloudfront.net", "198.51.100.1", "", 0, "aws", "eu-central-1", "Amazon Web Services", "US", true, 0},
		"outside":                   {"", "203.0.113.1", "", 0, "", "", "", "", false, 0},
	} {
		location, _ := resolver.Locate(test.host, netip.MustParseAddr(test.address))
		if location.Country != test.country || location.Confidence != test.confidence {
			t.Errorf("%s: %q at %v, want %q at %v; claims %+v", name, location.Country, location.Confidence, test.country, test.confidence, location.Jurisdictions)
		}
		if location.Cloud != test.cloud || location.Region != test.region || location.Operator != test.operator {
			t.Errorf("%s: cloud %q, region %q, operator %q", name, location.Cloud, location.Region, location.Operator)
		}
		if strings.Join(location.Reach, " ") != test.reach || location.Anycast != test.anycast || len(location.Conflicts) != test.conflicts || location.Stale {
			t.Errorf("%s: reach %v, anycast %v, conflicts %q, stale %v", name, location.Reach, location.Anycast, location.Conflicts, location.Stale)
		}
	}
	if version := resolver.Version(); !strings.Contains(version, "aws-ip-ranges@2026-06-10#") {
		t.Errorf("version %q", version)
	}
	if status := resolver.Databases()[1]; status.Format != "ranges" || status.Kind != "cloud" || status.Attribution == "" || status.Records == 0 {
		t.Errorf("status %+v", status)
	}
}

func TestPublishedRangeAndAliasThatDifferLeaveThePlaceOpen(t *testing.T) {
	path := writeDatabase(t, "aws.ranges", rangeFile(t, ranges.AWS, publishedByAWS, ranges.Options{}))
	resolver := newResolver(t, Options{Databases: []string{path}, Now: soonAfter})
	location, state := resolver.LocateVia("shop.example", []string{"lb.eu-west-1.elb.amazonaws.com"}, netip.MustParseAddr("198.51.100.1"))
	if state != flow.Absent || strings.Join(location.Possible, " ") != "DE IE" || strings.Join(location.Reach, " ") != "DE IE US" || len(location.Conflicts) != 1 {
		t.Errorf("%v %+v", state, location)
	}
}

func TestOldPublishedRangeIsWorthLess(t *testing.T) {
	path := writeDatabase(t, "aws.ranges", rangeFile(t, ranges.AWS, publishedByAWS, ranges.Options{}))
	now := soonAfter().AddDate(0, 6, 0)
	resolver := newResolver(t, Options{Databases: []string{path}, DisableEmbedded: true, Now: func() time.Time { return now }})
	if location, _ := resolver.Locate("", netip.MustParseAddr("198.51.100.1")); location.Confidence != 0.855 || !location.Stale || location.Country != "DE" {
		t.Errorf("%+v", location)
	}
}

func TestConvertedTablesOfCountriesAnswerAsDatabasesDo(t *testing.T) {
	day := soonAfter()
	place := writeDatabase(t, "place.ranges", rangeFile(t, ranges.CSV, "193.0.6.0/24,NL\n198.51.100.0/24,XK\n203.0.113.0/24,SE\n", ranges.Options{Name: "dbip-country-lite", Published: day}))
	registrant := writeDatabase(t, "registrant.ranges", rangeFile(t, ranges.CSV, "193.0.6.0/24,BE\n", ranges.Options{Name: "own", Published: day, Registrant: true}))
	resolver := newResolver(t, Options{Databases: []string{place, registrant}, Now: soonAfter})
	location, _ := resolver.Locate("", netip.MustParseAddr("193.0.6.139"))
	if location.Country != "NL" || location.Confidence != confidenceAgreed || location.OperatorHome != "BE" {
		t.Errorf("%+v", location)
	}
	if location, _ := resolver.Locate("", netip.MustParseAddr("203.0.113.1")); location.Country != "SE" || location.Confidence != confidenceAlone {
		t.Errorf("%+v", location)
	}
	if location, _ := resolver.Locate("", netip.MustParseAddr("198.51.100.1")); location.Country != "" || len(location.Jurisdictions) != 0 {
		t.Errorf("a code that ISO does not have is a place: %+v", location)
	}
}

func TestDataOfRegistrantsIsNeverAPlace(t *testing.T) {
	mmdb := writeDatabase(t, "iptoasn-country.mmdb", countryDatabase(map[string]string{"198.51.100.0/24": "US"}))
	table := writeDatabase(t, "iptoasn.ranges", rangeFile(t, ranges.CSV, "203.0.113.0/24,US", ranges.Options{Name: "iptoasn-country", Published: soonAfter()}))
	resolver := newResolver(t, Options{Databases: []string{mmdb, table}, DisableEmbedded: true, Now: soonAfter})
	for _, address := range []string{"198.51.100.1", "203.0.113.1"} {
		location, _ := resolver.Locate("", netip.MustParseAddr(address))
		if location.Country != "" || location.Possible != nil || location.OperatorHome != "US" {
			t.Errorf("%s: %+v", address, location)
		}
	}
}

// encoded makes a range table of what ranges.Import never would.
func encoded(t testing.TB, kind string, rows map[string]string) []byte {
	t.Helper()
	var builder rangetable.Builder
	for network, label := range rows {
		if err := builder.Add(netip.MustParsePrefix(network), label); err != nil {
			t.Fatal(err)
		}
	}
	content, err := builder.Encode(rangetable.Header{Name: "odd", Kind: kind, Published: soonAfter()})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func brokenRanges(t testing.TB) map[string]struct {
	content []byte
	reason  string
} {
	sound := rangeFile(t, ranges.AWS, publishedByAWS, ranges.Options{})
	return map[string]struct {
		content []byte
		reason  string
	}{
		"truncated":         {sound[:len(sound)-3], "damaged"},
		"beginning":         {sound[:5], "not a range table"},
		"older version":     {append([]byte("BFRT\x01"), sound[5:]...), "no BFRT version 2 header"},
		"one bit":           {append(append(bytes.Clone(sound[:60]), sound[60]^1), sound[61:]...), "damaged"},
		"no range":          {encoded(t, ranges.KindPlace, nil), "no country or region"},
		"unknown countries": {encoded(t, ranges.KindPlace, map[string]string{"198.51.100.0/24": "XK"}), "no country or region"},
		"unknown provider":  {encoded(t, ranges.KindCloud, map[string]string{"198.51.100.0/24": "nobody eu-1"}), "no country or region"},
		"unknown kind":      {encoded(t, "weather", map[string]string{"198.51.100.0/24": "DE"}), `kind "weather"`},
		"not converted":     {[]byte(publishedByAWS), "not a MaxMind DB or a range table"},
	}
}

func TestBrokenRangeTableLeavesTheOldOneInForce(t *testing.T) {
	for name, broken := range brokenRanges(t) {
		path := writeDatabase(t, "aws.ranges", rangeFile(t, ranges.AWS, publishedByAWS, ranges.Options{}))
		resolver := newResolver(t, Options{Databases: []string{path}, DisableEmbedded: true})
		version := resolver.Version()
		replaceFile(t, path, broken.content)
		if err := resolver.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), broken.reason) {
			t.Errorf("%s: reload: %v, want %q", name, err, broken.reason)
		}
		if location, _ := resolver.Locate("", netip.MustParseAddr("198.51.100.1")); location.Country != "DE" || location.DataVersion != version {
			t.Errorf("%s: %+v", name, location)
		}
		if _, err := New(Options{Databases: []string{path}}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: at the start: %v", name, err)
		}
	}
}

// TestSwapUnderLoadLeavesNoAddressWithoutAnAnswer replaces a database and a range table a hundred
// times, by sound and by broken files, while others ask.
func TestSwapUnderLoadLeavesNoAddressWithoutAnAnswer(t *testing.T) {
	databases := [2][]byte{countryDatabase(map[string]string{"198.51.100.0/24": "DE"}), countryDatabase(map[string]string{"198.51.100.0/24": "FR"})}
	tables := [2][]byte{
		rangeFile(t, ranges.CSV, "203.0.113.0/24,SE", ranges.Options{Name: "own", Published: soonAfter()}),
		rangeFile(t, ranges.CSV, "203.0.113.0/24,NO", ranges.Options{Name: "own", Published: soonAfter()}),
	}
	database, table := writeDatabase(t, "place.mmdb", databases[0]), writeDatabase(t, "place.ranges", tables[0])
	resolver := newResolver(t, Options{Databases: []string{database, table}, DisableEmbedded: true, Now: soonAfter})
	inForce := map[string][2]string{} // what each version answers; complete before anybody asks
	for i := range 4 {
		replaceFile(t, database, databases[i%2])
		replaceFile(t, table, tables[i/2])
		if err := resolver.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		inForce[resolver.Version()] = [2]string{[]string{"DE", "FR"}[i%2], []string{"SE", "NO"}[i/2]}
	}
	if len(inForce) != 4 {
		t.Fatalf("%d versions", len(inForce))
	}
	var broken [][]byte
	for _, file := range brokenDatabases() {
		broken = append(broken, file.content)
	}
	for _, file := range brokenRanges(t) {
		broken = append(broken, file.content)
	}

	var done atomic.Bool
	var lookups sync.WaitGroup
	var asked atomic.Int64
	for worker := range 4 {
		lookups.Go(func() {
			for i := 0; !done.Load(); i++ {
				address := [2]netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})}[(i+worker)%2]
				location, state := resolver.Locate("", address)
				want, known := inForce[location.DataVersion]
				if state != flow.Known || !known || location.Country != want[(i+worker)%2] {
					t.Errorf("%s: %v %q of %q", address, state, location.Country, location.DataVersion)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 100 {
		refused := i%3 == 1
		if refused {
			replaceFile(t, []string{database, table}[i%2], broken[i%len(broken)])
		} else {
			replaceFile(t, database, databases[i%2])
			replaceFile(t, table, tables[i/2%2])
		}
		if err := resolver.Reload(t.Context()); (err != nil) != refused {
			t.Errorf("swap %d: %v", i, err)
		}
	}
	done.Store(true)
	lookups.Wait()
	if asked.Load() == 0 {
		t.Error("nobody asked")
	}
}

// FuzzRangeTable feeds the reader with tables under a right checksum, so that it gets past it.
func FuzzRangeTable(f *testing.F) {
	for _, table := range [][]byte{
		rangeFile(f, ranges.AWS, publishedByAWS, ranges.Options{}),
		rangeFile(f, ranges.CSV, "193.0.6.0/24,NL", ranges.Options{Name: "own", Published: soonAfter()}),
		encoded(f, ranges.KindCloud, map[string]string{"198.51.100.0/24": "nobody eu-1"}),
	} {
		f.Add(table[:len(table)-sha256.Size])
	}
	resolver := newResolver(f, Options{})
	f.Fuzz(func(t *testing.T, content []byte) {
		sum := sha256.Sum256(content)
		source, err := resolver.opener.parseRanges(append(bytes.Clone(content), sum[:]...))
		if err != nil {
			return
		}
		for _, text := range []string{"198.51.100.1", "198.51.100.130", "193.0.6.139", "2001:db8::1"} {
			result := combine(source.statements(nil, newQuery("", nil, netip.MustParseAddr(text), soonAfter())), defaultMinimumConfidence)
			if country := result.location.Country; country != "" && !ValidCountry(country) {
				t.Errorf("%s: %+v", text, result)
			}
		}
	})
}

func BenchmarkLocateInPublishedRanges(b *testing.B) {
	var file strings.Builder
	file.WriteString(`{"createDate": "2026-06-10-00-00-00", "ipv6_prefixes": [], "prefixes": [`)
	regions := []string{"eu-central-1", "eu-west-1", "us-east-1", "ap-southeast-1"}
	for i := range 8000 { // as many as the largest published file has
		if i > 0 {
			file.WriteString(",\n")
		}
		file.WriteString(`{"ip_prefix": "` + netip.AddrFrom4([4]byte{3, byte(i >> 8), byte(i), 0}).String() + `/24", "region": "` + regions[i%4] + `"}`)
	}
	file.WriteString("]}")
	path := writeDatabase(b, "aws.ranges", rangeFile(b, ranges.AWS, file.String(), ranges.Options{}))
	resolver := newResolver(b, Options{Databases: []string{path}})
	current, now, address := resolver.current.Load(), time.Now(), netip.MustParseAddr("3.12.0.1")
	b.ReportAllocs()
	for b.Loop() {
		resolver.locate(current, newQuery("shop.customer.example.de", nil, address, now))
	}
}

// BenchmarkNew is what a resolver adds to the start of the program, once the embedded tables are decoded.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newResolver(b, Options{})
	}
}
