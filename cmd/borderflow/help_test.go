package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestHelpOfEveryCommandNamesEveryFlag(t *testing.T) {
	var commands []*cobra.Command
	var gather func(*cobra.Command)
	gather = func(command *cobra.Command) {
		commands = append(commands, command)
		for _, child := range command.Commands() {
			gather(child)
		}
	}
	gather(rootCommand())
	for _, command := range commands {
		t.Run(command.CommandPath(), func(t *testing.T) {
			help := helpOf(t, command)
			if command.Short == "" || !strings.Contains(help, command.UseLine()) {
				t.Errorf("the help does not say what the command does, or how it is used:\n%s", help)
			}
			command.Flags().VisitAll(func(flag *pflag.Flag) {
				if !strings.Contains(help, "--"+flag.Name) || flag.Usage == "" || !strings.Contains(help, flag.Usage) {
					t.Errorf("the help does not explain --%s:\n%s", flag.Name, help)
				}
			})
			for _, child := range command.Commands() {
				if !strings.Contains(help, "  "+child.Name()+" ") || !strings.Contains(help, child.Short) {
					t.Errorf("the help does not list %s:\n%s", child.Name(), help)
				}
			}
		})
	}
}

func TestEveryFlagOfTheConfigurationNamesItsVariable(t *testing.T) {
	help := helpOf(t, runCommand())
	for _, flag := range flagSettings {
		if !strings.Contains(help, "--"+flag.name+" ") || !strings.Contains(help, "[$"+flag.variable+"]") {
			t.Errorf("run's help does not name --%s and $%s:\n%s", flag.name, flag.variable, help)
		}
	}
}

func helpOf(t *testing.T, command *cobra.Command) string {
	t.Helper()
	var help bytes.Buffer
	command.SetOut(&help)
	if err := command.Help(); err != nil {
		t.Fatal(err)
	}
	return help.String()
}
