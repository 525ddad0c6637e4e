package proxy_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/proxy"
)

// labelRules block by what is declared and what is found.
const labelRules = `  - id: mismatch
    description: What is declared must be so
    when: data.mismatch
    verdict: block
  - id: labelled
    description: What is restricted stays here
    when: '"restricted" in data.labels'
    verdict: block
  - id: undeclared
    description: Cards are declared
    when: '"financial" in data.undeclared'
    verdict: block
  - id: pretended
    description: Labels are for those who are trusted
    when: data.labelsIgnored && request.path == "/strict"
    verdict: block
`

func TestDeclaredLabelsAreHeldAgainstWhatIsFound(t *testing.T) {
	t.Parallel()
	for trusted, cases := range map[bool]map[string]string{
		// What is declared, the path and the body; and the rule that blocks.
		true: {
			"none / {}": "", "public / {}": "", "Restricted / {}": "labelled", "public,RESTRICTED / {}": "labelled",
			"payment / " + cardMessage: "", "Public,Payment / " + cardMessage: "", "public / " + cardMessage: "mismatch",
			"none / " + cardMessage: "undeclared", "public /strict {}": "",
			strings.Repeat("a", 65) + " / {}": "mismatch", // cannot be told, so that the rule is uninspectable
		},
		false: {
			"restricted / {}": "", "payment / " + cardMessage: "undeclared", "public /strict {}": "pretended",
			strings.Repeat("a", 65) + " / {}": "",
		},
	} {
		w := newWorld(t)
		handler, arrivals := takeUploads()
		w.serve("origin.test", handler)
		w.config.Labels.Meaning = map[string][]string{"Payment": {"financial", "personal"}, "public": nil}
		if trusted {
			w.config.Labels.Trust.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		w.config.Labels.Remove = trusted
		w.policy(rulesPolicy(labelRules))
		w.start()
		for way, v := range w.variants() {
			for sent, rule := range cases {
				t.Run(fmt.Sprintf("trusted %v, %s, %.40s", trusted, way, sent), func(t *testing.T) {
					part := strings.SplitN(sent, " ", 3)
					request, err := http.NewRequest("POST", strings.TrimSuffix(v.url, "/")+part[1], strings.NewReader(part[2]))
					must(t, err)
					request.Header.Set("Content-Type", "application/json")
					if part[0] != "none" {
						request.Header.Set("X-Data-Class", part[0])
					}
					response, err := v.client.Do(request)
					must(t, err)
					defer response.Body.Close()
					if rule != "" {
						if p := cleanRefusal(t, response); p.Rule != rule {
							t.Errorf("%+v, want rule %q", p, rule)
						}
						return
					}
					if response.StatusCode != 200 {
						t.Fatalf("%+v", cleanRefusal(t, response))
					}
					want := part[0]
					if trusted || want == "none" {
						want = ""
					}
					if arrived := <-arrivals; arrived.label != want {
						t.Errorf("the origin read the label %q, want %q", arrived.label, want)
					}
				})
			}
		}
	}
}

func TestMistakesInLabelsAreNamed(t *testing.T) {
	t.Parallel()
	config := proxy.Defaults()
	config.Labels = proxy.LabelsConfig{Header: "X Data", Trust: proxy.LabelTrustConfig{Identities: []string{""}},
		Meaning: map[string][]string{"Payment": {"finacial"}, "payment": nil, "a,b": nil}}
	problems := config.Validate(nil)
	var text strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&text, "%s (%s)\n", p.Message, p.Hint)
	}
	for _, want := range []string{
		`labels.header: found "X Data", expected the name of a header`, `labels.trust.identities[0]: the name is empty`,
		`labels.meaning["Payment"][0]: found "finacial", expected a category of data (did you mean "financial"?)`,
		`labels.meaning["payment"]: "payment" is "Payment" in another case`, `labels.meaning["a,b"]: found "a,b", expected a label without commas`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing from:\n%s", want, text.String())
		}
	}
	if len(problems) != 5 {
		t.Errorf("%d problems:\n%s", len(problems), text.String())
	}
}
