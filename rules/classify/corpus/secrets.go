package corpus

import (
	"encoding/base64"
	"hash/crc32"
	"strings"
)

func secretKinds() []kind {
	return []kind{
		{detector: "jwt", keys: "token|id token|access token|authorization|jwt", make: func(s *source) sample { return alone(webToken(s)) }, also: "secret-field"},
		{detector: "url-password", keys: "database url|dsn|connection string|redis url|amqp url", make: func(s *source) sample {
			return alone(s.one("postgres|mysql|redis|mongodb+srv|amqp|https") + "://" + s.one("app|svc|admin|deploy") + ":" + s.of(alphanumeric, 14) + "@" + s.one("db.internal|cache.example.com|10.0.3.7") + s.one(":5432|") + "/main")
		}},
		{detector: "azure-storage-key", keys: "connection string|storage connection", make: func(s *source) sample {
			return alone("DefaultEndpointsProtocol=https;AccountName=store" + s.of(decimals, 3) + ";AccountKey=" + s.of(base64Digits, 86) + "==;EndpointSuffix=core.windows.net")
		}},
		{detector: "password-field", field: true, keys: "password|db password|passwort|contraseña|mot de passe|passwd|密码|smtp password|user password", make: func(s *source) sample {
			return keyed(s.one("Winter|tiger|Blau|sakura|correct|Zebra") + s.one("!|#|_|-") + s.digits(s.from(2, 5)) + s.of(alphanumeric, s.from(1, 6)))
		}},
		{detector: "secret-field", field: true, keys: "api key|client secret|secret key|access token|api token|auth token|x api key|signing secret|webhook secret", make: func(s *source) sample {
			return keyed(s.of(pick(s, []string{alphanumeric, hexadecimals, urlSafe[:62]}), s.from(32, 48)))
		}},
		{detector: "aws-access-key-id", keys: "aws access key id|access key id", make: func(s *source) sample {
			return keyed("AKIA" + s.of(capitals+"234567", 16))
		}, also: "secret-field"},
		{detector: "extended-private-key", keys: "master key|wallet key", make: func(s *source) sample {
			body := append([]byte{0x04, 0x88, 0xad, 0xe4, 0}, s.bytes(72)...)
			copy(body[5:13], make([]byte, 8)) // the fingerprint of the parent and the child's number
			return alone(base58Check(append(append(body[:45:45], 0), s.bytes(32)...)))
		}, also: "secret-field"},
	}
}

func webToken(s *source) string {
	header := s.one(`{"alg":"HS256","typ":"JWT"}|{"alg":"RS256","kid":"k1","typ":"JWT"}|{"typ":"JWT","alg":"ES256"}`)
	claims := `{"sub":"` + s.digits(6) + `","exp":` + s.digits(10) + `,"scope":"read"}`
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(header)) + "." + part([]byte(claims)) + "." + part(s.bytes(32))
}

// privateKey is a key in the armour of RFC 7468 that holds random bytes.
func privateKey(s *source) string {
	label := s.one("RSA PRIVATE KEY|PRIVATE KEY|EC PRIVATE KEY|OPENSSH PRIVATE KEY|ENCRYPTED PRIVATE KEY")
	var b strings.Builder
	b.WriteString("-----BEGIN " + label + "-----\n")
	for range s.from(4, 20) {
		b.WriteString(s.of(base64Digits, 64) + "\n")
	}
	b.WriteString("-----END " + label + "-----")
	return b.String()
}

// vendorKinds are tokens by the formats that their vendors publish.
func vendorKinds() []kind {
	vendor := func(detector string, make func(*source) string) kind {
		return kind{detector: detector, keys: "token|key|config value|setting|env", make: func(s *source) sample { return alone(make(s)) }, also: "secret-field"}
	}
	fixed := func(alphabet string, length int, prefixes string) func(*source) string {
		return func(s *source) string { return s.one(prefixes) + s.of(alphabet, length) }
	}
	return []kind{
		vendor("github-token", func(s *source) string { return checked(s, s.one("ghp_|gho_|ghs_")) }),
		vendor("npm-token", func(s *source) string { return checked(s, "npm_") }),
		vendor("gitlab-token", fixed(urlSafe[:62], 20, "glpat-")),
		vendor("slack-token", func(s *source) string {
			return s.one("xoxb-|xoxp-") + s.digits(12) + "-" + s.digits(12) + "-" + s.of(alphanumeric, 24)
		}),
		vendor("webhook-url", func(s *source) string {
			return "https://hooks.slack.com/services/T" + s.of(capitals+decimals, 8) + "/B" + s.of(capitals+decimals, 8) + "/" + s.of(alphanumeric, 24)
		}),
		vendor("stripe-key", fixed(alphanumeric, 24, "sk_live_|rk_live_")),
		vendor("google-key", fixed(urlSafe[:62], 35, "AIza")),
		vendor("openai-key", func(s *source) string { return "sk-proj-" + s.of(alphanumeric, 48) }),
		vendor("anthropic-key", func(s *source) string { return "sk-ant-api03-" + s.of(urlSafe[:62], 93) + "AA" }),
		vendor("huggingface-token", fixed(alphanumeric[10:], 34, "hf_")),
		vendor("sendgrid-key", func(s *source) string { return "SG." + s.of(urlSafe[:62], 22) + "." + s.of(urlSafe[:62], 43) }),
		vendor("mail-service-key", func(s *source) string { return "xkeysib-" + s.of(hexadecimals, 64) + "-" + s.of(alphanumeric, 16) }),
		vendor("twilio-key", fixed(hexadecimals, 32, "SK")),
		vendor("package-registry-token", fixed(hexadecimals, 48, "rubygems_")),
		vendor("cloud-token", fixed(hexadecimals, 64, "dop_v1_")),
		vendor("infrastructure-token", fixed(urlSafe[:62], 90, "hvs.")),
		vendor("commerce-key", fixed(hexadecimals, 32, "shpat_|shpss_")),
		vendor("work-tool-token", fixed(alphanumeric, 40, "lin_api_")),
		vendor("chinese-cloud-key-id", fixed(alphanumeric, 20, "LTAI")),
		vendor("age-secret-key", fixed("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, "AGE-SECRET-KEY-1")),
	}
}

// checked is a token whose last six characters are the CRC-32 of those before them, in base 62.
func checked(s *source, prefix string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := s.of(alphanumeric, 30)
	sum, tail := crc32.ChecksumIEEE([]byte(body)), ""
	for range 6 {
		tail = digits[sum%62:][:1] + tail
		sum /= 62
	}
	return prefix + body + tail
}
