// Package jurisdiction answers one question: under whose law does a destination stand, and how is
// that known?
//
// Several sources each make claims: a declared catalogue, the cloud region in the host name or in a
// name that it is an alias of, the ranges that clouds publish, address databases, the country-code
// domain. Each claim has a confidence and a date. They are combined in a fixed order (see resolve.go)
// into one flow.Location, which keeps every claim and what the claims disagree on. Nothing is guessed: an
// anycast address, a delivery network, sources that contradict each other or a country-code domain
// alone leave the country empty, and callers must treat that as its own case.
//
// Where a machine stands and who can be compelled are two questions, so a Location answers both: the
// place, and the homes of the operator and of its owner. Data loses confidence with its age (age.go).
//
// The package does no DNS and opens no connection; the address that was resolved and pinned is
// passed in. What a country means, and which groups it is in, is the policy's affair.
//
//	resolver, err := jurisdiction.New(jurisdiction.Options{Databases: []string{"GeoLite2-Country.mmdb"}})
//	location, state := resolver.Locate("s3.eu-central-1.amazonaws.com", address)
//	if state != flow.Known { … }
package jurisdiction

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Options says what a Resolver knows. The zero value uses the embedded tables alone.
type Options struct {
	// Catalogue is what the user declares; entries of the same match are refused.
	Catalogue []Entry
	// Databases are paths of MaxMind DB files and of range tables that package ranges made, told apart
	// by their content. They are asked before the embedded tables, all with equal weight.
	Databases []string
	// MinimumConfidence is the least confidence, above 0 and up to 1, with which a place is
	// answered. 0 stands for 0.5, which one address database alone reaches and two that disagree do not.
	MinimumConfidence float64
	// Now tells the time, at which catalogue entries expire and data goes stale. nil stands for time.Now.
	Now func() time.Time
	// MaxAge is how old address data may be before it counts as stale, which lowers its confidence and
	// shows as Location.Stale. 0 stands for DefaultMaxAge, 45 days.
	MaxAge time.Duration
	// DisableEmbedded leaves the embedded place and operator tables out. The tables of cloud
	// regions, operators, anycast networks and country-code domains stay.
	DisableEmbedded bool
}

const (
	defaultMinimumConfidence = 0.5
	maxVersion               = 120 // bytes
)

// Resolver locates hosts and addresses. It is safe for concurrent use.
type Resolver struct {
	minimum   float64
	maxAge    time.Duration
	now       func() time.Time
	paths     []string
	fixed     []source // sources in front of the databases; they do not change
	tail      []source // sources behind the databases
	catalogue *catalogue
	opener    *opener

	reload  sync.Mutex // serialises Reload
	current atomic.Pointer[snapshot]
}

// snapshot is one immutable state of the data. Lookups that began on it end on it; the memory of a
// replaced database is freed when the last of them is done.
type snapshot struct {
	sources   []source
	databases []dataset
	statuses  []DatabaseStatus
	dates     []freshness // of the sources that have one
	version   string
	cache     *cache
}

// New reads the databases and checks the catalogue. The error joins everything that is wrong.
func New(options Options) (*Resolver, error) {
	r := &Resolver{minimum: options.MinimumConfidence, maxAge: options.MaxAge, now: options.Now, paths: options.Databases}
	var problems []error
	if r.minimum == 0 {
		r.minimum = defaultMinimumConfidence
	}
	if !(r.minimum > 0 && r.minimum <= 1) {
		problems = append(problems, fmt.Errorf("minimum confidence %v: must be above 0 and at most 1", r.minimum))
	}
	if r.maxAge == 0 {
		r.maxAge = DefaultMaxAge
	}
	if r.maxAge < 0 {
		problems = append(problems, fmt.Errorf("maximum age %v: must not be negative", r.maxAge))
	}
	if r.now == nil {
		r.now = time.Now
	}
	for _, problem := range ValidateCatalogue(options.Catalogue) {
		problems = append(problems, errors.New(problem))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	r.catalogue = newCatalogue(options.Catalogue)
	if err := r.openSources(options.DisableEmbedded); err != nil {
		return nil, err
	}
	databases, statuses, err := r.opener.openAll(context.Background(), r.paths, nil, r.now())
	if err != nil {
		return nil, err
	}
	r.install(databases, statuses)
	return r, nil
}

func (r *Resolver) openSources(disableEmbedded bool) error {
	regions, err := newCloudRegions()
	if err != nil {
		return err
	}
	operators, err := newOperators()
	if err != nil {
		return err
	}
	anycast, err := newAnycast()
	if err != nil {
		return err
	}
	domains, err := newCountryDomains()
	if err != nil {
		return err
	}
	r.opener = &opener{regions, operators, r.maxAge}
	r.fixed = []source{r.catalogue, regions, operators, aliases{regions, operators}, anycast}
	if !disableEmbedded {
		if r.tail, err = newEmbeddedSources(r.opener); err != nil {
			return err
		}
	}
	r.tail = append(r.tail, domains)
	return nil
}

func (r *Resolver) install(databases []dataset, statuses []DatabaseStatus) {
	next := &snapshot{databases: databases, statuses: statuses, cache: newCache(cacheEntries)}
	next.sources = append(next.sources, r.fixed...)
	for _, database := range databases {
		next.sources = append(next.sources, database)
	}
	next.sources = append(next.sources, r.tail...)
	var versions []string
	for _, source := range next.sources {
		if version := source.version(); version != "" {
			versions = append(versions, version)
		}
		if dated, ok := source.(datedSource); ok {
			next.dates = append(next.dates, dated.freshness())
		}
	}
	next.version = joinVersions(versions)
	r.current.Store(next)
}

// joinVersions lists the versions while a record has room for the list, and then hashes it.
func joinVersions(versions []string) string {
	list := strings.Join(versions, " ")
	if len(list) <= maxVersion {
		return list
	}
	sum := sha256.Sum256([]byte(list))
	return "data#" + hex.EncodeToString(sum[:16])
}

// Locate says where a destination stands. Host is canonical (lower-case A-labels without a trailing
// dot, or an address as netip.Addr prints it) and may be empty; address is the one that is dialled
// and may be the zero value, in which case a host that is an address stands for it.
//
// The state is Known when Country is set, Unavailable when a database failed and nothing stronger
// answered, otherwise Absent: no source knows one place, and Country is "". The slices of the
// Location are shared with other callers and must not be changed.
func (r *Resolver) Locate(host string, address netip.Addr) (flow.Location, flow.State) {
	return r.LocateVia(host, nil, address)
}

// LocateVia is Locate for a host whose resolution passed through aliases: the canonical names of its
// CNAME records, in their order. It keeps aliases, which must not be changed afterwards.
func (r *Resolver) LocateVia(host string, aliases []string, address netip.Addr) (flow.Location, flow.State) {
	current := r.current.Load()
	now := r.now()
	key := cacheKey{host, address}
	if found, ok := current.cache.get(key, aliases, now); ok {
		return found.location, found.state
	}
	result := r.locate(current, newQuery(host, aliases, address, now))
	current.cache.put(key, &cached{aliases, result.location, result.state, r.nextChange(current, now)})
	return result.location, result.state
}

// scratch holds what sources say while it is weighed; nothing of it is kept.
var scratch = sync.Pool{New: func() any { return new([maxStatements]statement) }}

const maxStatements = 16 // of one lookup; more than that many leave the scratch space

func (r *Resolver) locate(current *snapshot, q query) resolution {
	space := scratch.Get().(*[maxStatements]statement)
	statements := current.ask(space[:0], q)
	result := combine(statements, r.minimum)
	result.location.DataVersion = current.version
	clear(space[:min(len(statements), maxStatements)])
	scratch.Put(space)
	return result
}

// nextChange returns the first moment after now at which the same data answers differently: when an
// entry expires or a set of data loses worth. Zero if it never will.
func (r *Resolver) nextChange(current *snapshot, now time.Time) time.Time {
	next := r.catalogue.nextExpiry(now)
	for _, date := range current.dates {
		if change := date.nextChange(now); !change.IsZero() && (next.IsZero() || change.Before(next)) {
			next = change
		}
	}
	return next
}

// ask appends what every source says, in their order.
func (s *snapshot) ask(to []statement, q query) []statement {
	for _, source := range s.sources {
		to = source.statements(to, q)
	}
	return to
}

// Reload reads the database files again and swaps in those that are sound. A file that is missing
// or broken leaves the database that was read from it before in force; the error names each such
// file and why it was refused, and Databases shows it until a later Reload succeeds.
func (r *Resolver) Reload(ctx context.Context) error {
	r.reload.Lock()
	defer r.reload.Unlock()
	databases, statuses, err := r.opener.openAll(ctx, r.paths, r.current.Load(), r.now())
	if ctx.Err() != nil {
		return fmt.Errorf("reload jurisdiction databases: %w", ctx.Err())
	}
	r.install(databases, statuses)
	return err
}

// Version names the data in force, source by source, e.g.
// "GeoLite2-Country@2026-06-01#1a2b3c4d place@2026-06-17#…", or as "data#" and a hash of that list
// when it is longer than 120 bytes. Records keep it as DataVersion.
func (r *Resolver) Version() string { return r.current.Load().version }

// Databases describes the configured databases in the order of Options.Databases.
func (r *Resolver) Databases() []DatabaseStatus {
	return append([]DatabaseStatus(nil), r.current.Load().statuses...)
}
