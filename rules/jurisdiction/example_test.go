package jurisdiction_test

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/borderflow/borderflow/rules/jurisdiction"
)

func ExampleResolver_Locate() {
	resolver, err := jurisdiction.New(jurisdiction.Options{Catalogue: []jurisdiction.Entry{{
		Match: ".erp.example", Countries: []string{"DE"}, Operator: "ERP GmbH", OperatorHome: "DE",
		Document: "data processing agreement of 2026-04-01", ValidUntil: "2099-12-31",
	}}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for _, host := range []string{"orders.erp.example", "s3.eu-west-1.amazonaws.com", "ecs.eu-west-1.aliyuncs.com", "1.1.1.1"} {
		location, _ := resolver.Locate(host, netip.Addr{})
		fmt.Printf("%s: country %q, operator %q of %q\n", host, location.Country, location.Operator, location.OperatorHome)
	}
	// Output:
	// orders.erp.example: country "DE", operator "ERP GmbH" of "DE"
	// s3.eu-west-1.amazonaws.com: country "IE", operator "Amazon Web Services" of "US"
	// ecs.eu-west-1.aliyuncs.com: country "GB", operator "Alibaba Cloud" of "CN"
	// 1.1.1.1: country "", operator "Cloudflare" of "US"
}
