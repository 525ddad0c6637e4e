package classify

import "github.com/borderflow/borderflow/rules/flow"

func unitedStatesRules() []*rule {
	return []*rule{{
		Detector: Detector{
			ID:          "us-ssn",
			Description: "US Social Security number; without hyphens, which leaves no shape to go by, only with evidence",
			Country:     "US",
			Categories:  []string{"government-id", "personal", "sensitive"},
			Strength:    flow.Medium,
			Evidence:    EvidenceHelps,
			Source:      "Social Security Administration, POMS RM 10201.035 (numbers never assigned)",
			Legal:       legalIdentifier,
		},
		identifies: identifiesByGovernment,
		words: words(
			[]string{"ssn", "ssns", "ss", "social security", "socialsecurity", "soc sec", "socsec", "national id", "nationalid",
				"tax id", "taxid", "taxpayer", "tin", "sozialversicherung*", "numero de seguridad social",
				"seguridad social", "securite sociale", "社会安全号", "社会保障号", "社会安全", "社保号"},
			[]string{"federal tax id", "federal tax", "employer id", "employer", "order", "invoice", "part", "sku", "tracking", "shipment", "ticket", "trace", "hash", "serial",
				"phone", "tel", "fax", "mobile", "telefon", "zip", "routing", "version", "build", "isbn", "model", "catalog",
				"reference", "ref", "transaction", "bestell*", "rechnung*", "订单", "单号", "电话"},
		),
		shapes: []shape{shapeOf(9), shapeOf(3, 2, 4)},
		check:  ssnStrength,
	}}
}

// ssnStrength checks area, group and serial number: neither is ever all zeros, and the areas 666 and from
// 900 on are not assigned.
func ssnStrength(t *token) flow.Strength {
	number := t.value()
	area, group, serial := decimal(number[:3]), decimal(number[3:5]), decimal(number[5:])
	if area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0 {
		return 0
	}
	// Printed on sample cards and in a pamphlet, and withdrawn for that.
	advertised := string(number) == "078051120" || string(number) == "219099999"
	if t.separator != '-' || advertised {
		return flow.Weak
	}
	return flow.Medium
}
