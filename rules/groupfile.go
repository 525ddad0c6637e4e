package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Limits of groups of countries.
const (
	MaxGroups       = 256
	MaxGroupMembers = 2000 // stretches of membership of one group
)

// countryGroupName is the form of a group's name. The capitals of built-in names keep them apart from lists.
var countryGroupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// GroupInfo describes one group of countries that a policy directory defines.
type GroupInfo struct {
	Name        string
	Description string
	Group       *jurisdiction.Group
	File        string
	Line        int
}

// groupDocument is one group of countries as it is written.
type groupDocument struct {
	APIVersion  apiVersion    `yaml:"apiVersion"`
	Kind        kind          `yaml:"kind"`
	Name        string        `yaml:"name"`
	Description string        `yaml:"description"`
	Members     []groupMember `yaml:"members"`
}

type groupMember struct {
	Country string      `yaml:"country"`
	From    firstMoment `yaml:"from"`
	Until   lastMoment  `yaml:"until"`
	Source  string      `yaml:"source"`
}

// groupReader reads one group document.
type groupReader struct {
	*reader
	positions *document.Positions
	document  *groupDocument
	members   []jurisdiction.Membership
	places    []place // of members
}

func (r *reader) readGroup(d *groupDocument, positions *document.Positions) {
	g := &groupReader{reader: r, positions: positions, document: d}
	require(r, positions, "apiVersion", "apiVersion: borderflow/v1")
	if require(r, positions, "name", "a name for conditions, for example OurPartners") {
		g.checkName()
	}
	if require(r, positions, "members", "members: [{country: DE, source: contract 2026-03}]") {
		g.readMembers()
	}
	line, _ := positions.At("name")
	r.groupDocuments = append(r.groupDocuments, d)
	r.groups[d.Name] = &GroupInfo{Name: d.Name, Description: d.Description, Group: jurisdiction.NewGroup(d.Name, g.members), File: positions.File(), Line: line}
}

func (g *groupReader) problem(path, hint, format string, arguments ...any) {
	g.problems = append(g.problems, g.positions.Problem(path, fmt.Sprintf(format, arguments...), hint))
}

// checkName keeps names apart that a reader of a condition would take for each other: those of groups in
// another case too.
func (g *groupReader) checkName() {
	name := g.document.Name
	builtIn := slices.IndexFunc(jurisdiction.GroupNames(), func(other string) bool { return strings.EqualFold(name, other) })
	before, taken := g.groupNames[strings.ToLower(name)]
	list, listed := g.listNames[name]
	switch {
	case !countryGroupName.MatchString(name):
		g.problem("name", "", "name must be of letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit")
	case builtIn >= 0:
		g.problem("name", "choose another name, so that a condition means the same everywhere", "group name %q is taken by the built-in group %s",
			name, jurisdiction.GroupNames()[builtIn])
	case taken:
		g.problem("name", "first at "+before.String(), "group name %q is taken", name)
	case listed:
		g.problem("name", "first at "+list.String(), "group name %q is taken by a list", name)
	case len(g.groupNames) >= MaxGroups:
		g.problem("name", "", "more than %d groups", MaxGroups)
	default:
		line, column := g.positions.At("name")
		g.groupNames[strings.ToLower(name)] = place{g.positions.File(), line, column}
	}
}

func (g *groupReader) readMembers() {
	for i := range g.document.Members {
		if i == MaxGroupMembers {
			g.problem(fmt.Sprintf("members[%d]", i), "", "more than %d members in one group", MaxGroupMembers)
			return
		}
		g.readMember(fmt.Sprintf("members[%d]", i), &g.document.Members[i])
	}
}

func (g *groupReader) readMember(at string, entry *groupMember) {
	m := jurisdiction.Membership{Country: entry.Country, From: entry.From.Time, Until: entry.Until.Time, Source: entry.Source}
	known := require(g.reader, g.positions, at+".country", "country: DE")
	if known && !jurisdiction.ValidCountry(m.Country) {
		g.problem(at+".country", nearestCountry(m.Country), "%q is not an ISO 3166-1 alpha-2 code", shorten(m.Country))
		known = false
	}
	if require(g.reader, g.positions, at+".source", "the act, contract or decision that makes it a member") && strings.TrimSpace(m.Source) == "" {
		g.problem(at+".source", "the act, contract or decision that makes it a member", "source is empty")
	}
	if !m.Until.IsZero() && !m.From.Before(m.Until) {
		g.problem(at+".until", "", "until is not after from")
		return
	}
	if !known {
		return
	}
	line, column := g.positions.At(at)
	for i, before := range g.members {
		if before.Country == m.Country && begins(m, before) && begins(before, m) {
			g.problem(at+".country", "first at "+g.places[i].String(), "%q is a member twice at the same time", m.Country)
			return
		}
	}
	g.members, g.places = append(g.members, m), append(g.places, place{g.positions.File(), line, column})
}

// begins reports whether a begins before b ends.
func begins(a, b jurisdiction.Membership) bool { return b.Until.IsZero() || a.From.Before(b.Until) }

// Groups describes the groups of countries that the policy directory defines, by name.
func (p *Policy) Groups() []GroupInfo {
	infos := make([]GroupInfo, 0, len(p.groups))
	for _, name := range sortedKeys(p.groups) {
		infos = append(infos, *p.groups[name])
	}
	return infos
}

// UsesGroup reports whether a condition of a rule or of inspect names the group.
func (p *Policy) UsesGroup(name string) bool {
	for _, c := range p.conditions {
		for _, use := range c.uses {
			if takesGroup(use.function) && use.name == name {
				return true
			}
		}
	}
	return false
}

// groupBoundaries returns the moments at which a country joins or leaves a group that a condition names.
func (p *Policy) groupBoundaries() []time.Time {
	var moments []time.Time
	for _, c := range p.conditions {
		for _, use := range c.uses {
			group := findGroup(p.groups, use.name)
			if !takesGroup(use.function) || group == nil {
				continue
			}
			for _, m := range group.Memberships() {
				moments = append(moments, m.From, m.Until)
			}
		}
	}
	return slices.DeleteFunc(moments, time.Time.IsZero)
}

// findGroup returns the group of that name, built in or of the policy directory; nil if there is none.
func findGroup(defined map[string]*GroupInfo, name string) *jurisdiction.Group {
	if group := jurisdiction.FindGroup(name); group != nil {
		return group
	}
	if info := defined[name]; info != nil {
		return info.Group
	}
	return nil
}
