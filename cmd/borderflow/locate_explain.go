package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// reasoning writes how an answer came about, step by step: what was asked, what each source said, how that
// was weighed, and what conditions of rules see of it.
func (l *locator) reasoning(e jurisdiction.Explanation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", e.Query)
	fmt.Fprintf(&b, "1. asked\n")
	if e.Address != "" {
		fmt.Fprintf(&b, "   the address     %s\n", e.Address)
	}
	for _, alias := range e.Aliases {
		fmt.Fprintf(&b, "   the alias       %s\n", alias)
	}
	for _, database := range l.jurisdictions.Databases() {
		fmt.Fprintf(&b, "   database        %s%s\n", database.Version, ofDay(database.Built))
	}
	fmt.Fprintf(&b, "   all data        %s\n", l.jurisdictions.Version())
	fmt.Fprintf(&b, "2. said\n")
	if len(e.Statements) == 0 {
		fmt.Fprintf(&b, "   nothing: no source knows it\n")
	}
	for _, s := range e.Statements {
		fmt.Fprintf(&b, "   %-15s %s%s\n", s.Source, statementText(s), ofDay(s.AsOf))
	}
	fmt.Fprintf(&b, "3. weighed (from 0, no information, to 1, declared under contract; a place is answered from %.2f)\n", l.minimum)
	for _, claim := range e.Jurisdictions {
		fmt.Fprintf(&b, "   %.2f %-10s %s: %s\n", claim.Confidence, orUnknown(claim.Country), claim.Source, claim.Detail)
	}
	for _, conflict := range e.Conflicts {
		fmt.Fprintf(&b, "   conflict        %s\n", conflict)
	}
	fmt.Fprintf(&b, "   so              %s\n", e.Reason)
	fmt.Fprintf(&b, "4. what conditions see\n")
	for _, fact := range [][2]string{
		{"country", fmt.Sprintf("%q", e.Country)}, {"confidence", fmt.Sprintf("%.2f", e.Confidence)},
		{"possible", countries(e.Possible)}, {"reach", countries(e.Reach)},
		{"operator", fmt.Sprintf("%q", e.Operator)}, {"operatorHome", fmt.Sprintf("%q", e.OperatorHome)}, {"parentHome", fmt.Sprintf("%q", e.ParentHome)},
		{"cloud", fmt.Sprintf("%q", e.Cloud)}, {"region", fmt.Sprintf("%q", e.Region)},
		{"anycast", fmt.Sprint(e.Anycast)}, {"stale", fmt.Sprint(e.Stale)},
		{"within(…)", withinText(e, time.Now())},
	} {
		fmt.Fprintf(&b, "   destination.%-13s %s\n", fact[0], fact[1])
	}
	return writeText(l.out, b.String())
}

// statementText says what a source says, in words.
func statementText(s jurisdiction.Statement) string {
	text := map[string]string{"place": "it stands in " + s.Country, "spread": "it is served from many places", "none": "nothing",
		"failure": "it could not be asked", "operator": "it is run"}[s.About]
	if s.About == "operator" {
		if s.Operator != "" {
			text += " by " + s.Operator
		}
		if s.Country != "" {
			text += " from " + s.Country
		}
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}

// withinText lists the built-in groups that destination.within holds for: a country is known, and every
// source that names one names a member.
func withinText(e jurisdiction.Explanation, now time.Time) string {
	if e.Country == "" {
		return "no group, as no one country is known"
	}
	named := []string{e.Country}
	for _, claim := range e.Jurisdictions {
		if claim.Country != "" {
			named = append(named, claim.Country)
		}
	}
	var groups []string
	for _, name := range jurisdiction.GroupNames() {
		group := jurisdiction.FindGroup(name)
		if !slices.ContainsFunc(named, func(country string) bool { return !group.Has(country, now) }) {
			groups = append(groups, name)
		}
	}
	if len(groups) == 0 {
		return "no built-in group"
	}
	return strings.Join(groups, ", ")
}

func countries(codes []string) string {
	if len(codes) == 0 {
		return "[]"
	}
	return `["` + strings.Join(codes, `", "`) + `"]`
}

func orUnknown(country string) string {
	if country == "" {
		return "(no place)"
	}
	return country
}

func ofDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " (of " + t.UTC().Format(time.DateOnly) + ")"
}
