package certs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/borderflow/borderflow/certs"
)

func Example() {
	state, err := os.MkdirTemp("", "borderflow")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(state)

	authority, created, err := certs.LoadOrCreate(filepath.Join(state, "ca"))
	if err != nil {
		panic(err)
	}
	fmt.Println("created:", created)

	minter, err := certs.NewMinter(authority, certs.Options{})
	if err != nil {
		panic(err)
	}
	leaf, err := minter.Leaf(context.Background(), "API.example.com.")
	if err != nil {
		panic(err)
	}
	fmt.Println("certificate for:", leaf.Leaf.DNSNames[0])
	fmt.Println("offers:", certs.ServerConfig(minter, "h2", "http/1.1").NextProtos)

	_, err = minter.Leaf(context.Background(), "*.example.com")
	fmt.Println(err)
	// Output:
	// created: true
	// certificate for: api.example.com
	// offers: [h2 http/1.1]
	// host name "*.example.com": found byte 0x2a at offset 0, expected letters, digits, '-', '_' and '.' (IDNs as xn--…)
}
