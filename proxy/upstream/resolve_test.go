package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

// nameServerReply is what a test's name server answers to one question.
type nameServerReply struct {
	records  []dnsmessage.Resource
	rcode    dnsmessage.RCode
	silent   bool
	truncate bool                                      // over UDP: no records and the truncation bit
	before   func(message dnsmessage.Message) [][]byte // messages sent ahead of the true one
	raw      []byte                                    // instead of the message
}

// testNameServer answers on one loopback port over UDP and TCP, and counts the questions it gets.
type testNameServer struct {
	address string
	answer  func(question dnsmessage.Question, network string, count int) nameServerReply

	mu     sync.Mutex
	counts map[string]int // by network and type, e.g. "udp A"
	names  []string
}

func startNameServer(t testing.TB, answer func(dnsmessage.Question, string, int) nameServerReply) *testNameServer {
	t.Helper()
	s := &testNameServer{answer: answer, counts: map[string]int{}}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = tcp.Addr().String()
	udp, err := net.ListenPacket("udp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.serveUDP(udp) })
	serving.Go(func() { s.serveTCP(tcp) })
	t.Cleanup(func() {
		udp.Close()
		tcp.Close()
		serving.Wait()
	})
	return s
}

func (s *testNameServer) serveUDP(conn net.PacketConn) {
	buffer := make([]byte, 4096)
	for {
		n, client, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		for _, message := range s.reply(buffer[:n], "udp") {
			conn.WriteTo(message, client)
		}
	}
}

func (s *testNameServer) serveTCP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		var length [2]byte
		io.ReadFull(conn, length[:])
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		io.ReadFull(conn, question)
		for _, message := range s.reply(question, "tcp") {
			conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
		}
		conn.Close()
	}
}

func (s *testNameServer) reply(packed []byte, network string) (messages [][]byte) {
	var message dnsmessage.Message
	if err := message.Unpack(packed); err != nil || len(message.Questions) != 1 {
		return nil
	}
	question := message.Questions[0]
	kind := network + " " + strings.TrimPrefix(question.Type.String(), "Type")
	s.mu.Lock()
	s.counts[kind]++
	count := s.counts[kind]
	s.names = append(s.names, question.Name.String())
	s.mu.Unlock()
	reply := s.answer(question, network, count)
	if reply.silent {
		return nil
	}
	message.Response, message.RCode, message.Answers, message.Additionals = true, reply.rcode, reply.records, nil
	if reply.before != nil {
		messages = reply.before(message)
	}
	if reply.truncate && network == "udp" {
		message.Truncated, message.Answers = true, nil
	}
	packed, err := message.Pack()
	if err != nil {
		panic(err)
	}
	if reply.raw != nil {
		packed = reply.raw
	}
	return append(messages, packed)
}

func (s *testNameServer) asked() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]int{}
	for kind, count := range s.counts {
		all[kind] = count
	}
	return all
}

func addressRecord(owner, addr string, ttl uint32) dnsmessage.Resource {
	ip := netip.MustParseAddr(addr)
	h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(owner), Class: dnsmessage.ClassINET, TTL: ttl}
	if ip.Is4() {
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: ip.As4()}}
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}}
}

func aliasRecord(owner, target string, ttl uint32) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(owner), Class: dnsmessage.ClassINET, TTL: ttl},
		Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)},
	}
}

// answerWith answers every question with the addresses of its type, with a TTL of a minute.
func answerWith(addresses ...string) func(dnsmessage.Question, string, int) nameServerReply {
	return func(q dnsmessage.Question, _ string, _ int) (reply nameServerReply) {
		for _, addr := range addresses {
			if netip.MustParseAddr(addr).Is4() == (q.Type == dnsmessage.TypeA) {
				reply.records = append(reply.records, addressRecord(q.Name.String(), addr, 60))
			}
		}
		return reply
	}
}

func newTestResolver(t testing.TB, options ResolverOptions) *Resolver {
	t.Helper()
	resolver, err := NewResolver(options)
	if err != nil {
		t.Fatal(err)
	}
	resolver.interfaces = func() ([]net.Addr, error) { return nil, nil }
	t.Cleanup(resolver.Close)
	return resolver
}

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

var comparable = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})

func TestNameServerIsAskedOnceForEachTypeWithTheNameAsItIs(t *testing.T) {
	server := startNameServer(t, answerWith("192.0.2.1", "2001:db8::1", "192.0.2.2"))
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}})
	for range 3 {
		answer, err := resolver.Lookup(t.Context(), "single")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(addrs("192.0.2.1", "192.0.2.2", "2001:db8::1"), answer.Addresses, comparable); diff != "" {
			t.Errorf("addresses (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(map[string]int{"udp A": 1, "udp AAAA": 1}, server.asked()); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	for _, name := range server.names {
		if name != "single." {
			t.Errorf("the server was asked for %q, want no search domain", name)
		}
	}
}

func TestPreferredFamilyComesFirst(t *testing.T) {
	server := startNameServer(t, answerWith("192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"))
	for prefer, want := range map[Family][]string{
		"":         {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"},
		FamilyIPv4: {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"},
		FamilyIPv6: {"2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"},
	} {
		resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}, Prefer: prefer})
		if answer, err := resolver.Lookup(t.Context(), "a.example"); err != nil || !cmp.Equal(answer.Addresses, addrs(want...), comparable) {
			t.Errorf("prefer %q: %v, %v; want %v", prefer, answer, err, want)
		}
	}
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}})
	resolver.interfaces = func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.ParseIP("2a00::5"), Mask: net.CIDRMask(64, 128)}}, nil
	}
	if answer, err := resolver.Lookup(t.Context(), "a.example"); err != nil || !answer.Addresses[0].Is6() {
		t.Errorf("with a public IPv6 address: %v, %v; want IPv6 first", answer, err)
	}
}

func TestTTLIsHonouredWithinItsBounds(t *testing.T) {
	var ttl atomic.Uint32
	server := startNameServer(t, func(q dnsmessage.Question, _ string, _ int) nameServerReply {
		if q.Type == dnsmessage.TypeAAAA {
			return nameServerReply{}
		}
		return nameServerReply{records: []dnsmessage.Resource{
			aliasRecord(q.Name.String(), "b.example.", ttl.Load()), addressRecord("b.example.", "192.0.2.1", 86400),
		}}
	})
	var now atomic.Int64 // seconds
	resolver, err := newResolver(ResolverOptions{Servers: []string{server.address}}, func() time.Time { return time.Unix(now.Load(), 0) })
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	asked := 0
	for _, test := range []struct {
		ttl  uint32
		kept int64 // seconds
	}{{0, 5}, {4, 5}, {30, 30}, {300, 300}, {86400, 300}, {1<<31 + 5, 5}} {
		ttl.Store(test.ttl)
		for _, step := range []struct {
			after int64
			asked int
		}{{0, 1}, {test.kept - 1, 0}, {1, 1}} {
			now.Add(step.after)
			answer, err := resolver.Lookup(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			asked += step.asked
			if got := server.asked()["udp A"]; got != asked || answer.TTL != time.Duration(test.kept)*time.Second {
				t.Errorf("TTL %d: %d s on, %d questions and kept for %s; want %d, %d s", test.ttl, step.after, got, answer.TTL, asked, test.kept)
			}
		}
		now.Add(1000)
	}
}

func TestNamesWithoutAddressAreKeptForTheNegativeTTL(t *testing.T) {
	for rcode, want := range map[dnsmessage.RCode]string{dnsmessage.RCodeNameError: "NXDOMAIN", dnsmessage.RCodeSuccess: "NOERROR"} {
		server := startNameServer(t, func(dnsmessage.Question, string, int) nameServerReply { return nameServerReply{rcode: rcode} })
		var now atomic.Int64
		resolver, err := newResolver(ResolverOptions{Servers: []string{server.address}}, func() time.Time { return time.Unix(now.Load(), 0) })
		if err != nil {
			t.Fatal(err)
		}
		defer resolver.Close()
		for _, step := range []struct {
			after int64
			asked int
		}{{0, 1}, {4, 1}, {1, 2}} {
			now.Add(step.after)
			_, err := resolver.Lookup(t.Context(), "a.example")
			var resolve *ResolveError
			if !errors.As(err, &resolve) || resolve.RCode != want || resolve.Timeout {
				t.Errorf("got %v, want %s", err, want)
			}
			if name, status := ProxyErrorType(err); name != "dns_error" || status != 502 {
				t.Errorf("ProxyErrorType(%v) = %s, %d", err, name, status)
			}
			if got := server.asked()["udp A"]; got != step.asked {
				t.Errorf("%s: %d questions, want %d", want, got, step.asked)
			}
		}
	}
}

func TestChainOfAliasesIsFollowedAndKept(t *testing.T) {
	chain := func(length int) func(dnsmessage.Question, string, int) nameServerReply {
		return func(q dnsmessage.Question, _ string, _ int) (reply nameServerReply) {
			owner := q.Name.String()
			for i := range length {
				next := fmt.Sprintf("Alias%d.example.", i)
				reply.records = append(reply.records, aliasRecord(owner, next, 60))
				owner = next
			}
			if q.Type == dnsmessage.TypeA {
				reply.records = append(reply.records, addressRecord(owner, "192.0.2.1", 60))
			}
			return reply
		}
	}
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{startNameServer(t, chain(3)).address}})
	answer, err := resolver.Lookup(t.Context(), "www.example")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alias0.example", "alias1.example", "alias2.example"}, answer.CNAMEs); diff != "" {
		t.Errorf("aliases (-want +got):\n%s", diff)
	}
	resolver = newTestResolver(t, ResolverOptions{Servers: []string{startNameServer(t, chain(17)).address}})
	if _, err := resolver.Lookup(t.Context(), "www.example"); err == nil || !strings.Contains(err.Error(), "more than 16 aliases") {
		t.Errorf("a chain of 17 gives %v", err)
	}
}

func TestDeceptiveAnswersAreNotBelieved(t *testing.T) {
	for name, test := range map[string]struct {
		records func(owner string) []dnsmessage.Resource
		want    string
	}{
		"address of another name": {func(string) []dnsmessage.Resource {
			return []dnsmessage.Resource{addressRecord("other.example.", "192.0.2.9", 60)}
		}, "no address"},
		"address beside an alias": {func(owner string) []dnsmessage.Resource {
			return []dnsmessage.Resource{addressRecord(owner, "192.0.2.9", 60), aliasRecord(owner, "b.example.", 60)}
		}, "no address"},
		"loop of aliases": {func(owner string) []dnsmessage.Resource {
			return []dnsmessage.Resource{aliasRecord(owner, "b.example.", 60), aliasRecord("b.example.", owner, 60)}
		}, "a loop of them"},
		"two aliases": {func(owner string) []dnsmessage.Resource {
			return []dnsmessage.Resource{aliasRecord(owner, "b.example.", 60), aliasRecord(owner, "c.example.", 60)}
		}, "two aliases"},
		"alias that is no host name": {func(owner string) []dnsmessage.Resource {
			return []dnsmessage.Resource{aliasRecord(owner, "b\r\nx: y.example.", 60)}
		}, "no host name"},
		"more records than anybody needs": {func(owner string) (all []dnsmessage.Resource) {
			for range 513 {
				all = append(all, addressRecord(owner, "192.0.2.9", 60))
			}
			return all
		}, "more than 512 records"},
	} {
		t.Run(name, func(t *testing.T) {
			server := startNameServer(t, func(q dnsmessage.Question, _ string, _ int) nameServerReply {
				return nameServerReply{records: test.records(q.Name.String())}
			})
			resolver := newTestResolver(t, ResolverOptions{Servers: []string{"tcp://" + server.address}})
			answer, err := resolver.Lookup(t.Context(), "www.example")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v; want %q", answer, err, test.want)
			}
		})
	}
}

func TestForgedMessagesDoNotReplaceTheAnswer(t *testing.T) {
	server := startNameServer(t, func(q dnsmessage.Question, _ string, _ int) nameServerReply {
		if q.Type == dnsmessage.TypeAAAA {
			return nameServerReply{}
		}
		reply := nameServerReply{records: []dnsmessage.Resource{addressRecord(q.Name.String(), "192.0.2.1", 60)}}
		reply.before = func(m dnsmessage.Message) [][]byte {
			forged := []dnsmessage.Resource{addressRecord(q.Name.String(), "192.0.2.66", 60)}
			pack := func(change func(m *dnsmessage.Message)) []byte {
				other := m
				other.Answers, other.Questions = forged, []dnsmessage.Question{q}
				change(&other)
				packed, err := other.Pack()
				if err != nil {
					panic(err)
				}
				return packed
			}
			return [][]byte{
				{}, []byte("not DNS at all"),
				pack(func(m *dnsmessage.Message) { m.ID++ }),
				pack(func(m *dnsmessage.Message) { m.Response = false }),
				pack(func(m *dnsmessage.Message) { m.OpCode = 4 }),
				pack(func(m *dnsmessage.Message) { m.Questions = nil }),
				pack(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("other.example.") }),
				pack(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeTXT }),
				pack(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, q) }),
			}
		}
		return reply
	})
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}})
	answer, err := resolver.Lookup(t.Context(), "www.example")
	if err != nil || !cmp.Equal(answer.Addresses, addrs("192.0.2.1"), comparable) {
		t.Errorf("got %v, %v; want the true answer", answer, err)
	}
}

func TestTruncatedAnswerIsFetchedOverTCP(t *testing.T) {
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprintf("192.0.2.%d", i))
	}
	full := answerWith(all...)
	server := startNameServer(t, func(q dnsmessage.Question, network string, count int) nameServerReply {
		reply := full(q, network, count)
		reply.truncate = len(reply.records) > 0
		return reply
	})
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{"udp://" + server.address}})
	answer, err := resolver.Lookup(t.Context(), "www.example")
	if err != nil || len(answer.Addresses) != 200 {
		t.Fatalf("got %v, %v; want 200 addresses", answer, err)
	}
	if diff := cmp.Diff(map[string]int{"udp A": 1, "udp AAAA": 1, "tcp A": 1}, server.asked()); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

func TestNextServerIsAskedWhenOneFails(t *testing.T) {
	good := startNameServer(t, answerWith("192.0.2.1"))
	for name, reply := range map[string]nameServerReply{
		"server failure": {rcode: dnsmessage.RCodeServerFailure}, "refused": {rcode: dnsmessage.RCodeRefused}, "silent": {silent: true},
		"garbage behind the question": {records: []dnsmessage.Resource{aliasRecord("www.example.", "b\x00.example.", 1)}},
	} {
		bad := startNameServer(t, func(dnsmessage.Question, string, int) nameServerReply { return reply })
		resolver := newTestResolver(t, ResolverOptions{Servers: []string{bad.address, good.address}, Timeout: 400 * time.Millisecond})
		if answer, err := resolver.Lookup(t.Context(), "www.example"); err != nil || !cmp.Equal(answer.Addresses, addrs("192.0.2.1"), comparable) {
			t.Errorf("%s: got %v, %v; want the second server's answer", name, answer, err)
		}
	}
}

func TestServerThatNeverAnswersForIPv6DoesNotHideIPv4(t *testing.T) {
	server := startNameServer(t, func(q dnsmessage.Question, _ string, _ int) nameServerReply {
		if q.Type == dnsmessage.TypeAAAA {
			return nameServerReply{silent: true}
		}
		return nameServerReply{records: []dnsmessage.Resource{addressRecord(q.Name.String(), "192.0.2.1", 200)}}
	})
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}, Timeout: 200 * time.Millisecond})
	answer, err := resolver.Lookup(t.Context(), "www.example")
	if err != nil || answer.TTL != DefaultMinTTL {
		t.Errorf("got %+v, %v; want the IPv4 address for the shortest time", answer, err)
	}
}

func TestSilentNameServerIsATimeout(t *testing.T) {
	leavesNothingRunning(t)
	server := startNameServer(t, func(dnsmessage.Question, string, int) nameServerReply { return nameServerReply{silent: true} })
	for name, test := range map[string]struct{ resolver, caller time.Duration }{
		"the resolver's": {100 * time.Millisecond, time.Hour}, "the caller's": {time.Hour, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}, Timeout: test.resolver})
			ctx, cancel := context.WithTimeout(t.Context(), test.caller)
			defer cancel()
			_, err := resolver.Lookup(ctx, "www.example")
			var resolve *ResolveError
			if !errors.As(err, &resolve) || !resolve.Timeout {
				t.Fatalf("got %v, want a timeout", err)
			}
			if name, status := ProxyErrorType(err); name != "dns_timeout" || status != 504 {
				t.Errorf("ProxyErrorType = %s, %d", name, status)
			}
			if strings.Contains(ClientMessage(err), "127.0.0.1") {
				t.Errorf("the client reads %q", ClientMessage(err))
			}
			if entries := len(resolver.cache.entries); entries != 0 {
				t.Errorf("%d answers are kept, want none", entries)
			}
		})
	}
}

func TestClosingTheResolverEndsLookups(t *testing.T) {
	leavesNothingRunning(t)
	asked := make(chan struct{}, 2)
	server := startNameServer(t, func(dnsmessage.Question, string, int) nameServerReply {
		asked <- struct{}{}
		return nameServerReply{silent: true}
	})
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}, Timeout: time.Hour})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := resolver.Lookup(t.Context(), "www.example"); err == nil {
			t.Error("the lookup succeeded")
		}
	})
	<-asked
	<-asked
	resolver.Close()
	waiting.Wait()
}

func TestServerFailureIsReportedWithItsCode(t *testing.T) {
	for rcode, want := range map[dnsmessage.RCode]string{
		dnsmessage.RCodeServerFailure: "SERVFAIL", dnsmessage.RCodeRefused: "REFUSED", dnsmessage.RCode(9): "RCODE9",
	} {
		server := startNameServer(t, func(dnsmessage.Question, string, int) nameServerReply { return nameServerReply{rcode: rcode} })
		resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}})
		_, err := resolver.Lookup(t.Context(), "www.example")
		var resolve *ResolveError
		if !errors.As(err, &resolve) || resolve.RCode != want || resolve.Timeout {
			t.Errorf("got %v, want %s", err, want)
		}
		if diff := cmp.Diff(map[string]int{"udp A": 2, "udp AAAA": 2}, server.asked()); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	}
}

func TestSystemResolverIsAskedForTheFullName(t *testing.T) {
	for name, test := range map[string]struct {
		addresses []netip.Addr
		err       error
		want      string // rcode, or "" for an answer
		timeout   bool
	}{
		"addresses": {addresses: addrs("::ffff:192.0.2.1", "fe80::1%eth0")},
		"not found": {err: &net.DNSError{IsNotFound: true}, want: "NXDOMAIN"},
		"timeout":   {err: &net.DNSError{IsTimeout: true}, timeout: true},
		"deadline":  {err: context.DeadlineExceeded, timeout: true},
		"nothing":   {want: "NOERROR"},
	} {
		resolver := newTestResolver(t, ResolverOptions{})
		resolver.system = func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "www.example." {
				t.Errorf("%s: the system is asked for %q, want the full name with its dot", name, host)
			}
			return test.addresses, test.err
		}
		answer, err := resolver.Lookup(t.Context(), "www.example")
		if test.addresses != nil {
			if err != nil || !cmp.Equal(answer.Addresses, addrs("192.0.2.1", "fe80::1"), comparable) || answer.TTL != DefaultMinTTL {
				t.Errorf("%s: got %+v, %v", name, answer, err)
			}
			continue
		}
		var resolve *ResolveError
		if !errors.As(err, &resolve) || resolve.RCode != test.want || resolve.Timeout != test.timeout {
			t.Errorf("%s: got %v, want code %q, timeout %v", name, err, test.want, test.timeout)
		}
	}
}

func TestSpecialNamesNeverReachANameServer(t *testing.T) {
	server := startNameServer(t, answerWith("192.0.2.1"))
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{server.address}})
	for _, host := range []string{"localhost", "a.localhost"} {
		if answer, err := resolver.Lookup(t.Context(), host); err != nil || !answer.Addresses[0].IsLoopback() {
			t.Errorf("%s: %v, %v; want loopback", host, answer, err)
		}
	}
	for _, host := range []string{"a.onion", "a.invalid"} {
		if answer, err := resolver.Lookup(t.Context(), host); err == nil {
			t.Errorf("%s: %v; want no such name", host, answer)
		}
	}
	if asked := server.asked(); len(asked) != 0 {
		t.Errorf("the server was asked: %v", asked)
	}
}

func TestEveryMistakeInTheResolversConfigurationIsNamed(t *testing.T) {
	_, err := NewResolver(ResolverOptions{
		Servers: []string{"dns.example", "10.0.0.1:0", "https://10.0.0.1", "10.0.0.53", "[::1]", "::1", "udp://10.0.0.1", "tcp://[::1]:5353", ""},
		Hosts:   Hosts{"a.example": {"b"}}, Timeout: -1, MinTTL: time.Hour, MaxTTL: time.Minute, CacheSize: -1, Prefer: "ipv5",
	})
	if err == nil {
		t.Fatal("the mistakes are accepted")
	}
	const servers = `, expected an address with an optional port, e.g. "10.0.0.53:53" or "tcp://10.0.0.53"`
	want := []string{
		`servers: found "dns.example"` + servers, `servers: found "10.0.0.1:0"` + servers, `servers: found "https://10.0.0.1"` + servers, `servers: found ""` + servers,
		`hosts: "a.example": found "b", expected an address or address:port without a zone`,
		"timeout: found -1ns, expected a positive duration", "minTTL: found 1h0m0s, expected at most maxTTL, which is 1m0s",
		"cacheSize: found -1, expected a positive number of names", `prefer: found "ipv5", expected auto, ipv4 or ipv6`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func FuzzDNSAnswer(f *testing.F) {
	q, err := newQuery("www.example", dnsmessage.TypeA)
	if err != nil {
		f.Fatal(err)
	}
	q.id = 0x1234
	for _, records := range [][]dnsmessage.Resource{
		nil, {addressRecord("www.example.", "192.0.2.1", 60)},
		{aliasRecord("WWW.example.", "b.example.", 60), addressRecord("b.example.", "192.0.2.1", 1<<31)},
		{aliasRecord("www.example.", "www.example.", 60)},
		{addressRecord("www.example.", "2001:db8::1", 0)},
	} {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.id, Response: true}, Questions: []dnsmessage.Question{q.question}, Answers: records}
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		answer, rcode, err := q.parse(message)
		if (err != nil || rcode != 0) && (answer.addresses != nil || answer.aliases != nil) {
			t.Fatalf("a failure comes with %+v", answer)
		}
		for _, addr := range answer.addresses {
			if !addr.IsValid() {
				t.Fatalf("an address of %+v is invalid", answer)
			}
		}
		for _, alias := range answer.aliases {
			if host, _, err := ParseHost(alias); err != nil || host != alias {
				t.Fatalf("the alias %q is not canonical: %q, %v", alias, host, err)
			}
		}
		if answer.ttl < 0 {
			t.Fatalf("TTL %s", answer.ttl)
		}
	})
}

// leavesNothingRunning fails the test if goroutines are left when all its cleanups have run. Call it first.
func leavesNothingRunning(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
