package jurisdiction

import (
	"slices"
	"strings"
)

type countryRow struct{ code, name string }

// countryAliases are codes and words that people write for a country and that ISO 3166-1 alpha-2
// does not have, or has for another country.
var countryAliases = map[string]string{
	"UK": "GB", "EL": "GR", "USA": "US", "GBR": "GB", "DEU": "DE", "GER": "DE", "FRA": "FR", "ITA": "IT",
	"ESP": "ES", "NLD": "NL", "CHE": "CH", "SUI": "CH", "AUT": "AT", "CHN": "CN", "PRC": "CN", "HKG": "HK",
	"MAC": "MO", "TWN": "TW", "ROC": "TW", "JPN": "JP", "KOR": "KR", "SGP": "SG", "IND": "IN", "AUS": "AU",
	"CAN": "CA", "BRA": "BR", "RUS": "RU", "UAE": "AE", "KSA": "SA", "RSA": "ZA", "NED": "NL", "POR": "PT",
	"ENGLAND": "GB", "GREAT BRITAIN": "GB", "BRITAIN": "GB", "AMERICA": "US", "HOLLAND": "NL", "MACAU": "MO",
	"KOREA": "KR", "CZECH REPUBLIC": "CZ", "TURKEY": "TR",
}

// ValidCountry reports whether code is an ISO 3166-1 alpha-2 code in capital letters. Hong Kong,
// Macao and Taiwan have codes of their own, as ISO has them; EU and XK are not in the standard.
func ValidCountry(code string) bool {
	_, ok := country([]byte(code))
	return ok
}

// CountryName returns the usual English name of an ISO 3166-1 alpha-2 code, "" for anything else.
func CountryName(code string) string {
	if i, ok := findCountry([]byte(code)); ok {
		return countryTable[i].name
	}
	return ""
}

// country returns the table's own string for a code in either case, so that callers keep no other
// memory alive and need not allocate.
func country(code []byte) (string, bool) {
	if i, ok := findCountry(code); ok {
		return countryTable[i].code, true
	}
	return "", false
}

func findCountry(code []byte) (int, bool) {
	if len(code) != 2 {
		return 0, false
	}
	return slices.BinarySearchFunc(countryTable[:], code, func(row countryRow, code []byte) int {
		if row.code[0] != code[0] {
			return int(row.code[0]) - int(code[0])
		}
		return int(row.code[1]) - int(code[1])
	})
}

// nearestCountry returns the code that was probably meant by wrong, "" when there is no good guess.
func nearestCountry(wrong string) string {
	upper := strings.ToUpper(strings.TrimSpace(wrong))
	if ValidCountry(upper) {
		return upper
	}
	if code, ok := countryAliases[upper]; ok {
		return code
	}
	if len(upper) < 2 {
		return ""
	}
	if reversed := string([]byte{upper[1], upper[0]}); len(upper) == 2 && ValidCountry(reversed) {
		return reversed
	}
	found := ""
	for _, row := range countryTable {
		name := strings.ToUpper(row.name)
		if name == upper {
			return row.code
		}
		if len(upper) >= 4 && (strings.HasPrefix(name, upper) || strings.HasPrefix(upper, name)) {
			if found != "" {
				return "" // several fit: naming one would mislead
			}
			found = row.code
		}
	}
	return found
}
