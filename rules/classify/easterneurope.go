package classify

import "github.com/borderflow/borderflow/rules/flow"

func easternEuropeRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "pl-pesel", Country: "PL", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Polish population number: date of birth, serial number, check digit",
			Source:      "Ustawa o ewidencji ludności, art. 15; gov.pl",
		}, validPESEL, flow.Weak, 0.018, "pesel|numer pesel|nr pesel|numer ewidencyjny"+nationalTerms, "99999999999"),
		identifier(Detector{
			ID: "ro-cnp", Country: "RO", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Romanian personal code: sex, date of birth, county, serial number, check digit",
			Source:      "Ordonanța de urgență 97/2005; Hotărârea 64/2011",
		}, validCNP, flow.Weak, 0.0018, "cnp|cod numeric personal|cod numeric"+nationalTerms, "9999999999999"),
		identifier(Detector{
			ID: "cz-birth-number", Country: "CZ", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Czech or Slovak birth number: date of birth, serial number, divisible by 11; without its stroke only with evidence",
			Source:      "Zákon č. 133/2000 Sb., § 13; zákon č. 301/1995 Z. z.",
		}, validRodneCislo, flow.Weak, 0.012, "rodne cislo|rodné číslo|rodnecislo|rc|r c|birth number|rodné"+nationalTerms, "999999/9999", "9999999999"),
		identifier(Detector{
			ID: "bg-egn", Country: "BG", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Bulgarian uniform civil number: date of birth, serial number, check digit",
			Source:      "Закон за гражданската регистрация, чл. 11; ГД ГРАО",
		}, validEGN, flow.Weak, 0.011, "egn|егн|ЕГН|единен граждански"+nationalTerms, "9999999999"),
		identifier(Detector{
			ID: "tr-tckn", Country: "TR", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Turkish identity number: eleven digits, the last two of them checks",
			Source:      "Nüfus Hizmetleri Kanunu 5490; NVİ",
		}, validTCKN, flow.Weak, 0.009, "tckn|tc kimlik|t c kimlik|kimlik no|kimlik numarasi|kimlik numarası|tc no|tcno|tckimlik*|kimlik"+nationalTerms,
			"999 999 999 99", "99999999999"),
		identifier(Detector{
			ID: "ru-snils", Country: "RU", Strength: flow.Strong, Evidence: EvidenceHelps,
			Description: "Russian insurance number of a personal account: nine digits and two check digits modulo 101; without its punctuation only with evidence",
			Source:      "Федеральный закон 27-ФЗ; Социальный фонд России",
		}, validSNILS, flow.Weak, 0.01, "snils|снилс|СНИЛС|страховой номер"+nationalTerms, "999-999-999 99", "999-999-999-99", "999 999 999 99", "99999999999"),
		identifier(Detector{
			ID: "ru-inn", Country: "RU", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Russian taxpayer number of a person (twelve digits) or a company (ten): check digits modulo 11",
			Source:      "ФНС России, приказ ЕД-7-14/559@",
		}, validINN, flow.Weak, 0.096, "inn|инн|ИНН|налогоплательщик*", "999999999999", "9999999999"),
	}
}

// validPESEL checks a Polish population number: date of birth, whose month tells the century, serial
// number, check digit.
func validPESEL(n []byte) bool {
	if !areDigits(n, 11) {
		return false
	}
	century := [...]int{1900, 2000, 2100, 2200, 1800}[decimal(n[2:4])/20]
	return isDate(century+decimal(n[:2]), decimal(n[2:4])%20, decimal(n[4:6])) &&
		weighed(n, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)%10 == 0
}

// validCNP checks a Romanian personal code: sex and century, date of birth, county, serial number, check digit.
func validCNP(n []byte) bool {
	if !areDigits(n, 13) || n[0] == '0' {
		return false
	}
	county := decimal(n[7:9])
	if county == 0 || county > 48 && county < 51 || county > 52 && county != 70 {
		return false
	}
	if !isDay(decimal(n[1:3]), decimal(n[3:5]), decimal(n[5:7])) || decimal(n[9:12]) == 0 {
		return false
	}
	check := weighed(n, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
	if check == 10 {
		check = 1
	}
	return check == int(n[12]-'0')
}

// validRodneCislo checks a Czech or Slovak birth number of ten digits: date of birth (50 more on the month
// for women, 20 more where a day's numbers ran out), and divisibility by 11.
func validRodneCislo(n []byte) bool {
	if !areDigits(n, 10) {
		return false
	}
	month := decimal(n[2:4]) % 50
	if month > 20 {
		month -= 20
	}
	if !isDay(decimal(n[:2]), month, decimal(n[4:6])) {
		return false
	}
	rest := decimal(n[:9]) % 11 % 10
	return rest == int(n[9]-'0')
}

// validEGN checks a Bulgarian uniform civil number: date of birth (20 more on the month before 1900, 40
// from 2000 on), serial number, check digit.
func validEGN(n []byte) bool {
	if !areDigits(n, 10) {
		return false
	}
	month := decimal(n[2:4])
	century := 1900
	switch {
	case month > 40:
		month, century = month-40, 2000
	case month > 20:
		month, century = month-20, 1800
	}
	return isDate(century+decimal(n[:2]), month, decimal(n[4:6])) &&
		weighed(n, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11%10 == int(n[9]-'0')
}

// validTCKN checks a Turkish identity number: no leading zero, two check digits.
func validTCKN(n []byte) bool {
	if !areDigits(n, 11) || n[0] == '0' {
		return false
	}
	tenth := (weighed(n, 7, -1, 7, -1, 7, -1, 7, -1, 7)%10 + 10) % 10
	return tenth == int(n[9]-'0') && weighed(n, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)%10 == int(n[10]-'0')
}

// validSNILS checks a Russian insurance number of a personal account; those up to 001-001-998 are not checked.
func validSNILS(n []byte) bool {
	if !areDigits(n, 11) || decimal(n[:9]) <= 1_001_998 {
		return false
	}
	return weighed(n, 9, 8, 7, 6, 5, 4, 3, 2, 1)%101%100 == decimal(n[9:])
}

// validINN checks a Russian taxpayer number: of a person twelve digits with two check digits, of a legal
// entity ten with one.
func validINN(n []byte) bool {
	switch {
	case areDigits(n, 10):
		return decimal(n[:2]) != 0 && weighed(n, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(n[9]-'0')
	case areDigits(n, 12):
		return decimal(n[:2]) != 0 && weighed(n, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(n[10]-'0') &&
			weighed(n, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(n[11]-'0')
	}
	return false
}
