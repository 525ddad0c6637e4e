package classify

import "github.com/borderflow/borderflow/rules/flow"

func northAmericaRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "ca-sin", Country: "CA", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Canadian social insurance number: nine digits with a Luhn digit",
			Source:      "Employment and Social Development Canada; Employment Insurance Act s. 138",
		}, validSIN, flow.Weak, 0.09, "sin|sin number|social insurance|socialinsurance|sinnumber|numero d assurance sociale|assurance sociale|nas|itn",
			"999 999 999", "999-999-999", "999999999"),
		identifier(Detector{
			ID: "mx-curp", Country: "MX", Strength: flow.Strong, Evidence: EvidenceNone,
			Description: "Mexican population register key: initials, date of birth, sex, state, check digit",
			Source:      "RENAPO, Instructivo normativo para la asignación de la CURP",
		}, validCURP, flow.Strong, 0, "curp|clave unica|clave única"+nationalTerms, "AAAA999999AAAAAA*9"),
		identifier(Detector{
			ID: "us-itin", Country: "US", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "US individual taxpayer identification number: from 900 on, a group in use; without hyphens only with evidence",
			Source:      "IRS, Publication 1915; Internal Revenue Manual 3.21.263",
		}, validITIN, flow.Weak, 0.044, "itin|individual taxpayer|taxpayer id|taxpayer|tax id|taxid|tin|ssn", "999-99-9999", "999 99 9999", "999999999"),
		health(identifier(Detector{
			ID: "us-mbi", Country: "US", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "US Medicare beneficiary identifier: digits and letters in fixed places",
			Source:      "CMS, Understanding the Medicare Beneficiary Identifier (MBI) Format",
		}, validMBI, flow.Medium, 0, "mbi|medicare|beneficiary|medicare number|hicn", "9A*9-A*9-AA99", "9A*9A*9AA99")),
		health(number(Detector{
			ID: "us-npi", Country: "US", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "US national provider identifier: ten digits with a Luhn digit under the issuer number 80840",
			Source:      "45 CFR 162.406; CMS, Requirements for National Provider Identifier (NPI) Check Digit",
		}, validNPI, flow.Weak, 0.02, "npi|npi number|national provider|provider id|provider number|prescriber|billing provider|rendering provider", "9999999999")),
	}
}

// validSIN checks a Canadian social insurance number; those from 0 and 8 on are not issued to people.
func validSIN(n []byte) bool {
	return areDigits(n, 9) && n[0] != '8' && !isUniform(n) && luhn(n)
}

// validCURP checks a Mexican population register key: initials, date of birth, sex, state, consonants,
// a character that tells the century, and a check digit.
func validCURP(n []byte) bool {
	if !matches(n, "AAAA999999AAAAAA*9") || !isDay(decimal(n[4:6]), decimal(n[6:8]), decimal(n[8:10])) {
		return false
	}
	if !isOneOf(n[1], "AEIOUX") || !isOneOf(n[10], "HMX") || !mexicanStates[string(n[11:13])] {
		return false
	}
	for _, b := range n[13:16] {
		if isOneOf(b, "AEIOU") {
			return false
		}
	}
	sum := 0
	for i, b := range n[:17] {
		value := int(b - '0')
		if isUpper(b) {
			if value = int(b-'A') + 10; b > 'N' {
				value++ // the letter with a tilde stands between N and O
			}
		}
		sum += value * (18 - i)
	}
	return (10-sum%10)%10 == int(n[17]-'0')
}

// mexicanStates are the codes of the federal entities and, for births abroad, NE.
var mexicanStates = setOf("AS BC BS CC CL CM CS CH DF DG GT GR HG JC MC MN MS NT NL OC PL QT QR SP SL SR TC TS TL VZ YN ZS NE CX")

// validITIN checks a US individual taxpayer number: area 900 to 999 and an assigned group.
func validITIN(n []byte) bool {
	if !areDigits(n, 9) || n[0] != '9' {
		return false
	}
	group := decimal(n[3:5])
	return group >= 50 && group <= 65 || group >= 70 && group <= 88 || group >= 90 && group <= 92 || group >= 94
}

// validABA checks a US routing number: a Federal Reserve district or a special range, and its check digit.
func validABA(n []byte) bool {
	if !areDigits(n, 9) || weighed(n, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 != 0 {
		return false
	}
	prefix := decimal(n[:2])
	return prefix >= 1 && prefix <= 12 || prefix >= 21 && prefix <= 32 || prefix >= 61 && prefix <= 72 || prefix == 80 ||
		prefix == 0 && decimal(n) != 0
}

// validNPI checks a US national provider identifier: Luhn over it with the issuer prefix 80840 before it.
func validNPI(n []byte) bool {
	if !areDigits(n, 10) || n[0] != '1' && n[0] != '2' {
		return false
	}
	return luhn(append(append(make([]byte, 0, 15), "80840"...), n...))
}

// validMBI checks the form of a US Medicare beneficiary identifier, which has no check digit. Letters that
// look like digits are not used.
func validMBI(n []byte) bool {
	if len(n) != 11 || n[0] == '0' {
		return false
	}
	for i, b := range n {
		letter := isOneOf(b, "ACDEFGHJKMNPQRTUVWXY")
		switch i {
		case 2, 5:
			if !letter && !isDigit(b) {
				return false
			}
		case 1, 4, 7, 8:
			if !letter {
				return false
			}
		default:
			if !isDigit(b) {
				return false
			}
		}
	}
	return true
}
