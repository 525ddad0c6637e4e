package jurisdiction

import (
	"fmt"
	"slices"
	"strings"
)

const regionMark = "{region}"

// hostTemplate says where in a name, in front of a provider's suffix, the region stands. It is
// written as labels: "{region}" with optional text around it in one label, plain labels, at the
// left end "*" for one or more and "**" for any number of further labels, and "-*" behind
// "{region}" for a dash and any text. Matching goes from right to left and cost is linear.
type hostTemplate struct {
	labels   []templateLabel // right to left, without the wildcard
	minFront int             // labels needed in front; -1 when none may stand there
}

type templateLabel struct {
	text           string // whole label, when there is no region in it
	region         bool
	before, behind string // around the region
	open           bool   // the region is followed by a dash and any text
}

func parseHostTemplate(text string) (hostTemplate, error) {
	if text == "" {
		return hostTemplate{}, nil
	}
	t := hostTemplate{minFront: -1}
	labels := strings.Split(text, ".")
	switch labels[0] {
	case "**":
		t.minFront, labels = 0, labels[1:]
	case "*":
		t.minFront, labels = 1, labels[1:]
	}
	slices.Reverse(labels)
	for _, text := range labels {
		before, behind, isRegion := strings.Cut(text, regionMark)
		label := templateLabel{text: text, region: isRegion, before: before, behind: behind}
		if isRegion && behind == "-*" {
			label.behind, label.open = "", true
		}
		if strings.ContainsAny(label.before+label.behind, "*{}") || !isRegion && strings.ContainsAny(text, "*{}") {
			return hostTemplate{}, fmt.Errorf("template label %q: expected text, %s, or %[2]s-*", text, regionMark)
		}
		t.labels = append(t.labels, label)
	}
	return t, nil
}

// find matches front, the part of a name before the suffix, and returns the region named in it.
func (t *hostTemplate) find(front string, regions map[string]region) (found region, ok bool) {
	for i := range t.labels {
		if front == "" {
			return region{}, false
		}
		label := front
		if dot := strings.LastIndexByte(front, '.'); dot >= 0 {
			front, label = front[:dot], front[dot+1:]
		} else {
			front = ""
		}
		if !t.labels[i].region {
			if t.labels[i].text != label {
				return region{}, false
			}
			continue
		}
		if found, ok = t.labels[i].find(label, regions); !ok {
			return region{}, false
		}
	}
	if t.minFront < 0 && front != "" || t.minFront > 0 && front == "" {
		return region{}, false
	}
	return found, ok
}

func (l *templateLabel) find(label string, regions map[string]region) (region, bool) {
	label, ok := strings.CutPrefix(label, l.before)
	if !ok {
		return region{}, false
	}
	if !l.open {
		if label, ok = strings.CutSuffix(label, l.behind); !ok {
			return region{}, false
		}
		found, ok := regions[label]
		return found, ok
	}
	for end := strings.LastIndexByte(label, '-'); end > 0; end = strings.LastIndexByte(label[:end], '-') {
		if found, ok := regions[label[:end]]; ok {
			return found, true
		}
	}
	return region{}, false
}
