package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/borderflow/borderflow/rules/classify/exact"
	"github.com/borderflow/borderflow/rules/document"
)

// besideDocuments end the names of files that documents refer to.
var besideDocuments = []string{listExtension, hashesExtension, saltExtension}

// MaxFiles bounds the policy files of a directory.
const MaxFiles = 1024

// Subdirectories of a policy directory that are read as well, so that lists, groups and exemptions can
// have owners of their own.
var subdirectories = []string{"exemptions", "groups", "lists"}

// Load reads and compiles the policy files (*.yaml, *.yml, and *.txt for the entries of lists) in dir
// and in its subdirectories lists, groups and exemptions. Names that begin with a dot are left out, links to
// files are followed, so a mounted Kubernetes ConfigMap works as it is.
// The error is for a directory that cannot be read; mistakes in files are problems. The policy is
// nil if there is either.
func Load(dir string) (*Policy, document.Problems, error) {
	files, problems, err := readDirectory(dir)
	if err != nil {
		return nil, nil, err
	}
	policy, problems := load(dir, files, problems, nil)
	return policy, problems, nil
}

// load compiles files, which were read from dir with problems.
func load(dir string, files map[string][]byte, problems document.Problems, previous *Policy) (*Policy, document.Problems) {
	if !slices.ContainsFunc(sortedKeys(files), isDocument) && len(problems) == 0 {
		problems = document.Problems{{File: dir, Message: "there is no policy in this directory", Hint: "a policy file ends in .yaml or .yml"}}
	}
	if !slices.ContainsFunc(sortedKeys(files), isDocument) {
		return nil, problems
	}
	policy, more := parse(files, previous)
	if problems = append(problems, more...).Sort(); len(problems) > 0 {
		return nil, problems
	}
	return policy, nil
}

// readDirectory reads every policy file of dir. If a file changes meanwhile it starts again, so that
// the files belong together.
func readDirectory(dir string) (map[string][]byte, document.Problems, error) {
	const attempts = 5
	for range attempts {
		before, err := policyFiles(dir)
		if err != nil {
			return nil, nil, err
		}
		files, problems := make(map[string][]byte, len(before)), document.Problems(nil)
		for path := range before {
			data, problem := readFile(path)
			if problem != nil {
				problems = append(problems, *problem)
				continue
			}
			files[path] = data
		}
		after, err := policyFiles(dir)
		if err != nil {
			return nil, nil, err
		}
		if same(before, after) {
			return files, problems, nil
		}
	}
	return nil, nil, fmt.Errorf("read policy directory %q: its files keep changing", dir)
}

// policyFiles returns the paths of the policy files in dir, with what they are at this moment: nil
// for one that is not there behind its link.
func policyFiles(dir string) (map[string]os.FileInfo, error) {
	files := map[string]os.FileInfo{}
	if err := addPolicyFiles(files, dir); err != nil {
		return nil, err
	}
	for _, name := range subdirectories {
		if err := addPolicyFiles(files, filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return nil, err
		}
	}
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("read policy directory %q: %d policy files, at most %d are read", dir, len(files), MaxFiles)
	}
	return files, nil
}

func addPolicyFiles(files map[string]os.FileInfo, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read policy directory: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || IsTestFile(name) || !isDocument(name) && !slices.Contains(besideDocuments, filepath.Ext(name)) {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			continue
		}
		files[path] = info
	}
	return nil
}

func isDocument(path string) bool {
	return filepath.Ext(path) == ".yaml" || filepath.Ext(path) == ".yml"
}

func same(a, b map[string]os.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for path, x := range a {
		y, ok := b[path]
		if !ok || (x == nil) != (y == nil) {
			return false
		}
		if x != nil && (!os.SameFile(x, y) || x.Size() != y.Size() || !x.ModTime().Equal(y.ModTime())) {
			return false
		}
	}
	return true
}

func readFile(path string) ([]byte, *document.Problem) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &document.Problem{File: path, Message: "this is not a file"} // reading a pipe would wait for ever
	}
	var data []byte
	if err == nil {
		data, err = readBounded(path)
	}
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, &document.Problem{File: path, Message: "the file cannot be read: " + err.Error()}
	}
	return data, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	most := int64(MaxListBytes)
	if isDocument(path) {
		most = document.MaxBytes
	} else if filepath.Ext(path) == hashesExtension {
		most = int64(exact.MaxBytes)
	}
	return io.ReadAll(io.LimitReader(f, most+1))
}
