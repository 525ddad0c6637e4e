package rules

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

func TestEveryPolicyThatWasInForceIsKeptByItsHash(t *testing.T) {
	dir, kept := t.TempDir(), filepath.Join(t.TempDir(), "policy", "in-force")
	write(t, filepath.Join(dir, "p.yaml"), good)
	s, err := NewStore(dir, nil, KeepEvery(kept))
	if err != nil {
		t.Fatal(err)
	}
	hashes := []string{s.Current().Hash()}
	write(t, filepath.Join(dir, "p.yaml"), good+"rules: [{id: r, when: 'destination.port == 1', verdict: block}]\n")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	hashes = append(hashes, s.Current().Hash())
	write(t, filepath.Join(dir, "p.yaml"), good+"rules: 1\n")
	if err := s.Reload(t.Context()); err == nil {
		t.Error("a broken policy was loaded")
	}
	for _, hash := range hashes {
		policy, _, err := readKept(filepath.Join(kept, hash+".json"), dir)
		if err != nil || policy.Hash() != hash {
			t.Errorf("%s: %v", hash, err)
		}
	}
	if entries, err := os.ReadDir(kept); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestTheLastGoodPolicyIsKeptForTheNextStart(t *testing.T) {
	dir, kept := t.TempDir(), filepath.Join(t.TempDir(), "policy", "last-good.json")
	write(t, filepath.Join(dir, "p.yaml"), good)
	s, err := NewStore(dir, nil, LastGood(kept, true))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "p.yaml"), good+"rules: [{id: r, when: 'inList(destination.host, \"shops\")', verdict: block}]\n")
	if err := os.Mkdir(filepath.Join(dir, "lists"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "lists", "l.yaml"), "apiVersion: borderflow/v1\nkind: List\nname: shops\ntype: suffixes\nfile: l.txt\n")
	write(t, filepath.Join(dir, "lists", "l.txt"), "shop.example\n")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}

	write(t, filepath.Join(dir, "p.yaml"), good+"rules: 1\n")
	if _, err := NewStore(dir, nil, LastGood(kept, false)); err == nil {
		t.Error("started with a broken directory, unasked")
	}
	core, logs := observer.New(zap.InfoLevel)
	again, err := NewStore(dir, zap.New(core), LastGood(kept, true))
	if err != nil {
		t.Fatal(err)
	}
	status := again.Status()
	var problems document.Problems
	if !status.FromLastGood || !errors.As(status.LastError, &problems) || status.Hash != s.Current().Hash() || status.Lists != 1 || verdict(again) != flow.Block {
		t.Errorf("%+v", status)
	}
	if logs.FilterMessageSnippet("THE POLICY DIRECTORY IS BROKEN").Len() != 1 || logs.FilterField(zap.String("problem", problems[0].String())).Len() != 1 {
		t.Errorf("%v", logs.All())
	}
	if err := again.Reload(t.Context()); err == nil || !again.Status().FromLastGood {
		t.Errorf("%v: %+v", err, again.Status())
	}
	write(t, filepath.Join(dir, "p.yaml"), good)
	if err := again.Reload(t.Context()); err != nil || again.Status().FromLastGood || verdict(again) != flow.Allow {
		t.Errorf("%v: %+v", err, again.Status())
	}
	if entries, _ := os.ReadDir(filepath.Dir(kept)); len(entries) != 1 {
		t.Errorf("files are left behind: %v", entries)
	}
}

func TestAKeptPolicyThatCannotBeTrustedIsNoStart(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  string
	}{
		"missing":             {func(t *testing.T, path string) { os.Remove(path) }, "no such file"},
		"empty":               {func(t *testing.T, path string) { write(t, path, "") }, "is damaged"},
		"another version":     {func(t *testing.T, path string) { write(t, path, `{"schema":"borderflow.policy/2"}`) }, "of another version"},
		"cut off":             {func(t *testing.T, path string) { os.Truncate(path, 100) }, "is damaged"},
		"writable for others": {func(t *testing.T, path string) { os.Chmod(path, 0o622) }, "not trusted"},
		"another policy": {func(t *testing.T, path string) {
			text, _ := os.ReadFile(path)
			write(t, path, strings.Replace(string(text), `"hash":"`, `"hash":"00`, 1))
		}, "is damaged: it holds policy"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, kept := t.TempDir(), filepath.Join(t.TempDir(), "last-good.json")
			write(t, filepath.Join(dir, "p.yaml"), good)
			if _, err := NewStore(dir, nil, LastGood(kept, true)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "p.yaml"), good+"rules: 1\n")
			test.spoil(t, kept)
			s, err := NewStore(dir, nil, LastGood(kept, true))
			if s != nil || err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "rules must be a list") {
				t.Errorf("%v, %v", s, err)
			}
		})
	}
}

func TestAPolicyThatCannotBeKeptIsInForceAllTheSame(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), good)
	s, err := NewStore(dir, nil, LastGood(filepath.Join(dir, "p.yaml", "kept"), false))
	if err != nil {
		t.Fatal(err)
	}
	if s.Status().KeepError == nil {
		t.Error("nobody is told")
	}
}

func TestAPolicyThatFailsItsTestsDoesNotComeIntoForce(t *testing.T) {
	dir, kept := t.TempDir(), filepath.Join(t.TempDir(), "kept")
	write(t, filepath.Join(dir, "p.yaml"), good+blocking)
	gate := Gated(func(p *Policy) error {
		if len(p.Rules()) == 0 {
			return errors.New("case no-cards failed")
		}
		return nil
	})
	s, err := NewStore(dir, nil, gate, LastGood(kept, true))
	if err != nil {
		t.Fatal(err)
	}
	before := s.Current()
	write(t, filepath.Join(dir, "p.yaml"), good)
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "case no-cards failed") {
		t.Error(err)
	}
	if s.Current() != before || s.Status().FailedReloads != 1 || verdict(s) != flow.Block {
		t.Errorf("%+v", s.Status())
	}
	if _, err := NewStore(dir, nil, gate); err == nil {
		t.Error("started with a policy that fails its tests")
	}
	again, err := NewStore(dir, nil, gate, LastGood(kept, true))
	if err != nil || again.Current().Hash() != before.Hash() {
		t.Error(err)
	}
	if _, err := NewStore(dir, nil, Gated(func(*Policy) error { panic("x") })); err == nil {
		t.Error("a gate that panics lets a policy pass")
	}
}

func TestOpenFlowsAreDecidedAgainWhenAnExemptionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now().UTC()
		at := func(after time.Duration) string { return begin.Add(after).Format(time.RFC3339) }
		text := good + "rules:\n- {id: no-us, when: destination.country == 'US', verdict: block, validFrom: '" + at(3*time.Hour) + "'}\n" +
			exemptionText("from: "+at(-time.Hour), "until: "+at(5*time.Hour))
		p := parsed(t, map[string]string{"a.yaml": text})
		s := &Store{log: zap.NewNop(), subscribers: map[int]func(*Policy){}, installed: make(chan struct{}, 1)}
		s.install(p, begin)
		var heard []string
		s.OnChange(func(p *Policy) {
			d := p.Decide(with(func(f *flow.Flow) { f.Data.Categories = nil }), flow.Body)
			heard = append(heard, time.Since(begin).String()+" "+d.Verdict.String())
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.followTime(ctx) }()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := strings.Join(heard, ", "); got != "3h0m0s allow, 5h0m0s block" {
			t.Error(got)
		}
	})
}
