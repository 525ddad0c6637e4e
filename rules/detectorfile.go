package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/classify/exact"
	"github.com/borderflow/borderflow/rules/classify/pattern"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Files of detectors: the hashes of a table of values, and their salt.
const (
	hashesExtension = ".hashes"
	saltExtension   = ".salt"
)

// DetectorPrefix begins the ids of the detectors of a policy directory, so that none is ever taken for a built-in one.
const DetectorPrefix = "custom/"

var (
	detectorName = regexp.MustCompile(`^custom/[a-z0-9][a-z0-9._-]{0,63}$`)
	ownCategory  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	// evidenceWord is what the neighbourhood of a value is searched for: it is read without digits and punctuation.
	evidenceWord = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{M}]+( [\p{Ll}\p{Lo}\p{M}]+)*\*?$`)
)

// detectorDocument is one detector of the operator's as it is written.
type detectorDocument struct {
	APIVersion  apiVersion       `yaml:"apiVersion"`
	Kind        kind             `yaml:"kind"`
	ID          string           `yaml:"id"`
	Description string           `yaml:"description"`
	Categories  []string         `yaml:"categories"`
	Strength    detectorStrength `yaml:"strength"`
	Evidence    detectorEvidence `yaml:"evidence"`
	Country     string           `yaml:"country"`
	Legal       string           `yaml:"legal"`
	Keywords    []string         `yaml:"keywords"`
	List        string           `yaml:"list"`
	MatchCase   bool             `yaml:"matchCase"`
	Pattern     string           `yaml:"pattern"`
	Slow        bool             `yaml:"slow"`
	Exact       exactTable       `yaml:"exact"`
}

type detectorEvidence struct {
	Supports []string `yaml:"supports"`
	Denies   []string `yaml:"denies"`
	Required bool     `yaml:"required"`
}

type exactTable struct {
	File string `yaml:"file"`
	Salt string `yaml:"salt"`
}

type detectorStrength struct{ flow.Strength }

func (s *detectorStrength) UnmarshalText(text []byte) error {
	var names []string
	for _, strength := range []flow.Strength{flow.Weak, flow.Medium, flow.Strong} {
		if names = append(names, strength.String()); strength.String() == string(text) {
			s.Strength = strength
		}
	}
	return document.OneOf(string(text), names...)
}

// hashedDetector is a detector as the hash of a snapshot names it: with the contents that it refers to.
type hashedDetector struct {
	Detector *detectorDocument
	Contents string `json:",omitempty"`
}

// detectorReader reads one detector document.
type detectorReader struct {
	*reader
	positions *document.Positions
	document  *detectorDocument
	custom    classify.Custom
	contents  string
}

func (r *reader) readDetector(d *detectorDocument, positions *document.Positions, files map[string][]byte) {
	c := &detectorReader{reader: r, positions: positions, document: d}
	require(r, positions, "apiVersion", "apiVersion: borderflow/v1")
	if require(r, positions, "id", "id: custom/project-names") {
		c.checkID()
	}
	require(r, positions, "description", "what the values are, for whoever reads records and rules")
	if require(r, positions, "categories", "categories: [important]") {
		c.checkCategories()
	}
	if d.Country != "" && !jurisdiction.ValidCountry(d.Country) {
		c.problem("country", nearestCountry(d.Country), "%q is not an ISO 3166-1 alpha-2 code", shorten(d.Country))
	}
	c.readEvidence()
	c.readValues(files)
	if len(r.detectors) == classify.MaxCustom {
		c.problem("id", "", "more than %d detectors", classify.MaxCustom)
		return
	}
	if d.Strength.Strength == 0 {
		d.Strength.Strength = flow.Medium
	}
	categories := slices.Sorted(slices.Values(d.Categories))
	c.custom.Detector = classify.Detector{ID: d.ID, Description: d.Description, Country: d.Country, Categories: slices.Compact(categories),
		Strength: d.Strength.Strength, Evidence: c.evidence(), Source: "the operator", Legal: d.Legal}
	r.detectors = append(r.detectors, c.custom)
	r.detectorDocuments = append(r.detectorDocuments, hashedDetector{d, c.contents})
}

func (c *detectorReader) problem(path, hint, format string, arguments ...any) {
	c.problems = append(c.problems, c.positions.Problem(path, fmt.Sprintf(format, arguments...), hint))
}

func (c *detectorReader) checkID() {
	id := c.document.ID
	line, column := c.positions.At("id")
	switch before, taken := c.detectorNames[id]; {
	case !strings.HasPrefix(id, DetectorPrefix):
		c.problem("id", didYouMean(DetectorPrefix+id), "the id of a detector of one's own begins with %q", DetectorPrefix)
	case !detectorName.MatchString(id):
		c.problem("id", "", "id must be %q and lower-case letters, digits, '.', '_' and '-', at most 64, beginning with a letter or digit", DetectorPrefix)
	case taken:
		c.problem("id", "first at "+before.String(), "detector id %q is taken", id)
	default:
		c.detectorNames[id] = place{c.positions.File(), line, column}
	}
}

// checkCategories takes documented names, and names of one's own that nobody takes for one of those.
func (c *detectorReader) checkCategories() {
	if len(c.document.Categories) == 0 {
		c.problem("categories", "categories: [important]", "categories is empty")
	}
	for i, name := range c.document.Categories {
		path := fmt.Sprintf("categories[%d]", i)
		if slices.Contains(knownCategories(), name) {
			continue
		}
		if nearest, near := document.Nearest(name, knownCategories()); near {
			c.problem(path, didYouMean(nearest), "category %q can be taken for a documented one", shorten(name))
		} else if !ownCategory.MatchString(name) {
			c.problem(path, "known here: "+strings.Join(knownCategories(), ", "), "a category is of lower-case letters, digits and '-', at most 64, beginning with a letter")
		}
	}
}

func (c *detectorReader) readEvidence() {
	e := c.document.Evidence
	for _, words := range []struct {
		path string
		all  []string
		into *[]string
	}{{"evidence.supports", e.Supports, &c.custom.Supports}, {"evidence.denies", e.Denies, &c.custom.Denies}} {
		for i, w := range words.all {
			if small := strings.ToLower(w); evidenceWord.MatchString(small) && len(small) <= classify.MaxKeyword {
				*words.into = append(*words.into, small)
				continue
			}
			c.problem(fmt.Sprintf("%s[%d]", words.path, i), `for example "customer", or "kunden*" for all words with it`,
				"evidence is words of letters, with one blank between them, found %q", shorten(w))
		}
	}
	weak := c.document.Strength.Strength == flow.Weak
	if (e.Required || weak) && len(e.Supports) == 0 {
		c.problem("evidence", "evidence: {supports: [customer, client]}", "without evidence.supports nothing is ever reported: what is weak or requires evidence needs a word beside it")
	}
}

func (c *detectorReader) evidence() classify.Evidence {
	switch e := c.document.Evidence; {
	case e.Required:
		return classify.EvidenceRequired
	case len(e.Supports)+len(e.Denies) > 0:
		return classify.EvidenceHelps
	}
	return classify.EvidenceNone
}

// readValues reads what the detector looks for, of which there is one kind.
func (c *detectorReader) readValues(files map[string][]byte) {
	given := slices.DeleteFunc([]string{"keywords", "list", "pattern", "exact"}, func(path string) bool { return !c.positions.Has(path) })
	switch {
	case len(given) == 0:
		c.problem("id", "keywords: [], list:, pattern: or exact:", "the detector does not say what it looks for")
		return
	case len(given) > 1:
		c.problem(given[1], "keep one of them, or write two detectors", "both %s and %s are given", given[0], given[1])
		return
	}
	if c.document.MatchCase && given[0] != "keywords" && given[0] != "list" {
		c.problem("matchCase", "", "matchCase belongs to keywords")
	}
	if c.document.Slow && given[0] != "pattern" {
		c.problem("slow", "", "slow belongs to a pattern")
	}
	switch given[0] {
	case "keywords":
		for i, keyword := range c.document.Keywords {
			c.addKeyword(fmt.Sprintf("keywords[%d]", i), keyword)
		}
		if len(c.document.Keywords) == 0 {
			c.problem("keywords", "keywords: [Project Falcon]", "keywords is empty")
		}
	case "list":
		c.readList()
	case "pattern":
		c.readPattern()
	case "exact":
		c.readExact(files)
	}
}

func (c *detectorReader) addKeyword(path, keyword string) {
	if length := classify.KeywordLength(keyword); !utf8.ValidString(keyword) || length < classify.MinKeyword || length > classify.MaxKeyword {
		c.problem(path, "", "a keyword has %d to %d bytes, found %q", classify.MinKeyword, classify.MaxKeyword, shorten(keyword))
		return
	}
	if c.keywords++; c.keywords == classify.MaxKeywords+1 {
		c.problem(path, "", "more than %d keywords in all detectors", classify.MaxKeywords)
	}
	if c.keywords <= classify.MaxKeywords {
		c.custom.Keywords = append(c.custom.Keywords, keyword)
	}
}

func (c *detectorReader) readList() {
	name := c.document.List
	l := c.lists[name]
	switch {
	case l == nil:
		c.problem("list", nearestName(name, sortedKeys(c.lists)), "there is no list %q", shorten(name))
		return
	case l.Type != WordList:
		c.problem("list", "", "%q is a list of %s, keywords stand in one of %s", name, l.Type, WordList)
		return
	}
	for _, entry := range slices.Sorted(maps.Keys(l.words)) {
		c.addKeyword("list", entry)
	}
	c.contents = l.Hash
}

func (c *detectorReader) readPattern() {
	compiled, err := pattern.Compile(c.document.Pattern, c.document.Slow)
	switch {
	case errors.Is(err, pattern.ErrNoLiteral):
		c.problem("pattern", "add what stands in every value, or say slow: true and pay for it on all that leaves", "%s", err)
		return
	case errors.Is(err, pattern.ErrBorder):
		c.problem("pattern", `\b stands for the border of a word, (?m) makes "^" and "$" those of a line`, "%s", err)
		return
	case err != nil:
		c.problem("pattern", "its syntax is RE2's", "%s", err)
		return
	case compiled.Slow():
		if c.slow++; c.slow == classify.MaxSlow+1 {
			c.problem("slow", "", "more than %d slow patterns", classify.MaxSlow)
		}
	}
	c.custom.Pattern = compiled
}

func (c *detectorReader) readExact(files map[string][]byte) {
	hint := "borderflow classify hash --salt-file customers.salt --out customers.hashes FILE makes both"
	table, salt := c.file("exact.file", hashesExtension, hint, files), c.file("exact.salt", saltExtension, hint, files)
	if table == nil || salt == nil {
		return
	}
	key, err := exact.ParseSalt(salt)
	if err != nil {
		c.problem("exact.salt", hint, "%s", err)
		return
	}
	set, err := exact.Parse(table, key)
	switch {
	case errors.Is(err, exact.ErrSalt):
		c.problem("exact.salt", "name the salt file that was given when they were made", "%s", err)
		return
	case err != nil:
		c.problem("exact.file", hint, "%s", err)
		return
	}
	sum := sha256.Sum256(table)
	c.custom.Exact, c.contents = set, hex.EncodeToString(sum[:])
}

// file returns the content of the file beside this one that the field names; nil after reporting that there is none.
func (c *detectorReader) file(path, extension, hint string, files map[string][]byte) []byte {
	if !require(c.reader, c.positions, path, hint) {
		return nil
	}
	name := c.document.Exact.File
	if extension == saltExtension {
		name = c.document.Exact.Salt
	}
	if name != filepath.Base(name) || filepath.Ext(name) != extension || strings.HasPrefix(name, ".") {
		c.problem(path, hint, "expected the name of a %s file in the directory of this one, found %q", extension, shorten(name))
		return nil
	}
	data, ok := files[filepath.Join(filepath.Dir(c.positions.File()), name)]
	if !ok {
		c.problem(path, hint, "there is no file %q in the directory of this one", name)
		return nil
	}
	return data
}
