package rules

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func policyNamed(name string) string { return strings.Replace(good, "good", name, 1) }

func TestLoadReadsTheFilesOfADirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), policyNamed("a")+"---\n"+policyNamed("b"))
	write(t, filepath.Join(dir, "c.yml"), policyNamed("c"))
	write(t, filepath.Join(dir, ".hidden.yaml"), "broken: [")
	write(t, filepath.Join(dir, "notes.txt"), "broken: [")
	write(t, filepath.Join(dir, "a.yaml~"), "broken: [")
	if err := os.Mkdir(filepath.Join(dir, "sub.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, problems, err := Load(dir)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	var names []string
	for _, info := range p.Policies() {
		names = append(names, info.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestLoadReadsAConfigMapOnce(t *testing.T) {
	dir := t.TempDir()
	mountConfigMap(t, dir, "..1", map[string]string{"policy.yaml": policyNamed("mounted")})
	p, problems, err := Load(dir)
	if err != nil || len(problems) > 0 || len(p.Policies()) != 1 {
		t.Fatal(err, problems)
	}
}

func TestLoadSaysWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	if _, problems, err := Load(dir); err != nil || !strings.Contains(problems.Error(), "there is no policy in this directory") {
		t.Error(err, problems)
	}
	if _, _, err := Load(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing directory is no error")
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "good.yaml"), good)
	p, problems, err := Load(dir)
	want := filepath.Join(dir, "dangling.yaml") + ": the file cannot be read: no such file or directory\n" + filepath.Join(dir, "pipe.yaml") + ": this is not a file"
	if diff := cmp.Diff(want, problems.Error()); diff != "" || err != nil || p != nil {
		t.Error(diff, err)
	}
}

// mountConfigMap makes dir what the kubelet makes of a ConfigMap, or swaps in another version.
func mountConfigMap(t *testing.T, dir, version string, files map[string]string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, version), 0o700))
	for name, text := range files {
		write(t, filepath.Join(dir, version, name), text)
	}
	must(os.Symlink(version, filepath.Join(dir, "..data_tmp")))
	must(os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	for name := range files {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			must(os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
		}
	}
}

func TestFilesThatChangeWhileTheyAreReadAreNotTheSame(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	look := func() map[string]os.FileInfo {
		t.Helper()
		files, err := policyFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	write(t, path, good)
	first := look()
	if !same(first, look()) {
		t.Error("nothing changed")
	}
	write(t, path, good+"# longer\n")
	second := look()
	if same(first, second) {
		t.Error("an edit in place was overlooked")
	}
	write(t, path+".tmp", good+"# longer\n")
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
	third := look()
	if same(second, third) {
		t.Error("a file put in its place was overlooked")
	}
	write(t, filepath.Join(dir, "b.yaml"), good)
	if same(third, look()) {
		t.Error("a further file was overlooked")
	}
}
