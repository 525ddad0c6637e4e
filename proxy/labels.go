package proxy

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

// LabelsConfig is how applications declare what the data is that they send.
type LabelsConfig struct {
	// Header carries the labels, separated by commas; their case does not count. Default X-Data-Class.
	Header string `yaml:"header"`
	// Trust says whose labels are believed. Default: nobody's.
	Trust LabelTrustConfig `yaml:"trust"`
	// Meaning says which categories of data a label covers; a label that is not named covers none.
	// What is found and not covered is data.undeclared.
	Meaning map[string][]string `yaml:"meaning"`
	// Remove keeps the header from destinations. Default false.
	Remove bool `yaml:"remove"`
}

// LabelTrustConfig names the sources whose labels are believed; one of the two is enough.
type LabelTrustConfig struct {
	Identities []string       `yaml:"identities"` // authenticated names, e.g. of a client certificate
	Networks   []netip.Prefix `yaml:"networks"`   // of source addresses
}

// What a trusted source may declare. Beyond it the labels are unavailable, which is not the same as
// none: rules that depend on them are then uninspectable.
const (
	maxLabels     = 32
	maxLabelBytes = 64
)

// labels reads what applications declare.
type labels struct {
	header     string // canonical
	identities map[string]bool
	networks   []netip.Prefix
	meaning    map[string][]string
	remove     bool
}

func newLabels(config LabelsConfig) *labels {
	l := &labels{header: http.CanonicalHeaderKey(config.Header), identities: map[string]bool{},
		networks: config.Trust.Networks, meaning: map[string][]string{}, remove: config.Remove}
	for _, identity := range config.Trust.Identities {
		l.identities[identity] = true
	}
	for label, covered := range config.Meaning {
		l.meaning[strings.ToLower(label)] = covered
	}
	return l
}

// read returns what source declares in header.
func (l *labels) read(header http.Header, source *flow.Source) flow.Declared {
	values := header[l.header]
	switch {
	case len(values) == 0:
		return flow.Declared{State: flow.Absent}
	case !l.trusts(source):
		return flow.Declared{State: flow.Absent, Ignored: true}
	}
	declared := flow.Declared{State: flow.Known}
	for _, value := range values {
		if !utf8.ValidString(value) {
			return flow.Declared{State: flow.Unavailable}
		}
		for label := range strings.SplitSeq(value, ",") {
			if label = strings.ToLower(strings.TrimSpace(label)); label == "" {
				continue
			}
			if len(label) > maxLabelBytes || len(declared.Labels) == maxLabels {
				return flow.Declared{State: flow.Unavailable}
			}
			declared.Labels = append(declared.Labels, label)
			declared.Covers = append(declared.Covers, l.meaning[label]...)
		}
	}
	if len(declared.Labels) == 0 {
		return flow.Declared{State: flow.Absent}
	}
	declared.Labels, declared.Covers = distinct(declared.Labels), distinct(declared.Covers)
	return declared
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func (l *labels) trusts(source *flow.Source) bool {
	if source.IdentityState == flow.Known && l.identities[source.Identity] {
		return true
	}
	address := source.Address.Unmap().WithZone("")
	return slices.ContainsFunc(l.networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

func (v *validation) labels(c LabelsConfig) {
	v.check("labels.header", httpguts.ValidHeaderFieldName(c.Header), fmt.Sprintf("found %q, expected the name of a header", c.Header),
		"for example X-Data-Class")
	for i, identity := range c.Trust.Identities {
		v.check(fmt.Sprintf("labels.trust.identities[%d]", i), identity != "", "the name is empty",
			"sources without an identity are trusted by their network")
	}
	var known []string
	for _, category := range classify.Categories() {
		known = append(known, category.Name)
	}
	seen := map[string]string{}
	for _, label := range slices.Sorted(maps.Keys(c.Meaning)) {
		path := fmt.Sprintf("labels.meaning[%q]", label)
		same := strings.ToLower(label)
		v.check(path, label != "" && label == strings.TrimSpace(label) && !strings.Contains(label, ",") && len(label) <= maxLabelBytes,
			fmt.Sprintf("found %q, expected a label without commas and surrounding space, of at most %d bytes", label, maxLabelBytes), "")
		v.check(path, seen[same] == "", fmt.Sprintf("%q is %q in another case", label, seen[same]), "case does not count")
		seen[same] = label
		for i, category := range c.Meaning[label] {
			hint := "borderflow classify --list prints them"
			if nearest, ok := document.Nearest(category, known); ok {
				hint = fmt.Sprintf("did you mean %q?", nearest)
			}
			v.check(fmt.Sprintf("%s[%d]", path, i), slices.Contains(known, category),
				fmt.Sprintf("found %q, expected a category of data", category), hint)
		}
	}
}
