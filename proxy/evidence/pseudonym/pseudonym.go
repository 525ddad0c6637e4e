// Package pseudonym turns what identifies a person or machine into a keyed hash, so that records can
// be told apart and counted without saying whose they are.
//
// A hash is HMAC-SHA-256 (RFC 2104), cut to 128 bits, with a key that is used for one period, by
// default a month. The same address has the same hash all through a period and another in the next.
// Once the key of a period is destroyed (Shred), nobody can tell any more what its hashes stand for,
// by trying all addresses either; records, and the proofs over them, stay as they are.
//
// It leaves what is an identifier to package evidence.
//
//	keys, err := pseudonym.Open(directory, pseudonym.Month)
//	hash := keys.Hash(pseudonym.Address, "192.0.2.7") // "2026-03:q1pV…"
//	err = pseudonym.Shred(directory, "2026-03")
package pseudonym

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Period is how long a key is used.
type Period string

// The periods.
const (
	Day   Period = "day"
	Month Period = "month"
	Year  Period = "year"
)

// layout is the form of a period's name, in UTC.
func (p Period) layout() string {
	return map[Period]string{Day: "2006-01-02", Month: "2006-01", Year: "2006"}[p]
}

// Field says what is hashed: the same text in two fields has two hashes.
type Field string

// The fields.
const (
	Address  Field = "address"
	Identity Field = "identity"
)

var (
	// ErrShredded is returned for a period whose key was destroyed.
	ErrShredded = errors.New("the key of the period was destroyed")
	// ErrNoKey is returned for a period that never had a key here.
	ErrNoKey = errors.New("the period has no key")

	errDamaged = errors.New("the identifier key is damaged")
)

const (
	keyBytes  = 32
	hashBytes = 16
	maxCached = 1 << 14
	shredded  = "destroyed "
	suffix    = ".key"
)

// Keys hashes with the key of the current period. Its methods may be called from any goroutine.
type Keys struct {
	directory string
	period    Period
	now       func() time.Time
	failed    func(error)
	current   atomic.Pointer[key]
	rotating  sync.Mutex
}

// key is one period's, with the hashes that were asked for lately: most flows come from few sources.
type key struct {
	name   string
	until  time.Time // the time at which the next period begins
	from   time.Time
	secret [keyBytes]byte

	mutex  sync.RWMutex
	cached map[cacheKey]string
}

type cacheKey struct {
	field Field
	value string
}

// Open prepares the keys in directory, which it makes (0700). When a period begins, its key is made
// there (0600); while that fails, the last period's key goes on being used and failed, which may be
// nil, is told.
func Open(directory string, period Period, failed func(error)) (*Keys, error) {
	if period.layout() == "" {
		return nil, fmt.Errorf("an unknown period %q: day, month or year", string(period))
	}
	if failed == nil {
		failed = func(error) {}
	}
	k := &Keys{directory: directory, period: period, now: time.Now, failed: failed}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("open the identifier keys: %w", err)
	}
	now := k.now()
	first, err := k.load(now)
	if err != nil {
		// A disk that is full must not keep the log from going on.
		secret, name, found := last(directory)
		if !found || errors.Is(err, errDamaged) {
			return nil, fmt.Errorf("open the identifier keys: %w", err)
		}
		failed(fmt.Errorf("make the identifier key of a new period: %w", err))
		first = stopgap(name, secret, now)
	}
	k.current.Store(first)
	return k, nil
}

// stopgap goes on with the key of a period that is over. The next flow need not try again to make a
// new one: a minute later will do.
func stopgap(name string, secret [keyBytes]byte, now time.Time) *key {
	return &key{name: name, secret: secret, from: now, until: now.Add(time.Minute), cached: make(map[cacheKey]string)}
}

// last returns the newest key that exists.
func last(directory string) (secret [keyBytes]byte, name string, found bool) {
	names, _ := Names(directory)
	for _, name := range slices.Backward(names) {
		if secret, err := read(directory, name); err == nil {
			return secret, name, true
		}
	}
	return secret, "", false
}

// Hash returns the keyed hash of value, "<key>:<22 characters of base64url>". It does not allocate
// for a value that was hashed lately.
func (k *Keys) Hash(field Field, value string) string { return k.key().hash(field, []byte(value)) }

// HashAddress is Hash of an address, without its zone, as package netip prints it.
func (k *Keys) HashAddress(address netip.Addr) string {
	var text [64]byte
	return k.key().hash(Address, address.WithZone("").AppendTo(text[:0]))
}

// key returns that of the current period. A clock that was set back within the hour does not bring
// an old key back.
func (k *Keys) key() *key {
	current := k.current.Load()
	if now := k.now(); !now.Before(current.until) || now.Before(current.from.Add(-time.Hour)) {
		return k.rotate(now)
	}
	return current
}

func (k *Keys) rotate(now time.Time) *key {
	k.rotating.Lock()
	defer k.rotating.Unlock()
	current := k.current.Load()
	if now.Before(current.until) && !now.Before(current.from.Add(-time.Hour)) {
		return current
	}
	next, err := k.load(now)
	if err != nil {
		k.failed(fmt.Errorf("make the identifier key of a new period: %w", err))
		next = stopgap(current.name, current.secret, now)
	}
	k.current.Store(next)
	return next
}

// load reads or makes the key of the period that now lies in. After the key of a period that is not
// over was destroyed, a new one of the name "<period>.2" takes its place, and so on.
func (k *Keys) load(now time.Time) (*key, error) {
	name := now.UTC().Format(k.period.layout())
	from, _ := time.Parse(k.period.layout(), name)
	until := from.AddDate(0, 0, 1)
	switch k.period {
	case Month:
		until = from.AddDate(0, 1, 0)
	case Year:
		until = from.AddDate(1, 0, 0)
	}
	current := &key{from: from, until: until, cached: make(map[cacheKey]string)}
	for attempt := 1; attempt < 1000; attempt++ {
		current.name = name
		if attempt > 1 {
			current.name = fmt.Sprintf("%s.%d", name, attempt)
		}
		secret, err := read(k.directory, current.name)
		if errors.Is(err, ErrNoKey) {
			secret, err = create(k.directory, current.name)
		}
		if errors.Is(err, ErrShredded) {
			continue
		}
		current.secret = secret
		return current, err
	}
	return nil, fmt.Errorf("too many keys of %s were destroyed", name)
}

func (k *key) hash(field Field, value []byte) string {
	k.mutex.RLock()
	found, ok := k.cached[cacheKey{field, string(value)}]
	k.mutex.RUnlock()
	if ok {
		return found
	}
	asked := cacheKey{field, string(value)}
	found = k.name + ":" + sum(k.secret[:], field, asked.value)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if len(k.cached) >= maxCached {
		clear(k.cached)
	}
	k.cached[asked] = found
	return found
}

func sum(secret []byte, field Field, value string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(field))
	mac.Write([]byte{0})
	mac.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:hashBytes])
}

// Hashes returns every hash that value can have in the records of a log: one for each key that still
// exists. It is how whoever may read the keys finds the records of one person.
func Hashes(directory string, field Field, value string) ([]string, error) {
	names, err := Names(directory)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, name := range names {
		secret, err := read(directory, name)
		if errors.Is(err, ErrShredded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, name+":"+sum(secret[:], field, value))
	}
	return hashes, nil
}

// Names lists the keys in directory, destroyed ones too, oldest first.
func Names(directory string) ([]string, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, fmt.Errorf("list the identifier keys: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name, is := strings.CutSuffix(entry.Name(), suffix); is && entry.Type().IsRegular() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Shred destroys the key of the given name, of which the file keeps only when that was. A process
// that hashes with it goes on until it ends; for the period that is not over, restart it.
func Shred(directory, name string) error {
	path, err := pathOf(directory, name)
	if err != nil {
		return err
	}
	if _, err := read(directory, name); err != nil {
		return fmt.Errorf("destroy the identifier key %s: %w", name, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("destroy the identifier key %s: %w", name, err)
	}
	// Zeros first, where the key stood: a shorter file would leave it on the disk.
	_, err = file.WriteAt(make([]byte, 2*keyBytes+1), 0)
	err = errors.Join(err, file.Sync())
	mark := shredded + time.Now().UTC().Format(time.RFC3339) + "\n"
	if err == nil {
		_, err = file.WriteAt([]byte(mark), 0)
		err = errors.Join(err, file.Truncate(int64(len(mark))), file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("destroy the identifier key %s: %w", name, err)
	}
	return nil
}

func pathOf(directory, name string) (string, error) {
	if name == "" || strings.Trim(name, "0123456789-.") != "" || strings.Contains(name, "..") {
		return "", fmt.Errorf("no identifier key is named %q: a key has the name of its period, e.g. 2026-03", name)
	}
	return filepath.Join(directory, name+suffix), nil
}

func read(directory, name string) (secret [keyBytes]byte, err error) {
	path, err := pathOf(directory, name)
	if err != nil {
		return secret, err
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return secret, fmt.Errorf("%w: %s", ErrNoKey, name)
	case err != nil:
		return secret, err
	case strings.HasPrefix(string(text), shredded), strings.Trim(string(text), "\x00") == "":
		// Zeros are what a Shred leaves that was cut short.
		return secret, fmt.Errorf("%w: %s", ErrShredded, name)
	}
	if n, err := hex.Decode(secret[:], []byte(strings.TrimSuffix(string(text[:min(len(text), 2*keyBytes+1)]), "\n"))); err != nil || n != keyBytes {
		return secret, fmt.Errorf("%w: %s", errDamaged, path)
	}
	return secret, nil
}

func create(directory, name string) (secret [keyBytes]byte, err error) {
	rand.Read(secret[:])
	path, err := pathOf(directory, name)
	if err != nil {
		return secret, err
	}
	file, err := os.CreateTemp(directory, "new.*")
	if err != nil {
		return secret, err
	}
	_, err = file.WriteString(hex.EncodeToString(secret[:]) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		// The key must be there after a power cut if a record that was hashed with it is.
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return secret, errors.Join(err, os.Remove(file.Name()))
	}
	parent, err := os.Open(directory)
	if err != nil {
		return secret, err
	}
	return secret, errors.Join(parent.Sync(), parent.Close())
}
