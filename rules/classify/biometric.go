package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func biometricRules() []*rule {
	categories := []string{"biometric", "personal", "sensitive"}
	return []*rule{{
		Detector: Detector{
			ID: "biometric-record", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalBiometric,
			Description: "biometric data record of fingerprint minutiae, a finger, face or iris image: format identifier and version",
			Source:      "ISO/IEC 19794-2, -4, -5 and -6",
		},
		literals: []string{"FMR\x00", "FIR\x00", "FAC\x00", "IIR\x00", "Rk1SA", "RklSA", "RkFDA", "SUlSA"},
		text:     biometricRecord,
	}, {
		Detector: Detector{
			ID: "wsq-image", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalBiometric,
			Description: "fingerprint image in wavelet scalar quantization, as it is or in base 64",
			Source:      "FBI, WSQ Gray-scale Fingerprint Image Compression Specification IAFIS-IC-0110",
		},
		trigger:  onStart,
		literals: []string{"/6D/p", "/6D/q"},
		text: func(view []byte, at int, value []byte) match {
			switch {
			case bytes.HasPrefix(view[at:], []byte("\xff\xa0\xff")):
				if len(view) < at+64 || !isOneOf(view[at+3], "\xa2\xa4\xa5\xa6\xa8") {
					return match{}
				}
			case !bytes.HasPrefix(view[at:], []byte("/6D/")):
				return match{}
			default:
				from := at
				for at < len(view) && base64All.has(view[at]) {
					at++
				}
				if from > 0 && base64All.has(view[from-1]) && view[from-1] != '=' || at-from < 200 {
					return match{}
				}
				at = from
			}
			end := min(len(view), at+64)
			return match{at, end, append(value, view[at:end]...), flow.Strong}
		},
	}, {
		Detector: Detector{
			ID: "biometric-template", Categories: categories, Strength: flow.Strong, Evidence: EvidenceRequired, Legal: legalBiometric,
			Description: "vector of eight or more numbers, or 64 or more characters of base 64 or 16, under a key that names a face, voice, finger or iris",
			Source:      "28 CFR 202.204; GB/T 40660-2021",
		},
		keys:  words(strings.Split(biometricKeys, "|"), strings.Split("id|url|count|model|version|score|enabled|type|status|path|uri", "|")),
		whole: true,
		field: templateField,
	}}
}

const biometricKeys = "face embedding|faceembedding|face embeddings|face vector|facevector|face encoding|face encodings|face feature|face features|face descriptor|" +
	"face template|facetemplate|faceprint|face print|facial features|facial embedding|facial template|voice embedding|voice print|voiceprint|" +
	"speaker embedding|voice template|voice features|fingerprint template|fingerprinttemplate|fingerprint image|fingerprint data|fingerprint minutiae|" +
	"finger template|minutiae|iris template|iristemplate|iris code|iriscode|iris image|palm print|palmprint|retina scan|gait features|biometric|" +
	"biometric data|biometric template|biometrictemplate|biometrics|人脸特征|人脸特征值|人脸向量|人脸|面部特征|声纹|声纹特征|指纹|指纹特征|指纹模板|虹膜|掌纹|顔特徴|指紋|声紋|얼굴|지문"

// biometricRecord checks the version behind a format identifier, in bytes or in base 64.
func biometricRecord(view []byte, at int, value []byte) match {
	rest := view[at:]
	if rest[3] == 0 {
		if len(rest) < 8 || rest[7] != 0 || !isOneOf(rest[4], " 0") || !isDigit(rest[5]) || !isDigit(rest[6]) {
			return match{}
		}
		return match{at, at + 8, append(value, rest[:min(len(rest), 64)]...), flow.Strong}
	}
	end := at
	for end < len(view) && base64All.has(view[end]) {
		end++
	}
	// The version's digits begin with 2 or 3 in their high half, which base 64 shows as C or D.
	if end-at < 32 || at > 0 && base64All.has(view[at-1]) && view[at-1] != '=' || !isOneOf(rest[5], "CD") {
		return match{}
	}
	return match{at, end, append(value, view[at:min(end, at+64)]...), flow.Strong}
}

func templateField(f *field, value []byte) match {
	text := bytes.Trim(f.text, "\"")
	if len(text) == 0 {
		return match{}
	}
	if text[0] == '[' || text[0] == '{' {
		numbers, decimals := 0, 0
		for i := 1; i < len(text); i++ {
			if isDigit(text[i]) && !isDigit(text[i-1]) && text[i-1] != '.' {
				numbers++
			}
			if text[i] == '.' && isDigit(text[i-1]) {
				decimals++
			}
		}
		if numbers < 8 || decimals < 6 && !f.cut {
			return match{}
		}
		return f.match(append(value, f.text...), flow.Strong)
	}
	if len(text) < 64 {
		return match{}
	}
	for _, b := range text {
		if !base64All.has(b) {
			return match{}
		}
	}
	if distinctBytes(text) < 10 {
		return match{}
	}
	return f.match(append(value, text...), flow.Strong)
}
