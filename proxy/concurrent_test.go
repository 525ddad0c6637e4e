package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules"
	"github.com/coder/websocket"
)

// crowd is many clients of several kinds at once.
type crowd struct {
	*world
	ctx       context.Context
	draining  atomic.Bool
	forwarded atomic.Int64 // requests that the inspected origin saw
	tunnelled atomic.Int64 // requests that the other origin saw
}

// failed reports an error that a client must not have met; once the proxy drains, being cut off is
// part of the story.
func (c *crowd) failed(what string, err error) bool {
	if err != nil && !c.draining.Load() {
		c.t.Errorf("%s: %v", what, err)
	}
	return err != nil
}

func TestTwoHundredMixedClientsThroughReloadsAndADrainLoseNothing(t *testing.T) {
	descriptors := openDescriptors(t)
	w := newWorld(t)
	c := &crowd{world: w}
	origin := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.forwarded.Add(1)
		if r.Header.Get("Upgrade") == "" {
			echo(rw, r)
			return
		}
		socket, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		defer socket.CloseNow()
		for {
			kind, message, err := socket.Read(context.Background())
			if err != nil || socket.Write(context.Background(), kind, message) != nil {
				return
			}
		}
	})
	w.serve("shop.us.test", origin)
	w.place("shop.us.test", "US")
	w.serve("tunnel.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.tunnelled.Add(1)
		echo(rw, r)
	}))
	versions := [2]string{tunnelPolicy("a", true), tunnelPolicy("b", false)}
	w.policy(versions[0])
	w.config.DrainDeadline = 2 * time.Second
	w.start()

	ctx, stop := context.WithCancel(t.Context())
	c.ctx = ctx
	var clients sync.WaitGroup
	for i := range 200 {
		switch i % 4 {
		case 0:
			clients.Go(func() { c.requests(w.client(http1), i) })
		case 1:
			clients.Go(func() { c.requests(w.client(), i) })
		case 2:
			clients.Go(c.sockets)
		default:
			clients.Go(c.tunnels)
		}
	}
	for i := range 12 { // reloads under load; a third of them broken
		text := versions[i%2]
		if i%3 == 2 {
			text = "rules: ["
		}
		w.policy(text)
		w.eventually("the policy to be read", func() bool {
			status := w.proxy.PolicyStatus()
			if i%3 == 2 {
				return status.LastError != nil
			}
			return status.LastError == nil && status.Hash == hashOf(t, text)
		})
	}
	c.draining.Store(true)
	drained := w.end()
	stop()
	clients.Wait()
	must(t, drained)
	c.check()
	w.eventually("descriptors to be back", func() bool { return openDescriptors(t) <= descriptors+8 })
}

func hashOf(t testing.TB, policy string) string {
	parsed, problems := rules.Parse(map[string][]byte{"policy.yaml": []byte(policy)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return parsed.Hash()
}

// tunnelPolicy differs by its name alone, so that the hash tells the versions apart, and in whether
// cards are stopped. tunnel.test is tunnelled in both.
func tunnelPolicy(name string, block bool) string {
	verdict := "block"
	if !block {
		verdict = "log"
	}
	return fmt.Sprintf(`apiVersion: borderflow/v1
kind: Policy
name: %s
default: allow
inspect:
  - when: destination.host == "tunnel.test"
    level: sni
rules:
  - id: no-cards-to-us
    description: Payment cards stay out of the United States
    when: destination.country == "US" && data.has("financial")
    verdict: %s
`, name, verdict)
}

func (c *crowd) requests(client *http.Client, seed int) {
	for i := seed; c.ctx.Err() == nil; i++ {
		body := fmt.Sprintf(`{"order":%d}`, i)
		if i%3 == 0 {
			body = `{"card":"5555555555554444"}`
		}
		request, _ := http.NewRequestWithContext(c.ctx, "POST", "https://shop.us.test/", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if c.failed("request", err) {
			continue
		}
		content, err := io.ReadAll(response.Body)
		response.Body.Close()
		c.failed("response", err)
		switch {
		case response.StatusCode == 200 && strings.HasSuffix(string(content), body):
		case response.StatusCode == 403 && i%3 == 0:
		case response.StatusCode == 503 && c.draining.Load():
		default:
			c.t.Errorf("%s: %d %s", body, response.StatusCode, content)
		}
	}
}

func (c *crowd) sockets() {
	client := c.client(http1)
	client.Timeout = 0
	for c.ctx.Err() == nil {
		socket, response, err := websocket.Dial(c.ctx, "wss://shop.us.test/", &websocket.DialOptions{HTTPClient: client})
		if response != nil && response.Body != nil {
			response.Body.Close()
		}
		if c.failed("WebSocket", err) {
			continue
		}
		c.converse(socket)
		socket.CloseNow()
	}
}

// converse exchanges messages until the WebSocket ends: a policy that newly depends on what is said
// may end it.
func (c *crowd) converse(socket *websocket.Conn) {
	for i := range 20 {
		message := fmt.Sprintf("message %d", i)
		if err := socket.Write(c.ctx, websocket.MessageText, []byte(message)); err != nil {
			c.allowedEnd(err)
			return
		}
		_, got, err := socket.Read(c.ctx)
		if err != nil {
			c.allowedEnd(err)
			return
		}
		if string(got) != message {
			c.t.Errorf("WebSocket echoed %q for %q", got, message)
		}
	}
	_ = socket.Close(websocket.StatusNormalClosure, "")
}

func (c *crowd) allowedEnd(err error) {
	var closed websocket.CloseError
	if errors.As(err, &closed) && (closed.Code == websocket.StatusServiceRestart || closed.Code == websocket.StatusGoingAway) {
		return
	}
	c.failed("WebSocket message", err)
}

func (c *crowd) tunnels() {
	for c.ctx.Err() == nil {
		c.tunnel()
	}
}

func (c *crowd) tunnel() {
	client := c.client(http1, func(transport *http.Transport) {
		transport.TLSClientConfig = &tls.Config{RootCAs: c.ca.pool()}
	})
	defer client.CloseIdleConnections()
	for i := range 5 {
		body := fmt.Sprintf(`{"card":"5555555555554444","order":%d}`, i)
		request, _ := http.NewRequestWithContext(c.ctx, "POST", "https://tunnel.test/", strings.NewReader(body))
		response, err := client.Do(request)
		if c.failed("request in a tunnel", err) {
			return
		}
		content, err := io.ReadAll(bufio.NewReader(response.Body))
		response.Body.Close()
		if !c.failed("response in a tunnel", err) && !strings.HasSuffix(string(content), body) {
			c.t.Errorf("a tunnel answered %q", content)
		}
	}
}

// check holds what was recorded against what clients and origins saw.
func (c *crowd) check() {
	t := c.t
	requests, tunnels := 0, 0
	ids := map[string]bool{}
	for _, record := range c.records() {
		if record.Kind != evidence.KindFlow {
			t.Errorf("a record of kind %q", record.Kind)
		}
		if ids[record.ID] {
			t.Errorf("flow %s has two records", record.ID)
		}
		ids[record.ID] = true
		if record.Verdict != "allow" && record.Verdict != "block" && record.Outcome != evidence.Refused && record.Outcome != evidence.Aborted {
			t.Errorf("an undecided flow: %+v", record)
		}
		if record.Request.Protocol == "connect" {
			tunnels++
		} else {
			requests++
		}
	}
	t.Logf("%d requests and %d tunnels recorded; origins saw %d and %d requests",
		requests, tunnels, c.forwarded.Load(), c.tunnelled.Load())
	if int64(requests) < c.forwarded.Load() {
		t.Error("origins saw requests that are not recorded")
	}
	if tunnels == 0 || c.forwarded.Load() == 0 {
		t.Error("some kind of flow did not happen at all")
	}
}

func openDescriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open descriptors cannot be counted here: no /proc")
	}
	return len(entries)
}
