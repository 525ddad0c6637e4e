package classify

import "github.com/borderflow/borderflow/rules/flow"

func lowCountriesRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "nl-bsn", Country: "NL", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Dutch citizen service number: nine digits that pass the eleven test",
			Source:      "Wet algemene bepalingen burgerservicenummer; Rijksdienst voor Identiteitsgegevens",
		}, validBSN, flow.Weak, 0.09, "bsn|burgerservice*|burger service*|sofinummer*|sofi nummer|sofi|persoonsnummer*",
			"9999.99.999", "9999 99 999", "999 999 999", "999999999"),
		identifier(Detector{
			ID: "be-national-number", Country: "BE", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "Belgian national register number: date of birth, serial number, check digits modulo 97",
			Source:      "Koninklijk besluit van 3 april 1984; IBZ Rijksregister",
		}, validBelgianNumber, flow.Medium, 0.0025, "rijksregister*|registre national|numero national|numéro national|nationaal nummer|insz|niss|national register|rrn|nrn|rn|bis nummer"+nationalTerms,
			"99.99.99-999.99", "99.99.99-999-99", "99 99 99 999 99", "999999-999-99", "999999 999 99", "99999999999"),
	}
}

// validBSN checks a Dutch citizen service number by its eleven test.
func validBSN(n []byte) bool {
	return areDigits(n, 9) && !isUniform(n) && weighed(n, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0
}

// validBelgianNumber checks a Belgian national register number: date of birth, serial number, and 97 less
// the rest modulo 97, from the year 2000 on of the number with a 2 before it.
func validBelgianNumber(n []byte) bool {
	if !areDigits(n, 11) || decimal(n[6:9]) == 0 || decimal(n[6:9]) == 999 {
		return false
	}
	// A bis number adds 20 or 40 to the month; what is not known is zero.
	month, day := decimal(n[2:4])%20, decimal(n[4:6])
	if decimal(n[2:4]) >= 60 || month > 12 || day > 31 || month != 0 && day != 0 && !isDay(decimal(n[:2]), month, day) {
		return false
	}
	body, key := decimal(n[:9]), decimal(n[9:])
	return key == 97-body%97 || key == 97-(2_000_000_000+body)%97
}
