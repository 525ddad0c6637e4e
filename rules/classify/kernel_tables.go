package classify

import "math"

// vectorStep is how many bytes the vector kernel takes at a time.
const vectorStep = 32

// kernelTables classify bytes by their halves: a byte belongs to the classes that its low half has in the
// one table of a pair and its high half in the other. Each table stands twice, as the vectors are.
//
// The first pair is of characters: bit 0 digits; bit 1 "@"; bit 2 ":", "=" and ">"; bits 3 to 5 letters and
// "_"; bit 6 quotes; bit 7 "(". The
// pairs that follow are of the first, second and third byte of literals, in up to eight groups.
// The next pair is again of characters: bit 0 those of signs; bits 1 and 2 small letters. Then come three
// pairs for eight more groups of literals, and the classes of the first pair that words and marks are of.
type kernelTables [18][32]byte

const (
	literalTables     = 2
	plainTables       = 8
	moreLiteralTables = 10
	wordClassTable    = 16
	markClassTable    = 17
)

// controlTables are a pair for control characters other than tabs and line breaks.
type controlTables [2][32]byte

const (
	digitClass = 1 << iota
	atClass
	bindClass
	upperHalfClass // columns 4 and 6 of the ASCII table
	lowerHalfClass // columns 5 and 7
	underscoreClass
	quoteClass
	roundClass
)

// Signs are "$", "-", ".", "/", "_" and, because it is all the same, "T", "]" and "^".
const signClass = 1

var smallClasses = [2]byte{2, 4}

// enter makes all bytes with one of the high halves and one of the low ones belong to class.
func enter(low, high *[32]byte, class byte, highs, lows []int) {
	for _, h := range highs {
		high[h] |= class
		high[h+16] |= class
	}
	for _, l := range lows {
		low[l] |= class
		low[l+16] |= class
	}
}

func span(from, to int) (all []int) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func newKernelTables(heads [][3]byte) *kernelTables {
	t := new(kernelTables)
	enter(&t[0], &t[1], digitClass, []int{3}, span(0, 9))
	enter(&t[0], &t[1], atClass, []int{4}, []int{0})
	enter(&t[0], &t[1], bindClass, []int{3}, []int{0xa, 0xd, 0xe})
	enter(&t[0], &t[1], upperHalfClass, []int{4, 6}, span(1, 15))
	enter(&t[0], &t[1], lowerHalfClass, []int{5, 7}, span(0, 10))
	enter(&t[0], &t[1], underscoreClass, []int{5}, []int{15})
	enter(&t[0], &t[1], quoteClass, []int{2}, []int{2})
	enter(&t[0], &t[1], roundClass, []int{2}, []int{8})
	enter(&t[plainTables], &t[plainTables+1], signClass, []int{2, 5}, []int{4, 13, 14, 15})
	enter(&t[plainTables], &t[plainTables+1], smallClasses[0], []int{6}, span(1, 15))
	enter(&t[plainTables], &t[plainTables+1], smallClasses[1], []int{7}, span(0, 10))
	for i := range t[wordClassTable] {
		t[wordClassTable][i] = digitClass | upperHalfClass | lowerHalfClass | underscoreClass
		t[markClassTable][i] = atClass | bindClass | roundClass
	}
	for group, members := range literalGroups(heads) {
		tables := t[literalTables:]
		if group >= 8 {
			tables = t[moreLiteralTables:]
		}
		for _, head := range members {
			for place, b := range head {
				enter(&tables[2*place], &tables[2*place+1], 1<<(group%8), []int{int(b >> 4)}, []int{int(b & 15)})
			}
		}
	}
	return t
}

// halves are the halves of some bytes: bit n of the low 16 bits for a low half, above for a high one.
type halves uint32

func (h halves) with(b byte) halves { return h | 1<<(b&15) | 1<<(16+b>>4) }

// share is about how many of the bytes of a text have one of the halves each: the bytes that the kernel
// cannot tell from those that the halves are of.
func (h halves) share() (sum float64) {
	for high := range 16 {
		if h>>(16+high)&1 == 0 {
			continue
		}
		for low := range 16 {
			if h>>low&1 != 0 {
				sum += usual(byte(high<<4 | low))
			}
		}
	}
	return sum
}

// usual is about how usual a byte is in text and in JSON.
func usual(b byte) float64 {
	switch {
	case b == '"':
		return 0.1
	case isLower(b), b == ':', b == ',', b == ' ':
		return 0.03
	case isDigit(b):
		return 0.02
	case b > ' ':
		return 0.004
	}
	return 0.001
}

// literalGroups parts the sorted heads of literals into sixteen groups of neighbours such that as little as
// possible looks like a member of a group without being one.
func literalGroups(heads [][3]byte) (groups [][][3]byte) {
	const most = 16
	n := len(heads)
	type part struct {
		cost float64
		from int
	}
	best := make([][]part, most+1) // by groups used and heads parted
	for k := range best {
		best[k] = make([]part, n+1)
		for i := range best[k] {
			best[k][i].cost = math.Inf(1)
		}
	}
	best[0][0].cost = 0
	for from := range n {
		var members [3]halves
		var shares [3]float64
		for to := from; to < n; to++ {
			for place, b := range heads[to] {
				if with := members[place].with(b); with != members[place] {
					members[place], shares[place] = with, with.share()
				}
			}
			cost := shares[0] * shares[1] * shares[2]
			for k := range most {
				if sum := best[k][from].cost + cost; sum < best[k+1][to+1].cost {
					best[k+1][to+1] = part{sum, from}
				}
			}
		}
	}
	k := 0
	for i := range best {
		if best[i][n].cost < best[k][n].cost {
			k = i
		}
	}
	for end := n; end > 0; k-- {
		from := best[k][end].from
		groups = append(groups, heads[from:end])
		end = from
	}
	return groups
}

var controls = func() (t controlTables) {
	enter(&t[0], &t[1], 1, []int{0}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 0xb, 0xc, 0xe, 0xf})
	enter(&t[0], &t[1], 2, []int{1}, span(0, 15))
	enter(&t[0], &t[1], 4, []int{7}, []int{15})
	return t
}()
