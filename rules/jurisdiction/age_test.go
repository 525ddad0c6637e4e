package jurisdiction

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

// soonAfter is when the embedded tables and the databases of the tests are fresh.
func soonAfter() time.Time { return time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC) }

func TestDataLosesWorthWithItsAge(t *testing.T) {
	published := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := freshness{published, DefaultMaxAge}
	for _, test := range []struct {
		age   time.Duration
		loss  float64
		stale bool
	}{
		{-year, 0, false}, {0, 0, false}, {DefaultMaxAge, 0, false}, {DefaultMaxAge + 1, 0.05, true},
		{DefaultMaxAge + year - 1, 0.05, true}, {DefaultMaxAge + year, 0.10, true}, {DefaultMaxAge + 3*year, 0.20, true},
		{DefaultMaxAge + 7*year, 0.40, true}, {DefaultMaxAge + 50*year, 0.40, true},
	} {
		if loss, stale := f.at(published.Add(test.age)); aged(1, loss) != aged(1, test.loss) || stale != test.stale {
			t.Errorf("age %v: %v %v, want %v %v", test.age, loss, stale, test.loss, test.stale)
		}
	}
	if loss, stale := (freshness{limit: DefaultMaxAge}).at(published); loss != firstLoss || !stale {
		t.Errorf("without a date: %v %v", loss, stale)
	}
	if lost := aged(confidenceAlone, greatestLoss); lost <= confidenceRegistrant {
		t.Errorf("an old database, %v, is worth less than a registration", lost)
	}
}

func TestNextChangeIsWhenTheWorthChanges(t *testing.T) {
	f := freshness{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), DefaultMaxAge}
	now := f.published.Add(-time.Hour)
	for range 6 {
		next := f.nextChange(now)
		lossNow, _ := f.at(now)
		lossBefore, _ := f.at(next.Add(-1))
		lossThen, _ := f.at(next)
		if !next.After(now) || lossNow != lossBefore || lossThen <= lossNow {
			t.Fatalf("at %v: next change %v, losses %v, %v, %v", now, next, lossNow, lossBefore, lossThen)
		}
		now = next
	}
}

func TestOldDataIsStaleAndInTheEndNoAnswer(t *testing.T) {
	now := soonAfter()
	resolver := newResolver(t, Options{Now: func() time.Time { return now }})
	address := netip.MustParseAddr("193.0.6.139")
	for _, step := range []struct {
		at         time.Time
		country    string
		confidence float64
		stale      bool
	}{
		{soonAfter(), "NL", 0.55, false},
		{soonAfter().Add(DefaultMaxAge), "NL", 0.5225, true},
		{soonAfter().Add(DefaultMaxAge + year), "", 0, true},
	} {
		now = step.at // the answer before is in the cache
		location, _ := resolver.Locate("", address)
		if location.Country != step.country || location.Confidence != step.confidence || location.Stale != step.stale {
			t.Errorf("%v: %q at %v, stale %v; want %q at %v, stale %v", step.at, location.Country, location.Confidence, location.Stale,
				step.country, step.confidence, step.stale)
		}
		if diff := cmp.Diff([]string{"NL"}, location.Possible); diff != "" {
			t.Errorf("%v: possible (-want +got)\n%s", step.at, diff)
		}
	}
	if location, _ := resolver.Locate("s3.eu-west-1.amazonaws.com", address); location.Stale || location.Confidence != confidenceRegion {
		t.Errorf("a region in the host name has no age: %+v", location)
	}
	if location, _ := resolver.Locate("", netip.MustParseAddr("1.1.1.1")); location.Stale {
		t.Errorf("the operator's home is not from the old table: %+v", location)
	}
	long := newResolver(t, Options{Now: func() time.Time { return now }, MaxAge: 3 * year})
	if location, _ := long.Locate("", address); location.Stale || location.Confidence != confidenceAlone {
		t.Errorf("within its own limit: %+v", location)
	}
	if _, err := New(Options{MaxAge: -1}); err == nil {
		t.Error("a negative maximum age is accepted")
	}
}

func TestStaleIsWhatRestsOnOldData(t *testing.T) {
	old := func(country, family string) statement {
		s := says(measured, country, confidenceAlone, family)
		s.age(freshness{soonAfter().Add(-DefaultMaxAge - time.Hour), DefaultMaxAge}, soonAfter())
		return s
	}
	fresh := func(country, family string) statement { return says(measured, country, confidenceAlone, family) }
	registrant := statement{kind: operated, operatorHome: "US", stale: true}
	for name, test := range map[string]struct {
		statements []statement
		country    string
		confidence float64
		stale      bool
	}{
		"old alone":                           {[]statement{old("DE", "a")}, "DE", 0.5225, true},
		"old confirmed by fresh":              {[]statement{old("DE", "a"), fresh("DE", "b")}, "DE", 0.7125, false},
		"old confirmed by old":                {[]statement{old("DE", "a"), old("DE", "b")}, "DE", 0.7125, true},
		"old disputes fresh":                  {[]statement{old("DE", "a"), fresh("US", "b")}, "", 0, true},
		"fresh disputes fresh":                {[]statement{fresh("DE", "a"), fresh("US", "b")}, "", 0, false},
		"old registrant beside a fresh place": {[]statement{fresh("DE", "a"), registrant}, "DE", 0.55, false},
		"old registrant alone":                {[]statement{registrant}, "", 0, true},
		"old beside a region":                 {[]statement{says(named, "DE", confidenceRegion, "cloud-region"), old("US", "a")}, "DE", 0.95, false},
	} {
		got := combine(test.statements, defaultMinimumConfidence).location
		if got.Country != test.country || got.Confidence != test.confidence || got.Stale != test.stale {
			t.Errorf("%s: %q at %v, stale %v; want %q at %v, stale %v", name, got.Country, got.Confidence, got.Stale,
				test.country, test.confidence, test.stale)
		}
	}
}

func TestSourcesShowAgeAndTerms(t *testing.T) {
	dated := writeDatabase(t, "own.mmdb", countryDatabase(map[string]string{"198.51.100.0/24": "DE"}))
	undated := writeDatabase(t, "undated.mmdb", mmdbWriter{databaseType: "own", networks: map[string]any{"198.51.100.0/24": map[string]any{"country_code": "DE"}}}.bytes())
	now := time.Unix(testEpoch, 0).Add(DefaultMaxAge)
	resolver := newResolver(t, Options{Databases: []string{dated, undated}, Now: func() time.Time { return now }})
	type shown struct {
		name, kind, license string
		age                 time.Duration
		stale, embedded     bool
	}
	show := func() (all []shown) {
		for _, s := range resolver.Sources() {
			all = append(all, shown{s.Name, s.Kind, s.License, s.Age.Round(time.Hour), s.Stale, s.Embedded})
			if s.Version == "" || len(s.Checksum) != 64 || s.Records == 0 || s.Embedded == (s.Path != "") || s.Embedded && s.Attribution == "" {
				t.Errorf("incomplete: %+v", s)
			}
		}
		return all
	}
	embeddedAge := now.Sub(time.Date(2026, 6, 17, 20, 0, 0, 0, time.UTC)).Round(time.Hour)
	want := []shown{
		{"own", "place", "", DefaultMaxAge, false, false}, {"undated", "place", "", 0, true, false},
		{"geo-whois-asn-country", "place", "CC-BY-4.0", embeddedAge, false, true}, {"iptoasn-country", "registrant", "PDDL-1.0", embeddedAge, false, true},
	}
	if diff := cmp.Diff(want, show(), cmp.AllowUnexported(shown{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	now = now.Add(year)
	for _, s := range show() {
		if !s.stale {
			t.Errorf("a year later %s is fresh", s.name)
		}
	}
	if location, state := resolver.Locate("", netip.MustParseAddr("198.51.100.1")); state != flow.Known || location.Confidence >= confidenceAgreed || !location.Stale {
		t.Errorf("%v %+v", state, location)
	}
}
