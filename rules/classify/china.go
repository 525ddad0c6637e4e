package classify

import "github.com/borderflow/borderflow/rules/flow"

func chinaRules(year int) []*rule {
	return []*rule{{
		Detector: Detector{
			ID:          "cn-resident-id",
			Description: "Chinese citizen identification number, 18 characters: province, date of birth, check character",
			Country:     "CN",
			Categories:  []string{"government-id", "personal", "sensitive"},
			Strength:    flow.Strong,
			Evidence:    EvidenceNone,
			Source:      "GB 11643-1999, GB/T 2260 (province codes), ISO/IEC 7064 MOD 11-2",
			Legal:       legalIdentifier,
		},
		identifies: identifiesByGovernment,
		shapes:     []shape{shapeOf(18), shapeOf(6, 8, 4), shapeOf(6, 4, 4, 4)},
		forms: []string{"99999999999999999A", "999999 99999999 999A", "999999-99999999-999A",
			"999999 9999 9999 999A", "999999-9999-9999-999A"},
		check: func(t *token) flow.Strength {
			if !isResidentID(t.value(), year) {
				return 0
			}
			return flow.Strong
		},
	}}
}

// isResidentID checks an identification number; year is the last one of birth.
func isResidentID(number []byte, year int) bool {
	if len(number) != 18 || !isProvince(decimal(number[:2])) || decimal(number[2:4]) == 0 {
		return false
	}
	birth := decimal(number[6:10])
	return birth >= 1900 && birth <= year && isDate(birth, decimal(number[10:12]), decimal(number[12:14])) &&
		mod11(number)
}

// mod11 checks the last character by ISO/IEC 7064 MOD 11-2, where X stands for ten.
func mod11(number []byte) bool {
	rest := 0
	for _, b := range number[:17] {
		rest = (rest + int(b-'0')) * 2 % 11
	}
	return "10X98765432"[rest] == number[17]
}

// isProvince knows the first two digits of GB/T 2260, and 83, under which residence permits are issued
// to people from Taiwan.
func isProvince(code int) bool {
	switch {
	case code >= 11 && code <= 15, code >= 21 && code <= 23, code >= 31 && code <= 37, code >= 41 && code <= 46,
		code >= 50 && code <= 54, code >= 61 && code <= 65, code == 71, code >= 81 && code <= 83:
		return true
	}
	return false
}

func isDate(year, month, day int) bool {
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	last := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		last = 29
	}
	return day <= last
}

// decimal is the number that digits spell.
func decimal(digits []byte) int {
	n := 0
	for _, b := range digits {
		n = n*10 + int(b-'0')
	}
	return n
}
