package classify

import (
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Evidence says what a detector needs beside a valid value.
type Evidence string

const (
	EvidenceNone     Evidence = "none"     // the value's form or checksum suffices
	EvidenceHelps    Evidence = "helps"    // a key raises the strength; a key that names something else discards the value
	EvidenceRequired Evidence = "required" // without a key or a nearby word nothing is reported
)

// Detector describes one kind of value that is looked for.
type Detector struct {
	ID          string        // e.g. "us-ssn"; stable, used in records
	Description string        // what the value is and what makes it valid
	Country     string        // ISO 3166-1 alpha-2 of the issuer; "" if it has none
	Categories  []string      // plain terms that rules use, e.g. "financial"; sorted
	Strength    flow.Strength // of a value on its own; a field key that names it lifts it by one
	Evidence    Evidence
	Source      string // standard or authority that the rules are taken from
	Legal       string // the legal notions that it stands for, e.g. "GDPR art. 9(1)"
}

// Detectors lists every built-in detector, by ID.
func Detectors() []Detector {
	rules := catalogue(Options{}, 0)
	out := make([]Detector, len(rules))
	for i, r := range rules {
		out[i] = r.Detector
	}
	slices.SortFunc(out, func(a, b Detector) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// rule is a detector with what finds and checks its values.
//
// A rule says what its values look like in one or more of four ways, each with the function that checks
// what was seen; the scanner looks at nothing else. Each way costs only where it fires, so that a rule
// should name the rarest thing about its values.
//
//	forms    → check    numbers and codes of known layouts         999-99-9999
//	trigger  → text     a byte or a place that cannot be laid out   "@", "+" before a digit, the start of a body
//	literals → text     a fixed beginning                           "ghp_", "-----BEGIN", "<<<"
//	keys     → field    the name of a field, whatever stands in it  "dateOfBirth"
type rule struct {
	Detector
	index      int
	identifies identity

	// words is what the surroundings may say for a value or against it; nil if they do not matter. It
	// weighs what check and text find, not what field finds. With EvidenceRequired a value on which the
	// surroundings are silent is not reported, whatever its strength.
	words *vocabulary
	fixed bool // evidence does not lift the strength

	// chance is the share of random values of the rule's forms that check accepts, 0 to 1; 0 says that
	// it is not known. With it, a field that is repeated (a JSON key, a CSV column) is evidence by the
	// share of its values that pass: nearly all of them count, weak ones included, and hardly more than
	// chance would let pass count for nothing, medium ones included. Rules of more than maxChance (an
	// undashed SSN) have nothing that could tell a column of theirs from others.
	chance float64

	// forms are the layouts of the values. In a form, 9 stands for a digit, A for a letter of either
	// case, * for a digit or a letter; everything else (space - . / + : and other punctuation) stands
	// for itself. The first group that can hold a digit must hold one: "AA 99 99 99 A" and "A9A 9A9"
	// are found, a value in letters only is not. A value does not begin or end within a word, a number
	// or a hyphenated name. Of several forms at one place the longest whose rules accept it wins; of one
	// form, all rules are tried. What the kernel cannot see is not found: somewhere in the value six bytes
	// must be digits with no more than single bytes between, or a letter stand beside a digit (a test holds
	// the catalogue to it). shapes are short for forms of digits, together or in groups, with
	// either spaces or hyphens between all groups.
	forms  []string
	shapes []shape
	// check returns the strength of a value on its own, 0 if it is not valid.
	check func(*token) flow.Strength

	// trigger and literals call text with the neighbourhood of the place (lookBehind bytes before it and
	// lookAhead bytes from it on, as far as the text goes), the index in it of the byte that fired, and
	// an empty slice with room for maxValue bytes in which to build the normalised value. literals are
	// of at least three bytes; they are found as they are spelt, wherever they do not begin within a word
	// ("ghp_" is not found in "aghp_", but "<<<" is in "a<<<"). Where a literal begins with three small
	// letters, there must be a digit or one of $-./_T in its first 13 bytes, or nothing but letters.
	trigger  trigger
	literals []string
	text     func(view []byte, at int, value []byte) match

	// keys names fields whose values are handed to field, by words like a vocabulary's; a denying term
	// anywhere in the key keeps it from firing ("phone" does not fire on phone_type if "type" denies).
	// It works on JSON ("key": value), forms (key=value), XML (<key>value), logs and YAML (key: value)
	// and the columns of CSV and TSV. Of a JSON list each scalar is handed over, unless whole says that
	// the list or object itself is wanted. What field returns is not weighed further.
	keys  *vocabulary
	whole bool
	field func(f *field, value []byte) match
}

// trigger is a set of things that make the scanner call a rule's text function.
type trigger uint16

const (
	onAt     trigger = 1 << iota // "@"
	onCode                       // the first digit after two letters that begin a word, with another digit behind it
	onPhone                      // the first digit after "+" or "(", or of "00" at the start of a word
	onQuad                       // the first digit of one to three digits, a full stop, and a digit
	onColons                     // the first ":" of at least two with one to four hexadecimal digits between, or of "::"
	onStart                      // the first byte of a body, part or field; called once, when lookAhead bytes are there or it ends
)

// field is the value of a field whose key fired a rule.
type field struct {
	key  []byte // as written, without quotes; a CSV column's heading
	text []byte // the value without quotes and white space around it, at most maxField bytes, cut if cut
	cut  bool
	// view is the neighbourhood, and start where text begins in it: for rules that need another field
	// (a longitude beside a latitude). The match is in terms of view too.
	view  []byte
	start int
}

// match is the whole of the field as a value of the given strength.
func (f *field) match(value []byte, strength flow.Strength) match {
	return match{f.start, f.start + len(f.text), value, strength}
}

// maxField is how much of a field's value is handed to a rule, in bytes.
const maxField = 256
