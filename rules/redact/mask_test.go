package redact

import (
	"testing"
	"unicode/utf8"
)

func TestMasks(t *testing.T) {
	for _, c := range []struct {
		name, text string
		keep       int
		mask, full string // at first, and where the mask is taken for a value
	}{
		{"digits and letters", "AB 12-cd.9", 0, "XX 00-xx.0", "** **-**.*"},
		{"the last digits", "536-90-4399", 4, "000-00-4399", "***-**-****"},
		{"half of the digits at most", "12-34", 8, "00-34", "**-**"},
		{"nothing of words", "catholic", 4, "xxxxxxxx", "********"},
		{"letters of any script", "Ünal 張伟", 0, "Xxxx xx", "**** **"},
		{"an address", "a.b@c.example", 2, "x.x@x.xxxxxxx", "*.***.*******"},
		{"bytes that are no character", "1\xff2", 0, "0x0", "***"},
		{"nothing", "", 4, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			mask, full := maskText(c.text, c.keep, false), maskText(c.text, c.keep, true)
			if mask != c.mask || full != c.full {
				t.Errorf("got %q and %q, want %q and %q", mask, full, c.mask, c.full)
			}
			if utf8.RuneCountInString(mask) != utf8.RuneCountInString(c.text) {
				t.Error("another length")
			}
			if maskText(mask, c.keep, false) != mask {
				t.Error("masked again it is another one")
			}
		})
	}
}

func TestMaskedNumbersAreNumbersOfAsManyDigits(t *testing.T) {
	for _, c := range []struct {
		token string
		keep  int
		want  string
	}{
		{"536904399", 0, "100000000"}, {"536904399", 4, "100004399"}, {"-12.50", 0, "-10.00"}, {"0.5", 0, "0.0"}, {"7", 1, "0"},
		{"1234", 8, "1034"}, {"1e9", 0, "0"}, {"-0", 0, "-0"},
	} {
		got := maskNumber(c.token, c.keep)
		if got != c.want {
			t.Errorf("%s keeping %d: got %s, want %s", c.token, c.keep, got, c.want)
		}
		if ok := scanJSON([]byte(got), true, new(int32), func(jsonToken) {}); !ok {
			t.Errorf("%s is no JSON number", got)
		}
	}
}

func TestPlaceholdersAreKnownByTheirDetector(t *testing.T) {
	for text, want := range map[string]int{
		"[redacted:us-ssn] and more":  len("[redacted:us-ssn]"),
		"[redacted:us-ssn#2]":         len("[redacted:us-ssn#2]"),
		"[redacted:536904399]":        0,
		"[redacted:us-ssn#536904399]": 0,
		"[redacted:us-ssn#02]":        0,
		"[redacted:us-ssn":            0,
		"redacted:us-ssn]":            0,
	} {
		if got := placeholderEnd([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
