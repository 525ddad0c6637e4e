package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers questions for A records over UDP with what answer says at the time.
func nameServer(t testing.TB, answer func(name string) (addresses [][4]byte)) string {
	t.Helper()
	return recordServer(t, func(question dnsmessage.Question) (answers []dnsmessage.Resource) {
		if question.Type != dnsmessage.TypeA {
			return nil
		}
		for _, address := range answer(question.Name.String()) {
			answers = append(answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: address},
			})
		}
		return answers
	})
}

// aliasServer answers that alias is another name for host, which is at address.
func aliasServer(t testing.TB, alias, host string, address [4]byte) string {
	t.Helper()
	target := dnsmessage.MustNewName(host)
	return recordServer(t, func(question dnsmessage.Question) []dnsmessage.Resource {
		if question.Type != dnsmessage.TypeA || question.Name.String() != alias {
			return nil
		}
		return []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.CNAMEResource{CNAME: target}},
			{Header: dnsmessage.ResourceHeader{Name: target, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: address}},
		}
	})
}

// recordServer answers questions over UDP with the records that answer gives for them.
func recordServer(t testing.TB, answer func(dnsmessage.Question) []dnsmessage.Resource) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		socket.Close()
		<-done
	})
	go func() {
		defer close(done)
		for buffer := make([]byte, 1500); ; {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(buffer[:n]) != nil || len(message.Questions) != 1 {
				continue
			}
			message.Response, message.Additionals = true, nil
			message.Answers = answer(message.Questions[0])
			if packed, err := message.Pack(); err == nil {
				_, _ = socket.WriteTo(packed, from)
			}
		}
	}()
	return socket.LocalAddr().String()
}

func TestResolverThatAnswersPrivateAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Resolver.Servers = []string{nameServer(t, func(name string) [][4]byte {
		if name == "mixed.test." {
			return [][4]byte{{93, 184, 215, 14}, {10, 0, 0, 1}}
		}
		return [][4]byte{{10, 0, 0, 1}}
	})}
	w.start()
	for _, request := range []string{
		"GET http://inside.test/ HTTP/1.1\r\nHost: inside.test\r\n\r\n",
		"GET http://mixed.test/ HTTP/1.1\r\nHost: mixed.test\r\n\r\n",
		"CONNECT inside.test:443 HTTP/1.1\r\nHost: inside.test:443\r\n\r\n",
	} {
		connection := w.dial()
		write(t, connection, request)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		must(t, err)
		if p := cleanRefusal(t, response); p.Status != http.StatusForbidden || p.Error != "destination_ip_prohibited" {
			t.Errorf("%.30q: %+v", request, p)
		} else if r := w.flow(p.FlowID); r.Outcome != evidence.Refused || r.Verdict != "" {
			t.Errorf("record %+v", r)
		}
	}
}

func TestResolverThatChangesItsAnswerCannotMoveATunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.serve("rebound.test", echo)
	delete(w.config.Hosts, "rebound.test")
	var asked atomic.Int64
	w.config.Resolver.Servers = []string{nameServer(t, func(string) [][4]byte {
		if asked.Add(1) == 1 {
			return [][4]byte{{127, 0, 0, 1}} // exempt, with a TTL of 0
		}
		return [][4]byte{{10, 0, 0, 1}}
	})}
	w.config.Resolver.MinTTL = time.Millisecond
	w.start()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	authority := fmt.Sprintf("rebound.test:%d", port)
	tunnel, _ := w.peer().tunnel(authority)
	inner := tls.Client(tunnel, &tls.Config{RootCAs: w.roots(), ServerName: "rebound.test"})
	reader := bufio.NewReader(inner)
	refused := func() bool {
		_, _, response := w.connect(authority)
		if response.StatusCode == 200 {
			return false
		}
		if p := cleanRefusal(t, response); p.Error != "destination_ip_prohibited" {
			t.Errorf("%+v", p)
		}
		return true
	}
	w.eventually("the new answer to be refused", refused)
	for range 3 {
		fmt.Fprintf(inner, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", authority)
		if response, body := readAnswer(t, reader); response.StatusCode != 200 {
			t.Errorf("in the tunnel that was decided: %d %s", response.StatusCode, body)
		}
	}
	record := w.record(func(r evidence.Record) bool { return r.Request.Method == "GET" })
	if record.Destination.Address.String() != "127.0.0.1" || record.Destination.Exemption != "test origins" {
		t.Errorf("record %+v", record.Destination)
	}
}

func TestNamesThatDoNotResolve(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { silent.Close() })
	w.config.Resolver.Servers = []string{nameServer(t, func(string) [][4]byte { return nil })}
	w.start()
	late := newWorld(t)
	late.config.Resolver.Servers = []string{silent.LocalAddr().String()}
	late.config.Resolver.Timeout = 200 * time.Millisecond
	late.start()
	for _, c := range []struct {
		w      *world
		status int
		name   string
	}{{w, http.StatusBadGateway, "dns_error"}, {late, http.StatusGatewayTimeout, "dns_timeout"}} {
		response, err := c.w.client().Get("http://nowhere.test/")
		must(t, err)
		p := cleanRefusal(t, response)
		if p.Status != c.status || p.Error != c.name {
			t.Errorf("%+v", p)
		}
		if r := c.w.flow(p.FlowID); r.Outcome != evidence.Failed || r.Error != c.name {
			t.Errorf("record %+v", r)
		}
	}
}
