package checkpoint

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func newKey(t testing.TB, origin string) *Key {
	t.Helper()
	key, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "key"), origin)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, c Checkpoint, key *Key) []byte {
	t.Helper()
	signed, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestSignedCheckpointReadsBack(t *testing.T) {
	key := newKey(t, "log.example/1")
	want := Checkpoint{Origin: key.Origin(), Size: 7, Root: [32]byte{1, 2, 3}}
	got, err := Open(sign(t, want, key), key.Verifier())
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEveryChangedByteOfACheckpointIsNoticed(t *testing.T) {
	key := newKey(t, "log.example/1")
	signed := sign(t, Checkpoint{Origin: key.Origin(), Size: 7}, key)
	for i := range signed {
		for bit := range 8 {
			changed := slices.Clone(signed)
			changed[i] ^= 1 << bit
			if _, err := Open(changed, key.Verifier()); err == nil {
				t.Errorf("byte %d, bit %d: %q was accepted", i, bit, changed)
			}
		}
	}
}

func TestCheckpointOfAnotherLogOrKeyIsRefused(t *testing.T) {
	key, other := newKey(t, "log.example/1"), newKey(t, "log.example/1")
	if _, err := Open(sign(t, Checkpoint{Origin: key.Origin()}, other), key.Verifier()); err == nil {
		t.Error("another key of the same name was accepted")
	}
	if _, err := Open(sign(t, Checkpoint{Origin: "log.example/2"}, key), key.Verifier()); err == nil {
		t.Error("a checkpoint of another origin was accepted")
	}
}

func TestTextsThatAreNoCheckpointAreRefused(t *testing.T) {
	good := Checkpoint{Origin: "log.example/1", Size: 10}.Text()
	for name, text := range map[string]string{
		"empty": "", "one line": "log\n", "no origin": good[len("log.example/1"):],
		"leading zero":    strings.Replace(good, "10\n", "010\n", 1),
		"negative":        strings.Replace(good, "10\n", "-1\n", 1),
		"too large":       strings.Replace(good, "10\n", "9223372036854775808\n", 1),
		"short root":      "log.example/1\n10\nAAAA\n",
		"loose base64":    strings.Replace(good, "A=\n", "B=\n", 1),
		"extension":       good + "more\n",
		"no last newline": strings.TrimSuffix(good, "\n"),
	} {
		if c, err := Parse(text); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
}

func TestKeyFileIsTheOwnersAloneAndIsUsedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := LoadOrCreateKey(path, "log.example/1")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	public, err := os.ReadFile(path + PublicSuffix)
	if err != nil || strings.TrimSpace(string(public)) != first.Public() {
		t.Errorf("the public key's file holds %q (%v)", public, err)
	}
	if again, err := LoadOrCreateKey(path, ""); err != nil || again.Public() != first.Public() {
		t.Errorf("the second start has another key (%v)", err)
	}
	if _, err := LoadOrCreateKey(path, "log.example/2"); err == nil {
		t.Error("the key was taken for another log")
	}
	if err := os.WriteFile(path, []byte("PRIVATE+KEY+x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateKey(path, ""); err == nil || strings.Contains(err.Error(), "PRIVATE") {
		t.Errorf("a broken key file: %v", err)
	}
	if _, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "key"), "two words"); err == nil {
		t.Error("a name with a space was accepted")
	}
}

// witness signs as a witness of the public network does.
type witness struct {
	name    string
	private ed25519.PrivateKey
}

func (w witness) key() []byte {
	return append([]byte{algCosignature}, w.private.Public().(ed25519.PublicKey)...)
}
func (w witness) public() string {
	return fmt.Sprintf("%s+%08x+%s", w.name, cosignerID(w.name, w.key()), base64.StdEncoding.EncodeToString(w.key()))
}
func (w witness) line(text string, time uint64) string {
	blob := binary.BigEndian.AppendUint32(nil, cosignerID(w.name, w.key()))
	blob = binary.BigEndian.AppendUint64(blob, time)
	blob = append(blob, ed25519.Sign(w.private, cosigned(time, []byte(text)))...)
	return "— " + w.name + " " + base64.StdEncoding.EncodeToString(blob) + "\n"
}

func TestCosignaturesAreCheckedAndKept(t *testing.T) {
	key := newKey(t, "log.example/1")
	_, private, _ := ed25519.GenerateKey(nil)
	w := witness{"witness.example/w1", private}
	verifier, err := NewWitness(w.public())
	if err != nil {
		t.Fatal(err)
	}
	c := Checkpoint{Origin: key.Origin(), Size: 9}
	signed := sign(t, c, key)
	cosignedCopy := append(slices.Clone(signed), w.line(c.Text(), 1_700_000_000)...)
	joined, err := Join(signed, cosignedCopy)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Join(joined, cosignedCopy); err != nil || string(again) != string(joined) {
		t.Errorf("a signature was taken twice (%v)", err)
	}
	got, by, err := OpenCosigned(joined, key.Verifier(), verifier)
	if err != nil || got != c || !slices.Equal(by, []string{w.name}) {
		t.Errorf("%+v by %v, %v", got, by, err)
	}
	forged := append(slices.Clone(signed), w.line(Checkpoint{Origin: key.Origin(), Size: 8}.Text(), 1)...)
	if _, _, err := OpenCosigned(forged, key.Verifier(), verifier); err == nil {
		t.Error("a cosignature of another checkpoint was accepted")
	}
	if _, err := Join(signed, sign(t, Checkpoint{Origin: key.Origin(), Size: 8}, key)); err == nil {
		t.Error("signatures of two checkpoints were joined")
	}
}

// TestCosignatureOfTheSpecificationVerifies reads the example of https://c2sp.org/tlog-cosignature
// as far as it goes: it names no public key, so that only the note's form is checked.
func TestCosignatureOfTheSpecificationVerifies(t *testing.T) {
	example := "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" +
		"— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
	c, err := Unsigned([]byte(example))
	if err != nil || c.Size != 20852163 || c.Origin != "example.com/behind-the-sofa" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWitnessKeysThatAreNoneAreRefused(t *testing.T) {
	_, private, _ := ed25519.GenerateKey(nil)
	w := witness{"witness.example/w1", private}
	_, plain, _ := note.GenerateKey(nil, "")
	for name, public := range map[string]string{
		"empty": "", "no key": "w+00000000+", "another id": strings.Replace(w.public(), "+", "+f", 1), "plain": plain,
		"short key": fmt.Sprintf("w+%08x+BAAA", cosignerID("w", []byte{4, 0, 0})),
	} {
		if _, err := NewWitness(public); err == nil {
			t.Errorf("%s: %q was accepted", name, public)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key := newKey(f, "log.example/1")
	f.Add(sign(f, Checkpoint{Origin: key.Origin(), Size: 3}, key))
	f.Add([]byte("log.example/1\n3\nAAAA\n\n— log.example/1 AAAA\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		if c, err := Unsigned(signed); err == nil {
			if again, err := Parse(c.Text()); err != nil || again != c {
				t.Errorf("%+v reads back as %+v (%v)", c, again, err)
			}
		}
		_, _ = Open(signed, key.Verifier())
	})
}
