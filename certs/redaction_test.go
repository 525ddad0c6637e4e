package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

func TestNoVerbLoggerOrEncoderShowsAKey(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	withEd25519, err := fromText(t, certPEM(makeCA(t, "ed25519", edKey, nil, nil)), keyPEM(t, edKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, authority := range map[string]*Authority{"ECDSA": newAuthority(t), "Ed25519": withEd25519} {
		t.Run(name, func(t *testing.T) { assertNoKeyShown(t, authority) })
	}
}

// secretBytes returns what of a private key must not be seen.
func secretBytes(t *testing.T, key sealedKey) []byte {
	t.Helper()
	switch k := (*key.signer).(type) {
	case *ecdsa.PrivateKey:
		scalar, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return scalar
	case ed25519.PrivateKey:
		return k.Seed()
	}
	t.Fatalf("key of type %T", *key.signer)
	return nil
}

func assertNoKeyShown(t *testing.T, authority *Authority) {
	minter := newMinter(t, authority, Options{})
	leaf, err := minter.Leaf(t.Context(), "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for _, key := range []sealedKey{authority.current.Load().key, minter.key} {
		scalar := secretBytes(t, key)
		text := strings.Trim(fmt.Sprint(scalar), "[]")
		secrets = append(secrets, hex.EncodeToString(scalar), strings.ToUpper(hex.EncodeToString(scalar)), text,
			strings.ReplaceAll(text, " ", ", "), strings.TrimSuffix(fmt.Sprintf("%#v", scalar)[len("[]byte{"):], "}"), base64.StdEncoding.EncodeToString(scalar),
			new(big.Int).SetBytes(scalar).String())
	}
	type holder struct {
		Authority *Authority
		Minter    *Minter
		hidden    *Authority
	}
	issuer, key := authority.current.Load(), minter.key
	values := map[string]any{
		"authority": authority, "minter": minter, "leaf": leaf, "leaf by value": *leaf, "leaf key": leaf.PrivateKey,
		"holder": holder{authority, minter, authority}, "pointer to holder": &holder{authority, minter, authority},
		"issuer": issuer, "issuer by value": *issuer, "key": key, "pointer to key": &key, "stats": minter.Stats(),
		"server configuration": ServerConfig(minter),
	}
	for name, value := range values {
		var outputs bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
			fmt.Fprintf(&outputs, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&outputs, nil)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&outputs, nil)).Info("json", "value", value)
		if encoded, err := json.Marshal(value); err == nil {
			outputs.Write(encoded)
		}
		for _, secret := range secrets {
			if strings.Contains(outputs.String(), secret) {
				t.Errorf("%s shows a private key", name)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		mustContain(t, fmt.Sprintf(verb, authority), "certificate authority", authority.Fingerprint())
		mustContain(t, fmt.Sprintf(verb, minter), "minter under certificate authority")
	}
	mustContain(t, fmt.Sprintf("%+v", leaf.PrivateKey), "private key (ECDSA P-256, not shown)")
}
