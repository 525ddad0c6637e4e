package classify

import (
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestCredentials(t *testing.T) {
	// The token with a valid checksum is an expired one that its owner published for this purpose
	// (gist.github.com/coolaj86/eb8cddfd3e4251258712dfed03e1f86d); others are made up, or of vendors' documentation.
	const body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"
	sees(t, "github-token", sightings{"ghp_" + body + "0mLq17": flow.Strong, "ghp_" + body + "0mLq18": 0, "token: ghp_" + body + "0mLq18": flow.Medium, "ghp_short": 0})
	sees(t, "slack-token", sightings{"xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOHcbrzqgy": flow.Strong, "xoxb-": 0})
	sees(t, "stripe-key", sightings{"sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc": flow.Strong, "pk_live_4eC39HqLyjWDarjtT1zdp7dc": 0})
	sees(t, "google-key", sightings{"AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe": flow.Strong})
	sees(t, "aws-access-key-id", sightings{"AKIAIOSFODNN7EXAMPLE": 0, "aws_access_key_id=AKIAIOSFODNN7EXAMPLE": flow.Weak,
		"https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101": 0})
	sees(t, "secret-field", sightings{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": flow.Medium, `{"apiKey":"8f14e45fceea167a5a36dedd4bea2543"}`: flow.Medium,
		`{"nextPageToken":"8f14e45fceea167a5a36dedd4bea2543"}`: 0, `{"token":"abc"}`: 0, "api_key=${API_KEY_FROM_ENV}": 0, "Authorization: Bearer mF_9.B5f-4.1JqM0c8kQ2x7": flow.Medium,
		`{"publicKey":"8f14e45fceea167a5a36dedd4bea2543"}`: 0})
	sees(t, "password-field", sightings{`{"password":"correct-Horse7"}`: flow.Medium, `{"password":"Passwort"}`: 0, "DB_PASSWORD=s3cr3t!x": flow.Medium, "password: ${DB_PASSWORD}": 0,
		`{"passwordReset":"abc123!x"}`: 0, `{"password":"string"}`: 0, "密码：Abc12345": flow.Medium, `{"parse-passwd":"^1.0.0"}`: 0, "PWD=/home/user1": 0, `{"password":"challengePassword"}`: 0, "password = getPassword()": 0})
	sees(t, "jwt", sightings{"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U": flow.Strong,
		"eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U": 0})
	key := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEowIBAAKCAQEAq83vEjRWeJ+rze/x2345", 4) + "\n-----END RSA PRIVATE KEY-----\n"
	sees(t, "private-key", sightings{key: flow.Strong, `{"key":"` + strings.ReplaceAll(key, "\n", `\n`) + `"}`: flow.Strong, "a file that begins with -----BEGIN RSA PRIVATE KEY----- is one": 0,
		strings.ReplaceAll(key, "RSA PRIVATE", "PUBLIC"): 0})
	sees(t, "url-password", sightings{"postgres://app:s3cretPw@db.example.com:5432/x": flow.Strong, "https://user:password@host": 0, "https://example.com:8080/a@b": 0, "redis://:p4ssw0rdX@cache:6379": flow.Strong,
		"https://${USER}:${PASS}@host": 0})
	sees(t, "azure-storage-key", sightings{"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;": flow.Strong})
	sees(t, "extended-private-key", sightings{ // BIP 32, test vector 1
		"xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi": flow.Strong,
		"xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHj": 0})
}
