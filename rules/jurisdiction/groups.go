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
type Group struct {
	Name    string
	members map[string][]membership
}

// membership is one stretch of time during which a country belongs to a group.
type membership struct {
	from, until time.Time // first moment, and first moment after; zero: without end
	source      string
}

// Has reports whether country, an ISO 3166-1 alpha-2 code, belongs to the group at that moment. Days
// begin at midnight UTC.
func (g *Group) Has(country string, at time.Time) bool {
	for _, m := range g.members[country] {
		if !at.Before(m.from) && (m.until.IsZero() || at.Before(m.until)) {
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
	found := map[string]*Group{}
	err := eachRow(text, "groups.csv", 5, func(row []string) error {
		name, country := row[0], row[1]
		if !ValidCountry(country) {
			return fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", country)
		}
		m := membership{source: row[4]}
		var err error
		if m.from, err = time.Parse(time.DateOnly, row[2]); err != nil {
			return fmt.Errorf("from: %q is not a day", row[2])
		}
		if row[3] != "" {
			if m.until, err = time.Parse(time.DateOnly, row[3]); err != nil || !m.from.Before(m.until) {
				return fmt.Errorf("until: %q is not a day after from", row[3])
			}
		}
		if m.source == "" {
			return fmt.Errorf("%s in %s has no source", country, name)
		}
		if found[name] == nil {
			found[name] = &Group{Name: name, members: map[string][]membership{}}
		}
		found[name].members[country] = append(found[name].members[country], m)
		return nil
	})
	return found, err
}

// NearestCountry returns the ISO 3166-1 alpha-2 code that was probably meant by wrong, "" when there
// is no good guess.
func NearestCountry(wrong string) string { return nearestCountry(wrong) }
