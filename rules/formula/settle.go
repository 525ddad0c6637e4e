package formula

import (
	"math"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// value is what a model gives a fact.
type value struct {
	test   Test // Opaque, IsTrue, Within for numbers, otherwise a text
	truth  bool
	number float64
	text   string
	claims []string // of destination.country: countries that sources name
}

// settle finds a value of fact that meets every demand.
func settle(fact string, demands []demand) (value, Answer) {
	switch demands[0].atom.Test {
	case Opaque, IsTrue:
		for _, d := range demands[1:] {
			if d.negated != demands[0].negated {
				return value{}, No
			}
		}
		answer := Yes
		if demands[0].atom.Test == Opaque {
			answer = Maybe
		}
		return value{test: demands[0].atom.Test, truth: !demands[0].negated}, answer
	case Within:
		return settleNumber(fact, demands)
	}
	if fact == "destination.country" {
		return settleCountries(demands)
	}
	return settleText(fact, demands)
}

// settleNumber tries every bound, its neighbours and what lies between: within each of those, all
// demands stay what they are.
func settleNumber(fact string, demands []demand) (value, Answer) {
	low, high := bounds(fact)
	points := []float64{low, high, 0, 1}
	for _, d := range demands {
		for _, bound := range [...]float64{d.atom.Range.Low, d.atom.Range.High} {
			if math.IsInf(bound, 0) {
				continue
			}
			points = append(points, bound)
			if !isFraction(fact) {
				points = append(points, math.Floor(bound)-1, math.Floor(bound), math.Ceil(bound), math.Ceil(bound)+1)
			}
		}
	}
	sort.Float64s(points)
	if isFraction(fact) {
		for i := range len(points) - 1 {
			points = append(points, (points[i]+points[i+1])/2)
		}
	}
	for _, x := range preferSmall(points) {
		if x >= low && x <= high && (isFraction(fact) || x == math.Trunc(x)) && allHold(demands, value{number: x}) {
			return value{test: Within, number: x}, Yes
		}
	}
	return value{}, No
}

// preferSmall orders points by size, so that witnesses are plain.
func preferSmall(points []float64) []float64 {
	slices.SortStableFunc(points, func(a, b float64) int {
		switch {
		case math.Abs(a) < math.Abs(b):
			return -1
		case math.Abs(a) > math.Abs(b):
			return 1
		}
		return 0
	})
	return points
}

func allHold(demands []demand, v value) bool {
	for _, d := range demands {
		if d.atom.holds(v) == d.negated {
			return false
		}
	}
	return true
}

// holds evaluates an atom on a value. For tests of countries, v.claims are complete.
func (a *Atom) holds(v value) bool {
	switch a.Test {
	case IsTrue, Opaque:
		return v.truth
	case Within:
		return a.Range.Has(v.number)
	case OneOf:
		return slices.Contains(a.Texts, v.text)
	case Prefix:
		return strings.HasPrefix(v.text, a.Texts[0])
	case Suffix:
		return strings.HasSuffix(v.text, a.Texts[0])
	case Contains:
		return strings.Contains(v.text, a.Texts[0])
	case Under:
		return under(v.text, a.Texts[0])
	case Matches:
		matched, err := regexp.MatchString(a.Texts[0], v.text)
		return err == nil && matched
	case AnyCountry:
		return v.text != "" && slices.Contains(a.Texts, v.text) || slices.ContainsFunc(v.claims, func(c string) bool { return slices.Contains(a.Texts, c) })
	case OnlyCountries:
		return v.text != "" && slices.Contains(a.Texts, v.text) && !slices.ContainsFunc(v.claims, func(c string) bool { return !slices.Contains(a.Texts, c) })
	}
	return false
}

// settleText tries every text that a demand names, and texts that are put together from them.
func settleText(fact string, demands []demand) (value, Answer) {
	closed, candidates := domain(fact)
	exact := closed
	if !closed {
		for _, d := range demands {
			if d.atom.Test == OneOf && !d.negated {
				candidates, exact = d.atom.Texts, true
				break
			}
		}
	}
	if !exact {
		candidates = append(candidates, compose(demands)...)
	}
	for _, text := range candidates {
		if possible(fact, text) && allHold(demands, value{text: text}) {
			return value{test: OneOf, text: text}, Yes
		}
	}
	if exact || contradictory(demands) {
		return value{}, No
	}
	return value{test: OneOf}, Maybe
}

// compose builds texts that begin, continue and end as the demands ask.
func compose(demands []demand) []string {
	var prefixes, middles, suffixes, whole []string
	prefixes, suffixes = []string{""}, []string{""}
	for _, d := range demands {
		if d.negated || len(d.atom.Texts) == 0 {
			continue
		}
		switch text := d.atom.Texts[0]; d.atom.Test {
		case Prefix:
			prefixes = append(prefixes, text)
		case Suffix:
			suffixes = append(suffixes, text)
		case Contains:
			middles = append(middles, text)
		case Under:
			whole = append(whole, text, "other."+text)
			suffixes = append(suffixes, "."+text)
		case Matches:
			whole = append(whole, sample(text)...)
		}
	}
	for _, p := range prefixes {
		for _, s := range suffixes {
			middle := strings.Join(middles, "")
			whole = append(whole, p+middle+s, p+"other"+middle+s)
		}
	}
	longest := func(a, b string) int { return len(b) - len(a) }
	slices.SortStableFunc(whole, longest)
	return whole
}

// contradictory proves, from pairs of demands, that no text meets them.
func contradictory(demands []demand) bool {
	for _, d := range demands {
		if d.negated {
			continue
		}
		for _, other := range demands {
			if other.negated && d.atom.entails(other.atom) || !other.negated && d.atom.excludes(other.atom) {
				return true
			}
		}
	}
	return false
}

// entails reports that whenever a holds, so does b.
func (a *Atom) entails(b *Atom) bool {
	if len(a.Texts) == 0 || len(b.Texts) == 0 {
		return false
	}
	x, y := a.Texts[0], b.Texts[0]
	switch {
	case a.Test == b.Test && x == y:
		return a.Test != OneOf
	case b.Test == Contains && (a.Test == Prefix || a.Test == Suffix || a.Test == Contains || a.Test == Under):
		return strings.Contains(x, y)
	case a.Test == Prefix && b.Test == Prefix:
		return strings.HasPrefix(x, y)
	case a.Test == Suffix && b.Test == Suffix, a.Test == Under && b.Test == Suffix:
		return strings.HasSuffix(x, y)
	case a.Test == Under && b.Test == Under:
		return under(x, y)
	case a.Test == Suffix && b.Test == Under:
		return lettered(y) && (strings.HasSuffix(x, "."+y))
	}
	return false
}

// excludes reports that a and b cannot both hold.
func (a *Atom) excludes(b *Atom) bool {
	if len(a.Texts) == 0 || len(b.Texts) == 0 || a == b {
		return false
	}
	x, y := a.Texts[0], b.Texts[0]
	switch {
	case a.Test == Prefix && b.Test == Prefix:
		return !strings.HasPrefix(x, y) && !strings.HasPrefix(y, x)
	case a.Test == Suffix && b.Test == Suffix:
		return !strings.HasSuffix(x, y) && !strings.HasSuffix(y, x)
	case a.Test == Under && b.Test == Under:
		return !under(x, y) && !under(y, x)
	}
	return false
}

// settleCountries decides demands on the resolved country and on what the sources claim. For each
// country that may be resolved it takes the largest set of claims that the demands allow: more
// claims never break a demand that is left.
func settleCountries(demands []demand) (value, Answer) {
	claims := countries(demands)
	candidates := slices.Concat([]string{""}, claims)
	if !onSets(demands) {
		candidates = slices.Concat([]string{""}, allCountries())
	}
	for _, d := range demands {
		claims = slices.DeleteFunc(claims, func(c string) bool {
			switch {
			case d.atom.Test == AnyCountry && d.negated:
				return slices.Contains(d.atom.Texts, c)
			case d.atom.Test == OnlyCountries && !d.negated:
				return !slices.Contains(d.atom.Texts, c)
			}
			return false
		})
	}
	for _, resolved := range candidates {
		v := value{test: OneOf, text: resolved, claims: claims}
		if !allHold(demands, v) {
			continue
		}
		for i := 0; i < len(v.claims); { // keep those that are needed
			fewer := v
			fewer.claims = slices.Delete(slices.Clone(v.claims), i, i+1)
			if allHold(demands, fewer) {
				v = fewer
			} else {
				i++
			}
		}
		return v, Yes
	}
	return value{}, No
}

// Holds reports whether a is true of a fact with this text. It is for tests of texts.
func (a *Atom) Holds(text string) bool { return a.holds(value{text: text}) }
