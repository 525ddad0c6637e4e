package proxy

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/delivery"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Paths returns the fields that hold a path, for whoever decides what a relative one means.
func (c *Config) Paths() []*string {
	paths := []*string{&c.StateDir, &c.Policy.Dir, &c.Certificates.Certificate, &c.Certificates.Key, &c.Admin.ReloadTokenFile,
		&c.Evidence.CheckpointCopy, &c.Evidence.Retention.Holds}
	for i := range c.Listen {
		if t := c.Listen[i].TLS; t != nil {
			paths = append(paths, &t.Certificate, &t.Key, &t.ClientCA)
		}
	}
	for i := range c.Jurisdiction.Databases {
		paths = append(paths, &c.Jurisdiction.Databases[i])
	}
	for i := range c.Upstream.Trust {
		paths = append(paths, &c.Upstream.Trust[i])
	}
	for i := range c.Evidence.Delivery {
		paths = append(paths, c.Evidence.Delivery[i].Paths()...)
	}
	return paths
}

// Options returns what package jurisdiction is built from.
func (c JurisdictionConfig) Options() jurisdiction.Options {
	return jurisdiction.Options{Catalogue: c.Catalogue, Databases: c.Databases,
		MinimumConfidence: c.MinimumConfidence, MaxAge: c.MaxAge, DisableEmbedded: c.DisableEmbedded}
}

// Validate reports every mistake in the configuration that can be seen without opening anything.
// positions are those of the file it came from, nil when there was none.
func (c Config) Validate(positions *document.Positions) document.Problems {
	v := validation{positions: positions}
	v.listeners(c)
	v.address("admin.listen", c.Admin.Listen)
	v.check("stateDir", c.StateDir != "", "no directory is named", "leave the field out for .borderflow")
	v.check("certificates", (c.Certificates.Certificate == "") == (c.Certificates.Key == ""),
		"only one of certificate and key is named", "name both, or neither for a CA of borderflow's own")
	v.check("policy.onBrokenStart", c.Policy.OnBrokenStart == "refuse" || c.Policy.OnBrokenStart == "lastGood",
		fmt.Sprintf("found %q, expected refuse or lastGood", c.Policy.OnBrokenStart), "")
	v.source(c.Source)
	v.catalogue(c.Jurisdiction.Catalogue)
	v.check("jurisdiction.minimumConfidence", c.Jurisdiction.MinimumConfidence > 0 && c.Jurisdiction.MinimumConfidence <= 1,
		fmt.Sprintf("found %v, expected a number above 0 and up to 1", c.Jurisdiction.MinimumConfidence), "")
	v.joined("hosts", c.Hosts.Validate())
	v.joined("destination", upstream.GuardOptions{Exempt: c.Destination.Exempt, Deny: c.Destination.Deny}.Validate())
	v.resolver(c)
	v.check("evidence.onFailure", c.Evidence.OnFailure == "block" || c.Evidence.OnFailure == "allow",
		fmt.Sprintf("found %q, expected block or allow", c.Evidence.OnFailure), "")
	v.check("evidence.durability", slices.Contains([]string{"strict", "batched", "relaxed"}, c.Evidence.Durability),
		fmt.Sprintf("found %q, expected strict, batched or relaxed", c.Evidence.Durability), "")
	v.check("evidence.identifiers", c.Evidence.Identifiers == "hashed" || c.Evidence.Identifiers == "clear",
		fmt.Sprintf("found %q, expected hashed or clear", c.Evidence.Identifiers), "")
	for _, problem := range delivery.Validate(c.Evidence.Delivery) {
		v.check("evidence.delivery"+problem.Field, false, problem.Message, problem.Hint)
	}
	v.retention(c.Evidence.Retention)
	v.check("blockedBy", c.BlockedBy == "" || isHTTPURL(c.BlockedBy),
		fmt.Sprintf("found %q, expected an http:// or https:// URL", c.BlockedBy), "")
	v.labels(c.Labels)
	v.limits(c)
	return v.problems.Sort()
}

// validation gathers problems.
type validation struct {
	positions *document.Positions
	problems  document.Problems
}

func (v *validation) check(path string, ok bool, message, hint string) {
	if !ok {
		v.report(path, path+": "+message, hint)
	}
}

// report says message of what stands at path.
func (v *validation) report(path, message, hint string) {
	if v.positions == nil {
		v.problems = append(v.problems, document.Problem{File: "configuration", Message: message, Hint: hint})
		return
	}
	v.problems = append(v.problems, v.positions.Problem(path, message, hint))
}

// joined reports each of several joined errors at path.
func (v *validation) joined(path string, err error) {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, each := range several.Unwrap() {
			v.joined(path, each)
		}
		return
	}
	if err != nil {
		message := strings.TrimPrefix(err.Error(), path+": ")
		v.report(path+within(message), path+": "+message, "")
	}
}

// named are the places that package upstream's messages begin with: the key of a table in quotes, or
// an entry of a list, its name in quotes, and a field of it.
var named = regexp.MustCompile(`^(?:("(?:[^"\\]|\\.)*")|([a-zA-Z]+(?:\[\d+\])?)(?: "(?:[^"\\]|\\.)*")?(\.[a-zA-Z]+(?:\[\d+\])?)?)[: ]`)

// within returns the rest of the path to what message is about, "" when it does not say.
func within(message string) string {
	found := named.FindStringSubmatch(message)
	switch {
	case found == nil:
		return ""
	case found[1] != "" && strings.ContainsAny(found[1][1:len(found[1])-1], `.[]"`):
		return "[" + found[1] + "]"
	case found[1] != "":
		return "." + strings.Trim(found[1], `"`)
	}
	return "." + found[2] + found[3]
}

func (v *validation) listeners(c Config) {
	v.check("listen", len(c.Listen) > 0, "no address is named", "name one such as 127.0.0.1:3128")
	for i, l := range c.Listen {
		path := "listen[" + strconv.Itoa(i) + "]"
		v.address(path+".address", l.Address)
		if t := l.TLS; t != nil {
			v.check(path+".tls", t.Certificate != "" && t.Key != "", "certificate and key are both needed", "")
			v.check(path+".tls.requireClientCertificate", !t.RequireClientCertificate || t.ClientCA != "",
				"client certificates are asked for, but no authority for them is named", "name a file in clientCA")
		}
	}
}

// address checks a host:port to listen on. A name is refused, as it would have to be resolved.
func (v *validation) address(path, address string) {
	host, port, err := net.SplitHostPort(address)
	_, portErr := strconv.ParseUint(port, 10, 16)
	ok := err == nil && portErr == nil && (host == "" || host == "localhost" || net.ParseIP(strings.SplitN(host, "%", 2)[0]) != nil)
	v.check(path, ok, fmt.Sprintf("found %q, expected address:port", address), "for example 127.0.0.1:3128, or :3128 for every interface")
}

func (v *validation) country(path, code string) {
	v.check(path, code == "" || jurisdiction.ValidCountry(code), fmt.Sprintf("found %q, expected a country code", code),
		"ISO 3166-1 alpha-2 in upper case, for example DE")
}

func (v *validation) catalogue(entries []jurisdiction.Entry) {
	seen := map[string]int{}
	for i, entry := range entries {
		path := "jurisdiction.catalogue[" + strconv.Itoa(i) + "]"
		for _, problem := range entry.Validate() {
			field, message, found := strings.Cut(problem, ": ")
			if !found {
				field, message = "match", problem
			}
			v.check(path+"."+field, false, message, "")
		}
		if first, twice := seen[entry.Match]; twice {
			v.check(path+".match", false, fmt.Sprintf("%q is given twice", entry.Match), fmt.Sprintf("first in entry %d", first+1))
			continue
		}
		seen[entry.Match] = i
	}
}

func (v *validation) resolver(c Config) {
	options := c.Resolver
	options.Hosts = nil // checked on its own
	resolver, err := upstream.NewResolver(options)
	if err != nil {
		v.joined("resolver", err)
		return
	}
	resolver.Close()
}

func (v *validation) limits(c Config) {
	for path, value := range map[string]int64{
		"limits.connections": int64(c.Limits.Connections), "limits.headerSize": c.Limits.HeaderSize.Bytes(),
		"limits.streams": int64(c.Limits.Streams), "inspect.holdUntilDecided": c.Inspect.HoldUntilDecided.Bytes(),
		"inspect.spool.body": c.Inspect.Spool.Body.Bytes(), "inspect.spool.total": c.Inspect.Spool.Total.Bytes(),
		"inspect.memory": c.Inspect.Memory.Bytes(), "inspect.maxDecoded": c.Inspect.MaxDecoded.Bytes(),
		"evidence.segmentSize": c.Evidence.SegmentSize.Bytes(),
	} {
		v.check(path, value > 0, fmt.Sprintf("found %d, expected more than 0", value), "leave the field out for its default")
	}
	durations := map[string]time.Duration{
		"limits.headerTimeout": c.Limits.HeaderTimeout, "limits.handshakeTimeout": c.Limits.HandshakeTimeout,
		"limits.idleTimeout": c.Limits.IdleTimeout, "limits.bodyIdle": c.Limits.BodyIdle,
		"limits.writeStall": c.Limits.WriteStall, "limits.tunnelIdle": c.Limits.TunnelIdle,
		"inspect.timeout": c.Inspect.Timeout, "jurisdiction.maxAge": c.Jurisdiction.MaxAge, "drainDeadline": c.DrainDeadline,
		"upstream.connectTimeout": c.Upstream.ConnectTimeout, "upstream.handshakeTimeout": c.Upstream.HandshakeTimeout,
		"upstream.headerTimeout": c.Upstream.HeaderTimeout, "upstream.idleTimeout": c.Upstream.IdleTimeout,
	}
	for path, value := range durations {
		v.check(path, value > 0, fmt.Sprintf("found %v, expected more than 0", value), "leave the field out for its default")
	}
	v.check("inspect.holdUntilDecided", c.Inspect.HoldUntilDecided <= c.Inspect.Memory, "is larger than inspect.memory", "raise inspect.memory")
	v.check("inspect.holdUntilDecided", c.Inspect.HoldUntilDecided <= 1<<30, "is larger than 1GiB", "larger bodies are the policies' onLargeBody")
	v.check("inspect.spool.body", c.Inspect.Spool.Body <= c.Inspect.Spool.Total, "is larger than inspect.spool.total", "raise inspect.spool.total")
}

func isHTTPURL(s string) bool {
	return !slices.Contains([]byte(s), '>') && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://"))
}
