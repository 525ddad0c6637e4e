package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/borderflow/borderflow/certs"
	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func runCommand() *cobra.Command {
	var flags settings
	var logLevel, logFormat string
	command := &cobra.Command{
		Use:   "run",
		Short: "Run the proxy",
		Long: `Run the proxy until it is told to stop.

Without flags it listens on 127.0.0.1:3128 with a built-in policy that observes and blocks nothing;
destinations with private, loopback and reserved addresses are refused all the same. The CA that
signs for intercepted hosts is created in the state directory on the first run.

SIGHUP reloads policies, certificates and databases; so does changing their files. SIGTERM and
SIGINT drain: no new flow is taken, open ones may end until drainDeadline. A second one ends at once.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			log, err := newLog(command.ErrOrStderr(), logLevel, logFormat)
			if err != nil {
				return badInput(err)
			}
			config, err := flags.load(os.Getenv)
			if err != nil {
				return err
			}
			return run(command.Context(), config, log, command.ErrOrStderr())
		},
	}
	addSettings(command, &flags, "config", "listen", "admin-listen", "policy", "state-dir", "source-country", "source-cloud", "source-region")
	command.Flags().StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	command.Flags().StringVar(&logFormat, "log-format", "text", "text or json")
	return command
}

// sameSignal is how long after a signal to stop another one is taken for the same: timeout(1), some
// supervisors and terminals send it to a process and to its group.
const sameSignal = 250 * time.Millisecond

// run serves until ctx ends or a part of the proxy cannot go on.
func run(ctx context.Context, config proxy.Config, log *zap.Logger, notices io.Writer) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP) // before New: until then it would end the process
	defer signal.Stop(reload)
	p, err := proxy.New(config, log, buildVersion())
	if err != nil {
		return startError(err)
	}
	fmt.Fprint(notices, welcome(p, config))
	impatient := make(chan os.Signal, 2)
	signal.Notify(impatient, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(impatient)

	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var asked time.Time // when it was first told to stop; zero: not yet
	for {
		select {
		case err := <-done:
			if err != nil {
				return failed(err)
			}
			return nil
		case <-reload:
			if err := p.Reload(ctx); err != nil {
				log.Error("reload; what was in force stays", zap.Error(err))
			}
		case <-impatient:
			if asked.IsZero() {
				asked = time.Now()
			} else if time.Since(asked) > sameSignal {
				return failed(fmt.Errorf("stopped before open flows had drained; their records may be missing"))
			}
		}
	}
}

// startError tells bad input from a machine that does not allow it.
func startError(err error) error {
	var problems document.Problems
	if errors.As(err, &problems) {
		return badInput(err)
	}
	return failed(err)
}

// welcome says what runs and how to try it.
func welcome(p *proxy.Proxy, config proxy.Config) string {
	var b strings.Builder
	ca := p.CAFile()
	address := p.Addresses()[0].String()
	scheme := "http"
	if config.Listen[0].TLS != nil {
		scheme = "https"
	}
	if p.CACreated() {
		fmt.Fprintf(&b, "A certificate authority was created in %s.\n%s\n", filepath.Dir(ca), certs.TrustInstructions(ca))
	}
	policy := "the built-in policy, which observes and blocks nothing (--policy DIR for your own)"
	if config.Policy.Dir != "" {
		policy = "the policies in " + config.Policy.Dir
	}
	fmt.Fprintf(&b, "borderflow %s listens on %s under %s.\n"+
		"Private, loopback and reserved addresses are refused unless destination.exempt permits them.\n"+
		"Try it:   curl -x %s://%s --cacert %s https://example.com/\n"+
		"Records:  tail -f %s/*.jsonl | jq\n"+
		"Health:   curl http://%s/readyz\n",
		buildVersion(), address, policy, scheme, address, ca,
		filepath.Join(config.StateDir, "evidence"), p.AdminAddress())
	return b.String()
}

// newLog builds the operational log.
func newLog(w io.Writer, level, format string) (*zap.Logger, error) {
	parsed, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("--log-level: found %q, expected debug, info, warn or error", level)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339TimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch format {
	case "text":
		encoder = zapcore.NewConsoleEncoder(encoding)
	case "json":
		encoder = zapcore.NewJSONEncoder(encoding)
	default:
		return nil, fmt.Errorf("--log-format: found %q, expected text or json", format)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), parsed)), nil
}
