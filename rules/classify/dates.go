package classify

import "bytes"

// dateIn reads the date that text is, or begins with: in the notations of ISO 8601, of most countries with
// full stops, strokes or hyphens, of East Asia, and with English month names. Zeros if it is none.
func dateIn(text []byte) (year, month, day int) {
	text = text[:min(len(text), 40)]
	var numbers [3]int
	var lengths [3]int
	n, named := 0, false
	for i := 0; i < len(text) && n < 3 && !(named && n == 2) && !(n == 1 && lengths[0] == 8); i++ {
		switch b := text[i]; {
		case isDigit(b):
			from := i
			for i < len(text) && isDigit(text[i]) {
				i++
			}
			numbers[n], lengths[n] = decimal(text[from:min(i, from+8)]), i-from
			n++
			i--
		case isAlpha(b):
			from := i
			for i < len(text) && isAlpha(text[i]) {
				i++
			}
			m := monthNamed(text[from:i])
			if m == 0 && !bytes.EqualFold(text[from:i], []byte("T")) {
				return 0, 0, 0
			}
			if m != 0 {
				month, named = m, true
			}
			i--
		case !isOneOf(b, " ./-,") && b < 0x80:
			return 0, 0, 0
		}
	}
	switch {
	case n == 1 && lengths[0] == 8 && !named: // 19800229
		year, month, day = numbers[0]/10000, numbers[0]/100%100, numbers[0]%100
	case n >= 2 && named && lengths[0] == 4:
		year, day = numbers[0], numbers[1]
	case n >= 2 && named:
		day, year = numbers[0], numbers[1]
	case n == 3 && lengths[0] == 4:
		year, month, day = numbers[0], numbers[1], numbers[2]
	case n == 3 && lengths[2] == 4 && numbers[1] > 12:
		month, day, year = numbers[0], numbers[1], numbers[2]
	case n == 3 && lengths[2] == 4:
		day, month, year = numbers[0], numbers[1], numbers[2]
		if day <= 12 && bytes.IndexByte(text, '/') > 0 { // either may be the month
			return validDate(year, 1, max(1, day))
		}
	default:
		return 0, 0, 0
	}
	return validDate(year, month, day)
}

func validDate(year, month, day int) (int, int, int) {
	if year < 1900 || year > 2100 || !isDate(year, month, day) {
		return 0, 0, 0
	}
	return year, month, day
}

func monthNamed(word []byte) int {
	if len(word) < 3 {
		return 0
	}
	var small [3]byte
	for i := range small {
		small[i] = lower(word[i])
	}
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	for i := 0; i < len(names); i += 3 {
		if names[i:i+3] == string(small[:]) {
			return i/3 + 1
		}
	}
	return 0
}
