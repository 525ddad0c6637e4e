package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// forgetfulDisk is the operating system's file system, and remembers what was brought to stable
// storage: a power cut leaves that, and of the rest what chance will have.
type forgetfulDisk struct {
	OperatingSystem
	mu      sync.Mutex
	durable map[string][]byte // content by path
}

func (d *forgetfulDisk) keep(path string) {
	if content, err := os.ReadFile(path); err == nil {
		d.durable[path] = content
	}
}

type forgetfulFile struct {
	File
	disk *forgetfulDisk
	path string
}

func (f *forgetfulFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return f.File.Write(p)
}

func (f *forgetfulFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.keep(f.path)
	return nil
}

func (d *forgetfulDisk) Create(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file, err := d.OperatingSystem.Create(path)
	d.keep(path)
	return &forgetfulFile{file, d, path}, err
}

func (d *forgetfulDisk) Open(path string) (File, error) {
	file, err := d.OperatingSystem.Open(path)
	return &forgetfulFile{file, d, path}, err
}

func (d *forgetfulDisk) Put(path string, content []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.OperatingSystem.Put(path, content)
}

func (d *forgetfulDisk) SyncAll(paths []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, path := range paths {
		d.keep(path)
	}
	return nil
}

func (d *forgetfulDisk) Replace(path string, content []byte, sync bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.OperatingSystem.Replace(path, content, false)
	if sync {
		d.keep(path)
	}
	return err
}

// cutPower leaves in another directory what the disk has after a power cut at this moment.
func (d *forgetfulDisk) cutPower(t *testing.T, directory, after string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		now, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // of a write that is under way
		}
		content, durable := d.durable[path]
		rest := now
		if durable && len(now) >= len(content) && bytes.Equal(now[:len(content)], content) {
			rest = now[len(content):]
		}
		switch chance := rand.IntN(3); {
		case strings.Contains(path, keysDirectory):
			content = now // made durable by itself
		case !durable && chance == 0:
			return err // the name was not written
		case chance == 1:
			content = append(bytes.Clone(content), rest[:rand.IntN(len(rest)+1)]...)
		case chance == 2:
			content = append(bytes.Clone(content), make([]byte, len(rest))...)
		}
		name, _ := filepath.Rel(directory, path)
		return errors.Join(err, OperatingSystem{}.Put(filepath.Join(after, name), content))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPowerCutTakesNoMoreThanTheDurabilitySays(t *testing.T) {
	for _, durability := range []Durability{Strict, Batched, Relaxed} {
		t.Run(durability.String(), func(t *testing.T) {
			root := t.TempDir()
			options := Options{Durability: durability, KeyFile: filepath.Join(root, "key"), SegmentBytes: 100 << 10,
				SyncEvery: 5 * time.Millisecond, CheckpointEvery: 7 * time.Millisecond}
			directory := filepath.Join(root, "0")
			confirmed := make(map[string]bool)
			for round := range 8 {
				disk := &forgetfulDisk{durable: make(map[string][]byte)}
				if err := filepath.WalkDir(directory, func(path string, _ fs.DirEntry, _ error) error { disk.keep(path); return nil }); err != nil {
					t.Fatal(err)
				}
				options.FileSystem = disk
				l, end := start(t, directory, options)
				for i := range 20 + rand.IntN(400) {
					id := fmt.Sprintf("%d-%d", round, i)
					if err := l.Append(t.Context(), record(id)); err != nil {
						t.Fatal(err)
					}
					confirmed[id] = true
				}
				if durability == Batched {
					eventually(t, "all is synced", func() bool { s := l.Stats(); return s.Pending == 0 && s.Written == s.Synced })
				}
				after := filepath.Join(root, fmt.Sprint(round+1))
				disk.cutPower(t, directory, after)
				if err := end(); err != nil {
					t.Fatal(err)
				}
				directory = after
			}
			options.FileSystem = nil
			_, end := start(t, directory, options)
			if err := end(); err != nil {
				t.Fatal(err)
			}
			public, err := os.ReadFile(options.KeyFile + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			report := verify(t, directory, VerifyOptions{Keys: Keys{Log: string(public)}})
			if durability == Relaxed {
				t.Logf("%d records of %d are there; found %v", report.Records, len(confirmed), kinds(report))
				return // that it starts again is all that it promises
			}
			if !report.OK() {
				t.Errorf("found %v", report.Findings)
			}
			seen := ids(readAll(t, directory))
			for id := range confirmed {
				if seen[id] != 1 {
					t.Errorf("flow %s is recorded %d times", id, seen[id])
				}
			}
		})
	}
}
