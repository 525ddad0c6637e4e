package classify

import (
	"github.com/borderflow/borderflow/rules/flow"
)

// organisation is the table entry of a number by which an authority knows companies; its parameters are
// identifier's. Companies are nobody's personal data.
func organisation(d Detector, valid func([]byte) bool, plain flow.Strength, chance float64, terms string, forms ...string) *rule {
	d.Categories = []string{"government-id"}
	d.Legal = legalOrganisation
	return number(d, valid, plain, chance, terms, forms...)
}

func organisationRules() []*rule {
	creditCode := organisation(Detector{
		ID: "cn-uscc", Country: "CN", Strength: flow.Strong, Evidence: EvidenceHelps,
		Description: "Chinese unified social credit code: registration office, division, organisation code and their check characters",
		Source:      "GB 32100-2015, GB 11714-1997",
	}, validUSCC, flow.Medium, 0, "uscc|统一社会信用代码|社会信用代码|信用代码|税号|纳税人|營業執照|营业执照|credit code|business license",
		"******************")
	creditCode.check = func(t *token) flow.Strength {
		switch {
		case !validUSCC(t.value()):
			return 0
		case hasLower(t.raw), areDigits(t.value(), 18): // many counters of nanoseconds pass
			return flow.Weak
		case isOrganisationCode(t.value()[8:17]):
			return flow.Strong
		}
		return flow.Medium
	}
	return []*rule{
		creditCode,
		organisation(Detector{
			ID: "lei", Strength: flow.Strong, Evidence: EvidenceNone,
			Description: "legal entity identifier: 18 characters and two check digits modulo 97",
			Source:      "ISO 17442-1",
		}, validLEI, flow.Strong, 0, "lei|legal entity", "******************99"),
		organisation(Detector{
			ID: "vat-number", Strength: flow.Medium, Evidence: EvidenceRequired,
			Description: "VAT identification number of an EU member state, the United Kingdom, Norway or Switzerland, with its check digits where they are public",
			Source:      "European Commission, VIES; HMRC; national tax authorities",
		}, validVAT, flow.Medium, 0, "vat|tax number|vat reg no|vatin|u st id nr|st id nr|ust id nr|ust id|id nr|vat number|vat id|tva|ust|ustid*|uid|umsatzsteuer*|mwst|iva|btw|moms|nip|nif|partita iva|p iva|mehrwertsteuer*|steuernummer|税号",
			vatForms()...),
		organisation(Detector{
			ID: "us-ein", Country: "US", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "US employer identification number: a prefix in use and seven digits",
			Source:      "IRS, How EINs are assigned and valid EIN prefixes",
		}, validEIN, flow.Weak, 0, "ein|fein|employer identification|employer id|federal tax id|tax id|taxid|tin",
			"99-9999999", "999999999"),
	}
}

// registrars are the offices and kinds of body with which codes begin (GB 32100-2015 table 1).
var registrars = setOf("11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 52 53 59 54 55 61 62 69 71 72 79 81 89 91 92 93 A1 A9 N1 N2 N3 N9 Y1 37")

const creditCodeDigits = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// validUSCC checks a unified social credit code's form and last character.
func validUSCC(n []byte) bool {
	if len(n) != 18 || !registrars[string(n[:2])] || !areDigits(n[2:8], 6) {
		return false
	}
	sum, weight := 0, 1
	for _, b := range n[:17] {
		value := indexOf(creditCodeDigits, b)
		if value < 0 {
			return false
		}
		sum += value * weight
		weight = weight * 3 % 31
	}
	office := decimal(n[2:4])
	return (office == 10 || isProvince(office)) && creditCodeDigits[(31-sum%31)%31] == n[17]
}

// isOrganisationCode checks the last character of an organisation code.
func isOrganisationCode(n []byte) bool {
	sum := 0
	for i, w := range [...]int{3, 7, 9, 10, 5, 8, 4, 2} {
		value := int(n[i] - '0')
		if isUpper(n[i]) {
			value = int(n[i]-'A') + 10
		}
		sum += value * w
	}
	return "0X987654321"[sum%11] == n[8]
}

// validLEI checks the check digits of a legal entity identifier; the fifth and sixth character are 00.
func validLEI(n []byte) bool {
	return len(n) == 20 && n[4] == '0' && n[5] == '0' && mod97of(n) == 1
}

// validEIN checks the form of a US employer identification number and that its prefix is in use.
func validEIN(n []byte) bool {
	if !areDigits(n, 9) || isUniform(n) {
		return false
	}
	switch prefix := decimal(n[:2]); prefix {
	case 0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97:
		return false
	}
	return true
}
