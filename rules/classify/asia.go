package classify

import "github.com/borderflow/borderflow/rules/flow"

func eastAsiaRules() []*rule {
	rrn := identifier(Detector{
		ID: "kr-rrn", Country: "KR", Strength: flow.Strong, Evidence: EvidenceHelps,
		Description: "Korean resident or foreigner registration number: date of birth, sex and century, check digit; without a hyphen or a valid check digit, which numbers issued since October 2020 lack, only with evidence",
		Source:      "주민등록법 시행규칙 제2조; 행정안전부",
	}, validRRN, flow.Weak, 0.037, "rrn|resident number|resident registration|alien registration|주민등록번호|주민번호|주민등록|외국인등록번호|jumin|ssn", "999999-9999999", "9999999999999")
	check := rrn.check
	rrn.check = func(t *token) flow.Strength {
		if check(t) == 0 {
			return 0
		}
		if t.separator != 0 && isCheckedRRN(t.value()) {
			return flow.Strong
		}
		return flow.Weak
	}
	return []*rule{
		rrn.unchecked(),
		identifier(Detector{
			ID: "jp-my-number", Country: "JP", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Japanese individual number: twelve digits, the last modulo 11",
			Source:      "行政手続における特定の個人を識別するための番号の利用等に関する法律; 総務省令第85号 (2014) 第5条",
		}, validMyNumber, flow.Weak, 0.1, "my number|mynumber|マイナンバー|個人番号|kojin bango|individual number",
			"9999 9999 9999", "9999-9999-9999", "999999999999"),
		identifier(Detector{
			ID: "hk-id", Country: "HK", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Hong Kong identity card number: one or two letters, six digits, a check character modulo 11; without its brackets only with evidence",
			Source:      "Immigration Department; Registration of Persons Regulations, Cap. 177A",
		}, validHKID, flow.Weak, 0.028, "hkid|hkid no|hk id|hong kong id|hong kong identity|身份證|身分證|身份证|香港身份*|identity card|id card",
			"A999999(*)", "AA999999(*)", "A999999*", "AA999999*"),
		identifier(Detector{
			ID: "tw-id", Country: "TW", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Taiwanese national or resident identity number: a letter for the place, sex, eight digits, the last a check digit",
			Source:      "戶籍法; 內政部移民署",
		}, validTaiwanID, flow.Weak, 0.04, "身分證|身份證|身分證字號|統一證號|居留證|taiwan id|national id|nationalid|roc id|arc", "A999999999"),
	}
}

func southAsiaRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "in-aadhaar", Country: "IN", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Indian identity number: twelve digits, the last by Verhoeff",
			Source:      "UIDAI, A UID Numbering Scheme; Aadhaar Act 2016",
		}, validAadhaar, flow.Weak, 0.08, "aadhaar|aadhaar id|aadhar id|aadhar|adhaar|adhar|uidai|uid|आधार|aadhaarnumber|aadhaar number|aadhaar no",
			"9999 9999 9999", "9999-9999-9999", "999999999999"),
		identifier(Detector{
			ID: "in-pan", Country: "IN", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Indian permanent account number: letters, the fourth the kind of holder, four digits, a letter",
			Source:      "Income-tax Rules 1962, rule 114; Income Tax Department",
		}, validIndianPAN, flow.Weak, 0, "pan|pan id|pan number|pannumber|pan no|panno|pan card|permanent account|income tax|tax id|taxid|पैन", "AAAAA9999A"),
	}
}

func southEastAsiaRules() []*rule {
	return []*rule{
		identifier(Detector{
			ID: "sg-nric", Country: "SG", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Singaporean NRIC or FIN: S, T, F, G or M, seven digits, check letter modulo 11",
			Source:      "Immigration & Checkpoints Authority; National Registration Regulations",
		}, validNRIC, flow.Medium, 0.0075, "nric|fin|fin number|uinfin|singpass|work permit|nric no|identity card|ic number"+nationalTerms, "A9999999A"),
		identifier(Detector{
			ID: "th-id", Country: "TH", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Thai citizen number: thirteen digits, the last modulo 11; written together only with evidence",
			Source:      "กรมการปกครอง; พระราชบัญญัติการทะเบียนราษฎร",
		}, validThaiID, flow.Weak, 0.08, "thai id|thai id number|thai national|thai national id|citizen id|เลขประจำตัวประชาชน|บัตรประชาชน|เลขบัตร|pid",
			"9-9999-99999-99-9", "9 9999 99999 99 9", "9999999999999"),
		identifier(Detector{
			ID: "my-nric", Country: "MY", Strength: flow.Medium, Evidence: EvidenceHelps,
			Description: "Malaysian identity card number: date of birth, place of birth, serial number; without hyphens only with evidence",
			Source:      "Jabatan Pendaftaran Negara, Kod Negeri; National Registration Regulations 1990",
		}, validMyKad, flow.Weak, 0.027, "mykad|nric|kad pengenalan|ic no|ic number|no kp|no ic|ic|identity card|my kad", "999999-99-9999", "999999 99 9999", "999999999999").unchecked(),
		identifier(Detector{
			ID: "id-nik", Country: "ID", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Indonesian population number: region, date of birth, serial number",
			Source:      "Undang-Undang 24/2013; Permendagri 137/2017 (region codes)",
		}, validNIK, flow.Weak, 0.025, "nik|ktp|e ktp|ektp|nomor induk kependudukan|no ktp|noktp|kependudukan", "9999999999999999", "999999 999999 9999", "999999-999999-9999", "999999.999999.9999").unchecked(),
		identifier(Detector{
			ID: "vn-cccd", Country: "VN", Strength: flow.Weak, Evidence: EvidenceRequired,
			Description: "Vietnamese citizen number: province, sex and century, year of birth, serial number",
			Source:      "Luật Căn cước 2023; Thông tư 59/2021/TT-BCA",
		}, validCCCD, flow.Weak, 0.04, "cccd|can cuoc|căn cước|cmnd|cmtnd|chứng minh nhân dân|chung minh|so dinh danh|số định danh|dinh danh", "999999999999", "999 999 999 999").unchecked(),
	}
}

// validMyNumber checks the twelfth digit, modulo 11, of a Japanese individual number.
func validMyNumber(n []byte) bool {
	if !areDigits(n, 12) || isUniform(n) {
		return false
	}
	rest := weighed(n, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11
	if rest <= 1 {
		return n[11] == '0'
	}
	return 11-rest == int(n[11]-'0')
}

// validRRN checks the date of birth and the digit of sex and century of a Korean resident registration
// number. Those issued since October 2020 are random from there on; isCheckedRRN says whether the check
// digit of older ones is right.
func validRRN(n []byte) bool {
	if !areDigits(n, 13) {
		return false
	}
	century := [...]int{1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800}[n[6]-'0']
	return isDate(century+decimal(n[:2]), decimal(n[2:4]), decimal(n[4:6]))
}

func isCheckedRRN(n []byte) bool {
	return (11-weighed(n, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)%11)%10 == int(n[12]-'0')
}

// validAadhaar checks an Indian identity number: twelve digits, not from 0 or 1, the last by Verhoeff.
func validAadhaar(n []byte) bool {
	return areDigits(n, 12) && n[0] >= '2' && !isUniform(n) && verhoeff(n)
}

// validIndianPAN checks the form of an Indian permanent account number, whose fourth letter is the kind of
// its holder. It has a check letter by a scheme that is not public.
func validIndianPAN(n []byte) bool {
	return matches(n, "AAAAA9999A") && isOneOf(n[3], "ABCFGHJLPT") && string(n[5:9]) != "0000"
}

// validNRIC checks a Singaporean identity number: S and T of citizens and residents, F, G and M of
// foreigners, seven digits, and a check letter modulo 11.
func validNRIC(n []byte) bool {
	if !matches(n, "A9999999A") {
		return false
	}
	sum := weighed(n[1:], 2, 7, 6, 5, 4, 3, 2)
	switch n[0] {
	case 'S':
		return "JZIHGFEDCBA"[sum%11] == n[8]
	case 'T':
		return "JZIHGFEDCBA"[(sum+4)%11] == n[8]
	case 'F':
		return "XWUTRQPNMLK"[sum%11] == n[8]
	case 'G':
		return "XWUTRQPNMLK"[(sum+4)%11] == n[8]
	case 'M':
		return "XWUTRQPNJLK"[(sum+3)%11] == n[8]
	}
	return false
}

// validThaiID checks a Thai citizen number: a kind from 1 to 8 and a check digit modulo 11.
func validThaiID(n []byte) bool {
	return areDigits(n, 13) && n[0] != '0' && n[0] != '9' && !isUniform(n) &&
		(11-weighed(n, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11)%10 == int(n[12]-'0')
}

// validMyKad checks a Malaysian identity card number: date of birth and a place of birth in use.
func validMyKad(n []byte) bool {
	if !areDigits(n, 12) || !isDay(decimal(n[:2]), decimal(n[2:4]), decimal(n[4:6])) {
		return false
	}
	switch place := decimal(n[6:8]); {
	case place == 0, place >= 17 && place <= 20, place == 69, place == 70, place == 73, place == 80, place == 81,
		place >= 94 && place <= 97:
		return false
	}
	return true
}

// validNIK checks an Indonesian population number: province, regency, district, date of birth (40 more on
// the day for women), serial number.
func validNIK(n []byte) bool {
	if !areDigits(n, 16) {
		return false
	}
	switch province := decimal(n[:2]); {
	case province >= 11 && province <= 19, province == 21, province >= 31 && province <= 36,
		province >= 51 && province <= 53, province >= 61 && province <= 65, province >= 71 && province <= 76,
		province == 81, province == 82, province >= 91 && province <= 97:
	default:
		return false
	}
	if decimal(n[2:4]) == 0 || decimal(n[4:6]) == 0 || decimal(n[12:]) == 0 {
		return false
	}
	day := decimal(n[6:8])
	if day > 40 {
		day -= 40
	}
	return isDay(decimal(n[10:12]), decimal(n[8:10]), day)
}

// validCCCD checks a Vietnamese citizen number: province, sex and century, year of birth, serial number.
func validCCCD(n []byte) bool {
	if !areDigits(n, 12) || n[3] > '3' {
		return false
	}
	province := decimal(n[:3])
	return province >= 1 && province <= 96
}

// validHKID checks a Hong Kong identity card number: letters counting from A as 10, a missing first one as
// 36, weighed from 9 down to 1 together with the check character, where A stands for ten.
func validHKID(n []byte) bool {
	sum, weight := 36*9, 8
	if len(n) == 9 {
		if !isUpper(n[0]) {
			return false
		}
		sum = int(n[0]-'A'+10) * 9
		n = n[1:]
	}
	if !matches(n, "A999999*") || isUpper(n[7]) && n[7] != 'A' {
		return false
	}
	for i, b := range n {
		value := int(b - '0')
		if isUpper(b) {
			value = int(b-'A') + 10
		}
		sum += value * (weight - i)
	}
	return sum%11 == 0
}

// validTaiwanID checks a Taiwanese identity number; its letter stands for two digits.
func validTaiwanID(n []byte) bool {
	if !matches(n, "A999999999") || !isOneOf(n[1], "1289") {
		return false
	}
	place := indexOf("ABCDEFGHJKLMNPQRSTUVXYWZIO", n[0]) + 10
	return (place/10+place%10*9+weighed(n[1:], 8, 7, 6, 5, 4, 3, 2, 1, 1))%10 == 0
}
