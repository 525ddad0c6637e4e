package classify

import "github.com/borderflow/borderflow/rules/flow"

func brazilRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "br-cpf", Country: "BR", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "Brazilian natural person's tax number: two check digits modulo 11; without its punctuation only with evidence",
			Source:      "Receita Federal, IN RFB 2.172/2024",
		}, validCPF, flow.Weak, 0.01, "cpf|cpfs|cadastro de pessoa*|contribuinte|documento"+nationalTerms,
			"999.999.999-99", "999999999-99", "99999999999"),
		organisation(Detector{
			ID: "br-cnpj", Country: "BR", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "Brazilian legal entity's number, of digits or letters and digits: two check digits modulo 11; without its punctuation only with evidence",
			Source:      "Receita Federal, IN RFB 2.119/2022 and 2.229/2024 (alphanumeric)",
		}, validCNPJ, flow.Weak, 0.01, "cnpj|cnpjs|cadastro nacional*|empresa|razao social|documento",
			"**.***.***/****-99", "********/****-99", "************99").inField("cnpj", validCNPJ),
	}
}

// validCPF checks a Brazilian natural person's number: nine digits and two check digits.
func validCPF(n []byte) bool {
	return areDigits(n, 11) && !isUniform(n) &&
		weighed(n, 10, 9, 8, 7, 6, 5, 4, 3, 2)*10%11%10 == int(n[9]-'0') &&
		weighed(n, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)*10%11%10 == int(n[10]-'0')
}

// validCNPJ checks a Brazilian legal entity's number: twelve digits or, since July 2026, letters, and two
// check digits.
func validCNPJ(n []byte) bool {
	if !matches(n, "************99") || isUniform(n) {
		return false
	}
	digit := func(rest int) int {
		if rest < 2 {
			return 0
		}
		return 11 - rest
	}
	return digit(weighed(n, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)%11) == int(n[12]-'0') &&
		digit(weighed(n, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)%11) == int(n[13]-'0')
}
