package jurisdiction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// DatabaseStatus describes one configured database.
type DatabaseStatus struct {
	Path        string    `json:"path"`
	Name        string    `json:"name"`              // file name without directory and extension, or a range table's own
	Format      string    `json:"format"`            // "mmdb" or "ranges"
	Kind        string    `json:"kind"`              // what it tells: "place", "registrant" or "cloud" (provider and region)
	Version     string    `json:"version"`           // name, build day and the beginning of the SHA-256
	Checksum    string    `json:"sha256"`            // of the file in force
	Built       time.Time `json:"built,omitzero"`    // when its maker built it; zero if it does not say
	Loaded      time.Time `json:"loaded"`            // when it was read
	Records     int       `json:"records"`           // different records of a database, ranges of a range table
	License     string    `json:"license,omitempty"` // as the file tells it
	Attribution string    `json:"attribution,omitempty"`
	Problem     string    `json:"problem,omitempty"` // why the last Reload refused the file; "" if it did not
}

// dataset is a source that was read from a file which the user names.
type dataset interface {
	datedSource
	status() DatabaseStatus // without Path, Version, Loaded and Problem
}

// opener reads files of data.
type opener struct {
	regions   *cloudRegions
	operators *operators
	maxAge    time.Duration
}

// open reads and checks the file, whatever its format. The error says why it cannot be used.
func (o *opener) open(ctx context.Context, path string) (dataset, error) {
	content, err := readDatabase(path)
	if err != nil {
		return nil, fmt.Errorf("read database: %w", err)
	}
	var opened dataset
	if bytes.HasPrefix(content, []byte("BFRT")) { // of any version: Decode tells which one it needs
		opened, err = o.parseRanges(content)
	} else {
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		var d *database
		if d, err = parseDatabase(ctx, content, name); err == nil {
			d.date.limit = o.maxAge
			opened = d
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read database %s: %w", path, err)
	}
	return opened, nil
}

// openAll reads the files at paths. Without previous, the first start, any problem is fatal;
// with it, the database that a broken file replaces stays, and the problems are joined.
func (o *opener) openAll(ctx context.Context, paths []string, previous *snapshot, now time.Time) ([]dataset, []DatabaseStatus, error) {
	var databases []dataset
	var statuses []DatabaseStatus
	var problems []error
	for i, path := range paths {
		opened, err := o.open(ctx, path)
		if err != nil {
			problems = append(problems, err)
			if previous == nil {
				continue
			}
			databases = append(databases, previous.databases[i])
			status := previous.statuses[i]
			status.Problem = err.Error()
			statuses = append(statuses, status)
			continue
		}
		status := opened.status()
		status.Path, status.Version, status.Loaded = path, opened.version(), now
		databases = append(databases, opened)
		statuses = append(statuses, status)
	}
	return databases, statuses, errors.Join(problems...)
}
