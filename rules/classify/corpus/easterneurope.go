package corpus

import "strconv"

func easternKinds() []kind {
	return []kind{
		{detector: "pl-pesel", keys: "pesel|numer pesel|nr pesel", make: func(s *source) sample {
			born := s.birth()
			month := born.month
			if born.year >= 2000 {
				month += 20
			}
			body := born.in("y") + two(month) + born.in("D") + s.of(decimals, 4)
			return keyed(body + strconv.Itoa((10-products(body, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10))
		}},
		{detector: "ro-cnp", keys: "cnp|cod numeric personal", make: func(s *source) sample {
			born := s.birth()
			sex := s.from(1, 2)
			if born.year >= 2000 {
				sex += 4
			}
			body := strconv.Itoa(sex) + born.in("yMD") + two(s.from(1, 46)) + padded(s.from(1, 999), 3)
			check := products(body, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
			if check == 10 {
				check = 1
			}
			return keyed(body + strconv.Itoa(check))
		}},
		{detector: "cz-birth-number", keys: "rodné číslo|rodne cislo|birth number", make: func(s *source) sample {
			for {
				born := s.birth()
				if born.year < 1954 {
					continue
				}
				body := born.in("y") + two(born.month+50*s.IntN(2)) + born.in("D") + padded(s.from(1, 999), 3)
				if rest := number(body) % 11; rest < 10 {
					return plainOr(s, body+strconv.Itoa(rest), "/", 6)
				}
			}
		}},
		{detector: "bg-egn", keys: "егн|egn", make: func(s *source) sample {
			born := s.birth()
			month := born.month
			if born.year >= 2000 {
				month += 40
			}
			body := born.in("y") + two(month) + born.in("D") + s.of(decimals, 3)
			return keyed(body + strconv.Itoa(products(body, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11%10))
		}},
		{detector: "tr-tckn", keys: "tckn|tc kimlik no|kimlik numarası", make: func(s *source) sample {
			body := s.digits(9)
			odd := products(body, 1, 0, 1, 0, 1, 0, 1, 0, 1)
			even := products(body, 0, 1, 0, 1, 0, 1, 0, 1, 0)
			body += strconv.Itoa(((odd*7-even)%10 + 10) % 10)
			return keyed(body + strconv.Itoa(products(body, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)%10))
		}},
		{detector: "ru-snils", keys: "снилс|snils", make: func(s *source) sample {
			body := s.digits(9)
			body += two(products(body, 9, 8, 7, 6, 5, 4, 3, 2, 1) % 101 % 100)
			if s.chance(30) {
				return keyed(body)
			}
			return alone(grouped(body[:9], "-", 3, 3) + " " + body[9:])
		}},
		{detector: "ru-inn", keys: "инн|inn", make: func(s *source) sample {
			body := s.digits(10)
			body += strconv.Itoa(products(body, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8) % 11 % 10)
			return keyed(body + strconv.Itoa(products(body, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10))
		}},
	}
}
