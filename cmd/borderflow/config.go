package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/spf13/cobra"
)

// settings are the flags that name or override parts of the configuration. Each has an environment
// variable; a flag wins over it, and it wins over the file.
type settings struct {
	config, listen, adminListen, policy, stateDir string
	sourceCountry, sourceCloud, sourceRegion      string
}

// flagSetting is one such flag.
type flagSetting struct {
	name, variable, usage string
	value                 func(*settings) *string
	apply                 func(*proxy.Config, string)
}

var flagSettings = []flagSetting{
	{"config", "BORDERFLOW_CONFIG", "configuration file (default: built-in defaults)",
		func(s *settings) *string { return &s.config }, nil},
	{"listen", "BORDERFLOW_LISTEN", "address that clients connect to (default 127.0.0.1:3128)",
		func(s *settings) *string { return &s.listen },
		func(c *proxy.Config, v string) { c.Listen = []proxy.ListenerConfig{{Address: v}} }},
	{"admin-listen", "BORDERFLOW_ADMIN_LISTEN", "address for health, metrics and the CA (default 127.0.0.1:9128)",
		func(s *settings) *string { return &s.adminListen },
		func(c *proxy.Config, v string) { c.Admin.Listen = v }},
	{"policy", "BORDERFLOW_POLICY", "directory of policy files (default: a built-in policy that blocks nothing)",
		func(s *settings) *string { return &s.policy },
		func(c *proxy.Config, v string) { c.Policy.Dir = v }},
	{"state-dir", "BORDERFLOW_STATE_DIR", "directory for the CA and the records (default .borderflow)",
		func(s *settings) *string { return &s.stateDir },
		func(c *proxy.Config, v string) { c.StateDir = v }},
	{"source-country", "BORDERFLOW_SOURCE_COUNTRY", "country that the data leaves, ISO 3166-1 alpha-2 (default: unknown)",
		func(s *settings) *string { return &s.sourceCountry },
		func(c *proxy.Config, v string) { c.Source.Country, c.Source.Region = v, "" }},
	{"source-cloud", "BORDERFLOW_SOURCE_CLOUD", "cloud provider that the data leaves, e.g. aws; --source-region names its region",
		func(s *settings) *string { return &s.sourceCloud },
		func(c *proxy.Config, v string) { c.Source.Cloud = v }},
	{"source-region", "BORDERFLOW_SOURCE_REGION", "region that the data leaves, as its provider calls it, e.g. eu-central-1",
		func(s *settings) *string { return &s.sourceRegion },
		func(c *proxy.Config, v string) { c.Source.Region, c.Source.Country = v, "" }},
}

// addSettings gives command the named flags.
func addSettings(command *cobra.Command, s *settings, names ...string) {
	for _, flag := range flagSettings {
		for _, name := range names {
			if flag.name == name {
				command.Flags().StringVar(flag.value(s), name, "", flag.usage+" [$"+flag.variable+"]")
			}
		}
	}
}

// load reads the configuration that s, the environment and the file amount to. Problems are of the
// file, or of what was put in its place by a flag.
func (s settings) load(environment func(string) string) (proxy.Config, error) {
	config := proxy.Defaults()
	for _, flag := range flagSettings {
		if value := flag.value(&s); *value == "" {
			*value = environment(flag.variable)
		}
	}
	var positions *document.Positions
	var problems document.Problems
	if s.config != "" {
		data, err := os.ReadFile(s.config)
		if err != nil {
			return config, badInput(fmt.Errorf("read the configuration: %w", err))
		}
		positions, problems = document.DecodeWithPositions(s.config, data, &config)
		resolveRelative(&config, positions, filepath.Dir(s.config))
	}
	for _, flag := range flagSettings {
		if value := *flag.value(&s); value != "" && flag.apply != nil {
			flag.apply(&config, value)
		}
	}
	if problems = alsoInvalid(problems, config.Validate(positions)); len(problems) > 0 {
		return config, badInput(problems)
	}
	return config, nil
}

// alsoInvalid adds what is wrong with the meaning of a configuration to what is wrong with its form.
// What could not be decoded has kept its default, and is not judged a second time.
func alsoInvalid(form, meaning document.Problems) document.Problems {
	all := slices.Clone(form)
	for _, problem := range meaning {
		if !slices.ContainsFunc(form, func(p document.Problem) bool { return p.Line == problem.Line && p.Column == problem.Column }) {
			all = append(all, problem)
		}
	}
	return all.Sort()
}

// resolveRelative makes the paths in a configuration file relative to that file, so that it means
// the same wherever the process is started. The default state directory is where that is.
func resolveRelative(config *proxy.Config, positions *document.Positions, dir string) {
	for _, path := range config.Paths() {
		if path == &config.StateDir && !positions.Has("stateDir") {
			continue
		}
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}
