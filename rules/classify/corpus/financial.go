package corpus

import (
	"strconv"
	"strings"
)

func financialKinds() []kind {
	return []kind{
		{detector: "payment-card", keys: "card number|credit card|credit card number|cc number|pan|kreditkartennummer|número de tarjeta|numéro de carte bancaire|信用卡号|カード番号", make: paymentCard},
		{detector: "payment-card-test", keys: "card number|credit card|kreditkarte", make: func(s *source) sample {
			return keyed(s.one("4242424242424242|4111 1111 1111 1111|5555555555554444|378282246310005|6011111111111117"))
		}},
		{detector: "iban", keys: "iban|iban number|kontoverbindung|compte bancaire|account", make: iban},
		{detector: "cn-bankcard", keys: "银行卡号|借记卡号|储蓄卡号", make: func(s *source) sample {
			body := s.one("955880|955599|940012|940045") + s.of(decimals, 12)
			return keyed(body + luhnDigit(body))
		}},
		{detector: "us-aba-routing", keys: "routing number|aba routing number|aba number", make: func(s *source) sample {
			body := s.one("01|02|03|05|06|07|08|09|10|11|12|26|31|32") + s.of(decimals, 6)
			return keyed(body + strconv.Itoa((10-products(body, 3, 7, 1, 3, 7, 1, 3, 7)%10)%10))
		}},
		{detector: "bank-account", keys: "account number|bank account number|kontonummer|número de cuenta|银行账号|acct no|bank account no", field: true,
			make: func(s *source) sample { return keyed(s.digits(s.from(8, 12))) }},
		{detector: "swift-bic", keys: "swift code|bic|swift bic|bic code|swift", field: true, make: func(s *source) sample {
			text := s.of(capitals, 4) + s.one("DE|FR|GB|US|CN|JP|NL|ES") + s.of("ABCDFGHJKLMNPRSTVWX23456789", 2)
			if s.chance(40) {
				text += s.one("FFM|500|100") // a branch
			}
			return keyed(text)
		}},
	}
}

// paymentCard writes numbers of the international schemes, in the groups that are embossed on cards.
func paymentCard(s *source) sample {
	prefix, length := "4"+s.of(decimals, 5), 16
	switch s.IntN(6) {
	case 0, 1:
		prefix = s.one("51|52|53|54|55") + s.of(decimals, 4)
	case 2:
		prefix, length = s.one("34|37")+s.of(decimals, 4), 15
	case 3:
		prefix = s.one("601100|601177|650012|622126|353011")
	}
	body := prefix + s.of(decimals, length-len(prefix)-1)
	text := body + luhnDigit(body)
	separator := s.one("| |-")
	switch {
	case separator == "":
	case length == 15:
		text = grouped(text, separator, 4, 6)
	default:
		text = grouped(text, separator, 4, 4, 4)
	}
	return alone(text)
}

// iban makes account numbers by the structures of the SWIFT IBAN registry.
func iban(s *source) sample {
	country, body := "DE", s.of(decimals, 18)
	switch s.IntN(8) {
	case 0:
		country, body = "GB", s.of(capitals, 4)+s.of(decimals, 14)
	case 1:
		country, body = "NL", s.of(capitals, 4)+s.of(decimals, 10)
	case 2:
		country, body = "AT", s.of(decimals, 16)
	case 3:
		country, body = "CH", s.of(decimals, 17)
	case 4:
		country, body = "PL", s.of(decimals, 24)
	case 5:
		country, body = "ES", s.of(decimals, 20)
	case 6: // with the key that it has within France, over letters as they stand there
		body = s.of(decimals, 21)
		key := 97 - (89*number(body[:5])+15*number(body[5:10])+3*number(body[10:]))%97
		country, body = "FR", body+two(key)
	}
	text := country + iso97(body+country) + body
	switch s.IntN(4) {
	case 0:
		text = grouped(text, " ", 4, 4, 4, 4, 4, 4, 4)
	case 1:
		if s.chance(20) {
			text = strings.ToLower(text)
		}
	}
	return alone(text)
}

// magneticStripe is track 2 or track 1 of a card (ISO/IEC 7813).
func magneticStripe(s *source) string {
	body := "4" + s.of(decimals, 14)
	body += luhnDigit(body)
	expiry := strconv.Itoa(s.from(27, 35)) + two(s.from(1, 12))
	if s.chance(50) {
		return ";" + body + "=" + expiry + "101" + s.of(decimals, 10) + "?"
	}
	return "%B" + body + "^" + s.one("MUSTERMANN/ERIKA|DOE/JANE|SAMPLE/ALEX") + "^" + expiry + "101" + s.of(decimals, 12) + "?"
}
