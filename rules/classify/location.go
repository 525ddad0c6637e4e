package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func locationRules() []*rule {
	categories := []string{"location", "personal", "sensitive"}
	return []*rule{{
		Detector: Detector{
			ID: "coordinates", Categories: categories, Strength: flow.Strong, Evidence: EvidenceRequired, Legal: legalLocation,
			Description: "latitude of three or more decimals (about 100 m) under a key that names it, strong with a longitude beside it",
			Source:      "ISO 6709; 28 CFR 202.242 (1,000 m)",
		},
		keys:  words(strings.Split("lat|latitude|geo lat|gps lat|gps latitude|breitengrad|latitud|latitudine|纬度|緯度|위도", "|"), []string{"ms", "latency", "min", "max", "offset"}),
		field: latitudeField,
	}, {
		Detector: Detector{
			ID: "coordinate-pair", Categories: categories, Strength: flow.Strong, Evidence: EvidenceRequired, Legal: legalLocation,
			Description: "latitude and longitude of three or more decimals together under a key that speaks of a place",
			Source:      "ISO 6709; RFC 5870 (geo URI); IPTC and schema.org (GeoCoordinates)",
		},
		keys: words(strings.Split("coordinates|coordinate|coords|latlng|latlon|lat lng|lat lon|lat long|geo|geo point|geopoint|gps|gps position|position|location|"+
			"geolocation|ll|坐标|经纬度|位置|座標|좌표", "|"), strings.Split("svg|path|points|bbox|mesh|vertex|texture|uv|color|x|pixel|cursor|scroll|mouse", "|")),
		whole: true,
		field: pairField,
	}, {
		Detector: Detector{
			ID: "geojson", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalLocation,
			Description: "GeoJSON geometry with coordinates of three or more decimals",
			Source:      "RFC 7946 section 3.1",
		},
		literals: []string{`"coordinates"`},
		text:     geometryAround,
	}, {
		Detector: Detector{
			ID: "wkt-geometry", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalLocation,
			Description: "well-known text of a geometry with longitudes and latitudes of three or more decimals",
			Source:      "OGC 06-103r4 section 7 (simple feature access)",
		},
		literals: []string{"POINT(", "POINT (", "POINT Z", "LINESTRING(", "LINESTRING (", "POLYGON(", "POLYGON ("},
		text: func(view []byte, at int, value []byte) match {
			open := bytes.IndexByte(view[at:], '(')
			if open < 0 || open > 16 || startsMidWord(view, at) && !bytes.HasSuffix(view[:at], []byte("MULTI")) {
				return match{}
			}
			from := at + open
			for from < len(view) && view[from] == '(' {
				from++
			}
			x, y, end := twoNumbers(view, from)
			if !isPosition(y, x) {
				return match{}
			}
			return match{at, end, append(value, view[from:end]...), flow.Strong}
		},
	}, {
		Detector: Detector{
			ID: "nmea-position", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalLocation,
			Description: "position sentence of a satellite receiver, with its checksum",
			Source:      "NMEA 0183 (GGA, RMC, GLL)",
		},
		literals: []string{"$GPGGA,", "$GPRMC,", "$GPGLL,", "$GNGGA,", "$GNRMC,", "$GNGLL,", "$GLGGA,", "$GLRMC,", "$GAGGA,", "$GARMC,", "$BDGGA,", "$BDRMC,", "$GBGGA,"},
		text:     navigationSentence,
	}, {
		Detector: Detector{
			ID: "geo-uri", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalLocation,
			Description: "geo URI with coordinates of three or more decimals",
			Source:      "RFC 5870",
		},
		literals: []string{"geo:"},
		text: func(view []byte, at int, value []byte) match {
			x, y, end := twoNumbers(view, at+4)
			if startsMidWord(view, at) || !isPosition(x, y) {
				return match{}
			}
			return match{at, end, append(value, view[at+4:end]...), flow.Strong}
		},
	}}
}

// coordinate is a decimal number: degrees and how many decimals it is written with, -1 for none at all.
type coordinate struct {
	degrees  float64
	decimals int
}

// isPosition says whether two numbers are a latitude and a longitude that tell where somebody is to about
// a hundred metres. Null Island is where missing values are.
func isPosition(lat, lon coordinate) bool {
	return min(lat.decimals, lon.decimals) >= 1 && max(lat.decimals, lon.decimals) >= 3 && max(lat.decimals, lon.decimals) <= 15 &&
		lat.degrees >= -90 && lat.degrees <= 90 && lon.degrees >= -180 && lon.degrees <= 180 && (lat.degrees != 0 || lon.degrees != 0)
}

// readCoordinate reads a decimal number with its sign, and returns where it ends.
func readCoordinate(view []byte, at int) (c coordinate, end int) {
	i := at
	negative := false
	if i < len(view) && (view[i] == '-' || view[i] == '+') {
		negative = view[i] == '-'
		i++
	}
	digits := i
	for i < len(view) && isDigit(view[i]) {
		c.degrees = c.degrees*10 + float64(view[i]-'0')
		i++
	}
	if i == digits || i-digits > 3 {
		return coordinate{decimals: -1}, at
	}
	if i+1 < len(view) && view[i] == '.' && isDigit(view[i+1]) {
		scale := 0.1
		for i++; i < len(view) && isDigit(view[i]); i++ {
			c.degrees += float64(view[i]-'0') * scale
			scale /= 10
			c.decimals++
		}
	}
	endsSentence := i < len(view) && view[i] == '.' && (i+1 == len(view) || !isAlnum(view[i+1]) && view[i+1] != '.')
	if i < len(view) && (isAlpha(view[i]) || view[i] == '.' && !endsSentence) && !isOneOf(view[i], "NSEW°") {
		return coordinate{decimals: -1}, at
	}
	if negative {
		c.degrees = -c.degrees
	}
	return c, i
}

// twoNumbers reads two numbers with a comma or blanks between them.
func twoNumbers(view []byte, at int) (first, second coordinate, end int) {
	for at < len(view) && isOneOf(view[at], " \t\r\n[\"") {
		at++
	}
	first, i := readCoordinate(view, at)
	from := i
	for i < len(view) && i-from < maxBlank && isOneOf(view[i], ", \t\r\n\"") {
		i++
	}
	if i == from || first.decimals < 0 {
		return first, coordinate{decimals: -1}, i
	}
	second, end = readCoordinate(view, i)
	return first, second, end
}

func latitudeField(f *field, value []byte) match {
	lat, end := readCoordinate(f.text, 0)
	if end != len(f.text) || lat.decimals < 3 || lat.decimals > 15 || lat.degrees < -90 || lat.degrees > 90 || lat.degrees == 0 {
		return match{}
	}
	value = append(value, f.text...)
	from := max(0, f.start-2*nearby)
	around := f.view[from:min(len(f.view), f.start+len(f.text)+2*nearby)]
	if lon, found := longitudeIn(around); found {
		return f.match(append(append(value, ' '), lon...), flow.Strong)
	}
	if isPlainWord(f.key, "lat") {
		// In a column of CSV the longitude stands in the next one.
		_, next, _ := twoNumbers(f.view, f.start)
		if next.decimals < 3 {
			return match{}
		}
	}
	return f.match(value, flow.Medium)
}

// longitudeIn finds a number of three or more decimals under a key for a longitude.
func longitudeIn(text []byte) ([]byte, bool) {
	for _, key := range []string{"lon", "lng", "Lon", "Lng", "LON", "LNG", "经度", "經度", "längengrad"} {
		at := bytes.Index(text, []byte(key))
		if at < 0 {
			continue
		}
		i := at + len(key)
		for i < len(text) && !isDigit(text[i]) && text[i] != '-' && i-at < 24 {
			i++
		}
		if c, end := readCoordinate(text, i); c.decimals >= 3 && c.degrees >= -180 && c.degrees <= 180 {
			return text[i:end], true
		}
	}
	return nil, false
}

func pairField(f *field, value []byte) match {
	first, second, end := twoNumbers(f.text, 0)
	// Which of the two is the latitude differs; both must have the precision here, where words say less.
	if first.decimals < 3 || second.decimals < 3 || !isPosition(first, second) && !isPosition(second, first) {
		return match{}
	}
	rest := bytes.TrimLeft(f.text[end:], " \t\r\n")
	if len(rest) > 0 && !isOneOf(rest[0], "]\"',}") {
		return match{}
	}
	return match{f.start, f.start + end, append(value, f.text[:end]...), flow.Strong}
}

// geometryAround reads the first position behind a key of coordinates.
func geometryAround(view []byte, at int, value []byte) match {
	i := at + len(`"coordinates"`)
	brackets := 0
	for i < len(view) && i-at < 64 && isOneOf(view[i], ": \t\r\n[") {
		if view[i] == '[' {
			brackets++
		}
		i++
	}
	x, y, end := twoNumbers(view, i)
	if brackets == 0 || brackets > 4 || !isPosition(y, x) {
		return match{}
	}
	around := view[max(0, at-2*nearby):min(len(view), end+2*nearby)]
	for _, kind := range []string{`Point"`, `LineString"`, `Polygon"`, `"Feature"`} {
		if bytes.Contains(around, []byte(kind)) {
			return match{i, end, append(value, view[i:end]...), flow.Strong}
		}
	}
	return match{}
}

// navigationSentence checks the sentence at at: its checksum, and that it has a position.
func navigationSentence(view []byte, at int, value []byte) match {
	star := bytes.IndexByte(view[at:min(len(view), at+90)], '*')
	if star < 0 || at+star+3 > len(view) {
		return match{}
	}
	var sum byte
	for _, b := range view[at+1 : at+star] {
		sum ^= b
	}
	const digits = "0123456789ABCDEF"
	end := at + star + 3
	if upper(view[end-2]) != digits[sum>>4] || upper(view[end-1]) != digits[sum&15] {
		return match{}
	}
	if !bytes.Contains(view[at:end], []byte(",N,")) && !bytes.Contains(view[at:end], []byte(",S,")) {
		return match{}
	}
	return match{at, end, append(value, view[at:end]...), flow.Strong}
}
