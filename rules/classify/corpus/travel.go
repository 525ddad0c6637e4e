package corpus

import "strconv"

func documentKinds() []kind {
	return []kind{
		{detector: "passport-number", keys: "passport number|passport no|passport|reisepassnummer|numero de pasaporte", make: func(s *source) sample {
			switch s.IntN(3) {
			case 0:
				return keyed(s.of("CFGHJKLMNPRTVWXYZ", 1) + s.of("CFGHJKLMNPRTVWXYZ", 1) + s.digits(7))
			case 1:
				return keyed(s.of("ABLMNTX", 1) + s.digits(8))
			}
			return keyed(s.digits(9))
		}},
		{detector: "cn-passport", keys: "护照号|护照号码|passport no|chinese passport", make: func(s *source) sample {
			return keyed(s.of("EG", 1) + s.digits(8))
		}},
		{detector: "cn-travel-permit", keys: "港澳通行证|台胞证|回乡证号", make: func(s *source) sample {
			return keyed(s.of("HMC", 1) + s.digits(8))
		}},
	}
}

// machineReadable is the zone of a passport (TD3) or an identity card (TD1), by ICAO Doc 9303.
func machineReadable(s *source) (lines []string, marked string) {
	names := "MUSTERFRAU<<" + s.one("ERIKA|ANNA|MARIA") + "<" + s.of("ABEKL", 1)
	country, document := s.one("UTO|D<<|FRA|GBR|CHN"), s.of("CFGHJK", 1)+s.of("0123456789CFGHJKLMNPRTVWXYZ", 8)
	born, expires := s.birth().in("yMD"), strconv.Itoa(s.from(27, 35))+two(s.from(1, 12))+two(s.from(1, 28))
	fill := func(text string, n int) string {
		for len(text) < n {
			text += "<"
		}
		return text
	}
	if s.chance(50) {
		optional := fill("", 14)
		second := document + zoneDigit(document) + country + born + zoneDigit(born) + s.of("MF", 1) + expires + zoneDigit(expires) + optional + "0"
		second += zoneDigit(second[:10] + second[13:20] + second[21:43])
		return []string{fill("P<"+country+names, 44), second}, second
	}
	first := fill("I<"+country+document+zoneDigit(document), 30)
	second := born + zoneDigit(born) + s.of("MF", 1) + expires + zoneDigit(expires) + country + fill("", 11)
	second += zoneDigit(first[5:30] + second[:7] + second[8:15] + second[18:29])
	return []string{first, second, fill(names, 30)}, second
}

// zoneDigit has the weights 7, 3, 1; letters count from 10 and fillers as 0.
func zoneDigit(text string) string {
	sum := 0
	for i, b := range text {
		value, err := strconv.ParseInt(string(b), 36, 32)
		if err != nil {
			value = 0
		}
		sum += int(value) * []int{7, 3, 1}[i%3]
	}
	return strconv.Itoa(sum % 10)
}
