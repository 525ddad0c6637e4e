package classify

import "github.com/borderflow/borderflow/rules/flow"

func italyRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "it-codice-fiscale", Country: "IT", Strength: flow.Strong, Evidence: EvidenceNone,
			Description: "Italian tax code: letters of the name, date of birth, sex, municipality, check letter",
			Source:      "Ministero delle Finanze, D.M. 23 dicembre 1976",
		}, validCodiceFiscale, flow.Strong, 0, "codice fiscale|cf|cod fiscale|codicefiscale|fiscal code|codfisc"+nationalTerms,
			"AAAAAA**A**A***A", "AAA AAA **A** A***A"),
	}
}

// validCodiceFiscale checks an Italian tax code: letters of surname and name, year, month letter and day of
// birth (40 more for women), municipality, and a check letter. To tell namesakes apart, digits may be
// replaced by letters.
func validCodiceFiscale(n []byte) bool {
	if len(n) != 16 {
		return false
	}
	plain := [16]byte(n)
	for _, i := range [...]int{6, 7, 9, 10, 12, 13, 14} {
		if at := indexOf("LMNPQRSTUV", plain[i]); at >= 0 {
			plain[i] = '0' + byte(at)
		}
	}
	if !matches(plain[:], "AAAAAA99A99A999A") || !isOneOf(n[8], "ABCDEHLMPRST") {
		return false
	}
	day := decimal(plain[9:11])
	if day == 0 || day > 31 && day < 41 || day > 71 {
		return false
	}
	sum := 0
	for i, b := range n[:15] {
		value := int(b - '0')
		if isUpper(b) {
			value = int(b - 'A')
		}
		if i%2 == 0 {
			value = [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}[value]
		}
		sum += value
	}
	return byte('A'+sum%26) == n[15]
}
