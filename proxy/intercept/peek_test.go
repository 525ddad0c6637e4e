package intercept

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPeekTellsWhatTheClientBegan(t *testing.T) {
	hello := realHellos(t)["TLS 1.2"]
	for name, test := range map[string]struct {
		sent string
		want Opening
		name string
	}{
		"a ClientHello":                    {string(hello), OpeningTLS, "api.example.com"},
		"GET":                              {"GET / HTTP/1.1\r\n", OpeningHTTP, ""},
		"a method with a hyphen":           {"VERSION-CONTROL /x HTTP/1.1\r\n", OpeningHTTP, ""},
		"the longest method registered":    {"UPDATEREDIRECTREF /x HTTP/1.1\r\n", OpeningHTTP, ""},
		"HTTP/2 without TLS":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", OpeningHTTP, ""},
		"an SSH banner":                    {"SSH-2.0-OpenSSH_9.7\r\n", OpeningOther, ""},
		"a word that is too long":          {strings.Repeat("A", 30), OpeningOther, ""},
		"binary":                           {"\x00\x01\x02", OpeningOther, ""},
		"a space first":                    {" GET / HTTP/1.1\r\n", OpeningOther, ""},
		"a word, and then nothing in time": {"HELLO", OpeningOther, ""},
		"nothing in time":                  {"", OpeningSilent, ""},
	} {
		for pace, chunk := range map[string]int{"at once": 1 << 20, "byte by byte": 1} {
			t.Run(name+" "+pace, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, proxy := net.Pipe()
					var writing sync.WaitGroup
					writing.Go(func() {
						for rest := []byte(test.sent); len(rest) > 0; {
							n, err := client.Write(rest[:min(chunk, len(rest))])
							if err != nil {
								return // Peek knew enough
							}
							rest = rest[n:]
							time.Sleep(time.Millisecond)
						}
					})
					opening, ahead, serverName, err := Peek(proxy, time.Second)
					if opening != test.want || serverName != test.name || err != nil {
						t.Errorf("opening %d, name %q, %v; want %d, %q", opening, serverName, err, test.want, test.name)
					}
					if !strings.HasPrefix(test.sent, string(ahead)) || len(ahead) == 0 && test.sent != "" {
						t.Errorf("%q is not what was sent first", ahead)
					}
					rest := len(test.sent) - len(ahead)
					time.Sleep(time.Hour) // no deadline is left on the connection
					if _, err := io.CopyN(io.Discard, proxy, int64(rest)); err != nil {
						t.Errorf("reading on: %v", err)
					}
					client.Close()
					proxy.Close()
					writing.Wait()
				})
			})
		}
	}
}

func TestPeekSaysWhyItCouldNotTell(t *testing.T) {
	hello := realHellos(t)["TLS 1.2"]
	oversize := fragmented(record(append([]byte{1, 0, 0x3f, 0xff}, make([]byte, 0x3fff)...)), 1)
	for name, test := range map[string]struct {
		sent  []byte
		close bool
		want  error // nil: any
		ahead int
	}{
		"a ClientHello that stops":            {hello[:50], false, os.ErrDeadlineExceeded, 50},
		"a ClientHello that is cut off":       {hello[:50], true, io.EOF, 50},
		"a client that leaves without a word": {nil, true, io.EOF, 0},
		"a ClientHello without end":           {oversize, false, nil, MaxClientHello},
		"a handshake that is none":            {[]byte{22, 3, 1, 0, 1, 9}, false, nil, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, proxy := net.Pipe()
				go func() {
					_, _ = client.Write(test.sent)
					if test.close {
						client.Close()
					}
				}()
				_, ahead, serverName, err := Peek(proxy, time.Second)
				if err == nil || test.want != nil && !errors.Is(err, test.want) || serverName != "" {
					t.Errorf("name %q, %v; want %v", serverName, err, test.want)
				}
				if len(ahead) < test.ahead || len(ahead) > 2*MaxClientHello || !bytes.HasPrefix(test.sent, ahead) {
					t.Errorf("%d bytes read ahead, want %d", len(ahead), test.ahead)
				}
				client.Close()
				proxy.Close()
			})
		})
	}
}
