package classify

import (
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// identifier is the table entry of a number by which an authority knows people.
//
// valid gets the number without separators, letters as capitals. The detector's strength is that of a
// number that is grouped in its customary way; plain is its strength when it stands together, where only
// valid tells it from any other number. chance is the share of random numbers that valid lets pass. terms
// are the words that name it, separated by "|".
func identifier(d Detector, valid func([]byte) bool, plain flow.Strength, chance float64, terms string, forms ...string) *rule {
	d.Categories = []string{"government-id", "personal", "sensitive"}
	d.Legal = legalIdentifier
	r := number(d, valid, plain, chance, terms, forms...)
	r.identifies = identifiesByGovernment
	return r
}

// number is the table entry of any other checked number; its parameters are identifier's.
func number(d Detector, valid func([]byte) bool, plain flow.Strength, chance float64, terms string, forms ...string) *rule {
	return &rule{
		Detector: d,
		words:    words(strings.Split(terms, "|"), otherNumbers),
		chance:   chance,
		forms:    forms,
		check: func(t *token) flow.Strength {
			switch {
			case !valid(t.value()):
				return 0
			case t.joined, hasLower(t.raw):
				return flow.Weak // a table of numbers; base 16 or 36
			case t.separator == 0 && areDigits(t.value(), 11) && t.value()[0] == '1' && isNationalNumber(t.value()):
				return flow.Weak // more likely a telephone
			case t.separator == 0:
				return plain
			case chance > 0.005 && separators(t.form) == 1:
				return min(d.Strength, flow.Medium) // order numbers look like that, too
			}
			return d.Strength
		},
	}
}

// unchecked is for numbers without a check digit that a column could be told by: random ones hardly pass, but
// counters and times that lie close together pass together.
func (r *rule) unchecked() *rule {
	r.chance = 0
	return r
}

// inField also takes what stands under a key that names the number, however it is grouped: for forms that
// begin with few digits.
func (r *rule) inField(terms string, valid func([]byte) bool) *rule {
	r.keys = words(strings.Split(terms, "|"), nil)
	r.field = func(f *field, value []byte) match {
		for _, b := range f.text[:min(len(f.text), maxForm)] {
			if isAlnum(b) {
				value = append(value, upper(b))
			} else if !isOneOf(b, " .-/") {
				return match{}
			}
		}
		if !valid(value) {
			return match{}
		}
		return f.match(value, flow.Strong)
	}
	return r
}

// separators counts the characters of a form that stand for themselves.
func separators(form string) int {
	n := 0
	for i := range len(form) {
		if !isPlace(form[i]) {
			n++
		}
	}
	return n
}

// hasLower says whether text has a small letter.
func hasLower(text []byte) bool {
	for _, b := range text {
		if isLower(b) {
			return true
		}
	}
	return false
}

// otherNumbers are words that name numbers of other kinds, in which chance would find checksums.
var otherNumbers = strings.Split("order|orders|orderid|invoice|receipt|trace|span|hash|sha|md5|crc|checksum|digest|uuid|guid|"+
	"sku|ean|gtin|isbn|issn|upc|barcode|tracking|shipment|parcel|ticket|reference|ref|timestamp|ts|epoch|nanos|micros|"+
	"millis|created|updated|expires|nonce|seed|float|offset|size|bytes|length|version|build|commit|revision|serial|"+
	"session|request|correlation|transaction|txn|id|ids|index|count|total|amount|price|sum|lat|lng|lon|latitude|longitude|"+
	"phone|tel|telephone|mobile|cell|fax|telefon|telefono|téléphone|zip|port|pid|color|colour|"+
	"bestell*|rechnung*|auftrag*|sendung*|订单|单号|流水|运单|快递|手机|电话|时间|注文|주문", "|")

// nationalTerms name the number of a person in general. They stand only for numbers of which few random
// ones pass.
const nationalTerms = "|national id|nationalid|national identification|identity number|identity card|identity no|" +
	"id number|idnumber|id no|id card|personal id|personal number|personal code|personal identification|citizen id|citizen number|" +
	"citizenship number|government id|govt id|tax id|taxid|tax number|tax identification|taxpayer|tin|social security|ssn"
