package rules

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/borderflow/borderflow/rules/classify"
)

// Detectors returns the detectors that the policy directory defines, by id.
func (p *Policy) Detectors() []classify.Custom { return p.detectors }

// ownNames are the detectors and categories that a policy directory adds to the documented ones.
type ownNames struct{ detectors, categories []string }

func namesOf(detectors []classify.Custom) (own ownNames) {
	for _, d := range detectors {
		own.detectors = append(own.detectors, d.ID)
		for _, name := range d.Categories {
			if !slices.Contains(knownCategories(), name) {
				own.categories = append(own.categories, name)
			}
		}
	}
	slices.Sort(own.categories)
	own.categories = slices.Compact(own.categories)
	slices.Sort(own.detectors)
	return own
}

func (o ownNames) equal(other ownNames) bool {
	return slices.Equal(o.detectors, other.detectors) && slices.Equal(o.categories, other.categories)
}

// Classifiers makes the classifier that belongs to a policy: with the built-in detectors and the policy's
// own. Policies with the same detectors share one. It is safe for concurrent use.
type Classifiers struct {
	options classify.Options
	plain   *classify.Classifier
	last    atomic.Pointer[ownClassifier]

	mu     sync.Mutex // one is made at a time
	before *ownClassifier
}

// ownClassifier is the classifier for the detectors with that hash.
type ownClassifier struct {
	hash string
	*classify.Classifier
}

// NewClassifiers makes the classifier for policies without detectors of their own.
func NewClassifiers(options classify.Options) *Classifiers {
	options.Custom = nil
	return &Classifiers{options: options, plain: classify.New(options)}
}

// Of returns the policy's classifier. The first call for a policy makes it, which takes some tens of
// milliseconds. Flows that began under the policy before it find that one's still there.
func (c *Classifiers) Of(p *Policy) *classify.Classifier {
	if len(p.detectors) == 0 {
		return c.plain
	}
	if last := c.last.Load(); last != nil && last.hash == p.detectorsHash {
		return last.Classifier
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.last.Load()
	for _, known := range []*ownClassifier{last, c.before} {
		if known != nil && known.hash == p.detectorsHash {
			return known.Classifier
		}
	}
	options := c.options
	options.Custom = p.detectors
	fresh := &ownClassifier{p.detectorsHash, classify.New(options)}
	c.before = last
	c.last.Store(fresh)
	return fresh.Classifier
}
