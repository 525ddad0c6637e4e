package classify

import "strings"

// weighed returns the sum of the digits of number, each times its weight; number may be longer than weights.
// A letter counts by its distance from "0" in ASCII, as in the alphanumeric CNPJ.
func weighed(number []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(number[i]-'0') * w
	}
	return sum
}

// areDigits says whether number is n decimal digits.
func areDigits(number []byte, n int) bool {
	if len(number) != n {
		return false
	}
	for _, b := range number {
		if !isDigit(b) {
			return false
		}
	}
	return true
}

// isUniform says whether all characters are the same: no authority issues 000000000, and forms are full
// of it.
func isUniform(number []byte) bool {
	for _, b := range number {
		if b != number[0] {
			return false
		}
	}
	return true
}

// matches says whether number has the pattern's form, character by character: 9 for a digit, A for a
// capital letter, * for either; anything else stands for itself.
func matches(number []byte, pattern string) bool {
	if len(number) != len(pattern) {
		return false
	}
	for i, b := range number {
		switch p := pattern[i]; p {
		case '9':
			if !isDigit(b) {
				return false
			}
		case 'A':
			if !isUpper(b) {
				return false
			}
		case '*':
			if !isDigit(b) && !isUpper(b) {
				return false
			}
		default:
			if b != p {
				return false
			}
		}
	}
	return true
}

// verhoeff checks the last digit by Verhoeff's scheme over the dihedral group D5 (J. Verhoeff, "Error
// Detecting Decimal Codes", 1969).
func verhoeff(number []byte) bool {
	c := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		for range i % 8 {
			d = int("1576283094"[d] - '0')
		}
		c = dihedral(c, d)
	}
	return c == 0
}

// dihedral multiplies in D5, where 0 to 4 are rotations and 5 to 9 reflections.
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return 5 + (a+b)%5
	case b < 5:
		return 5 + (a-b)%5
	}
	return (a - b + 5) % 5
}

// mod11dash10 checks the last digit by ISO/IEC 7064 MOD 11,10.
func mod11dash10(number []byte) bool {
	product := 10
	last := len(number) - 1
	for _, b := range number[:last] {
		sum := (int(b-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return (11-product)%10 == int(number[last]-'0')
}

// mod97of returns number modulo 97, with A to Z standing for 10 to 35 (ISO/IEC 7064 MOD 97-10).
func mod97of(number []byte) int {
	rest := 0
	for _, b := range number {
		if isDigit(b) {
			rest = (rest*10 + int(b-'0')) % 97
		} else {
			rest = (rest*100 + int(b-'A') + 10) % 97
		}
	}
	return rest
}

// isDay says whether a two-digit year, a month and a day make a date in either century.
func isDay(year, month, day int) bool {
	return isDate(2000+year, month, day) || isDate(1900+year, month, day)
}

func isOneOf(b byte, set string) bool { return indexOf(set, b) >= 0 }

// setOf is the set of the words in list.
func setOf(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

func indexOf(set string, b byte) int { return strings.IndexByte(set, b) }
