package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/spf13/cobra"
)

// maxProofFile bounds the files of proofs that are read.
const maxProofFile = evidence.MaxLine + 1<<20

func evidenceProveCommand() *cobra.Command {
	var flags logFlags
	var out string
	command := &cobra.Command{
		Use:   "prove ID|SEQ",
		Short: "Make a proof that the log holds one record, which is checked without the log",
		Long: `Make a proof that the log holds one record, which is checked without the log.

A record is named by its number or by the id of its flow, which the client saw in the refusal; of a flow, the
record of its outcome is proved. The proof is text: the record, its way to the hash of the newest checkpoint,
and that checkpoint with its signatures.`,
		Example: `  borderflow evidence prove 4711 --out record.proof
  borderflow evidence check-proof record.proof --key evidence-key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			_, directory, err := flags.open()
			if err != nil {
				return err
			}
			archive, err := evidence.OpenArchive(directory)
			if err != nil {
				return failed(err)
			}
			proof, err := proveNamed(archive, args[0])
			if errors.Is(err, evidence.ErrNoCheckpoint) {
				err = fmt.Errorf("%w: one comes within a second, while the proxy runs", err)
			}
			if err != nil {
				return failed(err)
			}
			return writeOut(command, out, proof.Marshal())
		},
	}
	flags.addLog(command)
	command.Flags().StringVar(&out, "out", "", "file to write the proof to (default: standard output)")
	return command
}

// proveNamed proves the record of a number, or the outcome of the flow with an id. An id may look
// like a number: then the number of a record comes first.
func proveNamed(archive *evidence.Archive, name string) (*evidence.Proof, error) {
	if seq, err := strconv.ParseUint(name, 10, 63); err == nil {
		proof, err := archive.Prove(seq)
		if !errors.Is(err, evidence.ErrNoRecord) {
			return proof, err
		}
		if proof, err := archive.ProveFlow(name); err == nil {
			return proof, nil
		}
		return nil, err
	}
	return archive.ProveFlow(name)
}

// proofAnswer is check-proof's answer; its field names are kept stable.
type proofAnswer struct {
	OK         bool            `json:"ok"`
	Origin     string          `json:"origin"`
	Size       uint64          `json:"size"`
	Root       string          `json:"root"`
	Seq        uint64          `json:"seq"`
	Signature  bool            `json:"signature"`  // the log's signature was checked
	Checkpoint bool            `json:"checkpoint"` // it is the checkpoint that was given
	Witnesses  []string        `json:"witnesses,omitempty"`
	Record     json.RawMessage `json:"record"`
}

func evidenceCheckProofCommand() *cobra.Command {
	var flags logFlags
	var trusted, output string
	command := &cobra.Command{
		Use:   "check-proof FILE",
		Short: "Check a proof of one record, offline and without the log",
		Long: `Check a proof of one record, offline and without the log.

What is trusted is the public key of the log (--key), or a checkpoint that was kept apart (--checkpoint), or
both. "-" reads the proof from standard input. The exit code is 1 when the proof does not hold.`,
		Example: `  borderflow evidence check-proof record.proof --key evidence-key.pub
  borderflow evidence check-proof record.proof --checkpoint kept-checkpoint`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			keys, err := flags.keys("")
			switch {
			case err != nil:
				return err
			case keys.Log == "" && trusted == "":
				return badInput(errors.New("check-proof: --key or --checkpoint says what is trusted"))
			case keys.Log == "" && len(keys.Witnesses) > 0:
				return badInput(errors.New("check-proof: --witness needs --key, as witnesses sign beside the log"))
			}
			encoded, err := readInput(args[0], command.InOrStdin(), maxProofFile)
			if err != nil {
				return badInput(fmt.Errorf("read the proof: %w", err))
			}
			proof, err := evidence.ParseProof(encoded)
			if err != nil {
				return badInput(fmt.Errorf("read the proof %s: %w", args[0], err))
			}
			answer, err := checkProof(proof, keys, trusted)
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(command.OutOrStdout(), answer)
			}
			return writeText(command.OutOrStdout(), answer.text())
		},
	}
	flags.addKeys(command, "")
	addOutput(command, &output)
	command.Flags().StringVar(&trusted, "checkpoint", "", "checkpoint that was kept apart, and that the proof must lead to")
	return command
}

func checkProof(proof *evidence.Proof, keys evidence.Keys, trusted string) (answer proofAnswer, err error) {
	var c checkpoint.Checkpoint
	if keys.Log != "" {
		if c, answer.Witnesses, err = proof.Verify(keys); err != nil {
			return answer, failed(err)
		}
		answer.Signature = true
	}
	if trusted != "" {
		if c, err = holdTo(proof, trusted); err != nil {
			return answer, err
		}
		answer.Checkpoint = true
	}
	answer.OK, answer.Origin, answer.Size, answer.Root = true, c.Origin, c.Size, c.Root.String()
	answer.Seq, answer.Record = proof.Index+1, proof.Record
	return answer, nil
}

// holdTo checks a proof against a checkpoint that is trusted for where it comes from, whoever signed it.
func holdTo(proof *evidence.Proof, trusted string) (c checkpoint.Checkpoint, err error) {
	kept, err := readInput(trusted, nil, checkpoint.MaxBytes)
	if err == nil {
		c, err = checkpoint.Unsigned(kept)
	}
	if err != nil {
		return c, badInput(fmt.Errorf("read the checkpoint %s: %w", trusted, err))
	}
	found, err := checkpoint.Unsigned(proof.Checkpoint)
	switch {
	case err != nil:
		return c, failed(fmt.Errorf("check the proof: %w", err))
	case found.Origin == c.Origin && found.Size != c.Size:
		return c, failed(fmt.Errorf("check the proof: it leads to the checkpoint of %d records, and %s is that of %d: ask for a proof of consistency between them (borderflow evidence consistency)",
			found.Size, trusted, c.Size))
	case found != c:
		return c, failed(fmt.Errorf("check the proof: it does not lead to the checkpoint %s", trusted))
	case proof.Index >= c.Size || c.Size > math.MaxInt64:
		return c, failed(fmt.Errorf("check the proof: record %d is behind the checkpoint of %d records", proof.Index+1, c.Size))
	}
	var numbered struct {
		Seq uint64 `json:"seq"`
	}
	if err := json.Unmarshal(proof.Record, &numbered); err != nil || numbered.Seq != proof.Index+1 {
		return c, failed(fmt.Errorf("check the proof: the record's number is not that of its place, %d", proof.Index+1))
	}
	if err := tlog.CheckRecord(proof.Hashes, int64(c.Size), c.Root, int64(proof.Index), tlog.RecordHash(proof.Record)); err != nil {
		return c, failed(fmt.Errorf("check the proof: the record is not the one that the checkpoint commits to: %w", err))
	}
	return c, nil
}

func (a proofAnswer) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log         %s\nrecord      %d of %d\nhash        %s\n", a.Origin, a.Seq, a.Size, a.Root)
	if a.Signature {
		b.WriteString("signature   of the log: good\n")
	}
	if a.Checkpoint {
		b.WriteString("checkpoint  the one that was kept apart\n")
	}
	for _, witness := range a.Witnesses {
		fmt.Fprintf(&b, "cosigned    by %s\n", witness)
	}
	fmt.Fprintf(&b, "The proof holds: this record is in the log.\n%s\n", printable(a.Record))
	return b.String()
}

// printable keeps what a terminal would obey out of a text from elsewhere.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, string(text))
}
