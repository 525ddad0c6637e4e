package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var started = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const policyHash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// writeLog writes records, a second apart, and returns the options to export them with.
func writeLog(t testing.TB, count int) Options {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "log")
	log, err := evidence.Open(directory, evidence.Options{SegmentBytes: 60 << 10, CheckpointEvery: time.Millisecond, Origin: "test.example/log"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- log.Run(context.Background()) }()
	for i := range count {
		record := &evidence.Record{Time: started.Add(time.Duration(i) * time.Second), ID: fmt.Sprint("flow-", i+1), Verdict: "allow",
			Outcome: evidence.Completed, PolicyHash: policyHash}
		if i == 0 {
			record.PolicyHash = strings.Repeat("b", 64)
		}
		if err := log.Append(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(context.Background()), <-ended); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(directory + "-key.pub")
	if err != nil {
		t.Fatal(err)
	}
	return Options{Directory: directory, Key: string(public),
		Policy: func(hash string) ([]byte, bool) { return []byte("the policy"), hash == policyHash }}
}

// buildVerifier builds the command that knows nothing of this package.
func buildVerifier(t testing.TB) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is missing, which builds the verifier")
	}
	program := filepath.Join(t.TempDir(), "verifier")
	if out, err := exec.Command(tool, "build", "-o", program, "../../../examples/verifier").CombinedOutput(); err != nil {
		t.Fatalf("build the verifier: %v\n%s", err, out)
	}
	return program
}

func check(t testing.TB, program, bundle string, arguments ...string) (string, bool) {
	t.Helper()
	out, err := exec.Command(program, append(arguments, bundle)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err == nil
}

func mustExport(t testing.TB, options Options) (Contents, string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bundle")
	contents, err := Export(t.Context(), options, out)
	if err != nil {
		t.Fatal(err)
	}
	return contents, out
}

func TestVerifierThatUsesNoneOfOurCodeSaysOKOrWhichRecordIsWrong(t *testing.T) {
	program := buildVerifier(t)
	options := writeLog(t, 1500)
	options.From, options.Until = started.Add(700*time.Second), started.Add(900*time.Second)
	contents, out := mustExport(t, options)
	if contents.First > 701 || contents.Last < 900 || contents.First == 1 || contents.Last == 1500 || contents.Matching != 200 || len(contents.Policies) != 1 {
		t.Errorf("%+v", contents)
	}
	key := strings.TrimSpace(options.Key)
	if said, ok := check(t, program, out, "-key", key); !ok || !strings.HasPrefix(said, fmt.Sprintf("OK: %d records, %d to %d, of the log test.example/log at 1500 records\n", contents.Records, contents.First, contents.Last)) {
		t.Fatalf("%v %s", ok, said)
	}
	records := filepath.Join(out, "records", contents.Segments[0].Name)
	for name, test := range map[string]struct {
		file   string
		change func([]byte) []byte
		want   string
	}{
		"edited":          {records, func(b []byte) []byte { return bytes.Replace(b, []byte("flow-701\""), []byte("flow-702\""), 1) }, "record 701: it is not the one that the checkpoint commits to"},
		"last cut off":    {records, func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }, fmt.Sprintf("records %d to %d: missing", contents.Segments[0].Last, contents.Segments[0].Last)},
		"no record":       {records, func(b []byte) []byte { return append(b, "{}\n"...) }, "not a record that the checkpoint commits to"},
		"twice":           {records, func(b []byte) []byte { return append(b, b[:bytes.IndexByte(b, '\n')+1]...) }, "it is there twice"},
		"checkpoint":      {filepath.Join(out, "checkpoint"), func(b []byte) []byte { return bytes.Replace(b, []byte("1500"), []byte("1499"), 1) }, "checkpoint: "},
		"tile":            {filepath.Join(out, "tile", "0", "003"), func(b []byte) []byte { b[5] ^= 1; return b }, "the tiles do not lead to the checkpoint"},
		"another key":     {filepath.Join(out, "key.pub"), func([]byte) []byte { return []byte("x+00000000+AAAA\n") }, "the key of the bundle is another"},
		"fewer announced": {filepath.Join(out, "bundle.json"), func([]byte) []byte { return []byte(`{"first":0}`) }, "bundle.json"},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := os.ReadFile(test.file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(test.file, test.change(bytes.Clone(before)), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, ok := check(t, program, out, "-key", key); ok || !strings.Contains(said, test.want) || !strings.Contains(said, "NOT OK") {
				t.Errorf("said %s", said)
			}
			if err := os.WriteFile(test.file, before, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRemovedAndSealedSegmentsAreHandedOutAsSuch(t *testing.T) {
	program := buildVerifier(t)
	options := writeLog(t, 1500)
	segments, err := sealed.Segments(options.Directory)
	if err != nil {
		t.Fatal(err)
	}
	// All but the second segment are kept for longer.
	second := keep.Class{Name: "others", Days: keep.TenYears, Definition: "others", Matches: func(_ []byte, r *evidence.Record) (bool, error) {
		return r.Seq < segments[1].First || r.Seq >= segments[2].First, nil
	}}
	keeper, err := keep.New(keep.Options{Directory: options.Directory, Classes: []keep.Class{second}, Seal: true,
		Now: func() time.Time { return time.Now().AddDate(0, 0, keep.ThreeYears+2) }})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := keeper.Tend(t.Context()); err != nil || len(done.Removed) != 1 || len(done.Sealed) == 0 {
		t.Fatalf("%+v %v", done, err)
	}
	contents, out := mustExport(t, options)
	if len(contents.Removed) != 1 || contents.First != 1 || contents.Last != 1500 || len(contents.Missing) != 1 {
		t.Errorf("%+v", contents)
	}
	said, ok := check(t, program, out)
	if !ok || !strings.Contains(said, fmt.Sprintf("%d records between them are past their retention", segments[2].First-segments[1].First)) || !strings.Contains(said, "by the key in the bundle") {
		t.Errorf("%v %s", ok, said)
	}
}

func TestBrokenLogIsNotHandedOut(t *testing.T) {
	options := writeLog(t, 300)
	segments, err := sealed.Segments(options.Directory)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(segments[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segments[0].Path, bytes.Replace(text, []byte("flow-17\""), []byte("flow-18\""), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "bundle")
	if _, err := Export(t.Context(), options, out); err == nil || !strings.Contains(err.Error(), "record 17 is not the one") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was begun is still there: %v", err)
	}
}

func TestBundleInOneFileHoldsTheSameFiles(t *testing.T) {
	options := writeLog(t, 300)
	options.Now = func() time.Time { return started }
	_, dir := mustExport(t, options)
	out := filepath.Join(t.TempDir(), "bundle.tar.zst")
	if _, err := Export(t.Context(), options, out); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	files := 0
	for reader := tar.NewReader(packed); ; files++ {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		want, bad := os.ReadFile(filepath.Join(dir, header.Name))
		if err != nil || bad != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v %v", header.Name, err, bad)
		}
	}
	if files < 8 {
		t.Errorf("%d files", files)
	}
	if _, err := Export(t.Context(), options, out); err == nil {
		t.Error("a bundle was written over another")
	}
}
