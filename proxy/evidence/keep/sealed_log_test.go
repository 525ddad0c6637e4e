package keep

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

func TestSealedLogIsVerifiedProvedAndGoneOnWith(t *testing.T) {
	directory := writeLog(t, 200)
	segments := segmentsOf(t, directory)
	options := after(directory, 0)
	options.Seal = true
	if done := tend(t, options); len(done.Sealed) != len(segments)-1 {
		t.Fatalf("%+v", done)
	}
	if report, _ := verify(t, directory); !report.OK() || report.Records != 200 {
		t.Fatalf("%d records, %v", report.Records, report.Findings)
	}
	public, err := os.ReadFile(directory + "-key.pub")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := evidence.OpenArchive(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"flow-1", "flow-77", "flow-200"} {
		proof, err := archive.ProveFlow(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := proof.Verify(evidence.Keys{Log: string(public)}); err != nil {
			t.Error(err)
		}
	}
	log, err := evidence.Open(directory, evidence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- log.Run(context.Background()) }()
	if err := log.AppendAndWait(t.Context(), &evidence.Record{Time: time.Now(), ID: "later", Outcome: evidence.Completed}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Close(t.Context()), <-ended); err != nil {
		t.Fatal(err)
	}
	if report, _ := verify(t, directory); !report.OK() || report.Records != 201 {
		t.Errorf("%d records, %v", report.Records, report.Findings)
	}
	// A damaged sealed segment is found.
	path := segments[0].Path + ".zst"
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	packed[len(packed)/2] ^= 1
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	if report, err := evidence.Verify(t.Context(), directory, evidence.VerifyOptions{}); err == nil && report.OK() {
		t.Error("the damage was not found")
	}
}
