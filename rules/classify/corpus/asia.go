package corpus

import (
	"strconv"
	"strings"
)

func asianKinds() []kind {
	return []kind{
		{detector: "cn-resident-id", keys: "身份证号|身份证号码|id card no|id card|identity number|公民身份号码|证件号码", make: func(s *source) sample {
			body := s.one("110101|310115|440305|330106|510107|420111|320506|610113") + s.birth().in("YMD") + padded(s.from(1, 999), 3)
			text := body + pure11(body)
			if s.chance(10) {
				return alone(strings.ToLower(text))
			}
			return alone(text)
		}},
		{detector: "jp-my-number", keys: "マイナンバー|個人番号|my number", make: func(s *source) sample {
			body := s.digits(11)
			rest := products(body, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11
			check := 0
			if rest > 1 {
				check = 11 - rest
			}
			return either(s, body+strconv.Itoa(check), " ", 4, 4)
		}},
		{detector: "kr-rrn", keys: "주민등록번호|resident registration number|rrn", make: func(s *source) sample {
			born := s.birth()
			sex := s.from(1, 2)
			if born.year >= 2000 {
				sex += 2
			}
			body := born.in("yMD") + strconv.Itoa(sex) + s.of(decimals, 5)
			body += strconv.Itoa((11 - products(body, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)%11) % 10)
			return plainOr(s, body, "-", 6)
		}},
		{detector: "hk-id", keys: "hkid|香港身份證|hkid no|hong kong id", make: hongKongID},
		{detector: "tw-id", keys: "身分證字號|national id|taiwan id|身份證字號", make: func(s *source) sample {
			const letters = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
			place := s.IntN(len(letters))
			body := s.of("12", 1) + s.of(decimals, 7)
			code := place + 10
			sum := code/10 + code%10*9 + products(body, 8, 7, 6, 5, 4, 3, 2, 1)
			return keyed(letters[place:][:1] + body + strconv.Itoa((10-sum%10)%10))
		}},
		{detector: "in-aadhaar", keys: "aadhaar|aadhaar number|aadhar no|आधार", make: func(s *source) sample {
			body := s.of("23456789", 1) + s.of(decimals, 10)
			return either(s, body+verhoeffDigit(body), " ", 4, 4)
		}},
		{detector: "in-pan", keys: "pan number|pan card|permanent account number|pan no", make: func(s *source) sample {
			return keyed(s.of(capitals, 3) + s.of("PCHF", 1) + s.of(capitals, 1) + s.digits(4) + s.of(capitals, 1))
		}},
		{detector: "sg-nric", keys: "nric|nric no|fin|nric number", make: func(s *source) sample {
			kind, body := s.of("STFG", 1), s.of(decimals, 7)
			sum := products(body, 2, 7, 6, 5, 4, 3, 2)
			if kind == "T" || kind == "G" {
				sum += 4
			}
			letters := "JZIHGFEDCBA"
			if kind == "F" || kind == "G" {
				letters = "XWUTRQPNMLK"
			}
			return alone(kind + body + letters[sum%11:][:1])
		}},
		{detector: "th-id", keys: "เลขประจำตัวประชาชน|thai national id|citizen id", make: func(s *source) sample {
			body := s.of("12345678", 1) + s.of(decimals, 11)
			sum := products(body, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
			return plainOr(s, body+strconv.Itoa((11-sum%11)%10), "-", 1, 4, 5, 2)
		}},
		{detector: "my-nric", keys: "mykad|ic number|no kad pengenalan|nric", make: func(s *source) sample {
			return plainOr(s, s.birth().in("yMD")+s.one("01|05|08|10|14")+s.of(decimals, 4), "-", 6, 2)
		}},
		{detector: "id-nik", keys: "nik|nomor induk kependudukan|no ktp", make: func(s *source) sample {
			born := s.birth()
			return keyed(s.one("31|32|33|35|51") + two(s.from(1, 30)) + two(s.from(1, 30)) + two(born.day+40*s.IntN(2)) + born.in("My") + padded(s.from(1, 9999), 4))
		}},
		{detector: "vn-cccd", keys: "cccd|số cccd|căn cước công dân", make: func(s *source) sample {
			born := s.birth()
			sex := s.IntN(2)
			if born.year >= 2000 {
				sex += 2
			}
			return keyed(s.one("001|079|048|031|092") + strconv.Itoa(sex) + born.in("y") + s.of(decimals, 6))
		}},
	}
}

func hongKongID(s *source) sample {
	letter, body := s.of("ABCDEFGHKMPRVYZ", 1), s.digits(6)
	sum := 36*9 + (int(letter[0]-'A')+10)*8 + products(body, 7, 6, 5, 4, 3, 2)
	check := "0123456789A"[(11-sum%11)%11:][:1]
	if s.chance(60) {
		return alone(letter + body + "(" + check + ")")
	}
	return keyed(letter + body + check)
}
