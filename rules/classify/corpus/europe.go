package corpus

import (
	"strconv"
	"strings"
)

func europeanKinds() []kind {
	return []kind{
		{detector: "de-tax-id", keys: "steuer id|steuerliche identifikationsnummer|steueridentifikationsnummer|IdNr|tax id", make: germanTaxID, also: "vat-number"},
		{detector: "de-pension-number", keys: "rentenversicherungsnummer|sozialversicherungsnummer|sv nummer|rvnr", make: germanPension},
		{detector: "fr-nir", keys: "nir|numéro de sécurité sociale|numero securite sociale|numero secu|social security number", make: frenchNIR},
		{detector: "it-codice-fiscale", keys: "codice fiscale|cod fiscale|fiscal code", make: codiceFiscale},
		{detector: "es-dni", keys: "dni|nif|documento nacional de identidad", make: spanishDNI},
		{detector: "es-nie", keys: "nie|número de extranjero", make: spanishNIE},
		{detector: "nl-bsn", keys: "bsn|burgerservicenummer|bsn nummer", make: dutchBSN},
		{detector: "be-national-number", keys: "rijksregisternummer|numero national|niss|national register number", make: belgianNumber},
		{detector: "gb-nino", keys: "nino|ni number|national insurance number", make: func(s *source) sample {
			text := s.one("AB|CE|HJ|JK|LM|PR|SX|WE|YZ|AA") + s.digits(6) + s.of("ABCD", 1)
			if s.chance(40) {
				return keyed(text)
			}
			return alone(grouped(text, " ", 2, 2, 2, 2))
		}},
		{detector: "gb-nhs-number", keys: "nhs number|nhs no|nhs", make: func(s *source) sample {
			for {
				body := s.digits(9)
				if check := 11 - products(body, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11; check != 10 {
					return either(s, body+strconv.Itoa(check%11), " ", 3, 3)
				}
			}
		}},
		{detector: "se-personnummer", keys: "personnummer|person nr|samordningsnummer", also: "dk-cpr fi-hetu", make: func(s *source) sample {
			born := s.birth()
			body := born.in("yMD") + padded(s.from(10, 999), 3)
			body += luhnDigit(body)
			switch s.IntN(4) {
			case 0:
				return keyed(body)
			case 1:
				return alone(strconv.Itoa(born.year/100) + grouped(body, "-", 6))
			case 2:
				return keyed(strconv.Itoa(born.year/100) + body)
			}
			return alone(grouped(body, "-", 6))
		}},
		{detector: "fi-hetu", keys: "henkilötunnus|hetu|henkilotunnus", also: "dk-cpr se-personnummer", make: func(s *source) sample {
			born, serial := s.birth(), padded(s.from(2, 899), 3)
			sign := "-"
			if born.year >= 2000 {
				sign = "A"
			}
			check := number(born.in("DMy")+serial) % 31
			return alone(born.in("DMy") + sign + serial + "0123456789ABCDEFHJKLMNPRSTUVWXY"[check:][:1])
		}},
		{detector: "no-fodselsnummer", keys: "fødselsnummer|fodselsnummer|fnr|personnummer", make: norwegianNumber},
		{detector: "dk-cpr", keys: "cpr|cpr nummer|cpr nr", also: "se-personnummer fi-hetu", make: func(s *source) sample {
			for {
				born := s.birth()
				body := born.in("DMy") + padded(s.from(0, 399), 3)
				rest := products(body, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11
				if rest != 1 {
					return plainOr(s, body+strconv.Itoa((11-rest)%11), "-", 6)
				}
			}
		}},
	}
}

func germanTaxID(s *source) sample {
	for {
		digits := []byte(decimals)
		s.Shuffle(10, func(i, j int) { digits[i], digits[j] = digits[j], digits[i] })
		digits[s.from(1, 9)] = digits[0] // one digit twice, another not at all
		s.Shuffle(10, func(i, j int) { digits[i], digits[j] = digits[j], digits[i] })
		if digits[0] != '0' {
			body := string(digits)
			return plainOr(s, body+hybrid11(body), " ", 2, 3, 3)
		}
	}
}

func germanPension(s *source) sample {
	area, letter, serial := s.one("02|04|10|13|14|15|25|38|53|65"), s.of(capitals, 1), two(s.from(0, 99))
	born := s.birth().in("DMy")
	sum := 0
	for i, b := range area + born + two(int(letter[0]-'A')+1) + serial {
		p := int(b-'0') * [...]int{2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1}[i]
		sum += p/10 + p%10
	}
	check := strconv.Itoa(sum % 10)
	if s.chance(50) {
		return alone(area + " " + born + " " + letter + " " + serial + check)
	}
	return alone(area + born + letter + serial + check)
}

func frenchNIR(s *source) sample {
	born := s.birth()
	body := s.of("12", 1) + born.in("yM") + two(s.from(1, 95)) + padded(s.from(1, 990), 3) + padded(s.from(1, 999), 3)
	if body[5:7] == "20" {
		return frenchNIR(s) // Corsica is 2A and 2B
	}
	whole := body + two(97-number(body)%97)
	return plainOr(s, whole, " ", 1, 2, 2, 2, 3, 3)
}

func codiceFiscale(s *source) sample {
	const consonants = "BCDFGLMNPRSTVZ"
	born := s.birth()
	day := born.day + 40*s.IntN(2)
	body := s.of(consonants, 6) + two(born.year%100) + "ABCDEHLMPRST"[born.month-1:][:1] + two(day) + s.of("ABCDEFGHIL", 1) + padded(s.from(1, 990), 3)
	odd := map[byte]int{}
	for i, v := range []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21} {
		odd['0'+byte(i)] = v
	}
	for i, v := range []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23} {
		odd['A'+byte(i)] = v
	}
	sum := 0
	for i := range body {
		switch b := body[i]; {
		case i%2 == 0: // the first place is odd
			sum += odd[b]
		case b <= '9':
			sum += int(b - '0')
		default:
			sum += int(b - 'A')
		}
	}
	text := body + capitals[sum%26:][:1]
	if s.chance(10) {
		return keyed(strings.ToLower(text))
	}
	return alone(text)
}

const dniLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func spanishDNI(s *source) sample {
	digits := s.digits(8)
	letter := dniLetters[number(digits)%23:][:1]
	switch s.IntN(3) {
	case 0:
		return alone(digits + "-" + letter)
	case 1:
		return alone(grouped(digits, ".", 2, 3) + "-" + letter)
	}
	return keyed(digits + letter)
}

func spanishNIE(s *source) sample {
	first, digits := s.IntN(3), s.digits(7)
	letter := dniLetters[number(strconv.Itoa(first)+digits)%23:][:1]
	text := "XYZ"[first:][:1]
	switch s.IntN(3) {
	case 0:
		return alone(text + "-" + digits + "-" + letter)
	case 1:
		return alone(text + digits + "-" + letter)
	}
	return keyed(text + digits + letter)
}

func dutchBSN(s *source) sample {
	for {
		body := s.digits(8)
		if check := products(body, 9, 8, 7, 6, 5, 4, 3, 2) % 11; check < 10 {
			return either(s, body+strconv.Itoa(check), ".", 4, 2)
		}
	}
}

func belgianNumber(s *source) sample {
	born := s.birth()
	body := born.in("yMD") + padded(s.from(1, 997), 3)
	base := number(body)
	if born.year >= 2000 {
		base += 2_000_000_000
	}
	body += two(97 - base%97)
	if s.chance(30) {
		return keyed(body)
	}
	return alone(grouped(body[:6], ".", 2, 2) + "-" + body[6:9] + "." + body[9:])
}

func norwegianNumber(s *source) sample {
	for {
		body := s.birth().in("DMy") + padded(s.from(0, 499), 3)
		first := (11 - products(body, 3, 7, 6, 1, 8, 9, 4, 5, 2)%11) % 11
		if first == 10 {
			continue
		}
		body += strconv.Itoa(first)
		second := (11 - products(body, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11) % 11
		if second != 10 {
			return plainOr(s, body+strconv.Itoa(second), " ", 6)
		}
	}
}
