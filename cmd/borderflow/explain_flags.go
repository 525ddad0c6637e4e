package main

import (
	"encoding"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/borderflow/borderflow/rules/ruletest"
	"github.com/spf13/cobra"
)

// flowFlags describe a flow on the command line.
type flowFlags struct {
	to, address, country, from, identity, origin   string
	method, path, protocol, undecodable, inspected string
	subjects                                       int
	headers, data, findings, declared, covers      []string
	unavailable, absent                            []string
}

var flowFlagNames = []string{"to", "address", "country", "from", "identity", "origin", "method", "path", "protocol", "header",
	"data", "finding", "subjects", "undecodable", "inspected", "declared", "covers", "unavailable", "absent"}

func (f *flowFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.to, "to", "", "destination, HOST or HOST:PORT")
	flags.StringVar(&f.address, "address", "", "the destination's address")
	flags.StringVar(&f.country, "country", "", "the destination's country, ISO 3166-1 alpha-2")
	flags.StringVar(&f.from, "from", "", "the caller's address")
	flags.StringVar(&f.identity, "identity", "", "the caller's authenticated name")
	flags.StringVar(&f.origin, "origin", "", "the country that the data leaves")
	flags.StringVar(&f.method, "method", "", "the request's method (default GET)")
	flags.StringVar(&f.path, "path", "", "the request's path (default /)")
	flags.StringVar(&f.protocol, "protocol", "", "http/1.1, h2, grpc, websocket or connect (default http/1.1)")
	flags.StringArrayVar(&f.headers, "header", nil, "a request header, NAME: VALUE; may be given several times")
	flags.StringSliceVar(&f.data, "data", nil, "categories of data in the payload, NAME or NAME=COUNT")
	flags.StringSliceVar(&f.findings, "finding", nil, "detectors that found something, NAME or NAME=COUNT")
	flags.IntVar(&f.subjects, "subjects", 0, "distinct people in the payload")
	flags.StringVar(&f.undecodable, "undecodable", "", "why a part of the payload could not be read")
	flags.StringVar(&f.inspected, "inspected", "", "how much of the payload could be read: none, partial or full")
	flags.StringSliceVar(&f.declared, "declared", nil, "labels that the application gives the data")
	flags.StringSliceVar(&f.covers, "covers", nil, "categories of data that these labels stand for")
	flags.StringSliceVar(&f.unavailable, "unavailable", nil, "facts that cannot be had: "+strings.Join(ruletest.Groups(), ", "))
	flags.StringSliceVar(&f.absent, "absent", nil, "facts that do not exist, likewise")
}

// stated returns the names of the flags that were given.
func (f *flowFlags) stated(command *cobra.Command) []string {
	var names []string
	for _, name := range flowFlagNames {
		if command.Flags().Changed(name) {
			names = append(names, name)
		}
	}
	return names
}

// describe returns the flow, or says which flag is wrong.
func (f *flowFlags) describe() (ruletest.Flow, error) {
	d := ruletest.Flow{}
	if f.to == "" {
		return d, badInput(fmt.Errorf("explain: --to HOST is required with flags that describe a flow"))
	}
	host, port, err := net.SplitHostPort(f.to)
	if err != nil {
		host, port = strings.Trim(f.to, "[]"), ""
	}
	if port != "" {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return d, badInput(fmt.Errorf("--to: found port %q, expected a number up to 65535", port))
		}
		d.Destination.Port = uint16(number)
	}
	for _, flag := range []struct {
		name, text string
		into       encoding.TextUnmarshaler
	}{
		{"to", host, &d.Destination.Host}, {"address", f.address, &d.Destination.Address}, {"country", f.country, &d.Destination.Country},
		{"from", f.from, &d.Source.Address}, {"origin", f.origin, &d.Source.Country}, {"protocol", f.protocol, &d.Request.Protocol},
		{"inspected", f.inspected, &d.Data.Inspected},
	} {
		if flag.text == "" {
			continue
		}
		if err := flag.into.UnmarshalText([]byte(flag.text)); err != nil {
			return d, badInput(fmt.Errorf("--%s: %w", flag.name, err))
		}
	}
	d.Source.Identity, d.Request.Method, d.Request.Path, d.Declared, d.Covers = f.identity, f.method, f.path, f.declared, f.covers
	d.Data.Subjects, d.Data.Undecodable = f.subjects, f.undecodable
	if err := f.lists(&d); err != nil {
		return d, badInput(err)
	}
	if problems := d.Check(); len(problems) > 0 {
		return d, badInput(problems)
	}
	return d, nil
}

// lists takes over the flags that can be given several times.
func (f *flowFlags) lists(d *ruletest.Flow) error {
	var err error
	if d.Data.Categories, err = counts("data", f.data); err != nil {
		return err
	}
	if d.Data.Findings, err = counts("finding", f.findings); err != nil {
		return err
	}
	d.Request.Headers = map[string]string{}
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, ":")
		if !ok {
			return fmt.Errorf("--header: expected NAME: VALUE")
		}
		d.Request.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	for _, groups := range []struct {
		name  string
		given []string
		into  *[]ruletest.Group
	}{{"unavailable", f.unavailable, &d.Unavailable}, {"absent", f.absent, &d.Absent}} {
		for _, text := range groups.given {
			var group ruletest.Group
			if err := group.UnmarshalText([]byte(text)); err != nil {
				return fmt.Errorf("--%s: %w", groups.name, err)
			}
			*groups.into = append(*groups.into, group)
		}
	}
	return nil
}

func counts(flag string, given []string) (map[string]int, error) {
	counted := map[string]int{}
	for _, text := range given {
		name, number, stated := strings.Cut(text, "=")
		count := 1
		if stated {
			var err error
			if count, err = strconv.Atoi(number); err != nil || count < 0 {
				return nil, fmt.Errorf("--%s: found %q, expected NAME or NAME=COUNT", flag, text)
			}
		}
		counted[name] = count
	}
	return counted, nil
}
