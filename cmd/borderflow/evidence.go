package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/spf13/cobra"
)

func evidenceCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "evidence",
		Short: "Verify, prove, search and hand out the records of flows",
		Long: `Verify, prove, search and hand out the records of flows.

The log is the directory "evidence" of the state directory, unless --records names another. None of these
commands but "keep", "cosign" and "shred" changes anything, and all of them may run while the proxy does.`,
		Args: noSuchCommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(evidenceVerifyCommand(), evidenceReportCommand(), evidenceProveCommand(), evidenceCheckProofCommand(),
		evidenceConsistencyCommand(), evidenceCheckpointCommand(), evidenceCosignCommand(),
		evidenceShredCommand(), evidencePseudonymCommand(), evidenceQueryCommand(),
		evidenceKeepCommand(), evidenceExportCommand())
	return command
}

// logFlags say which log a command is about, and whose signatures count.
type logFlags struct {
	settings
	records, key string
	witnesses    []string
}

func (f *logFlags) addLog(command *cobra.Command) {
	addSettings(command, &f.settings, "config", "state-dir")
	command.Flags().StringVar(&f.records, "records", "", "directory of the log (default: evidence in the state directory)")
	_ = command.MarkFlagDirname("records")
}

func (f *logFlags) addKeys(command *cobra.Command, ofLog string) {
	command.Flags().StringVar(&f.key, "key", "", "public key of the log, or a file with it"+ofLog)
	command.Flags().StringArrayVar(&f.witnesses, "witness", nil, "public key of a witness whose cosignatures count, or a file with it; may be repeated")
}

// besideLog is the default of --key where there is a log.
const besideLog = " (default: the file beside the log)"

// open returns the configuration and the directory of the log.
func (f *logFlags) open() (config proxy.Config, directory string, err error) {
	config, err = f.load(os.Getenv)
	if err != nil {
		return config, "", err
	}
	if directory = f.records; directory == "" {
		directory = filepath.Join(config.StateDir, "evidence")
	}
	info, err := os.Stat(directory)
	switch {
	case err != nil:
		return config, "", badInput(fmt.Errorf("read the log: %w", err))
	case !info.IsDir():
		return config, "", badInput(fmt.Errorf("read the log: %s is not a directory", directory))
	}
	return config, filepath.Clean(directory), nil
}

// archive opens the log for reading, with the keys that its signatures are checked with.
func (f *logFlags) archive() (directory string, archive *evidence.Archive, keys evidence.Keys, err error) {
	if _, directory, err = f.open(); err != nil {
		return "", nil, keys, err
	}
	if keys, err = f.keys(directory); err != nil {
		return "", nil, keys, err
	}
	if archive, err = evidence.OpenArchive(directory); err != nil {
		return "", nil, keys, failed(err)
	}
	return directory, archive, keys, nil
}

// keys reads the public keys. Without a directory, the key of the log may be missing.
func (f *logFlags) keys(directory string) (keys evidence.Keys, err error) {
	path := f.key
	if path == "" && directory != "" {
		path = directory + "-key" + checkpoint.PublicSuffix
	}
	if path != "" {
		if keys.Log, err = publicKey(path); err != nil {
			return keys, badInput(fmt.Errorf("read the public key of the log: %w", err))
		}
	}
	for _, witness := range f.witnesses {
		text, err := publicKey(witness)
		if err != nil {
			return keys, badInput(fmt.Errorf("read the public key of a witness: %w", err))
		}
		if _, err := checkpoint.NewWitness(text); err != nil {
			return keys, badInput(err)
		}
		keys.Witnesses = append(keys.Witnesses, text)
	}
	return keys, nil
}

// publicKey returns a key that was given as it is, "<name>+<id>+<base64>", or as the name of a file.
func publicKey(argument string) (string, error) {
	content, err := readInput(argument, nil, checkpoint.MaxBytes)
	switch {
	case err == nil:
		return strings.TrimSpace(string(content)), nil
	case errors.Is(err, os.ErrNotExist) && strings.Count(argument, "+") >= 2:
		return argument, nil
	}
	return "", err
}

// writeOut writes what a command made to a file, which it replaces, or to standard output.
func writeOut(command *cobra.Command, path string, content []byte) error {
	if path == "" {
		return writeText(command.OutOrStdout(), string(content))
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}
