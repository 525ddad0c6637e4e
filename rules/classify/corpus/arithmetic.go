package corpus

import (
	"math/big"
	"strconv"
	"strings"
)

// The arithmetic here makes check digits from the standards' wording; it shares nothing with the classifier's,
// which it is meant to test.

// luhnDigit is the digit to be put behind body (ISO/IEC 7812-1 annex B).
func luhnDigit(body string) string {
	sum := 0
	double := true
	for i := len(body) - 1; i >= 0; i-- {
		d := int(body[i] - '0')
		if double {
			d *= 2
		}
		sum += d/10 + d%10
		double = !double
	}
	return strconv.Itoa((10 - sum%10) % 10)
}

// products is the sum of the digits times their weights.
func products(digits string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(digits[i]-'0') * w
	}
	return sum
}

// iso97 is the two check digits that make text, with letters as 10 to 35, one more than a multiple of 97
// when they are put behind it (ISO/IEC 7064 MOD 97-10).
func iso97(text string) string {
	var digits strings.Builder
	for _, b := range text {
		n, _ := strconv.ParseInt(string(b), 36, 32)
		digits.WriteString(strconv.FormatInt(n, 10))
	}
	n, _ := new(big.Int).SetString(digits.String()+"00", 10)
	return two(98 - int(new(big.Int).Mod(n, big.NewInt(97)).Int64()))
}

// hybrid11 is the digit of ISO/IEC 7064 MOD 11,10.
func hybrid11(body string) string {
	p := 10
	for _, b := range body {
		if p = (p + int(b-'0')) % 10; p == 0 {
			p = 10
		}
		p = p * 2 % 11
	}
	return strconv.Itoa((11 - p) % 10)
}

// pure11 is the character of ISO/IEC 7064 MOD 11-2.
func pure11(body string) string {
	sum, weight := 0, 2
	for i := len(body) - 1; i >= 0; i-- {
		sum += int(body[i]-'0') * weight
		weight = weight * 2 % 11
	}
	return "0123456789X"[(12-sum%11)%11:][:1]
}

// verhoeffDigit is the check digit by the dihedral group of order ten (J. Verhoeff, Error Detecting Decimal
// Codes, 1969), by the group's definition: r turns by a fifth, s mirrors.
func verhoeffDigit(body string) string {
	times := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return (a+b-5)%5 + 5
		case b < 5:
			return (a-5+5-b)%5 + 5
		}
		return (a - b + 5) % 5
	}
	turn := [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	c := 0
	for i := 0; i < len(body); i++ {
		d := int(body[len(body)-1-i] - '0')
		for range i + 1 {
			d = turn[d]
		}
		c = times(c, d)
	}
	for d := range 10 {
		if times(c, d) == 0 {
			return strconv.Itoa(d)
		}
	}
	return ""
}

// number is the number that digits spell.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
