package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// groupText returns a group document; members are written as in files.
func groupText(name string, members ...string) string {
	return fmt.Sprintf("---\napiVersion: borderflow/v1\nkind: Group\nname: %s\nmembers: [%s]\n", name, strings.Join(members, ", "))
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// between is a flow from one country to another; "" is unknown.
func between(origin, destination string) *flow.Flow {
	f := with(func(f *flow.Flow) {
		f.Source.Country, f.Source.CountryState = origin, flow.Known
		f.Destination.Location, f.Destination.LocationState = flow.Location{Country: destination, Confidence: 0.9}, flow.Known
	})
	if origin == "" {
		f.Source.CountryState = flow.Absent
	}
	if destination == "" {
		f.Destination.LocationState = flow.Absent
	}
	return f
}

func TestGroupsOfTheDirectoryAreUsedLikeBuiltInOnes(t *testing.T) {
	groups := groupText("OurPartners", "{country: JP, source: contract 1}", "{country: KR, from: 2026-01-01, until: 2026-12-31, source: contract 2}")
	for _, test := range []struct {
		condition, origin, destination string
		want                           bool
	}{
		{`destination.within("OurPartners")`, "DE", "JP", true}, {`destination.within("OurPartners")`, "DE", "DE", false},
		{`destination.within("OurPartners")`, "DE", "", false}, {`!destination.within("OurPartners")`, "DE", "", true},
		{`source.within("OurPartners")`, "JP", "DE", true}, {`source.within("OurPartners")`, "", "DE", false}, {`source.within("OurPartners")`, "DE", "JP", false},
		{`transfer.leaves("OurPartners")`, "JP", "DE", true}, {`transfer.leaves("OurPartners")`, "JP", "JP", false},
		{`transfer.leaves("OurPartners")`, "JP", "", true}, {`transfer.leaves("OurPartners")`, "", "DE", false}, {`transfer.leaves("OurPartners")`, "DE", "US", false},
		{`source.within("EEA")`, "NO", "US", true}, {`source.within("EU")`, "NO", "US", false}, {`transfer.leaves("EEA")`, "NO", "DE", false},
		{`transfer.leaves("EEA")`, "NO", "CH", true}, {`transfer.leaves("EEA") && !destination.within("EU-adequacy")`, "NO", "CH", false},
		{`transfer.leaves("EEA") && !destination.within("EU-adequacy")`, "NO", "US", true}, {`destination.within("US-countries-of-concern")`, "US", "HK", true},
	} {
		p := parsed(t, map[string]string{"a.yaml": good + "rules: [{id: r, when: '" + test.condition + "', verdict: block}]\n" + groups})
		d := p.DecideAt(between(test.origin, test.destination), flow.Body, at(t, "2026-07-01T00:00:00Z"))
		if blocked := d.Verdict == flow.Block; blocked != test.want || len(d.Errors) > 0 {
			t.Errorf("%s from %q to %q: %v, errors %v", test.condition, test.origin, test.destination, blocked, d.Errors)
		}
	}
}

func TestMembershipIsThatOfTheTimeOfTheDecision(t *testing.T) {
	p := parsed(t, map[string]string{"a.yaml": good + "rules: [{id: r, when: 'destination.within(\"OurPartners\")', verdict: block}]\n" +
		groupText("OurPartners", "{country: KR, from: 2026-01-01, until: 2026-12-31, source: contract 2}", "{country: KR, from: 2028-01-01, source: contract 3}")})
	for moment, want := range map[string]flow.Verdict{
		"2025-12-31T23:59:59Z": flow.Allow, "2026-01-01T00:00:00Z": flow.Block, "2026-12-31T23:59:59Z": flow.Block,
		"2027-01-01T00:00:00Z": flow.Allow, "2028-01-01T00:00:00Z": flow.Block,
	} {
		if d := p.DecideAt(between("DE", "KR"), flow.Body, at(t, moment)); d.Verdict != want {
			t.Errorf("%s: %v, want %v", moment, d.Verdict, want)
		}
	}
	var changes []string
	for now := at(t, "2025-06-01T00:00:00Z"); ; {
		if now = p.NextChange(now); now.IsZero() {
			break
		}
		changes = append(changes, now.Format(time.DateOnly))
	}
	if diff := cmp.Diff([]string{"2026-01-01", "2027-01-01", "2028-01-01"}, changes); diff != "" {
		t.Error("open connections are decided again when a membership begins or ends:", diff)
	}
}

func TestWhatCannotBeKnownOfAnOriginOrDestinationNeverPassesForInside(t *testing.T) {
	unavailable := func(source, destination flow.State) *flow.Flow {
		f := between("DE", "DE")
		f.Source.CountryState, f.Destination.LocationState = source, destination
		return f
	}
	for _, test := range []struct {
		name, condition string
		verdict         string
		flow            *flow.Flow
		want            flow.Verdict
	}{
		{"a permission for an origin that cannot be had", `source.within("EEA")`, "allow", unavailable(flow.Unavailable, flow.Known), flow.Block},
		{"a permission for a destination that cannot be had", `destination.within("EEA")`, "allow", unavailable(flow.Known, flow.Unavailable), flow.Block},
		{"a permission for what does not leave", `!transfer.leaves("EEA")`, "allow", unavailable(flow.Known, flow.Unavailable), flow.Block},
		{"a permission for what does not leave, from where cannot be had", `!transfer.leaves("EEA")`, "allow", unavailable(flow.Unavailable, flow.Known), flow.Block},
		{"a permission for what does not leave, to nowhere known", `!transfer.leaves("EEA")`, "allow", between("DE", ""), flow.Block},
		{"a permission for what stays inside", `!transfer.leaves("EEA")`, "allow", between("DE", "FR"), flow.Allow},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parsed(t, map[string]string{"a.yaml": strings.Replace(good, "default: allow", "default: block", 1) +
				"rules: [{id: r, when: '" + test.condition + "', verdict: " + test.verdict + "}]\n"})
			if d := p.DecideAt(test.flow, flow.Body, decidedAt); d.Verdict != test.want {
				t.Errorf("%v, want %v", d.Verdict, test.want)
			}
		})
	}
}

// A destination that no source could be asked about is of no concern where nothing leaves.
func TestATransferFromOutsideNeedsNoDestination(t *testing.T) {
	f := between("US", "")
	f.Destination.LocationState = flow.Unavailable
	p := parsed(t, map[string]string{"a.yaml": good + "rules: [{id: r, when: 'transfer.leaves(\"EEA\")', verdict: block}]\n"})
	if d := p.DecideAt(f, flow.Body, decidedAt); d.Verdict != flow.Allow || len(d.Errors) > 0 {
		t.Errorf("%v, errors %v", d.Verdict, d.Errors)
	}
}

func TestMistakesInGroupsAreFoundWithTheirPlace(t *testing.T) {
	files := map[string]string{"a.yaml": good + "rules: [{id: r, when: 'destination.within(\"OurPartnes\")', verdict: block}]\n" +
		listText("partners", "countries", "DE"),
		"groups/g.yaml": groupText("OurPartners", "{country: UK, source: contract}", "{country: DE}", "{country: FR, source: ' '}",
			"{country: CH, from: 2026-02-01, until: 2026-01-01, source: contract}", "{country: JP, source: contract}",
			"{country: JP, from: 2027-01-01, source: contract}", "{country: US, from: soon, source: contract}") +
			groupText("eea", "{country: DE, source: treaty}") + groupText("ourpartners", "{country: DE, source: contract}") +
			groupText("partners", "{country: DE, source: contract}") + groupText("our partners", "{country: DE, source: contract}") + groupText("OurFooK", "{country: DE, source: contract}") +
			"---\napiVersion: borderflow/v1\nkind: Group\nname: Nobody\n"}
	policy, problems := Parse(asBytes(files))
	if policy != nil {
		t.Fatal("a policy with these mistakes is in force")
	}
	var found []string
	for _, p := range problems {
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s:%d %s (%s)", p.File, p.Line, p.Message, p.Hint)))
	}
	text := strings.Join(found, "\n")
	for _, want := range []string{
		`a.yaml:5 there is no group or list of countries "OurPartnes" (did you mean "OurPartners"?)`,
		`groups/g.yaml:5 "UK" is not an ISO 3166-1 alpha-2 code (did you mean "GB", United Kingdom?)`,
		`groups/g.yaml:5 source is required`, `groups/g.yaml:5 source is empty`, `groups/g.yaml:5 until is not after from`,
		`groups/g.yaml:5 "JP" is a member twice at the same time (first at groups/g.yaml:5:`, `found "soon"`,
		`group name "eea" is taken by the built-in group EEA`, `group name "ourpartners" is taken (first at groups/g.yaml:4:`,
		`group name "partners" is taken by a list`, `name must be of letters`, `members is required`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %s in:\n%s", want, text)
		}
	}
	if len(problems) != 13 {
		t.Errorf("%d mistakes, want 13:\n%s", len(problems), text)
	}
}

func TestAGroupIsPartOfWhatThePolicySays(t *testing.T) {
	text := good + "rules: [{id: r, when: 'destination.within(\"OurPartners\")', verdict: block}]\n"
	hash := func(group string) string {
		return parsed(t, map[string]string{"a.yaml": text, "groups/g.yaml": group}).Hash()
	}
	one := hash(groupText("OurPartners", "{country: DE, source: contract}"))
	for name, other := range map[string]string{
		"another member": groupText("OurPartners", "{country: FR, source: contract}"), "another time": groupText("OurPartners", "{country: DE, until: 2030-01-01, source: contract}"),
		"another source": groupText("OurPartners", "{country: DE, source: another}"),
	} {
		if hash(other) == one {
			t.Errorf("%s leaves the hash as it is", name)
		}
	}
	if again := hash("# a comment\n" + groupText("OurPartners", "{source: contract, country: DE}")); again != one {
		t.Error("a comment changes the hash")
	}
}

func TestTheReferenceNamesEveryBuiltInGroup(t *testing.T) {
	if want := strings.Join(jurisdiction.GroupNames(), ", "); builtInGroups != want {
		t.Errorf("the reference says %q, the groups are %q", builtInGroups, want)
	}
}

func TestGroupsAreFollowedInADirectoryOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), good+"rules: [{id: r, when: 'destination.within(\"OurPartners\")', verdict: block}]\n")
	if err := os.Mkdir(filepath.Join(dir, "groups"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "groups", "g.yaml")
	write(t, file, groupText("OurPartners", "{country: FR, source: contract}"))
	s, _ := follow(t, dir)
	toKorea := func() flow.Verdict { return s.Current().Decide(between("DE", "KR"), flow.Body).Verdict }
	before := s.Current()
	write(t, file, groupText("OurPartners", "{country: FR, source: contract}", "{country: KR, source: contract}"))
	await(t, "the new member is inside", func() bool { return toKorea() == flow.Block })
	if before.policies[0].rules[0].condition != s.Current().policies[0].rules[0].condition {
		t.Error("another member had the condition compiled again")
	}
	if before.Decide(between("DE", "KR"), flow.Body).Verdict != flow.Allow {
		t.Error("a group changed under a flow that began with it")
	}
	write(t, file, groupText("OurPartners", "{country: XX, source: contract}"))
	await(t, "the mistake is seen", func() bool { return s.Status().LastError != nil })
	if toKorea() != flow.Block {
		t.Error("a broken group was taken")
	}
}

// The index may leave out only what cannot match: it is asked about every country that ever was a member.
func TestTheIndexKnowsWhoseDataLeaves(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "  - {id: filler-%d, when: 'source.within(\"ASEAN\") && destination.port == %d', verdict: block}\n", i, 2000+i)
	}
	p := parsed(t, map[string]string{"a.yaml": good + "rules:\n" + b.String() +
		"  - {id: leaves, when: 'transfer.leaves(\"EEA\") && destination.port == 443', verdict: block}\n"})
	for _, test := range []struct {
		origin, destination, moment string
		want                        flow.Verdict
	}{
		{"DE", "US", "2026-07-01T00:00:00Z", flow.Block}, {"DE", "FR", "2026-07-01T00:00:00Z", flow.Allow},
		{"GB", "US", "2020-12-31T00:00:00Z", flow.Block}, {"GB", "US", "2021-01-01T00:00:00Z", flow.Allow}, {"", "US", "2026-07-01T00:00:00Z", flow.Allow},
	} {
		f := between(test.origin, test.destination)
		f.Destination.Port = 443
		if d := p.DecideAt(f, flow.Body, at(t, test.moment)); d.Verdict != test.want {
			t.Errorf("%s to %s at %s: %v, want %v", test.origin, test.destination, test.moment, d.Verdict, test.want)
		}
	}
}

func BenchmarkGroups(b *testing.B) {
	for _, condition := range []string{`destination.within("EEA")`, `destination.within("OurPartners")`, `transfer.leaves("EEA")`} {
		b.Run(condition, func(b *testing.B) {
			p := parsed(b, map[string]string{"a.yaml": good + "rules: [{id: r, when: '" + condition + "', verdict: block}]\n" +
				groupText("OurPartners", "{country: JP, source: contract}")})
			f := between("DE", "FR")
			b.ReportAllocs()
			for b.Loop() {
				p.DecideAt(f, flow.Body, decidedAt)
			}
		})
	}
}
