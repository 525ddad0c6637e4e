package proxy

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/borderflow/borderflow/certs"
)

// servedCertificate is the certificate that the proxy itself shows to its clients. Whoever renews it
// replaces the files; connections from then on get the new one.
type servedCertificate struct {
	config  *ListenerTLSConfig
	current atomic.Pointer[tls.Certificate]
}

func loadServedCertificate(config *ListenerTLSConfig) (*servedCertificate, error) {
	s := &servedCertificate{config: config}
	return s, s.reload()
}

// Check reads the files that c names, as running would.
func (c *ListenerTLSConfig) Check() error {
	served, err := loadServedCertificate(c)
	if err != nil {
		return err
	}
	_, err = served.serverConfig()
	return err
}

// reload reads the files again; on an error what was in use stays.
func (s *servedCertificate) reload() error {
	pair, err := tls.LoadX509KeyPair(s.config.Certificate, s.config.Key)
	if err != nil {
		return fmt.Errorf("the proxy's own certificate %s: %w", s.config.Certificate, err)
	}
	s.current.Store(&pair)
	return nil
}

// serverConfig is the proxy's own TLS towards its clients.
func (s *servedCertificate) serverConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.current.Load(), nil }}
	if s.config.ClientCA == "" {
		return config, nil
	}
	clients, err := certs.UpstreamTrust([]string{s.config.ClientCA}, false)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, config.ClientAuth = clients, tls.VerifyClientCertIfGiven
	if s.config.RequireClientCertificate {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
