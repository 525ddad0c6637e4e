package main

import (
	"errors"
	"flag"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden parts of testdata anew")

// TestMain has this test binary play borderflow where a test calls it by that name, in a process of
// its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"borderflow": main})
}

// TestSessions runs what users type. Besides testscript's commands there are
//
//	exits CODE COMMAND...  runs the command, which must end with this exit code
//	occupy NAME            listens on a free port, whose address is then in the variable NAME
//	writerecord DIR ID     writes the record of a blocked upload, as a proxy would
//	writelog DIR N         writes the records of N flows, as a proxy would, with hashed identifiers
//	witness NAME CHECKPOINT COSIGNED  cosigns a checkpoint; the public key of the witness is in NAME.pub
func TestSessions(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/sessions",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(2 * time.Minute), // for a session that waits for ever
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"occupy":      occupy,
			"writerecord": writeRecord,
			"writelog":    writeLog,
			"witness":     witness,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy NAME")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
}
