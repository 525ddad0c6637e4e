package certs

import (
	"context"
	"crypto/tls"
	"errors"
)

// ErrNoServerName is returned for a handshake without SNI on a connection without fallback name.
var ErrNoServerName = errors.New("client sent no server name, and the connection has no fallback name")

type fallbackKey struct{}

// WithFallbackHost returns a context for tls.Conn.HandshakeContext (or http.Server.ConnContext): a client
// that sends no SNI on that connection gets a certificate for host. No client sends SNI for an address,
// and Java sends none for a name without a dot. Typically it is the target of the CONNECT or the address the client was redirected from.
func WithFallbackHost(ctx context.Context, host string) context.Context {
	return context.WithValue(ctx, fallbackKey{}, host)
}

// GetCertificate is the callback of that name in tls.Config. The client's SNI is a claim: whether it
// agrees with where the connection goes is for the caller to check after the handshake.
func (m *Minter) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	ctx := hello.Context()
	if ctx == nil { // a hello that crypto/tls did not make
		ctx = context.Background()
	}
	host := hello.ServerName
	if host == "" {
		host, _ = ctx.Value(fallbackKey{}).(string)
	}
	if host == "" {
		return nil, ErrNoServerName
	}
	return m.Leaf(ctx, host)
}

// ServerConfig returns the configuration for all connections that end at borderflow, offering nextProtos
// ("h2", "http/1.1") in that order of preference; none turns ALPN off. It accepts TLS 1.2 and 1.3.
//
// Make it once and share it. A clone per connection would have its own session ticket keys, so that no
// client could ever resume. To offer h2 only for origins that speak it, make one configuration per list
// of protocols and choose between them in a GetConfigForClient; crypto/tls then uses the ticket keys of
// the configuration that has this callback for all of them.
func ServerConfig(minter *Minter, nextProtos ...string) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     nextProtos,
		GetCertificate: minter.GetCertificate,
	}
}
