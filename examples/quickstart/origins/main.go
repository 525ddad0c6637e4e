// Command origins plays the other side of the quickstart: the APIs that orders are sent to.
//
// It answers HTTP/1.1, HTTP/2, gRPC and WebSocket clients on one TLS port, under every name that it
// is given. Its certificates come from an authority that it makes anew at each start; the
// authority's certificate is written to a file, its key never is.
//
//	origins -listen 127.0.0.1:28443 -ca origins.pem api.shop.de.example api.shop.us.example
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:28443", "address to listen on")
	ca := flag.String("ca", "origins.pem", "file to write the authority's certificate to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *ca, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "origins:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, address, caFile string, hosts []string) error {
	if len(hosts) == 0 {
		return errors.New("no host is named")
	}
	certificate, authority, err := issue(hosts)
	if err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	if err := os.WriteFile(caFile, authority, 0o644); err != nil {
		return fmt.Errorf("write the authority's certificate: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           newOrigin(),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	fmt.Printf("origins listen on %s for %v\n", listener.Addr(), hosts)
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
