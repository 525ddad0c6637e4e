package classify

import (
	"bytes"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// health makes r one of the numbers by which care knows a person: health data by the fact that it is kept
// there.
func health(r *rule) *rule {
	r.Categories = []string{"government-id", "health", "personal", "sensitive"}
	r.Legal = legalHealth
	r.identifies = identifiesByCare
	return r
}

func healthRules() []*rule {
	categories := []string{"health", "personal", "sensitive"}
	return []*rule{{
		Detector: Detector{
			ID: "icd-code", Categories: categories, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalHealth,
			Description: "code of a disease: under a key or beside a word that speaks of a diagnosis, or three of them together",
			Source:      "WHO, ICD-10; CMS, ICD-10-CM",
		},
		words: words(strings.Split(diagnosisTerms, "|"), []string{"version", "build", "part", "model", "sku", "room", "gate", "seat", "section", "order"}),
		forms: strings.Fields("A99.9 A9*.* A9*.** A9*.*** A9*.****"),
		check: func(t *token) flow.Strength {
			switch {
			case !isDiseaseCode(t.raw):
				return 0
			case len(t.raw) > 3 && !isDrawing(t.view, t.end) && hasDiseasesBeside(t.view, t.start, t.end):
				return flow.Medium
			}
			return flow.Weak
		},
		keys:  words([]string{"icd", "diagnosis code", "diagnosis codes", "diagnosiscode", "dx code", "dx codes", "primary dx", "diagnosecode", "diagnoseschlüssel", "疾病编码", "诊断编码"}, nil),
		field: diseaseField,
	}, {
		Detector: Detector{
			ID: "hl7-message", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalHealth,
			Description: "HL7 version 2 message: its header segment",
			Source:      "HL7 Messaging Standard version 2.x, chapter 2 (MSH)",
		},
		literals: []string{`MSH|^~\&`, `MSH|^~\\&`},
		text: func(view []byte, at int, value []byte) match {
			end := lineEnd(view, at)
			if startsMidWord(view, at) || bytes.Count(view[at:end], []byte("|")) < 6 {
				return match{}
			}
			return match{at, end, append(value, view[at:min(end, at+maxValue)]...), flow.Strong}
		},
	}, {
		Detector: Detector{
			ID: "fhir-resource", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalHealth,
			Description: "FHIR resource of a patient or of care for one, in JSON or XML; CDA document",
			Source:      "HL7 FHIR R5, resource list; HL7 CDA R2",
		},
		literals: []string{`resourceType`, `http://hl7.org/fhir"`, `urn:hl7-org:v3"`},
		text:     careResource,
	}, {
		Detector: Detector{
			ID: "dicom", Categories: categories, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalHealth,
			Description: "DICOM file: preamble and prefix",
			Source:      "DICOM PS3.10 section 7.1",
		},
		literals: []string{"DICM\x02\x00"},
		text: func(view []byte, at int, value []byte) match {
			if at < 128 {
				return match{}
			}
			return match{at, at + 4, append(value, "DICM"...), flow.Strong}
		},
	}, {
		Detector: Detector{
			ID: "health-field", Categories: categories, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalHealth,
			Description: "field whose key names a person's state of health, care or medication, with a value that says something",
			Source:      "GDPR art. 4(15), recital 35",
		},
		keys: words(strings.Split(healthKeys, "|"), strings.Split("check|healthcheck|code|url|id|endpoint|system|service|probe|api", "|")),
		field: func(f *field, value []byte) match {
			said := f.clause()
			if !saysSomething(said.text) || isLabel(said.text, healthLabels) || isCode(f.text) || f.cut || bytes.IndexByte(f.text, '{') >= 0 {
				return match{}
			}
			return said.match(lowered(value, said.text), flow.Medium)
		},
	}}
}

const diagnosisTerms = "icd|diagnosis|diagnoses|diagnosed|diagnose|diagnosen|diagnostic|diagnostico|diagnóstico|diagnosi|诊断|疾病|診断|진단|patient"

const healthKeys = "allergy|allergic to|chronic condition|chronic conditions|dx|meds|current meds|symptom|blood type|bloodtype|blood group|bloodgroup|hiv|hiv status|hiv result|diagnosis|diagnoses|medical condition|medical conditions|medical history|" +
	"health condition|health conditions|chronic disease|chronic diseases|allergies|medications|medication|prescription|prescriptions|pregnant|" +
	"pregnancy|disability|disabilities|mental health|mental health status|vaccination status|symptoms|treatment plan|blutgruppe|diagnose|" +
	"krankheit*|vorerkrankung*|schwangerschaft|behinderung|groupe sanguin|allergie*|antécédents médicaux|grupo sanguineo|grupo sanguíneo|" +
	"diagnostico|diagnóstico|discapacidad|血型|病史|诊断|过敏史|既往史|残疾|用药|病歴|血液型|診断|혈액형|병력|진단"

var healthLabels = labels(healthKeys)

// isDiseaseCode checks the form of an ICD-10 or ICD-10-CM code: a capital letter, a digit, a digit or letter,
// and up to four more behind a full stop, the first of them a digit or the placeholder X.
func isDiseaseCode(code []byte) bool {
	if len(code) < 3 || len(code) == 4 || len(code) > 8 || !isUpper(code[0]) || !isDigit(code[1]) || !isDigit(code[2]) && !isOneOf(code[2], "AB") {
		return false
	}
	for i, b := range code[3:] {
		if i == 0 && b != '.' || i == 1 && !isDigit(b) && b != 'X' || i > 1 && !isDigit(b) && !isUpper(b) {
			return false
		}
	}
	return true
}

func diseaseField(f *field, value []byte) match {
	code := f.text
	if len(code) > 3 && len(code) <= 7 && code[3] != '.' { // claims leave the full stop out
		code = append(append(append(value, code[:3]...), '.'), code[3:]...)
	}
	if !isDiseaseCode(code) {
		return match{}
	}
	value = value[:0]
	for _, b := range code { // in the form in which check has it
		if b != '.' {
			value = append(value, b)
		}
	}
	return f.match(value, flow.Strong)
}

// hasDiseasesBeside looks for two codes with full stops near the one from start to end, which differ from it.
func hasDiseasesBeside(view []byte, start, end int) bool {
	others := 0
	for i := max(3, start-4*nearby); i < min(len(view)-1, end+4*nearby); i++ {
		if view[i] != '.' || i >= start && i < end {
			continue
		}
		from, to := i-3, i+1
		for to < len(view) && to < i+6 && (isDigit(view[to]) || isUpper(view[to])) {
			to++
		}
		if !startsMidWord(view, from) && !endsMidWord(view, to) && !isDrawing(view, to) && isDiseaseCode(view[from:to]) && !bytes.Equal(view[from:to], view[start:end]) {
			if others++; others == 2 {
				return true
			}
		}
	}
	return false
}

// isDrawing says whether another number follows at end, as in the paths of SVG ("M16.98,7.6").
func isDrawing(view []byte, end int) bool {
	for end < len(view) && isOneOf(view[end], " ,") {
		end++
	}
	return end < len(view) && (isDigit(view[end]) || isOneOf(view[end], "-.+"))
}

// patientResources are the resources of the FHIR compartment of a patient that say something of care.
var patientResources = setOf("Patient RelatedPerson Person Encounter Observation Condition Procedure MedicationRequest " +
	"MedicationStatement MedicationAdministration MedicationDispense Immunization AllergyIntolerance DiagnosticReport " +
	"CarePlan CareTeam Claim ClaimResponse Coverage ExplanationOfBenefit FamilyMemberHistory ImagingStudy ServiceRequest " +
	"Specimen Appointment Composition DocumentReference QuestionnaireResponse ClinicalImpression DetectedIssue Goal " +
	"NutritionOrder RiskAssessment VisionPrescription BodyStructure Consent EpisodeOfCare GenomicStudy MolecularSequence")

func careResource(view []byte, at int, value []byte) match {
	rest := view[at:]
	switch rest[0] {
	case 'r': // "resourceType": "Patient"
		i := len("resourceType")
		for i < len(rest) && i < 24 && isOneOf(rest[i], "\"\\: \t\n") {
			i++
		}
		end := i
		for end < len(rest) && isAlpha(rest[end]) {
			end++
		}
		if at == 0 || view[at-1] != '"' || !patientResources[string(rest[i:end])] {
			return match{}
		}
		return match{at, at + end, append(value, rest[i:end]...), flow.Strong}
	case 'u': // <ClinicalDocument xmlns="urn:hl7-org:v3">
		if from := bytes.LastIndexByte(view[:at], '<'); from >= 0 && bytes.HasPrefix(view[from:], []byte("<ClinicalDocument")) {
			return match{from, at, append(value, "ClinicalDocument"...), flow.Strong}
		}
	case 'h': // <Patient xmlns="http://hl7.org/fhir">
		from := bytes.LastIndexByte(view[:at], '<')
		if from < 0 {
			return match{}
		}
		end := from + 1
		for end < at && isAlpha(view[end]) {
			end++
		}
		if patientResources[string(view[from+1:end])] {
			return match{from, end, append(value, view[from+1:end]...), flow.Strong}
		}
	}
	return match{}
}
