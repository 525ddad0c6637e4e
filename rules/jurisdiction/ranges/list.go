package ranges

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

// list is what was read from a file.
type list struct {
	published time.Time // zero when the file does not say
	rows      []row
	skipped   int // rows that say neither region nor country
	problems  Problems
}

// row is one range with both ends included.
type row struct {
	first, last netip.Addr
	label       string
	line        int
}

// problem notes a mistake while there is room for it; full says when there is none.
func (l *list) problem(line int, format string, arguments ...any) {
	if !l.full() {
		l.problems = append(l.problems, Problem{line, fmt.Sprintf(format, arguments...)})
	}
}

func (l *list) full() bool { return len(l.problems) >= maxProblems }

// network reads a network in CIDR form, or notes what is wrong with it.
func (l *list) network(text string, line int) (network netip.Prefix, ok bool) {
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		l.problem(line, "%s is not a network such as 192.0.2.0/24", quote(text))
	case network.Masked() != network:
		l.problem(line, "network %s has bits set behind its prefix; expected %s", network, network.Masked())
	case network.Addr().Is4In6():
		l.problem(line, "network %s is IPv4 written as IPv6", network)
	default:
		return network, true
	}
	return netip.Prefix{}, false
}

func (l *list) addNetwork(network netip.Prefix, label string, line int) {
	l.rows = append(l.rows, row{network.Addr(), lastOf(network), label, line})
}

func lastOf(network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for bit := network.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// flatten turns nested ranges into successive ones: an address has the label of the smallest range
// that it is in.
func (l *list) flatten(ctx context.Context) (*rangetable.Builder, error) {
	slices.SortFunc(l.rows, func(a, b row) int {
		// The larger of two that begin together contains the other; the line makes the order certain.
		return cmp.Or(a.first.Compare(b.first), b.last.Compare(a.last), a.line-b.line, strings.Compare(a.label, b.label))
	})
	rows := l.unite()
	sweep := sweep{builder: &rangetable.Builder{}}
	for i := range rows {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("convert ranges: %w", ctx.Err())
		}
		if outer, ok := sweep.open(rows[i]); !ok {
			l.problem(rows[i].line, "range %s-%s overlaps range %s-%s of line %d in part",
				rows[i].first, rows[i].last, outer.first, outer.last, outer.line)
			if l.full() {
				break
			}
		}
	}
	sweep.closeUpTo(netip.Addr{})
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	if sweep.err != nil {
		return nil, fmt.Errorf("convert ranges: %w", sweep.err)
	}
	return sweep.builder, nil
}

// unite makes one of the rows that name the same range. Where they differ, what is left is what they
// agree on: the provider of several regions, and of several countries none.
func (l *list) unite() []row {
	var rows []row
	for _, r := range l.rows {
		if n := len(rows); n > 0 && rows[n-1].first == r.first && rows[n-1].last == r.last {
			rows[n-1].label = inCommon(rows[n-1].label, r.label)
			continue
		}
		rows = append(rows, r)
	}
	return rows
}

func inCommon(a, b string) string {
	if a == b {
		return a
	}
	providerA, _, cloud := strings.Cut(a, " ")
	if providerB, _, _ := strings.Cut(b, " "); !cloud || providerA != providerB {
		return ""
	}
	return providerA + " "
}

// sweep walks over sorted ranges; those that it is inside of are on a stack.
type sweep struct {
	builder *rangetable.Builder
	stack   []row
	cursor  netip.Addr // first address that is not written yet; invalid behind the last of a family
	err     error
}

// open begins r, after it has closed what ends before it. It fails on a range that r crosses.
func (s *sweep) open(r row) (crossed row, ok bool) {
	s.closeUpTo(r.first)
	if len(s.stack) > 0 {
		outer := s.stack[len(s.stack)-1]
		if outer.last.Less(r.last) {
			return outer, false
		}
		if s.cursor.Less(r.first) {
			s.write(s.cursor, r.first.Prev(), outer.label)
		}
	}
	s.cursor = r.first
	s.stack = append(s.stack, r)
	return row{}, true
}

// closeUpTo ends the ranges that end before next, or all when next is invalid.
func (s *sweep) closeUpTo(next netip.Addr) {
	for len(s.stack) > 0 {
		top := s.stack[len(s.stack)-1]
		if next.IsValid() && next.BitLen() == top.last.BitLen() && !top.last.Less(next) {
			return
		}
		if s.cursor.IsValid() && !top.last.Less(s.cursor) {
			s.write(s.cursor, top.last, top.label)
			s.cursor = top.last.Next()
		}
		s.stack = s.stack[:len(s.stack)-1]
	}
}

func (s *sweep) write(first, last netip.Addr, label string) {
	if s.err == nil {
		s.err = s.builder.AddRange(first, last, label)
	}
}

// quote shows a text from a file in a message.
func quote(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
