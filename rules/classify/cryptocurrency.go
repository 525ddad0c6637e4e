package classify

import (
	"bytes"
	"crypto/sha256"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func cryptocurrencyRules() []*rule {
	financial := []string{"financial"}
	return []*rule{{
		Detector: Detector{
			ID: "crypto-address-base58", Categories: financial, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalFinancial,
			Description: "address of Bitcoin, Litecoin, Dogecoin, Dash, Tron or XRP in base 58, with a checksum of four bytes",
			Source:      "Bitcoin Core base58check; BIP 13; XRP Ledger base58 encodings; Tron protocol documentation",
		},
		forms: []string{strings.Repeat("*", 32), strings.Repeat("*", 33), strings.Repeat("*", 34), strings.Repeat("*", 35)},
		check: func(t *token) flow.Strength {
			if !isBase58Address(t.raw) {
				return 0
			}
			return flow.Strong
		},
	}, {
		Detector: Detector{
			ID: "crypto-address-bech32", Categories: financial, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalFinancial,
			Description: "segregated witness address of Bitcoin or Litecoin, with its checksum",
			Source:      "BIP 173 (bech32), BIP 350 (bech32m)",
		},
		literals: []string{"bc1q", "bc1p", "ltc1q", "ltc1p", "BC1Q", "BC1P"},
		text: func(view []byte, at int, value []byte) match {
			end := at
			for end < len(view) && isAlnum(view[end]) && end-at <= 90 {
				end++
			}
			if startsMidWord(view, at) || endsMidWord(view, end) || !isBech32(view[at:end]) {
				return match{}
			}
			return match{at, end, lowered(value, view[at:end]), flow.Strong}
		},
	}, {
		Detector: Detector{
			ID: "crypto-address-ethereum", Categories: financial, Strength: flow.Strong, Evidence: EvidenceHelps, Legal: legalFinancial,
			Description: "address of Ethereum and chains like it: 0x and 40 hexadecimal digits, with the checksum of mixed case; without one only with evidence",
			Source:      "ERC-55",
		},
		words: words(strings.Split("eth|ethereum|wallet|wallets|erc|usdt|usdc|payout|withdraw|withdrawal|deposit|address|crypto|以太坊|钱包", "|"),
			strings.Split("hash|tx|txhash|sha|commit|digest|pointer|ptr|contract|checksum|transaction|signature", "|")),
		literals: hexStarts(),
		text: func(view []byte, at int, value []byte) match {
			end := at + 42
			if len(view) < end || startsMidWord(view, at) || endsMidWord(view, end) {
				return match{}
			}
			switch digits := view[at+2 : end]; {
			case !areHex(digits) || isUniform(digits[:36]):
				return match{}
			case isMixedCase(digits) && isERC55(digits):
				return match{at, end, lowered(value, view[at:end]), flow.Strong}
			case isMixedCase(digits):
				return match{}
			}
			return match{at, end, lowered(value, view[at:end]), flow.Weak}
		},
	}}
}

// hexStarts are "0x" with each hexadecimal digit.
func hexStarts() []string {
	var starts []string
	for _, digit := range "0123456789abcdefABCDEF" {
		starts = append(starts, "0x"+string(digit))
	}
	return starts
}

func areHex(text []byte) bool {
	for _, b := range text {
		if !isHexDigit(b) {
			return false
		}
	}
	return true
}

func isMixedCase(text []byte) bool {
	return hasLower(text) && bytes.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' }) >= 0
}

// isERC55 says whether exactly the letters are capitals whose place in the hash of the address holds 8 or more.
func isERC55(digits []byte) bool {
	var small [40]byte
	hash := keccak256(lowered(small[:0], digits))
	for i, b := range digits {
		nibble := hash[i/2] >> (4 * (1 - i%2)) & 15
		if isAlpha(b) && isUpper(b) != (nibble >= 8) {
			return false
		}
	}
	return true
}

const (
	base58Bitcoin = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	base58Ripple  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
)

// isBase58Address says whether text is a version byte, 20 bytes of hash and their checksum.
func isBase58Address(text []byte) bool {
	alphabet := base58Bitcoin
	switch text[0] {
	case '1', '3', 'L', 'M', 'D', 'X', 'T':
	case 'r':
		alphabet = base58Ripple
	default:
		return false
	}
	var out [25]byte
	return fromBase58(out[:], text, alphabet) && hasDoubleHash(out[:])
}

// fromBase58 decodes text into out; false if it is not in the alphabet or does not fit.
func fromBase58(out, text []byte, alphabet string) bool {
	for _, b := range text {
		carry := strings.IndexByte(alphabet, b)
		if carry < 0 {
			return false
		}
		for i := len(out) - 1; i >= 0; i-- {
			carry += 58 * int(out[i])
			out[i] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return false
		}
	}
	return true
}

// hasDoubleHash says whether the last four bytes are those of the hash of the hash of the others.
func hasDoubleHash(data []byte) bool {
	body := data[:len(data)-4]
	once := sha256.Sum256(body)
	again := sha256.Sum256(once[:])
	return bytes.Equal(again[:4], data[len(body):])
}

// isBech32 checks an address: one case, a known prefix, and the checksum for its witness version.
func isBech32(text []byte) bool {
	if hasLower(text) && isMixedCase(text) {
		return false
	}
	var scratch [96]byte
	text = lowered(scratch[:0], text)
	one := bytes.IndexByte(text, '1')
	if len(text) < one+8 || len(text) > 90 {
		return false
	}
	sum := uint32(1)
	for _, b := range text[:one] {
		sum = bech32Step(sum, uint32(b>>5))
	}
	sum = bech32Step(sum, 0)
	for _, b := range text[:one] {
		sum = bech32Step(sum, uint32(b&31))
	}
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	for _, b := range text[one+1:] {
		value := strings.IndexByte(alphabet, b)
		if value < 0 {
			return false
		}
		sum = bech32Step(sum, uint32(value))
	}
	if text[one+1] == 'q' {
		return sum == 1
	}
	return sum == 0x2bc830a3
}

// bech32Step takes one value of five bits into the checksum's polynomial.
func bech32Step(sum, value uint32) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ value
	for i, generator := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 != 0 {
			sum ^= generator
		}
	}
	return sum
}
