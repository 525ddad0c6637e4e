package main

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
	"github.com/spf13/cobra"
)

func evidenceConsistencyCommand() *cobra.Command {
	var flags logFlags
	var out, kept string
	command := &cobra.Command{
		Use:   "consistency OLD [NEW]",
		Short: "Show that the log of one checkpoint begins with all records of an older one",
		Long: `Show that the log of one checkpoint begins with all records of an older one.

OLD and NEW are files of signed checkpoints; NEW is the newest of the log unless it is given. The proof is
made from the log and checked, and kept with --out; a proof that was kept is checked without the log
(--proof, then NEW may be left out, as the proof holds it). The exit code is 1 when the log does not begin so.`,
		Example: `  borderflow evidence consistency checkpoint-of-january checkpoint-of-june --out way.proof
  borderflow evidence consistency checkpoint-of-january --proof way.proof --key evidence-key.pub`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			signed, err := readCheckpoints(args)
			if err != nil {
				return err
			}
			var proof *evidence.ConsistencyProof
			var keys evidence.Keys
			if kept != "" {
				proof, keys, err = flags.readConsistency(kept, signed)
			} else {
				proof, keys, err = flags.makeConsistency(signed)
			}
			if err != nil {
				return err
			}
			if err := proof.Verify(signed[0], keys); err != nil {
				return failed(err)
			}
			if out != "" {
				if err := writeOut(command, out, proof.Marshal()); err != nil {
					return err
				}
			}
			after, _, err := keys.Open(proof.Checkpoint)
			if err != nil {
				return failed(err)
			}
			return writeText(command.OutOrStdout(), fmt.Sprintf("%s: the log of %d records begins with that of %d.\n", after.Origin, after.Size, proof.Old))
		},
	}
	flags.addLog(command)
	flags.addKeys(command, besideLog)
	command.Flags().StringVar(&out, "out", "", "file to write the proof to")
	command.Flags().StringVar(&kept, "proof", "", "proof that was kept, to check in the place of the log")
	return command
}

func readCheckpoints(paths []string) ([][]byte, error) {
	var signed [][]byte
	for _, path := range paths {
		content, err := readInput(path, nil, checkpoint.MaxBytes)
		if err == nil {
			_, err = checkpoint.Unsigned(content)
		}
		if err != nil {
			return nil, badInput(fmt.Errorf("read the checkpoint %s: %w", path, err))
		}
		signed = append(signed, content)
	}
	return signed, nil
}

// readConsistency reads a proof that was kept, and holds it to the newer checkpoint where one is given.
func (f *logFlags) readConsistency(path string, signed [][]byte) (*evidence.ConsistencyProof, evidence.Keys, error) {
	directory := ""
	if f.key == "" {
		var err error
		if _, directory, err = f.open(); err != nil {
			return nil, evidence.Keys{}, err
		}
	}
	keys, err := f.keys(directory)
	if err != nil {
		return nil, keys, err
	}
	encoded, err := readInput(path, nil, maxProofFile)
	if err != nil {
		return nil, keys, badInput(fmt.Errorf("read the proof: %w", err))
	}
	proof, err := evidence.ParseConsistencyProof(encoded)
	if err != nil {
		return nil, keys, badInput(fmt.Errorf("read the proof %s: %w", path, err))
	}
	if len(signed) > 1 {
		wanted, _ := checkpoint.Unsigned(signed[1])
		if found, err := checkpoint.Unsigned(proof.Checkpoint); err != nil || found != wanted {
			return nil, keys, failed(errors.New("check the proof: it leads to another checkpoint than the newer one"))
		}
	}
	return proof, keys, nil
}

// makeConsistency makes the proof from the log.
func (f *logFlags) makeConsistency(signed [][]byte) (*evidence.ConsistencyProof, evidence.Keys, error) {
	directory, archive, keys, err := f.archive()
	if err != nil {
		return nil, keys, err
	}
	old, _, err := keys.Open(signed[0])
	if err != nil {
		return nil, keys, failed(fmt.Errorf("the older checkpoint: %w", err))
	}
	if len(signed) == 1 {
		proof, err := archive.ProveConsistency(old.Size)
		if err != nil {
			return nil, keys, failed(err)
		}
		return proof, keys, nil
	}
	proof, err := proveBetween(directory, archive, keys, old.Size, signed[1])
	if err != nil {
		return nil, keys, failed(fmt.Errorf("prove consistency: %w", err))
	}
	return proof, keys, nil
}

// proveBetween makes the proof between two sizes that are both behind the log's own.
func proveBetween(directory string, archive *evidence.Archive, keys evidence.Keys, old uint64, signed []byte) (*evidence.ConsistencyProof, error) {
	newest, _, err := keys.Open(archive.Checkpoint())
	if err != nil {
		return nil, fmt.Errorf("the log's own checkpoint: %w", err)
	}
	after, _, err := keys.Open(signed)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the newer checkpoint: %w", err)
	case old > after.Size:
		return nil, fmt.Errorf("the older checkpoint is of %d records, the newer of %d", old, after.Size)
	case after.Size > newest.Size:
		return nil, fmt.Errorf("the newer checkpoint is of %d records, and the log has %d: it was set back, or is another", after.Size, newest.Size)
	}
	proof := &evidence.ConsistencyProof{Old: old, Checkpoint: signed}
	if old == 0 {
		return proof, nil
	}
	hashes, err := merkle.Directory(directory).Hashes(newest.Size, newest.Root)
	if err != nil {
		return nil, err
	}
	if proof.Hashes, err = tlog.ProveTree(int64(after.Size), int64(old), hashes); err != nil {
		return nil, fmt.Errorf("read the tiles: %w", err)
	}
	return proof, nil
}
