package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// UpstreamTrust returns the roots that origins are verified against: the system's, if asked for, and the
// certificates of extraFiles. The pool is never empty and never nil, since crypto/tls would read nil as
// "the system's roots". All mistakes in all files are reported at once, as joined *FileError.
func UpstreamTrust(extraFiles []string, systemRoots bool) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	var mistakes []error
	if systemRoots {
		system, err := x509.SystemCertPool()
		switch {
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("read the system's trusted roots: %w", err))
		case system.Equal(pool):
			mistakes = append(mistakes, errors.New("read the system's trusted roots: found none, expected the public ones; "+
				"install the package ca-certificates or set SSL_CERT_FILE to a bundle"))
		default:
			pool = system
		}
	} else if len(extraFiles) == 0 {
		mistakes = append(mistakes, errors.New("found neither system roots nor files, expected at least one: no origin could be verified"))
	}
	for _, file := range extraFiles {
		content, _, err := readFile(file, expectedCertificates, maxCertificateBytes)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		found, err := certificates(file, content)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		for _, c := range found {
			pool.AddCert(c)
		}
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("load upstream trust: %w", errors.Join(mistakes...))
	}
	return pool, nil
}

// UpstreamRoots is an upstream trust that can be reloaded. It is safe for concurrent use.
type UpstreamRoots struct {
	files       []string
	systemRoots bool
	reload      sync.Mutex // one Reload at a time
	pool        atomic.Pointer[x509.CertPool]
}

// LoadUpstreamRoots reads the roots as UpstreamTrust does.
func LoadUpstreamRoots(extraFiles []string, systemRoots bool) (*UpstreamRoots, error) {
	pool, err := UpstreamTrust(extraFiles, systemRoots)
	if err != nil {
		return nil, err
	}
	r := &UpstreamRoots{files: slices.Clone(extraFiles), systemRoots: systemRoots}
	r.pool.Store(pool)
	return r, nil
}

// Pool returns the roots in force. The same pointer means the same roots.
func (r *UpstreamRoots) Pool() *x509.CertPool { return r.pool.Load() }

// Files returns the paths that a watcher should watch.
func (r *UpstreamRoots) Files() []string { return slices.Clone(r.files) }

// Reload reads the files again and reports whether the roots changed. On error the roots stay as they
// were. The system's roots are read once per process, by the Go runtime.
func (r *UpstreamRoots) Reload() (changed bool, err error) {
	r.reload.Lock()
	defer r.reload.Unlock()
	pool, err := UpstreamTrust(r.files, r.systemRoots)
	if err != nil {
		return false, fmt.Errorf("keeping the previous roots: %w", err)
	}
	if pool.Equal(r.pool.Load()) {
		return false, nil
	}
	r.pool.Store(pool)
	return true, nil
}
