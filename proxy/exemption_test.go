package proxy_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// exempt puts an exemption beside the policy, at once.
func (w *world) exempt(text string) {
	w.t.Helper()
	dir := filepath.Join(w.config.Policy.Dir, "exemptions")
	must(w.t, os.MkdirAll(dir, 0o700))
	must(w.t, os.WriteFile(filepath.Join(dir, ".next"), []byte(text), 0o600))
	must(w.t, os.Rename(filepath.Join(dir, ".next"), filepath.Join(dir, "exemption.yaml")))
}

func TestAPinnedClientIsNoticedAndTheProposedExemptionLetsItPass(t *testing.T) {
	w := newWorld(t)
	w.serve("pinned.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "hello") }))
	w.policy("apiVersion: borderflow/v1\nkind: Policy\nname: test\ndefault: allow\n")
	w.start()
	client := w.client(func(transport *http.Transport) { transport.TLSClientConfig = &tls.Config{RootCAs: w.ca.pool()} })
	if response, err := client.Get("https://pinned.test/"); err == nil {
		response.Body.Close()
		t.Fatal("the client took a certificate that it does not trust")
	}
	rejected := w.record(func(r evidence.Record) bool { return r.Error == "tls_alert_received" })
	if rejected.Outcome != evidence.Aborted || len(rejected.Exemptions) != 0 {
		t.Errorf("%+v", rejected)
	}
	var proposed string
	w.eventually("the proposal in the log", func() bool {
		for _, entry := range w.logs.FilterMessageSnippet("a client rejected the certificate").All() {
			proposed, _ = entry.ContextMap()["exemption"].(string)
		}
		return proposed != ""
	})
	response, err := http.Get("http://" + w.proxy.AdminAddress().String() + "/metrics")
	must(t, err)
	metrics, err := io.ReadAll(response.Body)
	response.Body.Close()
	must(t, err)
	if !strings.Contains(string(metrics), "\nborderflow_client_tls_rejections_total 1\n") {
		t.Error("the rejection is not counted")
	}

	policy := map[string][]byte{"p.yaml": []byte("apiVersion: borderflow/v1\nkind: Policy\nname: test\ndefault: allow\n"), "x.yaml": []byte(proposed)}
	if _, problems := rules.Parse(policy); len(problems) != 2 {
		t.Errorf("a proposal is to lack its approval and reason alone: %v", problems)
	}
	w.exempt(strings.NewReplacer(`approvedBy: ""`, "approvedBy: dpo@example.com", `reason: ""`, "reason: pins its certificate").Replace(proposed))
	w.eventually("the exemption in force", func() bool { return w.proxy.PolicyStatus().Exemptions == 1 })

	response, err = client.Get("https://pinned.test/")
	must(t, err)
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	client.CloseIdleConnections()
	if string(body) != "hello" {
		t.Errorf("%q", body)
	}
	tunnelled := w.record(func(r evidence.Record) bool { return r.Inspection == "sni" })
	if diff := cmp.Diff([]string{"pinned-pinned.test-127.0.0.1"}, tunnelled.Exemptions); diff != "" {
		t.Error(diff)
	}
}

func TestTheRecordSaysWhichExemptionLiftedARule(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.us.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	w.place("*.us.test", "US")
	w.policy(rulesPolicy(blockFinancialToUS))
	today := time.Now().UTC().Format(time.DateOnly)
	w.exempt("apiVersion: borderflow/v1\nkind: Exemption\nname: migration\nrule: test/no-cards-to-us\nsource: {network: 127.0.0.0/8}\n" +
		"destination: {host: shop.us.test}\napprovedBy: dpo@example.com\nreason: ticket 4711\nfrom: " + today + "\nuntil: " + today + "\n")
	w.serve("other.us.test", http.NotFoundHandler())
	w.start()
	response := post(t, w.client(), "https://shop.us.test/", `{"card":"5555555555554444"}`)
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	record := w.record(func(r evidence.Record) bool { return r.Request.Method == http.MethodPost })
	if diff := cmp.Diff([]string{"migration"}, record.Exemptions); diff != "" || record.Verdict != "allow" {
		t.Errorf("%s\n%+v", diff, record)
	}
	if response := post(t, w.client(), "https://other.us.test/", `{"card":"5555555555554444"}`); response.StatusCode != http.StatusForbidden {
		t.Errorf("another destination: %s", response.Status)
	}
}

func TestABrokenDirectoryIsAStartOnlyWhereThatIsConfigured(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.us.test", http.NotFoundHandler())
	w.place("*.us.test", "US")
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	hash := w.proxy.PolicyStatus().Hash
	must(t, w.end())
	w.policy(rulesPolicy(blockFinancialToUS) + "  - id: broken\n")

	again := newWorld(t)
	again.config.StateDir, again.config.Policy.Dir = w.config.StateDir, w.config.Policy.Dir
	if _, err := proxyNew(again); err == nil {
		t.Fatal("started with a broken policy directory")
	}
	again.config.Policy.OnBrokenStart = "lastGood"
	again.ca, again.config.Hosts, again.config.Upstream, again.config.Jurisdiction = w.ca, w.config.Hosts, w.config.Upstream, w.config.Jurisdiction
	again.start()
	if status := again.proxy.PolicyStatus(); !status.FromLastGood || status.Hash != hash {
		t.Errorf("%+v", status)
	}
	response, err := http.Get("http://" + again.proxy.AdminAddress().String() + "/readyz")
	must(t, err)
	ready, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.Contains(string(ready), "THE POLICY DIRECTORY IS BROKEN") {
		t.Errorf("%s", ready)
	}
	if response := post(t, again.client(), "https://shop.us.test/", `{"card":"5555555555554444"}`); response.StatusCode != http.StatusForbidden {
		t.Errorf("the policy of before is not in force: %s", response.Status)
	}
}

// proxyNew builds w's proxy without running it.
func proxyNew(w *world) (*proxy.Proxy, error) { return proxy.New(w.config, zap.NewNop(), "test") }
