package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const blocking = "rules: [{id: r, when: destination.country == 'US', verdict: block}]\n"

// follow returns a store that follows dir until the test ends, and what it logs.
func follow(t *testing.T, dir string) (*Store, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	s, err := NewStore(dir, zap.New(core), Intervals(20*time.Millisecond, 0))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, logs
}

// await waits until condition holds. An edit is in force within two seconds; a busy machine that runs
// tests gets more.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func verdict(s *Store) flow.Verdict { return s.Current().Decide(known(), flow.Body).Verdict }

func TestAnEditComesIntoForce(t *testing.T) {
	edits := map[string]func(t *testing.T, dir string){
		"written in place": func(t *testing.T, dir string) { write(t, filepath.Join(dir, "p.yaml"), good+blocking) },
		"renamed over": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, ".p.yaml.tmp"), good+blocking)
			if err := os.Rename(filepath.Join(dir, ".p.yaml.tmp"), filepath.Join(dir, "p.yaml")); err != nil {
				t.Fatal(err)
			}
		},
		"a further file": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "q.yaml"), policyNamed("q")+blocking)
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "p.yaml"), good)
			s, _ := follow(t, dir)
			if verdict(s) != flow.Allow {
				t.Fatal("blocked from the start")
			}
			before := s.Current()
			edit(t, dir)
			await(t, "the edit blocks", func() bool { return verdict(s) == flow.Block })
			if before.Decide(known(), flow.Body).Verdict != flow.Allow {
				t.Error("a snapshot changed under a flow that began with it")
			}
			status := s.Status()
			if status.Hash != s.Current().Hash() || status.Reloads != 1 || status.LastError != nil || status.Rules != 1 || status.Source != dir {
				t.Errorf("%+v", status)
			}
		})
	}
}

func TestListsAndExemptionsAreFollowedInDirectoriesOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), good+"rules: [{id: r, when: 'inList(destination.host, \"shops\")', verdict: block}]\n")
	lists, exemptions := filepath.Join(dir, "lists"), filepath.Join(dir, "exemptions")
	if err := os.Mkdir(lists, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(lists, "l.yaml"), "apiVersion: borderflow/v1\nkind: List\nname: shops\ntype: suffixes\nfile: shops.txt\n")
	write(t, filepath.Join(lists, "shops.txt"), "other.example\n")
	s, _ := follow(t, dir)
	before := s.Current()
	write(t, filepath.Join(lists, "shops.txt"), "other.example\nshop.example\n")
	await(t, "the new entry blocks", func() bool { return verdict(s) == flow.Block })
	if before.policies[0].rules[0].condition != s.Current().policies[0].rules[0].condition {
		t.Error("another list had the condition compiled again")
	}
	if before.Decide(known(), flow.Body).Verdict != flow.Allow {
		t.Error("a list changed under a flow that began with it")
	}
	if err := os.Mkdir(exemptions, 0o700); err != nil {
		t.Fatal(err)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	write(t, filepath.Join(exemptions, "x.yaml"), exemptionText("rule: good/r", "from: "+today, "until: "+today))
	await(t, "the exemption allows", func() bool { return verdict(s) == flow.Allow })
}

func TestConfigMapSwapsComeIntoForceAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	mountConfigMap(t, dir, "..1", map[string]string{"policy.yaml": good})
	s, _ := follow(t, dir)
	mountConfigMap(t, dir, "..2", map[string]string{"policy.yaml": good + blocking})
	await(t, "the swap blocks", func() bool { return verdict(s) == flow.Block })
	mountConfigMap(t, dir, "..3", map[string]string{"policy.yaml": good})
	await(t, "the second swap allows", func() bool { return verdict(s) == flow.Allow })
}

func TestABrokenEditLeavesTheLastGoodPolicyInForce(t *testing.T) {
	breaks := map[string]struct {
		edit func(dir string) error
		says string
	}{
		"a typo": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(good+"rules: [{id: r, when: destnation.country == 'US', verdict: block}]\n"), 0o600)
		}, `p.yaml:5:23: unknown name "destnation" (did you mean "destination"?)`},
		"an empty file":         {func(dir string) error { return os.WriteFile(filepath.Join(dir, "p.yaml"), nil, 0o600) }, "p.yaml: the file holds no policy"},
		"the file is gone":      {func(dir string) error { return os.Remove(filepath.Join(dir, "p.yaml")) }, "there is no policy in this directory"},
		"the directory is gone": {os.RemoveAll, "read policy directory"},
	}
	for name, test := range breaks {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "policy")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "p.yaml"), good+blocking)
			s, logs := follow(t, dir)
			hash := s.Current().Hash()
			if err := test.edit(dir); err != nil {
				t.Fatal(err)
			}
			await(t, "the break is noticed", func() bool {
				err := s.Status().LastError
				return err != nil && strings.Contains(err.Error(), test.says)
			})
			status := s.Status()
			if status.Hash != hash || status.FailedReloads == 0 || verdict(s) != flow.Block {
				t.Errorf("%+v", status)
			}
			await(t, "the break is logged", func() bool {
				for _, entry := range logs.FilterLevelExact(zap.ErrorLevel).All() {
					if strings.Contains(fmt.Sprint(entry.ContextMap()), test.says) {
						return true
					}
				}
				return false
			})
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "p.yaml"), good)
			await(t, "the repair is in force", func() bool { return verdict(s) == flow.Allow && s.Status().LastError == nil })
		})
	}
}

func TestABrokenPolicyIsNoStart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), good+"defalt: x\nrules: 1\n")
	_, err := NewStore(dir, nil)
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Error(err)
	}
	if _, err := NewStore(filepath.Join(dir, "missing"), nil); err == nil {
		t.Error("a missing directory is no error")
	}
}

func TestWithoutADirectoryTheEmbeddedPolicyHolds(t *testing.T) {
	s, err := NewStore("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Status().Source != "embedded" || s.Current().Hash() != Embedded().Hash() {
		t.Errorf("%+v", s.Status())
	}
	if err := s.Reload(t.Context()); err != nil || s.Status().Reloads != 0 {
		t.Error(err, s.Status())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestSubscribersHearOfEachNewPolicyUntilTheyStop(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), good)
	s, err := NewStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var heard []string
	stop := s.OnChange(func(p *Policy) { heard = append(heard, p.Hash()) })
	reload := func(text string) {
		t.Helper()
		write(t, filepath.Join(dir, "p.yaml"), text)
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reload(good + blocking)
	reload("# the same again\n" + good + blocking)
	reload(good)
	stop()
	reload(good + blocking)
	if len(heard) != 2 || heard[0] != s.Current().Hash() || heard[1] == heard[0] {
		t.Error(heard)
	}
}

func TestAReloadCompilesOnlyWhatChanged(t *testing.T) {
	first, problems := Parse(map[string][]byte{"a.yaml": []byte(good + "rules: [{id: a, when: source.port == 1, verdict: log}, {id: b, when: source.port == 2, verdict: log}]")})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	second, problems := parse(map[string][]byte{"b.yaml": []byte(good + "rules: [{id: c, when: source.port == 2, verdict: block}, {id: d, when: source.port == 3, verdict: log}]")}, first)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if first.policies[0].rules[1].condition != second.policies[0].rules[0].condition {
		t.Error("an unchanged condition was compiled again")
	}
	if len(second.conditions) != 2 {
		t.Errorf("%d conditions are kept, two are in use", len(second.conditions))
	}
}

func TestDecisionsDuringReloadsAreOfOneVersionOrTheOther(t *testing.T) {
	dir := t.TempDir()
	// Either both policies allow or both block; a mixture would show in Verdicts.
	texts := [2]string{policyNamed("a") + "---\n" + policyNamed("b"), policyNamed("a") + blocking + "---\n" + policyNamed("b") + blocking}
	write(t, filepath.Join(dir, "p.yaml"), texts[0])
	s, err := NewStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				p := s.Current()
				d := p.Decide(known(), flow.Body)
				if d.Verdicts[0].Verdict != d.Verdicts[1].Verdict || d.Verdict != d.Verdicts[0].Verdict {
					t.Errorf("a mixture: %+v", d)
					return
				}
			}
		})
	}
	for i := range 50 {
		write(t, filepath.Join(dir, "p.yaml"), texts[i%2])
		if err := s.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wait.Wait()
}
