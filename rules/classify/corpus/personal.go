package corpus

import "strconv"

func personalKinds() []kind {
	return []kind{
		{detector: "date-of-birth", field: true, keys: "date of birth|dob|birth date|birthday|geburtsdatum|date de naissance|fecha de nacimiento|data de nascimento|出生日期|生年月日|생년월일", make: func(s *source) sample {
			return keyed(s.birth().in(s.one("Y-M-D|D.M.Y|D/M/Y|Y/M/D|YMD|Y-M-DT00:00:00Z")))
		}},
		{detector: "child", field: true, keys: "child name|child age|guardian name|parental consent|监护人|儿童姓名|erziehungsberechtigter", make: func(s *source) sample {
			return keyed(s.one(firstNames) + " " + s.one(lastNames))
		}, also: "person-name"},
	}
}

func healthKinds() []kind {
	return []kind{
		{detector: "icd-code", keys: "icd code|icd10|diagnosis code|icd 10 code|疾病编码", make: func(s *source) sample {
			return keyed(s.of("ABCDEFGHIJKLMNRSZ", 1) + two(s.from(0, 99)) + "." + s.of(decimals, s.from(1, 2)))
		}, also: "health-field"},
		{detector: "health-field", field: true, keys: "diagnosis|blood type|medication|allergies|medical history|medical condition|blutgruppe|diagnóstico|groupe sanguin|血型|病史|过敏史|hiv status", make: func(s *source) sample {
			return keyed(s.one("Type 2 diabetes|hypertension|asthma|A+|AB-|O positive|metformin 500 mg|penicillin|migraine|高血压|青霉素过敏|depresión|positive"))
		}},
		{detector: "biometric-template", field: true, keys: "face embedding|voiceprint|fingerprint template|iris template|face template|人脸特征", make: func(s *source) sample {
			return keyed(s.of(base64Digits, 88))
		}, also: "secret-field"},
	}
}

func specialKinds() []kind {
	field := func(detector, keys, values string) kind {
		return kind{detector: detector, keys: keys, field: true, make: func(s *source) sample { return keyed(s.one(values)) }}
	}
	return []kind{
		field("religion", "religion|religious affiliation|konfession|religión|宗教信仰", "Catholic|Muslim|Jewish|Hindu|Buddhist|evangelisch|Protestant|佛教|atheist|Sikh"),
		field("ethnicity", "ethnicity|ethnic origin|race|民族|ethnie", "Hispanic|Asian|African American|Caucasian|Roma|汉族|藏族|White|Black"),
		field("political-opinion", "political affiliation|political party|political opinion|政治面貌|party affiliation", "Democrat|Republican|socialist|conservative|中共党员|共青团员|liberal|independent"),
		field("trade-union", "union member|trade union|union membership|gewerkschaft|工会会员|sindicato", "true|yes|ver.di|IG Metall|UNISON|CGT|Teamsters"),
		field("sexual-orientation", "sexual orientation|性取向|sexuelle orientierung|orientation sexuelle", "gay|lesbian|bisexual|heterosexual|同性恋|straight|homosexuell"),
		field("criminal-record", "criminal record|criminal history|convictions|vorstrafen|antecedentes penales|犯罪记录", "theft 2014|fraud|DUI 2019|assault|盗窃|Betrug 2016|burglary"),
	}
}

func deviceKinds() []kind {
	return []kind{
		{detector: "imei", keys: "imei|imei number|device imei", make: func(s *source) sample {
			body := s.one("35|86|01") + s.of(decimals, 12)
			text := body + luhnDigit(body)
			if s.chance(70) {
				return keyed(text)
			}
			return alone(grouped(text, "-", 2, 6, 6))
		}, also: "imsi"},
		{detector: "iccid", keys: "iccid|sim card number|sim serial", make: func(s *source) sample {
			body := "89" + s.one("49|33|44|86|01") + s.of(decimals, 14)
			return alone(body + luhnDigit(body))
		}},
		{detector: "imsi", keys: "imsi|subscriber imsi", make: func(s *source) sample {
			return keyed(s.one("26201|20801|23415|46000|31026|44010") + s.digits(10))
		}, also: "imei"},
		{detector: "vin", keys: "vin|vehicle identification number|fahrgestellnummer|车架号|chassis number", make: vehicleNumber},
		{detector: "mac-address", keys: "mac address|mac|hardware address|bssid", make: func(s *source) sample {
			h := s.one("00|3c|a4|f0|d8|ac") + s.of(hexadecimals, 9) + s.of("abcdef", 1)
			return alone(grouped(h, s.one(":|-"), 2, 2, 2, 2, 2))
		}},
		{detector: "ip-address", keys: "client ip|ip address|remote addr|ip|source ip", make: func(s *source) sample {
			if s.chance(30) {
				return keyed("2a02:" + s.of(hexadecimals[1:], 1) + s.of(hexadecimals, 3) + ":" + s.of(hexadecimals[1:], 3) + "::" + s.of(hexadecimals[1:], 4))
			}
			return keyed(s.one("8|17|46|77|81|93|151|178|213|41") + "." + strconv.Itoa(s.from(20, 250)) + "." + strconv.Itoa(s.from(20, 250)) + "." + strconv.Itoa(s.from(20, 250)))
		}},
		{detector: "advertising-id", keys: "idfa|gaid|advertising id|oaid|google advertising id", field: true, make: func(s *source) sample { return keyed(s.uuid()) }},
	}
}

// vehicleNumber has the check digit of 49 CFR 565.15.
func vehicleNumber(s *source) sample {
	const letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
	value := func(b byte) int {
		switch {
		case b <= '9':
			return int(b - '0')
		case b <= 'H':
			return int(b-'A') + 1
		case b <= 'R':
			return int(b-'J') + 1
		}
		return int(b-'S') + 2
	}
	text := []byte(s.one("1HG|2T1|1FT|5YJ|3VW|JHM") + s.of(letters, 2) + s.of(decimals, 2) + s.of(letters, 1) + "0" + s.of("ABCDEFGHJKLMNPRST", 1) + s.of(letters, 1) + s.of(decimals, 2) + s.digits(4))
	sum := 0
	for i, w := range []int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2} {
		sum += value(text[i]) * w
	}
	text[8] = "0123456789X"[sum%11]
	return alone(string(text))
}

func placeKinds() []kind {
	return []kind{
		{detector: "coordinate-pair", field: true, keys: "location|coordinates|gps|latlng|geo point|geolocation", make: func(s *source) sample {
			return keyed(degrees(s, 80) + s.one(",|, ") + degrees(s, 170))
		}, also: "coordinates"},
		{detector: "geo-uri", keys: "place|where|position uri", make: func(s *source) sample {
			return alone("geo:" + degrees(s, 80) + "," + degrees(s, 170))
		}, also: "coordinate-pair"},
		{detector: "wkt-geometry", keys: "geom|shape|wkt", make: func(s *source) sample {
			return alone(s.one("POINT(|POINT (") + degrees(s, 170) + " " + degrees(s, 80) + ")")
		}, also: "coordinate-pair"},
	}
}

func organisationKinds() []kind {
	return []kind{
		{detector: "cn-uscc", keys: "统一社会信用代码|credit code|uscc|税号", make: creditCode, also: "vat-number"},
		{detector: "lei", keys: "lei|legal entity identifier|lei code", make: func(s *source) sample {
			body := s.of(decimals, 4) + "00" + s.of(decimals+capitals, 12)
			return alone(body + iso97(body))
		}},
		{detector: "br-cnpj", keys: "cnpj|cnpj da empresa", make: func(s *source) sample {
			body := s.of(decimals, 8) + "0001"
			for range 2 {
				sum, weight := 0, 2
				for i := len(body) - 1; i >= 0; i-- {
					sum += int(body[i]-'0') * weight
					if weight++; weight > 9 {
						weight = 2
					}
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
			return alone(grouped(body[:8], ".", 2, 3) + "/" + body[8:12] + "-" + body[12:])
		}},
		{detector: "vat-number", keys: "vat number|vat id|ust id nr|numéro de tva|partita iva|vat", make: valueAddedTax},
		{detector: "us-ein", keys: "ein|employer identification number|fein", make: func(s *source) sample {
			return either(s, s.one("12|20|26|36|45|52|61|77|82|94")+s.digits(7), "-", 2)
		}},
		{detector: "classification-field", field: true, keys: "密级|data classification|classification level|sensitivity label|confidentiality", make: func(s *source) sample {
			return keyed(s.one("confidential|internal|secret|机密|restricted|内部"))
		}, also: "document-marking"},
	}
}

func valueAddedTax(s *source) sample {
	switch s.IntN(4) {
	case 0:
		body := s.digits(8)
		return keyed("DE" + body + hybrid11(body))
	case 1:
		body := s.digits(8)
		siren := body + luhnDigit(body)
		return keyed("FR" + two((12+3*(number(siren)%97))%97) + siren)
	case 2:
		body := s.digits(10)
		return keyed("IT" + body + luhnDigit(body))
	}
	for {
		body := s.digits(9)
		if check := products(body, 6, 5, 7, 2, 3, 4, 5, 6, 7) % 11; check < 10 {
			return keyed("PL" + body + strconv.Itoa(check))
		}
	}
}

// creditCode is made by GB 32100-2015, and the organisation code within by GB 11714-1997.
func creditCode(s *source) sample {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	code := s.of(decimals[1:], 1) + s.of(decimals, 6) + s.of("ABCDEFGHJKLMNPQRTUWXY", 1)
	sum := 0
	for i, w := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		n, _ := strconv.ParseInt(code[i:i+1], 36, 32)
		sum += int(n) * w
	}
	code += "0123456789X0"[(11-sum%11)%11:][:1]
	body := s.one("91|92|12") + s.one("110105|310115|440300|330100") + code
	total, weight := 0, 1
	for _, b := range body {
		for value, c := range alphabet {
			if c == b {
				total += value * weight
			}
		}
		weight = weight * 3 % 31
	}
	return alone(body + alphabet[(31-total%31)%31:][:1])
}
