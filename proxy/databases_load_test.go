package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/borderflow/borderflow/rules/jurisdiction/ranges"
)

// placeTable is a table of address locations of that day.
func placeTable(t testing.TB, day string) []byte {
	t.Helper()
	published, err := time.Parse(time.DateOnly, day)
	must(t, err)
	var table bytes.Buffer
	_, err = ranges.Import(t.Context(), ranges.CSV, strings.NewReader("93.184.0.0/16,US\n193.0.0.0/16,NL\n"), &table,
		ranges.Options{Name: "places", Published: published})
	must(t, err)
	return table.Bytes()
}

// TestDatabasesAreSwappedUnderLoadAndBrokenOnesAreNot sends 200 requests per second while the file of a
// database is replaced by newer, older, truncated, foreign and empty ones.
func TestDatabasesAreSwappedUnderLoadAndBrokenOnesAreNot(t *testing.T) {
	if testing.Short() {
		t.Skip("sends for several seconds; left out by -short")
	}
	t.Parallel()
	w := newWorld(t)
	w.serve("shop.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, "ok") }))
	w.policy(rulesPolicy("  - {id: blocked, description: d, when: 'request.path == \"/blocked\"', verdict: block}\n"))
	older, newer := placeTable(t, "2026-10-01"), placeTable(t, "2026-11-01")
	file := filepath.Join(t.TempDir(), "places.table")
	replace := func(content []byte) {
		must(t, os.WriteFile(file+".next", content, 0o600))
		must(t, os.Rename(file+".next", file))
	}
	replace(older)
	w.config.Jurisdiction.Databases = []string{file}
	w.start()
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		broken := [][]byte{nil, newer[:len(newer)/2], []byte("<html>not found</html>"), newer[:len(newer)-1]}
		for turn := 0; ; turn++ {
			for _, content := range [][]byte{newer, broken[turn%len(broken)], older, broken[(turn+1)%len(broken)]} {
				select {
				case <-stop:
					return
				case <-time.After(400 * time.Millisecond): // longer than changes are waited for
					replace(content)
				}
			}
		}
	})
	seen := send(w.client(http1), 200, 5*time.Second)
	close(stop)
	swapping.Wait()
	replace(newer)
	w.eventually("the newest database to be in force", func() bool {
		send(w.client(http1), 10, 100*time.Millisecond)
		all := w.records()
		return strings.Contains(all[len(all)-1].Destination.DataVersion, "places@2026-11-01")
	})
	for _, exchange := range seen {
		if exchange.err != nil || exchange.status != http.StatusOK && exchange.status != http.StatusForbidden {
			t.Errorf("status %d, error %v", exchange.status, exchange.err)
		}
	}
	versions := map[string]int{}
	for _, record := range w.records() {
		versions[record.Destination.DataVersion]++
	}
	for version, count := range versions {
		if !strings.Contains(version, "places@2026-10-01") && !strings.Contains(version, "places@2026-11-01") {
			t.Errorf("%d records name the data %q", count, version)
		}
	}
	if len(versions) != 2 {
		t.Errorf("the records name %d versions: %v", len(versions), versions)
	}
}
