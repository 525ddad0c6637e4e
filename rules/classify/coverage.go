package classify

import (
	"strconv"

	"github.com/borderflow/borderflow/rules/flow"
)

// coverage keeps account of what could be read.
type coverage struct {
	read     bool   // some text was read
	unread   bool   // something was not
	exceeded bool   // a budget ran out
	reason   string // the first reason why something was not read
}

func (c *coverage) missed(reason string) {
	c.unread = true
	if c.reason == "" {
		c.reason = reason
	}
}

func (c *coverage) level() flow.Coverage {
	switch {
	case !c.unread:
		return flow.CoverageFull
	case c.read || c.exceeded:
		return flow.CoveragePartial
	}
	return flow.CoverageNone
}

// budget is what a payload may still cost.
type budget struct {
	options Options
	decoded int64 // bytes out of decompressors
	parts   int   // of multipart bodies, and entries of archives
	encoded int   // values that were encoded within text
}

// spend accounts for n bytes out of a decompressor and says which limit they break, "" for none.
// received is the payload's length so far.
func (b *budget) spend(n int, received int64) string {
	b.decoded += int64(n)
	switch {
	case b.decoded > b.options.MaxDecoded:
		return "budget: more than " + strconv.FormatInt(b.options.MaxDecoded, 10) + " bytes decompressed"
	case b.decoded > mebibyte && b.decoded/int64(b.options.MaxRatio) > received:
		return "budget: compressed more than " + strconv.Itoa(b.options.MaxRatio) + " to 1"
	}
	return ""
}

// spend accounts for n decompressed bytes and says which limit they break, "" for none.
func (s *Stream) spend(n int) string { return s.root.budget.spend(n, s.root.bytes) }

func (s *Stream) overBudget(reason string) {
	s.coverage.exceeded = true
	s.coverage.missed(reason)
}

// tooDeep says whether depth is past the limit, and records it.
func (s *Stream) tooDeep(depth int) bool {
	if depth <= s.root.budget.options.MaxDepth {
		return false
	}
	s.overBudget("budget: nested deeper than " + strconv.Itoa(s.root.budget.options.MaxDepth))
	return true
}
