package intercept

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// wire is a connection that reads from one buffer and keeps what is written.
type wire struct {
	in  io.Reader
	out bytes.Buffer
}

func (w *wire) Read(p []byte) (int, error)       { return w.in.Read(p) }
func (w *wire) Write(p []byte) (int, error)      { return w.out.Write(p) }
func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// helloOf is the ClientHello that crypto/tls sends with config.
func helloOf(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	w := &wire{in: strings.NewReader("")}
	if err := tls.Client(w, config).Handshake(); err == nil {
		t.Fatal("handshake without a server succeeded")
	}
	return w.out.Bytes()
}

func realHellos(t testing.TB) map[string][]byte {
	const name = "api.example.com"
	return map[string][]byte{
		"TLS 1.3 with a post-quantum key share": helloOf(t, &tls.Config{ServerName: name,
			CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}),
		"TLS 1.3 with a classic key share": helloOf(t, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS13,
			CurvePreferences: []tls.CurveID{tls.X25519}}),
		"TLS 1.2":   helloOf(t, &tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12}),
		"with ALPN": helloOf(t, &tls.Config{ServerName: name, NextProtos: []string{"h2", "http/1.1"}}),
		"no name":   helloOf(t, &tls.Config{InsecureSkipVerify: true}),
		"no name, TLS 1.2": helloOf(t, &tls.Config{InsecureSkipVerify: true,
			MaxVersion: tls.VersionTLS12}),
		"an address, which is no name": helloOf(t, &tls.Config{ServerName: "192.0.2.1"}),
		"a long name": helloOf(t, &tls.Config{ServerName: strings.Repeat(strings.Repeat("a", 60)+".", 4) +
			"example"}),
	}
}

// cryptoServerName has crypto/tls read hello; ok is false when it finds it malformed.
func cryptoServerName(hello []byte) (name string, ok bool) {
	server := tls.Server(&wire{in: bytes.NewReader(hello)}, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			name, ok = info.ServerName, true
			return nil, errors.New("seen")
		},
	})
	_ = server.Handshake()
	return name, ok
}

// fragmented splits the one record of hello into records of at most size bytes.
func fragmented(hello []byte, size int) (records []byte) {
	for rest := hello[recordHead:]; len(rest) > 0; {
		n := min(size, len(rest))
		records = append(records, hello[0], hello[1], hello[2], byte(n>>8), byte(n))
		records = append(records, rest[:n]...)
		rest = rest[n:]
	}
	return records
}

func TestServerNameIsTheOneThatCryptoTLSReads(t *testing.T) {
	for name, hello := range realHellos(t) {
		t.Run(name, func(t *testing.T) {
			want, ok := cryptoServerName(hello)
			if !ok {
				t.Fatal("crypto/tls does not read its own ClientHello")
			}
			if got, err := ServerName(hello); got != want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
			for size := 1; size < len(hello); size = size*2 + 1 {
				if got, err := ServerName(fragmented(hello, size)); got != want || err != nil {
					t.Errorf("in records of %d: %q, %v; want %q", size, got, err, want)
				}
			}
			if got, err := ServerName(append(hello[:len(hello):len(hello)], "early data"...)); got != want || err != nil {
				t.Errorf("with more behind it: %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestEveryBeginningOfAClientHelloAsksForMore(t *testing.T) {
	for name, hello := range realHellos(t) {
		for _, p := range [][]byte{hello, fragmented(hello, 7)} {
			for n := range len(p) {
				if got, err := ServerName(p[:n]); got != "" || !errors.Is(err, ErrIncomplete) {
					t.Fatalf("%s, %d bytes of %d: %q, %v; want ErrIncomplete", name, n, len(p), got, err)
				}
			}
		}
	}
}

// hello builds a ClientHello with these extensions.
func hello(extensions ...[]byte) []byte {
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0x13, 0x01, 1, 0)
	if all := bytes.Join(extensions, nil); extensions != nil {
		body = append(body, byte(len(all)>>8), byte(len(all)))
		body = append(body, all...)
	}
	return record(append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...))
}

func record(message []byte) []byte {
	return append([]byte{22, 3, 1, byte(len(message) >> 8), byte(len(message))}, message...)
}

// names is a server_name extension with a host_name entry for each name.
func names(names ...string) []byte {
	var list []byte
	for _, name := range names {
		list = append(list, 0, byte(len(name)>>8), byte(len(name)))
		list = append(list, name...)
	}
	n := len(list)
	return append([]byte{0, 0, byte((n + 2) >> 8), byte(n + 2), byte(n >> 8), byte(n)}, list...)
}

func TestClientHelloThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		hello []byte
		want  string
		fails bool
	}{
		"one name":                      {hello(names("a.example")), "a.example", false},
		"an extension before the name":  {hello([]byte{0, 23, 0, 0}, names("a.example")), "a.example", false},
		"no extensions at all":          {hello(), "", false},
		"two names in the extension":    {hello(names("a.example", "b.example")), "", true},
		"the extension twice":           {hello(names("a.example"), names("b.example")), "", true},
		"the extension twice, one same": {hello(names("a.example"), names("a.example")), "", true},
		"an empty name":                 {hello(names("")), "", true},
		"an empty list":                 {hello([]byte{0, 0, 0, 2, 0, 0}), "", true},
		"bytes behind the list":         {hello([]byte{0, 0, 0, 3, 0, 0, 9}), "", true},
		"an extension that ends early":  {hello([]byte{0, 0, 0, 9}), "", true},
		"another handshake message":     {record([]byte{2, 0, 0, 1, 0}), "", true},
		"an empty record":               {record(nil), "", true},
		"an alert":                      {[]byte{21, 3, 3, 0, 2, 2, 112}, "", true},
		"not TLS behind the first byte": {[]byte{22, 4}, "", true},
		"a message over the limit":      {record([]byte{1, 1, 0, 0}), "", true},
		"a record over the limit":       {[]byte{22, 3, 1, 0x40, 1}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ServerName(test.hello)
			if got != test.want || (err != nil) != test.fails || errors.Is(err, ErrIncomplete) {
				t.Errorf("%q, %v; want %q, an error: %v", got, err, test.want, test.fails)
			}
		})
	}
}

func TestClientHelloIsNotReadForEver(t *testing.T) {
	message := append([]byte{1, 0, 0x3f, 0xff}, make([]byte, 0x3fff)...)
	records := fragmented(record(message), 1)
	if _, err := ServerName(records[:MaxClientHello-1]); !errors.Is(err, ErrIncomplete) {
		t.Errorf("below the limit: %v", err)
	}
	if _, err := ServerName(records[:MaxClientHello]); err == nil || errors.Is(err, ErrIncomplete) {
		t.Errorf("at the limit: %v, want an error that ends it", err)
	}
}

func TestClientHelloInOneRecordIsReadInPlace(t *testing.T) {
	p := realHellos(t)["TLS 1.3 with a post-quantum key share"]
	if got := testing.AllocsPerRun(100, func() { _, _ = ServerName(p) }); got > 1 {
		t.Errorf("%v allocations, want only the name", got)
	}
}

func FuzzServerNameAgreesWithCryptoTLS(f *testing.F) {
	for _, p := range realHellos(f) {
		f.Add(p)
		f.Add(fragmented(p, 50))
		f.Add(p[:len(p)-3])
	}
	f.Add(hello(names("a.example"), names("b.example")))
	f.Add(hello(names("a.example", "b.example")))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		tight := append(make([]byte, 0, len(p)), p...)
		name, err := ServerName(tight)
		if err != nil && name != "" {
			t.Errorf("a name with an error: %q, %v", name, err)
		}
		if errors.Is(err, errRecord) || len(p) > MaxClientHello {
			return // crypto/tls does not mind record versions that no client sends
		}
		if want, ok := cryptoServerName(p); ok && (err != nil || name != want) {
			t.Errorf("%q, %v; crypto/tls reads %q", name, err, want)
		}
	})
}

func BenchmarkServerName(b *testing.B) {
	for name, p := range realHellos(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ServerName(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
