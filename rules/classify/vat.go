package classify

import "strings"

// vatForms are the layouts of the VAT numbers of each country, together and as they are often grouped.
func vatForms() []string {
	return strings.Fields("AA99999999 AA999999999 AA9999999999 AA99999999999 AA999999999999 AA999999999A99 AAA99999999 AA9999999A " +
		"AA9A99999A AA9999999AA AA9*99999A AAA99999999A AA99999999A AAA9999999A AAA999999999 AA99999 " +
		"AAA-999.999.999 AAA999.999.999")
}

// validVAT checks a VAT identification number with its country prefix.
func validVAT(n []byte) bool {
	if len(n) < 7 {
		return false
	}
	body := n[2:]
	switch string(n[:2]) {
	case "AT":
		return matches(body, "A99999999") && body[0] == 'U' && (10-(doubledSum(body[1:8])+4)%10)%10 == int(body[8]-'0')
	case "BE":
		return areDigits(body, 10) && body[0] <= '1' && 97-decimal(body[:8])%97 == decimal(body[8:])
	case "BG":
		return areDigits(body, 9) || areDigits(body, 10)
	case "CH": // CHE-123.456.788, with MWST, TVA or IVA behind it
		return matches(body, "A999999999") && body[0] == 'E' && weighed(body[1:], 5, 4, 3, 2, 7, 6, 5, 4, 1)%11 == 0
	case "CY":
		return matches(body, "99999999A")
	case "CZ":
		return areDigits(body, 8) || areDigits(body, 9) || areDigits(body, 10)
	case "DE":
		return areDigits(body, 9) && body[0] != '0' && mod11dash10(body)
	case "DK":
		return areDigits(body, 8) && weighed(body, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
	case "EE":
		return areDigits(body, 9) && weighed(body, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0
	case "EL", "GR":
		return areDigits(body, 9) && weighed(body, 256, 128, 64, 32, 16, 8, 4, 2)%11%10 == int(body[8]-'0')
	case "ES":
		return matches(body, "A99999999") || matches(body, "A9999999A") || validDNI(body)
	case "FI":
		return areDigits(body, 8) && weighed(body, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0
	case "FR":
		return areDigits(body, 11) && (12+3*(decimal(body[2:])%97))%97 == decimal(body[:2]) && luhn(body[2:])
	case "GB", "XI":
		if !areDigits(body, 9) && !areDigits(body, 12) {
			return false
		}
		rest := (weighed(body, 8, 7, 6, 5, 4, 3, 2) + decimal(body[7:9])) % 97
		return rest == 0 || rest == 42 // since 2010 55 is added
	case "HR":
		return areDigits(body, 11) && mod11dash10(body)
	case "HU":
		return areDigits(body, 8) && weighed(body, 9, 7, 3, 1, 9, 7, 3, 1)%10 == 0
	case "IE":
		return matches(body, "9999999A") || matches(body, "9999999AA") || matches(body, "9A99999A")
	case "IT":
		return areDigits(body, 11) && luhn(body)
	case "LT":
		return areDigits(body, 9) || areDigits(body, 12)
	case "LU":
		return areDigits(body, 8) && decimal(body[:6])%89 == decimal(body[6:])
	case "LV":
		return areDigits(body, 11)
	case "MT":
		return areDigits(body, 8) && weighed(body, 3, 4, 6, 7, 8, 9, 10, 1)%37 == 0
	case "NL":
		return matches(body, "999999999A99") && body[9] == 'B' && (mod97of(n) == 1 || validBSN(body[:9]))
	case "PL":
		return areDigits(body, 10) && weighed(body, 6, 5, 7, 2, 3, 4, 5, 6, 7)%11 == int(body[9]-'0')
	case "PT":
		return areDigits(body, 9) && (11-weighed(body, 9, 8, 7, 6, 5, 4, 3, 2)%11)%11%10 == int(body[8]-'0')
	case "RO":
		return areDigits(body, len(body)) && len(body) >= 5 && len(body) <= 10
	case "SE":
		return areDigits(body, 12) && luhn(body[:10]) && body[10] == '0'
	case "SI":
		return areDigits(body, 8) && (11-weighed(body, 8, 7, 6, 5, 4, 3, 2)%11)%10 == int(body[7]-'0')
	case "SK":
		return areDigits(body, 10) && decimal(body)%11 == 0
	}
	return false
}

// doubledSum adds the digits of n, of every second the sum of its double's digits.
func doubledSum(n []byte) int {
	sum := 0
	for i, b := range n {
		d := int(b - '0')
		if i%2 == 1 {
			d = d/5 + d*2%10
		}
		sum += d
	}
	return sum
}
