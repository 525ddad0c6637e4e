package jurisdiction

import (
	"net/netip"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// source is one origin of statements about destinations. Implementations are immutable and safe
// for concurrent use. A new source is a new file with this interface, listed in openSources.
type source interface {
	// statements appends what the source says about q to to, and returns the extended slice. A
	// source that has nothing to say appends nothing.
	statements(to []statement, q query) []statement
	// version names the source's data for the record; "" for tables that are part of the program.
	version() string
}

// datedSource is a source whose data loses worth with age.
type datedSource interface {
	source
	freshness() freshness
}

// query is one destination to be located.
type query struct {
	host    string     // canonical name; "" when the destination is known by its address alone
	aliases []string   // canonical names that the host is an alias of, in the order of its CNAME records
	dialled netip.Addr // as it is dialled, unmapped; may be invalid
	// public is the address that place and operator databases may be asked for: dialled, or the
	// IPv4 address translated into it. Invalid when addresses of that kind are nowhere.
	public netip.Addr
	now    time.Time
}

func newQuery(host string, aliases []string, address netip.Addr, now time.Time) query {
	if mayBeAddress(host) {
		if literal, err := netip.ParseAddr(host); err == nil {
			host, aliases = "", nil
			if !address.IsValid() {
				address = literal
			}
		}
	}
	address = address.Unmap().WithZone("")
	return query{host: host, aliases: aliases, dialled: address, public: publicAddress(address), now: now}
}

// mayBeAddress spares names the cost of the parser's error.
func mayBeAddress(host string) bool {
	if host == "" {
		return false
	}
	last := host[len(host)-1]
	return '0' <= last && last <= '9' || strings.IndexByte(host, ':') >= 0
}

// kind says what a statement is about, and so how combine uses it.
type kind uint8

const (
	silent    kind = iota // explains why the source has nothing to say; shown by Explain only
	declared              // place, declared by the user
	named                 // place, from the host name or one that it is an alias of
	published             // place, from the ranges that a provider publishes
	measured              // place, from an address database
	hinted                // place, too weak to decide anything by itself
	spread                // served from many places under one name or address: no place can be concluded
	operated              // who runs the destination, and whose law binds them
	failed                // the source could not be asked
)

// statement is what one source says about one destination.
type statement struct {
	kind         kind
	claim        flow.Claim
	operator     string
	operatorHome string
	parentHome   string // home of the operator's ultimate owner
	cloud        string // provider in whose region the destination is
	region       string // that provider's name of the region; "" for a partition as a whole
	// family tells sources apart that draw on the same data: their agreement proves nothing.
	family       string
	registration bool    // the claim is where a network is registered, not where it is
	ofAddress    bool    // of spread: the address itself is announced from many places
	loss         float64 // which part of its confidence the data has lost with its age
	stale        bool    // the data is older than its limit
}
