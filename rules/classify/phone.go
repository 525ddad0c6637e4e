package classify

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"github.com/borderflow/borderflow/rules/flow"
)

func phoneRules() []*rule {
	return []*rule{{
		Detector: Detector{
			ID: "phone-number", Categories: []string{"contact", "personal"}, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalContact,
			Description: "telephone number: international, valid in its country's numbering plan; national only under a key or beside a word that names it",
			Source:      "ITU-T E.164, E.123; numbering plans as collected by libphonenumber",
		},
		identifies: identifiesByPhone,
		words: words(strings.Split(phoneKeys+"|call|ring|dial|sms|text me|reach me|rufen|appelez|llame|致电|拨打", "|"),
			strings.Split("order|id|ids|version|build|hash|offset|timezone|zone|utc|gmt|score|total|amount|price|balance|delta|diff|type|code|model|prefix|count|token", "|")),
		trigger:  onPhone,
		literals: spacedPhoneStarts(),
		text:     phoneAround,
		forms: []string{"999-999-9999", "999.999.9999", "999 999 9999", "9-999-999-9999", "99999 999999", "999 9999 9999", "99999999999",
			"9999999999", "999-9999-9999", "99 99 99 99 99", "99999 99999", "9999 999999", "99999-99999"},
		check: func(t *token) flow.Strength {
			if number := t.value(); isUniform(number) || !isNationalNumber(number) {
				return 0
			}
			return flow.Weak
		},
		keys: words(strings.Split(phoneKeys, "|"), strings.Split("type|verified|model|os|id|ids|code|prefix|country|ext|count|token|hash|brand|label|"+
			"mask|format|verification|platform|app|web|push|url|version|device", "|")),
		field: phoneField,
	}}
}

const phoneKeys = "phone|phones|phone number|phonenumber|phone no|phoneno|telephone|tel|telno|mobile|mobile number|mobilenumber|mobile no|cell|cellphone|" +
	"cell number|fax|msisdn|whatsapp|contact number|contactnumber|contact no|home phone|work phone|telefon|telefonnummer*|handynummer*|handy|" +
	"mobilnummer*|rufnummer*|téléphone|telephone portable|numero de telephone|teléfono|telefono|celular|móvil|movil|cellulare|telefone|telemóvel|" +
	"telefoonnummer|mobiel|手机|手机号|电话|電話|联系方式|携帯|전화번호|휴대폰|연락처|телефон"

const (
	leastPhone = 7  // digits of a national number
	mostPhone  = 15 // ITU-T E.164 section 6.2.1
)

// spacedPhoneStarts are "+" and the beginnings of country codes behind which brackets may follow, as in
// "+1 (202) 555-0143": too few digits stand together there for a trigger.
func spacedPhoneStarts() []string {
	starts := []string{"+1 ", "+1(", "+7 ", "+7("}
	for code := 20; code < 100; code++ {
		starts = append(starts, "+"+strconv.Itoa(code))
	}
	return starts
}

// phoneAround reads the number whose first digit is at at, behind "+" or "(", or that begins with "00".
func phoneAround(view []byte, at int, value []byte) match {
	if view[at] == '+' {
		at++
	}
	start, strength := at, flow.Weak
	international := false
	if at > 0 {
		switch view[at-1] {
		case '+':
			start, strength, international = at-1, flow.Medium, true
		case '(':
			start = at - 1
		}
	}
	from := at
	if start == at { // "00" stands for "+"
		international, from = true, at+2
	}
	if start > 0 && (isAlnum(view[start-1]) || isOneOf(view[start-1], "_.-+/=)")) {
		return match{}
	}
	var ends [mostPhone + 1]int // by number of digits, where they end
	digits := digitsOfPhone(value, view, from, &ends)
	for n := len(digits); n >= leastPhone; n-- {
		end := ends[n]
		if end < len(view) && (isDigit(view[end]) || isAlpha(view[end]) || view[end] == '_' || view[end] == '@') {
			continue
		}
		if international {
			if isInternationalNumber(digits[:n]) {
				return match{start, end, digits[:n], strength}
			}
			continue
		}
		if n >= 9 && n <= 11 && isNationalNumber(digits[:n]) {
			return match{start, end, digits[:n], strength}
		}
	}
	return match{}
}

// digitsOfPhone appends the digits from from on, with single separators between groups, and notes where each
// ends. The "(0)" of "+49 (0)30" is left out.
func digitsOfPhone(digits, view []byte, from int, ends *[mostPhone + 1]int) []byte {
	gap := 0
	for i := from; i < len(view) && len(digits) < mostPhone; i++ {
		switch b := view[i]; {
		case isDigit(b):
			digits = append(digits, b)
			ends[len(digits)] = i + 1
			gap = 0
		case bytes.HasPrefix(view[i:], []byte("(0)")) && len(digits) > 0:
			i += 2
		case isOneOf(b, " -./()") && gap < 2:
			gap++
		default:
			return digits
		}
	}
	return digits
}

func phoneField(f *field, value []byte) match {
	text := f.text
	if at := bytes.IndexAny(text, "xe#,;"); at > leastPhone { // an extension
		text = bytes.TrimRight(text[:at], " ")
	}
	text = bytes.TrimPrefix(text, []byte("tel:"))
	if len(text) == 0 || len(text) > 32 {
		return match{}
	}
	international := text[0] == '+' || bytes.HasPrefix(text, []byte("00"))
	for i, b := range text {
		switch {
		case isDigit(b):
			value = append(value, b)
		case b != '+' && !isOneOf(b, " -./()") || b == '+' && i > 0:
			return match{}
		}
	}
	if international && text[0] == '0' {
		value = value[2:]
	}
	if len(value) < leastPhone || len(value) > mostPhone || isUniform(value) || isWrittenDate(text) {
		return match{}
	}
	if international && isInternationalNumber(value) {
		return f.match(value, flow.Strong)
	}
	return f.match(value, flow.Medium)
}

// isWrittenDate says whether text is a day, or begins with one, as in a time.
func isWrittenDate(text []byte) bool {
	return len(text) >= 10 && (matches(text[:10], "9999-99-99") || matches(text[:10], "99.99.9999") || matches(text[:10], "99/99/9999") ||
		matches(text[:10], "9999/99/99"))
}

// isNationalNumber knows how numbers are written within a country, roughly: in North America ten digits
// whose area and exchange do not begin with 0 or 1, with a 1 before them or not; Chinese mobile numbers; and
// numbers with a trunk prefix of 0.
func isNationalNumber(n []byte) bool {
	switch {
	case len(n) == 10 && n[0] >= '2' && n[3] >= '2':
		return true
	case len(n) == 11 && n[0] == '1' && n[1] >= '2' && n[4] >= '2':
		return true
	case len(n) == 11 && n[0] == '1' && n[1] >= '3':
		return true
	case len(n) == 10 && n[0] >= '6': // India
		return true
	}
	return len(n) >= 9 && len(n) <= 12 && n[0] == '0' && n[1] != '0'
}

// isInternationalNumber says whether digits are a country code and a number of its numbering plan.
func isInternationalNumber(digits []byte) bool {
	if digits[0] == '0' {
		return false
	}
	plans := numberingPlans()
	code := 0
	for i, b := range digits[:3] {
		code = code*10 + int(b-'0')
		if plan := plans[code]; plan != nil {
			national := digits[i+1:]
			return plan.lengths>>len(national)&1 != 0 && plan.pattern().Match(national)
		}
	}
	return false
}

// numberingPlan is what numbers under a country code look like.
type numberingPlan struct {
	lengths uint32 // bit n: there are national numbers of n digits
	pattern func() *regexp.Regexp
}

// numberingPlans are the plans by country code, read once from libphonenumber's metadata. Its own functions
// parse and compile on each call, which takes 35 µs and 75 allocations; a plan's one pattern takes less than 1 µs
// and none.
var numberingPlans = sync.OnceValue(func() map[int]*numberingPlan {
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		return nil // embedded data; TestNumberingPlansAgreeWithTheLibrary reads all of it
	}
	plans := map[int]*numberingPlan{}
	patterns := map[int][]string{}
	for _, region := range collection.GetMetadata() {
		code := int(region.GetCountryCode())
		plan := plans[code]
		if plan == nil {
			plan = &numberingPlan{}
			plans[code] = plan
		}
		for _, kind := range []*phonenumbers.PhoneNumberDesc{region.GetFixedLine(), region.GetMobile(), region.GetTollFree(),
			region.GetPremiumRate(), region.GetSharedCost(), region.GetPersonalNumber(), region.GetVoip(), region.GetPager(),
			region.GetUan(), region.GetVoicemail()} {
			if kind.GetNationalNumberPattern() == "" {
				continue
			}
			patterns[code] = append(patterns[code], kind.GetNationalNumberPattern())
			lengths := kind.GetPossibleLength()
			if len(lengths) == 0 {
				lengths = region.GetGeneralDesc().GetPossibleLength()
			}
			for _, n := range lengths {
				if n > 0 {
					plan.lengths |= 1 << n
				}
			}
		}
	}
	for code, plan := range plans {
		plan.pattern = sync.OnceValue(func() *regexp.Regexp {
			return regexp.MustCompile("^(?:" + strings.Join(patterns[code], "|") + ")$")
		})
	}
	return plans
})
