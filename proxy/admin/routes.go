package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

const index = `borderflow %s

/livez      200 while the process runs
/healthz    the same
/readyz     200 when flows are accepted, 503 when not; one line per check, with warnings
            ?verbose adds the version and how long each check took
/metrics    Prometheus metrics
/ca.pem     the CA certificate that clients of intercepted connections trust
/-/reload   POST with "Authorization: Bearer TOKEN" reloads the policies%s
`

// routes leaves refusing other methods, with 405 and Allow, to http.ServeMux.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /livez", alive)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /ca.pem", s.ca)
	mux.HandleFunc("POST /-/reload", s.reload)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.options.Registry, promhttp.HandlerOpts{
		Registry:            s.options.Registry,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            zap.NewStdLog(s.options.Log),
		MaxRequestsInFlight: 4,
		Timeout:             scrapeTimeout,
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, body) // an error is a client that went away
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	note := ""
	if s.options.ReloadToken == "" {
		note = " (off: no token is configured)"
	}
	text(w, http.StatusOK, fmt.Sprintf(index, s.options.Version, note))
}

func alive(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

// ca serves certificates and nothing else, whatever the source returns: a key that stands in the
// same file must not be published.
func (s *Server) ca(w http.ResponseWriter, _ *http.Request) {
	var certificates bytes.Buffer
	if s.options.CA != nil {
		for block, rest := pem.Decode(s.options.CA()); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				certificates.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
			}
		}
	}
	if certificates.Len() == 0 {
		text(w, http.StatusNotFound, "There is no CA certificate: no connection is intercepted.\n")
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="borderflow-ca.pem"`)
	w.Write(certificates.Bytes())
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if s.options.ReloadToken == "" {
		text(w, http.StatusForbidden, "Reloading over HTTP is off: no token is configured. Policy files are watched, and SIGHUP reloads.\n")
		return
	}
	if !s.authorized(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="borderflow admin"`)
		text(w, http.StatusUnauthorized, "The bearer token is missing or wrong.\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), reloadTimeout)
	defer cancel()
	select {
	case s.reloading <- struct{}{}:
		defer func() { <-s.reloading }()
	case <-ctx.Done():
		text(w, http.StatusServiceUnavailable, "Another reload is still running.\n")
		return
	}
	if err := s.options.Reload(ctx); err != nil {
		s.options.Log.Warn("reload over the admin listener", zap.Error(err))
		text(w, http.StatusInternalServerError, fmt.Sprintf("not reloaded, the last good policies stay in force: %v\n", err))
		return
	}
	text(w, http.StatusOK, "reloaded\n")
}

// authorized compares digests, so that the time it takes says nothing about the token, its length
// included.
func (s *Server) authorized(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(s.options.ReloadToken))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}
