package certs

import (
	"errors"
	"strings"
	"testing"
)

func TestNamesThatCertificatesCanHold(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, strings.Repeat("b", 61)}, ".")
	for host, want := range map[string]string{
		"example.com":              "example.com",
		"Example.COM":              "example.com",
		"example.com.":             "example.com",
		"localhost":                "localhost",
		"xn--bcher-kva.example":    "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":    "xn--bcher-kva.example",
		"_dmarc.example.com":       "_dmarc.example.com",
		"r3---sn-4g5e.example.com": "r3---sn-4g5e.example.com",
		"-odd-.example.com":        "-odd-.example.com",
		"1.2.3.4.example.com":      "1.2.3.4.example.com",
		longest:                    longest,
		longest + ".":              longest,
		"192.0.2.1":                "192.0.2.1",
		"2001:DB8:0::1":            "2001:db8::1",
		"::ffff:192.0.2.1":         "192.0.2.1",
	} {
		got, err := parseHost(host)
		if err != nil {
			t.Errorf("%q: %v", host, err)
		} else if got.text != want {
			t.Errorf("%q became %q, want %q", host, got.text, want)
		}
	}
}

func TestNamesThatTwoParsersCouldReadDifferentlyAreRefused(t *testing.T) {
	label := strings.Repeat("a", 63)
	for host, reason := range map[string]string{
		"":                          "no name",
		".":                         "no name",
		"*":                         "0x2a",
		"*.example.com":             "0x2a",
		"example.com\x00.evil.test": "byte 0x00 at offset 11",
		"example .com":              "byte 0x20",
		"example.com\r\nX: y":       "colon",
		"ex\nample.com":             "byte 0x0a",
		"bücher.example":            "xn--",
		"a..b":                      "empty label",
		".example.com":              "empty label",
		"example.com..":             "empty label",
		label + "a.example":         "label of 64 bytes",
		strings.Join([]string{label, label, label, label}, "."): "255 bytes",
		"example.com:443":      "colon",
		"[2001:db8::1]":        "brackets",
		"fe80::1%eth0":         "zone",
		"https://example.com/": "colon",
		"example.com/path":     "byte 0x2f",
		"user@example.com":     "byte 0x40",
		"127.1":                "number as last label",
		"2130706433":           "number as last label",
		"0177.0.0.1":           "number as last label",
		"0x7f.0x0.0x0.0x1":     "number as last label",
		"0x7f000001":           "number as last label",
		"1.2.3.256":            "number as last label",
		"192.0.2.1.":           "number as last label",
		"example.0X":           "number as last label",
	} {
		_, err := parseHost(host)
		hostError, ok := errors.AsType[*HostError](err)
		if !ok {
			t.Errorf("%q: error %v, want a *HostError", host, err)
			continue
		}
		if !strings.Contains(hostError.Reason, reason) {
			t.Errorf("%q: %q does not give the reason %q", host, hostError.Reason, reason)
		}
	}
}

func TestHostErrorIsShortAndPrintable(t *testing.T) {
	_, err := parseHost(strings.Repeat("\x1b[31m", 5000))
	if err == nil || len(err.Error()) > 600 || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("error %.700v", err)
	}
}
