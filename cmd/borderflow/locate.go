package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"github.com/spf13/cobra"
)

// maxQueryLine is how long a line of standard input may be, in bytes; a host name has 253 at most.
const maxQueryLine = 4096

// locateFlags are locate's own settings.
type locateFlags struct {
	settings
	output           string
	resolve, explain bool
	databases        []string
}

func locateCommand() *cobra.Command {
	var flags locateFlags
	command := &cobra.Command{
		Use:   "locate HOST|ADDRESS...",
		Short: "Say under whose law hosts and addresses stand, and how that is known",
		Long: `Say under whose law hosts and addresses stand, and how that is known.

"-" reads one host or address a line from standard input. With --output json, one JSON object is
printed a line. Names are not resolved, and no connection is opened, unless --resolve is given: then
the resolver and the hosts table of the configuration are used, as the proxy would. --explain also says
which data were asked, how their answers were weighed, and what conditions of rules see.

What cannot be located is an answer too: the exit code is 0. It is 2 when something was no host or address
(the others are answered all the same), and 1 when a name could not be resolved.`,
		Example: `  borderflow locate s3.eu-central-1.amazonaws.com 9.9.9.9
  borderflow locate --config borderflow.yaml --resolve --explain api.example.com
  borderflow locate --databases new.mmdb --output json - < hosts.txt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args) },
	}
	addSettings(command, &flags.settings, "config")
	addOutput(command, &flags.output)
	command.Flags().BoolVar(&flags.resolve, "resolve", false, "resolve names first, and locate the address as well")
	command.Flags().BoolVar(&flags.explain, "explain", false, "say how the answer came about, step by step (text)")
	command.Flags().StringArrayVar(&flags.databases, "databases", nil, "address database (MMDB, or a table of data import) to ask in place of the configured ones; may be repeated")
	return command
}

func (flags locateFlags) run(command *cobra.Command, args []string) error {
	config, err := flags.load(os.Getenv)
	if err != nil {
		return err
	}
	if flags.explain && flags.output == "json" {
		return badInput(errors.New("--explain: JSON holds all of it already"))
	}
	if len(flags.databases) > 0 {
		config.Jurisdiction.Databases = flags.databases
	}
	l, err := newLocator(config, flags.resolve)
	if err != nil {
		return badInput(err)
	}
	defer l.close()
	l.out, l.notices = bufio.NewWriterSize(command.OutOrStdout(), 64<<10), command.ErrOrStderr()
	l.show = l.text
	switch {
	case flags.output == "json":
		l.show = func(e jurisdiction.Explanation) error { return writeJSON(l.out, e) }
	case flags.explain:
		l.show = l.reasoning
	}
	for _, query := range args {
		if query == "-" {
			err = l.locateLines(command.Context(), command.InOrStdin())
		} else {
			err = l.answer(command.Context(), query, "")
		}
		if err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	if l.code != 0 {
		return &exitError{code: l.code} // each problem has been said already
	}
	return nil
}

// locator answers locate's queries.
type locator struct {
	jurisdictions *jurisdiction.Resolver
	minimum       float64          // the least confidence with which a place is answered
	pinner        *upstream.Pinner // nil unless names are to be resolved
	out           *bufio.Writer
	notices       io.Writer
	show          func(jurisdiction.Explanation) error
	code          int // the exit code that the queries so far amount to
}

func newLocator(config proxy.Config, resolve bool) (*locator, error) {
	options := config.Jurisdiction.Options()
	jurisdictions, err := jurisdiction.New(options)
	if err != nil || !resolve {
		return &locator{jurisdictions: jurisdictions, minimum: options.MinimumConfidence}, err
	}
	resolverOptions := config.Resolver
	resolverOptions.Hosts = config.Hosts
	resolver, err := upstream.NewResolver(resolverOptions)
	if err != nil {
		return nil, err
	}
	guard, err := upstream.NewGuard(upstream.GuardOptions{Exempt: config.Destination.Exempt, Deny: config.Destination.Deny})
	if err != nil {
		return nil, err
	}
	return &locator{jurisdictions: jurisdictions, minimum: options.MinimumConfidence, pinner: &upstream.Pinner{Resolver: resolver, Guard: guard}}, nil
}

func (l *locator) close() {
	if l.pinner != nil {
		l.pinner.Resolver.Close()
	}
}

// locateLines answers one query a line. Whoever types them reads each answer at once; answers to a file
// are written in large pieces.
func (l *locator) locateLines(ctx context.Context, in io.Reader) error {
	lines := bufio.NewReaderSize(in, maxQueryLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		place := fmt.Sprintf("line %d: ", number)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			l.problem(2, fmt.Errorf("%sthe line is longer than %d bytes, expected one host or address", place, maxQueryLine))
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
		case err == nil || errors.Is(err, io.EOF):
			if query := strings.TrimSpace(string(line)); query != "" {
				if err := l.answer(ctx, query, place); err != nil {
					return err
				}
			}
		}
		if err == nil && lines.Buffered() == 0 {
			err = l.flush()
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return badInput(fmt.Errorf("read standard input: %w", err))
		case ctx.Err() != nil:
			return failed(fmt.Errorf("locate: %w", ctx.Err()))
		}
	}
}

// answer locates one query. A query that is at fault is named with its place and passed over.
func (l *locator) answer(ctx context.Context, query, place string) error {
	host, address, err := upstream.ParseHost(query)
	if err != nil {
		l.problem(2, fmt.Errorf("%s%w", place, err))
		return nil
	}
	if l.pinner != nil && !address.IsValid() {
		target, err := l.pinner.Resolve(ctx, upstream.Authority{Host: host, Port: 443})
		if err != nil {
			l.problem(1, fmt.Errorf("%s%w", place, err))
			return nil
		}
		return l.show(l.jurisdictions.ExplainVia(host, target.CNAMEs, target.Address.Addr()))
	}
	return l.show(l.jurisdictions.Explain(host, address))
}

func (l *locator) problem(code int, err error) {
	l.code = max(l.code, code)
	fmt.Fprintln(l.notices, err)
}

func (l *locator) text(e jurisdiction.Explanation) error {
	if err := e.WriteText(l.out); err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}

func (l *locator) flush() error {
	if err := l.out.Flush(); err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}
