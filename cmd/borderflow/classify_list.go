package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/borderflow/borderflow/rules/classify"
)

// listedDetector is one line of classify --list; its field names are kept stable.
type listedDetector struct {
	Detector    string   `json:"detector"`
	Description string   `json:"description"`
	Country     string   `json:"country,omitempty"`
	Categories  []string `json:"categories"`
	Strength    string   `json:"strength"`
	Evidence    string   `json:"evidence"`
	Legal       string   `json:"legal"`
	Source      string   `json:"source"`
}

// writeDetectors prints every detector: what it finds, how far a value is to be trusted on its own, what
// it needs beside it, and the legal notions and the standard it stands on.
func writeDetectors(w io.Writer, output string) error {
	detectors := []listedDetector{}
	for _, d := range classify.Detectors() {
		detectors = append(detectors, listedDetector{d.ID, d.Description, d.Country, d.Categories, d.Strength.String(), string(d.Evidence), d.Legal, d.Source})
	}
	if output == "json" {
		return writeJSON(w, detectors)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %-7s %-8s %-8s %s\n", "DETECTOR", "COUNTRY", "STRENGTH", "EVIDENCE", "CATEGORIES")
	for _, d := range detectors {
		country := d.Country
		if country == "" {
			country = "-"
		}
		fmt.Fprintf(&b, "%-24s %-7s %-8s %-8s %s\n", d.Detector, country, d.Strength, d.Evidence, strings.Join(d.Categories, ", "))
		fmt.Fprintf(&b, "    %s\n    legal:  %s\n    source: %s\n", d.Description, d.Legal, d.Source)
	}
	return writeText(w, b.String())
}
