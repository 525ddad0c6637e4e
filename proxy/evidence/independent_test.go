package evidence_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// The tests of this file check a log with none of borderflow's code but what wrote it: its tiles are
// read, and proofs and checkpoints checked, by golang.org/x/mod/sumdb alone.

// tiles reads tiles as https://c2sp.org/tlog-tiles lays them out.
type tiles string

func (tiles) Height() int                     { return 8 }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (d tiles) ReadTiles(list []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range list {
		// Its own paths name the height as well: tile/8/<L>/<N>.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		text, err := os.ReadFile(filepath.Join(string(d), path))
		if err != nil {
			return nil, err
		}
		data = append(data, text)
	}
	return data, nil
}

// openCheckpoint reads a checkpoint as https://c2sp.org/tlog-checkpoint has it.
func openCheckpoint(t *testing.T, signed []byte, public string) (tree tlog.Tree, origin string) {
	t.Helper()
	verifier, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, lines[0]
}

func write(t *testing.T, directory string, n int) {
	t.Helper()
	l, err := evidence.Open(directory, evidence.Options{SegmentBytes: 64 << 10, Origin: "proxy.example/records"})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	for i := range n {
		r := &evidence.Record{Time: time.Unix(int64(i), 0), ID: fmt.Sprint("flow-", i), Verdict: "allow", Outcome: evidence.Completed}
		if err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Close(t.Context()), <-ran); err != nil {
		t.Fatal(err)
	}
}

// lines reads the records as anybody would: the segments in the order of their numbers.
func lines(t *testing.T, directory string) (all [][]byte) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(directory, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range segments {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))...)
	}
	return all
}

func TestLogChecksOutWithTheReferenceImplementationAlone(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "evidence")
	var olderTree tlog.Tree
	var older []byte
	for _, n := range []int{300, 700} {
		write(t, directory, n)
		public, err := os.ReadFile(directory + "-key.pub")
		if err != nil {
			t.Fatal(err)
		}
		signed, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		tree, origin := openCheckpoint(t, signed, string(public))
		records := lines(t, directory)
		if origin != "proxy.example/records" || tree.N != int64(len(records)) {
			t.Fatalf("the checkpoint is of %d records of %s, there are %d", tree.N, origin, len(records))
		}
		hashes := tlog.TileHashReader(tree, tiles(directory))
		for i, record := range records {
			way, err := tlog.ProveRecord(tree.N, int64(i), hashes)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(way, tree.N, tree.Hash, int64(i), tlog.RecordHash(record)); err != nil {
				t.Fatalf("record %d: %v", i+1, err)
			}
		}
		if older != nil {
			way, err := tlog.ProveTree(tree.N, olderTree.N, hashes)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(way, tree.N, tree.Hash, olderTree.N, olderTree.Hash); err != nil {
				t.Error(err)
			}
		}
		older, olderTree = signed, tree
	}
	checkProof(t, directory, olderTree)
}

// checkProof reads the text of a proof, which names its parts, and checks it without the log.
func checkProof(t *testing.T, directory string, tree tlog.Tree) {
	t.Helper()
	archive, err := evidence.OpenArchive(directory)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := archive.Prove(777)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(proof.Marshal()), "\n\n")
	_, record, _ := strings.Cut(head, "\n")
	way, signed, _ := strings.Cut(rest, "\n\n")
	public, err := os.ReadFile(directory + "-key.pub")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := openCheckpoint(t, []byte(signed), string(public)); got != tree {
		t.Errorf("the proof leads to %v, want %v", got, tree)
	}
	wayLines := strings.Split(way, "\n")
	if wayLines[0] != "c2sp.org/tlog-proof@v1" || wayLines[1] != "index 776" {
		t.Fatalf("the proof begins with %q", wayLines[:2])
	}
	var hashes tlog.RecordProof
	for _, line := range wayLines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, hash)
	}
	if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, 776, tlog.RecordHash([]byte(record))); err != nil {
		t.Error(err)
	}
	if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, 776, tlog.RecordHash([]byte(record+" "))); err == nil {
		t.Error("another record checks out as well")
	}
	if jq, err := exec.LookPath("jq"); err == nil {
		command := exec.Command(jq, "-e", ".seq == 777")
		command.Stdin = strings.NewReader(record)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("jq reads the record as %s (%v)", out, err)
		}
	}
}
