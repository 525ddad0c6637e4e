package delivery

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/convert"
	"github.com/borderflow/borderflow/rules/document"
)

// Sink is one place that records are copied to, as evidence.delivery in borderflow.yaml lists them.
type Sink struct {
	// Name is unique: letters, digits, "-" and "_". The cursor is kept by it.
	Name string `yaml:"name"`
	// Kind is otlp, syslog, file or stdout.
	Kind string `yaml:"kind"`
	// Endpoint is, for otlp, the URL that logs are posted to, e.g. https://collector.example:4318/v1/logs.
	Endpoint string `yaml:"endpoint"`
	// Address is, for syslog, host:port; the port for syslog over TLS is 6514.
	Address string `yaml:"address"`
	// Path is, for file, the file that is appended to. It is opened again when it was moved away.
	Path string `yaml:"path"`
	// MaxMegabytes is, for file, the size at which the file is moved to <path>.<UTC time> and begun anew.
	// Default 0: it is left to whoever rotates it.
	MaxMegabytes int `yaml:"maxMegabytes"`
	// TLS is how otlp and syslog know the server, and show who they are.
	TLS TLS `yaml:"tls"`
	// Plaintext sends records unencrypted: otlp to an http:// endpoint, syslog over TCP. Default false.
	Plaintext bool `yaml:"plaintext"`
	// Format is native (default), ocsf, ecs or cef, see package convert.
	Format string `yaml:"format"`
	// Required has new flows refused while this sink is further behind than MaxLag. Default false.
	Required bool `yaml:"required"`
	// MaxLag is how far a required sink may be behind.
	MaxLag MaxLag `yaml:"maxLag"`
	// HeadersFile holds, for otlp, header lines such as "Authorization: Bearer …". It is read for every
	// connection attempt, so that a token can be changed in place.
	HeadersFile string `yaml:"headersFile"`
	// Start is where a new sink begins: oldest (default), with all that the log has, or newest, with what
	// comes from now on.
	Start string `yaml:"start"`
}

// TLS names PEM files. They are read again for each connection.
type TLS struct {
	CA          string `yaml:"ca"`          // authorities that the server may be certified by; default the system's
	Certificate string `yaml:"certificate"` // of this client; default none
	Key         string `yaml:"key"`         // of Certificate
	ServerName  string `yaml:"serverName"`  // that the server's certificate must be for; default the host connected to
}

// MaxLag is a bound in records, in time, or both: whichever is passed first. The zero value is 60 s.
type MaxLag struct {
	Records uint64        `yaml:"records"` // not known to have arrived; 0: no bound
	Time    time.Duration `yaml:"time"`    // that the oldest of them has been waiting; 0: no bound
}

const defaultMaxLag = time.Minute

// Paths returns the fields that hold a path, for whoever decides what a relative one means.
func (s *Sink) Paths() []*string {
	return []*string{&s.Path, &s.HeadersFile, &s.TLS.CA, &s.TLS.Certificate, &s.TLS.Key}
}

// Problem is one mistake in the configuration of sinks.
type Problem struct {
	Field   string // from the list on, e.g. "[1].tls.key"
	Message string
	Hint    string // how to repair it, or ""
}

// Validate reports every mistake in sinks that can be seen without opening anything.
func Validate(sinks []Sink) []Problem {
	var all []Problem
	first := map[string]int{}
	for i, sink := range sinks {
		v := validation{prefix: "[" + strconv.Itoa(i) + "]"}
		v.sink(sink)
		if earlier, twice := first[sink.Name]; twice && sink.Name != "" {
			v.check("name", false, fmt.Sprintf("%q is given twice", sink.Name), fmt.Sprintf("first in entry %d", earlier+1))
		} else {
			first[sink.Name] = i
		}
		all = append(all, v.problems...)
	}
	return all
}

type validation struct {
	prefix   string
	problems []Problem
}

func (v *validation) check(field string, ok bool, message, hint string) {
	if !ok {
		v.problems = append(v.problems, Problem{v.prefix + "." + field, message, hint})
	}
}

func (v *validation) oneOf(field, value string, names []string) {
	hint := ""
	if nearest, ok := document.Nearest(value, names); ok {
		hint = fmt.Sprintf("did you mean %q?", nearest)
	}
	v.check(field, slices.Contains(names, value),
		fmt.Sprintf("found %q, expected %s", value, strings.Join(names, ", ")), hint)
}

var sinkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (v *validation) sink(s Sink) {
	v.check("name", sinkName.MatchString(s.Name), fmt.Sprintf("found %q, expected letters, digits, - and _", s.Name), "for example siem")
	v.oneOf("kind", s.Kind, []string{"otlp", "syslog", "file", "stdout"})
	if s.Format != "" {
		v.oneOf("format", s.Format, convert.Formats())
	}
	if s.Start != "" {
		v.oneOf("start", s.Start, []string{"oldest", "newest"})
	}
	v.check("maxLag.time", s.MaxLag.Time >= 0, fmt.Sprintf("found %v, expected more than 0", s.MaxLag.Time), "")
	v.check("maxLag", s.Required || s.MaxLag == MaxLag{}, "a bound is set, but the sink is not required", "set required: true, or leave maxLag out")
	v.check("maxMegabytes", s.MaxMegabytes >= 0, fmt.Sprintf("found %d, expected more than 0", s.MaxMegabytes), "")
	for _, only := range []struct {
		field string
		set   bool
		kinds []string
	}{
		{"endpoint", s.Endpoint != "", []string{"otlp"}},
		{"headersFile", s.HeadersFile != "", []string{"otlp"}},
		{"address", s.Address != "", []string{"syslog"}},
		{"path", s.Path != "", []string{"file"}},
		{"maxMegabytes", s.MaxMegabytes > 0, []string{"file"}},
		{"tls", s.TLS != TLS{}, []string{"otlp", "syslog"}},
		{"plaintext", s.Plaintext, []string{"otlp", "syslog"}},
	} {
		v.check(only.field, !only.set || slices.Contains(only.kinds, s.Kind),
			fmt.Sprintf("has no meaning for kind %q", s.Kind), "it belongs to "+strings.Join(only.kinds, " and "))
	}
	v.tls(s)
	switch s.Kind {
	case "otlp":
		v.endpoint(s)
	case "syslog":
		host, port, err := net.SplitHostPort(s.Address)
		_, portErr := strconv.ParseUint(port, 10, 16)
		v.check("address", err == nil && portErr == nil && host != "", fmt.Sprintf("found %q, expected host:port", s.Address), "for example siem.example:6514")
	case "file":
		v.check("path", s.Path != "", "no file is named", "")
	}
}

func (v *validation) tls(s Sink) {
	v.check("tls", (s.TLS.Certificate == "") == (s.TLS.Key == ""), "only one of certificate and key is named", "name both, or neither")
	v.check("tls", !s.Plaintext || s.TLS == TLS{}, "is set, but plaintext is true", "leave one of them out")
}

// endpoint refuses what would put a secret into the configuration, logs and errors.
func (v *validation) endpoint(s Sink) {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		v.check("endpoint", false, "expected an https:// URL", "for example https://collector.example:4318/v1/logs")
		return
	}
	v.check("endpoint", u.User == nil && u.RawQuery == "" && u.Fragment == "", "holds credentials, a query or a fragment", "put secrets into headersFile")
	v.check("endpoint", (u.Scheme == "http") == s.Plaintext, fmt.Sprintf("found %s:// with plaintext: %t", u.Scheme, s.Plaintext),
		"https:// encrypts; http:// needs plaintext: true")
}

// bounds returns how far the sink may be behind.
func (s Sink) bounds() MaxLag {
	if s.MaxLag == (MaxLag{}) {
		return MaxLag{Time: defaultMaxLag}
	}
	return s.MaxLag
}
