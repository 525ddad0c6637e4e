package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
)

// LabelsFile is the name of the file that says what the other files of a directory hold.
const LabelsFile = "labels.json"

// maxFile is how large a file of a directory may be, in bytes.
const maxFile = 64 << 20

// ReadDirectory reads the documents of somebody else: the files under directory, and in its labels.json what
// each of them holds, as file → detector → values, each value as it stands in the file:
//
//	{"orders/1.json": {"email": ["erika@example.com"], "payment-card": ["4000 1234 5678 9017"]}}
//
// A file that labels.json does not name holds nothing. The value "*" stands for one value, whatever it is: for
// what is encoded or has no text. Names of files have forward slashes. All mistakes are reported together.
func ReadDirectory(directory string) ([]Document, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("read corpus: %w", err)
	}
	defer root.Close()
	labels, err := readLabels(root)
	if err != nil {
		return nil, fmt.Errorf("read corpus %q: %w", directory, err)
	}
	documents, mistakes := []Document{}, labels.mistakes()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || name == LabelsFile {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Size() > maxFile {
			mistakes = append(mistakes, fmt.Errorf("%s: found %d bytes, expected at most %d", name, info.Size(), maxFile))
			return nil
		}
		body, err := root.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		d := Document{Name: name, Kind: path.Ext(name), ContentType: contentTypeOf(name), Body: body}
		for _, detector := range slices.Sorted(maps.Keys(labels[name])) {
			for _, value := range labels[name][detector] {
				d.Labels = append(d.Labels, Label{Detector: detector, Value: value})
			}
		}
		documents = append(documents, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read corpus %q: %w", directory, err)
	}
	names := []string{}
	for _, d := range documents {
		names = append(names, d.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains(names, name) {
			mistakes = append(mistakes, fmt.Errorf("%s: no such file %q%s", LabelsFile, name, suggestion(name, names)))
		}
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("read corpus %q: %w", directory, errors.Join(mistakes...))
	}
	return documents, nil
}

// labelling is file → detector → values.
type labelling map[string]map[string][]string

func readLabels(root *os.Root) (labelling, error) {
	text, err := root.ReadFile(LabelsFile)
	if err != nil {
		return nil, err
	}
	labels := labelling{}
	if err := json.Unmarshal(text, &labels); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		offset := int64(-1)
		switch {
		case errors.As(err, &syntax):
			offset = syntax.Offset
		case errors.As(err, &kind):
			offset = kind.Offset
		}
		if offset < 0 || offset > int64(len(text)) {
			return nil, fmt.Errorf("%s: %w", LabelsFile, err)
		}
		before := text[:offset]
		line, column := bytes.Count(before, []byte("\n"))+1, len(before)-bytes.LastIndexByte(before, '\n')-1
		return nil, fmt.Errorf("%s:%d:%d: expected an object of files, each an object of detectors with lists of values", LabelsFile, line, max(1, column))
	}
	return labels, nil
}

// mistakes are detectors that there are none of, and empty values.
func (l labelling) mistakes() []error {
	var known []string
	for _, d := range classify.Detectors() {
		known = append(known, d.ID)
	}
	var mistakes []error
	for _, name := range slices.Sorted(maps.Keys(l)) {
		for _, detector := range slices.Sorted(maps.Keys(l[name])) {
			if !slices.Contains(known, detector) {
				mistakes = append(mistakes, fmt.Errorf("%s: %q: unknown detector %q%s", LabelsFile, name, detector, suggestion(detector, known)))
			}
			if slices.ContainsFunc(l[name][detector], func(v string) bool { return strings.TrimSpace(v) == "" }) {
				mistakes = append(mistakes, fmt.Errorf("%s: %q: detector %q: found an empty value, expected the value as it stands in the file", LabelsFile, name, detector))
			}
		}
	}
	return mistakes
}

func suggestion(name string, known []string) string {
	if nearest, ok := document.Nearest(name, known); ok {
		return fmt.Sprintf(" (did you mean %q?)", nearest)
	}
	return ""
}

// contentTypeOf is what a client would declare of a file; "" if nothing.
func contentTypeOf(name string) string {
	return map[string]string{
		".json": "application/json", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson", ".geojson": "application/geo+json",
		".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain", ".log": "text/plain", ".md": "text/markdown",
		".html": "text/html", ".xml": "application/xml", ".svg": "image/svg+xml", ".css": "text/css", ".js": "text/javascript",
		".yaml": "application/yaml", ".yml": "application/yaml", ".form": "application/x-www-form-urlencoded", ".eml": "message/rfc822",
		".sql": "application/sql", ".png": "image/png", ".zip": "application/zip", ".bin": "application/octet-stream",
	}[strings.ToLower(path.Ext(name))]
}
