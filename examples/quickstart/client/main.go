// Command client sends the quickstart's orders as a program in Go would: over gRPC, over a
// WebSocket, and many at once over HTTPS while the policy is edited.
//
// It goes through the proxy that HTTPS_PROXY names, as gRPC and net/http do by themselves, and
// trusts the authority in the file of -ca. A blocked order is an answer like any other: the exit
// code is 0, and the reason is printed.
//
//	client -ca ca.pem grpc api.shop.de.example order.json
//	client -ca ca.pem websocket api.shop.de.example order.json
//	client -ca ca.pem watch https://api.shop.us.example/orders order.json policies/cross-border.yaml
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long one invocation may take in all.
const patience = time.Minute

func main() {
	ca := flag.String("ca", "", "file with the certificate of the authority to trust")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := run(ctx, *ca, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, caFile string, args []string) error {
	if len(args) < 3 {
		return errors.New("usage: client -ca FILE grpc|websocket|watch TARGET ORDER_FILE [POLICY_FILE]")
	}
	kind, target := args[0], args[1]
	order, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	trust, err := trustOnly(caFile)
	if err != nil {
		return err
	}
	switch {
	case kind == "grpc":
		return placeOverGRPC(ctx, target, order, trust)
	case kind == "websocket":
		return placeOverWebSocket(ctx, target, order, trust)
	case kind == "watch" && len(args) == 4:
		return watchVerdict(ctx, target, order, args[3], trust)
	}
	return fmt.Errorf("found %q with %d arguments, expected grpc, websocket or watch", kind, len(args)-1)
}

// trustOnly is a TLS configuration that trusts the authority in file.
func trustOnly(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the authority to trust: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
