package delivery

import (
	"bufio"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// certified makes a certificate for 127.0.0.1, as server and client, and its file names.
func certified(t testing.TB) (certificate, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	must(t, err)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	pair, err = tls.LoadX509KeyPair(certificate, key)
	must(t, err)
	return certificate, key, pair
}

// syslogServer receives RFC 5425 frames.
type syslogServer struct {
	address string
	config  *tls.Config // nil: plain TCP
	// endAfter is how many frames a connection may bring until it is cut without a word; 0: no end.
	endAfter int

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	first    string // frame
	seqs     []uint64
	failure  string
	peers    int // connections that showed a client certificate
	running  sync.WaitGroup
}

func (s *syslogServer) start(t testing.TB) {
	t.Helper()
	if s.address == "" {
		s.address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", s.address)
	must(t, err)
	s.address = listener.Addr().String()
	s.mu.Lock()
	s.listener, s.conns = listener, map[net.Conn]bool{}
	s.mu.Unlock()
	s.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = true
			s.mu.Unlock()
			s.running.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(s.stop)
}

// stop resets every connection, as the end of a process does to those with unread data.
func (s *syslogServer) stop() {
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close()
	}
	for conn := range s.conns {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *syslogServer) serve(raw net.Conn) {
	defer raw.Close()
	conn := raw
	if s.config != nil {
		secured := tls.Server(raw, s.config)
		if secured.Handshake() != nil {
			return
		}
		if len(secured.ConnectionState().PeerCertificates) > 0 {
			s.mu.Lock()
			s.peers++
			s.mu.Unlock()
		}
		conn = secured
		defer secured.Close()
	}
	in := bufio.NewReader(conn)
	for n := 1; ; n++ {
		digits, err := in.ReadString(' ')
		if err != nil {
			return
		}
		length, err := strconv.Atoi(strings.TrimSuffix(digits, " "))
		if err != nil || digits[0] == '0' {
			s.mu.Lock()
			s.failure = "a frame begins with " + digits
			s.mu.Unlock()
			return
		}
		frame := make([]byte, length)
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		seq, err := sequenceOf(frame[strings.IndexByte(string(frame), '{'):])
		s.mu.Lock()
		if s.seqs = append(s.seqs, seq); len(s.seqs) == 1 {
			s.first = string(frame)
		}
		if err != nil {
			s.failure = "a frame holds no record: " + err.Error()
		}
		over := n == s.endAfter
		s.mu.Unlock()
		if over {
			_ = raw.(*net.TCPConn).SetLinger(0)
			return
		}
	}
}

func (s *syslogServer) got(t testing.TB) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != "" {
		t.Error(s.failure)
	}
	return slices.Clone(s.seqs)
}

// collector receives OTLP/HTTP logs in JSON.
type collector struct {
	mu      sync.Mutex
	answer  func(n int, w http.ResponseWriter, records int) bool // false: it has answered itself, and nothing is taken
	posts   int
	records []logRecord
	headers http.Header
	failure string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posts++
	c.headers = r.Header.Clone()
	if r.URL.Path != "/v1/logs" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		c.failure = r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type")
	}
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		c.failure = err.Error()
		return
	}
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	var request exportRequest
	if err := decoder.Decode(&request); err != nil {
		c.failure = err.Error()
		return
	}
	records := request.ResourceLogs[0].ScopeLogs[0].LogRecords
	if c.answer != nil && !c.answer(c.posts, w, len(records)) {
		return
	}
	c.records = append(c.records, records...)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

func (c *collector) got(t testing.TB) []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != "" {
		t.Error(c.failure)
	}
	var all []uint64
	for _, record := range c.records {
		seq, err := sequenceOf([]byte(*record.Body.String))
		must(t, err)
		all = append(all, seq)
	}
	return all
}
