package certs

import (
	"fmt"
	"path/filepath"
	"strings"
)

// TrustStep is how one kind of client comes to trust the authority.
type TrustStep struct {
	Client  string `json:"client"`
	Command string `json:"command"` // for a POSIX shell, except Windows
	Note    string `json:"note,omitempty"`
}

// bundle is the file that the step "Bundle" writes: public roots and ours, for clients whose setting
// replaces their roots instead of adding to them.
const bundle = `"$HOME/borderflow-bundle.pem"`

// TrustSteps returns, for each kind of client, what to run so that it trusts the certificate at caPath.
// The path is made absolute, since most clients read it from another directory.
func TrustSteps(caPath string) []TrustStep {
	if absolute, err := filepath.Abs(caPath); err == nil {
		caPath = absolute
	}
	ca := shellQuote(caPath)
	const replaces = "replaces the public roots, hence the bundle"
	const adds = "adds to the public roots"
	return []TrustStep{
		{"Debian, Ubuntu", "sudo cp " + ca + " /usr/local/share/ca-certificates/borderflow.crt && sudo update-ca-certificates", "needs the extension .crt"},
		{"RHEL, Fedora", "sudo cp " + ca + " /etc/pki/ca-trust/source/anchors/borderflow.pem && sudo update-ca-trust", ""},
		{"macOS", "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain " + ca, ""},
		{"Windows", `certutil -addstore -f Root "` + caPath + `"`, "in an elevated prompt, with the path of your copy"},
		{"Bundle", "cat /etc/ssl/certs/ca-certificates.crt " + ca + " > " + bundle,
			"public roots and this one; the public ones are in /etc/pki/tls/certs/ca-bundle.crt on RHEL, in /etc/ssl/cert.pem on macOS"},
		{"curl", "export CURL_CA_BUNDLE=" + bundle, replaces + "; for a single call: curl --cacert " + ca},
		{"Node.js", "export NODE_EXTRA_CA_CERTS=" + ca, adds + "; read when the process starts"},
		{"Python (ssl, urllib, httpx)", "export SSL_CERT_FILE=" + bundle, replaces},
		{"Python (requests)", "export REQUESTS_CA_BUNDLE=" + bundle, replaces},
		{"pip", "export PIP_CERT=" + bundle, replaces},
		{"Java", `keytool -importcert -noprompt -cacerts -storepass changeit -alias borderflow -file ` + ca,
			adds + " of this JDK (9 or later); for one user or service take the next"},
		{"Java, without changing the JDK", javaOwnStore(ca), "a copy of the JDK's roots and this one; JAVA_HOME must be set"},
		{"Go", "export SSL_CERT_FILE=" + bundle, replaces + "; on macOS and Windows Go uses the system's store"},
		{"git", "git config --global http.sslCAInfo " + bundle, replaces},
		{"AWS CLI", "export AWS_CA_BUNDLE=" + bundle, replaces},
		{"gRPC (C++, Python, Ruby, PHP, Node.js)", "export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=" + bundle, replaces + "; grpc-go and grpc-java follow Go and Java"},
		{"Deno", "export DENO_CERT=" + ca, adds},
	}
}

func javaOwnStore(ca string) string {
	return `cp "$JAVA_HOME/lib/security/cacerts" "$HOME/borderflow-cacerts" && ` +
		`chmod u+w "$HOME/borderflow-cacerts" && ` +
		`keytool -importcert -noprompt -keystore "$HOME/borderflow-cacerts" -storepass changeit -alias borderflow -file ` + ca + ` && ` +
		`export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=$HOME/borderflow-cacerts -Djavax.net.ssl.trustStorePassword=changeit"`
}

// TrustInstructions returns TrustSteps as text to print on a terminal.
func TrustInstructions(caPath string) string {
	var s strings.Builder
	s.WriteString("Clients must trust this authority before their connections can be inspected.\n" +
		"Copy the certificate (never the key) to where they can read it, then:\n")
	for _, step := range TrustSteps(caPath) {
		fmt.Fprintf(&s, "\n%s", step.Client)
		if step.Note != "" {
			fmt.Fprintf(&s, " (%s)", step.Note)
		}
		fmt.Fprintf(&s, "\n  %s\n", step.Command)
	}
	return s.String()
}
