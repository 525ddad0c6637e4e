package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
)

// sealedKey signs, and shows nothing of the key whatever verb, logger or encoder it meets. Both the
// authority's key and the leaf key live in one, so that even a tls.Certificate that somebody prints
// while debugging gives nothing away.
//
// It holds a pointer because package fmt does not call Format on what it finds in unexported fields, and
// would follow an interface into the bytes of an Ed25519 key; it does not follow pointers.
type sealedKey struct{ signer *crypto.Signer }

func seal(signer crypto.Signer) sealedKey { return sealedKey{&signer} }

func (k sealedKey) Public() crypto.PublicKey { return (*k.signer).Public() }

func (k sealedKey) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return (*k.signer).Sign(random, digest, options)
}

func (k sealedKey) String() string {
	if k.signer == nil {
		return "no private key"
	}
	return "private key (" + describePublicKey(k.Public()) + ", not shown)"
}

func (k sealedKey) Format(f fmt.State, _ rune)   { io.WriteString(f, k.String()) }
func (k sealedKey) LogValue() slog.Value         { return slog.StringValue(k.String()) }
func (k sealedKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// describePublicKey names a key's algorithm and size: "ECDSA P-256", "RSA 2048 bits", "Ed25519".
func describePublicKey(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d bits", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", public)
}
