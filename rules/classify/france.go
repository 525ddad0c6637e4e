package classify

import "github.com/borderflow/borderflow/rules/flow"

func franceRules() []*rule {
	nir := identifier(Detector{
		ID: "fr-nir", Country: "FR", Strength: flow.Strong, Evidence: EvidenceHelps,
		Description: "French social security number (NIR): sex, birth, municipality, order number, key modulo 97",
		Source:      "INSEE; décret 82-103",
	}, validNIR, flow.Medium, 0.0055, "nir|insee|securite sociale|sécurité sociale|secu|numero ss|num secu|carte vitale|numéro de sécurité"+nationalTerms,
		"9 99 99 99 999 999 99", "9 99 99 9A 999 999 99", "9999999999999 99", "999999A999999 99", "999999999999999", "999999A99999999")
	check := nir.check
	nir.check = func(t *token) flow.Strength {
		if strength := check(t); t.separator != 0 || t.value()[0] <= '2' {
			return strength
		}
		return min(check(t), flow.Weak) // numbers given for a time are rare, numbers that begin so are not
	}
	return []*rule{nir}
}

// validNIR checks a French registration number: sex, year and month of birth, department and municipality
// (2A and 2B in Corsica), order number, and a key of two digits, 97 less the number modulo 97.
func validNIR(n []byte) bool {
	if len(n) != 15 {
		return false
	}
	digits := [15]byte(n)
	if digits[5] == '2' && (digits[6] == 'A' || digits[6] == 'B') {
		digits[5], digits[6] = '1', '9'-(digits[6]-'A')
	}
	if !areDigits(digits[:], 15) || !isOneOf(n[0], "123478") {
		return false
	}
	// From 20 on the month is not known or the certificate lacks it.
	month := decimal(n[3:5])
	if month == 0 || month > 12 && month < 20 || month > 42 && month < 50 {
		return false
	}
	department := digits[5:7]
	if decimal(department) == 0 || decimal(department) == 96 {
		return false
	}
	key := decimal(digits[13:])
	return key == 97-decimal(digits[:13])%97
}
