package classify

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

// sightings are texts in which a detector must find something, of a strength, or nothing.
type sightings map[string]flow.Strength

func sees(t *testing.T, detector string, texts sightings) {
	t.Helper()
	for text, want := range texts {
		meta := textMeta()
		if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
			meta = jsonMeta()
		}
		if got := strengthOf(read(meta, text), detector); got != want {
			t.Errorf("%s in %s: strength %q, want %q", detector, text, got, want)
		}
	}
}

func TestIdentifiersAreFoundAsTheyAreWritten(t *testing.T) {
	// The numbers are those of TestPublishedExamplesAreValid.
	sees(t, "br-cpf", sightings{"111.444.777-35": flow.Strong, "11144477735": 0, "CPF 11144477735": flow.Weak, `{"cpf":"11144477735"}`: flow.Medium, "111.444.777-36": 0})
	sees(t, "br-cnpj", sightings{"11.222.333/0001-81": flow.Strong, "CNPJ: 12.ABC.345/01DE-35": flow.Strong, "11222333000181": 0, "cnpj: 12ABC34501DE35": flow.Strong})
	sees(t, "gb-nino", sightings{"AB 12 34 56 C": flow.Strong, "AB123456C": 0, `{"nino":"AB123456C"}`: flow.Medium, "National Insurance AB123456C": flow.Weak, "QQ 12 34 56 C": 0})
	sees(t, "gb-nhs-number", sightings{"943 476 5919": 0, "NHS number 943 476 5919": flow.Weak, `{"nhsNumber":"9434765919"}`: flow.Medium, `{"nhsNumber":"9434765918"}`: 0})
	sees(t, "de-tax-id", sightings{"86 095 742 719": flow.Strong, "86095742719": flow.Medium, "Steuer-ID: 86095742719": flow.Strong, `{"order_id":"86095742719"}`: 0, "IdNr. 86095742718": 0})
	sees(t, "de-pension-number", sightings{"65 170839 J 003": flow.Strong, "65170839J003": flow.Strong, "65170839J004": 0})
	sees(t, "fr-nir", sightings{"2 55 08 14 168 025 38": flow.Strong, "255081416802538": flow.Medium, "255081416802539": 0, "n° sécurité sociale 255081416802538": flow.Medium})
	sees(t, "es-dni", sightings{"12345678-Z": flow.Medium, "12345678Z": 0, "DNI 12345678Z": flow.Weak, "dni=12345678Z": flow.Medium, "12345678-A": 0})
	sees(t, "es-nie", sightings{"X-1234567-L": flow.Strong, "X1234567L": flow.Medium, "X1234567M": 0})
	sees(t, "it-codice-fiscale", sightings{"RSSMRA85T10A562S": flow.Strong, "RSSMRA85T10A562T": 0, "codice_fiscale=rssmra85t10a562s": flow.Medium})
	sees(t, "nl-bsn", sightings{"111222333": 0, "BSN 111222333": flow.Weak, `{"bsn":"111222333"}`: flow.Medium, `{"bsn":"111222334"}`: 0})
	sees(t, "be-national-number", sightings{"85.07.30-033.28": flow.Strong, "85073003328": flow.Medium, "85073003329": 0})
	sees(t, "se-personnummer", sightings{"811228-9874": flow.Medium, "19121212-1212": flow.Medium, "Personnummer 811228-9874": flow.Medium, `{"personnummer":"811228-9874"}`: flow.Strong, "8112289874": 0, "personnummer: 8112289874": flow.Medium, "811228-9875": 0})
	sees(t, "fi-hetu", sightings{"131052-308T": flow.Strong, "131052-308U": 0, "henkilötunnus 010101-0101": flow.Strong})
	sees(t, "no-fodselsnummer", sightings{"010107 50160": flow.Strong, "01010750160": flow.Medium, "01010750161": 0})
	sees(t, "dk-cpr", sightings{"070761-4285": flow.Medium, "0707614285": 0, "CPR 0707614285": flow.Weak, `{"cpr":"070761-4286"}`: flow.Medium, "320761-4285": 0})
	sees(t, "pl-pesel", sightings{"44051401359": 0, "PESEL 44051401359": flow.Weak, `{"pesel":"44051401359"}`: flow.Medium, `{"pesel":"44051401358"}`: 0})
	sees(t, "ro-cnp", sightings{"CNP: 1800101221144": flow.Medium, "CNP: 1800101221145": 0})
	sees(t, "cz-birth-number", sightings{"710319/2745": flow.Medium, "710319/2746": 0, "rodné číslo 7103192745": flow.Weak})
	sees(t, "bg-egn", sightings{"ЕГН: 7523169263": flow.Medium, "7523169263": 0})
	sees(t, "tr-tckn", sightings{"10000000146": 0, "TCKN 10000000146": flow.Weak, `{"tcKimlikNo":"10000000146"}`: flow.Medium})
	sees(t, "ru-snils", sightings{"112-233-445 95": flow.Strong, "СНИЛС 11223344595": flow.Weak, "112-233-445 96": 0})
	sees(t, "ru-inn", sightings{"ИНН 500100732259": flow.Weak, "inn=7707083893": flow.Medium, "7707083893": 0})
	sees(t, "jp-my-number", sightings{"123456789018": 0, "マイナンバー：1234 5678 9018": flow.Medium, `{"my_number":"123456789018"}`: flow.Medium})
	sees(t, "kr-rrn", sightings{"900101-1234568": flow.Strong, "900101-1234567": 0, "주민등록번호 900101-1234567": flow.Weak, `{"rrn":"9001011234568"}`: flow.Medium})
	sees(t, "hk-id", sightings{"A123456(3)": flow.Medium, "A123456(4)": 0, "HKID A1234563": flow.Weak})
	sees(t, "tw-id", sightings{"身分證 A123456789": flow.Weak, "A123456789": 0})
	sees(t, "in-aadhaar", sightings{"9999 4105 7058": 0, "Aadhaar 9999 4105 7058": flow.Weak, `{"aadhaar":"999941057058"}`: flow.Medium})
	sees(t, "in-pan", sightings{"AFZPK7190K": 0, "PAN: AFZPK7190K": flow.Medium, "PAN: AFZPK7190": 0, `{"blob":"AFZPK7190K"}`: 0})
	sees(t, "sg-nric", sightings{"S1234567D": flow.Medium, `{"nric":"S1234567D"}`: flow.Strong, "S1234567E": 0, "M1234567K": flow.Medium})
	sees(t, "th-id", sightings{"1-1017-00230-70-8": flow.Medium, "เลขประจำตัวประชาชน 1101700230708": flow.Weak, "1101700230708": 0})
	sees(t, "my-nric", sightings{"770305-02-1234": flow.Medium, "770305021234": 0, "MyKad 770305021234": flow.Weak})
	sees(t, "id-nik", sightings{"NIK: 3171011708450001": flow.Medium, "3171011708450001": 0})
	sees(t, "vn-cccd", sightings{"CCCD: 001099012345": flow.Medium, "001099012345": 0})
	sees(t, "ca-sin", sightings{"046 454 286": 0, "SIN 046 454 286": flow.Weak, `{"sin":"046-454-286"}`: flow.Medium})
	sees(t, "au-tfn", sightings{"TFN 123 456 782": flow.Weak, "123456782": 0, `{"tfn":"123456782"}`: flow.Medium})
	sees(t, "au-medicare", sightings{"2123 45670 1": flow.Medium, "2123456701": 0, `{"medicareNumber":"2123456701"}`: flow.Medium})
	sees(t, "za-id", sightings{"8001015009087": 0, "ID number: 8001015009087": flow.Medium, "800101 5009 087": flow.Strong})
	sees(t, "mx-curp", sightings{"BOXW310820HNERXN09": flow.Strong, "BOXW310820HNERXN08": 0})
	sees(t, "us-itin", sightings{"912-50-1234": flow.Medium, "912501234": 0, `{"itin":"912501234"}`: flow.Medium, "912-40-1234": 0})
	sees(t, "us-mbi", sightings{"1EG4-TE5-MK73": flow.Strong, "1EG4TE5MK73": flow.Medium, "1EG4-TE5-MK7": 0})
	sees(t, "us-npi", sightings{"NPI 1234567893": flow.Weak, "1234567893": 0, `{"npi":"1234567893"}`: flow.Medium})
	sees(t, "us-aba-routing", sightings{"routing number 011000015": flow.Weak, `{"routing_number":"122105155"}`: flow.Medium, "011000015": 0})
	sees(t, "cn-passport", sightings{"护照号码：E12345678": flow.Medium, "passport E12345678": flow.Weak, "E12345678": 0})
	sees(t, "cn-travel-permit", sightings{"港澳通行证 C12345678": flow.Weak, "回乡证号: H12345678": flow.Medium})
	sees(t, "passport-number", sightings{`{"passportNumber":"123456789"}`: flow.Medium, "Reisepass C01X00T47": flow.Weak, "C01X00T47": 0})
}

func TestMachineReadableZones(t *testing.T) {
	// Specimens of ICAO Doc 9303 parts 4, 5 and 6.
	td3 := "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
	td1 := "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
	td2 := "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
	sees(t, "passport-mrz", sightings{td3: flow.Strong, td1: flow.Strong, td2: flow.Strong, strings.Replace(td3, "7408122", "7408123", 1): 0,
		`{"mrz":"` + strings.ReplaceAll(td3, "\n", `\n`) + `"}`: flow.Strong, "a <<< b": 0, "<<<<<<< HEAD\nfoo\n=======": 0})
}

func TestAccountsAndTracks(t *testing.T) {
	// ISO/IEC 7813 layouts around a published test number.
	sees(t, "magnetic-stripe", sightings{
		"%B4242424242424242^SURNAME/FIRSTNAME I^15052011000000000000?": flow.Strong,
		";4242424242424242=15052011000000000?":                         flow.Strong,
		";4242424242424243=15052011000000000?":                         0,
		";4242424242424242=15132011000000000?":                         0,
		"a;4242":                                                       0,
	})
	sees(t, "bank-account", sightings{`{"account_number":"000123456789"}`: flow.Medium, "银行账号: 6228480402564890018": 0, `{"accountId":"123456789"}`: 0, `{"bankAccount":"12-3456-7890"}`: flow.Medium})
	sees(t, "cn-bankcard", sightings{"银行卡号 9558801001114990713": flow.Weak, "9558820000000000005": 0})
	sees(t, "swift-bic", sightings{`{"bic":"DEUTDEFF500"}`: flow.Medium, "SWIFT: DEUTDEFF": flow.Medium, `{"swift":"DEUTXXFF"}`: 0, "swift version": 0})
}

func TestOrganisations(t *testing.T) {
	sees(t, "cn-uscc", sightings{"91350100M000100Y43": flow.Strong, "91350100M000100Y44": 0, "915148800000000000": 0})   // GB 32100-2015, example
	sees(t, "lei", sightings{"5493001KJTIIGC8Y1R12": flow.Strong, "HWUPKR0MPOU8FGXBT394": 0, "5493001KJTIIGC8Y1R13": 0}) // GLEIF
	sees(t, "vat-number", sightings{"USt-IdNr. DE136695976": flow.Medium, "VAT: GB999999973": flow.Strong, "DE136695976": 0, `{"vat_number":"ATU13585627"}`: flow.Strong,
		`{"vatId":"DE136695977"}`: 0, "TVA FR40303265045": flow.Medium, "BTW NL004495445B01": flow.Medium})
	sees(t, "us-ein", sightings{"EIN: 12-3456789": flow.Medium, "12-3456789": 0})
}

func TestOnePersonHasManyIdentifiers(t *testing.T) {
	for body, want := range map[string]int{
		`{"imei":"490154203237518","mac":"00:1B:44:11:3A:B7","idfa":"AEBE52E7-03EE-455A-B3C4-E57283966239","client_ip":"203.0.113.7"}`: 1,
		`{"nhs_number":"9434765919","mbi":"1EG4-TE5-MK73","ssn":"536-22-5112","passport":"A1234567","phone":"+442079460958"}`:          1,
		`[{"email":"a@example.com","phone":"+442079460958"},{"phone":"+442079460959"}]`:                                                2,
	} {
		if got := read(jsonMeta(), body).Subjects; got != want {
			t.Errorf("%s: %d people, want %d", body, got, want)
		}
	}
}

func TestPersonalFields(t *testing.T) {
	sees(t, "person-name", sightings{
		`{"firstName":"Erika"}`: flow.Medium, `{"last_name":"O'Neil-Schmidt"}`: flow.Medium, "姓名：张三": flow.Medium, "Vorname: Jürgen": flow.Medium, "姓名：张三，性别：男": flow.Medium, "Full name: Erika Mustermann Phone: 030 1": flow.Medium,
		`{"customer":{"name":"Erika Mustermann"}}`: flow.Medium, `{"product":{"name":"Garden Chair"}}`: 0, `{"name":"Garden Chair"}`: 0,
		`{"fileName":"report"}`: 0, `{"firstName":"string"}`: 0, `{"lastName":""}`: 0, `{"fullName":"a1b2c3"}`: 0, `{"hostname":"Alpha"}`: 0,
	})
	sees(t, "postal-address", sightings{
		`{"address":"221B Baker Street, London"}`: flow.Medium, `{"street":"Musterstraße 12"}`: flow.Medium, "地址：北京市海淀区中关村大街27号，电话：13800138000": flow.Medium,
		`{"ipAddress":"10 0 0 1"}`: 0, `{"address":"0x7f3a"}`: 0, `{"address":"127.0.0.1:8080"}`: 0, `{"emailAddress":"a 1 bcde@example.com"}`: 0, `{"address":"a@example.com"}`: 0,
	})
	sees(t, "date-of-birth", sightings{
		`{"dateOfBirth":"1985-04-12"}`: flow.Strong, `{"dob":"12/04/1985"}`: flow.Strong, "Geburtsdatum: 12.04.1985": flow.Strong, "出生日期：1985年4月12日": flow.Strong, "DOB: 1985-04-12 Phone: 030": flow.Strong, "born: 12 April 1985 in Berlin": flow.Strong,
		`{"birthday":"19850412"}`: flow.Strong, `{"born":"April 12, 1985"}`: flow.Strong, `{"birthDate":"1985-04-12T00:00:00Z"}`: flow.Strong,
		`{"date":"1985-04-12"}`: 0, `{"dob":"1985-13-41"}`: 0, `{"dob":"unknown"}`: 0, `{"birthplace":"1985-04-12"}`: 0,
	})
	sees(t, "child", sightings{`{"dob":"2019-04-12"}`: flow.Strong, `{"dob":"1985-04-12"}`: 0, `{"childAge":7}`: flow.Medium, `{"child_name":"Mia"}`: flow.Medium,
		"监护人：王五": flow.Medium, `{"major":1,"minor":5}`: 0, `{"childProcess":7}`: 0, `{"childCount":3}`: 0, `{"children":[{"id":1}]}`: 0})
}

func TestSpecialCategories(t *testing.T) {
	sees(t, "religion", sightings{`{"religion":"Catholic"}`: flow.Strong, "Konfession: evangelisch": flow.Strong, "宗教信仰：佛教": flow.Strong, `{"religion":"n/a"}`: 0, `{"religionId":"4"}`: 0})
	sees(t, "ethnicity", sightings{`{"ethnicity":"Hispanic or Latino"}`: flow.Strong, "民族：汉族": flow.Strong, `{"race":"condition"}`: 0, `{"race":"10km"}`: 0})
	sees(t, "political-opinion", sightings{`{"politicalAffiliation":"Independent"}`: flow.Strong, "政治面貌：中共党员": flow.Strong, `{"party":"Green"}`: 0})
	sees(t, "trade-union", sightings{`{"unionMember":true}`: flow.Medium, `{"trade_union":"ver.di"}`: flow.Medium, `{"unionMember":null}`: 0, `{"union":"x"}`: 0})
	sees(t, "sexual-orientation", sightings{`{"sexualOrientation":"bisexual"}`: flow.Strong, `{"orientation":"portrait"}`: 0, `{"sexual_orientation":"undefined"}`: 0})
	sees(t, "criminal-record", sightings{`{"criminalRecord":"theft, 2014"}`: flow.Medium, "前科：有": flow.Medium, `{"conversionRate":"1"}`: 0, `{"criminal_record":"none"}`: 0})
}

func TestHealthData(t *testing.T) {
	sees(t, "icd-code", sightings{`{"icd10":"E11.9"}`: flow.Strong, `{"diagnosisCode":"E119"}`: flow.Strong, "diagnosed with J45.909 last year": flow.Weak, "E11.9": 0,
		"E11.9 and I10.1, later J45.9": flow.Medium, `{"version":"A11.9"}`: 0, `<path d="M16.984,7.6 L15.2,3.1 M11.25 4 H10.3,1"/>`: 0, "VADD V16.S4, V5.B16, V29.B16": 0, `{"icd":["E11.9","I10"]}`: flow.Strong})
	sees(t, "hl7-message", sightings{"MSH|^~\\&|SENDER|HOSP|RECV|LAB|202401151230||ADT^A01|1|P|2.5\rPID|1||123": flow.Strong, "MSH|^~\\& is the header": 0})
	sees(t, "fhir-resource", sightings{`{"resourceType":"Patient","id":"x"}`: flow.Strong, `{ "resourceType" : "Observation" }`: flow.Strong, `{"resourceType":"Bucket"}`: 0,
		`<Patient xmlns="http://hl7.org/fhir"><id value="x"/></Patient>`: flow.Strong, `<ClinicalDocument xmlns="urn:hl7-org:v3">`: flow.Strong})
	sees(t, "health-field", sightings{`{"bloodType":"AB+"}`: flow.Medium, `{"healthCheck":"ok"}`: 0, `{"diagnosis":"Type 2 diabetes"}`: flow.Medium, "血型：O型": flow.Medium, `{"allergies":[]}`: 0})
	sees(t, "dicom", sightings{strings.Repeat("\x00", 128) + "DICM\x02\x00\x00\x00UL\x04\x00": flow.Strong, "DICM\x02\x00": 0})
}

func TestGeneticAndBiometricData(t *testing.T) {
	sequence := strings.Repeat("GATTACAGATTACCATG\n", 5)
	sees(t, "fasta-sequence", sightings{">chr1 test\n" + sequence: flow.Strong, "> quoted\n" + "some reply to a mail that is long enough to be taken for one": 0, ">x\nGATTACA\n": 0})
	sees(t, "fastq-reads", sightings{"@SEQ_ID\nGATTTGGGGTTCAAAGCAGTATCGATCAAATAGTAAATCCATTTGTTCAACTCACAGTTT\n+\n!''*((((***+))%%%++)(%%%%).1***-+*''))**55CCF>>>>>>CCCCCCC65\n": flow.Strong, "@user hello\nthere\n": 0})
	sees(t, "vcf-variants", sightings{"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\n": flow.Strong})
	sees(t, "sequence-alignment", sightings{"@HD\tVN:1.6\tSO:coordinate\n": flow.Strong, "BAM\x01\x00\x00": flow.Strong})
	sees(t, "snp-genotypes", sightings{"rs4477212\t1\t82154\tAA\n": flow.Strong, "rs3094315, rs12124819 and rs11240777": flow.Strong, "rs12345": 0, "vars123 rs1": 0, `rs256 = "RS256"; rs384 = "RS384"; rs512`: 0,
		"# rsid\tchromosome\tposition\tgenotype\n": flow.Strong})
	record := "FMR\x00 20\x00\x00\x00\x00\x42" + strings.Repeat("\x01\x02\x03", 20)
	sees(t, "biometric-record", sightings{"x " + record: flow.Strong, `{"bdb":"` + base64.StdEncoding.EncodeToString([]byte(record)) + `"}`: flow.Strong, "FMR\x00abcd": 0})
	sees(t, "biometric-template", sightings{`{"face_embedding":[0.12,-0.33,0.01,0.44,0.5,-0.61,0.7,0.81,0.92]}`: flow.Strong, `{"embedding":[0.12,-0.33,0.01,0.44,0.5,-0.61,0.7,0.81,0.92]}`: 0,
		`{"voiceprint":"` + strings.Repeat("q83vEjRWeJqrze8S", 8) + `"}`: flow.Strong, `{"fingerprint":"` + strings.Repeat("ab12", 16) + `"}`: 0})
}

func TestPlaces(t *testing.T) {
	sees(t, "coordinates", sightings{`{"lat":48.858370,"lng":2.294481}`: flow.Strong, "latitude=48.858370&longitude=2.294481": flow.Strong, `{"lat":48.8,"lng":2.2}`: 0, `{"lat":12.345}`: 0,
		`{"latency":48.858}`: 0, `{"latitude":"48.858370"}`: flow.Medium})
	sees(t, "geojson", sightings{`{"type":"Point","coordinates":[2.294481,48.858370]}`: flow.Strong, `{"type":"Polygon","coordinates":[[[2.2944,48.8583],[2.3,48.9]]]}`: flow.Strong, `{"coordinates":[12,40]}`: 0})
	sees(t, "wkt-geometry", sightings{"POINT(2.294481 48.858370)": flow.Strong, "LINESTRING (2.2944 48.8583, 2.3 48.9)": flow.Strong, "POINT(3 4)": 0})
	sees(t, "nmea-position", sightings{"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47": flow.Strong, "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*48": 0})
	sees(t, "geo-uri", sightings{"geo:37.786971,-122.399677": flow.Strong, "geo:1,2": 0})
	sees(t, "coordinate-pair", sightings{`{"location":"48.858370,2.294481"}`: flow.Strong, `{"position":[48.858370,2.294481]}`: flow.Strong, `{"position":[1,2]}`: 0, `{"path":"M12.345,67.891"}`: 0})
}

func TestDevices(t *testing.T) {
	sees(t, "imei", sightings{"490154203237518": 0, "IMEI 490154203237518": flow.Weak, `{"imei":"490154203237518"}`: flow.Medium, "49-015420-323751-8": flow.Medium}) // 3GPP TS 23.003
	sees(t, "iccid", sightings{withLuhn("899110120000320451"): flow.Medium, "8991101200003204519": 0})                                                                // ITU-T E.118 form
	sees(t, "imsi", sightings{`{"imsi":"310150123456789"}`: flow.Medium, "310150123456789": 0})
	sees(t, "vin", sightings{"1M8GDM9AXKP042788": flow.Medium, "VIN: 1M8GDM9AXKP042788": flow.Strong, "1M8GDM9A1KP042788": 0, `{"vin":"WVWZZZ1JZ3W386752"}`: flow.Medium}) // 49 CFR 565
	sees(t, "ip-address", sightings{`{"client_ip":"203.0.113.7"}`: flow.Medium, "203.0.113.7": 0, "version 1.2.3.4": 0, "login from 198.51.100.23 failed": flow.Weak, `{"ip":"10.0.0.1"}`: 0,
		`{"ip":"2001:db8:85a3::8a2e:370:7334"}`: flow.Medium, `{"version":"8.8.8.8"}`: 0, "203.0.113.7 - - [10/Oct/2023:13:55:36 +0000]": flow.Medium, "Chrome/120.0.6099.109": 0, "ip at 12:34:56": 0, "X-Forwarded-For: 203.0.113.7": flow.Medium})
	sees(t, "mac-address", sightings{"00:1B:44:11:3A:B7": flow.Medium, "ac:de:48:00:11:22": flow.Medium, "FC-AA-14-00-11-22": flow.Medium, "ff:ff:ff:ff:ff:ff": 0, "sha256 fingerprint 00:1B:44:11:3A:B7:00:1B": 0, "12:34:56": 0})
	sees(t, "advertising-id", sightings{`{"idfa":"AEBE52E7-03EE-455A-B3C4-E57283966239"}`: flow.Medium, `{"idfa":"00000000-0000-0000-0000-000000000000"}`: 0, `{"id":"AEBE52E7-03EE-455A-B3C4-E57283966239"}`: 0})
}

func TestDocumentMarkings(t *testing.T) {
	sees(t, "document-marking", sightings{"TLP:RED\nreport": flow.Strong, "机密★10年\n": flow.Strong, "密级：机密\n": flow.Strong, "CONFIDENTIAL\n\nPlan": flow.Medium, "*** CONFIDENTIAL ***\n": flow.Medium,
		"this is CONFIDENTIAL and you must": 0, "秘密花园是一本书": 0, "内部资料\n": flow.Medium, "TLP:GREEN": 0, "//SECRET//NOFORN\n": flow.Strong})
	sees(t, "classification-field", sightings{`{"classification":"confidential"}`: flow.Strong, "密级: 绝密": flow.Strong, `{"classification":"cat"}`: 0, `{"classification":"unclassified"}`: 0})
}
