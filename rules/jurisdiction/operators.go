package jurisdiction

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

//go:embed data/operators.csv
var operatorsCSV string

// operators knows who runs well-known host names, whose law binds them, and which names are served
// from many places.
type operators struct {
	suffixes suffixTable[[]statement]
}

func newOperators() (*operators, error) {
	o := &operators{suffixes: suffixTable[[]statement]{}}
	err := eachRow(operatorsCSV, "operators.csv", 7, func(row []string) error {
		suffix, operator, home, parent, kind, reason := row[0], row[1], row[2], row[3], row[4], row[5]
		for _, code := range []string{home, parent} {
			if code != "" && !ValidCountry(code) {
				return fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", code)
			}
		}
		if _, ok := o.suffixes[suffix]; ok {
			return fmt.Errorf("suffix %s is listed twice", suffix)
		}
		said := []statement{{
			kind: operated, operator: operator, operatorHome: home, parentHome: parent,
			claim: flow.Claim{Source: "operator", Detail: operator + " (" + kind + ") runs " + suffix},
		}}
		if reason != "" {
			said = append(said, statement{kind: spread, claim: flow.Claim{
				Source: reason, Detail: operator + " serves " + suffix + " from many places",
			}})
		}
		o.suffixes[suffix] = said
		return nil
	})
	return o, err
}

// ofCloud returns who runs a cloud provider's region: a provider may have left some of its regions to
// others, whom another law binds.
func (o *operators) ofCloud(provider, region string) (said statement, ok bool) {
	suffix := map[string]string{"aws": "amazonaws.com", "gcp": "googleapis.com", "azure": "windows.net", "oracle": "oraclecloud.com"}[provider]
	switch {
	case provider == "aws" && strings.HasPrefix(region, "cn-"):
		suffix = "amazonaws.com.cn"
	case provider == "aws" && strings.HasPrefix(region, "eusc-"):
		suffix = "amazonaws.eu"
	case provider == "azure" && strings.HasPrefix(region, "china"):
		suffix = "chinacloudapi.cn"
	}
	statements := o.suffixes[suffix]
	if len(statements) == 0 {
		return statement{}, false
	}
	return statements[0], true
}

func (o *operators) version() string { return "" }

func (o *operators) statements(to []statement, q query) []statement {
	if q.host == "" {
		return to
	}
	if _, said, ok := o.suffixes.longest(q.host); ok {
		to = append(to, said...)
	}
	return to
}
