package certs

import (
	"context"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serveTLS answers each connection with one byte and returns the address. fallback is the connections'
// name for clients without SNI.
func serveTLS(t *testing.T, config *tls.Config, fallback string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			raw.SetDeadline(time.Now().Add(10 * time.Second))
			ctx := context.Background()
			if fallback != "" {
				ctx = WithFallbackHost(ctx, fallback)
			}
			conn := tls.Server(raw, config)
			if conn.HandshakeContext(ctx) == nil {
				conn.Write([]byte{'!'})
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().String()
}

// connect makes a handshake and reads the answer, behind which session tickets have arrived.
func connect(address string, config *tls.Config) (tls.ConnectionState, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.(*tls.Conn).ConnectionState(), nil
}

func clientConfig(authority *Authority, host string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.PEM())
	return &tls.Config{RootCAs: roots, ServerName: host}
}

func TestClientsThatTrustTheAuthorityConnect(t *testing.T) {
	authority := newAuthority(t)
	config := ServerConfig(newMinter(t, authority, Options{}), "h2", "http/1.1")
	for _, host := range []string{"api.example.com", "xn--bcher-kva.example", "192.0.2.7", "2001:db8::7"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			// crypto/tls sends no SNI for addresses: those depend on the fallback.
			client := clientConfig(authority, host)
			client.MinVersion, client.MaxVersion, client.NextProtos = version, version, []string{"h2"}
			state, err := connect(serveTLS(t, config, host), client)
			if err != nil {
				t.Errorf("%s, %s: %v", host, tls.VersionName(version), err)
				continue
			}
			if state.NegotiatedProtocol != "h2" {
				t.Errorf("%s: protocol %q, want h2", host, state.NegotiatedProtocol)
			}
		}
	}
}

func TestChainOfAnIntermediateReachesTheClient(t *testing.T) {
	root := makeCA(t, "root", ecKey(t, elliptic.P384()), nil, nil)
	signer := makeCA(t, "signer", nil, root, nil)
	authority, err := fromText(t, certPEM(signer), keyPEM(t, signer.key))
	if err != nil {
		t.Fatal(err)
	}
	address := serveTLS(t, ServerConfig(newMinter(t, authority, Options{})), "")
	roots := x509.NewCertPool()
	roots.AddCert(root.certificate)
	if _, err := connect(address, &tls.Config{RootCAs: roots, ServerName: "api.example.com"}); err != nil {
		t.Errorf("a client that trusts only the root: %v", err)
	}
}

func TestServerNameWinsOverTheFallback(t *testing.T) {
	authority := newAuthority(t)
	address := serveTLS(t, ServerConfig(newMinter(t, authority, Options{})), "fallback.example.com")
	if _, err := connect(address, clientConfig(authority, "api.example.com")); err != nil {
		t.Error(err)
	}
}

func TestHandshakeWithoutAnyNameFails(t *testing.T) {
	minter := newMinter(t, newAuthority(t), Options{})
	if _, err := minter.GetCertificate(&tls.ClientHelloInfo{}); !errors.Is(err, ErrNoServerName) {
		t.Errorf("error %v, want ErrNoServerName", err)
	}
	address := serveTLS(t, ServerConfig(minter), "")
	if _, err := connect(address, &tls.Config{ServerName: "192.0.2.1", InsecureSkipVerify: true}); err == nil {
		t.Error("a handshake without a name succeeded")
	}
}

func TestMalformedServerNameFailsTheHandshakeOnly(t *testing.T) {
	authority := newAuthority(t)
	address := serveTLS(t, ServerConfig(newMinter(t, authority, Options{})), "")
	if _, err := connect(address, &tls.Config{ServerName: "*.example.com", InsecureSkipVerify: true}); err == nil {
		t.Error("a wildcard was served")
	}
	if _, err := connect(address, clientConfig(authority, "api.example.com")); err != nil {
		t.Errorf("the next client: %v", err)
	}
}

func TestOldProtocolVersionsAreRefused(t *testing.T) {
	address := serveTLS(t, ServerConfig(newMinter(t, newAuthority(t), Options{})), "")
	_, err := connect(address, &tls.Config{ServerName: "api.example.com", InsecureSkipVerify: true,
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestSessionsResumeThroughTheSharedConfiguration(t *testing.T) {
	authority := newAuthority(t)
	minter := newMinter(t, authority, Options{})
	both, plain := ServerConfig(minter, "h2", "http/1.1"), ServerConfig(minter, "http/1.1")
	chosen := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "h1.example.com" {
			return plain, nil
		}
		return both, nil
	}}
	for name, c := range map[string]struct {
		config   *tls.Config
		host     string
		protocol string
	}{
		"one configuration":           {both, "h2.example.com", "h2"},
		"chosen, origin speaks h2":    {chosen, "h2.example.com", "h2"},
		"chosen, origin speaks no h2": {chosen, "h1.example.com", "http/1.1"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(version), func(t *testing.T) {
				address := serveTLS(t, c.config, "")
				client := clientConfig(authority, c.host)
				client.NextProtos = []string{"h2", "http/1.1"}
				client.MinVersion, client.MaxVersion = version, version
				client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				for i, wantResumed := range []bool{false, true, true} {
					state, err := connect(address, client)
					if err != nil {
						t.Fatal(err)
					}
					if state.DidResume != wantResumed || state.NegotiatedProtocol != c.protocol {
						t.Errorf("connection %d: resumed %t, protocol %q; want %t, %q", i+1, state.DidResume,
							state.NegotiatedProtocol, wantResumed, c.protocol)
					}
				}
			})
		}
	}
}

// OpenSSL's strict mode demands what RFC 5280 does: key identifiers, critical extensions, exact usages.
func TestOpenSSLAcceptsCertificatesInStrictMode(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	authority := newAuthority(t)
	minter := newMinter(t, authority, Options{})
	long := strings.Repeat("a", 60) + ".example.com"
	for host, check := range map[string]string{
		"api.example.com": "-verify_hostname", "xn--bcher-kva.example": "-verify_hostname", long: "-verify_hostname",
		"192.0.2.7": "-verify_ip", "2001:db8::7": "-verify_ip",
	} {
		leaf, err := minter.Leaf(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		file := writeFile(t, filepath.Join(t.TempDir(), "leaf.pem"),
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]})), 0o644)
		output, err := exec.CommandContext(t.Context(), openssl, "verify", "-x509_strict", "-purpose", "sslserver",
			"-CAfile", authority.Files()[0], check, host, file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", host, err, output)
		}
	}
}
