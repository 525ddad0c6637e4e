package lint

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules"
)

// Edit replaces a text within a condition that can only have been meant as another: one that, as it
// stands, is equal to nothing.
type Edit struct {
	Line   int    `json:"line"`   // from 1
	Column int    `json:"column"` // of the text's first character, behind its quote; from 1
	Old    string `json:"old"`
	New    string `json:"new"`
}

// Fix returns the files that the findings' edits change, and how many edits were applied. An edit
// whose text does not stand in the file as the condition has it, because YAML spells it in another
// way, is left out. Everything else stays as it is, byte for byte. The result is checked: if what
// it says is not a policy any more, Fix returns an error and no file.
func Fix(files map[string][]byte, findings []Finding) (changed map[string][]byte, applied int, err error) {
	byFile := map[string][]Edit{}
	for _, f := range findings {
		if f.Edit != nil && !slices.Contains(byFile[f.File], *f.Edit) {
			byFile[f.File] = append(byFile[f.File], *f.Edit)
		}
	}
	changed, all := map[string][]byte{}, map[string][]byte{}
	for name, data := range files {
		all[name] = data
		fixed, n := apply(data, byFile[name])
		if n > 0 {
			changed[name], all[name] = fixed, fixed
			applied += n
		}
	}
	if len(changed) == 0 {
		return nil, 0, nil
	}
	if _, problems := rules.Parse(all); len(problems) > 0 {
		return nil, 0, fmt.Errorf("fix the policy: the result would not be one: %w", problems)
	}
	return changed, applied, nil
}

// apply makes the edits from the end of the file to its beginning, so that none moves another.
func apply(data []byte, edits []Edit) ([]byte, int) {
	type place struct {
		Edit
		offset int
	}
	var places []place
	for _, e := range edits {
		offset, ok := offsetOf(data, e.Line, e.Column)
		if ok && stands(data, offset, e.Old) {
			places = append(places, place{e, offset})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(b.offset, a.offset) })
	fixed := bytes.Clone(data)
	for _, p := range places {
		fixed = slices.Replace(fixed, p.offset, p.offset+len(p.Old), []byte(p.New)...)
	}
	return fixed, len(places)
}

// stands reports whether text stands at offset, between quotes.
func stands(data []byte, offset int, text string) bool {
	end := offset + len(text)
	if offset < 1 || end >= len(data) || string(data[offset:end]) != text {
		return false
	}
	quote := data[offset-1]
	return (quote == '"' || quote == '\'') && data[end] == quote
}

// offsetOf returns the byte at which a character stands. Lines end as package document has it: in
// LF, CR LF or CR.
func offsetOf(data []byte, line, column int) (int, bool) {
	i := len(data) - len(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	for ; line > 1; line-- {
		end := bytes.IndexAny(data[i:], "\r\n")
		if end < 0 {
			return 0, false
		}
		if i += end + 1; data[i-1] == '\r' && i < len(data) && data[i] == '\n' {
			i++
		}
	}
	for ; column > 1; column-- {
		if i >= len(data) || data[i] == '\n' || data[i] == '\r' {
			return 0, false
		}
		_, size := utf8.DecodeRune(data[i:])
		i += size
	}
	return i, i < len(data)
}

// WriteFile replaces the file at path, which must exist and still hold before, in one step: whoever
// reads it sees all of the one or all of the other. A link is followed, and the mode kept.
func WriteFile(path string, before, after []byte) (err error) {
	if len(after) == 0 {
		return fmt.Errorf("replace %s: the new content is empty", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("replace a policy file: %w", err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("replace a policy file: %w", err)
	}
	if now, err := os.ReadFile(target); err != nil || !bytes.Equal(now, before) {
		return fmt.Errorf("replace %s: %w", path, cmp.Or(err, errors.New("it has changed meanwhile")))
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), ".borderflow-*")
	if err != nil {
		return fmt.Errorf("replace a policy file: %w", err)
	}
	defer func() {
		if err != nil {
			temporary.Close()
			os.Remove(temporary.Name())
			err = fmt.Errorf("replace %s: %w", path, err)
		}
	}()
	if err = temporary.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if _, err = temporary.Write(after); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), target)
}
