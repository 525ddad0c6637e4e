package corpus

import (
	"crypto/sha256"
	"math/big"
)

func cryptocurrencyKinds() []kind {
	return []kind{
		{detector: "crypto-address-base58", keys: "wallet address|btc address|deposit address|payout address", make: func(s *source) sample {
			return alone(base58Check(append([]byte{pick(s, []byte{0, 0, 5, 0x41})}, s.bytes(20)...)))
		}},
		{detector: "crypto-address-bech32", keys: "wallet address|btc address|withdrawal address", make: func(s *source) sample {
			return alone(bech32(s, "bc", 0))
		}},
		{detector: "crypto-address-ethereum", keys: "eth address|wallet address|ethereum address", make: func(s *source) sample {
			if s.chance(30) { // the test cases of ERC-55
				return alone(s.one("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed|0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359|" +
					"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB|0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"))
			}
			return keyed("0x" + s.of(hexadecimals, 40))
		}},
	}
}

// base58Check writes payload with the first four bytes of its double hash behind it (Bitcoin's base58check).
func base58Check(payload []byte) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	once := sha256.Sum256(payload)
	again := sha256.Sum256(once[:])
	data := append(payload[:len(payload):len(payload)], again[:4]...)
	n, rest, base := new(big.Int).SetBytes(data), new(big.Int), big.NewInt(58)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, base, rest)
		out = append([]byte{alphabet[rest.Int64()]}, out...)
	}
	for _, b := range data {
		if b != 0 {
			break
		}
		out = append([]byte{'1'}, out...)
	}
	return string(out)
}

// bech32 writes a witness program of version 0 with 20 bytes (BIP 173).
func bech32(s *source, prefix string, version byte) string {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	values := []byte{version}
	for range 32 { // 160 bits in groups of five
		values = append(values, byte(s.IntN(32)))
	}
	var expanded []byte
	for _, c := range []byte(prefix) {
		expanded = append(expanded, c>>5)
	}
	expanded = append(expanded, 0)
	for _, c := range []byte(prefix) {
		expanded = append(expanded, c&31)
	}
	check := polynomial(append(append(expanded, values...), 0, 0, 0, 0, 0, 0)) ^ 1
	for i := range 6 {
		values = append(values, byte(check>>(5*(5-i)))&31)
	}
	out := []byte(prefix + "1")
	for _, v := range values {
		out = append(out, alphabet[v])
	}
	return string(out)
}

// polynomial is the remainder of values modulo BIP 173's generator.
func polynomial(values []byte) uint32 {
	rest := uint32(1)
	for _, v := range values {
		top := rest >> 25
		rest = rest&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				rest ^= g
			}
		}
	}
	return rest
}
