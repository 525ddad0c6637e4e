package ranges

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

// Inputs in the form that each provider documents; the networks are from the documentation ranges
// (RFC 5737, RFC 3849) where a real one is not needed.
const (
	awsFile = `{
  "syncToken": "1780000000",
  "createDate": "2026-06-01-12-34-56",
  "prefixes": [
    {"ip_prefix": "198.51.100.0/24", "region": "eu-central-1", "service": "AMAZON", "network_border_group": "eu-central-1"},
    {"ip_prefix": "198.51.100.0/24", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1"},
    {"ip_prefix": "198.51.100.128/26", "region": "eu-north-1", "service": "EC2", "network_border_group": "eu-north-1-hel-1"},
    {"ip_prefix": "203.0.113.0/24", "region": "GLOBAL", "service": "CLOUDFRONT", "network_border_group": "GLOBAL"},
    {"ip_prefix": "192.0.2.0/25", "region": "us-east-1", "service": "S3", "network_border_group": "us-east-1"},
    {"ip_prefix": "192.0.2.0/25", "region": "us-west-2", "service": "EC2", "network_border_group": "us-west-2"}
  ],
  "ipv6_prefixes": [
    {"ipv6_prefix": "2001:db8::/40", "region": "eu-west-1", "service": "EC2", "network_border_group": "eu-west-1"}
  ]
}`
	googleFile = `{"syncToken": "1", "creationTime": "2026-05-05T10:11:12.345678", "prefixes": [
  {"ipv4Prefix": "198.51.100.0/24", "service": "Google Cloud", "scope": "europe-west3"},
  {"ipv6Prefix": "2001:db8::/44", "service": "Google Cloud", "scope": "europe-west3"},
  {"ipv4Prefix": "203.0.113.0/24", "service": "Google Cloud", "scope": "global"}
]}`
	azureFile = "\xef\xbb\xbf" + `{"changeNumber": 300, "cloud": "Public", "values": [
  {"name": "AzureCloud", "properties": {"region": "", "addressPrefixes": ["198.51.100.0/24", "203.0.113.0/24"]}},
  {"name": "AzureCloud.germanywc", "properties": {"region": "germanywc", "platform": "Azure", "addressPrefixes": ["198.51.100.0/24", "2001:db8:1:402::178/125"]}},
  {"name": "AzureFrontDoor.Frontend", "properties": {"region": "", "addressPrefixes": ["203.0.113.0/26"]}}
]}`
	oracleFile = `{"last_updated_timestamp": "2026-05-06T07:08:09.123456", "regions": [
  {"region": "eu-frankfurt-1", "cidrs": [{"cidr": "198.51.100.0/24", "tags": ["OCI"]}, {"cidr": "203.0.113.0/24", "tags": ["OSN"]}]}
]}`
	csvFile = "# of 2026-06-01\nstart,end,country\n198.51.100.0,198.51.100.99,DE\n\"198.51.100.100\",\"198.51.100.255\",\"fr\"\n" +
		"203.0.113.0/24,US,US-CA,Mountain View,\n192.0.2.1,JP\n192.0.2.8/29,ZZ\n2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,SE\n"
)

func imported(t testing.TB, format Format, content string, options Options) (*rangetable.Table, Summary) {
	t.Helper()
	var out bytes.Buffer
	summary, err := Import(t.Context(), format, strings.NewReader(content), &out, options)
	if err != nil {
		t.Fatal(err)
	}
	table, err := rangetable.Decode(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return table, summary
}

func TestEachPublishedFormatIsUnderstood(t *testing.T) {
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		format    Format
		content   string
		options   Options
		name      string
		kind      string
		published time.Time
		labels    map[string]string
		rows      int
		skipped   int
	}{
		{AWS, awsFile, Options{}, "aws-ip-ranges", KindCloud, time.Date(2026, 6, 1, 12, 34, 56, 0, time.UTC), map[string]string{
			"198.51.100.1": "aws eu-central-1", "198.51.100.130": "aws eu-north-1-hel-1", "198.51.100.200": "aws eu-central-1",
			"203.0.113.1": "aws *", "192.0.2.1": "aws ", "192.0.2.200": "", "2001:db8:1::1": "aws eu-west-1",
		}, 7, 0},
		{Google, googleFile, Options{}, "google-cloud-ranges", KindCloud, time.Date(2026, 5, 5, 10, 11, 12, 0, time.UTC), map[string]string{
			"198.51.100.1": "gcp europe-west3", "2001:db8::1": "gcp europe-west3", "203.0.113.9": "gcp *",
		}, 3, 0},
		{Azure, azureFile, Options{Published: day, Name: "azure-week-22"}, "azure-week-22", KindCloud, day, map[string]string{
			"198.51.100.1": "azure germanywestcentral", "2001:db8:1:402::179": "azure germanywestcentral", "203.0.113.9": "azure *", "203.0.113.99": "",
		}, 5, 2},
		{Oracle, oracleFile, Options{}, "oracle-ip-ranges", KindCloud, time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), map[string]string{
			"203.0.113.1": "oracle eu-frankfurt-1",
		}, 2, 0},
		{CSV, csvFile, Options{Name: "own", Published: day, License: "CC-BY-4.0", Attribution: "IP data by Example"}, "own", KindPlace, day, map[string]string{
			"198.51.100.99": "DE", "198.51.100.100": "FR", "203.0.113.1": "US", "192.0.2.1": "JP", "192.0.2.9": "", "2001:db8:5::": "SE",
		}, 6, 1},
		{CSV, "198.51.100.0/24,DE", Options{Name: "own", Published: day, Registrant: true}, "own", KindRegistrant, day, map[string]string{"198.51.100.0": "DE"}, 1, 0},
	} {
		table, summary := imported(t, test.format, test.content, test.options)
		if table.Name != test.name || table.Kind != test.kind || !table.Published.Equal(test.published) {
			t.Errorf("%s: header %+v", test.format, table.Header)
		}
		if test.format != CSV && (table.License == "" || table.Attribution == "") {
			t.Errorf("%s: no terms: %+v", test.format, table.Header)
		}
		if test.options.License != "" && (table.License != test.options.License || table.Attribution != test.options.Attribution) {
			t.Errorf("%s: terms %+v", test.format, table.Header)
		}
		for address, want := range test.labels {
			if got := table.Label(netip.MustParseAddr(address)); got != want {
				t.Errorf("%s: %s is %q, want %q", test.format, address, got, want)
			}
		}
		if summary.Rows != test.rows || summary.Skipped != test.skipped || summary.Ranges == 0 || len(summary.Checksum) != 64 {
			t.Errorf("%s: summary %+v", test.format, summary)
		}
	}
}

func TestSameFileMakesTheSameBytes(t *testing.T) {
	var tables [2]bytes.Buffer
	for i := range tables {
		if _, err := Import(t.Context(), AWS, strings.NewReader(awsFile), &tables[i], Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(tables[0].Bytes(), tables[1].Bytes()) {
		t.Error("two tables from one file differ")
	}
}

func TestEveryMistakeInAFileIsNamedWithItsLine(t *testing.T) {
	many := strings.Repeat("198.51.100.0/33,DE\n", 50)
	for name, test := range map[string]struct {
		format  Format
		content string
		want    []string
	}{
		"networks": {AWS, `{
 "createDate": "yesterday",
 "prefixes": [
  {"ip_prefix": "198.51.100.7/24", "region": "eu-central-1"},
  {"ip_prefix": 7, "region": "eu-central-1"},
  {"region": "eu-central-1"},
  {"ip_prefix": "198.51.100.0/24", "region": "Mars, surface"}
 ],
 "ipv6_prefixes": []
}`, []string{
			`line 2: "yesterday" is not a date such as 2006-01-02-15-04-05`,
			`line 4: network 198.51.100.7/24 has bits set behind its prefix; expected 198.51.100.0/24`,
			`line 5: field "ip_prefix" is a number, expected a string`,
			`line 6: "" is not a network such as 192.0.2.0/24`,
			`line 7: region "Mars, surface": expected letters, digits and dashes`,
		}},
		"missing members": {AWS, `{"syncToken": "1"}`, []string{`member "createDate" is missing`, `member "ipv6_prefixes" is missing`, `member "prefixes" is missing`}},
		"another format":  {Google, awsFile, []string{`line 5: "" is not a network`, "line 6:", "line 7:", "line 8:", "line 9:", "line 10:", `member "creationTime" is missing`}},
		"cut short":       {Google, googleFile[:200], []string{"line 3: the file ends in the middle, or is empty"}},
		"no array":        {Oracle, `{"last_updated_timestamp": "2026-05-06T07:08:09", "regions": {}}`, []string{`line 1: found "{", expected "["`}},
		"no object":       {Oracle, "\n[]", []string{`line 2: found "[", expected "{"`}},
		"not JSON":        {Oracle, "{\n\"regions\": [\n]oops}", []string{"line 3: not JSON: "}},
		"more behind":     {Google, googleFile + "\n{}", []string{"line 6: something follows the end of the object"}},
		"empty":           {AWS, "", []string{"line 1: the file ends in the middle, or is empty"}},
		"only skipped":    {CSV, "198.51.100.0/24,\n", []string{"it holds no range with a region or a country (1 without)"}},
		"rows": {CSV, "198.51.100.0,198.51.100.9\n198.51.100.9,198.51.100.0,DE\n198.51.100.0,2001:db8::,DE\n198.51.100.0/24,Germany\n\nx,DE\nalone\n::ffff:198.51.100.0/120,DE\n", []string{
			"line 1: no country; expected start,end,country",
			"line 2: the range ends at 198.51.100.0, before it starts at 198.51.100.9",
			`line 3: "198.51.100.0" and "2001:db8::" are not two addresses of one family`,
			`line 4: country "Germany": expected two letters`,
			`line 6: "x" is not a network`,
			"line 7: one field; expected start,end,country or network,country",
			"line 8: network ::ffff:198.51.100.0/120 is IPv4 written as IPv6",
		}},
		"quotes":  {CSV, "198.51.100.0/24,DE\n\"198.51.100.0/24,DE\n", []string{"line 2: column 21: extraneous or missing"}},
		"overlap": {CSV, "198.51.100.0,198.51.100.99,DE\n198.51.100.50,198.51.100.150,FR\n", []string{"line 2: range 198.51.100.50-198.51.100.150 overlaps range 198.51.100.0-198.51.100.99 of line 1 in part"}},
		"many":    {CSV, many, slicesOf("is not a network", maxProblems)},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			_, err := Import(t.Context(), test.format, strings.NewReader(test.content), &out, Options{Name: "own", Published: time.Unix(1e9, 0)})
			if err == nil || out.Len() > 0 {
				t.Fatalf("error %v, %d bytes written", err, out.Len())
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(test.want) {
				t.Fatalf("%d problems, want %d:\n%s", len(got), len(test.want), err)
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("problem %d: %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

func slicesOf(text string, n int) []string {
	return strings.Split(strings.Repeat(text+"\n", n-1)+text, "\n")
}

func TestOptionsThatDoNotFitAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		format  Format
		content string
		options Options
		want    string
	}{
		"no name":          {CSV, csvFile, Options{Published: time.Unix(1e9, 0)}, "has no name"},
		"no date":          {Azure, azureFile, Options{}, "has no publication date"},
		"registrant cloud": {AWS, awsFile, Options{Registrant: true}, "not registrants"},
		"unknown format":   {"ibm", awsFile, Options{}, `format "ibm": expected one of [aws google azure oracle csv]`},
		"long name":        {AWS, awsFile, Options{Name: strings.Repeat("x", 101)}, "at most 100"},
	} {
		if _, err := Import(t.Context(), test.format, strings.NewReader(test.content), io.Discard, test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Import(ctx, AWS, strings.NewReader(awsFile), io.Discard, Options{}); err == nil {
		t.Error("an ended context is ignored")
	}
}

// TestSmallestRangeCounts compares nested random networks with the plainest possible look-up.
func TestSmallestRangeCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		labels := map[netip.Prefix]string{}
		var rows strings.Builder
		for len(labels) < 200 {
			var bytes [16]byte
			for i := range bytes {
				bytes[i] = byte(random.Uint32())
			}
			bytes[0], bytes[1] = 0x20, byte(random.IntN(2))
			network := netip.PrefixFrom(netip.AddrFrom4([4]byte(bytes[:4])), 8+random.IntN(25)).Masked()
			if random.IntN(2) == 0 {
				network = netip.PrefixFrom(netip.AddrFrom16(bytes), 8+random.IntN(57)).Masked()
			}
			if _, ok := labels[network]; ok {
				continue
			}
			labels[network] = string([]byte{'A' + byte(random.IntN(4)), 'A'})
			fmt.Fprintf(&rows, "%s,%s\n", network, labels[network])
		}
		table, _ := imported(t, CSV, rows.String(), Options{Name: "random", Published: time.Unix(1e9, 0)})
		linear := func(address netip.Addr) string {
			for bits := address.BitLen(); bits >= 0; bits-- {
				network, _ := address.Prefix(bits)
				if label, ok := labels[network]; ok {
					return label
				}
			}
			return ""
		}
		for network := range labels {
			last := lastOf(network)
			for _, address := range []netip.Addr{network.Addr(), network.Addr().Prev(), last, last.Next()} {
				if !address.IsValid() {
					continue
				}
				if got, want := table.Label(address), linear(address); got != want {
					t.Fatalf("%s: %q, want %q", address, got, want)
				}
			}
		}
	}
}

func FuzzImport(f *testing.F) {
	for format, content := range map[Format]string{AWS: awsFile, Google: googleFile, Azure: azureFile, Oracle: oracleFile, CSV: csvFile} {
		f.Add(string(format), content)
		f.Add(string(format), content[:len(content)/2])
	}
	f.Add("csv", "0.0.0.0/0,DE\n128.0.0.0/1,FR\n255.255.255.255/32,US\n::/0,SE\nffff::/16,NO\n")
	f.Add("csv", "10.0.0.0,10.0.0.9,DE\n10.0.0.5,10.0.0.20,FR\n")
	f.Add("google", `{"creationTime":"2026-05-05T10:11:12","prefixes":[{"ipv4Prefix":"0.0.0.0/0","scope":"a"}`)
	f.Fuzz(func(t *testing.T, format, content string) {
		var out bytes.Buffer
		summary, err := Import(t.Context(), Format(format), strings.NewReader(content), &out, Options{Name: "fuzz", Published: time.Unix(1e9, 0)})
		if err != nil {
			if out.Len() > 0 || err.Error() == "" {
				t.Errorf("%d bytes written beside %q", out.Len(), err)
			}
			if problems, ok := err.(Problems); ok && (len(problems) == 0 || len(problems) > maxProblems) {
				t.Errorf("%d problems", len(problems))
			}
			return
		}
		table, err := rangetable.Decode(out.Bytes())
		if err != nil || summary.Rows == 0 {
			t.Fatalf("a table that cannot be read: %v, %+v", err, summary)
		}
		list, err := parse(t.Context(), Format(format), []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{"": true}
		for _, r := range list.rows {
			known[r.label] = true
			known[r.label[:strings.Index(r.label+" ", " ")]+" "] = true
		}
		for _, r := range list.rows {
			if got := table.Label(r.first); !known[got] {
				t.Errorf("%s is in %q, which the file does not name", r.first, got)
			}
		}
	})
}

func BenchmarkImport(b *testing.B) {
	var rows strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&rows, "%d.%d.%d.0/24,%c%c\n", 1+i>>16, i>>8&255, i&255, 'A'+i%24, 'A'+i%10)
	}
	for b.Loop() {
		if _, err := Import(b.Context(), CSV, strings.NewReader(rows.String()), io.Discard, Options{Name: "b", Published: time.Unix(1e9, 0)}); err != nil {
			b.Fatal(err)
		}
	}
}
