package redact_test

import (
	"fmt"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/redact"
)

func ExampleApply() {
	body := []byte(`{"employee": {"ssn": "536-90-4399", "mail": "ana@posteo.de"}, "note": "536904399 moved"}`)
	want := redact.Selection{
		{Categories: []string{"government-id"}},
		{Detectors: []string{"email"}, With: redact.Mask},
	}
	out, report, err := redact.Apply(body, classify.Meta{ContentType: "application/json"}, want, classify.New(classify.Options{}))
	fmt.Println(string(out))
	fmt.Println(report.Redacted, err)

	body = []byte(`<ssn>536-90-4399</ssn>`)
	_, _, err = redact.Apply(body, classify.Meta{ContentType: "application/xml"}, want, classify.New(classify.Options{}))
	fmt.Println(err)
	// Output:
	// {"employee": {"ssn": "[redacted:us-ssn]", "mail": "xxx@xxxxxx.xx"}, "note": "[redacted:us-ssn] moved"}
	// map[email:1 us-ssn:2] <nil>
	// redact: a value was found in a body of a type that is not rewritten
}
