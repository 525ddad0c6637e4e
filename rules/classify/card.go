package classify

import (
	"math/bits"
	"slices"

	"github.com/borderflow/borderflow/rules/flow"
)

var cardWords = words(
	[]string{"card", "cards", "cc", "ccn", "pan", "primary account number", "credit", "debit", "visa", "mastercard", "amex", "maestro", "unionpay",
		"creditcard", "debitcard", "cardnumber", "cardno", "ccnumber", "ccnum", "kreditkart*", "kartennummer*", "kartennr*",
		"bankkarte*", "carte bancaire", "carte bleue", "tarjeta*", "carta di credito", "cartao",
		"信用卡", "银行卡", "借记卡", "储蓄卡", "卡号", "カード", "카드"},
	[]string{"order", "orders", "orderid", "invoice", "trace", "span", "hash", "sha", "md5", "crc", "checksum", "digest",
		"uuid", "guid", "id", "ids", "sku", "ean", "gtin", "isbn", "upc", "barcode", "tracking", "shipment", "parcel",
		"ticket", "reference", "ref", "timestamp", "ts", "epoch", "nanos", "micros", "nonce", "seed", "float", "offset",
		"size", "bytes", "version", "build", "commit", "revision", "imei", "imsi", "iccid", "phone", "tel", "telefon",
		"nik", "ktp", "kependudukan", "serial", "session", "request", "correlation", "transaction", "txn", "lat", "lng", "latitude", "longitude",
		"bestell*", "rechnung*", "auftrag*", "sendung*", "订单", "单号", "流水", "运单", "快递", "手机", "电话"},
)

// cardShapes are the ways in which card numbers are written: together, and grouped as on the cards.
var cardShapes = []shape{
	shapeOf(12), shapeOf(13), shapeOf(14), shapeOf(15), shapeOf(16), shapeOf(17), shapeOf(18), shapeOf(19),
	shapeOf(4, 4, 4, 4), shapeOf(4, 6, 5), shapeOf(4, 6, 4), shapeOf(4, 4, 4, 4, 3), shapeOf(4, 4, 4, 4, 2),
	shapeOf(4, 4, 4, 4, 1), shapeOf(6, 13), shapeOf(6, 12), shapeOf(6, 10), shapeOf(4, 4, 5), shapeOf(4, 4, 4, 1),
}

func paymentRules(options Options) []*rule {
	card := func(t *token) flow.Strength {
		if strength, test := t.asCard(); options.TestCards || !test {
			return strength
		}
		return 0
	}
	testCard := func(t *token) flow.Strength {
		if strength, test := t.asCard(); strength == 0 || !test || options.TestCards {
			return 0
		}
		return flow.Weak
	}
	const source = "ISO/IEC 7812-1 (issuer number, Luhn check digit); issuer ranges as published by the card schemes"
	return []*rule{{
		Detector: Detector{
			ID:          "payment-card",
			Description: "payment card number: issuer range, length and Luhn digit; rare lengths only with evidence",
			Categories:  []string{"financial"},
			Strength:    flow.Medium,
			Evidence:    EvidenceHelps,
			Source:      source,
			Legal:       legalFinancial,
		},
		words:  cardWords,
		chance: 0.03, // of 16 digits; of most other lengths it is less
		shapes: cardShapes,
		check:  card,
	}, {
		Detector: Detector{
			ID:          "payment-card-test",
			Description: "payment card number that processors publish for testing",
			Categories:  []string{"financial"},
			Strength:    flow.Weak,
			Evidence:    EvidenceRequired,
			Source:      source,
			Legal:       legalFinancial,
		},
		words:  cardWords,
		fixed:  true,
		shapes: cardShapes,
		check:  testCard,
	}}
}

// issuerRange is a range of issuer numbers, as six-digit prefixes, and the lengths of its card numbers.
type issuerRange struct {
	low, high int
	common    lengths // tell a card on their own
	rare      lengths // also occur, and so do many other numbers of this form: only with evidence
}

// lengths is a set of numbers of digits; bit n stands for n.
type lengths uint32

func digitsOf(n ...int) lengths {
	var set lengths
	for _, each := range n {
		set |= 1 << each
	}
	return set
}

// issuerRanges is sorted. Thirteen digits are mostly article numbers (EAN-13) and milliseconds, fourteen
// mostly times and GTINs, nineteen mostly identifiers; hence rare, where the scheme uses others too.
var issuerRanges = []issuerRange{
	{220000, 220499, digitsOf(16), digitsOf(17, 18, 19)},      // Mir
	{222100, 272099, digitsOf(16), 0},                         // Mastercard
	{300000, 305999, 0, digitsOf(14, 16, 17, 18, 19)},         // Diners Club
	{309500, 309599, 0, digitsOf(14, 16, 17, 18, 19)},         // Diners Club
	{340000, 349999, digitsOf(15), 0},                         // American Express
	{352800, 358999, digitsOf(16), digitsOf(17, 18, 19)},      // JCB
	{360000, 369999, 0, digitsOf(14, 15, 16, 17, 18, 19)},     // Diners Club
	{370000, 379999, digitsOf(15), 0},                         // American Express
	{380000, 399999, 0, digitsOf(14, 16, 17, 18, 19)},         // Diners Club
	{400000, 499999, digitsOf(16), digitsOf(13, 18, 19)},      // Visa
	{501800, 501899, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{502000, 502099, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{503800, 503899, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{508500, 508999, 0, digitsOf(16)},                         // RuPay
	{510000, 559999, digitsOf(16), 0},                         // Mastercard
	{589300, 589399, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{601100, 601199, digitsOf(16), digitsOf(17, 18, 19)},      // Discover
	{606985, 608500, 0, digitsOf(16)},                         // RuPay
	{620000, 629999, digitsOf(16, 19), digitsOf(17, 18)},      // UnionPay
	{630400, 630499, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{644000, 659999, digitsOf(16), digitsOf(17, 18, 19)},      // Discover, RuPay
	{675900, 675999, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{676100, 676399, 0, digitsOf(12, 13, 14, 15, 16, 18, 19)}, // Maestro
	{810000, 817199, 0, digitsOf(16, 17, 18, 19)},             // UnionPay, RuPay
	{979200, 979289, digitsOf(16), 0},                         // Troy
}

// cardStrength is the strength of a card number on its own.
func cardStrength(t *token) flow.Strength {
	number := t.value()
	r, known := issuerOf(number)
	if !known || !t.hasLuhn() {
		return 0
	}
	length := digitsOf(len(number))
	switch {
	case separators(t.form) == 1: // two numbers side by side look like that, too
		return flow.Weak
	case r.common&length != 0 && t.joined, r.rare&length != 0 && t.separator == 0, r.rare&length != 0 && t.joined:
		return flow.Weak
	case (r.common|r.rare)&length != 0:
		return flow.Medium
	}
	return 0
}

// issuerOf returns the range in which a number's issuer lies; false if no scheme has it.
func issuerOf(number []byte) (issuerRange, bool) {
	issuer := decimal(number[:6])
	if issuer >= 1e6 { // not of digits
		return issuerRange{}, false
	}
	for _, r := range issuerRanges[firstRange[issuer/10000]:] {
		if issuer <= r.high {
			return r, issuer >= r.low
		}
	}
	return issuerRange{}, false
}

// firstRange is for each pair of digits that a number may begin with the first range that does not lie below.
var firstRange = func() (first [100]int) {
	for pair := range first {
		first[pair] = slices.IndexFunc(issuerRanges, func(r issuerRange) bool { return r.high >= pair*10000 })
		if first[pair] < 0 {
			first[pair] = len(issuerRanges)
		}
	}
	return first
}()

// luhn checks the last digit of a number (ISO/IEC 7812-1 annex B).
func luhn(number []byte) bool {
	const doubled = "\x00\x02\x04\x06\x08\x01\x03\x05\x07\x09"
	sum := 0
	for i := len(number) - 1; i >= 0; i -= 2 {
		d := number[i] - '0'
		if d > 9 {
			return false
		}
		sum += int(d)
		if i > 0 {
			if d = number[i-1] - '0'; d > 9 {
				return false
			}
			sum += int(doubled[d])
		}
	}
	return sum%10 == 0
}

// isPublishedTestCard knows the numbers in the public test documentation of Stripe, Adyen, PayPal, Braintree
// and Worldpay that show no pattern by which isTestCard would know them.
func isPublishedTestCard(number []byte) bool {
	switch string(number) {
	case "2223003122003222", "30569309025904", "3056930009020004", "3566002020360505",
		"36227206271667", "371449635398431", "378282246310005", "378734493671000",
		"38520000023237", "4000056655665556", "4012888888881881", "5105105105105100",
		"5200828282828210", "6011000990139424":
		return true
	}
	return false
}

// isTestCard knows published test numbers, and those made of two digits or of one digit repeated.
func isTestCard(number []byte) bool {
	seen := lengths(1) << (number[0] - '0')
	repeated, longest := 1, 1
	for i := 1; i < len(number); i++ {
		seen |= 1 << (number[i] - '0')
		if number[i-1] != number[i] {
			repeated = 0
		}
		repeated++
		longest = max(longest, repeated)
	}
	return longest >= 8 || bits.OnesCount32(uint32(seen)) <= 2 || isPublishedTestCard(number)
}
