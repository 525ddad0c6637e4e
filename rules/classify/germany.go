package classify

import "github.com/borderflow/borderflow/rules/flow"

func germanyRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "de-tax-id", Country: "DE", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "German tax identification number: one digit of the first ten is repeated, the eleventh by ISO/IEC 7064 MOD 11,10",
			Source:      "Bundeszentralamt für Steuern; Abgabenordnung § 139b; StIdV",
		}, validIdNr, flow.Medium, 0.0035, "steueridentifikation*|steuerliche id|steuer id|steuerid*|idnr|id nr|identnr|identifikationsnummer*|steuernummer*|steuerliche"+nationalTerms,
			"99 999 999 999", "99999999999"),
		identifier(Detector{
			ID: "de-pension-number", Country: "DE", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "German pension insurance number: area, date of birth, initial, serial number, check digit",
			Source:      "Versicherungsnummern-, Kontoführungs- und Versicherungsverlaufsverordnung § 2; SGB VI § 147",
		}, validPensionNumber, flow.Strong, 0.004, "rentenversicherung*|sozialversicherung*|versicherungsnummer*|svnr|sv nummer|rvnr"+nationalTerms,
			"99 999999 A 999", "99999999A999"),
	}
}

// validIdNr checks a German tax identification number: of the first ten digits exactly one occurs twice
// or three times, the others at most once, and the eleventh is by ISO/IEC 7064 MOD 11,10.
func validIdNr(n []byte) bool {
	if !areDigits(n, 11) || n[0] == '0' {
		return false
	}
	var count [10]int
	for _, b := range n[:10] {
		count[b-'0']++
	}
	repeated := 0
	for _, c := range count {
		if c > 3 {
			return false
		}
		if c > 1 {
			repeated++
		}
	}
	return repeated == 1 && mod11dash10(n)
}

// validPensionNumber checks a German pension insurance number: area, date of birth, the birth name's first
// letter, serial number and a check digit, the letter counting as two digits.
func validPensionNumber(n []byte) bool {
	if !matches(n, "99999999A999") || !isDay(decimal(n[6:8]), decimal(n[4:6]), decimal(n[2:4])) {
		return false
	}
	var digits [12]byte
	copy(digits[:], n[:8])
	letter := n[8] - 'A' + 1
	digits[8], digits[9], digits[10], digits[11] = '0'+letter/10, '0'+letter%10, n[9], n[10]
	sum := 0
	for i, w := range [...]int{2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1} {
		product := int(digits[i]-'0') * w
		sum += product/10 + product%10
	}
	return sum%10 == int(n[11]-'0')
}
