package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io/fs"
)

const (
	expectedKey   = "one private key in PEM: PKCS#8, PKCS#1 (RSA) or SEC 1 (EC)"
	expectedTypes = "RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519"

	// crypto/tls and others refuse to verify signatures of larger RSA keys.
	minRSABits, maxRSABits = 2048, 8192
)

// parseKey reads the private key of an authority. Its errors name blocks and lines, never content; the
// parsers' own errors are left out for the same reason.
func parseKey(file string, content []byte) (sealedKey, error) {
	blocks, mistakes := pemBlocks(file, content)
	if len(mistakes) > 0 {
		return sealedKey{}, joinMistakes(file, mistakes)
	}
	var keys []pemBlock
	for _, b := range blocks {
		if b.Type != "EC PARAMETERS" { // openssl ecparam -genkey writes these in front; the key repeats them
			keys = append(keys, b)
		}
	}
	switch len(keys) {
	case 0:
		return sealedKey{}, notPEM(file, content, expectedKey,
			"openssl pkey -inform DER -in "+shellQuote(file)+" -out key.pem")
	case 1:
	default:
		return sealedKey{}, &FileError{File: file, Line: keys[1].line, Found: fmt.Sprintf("%d PEM blocks", len(keys)),
			Expected: expectedKey, Fix: "keep the key and its certificates in separate files"}
	}
	return parseKeyBlock(file, keys[0])
}

func parseKeyBlock(file string, block pemBlock) (sealedKey, error) {
	wrong := func(found, expected, fix string) (sealedKey, error) {
		return sealedKey{}, &FileError{File: file, Line: block.line, Found: found, Expected: expected, Fix: fix}
	}
	var key any
	var err error
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return wrong("an encrypted private key", "an unencrypted one, protected by its file mode",
			"decrypt it with: openssl pkey -in "+shellQuote(file)+" -out key.pem")
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "CERTIFICATE":
		return wrong("a certificate", expectedKey, "check that the certificate and key paths are not exchanged")
	default:
		return wrong(fmt.Sprintf("a PEM block of type %q", block.Type), expectedKey, "")
	}
	if err != nil {
		return wrong("a damaged "+block.Type+" or one of an unsupported type", expectedTypes, "")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return wrong(fmt.Sprintf("a key that cannot sign (%T)", key), expectedTypes, "")
	}
	if !supportedKey(key) {
		return wrong("a key of type "+describePublicKey(signer.Public()), expectedTypes, "create a new authority")
	}
	return seal(signer), nil
}

func supportedKey(key any) bool {
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384()
	case *rsa.PrivateKey:
		return k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
	case ed25519.PrivateKey:
		return true
	}
	return false
}

// privateKeyMode refuses a key that others can read.
func privateKeyMode(file string, mode fs.FileMode) error {
	if mode.Perm()&0o077 == 0 {
		return nil
	}
	return &FileError{File: file, Found: fmt.Sprintf("mode %04o", mode.Perm()), Expected: "0600",
		Fix: "run: chmod 600 " + shellQuote(file)}
}

// mountedKeyMode tolerates a key that others can read, as a Kubernetes secret volume mounts it (0644 by
// default, 0440 under fsGroup), and says so. A key that others can write is refused all the same.
func mountedKeyMode(file string, mode fs.FileMode) (warning string, err error) {
	if mode.Perm()&0o022 != 0 {
		return "", &FileError{File: file, Found: fmt.Sprintf("mode %04o, which others may write", mode.Perm()),
			Expected: "0600, or 0440 for a mounted secret", Fix: "run: chmod go-w " + shellQuote(file)}
	}
	if mode.Perm()&0o077 == 0 {
		return "", nil
	}
	return fmt.Sprintf("%s: mode %04o lets others on this system read the private key; 0600 is expected, "+
		"or defaultMode: 0400 on a Kubernetes secret volume", file, mode.Perm()), nil
}
