package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// thousandRules is a policy of 1,000 rules, none of which matches, and one that marks the version: its
// reason says which of the versions decided.
func thousandRules(version int) string {
	var b strings.Builder
	for i := range 999 {
		fmt.Fprintf(&b, "  - {id: host-%d, description: d, when: 'destination.host == \"h%d.example\" && request.method == \"PUT\"', verdict: block}\n", i, i)
	}
	fmt.Fprintf(&b, "  - {id: version-%d, description: 'version %d', when: 'request.path == \"/blocked\"', verdict: block}\n", version, version)
	return rulesPolicy(b.String())
}

// exchangeSeen is one request of an open-loop client.
type exchangeSeen struct {
	took       time.Duration // from when it was due, so that a stall shows in all that it delays
	status     int
	flow, rule string
	err        error
}

// TestReloadOfAThousandRulesUnderLoadDropsAndMixesNothing sends 500 requests per second while a policy of
// 1,000 rules is replaced again and again. It asserts what must hold on any machine (nothing dropped,
// nothing decided by a mixture of two versions) and logs the latencies: see BenchmarkReloadUnderLoad.
func TestReloadOfAThousandRulesUnderLoadDropsAndMixesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("sends for several seconds; left out by -short")
	}
	quiet, loading := reloadUnderLoad(t, 500, 2*time.Second)
	t.Logf("p99 %v without and %v with reloads (%d and %d requests)", p99(quiet), p99(loading), len(quiet), len(loading))
}

// BenchmarkReloadUnderLoad reports how much worse the 99th percentile is while 1,000 rules are reloaded.
func BenchmarkReloadUnderLoad(b *testing.B) {
	for b.Loop() {
		quiet, loading := reloadUnderLoad(b, 500, 5*time.Second)
		b.ReportMetric(float64(p99(quiet).Microseconds()), "p99-quiet-µs")
		b.ReportMetric(float64(p99(loading).Microseconds()), "p99-reloading-µs")
		b.ReportMetric(float64(p99(loading))/float64(p99(quiet)), "p99-ratio")
	}
}

func p99(seen []exchangeSeen) time.Duration {
	times := make([]time.Duration, len(seen))
	for i, exchange := range seen {
		times[i] = exchange.took
	}
	slices.Sort(times)
	return times[len(times)*99/100]
}

// reloadUnderLoad runs each half of the story for span: first without reloads, then with one after the
// other.
func reloadUnderLoad(t testing.TB, perSecond int, span time.Duration) (quiet, loading []exchangeSeen) {
	w := newWorld(t)
	w.serve("shop.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, "ok") }))
	w.policy(thousandRules(0))
	w.start()
	client := w.client(http1, func(transport *http.Transport) { transport.MaxIdleConnsPerHost = 200 })
	hashes := map[string]string{} // of each version's rule
	for version := range 2 {
		hashes[fmt.Sprintf("version-%d", version)] = hashOf(t, thousandRules(version))
	}
	send(client, perSecond, span/4) // connections and certificates
	quiet = send(client, perSecond, span)
	stop := make(chan struct{})
	var reloading sync.WaitGroup
	reloads := 0
	reloading.Go(func() {
		for version := 1; ; version = 1 - version {
			select {
			case <-stop:
				return
			default:
			}
			w.policy(thousandRules(version))
			w.eventually("the next version", func() bool { return w.proxy.PolicyStatus().Hash == hashes[fmt.Sprintf("version-%d", version)] })
			reloads++
		}
	})
	loading = send(client, perSecond, span)
	close(stop)
	reloading.Wait()
	if reloads < 2 {
		t.Errorf("only %d reloads happened", reloads)
	}
	records := map[string]string{}
	must(t, w.end())
	for _, record := range w.records() {
		records[record.ID] = record.PolicyHash
	}
	for _, exchange := range append(quiet, loading...) {
		switch {
		case exchange.err != nil:
			t.Errorf("a request was dropped: %v", exchange.err)
		case exchange.status == http.StatusForbidden && records[exchange.flow] != hashes[exchange.rule]:
			t.Errorf("flow %s was decided by %s under policy %s", exchange.flow, exchange.rule, records[exchange.flow])
		case exchange.status != http.StatusOK && exchange.status != http.StatusForbidden:
			t.Errorf("status %d", exchange.status)
		}
	}
	return quiet, loading
}

// send sends at a fixed rate, whatever the answers do, every tenth request to be blocked.
func send(client *http.Client, perSecond int, span time.Duration) []exchangeSeen {
	count := int(span.Seconds() * float64(perSecond))
	seen := make([]exchangeSeen, count)
	start := time.Now()
	var wait sync.WaitGroup
	for i := range count {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		time.Sleep(time.Until(due))
		wait.Go(func() {
			path := "/passes"
			if i%10 == 0 {
				path = "/blocked"
			}
			response, err := client.Get("https://shop.test" + path)
			if err != nil {
				seen[i].err = err
				return
			}
			_, seen[i].err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			seen[i].took, seen[i].status = time.Since(due), response.StatusCode
			seen[i].flow, seen[i].rule = response.Header.Get("Borderflow-Flow"), response.Header.Get("Borderflow-Rule")
		})
	}
	wait.Wait()
	return seen
}
