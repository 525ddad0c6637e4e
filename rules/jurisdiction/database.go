package jurisdiction

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction/ranges"
)

const (
	maxDatabaseBytes = 1 << 30
	sourceDatabase   = "database"
)

// database is one MaxMind DB, held in memory: a file that is truncated or rewritten in place while
// it is mapped would end the process with SIGBUS. Every record is read once when the database is
// opened, so a lookup decodes nothing and a damaged record is found before it is in force.
type database struct {
	reader   *maxminddb.Reader
	name     string // file name without directory and extension
	checksum string // SHA-256 of the file, lower-case hexadecimal
	built    time.Time
	family   string
	date     freshness
	records  map[uintptr]record // by offset in the data section
}

// record is what a database says of the networks that share it.
type record struct {
	country    string // "" when it has none, or one that is no ISO code
	registered bool   // country is where the network is registered, not where it is
	anycast    bool
}

func readDatabase(path string) ([]byte, error) {
	// Asked before it is opened: opening a named pipe waits for a writer.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxDatabaseBytes+1))
	if err == nil && len(content) > maxDatabaseBytes {
		err = fmt.Errorf("%s: larger than %d MiB", path, maxDatabaseBytes>>20)
	}
	return content, err
}

func parseDatabase(ctx context.Context, content []byte, name string) (*database, error) {
	if len(content) == 0 {
		return nil, errors.New("the file is empty")
	}
	reader, err := maxminddb.OpenBytes(content, maxminddb.DisableStringCache())
	if err != nil {
		return nil, fmt.Errorf("not a MaxMind DB or a range table, or truncated: %w", err)
	}
	sum := sha256.Sum256(content)
	d := &database{
		reader:   reader,
		name:     name,
		checksum: hex.EncodeToString(sum[:]),
		family:   databaseFamily(reader.Metadata.DatabaseType, name),
		records:  map[uintptr]record{},
	}
	if epoch := reader.Metadata.BuildEpoch; epoch > 0 && epoch < 1<<40 {
		d.built = time.Unix(int64(epoch), 0).UTC()
		d.date.published = d.built
	}
	return d, d.readRecords(ctx)
}

// readRecords decodes every record that a lookup can reach.
func (d *database) readRecords(ctx context.Context) error {
	located := false
	// A tree of n nodes ends in n+1 leaves, and its IPv4 part is commonly filed under several IPv6
	// prefixes too. One whose nodes refer to each other at will ends in up to 2^128. Every leaf must
	// be visited to notice: what the iterator skips by default, it skips after walking to it.
	visits, maxVisits := uint(0), 8*(d.reader.Metadata.NodeCount+1)
	for result := range d.reader.Networks(maxminddb.IncludeAliasedNetworks(), maxminddb.IncludeNetworksWithoutData()) {
		if err := result.Err(); err != nil {
			return fmt.Errorf("damaged search tree: %w", err)
		}
		if visits++; visits > maxVisits {
			return errors.New("damaged search tree: its nodes refer to each other")
		}
		if visits%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !result.Found() {
			continue
		}
		if _, ok := d.records[result.Offset()]; ok {
			continue
		}
		read, err := readRecord(result)
		if err != nil {
			return fmt.Errorf("damaged record of %s: %w", result.Prefix(), err)
		}
		d.records[result.Offset()] = read
		located = located || read.country != ""
	}
	if len(d.records) == 0 {
		return errors.New("it holds no network")
	}
	if !located {
		return fmt.Errorf("it holds no country (type %q; looked for country_code, country.iso_code and registered_country.iso_code)",
			printable(d.reader.Metadata.DatabaseType))
	}
	return nil
}

func readRecord(result maxminddb.Result) (record, error) {
	var fields struct {
		CountryCode any `maxminddb:"country_code"`
		Country     any `maxminddb:"country"`
		Registered  any `maxminddb:"registered_country"`
		Traits      any `maxminddb:"traits"`
		IsAnycast   any `maxminddb:"is_anycast"`
	}
	if err := result.Decode(&fields); err != nil {
		return record{}, err
	}
	read := record{anycast: isTrue(fields.IsAnycast) || isTrue(member(fields.Traits, "is_anycast"))}
	for _, value := range []any{fields.CountryCode, member(fields.Country, "iso_code"), fields.Country} {
		if code, ok := countryValue(value); ok {
			read.country = code
			return read, nil
		}
	}
	read.country, read.registered = countryValue(member(fields.Registered, "iso_code"))
	return read, nil
}

func member(value any, name string) any {
	if fields, ok := value.(map[string]any); ok {
		return fields[name]
	}
	return nil
}

func isTrue(value any) bool {
	set, ok := value.(bool)
	return ok && set
}

func countryValue(value any) (string, bool) {
	text, ok := value.(string)
	if !ok {
		return "", false
	}
	return country([]byte(strings.ToUpper(text)))
}

// databaseFamily names the data that a database was made from: two editions of one vendor agree
// because they are the same data, not because they are right.
func databaseFamily(databaseType, name string) string {
	described := strings.ToLower(databaseType + " " + name)
	for _, vendor := range [...]struct{ mark, family string }{
		{"geolite", "maxmind"}, {"geoip", "maxmind"}, {"dbip", "dbip"}, {"db-ip", "dbip"}, {"ipinfo", "ipinfo"},
		{"ip2location", "ip2location"}, {"geo-whois-asn", placeName}, {"iptoasn", operatorName},
	} {
		if strings.Contains(described, vendor.mark) {
			return vendor.family
		}
	}
	return described
}

func (d *database) freshness() freshness { return d.date }

func (d *database) status() DatabaseStatus {
	kind := ranges.KindPlace
	if d.family == operatorName {
		kind = ranges.KindRegistrant
	}
	return DatabaseStatus{Name: d.name, Format: "mmdb", Kind: kind, Checksum: d.checksum, Built: d.built, Records: len(d.records)}
}

func (d *database) version() string { return versionLabel(d.name, d.built, d.checksum) }

func versionLabel(name string, built time.Time, checksum string) string {
	day := "undated"
	if !built.IsZero() {
		day = built.Format(time.DateOnly)
	}
	return strings.ReplaceAll(name, " ", "-") + "@" + day + "#" + checksum[:8]
}

func (d *database) statements(to []statement, q query) []statement {
	if !q.public.IsValid() || q.public.Is6() && d.reader.Metadata.IPVersion == 4 {
		return to
	}
	claim := flow.Claim{Source: sourceDatabase, AsOf: d.built, Detail: d.name}
	result := d.reader.Lookup(q.public)
	if result.Err() != nil {
		claim.Detail = d.name + " could not be asked"
		return append(to, statement{kind: failed, claim: claim})
	}
	if !result.Found() {
		return to
	}
	read, ok := d.records[result.Offset()]
	switch {
	case !ok:
		claim.Detail = d.name + " could not be asked"
		return append(to, statement{kind: failed, claim: claim})
	case read.country == "":
		claim.Detail = d.name + " has no country for the address"
		to = append(to, statement{kind: silent, claim: claim})
	case d.family == operatorName: // whoever built the database, its data is of registrants
		said := registrantStatement(read.country, d.name, d.built)
		said.age(d.date, q.now)
		to = append(to, said)
	default:
		claim.Country, claim.Confidence = read.country, confidenceAlone
		if read.registered {
			claim.Confidence = confidenceRegistrant
			claim.Detail = d.name + ", country of registration"
		}
		said := statement{kind: measured, claim: claim, family: d.family, registration: read.registered}
		said.age(d.date, q.now)
		to = append(to, said)
	}
	if read.anycast {
		to = append(to, statement{kind: spread, ofAddress: true, claim: flow.Claim{
			Source: "anycast", AsOf: d.built, Detail: d.name + " marks the address as anycast",
		}})
	}
	return to
}

// printable keeps a text from a file fit for a message.
func printable(text string) string {
	if len(text) > 60 {
		text = text[:60]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
