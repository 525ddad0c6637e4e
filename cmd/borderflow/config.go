package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/spf13/cobra"
)

// settings are the flags that name or override parts of the configuration. Each has an environment
// variable; a flag wins over it, and it wins over the file.
type settings struct {
	config, listen, adminListen, policy, stateDir string
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
	if s.config != "" {
		data, err := os.ReadFile(s.config)
		if err != nil {
			return config, badInput(fmt.Errorf("read the configuration: %w", err))
		}
		var problems document.Problems
		positions, problems = document.DecodeWithPositions(s.config, data, &config)
		resolveRelative(&config, filepath.Dir(s.config))
		if len(problems) > 0 {
			return config, badInput(problems)
		}
	}
	for _, flag := range flagSettings {
		if value := *flag.value(&s); value != "" && flag.apply != nil {
			flag.apply(&config, value)
		}
	}
	if problems := config.Validate(positions); len(problems) > 0 {
		return config, badInput(problems)
	}
	return config, nil
}

// resolveRelative makes the paths in a configuration file relative to that file, so that it means
// the same wherever the process is started.
func resolveRelative(config *proxy.Config, dir string) {
	for _, path := range config.Paths() {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}
