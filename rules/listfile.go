package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Limits of lists.
const (
	MaxLists       = 1024
	MaxListEntries = 500_000 // of one list
	MaxListBytes   = 16 << 20
	maxEntryLength = 512
	maxListFaults  = 50 // reported of one list; whoever has more repairs these first
)

// listDocument is one list as it is written. Entries stand in it, or one a line in a file beside it.
type listDocument struct {
	APIVersion  apiVersion `yaml:"apiVersion"`
	Kind        kind       `yaml:"kind"`
	Name        string     `yaml:"name"`
	Description string     `yaml:"description"`
	Type        ListType   `yaml:"type"`
	Entries     []string   `yaml:"entries"`
	File        string     `yaml:"file"`
}

// UnmarshalText reads the type as list files spell it.
func (t *ListType) UnmarshalText(text []byte) error {
	*t = ListType(text)
	return document.OneOf(string(text), listTypes...)
}

// listReader reads one list document.
type listReader struct {
	*reader
	positions *document.Positions
	document  *listDocument

	list     *list
	networks []netip.Prefix
	seen     map[string]place // canonical entry → where it stands
	faults   int
	full     bool // MaxListEntries are reached
}

// place is a position in a list's document or file.
type place struct {
	file         string
	line, column int
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column) }

// readList reads the entries of a list, and reports everything that is wrong with it.
func (r *reader) readList(d *listDocument, positions *document.Positions, files map[string][]byte) {
	l := &listReader{reader: r, positions: positions, document: d, seen: map[string]place{}}
	line, _ := positions.At("name")
	l.list = &list{words: map[string]struct{}{},
		ListInfo: ListInfo{Name: d.Name, Description: d.Description, Type: d.Type, File: positions.File(), Line: line}}
	require(r, positions, "apiVersion", "apiVersion: borderflow/v1")
	require(r, positions, "type", "type: "+strings.Join(listTypes, ", type: "))
	if require(r, positions, "name", "a name for conditions, for example partners") {
		l.checkName()
	}
	switch {
	case positions.Has("entries") && positions.Has("file"):
		l.problem("file", "keep one of them", "both entries and file are given")
	case positions.Has("file"):
		l.readFile(files)
	case positions.Has("entries"):
		for i, entry := range d.Entries {
			path := fmt.Sprintf("entries[%d]", i)
			line, column := positions.At(path)
			l.add(entry, place{positions.File(), line, column})
		}
	default:
		l.problem("entries", "entries: [], or file: and the name of a file beside this one", "entries is required")
	}
	l.finish()
}

func (l *listReader) problem(path, hint, format string, arguments ...any) {
	l.problems = append(l.problems, l.positions.Problem(path, fmt.Sprintf(format, arguments...), hint))
}

func (l *listReader) checkName() {
	name := l.document.Name
	line, column := l.positions.At("name")
	switch before, taken := l.listNames[name]; {
	case !identifier.MatchString(name):
		l.problem("name", "", "name must be of %s", identifierForm)
	case taken:
		l.problem("name", "first at "+before.String(), "list name %q is taken", name)
	case len(l.listNames) >= MaxLists:
		l.problem("name", "", "more than %d lists", MaxLists)
	default:
		l.listNames[name] = place{l.positions.File(), line, column}
	}
}

// readFile reads the entries from a text file: one a line, "#" begins a comment.
func (l *listReader) readFile(files map[string][]byte) {
	name := l.document.File
	if name == "" || name != filepath.Base(name) || filepath.Ext(name) != listExtension || strings.HasPrefix(name, ".") {
		l.problem("file", "for example partners.txt", "file must name a %s file in the directory of this one", listExtension)
		return
	}
	path := filepath.Join(filepath.Dir(l.positions.File()), name)
	data, ok := files[path]
	switch {
	case !ok:
		l.problem("file", nearestFile(name, files), "there is no file %q in the directory of this one", name)
		return
	case len(data) > MaxListBytes:
		l.problem("file", "", "the file has more than %d bytes", MaxListBytes)
		return
	}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) {
		number++
		text, _, _ := strings.Cut(string(line), "#")
		entry := strings.TrimSpace(text)
		if entry == "" {
			continue
		}
		before, _, _ := strings.Cut(text, entry)
		l.add(entry, place{path, number, utf8.RuneCountInString(before) + 1})
	}
}

// nearestFile names the list file that was probably meant.
func nearestFile(name string, files map[string][]byte) string {
	var names []string
	for path := range files {
		if filepath.Ext(path) == listExtension {
			names = append(names, filepath.Base(path))
		}
	}
	if nearest, ok := document.Nearest(name, names); ok {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	return ""
}

// add takes one entry, or reports what is wrong with it.
func (l *listReader) add(entry string, at place) {
	if len(l.seen) >= MaxListEntries {
		if !l.full {
			l.full = true
			l.fault(at, fmt.Sprintf("more than %d entries in one list", MaxListEntries), "")
		}
		return
	}
	canonical, message, hint := l.canonical(entry)
	if message != "" {
		l.fault(at, message, hint)
		return
	}
	if before, twice := l.seen[canonical]; twice {
		l.fault(at, fmt.Sprintf("%q is listed twice", shorten(entry)), "first at "+before.String())
		return
	}
	l.seen[canonical] = at
}

func (l *listReader) fault(at place, message, hint string) {
	if l.faults++; l.faults <= maxListFaults {
		l.problems = append(l.problems, document.Problem{File: at.file, Line: at.line, Column: at.column, Message: message, Hint: hint})
	}
}

// canonical returns the entry in the one form that it is looked up in.
func (l *listReader) canonical(entry string) (canonical, message, hint string) {
	if len(entry) > maxEntryLength || strings.ContainsFunc(entry, unicode.IsControl) || !utf8.ValidString(entry) {
		return "", fmt.Sprintf("an entry is text of at most %d bytes on one line", maxEntryLength), ""
	}
	switch l.document.Type {
	case HostList:
		return canonicalHostEntry(entry)
	case SuffixList:
		return canonicalSuffixEntry(entry)
	case NetworkList:
		network, message, hint := parseNetwork(entry)
		if message == "" {
			l.networks = append(l.networks, network)
		}
		return network.String(), message, hint
	case CountryList:
		if !jurisdiction.ValidCountry(entry) {
			return "", fmt.Sprintf("%q is not an ISO 3166-1 alpha-2 code", shorten(entry)), nearestCountry(entry)
		}
	}
	if strings.TrimSpace(entry) == "" {
		return "", "an entry is empty", ""
	}
	return entry, "", ""
}

func nearestCountry(wrong string) string {
	if code := jurisdiction.NearestCountry(wrong); code != "" {
		return fmt.Sprintf("did you mean %q, %s?", code, jurisdiction.CountryName(code))
	}
	return ""
}

func canonicalHostEntry(entry string) (canonical, message, hint string) {
	if address, err := netip.ParseAddr(entry); err == nil && address.Zone() == "" {
		return address.Unmap().String(), "", ""
	}
	if strings.HasPrefix(entry, ".") || strings.HasPrefix(entry, "*") {
		return "", fmt.Sprintf("%q stands for more than one host", shorten(entry)), "a list of type suffixes holds domains with everything below them"
	}
	return canonicalDomain(entry)
}

func canonicalSuffixEntry(entry string) (canonical, message, hint string) {
	domain := strings.TrimPrefix(strings.TrimPrefix(entry, "*"), ".")
	if domain == "" {
		return "", fmt.Sprintf("%q names no domain", entry), ""
	}
	if isAddress(domain) {
		return "", fmt.Sprintf("%q is an address, and nothing is below it", shorten(entry)), "a list of type hosts or networks holds addresses"
	}
	return canonicalDomain(domain)
}

// canonicalDomain returns the A-labels of a name, in lower case and without a trailing dot.
func canonicalDomain(name string) (canonical, message, hint string) {
	if strings.ContainsAny(name, "/:@") {
		return "", fmt.Sprintf("%q is not a host name", shorten(name)), "without scheme, port and path"
	}
	if plainDomain(name) {
		return name, "", ""
	}
	if len(name) > maxEntryLength { // the conversion takes time that grows with the square
		return "", "the name is longer than a host name can be", ""
	}
	ascii, err := domainProfile.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || ascii == "" || len(ascii) > 253 || strings.ContainsFunc(ascii, unfitForHost) {
		return "", fmt.Sprintf("%q is not a host name", shorten(name)), ""
	}
	if last := ascii[strings.LastIndexByte(ascii, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Sprintf("%q is not a host name: its last label is a number", shorten(name)), ""
	}
	return ascii, "", ""
}

// plainDomain reports whether a name is canonical at first sight, as most are: the conversion takes
// microseconds, and lists are long.
func plainDomain(name string) bool {
	const longestLabel = 63
	label, digits := 0, true
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label, digits = 0, true
			continue
		case c >= '0' && c <= '9':
		case c >= 'a' && c <= 'z':
			digits = false
		default:
			return false
		}
		if label++; label > longestLabel {
			return false
		}
	}
	return label > 0 && !digits && len(name) <= 253
}

func unfitForHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// domainProfile maps as browsers do (UTS #46), and allows the underscore of service names.
var domainProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.VerifyDNSLength(true), idna.StrictDomainName(false))

// parseNetwork reads a network or a single address.
func parseNetwork(text string) (network netip.Prefix, message, hint string) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), "", ""
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return network, fmt.Sprintf("%q is not a network or address", shorten(text)), "for example 192.0.2.0/24 or 2001:db8::/32"
	case network.Addr().Is4In6():
		return network, fmt.Sprintf("%q is IPv4 written as IPv6", shorten(text)), "write the IPv4 network"
	case network.Masked() != network:
		return network, fmt.Sprintf("%q has bits set behind its prefix", shorten(text)), fmt.Sprintf("did you mean %q?", network.Masked())
	}
	return network, "", ""
}

// finish makes the list ready for lookups.
func (l *listReader) finish() {
	if l.faults > maxListFaults {
		l.problem("name", "", "%d more mistakes in this list", l.faults-maxListFaults)
	}
	if l.document.Type == NetworkList {
		l.list.networks = spansOf(l.networks)
	} else {
		for entry := range l.seen {
			l.list.words[entry] = struct{}{}
		}
	}
	h := sha256.New()
	for _, entry := range slices.Sorted(maps.Keys(l.seen)) {
		_, _ = io.WriteString(h, entry+"\n") // never fails
	}
	l.list.Entries, l.list.Hash = len(l.seen), hex.EncodeToString(h.Sum(nil))
	l.lists[l.document.Name] = l.list
}

// shorten keeps a quotation of a file within a line.
func shorten(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
