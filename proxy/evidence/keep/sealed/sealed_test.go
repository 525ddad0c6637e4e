package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// segment writes a plain segment of about size bytes.
func segment(t testing.TB, size int) (path string, content []byte) {
	t.Helper()
	for i := 1; len(content) < size; i++ {
		content = fmt.Appendf(content, `{"seq":%d,"host":"h%d.example","bytes":%d}`+"\n", i, i%17, rand.Int64())
	}
	path = filepath.Join(t.TempDir(), "flows.jsonl")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func sealedSegment(t testing.TB, size int) (*File, string, []byte) {
	t.Helper()
	path, content := segment(t, size)
	if err := Seal(path); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, path, content
}

func TestSealedSegmentReadsAtEveryPlaceLikeThePlainOne(t *testing.T) {
	file, path, content := sealedSegment(t, 2*frameBytes+1234)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the plain file is still there: %v", err)
	}
	if file.Size() != int64(len(content)) {
		t.Errorf("size %d, want %d", file.Size(), len(content))
	}
	for range 200 {
		offset := rand.IntN(len(content))
		n := rand.IntN(3 * frameBytes / 2)
		p := make([]byte, n)
		read, err := file.ReadAt(p, int64(offset))
		want := content[offset:min(offset+n, len(content))]
		if !bytes.Equal(p[:read], want) || (err == io.EOF) != (offset+n > len(content)) {
			t.Fatalf("%d bytes at %d: %d bytes, %v", n, offset, read, err)
		}
	}
}

func TestSealedSegmentIsAnOrdinaryZstandardFile(t *testing.T) {
	_, path, content := sealedSegment(t, frameBytes+1)
	packed, err := os.Open(path + Suffix)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	reader, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	got, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
	}
}

func TestDamagedSealedSegmentIsAnErrorAndNeverOtherBytes(t *testing.T) {
	_, path, content := sealedSegment(t, 3000)
	whole, err := os.ReadFile(path + Suffix)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path+Suffix, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			continue
		}
		got := make([]byte, file.Size())
		if _, err = file.ReadAt(got, 0); err == nil && !bytes.Equal(got, content) {
			t.Errorf("byte %d: other bytes were read", i)
		}
		file.Close()
	}
}

func TestPlainSegmentCountsWhileBothAreThere(t *testing.T) {
	path, content := segment(t, 100)
	if err := os.WriteFile(path+Suffix, []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path + Suffix)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if file.Size() != int64(len(content)) {
		t.Errorf("size %d, want %d", file.Size(), len(content))
	}
	if err := Seal(path); err != nil {
		t.Error(err)
	}
	if err := Seal(path); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	var packed bytes.Buffer
	if err := Compress(&packed, bytes.NewReader([]byte("{}\n{}\n"))); err != nil {
		f.Fatal(err)
	}
	f.Add(packed.Bytes())
	f.Add(seekTable(nil, 0))
	f.Add(seekTable([]byte{1, 0, 0, 0, 1, 0, 0, 0}, 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "s.jsonl")
		if err := os.WriteFile(path+Suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		_, _ = file.ReadAt(make([]byte, min(file.Size(), 1<<20)), 0)
	})
}
