package upstream

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/borderflow/borderflow/rules/document"
)

func TestTableOfHostsIsReadFromYAML(t *testing.T) {
	var got Hosts
	problems := document.Decode("borderflow.yaml", []byte(`
api.example.de: 127.0.0.1:8443
.internal.example: [10.0.0.7, "2001:db8::7", "[2001:db8::8]:9443"]
`), &got)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := Hosts{
		"api.example.de":    {"127.0.0.1:8443"},
		".internal.example": {"10.0.0.7", "2001:db8::7", "[2001:db8::8]:9443"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if problems := document.Decode("borderflow.yaml", []byte("a.example: {b: c}"), &got); len(problems) != 1 {
		t.Errorf("a mapping as address gives %v, want one problem", problems)
	}
}

func TestExactHostWinsOverLongestSuffix(t *testing.T) {
	table, err := newHostTable(Hosts{
		"a.b.Example.": {"10.0.0.1"}, ".example": {"10.0.0.2"}, ".b.example": {"10.0.0.3:8443", "::ffff:10.0.0.4"}, "bücher.example": {"10.0.0.5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string][]string{
		"a.b.example": {"10.0.0.1:0"}, "x.b.example": {"10.0.0.3:8443", "10.0.0.4:0"}, "y.x.b.example": {"10.0.0.3:8443", "10.0.0.4:0"},
		"b.example": {"10.0.0.2:0"}, "example": nil, "c.a.b.example": {"10.0.0.3:8443", "10.0.0.4:0"}, "xn--bcher-kva.example": {"10.0.0.5:0"},
		"example.com": nil,
	} {
		var wanted []netip.AddrPort
		for _, text := range want {
			wanted = append(wanted, netip.MustParseAddrPort(text))
		}
		got, ok := table.lookup(host)
		if diff := cmp.Diff(wanted, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" || ok != (want != nil) {
			t.Errorf("lookup(%q) says %v (-want +got):\n%s", host, ok, diff)
		}
	}
}

func TestEveryMistakeInTheTableOfHostsIsNamed(t *testing.T) {
	err := Hosts{
		"10.0.0.1": {"10.0.0.2"}, "*.a.example": {"10.0.0.2"}, "b.example": {}, "c.example": {"d.example", "10.0.0.300", "10.0.0.1:0", "fe80::1%lo"},
		"E.example": {"10.0.0.1"}, "e.example": {"10.0.0.1"},
	}.Validate()
	want := []string{
		`hosts: "*.a.example": found a wildcard, expected ".a.example" for every name below it`,
		`hosts: "10.0.0.1": found an address, expected a name`,
		`hosts: "b.example": found no address, expected at least one`,
		`hosts: "c.example": found "d.example", expected an address or address:port without a zone`,
		`hosts: "c.example": found "10.0.0.300", expected an address or address:port without a zone`,
		`hosts: "c.example": found "10.0.0.1:0", expected an address or address:port without a zone`,
		`hosts: "c.example": found "fe80::1%lo", expected an address or address:port without a zone`,
		`hosts: "e.example": is there twice, in two spellings`,
	}
	if err == nil {
		t.Fatal("the mistakes are accepted")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}
