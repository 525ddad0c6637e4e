package classify

import "github.com/borderflow/borderflow/rules/flow"

func unitedKingdomRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "gb-nino", Country: "GB", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "UK national insurance number: a prefix in use, six digits, a suffix from A to D; written together only with evidence",
			Source:      "HMRC, National Insurance Manual NIM39110",
		}, validNINO, flow.Weak, 0.09, "nino|ni number|national insurance|nationalinsurance|nat ins|ni no|insurance number"+nationalTerms,
			"AA 99 99 99 A", "AA-99-99-99-A", "AA 999999 A", "AA999999A"),
		health(number(Detector{
			ID: "gb-nhs-number", Country: "GB", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "patient number of the UK's National Health Service: ten digits, the last modulo 11",
			Source:      "NHS Data Model and Dictionary, NHS NUMBER",
		}, validNHSNumber, flow.Weak, 0.09, "nhs|nhs id|nhs number|nhsnumber|nhs no|patient number|patient",
			"999 999 9999", "999-999-9999", "9999999999")),
	}
}

// validNINO checks the form of a UK national insurance number: two prefix letters in use, six digits and
// a suffix from A to D. It has no check digit.
func validNINO(n []byte) bool {
	if !matches(n, "AA999999A") || n[8] > 'D' || isOneOf(n[0], "DFIQUV") || isOneOf(n[1], "DFIOQUV") {
		return false
	}
	switch string(n[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return false
	}
	return true
}

// validNHSNumber checks the tenth digit, modulo 11, of a number of the UK's National Health Service.
func validNHSNumber(n []byte) bool {
	if !areDigits(n, 10) || isUniform(n) {
		return false
	}
	check := 11 - weighed(n, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return check%11 == int(n[9]-'0')
}
