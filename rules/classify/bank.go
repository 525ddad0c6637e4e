package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func bankRules() []*rule {
	financial := []string{"financial"}
	routing := number(Detector{
		ID: "us-aba-routing", Country: "US", Categories: financial, Strength: flow.Weak, Evidence: EvidenceRequired, Legal: legalFinancial,
		Description: "US bank routing number: a Federal Reserve district and a check digit",
		Source:      "American Bankers Association, Routing Number Policy; Federal Reserve Operating Circular 4",
	}, validABA, flow.Weak, 0.035, "routing|routing number|routingnumber|aba|aba number|rtn|transit|transit number|ach|wire", "999999999", "9999-9999-9")
	domestic := number(Detector{
		ID: "cn-bankcard", Country: "CN", Categories: financial, Strength: flow.Weak, Evidence: EvidenceRequired, Legal: legalFinancial,
		Description: "Chinese bank card number outside the ranges of the international schemes: 16 to 19 digits with a Luhn digit",
		Source:      "GB/T 19584-2010, JR/T 0008 (issuer numbers of Chinese banks)",
	}, validDomesticCard, flow.Weak, 0.023, "银行卡|借记卡|储蓄卡|卡号|银行账号|开户|收款账号|银联|bank card|bankcard|bank card number|bankcardno",
		"9999999999999999", "99999999999999999", "999999999999999999", "9999999999999999999",
		"9999 9999 9999 9999", "9999 9999 9999 9999 999", "999999 9999999999999")
	return []*rule{routing, domestic, {
		Detector: Detector{
			ID: "bank-account", Categories: financial, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalFinancial,
			Description: "account number under a key that names a bank account",
			Source:      "ISO 20022 (Acct/Id/Othr/Id); NACHA Operating Rules (account number of up to 17 characters)",
		},
		keys:  words(strings.Split(accountKeys, "|"), []string{"primary account number", "id", "ids", "type", "name", "count", "user", "aws", "email", "service", "holder", "status"}),
		field: accountField,
	}, {
		Detector: Detector{
			ID: "swift-bic", Categories: financial, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalFinancial,
			Description: "business identifier code of a bank under a key that names it: institution, country, location, branch",
			Source:      "ISO 9362; ISO 3166-1 (country codes)",
		},
		keys: words([]string{"swift", "swift code", "swiftcode", "swiftbic", "bic", "bic code", "biccode", "bicfi", "bank identifier", "bank code", "国际汇款代码"},
			[]string{"version", "file", "size", "lang", "language"}),
		field: func(f *field, value []byte) match {
			if !validBIC(f.text) {
				return match{}
			}
			return f.match(append(value, f.text...), flow.Medium)
		},
	}}
}

const accountKeys = "acct|account num|accountnum|debit account|credit account|payee account|numero compte|numerocompte|account number|accountnumber|account no|accountno|acct number|acctnumber|acct no|acctno|acct num|bank account|bankaccount|" +
	"bank account number|bankaccountnumber|bank acct|deposit account|checking account|savings account|beneficiary account|kontonummer|kontonr|" +
	"konto nr|bankkonto|numero de compte|numéro de compte|numero de cuenta|número de cuenta|cuenta bancaria|numero conto|conto corrente|" +
	"conta bancaria|conta corrente|numero da conta|rekeningnummer|银行账号|银行帐号|银行账户|收款账号|付款账号|口座番号|계좌번호"

// accountField takes 6 to 17 digits, perhaps grouped.
func accountField(f *field, value []byte) match {
	for _, b := range f.text {
		switch {
		case isDigit(b):
			value = append(value, b)
		case b != ' ' && b != '-':
			return match{}
		}
	}
	if len(value) < 6 || len(value) > 17 || isUniform(value) {
		return match{}
	}
	return f.match(value, flow.Medium)
}

// validBIC checks the form of a business identifier code.
func validBIC(n []byte) bool {
	switch len(n) {
	case 8:
		return matches(n, "AAAAAA**") && countries[string(n[4:6])]
	case 11:
		return matches(n, "AAAAAA*****") && countries[string(n[4:6])]
	}
	return false
}

// validDomesticCard checks the Luhn digit of a number that is no card of an international scheme, and that
// begins as Chinese banks' numbers do.
func validDomesticCard(n []byte) bool {
	if len(n) < 16 || len(n) > 19 || !isOneOf(n[0], "4569") {
		return false
	}
	_, known := issuerOf(n)
	return !known && !isUniform(n) && luhn(n)
}

func trackRules() []*rule {
	return []*rule{{
		Detector: Detector{
			ID: "magnetic-stripe", Categories: []string{"financial"}, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalFinancial,
			Description: "magnetic stripe of a payment card: track 1 with the holder's name or track 2, a valid card number and expiry",
			Source:      "ISO/IEC 7813",
		},
		literals: trackStarts(),
		text:     trackAround,
	}}
}

// trackStarts are the start sentinels, with the format code of track 1, and the first digits of cards.
func trackStarts() []string {
	starts := []string{"%B2", "%B3", "%B4", "%B5", "%B6"}
	for _, first := range "23456" {
		for second := '0'; second <= '9'; second++ {
			starts = append(starts, ";"+string(first)+string(second))
		}
	}
	return starts
}

func trackAround(view []byte, at int, value []byte) match {
	i, end := at+1, byte('=')
	if view[at] == '%' {
		i, end = at+2, '^'
	}
	from := i
	for i < len(view) && i-from <= 19 && isDigit(view[i]) {
		i++
	}
	number := view[from:i]
	if len(number) < 12 || i == len(view) || view[i] != end || !luhn(number) {
		return match{}
	}
	if _, known := issuerOf(number); !known {
		return match{}
	}
	i++
	if end == '^' {
		name := bytes.IndexByte(view[i:min(len(view), i+28)], '^')
		if name < 2 {
			return match{}
		}
		i += name + 1
	}
	// Expiry as year and month, and a service code.
	if i+7 > len(view) || !areDigits(view[i:i+7], 7) || decimal(view[i+2:i+4]) == 0 || decimal(view[i+2:i+4]) > 12 {
		return match{}
	}
	return match{at, i + 7, append(value, number...), flow.Strong}
}

// countries are the codes of ISO 3166-1 alpha-2, and XK, which banks use for Kosovo.
var countries = setOf("AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF " +
	"GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW " +
	"KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL " +
	"NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST " +
	"SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW")
