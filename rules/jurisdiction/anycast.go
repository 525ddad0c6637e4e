package jurisdiction

import (
	_ "embed"
	"fmt"
	"net/netip"

	"github.com/borderflow/borderflow/rules/flow"
)

//go:embed data/anycast.csv
var anycastCSV string

// anycast knows networks that are announced from many places at once: public resolvers and the
// delivery networks that publish their ranges. An address in them is wherever its client is.
type anycast struct {
	networks prefixTable[*statement]
}

func newAnycast() (*anycast, error) {
	a := &anycast{}
	err := eachRow(anycastCSV, "anycast.csv", 4, func(row []string) error {
		network, err := netip.ParsePrefix(row[0])
		if err != nil {
			return err
		}
		if !ValidCountry(row[2]) {
			return fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", row[2])
		}
		added := network.Masked() == network && a.networks.add(network, &statement{
			kind: spread, ofAddress: true, operator: row[1], operatorHome: row[2],
			claim: flow.Claim{Source: "anycast", Detail: row[1] + " announces " + row[0] + " from many places"},
		})
		if !added {
			return fmt.Errorf("network %s is listed twice or has bits set behind its prefix", row[0])
		}
		return nil
	})
	a.networks.seal()
	return a, err
}

func (a *anycast) version() string { return "" }

func (a *anycast) statements(to []statement, q query) []statement {
	if !q.public.IsValid() {
		return to
	}
	if _, said, ok := a.networks.longest(q.public); ok {
		to = append(to, *said)
	}
	return to
}
