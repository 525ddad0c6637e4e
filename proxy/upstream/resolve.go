package upstream

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Family says which of a name's addresses is tried first.
type Family string

const (
	// FamilyAuto keeps the order of the system resolver; with own servers IPv6 comes first if this
	// machine has a public IPv6 address.
	FamilyAuto Family = "auto"
	FamilyIPv4 Family = "ipv4"
	FamilyIPv6 Family = "ipv6"
)

// Defaults of ResolverOptions.
const (
	DefaultResolveTimeout = 5 * time.Second
	DefaultMinTTL         = 5 * time.Second
	DefaultMaxTTL         = 5 * time.Minute
	DefaultNegativeTTL    = 5 * time.Second
	DefaultCacheSize      = 10_000
)

// ResolverOptions says how names are resolved. The zero value uses the system resolver.
type ResolverOptions struct {
	// Servers are name servers in the order in which they are tried: "10.0.0.53", "10.0.0.53:53",
	// "udp://10.0.0.53:53" (over TCP when the answer is too long) or "tcp://[2001:db8::53]:53". Names are
	// refused, since resolving them would need a resolver. Empty: the system resolver, whose answers come
	// without TTL and aliases and are kept for MinTTL.
	Servers []string `yaml:"servers"`
	// Hosts is asked first; what it holds is never asked of a name server.
	Hosts       Hosts         `yaml:"-"`
	Timeout     time.Duration `yaml:"timeout"`     // for one name in all, default 5 s
	MinTTL      time.Duration `yaml:"minTTL"`      // shortest time an answer is kept, default 5 s
	MaxTTL      time.Duration `yaml:"maxTTL"`      // longest, default 300 s
	NegativeTTL time.Duration `yaml:"negativeTTL"` // for names that have no address, default 5 s
	CacheSize   int           `yaml:"cacheSize"`   // names, default 10,000
	Prefer      Family        `yaml:"prefer"`      // default auto
}

// ResolveError says that a name led to no address. Its text is for operators.
type ResolveError struct {
	Host    string
	Timeout bool
	RCode   string // of the server's answer, e.g. "NXDOMAIN"; "NOERROR" for a name without addresses; "" without answer
	Err     error  // what else is known, or nil
}

func (e *ResolveError) Error() string {
	text := fmt.Sprintf("resolve %q: ", e.Host)
	switch {
	case e.Timeout:
		text += "no answer in time"
	case e.RCode == "NXDOMAIN":
		text += "no such name (NXDOMAIN)"
	case e.RCode == "NOERROR":
		text += "the name has no address"
	case e.RCode != "":
		text += "the name server answered " + e.RCode
	default:
		text += "no usable answer"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *ResolveError) Unwrap() error { return e.Err }

// Resolver turns names into addresses, through its table of hosts, its cache, and name servers or the system.
// Names are complete as they are: search domains are never applied. It is safe for concurrent use.
type Resolver struct {
	hosts      *hostTable
	servers    []nameServer
	options    ResolverOptions
	cache      *cache
	stopping   context.Context
	stop       context.CancelFunc
	system     func(ctx context.Context, host string) ([]netip.Addr, error)
	interfaces func() ([]net.Addr, error)
}

type nameServer struct {
	network string // "udp" or "tcp"
	address netip.AddrPort
}

// NewResolver checks the options, whose mistakes it reports all at once. Close ends the resolver.
func NewResolver(options ResolverOptions) (*Resolver, error) {
	return newResolver(options, time.Now)
}

func newResolver(options ResolverOptions, now func() time.Time) (*Resolver, error) {
	var mistakes []error
	r := &Resolver{interfaces: net.InterfaceAddrs}
	for _, text := range options.Servers {
		server, err := parseNameServer(text)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		r.servers = append(r.servers, server)
	}
	var err error
	if r.hosts, err = newHostTable(options.Hosts); err != nil {
		mistakes = append(mistakes, err)
	}
	if r.options, err = options.withDefaults(); err != nil {
		mistakes = append(mistakes, err)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	var system net.Resolver
	r.system = func(ctx context.Context, host string) ([]netip.Addr, error) {
		return system.LookupNetIP(ctx, "ip", host)
	}
	r.cache = newCache(r.options.CacheSize, now)
	r.stopping, r.stop = context.WithCancel(context.Background())
	return r, nil
}

func parseNameServer(text string) (nameServer, error) {
	network, rest, found := strings.Cut(text, "://")
	if !found {
		network, rest = "udp", text
	}
	mistake := fmt.Errorf("servers: found %q, expected an address with an optional port, e.g. \"10.0.0.53:53\" or \"tcp://10.0.0.53\"", text)
	if network != "udp" && network != "tcp" {
		return nameServer{}, mistake
	}
	if addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")); err == nil {
		return nameServer{network, netip.AddrPortFrom(addr, 53)}, nil
	}
	address, err := netip.ParseAddrPort(rest)
	if err != nil || address.Port() == 0 {
		return nameServer{}, mistake
	}
	return nameServer{network, address}, nil
}

func (o ResolverOptions) withDefaults() (ResolverOptions, error) {
	var mistakes []error
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
	}{
		{"timeout", &o.Timeout, DefaultResolveTimeout},
		{"minTTL", &o.MinTTL, DefaultMinTTL},
		{"maxTTL", &o.MaxTTL, max(DefaultMaxTTL, o.MinTTL)},
		{"negativeTTL", &o.NegativeTTL, DefaultNegativeTTL},
	} {
		if *d.value < 0 {
			mistakes = append(mistakes, fmt.Errorf("%s: found %s, expected a positive duration", d.name, *d.value))
		}
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if o.MinTTL > o.MaxTTL {
		mistakes = append(mistakes, fmt.Errorf("minTTL: found %s, expected at most maxTTL, which is %s", o.MinTTL, o.MaxTTL))
	}
	if o.CacheSize < 0 {
		mistakes = append(mistakes, fmt.Errorf("cacheSize: found %d, expected a positive number of names", o.CacheSize))
	}
	if o.CacheSize == 0 {
		o.CacheSize = DefaultCacheSize
	}
	switch o.Prefer {
	case "":
		o.Prefer = FamilyAuto
	case FamilyAuto, FamilyIPv4, FamilyIPv6:
	default:
		mistakes = append(mistakes, fmt.Errorf("prefer: found %q, expected auto, ipv4 or ipv6", string(o.Prefer)))
	}
	return o, errors.Join(mistakes...)
}

// dnsAnswer is what one or two DNS messages, or the system, say about a name.
type dnsAnswer struct {
	addresses []netip.Addr
	aliases   []string
	ttl       time.Duration
}

func (r *Resolver) ask(ctx context.Context, host string) (dnsAnswer, *ResolveError) {
	var all dnsAnswer
	var err *ResolveError
	if len(r.servers) == 0 {
		all, err = r.askSystem(ctx, host)
	} else {
		all, err = r.askServers(ctx, host)
	}
	if err != nil {
		return dnsAnswer{}, err
	}
	for i, addr := range all.addresses {
		all.addresses[i] = plain(addr)
	}
	if first := r.options.Prefer; first != FamilyAuto {
		preferred := func(a netip.Addr) bool { return a.Is4() == (first == FamilyIPv4) }
		slices.SortStableFunc(all.addresses, func(a, b netip.Addr) int {
			switch {
			case preferred(a) == preferred(b):
				return 0
			case preferred(a):
				return -1
			}
			return 1
		})
	}
	return all, nil
}

func (r *Resolver) askSystem(ctx context.Context, host string) (dnsAnswer, *ResolveError) {
	addresses, err := r.system(ctx, host+".") // the dot keeps search domains out
	if err != nil {
		mistake := &ResolveError{Host: host, Err: err}
		if dnsError, ok := errors.AsType[*net.DNSError](err); ok {
			mistake.Timeout = dnsError.IsTimeout
			if dnsError.IsNotFound {
				mistake.RCode = "NXDOMAIN"
			}
		}
		mistake.Timeout = mistake.Timeout || errors.Is(err, context.DeadlineExceeded)
		return dnsAnswer{}, mistake
	}
	if len(addresses) == 0 {
		return dnsAnswer{}, &ResolveError{Host: host, RCode: "NOERROR"}
	}
	return dnsAnswer{addresses: slices.Clone(addresses)}, nil
}

// askServers asks for both address types at once. One type's failure is overlooked if the other has addresses,
// because servers exist that never answer for AAAA; such an answer is kept for the shortest time only.
func (r *Resolver) askServers(ctx context.Context, host string) (dnsAnswer, *ResolveError) {
	var answers [2]dnsAnswer
	var failures [2]*ResolveError
	var both sync.WaitGroup
	for i, qtype := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		both.Go(func() { answers[i], failures[i] = r.askType(ctx, host, qtype) })
	}
	both.Wait()
	ipv4, ipv6 := answers[0], answers[1]
	all := dnsAnswer{addresses: slices.Concat(ipv4.addresses, ipv6.addresses), aliases: ipv4.aliases}
	if r.options.Prefer == FamilyAuto && r.hasPublicIPv6() {
		all.addresses = slices.Concat(ipv6.addresses, ipv4.addresses)
	}
	for _, alias := range ipv6.aliases {
		if !slices.Contains(all.aliases, alias) {
			all.aliases = append(all.aliases, alias)
		}
	}
	if len(all.addresses) == 0 {
		return dnsAnswer{}, worse(host, failures[0], failures[1])
	}
	switch {
	case failures[0] != nil || failures[1] != nil:
		all.ttl = 0
	case len(ipv4.addresses) == 0:
		all.ttl = ipv6.ttl
	case len(ipv6.addresses) == 0:
		all.ttl = ipv4.ttl
	default:
		all.ttl = min(ipv4.ttl, ipv6.ttl)
	}
	return all, nil
}

// worse picks the failure to report for a name without addresses: one without an answer first, as it may pass.
func worse(host string, failures ...*ResolveError) *ResolveError {
	result := &ResolveError{Host: host, RCode: "NOERROR"}
	for _, failure := range failures {
		if failure != nil && (result.RCode == "NOERROR" || result.RCode == "NXDOMAIN") {
			result = failure
		}
	}
	return result
}

func (r *Resolver) hasPublicIPv6() bool {
	addrs, err := r.interfaces()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		addr, ok := netip.AddrFromSlice(network.IP)
		return ok && plain(addr).Is6() && Classify(addr) == Public
	})
}

// rounds is how often the list of servers is gone through, as a datagram may be lost.
const rounds = 2

func (r *Resolver) askType(ctx context.Context, host string, qtype dnsmessage.Type) (dnsAnswer, *ResolveError) {
	query, err := newQuery(host, qtype)
	if err != nil {
		return dnsAnswer{}, &ResolveError{Host: host, Err: err}
	}
	failure := &ResolveError{Host: host}
	patience := r.options.Timeout / time.Duration(rounds*len(r.servers))
	for range rounds {
		for _, server := range r.servers {
			if ctx.Err() != nil {
				break
			}
			answer, rcode, err := server.exchange(ctx, patience, query)
			switch {
			case err != nil:
				var netError net.Error
				timeout := errors.As(err, &netError) && netError.Timeout()
				failure = &ResolveError{Host: host, Timeout: timeout, Err: err}
			case rcode == dnsmessage.RCodeSuccess:
				return answer, nil
			case rcode == dnsmessage.RCodeNameError:
				return dnsAnswer{}, &ResolveError{Host: host, RCode: "NXDOMAIN"}
			default:
				failure = &ResolveError{Host: host, RCode: rcodeName(rcode)}
			}
		}
	}
	if err := ctx.Err(); err != nil && failure.Err == nil && failure.RCode == "" {
		failure = &ResolveError{Host: host, Timeout: errors.Is(err, context.DeadlineExceeded), Err: err}
	}
	return dnsAnswer{}, failure
}

// rcodeName spells an answer code as the IANA registry "DNS RCODEs" does.
func rcodeName(code dnsmessage.RCode) string {
	names := []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	if int(code) < len(names) {
		return names[code]
	}
	return fmt.Sprintf("RCODE%d", code)
}

// dnsQuery is a question on the wire. Its id is random and each exchange uses a new socket, so that somebody who
// cannot see the question has to guess id and port to answer it (RFC 5452).
type dnsQuery struct {
	id       uint16
	question dnsmessage.Question
	packed   []byte
}

// datagramSize is what resolvers can receive without fragments, as agreed on DNS flag day 2020.
const datagramSize = 1232

func newQuery(host string, qtype dnsmessage.Type) (dnsQuery, error) {
	name, err := dnsmessage.NewName(host + ".")
	if err != nil {
		return dnsQuery{}, err
	}
	var id [2]byte
	rand.Read(id[:]) // never fails (crypto/rand)
	q := dnsQuery{
		id:       binary.BigEndian.Uint16(id[:]),
		question: dnsmessage.Question{Name: name, Type: qtype, Class: dnsmessage.ClassINET},
	}
	var edns dnsmessage.ResourceHeader
	if err := edns.SetEDNS0(datagramSize, dnsmessage.RCodeSuccess, false); err != nil {
		return dnsQuery{}, err
	}
	message := dnsmessage.Message{
		Header:      dnsmessage.Header{ID: q.id, RecursionDesired: true},
		Questions:   []dnsmessage.Question{q.question},
		Additionals: []dnsmessage.Resource{{Header: edns, Body: &dnsmessage.OPTResource{}}},
	}
	q.packed, err = message.Pack()
	return q, err
}

var (
	errNotOurs   = errors.New("a DNS message that answers another question")
	errTruncated = errors.New("the DNS answer is cut off even over TCP")
)

// exchange asks one server, and again over TCP if the answer does not fit a datagram.
func (s nameServer) exchange(ctx context.Context, patience time.Duration, q dnsQuery) (dnsAnswer, dnsmessage.RCode, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.network == "udp" {
		answer, rcode, err := s.exchangeUDP(ctx, q)
		if !errors.Is(err, errTruncated) {
			return answer, rcode, err
		}
	}
	return s.exchangeTCP(ctx, q)
}

func (s nameServer) dial(ctx context.Context, network string) (net.Conn, func(), error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, s.address.String())
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() { stop(); conn.Close() }, nil
}

func (s nameServer) exchangeUDP(ctx context.Context, q dnsQuery) (dnsAnswer, dnsmessage.RCode, error) {
	conn, done, err := s.dial(ctx, "udp")
	if err != nil {
		return dnsAnswer{}, 0, err
	}
	defer done()
	if _, err := conn.Write(q.packed); err != nil {
		return dnsAnswer{}, 0, err
	}
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return dnsAnswer{}, 0, err
		}
		answer, rcode, err := q.parse(buffer[:n])
		if !errors.Is(err, errNotOurs) { // a forged or late one; the true answer may still come
			return answer, rcode, err
		}
	}
}

func (s nameServer) exchangeTCP(ctx context.Context, q dnsQuery) (dnsAnswer, dnsmessage.RCode, error) {
	conn, done, err := s.dial(ctx, "tcp")
	if err != nil {
		return dnsAnswer{}, 0, err
	}
	defer done()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q.packed))), q.packed...)); err != nil {
		return dnsAnswer{}, 0, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return dnsAnswer{}, 0, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return dnsAnswer{}, 0, err
	}
	return q.parse(message)
}

// Bounds on an answer, far above what names in use have.
const (
	maxRecords = 512
	maxAliases = 16
)

// parse reads the answer to q: the chain of aliases that starts at the name, and the addresses at its end.
// Records that do not belong to the chain are ignored, so that an answer cannot speak for another name.
func (q dnsQuery) parse(message []byte) (dnsAnswer, dnsmessage.RCode, error) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || header.ID != q.id || !header.Response || header.OpCode != 0 {
		return dnsAnswer{}, 0, errNotOurs
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) != 1 || questions[0].Type != q.question.Type || questions[0].Class != q.question.Class ||
		lowerName(questions[0].Name) != lowerName(q.question.Name) {
		return dnsAnswer{}, 0, errNotOurs
	}
	if header.Truncated {
		return dnsAnswer{}, 0, errTruncated
	}
	if header.RCode != dnsmessage.RCodeSuccess {
		return dnsAnswer{}, header.RCode, nil
	}
	aliases, addresses, err := readRecords(&p)
	if err != nil {
		return dnsAnswer{}, 0, fmt.Errorf("malformed DNS answer: %w", err)
	}
	answer, err := follow(lowerName(q.question.Name), aliases, addresses)
	return answer, dnsmessage.RCodeSuccess, err
}

// dnsRecord is an address or an alias with its owner's name.
type dnsRecord struct {
	target  string
	address netip.Addr
	ttl     uint32
}

func readRecords(p *dnsmessage.Parser) (aliases map[string]dnsRecord, addresses map[string][]dnsRecord, err error) {
	aliases, addresses = map[string]dnsRecord{}, map[string][]dnsRecord{}
	for count := 0; ; count++ {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return aliases, addresses, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if count == maxRecords {
			return nil, nil, fmt.Errorf("more than %d records", maxRecords)
		}
		owner, rr := lowerName(h.Name), dnsRecord{ttl: h.TTL}
		if rr.ttl > 1<<31-1 { // RFC 2181 §8
			rr.ttl = 0
		}
		switch {
		case h.Class != dnsmessage.ClassINET:
			err = p.SkipAnswer()
		case h.Type == dnsmessage.TypeA:
			var a dnsmessage.AResource
			a, err = p.AResource()
			rr.address = netip.AddrFrom4(a.A)
		case h.Type == dnsmessage.TypeAAAA:
			var aaaa dnsmessage.AAAAResource
			aaaa, err = p.AAAAResource()
			rr.address = netip.AddrFrom16(aaaa.AAAA)
		case h.Type == dnsmessage.TypeCNAME:
			var cname dnsmessage.CNAMEResource
			cname, err = p.CNAMEResource()
			rr.target = lowerName(cname.CNAME)
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return nil, nil, err
		}
		if rr.address.IsValid() {
			addresses[owner] = append(addresses[owner], rr)
		}
		if rr.target == "" {
			continue
		}
		if other, ok := aliases[owner]; ok && other.target != rr.target {
			return nil, nil, errors.New("two aliases for one name")
		}
		aliases[owner] = rr
	}
}

func follow(name string, aliases map[string]dnsRecord, addresses map[string][]dnsRecord) (dnsAnswer, error) {
	var answer dnsAnswer
	ttl := uint32(1<<31 - 1)
	for {
		alias, ok := aliases[name]
		if !ok {
			break
		}
		if len(answer.aliases) == maxAliases {
			return dnsAnswer{}, fmt.Errorf("more than %d aliases, or a loop of them", maxAliases)
		}
		host, _, err := ParseHost(alias.target)
		if err != nil {
			return dnsAnswer{}, errors.New("an alias that is no host name")
		}
		answer.aliases = append(answer.aliases, host)
		ttl = min(ttl, alias.ttl)
		name = alias.target
	}
	for _, rr := range addresses[name] {
		answer.addresses = append(answer.addresses, rr.address)
		ttl = min(ttl, rr.ttl)
	}
	answer.ttl = time.Duration(ttl) * time.Second
	return answer, nil
}

// lowerName folds ASCII case only, as DNS does (RFC 4343).
func lowerName(name dnsmessage.Name) string {
	b := []byte(name.Data[:name.Length])
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
