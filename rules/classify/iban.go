package classify

import "github.com/borderflow/borderflow/rules/flow"

func accountRules() []*rule {
	return []*rule{{
		Detector: Detector{
			ID:          "iban",
			Description: "international bank account number: country, its length and structure, check digits modulo 97",
			Categories:  []string{"financial"},
			Strength:    flow.Strong,
			Evidence:    EvidenceNone,
			Source:      "ISO 13616-1, SWIFT IBAN registry, ISO/IEC 7064 MOD 97-10",
			Legal:       legalFinancial,
		},
		trigger: onCode,
		text:    ibanAround,
	}}
}

// ibanAround reads the IBAN whose check digits begin at at. It is written together, or in groups of four
// with a space or a hyphen between them, in capitals or all small.
func ibanAround(view []byte, at int, value []byte) match {
	start := at - 2
	if start > 0 && (isAlnum(view[start-1]) || view[start-1] == '_') {
		return match{}
	}
	capitals := isUpper(view[start])
	structure := ibanStructures[[2]byte{upper(view[start]), upper(view[start+1])}]
	if capitals != isUpper(view[start+1]) {
		return match{}
	}
	if structure == "" {
		return match{}
	}
	length := 4 + len(structure)
	var separator byte
	i := start
	for ; len(value) < length && i < len(view); i++ {
		b := view[i]
		if (b == ' ' || b == '-') && len(value)%4 == 0 && (separator == b || len(value) == 4) {
			separator = b
			i++
			if i == len(view) {
				return match{}
			}
			b = view[i]
		} else if separator != 0 && len(value)%4 == 0 && len(value) > 4 {
			return match{}
		}
		if isAlpha(b) && isUpper(b) != capitals {
			return match{}
		}
		b = upper(b)
		if len(value) >= 4 && !fits(b, structure[len(value)-4]) || len(value) == 3 && !isDigit(b) {
			return match{}
		}
		value = append(value, b)
	}
	if len(value) < length || i < len(view) && (isAlnum(view[i]) || view[i] == '_') || !mod97(value) {
		return match{}
	}
	return match{start, i, value, flow.Strong}
}

// fits says whether b is of the class of the registry's notation: n digits, a capital letters, c either.
func fits(b, class byte) bool {
	return isDigit(b) && class != 'a' || isUpper(b) && class != 'n'
}

// mod97 checks an IBAN: with its first four characters moved to the end and A to Z standing for 10 to 35,
// it is 1 modulo 97.
func mod97(iban []byte) bool {
	rest := 0
	for i := range iban {
		b := iban[(i+4)%len(iban)]
		if isDigit(b) {
			rest = (rest*10 + int(b-'0')) % 97
		} else {
			rest = (rest*100 + int(b-'A') + 10) % 97
		}
	}
	return rest == 1
}
