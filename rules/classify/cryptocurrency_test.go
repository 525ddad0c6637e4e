package classify

import (
	"encoding/hex"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestKeccakOfNothingIsThePublishedValue(t *testing.T) {
	// Keccak team, test vectors for Keccak[r=1088, c=512]; also Ethereum yellow paper, KEC(()).
	sum := keccak256(nil)
	if got := hex.EncodeToString(sum[:]); got != "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" {
		t.Error(got)
	}
}

func TestCryptocurrencyAddresses(t *testing.T) {
	for _, c := range []struct {
		detector, value string
		want            flow.Strength
	}{
		{"crypto-address-ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", flow.Strong}, // ERC-55
		{"crypto-address-ethereum", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", flow.Strong},
		{"crypto-address-ethereum", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", flow.Strong},
		{"crypto-address-ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", 0},
		{"crypto-address-ethereum", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", 0},
		{"crypto-address-ethereum", `{"wallet":"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}`, flow.Medium},
		{"crypto-address-ethereum", `{"txHash":"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}`, 0},
		{"crypto-address-bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", flow.Strong}, // BIP 173
		{"crypto-address-bech32", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", flow.Strong},
		{"crypto-address-bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", 0},
		{"crypto-address-bech32", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", flow.Strong}, // BIP 350
		{"crypto-address-bech32", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", 0},
		{"crypto-address-base58", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", flow.Strong}, // the genesis block's
		{"crypto-address-base58", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", flow.Strong}, // BIP 13 example
		{"crypto-address-base58", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", flow.Strong}, // XRP Ledger documentation, the genesis account
		{"crypto-address-base58", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", 0},
		{"crypto-address-base58", "1a1zp1ep5qgefi2dmptftl5slmv7divfna", 0},
	} {
		if got := one(c.detector, c.value); got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.detector, c.value, got, c.want)
		}
	}
}
