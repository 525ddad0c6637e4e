package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Check is one condition of readiness.
type Check struct {
	// Name in one word, e.g. "policy".
	Name string
	// Probe reports whether this part is ready for flows. When it is not, detail says why. When it
	// is, a detail is a warning that an operator should see. Probe is called for each request to
	// /readyz, from several goroutines, and returns when ctx ends.
	Probe func(ctx context.Context) (ready bool, detail string)
}

// maxDetail bounds what one check adds to the answer, in bytes.
const maxDetail = 2048

// ready answers with one line per check, and with "ready" or "not ready" in the first. Warnings
// are part of the answer however it is asked for.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	verbose := r.URL.Query().Has("verbose")
	var lines strings.Builder
	status, first := http.StatusOK, "ready"
	for _, check := range s.options.Checks {
		began := time.Now()
		ready, detail := check.run(ctx)
		if !ready {
			status, first = http.StatusServiceUnavailable, "not ready"
		}
		lines.WriteString(check.line(ready, detail))
		if verbose {
			fmt.Fprintf(&lines, " (%v)", time.Since(began).Round(time.Microsecond))
		}
		lines.WriteByte('\n')
	}
	if verbose {
		fmt.Fprintf(&lines, "version: %s\n", s.options.Version)
	}
	text(w, status, first+"\n"+lines.String())
}

// run is the probe's answer; a probe that panics, or that comes to no answer in time, is not ready.
func (c Check) run(ctx context.Context) (ready bool, detail string) {
	defer func() {
		if recover() != nil {
			// The panic's value may hold anything, so it is not shown.
			ready, detail = false, "the check panicked"
		}
	}()
	ready, detail = c.Probe(ctx)
	if ctx.Err() != nil {
		return false, "no answer in time"
	}
	return ready, detail
}

func (c Check) line(ready bool, detail string) string {
	detail = oneLine(detail)
	switch {
	case ready && detail == "":
		return c.Name + ": ok"
	case ready:
		return c.Name + ": ok, but " + detail
	case detail == "":
		return c.Name + ": not ok"
	}
	return c.Name + ": not ok: " + detail
}

// oneLine keeps a detail, which may quote a policy file, from looking like another check.
func oneLine(detail string) string {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(detail, "\uFFFD")), " ")
}
