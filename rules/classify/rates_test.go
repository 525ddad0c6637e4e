package classify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

// fill makes a random value that is laid out like form.
func fill(r *rand.Rand, form string) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	value := []byte(form)
	for i, b := range value {
		switch b {
		case '9':
			value[i] = byte('0' + r.IntN(10))
		case 'A':
			value[i] = letters[r.IntN(26)]
		case '*':
			value[i] = ("0123456789" + letters)[r.IntN(36)]
		}
	}
	return value
}

// passing is the share of random values of one form that a rule accepts, and that it would report although
// nothing around them speaks of it, in percent.
func passing(r *rand.Rand, rule *rule, form string, samples int) (accepted, alone float64) {
	f := newForms(form)[0]
	for range samples {
		var token token
		if !token.read(f, fill(r, form), 0) {
			continue
		}
		strength := rule.check(&token)
		if strength > 0 {
			accepted++
		}
		if strength > flow.Weak && rule.Evidence != EvidenceRequired {
			alone++
		}
	}
	return 100 * accepted / float64(samples), 100 * alone / float64(samples)
}

// TestShareOfRandomValuesThatPass holds every detector of laid out values to what it says of itself: what is
// reported without evidence lets through at most 5 % of random values where it is medium and 0.5 % where it is strong,
// unless the layout itself is distinctive; and chance is what was measured.
func TestShareOfRandomValuesThatPass(t *testing.T) {
	const samples = 20_000
	r := rand.New(rand.NewPCG(7, 11))
	// Layouts that other numbers do not have, so that more of them may pass.
	distinctive := map[string]bool{"us-ssn 999-99-9999": true, "th-id 9-9999-99999-99-9": true, "th-id 9 9999 99999 99 9": true,
		"us-mbi 9A*9-A*9-AA99": true, "us-mbi 9A*9A*9AA99": true, "gb-nino AA 99 99 99 A": true, "gb-nino AA-99-99-99-A": true, "gb-nino AA 999999 A": true,
		"mac-address **-**-**-**-**-**": true}
	for _, rule := range catalogue(Options{}, 2027) {
		if rule.check == nil {
			continue
		}
		widest := 0.0
		for _, form := range rule.layouts() {
			accepted, alone := passing(r, rule, form, samples)
			t.Logf("%-24s %-24s accepts %8.4f %%, alone %8.4f %%", rule.ID, form, accepted, alone)
			widest = max(widest, accepted)
			limit := 5.0
			if rule.Strength == flow.Strong && strings.ContainsAny(form, "-./ ") && len(form) < 10 {
				limit = 0.5
			}
			if alone > limit && !distinctive[rule.ID+" "+form] {
				t.Errorf("%s: %.3f %% of random values of the form %s are reported without evidence", rule.ID, alone, form)
			}
		}
		if chance := 100 * rule.chance; chance != 0 && (widest > 1.3*chance+0.05 || widest < 0.6*chance-0.05) {
			t.Errorf("%s: a chance of %.3f %% is declared, %.3f %% was measured", rule.ID, chance, widest)
		}
	}
}

// TestPublishedShares holds the validators to the figures that are known for them, in percent, of random numbers of
// their length.
func TestPublishedShares(t *testing.T) {
	const samples = 100_000
	r := rand.New(rand.NewPCG(5, 13))
	for _, c := range []struct {
		name     string
		form     string
		valid    func([]byte) bool
		from, to float64
	}{
		{"NHS", "9999999999", validNHSNumber, 8, 10}, {"BSN", "999999999", validBSN, 8, 10}, {"SIN", "999999999", validSIN, 8, 10},
		{"TFN", "999999999", validTFN, 8, 10}, {"Aadhaar", "999999999999", validAadhaar, 7, 10}, {"My Number", "999999999999", validMyNumber, 9, 10.5},
		{"bare Luhn", "9999999999999999", luhn, 9, 11},
		{"ITIN", "999999999", validITIN, 2.5, 5}, {"USCC", "99110000**********", validUSCC, 0.2, 3.5}, {"EIN", "999999999", validEIN, 82, 88},
		{"PESEL", "99999999999", validPESEL, 1, 2}, {"EGN", "9999999999", validEGN, 0.8, 2}, {"CPF", "99999999999", validCPF, 0.8, 1.2},
		{"CNPJ", "99999999999999", validCNPJ, 0.7, 1.5}, {"TCKN", "99999999999", validTCKN, 0.7, 1.2},
		{"IdNr", "99999999999", validIdNr, 0, 0.5}, {"personnummer", "9999999999", validPersonnummer, 0, 0.8},
		{"CNP", "9999999999999", validCNP, 0, 0.5}, {"BE", "99999999999", validBelgianNumber, 0, 0.5}, {"ZA", "9999999999999", validSouthAfricanID, 0, 0.5},
		{"NO", "99999999999", validFodselsnummer, 0, 0.5}, {"NIR", "999999999999999", validNIR, 0, 0.6},
		{"RRN with its check digit", "9999999999999", func(n []byte) bool { return validRRN(n) && isCheckedRRN(n) }, 0, 0.5},
		{"LEI", "******************99", validLEI, 0, 0.01},
	} {
		passed := 0
		for range samples {
			if c.valid(fill(r, c.form)) {
				passed++
			}
		}
		share := 100 * float64(passed) / samples
		t.Logf("%-28s %8.4f %%", c.name, share)
		if share < c.from || share > c.to {
			t.Errorf("%s: %.4f %% of random values pass, want %v to %v", c.name, share, c.from, c.to)
		}
	}
	passed := 0
	for i := range samples { // seconds from 2001 to 2033
		if validCPR(fmt.Append(nil, 1_000_000_000+i*10_000)) {
			passed++
		}
	}
	if share := 100 * float64(passed) / samples; share < 10 || share > 16 {
		t.Errorf("CPR on epoch seconds: %.2f %%, want about 12.9", share)
	}
}

// TestBareNumbersAreHardlyEverReported adds up what all detectors together make of numbers that nothing names.
func TestBareNumbersAreHardlyEverReported(t *testing.T) {
	const samples = 20_000
	r := rand.New(rand.NewPCG(17, 19))
	rules := catalogue(Options{}, 2027)
	for length := 8; length <= 20; length++ {
		total, form := 0.0, strings.Repeat("9", length)
		for _, rule := range rules {
			if rule.check != nil {
				for _, layout := range rule.layouts() {
					if layout == form {
						_, alone := passing(r, rule, form, samples)
						total += alone
					}
				}
			}
		}
		t.Logf("%2d digits: %.3f %%", length, total)
		limit := 0.8
		if length == 16 {
			limit = 3 // payment cards
		}
		if total > limit {
			t.Errorf("%d digits: %.3f %% of random numbers are reported without evidence", length, total)
		}
	}
}
