package jurisdiction

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

func nested(name, code string) map[string]any {
	return map[string]any{name: map[string]any{"iso_code": code}}
}

func TestEachLayoutOfDatabaseIsUnderstood(t *testing.T) {
	both := nested("country", "IE")
	both["registered_country"] = map[string]any{"iso_code": "US"}
	anycast := nested("country", "US")
	anycast["traits"] = map[string]any{"is_anycast": true}
	content := mmdbWriter{databaseType: "GeoLite2-Country", epoch: testEpoch, networks: map[string]any{
		"198.51.100.0/28":  map[string]any{"country_code": "DE"},
		"198.51.100.16/28": nested("country", "FR"),
		"198.51.100.32/28": nested("registered_country", "US"),
		"198.51.100.48/28": both,
		"198.51.100.64/28": map[string]any{"country": "jp"},
		"198.51.100.80/28": map[string]any{"country_code": "EU"},
		"198.51.100.96/28": anycast,
		"2001:db8::/32":    nested("country", "HK"),
	}}.bytes()
	resolver := newResolver(t, Options{Databases: []string{writeDatabase(t, "GeoLite2-Country.mmdb", content)}, DisableEmbedded: true, Now: soonAfter})
	built := time.Unix(testEpoch, 0).UTC()
	claim := func(country string, confidence float64, detail string) []flow.Claim {
		return []flow.Claim{{Country: country, Source: "database", Confidence: confidence, AsOf: built, Detail: detail}}
	}
	for _, test := range []struct {
		address, country string
		claims           []flow.Claim
	}{
		{"198.51.100.1", "DE", claim("DE", 0.55, "GeoLite2-Country")},
		{"198.51.100.17", "FR", claim("FR", 0.55, "GeoLite2-Country")},
		{"198.51.100.33", "", claim("US", 0.30, "GeoLite2-Country, country of registration")},
		{"198.51.100.49", "IE", claim("IE", 0.55, "GeoLite2-Country")},
		{"198.51.100.65", "JP", claim("JP", 0.55, "GeoLite2-Country")},
		{"198.51.100.81", "", nil},
		{"198.51.100.97", "", []flow.Claim{
			{Country: "US", Source: "database", AsOf: built, Detail: "GeoLite2-Country; not a location: GeoLite2-Country marks the address as anycast"},
			{Source: "anycast", AsOf: built, Detail: "GeoLite2-Country marks the address as anycast"},
		}},
		{"2001:db8::1", "HK", claim("HK", 0.55, "GeoLite2-Country")},
		{"203.0.113.1", "", nil},
	} {
		location, _ := resolver.Locate("", netip.MustParseAddr(test.address))
		if location.Country != test.country {
			t.Errorf("%s: country %q, want %q", test.address, location.Country, test.country)
		}
		if diff := cmp.Diff(test.claims, append([]flow.Claim(nil), location.Jurisdictions...)); diff != "" {
			t.Errorf("%s: claims (-want +got)\n%s", test.address, diff)
		}
	}
	if version := resolver.Version(); !strings.HasPrefix(version, "GeoLite2-Country@2026-06-01#") {
		t.Errorf("version %q", version)
	}
}

// brokenDatabases are files that must never come into force, with a word of the reason.
func brokenDatabases() map[string]struct {
	content []byte
	reason  string
} {
	sound := countryDatabase(map[string]string{"198.51.100.0/24": "DE", "203.0.113.0/24": "FR"})
	tree := append([]byte{0xff, 0xff, 0xfe, 0xff, 0xff, 0xfe}, sound[6:]...)
	const depth = 100
	entangled := make([][2]int, depth) // 2^100 ways to the end
	for i := range entangled {
		entangled[i] = [2]int{i + 1, i + 1}
	}
	noCountry := mmdbWriter{databaseType: "GeoLite2-ASN", epoch: testEpoch, networks: map[string]any{
		"198.51.100.0/24": map[string]any{"autonomous_system_number": uint64(64496)},
	}}.bytes()
	return map[string]struct {
		content []byte
		reason  string
	}{
		"empty":        {nil, "empty"},
		"truncated":    {sound[:len(sound)-200], "truncated"},
		"half":         {sound[:len(sound)/2], "truncated"},
		"wrong format": {[]byte("start,end,country\n1.0.0.0,1.0.0.255,AU\n"), "not a MaxMind DB"},
		"no country":   {noCountry, `no country (type "GeoLite2-ASN"`},
		"no network":   {mmdbWriter{databaseType: "test", epoch: testEpoch}.bytes(), "no network"},
		"damaged tree": {tree, "damaged"},
		"endless tree": {mmdbWriter{databaseType: "test", epoch: testEpoch}.assemble(entangled, bytes.Buffer{}), "refer to each other"},
	}
}

func TestBrokenDatabaseIsRefusedAtTheStart(t *testing.T) {
	for name, broken := range brokenDatabases() {
		t.Run(name, func(t *testing.T) {
			path := writeDatabase(t, "new.mmdb", broken.content)
			_, err := New(Options{Databases: []string{path}})
			if err == nil || !strings.Contains(err.Error(), broken.reason) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want %q and the path", err, broken.reason)
			}
		})
	}
	_, err := New(Options{Databases: []string{filepath.Join(t.TempDir(), "a.mmdb"), t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "a.mmdb") || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v, want both files named", err)
	}
}

func TestBrokenDatabaseLeavesTheOldOneInForce(t *testing.T) {
	address := netip.MustParseAddr("198.51.100.1")
	for name, broken := range brokenDatabases() {
		t.Run(name, func(t *testing.T) {
			path := writeDatabase(t, "place.mmdb", countryDatabase(map[string]string{"198.51.100.0/24": "DE"}))
			resolver := newResolver(t, Options{Databases: []string{path}})
			version := resolver.Version()
			replaceFile(t, path, broken.content)
			if err := resolver.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), broken.reason) {
				t.Errorf("reload: %v, want %q", err, broken.reason)
			}
			if location, state := resolver.Locate("", address); location.Country != "DE" || state != flow.Known {
				t.Errorf("after the broken file: %q, %v", location.Country, state)
			}
			if status := resolver.Databases()[0]; !strings.Contains(status.Problem, broken.reason) || resolver.Version() != version {
				t.Errorf("status %+v, version %q", status, resolver.Version())
			}
			replaceFile(t, path, countryDatabase(map[string]string{"198.51.100.0/24": "FR"}))
			if err := resolver.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			if location, _ := resolver.Locate("", address); location.Country != "FR" || location.DataVersion == version {
				t.Errorf("after the sound file: %q of %q", location.Country, location.DataVersion)
			}
			if status := resolver.Databases()[0]; status.Problem != "" || status.Records != 1 {
				t.Errorf("status %+v", status)
			}
		})
	}
}

func TestFileRewrittenInPlaceDoesNotDisturbLookups(t *testing.T) {
	path := writeDatabase(t, "place.mmdb", countryDatabase(map[string]string{"198.51.100.0/24": "DE"}))
	resolver := newResolver(t, Options{Databases: []string{path}})
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if location, _ := resolver.Locate("", netip.MustParseAddr("198.51.100.1")); location.Country != "DE" {
		t.Errorf("country %q", location.Country)
	}
}

func TestReloadUnderLookupsAnswersEveryFlowFromOneDatabase(t *testing.T) {
	content := [2][]byte{
		countryDatabase(map[string]string{"198.51.100.0/24": "DE"}),
		countryDatabase(map[string]string{"198.51.100.0/24": "FR"}),
	}
	path := writeDatabase(t, "place.mmdb", content[0])
	resolver := newResolver(t, Options{Databases: []string{path}, DisableEmbedded: true})
	expected := map[string]string{resolver.Version(): "DE"}
	replaceFile(t, path, content[1])
	if err := resolver.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	expected[resolver.Version()] = "FR"
	if len(expected) != 2 {
		t.Fatal("both databases have the same version")
	}
	done := make(chan struct{})
	var lookups sync.WaitGroup
	for range 2 {
		lookups.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				address := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
				location, state := resolver.Locate("", address)
				if state != flow.Known || expected[location.DataVersion] != location.Country {
					t.Errorf("%v %q of %q", state, location.Country, location.DataVersion)
					return
				}
			}
		})
	}
	for i := range 30 {
		replaceFile(t, path, content[i%2])
		if err := resolver.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		resolver.Databases()
	}
	close(done)
	lookups.Wait()
}

func TestReloadStopsWithItsContext(t *testing.T) {
	path := writeDatabase(t, "place.mmdb", countryDatabase(map[string]string{"198.51.100.0/24": "DE"}))
	resolver := newResolver(t, Options{Databases: []string{path}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := resolver.Version()
	if err := resolver.Reload(ctx); err == nil || resolver.Version() != before {
		t.Errorf("reload: %v, version %q", err, resolver.Version())
	}
}

func FuzzDatabase(f *testing.F) {
	f.Add(countryDatabase(map[string]string{"198.51.100.0/24": "DE", "2001:db8::/32": "FR"}))
	for _, broken := range brokenDatabases() {
		f.Add(broken.content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		database, err := parseDatabase(ctx, content, "fuzz")
		if err != nil {
			return
		}
		for _, text := range []string{"198.51.100.1", "203.0.113.200", "8.8.8.8", "2001:db8::1", "2a00::1"} {
			for _, s := range database.statements(nil, newQuery("", nil, netip.MustParseAddr(text), time.Time{})) {
				if s.claim.Country != "" && !ValidCountry(s.claim.Country) {
					t.Errorf("%s: %+v", text, s)
				}
			}
		}
	})
}
