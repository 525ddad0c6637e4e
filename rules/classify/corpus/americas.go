package corpus

import "strconv"

func americanKinds() []kind {
	return []kind{
		{detector: "us-ssn", keys: "ssn|social security number|social security|SSN number", make: func(s *source) sample {
			area := s.from(1, 899)
			for area == 666 {
				area = s.from(1, 899)
			}
			digits := padded(area, 3) + two(s.from(1, 99)) + padded(s.from(1, 9999), 4)
			return plainOr(s, digits, "-", 3, 2)
		}},
		{detector: "us-itin", keys: "itin|individual taxpayer identification number", make: func(s *source) sample {
			digits := "9" + s.of(decimals, 2) + strconv.Itoa(s.from(70, 88)) + s.of(decimals, 4)
			return plainOr(s, digits, "-", 3, 2)
		}},
		{detector: "us-mbi", keys: "mbi|medicare beneficiary identifier|medicare number", make: func(s *source) sample {
			const letters = "ACDEFGHJKMNPQRTUVWXY"
			text := s.of(decimals[1:], 1) + s.of(letters, 1) + s.of(letters+decimals, 1) + s.of(decimals, 1) + s.of(letters, 1) +
				s.of(letters+decimals, 1) + s.of(decimals, 1) + s.of(letters, 2) + s.of(decimals, 2)
			if s.chance(50) {
				return alone(grouped(text, "-", 4, 3))
			}
			return alone(text)
		}},
		{detector: "us-npi", keys: "npi|national provider identifier|npi number", make: func(s *source) sample {
			body := s.of("12", 1) + s.of(decimals, 8)
			return keyed(body + luhnDigit("80840"+body))
		}, also: "phone-number"},
		{detector: "ca-sin", keys: "sin|social insurance number|numéro d'assurance sociale", make: func(s *source) sample {
			body := s.of("12345679", 1) + s.of(decimals, 7)
			return either(s, body+luhnDigit(body), " ", 3, 3)
		}},
		{detector: "mx-curp", keys: "curp|clave única de registro", make: mexicanCURP},
		{detector: "br-cpf", keys: "cpf|número do cpf|cpf do cliente", make: func(s *source) sample {
			body := s.of(decimals, 9)
			for range 2 {
				sum := 0
				for i := range body {
					sum += int(body[i]-'0') * (len(body) + 1 - i)
				}
				check := 11 - sum%11
				if check > 9 {
					check = 0
				}
				body += strconv.Itoa(check)
			}
			if s.chance(40) {
				return keyed(body)
			}
			return alone(grouped(body[:9], ".", 3, 3) + "-" + body[9:])
		}},
	}
}

func mexicanCURP(s *source) sample {
	const consonants = "BCDFGHJKLMNPQRSTVWXYZ"
	born := s.birth()
	last := s.of(decimals, 1)
	if born.year >= 2000 {
		last = s.of("AB", 1)
	}
	body := s.of(consonants, 1) + s.of("AEIOU", 1) + s.of(consonants, 2) + born.in("yMD") + s.of("HM", 1) + s.one("DF|JC|NL|PL|VZ|MC|YN") + s.of(consonants, 3) + last
	const order = "0123456789ABCDEFGHIJKLMN\xd1OPQRSTUVWXYZ" // 0xD1 stands for the letter with a tilde
	sum := 0
	for i := range body {
		for value := range order {
			if order[value] == body[i] {
				sum += value * (18 - i)
			}
		}
	}
	return alone(body + strconv.Itoa((10-sum%10)%10))
}

func southernKinds() []kind {
	return []kind{
		{detector: "au-tfn", keys: "tfn|tax file number", make: func(s *source) sample {
			for {
				body := s.digits(8)
				// The last weight is 10, which is -1 modulo 11.
				if check := products(body, 1, 4, 3, 7, 5, 8, 6, 9) % 11; check < 10 {
					return either(s, body+strconv.Itoa(check), " ", 3, 3)
				}
			}
		}},
		{detector: "au-medicare", keys: "medicare number|medicare card number|medicare no", make: func(s *source) sample {
			body := s.of("23456", 1) + s.of(decimals, 7)
			body += strconv.Itoa(products(body, 1, 3, 7, 9, 1, 3, 7, 9)%10) + s.of("123", 1)
			return plainOr(s, body, " ", 4, 5)
		}},
		{detector: "za-id", keys: "south african id|sa id number|id number", make: func(s *source) sample {
			body := s.birth().in("yMD") + s.of(decimals, 4) + s.of("01", 1) + "8"
			text := body + luhnDigit(body)
			if s.chance(50) {
				return keyed(text)
			}
			return alone(grouped(text, " ", 6, 4))
		}},
	}
}
