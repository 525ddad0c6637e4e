package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// keptPolicy is the file in which a Store keeps the policy in force across restarts: the documents as
// they were, so that they are read like any others.
type keptPolicy struct {
	Schema string            `json:"schema"`
	Hash   string            `json:"hash"` // of the policy, to notice a damaged file
	Kept   time.Time         `json:"kept"`
	Files  map[string][]byte `json:"files"` // by path within the policy directory
}

const (
	keptSchema   = "borderflow.policy/1"
	maxKeptBytes = 1 << 30
)

// keep writes the policy in force for the next start. That it cannot be written is no reason to stop;
// it is said in the log and the status.
func (s *Store) keep(policy *Policy, files map[string][]byte) {
	if files == nil {
		return
	}
	var err error
	if s.every != "" {
		path := filepath.Join(s.every, policy.Hash()+".json")
		if _, missing := os.Stat(path); missing != nil {
			err = writeKept(path, s.dir, policy.Hash(), files)
		}
	}
	if s.lastGood != "" {
		err = errors.Join(err, writeKept(s.lastGood, s.dir, policy.Hash(), files))
	}
	s.mu.Lock()
	s.status.KeepError = err
	s.mu.Unlock()
	if err != nil {
		s.log.Error("the policy in force is not kept for later", zap.Error(err))
	}
}

func writeKept(path, dir, hash string, files map[string][]byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep the policy in force: %w", err)
		}
	}()
	kept := keptPolicy{Schema: keptSchema, Hash: hash, Kept: time.Now().UTC(), Files: map[string][]byte{}}
	for file, content := range files {
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		kept.Files[filepath.ToSlash(name)] = content
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replaceFile(path, text)
}

// replaceFile puts content in the place of path, at once: after a crash either is there as a whole.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".kept-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left to remove when it was renamed
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// startFromLastGood puts the kept policy into force because the directory is broken.
func (s *Store) startFromLastGood(broken error) error {
	policy, kept, err := readKept(s.lastGood, s.dir)
	if err != nil {
		return errors.Join(broken, fmt.Errorf("start with the last good policy instead: %w", err))
	}
	now := time.Now()
	s.install(policy, now)
	s.mu.Lock()
	s.status.LastError, s.status.FailedReloads, s.status.FromLastGood = broken, 1, true
	s.mu.Unlock()
	s.log.Error("THE POLICY DIRECTORY IS BROKEN: started with the last good policy, as policy.onBrokenStart says",
		zap.String("directory", s.dir), zap.String("in_force", policy.ShortHash()), zap.Time("kept", kept))
	s.complain("the policy directory is broken", broken)
	return nil
}

// readKept returns the kept policy and when it was kept. Files are known by their paths in dir.
func readKept(path, dir string) (policy *Policy, kept time.Time, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, kept, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, kept, err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, kept, fmt.Errorf("%s can be written by others (mode %v), so it is not trusted", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeptBytes))
	if err != nil {
		return nil, kept, err
	}
	var saved keptPolicy
	if err := json.Unmarshal(text, &saved); err != nil || saved.Schema != keptSchema {
		return nil, kept, fmt.Errorf("%s is damaged, or of another version", path)
	}
	files := make(map[string][]byte, len(saved.Files))
	for name, content := range saved.Files {
		files[filepath.Join(dir, filepath.FromSlash(name))] = content
	}
	policy, problems := Parse(files)
	if len(problems) > 0 {
		return nil, kept, fmt.Errorf("%s: %w", path, problems)
	}
	if policy.Hash() != saved.Hash {
		return nil, kept, fmt.Errorf("%s is damaged: it holds policy %s and says %.12q", path, policy.ShortHash(), saved.Hash)
	}
	return policy, saved.Kept, nil
}
