package watch

import (
	"crypto/sha256"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// content is what the watched files held when they were last looked at.
type content struct {
	directories, files []string
	seen               map[string]file
}

// file is what is known of one file. A file that cannot be read has no sum.
type file struct {
	info os.FileInfo
	sum  [sha256.Size]byte
	read bool
	at   time.Time // when it was read
}

// settled is how much older than the reading of a file its last change must be, so that a change
// right after the reading would show in the file's time. File systems' clocks tick in steps.
const settled = 2 * time.Second

func newContent(directories, files []string) *content {
	return &content{directories: cleaned(directories), files: cleaned(files), seen: map[string]file{}}
}

func cleaned(paths []string) []string {
	clean := make([]string, len(paths))
	for i, path := range paths {
		clean[i] = filepath.Clean(path)
	}
	return clean
}

// paths returns the files to look at now.
func (c *content) paths() []string {
	paths := slices.Clone(c.files)
	for _, directory := range c.directories {
		entries, err := os.ReadDir(directory)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), ".") {
				paths = append(paths, filepath.Join(directory, entry.Name()))
			}
		}
	}
	return paths
}

// changed looks at every file and reports whether one appeared, vanished or holds something else, or
// a directory came or went.
func (c *content) changed(thorough bool) bool {
	now := map[string]file{}
	for _, path := range c.paths() {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if before, ok := c.seen[path]; ok && !thorough && before.unchanged(info) {
			now[path] = before
			continue
		}
		f := file{info: info, at: time.Now()}
		f.sum, f.read = sum(path)
		now[path] = f
	}
	for _, directory := range c.directories {
		// An empty directory and a missing one are different mistakes.
		if _, err := os.Stat(directory); err == nil {
			now[directory] = file{read: true}
		}
	}
	different := !maps.EqualFunc(c.seen, now, func(a, b file) bool { return a.sum == b.sum && a.read == b.read })
	c.seen = now
	return different
}

// unchanged reports whether a file that now is info is sure to hold what it did.
func (f file) unchanged(info os.FileInfo) bool {
	return f.read && os.SameFile(f.info, info) && f.info.Size() == info.Size() && f.info.ModTime().Equal(info.ModTime()) &&
		f.at.Sub(info.ModTime()) > settled
}

// replaced reports whether files were touched between two looks, even if they hold the same again.
func replaced(before, after map[string]file) bool {
	return !maps.EqualFunc(before, after, func(a, b file) bool {
		if a.info == nil || b.info == nil { // a directory, of which only the existence is watched
			return a.info == nil && b.info == nil
		}
		return a.sum == b.sum && a.read == b.read && os.SameFile(a.info, b.info) && a.info.ModTime().Equal(b.info.ModTime())
	})
}

// concerns reports whether path, which the system says something happened to, is named like a
// watched file. Directories around it may be busy with others.
func (c *content) concerns(path string) bool {
	name := filepath.Base(path)
	for watched := range c.seen {
		if filepath.Base(watched) == name {
			return true
		}
	}
	return false
}

func sum(path string) (sum [sha256.Size]byte, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return sum, false
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, false
	}
	h.Sum(sum[:0])
	return sum, true
}

// places returns the directories in which a change of the content would show: those of the files,
// those around them, in which a directory or a link to one is replaced, and those that linked
// files really are in.
func (c *content) places() []string {
	places := map[string]bool{}
	add := func(directory string) {
		places[directory] = true
		places[filepath.Dir(directory)] = true
	}
	for _, directory := range c.directories {
		add(directory)
	}
	for _, path := range c.files {
		add(filepath.Dir(path))
	}
	for _, path := range c.paths() {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			places[filepath.Dir(target)] = true
		}
	}
	return slices.Sorted(maps.Keys(places))
}
