package evidence

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mountTmpfs mounts a file system of the given size, or skips the test.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	directory := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skip("a tmpfs cannot be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(directory, syscall.MNT_DETACH); err != nil {
			t.Error("unmount:", err)
		}
	})
	return directory
}

func TestSmallFileSystemThatFillsUpAndIsEmptiedAgain(t *testing.T) {
	directory := mountTmpfs(t, "64k")
	l, end := start(t, directory, Options{})
	accepted := 0
	for l.Ready() == nil {
		if err := l.AppendAndWait(t.Context(), record("a")); err != nil && !errors.Is(err, ErrNotWritten) {
			t.Fatal(err)
		}
		accepted++
	}
	if err := l.Ready(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Ready says %v", err)
	}
	readAll(t, directory)
	if err := syscall.Mount("tmpfs", directory, "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if got := len(readAll(t, directory)); got != accepted {
		t.Errorf("%d records, %d were accepted", got, accepted)
	}
}

func TestFileSystemThatBecomesReadOnly(t *testing.T) {
	directory := filepath.Join(mountTmpfs(t, "1m"), "evidence")
	l, end := start(t, directory, Options{})
	if err := l.AppendAndWait(t.Context(), record("a")); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		if err := syscall.Mount("tmpfs", filepath.Dir(directory), "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if _, err := Open(directory, Options{}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Open on a read-only file system says %v", err)
	}
	remount(0)
	l, end = start(t, directory, Options{})
	if err := l.AppendAndWait(t.Context(), record("b")); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if got := len(readAll(t, directory)); got != 2 {
		t.Errorf("%d records", got)
	}
}
