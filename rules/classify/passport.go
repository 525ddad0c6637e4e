package classify

import (
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func passportRules() []*rule {
	rules := documentRules()
	for _, r := range rules {
		r.identifies = identifiesByDocument
	}
	return rules
}

func documentRules() []*rule {
	const terms = passportTerms + "|travel document|document number|documentnumber"
	return []*rule{
		identifier(Detector{
			ID: "passport-number", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "passport number: six to nine letters and digits beside a word for a passport",
			Source:      "ICAO Doc 9303 part 4 (document number)",
		}, validPassport, flow.Weak, 0, terms, "999999999", "99999999", "A9999999", "A99999999", "AA999999", "AA9999999", "AAA999999", "99AA99999", "99 9999999",
			"99 99 999999", "*********"),
		identifier(Detector{
			ID: "cn-passport", Country: "CN", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Chinese passport number: E, G, D, S, P, H or K and eight digits, or E, a letter and seven",
			Source:      "GA/T 1178; 中华人民共和国普通护照和出入境通行证签发管理办法",
		}, validChinesePassport, flow.Weak, 0, terms, "A99999999", "AA9999999"),
		identifier(Detector{
			ID: "cn-travel-permit", Country: "CN", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "permit for travel between the Chinese mainland and Hong Kong, Macau or Taiwan: a letter and eight digits, or ten for earlier ones",
			Source:      "国家移民管理局, 往来港澳通行证, 港澳居民来往内地通行证, 台湾居民来往大陆通行证",
		}, validTravelPermit, flow.Weak, 0, "通行证|通行證|港澳通行证|回乡证|回鄉證|台胞证|台胞證|home return permit|mainland travel permit|travel permit|exit entry permit|eep", "A99999999", "A9999999999", "AA9999999", "99999999"),
		{
			Detector: Detector{
				ID: "passport-mrz", Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalIdentifier,
				Categories:  []string{"government-id", "personal", "sensitive"},
				Description: "machine-readable zone of a passport, visa or identity card (TD1, TD2, TD3, MRV), with its check digits",
				Source:      "ICAO Doc 9303 parts 3 to 7",
			},
			literals: []string{"<<<"},
			text:     readableZone,
		},
	}
}

const passportTerms = "passport|passport id|traveldoc|traveldoc number|travel doc|passports|passport number|passportnumber|passport no|passportno|passeport|reisepass|reisepassnummer*|pass nr|pasaporte|passaporto|" +
	"passaporte|paspoort|paszport|паспорт|загранпаспорт|护照|護照|旅券|パスポート|여권"

// validPassport wants four digits at least, and not the form of Chinese passports, which have an entry of
// their own.
func validPassport(n []byte) bool {
	digits := 0
	for _, b := range n {
		if isDigit(b) {
			digits++
		}
	}
	return digits >= 4 && !isUniform(n) && !validChinesePassport(n)
}

func validChinesePassport(n []byte) bool {
	return matches(n, "A99999999") && isOneOf(n[0], "EGDSPHK") || matches(n, "AA9999999") && n[0] == 'E' && !isOneOf(n[1], "IO")
}

func validTravelPermit(n []byte) bool {
	switch {
	case matches(n, "A99999999"), matches(n, "A9999999999"):
		return isOneOf(n[0], "CWHMLT")
	case matches(n, "AA9999999"):
		return n[0] == 'C'
	}
	return areDigits(n, 8) && !isDay(decimal(n[2:4]), decimal(n[4:6]), decimal(n[6:8]))
}

// zoneLine is what one line of a machine-readable zone has to satisfy: the length, and where its check
// digits stand and over what.
type zoneLine struct {
	length int
	checks [][3]int // from, to, place of the check digit
}

// zoneLines are the lines that hold check digits (ICAO Doc 9303 part 4 section 4.2, part 5 section 4.2, part 6).
var zoneLines = []zoneLine{
	{44, [][3]int{{0, 9, 9}, {13, 19, 19}, {21, 27, 27}}}, // TD3 and MRV-A, second line
	{36, [][3]int{{0, 9, 9}, {13, 19, 19}, {21, 27, 27}}}, // TD2 and MRV-B, second line
	{30, [][3]int{{0, 6, 6}, {8, 14, 14}}},                // TD1, second line
}

// readableZone checks the line with fillers at at and its neighbours.
func readableZone(view []byte, at int, value []byte) match {
	start, end := zoneBounds(view, at)
	if at > start+1 && bytesBefore(view, start, at) {
		return match{} // an earlier filler of the same line has been tried
	}
	for range 3 { // this line, then those after it
		if end <= start {
			return match{}
		}
		line := view[start:end]
		for _, known := range zoneLines {
			if len(line) == known.length && known.holds(line) {
				return match{start, end, append(value, line...), flow.Strong}
			}
		}
		next := end
		for next < len(view) && next-end < 4 && isOneOf(view[next], "\r\n\\ ") {
			next++
		}
		if view[min(next, len(view)-1)] == 'n' && next > end && view[next-1] == '\\' {
			next++
		}
		if next >= len(view) || next == end {
			return match{}
		}
		start, end = zoneBounds(view, next)
	}
	return match{}
}

// bytesBefore says whether a run of three fillers stands between start and at.
func bytesBefore(view []byte, start, at int) bool {
	return strings.Contains(string(view[start:at]), "<<<")
}

func zoneBounds(view []byte, at int) (start, end int) {
	start, end = at, at
	for start > 0 && at-start < 48 && isZoneByte(view[start-1]) {
		start--
	}
	for end < len(view) && end-at < 48 && isZoneByte(view[end]) {
		end++
	}
	return start, end
}

func isZoneByte(b byte) bool { return isDigit(b) || isUpper(b) || b == '<' }

func (z *zoneLine) holds(line []byte) bool {
	for _, check := range z.checks {
		if zoneDigit(line[check[0]:check[1]]) != line[check[2]] {
			return false
		}
	}
	return true
}

// zoneDigit is the check digit with the weights 7, 3 and 1 (ICAO Doc 9303 part 3 section 4.9).
func zoneDigit(text []byte) byte {
	sum := 0
	for i, b := range text {
		value := 0
		if isDigit(b) {
			value = int(b - '0')
		} else if isUpper(b) {
			value = int(b-'A') + 10
		}
		sum += value * [...]int{7, 3, 1}[i%3]
	}
	return '0' + byte(sum%10)
}
