package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"
)

// writeLog is "writelog DIR N": it appends the records of N flows, from many people to three countries,
// in segments of a few records, as a proxy with that log would. Every fifth is blocked.
func writeLog(script *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		script.Fatalf("usage: writelog DIR N")
	}
	count, err := strconv.Atoi(args[1])
	script.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	script.Check(os.MkdirAll(filepath.Dir(script.MkAbs(args[0])), 0o700))
	log, err := evidence.Open(script.MkAbs(args[0]), evidence.Options{SegmentBytes: 8 << 10, Origin: "test.example/records", CheckpointEvery: time.Millisecond})
	script.Check(err)
	ended := make(chan error, 1)
	go func() { ended <- log.Run(ctx) }()
	record := new(evidence.Record)
	for i := range count {
		record.Reset()
		record.Time = time.Date(2026, 7, 1, 12, 0, i, 0, time.UTC)
		record.ID = fmt.Sprintf("flow-%d", i+1)
		record.Source.Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 50)})
		record.Source.Identity = fmt.Sprintf("person-%d@example.com", i%50)
		record.Destination.Host, record.Destination.Port = fmt.Sprintf("h%d.example.com", i%7), 443
		record.Destination.Country = []string{"US", "DE", "CN"}[i%3]
		record.Request.Method, record.Request.Scheme, record.Request.Protocol = "POST", "https", "h2"
		record.Verdict, record.Policy, record.Phase, record.Outcome = "allow", "cards", "headers", evidence.Completed
		record.Bytes.Sent = int64(i)
		if i%5 == 4 {
			record.Verdict, record.Rule, record.Outcome, record.Bytes.Sent = "block", "upload", evidence.Blocked, 0
		}
		script.Check(log.AppendAndWait(ctx, record))
	}
	script.Check(log.Close(ctx))
	script.Check(<-ended)
}

// witness is "witness NAME CHECKPOINT COSIGNED": it signs a checkpoint as somebody else.
func witness(script *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 3 {
		script.Fatalf("usage: witness NAME CHECKPOINT COSIGNED")
	}
	private, public, err := note.GenerateKey(rand.Reader, args[0])
	script.Check(err)
	signer, err := note.NewSigner(private)
	script.Check(err)
	signed := []byte(script.ReadFile(args[1]))
	logKey, err := note.NewVerifier(script.ReadFile("log.pub"))
	script.Check(err)
	opened, err := note.Open(signed, note.VerifierList(logKey))
	script.Check(err)
	cosigned, err := note.Sign(opened, signer)
	script.Check(err)
	script.Check(os.WriteFile(script.MkAbs(args[2]), cosigned, 0o600))
	script.Check(os.WriteFile(script.MkAbs(args[0]+".pub"), []byte(public+"\n"), 0o600))
}
