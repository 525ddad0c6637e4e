package rules

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

// listText returns a list document.
func listText(name, kind string, entries ...string) string {
	return fmt.Sprintf("---\napiVersion: borderflow/v1\nkind: List\nname: %s\ntype: %s\nentries: [%s]\n", name, kind, strings.Join(entries, ", "))
}

// parsed compiles files, which are good.
func parsed(t testing.TB, files map[string]string) *Policy {
	t.Helper()
	p, problems := Parse(asBytes(files))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func asBytes(files map[string]string) map[string][]byte {
	data := map[string][]byte{}
	for name, text := range files {
		data[name] = []byte(text)
	}
	return data
}

// blockedBy reports whether a rule with this condition matches f, under these lists.
func blockedBy(t testing.TB, condition, lists string, f *flow.Flow) bool {
	t.Helper()
	p := parsed(t, map[string]string{"a.yaml": good + "rules: [{id: r, when: '" + condition + "', verdict: block}]\n" + lists})
	d := p.DecideAt(f, flow.Body, decidedAt)
	if len(d.Errors) > 0 {
		t.Fatalf("%s: %v", condition, d.Errors)
	}
	return d.Verdict == flow.Block
}

func TestValuesAreFoundInLists(t *testing.T) {
	lists := listText("hosts", "hosts", "Api.Example.COM.", "müller.example", "192.0.2.1", `"2001:db8::1"`) +
		listText("suffixes", "suffixes", "example.com", `"*.shop.example"`, ".org") +
		listText("networks", "networks", "10.0.0.0/8", "192.0.2.7", `"2001:db8::/32"`, "10.1.0.0/16") +
		listText("countries", "countries", "DE", "FR") + listText("words", "words", "POST", "a b") + listText("empty", "hosts")
	for _, test := range []struct {
		list, value string
		want        bool
	}{
		{"hosts", "api.example.com", true}, {"hosts", "www.api.example.com", false}, {"hosts", "example.com", false}, {"hosts", "API.EXAMPLE.com.", true},
		{"hosts", "xn--mller-kva.example", true}, {"hosts", "192.0.2.1", true}, {"hosts", "192.0.2.10", false}, {"hosts", "2001:db8::1", true}, {"hosts", "", false},
		{"suffixes", "example.com", true}, {"suffixes", "a.b.example.com", true}, {"suffixes", "badexample.com", false}, {"suffixes", "com", false},
		{"suffixes", "shop.example", true}, {"suffixes", "x.shop.example", true}, {"suffixes", "wikipedia.org", true}, {"suffixes", "", false}, {"suffixes", ".", false},
		{"networks", "10.200.0.1", true}, {"networks", "11.0.0.0", false}, {"networks", "9.255.255.255", false}, {"networks", "10.255.255.255", true},
		{"networks", "192.0.2.7", true}, {"networks", "192.0.2.8", false}, {"networks", "::ffff:10.1.2.3", true}, {"networks", "2001:db8:ffff::1", true},
		{"networks", "2001:db9::", false}, {"networks", "example.com", false}, {"networks", "", false}, {"networks", "fe80::1%eth0", false},
		{"countries", "DE", true}, {"countries", "de", false}, {"countries", "", false},
		{"words", "POST", true}, {"words", "post", false}, {"words", "a b", true}, {"empty", "a", false},
	} {
		f := with(func(f *flow.Flow) { f.Request.Query = test.value })
		if got := blockedBy(t, `inList(request.query, "`+test.list+`")`, lists, f); got != test.want {
			t.Errorf("%q in %s: %v", test.value, test.list, got)
		}
	}
}

func TestAddressesAreFoundInNetworks(t *testing.T) {
	lists := listText("office", "networks", "198.51.100.0/24") + listText("lands", "countries", "US", "IE")
	for condition, want := range map[string]bool{
		`inNetwork(destination.address, "office")`:                       true,
		`inNetwork(source.address, "office")`:                            false,
		`inNetwork(destination.address, "198.51.100.8/31")`:              true,
		`inNetwork(destination.address, "198.51.100.9")`:                 true,
		`inNetwork(destination.address, "2001:db8::/32")`:                false,
		`inNetwork(destination.host, "0.0.0.0/0")`:                       false,
		`destination.within("lands")`:                                    true,
		`destination.within("EEA")`:                                      false,
		`destination.within("FiveEyes")`:                                 false, // IE is named by one source
		`["office"].exists(x, inNetwork(destination.address, "office"))`: true,
	} {
		if got := blockedBy(t, condition, lists, known()); got != want {
			t.Errorf("%s: %v", condition, got)
		}
	}
}

func TestGroupsAreAskedAsOfTheDecision(t *testing.T) {
	p := mustParse(t, "name: p\ndefault: allow\nrules: [{id: r, when: '!destination.within(\"EEA\")', verdict: block}]")
	toBritain := with(func(f *flow.Flow) { f.Destination.Location = flow.Location{Country: "GB"} })
	for year, want := range map[int]flow.Verdict{2019: flow.Allow, 2026: flow.Block} {
		if d := p.DecideAt(toBritain, flow.Body, decidedAt.AddDate(year-2026, 0, 0)); d.Verdict != want {
			t.Errorf("%d: %v", year, d.Verdict)
		}
	}
	nowhere := with(func(f *flow.Flow) { f.Destination.Location, f.Destination.LocationState = flow.Location{}, flow.Absent })
	if d := p.DecideAt(nowhere, flow.Body, decidedAt); d.Verdict != flow.Block {
		t.Error("an unknown place passes for one in the EEA")
	}
}

func TestListsCanStandInFilesBesideThem(t *testing.T) {
	const document = "apiVersion: borderflow/v1\nkind: List\nname: partners\ntype: hosts\nfile: partners.txt\n"
	policy := good + "rules: [{id: r, when: 'inList(destination.host, \"partners\")', verdict: block}]\n"
	entries := "\ufeff# partners\n\n  api.shop.example  # the shop\r\nother.example"
	p := parsed(t, map[string]string{"a.yaml": policy, "lists/l.yaml": document, "lists/partners.txt": entries, "notes.txt": "broken ["})
	if d := p.DecideAt(known(), flow.Body, decidedAt); d.Verdict != flow.Block {
		t.Error("the host is not in the list")
	}
	want := []ListInfo{{Name: "partners", Type: HostList, Entries: 2, Hash: p.Lists()[0].Hash, File: "lists/l.yaml", Line: 3}}
	if diff := cmp.Diff(want, p.Lists()); diff != "" || len(want[0].Hash) != 64 {
		t.Error(diff)
	}
}

func TestTheHashOfAPolicyNamesItsLists(t *testing.T) {
	hash := func(lists string) string { return parsed(t, map[string]string{"a.yaml": good + lists}).Hash() }
	first := hash(listText("l", "hosts", "a.example", "b.example"))
	if again := hash(listText("l", "hosts", "B.example.", "a.example")); again != first {
		t.Error("order or spelling of the entries changed the hash")
	}
	for what, lists := range map[string]string{"an entry": listText("l", "hosts", "a.example", "c.example"), "the type": listText("l", "words", "a.example", "b.example"),
		"the name": listText("m", "hosts", "a.example", "b.example"), "the list": ""} {
		if hash(lists) == first {
			t.Errorf("the hash overlooks %s", what)
		}
	}
}

func TestEveryMistakeInAListIsNamed(t *testing.T) {
	files := map[string]string{
		"a.yaml": good + `rules:
  - {id: a, when: 'inList(destination.host, "partnres") || inNetwork(source.address, "partners")', verdict: block}
  - {id: b, when: 'destination.within("EAE") && inList(destination.host, source.identity)', verdict: block}
  - {id: c, when: 'inNetwork(source.address, "10.0.0.1/8") && destination.within("partners")', verdict: block}
  - {id: e, when: 'destination.within("EAE")', verdict: block}
  - {id: d, when: 'inList(source.port, "partners") && inList("partners")', verdict: block}
`,
		"b.yaml": listText("partners", "hosts", "ok.example", ".all.example", "a b", "http://x.example/", "OK.example") +
			listText("partners", "networks", "10.0.0.1/8", "::ffff:1.2.3.4/112", "10.0.0.0/33", "x") +
			listText("lands", "countries", "UK", "germany", "DE") + listText("tops", "suffixes", "10.0.0.1", "x.1", `"*"`) +
			"---\napiVersion: borderflow/v1\nkind: List\nname: Bad Name\ntype: host\n---\napiVersion: borderflow/v1\nkind: List\nname: both\ntype: words\nentries: [a]\nfile: b.txt\n" +
			"---\napiVersion: borderflow/v1\nkind: List\nname: away\ntype: words\nfile: ../b.txt\n---\napiVersion: borderflow/v1\nkind: List\nname: gone\ntype: words\nfile: wrods.txt\n" +
			"---\napiVersion: borderflow/v1\nkind: List\nname: lines\ntype: countries\nfile: words.txt\n---\nkind: List\nentires: []\n",
		"words.txt": "DE\n# comment\n  XX # no country\nDE\n",
	}
	p, problems := Parse(asBytes(files))
	if p != nil {
		t.Error("broken lists were taken")
	}
	golden(t, "list-mistakes.golden", problems.Error()+"\n")
}

func TestSpansOfNetworksCoverWhatTheNetworksDo(t *testing.T) {
	networks := []netip.Prefix{}
	for _, text := range []string{"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "0.0.0.0/32", "255.255.255.255/32", "2001:db8::/32", "::/128"} {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	l := &list{ListInfo: ListInfo{Type: NetworkList}, networks: spansOf(networks)}
	for _, text := range []string{"9.255.255.255", "10.0.0.0", "10.1.2.3", "11.255.255.255", "12.0.0.0", "0.0.0.0", "0.0.0.1", "255.255.255.255", "255.255.255.254",
		"::", "::1", "2001:db8::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"} {
		address, want := netip.MustParseAddr(text), false
		for _, network := range networks {
			want = want || network.Contains(address)
		}
		if got := l.hasAddress(address); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// longList is a list of 50,000 hosts, some as hostile as names can be.
func longList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "h%d.partner%d.example\n", i, i%97)
	}
	return b.String()
}

func TestLongListsAreQuickToLoadAndToAsk(t *testing.T) {
	files := map[string]string{"a.yaml": good + "rules: [{id: r, when: 'inList(destination.host, \"partners\")', verdict: block}]\n",
		"l.yaml": "apiVersion: borderflow/v1\nkind: List\nname: partners\ntype: suffixes\nfile: partners.txt\n", "partners.txt": longList(50_000)}
	p := parsed(t, files)
	f := with(func(f *flow.Flow) { f.Destination.Host = "x.h49999.partner44.example" })
	if d := p.DecideAt(f, flow.Body, decidedAt); d.Verdict != flow.Block {
		t.Error("the last of 50,000 entries is not found")
	}
	f.Destination.Host = "nowhere.example"
	if n := testing.AllocsPerRun(100, func() { p.DecideAt(f, flow.Body, decidedAt) }); n > 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

func FuzzLists(f *testing.F) {
	f.Add("hosts", "example.com\n192.0.2.1 # x\n", "example.com")
	f.Add("networks", "10.0.0.0/8\n", "10.1.1.1")
	f.Add("suffixes", "*.müller.example", "a.xn--mller-kva.example")
	f.Add("words", "# \n\xff\n", "")
	f.Fuzz(func(t *testing.T, kind, entries, value string) {
		if kind = strings.Map(func(r rune) rune {
			if r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, kind); kind == "" {
			kind = "words"
		}
		p, problems := Parse(map[string][]byte{"a.yaml": []byte(good + "rules: [{id: r, when: 'inList(request.query, \"l\")', verdict: block}]\n"),
			"l.yaml": []byte("apiVersion: borderflow/v1\nkind: List\nname: l\ntype: " + kind + "\nfile: l.txt\n"), "l.txt": []byte(entries)})
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("policy %v with problems %v", p, problems)
		}
		if p == nil {
			return
		}
		p.DecideAt(with(func(f *flow.Flow) { f.Request.Query = value }), flow.Body, decidedAt)
		for line := range strings.Lines(entries) {
			entry, _, _ := strings.Cut(line, "#")
			if entry = strings.TrimSpace(strings.TrimPrefix(entry, "\ufeff")); entry == "" || kind != "words" {
				continue
			}
			d := p.DecideAt(with(func(f *flow.Flow) { f.Request.Query = entry }), flow.Body, decidedAt)
			if d.Verdict != flow.Block {
				t.Fatalf("%q is not found in the list that holds it", entry)
			}
		}
	})
}
