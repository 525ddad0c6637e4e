package classify

import "github.com/borderflow/borderflow/rules/flow"

func nordicRules() []*rule {
	cpr := identifier(Detector{
		ID: "dk-cpr", Country: "DK", Strength: flow.Medium, Evidence: EvidenceHelps,
		Description: "Danish personal identification number: date of birth and four digits; alone only with a hyphen and the check digit of modulo 11, which numbers issued since 2007 may lack",
		Source:      "CPR-kontoret, Personnummeret i CPR-systemet",
	}, validCPR, flow.Weak, 0.037, "cpr|cprnr|cpr nr|cpr nummer|cprnummer|personnummer|person nummer|sundhedskort|civil registration", "999999-9999", "999999 9999", "9999999999")
	check := cpr.check
	cpr.check = func(t *token) flow.Strength {
		if strength := check(t); strength != flow.Medium || t.separator == '-' && isCheckedCPR(t.value()) {
			return strength
		}
		return flow.Weak
	}
	hetu := identifier(Detector{
		ID: "fi-hetu", Country: "FI", Strength: flow.Strong, Evidence: EvidenceNone,
		Description: "Finnish personal identity code: date of birth, century sign, individual number, check character modulo 31",
		Source:      "Digital and Population Data Services Agency; Valtioneuvoston asetus 128/2010",
	}, validHETU, flow.Strong, 0, "hetu|henkilotunnus|henkilötunnus|sotu|personbeteckning"+nationalTerms,
		"999999-999*", "999999+999*", "999999A999*")
	hetu.check = func(t *token) flow.Strength {
		if !validHETU(t.raw) {
			return 0
		}
		return flow.Strong
	}
	return []*rule{
		identifier(Detector{
			ID: "se-personnummer", Country: "SE", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Swedish personal identity or coordination number: date of birth, serial number, Luhn digit; without its hyphen only with evidence",
			Source:      "Skatteverket SKV 704; Folkbokföringslagen 18 §",
		}, validPersonnummer, flow.Weak, 0.0075, "personnummer|personnr|person nr|pnr|samordningsnummer|personal identity|personal number|svensk legitimation"+nationalTerms,
			"999999-9999", "999999+9999", "99999999-9999", "9999999999", "999999999999"),
		hetu,
		identifier(Detector{
			ID: "no-fodselsnummer", Country: "NO", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "Norwegian national identity or D number: date of birth, individual number, two check digits",
			Source:      "Skatteetaten; folkeregisterforskriften § 2-2-1",
		}, validFodselsnummer, flow.Medium, 0.0012, "fodselsnummer|fødselsnummer|fnr|fodselsnr|fødselsnr|personnummer|d nummer|dnr"+nationalTerms,
			"999999 99999", "999999-99999", "99999999999"),
		cpr.unchecked(),
	}
}

// validPersonnummer checks a Swedish personal identity number of ten digits, or twelve with the century:
// date of birth (60 more on the day for a coordination number), serial number, Luhn digit.
func validPersonnummer(n []byte) bool {
	if len(n) == 12 {
		if century := decimal(n[:2]); century < 18 || century > 20 {
			return false
		}
		n = n[2:]
	}
	if !areDigits(n, 10) || decimal(n[6:9]) == 0 {
		return false
	}
	day := decimal(n[4:6])
	if day > 60 {
		day -= 60
	}
	return isDay(decimal(n[:2]), decimal(n[2:4]), day) && luhn(n)
}

// validHETU checks a Finnish personal identity code: date of birth, a sign for the century, a number from
// 002, and a check character for the rest modulo 31 of the nine digits.
func validHETU(n []byte) bool {
	if len(n) != 11 || !areDigits(n[:6], 6) || !areDigits(n[7:10], 3) || !isOneOf(n[6], "+-ABCDEFYXWVU") {
		return false
	}
	if !isDay(decimal(n[4:6]), decimal(n[2:4]), decimal(n[:2])) || decimal(n[7:10]) < 2 {
		return false
	}
	rest := (decimal(n[:6])*1000 + decimal(n[7:10])) % 31
	return "0123456789ABCDEFHJKLMNPRSTUVWXY"[rest] == n[10]
}

// validFodselsnummer checks a Norwegian national identity number or D number (40 more on the day): date of
// birth, individual number, two check digits modulo 11.
func validFodselsnummer(n []byte) bool {
	if !areDigits(n, 11) {
		return false
	}
	day, month := decimal(n[:2]), decimal(n[2:4])
	if day > 40 {
		day -= 40
	}
	if month > 80 { // Skatteetaten's synthetic people
		month -= 80
	}
	return isDay(decimal(n[4:6]), month, day) &&
		weighed(n, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 == 0 && weighed(n, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// validCPR checks the date of birth of a Danish personal identification number. Since 2007 its last
// digit need not satisfy modulo 11; isCheckedCPR says whether it does.
func validCPR(n []byte) bool {
	return areDigits(n, 10) && isDay(decimal(n[4:6]), decimal(n[2:4]), decimal(n[:2]))
}

func isCheckedCPR(n []byte) bool { return weighed(n, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0 }
