package classify

import (
	"bytes"
	"encoding/base64"
	"math"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func secretRules() []*rule {
	credential := []string{"credential"}
	return append(vendorTokenRules(), &rule{
		Detector: Detector{
			ID: "aws-access-key-id", Categories: credential, Strength: flow.Weak, Evidence: EvidenceRequired, Legal: legalCredential,
			Description: "access key id of Amazon Web Services, which by itself gives no access",
			Source:      "AWS IAM, unique identifiers",
		},
		words: words([]string{"access key", "accesskey", "access key id", "accesskeyid", "aws key", "key id", "akid", "aws"},
			[]string{"credential", "amz", "presigned", "signature", "signed"}),
		fixed:    true,
		literals: []string{"AKIA", "ASIA", "ABIA", "ACCA"},
		text: func(view []byte, at int, value []byte) match {
			f := credentialFormat{alphabet: upperDigits, least: 20, most: 20}
			end := f.end(view, at)
			if end == 0 {
				return match{}
			}
			return match{at, end, append(value, view[at:end]...), flow.Weak}
		},
	}, &rule{
		Detector: Detector{
			ID: "jwt", Categories: credential, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalCredential,
			Description: "JSON Web Token: a header that names an algorithm, claims and a signature",
			Source:      "RFC 7519; RFC 7515 section 3.1; RFC 7516 section 3.1",
		},
		literals: []string{"eyJ"},
		text:     webToken,
	}, &rule{
		Detector: Detector{
			ID: "private-key", Categories: credential, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalCredential,
			Description: "private key in textual encoding, with its body",
			Source:      "RFC 7468; RFC 4716; RFC 9580 section 6.2; PuTTY, PPK file format",
		},
		literals: []string{"-----BEGIN ", "PuTTY-User-Key-File-"},
		text:     privateKey,
	}, &rule{
		Detector: Detector{
			ID: "extended-private-key", Categories: credential, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalCredential,
			Description: "extended private key of a cryptocurrency wallet, with its checksum",
			Source:      "BIP 32",
		},
		literals: []string{"xprv"},
		text: func(view []byte, at int, value []byte) match {
			end := at + 111
			var out [82]byte
			if end > len(view) || startsMidWord(view, at) || endsMidWord(view, end) ||
				!fromBase58(out[:], view[at:end], base58Bitcoin) || !hasDoubleHash(out[:]) {
				return match{}
			}
			return match{at, end, append(value, view[at:end]...), flow.Strong}
		},
	}, &rule{
		Detector: Detector{
			ID: "url-password", Categories: credential, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalCredential,
			Description: "password in the user information of a URL",
			Source:      "RFC 3986 section 3.2.1",
		},
		literals: []string{"://"},
		text:     passwordInURL,
	}, &rule{
		Detector: Detector{
			ID: "azure-storage-key", Categories: credential, Strength: flow.Strong, Evidence: EvidenceNone, Legal: legalCredential,
			Description: "account or shared access key in an Azure connection string",
			Source:      "Microsoft Azure, configure connection strings",
		},
		literals: []string{"AccountKey=", "SharedAccessKey="},
		text: func(view []byte, at int, value []byte) match {
			from := at + bytes.IndexByte(view[at:], '=') + 1
			f := credentialFormat{alphabet: base64All, least: 43, most: 90}
			end := f.end(view, from)
			if end == 0 || view[end-1] != '=' {
				return match{}
			}
			return match{from, end, append(value, view[from:end]...), flow.Strong}
		},
	}, &rule{
		Detector: Detector{
			ID: "password-field", Categories: credential, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalCredential,
			Description: "value under a key that names a password, which is no label, reference or placeholder",
			Source:      "OWASP Logging Cheat Sheet, data to exclude",
		},
		keys: words(strings.Split(passwordKeys, "|"), strings.Split("reset|forgot|policy|min|max|length|strength|hint|label|error|message|placeholder|"+
			"required|expired|expires|changed|age|url|path|file|field|input|type|confirm label|encoder|manager|id|count|attempts|rules|last", "|")),
		field: func(f *field, value []byte) match {
			if len(f.text) < 6 || len(f.text) > 128 || !isLikePassword(f.text) || !f.isQuoted() && (isCode(f.text) || isPathOrExpression(f.text)) {
				return match{}
			}
			return f.match(append(value, f.text...), flow.Medium)
		},
	}, &rule{
		Detector: Detector{
			ID: "secret-field", Categories: credential, Strength: flow.Medium, Evidence: EvidenceRequired, Legal: legalCredential,
			Description: "value of high entropy under a key that names an access key, token or secret",
			Source:      "28 CFR 202.234 (account-authentication data); OWASP Secrets Management Cheat Sheet",
		},
		keys: words(strings.Split(secretKeys, "|"), strings.Split("forgery|next|page|pagination|continuation|cursor|sync|csrf|xsrf|cancellation|count|type|usage|limit|"+
			"max|min|total|public|name|id|ids|url|uri|endpoint|expires|expiry|expiration|version|hash|sha|digest|fingerprint|arn|device|scope|prompt|completion|"+
			"algorithm|kind|path|file|ref|method|length|size", "|")),
		field: secretField,
	})
}

const passwordKeys = "pass|pw|pword|passcode|password|passwords|passwd|passphrase|pwd|passwort|kennwort|mot de passe|motdepasse|contraseña|contrasena|senha|wachtwoord|" +
	"пароль|密码|密碼|口令|パスワード|비밀번호|db pass|dbpass|db password|userpassword|user password|user pass|smtp pass|mysql pwd|pgpassword|new password|old password|current password"

const secretKeys = "auth key|authkey|session key|sessionkey|api key|apikey|api token|apitoken|api secret|apisecret|app secret|appsecret|secret|secret key|secretkey|client secret|clientsecret|" +
	"access key|accesskey|secret access key|secretaccesskey|access token|accesstoken|auth token|authtoken|refresh token|refreshtoken|" +
	"bearer token|bearer|session token|sessiontoken|private key|privatekey|signing key|signingkey|signing secret|encryption key|encryptionkey|" +
	"master key|masterkey|consumer secret|consumer key|webhook secret|token|authorization|x api key|密钥|密匙|私钥|令牌|shared secret|sas token|deploy key|account key"

// webToken reads the token that begins at at, and decodes its header.
func webToken(view []byte, at int, value []byte) match {
	if startsMidWord(view, at) || at > 0 && isOneOf(view[at-1], "+/") {
		return match{}
	}
	end, dots, header := at, 0, 0
	for end < len(view) && dotted.has(view[end]) {
		if view[end] == '.' {
			if dots++; dots == 1 {
				header = end
			}
		}
		end++
	}
	cut := end == len(view)              // a token may be longer than what the scanner shows of it
	for dots > 2 && view[end-1] == '.' { // the end of a sentence
		end--
		dots--
	}
	if dots != 2 && dots != 4 && !(cut && dots == 1) || end-header < 24 {
		return match{}
	}
	var scratch [384]byte
	encoded := view[at:header]
	if len(encoded) > 512 {
		return match{}
	}
	n, err := base64.RawURLEncoding.Decode(scratch[:], encoded)
	if err != nil || !bytes.Contains(scratch[:n], []byte(`"alg"`)) && !bytes.Contains(scratch[:n], []byte(`"enc"`)) {
		return match{}
	}
	return match{at, end, append(value, view[max(at, end-maxValue):end]...), flow.Strong}
}

// privateKey reads the first line of a key and looks for a body behind it.
func privateKey(view []byte, at int, value []byte) match {
	rest := view[at:]
	if rest[0] == 'P' {
		end := lineEnd(view, at)
		return match{at, end, append(value, "putty"...), flow.Strong}
	}
	label := rest[len("-----BEGIN "):min(len(rest), 64)]
	dashes := bytes.Index(label, []byte("-----"))
	if dashes < 0 || !bytes.HasSuffix(label[:dashes], []byte("PRIVATE KEY")) && !bytes.HasSuffix(label[:dashes], []byte("PRIVATE KEY BLOCK")) {
		return match{}
	}
	from := len("-----BEGIN ") + dashes + 5
	body := rest[from:]
	// Headers of older formats ("Proc-Type: ...") and escapes may come first.
	longest, run, last := 0, 0, 0
	for i, b := range body[:min(len(body), 320)] {
		if isAlnum(b) || b == '+' || b == '/' {
			if run++; run > longest {
				longest, last = run, i+1
			}
			continue
		}
		run = 0
	}
	if longest < 32 {
		return match{}
	}
	end := at + from + last
	return match{at, end, append(value, view[end-longest : end][:min(longest, maxValue)]...), flow.Strong}
}

// passwordInURL reads the authority behind the "://" at at.
func passwordInURL(view []byte, at int, value []byte) match {
	from := at + 3
	if at == 0 || !isAlnum(view[at-1]) {
		return match{}
	}
	colon := -1
	for i := from; i < len(view) && i-from < 200; i++ {
		switch b := view[i]; {
		case b == ':' && colon < 0:
			colon = i
		case b == '@':
			if colon < 0 || i-colon < 4 || isReference(view[colon+1:i]) || !saysSomething(view[colon+1:i]) ||
				isPlainWord(view[colon+1:i], "password", "pass", "passwd", "pwd", "secret") || i+1 == len(view) || !isAlnum(view[i+1]) && view[i+1] != '[' {
				return match{}
			}
			return match{colon + 1, i, append(value, view[colon+1:min(i, colon+1+maxValue)]...), flow.Strong}
		case b <= ' ' || isOneOf(b, "/?#\"'<>\\,"):
			return match{}
		}
	}
	return match{}
}

func isPlainWord(text []byte, list ...string) bool {
	for _, word := range list {
		if strings.EqualFold(word, string(text)) {
			return true
		}
	}
	return false
}

// isReference says whether text stands for a secret that is kept elsewhere, or is code.
func isReference(text []byte) bool {
	if isOneOf(text[0], "$%{<[(*&!") && !bytes.HasPrefix(text, []byte("$2")) && !bytes.HasPrefix(text, []byte("$argon2")) &&
		!bytes.HasPrefix(text, []byte("$6$")) && (len(text) == 1 || !isDigit(text[1]) || isOneOf(text[0], "{<[(*")) {
		return true
	}
	for _, code := range []string{"${", "{{", "}}", "()", "process.env", "os.environ", "getenv", "env.", "vault:", "secretsmanager", "ssm:", "ref+", "op://", "config.", "self.", "this.", "request.", "=>"} {
		if bytes.Contains(text, []byte(code)) {
			return true
		}
	}
	return false
}

// isPathOrExpression says whether text without quotes is no value: PWD is the working directory in a shell, and
// in code a variable or a call stands behind the name of a password.
func isPathOrExpression(text []byte) bool {
	return isOneOf(text[0], "/~.") || isOneOf(text[len(text)-1], ",;") || bytes.ContainsAny(text, "[](){}<>`")
}

// isLikePassword says whether text is what somebody would choose or a machine would make up, and no label
// ("Password", "Mot de passe"), reference or type.
func isLikePassword(text []byte) bool {
	if isReference(text) || !saysSomething(text) || bytes.IndexByte(text, ' ') >= 0 || bytes.Contains(text, []byte("://")) {
		return false
	}
	var lowers, uppers, digits, others int
	for i, b := range text {
		switch {
		case isLower(b):
			lowers++
		case isUpper(b) && i > 0:
			uppers++
		case isDigit(b):
			digits++
		case isUpper(b), b == '_', b == '-', b == '.', b == ':', b == '(', b == ')', b >= 0x80:
		default:
			others++
		}
	}
	if digits+uppers+others == 0 || distinctBytes(text) < 4 {
		return false
	}
	return (digits > 0 || others > 0) && lowers+uppers > 0 && !isVersion(text)
}

// isVersion says whether text is a version or a range of them, as in the list of a package's dependencies.
func isVersion(text []byte) bool {
	text = bytes.TrimLeft(text, "^~<>=v ")
	for _, b := range text {
		if !isDigit(b) && !isOneOf(b, ".*x-") {
			return false
		}
	}
	return true
}

// secretField takes what is long and random enough to be no word.
func secretField(f *field, value []byte) match {
	text := f.text
	for _, scheme := range []string{"Bearer ", "bearer ", "Basic ", "basic ", "Token ", "token ", "ApiKey "} {
		text = bytes.TrimPrefix(text, []byte(scheme))
	}
	if len(text) < 16 || !isOneWord(text) || isReference(text) || isNumeric(text) || bytes.Contains(text, []byte("://")) {
		return match{}
	}
	digits, letters := 0, 0
	for _, b := range text {
		if isDigit(b) {
			digits++
		} else if isAlpha(b) {
			letters++
		}
	}
	if !f.isQuoted() && digits < 4 && bytes.IndexByte(text, '.') >= 0 {
		return match{} // a variable of a package
	}
	if digits == 0 && len(text) < 24 || letters == 0 || entropyOf(text) < 3.2 {
		return match{}
	}
	start := f.start + len(f.text) - len(text)
	return match{start, start + len(text), append(value, text[:min(len(text), maxValue)]...), flow.Medium}
}

// isOneWord says whether text is of the characters of keys and tokens.
func isOneWord(text []byte) bool {
	for _, b := range text {
		if !isAlnum(b) && !isOneOf(b, "+/=_-.~:!@#$%^&*|") {
			return false
		}
	}
	return true
}

func isNumeric(text []byte) bool {
	for _, b := range text {
		if !isDigit(b) && b != '-' && b != '.' {
			return false
		}
	}
	return true
}

// entropyOf is the entropy of text's bytes, in bits per byte.
func entropyOf(text []byte) float64 {
	var counts [256]int
	for _, b := range text {
		counts[b]++
	}
	sum := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(text))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}
