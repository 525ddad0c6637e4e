package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func personRules(year int) []*rule {
	contact := []string{"contact", "personal"}
	personal := []string{"personal"}
	return []*rule{{
		Detector: Detector{
			ID: "person-name", Categories: personal, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalPersonal,
			Description: "person's name under a key that names it; under a bare \"name\" only within an object that stands for a person",
			Source:      "GDPR art. 4(1) (a name); GB/T 35273-2020 annex A",
		},
		keys: words(append(strings.Split(nameKeys, "|"), "name"), strings.Split("host|file|user|domain|class|type|field|column|table|display|product|company|"+
			"brand|event|package|service|server|bucket|repo|role|group|project|key|index|font|id|length|count|tag|cluster|space|"+
			"resource|app|module|function|method|thread|queue|topic|schema|database|db|image|container|namespace|org|organization|place|city|street|"+
			"country|region|state|school|hotel|file name|screen|nick|icon|code|hash|url", "|")),
		field: nameField,
	}, {
		Detector: Detector{
			ID: "postal-address", Categories: contact, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalContact,
			Description: "postal address or street under a key that names one, with a number or the words of an address",
			Source:      "GDPR art. 4(1); UPU S42 (address elements)",
		},
		keys: words(strings.Split(addressKeys, "|"), strings.Split("ip|mac|email|e mail|mail|web|url|memory|wallet|contract|host|server|remote|local|bind|"+
			"listen|peer|net|network|bus|hash|crypto|bitcoin|ethereum|deposit|payout|withdrawal|type|id|line count|validation|book|to|from|start|end|return code|eth|btc|token|status|verified|city id|resolver", "|")),
		field: addressField,
	}, {
		Detector: Detector{
			ID: "date-of-birth", Categories: personal, Strength: flow.Strong, Evidence: EvidenceRequired, Legal: legalPersonal,
			Description: "date of birth under a key that names it",
			Source:      "GDPR art. 4(1); GB/T 35273-2020 annex A; ISO 8601",
		},
		keys: words(strings.Split(birthKeys, "|"), strings.Split("place|city|country|rate|format|verified|url|type|id|count", "|")),
		field: func(f *field, value []byte) match {
			if born, _, _ := dateIn(f.text); born < 1900 || born > year {
				return match{}
			}
			return f.match(append(value, f.text[:min(len(f.text), 40)]...), flow.Strong)
		},
	}, {
		Detector: Detector{
			ID: "child", Categories: []string{"children", "personal", "sensitive"}, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalChildren,
			Description: "date of birth less than 16 years ago, the age of somebody under 16, or a field about a child or its guardian",
			Source:      "GDPR art. 8(1); PIPL art. 31; 16 CFR 312.2",
		},
		keys: words(strings.Split(birthKeys+"|"+childKeys, "|"), strings.Split("place|city|country|rate|format|verified|url|type|id|ids|count|process|node|"+
			"element|index|pid|path|component|class|key|nodes|processes", "|")),
		field: func(f *field, value []byte) match { return childField(f, value, year) },
	}}
}

const nameKeys = "fname|lname|given names|holder name|name on card|nameoncard|nombres|contact person|contactperson|billing name|shipping name|first name|firstname|last name|lastname|full name|fullname|given name|givenname|surname|family name|familyname|middle name|" +
	"middlename|maiden name|customer name|customername|patient name|patientname|employee name|passenger name|guest name|contact name|contactname|" +
	"recipient name|recipientname|recipient|cardholder|cardholder name|card holder|account holder|accountholder|beneficiary name|person name|legal name|" +
	"real name|realname|vorname|nachname|familienname|kundenname|prénom|prenom|nom|nom de famille|nombre|apellido|apellidos|nombre completo|cognome|" +
	"nome|sobrenome|nome completo|voornaam|achternaam|姓名|名字|真实姓名|收件人|联系人|持卡人|患者姓名|氏名|名前|お名前|이름|성명|имя|фамилия|фио"

// people are words for an object that stands for a person.
var people = words(strings.Split("customer|customers|user|users|patient|patients|person|persons|people|employee|employees|member|members|passenger|"+
	"passengers|guest|guests|contact|contacts|student|students|applicant|applicants|cardholder|buyer|recipient|sender|subscriber|holder|"+
	"beneficiary|spouse|owner|doctor|physician|attendee|attendees|kunde|kunden|mitarbeiter|client|clients|cliente|clientes|客户|用户|患者|员工|顧客|고객", "|"), nil)

var nameWords = words(strings.Split(nameKeys, "|"), nil)

var nameLabels = labels(nameKeys)

// nameField takes one to five words of letters.
func nameField(f *field, value []byte) match {
	bare := isPlainWord(f.key, "name")
	if bare && hasSmallWord(f.text) {
		return match{}
	}
	name := f.clause()
	if i := bytes.IndexAny(name.text, "(,"); i > 0 {
		name.text = bytes.TrimRight(name.text[:i], " ")
	}
	if len(name.text) < 2 || len(name.text) > 80 || !isNameLike(name.text) || bare && !isCapitalised(name.text) {
		return match{}
	}
	if bare && !isOfPerson(f) || !saysSomething(name.text) || isLabel(name.text, nameLabels) || !f.isQuoted() && (isCode(f.text) || isCamelCase(name.text)) {
		return match{}
	}
	var scratch [4 * maxKey]byte
	if !bare && !nameWords.has(normalise(scratch[:0], f.key)) {
		return match{} // some other "... name"
	}
	return name.match(lowered(value, name.text), flow.Medium)
}

// isCamelCase says whether text is one word of the form aaaBbb, as variables are called.
func isCamelCase(text []byte) bool {
	return isLower(text[0]) && bytes.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' }) > 0 && bytes.IndexByte(text, ' ') < 0
}

// isOfPerson says whether the object that holds f stands for a person by its own key.
func isOfPerson(f *field) bool {
	at := bytes.LastIndex(f.view[:f.start], f.key)
	if at < 1 {
		return false
	}
	container, ok := containerOf(f.view, at-1)
	var scratch [4 * maxKey]byte
	return ok && people.has(normalise(scratch[:0], f.view[container.from:container.to]))
}

// isCapitalised says whether all words in Latin letters but short ones ("van", "de la") begin with a capital.
func isCapitalised(text []byte) bool {
	length, small := 0, false
	for i, b := range text {
		if b == ' ' || b == '-' {
			length, small = 0, false
			continue
		}
		if length++; length == 1 {
			small = isLower(b)
		}
		if small && (length > 3 || i < 3) {
			return false
		}
	}
	return true
}

// hasSmallWord says whether text is sure not to be capitalised, whatever clause leaves of it. Products have names
// too, and most are seen here at their second word.
func hasSmallWord(text []byte) bool {
	length, small := 0, false
	for i, b := range text {
		switch {
		case b == ' ' && length == 0, b < ' ', b >= 0x80, b == ',', b == ';', b == ':', b == '(':
			return false
		case b == ' ', b == '-':
			length, small = 0, false
			continue
		}
		if length++; length == 1 {
			small = isLower(b)
		}
		if small && (length > 3 || i < 3) {
			return true
		}
	}
	return false
}

// isNameLike says whether text could be a name: words of letters, of which those in Latin letters begin with
// a capital or are all of one case, and no more than five of them.
func isNameLike(text []byte) bool {
	wordCount, letters := 1, 0
	for i, b := range text {
		switch {
		case isAlpha(b) || b >= 0x80:
			letters++
			if i > 0 && isUpper(b) && isLower(text[i-1]) && i+1 < len(text) && isUpper(text[i+1]) {
				return false // base 64
			}
		case b == ' ':
			wordCount++
		case b == '.':
			if i == 0 || i+1 < len(text) && text[i+1] != ' ' && !isUpper(text[i-1]) {
				return false
			}
		case b == '\'' || b == '-' || b == ',':
			if i == 0 {
				return false
			}
		default:
			return false
		}
	}
	return letters >= 2 && wordCount <= 5
}

const addressKeys = "wohnanschrift|address|addresses|street|street address|streetaddress|address line|addressline|street name|home address|homeaddress|postal address|" +
	"mailing address|shipping address|billing address|delivery address|residence|residential address|addr|anschrift|adresse|strasse|straße|" +
	"wohnort|rue|dirección|direccion|calle|domicilio|indirizzo|endereço|endereco|rua|adres|straat|地址|住址|收货地址|通讯地址|家庭住址|住所|주소|адрес"

// addressField takes text with a house number beside words, or the words of a Chinese, Japanese or Korean
// address.
func addressField(f *field, value []byte) match {
	address := f.clause()
	text := address.text
	digits, letters, blanks, wide := 0, 0, 0, 0
	for _, b := range text {
		switch {
		case isDigit(b):
			digits++
		case isAlpha(b):
			letters++
		case b == ' ' || b == ',':
			blanks++
		case b >= 0x80:
			wide++
		case isOneOf(b, "@{}[]<>=_$%|\\:"):
			return match{}
		}
	}
	if len(text) < 5 || !saysSomething(text) || isCode(text) {
		return match{}
	}
	western := digits > 0 && blanks > 0 && letters+wide >= 4 || letters >= 8 && blanks >= 2 && bytes.IndexByte(text, ',') > 0
	eastern := wide >= 12 && placeWords(text) >= 2
	if !western && !eastern {
		return match{}
	}
	return address.match(lowered(value, text), flow.Medium)
}

// placeWords counts the characters that end the parts of an East Asian address.
func placeWords(text []byte) int {
	n := 0
	for _, word := range []string{"省", "市", "区", "區", "县", "縣", "路", "街", "号", "號", "村", "镇", "室", "楼", "弄", "都", "府", "町", "丁目", "番", "시", "구", "동", "로", "길", "도 "} {
		if bytes.Contains(text, []byte(word)) {
			n++
		}
	}
	return n
}

const birthKeys = "bday|date birth|datebirth|fecha nac|fechanac|geb dat|gebdat|date of birth|dateofbirth|birth date|birthdate|birthday|birth day|dob|d o b|born|born on|birth dt|geburtsdatum|geburtstag|geboren|geb datum|" +
	"date de naissance|naissance|né le|née le|fecha de nacimiento|fechanacimiento|nacimiento|data di nascita|nascita|data de nascimento|nascimento|" +
	"geboortedatum|geboren op|出生日期|出生年月|出生年月日|生日|生年月日|誕生日|생년월일|생일|дата рождения"

const childKeys = "kid name|kidname|child name|childname|childs name|child s name|child age|childs age|child s age|pupil name|minor name|minor age|guardian|guardian name|guardianname|" +
	"parental consent|parent name|name des kindes|alter des kindes|erziehungsberechtigt*|nombre del niño|nom de l enfant|age de l enfant|" +
	"enfant|儿童姓名|儿童|孩子姓名|未成年人|监护人|監護人|保護者|児童|보호자|아동"

func childField(f *field, value []byte, year int) match {
	if born, month, day := dateIn(f.text); born != 0 {
		// year is one ahead, lest a process that runs into the new year miss the youngest.
		if month == 0 || day == 0 || born < year-16 || born > year {
			return match{}
		}
		return f.match(append(value, f.text...), flow.Strong)
	}
	var scratch [4 * maxKey]byte
	if birthWords.has(normalise(scratch[:0], f.key)) || isTag(f) || isCode(f.text) {
		return match{}
	}
	said := f.clause()
	if areDigits(said.text, len(said.text)) {
		if len(said.text) > 2 || decimal(said.text) >= 16 {
			return match{}
		}
		return said.match(append(value, said.text...), flow.Medium)
	}
	if len(said.text) > 80 || !isNameLike(said.text) || !saysSomething(said.text) {
		return match{}
	}
	return said.match(lowered(value, said.text), flow.Medium)
}

// isTag says whether the key is an element and its attribute, as in <child name="...">.
func isTag(f *field) bool {
	at := bytes.LastIndex(f.view[:f.start], f.key)
	return at > 0 && f.view[at-1] == '<' && bytes.IndexByte(f.key, ' ') > 0
}

var birthWords = words(strings.Split(birthKeys, "|"), nil)
