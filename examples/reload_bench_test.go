package examples_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkReloadOfAThousandRules sends 500 requests per second to the built proxy, at a fixed rate
// whatever the answers do, first alone and then while a policy of 1,000 rules is edited every second,
// and reports how much worse the 99th percentile is. Latency counts from when a request was due.
func BenchmarkReloadOfAThousandRules(b *testing.B) {
	s := openShop(b)
	s.replacePolicy(0)
	client := s.client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 100
	sendAtRate(b, client, 2*time.Second)
	for b.Loop() {
		quiet := sendAtRate(b, client, 8*time.Second)
		stop := make(chan struct{})
		var editing sync.WaitGroup
		editing.Go(func() {
			for version := 1; ; version++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					s.replacePolicy(version)
				}
			}
		})
		edited := sendAtRate(b, client, 8*time.Second)
		close(stop)
		editing.Wait()
		b.ReportMetric(float64(quiet.Microseconds()), "p99-quiet-µs")
		b.ReportMetric(float64(edited.Microseconds()), "p99-reloading-µs")
		b.ReportMetric(float64(edited)/float64(quiet), "p99-ratio")
	}
}

// replacePolicy puts a policy of 1,000 rules in force, of which one differs by version.
func (s *shop) replacePolicy(version int) {
	var text strings.Builder
	text.WriteString("apiVersion: borderflow/v1\nkind: Policy\nname: thousand\ndefault: allow\nrules:\n")
	for i := range 999 {
		fmt.Fprintf(&text, "  - id: host-%d\n    description: d\n    when: destination.host == \"h%d.example\" && request.method == \"PUT\"\n    verdict: block\n", i, i)
	}
	fmt.Fprintf(&text, "  - id: version\n    description: d\n    when: request.path == \"/version-%d\"\n    verdict: block\n", version)
	next := filepath.Join(s.dir, "next.yaml")
	write(s.t, next, text.String())
	must(s.t, os.Rename(next, s.policyFile()))
}

// sendAtRate sends 500 orders per second and returns the 99th percentile of their latencies.
func sendAtRate(t testing.TB, client *http.Client, span time.Duration) time.Duration {
	const perSecond = 500
	took := make([]time.Duration, int(span.Seconds()*perSecond))
	start := time.Now()
	var wait sync.WaitGroup
	for i := range took {
		due := start.Add(time.Duration(i) * time.Second / perSecond)
		time.Sleep(time.Until(due))
		wait.Go(func() {
			response, err := client.Get("https://" + host("de") + "/orders")
			if err != nil {
				t.Errorf("a request was dropped: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			took[i] = time.Since(due)
		})
	}
	wait.Wait()
	slices.Sort(took)
	return took[len(took)*99/100]
}
