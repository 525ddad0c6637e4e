package certs

import (
	"fmt"
	"strings"
)

// FileError is a certificate or key file that cannot be used: where, what was found there, what was
// expected instead, and what to do about it. It never quotes the file's content.
type FileError struct {
	File     string // path as it was given
	Line     int    // 1-based line of the PEM block; 0 when the whole file is meant
	Found    string
	Expected string
	Fix      string // what the operator can do; "" when Expected says it all
	Err      error  // cause for errors.Is, for example fs.ErrNotExist; may be nil
}

// Error returns the whole mistake on one line.
func (e *FileError) Error() string {
	var s strings.Builder
	s.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&s, ": line %d", e.Line)
	}
	fmt.Fprintf(&s, ": found %s, expected %s", e.Found, e.Expected)
	if e.Fix != "" {
		fmt.Fprintf(&s, "; %s", e.Fix)
	}
	return s.String()
}

// Unwrap returns the cause, if there is one.
func (e *FileError) Unwrap() error { return e.Err }
