package classify

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// referenceMasks is what the masks mean, byte by byte.
func referenceMasks(p []byte, tables *kernelTables) (m masks) {
	for i, b := range p[:64] {
		bit := uint64(1) << i
		if b >= '0' && b <= '9' {
			m.digits |= bit
		}
		if b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b == '_' {
			m.words |= bit
		}
		if b == '@' || b == ':' || b == '=' || b == '>' || b == '(' {
			m.marks |= bit
		}
		if b == '"' {
			m.quotes |= bit
		}
		if strings.IndexByte("$-./_T]^", b) >= 0 {
			m.signs |= bit
			m.plain |= bit
		}
		if b >= 'a' && b <= 'z' {
			m.plain |= bit
		}
		groups, more := byte(0xff), byte(0xff)
		for place := range 3 {
			low, high := p[i+place]&15, p[i+place]>>4
			groups &= tables[2+2*place][low] & tables[3+2*place][high]
			more &= tables[10+2*place][low] & tables[11+2*place][high]
		}
		if groups|more != 0 {
			m.literals |= bit
		}
	}
	return m
}

func sameMasks(t *testing.T, table *table, p []byte) {
	t.Helper()
	n := (len(p) - 2) / 64
	vector := make([]masks, n)
	table.classify(vector, p)
	for i := range n {
		want := referenceMasks(p[64*i:], table.kernel)
		if got := portableMasks(p[64*i:], table.kernel); got != want {
			t.Fatalf("portable, block %d of %q: %x, want %x", i, p, got, want)
		}
		if vector[i] != want {
			t.Fatalf("vector, block %d of %q: %x, want %x", i, p, vector[i], want)
		}
	}
	controls := 0
	for _, b := range p {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' || b == 0x7f {
			controls++
		}
	}
	if got := portableControls(p); got != controls {
		t.Fatalf("portable: %d control characters in %q, want %d", got, p, controls)
	}
	if got := countControls(p); got != controls {
		t.Fatalf("vector: %d control characters in %q, want %d", got, p, controls)
	}
}

func tableWithLiterals() *table {
	return newTable([]*rule{{literals: []string{"AKIA", "ghp_", "-----BEGIN", "<<<<", "<<<", "\xe6\x9c\xba\xe5\xaf\x86", "xox"}[4:]},
		{literals: []string{"AKIA", "ghp_", "-----BEGIN"}}}, false)
}

func TestKernelsAgreeWithTheByteTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	few, all := tableWithLiterals(), newTable(catalogue(Options{}, 2026), true)
	for i := range 20_000 {
		table := []*table{few, all}[i%2]
		p := make([]byte, 2+64*(1+r.IntN(4))+r.IntN(40))
		for i := range p {
			if p[i] = byte(r.Uint32()); r.IntN(2) == 0 {
				p[i] = "0129/:@A?=><_Zz[`{AKIghp_-\x7f\x1f\t\n\"!#()"[r.IntN(35)]
			}
		}
		sameMasks(t, table, p)
	}
}

func TestEveryByteHasItsClasses(t *testing.T) {
	table := tableWithLiterals()
	for b := range 256 {
		sameMasks(t, table, bytes.Repeat([]byte{byte(b)}, 66))
	}
}

func FuzzKernel(f *testing.F) {
	table := tableWithLiterals()
	f.Add(make([]byte, 200))
	f.Add([]byte("AKIAghp_-----BEGIN <<< 0123456789:;<=>?@ABC_^`az{|}~\x7f\x80\xff and so on until one block is full"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) >= 66 {
			sameMasks(t, table, p)
		}
	})
}
