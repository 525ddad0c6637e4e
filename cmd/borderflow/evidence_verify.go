package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/spf13/cobra"
)

// verifyFlags are verify's own settings.
type verifyFlags struct {
	logFlags
	kept   []string
	strict bool
	output string
}

// verifyAnswer is verify's answer; its field names are kept stable.
type verifyAnswer struct {
	OK        bool   `json:"ok"`
	Directory string `json:"directory"`
	*evidence.Report
	KeptApart int              `json:"kept_apart"` // checkpoints that were kept apart and compared with
	Removed   uint64           `json:"removed"`    // records past their retention
	Removals  []keep.Removal   `json:"removals,omitempty"`
	Mended    []mendedByTheLog `json:"mended,omitempty"`
	Seconds   float64          `json:"seconds"`
}

// mendedByTheLog is what a record of kind "recovery" says.
type mendedByTheLog struct {
	Seq      uint64    `json:"seq"`
	Time     time.Time `json:"time"`
	Segment  string    `json:"segment"`
	Reason   string    `json:"reason"`
	CutBytes int64     `json:"cut_bytes,omitempty"`
}

func evidenceVerifyCommand() *cobra.Command {
	var flags verifyFlags
	command := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Say whether the log is whole, and if not, which record is wrong and what happened to it",
		Long: `Say whether the log is whole, and if not, which record is wrong and what happened to it.

Each record is compared with what the newest signed checkpoint commits to: records that were changed, taken
out, put elsewhere or cut off at the end are named by number, file and line. A log that was set back to an
older state, or written anew by somebody who has its key, can be found out only by what was kept apart from
it: a checkpoint (--checkpoint, or evidence.checkpointCopy of the configuration) or a witness (--witness).

The exit code is 1 when something is wrong.`,
		Example: `  borderflow evidence verify
  borderflow evidence verify /mnt/backup/evidence --key evidence-key.pub --checkpoint /mnt/other/checkpoint`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) > 0 {
				if flags.records != "" {
					return badInput(errors.New("verify: DIR and --records both name the log"))
				}
				flags.records = args[0]
			}
			return flags.run(command)
		},
	}
	flags.addLog(command)
	flags.addKeys(command, besideLog)
	addOutput(command, &flags.output)
	command.Flags().StringArrayVar(&flags.kept, "checkpoint", nil, "checkpoint that was kept apart from the log; may be repeated")
	command.Flags().BoolVar(&flags.strict, "strict", false, "also read each record as a whole, which takes some ten times as long")
	return command
}

func (flags verifyFlags) run(command *cobra.Command) error {
	config, directory, err := flags.open()
	if err != nil {
		return err
	}
	keys, err := flags.keys(directory)
	if err != nil {
		return err
	}
	if own := config.Evidence.CheckpointCopy; own != "" && flags.records == "" && len(flags.kept) == 0 {
		flags.kept = []string{own}
	}
	for _, kept := range flags.kept {
		if _, err := os.Stat(kept); err != nil {
			return badInput(fmt.Errorf("read a checkpoint that was kept apart: %w", err))
		}
	}
	started := time.Now()
	report, err := watched(command, directory, func(ctx context.Context) (*evidence.Report, error) {
		return evidence.Verify(ctx, directory, evidence.VerifyOptions{Keys: keys, Kept: flags.kept, Strict: flags.strict})
	})
	if err != nil {
		return failed(err)
	}
	answer := verifyAnswer{Directory: directory, Report: report, KeptApart: len(flags.kept)}
	answer.Removals, answer.Removed = keep.Account(directory, keys.Log, report)
	answer.OK, answer.Seconds = report.OK(), time.Since(started).Seconds()
	for _, r := range report.Recoveries {
		answer.Mended = append(answer.Mended, mendedByTheLog{r.Seq, r.Time, r.Recovery.Segment, r.Recovery.Reason, r.Recovery.CutBytes})
	}
	if flags.output == "json" {
		err = writeJSON(command.OutOrStdout(), answer)
	} else {
		err = writeText(command.OutOrStdout(), answer.text())
	}
	if err == nil && !answer.OK {
		return failed(nil)
	}
	return err
}

// watched runs work and, where somebody is looking, shows that it goes on.
func watched[T any](command *cobra.Command, directory string, work func(context.Context) (T, error)) (result T, err error) {
	ctx, cancel := context.WithCancel(command.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, err = work(ctx)
	}()
	showProgress(command.ErrOrStderr(), directory, done)
	return result, err
}

// showProgress returns when done is closed.
func showProgress(notices io.Writer, directory string, done <-chan struct{}) {
	started, shown := time.Now(), false
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			if shown && isTerminal(notices) {
				fmt.Fprintln(notices)
			}
			return
		case <-tick.C:
		}
		switch seconds := time.Since(started).Round(time.Second); {
		case isTerminal(notices):
			fmt.Fprintf(notices, "\rreading %s of records: %s", megabytes(sizeOfRecords(directory)), seconds)
		case !shown:
			fmt.Fprintf(notices, "reading %s of records\n", megabytes(sizeOfRecords(directory)))
		}
		shown = true
	}
}

func sizeOfRecords(directory string) (size int64) {
	files, _ := filepath.Glob(filepath.Join(directory, "flows-*.jsonl*"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	return size
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", (bytes+999_999)/1_000_000) }

func (a verifyAnswer) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log         %s\n", a.Origin)
	fmt.Fprintf(&b, "records     %d", a.Records)
	if a.Records > 0 {
		fmt.Fprintf(&b, ", %d to %d, in %s", a.First, a.Last, counted(a.Segments, "segment"))
	}
	fmt.Fprintf(&b, "\ncheckpoint  %d records, hash %s\n", a.Size, a.Root)
	if a.Behind > 0 {
		fmt.Fprintf(&b, "behind it   %d records that no checkpoint commits to yet\n", a.Behind)
	}
	if a.Removed > 0 {
		fmt.Fprintf(&b, "removed     %d records past retention, in %s\n", a.Removed, counted(len(a.Removals), "segment"))
	}
	if a.KeptApart > 0 {
		fmt.Fprintf(&b, "kept apart  compared with %s\n", counted(a.KeptApart, "checkpoint"))
	}
	for _, c := range a.Cosigned {
		fmt.Fprintf(&b, "cosigned    by %s at %d records\n", c.Witness, c.Size)
	}
	for _, m := range a.Mended {
		fmt.Fprintf(&b, "mended      %s: %s (record %d, %s)\n", m.Segment, m.Reason, m.Seq, m.Time.Format(time.RFC3339))
	}
	if a.OK {
		b.WriteString("The log is whole.\n")
		if a.KeptApart == 0 && len(a.Cosigned) == 0 {
			b.WriteString("No checkpoint was kept apart: whether the log was set back as a whole cannot be told.\n")
		}
		return b.String()
	}
	for _, finding := range a.Findings {
		fmt.Fprintf(&b, "  %s\n", finding)
	}
	if a.More > 0 {
		fmt.Fprintf(&b, "  and %d more\n", a.More)
	}
	fmt.Fprintf(&b, "The log is broken: %s.\n", counted(len(a.Findings)+a.More, "finding"))
	return b.String()
}
