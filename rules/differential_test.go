package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

// indexed are conditions that the index has keys for, and some that it has none for.
var indexed = []string{
	`destination.host == "example.com"`, `"a.example.com" == destination.host`, `destination.host in ["192.0.2.1", "example.org"]`,
	`destination.under("example.com")`, `destination.under("Example.ORG.")`, `destination.under("192.0.2.1")`, `destination.host != "example.com"`,
	`destination.country == "US"`, `destination.country in ["CN", "DE"]`, `destination.country == ""`, `destination.country != "US"`,
	`destination.anyCountry(["CN", "IE"])`, `destination.onlyCountries(["US", "DE"])`, `destination.within("EEA")`, `!destination.within("EEA")`,
	`destination.within("lands")`, `destination.port == 443`, `destination.port in [80, 8080]`, `destination.cloud == "aws"`,
	`source.identity == "alice"`, `source.identity in ["bob", ""]`, `source.country == "DE"`, `source.namespace == "pay"`, `source.label("app") == "x"`,
	`request.method == "POST"`, `request.method in ["GET", "HEAD"]`, `request.protocol == "h2"`, `request.size > 100`, `request.header("x-tag") == "a"`,
	`data.has("financial")`, `data.has("personal")`, `data.count("personal") > 2`, `data.count("financial") == 0`, `2 < data.count("financial")`,
	`"personal" in data.categories`, `data.found("iban") >= 1`, `data.subjects > 1`, `data.undecodable`, `"internal" in data.labels`,
	`inList(destination.host, "partners")`, `inList(destination.host, "domains")`, `inList(destination.country, "lands")`, `inList(request.method, "verbs")`,
	`inList(source.identity, "verbs")`, `inList(destination.address, "office")`, `inNetwork(destination.address, "office")`, `inNetwork(destination.address, "198.51.100.0/31")`,
	`10 / data.count("personal") > 3`, `destination.jurisdictions[1].country == "CN"`, `destination.jurisdictions.exists(j, j.country == "IE")`,
	`transfer.crossesBorder`, `transfer.domestic`, `transfer.origin == "DE"`, `transfer.destination in ["US", ""]`, `data.entropy > 7.5`,
	`true`, `false`, `now < timestamp("2030-01-01T00:00:00Z")`,
}

const fuzzedLists = `---
{apiVersion: borderflow/v1, kind: List, name: partners, type: hosts, entries: [example.com, a.example.com]}
---
{apiVersion: borderflow/v1, kind: List, name: domains, type: suffixes, entries: [example.org]}
---
{apiVersion: borderflow/v1, kind: List, name: office, type: networks, entries: [198.51.100.1]}
---
{apiVersion: borderflow/v1, kind: List, name: lands, type: countries, entries: [US, IE]}
---
{apiVersion: borderflow/v1, kind: List, name: verbs, type: words, entries: [POST, alice]}
`

func randomExpression(r *rand.Rand, depth int) string {
	if depth == 0 || r.IntN(4) == 0 {
		return pick(r, indexed...)
	}
	a, b := randomExpression(r, depth-1), randomExpression(r, depth-1)
	switch r.IntN(7) {
	case 0, 1, 2:
		return "(" + a + " && " + b + ")"
	case 3, 4:
		return "(" + a + " || " + b + ")"
	case 5:
		return "!(" + a + ")"
	}
	return "(" + a + " ? " + b + " : " + randomExpression(r, depth-1) + ")"
}

// randomDocuments returns policies, lists and exemptions with everything that bears on a decision.
func randomDocuments(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(fuzzedLists)
	for i := range 1 + r.IntN(3) {
		fmt.Fprintf(&b, "---\napiVersion: borderflow/v1\nkind: Policy\nname: p%d\ndefault: %s\nonUninspectable: %s\nmode: %s\nrules:\n", i,
			pick(r, "allow", "block"), pick(r, "allow", "block"), pick(r, "enforce", "enforce", "shadow"))
		for j := range r.IntN(12) {
			verdict := pick(r, "allow", "block", "block", "log")
			fmt.Fprintf(&b, "  - {id: r%d, when: '%s', verdict: %s, mode: %s", j, randomExpression(r, 3), verdict, pick(r, "enforce", "enforce", "enforce", "shadow"))
			if r.IntN(4) == 0 {
				fmt.Fprintf(&b, ", onError: %s", pick(r, "match", "skip"))
			}
			if r.IntN(8) == 0 {
				b.WriteString(pick(r, ", validFrom: 2026-07-02", ", validUntil: 2026-06-30", ", validFrom: 2026-01-01"))
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}

// anyFlow returns a flow of which each group of facts is in any state, and consistent with it or not:
// whoever fills flows in may leave values behind.
func anyFlow(r *rand.Rand) *flow.Flow {
	f := randomFlow(r)
	f.Destination.Port = pick[uint16](r, 80, 443, 8080, 22)
	if r.IntN(12) == 0 {
		f.Destination.Host = pick(r, "EXAMPLE.com", "example.com.", "", "Köln.example.org", ".", "a..example.org", "2001:db8::1")
	}
	location := &f.Destination.Location
	for range r.IntN(3) {
		location.Jurisdictions = append(location.Jurisdictions, flow.Claim{Country: pick(r, "CN", "IE", "DE", "")})
	}
	location.Cloud = pick(r, "", "aws")
	f.Source.Namespace, f.Source.Labels = pick(r, "pay", ""), map[string]string{"app": pick(r, "x", "y")}
	f.Declared.Labels = [][]string{nil, {"internal"}}[r.IntN(2)]
	f.Request.Protocol = pick(r, "h2", "http/1.1")
	f.Data.Findings = [][]flow.Finding{nil, {{Detector: "iban", Count: 1}}, {{Detector: "iban"}}}[r.IntN(3)]
	if r.IntN(4) == 0 {
		f.Data.Undecodable, f.Data.Coverage = "truncated gzip", flow.CoveragePartial
	}
	all := append(states(f), &f.Source.WorkloadState, &f.Declared.State)
	for _, state := range all {
		if r.IntN(3) == 0 {
			*state = pick(r, flow.Pending, flow.Known, flow.Absent, flow.Unavailable)
		}
	}
	if r.IntN(2) == 0 {
		erase(f)
	}
	return f
}

// reached counts what a run has tried of the index.
type reached map[string]int

func (seen reached) note(ix *index, s *scope) {
	for i, d := range ix.dimensions {
		name := key{dimension: d.dimension}.String()
		if s.search.unsure[i] {
			seen[name+" unsure"]++
			continue
		}
		for _, numbered := range d.texts {
			seen[fmt.Sprint(name, s.search.holds[numbered] == s.search.round)]++
		}
		for _, numbered := range d.numbers {
			seen[fmt.Sprint(name, s.search.holds[numbered] == s.search.round)]++
		}
	}
	for i := range ix.lookups {
		if s.search.tried[i] == s.search.round {
			seen[fmt.Sprint("list ", s.search.holds[ix.eager+i] == s.search.round)]++
		}
	}
}

// compare holds decisions with the index against those of plain evaluation in order.
func compare(t *testing.T, seed uint64, seen reached) {
	r := rand.New(rand.NewPCG(seed, 11))
	text := randomDocuments(r)
	p, problems := Parse(map[string][]byte{"a.yaml": []byte(text)})
	if len(problems) > 0 {
		t.Fatalf("seed %d: %v\n%s", seed, problems, text)
	}
	quick, plain := newScope(p.lists, p.groups, p.index), newScope(p.lists, p.groups, p.index)
	plain.search.plain = true
	for range 25 {
		f, phase := anyFlow(r), phases[r.IntN(len(phases))]
		want, got := p.decideIn(plain, f, phase, decidedAt), p.decideIn(quick, f, phase, decidedAt)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Fatalf("seed %d, phase %v: the index changed a decision\n%s\n%+v\n%s", seed, phase, diff, f, text)
		}
		seen.note(p.index, quick)
		for _, rule := range p.index.rules {
			seen["rules"]++
			if result, _, _ := rule.condition.evaluate(plain); result == unmatched {
				seen["unmatched"]++
			}
		}
	}
}

func TestTheIndexChangesNoDecision(t *testing.T) {
	seen := reached{}
	for seed := range uint64(120) {
		compare(t, seed, seen)
	}
	for _, dimension := range []string{"host ", "port 0", "country ", "identity ", "namespace ", "method ", "protocol ", "under ", "claimed ", "category ", "detector ", "cloud "} {
		for _, state := range []string{"true", "false", " unsure"} {
			if certain := dimension == "host " || dimension == "port 0"; state == " unsure" && certain {
				continue // always known
			}
			if seen[dimension+state] == 0 {
				t.Errorf("no key of %q was ever %s", dimension, state)
			}
		}
	}
	if seen["list true"] == 0 || seen["list false"] == 0 {
		t.Error("no list was ever looked up")
	}
	if seen["unmatched"] < seen["rules"]/3 {
		t.Errorf("%d of %d rules did not match: too few for the index to have anything to leave out", seen["unmatched"], seen["rules"])
	}
}

func FuzzIndex(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { compare(t, seed, reached{}) })
}
