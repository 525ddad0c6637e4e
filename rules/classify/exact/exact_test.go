package exact

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var testSalt = Salt{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

func build(t testing.TB, values ...string) *Set {
	t.Helper()
	b := NewBuilder(testSalt)
	for _, v := range values {
		if err := b.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := b.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	set, err := Parse(file.Bytes(), testSalt)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// find returns what of text is in the set.
func find(s *Set, text string) (found []string) {
	var c Candidate
	for i := range len(text) {
		if !Begins([]byte(text), i) {
			continue
		}
		for c.Begin([]byte(text), i, s.HasMail()); c.Next(); {
			if s.Has(&c) {
				found = append(found, text[c.Start:c.End])
			}
		}
	}
	return found
}

// The vectors are those of the paper's appendix A and of its reference code (CC0): the key 00…0f, messages
// 00, 00 01 and so on.
func TestSipHashAgreesWithItsAuthors(t *testing.T) {
	key := newSipKey(testSalt)
	message := make([]byte, 15)
	for i := range message {
		message[i] = byte(i)
	}
	if got := key.sum(message); got != 0xa129ca6149be45e5 {
		t.Errorf("15 bytes: %#x", got)
	}
	if got := key.sum(nil); got != binary.LittleEndian.Uint64([]byte{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}) {
		t.Errorf("no bytes: %#x", got)
	}
	if got := key.sum(message[:8]); got != binary.LittleEndian.Uint64([]byte{0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}) {
		t.Errorf("8 bytes: %#x", got)
	}
}

func TestValuesAreFoundHoweverTheyAreGrouped(t *testing.T) {
	set := build(t, "C-2024-00017", "+49 (30) 1234-567", "Max.Mustermann+shop@Example.com", "DE89 3704 0044 0532 0130 00", "471100")
	for text, want := range map[string]string{
		`{"customer":"C-2024-00017"}`:                    "C-2024-00017",
		`c202400017`:                                     "c202400017",
		`see C_2024.00017, please`:                       "C_2024.00017",
		`phone=49301234567&x=1`:                          "49301234567",
		`+49 30 1234567`:                                 "49 30 1234567",
		`Tel. (49) 30 1234 567`:                          "49) 30 1234 567",
		`to:MAX.MUSTERMANN+shop@example.com.`:            "MAX.MUSTERMANN+shop@example.com",
		`<max.mustermann+shop@example.com>`:              "max.mustermann+shop@example.com",
		`客户471100号`:                                      "471100",
		`1,471100,2`:                                     "471100",
		`IBAN DE89370400440532013000 (main)`:             "DE89370400440532013000",
		`/customers/471100/orders`:                       "471100",
		`"a":"471100","b":"DE89 3704 0044 0532 0130 00"`: "471100|DE89 3704 0044 0532 0130 00",
	} {
		if got := strings.Join(find(set, text), "|"); got != want {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "C-2024-00018", "x471100", "4711001", "47110", "mustermann+shop@example.com", "amax.mustermann+shop@example.com", "C-2024"} {
		if got := find(set, text); len(got) > 0 {
			t.Errorf("%s: found %q", text, got)
		}
	}
}

func TestWhatCouldNeverBeFoundIsRefused(t *testing.T) {
	b := NewBuilder(testSalt)
	for _, value := range []string{"", " ", "Müller", "abcdef", "12345", "a b c 123456", "@example.com", strings.Repeat("7", 64), "x@", "1234567\x00", "１２３４５６７"} {
		if err := b.Add(value); !errors.Is(err, ErrNotMatchable) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestAFileNeedsItsSaltAndAllItsBytes(t *testing.T) {
	b := NewBuilder(testSalt)
	for i := range 100 {
		if err := b.Add(fmt.Sprintf("C%06d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := b.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(file.Bytes(), NewSalt()); !errors.Is(err, ErrSalt) {
		t.Errorf("another salt: %v", err)
	}
	for i := range file.Len() {
		if _, err := Parse(file.Bytes()[:i], testSalt); err == nil {
			t.Fatalf("cut off after %d bytes: no error", i)
		}
		damaged := bytes.Clone(file.Bytes())
		damaged[i] ^= 1
		if _, err := Parse(damaged, testSalt); err == nil {
			t.Fatalf("damaged at %d: no error", i)
		}
	}
	if bytes.Contains(file.Bytes(), []byte("C000")) {
		t.Error("a value stands in clear")
	}
}

func TestASaltIsReadBackAndNothingElseIsOne(t *testing.T) {
	salt := NewSalt()
	if got, err := ParseSalt(salt.Text()); err != nil || got != salt {
		t.Errorf("%v, %v", got == salt, err)
	}
	for _, text := range []string{"", "00", strings.Repeat("0", 31), strings.Repeat("0", 33), strings.Repeat("g", 32), strings.Repeat("0", 64)} {
		if _, err := ParseSalt([]byte(text)); err == nil {
			t.Errorf("%q is taken for a salt", text)
		}
	}
}

func TestAMillionValuesFitInSixteenMebibytes(t *testing.T) {
	set := million(t)
	if size := 8*len(set.hashes) + 4*len(set.from); set.Len() != 1e6 || size > 16<<20 {
		t.Errorf("%d values in %d bytes", set.Len(), size)
	}
	var c Candidate
	for i := range 200_000 {
		text := fmt.Appendf(nil, "X%09d", i) // of the same shape, and not among them
		for c.Begin(text, 0, false); c.Next(); {
			if set.Has(&c) {
				t.Fatalf("%s is taken for a value", text)
			}
		}
	}
}

func million(t testing.TB) *Set {
	b := NewBuilder(testSalt)
	for i := range 1_000_000 {
		if err := b.Add(fmt.Sprintf("C%09d", i*7)); err != nil {
			t.Fatal(err)
		}
	}
	b.compact()
	return newSet(testSalt, b.shapes, b.hashes)
}

func FuzzParse(f *testing.F) {
	b := NewBuilder(testSalt)
	for _, v := range []string{"C-2024-00017", "471100", "a@b.example"} {
		_ = b.Add(v)
	}
	var file bytes.Buffer
	_, _ = b.WriteTo(&file)
	f.Add(file.Bytes())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := Parse(data, testSalt)
		if err != nil {
			return
		}
		for _, h := range set.hashes { // every hash is where it is looked up
			group := h >> set.shift
			found := false
			for _, other := range set.hashes[set.from[group]:set.from[group+1]] {
				found = found || other == h
			}
			if !found {
				t.Fatal("a hash is not found")
			}
		}
	})
}

func FuzzAValueThatIsTakenIsFound(f *testing.F) {
	for _, v := range []string{"C-2024-00017", "+49 (30) 1234-567", "a.b@c.example", "DE89 3704 0044", "a_1_2_3_4_5", "1(2)3456"} {
		f.Add(v, " ", ",")
	}
	f.Fuzz(func(t *testing.T, value, before, after string) {
		b := NewBuilder(testSalt)
		if b.Add(value) != nil {
			return
		}
		b.compact()
		set := newSet(testSalt, b.shapes, b.hashes)
		// Beside it stands what no value goes on with.
		if found := find(set, before+"\""+strings.TrimSpace(value)+"\""+after); len(found) == 0 {
			t.Fatalf("%q is not found", value)
		}
	})
}

func BenchmarkHas(b *testing.B) {
	set := million(b)
	text := []byte("C123456789")
	var c Candidate
	b.ReportAllocs()
	for b.Loop() {
		for c.Begin(text, 0, false); c.Next(); {
			set.Has(&c)
		}
	}
}
