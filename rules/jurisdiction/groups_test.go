package jurisdiction

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMembershipOfAGroupHasItsDates(t *testing.T) {
	for _, test := range []struct {
		group, country, at string
		want               bool
	}{
		{"EEA", "DE", "2026-07-01T00:00:00Z", true}, {"EEA", "NO", "2026-07-01T00:00:00Z", true}, {"EU", "NO", "2026-07-01T00:00:00Z", false},
		{"EEA", "CH", "2026-07-01T00:00:00Z", false}, {"EU", "GB", "2020-01-31T23:59:59Z", true}, {"EU", "GB", "2020-02-01T00:00:00Z", false},
		{"EEA", "GB", "2020-12-31T23:59:59Z", true}, {"EEA", "GB", "2021-01-01T00:00:00Z", false}, {"EU", "HR", "2013-06-30T23:59:59Z", false},
		{"FiveEyes", "NZ", "2026-07-01T00:00:00Z", true}, {"FiveEyes", "DE", "2026-07-01T00:00:00Z", false},
		{"ASEAN", "TL", "2025-10-25T00:00:00Z", false}, {"ASEAN", "TL", "2026-07-01T00:00:00Z", true}, {"EEA", "RE", "2026-07-01T00:00:00Z", true},
		{"CPTPP", "GB", "2024-12-14T23:59:59Z", false}, {"CPTPP", "GB", "2024-12-15T00:00:00Z", true}, {"CPTPP", "US", "2026-07-01T00:00:00Z", false},
		{"RCEP", "PH", "2023-06-01T00:00:00Z", false}, {"RCEP", "PH", "2023-06-02T00:00:00Z", true}, {"RCEP", "MM", "2026-07-01T00:00:00Z", false},
		{"RCEP", "HK", "2026-07-01T00:00:00Z", false}, {"APEC", "HK", "2026-07-01T00:00:00Z", true}, {"APEC", "MO", "2026-07-01T00:00:00Z", false},
		{"DEPA", "KR", "2024-05-02T00:00:00Z", false}, {"DEPA", "KR", "2024-05-03T00:00:00Z", true}, {"Global-CBPR", "GB", "2026-07-01T00:00:00Z", false},
		{"EU-adequacy", "GB", "2031-12-27T23:59:59Z", true}, {"EU-adequacy", "GB", "2031-12-28T00:00:00Z", false},
		{"EU-adequacy", "BR", "2026-01-25T00:00:00Z", false}, {"EU-adequacy", "BR", "2026-01-26T00:00:00Z", true},
		{"EU-adequacy", "DE", "2026-07-01T00:00:00Z", false}, // no third country
		{"EU-adequacy-limited", "US", "2015-10-05T00:00:00Z", true}, {"EU-adequacy-limited", "US", "2015-10-06T00:00:00Z", false},
		{"EU-adequacy-limited", "US", "2020-07-15T00:00:00Z", true}, {"EU-adequacy-limited", "US", "2020-07-16T00:00:00Z", false},
		{"EU-adequacy-limited", "US", "2023-07-09T00:00:00Z", false}, {"EU-adequacy-limited", "US", "2023-07-10T00:00:00Z", true},
		{"UK-adequacy", "KR", "2022-12-18T00:00:00Z", false}, {"UK-adequacy", "KR", "2022-12-19T00:00:00Z", true}, {"UK-adequacy", "GI", "2026-07-01T00:00:00Z", true},
		{"UK-adequacy", "BR", "2026-07-01T00:00:00Z", false}, {"CH-adequacy", "JP", "2026-07-01T00:00:00Z", false}, {"CH-adequacy", "MC", "2026-07-01T00:00:00Z", true},
		{"KR-adequacy", "DE", "2025-09-15T00:00:00Z", false}, {"KR-adequacy", "DE", "2025-09-16T00:00:00Z", true}, {"JP-adequacy", "GB", "2026-07-01T00:00:00Z", true},
		{"US-countries-of-concern", "HK", "2025-04-07T00:00:00Z", false}, {"US-countries-of-concern", "HK", "2025-04-08T00:00:00Z", true},
		{"US-countries-of-concern", "TW", "2026-07-01T00:00:00Z", false}, {"EU", "", "2026-07-01T00:00:00Z", false}, {"EU", "UK", "2026-07-01T00:00:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := FindGroup(test.group).Has(test.country, at); got != test.want {
			t.Errorf("%s in %s at %s: %v", test.country, test.group, test.at, got)
		}
	}
}

func TestGroupsHaveAsManyMembersAsTheirTreatiesSay(t *testing.T) {
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	const territories = 7 // of France and Finland, with codes of their own
	want := map[string]int{
		"EU": 27 + territories, "EEA": 30 + territories, "FiveEyes": 5, "ASEAN": 11, "APEC": 21, "APEC-CBPR": 9, "Global-CBPR": 9,
		"RCEP": 14, "CPTPP": 12, "DEPA": 4, "US-countries-of-concern": 6 + 2, // Hong Kong and Macao
		"EU-adequacy": 12, "EU-adequacy-limited": 4, "UK-adequacy": 30 + territories + 12, "UK-adequacy-limited": 3,
		"CH-adequacy": 42, "CH-adequacy-limited": 2, "JP-adequacy": 31 + territories, "KR-adequacy": 30 + territories, "BR-adequacy": 30 + territories,
	}
	got := map[string]int{}
	for _, name := range GroupNames() {
		got[name] = len(FindGroup(name).Members(at))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if FindGroup("eea") != nil {
		t.Error("names are not told apart by case")
	}
}

// A rule that permits what an adequacy decision covers must not take a decision for some recipients for one
// of the whole country.
func TestNoCountryIsAdequateAsAWholeAndForSomeRecipientsAtOnce(t *testing.T) {
	for _, law := range []string{"EU", "UK", "CH"} {
		whole := FindGroup(law + "-adequacy")
		for _, limited := range FindGroup(law + "-adequacy-limited").Memberships() {
			if whole.Has(limited.Country, limited.From) {
				t.Errorf("%s: %s is in both groups", law, limited.Country)
			}
		}
	}
}

func TestEveryMembershipNamesItsActOrPage(t *testing.T) {
	for _, name := range GroupNames() {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			t.Errorf("%q is no name for conditions", name)
		}
		for _, m := range FindGroup(name).Memberships() {
			if !strings.Contains(m.Source, "https://") && !strings.Contains(m.Source, "Art. ") {
				t.Errorf("%s in %s: source %q", m.Country, name, m.Source)
			}
		}
	}
}

func TestABrokenGroupTableIsRefusedWithItsLine(t *testing.T) {
	const heading = "group,country,from,until,source\n"
	for row, want := range map[string]string{
		"EU,UK,1973-01-01,,treaty":                           `table groups.csv, line 2: country "UK"`,
		"EU,DE,soon,,treaty":                                 `line 2: from: "soon" is not a day`,
		"EU,DE,1958-01-01,1957-01-01,treaty":                 `line 2: until:`,
		"EU,DE,1958-01-01,,":                                 `line 2: DE in EU has no source`,
		"EU,DE,1958-01-01,,treaty\nEU,DE,1990-01-01,,treaty": `line 3: DE is in EU twice at the same time`,
	} {
		if _, err := readGroups(heading + row + "\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", row, err)
		}
	}
}
