package evidence

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
)

// keysOf returns the public key of a log as a verifier has it.
func keysOf(t testing.TB, directory string) Keys {
	t.Helper()
	public, err := os.ReadFile(directory + "-key.pub")
	if err != nil {
		t.Fatal(err)
	}
	return Keys{Log: string(public)}
}

func archive(t testing.TB, directory string) *Archive {
	t.Helper()
	a, err := OpenArchive(directory)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestEachRecordHasAProofThatHoldsOffline(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 600, Options{SegmentBytes: 200 << 10})
	a, keys := archive(t, directory), keysOf(t, directory)
	for seq := uint64(1); seq <= 600; seq += 7 {
		proof, err := a.ProveFlow(fmt.Sprint("flow-", seq))
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseProof(proof.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if c, _, err := again.Verify(keys); err != nil || c.Size != 600 || again.Index != seq-1 {
			t.Fatalf("record %d: %+v, %v", seq, c, err)
		}
	}
	for name, ask := range map[string]func() error{
		"a flow that was not":      func() error { _, err := a.ProveFlow("flow-0"); return err },
		"no id":                    func() error { _, err := a.ProveFlow(""); return err },
		"record 0":                 func() error { _, err := a.Prove(0); return err },
		"a record that is to come": func() error { _, err := a.Prove(601); return err },
	} {
		if err := ask(); !errors.Is(err, ErrNoRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryChangedByteOfAProofIsNoticed(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 5, Options{})
	proof, err := archive(t, directory).Prove(3)
	if err != nil {
		t.Fatal(err)
	}
	keys, whole := keysOf(t, directory), proof.Marshal()
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1 << (i % 8)
		p, err := ParseProof(changed)
		if err == nil {
			_, _, err = p.Verify(keys)
		}
		if err == nil {
			t.Errorf("byte %d of %d", i, len(whole))
		}
	}
	stranger := filepath.Join(t.TempDir(), "log")
	writeLog(t, stranger, 5, Options{})
	if _, _, err := proof.Verify(keysOf(t, stranger)); err == nil {
		t.Error("another log's key vouches for the proof")
	}
}

func TestRecordIsFoundWithoutItsIndexes(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 400, Options{SegmentBytes: 200 << 10})
	for _, suffix := range []string{"", sortedSuffix, indexSuffix} {
		if suffix != "" {
			files, _ := filepath.Glob(filepath.Join(directory, "*"+suffix))
			if len(files) < 2 {
				t.Fatalf("%d files end in %s", len(files), suffix)
			}
			for _, file := range files {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
		}
		a := archive(t, directory)
		for _, seq := range []uint64{1, 57, 233, 400} {
			if found, err := a.Find(fmt.Sprint("flow-", seq)); err != nil || !slices.Equal(found, []uint64{seq}) {
				t.Errorf("without %q: flow-%d is at %v (%v)", suffix, seq, found, err)
			}
		}
	}
	// The last segment's index is made again when it is gone on with.
	writeLog(t, directory, 1, Options{})
	mustVerify(t, directory, 401)
	segments, _ := Segments(directory)
	if _, err := os.Stat(indexPath(segments[len(segments)-1].Path)); err != nil {
		t.Error(err)
	}
}

func TestOpeningAndOutcomeAreFoundByOneID(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	l, end := start(t, directory, Options{})
	opening := record("long")
	opening.Kind, opening.Outcome = KindOpening, ""
	for _, r := range []*Record{opening, record("other"), record("long")} {
		if err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, directory, 3)
	a := archive(t, directory)
	if found, err := a.Find("long"); err != nil || !slices.Equal(found, []uint64{1, 3}) {
		t.Errorf("found %v, %v", found, err)
	}
	proof, err := a.ProveFlow("long")
	if err != nil || proof.Index != 2 {
		t.Errorf("proves %+v (%v), not the outcome", proof, err)
	}
}

func TestConsistencyIsProvedBetweenTwoCheckpoints(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	var signed [][]byte
	for range 3 {
		writeLog(t, directory, 170, Options{})
		signed = append(signed, archive(t, directory).Checkpoint())
	}
	a, keys := archive(t, directory), keysOf(t, directory)
	for i, size := range []uint64{170, 340, 510} {
		proof, err := a.ProveConsistency(size)
		if err != nil {
			t.Fatal(err)
		}
		if proof, err = ParseConsistencyProof(proof.Marshal()); err != nil {
			t.Fatal(err)
		}
		if err := proof.Verify(signed[i], keys); err != nil {
			t.Error(err)
		}
		if err := proof.Verify(signed[(i+1)%3], keys); err == nil {
			t.Error("the proof holds for another checkpoint")
		}
	}
	if _, err := a.ProveConsistency(511); err == nil {
		t.Error("a proof from a checkpoint that is to come")
	}
	other := filepath.Join(t.TempDir(), "log")
	copyLog(t, directory, other)
	for _, path := range []string{"tile", "checkpoint"} {
		if err := os.RemoveAll(filepath.Join(other, path)); err != nil {
			t.Fatal(err)
		}
	}
	path, lines := segmentLines(t, other, 0)
	lines[3] = bytes.Replace(lines[3], []byte(`"US"`), []byte(`"DE"`), 1)
	rewrite(t, path, lines)
	writeLog(t, other, 1, Options{})
	forged, err := archive(t, other).ProveConsistency(170)
	if err != nil {
		t.Fatal(err)
	}
	if err := forged.Verify(signed[0], keys); err == nil {
		t.Error("a log that was written anew is consistent with the checkpoint of the first")
	}
}

func TestWitnessesVouchForTheLogThatTheySaw(t *testing.T) {
	directory, older := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 100, Options{})
	copyLog(t, directory, older)
	writeLog(t, directory, 100, Options{})
	private, public, err := note.GenerateKey(rand.Reader, "witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	keys := keysOf(t, directory)
	keys.Witnesses = []string{public}
	signed := archive(t, directory).Checkpoint()
	if _, err := KeepCosignatures(directory, signed, keys); err == nil {
		t.Error("a checkpoint without cosignatures was kept as one with")
	}
	opened, err := checkpoint.Unsigned(signed)
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(&note.Note{Text: opened.Text()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(cosigned), "\n\n")
	both := append(bytes.Clone(signed), line...)
	if by, err := KeepCosignatures(directory, both, keys); err != nil || !slices.Equal(by, []string{"witness.example/w1"}) {
		t.Fatalf("kept by %v, %v", by, err)
	}
	if _, err := KeepCosignatures(older, both, keys); err == nil {
		t.Error("an older log kept the cosignature of a newer one")
	}
	report := verify(t, directory, VerifyOptions{Keys: keys})
	if !report.OK() || !slices.Equal(report.Cosigned, []Cosigned{{"witness.example/w1", 200}}) {
		t.Errorf("%+v", report)
	}
	proof, err := archive(t, directory).Prove(7)
	if err != nil {
		t.Fatal(err)
	}
	if _, by, err := proof.Verify(keys); err != nil || len(by) != 1 {
		t.Errorf("the proof is vouched for by %v (%v)", by, err)
	}
	// Set back with all its files, but for the cosignature: that is enough to be found out.
	kept := filepath.Join(older, cosignedDirectory, "200")
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, both, 0o600); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, older, VerifyOptions{Keys: keys}); !slices.Equal(kinds(report), []FindingKind{RolledBack}) {
		t.Errorf("found %v", report.Findings)
	}
}

func FuzzParseProof(f *testing.F) {
	directory := filepath.Join(f.TempDir(), "log")
	writeLog(f, directory, 3, Options{})
	a, keys := archive(f, directory), keysOf(f, directory)
	proof, err := a.Prove(2)
	if err != nil {
		f.Fatal(err)
	}
	consistency, err := a.ProveConsistency(2)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(proof.Marshal())
	f.Add(consistency.Marshal())
	f.Add([]byte(proofHead + "{}\n\n" + tlogHead + "index 0\n\n"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if p, err := ParseProof(encoded); err == nil {
			if !bytes.Equal(p.Marshal(), encoded) {
				t.Errorf("%q reads back as %q", encoded, p.Marshal())
			}
			if _, _, err := p.Verify(keys); err == nil && !bytes.Equal(encoded, proof.Marshal()) {
				t.Errorf("%q holds", encoded)
			}
		}
		if p, err := ParseConsistencyProof(encoded); err == nil && !bytes.Equal(p.Marshal(), encoded) {
			t.Errorf("%q reads back as %q", encoded, p.Marshal())
		}
	})
}
