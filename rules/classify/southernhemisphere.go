package classify

import "github.com/borderflow/borderflow/rules/flow"

func southernHemisphereRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "au-tfn", Country: "AU", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Australian tax file number: eight or nine digits modulo 11",
			Source:      "Australian Taxation Office; Taxation Administration Act 1953, part VA",
		}, validTFN, flow.Weak, 0.09, "tfn|tax file number|taxfilenumber|tax file", "999 999 999", "999-999-999", "999999999", "99 999 999", "99999999"),
		health(number(Detector{
			ID: "au-medicare", Country: "AU", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Australian Medicare number: eight digits, a check digit, issue number, perhaps the person on the card; written together only with evidence",
			Source:      "Services Australia; Health Insurance Act 1973",
		}, validMedicare, flow.Weak, 0.045, "medicare|medicare number|medicarenumber|medicare card|medicare no|irn",
			"9999 99999 9", "9999-99999-9", "9999 99999 9/9", "9999 99999 9-9", "9999 99999 9 9", "9999999999", "99999999999")),
		identifier(Detector{
			ID: "za-id", Country: "ZA", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "South African identity number: date of birth, serial number, citizenship, Luhn digit; written together only with evidence",
			Source:      "Department of Home Affairs; Identification Act 68 of 1997",
		}, validSouthAfricanID, flow.Weak, 0.0011, "south african id|sa id|said|rsa id|said number|id nommer|identiteitsnommer"+nationalTerms,
			"999999 9999 999", "999999 9999 99 9", "9999999999999"),
	}
}

// validTFN checks an Australian tax file number of nine digits, or eight of the older ones, modulo 11.
func validTFN(n []byte) bool {
	switch {
	case areDigits(n, 9):
		return !isUniform(n) && weighed(n, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0
	case areDigits(n, 8):
		return !isUniform(n) && weighed(n, 10, 7, 8, 4, 6, 3, 5, 1)%11 == 0
	}
	return false
}

// validMedicare checks an Australian Medicare number: eight digits from 2 to 6 on, a check digit, the card's
// issue number and perhaps the person's number on it.
func validMedicare(n []byte) bool {
	if !areDigits(n, len(n)) || len(n) != 10 && len(n) != 11 || n[0] < '2' || n[0] > '6' || n[9] == '0' {
		return false
	}
	if len(n) == 11 && n[10] == '0' {
		return false
	}
	return weighed(n, 1, 3, 7, 9, 1, 3, 7, 9)%10 == int(n[8]-'0')
}

// validSouthAfricanID checks a South African identity number: date of birth, serial number, citizenship,
// and a Luhn digit.
func validSouthAfricanID(n []byte) bool {
	return areDigits(n, 13) && isDay(decimal(n[:2]), decimal(n[2:4]), decimal(n[4:6])) && n[10] <= '2' && luhn(n)
}
