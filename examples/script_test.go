package examples_test

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestQuickstartScriptRunsAsANewUserRunsIt runs run.sh from the top of the repository, and looks at what it
// prints and at what it leaves behind.
func TestQuickstartScriptRunsAsANewUserRunsIt(t *testing.T) {
	if missing := lookFor("sh"); missing != "" {
		t.Skip(missing)
	}
	lookAtSource(t)
	temporary := t.TempDir()
	proxy, admin, origins := freeAddress(t), freeAddress(t), freeAddress(t)
	command := exec.Command("examples/quickstart/run.sh")
	command.Dir = ".."
	command.Env = append(cleanEnvironment(), "TMPDIR="+temporary,
		"BORDERFLOW_LISTEN="+proxy, "BORDERFLOW_ADMIN_LISTEN="+admin, "QUICKSTART_ORIGINS="+origins)
	output, err := command.CombinedOutput()
	said := string(output)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	expected := []string{
		"ok: 2 rules in 1 policy",
		"api.shop.us.example: US United States",
		"the proxy listens on " + proxy,
		"passed: order A-1007 accepted by api.shop.de.example",
		"rule " + toUS + ": ",
		"rule " + toUnknown + ": ",
		"the answer became 200",
		"none failed",
		"records: ",
	}
	if lookFor("curl") == "" {
		expected = append(expected, `"rule": "`+toUS+`"`, `"rule": "`+toUnknown+`"`, "HTTP 200", "HTTP 451")
	}
	if missingForNode() == "" {
		expected = append(expected, "200 passed", "451 blocked by rule "+toUS)
	}
	if lookFor("jq") == "" {
		expected = append(expected, "api.shop.unknown.example\tunknown\tgrpc\tblock\t"+toUnknown+"\t1", `"schema": "borderflow.flow/1"`)
	}
	for _, line := range expected {
		if !strings.Contains(said, line) {
			t.Errorf("the script does not print %q:\n%s", line, said)
		}
	}
	for _, tool := range []string{"curl", "node", "jq"} {
		skipped := strings.Contains(said, "skipped: "+tool+" is not installed")
		if skipped != (lookFor(tool) != "") {
			t.Errorf("the script skipped what needs %s: %v", tool, skipped)
		}
	}
	for _, address := range []string{proxy, admin, origins} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("a process of the script is still there: %v", err)
			continue
		}
		listener.Close()
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("the script left %v in its temporary directory (%v)", left, err)
	}
}

// freeAddress is an address that nothing listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
