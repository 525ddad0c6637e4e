package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestThePoliciesHoldWhatTheirTestsSay runs the commands of the policies' own comments through the
// built binary.
func TestThePoliciesHoldWhatTheirTestsSay(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not installed, which builds the binary")
	}
	binary := filepath.Join(t.TempDir(), "borderflow")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/borderflow").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	run := func(args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), binary, args...)
		for _, setting := range os.Environ() {
			if !strings.HasPrefix(setting, "BORDERFLOW_") {
				command.Env = append(command.Env, setting)
			}
		}
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("borderflow %s: %v\n%s", strings.Join(args, " "), err, output)
		}
		return string(output)
	}
	if answer := run("check", "policies"); !strings.Contains(answer, "in 6 policies") {
		t.Errorf("check: %s", answer)
	}
	if answer := run("test", "policies", "--coverage", "--minimum-coverage", "100"); !strings.Contains(answer, "coverage: rules 100.0 %") {
		t.Errorf("test: %s", answer)
	}
	for _, dir := range []string{"policies", filepath.Join("quickstart", "policies")} {
		if answer := run("lint", dir); answer != "ok: nothing found\n" {
			t.Errorf("lint %s: %s", dir, answer)
		}
	}
	if answer := run("explain", "--policy", "policies", "--to", "crm.example.com", "--country", "US", "--data", "personal=3", "--subjects", "3"); !strings.HasPrefix(answer, "allow") {
		t.Errorf("explain: %s", answer)
	}
}
