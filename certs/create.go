package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	caFile    = "ca.pem"
	caKeyFile = "ca-key.pem"

	caYears = 10

	// backdate makes certificates valid for clients whose clock is up to an hour slow.
	backdate = time.Hour
)

// LoadOrCreate loads the authority kept in dir as ca.pem and ca-key.pem, or creates it there on the
// first run: an ECDSA P-256 key and a certificate for ten years that may sign leaves only. The directory
// gets mode 0700, the key 0600, the certificate 0644. It reports whether this call created the
// certificate: that is the moment to tell people how to trust it.
//
// Several processes may start at once on the same directory: all end up with the same authority, and one
// of them has created it. A directory that others may write or a key that others may read is refused.
// An authority is never replaced, not even an expired one; a certificate without its key is an error.
func LoadOrCreate(dir string) (authority *Authority, created bool, err error) {
	created, err = createIfMissing(dir, publish)
	if err != nil {
		return nil, false, fmt.Errorf("create certificate authority in %s: %w", dir, err)
	}
	a := &Authority{certFile: filepath.Join(dir, caFile), keyFile: filepath.Join(dir, caKeyFile)}
	if err := a.load(time.Now()); err != nil {
		return nil, false, fmt.Errorf("load certificate authority: %w", err)
	}
	return a, created, nil
}

// publisher puts a file in place unless it exists, durably and as a whole, and reports whether it did.
type publisher func(dir, name string, content []byte, mode fs.FileMode) (bool, error)

func createIfMissing(dir string, put publisher) (created bool, err error) {
	if err := prepareDirectory(dir); err != nil {
		return false, err
	}
	hasCert, err := exists(filepath.Join(dir, caFile))
	if err != nil {
		return false, err
	}
	hasKey, err := exists(filepath.Join(dir, caKeyFile))
	if err != nil || hasCert && hasKey {
		return false, err
	}
	if hasCert {
		return false, &FileError{File: filepath.Join(dir, caKeyFile), Found: "no such file",
			Expected: "the key of " + filepath.Join(dir, caFile), Err: fs.ErrNotExist,
			Fix: "restore the key, or move " + caFile + " away to have a new authority created, which clients must then trust"}
	}
	if err := createKey(dir, put); err != nil {
		return false, err
	}
	// The key on disk counts, not the one just made: another process may have been first.
	text, mode, err := readFile(filepath.Join(dir, caKeyFile), expectedKey, maxKeyBytes)
	if err != nil {
		return false, err
	}
	if err := privateKeyMode(filepath.Join(dir, caKeyFile), mode); err != nil {
		return false, err
	}
	key, err := parseKey(filepath.Join(dir, caKeyFile), text)
	if err != nil {
		return false, err
	}
	certificate, err := newCertificate(key, time.Now())
	if err != nil {
		return false, err
	}
	return put(dir, caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o644)
}

func createKey(dir string, put publisher) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	_, err = put(dir, caKeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	return err
}

// newCertificate signs the authority's own certificate. Its name is derived from the key, as is the key
// identifier that crypto/x509 adds, so that a certificate made again for a key left by a crash is the
// same trust anchor as the lost one.
func newCertificate(key sealedKey, now time.Time) ([]byte, error) {
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(public)
	serial, err := randomSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "borderflow CA " + hex.EncodeToString(id[:4])},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.AddDate(caYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// randomSerial returns a positive number of up to 128 random bits (RFC 5280 section 4.1.2.2).
func randomSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	if serial.Sign() == 0 {
		serial.SetInt64(1)
	}
	return serial, nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	return err == nil, err
}
