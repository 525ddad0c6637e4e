package proxy_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// internals are what no client may read: addresses, and errors in the words of Go's packages.
var internals = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|\[::|::1|\bdial\b|\btcp\b|connect: |lookup|EOF\b|` +
	`\btarget\d+\b|x509|tls: |http2?: |net/http|i/o timeout|context (deadline|canceled)|goroutine|\.go:|read: |write: `)

// mustNotLeak fails when an answer holds something internal. What the client sent it may read again.
func mustNotLeak(t testing.TB, response *http.Response, body string, sent ...string) {
	t.Helper()
	var head strings.Builder
	must(t, response.Header.Write(&head))
	text := response.Status + "\n" + head.String() + "\n" + body
	for _, part := range sent {
		text = strings.ReplaceAll(text, part, "")
	}
	if found := internals.FindString(text); found != "" {
		t.Errorf("the answer shows %q:\n%s", found, text)
	}
}

// cleanRefusal reads a refusal, checks that its parts agree and that nothing internal is in it.
func cleanRefusal(t testing.TB, response *http.Response, sent ...string) problem {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	response.Body.Close()
	mustNotLeak(t, response, string(body), sent...)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return refusal(t, response)
}

func TestMalformedCONNECTTargetsAreRefusedWithWhatWasExpected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	targets := map[string]string{
		"no port":                   "example.com",
		"an empty port":             "example.com:",
		"port 0":                    "example.com:0",
		"a port over 65535":         "example.com:65536",
		"a port of letters":         "example.com:https",
		"a negative port":           "example.com:-1",
		"no host":                   ":443",
		"user information":          "user:secret@example.com:443",
		"a path":                    "example.com:443/path",
		"a label of 64 bytes":       strings.Repeat("a", 64) + ".com:443",
		"an empty label":            "example..com:443",
		"a zone":                    "[fe80::1%25eth0]:443",
		"IPv6 without brackets":     "2001:db8::1:443",
		"a bracket that stays open": "[2001:db8::1:443",
		"percent-encoding":          "%65xample.com:443",
		"five numbers":              "1.2.3.4.5:443",
		"a number over 255":         "256.1.1.1:443",
		"a URL":                     "https://example.com:443",
		"a very long name":          strings.Repeat("a.", 1500) + "com:443",
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			response, body := w.raw("CONNECT " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")
			if response.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d, body %s", response.StatusCode, body)
			}
			mustNotLeak(t, response, body, target, fmt.Sprintf("%q", target))
			if strings.Contains(body, "secret") {
				t.Error("a password is repeated")
			}
		})
	}
}

func TestHeadersBeyondTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.config.Limits.HeaderSize = 8 << 10
	w.start()
	heads := map[string]string{
		"one long field":        "X-Long: " + strings.Repeat("a", 64<<10) + "\r\n",
		"a long URL":            "",
		"100,000 fields":        strings.Repeat("a: b\r\n", 100_000),
		"a field with no value": strings.Repeat("a", 64<<10) + ": \r\n",
	}
	for name, fields := range heads {
		t.Run(name, func(t *testing.T) {
			url := "http://plain.origin.test/"
			if fields == "" {
				url += strings.Repeat("a", 64<<10)
			}
			response, body := w.raw("GET " + url + " HTTP/1.1\r\nHost: plain.origin.test\r\n" + fields + "\r\n")
			if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("status %d", response.StatusCode)
			}
			mustNotLeak(t, response, body)
		})
	}
}

func TestTwoLengthsAreRefusedWhereverTheyCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var reached atomic.Int64
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/smuggled" || r.Method == http.MethodPost {
			reached.Add(1)
		}
		rw.Header().Set("Content-Length", "0")
	}))
	w.start()
	const both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: origin.test\r\n\r\n"
	inner := "POST / HTTP/1.1\r\nHost: origin.test\r\n" + both
	open := map[string]func() (io.Writer, *bufio.Reader, string){
		"to the proxy": func() (io.Writer, *bufio.Reader, string) {
			c := w.dial()
			return c, bufio.NewReader(c), "http://plain.origin.test"
		},
		"inside TLS": func() (io.Writer, *bufio.Reader, string) {
			c, reader := w.peer().inside("origin.test")
			return c, reader, ""
		},
		"inside a plain tunnel": func() (io.Writer, *bufio.Reader, string) {
			c, reader := w.peer().tunnel("plain.origin.test:80")
			return c, reader, ""
		},
	}
	for place, open := range open {
		for _, first := range []string{"", "GET %s/ HTTP/1.1\r\nHost: %s\r\n\r\n"} {
			t.Run(fmt.Sprintf("%s, pipelined %v", place, first != ""), func(t *testing.T) {
				connection, reader, prefix := open()
				host := "origin.test"
				if place != "inside TLS" {
					host = "plain.origin.test"
				}
				request := strings.Replace(strings.ReplaceAll(inner, "origin.test", host), "POST /", "POST "+prefix+"/", 1)
				if first != "" {
					request = fmt.Sprintf(first, prefix, host) + request
				}
				_, err := io.WriteString(connection, request)
				must(t, err)
				if first != "" {
					if response, _ := readAnswer(t, reader); response.StatusCode != 200 {
						t.Errorf("the request before: status %d", response.StatusCode)
					}
				}
				response, err := http.ReadResponse(reader, nil)
				must(t, err)
				if p := cleanRefusal(t, response); p.Status != http.StatusBadRequest || p.Error != "http_request_error" {
					t.Errorf("%+v", p)
				}
				if rest, err := io.ReadAll(reader); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the connection goes on with %q, %v", rest, err)
				}
			})
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests reached the origin", n)
	}
}

func TestRequestsThatContradictTheirTunnelAreMisdirected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var reached atomic.Int64
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	w.serve("decided.test", count)
	w.serve("other.test", count)
	w.start()
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"a URL with another scheme":  {"GET http://decided.test/ HTTP/1.1\r\nHost: decided.test\r\n\r\n", 421},
		"a URL with another host":    {"GET https://other.test/ HTTP/1.1\r\nHost: decided.test\r\n\r\n", 421},
		"a Host of the other port":   {"GET / HTTP/1.1\r\nHost: decided.test:80\r\n\r\n", 421},
		"a Host that is an address":  {"GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", 421},
		"a CONNECT":                  {"CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n", 400},
		"a CONNECT to the same host": {"CONNECT decided.test:443 HTTP/1.1\r\nHost: decided.test:443\r\n\r\n", 400},
		"a Host that is malformed":   {"GET / HTTP/1.1\r\nHost: decided..test\r\n\r\n", 400},
		"a URL of unknown scheme":    {"GET ftp://decided.test/ HTTP/1.1\r\nHost: decided.test\r\n\r\n", 421},
		"a WebSocket to other hosts": {"GET / HTTP/1.1\r\nHost: other.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 421},
	} {
		t.Run(name, func(t *testing.T) {
			inner, reader := w.peer().inside("decided.test")
			_, err := io.WriteString(inner, c.request)
			must(t, err)
			response, err := http.ReadResponse(reader, nil)
			must(t, err)
			p := cleanRefusal(t, response, "decided..test")
			if p.Status != c.status {
				t.Errorf("status %d, reason %q", p.Status, p.Reason)
			}
			if r := w.flow(p.FlowID); r.Outcome != evidence.Refused || r.Destination.Host != "decided.test" || r.Verdict != "" {
				t.Errorf("record %+v", r)
			}
		})
	}
	t.Run("an :authority of another host", func(t *testing.T) {
		inner, _ := w.peer().inside("decided.test", func(c *tls.Config) { c.NextProtos = []string{"h2"} })
		connection := http2Over(t, inner)
		request, err := http.NewRequest("GET", "https://other.test/", nil)
		must(t, err)
		response, err := connection.RoundTrip(request)
		must(t, err)
		p := cleanRefusal(t, response)
		if p.Status != 421 || response.ProtoMajor != 2 {
			t.Errorf("%s, status %d", response.Proto, p.Status)
		}
		if r := w.flow(p.FlowID); r.Outcome != evidence.Refused || r.Request.Protocol != "h2" {
			t.Errorf("record %+v", r)
		}
	})
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests reached an origin", n)
	}
}

func TestRequestsThatTheProxyCannotForwardAreExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.start()
	w.config.Hosts["self.test"] = nil
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"an unknown scheme":          {"GET ftp://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400},
		"a request for a server":     {"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400},
		"an asterisk":                {"OPTIONS * HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400},
		"a URL without a host":       {"GET http:///path HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400},
		"a URL with a bad port":      {"GET http://origin.test:99999/ HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400},
		"a control byte in a value":  {"GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nX: a\x01b\r\n\r\n", 400},
		"a NUL in a value":           {"GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nX: a\x00b\r\n\r\n", 400},
		"a carriage return alone":    {"GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nX: a\rY: b\r\n\r\n", 400},
		"a space before the colon":   {"GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nX : a\r\n\r\n", 400},
		"two Hosts":                  {"GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nHost: b.test\r\n\r\n", 400},
		"no Host":                    {"GET http://plain.origin.test/ HTTP/1.1\r\n\r\n", 400},
		"two different lengths":      {"POST http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		"a length that is no number": {"POST http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nContent-Length: +1\r\n\r\na", 400},
		"an unknown coding":          {"POST http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nTransfer-Encoding: gzip\r\n\r\na", 501},
		"an unknown version":         {"GET http://plain.origin.test/ HTTP/3.7\r\nHost: plain.origin.test\r\n\r\n", 505},
		"no HTTP at all":             {"\x16\x03\x01\x00\x05hello\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := w.raw(c.request)
			if response.StatusCode != c.status {
				t.Errorf("status %d, body %s", response.StatusCode, body)
			}
			mustNotLeak(t, response, body)
		})
	}
}

func TestProxyDoesNotCallItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	own := w.address()
	for _, request := range []string{
		"GET http://" + own + "/ HTTP/1.1\r\nHost: " + own + "\r\n\r\n",
		"CONNECT " + own + " HTTP/1.1\r\nHost: " + own + "\r\n\r\n",
		"GET http://" + w.proxy.AdminAddress().String() + "/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		connection := w.dial()
		_, err := io.WriteString(connection, request)
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		must(t, err)
		p := cleanRefusal(t, response)
		if p.Status != http.StatusForbidden || p.Error != "proxy_loop_detected" {
			t.Errorf("%.40q: %+v", request, p)
		}
		if r := w.flow(p.FlowID); r.Outcome != evidence.Refused || r.Error != "proxy_loop_detected" {
			t.Errorf("record %+v", r)
		}
	}
}

func TestHTTP10ClientsAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.(http.Flusher).Flush() // no length
		_, _ = io.WriteString(rw, "whole")
	}))
	w.start()
	response, body := w.raw("GET http://plain.origin.test/ HTTP/1.0\r\n\r\n")
	if response.StatusCode != 200 || body != "whole" || len(response.TransferEncoding) > 0 {
		t.Errorf("%d %q, coding %v", response.StatusCode, body, response.TransferEncoding)
	}
	connection := w.dial()
	fmt.Fprint(connection, "CONNECT origin.test:443 HTTP/1.0\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: http.MethodConnect})
	must(t, err)
	if response.StatusCode != 200 {
		t.Errorf("CONNECT: status %d", response.StatusCode)
	}
}

const blockCards = `  - id: no-cards
    description: Payment cards stay here
    when: data.has("financial")
    verdict: block
`

func TestTruncatedGzipIsUninspectable(t *testing.T) {
	t.Parallel()
	var whole bytes.Buffer
	compressor := gzip.NewWriter(&whole)
	write(t, compressor, strings.Repeat(`{"order":7,"note":"nothing to see"} `, 100))
	must(t, compressor.Close())
	truncated := whole.Bytes()[:whole.Len()/2]
	for _, onUninspectable := range []string{"", "block", "allow"} {
		t.Run("onUninspectable: "+onUninspectable, func(t *testing.T) {
			w := newWorld(t)
			w.serve("origin.test", echo)
			policy := rulesPolicy(blockCards)
			if onUninspectable != "" {
				policy += "onUninspectable: " + onUninspectable + "\n"
			}
			w.policy(policy)
			w.start()
			request, err := http.NewRequest("POST", "https://origin.test/", bytes.NewReader(truncated))
			must(t, err)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Content-Encoding", "gzip")
			response, err := w.client().Do(request)
			must(t, err)
			if onUninspectable == "allow" {
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				must(t, err)
				if response.StatusCode != 200 || string(body) != "POST HTTP/2.0 "+string(truncated) {
					t.Errorf("%d, %d bytes", response.StatusCode, len(body))
				}
				record := w.record(recorded(evidence.Completed))
				if !record.Uninspectable || record.Data.Undecodable == "" || record.Verdict != "allow" {
					t.Errorf("record %+v", record)
				}
				return
			}
			p := cleanRefusal(t, response)
			if p.Status != http.StatusForbidden || p.Rule != "no-cards" {
				t.Errorf("%+v", p)
			}
			record := w.flow(p.FlowID)
			if !record.Uninspectable || record.Data.Undecodable == "" || record.Bytes.Sent != 0 || record.Outcome != evidence.Blocked {
				t.Errorf("record %+v", record)
			}
		})
	}
}

func TestBodyBeyondTheLimit(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("0123456789abcdef", 16<<10) // 256 KiB
	for _, onUninspectable := range []string{"block", "allow"} {
		w := newWorld(t)
		w.serve("origin.test", echo)
		w.config.Inspect.HoldUntilDecided = 40 << 10
		w.policy(rulesPolicy(blockCards) + "onUninspectable: " + onUninspectable + "\n")
		w.start()
		for name, source := range map[string]func() io.Reader{
			"with Content-Length":    func() io.Reader { return strings.NewReader(body) },
			"without Content-Length": func() io.Reader { return io.MultiReader(strings.NewReader(body)) },
		} {
			for protocol, client := range map[string]*http.Client{"HTTP/2": w.client(), "HTTP/1.1": w.client(http1)} {
				t.Run(onUninspectable+" "+name+" over "+protocol, func(t *testing.T) {
					response, err := client.Post("https://origin.test/", "text/plain", source())
					must(t, err)
					if onUninspectable == "block" {
						p := cleanRefusal(t, response)
						if p.Status != http.StatusRequestEntityTooLarge {
							t.Errorf("%+v", p)
						}
						if r := w.flow(p.FlowID); !r.Uninspectable || r.Bytes.Sent != 0 || r.Status != 413 {
							t.Errorf("record %+v", r)
						}
						return
					}
					defer response.Body.Close()
					got, err := io.ReadAll(response.Body)
					must(t, err)
					if response.StatusCode != 200 || string(got) != "POST HTTP/2.0 "+body {
						t.Errorf("%d, %d bytes of %d", response.StatusCode, len(got), len(body))
					}
				})
			}
		}
	}
}

func TestHeldBodiesShareABoundedMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.config.Inspect.HoldUntilDecided = 64 << 10
	w.config.Inspect.Memory = 64 << 10
	w.policy(rulesPolicy(blockCards))
	w.start()
	holder, reader := w.peer().inside("origin.test")
	write(t, holder, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 50000\r\n\r\n"+strings.Repeat("a", 49_999))
	client := w.client()
	w.eventually("the memory to be taken", func() bool {
		response := post(t, client, "https://origin.test/", "{}")
		if response.StatusCode == 200 {
			return false
		}
		p := cleanRefusal(t, response)
		if p.Status != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			t.Errorf("%+v, Retry-After %q", p, response.Header.Get("Retry-After"))
		}
		if r := w.flow(p.FlowID); r.Outcome != evidence.Refused || r.Bytes.Sent != 0 {
			t.Errorf("record %+v", r)
		}
		return true
	})
	write(t, holder, "a")
	if response, _ := readAnswer(t, reader); response.StatusCode != 200 {
		t.Errorf("the holder: status %d", response.StatusCode)
	}
	w.eventually("the memory to be given back", func() bool {
		return post(t, client, "https://origin.test/", "{}").StatusCode == 200
	})
}
