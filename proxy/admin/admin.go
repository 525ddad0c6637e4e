// Package admin is the proxy's window for its operators: is it alive, is it ready, what is it
// doing. It serves a listener of its own, by default on loopback, and changes nothing, except that
// POST /-/reload reloads the policies for whoever holds the configured token.
//
// Two ideas make it work. Readiness is a list of named checks, and a check that passes may still
// carry a warning: a broken policy edit leaves the last good policy in force, so the proxy is ready,
// and the answer says what is wrong all the same. And metrics have bounded labels only: nothing
// that a client, a destination or a rule can name becomes a time series.
//
// It leaves knowing the answers to the rooms that do: checks and sources are functions that it is
// given. The data plane updates Metrics. Whoever ends the process ends Serve last, so that "draining"
// can be read while it lasts.
//
//	registry := prometheus.NewRegistry()
//	metrics, err := admin.NewMetrics(registry, admin.Sources{Evidence: ...})
//	server, err := admin.New(admin.Options{Registry: registry, Checks: checks, CA: ca})
//	err = server.Serve(ctx, listener) // returns when ctx ends and every request was answered
package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
)

// DefaultAddress is where the admin listener stands unless configured otherwise. Whoever opens it
// to other machines shows them the metrics and the state of the proxy.
const DefaultAddress = "127.0.0.1:9128"

// Limits of the listener. What it serves is small and quick; only a reload may take long.
const (
	maxConnections    = 128
	maxHeaderBytes    = 8 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = time.Minute
	probeTimeout      = 2 * time.Second // for all checks together
	scrapeTimeout     = 10 * time.Second
	reloadTimeout     = 30 * time.Second
	writeTimeout      = reloadTimeout + 10*time.Second
	shutdownTimeout   = 5 * time.Second // for the requests in flight when Serve is told to end
)

// Options of New.
type Options struct {
	// Checks decide about /readyz, in this order. Without any the proxy counts as ready.
	Checks []Check
	// Registry is what /metrics shows. Required.
	Registry *prometheus.Registry
	// CA returns the certificate of the CA in PEM, for /ca.pem. Nil or an empty answer: there is none.
	CA func() []byte
	// Reload reloads the policies and returns why it could not. Calls do not overlap.
	Reload func(context.Context) error
	// ReloadToken is what POST /-/reload must carry as bearer token. Empty: reloading over HTTP is off.
	ReloadToken string
	// Version of the program, for the index page and /readyz?verbose.
	Version string
	// Log is told about failed reloads and broken connections. Default: nobody.
	Log *zap.Logger
}

// Server answers on the admin listener.
type Server struct {
	options   Options
	handler   http.Handler
	reloading chan struct{} // holds a token while a reload runs
}

// New checks the options and returns a server that waits for Serve.
func New(options Options) (*Server, error) {
	if options.Registry == nil {
		return nil, errors.New("admin server: the metrics registry is missing")
	}
	if options.ReloadToken != "" && options.Reload == nil {
		return nil, errors.New("admin server: a reload token without anything to reload")
	}
	seen := make(map[string]bool)
	for _, check := range options.Checks {
		switch {
		case check.Name == "" || check.Probe == nil:
			return nil, fmt.Errorf("admin server: check %q needs a name and a probe", check.Name)
		case seen[check.Name]:
			return nil, fmt.Errorf("admin server: check %q stands twice", check.Name)
		}
		seen[check.Name] = true
	}
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	s := &Server{options: options, reloading: make(chan struct{}, 1)}
	s.handler = s.routes()
	return s, nil
}

// Serve answers on listener until ctx ends, lets the requests in flight come to their end, and
// closes the listener. It returns nil after an orderly end.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(s.options.Log),
	}
	group, serving := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(netutil.LimitListener(listener, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve admin listener %s: %w", listener.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-serving.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(ending); err != nil {
			return errors.Join(fmt.Errorf("end admin listener %s: %w", listener.Addr(), err), server.Close())
		}
		return nil
	})
	return group.Wait()
}
