package jurisdiction

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction/ranges"
	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

const (
	sourcePublished  = "published-range"
	sourceRegistrant = "registrant"
)

// rangeSource answers from a range table that ranges.Import made. What each label means is worked out
// when it is opened; a lookup finds the label and copies that.
type rangeSource struct {
	table    *rangetable.Table
	checksum string // SHA-256 of the file, lower-case hexadecimal
	date     freshness
	said     [][]statement // by the label's code
}

// parseRanges reads a range table. A label that means nothing here (a country that ISO does not have,
// a provider that is not known) has no statement; a table without any other is refused.
func (o *opener) parseRanges(content []byte) (*rangeSource, error) {
	table, err := rangetable.Decode(content)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return o.newRangeSource(table, hex.EncodeToString(sum[:]))
}

func (o *opener) newRangeSource(table *rangetable.Table, checksum string) (*rangeSource, error) {
	source := &rangeSource{table: table, checksum: checksum, date: freshness{table.Published, o.maxAge}}
	useful := false
	for _, label := range table.Labels() {
		said := o.meaning(table, label)
		useful = useful || len(said) > 0
		source.said = append(source.said, said)
	}
	switch table.Kind {
	case ranges.KindPlace, ranges.KindRegistrant, ranges.KindCloud:
	default:
		return nil, fmt.Errorf("range table of kind %q: expected place, registrant or cloud", printable(table.Kind))
	}
	if !useful {
		return nil, fmt.Errorf("range table %q: it holds no country or region that is known", printable(table.Name))
	}
	return source, nil
}

// meaning prepares the statements for a label, at their full confidence.
func (o *opener) meaning(table *rangetable.Table, label string) []statement {
	code, isCountry := country([]byte(label))
	family := databaseFamily("", table.Name)
	switch {
	case isCountry && (table.Kind == ranges.KindRegistrant || table.Kind == ranges.KindPlace && family == operatorName):
		return []statement{registrantStatement(code, table.Name, table.Published)}
	case isCountry && table.Kind == ranges.KindPlace:
		return []statement{{kind: measured, family: family, claim: flow.Claim{
			Country: code, Source: sourceDatabase, Confidence: confidenceAlone, AsOf: table.Published, Detail: table.Name,
		}}}
	case table.Kind == ranges.KindCloud:
		return o.cloudMeaning(table, label)
	}
	return nil
}

// registrantStatement says whose law binds the registrant of a network. That is not where the network is:
// for the networks of clouds the two agree in about a third of the cases.
func registrantStatement(code, name string, published time.Time) statement {
	return statement{kind: operated, operatorHome: code, claim: flow.Claim{
		Country: code, Source: sourceRegistrant, Confidence: confidenceRegistrant, AsOf: published,
		Detail: name + ", home of the network's registrant",
	}}
}

func (o *opener) cloudMeaning(table *rangetable.Table, label string) []statement {
	provider, id, _ := strings.Cut(label, " ")
	regions, ok := o.regions.providers[provider]
	if !ok {
		return nil
	}
	said := statement{kind: silent, cloud: provider, region: id, claim: flow.Claim{
		Source: sourcePublished, AsOf: table.Published, Detail: provider + " " + id + " in " + table.Name,
	}}
	found, ok := regions[id]
	switch {
	case id == ranges.Everywhere:
		said.kind, said.region, said.ofAddress = spread, "", true
		said.claim.Detail = provider + " serves the address from many places, in " + table.Name
	case id == "":
		said.claim.Detail = provider + " in several regions, in " + table.Name
	case !ok:
		said.claim.Detail = provider + " " + id + " in " + table.Name + ", a region whose country is not known"
	case found.country == "":
		said.kind = spread
		said.claim.Detail = provider + " " + id + " (" + found.location + ") in " + table.Name
	default:
		said.kind = published
		said.claim.Country, said.claim.Confidence = found.country, confidencePublished
		if !found.certain {
			said.claim.Confidence = confidenceLooseRegion
		}
		said.claim.Detail = provider + " " + id + " (" + found.location + ") in " + table.Name
	}
	statements := []statement{said}
	if runs, ok := o.operators.ofCloud(provider, id); ok {
		runs.claim.Detail = runs.operator + " publishes the address in " + table.Name
		statements = append(statements, runs)
	}
	return statements
}

func (r *rangeSource) freshness() freshness { return r.date }

func (r *rangeSource) version() string {
	return versionLabel(r.table.Name, r.table.Published, r.checksum)
}

func (r *rangeSource) status() DatabaseStatus {
	ipv4, ipv6 := r.table.Len()
	kind := r.table.Kind
	if databaseFamily("", r.table.Name) == operatorName {
		kind = ranges.KindRegistrant
	}
	return DatabaseStatus{
		Name: r.table.Name, Format: "ranges", Kind: kind, Checksum: r.checksum, Built: r.table.Published,
		Records: ipv4 + ipv6, License: r.table.License, Attribution: r.table.Attribution,
	}
}

func (r *rangeSource) statements(to []statement, q query) []statement {
	if !q.public.IsValid() {
		return to
	}
	for _, said := range r.said[r.table.Code(q.public)] {
		said.age(r.date, q.now)
		to = append(to, said)
	}
	return to
}
