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
		{"EU", "", "2026-07-01T00:00:00Z", false}, {"EU", "UK", "2026-07-01T00:00:00Z", false},
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
	for group, want := range map[string]int{"EU": 27 + 7, "EEA": 30 + 7, "FiveEyes": 5, "ASEAN": 11} { // 7 territories with codes of their own
		if got := FindGroup(group).Members(at); len(got) != want {
			t.Errorf("%s has %d members, want %d: %v", group, len(got), want, got)
		}
	}
	if diff := cmp.Diff([]string{"ASEAN", "EEA", "EU", "FiveEyes"}, GroupNames()); diff != "" {
		t.Error(diff)
	}
	if FindGroup("eea") != nil {
		t.Error("names are not told apart by case")
	}
}

func TestABrokenGroupTableIsRefusedWithItsLine(t *testing.T) {
	const heading = "group,country,from,until,source\n"
	for row, want := range map[string]string{
		"EU,UK,1973-01-01,,treaty":           `table groups.csv, line 2: country "UK"`,
		"EU,DE,soon,,treaty":                 `line 2: from: "soon" is not a day`,
		"EU,DE,1958-01-01,1957-01-01,treaty": `line 2: until:`,
		"EU,DE,1958-01-01,,":                 `line 2: DE in EU has no source`,
	} {
		if _, err := readGroups(heading + row + "\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", row, err)
		}
	}
}
