package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// markings are what documents are marked with, each with how far it may be trusted by itself. In prose the
// same words mean nothing; a marking stands alone on its line, or beside its punctuation.
var markings = []struct {
	text   string
	strong bool // does not occur in prose
}{
	{"TLP:RED", true}, {"TLP:AMBER", true}, {"TLP: RED", true}, {"TLP: AMBER", true},
	{"TOP SECRET//", true}, {"SECRET//", true}, {"CONFIDENTIAL//", true}, {"//NOFORN", true}, {"CUI//", true},
	{"UNCLASSIFIED//FOUO", true}, {"UNCLASSIFIED//FOR OFFICIAL USE ONLY", true}, {"RESTREINT UE", true}, {"EU RESTRICTED", true},
	{"CONFIDENTIEL UE", true}, {"SECRET UE", true}, {"NATO RESTRICTED", true}, {"NATO CONFIDENTIAL", true}, {"NATO SECRET", true},
	{"VS-NUR FÜR DEN DIENSTGEBRAUCH", true}, {"VS - NUR FÜR DEN DIENSTGEBRAUCH", true}, {"VS-NfD", true}, {"VS-VERTRAULICH", true},
	{"STRENG GEHEIM", true}, {"DIFFUSION RESTREINTE", true}, {"OFFICIAL-SENSITIVE", true}, {"OFFICIAL: SENSITIVE", true},
	{"CONTROLLED UNCLASSIFIED INFORMATION", true}, {"EXPORT CONTROLLED", false}, {"ITAR CONTROLLED", true},
	{"COMPANY CONFIDENTIAL", false}, {"STRICTLY CONFIDENTIAL", false}, {"HIGHLY CONFIDENTIAL", false}, {"INTERNAL USE ONLY", false},
	{"INTERNAL ONLY", false}, {"FOR INTERNAL USE", false}, {"CONFIDENTIAL", false}, {"RESTRICTED", false}, {"TOP SECRET", false}, {"SECRET", false},
	{"PROPRIETARY", false}, {"VERTRAULICH", false}, {"CONFIDENTIEL", false}, {"CONFIDENCIAL", false}, {"RISERVATO", false}, {"VERTROUWELIJK", false},
	{"Confidential", false}, {"Strictly Confidential", false}, {"Internal Use Only", false}, {"Internal use only", false},
	{"绝密★", true}, {"机密★", true}, {"秘密★", true}, {"绝密", false}, {"机密", false}, {"秘密", false}, {"内部资料", false}, {"内部文件", false},
	{"内部公开", false}, {"内部使用", false}, {"商业秘密", false}, {"商密", false}, {"工作秘密", false}, {"核心数据", false}, {"重要数据", false},
	{"極秘", false}, {"社外秘", false}, {"部外秘", false}, {"関係者外秘", false}, {"取扱注意", false}, {"대외비", false}, {"기밀", false},
}

func markingRules() []*rule {
	var texts []string
	for _, m := range markings {
		texts = append(texts, m.text)
	}
	important := []string{"important"}
	return []*rule{{
		Detector: Detector{
			ID: "document-marking", Categories: important, Strength: flow.Strong, Evidence: EvidenceHelps, Legal: legalImportant,
			Description: "marking of a classified, confidential or internal document, with its own punctuation or alone on its line",
			Source:      "GB/T 9704-2012 section 7.2 (密级); FIRST, TLP 2.0; ISOO, marking of classified national security information; EU 2013/488; VSA",
		},
		literals: texts,
		text:     markingAround,
	}, {
		Detector: Detector{
			ID: "classification-field", Categories: important, Strength: flow.Strong, Evidence: EvidenceRequired, Legal: legalImportant,
			Description: "field that says how a document is classified",
			Source:      "GB/T 9704-2012; GB/T 43697-2024 (data classification and grading)",
		},
		keys: words(strings.Split("密级|保密级别|机密等级|数据级别|数据分级|security classification|securityclassification|classification level|confidentiality|confidentiality level|"+
			"sensitivity label|document classification|data classification|information classification|tlp|classification|vertraulichkeit*|geheimhaltungsgrad|機密区分|보안등급", "|"),
			strings.Split("type|model|score|id|url|count|report|image|accuracy|loss", "|")),
		field: func(f *field, value []byte) match {
			var scratch [4 * maxKey]byte
			if len(f.text) > 64 || !levels.has(normalise(scratch[:0], f.text)) {
				return match{}
			}
			return f.match(lowered(value, f.text), flow.Strong)
		},
	}}
}

var levels = words(strings.Split("secret|top secret|confidential|restricted|internal|red|amber|strictly confidential|highly confidential|proprietary|"+
	"geheim|vertraulich|confidentiel|secreto|confidencial|绝密|机密|秘密|内部|核心|重要|敏感|極秘|社外秘|대외비|기밀", "|"), strings.Split("not|non|un|none|public", "|"))

// markingAround judges the marking at at: the longest one that stands there, and what is beside it.
func markingAround(view []byte, at int, value []byte) match {
	longest, strong := "", false
	for _, m := range markings {
		if len(m.text) > len(longest) && bytes.HasPrefix(view[at:], []byte(m.text)) {
			longest, strong = m.text, m.strong
		}
	}
	end := at + len(longest)
	latin := longest[0] < 0x80
	if latin && (startsMidWord(view, at) || endsMidWord(view, end) && longest[len(longest)-1] != '/') {
		return match{}
	}
	out := append(value, longest...)
	if strong {
		return match{at, end, out, flow.Strong}
	}
	from := at
	for from > 0 && at-from < 64 && view[from-1] != '\n' && !isOneOf(view[from-1], "\"'>|") {
		from--
	}
	to := end
	for to < len(view) && to-end < 64 && view[to] != '\n' && view[to] != '\r' && !isOneOf(view[to], "\"'<|") {
		to++
	}
	before, after := bytes.Trim(view[from:at], " \t*#-=_[](){}·【】　★"), bytes.Trim(view[end:to], " \t*#-=_[](){}·【】　★!")
	switch {
	case len(before) == 0 && len(after) == 0 && from > 0 && isOneOf(view[from-1], "\"'"):
		return match{} // a value of a field, of which the key decides
	case len(before) == 0 && (len(after) == 0 || latin && isOneOf(after[0], ":") && len(after) == 1):
		return match{at, end, out, flow.Medium}
	case bytes.HasSuffix(before, []byte("密级:")), bytes.HasSuffix(before, []byte("密级：")), bytes.HasSuffix(bytes.ToLower(before), []byte("classification:")):
		return match{at, end, out, flow.Strong}
	}
	return match{}
}
