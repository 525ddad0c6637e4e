package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// The parts of SARIF 2.1.0 (OASIS, 27 March 2020) that code review tools read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID            string             `json:"id"`
		Name          string             `json:"name"`
		Short         sarifText          `json:"shortDescription"`
		Full          sarifText          `json:"fullDescription"`
		Help          sarifText          `json:"help"`
		Configuration sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID      string            `json:"ruleId"`
		RuleIndex   int               `json:"ruleIndex"`
		Level       string            `json:"level"`
		Message     sarifText         `json:"message"`
		Locations   []sarifLocation   `json:"locations"`
		Fixes       []sarifFix        `json:"fixes,omitempty"`
		Fingerprint map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted sarifText   `json:"insertedContent"`
	}
)

// WriteSARIF writes the findings as one SARIF 2.1.0 log, for tools that annotate changes under
// review. File names are written as relative references where they are relative.
func WriteSARIF(w io.Writer, findings []Finding, version string) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "borderflow", Version: version}
	indexes := map[string]int{}
	for i, k := range Kinds() {
		indexes[k.Code] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: k.Code, Name: camelCase(k.Name), Short: sarifText{k.Summary + "."},
			Full: sarifText{k.Explanation}, Help: sarifText{k.Explanation + " What to do: " + k.Fix + "."}, Configuration: sarifConfiguration{k.Severity.String()}})
	}
	for _, f := range findings {
		run.Results = append(run.Results, f.sarif(indexes[f.Code]))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	return nil
}

func (f Finding) sarif(index int) sarifResult {
	message := f.Message + "; " + f.Fix
	if f.Witness != "" {
		message += ". For example: " + f.Witness
	}
	file := sarifArtifact{reference(f.File)}
	result := sarifResult{RuleID: f.Code, RuleIndex: index, Level: f.Severity.String(), Message: sarifText{message},
		Locations:   []sarifLocation{{sarifPhysical{file, sarifRegion{StartLine: f.Line, StartColumn: f.Column}}}},
		Fingerprint: map[string]string{"borderflow/v1": f.Code + "/" + f.Policy + "/" + f.Rule}}
	if e := f.Edit; e != nil {
		deleted := sarifRegion{e.Line, e.Column, e.Line, e.Column + len([]rune(e.Old))}
		result.Fixes = []sarifFix{{sarifText{f.Fix}, []sarifChange{{file, []sarifReplacement{{deleted, sarifText{e.New}}}}}}}
	}
	return result
}

// reference returns a file's name as a URI reference (RFC 3986).
func reference(path string) string {
	slashed := filepath.ToSlash(path)
	parts := strings.Split(slashed, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	uri := strings.Join(parts, "/")
	if strings.HasPrefix(uri, "/") {
		return "file://" + uri
	}
	return uri
}

// camelCase writes a name as SARIF asks for: never-matches → NeverMatches.
func camelCase(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
