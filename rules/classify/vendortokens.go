package classify

import (
	"bytes"
	"hash/crc32"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// credentialFormat is how a vendor's keys look: a fixed beginning, then from least to most characters of an
// alphabet. valid, if set, says more of the whole.
type credentialFormat struct {
	prefix      string
	alphabet    alphabet
	least, most int
	valid       func(secret []byte) bool
}

// alphabet is a set of characters.
type alphabet uint8

const (
	hexLower alphabet = iota
	upperDigits
	base62
	base64URL // and base62 with "_" and "-"
	base64All // "+", "/" and "=" too
	dotted    // base64URL and "."
)

func (a alphabet) has(b byte) bool {
	switch a {
	case hexLower:
		return isDigit(b) || b >= 'a' && b <= 'f'
	case upperDigits:
		return isDigit(b) || isUpper(b)
	case base62:
		return isAlnum(b)
	case base64URL:
		return isAlnum(b) || b == '_' || b == '-'
	case dotted:
		return isAlnum(b) || b == '_' || b == '-' || b == '.'
	}
	return isAlnum(b) || isOneOf(b, "+/=_-")
}

// vendorToken is the table entry of a vendor's credential. What does not stand up to the format's check is
// weak: it looks like a key and is none, or none any more.
func vendorToken(id, description, source string, formats ...credentialFormat) *rule {
	r := &rule{
		Detector: Detector{
			ID: id, Description: description, Source: source, Legal: legalCredential,
			Categories: []string{"credential"}, Strength: flow.Strong, Evidence: EvidenceNone,
		},
		words: credentialWords,
		text: func(view []byte, at int, value []byte) match {
			for _, f := range formats {
				if end := f.end(view, at); end > 0 {
					strength := flow.Strong
					if f.valid != nil && !f.valid(view[at:end]) {
						strength = flow.Weak
					}
					return match{at, end, append(value, view[at:min(end, at+maxValue)]...), strength}
				}
			}
			return match{}
		},
	}
	for _, f := range formats {
		r.literals = append(r.literals, f.prefix)
	}
	return r
}

var credentialWords = words(strings.Split("token|tokens|key|apikey|secret|credential|credentials|password|auth|authorization|bearer|pat", "|"), nil)

// end returns where the key at at ends; 0 if there is none.
func (f *credentialFormat) end(view []byte, at int) int {
	if !bytes.HasPrefix(view[at:], []byte(f.prefix)) || startsMidWord(view, at) || at > 0 && isOneOf(view[at-1], "-+") {
		return 0 // within base 64, or within the name of a style or cache entry
	}
	body := at + len(f.prefix)
	end := body
	for end < len(view) && end-body <= f.most+1 && f.alphabet.has(view[end]) {
		end++
	}
	for f.alphabet == dotted && end > body && view[end-1] == '.' { // the end of a sentence
		end--
	}
	n := end - body
	if n < f.least || n > f.most || endsMidWord(view, end) || distinctBytes(view[body:end]) < min(n/3, 8) {
		return 0
	}
	return end
}

// distinctBytes is how many different bytes text has: "xxxxxxxx" and "0000" are placeholders.
func distinctBytes(text []byte) int {
	var seen [256]bool
	n := 0
	for _, b := range text {
		if !seen[b] {
			seen[b] = true
			n++
		}
	}
	return n
}

func vendorTokenRules() []*rule {
	return []*rule{
		vendorToken("github-token", "GitHub access token, with the checksum of its last six characters",
			"GitHub, Behind GitHub's new authentication token formats (2021)",
			credentialFormat{"ghp_", base62, 36, 36, hasCRC}, credentialFormat{"gho_", base62, 36, 36, hasCRC},
			credentialFormat{"ghu_", base62, 36, 36, hasCRC}, credentialFormat{"ghs_", base62, 36, 36, hasCRC},
			credentialFormat{"ghr_", base62, 36, 76, nil}, credentialFormat{"github_pat_", base64URL, 82, 82, nil}),
		vendorToken("npm-token", "npm access token, with the checksum of its last six characters",
			"npm, New access token format (2021)", credentialFormat{"npm_", base62, 36, 36, hasCRC}),
		vendorToken("gitlab-token", "GitLab access token", "GitLab, token overview",
			credentialFormat{"glpat-", dotted, 20, 320, nil}, credentialFormat{"gldt-", base64URL, 20, 64, nil},
			credentialFormat{"glrt-", dotted, 20, 320, nil}, credentialFormat{"glptt-", base64URL, 40, 64, nil},
			credentialFormat{"glsoat-", base64URL, 20, 64, nil}, credentialFormat{"glcbt-", base64URL, 20, 64, nil}),
		vendorToken("slack-token", "Slack token", "Slack, token types",
			credentialFormat{"xoxb-", base64URL, 24, 128, nil}, credentialFormat{"xoxp-", base64URL, 24, 160, nil},
			credentialFormat{"xoxa-", base64URL, 24, 160, nil}, credentialFormat{"xoxr-", base64URL, 24, 160, nil},
			credentialFormat{"xoxs-", base64URL, 24, 160, nil}, credentialFormat{"xoxe-", base64URL, 24, 200, nil},
			credentialFormat{"xapp-", base64URL, 24, 160, nil}),
		vendorToken("webhook-url", "address of an incoming webhook, which is a secret", "Slack, Discord and Microsoft Teams, incoming webhooks",
			credentialFormat{"hooks.slack.com/services/", base64All, 30, 100, nil},
			credentialFormat{"hooks.slack.com/triggers/", base64All, 30, 120, nil},
			credentialFormat{"discord.com/api/webhooks/", base64All, 60, 120, nil},
			credentialFormat{"discordapp.com/api/webhooks/", base64All, 60, 120, nil}),
		vendorToken("stripe-key", "Stripe secret, restricted or webhook key", "Stripe, API keys",
			credentialFormat{"sk_live_", base62, 16, 250, nil}, credentialFormat{"rk_live_", base62, 16, 250, nil},
			credentialFormat{"sk_test_", base62, 16, 250, nil}, credentialFormat{"rk_test_", base62, 16, 250, nil},
			credentialFormat{"whsec_", base64All, 24, 128, nil}),
		vendorToken("google-key", "Google API key, OAuth client secret or access token", "Google Cloud, authentication",
			credentialFormat{"AIza", base64URL, 35, 35, nil}, credentialFormat{"GOCSPX-", base64URL, 28, 28, nil},
			credentialFormat{"ya29.", dotted, 30, 400, nil}),
		vendorToken("openai-key", "OpenAI API key", "OpenAI, API keys",
			credentialFormat{"sk-proj-", base64URL, 32, 200, nil}, credentialFormat{"sk-svcacct-", base64URL, 32, 200, nil},
			credentialFormat{"sk-admin-", base64URL, 32, 200, nil}, credentialFormat{"sk-", base62, 48, 48, nil}),
		vendorToken("anthropic-key", "Anthropic API key", "Anthropic, API keys",
			credentialFormat{"sk-ant-", base64URL, 32, 200, nil}),
		vendorToken("huggingface-token", "Hugging Face access token", "Hugging Face, user access tokens",
			credentialFormat{"hf_", base62, 34, 40, nil}, credentialFormat{"api_org_", base62, 34, 40, nil}),
		vendorToken("sendgrid-key", "SendGrid API key", "Twilio SendGrid, API keys",
			credentialFormat{"SG.", dotted, 66, 66, nil}),
		vendorToken("mail-service-key", "key of Brevo", "Brevo, API keys",
			credentialFormat{"xkeysib-", base64URL, 64, 100, nil}),
		vendorToken("twilio-key", "Twilio API key", "Twilio, API keys", twilioFormats()...),
		vendorToken("package-registry-token", "token of PyPI, RubyGems, crates.io or Docker Hub", "registries' documentation",
			credentialFormat{"pypi-", base64URL, 85, 300, nil}, credentialFormat{"rubygems_", hexLower, 48, 48, nil},
			credentialFormat{"dckr_pat_", base64URL, 27, 27, nil}, credentialFormat{"cio", base62, 32, 32, nil}),
		vendorToken("cloud-token", "token of DigitalOcean, Databricks, Heroku, Fly.io, PlanetScale or Supabase", "vendors' API documentation",
			credentialFormat{"dop_v1_", hexLower, 64, 64, nil}, credentialFormat{"doo_v1_", hexLower, 64, 64, nil},
			credentialFormat{"dor_v1_", hexLower, 64, 64, nil}, credentialFormat{"dapi", hexLower, 32, 34, nil},
			credentialFormat{"HRKU-", base64URL, 36, 65, nil}, credentialFormat{"fo1_", base64URL, 43, 43, nil},
			credentialFormat{"pscale_tkn_", base64URL, 32, 64, nil}, credentialFormat{"pscale_pw_", base64URL, 32, 64, nil},
			credentialFormat{"sbp_", hexLower, 40, 40, nil}, credentialFormat{"sb_secret_", base64URL, 20, 64, nil}),
		vendorToken("infrastructure-token", "token of HashiCorp Vault or Terraform Cloud, Grafana, New Relic, Sentry, Pulumi, Doppler, Tailscale or 1Password", "vendors' API documentation",
			credentialFormat{"hvs.", base64URL, 24, 300, nil}, credentialFormat{"hvb.", base64URL, 24, 300, nil},
			credentialFormat{"glsa_", base64URL, 41, 41, nil}, credentialFormat{"glc_", base64All, 32, 400, nil},
			credentialFormat{"NRAK-", upperDigits, 27, 27, nil}, credentialFormat{"sntrys_", base64All, 64, 400, nil},
			credentialFormat{"sntryu_", hexLower, 64, 64, nil}, credentialFormat{"pul-", hexLower, 40, 40, nil},
			credentialFormat{"dp.pt.", base62, 43, 44, nil}, credentialFormat{"dp.st.", dotted, 40, 80, nil},
			credentialFormat{"tskey-", base64URL, 20, 80, nil}, credentialFormat{"ops_eyJ", base64All, 200, 2000, nil}),
		vendorToken("commerce-key", "key of Shopify, Square, PayPal Braintree or Razorpay", "vendors' API documentation",
			credentialFormat{"shpat_", hexLower, 32, 32, nil}, credentialFormat{"shpss_", hexLower, 32, 32, nil},
			credentialFormat{"shpca_", hexLower, 32, 32, nil}, credentialFormat{"shppa_", hexLower, 32, 32, nil},
			credentialFormat{"sq0atp-", base64URL, 22, 22, nil}, credentialFormat{"sq0csp-", base64URL, 43, 43, nil},
			credentialFormat{"rzp_live_", base62, 14, 14, nil},
			credentialFormat{"access_token$production$", base64All, 40, 60, nil}),
		vendorToken("work-tool-token", "token of Atlassian, Notion, Linear, Figma, Postman or Dropbox", "vendors' API documentation",
			credentialFormat{"ATATT3", base64All, 150, 250, nil}, credentialFormat{"ntn_", base62, 40, 60, nil},
			credentialFormat{"lin_api_", base62, 40, 40, nil}, credentialFormat{"figd_", base64URL, 38, 48, nil},
			credentialFormat{"PMAK-", base64URL, 59, 59, nil}, credentialFormat{"sl.u.", base64URL, 100, 400, nil}),
		vendorToken("chinese-cloud-key-id", "access key id of Alibaba Cloud or Tencent Cloud", "Alibaba Cloud RAM; Tencent Cloud CAM",
			credentialFormat{"LTAI", base62, 12, 20, nil}, credentialFormat{"AKID", base62, 32, 32, nil}),
		vendorToken("age-secret-key", "secret key of the encryption tool age", "age, C2SP age specification",
			credentialFormat{"AGE-SECRET-KEY-1", upperDigits, 58, 58, nil}),
	}
}

// hasCRC checks the last six characters: the CRC-32 of what stands between them and the prefix, in base 62.
func hasCRC(token []byte) bool {
	under := bytes.IndexByte(token, '_')
	body, sum := token[under+1:len(token)-6], token[len(token)-6:]
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	rest := crc32.ChecksumIEEE(body)
	for i := len(sum) - 1; i >= 0; i-- {
		if digits[rest%62] != sum[i] {
			return false
		}
		rest /= 62
	}
	return rest == 0
}

// twilioFormats are "SK" and 32 hexadecimal digits, by their first one.
func twilioFormats() []credentialFormat {
	var formats []credentialFormat
	for _, digit := range "0123456789abcdef" {
		formats = append(formats, credentialFormat{"SK" + string(digit), hexLower, 31, 31, nil})
	}
	return formats
}
