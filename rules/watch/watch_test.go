package watch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs w until the test ends and returns the channel that its changes arrive on, after the
// first one, which says that watching has begun.
func start(t *testing.T, w Watcher) <-chan struct{} {
	t.Helper()
	changes := make(chan struct{}, 100)
	w.Changed = func(context.Context) { changes <- struct{}{} }
	if w.Debounce == 0 {
		w.Debounce = 20 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	expect(t, changes)
	return changes
}

func expect(t *testing.T, changes <-chan struct{}) {
	t.Helper()
	select {
	case <-changes:
	case <-time.After(15 * time.Second):
		t.Fatal("no change was noticed")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnEditInPlaceIsNoticed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "1")
	changes := start(t, Watcher{Directories: []string{dir}})
	write(t, filepath.Join(dir, "a.yaml"), "2")
	expect(t, changes)
}

func TestRenamesByEditorsAreNoticedAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	write(t, path, "1")
	changes := start(t, Watcher{Files: []string{path}})
	for _, text := range []string{"2", "3", "4"} {
		write(t, filepath.Join(dir, ".a.yaml.swp"), text)
		must(t, os.Rename(filepath.Join(dir, ".a.yaml.swp"), path))
		expect(t, changes)
	}
}

func TestSwapsOfAConfigMapAreNoticedAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	swap := func(version, text string) {
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "policy.yaml"), text)
		must(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	swap("..1", "1")
	must(t, os.Symlink("..data/policy.yaml", filepath.Join(dir, "policy.yaml")))
	changes := start(t, Watcher{Directories: []string{dir}})
	swap("..2", "2")
	expect(t, changes)
	must(t, os.RemoveAll(filepath.Join(dir, "..1")))
	swap("..3", "3")
	expect(t, changes)
}

func TestALinkedFileIsWatchedWhereItReallyIs(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, filepath.Join(elsewhere, "real"), "1")
	must(t, os.Symlink(filepath.Join(elsewhere, "real"), filepath.Join(dir, "a.yaml")))
	changes := start(t, Watcher{Directories: []string{dir}})
	write(t, filepath.Join(elsewhere, "real"), "2")
	expect(t, changes)
}

func TestADirectoryThatIsRemovedAndComesBackIsWatchedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policy")
	must(t, os.Mkdir(dir, 0o700))
	write(t, filepath.Join(dir, "a.yaml"), "1")
	changes := start(t, Watcher{Directories: []string{dir}})
	must(t, os.RemoveAll(dir))
	expect(t, changes)
	must(t, os.Mkdir(dir, 0o700))
	write(t, filepath.Join(dir, "a.yaml"), "2")
	expect(t, changes)
	write(t, filepath.Join(dir, "a.yaml"), "3")
	expect(t, changes)
}

func TestALinkToADirectoryMayPointElsewhere(t *testing.T) {
	root := t.TempDir()
	for _, version := range []string{"1", "2"} {
		must(t, os.Mkdir(filepath.Join(root, version), 0o700))
		write(t, filepath.Join(root, version, "a.yaml"), version)
	}
	link := filepath.Join(root, "current")
	must(t, os.Symlink("1", link))
	changes := start(t, Watcher{Directories: []string{link}})
	must(t, os.Symlink("2", link+".new"))
	must(t, os.Rename(link+".new", link))
	expect(t, changes)
	write(t, filepath.Join(root, "2", "a.yaml"), "3")
	expect(t, changes)
}

func TestAMissingFileIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "countries.mmdb")
	changes := start(t, Watcher{Files: []string{path}})
	write(t, path, "1")
	expect(t, changes)
}

func TestWhatLeavesTheContentAsItIsIsNoChange(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "1")
	changes := start(t, Watcher{Directories: []string{dir}})
	quiet := func() (told int) {
		for {
			select {
			case <-changes:
				told++
			case <-time.After(300 * time.Millisecond):
				return told
			}
		}
	}
	quiet() // what is touched while it is read for the first time is read again
	write(t, filepath.Join(dir, "a.yaml"), "1")
	write(t, filepath.Join(dir, ".hidden"), "x")
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	if told := quiet(); told > 0 {
		t.Errorf("%d changes were reported where there is none", told)
	}
	write(t, filepath.Join(dir, "b.yaml"), "2")
	expect(t, changes)
}

func TestPollingFindsWhatEventsMissed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	write(t, path, "1")
	c := newContent([]string{dir}, nil)
	c.changed(true)
	if c.changed(false) {
		t.Error("a poll found a change where there is none")
	}
	write(t, path, "2") // as large as before, and within the same tick of the clock
	must(t, os.Chtimes(path, time.Time{}, c.seen[path].info.ModTime()))
	if !c.changed(false) {
		t.Error("a poll overlooked an edit")
	}
	must(t, os.Remove(path))
	if !c.changed(false) {
		t.Error("a poll overlooked a deletion")
	}
}

func TestLargeFilesAreNotReadAgainForTheirNeighbours(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "countries.mmdb")
	write(t, path, "1")
	must(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
	c := newContent(nil, []string{path})
	c.changed(true)
	if c.concerns(filepath.Join(dir, "other")) || !c.concerns(path) {
		t.Error("concerned with the wrong file")
	}
	read := c.seen[path].at
	if c.changed(false) || !c.seen[path].at.Equal(read) {
		t.Error("an old and unchanged file was read again")
	}
	if c.changed(true) || c.seen[path].at.Equal(read) {
		t.Error("a thorough look did not read the file")
	}
}

func TestEventsThatNeverPauseDoNotPutOffTheLook(t *testing.T) {
	dir := t.TempDir()
	changes := start(t, Watcher{Directories: []string{dir}, Debounce: 50 * time.Millisecond})
	path := filepath.Join(dir, "a.yaml")
	deadline := time.After(5 * time.Second)
	for i := 0; ; i++ {
		select {
		case <-changes:
			return
		case <-deadline:
			t.Fatal("steady events starved the watcher")
		case <-time.After(5 * time.Millisecond):
			write(t, path, string(rune('a'+i%26)))
		}
	}
}

func TestMountsOfSingleFilesAreNamed(t *testing.T) {
	table := filepath.Join(t.TempDir(), "mountinfo")
	write(t, table, `22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 8:1 /pods/1/volumes/kubernetes.io~configmap/p/..1/a.yaml /etc/borderflow/my\040policy/a.yaml ro - ext4 /dev/sda1 rw
31 22 8:1 /pods/1/volume-subpaths/p/c/0 /etc/sub ro - ext4 /dev/sda1 rw
32 22 0:50 / /etc/whole ro - tmpfs tmpfs rw
`)
	files := []string{"/etc/borderflow/my policy/a.yaml", "/etc/borderflow/my policy/b.yaml", "/etc/whole/a.yaml"}
	got := fixedMounts(table, files, []string{"/etc/borderflow/my policy", "/etc/sub", "/etc/whole"})
	if diff := cmp.Diff([]string{"/etc/borderflow/my policy/a.yaml", "/etc/sub"}, got); diff != "" {
		t.Error(diff)
	}
	if got := fixedMounts("/nonexistent", files, nil); got != nil {
		t.Error(got)
	}
}

func TestADirectoryThatCannotBeWatchedIsSaidOnce(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	p := newPlaces(nil, zap.New(core))
	p.warn("/a", os.ErrPermission)
	p.warn("/a", os.ErrPermission)
	p.warn("/b", os.ErrNotExist)
	if logs.Len() != 1 {
		t.Error(logs.All())
	}
}

func TestWithoutAFunctionToCallRunRefuses(t *testing.T) {
	if err := (&Watcher{}).Run(t.Context()); err == nil {
		t.Error("no error")
	}
}
