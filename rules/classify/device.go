package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func deviceRules() []*rule {
	personal := []string{"personal"}
	imei := number(Detector{
		ID: "imei", Categories: personal, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalDevice,
		Description: "identity of a mobile device: a reporting body in use, fifteen digits, the last by Luhn; written together only with evidence",
		Source:      "3GPP TS 23.003 section 6; GSMA TS.06",
	}, validIMEI, flow.Weak, 0.018, "imei|imei number|imeinumber|device id|deviceid|设备号|串号|기기번호", "99-999999-999999-9", "99 999999 999999 9", "999999-99-999999-9", "999999999999999")
	imei.identifies = identifiesByDevice
	iccid := number(Detector{
		ID: "iccid", Categories: personal, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalDevice,
		Description: "number of a SIM card: industry 89, a country code, nineteen or twenty digits, the last by Luhn",
		Source:      "ITU-T E.118",
	}, validICCID, flow.Medium, 0.001, "iccid|sim|sim card|simcard|sim number|sim serial|icc", "9999999999999999999", "99999999999999999999", "9999 9999 9999 9999 999", "9999 9999 9999 9999 9999")
	iccid.identifies = identifiesBySIM
	imsi := number(Detector{
		ID: "imsi", Categories: personal, Strength: flow.Weak, Evidence: EvidenceRequired, Legal: legalDevice,
		Description: "identity of a mobile subscriber: fourteen or fifteen digits that begin with a mobile country code",
		Source:      "ITU-T E.212",
	}, validIMSI, flow.Weak, 0, "imsi|imsi number|subscriber identity|supi", "999999999999999", "99999999999999", "999-99-9999999999", "999-999-999999999")
	imsi.identifies = identifiesBySubscriber
	return []*rule{imei, iccid, imsi, {
		Detector: Detector{
			ID: "vin", Categories: personal, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalDevice,
			Description: "vehicle identification number: maker, a check digit where the market has one, a serial number",
			Source:      "ISO 3779; 49 CFR 565.15 (check digit)",
		},
		words: words(strings.Split("vin|vin number|vehicle|vehicle id|vehicle identification|chassis|car|fahrgestell*|fahrzeug*|chasis|telaio|车架号|车辆识别*|車台番号|차대번호", "|"),
			strings.Split("hash|token|key|session|sku|part|serial|trace|request|nonce", "|")),
		forms: []string{"*****************"},
		check: func(t *token) flow.Strength { return vinStrength(t.raw) },
	}, {
		Detector: Detector{
			ID: "mac-address", Categories: personal, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalDevice,
			Description: "hardware address of a network interface that is unique in the world",
			Source:      "IEEE Std 802-2014 section 8; RFC 9542",
		},
		identifies: identifiesByHardware,
		words: words(strings.Split("mac|mac address|macaddress|macaddr|hwaddr|hardware address|ether|bssid|wifi|wlan|bluetooth|physical address|物理地址|device", "|"),
			strings.Split("fingerprint|sha|md5|hash|digest|thumbprint|serial|cert|certificate|key id|time|timestamp|duration", "|")),
		forms:   []string{"**-**-**-**-**-**", "AA-**-**-**-**-**", "AA-AA-**-**-**-**", "AA-AA-AA-**-**-**", "****.****.****", "AAAA.****.****"},
		check:   func(t *token) flow.Strength { return hardwareStrength(t.value()) },
		trigger: onColons,
		text:    hardwareAddressAround,
	}, {
		Detector: Detector{
			ID: "advertising-id", Categories: personal, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalAdvertising,
			Description: "identifier of a device for advertising, under a key that names it",
			Source:      "Apple IDFA; Google advertising ID; MSA OAID; IAB OpenRTB 2.6 (ifa)",
		},
		identifies: identifiesByAdvertisingID,
		keys: words(strings.Split("idfa|gaid|aaid|adid|oaid|idfv|ifa|advertising id|advertisingid|advertising identifier|advertisingidentifier|ad id|google advertising id|"+
			"android id|androidid|rdid|maid|msai|tifa|广告标识*|设备标识*", "|"), []string{"campaign", "group", "set", "unit", "count", "type", "tracking"}),
		field: func(f *field, value []byte) match {
			if !isDeviceUUID(f.text) {
				return match{}
			}
			return f.match(lowered(value, f.text), flow.Medium)
		},
	}}
}

// validIMEI checks the Luhn digit and the body that gave the first two digits.
func validIMEI(n []byte) bool {
	if !areDigits(n, 15) || isUniform(n) || !luhn(n) {
		return false
	}
	switch body := decimal(n[:2]); body {
	case 0, 1, 10, 30, 33, 35, 44, 45, 49, 50, 51, 52, 53, 54, 86, 91, 98, 99:
		return true
	}
	return false
}

// validICCID checks the industry identifier, a country code and the Luhn digit. Cards of North America and
// Russia write their codes of one digit, 1 and 7, with a 0 before them.
func validICCID(n []byte) bool {
	return len(n) >= 19 && len(n) <= 20 && n[0] == '8' && n[1] == '9' && (n[2] != '0' || n[3] == '1' || n[3] == '7') && luhn(n)
}

// validIMSI checks that the number begins with a mobile country code that has been given out.
func validIMSI(n []byte) bool {
	if !areDigits(n, 14) && !areDigits(n, 15) {
		return false
	}
	code := decimal(n[:3])
	return code >= 202 && code <= 297 || code >= 302 && code <= 376 || code >= 400 && code <= 470 || code >= 502 && code <= 555 ||
		code >= 602 && code <= 659 || code >= 702 && code <= 750 || code == 901 || code == 1
}

// vinStrength checks a vehicle's number: no I, O or Q, capitals and digits mixed, the last four digits; with a
// right check digit it is medium, otherwise, as in Europe, weak.
func vinStrength(n []byte) flow.Strength {
	if !areDigits(n[13:], 4) || isUniform(n[11:]) {
		return 0
	}
	letters, sum := 0, 0
	for i, b := range n {
		value := int(b - '0')
		if !isDigit(b) {
			if !isUpper(b) || isOneOf(b, "IOQ") {
				return 0
			}
			letters++
			value = int("12345678012345070923456789"[b-'A'] - '0')
		}
		sum += value * [...]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}[i]
	}
	if letters < 3 || isOneOf(n[9], "UZ0") || !isUpper(n[1]) && !isDigit(n[1]) {
		return 0
	}
	if "0123456789X"[sum%11] == n[8] {
		return flow.Medium
	}
	return flow.Weak
}

// hardwareStrength checks twelve hexadecimal digits.
func hardwareStrength(address []byte) flow.Strength {
	digits := 0
	for _, b := range address {
		if !isHexDigit(b) {
			return 0
		}
		if isDigit(b) {
			digits++
		}
	}
	// Of the second digit, bit 0 says that the address is of a group and bit 1 that it is made up: nobody's
	// device, or a phone that hides its own.
	second := indexOf("0123456789ABCDEF", upper(address[1]))
	if isUniform(address) || bytes.HasPrefix(address, []byte("00000000")) || second&1 != 0 {
		return 0
	}
	if second&2 != 0 || digits == 12 {
		return flow.Weak
	}
	return flow.Medium
}

// hardwareAddressAround reads six pairs of hexadecimal digits, of which the first colon is at at.
func hardwareAddressAround(view []byte, at int, value []byte) match {
	start, end := at-2, at+15
	if start < 0 || end > len(view) || start > 0 && (isAlnum(view[start-1]) || isOneOf(view[start-1], "_:-.")) ||
		endsMidWord(view, end) || end < len(view) && view[end] == ':' {
		return match{}
	}
	for i := start; i < end; i++ {
		if (i-start)%3 == 2 {
			if view[i] != ':' {
				return match{}
			}
		} else {
			value = append(value, upper(view[i]))
		}
	}
	return match{start, end, value, hardwareStrength(value)}
}

// isDeviceUUID says whether text is a UUID, or 16 or more hexadecimal digits, that is not all zeros, as when
// tracking was declined.
func isDeviceUUID(text []byte) bool {
	if len(text) == 36 {
		for i, b := range text {
			if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (b == '-') || !dash && !isHexDigit(b) {
				return false
			}
		}
		return distinctBytes(text) > 4
	}
	return (len(text) == 16 || len(text) == 32 || len(text) == 64) && areHex(text) && distinctBytes(text) > 4
}
