package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkForward measures a request through the proxy, policy, jurisdiction and record included,
// against the same request without it: client and origin share the process with the proxy, so the
// ratio is what counts.
func BenchmarkForward(b *testing.B) {
	body := `{"order":7,"items":[` + strings.Repeat(`{"sku":"A-1","quantity":2},`, 30) + `{}]}`
	for _, scenario := range []struct {
		name, url, body string
		adjust          func(*http.Transport)
	}{
		{"plain GET", "http://plain.shop.test/", "", http1},
		{"intercepted GET over HTTP/1.1", "https://shop.test/", "", http1},
		{"intercepted GET over HTTP/2", "https://shop.test/", "", func(*http.Transport) {}},
		{"intercepted POST that a rule depends on", "https://shop.test/", body, http1},
	} {
		b.Run(scenario.name, func(b *testing.B) {
			w := newWorld(b)
			w.serve("shop.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(rw, "ok")
			}))
			w.place("shop.test", "US")
			w.policy(rulesPolicy(blockFinancialToUS))
			w.start()
			client := w.client(scenario.adjust)
			b.ReportAllocs()
			for b.Loop() {
				method := http.MethodGet
				if scenario.body != "" {
					method = http.MethodPost
				}
				request, _ := http.NewRequest(method, scenario.url, strings.NewReader(scenario.body))
				response, err := client.Do(request)
				must(b, err)
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
}
