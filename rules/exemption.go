package rules

import (
	"net/netip"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Limits of exemptions. What should last longer belongs into the rule.
const (
	MaxExemption         = 366 * 24 * time.Hour // an error beyond
	RecommendedExemption = 90 * 24 * time.Hour  // a longer one deserves a second look
	MaxExemptions        = 1024
)

// Exemption is a named exception for one source and one destination, for a time: a block rule does
// not match for it, or the connection is not inspected in full. It is not to be changed.
type Exemption struct {
	Name        string
	Description string

	Policy, Rule string          // the block rule that is lifted; "" when none is
	Inspect      flow.Inspection // how much of the connection is read; InspectFull when that is untouched

	SourceAddress  netip.Addr   // the zero value of each: any
	SourceNetwork  netip.Prefix //
	SourceIdentity string       // as it was authenticated
	Host           string       // this host alone
	Suffix         string       // this domain and everything below it

	ApprovedBy string
	Reason     string
	From       time.Time
	Until      time.Time // the first moment at which it no longer applies

	File string
	Line int
}

// AppliesTo reports whether the exemption covers f at that moment. A fact that is not established, or
// cannot be had, is covered by no exemption that asks for it.
func (e *Exemption) AppliesTo(f *flow.Flow, now time.Time) bool {
	return f != nil && !now.Before(e.From) && now.Before(e.Until) && e.coversSource(&f.Source) && e.coversHost(f.Destination.Host)
}

func (e *Exemption) coversSource(source *flow.Source) bool {
	address := source.Address.Unmap().WithZone("")
	switch {
	case e.SourceAddress.IsValid() && address != e.SourceAddress,
		e.SourceNetwork.IsValid() && !e.SourceNetwork.Contains(address),
		e.SourceIdentity != "" && (source.IdentityState != flow.Known || source.Identity != e.SourceIdentity):
		return false
	}
	return true
}

func (e *Exemption) coversHost(host string) bool {
	if e.Host != "" && host != e.Host {
		return false
	}
	return e.Suffix == "" || host == e.Suffix || strings.HasSuffix(host, "."+e.Suffix)
}

// Ends returns the end as files state it: the last day on which the exemption applies, or the time of
// day at which it ends, UTC.
func (e *Exemption) Ends() string {
	until := e.Until.UTC()
	if until.Equal(until.Truncate(24 * time.Hour)) {
		return until.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return until.Format(time.RFC3339)
}

// Exempted is an exemption that was used for a flow: without it, Rule would have matched, or would
// have waited for facts or depended on what cannot be read; or more would have been inspected.
type Exempted struct {
	Exemption *Exemption
	Policy    string // of the rule that was lifted; "" when inspection was
	Rule      string
}

// Exemptions returns every exemption of the snapshot, expired ones included, by name.
func (p *Policy) Exemptions() []*Exemption { return p.exemptions }

// Lists describes the lists of the snapshot, by name.
func (p *Policy) Lists() []ListInfo {
	infos := make([]ListInfo, 0, len(p.lists))
	for _, name := range sortedKeys(p.lists) {
		infos = append(infos, p.lists[name].ListInfo)
	}
	return infos
}

// UsesList reports whether a condition of a rule or of inspect names the list.
func (p *Policy) UsesList(name string) bool {
	for _, c := range p.conditions {
		for _, use := range c.uses {
			if use.name == name {
				return true
			}
		}
	}
	return false
}

// liftedBy returns the exemption that keeps rule from matching f, nil if there is none.
func (r *compiledRule) liftedBy(f *flow.Flow, now time.Time) *Exemption {
	for _, exemption := range r.exemptions {
		if exemption.AppliesTo(f, now) {
			return exemption
		}
	}
	return nil
}
