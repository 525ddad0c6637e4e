package jurisdiction

import (
	"context"
	"errors"
	"time"
)

// DatabaseStatus describes one configured database.
type DatabaseStatus struct {
	Path     string    `json:"path"`
	Name     string    `json:"name"`              // file name without directory and extension
	Version  string    `json:"version"`           // name, build day and the beginning of the SHA-256
	Checksum string    `json:"sha256"`            // of the file in force
	Built    time.Time `json:"built,omitzero"`    // when its maker built it; zero if it does not say
	Loaded   time.Time `json:"loaded"`            // when it was read
	Records  int       `json:"records"`           // how many different records its networks share
	Problem  string    `json:"problem,omitempty"` // why the last Reload refused the file; "" if it did not
}

// openDatabases reads the files at paths. Without previous, the first start, any problem is fatal;
// with it, the database that a broken file replaces stays, and the problems are joined.
func openDatabases(ctx context.Context, paths []string, previous *snapshot, now time.Time) ([]*database, []DatabaseStatus, error) {
	var databases []*database
	var statuses []DatabaseStatus
	var problems []error
	for i, path := range paths {
		opened, err := openDatabase(ctx, path)
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
		databases = append(databases, opened)
		statuses = append(statuses, DatabaseStatus{
			Path: path, Name: opened.name, Version: opened.version(), Checksum: opened.checksum,
			Built: opened.built, Loaded: now, Records: len(opened.records),
		})
	}
	return databases, statuses, errors.Join(problems...)
}
