package jurisdiction

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

//go:embed data/groups.csv
var groupsCSV string

// Group is a named set of countries whose membership changes over time, e.g. "EEA". It is immutable
// and safe for concurrent use.
//
// A name that ends in "-adequacy" stands for the countries to which a law permits transfers of personal
// data as if they stayed at home, "-adequacy-limited" for those where it does so for some recipients or
// sectors alone: there the country does not tell whether a transfer is permitted.
type Group struct {
	Name    string
	members map[string][]Membership
}

// Membership is one stretch of time during which a country belongs to a group.
type Membership struct {
	Country string    // ISO 3166-1 alpha-2
	From    time.Time // the first moment; zero: always was
	Until   time.Time // the first moment after; zero: without end
	Source  string    // the act or page that says so, and whether the day is approximate
}

// NewGroup returns a group with these members. The caller has checked their countries.
func NewGroup(name string, members []Membership) *Group {
	g := &Group{Name: name, members: map[string][]Membership{}}
	for _, m := range members {
		g.members[m.Country] = append(g.members[m.Country], m)
	}
	return g
}

// Memberships returns every stretch of membership, by country and in the order they were given.
func (g *Group) Memberships() []Membership {
	var all []Membership
	for _, country := range g.Ever() {
		all = append(all, g.members[country]...)
	}
	return all
}

// Has reports whether country, an ISO 3166-1 alpha-2 code, belongs to the group at that moment. Days
// begin at midnight UTC.
func (g *Group) Has(country string, at time.Time) bool {
	for _, m := range g.members[country] {
		if !at.Before(m.From) && (m.Until.IsZero() || at.Before(m.Until)) {
			return true
		}
	}
	return false
}

// Ever returns every country that belongs, belonged or will belong to the group, sorted.
func (g *Group) Ever() []string { return slices.Sorted(maps.Keys(g.members)) }

// Members returns the countries that belong to the group at that moment, sorted.
func (g *Group) Members(at time.Time) []string {
	return slices.DeleteFunc(g.Ever(), func(country string) bool { return !g.Has(country, at) })
}

// FindGroup returns the built-in group of that name, nil if there is none. Names are case-sensitive.
func FindGroup(name string) *Group { return groups()[name] }

// GroupNames returns the names of the built-in groups, sorted.
func GroupNames() []string { return slices.Sorted(maps.Keys(groups())) }

// groups reads the embedded table once. The table is part of the program, and a test reads it.
var groups = sync.OnceValue(func() map[string]*Group {
	found, err := readGroups(groupsCSV)
	if err != nil {
		panic("jurisdiction: the table of country groups is part of the program: " + err.Error())
	}
	return found
})

func readGroups(text string) (map[string]*Group, error) {
	members := map[string][]Membership{}
	err := eachRow(text, "groups.csv", 5, func(row []string) error {
		name := row[0]
		m := Membership{Country: row[1], Source: row[4]}
		if !ValidCountry(m.Country) {
			return fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", m.Country)
		}
		var err error
		if m.From, err = time.Parse(time.DateOnly, row[2]); err != nil {
			return fmt.Errorf("from: %q is not a day", row[2])
		}
		if row[3] != "" {
			if m.Until, err = time.Parse(time.DateOnly, row[3]); err != nil || !m.From.Before(m.Until) {
				return fmt.Errorf("until: %q is not a day after from", row[3])
			}
		}
		if m.Source == "" {
			return fmt.Errorf("%s in %s has no source", m.Country, name)
		}
		for _, before := range members[name] {
			if before.Country == m.Country && (before.Until.IsZero() || m.From.Before(before.Until)) {
				return fmt.Errorf("%s is in %s twice at the same time", m.Country, name)
			}
		}
		members[name] = append(members[name], m)
		return nil
	})
	found := make(map[string]*Group, len(members))
	for name := range members {
		found[name] = NewGroup(name, members[name])
	}
	return found, err
}

// NearestCountry returns the ISO 3166-1 alpha-2 code that was probably meant by wrong, "" when there
// is no good guess.
func NearestCountry(wrong string) string { return nearestCountry(wrong) }
