package classify

import "github.com/borderflow/borderflow/rules/flow"

func spainRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "es-dni", Country: "ES", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Spanish identity number: eight digits and a letter modulo 23; written together only with evidence",
			Source:      "Ministerio del Interior; Real Decreto 1553/2005",
		}, validDNI, flow.Weak, 0.045, "dni|nif|documento nacional|documento|identidad|cedula|d n i"+nationalTerms,
			"99999999-A", "99999999 A", "99.999.999-A", "99.999.999A", "99999999A"),
		identifier(Detector{
			ID: "es-nie", Country: "ES", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "foreigner's identity number in Spain: X, Y or Z, seven digits and a letter modulo 23",
			Source:      "Ministerio del Interior; Orden INT/2058/2008",
		}, validNIE, flow.Medium, 0.005, "nie|extranjero|tie|dni|nif"+nationalTerms,
			"A-9999999-A", "A 9999999 A", "A-9999999A", "A9999999-A", "A9999999A"),
	}
}

// validDNI checks a Spanish identity number: eight digits and the letter for their rest modulo 23.
func validDNI(n []byte) bool {
	return matches(n, "99999999A") && !isUniform(n[:8]) && dniLetter(decimal(n[:8])) == n[8]
}

// validNIE checks a foreigner's identity number in Spain: X, Y or Z for a first digit of 0, 1 or 2.
func validNIE(n []byte) bool {
	return matches(n, "A9999999A") && n[0] >= 'X' && dniLetter(int(n[0]-'X')*1e7+decimal(n[1:8])) == n[8]
}

func dniLetter(number int) byte { return "TRWAGMYFPDXBNJZSQVHLCKE"[number%23] }
