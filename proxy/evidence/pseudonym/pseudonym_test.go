package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func open(t testing.TB, directory string, clock *time.Time) *Keys {
	t.Helper()
	k, err := Open(directory, Month, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	if clock != nil {
		k.now = func() time.Time { return *clock }
	}
	return k
}

func TestHashIsTheKeyedOneOfTheStandard(t *testing.T) {
	directory := t.TempDir()
	got := open(t, directory, nil).Hash(Address, "192.0.2.7")
	name, encoded, _ := strings.Cut(got, ":")
	text, err := os.ReadFile(filepath.Join(directory, name+suffix))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("address\x00192.0.2.7"))
	if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]); encoded != want {
		t.Errorf("got %s, want %s", encoded, want)
	}
	if again := open(t, directory, nil).Hash(Address, "192.0.2.7"); again != got {
		t.Error("the hash is another after a restart")
	}
}

func TestHashesOfTwoFieldsOrPeriodsCannotBeCompared(t *testing.T) {
	clock := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	k := open(t, t.TempDir(), nil)
	k.now = func() time.Time { return clock }
	march := k.Hash(Address, "a")
	if k.Hash(Identity, "a")[8:] == march[8:] {
		t.Error("address and identity have the same hash")
	}
	if again := k.Hash(Address, "a"); again != march {
		t.Error("the same address has two hashes in one period")
	}
	clock = clock.Add(time.Second)
	april := k.Hash(Address, "a")
	if !strings.HasPrefix(march, "2026-03:") || !strings.HasPrefix(april, "2026-04:") || march[8:] == april[8:] {
		t.Errorf("%s in March, %s in April", march, april)
	}
	clock = clock.Add(-time.Minute)
	if got := k.Hash(Address, "a"); got != april {
		t.Errorf("a clock that went back a minute brought the old key back: %s", got)
	}
}

func TestDestroyedKeyLeavesNothingToComputeHashesWith(t *testing.T) {
	directory := t.TempDir()
	before := open(t, directory, nil).Hash(Identity, "alice")
	name, _, _ := strings.Cut(before, ":")
	secret, err := os.ReadFile(filepath.Join(directory, name+suffix))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := Hashes(directory, Identity, "alice"); err != nil || !slices.Contains(found, before) {
		t.Errorf("the key finds %v (%v)", found, err)
	}
	if err := Shred(directory, name); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(directory)
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		if err != nil || strings.Contains(string(text), strings.TrimSpace(string(secret))[:16]) {
			t.Errorf("%s still holds the key (%v)", entry.Name(), err)
		}
	}
	if found, err := Hashes(directory, Identity, "alice"); err != nil || len(found) != 0 {
		t.Errorf("the destroyed key finds %v (%v)", found, err)
	}
	if err := Shred(directory, name); !errors.Is(err, ErrShredded) {
		t.Errorf("destroying it twice: %v", err)
	}
	after := open(t, directory, nil).Hash(Identity, "alice")
	if !strings.HasPrefix(after, name+".2:") {
		t.Errorf("the period goes on with %s", after)
	}
}

func TestPeriodWhoseKeyCannotBeMadeGoesOnWithTheLast(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "keys")
	clock := time.Now()
	k := open(t, directory, &clock)
	before := k.Hash(Address, "a")
	if err := os.RemoveAll(directory); err != nil {
		t.Fatal(err)
	}
	clock = clock.AddDate(0, 2, 0)
	if got := k.Hash(Address, "a"); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Minute)
	if got := k.Hash(Address, "a"); got == before {
		t.Error("the new period's key was never made")
	}
}

func TestBadInputIsNamed(t *testing.T) {
	directory := t.TempDir()
	for _, name := range []string{"", "../x", "..", "2026/03", "march"} {
		if err := Shred(directory, name); err == nil {
			t.Errorf("the key %q was destroyed", name)
		}
	}
	if err := Shred(directory, "1999-01"); !errors.Is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(directory, "fortnight", nil); err == nil {
		t.Error("a period was accepted that is none")
	}
	if err := os.WriteFile(filepath.Join(directory, time.Now().UTC().Format("2006-01")+suffix), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(directory, Month, nil); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged key: %v", err)
	}
}

func BenchmarkHash(b *testing.B) {
	k := open(b, b.TempDir(), nil)
	b.ReportAllocs()
	for b.Loop() {
		k.Hash(Address, "192.0.2.7")
	}
}
