package classify

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestNumberingPlansAgreeWithTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	codes := []int{}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		codes = append(codes, code)
	}
	agree, valid := 0, 0
	for range 3000 {
		code := codes[r.IntN(len(codes))]
		national := uint64(r.Int64N(9e9) + 1e8)
		country := int32(code)
		want := phonenumbers.IsValidNumber(&phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &national})
		got := isInternationalNumber([]byte(strconv.Itoa(code) + strconv.FormatUint(national, 10)))
		if want {
			valid++
		}
		if got == want {
			agree++
		}
	}
	if valid < 50 || agree < 2985 {
		t.Errorf("%d of 3000 agree, %d are valid", agree, valid)
	}
}

func TestPhoneNumbers(t *testing.T) {
	// Numbers set aside for fiction: Ofcom, NANPA (555-01xx), ARCEP, ACMA; else made up within the plan.
	for value, want := range map[string]flow.Strength{
		"+44 20 7946 0958":              flow.Medium,
		"+442079460958":                 flow.Medium,
		"reach me at +44 20 7946 0958,": flow.Medium,
		"+1 (202) 555-0143":             flow.Medium,
		"+1-202-555-0143":               flow.Medium,
		"+49 (0)30 23125 555":           flow.Medium,
		"+86 138 0013 8000":             flow.Medium,
		`{"phone":"+33 1 99 00 12 34"}`: flow.Strong,
		`{"mobile":"13800138000"}`:      flow.Medium,
		`{"phone":"202-555-0143"}`:      flow.Medium,
		"Tel: 030 23125555":             flow.Medium,
		"手机：13800138000":                flow.Medium,
		"phone=%2B":                     0,
		"call (202) 555-0143 today":     flow.Weak,
		"(202) 555-0143":                0,
		"202-555-0143":                  0,
		"13800138000":                   0,
		"1.0.0+20240101123":             0,
		"a+442079460958@example.com":    0,
		"+999 123 456 789":              0,
		"x=+12345":                      0,
		`{"phone":"2024-01-15"}`:        0,
		`{"phoneType":"13800138000"}`:   0,
		"offset +12025550143":           0,
	} {
		if got := one("phone-number", value); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

func BenchmarkInternationalNumber(b *testing.B) {
	number := []byte("442079460958")
	b.ReportAllocs()
	for b.Loop() {
		if !isInternationalNumber(number) {
			b.Fatal("not valid")
		}
	}
}
