package classify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

// one reads value as a text of its own and says how strong the detector finds it.
func one(detector, value string) flow.Strength {
	return strengthOf(read(textMeta(), value), detector)
}

func TestPaymentCardNumbersFollowIssuerLengthAndLuhn(t *testing.T) {
	// Numbers from the schemes' and processors' published examples; they are test numbers, hence the option.
	for value, want := range map[string]flow.Strength{
		"4111111111111111":     flow.Medium, // Visa
		"4012 8888 8888 1881":  flow.Medium,
		"5555-5555-5555-4444":  flow.Medium, // Mastercard
		"2223003122003222":     flow.Medium, // Mastercard, series 2
		"378282246310005":      flow.Medium, // American Express
		"3782 822463 10005":    flow.Medium,
		"6011111111111117":     flow.Medium, // Discover
		"3566002020360505":     flow.Medium, // JCB
		"3056 930902 5904":     flow.Medium, // Diners Club, grouped
		"30569309025904":       0,           // the same fourteen digits could be a time or an article
		"6200000000000005":     flow.Medium, // UnionPay
		"6205500000000000004":  flow.Medium, // UnionPay, 19 digits
		"4111111111111112":     0,           // check digit
		"411111111111111":      0,           // length
		"9111111111111116":     0,           // issuer
		"4111-1111 1111 1111":  0,           // mixed separators
		"4111 1111 1111 1111X": 0,
	} {
		s := New(Options{TestCards: true}).NewStream(textMeta())
		s.Write([]byte(value))
		if got := strengthOf(s.Finish(), "payment-card"); got != want {
			t.Errorf("%s: strength %q, want %q", value, got, want)
		}
	}
}

func TestTestCardsAreApartAndNeedEvidence(t *testing.T) {
	const body = `{"card":"4111 1111 1111 1111"}`
	if d := read(jsonMeta(), body); strengthOf(d, "payment-card-test") != flow.Weak || strengthOf(d, "payment-card") != 0 {
		t.Errorf("by default: %v", d.Findings)
	}
	if d := readWith(Options{TestCards: true}, jsonMeta(), body); strengthOf(d, "payment-card") != flow.Strong ||
		strengthOf(d, "payment-card-test") != 0 {
		t.Errorf("with TestCards: %v", d.Findings)
	}
	for _, number := range []string{"4000000000000077", "5105105105105100", "4242424242424242"} {
		if d := read(textMeta(), "card "+number); strengthOf(d, "payment-card-test") != flow.Weak {
			t.Errorf("%s: %v", number, d.Findings)
		}
	}
	if d := read(textMeta(), "4111 1111 1111 1111"); len(d.Findings) != 0 {
		t.Errorf("without evidence: %v", d.Findings)
	}
}

func TestResidentIDs(t *testing.T) {
	for value, want := range map[string]flow.Strength{
		"11010519491231002X":   flow.Strong, // GB 11643-1999, first example
		"440524188001010014":   0,           // its second example: a birth in 1880 is out of range here
		"11010519491231002x":   flow.Strong,
		"110105 19491231 002X": flow.Strong,
		"110105194912310029":   0, // check character
		"110105194902310020":   0, // 31 February
		"990105194912310023":   0, // province
		"1101051949123100 2X":  0,
	} {
		if got := one("cn-resident-id", value); got != want {
			t.Errorf("%s: strength %q, want %q", value, got, want)
		}
	}
	if !mod11([]byte("440524188001010014")) {
		t.Error("the standard's second example fails the check character")
	}
}

func TestSocialSecurityNumbers(t *testing.T) {
	// Social Security Administration, POMS RM 10201.035, and its notices on 078-05-1120 and 219-09-9999.
	for value, want := range map[string]flow.Strength{
		"536-22-5112":         flow.Medium,
		"536 22 5112":         0,
		"ssn 536 22 5112":     flow.Weak,
		"536225112":           0,
		"ssn is 536225112":    flow.Weak,
		`{"ssn":"536225112"}`: flow.Medium,
		"SSN: 536-22-5112":    flow.Strong,
		"000-22-5112":         0,
		"666-22-5112":         0,
		"900-22-5112":         0,
		"536-00-5112":         0,
		"536-22-0000":         0,
		"078-05-1120":         0, // printed on sample cards
		"SSN: 078-05-1120":    flow.Medium,
		"536-22-5112-3":       0,
		"A536-22-5112":        0,
		"part 536-22-5112":    0,
	} {
		if got := one("us-ssn", value); got != want {
			t.Errorf("%s: strength %q, want %q", value, got, want)
		}
	}
}

func TestIBANs(t *testing.T) {
	// Examples of the SWIFT IBAN registry.
	valid := []string{
		"AD1200012030200359100100", "AE070331234567890123456", "AT611904300234573201", "BE68539007547034",
		"BR1800360305000010009795493C1", "CH9300762011623852957", "CY17002001280000001200527600",
		"CZ6508000000192000145399", "DE89370400440532013000", "DK5000400440116243", "EE382200221020145685",
		"ES9121000418450200051332", "FI2112345600000785", "FR1420041010050500013M02606",
		"GB29NWBK60161331926819", "GR1601101250000000012300695", "HU42117730161111101800000000",
		"IE29AIBK93115212345678", "IL620108000000099999999", "IT60X0542811101000000123456",
		"LU280019400644750000", "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300", "NO9386011117947",
		"PL61109010140000071219812874", "PT50000201231234567890154", "RO49AAAA1B31007593840000",
		"SA0380000000608010167519", "SE4550000000058398257466", "SK3112000000198742637541",
		"TR330006100519786457841326", "UA213223130000026007233566001",
	}
	for _, value := range valid {
		grouped := ""
		for i, b := range value {
			if i > 0 && i%4 == 0 {
				grouped += " "
			}
			grouped += string(b)
		}
		for _, text := range []string{value, grouped, "pay to " + grouped + " today", strings.ToLower(value)} {
			if got := one("iban", text); got != flow.Strong {
				t.Errorf("%s: strength %q", text, got)
			}
			if d := read(textMeta(), text); len(d.Findings) != 1 {
				t.Errorf("%s: something else was found in it: %v", text, d.Findings)
			}
		}
	}
	for _, value := range []string{
		"DE88370400440532013000", "DE8937040044053201300", "DE893704004405320130001", "GB29NWBK6016133192681X",
		"XX89370400440532013000", "De89370400440532013000", "DE89 37040044 0532013000", "ADE89370400440532013000",
	} {
		if got := one("iban", value); got != 0 {
			t.Errorf("%s: strength %q, want none", value, got)
		}
	}
}

func TestEmailAddresses(t *testing.T) {
	for _, value := range []string{
		"anna.schmidt@example.com", "o'brien@example.co.uk", "a+tag@xn--mnchen-3ya.de", "x_y@sub.domain.museum",
		"<jane@corp.example>", "mailto:jane@example.org", "bob@example.com: hello", "Bob@Example.COM.",
		"'jane@example.org'", "2024jane@163.com", "jane@firma.ck.com",
	} {
		if got := one("email", value); got != flow.Strong {
			t.Errorf("%s: strength %q, want strong", value, got)
		}
	}
	for _, value := range []string{
		"noreply@example.com", "no-reply@example.com", "do_not_reply@example.com", "mailer-daemon@example.com",
		"git@github.com:org/repo.git", "@scope/package", "@angular/core@17.0.1", "icon@2x.png", "lodash@4.17.21",
		"https://user@host.example.com/path", "postgres://app:secret@db.example.com:5432/x", "ssh deploy@web1.example.com",
		"scp file backup@nas.example.com:/srv", "root@web1.example.com", "a..b@example.com", ".@example.com",
		"user@localhost", "user@host", "x@y.z", "Message-ID: <8f3a@mail.example.com>", "a@b.com@c.com", "a@b.com(",
		"user@-x.com", "a@b..com", "foo@bar.unknowntld",
	} {
		if got := one("email", value); got != 0 {
			t.Errorf("%s: strength %q, want none", value, got)
		}
	}
}

// TestShareOfRandomNumbersThatPass holds each validator to what it lets through on its own, without
// evidence, of random values that have the right form.
func TestShareOfRandomNumbersThatPass(t *testing.T) {
	const samples = 50_000
	r := rand.New(rand.NewPCG(7, 11))
	n := func(digits int) string {
		var b []byte
		for range digits {
			b = append(b, byte('0'+r.IntN(10)))
		}
		return string(b)
	}
	forms := formsByLength(newTable(catalogue(Options{}, 2026), true))
	shareOf := func(id string, form func() string) float64 {
		passed := 0
		for range samples {
			view := []byte(form())
			for _, found := range readings(forms, view) {
				if found.rule.ID == id && found.rule.check(&found.token) > flow.Weak {
					passed++
				}
			}
		}
		return 100 * float64(passed) / samples
	}
	for _, c := range []struct {
		name     string
		share    float64
		from, to float64 // percent
	}{
		{"SSN area, group, serial, hyphenated", shareOf("us-ssn", func() string { return n(3) + "-" + n(2) + "-" + n(4) }), 85, 90},
		{"SSN without hyphens", shareOf("us-ssn", func() string { return n(9) }), 0, 0},
		{"card, 13 digits", shareOf("payment-card", func() string { return n(13) }), 0, 0},
		{"card, 14 digits", shareOf("payment-card", func() string { return n(14) }), 0, 0},
		{"card, 15 digits", shareOf("payment-card", func() string { return n(15) }), 0.1, 0.5},
		{"card, 16 digits", shareOf("payment-card", func() string { return n(16) }), 1.5, 3},
		{"card, 19 digits", shareOf("payment-card", func() string { return n(19) }), 0.05, 0.5},
		{"card, 4-4-4-4", shareOf("payment-card", func() string { return n(4) + " " + n(4) + " " + n(4) + " " + n(4) }), 1.5, 4},
		{"resident ID, 18 digits", shareOf("cn-resident-id", func() string { return n(18) }), 0, 0.01},
		{"resident ID, valid date", shareOf("cn-resident-id", func() string { return "11" + n(4) + "19800229" + n(4) }), 8, 11},
	} {
		t.Logf("%-40s %7.4f %%", c.name, c.share)
		if c.share < c.from || c.share > c.to {
			t.Errorf("%s: %.4f %% of random values pass, want %v to %v", c.name, c.share, c.from, c.to)
		}
	}
	passed := 0
	for range samples {
		if mod97([]byte("DE" + n(20))) {
			passed++
		}
	}
	share := 100 * float64(passed) / samples
	t.Logf("%-40s %7.4f %%", "IBAN, country and structure given", share)
	if share < 0.8 || share > 1.3 {
		t.Errorf("MOD 97-10 lets %.3f %% pass, want 1/97", share)
	}
}

func TestEveryIBANStructureHasTheRegistrysLength(t *testing.T) {
	// Total lengths as the registry lists them, independent of the structures.
	for country, length := range map[string]int{
		"NO": 15, "BE": 16, "DK": 18, "FI": 18, "NL": 18, "MK": 19, "SI": 19, "AT": 20, "LU": 20, "CH": 21, "HR": 21,
		"DE": 22, "GB": 22, "IE": 22, "GI": 23, "IL": 23, "CZ": 24, "ES": 24, "PK": 24, "RO": 24, "SE": 24, "PT": 25,
		"IS": 26, "TR": 26, "FR": 27, "GR": 27, "IT": 27, "MC": 27, "SM": 27, "AL": 28, "CY": 28, "HU": 28, "PL": 28,
		"LB": 28, "BR": 29, "EG": 29, "PS": 29, "QA": 29, "UA": 29, "JO": 30, "KW": 30, "MU": 30, "YE": 30, "MT": 31,
		"SC": 31, "LC": 32, "RU": 33,
	} {
		if got := 4 + len(ibanStructures[[2]byte{country[0], country[1]}]); got != length {
			t.Errorf("%s: %d characters, want %d", country, got, length)
		}
	}
}

func TestDetectorsDescribeThemselves(t *testing.T) {
	for i, d := range Detectors() {
		if d.ID == "" || d.Description == "" || d.Source == "" || len(d.Categories) == 0 || d.Strength == 0 || d.Evidence == "" {
			t.Errorf("incomplete: %+v", d)
		}
		if d.Strength == flow.Weak && d.Evidence != EvidenceRequired {
			t.Errorf("%s is weak and needs evidence %q", d.ID, d.Evidence)
		}
		if i > 0 && Detectors()[i-1].ID >= d.ID {
			t.Errorf("%s is out of order or there twice", d.ID)
		}
	}
	if n := len(catalogue(Options{}, 2026)); n >= 1<<detectorBits {
		t.Errorf("%d detectors do not fit into %d bits", n, detectorBits)
	}
}

func ExampleClassifier() {
	c := New(Options{})
	s := c.NewStream(Meta{ContentType: "application/json"})
	s.Write([]byte(`{"customer":{"email":"anna@example.com","iban":"DE89 3704 0044 0`))
	s.Write([]byte(`532 0130 00"}}`))
	data := s.Finish()
	for _, category := range data.Categories {
		fmt.Println(category.Name, category.Count, category.Strength)
	}
	fmt.Println("people:", data.Subjects, "read:", data.Coverage)
	// Output:
	// contact 1 strong
	// financial 1 strong
	// personal 1 strong
	// people: 1 read: full
}
