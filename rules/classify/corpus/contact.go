package corpus

import "strings"

// Names of nobody in particular: common ones, combined at random.
const (
	firstNames = "Anna|Erika|Jonas|Lukas|Marie|Sofia|Miguel|Lucía|Chloé|Hugo|Emma|Olivia|James|Noah|Aisha|Omar|Priya|Rahul|Ingrid|Lars|Kateřina|Paweł|Giulia|Matteo|João|Beatriz"
	lastNames  = "Müller|Schmidt|Weber|Dubois|Lefèvre|García|Fernández|Rossi|Bianchi|Silva|Santos|Smith|Johnson|O'Brien|Jones|Khan|Patel|Sharma|Andersson|Hansen|Nowak|Novák|van Dijk|de Vries"
	hanNames   = "王伟|李娜|张敏|刘洋|陈静|杨帆|赵磊|黄丽|周杰明|吴秀英"
	kanaNames  = "佐藤健|鈴木花子|高橋一郎|田中美咲|伊藤翔太|渡辺さくら"
	koreans    = "김민준|이서연|박지훈|최수빈|정예은"
	domains    = "example.com|example.org|example.net|mail.example|firma.example.de|posteo.de|gmail.com|qq.com|orange.fr|uol.com.br|hotmail.co.uk|yahoo.co.jp|naver.com|mail.ru|outlook.com|university.edu|startup.io|acme.co"
)

var plainLetters = strings.NewReplacer("ü", "ue", "é", "e", "è", "e", "í", "i", "á", "a", "ã", "a", "ř", "r", "ł", "l", "'", "", " ", "")

func contactKinds() []kind {
	return []kind{
		{detector: "email", keys: "email|e-mail|email address|mail|correo electrónico|courriel|邮箱|メールアドレス|이메일|login|contact|username", make: func(s *source) sample {
			first, last := strings.ToLower(plainLetters.Replace(s.one(firstNames))), strings.ToLower(plainLetters.Replace(s.one(lastNames)))
			local := first + s.one(".|_|-|") + last
			switch s.IntN(5) {
			case 0:
				local = first[:1] + last + s.of(decimals, 2)
			case 1:
				local += "+" + s.one("news|shop|test")
			case 2:
				local = first + s.of(decimals, 3)
			}
			text := local + "@" + s.one(domains)
			if s.chance(5) {
				text = strings.ToUpper(text)
			}
			return alone(text)
		}},
		{detector: "phone-number", keys: "phone|phone number|mobile|tel|telephone|telefon|handynummer|téléphone|teléfono|telefone|电话|手机号|電話番号|전화번호|cell phone|fax", make: phone},
		{detector: "postal-address", field: true, keys: "address|street address|home address|shipping address|billing address|anschrift|adresse|dirección|endereço|地址|住所|address line 1", make: func(s *source) sample {
			return keyed(s.one(streets(s)))
		}},
		{detector: "person-name", field: true, keys: "full name|first name|last name|customer name|patient name|surname|vorname|nachname|nom de famille|prénom|nombre completo|apellidos|姓名|氏名|성명|cardholder name|contact name", make: personName},
	}
}

func personName(s *source) sample {
	switch s.IntN(8) {
	case 0:
		return keyed(s.one(hanNames + "|" + kanaNames + "|" + koreans))
	case 1:
		return keyed(s.one(firstNames))
	case 2:
		return keyed(s.one(lastNames))
	}
	return keyed(s.one(firstNames) + " " + s.one(lastNames))
}

// streets are addresses in the manner of several countries, separated by "|".
func streets(s *source) string {
	house := func() string { return s.digits(s.from(1, 3)) }
	return strings.Join([]string{
		house() + " " + s.one("Maple|Oak|Elm|Church|High|Mill") + " " + s.one("Street|Avenue|Road|Lane") + s.one("|, Springfield, IL 62704|, London SW1A 2AA"),
		s.one("Haupt|Bahnhof|Garten|Linden") + s.one("straße|str.|weg") + " " + house() + s.one("|, 10115 Berlin|, 80331 München"),
		house() + " " + s.one("rue de la Paix|avenue Victor Hugo|boulevard Voltaire") + s.one("|, 75002 Paris"),
		"Calle " + s.one("Mayor|de Alcalá|Real") + " " + house() + ", 28013 Madrid",
		"Rua " + s.one("das Flores|Augusta|XV de Novembro") + ", " + house() + ", São Paulo",
		s.one("北京市朝阳区建国路|上海市浦东新区世纪大道|广东省深圳市南山区科技路") + house() + "号" + house() + "室",
		s.one("東京都千代田区丸の内|大阪府大阪市北区梅田") + "1丁目" + house() + "番地",
		s.one("서울특별시 강남구 테헤란로|부산광역시 해운대구 해운대로") + " " + house(),
	}, "|")
}

// phone writes numbers that the numbering plans of several countries allow.
func phone(s *source) sample {
	type plan struct{ international, national string }
	n := func(count int) string { return s.of(decimals, count) }
	area, exchange := s.one("212|415|312|305|617|206"), s.of("23456789", 1)+s.of("023456789", 1)+n(1)
	line := n(4)
	mobile := s.one("151|160|170|171|172|175")
	de, fr, gb, cn, es := n(8), s.of("12345678", 1)+n(7), n(6), n(8), n(8)
	p := pick(s, []plan{
		{"+1 " + area + "-" + exchange + "-" + line, "(" + area + ") " + exchange + "-" + line},
		{"+1" + area + exchange + line, area + "-" + exchange + "-" + line},
		{"+1 (" + area + ") " + exchange + "-" + line, area + "." + exchange + "." + line},
		{"+49 " + mobile + " " + de[:7], "0" + mobile + " " + de[:7]},
		{"+49" + mobile + de[:7], "0" + mobile + "/" + de[:7]},
		{"+33 6 " + grouped(fr, " ", 2, 2, 2), "06 " + grouped(fr, " ", 2, 2, 2)},
		{"0033 6" + fr, "06" + fr},
		{"+44 7911 " + gb, "07911 " + gb},
		{"+86 138 " + grouped(cn, " ", 4), "138" + cn},
		{"+86138" + cn, "138-" + grouped(cn, "-", 4)},
		{"+34 6" + grouped(es, " ", 2, 3), "6" + es},
		{"+81 90-" + grouped(cn, "-", 4), "090-" + grouped(cn, "-", 4)},
		{"+82 10-" + s.of("23456789", 1) + cn[1:4] + "-" + cn[4:], "010-" + s.of("23456789", 1) + cn[1:4] + "-" + cn[4:]},
		{"+91 98" + s.of("0123456789", 3) + " " + n(5), "98" + n(8)},
		{"+55 11 9" + s.of("6789", 1) + n(3) + "-" + n(4), "(11) 9" + s.of("6789", 1) + n(3) + "-" + n(4)},
		{"+61 412 " + grouped(n(6), " ", 3), "0412 " + grouped(n(6), " ", 3)},
	})
	if s.chance(50) {
		return alone(p.international)
	}
	return keyed(p.national)
}
