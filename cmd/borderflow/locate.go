package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"github.com/spf13/cobra"
)

func locateCommand() *cobra.Command {
	var flags settings
	var output string
	var resolve bool
	command := &cobra.Command{
		Use:   "locate HOST|ADDRESS...",
		Short: "Say under whose law hosts and addresses stand, and how that is known",
		Long: `Say under whose law hosts and addresses stand, and how that is known.

"-" reads one host or address a line from standard input. With --output json, one JSON object is
printed a line. Names are not resolved, and no connection is opened, unless --resolve is given: then
the resolver and the hosts table of the configuration are used, as the proxy would.`,
		Example: `  borderflow locate s3.eu-central-1.amazonaws.com 9.9.9.9
  borderflow locate --config borderflow.yaml --resolve api.example.com --output json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			config, err := flags.load(os.Getenv)
			if err != nil {
				return err
			}
			l, err := newLocator(config, resolve)
			if err != nil {
				return badInput(err)
			}
			defer l.close()
			out := bufio.NewWriter(command.OutOrStdout())
			defer out.Flush()
			for _, query := range args {
				if query == "-" {
					err = l.locateLines(command, out, output)
				} else {
					err = l.locate(command.Context(), out, query, output)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	addSettings(command, &flags, "config")
	addOutput(command, &output)
	command.Flags().BoolVar(&resolve, "resolve", false, "resolve names first, and locate the address as well")
	return command
}

// locator answers locate's queries.
type locator struct {
	jurisdictions *jurisdiction.Resolver
	pinner        *upstream.Pinner // nil unless names are to be resolved
}

func newLocator(config proxy.Config, resolve bool) (*locator, error) {
	jurisdictions, err := jurisdiction.New(config.Jurisdiction.Options())
	if err != nil || !resolve {
		return &locator{jurisdictions: jurisdictions}, err
	}
	options := config.Resolver
	options.Hosts = config.Hosts
	resolver, err := upstream.NewResolver(options)
	if err != nil {
		return nil, err
	}
	guard, err := upstream.NewGuard(upstream.GuardOptions{Exempt: config.Destination.Exempt, Deny: config.Destination.Deny})
	if err != nil {
		return nil, err
	}
	return &locator{jurisdictions: jurisdictions, pinner: &upstream.Pinner{Resolver: resolver, Guard: guard}}, nil
}

func (l *locator) close() {
	if l.pinner != nil {
		l.pinner.Resolver.Close()
	}
}

// locateLines answers one query a line of standard input.
func (l *locator) locateLines(command *cobra.Command, out io.Writer, output string) error {
	lines := bufio.NewScanner(command.InOrStdin())
	for number := 1; lines.Scan(); number++ {
		query := strings.TrimSpace(lines.Text())
		if query == "" {
			continue
		}
		if err := l.locate(command.Context(), out, query, output); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return badInput(fmt.Errorf("read standard input: %w", err))
	}
	return nil
}

func (l *locator) locate(ctx context.Context, out io.Writer, query, output string) error {
	host, address, err := upstream.ParseHost(query)
	if err != nil {
		return badInput(err)
	}
	if l.pinner != nil && !address.IsValid() {
		target, err := l.pinner.Resolve(ctx, upstream.Authority{Host: host, Port: 443})
		if err != nil {
			return failed(err)
		}
		address = target.Address.Addr()
	}
	return l.write(out, host, address, output)
}

func (l *locator) write(out io.Writer, host string, address netip.Addr, output string) error {
	explanation := l.jurisdictions.Explain(host, address)
	if output == "json" {
		return writeJSON(out, explanation)
	}
	if err := explanation.WriteText(out); err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}
