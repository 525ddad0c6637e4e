package delivery

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Cursor says how far a sink has got. The zero value stands before the oldest record.
type Cursor struct {
	Segment string `json:"segment"` // file name as it was written, without a compressed one's ending
	Offset  int64  `json:"offset"`  // bytes of the segment, uncompressed, that the sink has
	Seq     uint64 `json:"seq"`     // of the last record that the sink has; 0: none
	// Length and Sum are of the last line before Offset, in bytes with its newline and as 16 hex digits of
	// its SHA-256: they show whether the log still is what was delivered, after a power cut for example.
	Length int64  `json:"length"`
	Sum    string `json:"sum"`
}

const (
	cursorSuffix   = ".cursor"
	maxCursorBytes = 4 << 10
)

// Cursors returns how far each sink has got that keeps its cursor below stateDir, by name. A sink that
// is no longer configured has one too, until its file is removed: whoever decides by them what may be
// deleted looks at those that are configured, and keeps every record whose number is above the
// smallest Seq.
func Cursors(stateDir string) (map[string]Cursor, error) {
	directory := cursorDirectory(stateDir)
	entries, err := os.ReadDir(directory)
	if errors.Is(err, os.ErrNotExist) {
		return map[string]Cursor{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list evidence cursors: %w", err)
	}
	cursors := map[string]Cursor{}
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), cursorSuffix)
		if !found || !entry.Type().IsRegular() {
			continue
		}
		cursor, err := loadCursor(filepath.Join(directory, entry.Name()))
		if err != nil {
			return nil, err
		}
		cursors[name] = cursor
	}
	return cursors, nil
}

func loadCursor(path string) (Cursor, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Cursor{}, fmt.Errorf("read evidence cursor: %w", err)
	}
	if info.Size() > maxCursorBytes {
		return Cursor{}, fmt.Errorf("read evidence cursor %s: %d bytes, expected at most %d", path, info.Size(), maxCursorBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Cursor{}, fmt.Errorf("read evidence cursor: %w", err)
	}
	cursor, err := parseCursor(text)
	if err != nil {
		return Cursor{}, fmt.Errorf("read evidence cursor %s: %w", path, err)
	}
	return cursor, nil
}

func parseCursor(text []byte) (Cursor, error) {
	var c Cursor
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Cursor{}, fmt.Errorf("not a cursor: %w", err)
	}
	if decoder.More() {
		return Cursor{}, errors.New("not a cursor: more than one JSON object")
	}
	switch {
	case c == Cursor{}:
	case segmentName.FindStringSubmatch(c.Segment) == nil || c.Segment != strings.TrimSuffix(strings.TrimSuffix(c.Segment, ".gz"), ".zst"):
		return Cursor{}, errors.New("segment: not the name of a segment")
	case c.Offset < 0 || c.Length < 0 || c.Length > min(c.Offset, longest):
		return Cursor{}, errors.New("offset and length: a line cannot stand there")
	case (c.Length == 0) != (c.Sum == "") || (c.Length == 0 && c.Offset > 0):
		return Cursor{}, errors.New("length and sum: only one is given")
	}
	return c, nil
}

// save replaces the file in one step, so that a crash leaves the old cursor or the new one.
func (c Cursor) save(path string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("store evidence cursor: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".cursor-*") // mode 0600
	if err != nil {
		return fmt.Errorf("store evidence cursor: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("store evidence cursor: %w", err), os.Remove(file.Name()))
	}
	// The new name is made durable too; where directories cannot be synced, an older cursor only sends
	// some records again.
	if directory, err := os.Open(filepath.Dir(path)); err == nil {
		_ = directory.Sync()
		_ = directory.Close()
	}
	return nil
}

// after returns the cursor behind a line with its newline that begins where c stands.
func (c Cursor) after(line []byte, seq uint64) Cursor {
	c.Offset += int64(len(line))
	c.Length, c.Sum = int64(len(line)), lineSum(line)
	if seq != 0 {
		c.Seq = seq
	}
	return c
}

func lineSum(line []byte) string {
	sum := sha256.Sum256(line)
	return fmt.Sprintf("%x", sum[:8])
}
