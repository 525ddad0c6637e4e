package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestSyslogServerGetsFramesOverTLSAndSeesTheClientsCertificate(t *testing.T) {
	serverCertificate, _, serverPair := certified(t)
	clientCertificate, clientKey, clientPair := certified(t)
	pool := x509.NewCertPool()
	client, err := x509.ParseCertificate(clientPair.Certificate[0])
	must(t, err)
	pool.AddCert(client)
	server := &syslogServer{config: &tls.Config{Certificates: []tls.Certificate{serverPair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}}
	server.start(t)
	l := newLog(t)
	l.write(1000)
	d := start(t, l, t.TempDir(), Sink{Name: "siem", Kind: "syslog", Address: server.address,
		TLS: TLS{CA: serverCertificate, Certificate: clientCertificate, Key: clientKey}})
	eventually(t, "all records", func() bool { return reached(server.got(t), 1000) })
	eventually(t, "them to be confirmed", func() bool { return d.Stats()[0].LagRecords == 0 && d.Stats()[0].Delivered == 1000 })
	d.stop()
	if got := server.got(t); len(got) != 1000 {
		t.Errorf("%d frames, want 1000", len(got))
	}
	if server.peers != 1 {
		t.Errorf("%d certificates were seen", server.peers)
	}
	form := regexp.MustCompile(`^<108>1 2026-03-01T11:30:15\.123456Z \S+ borderflow \d+ flow \[meta sequenceId="1"\] \{"schema":.*\}$`)
	if !form.MatchString(server.first) {
		t.Errorf("the first frame is %s", server.first)
	}
}

func TestSyslogServerThatIsNotTrustedGetsNothing(t *testing.T) {
	_, _, pair := certified(t)
	other, _, _ := certified(t)
	server := &syslogServer{config: &tls.Config{Certificates: []tls.Certificate{pair}}}
	server.start(t)
	l := newLog(t)
	l.write(10)
	d := start(t, l, t.TempDir(), Sink{Name: "siem", Kind: "syslog", Address: server.address, TLS: TLS{CA: other}})
	eventually(t, "failures", func() bool { return d.Stats()[0].Failures > 2 })
	d.stop()
	if got := server.got(t); len(got) != 0 || d.Stats()[0].Delivered != 0 {
		t.Errorf("%d records went to a server that is not trusted", len(got))
	}
}

func TestSyslogServerThatComesBackMissesNothing(t *testing.T) {
	l := newLog(t)
	server := &syslogServer{}
	server.start(t)
	d := start(t, l, t.TempDir(), Sink{Name: "siem", Kind: "syslog", Address: server.address, Plaintext: true})
	for range 5 {
		l.write(300)
		eventually(t, "some records", func() bool { return len(server.got(t)) > 0 })
		server.stop()
		l.write(300)
		eventually(t, "the break to be noticed", func() bool { return d.Stats()[0].LastError != "" })
		server.start(t)
		eventually(t, "the records", func() bool { return reached(server.got(t), l.next-1) })
	}
	d.stop()
	inOrder(t, server.got(t), l.next-1)
}

func TestConnectionsThatAreCutAgainAndAgainLoseNothing(t *testing.T) {
	l := newLog(t)
	server := &syslogServer{endAfter: 700}
	server.start(t)
	d := start(t, l, t.TempDir(), Sink{Name: "siem", Kind: "syslog", Address: server.address, Plaintext: true})
	l.write(5000)
	eventually(t, "all records", func() bool {
		if !reached(server.got(t), 5000) {
			// A connection always ends before what was sent in it is confirmed: let it last longer.
			server.mu.Lock()
			if len(server.seqs) > 5000 {
				server.endAfter = 0
			}
			server.mu.Unlock()
			return false
		}
		return true
	})
	d.stop()
	inOrder(t, server.got(t), 5000)
}

func TestServerThatReadsSlowlyHoldsUpNoOtherSink(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and reads nothing
	must(t, err)
	defer listener.Close()
	l := newLog(t)
	l.write(20000)
	fast := &syslogServer{}
	fast.start(t)
	d := startWith(t, Environment{Directory: l.directory, StateDir: t.TempDir(), Drain: time.Millisecond},
		Sink{Name: "slow", Kind: "syslog", Address: listener.Addr().String(), Plaintext: true},
		Sink{Name: "fast", Kind: "syslog", Address: fast.address, Plaintext: true})
	eventually(t, "the fast one to have all", func() bool { return d.Stats()[1].Delivered == 20000 })
	begun := time.Now()
	d.stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if slow := d.Stats()[0]; slow.Delivered == 20000 {
		t.Errorf("what nobody has read counts as delivered: %+v", slow)
	}
}

// TestDeliveryProcess is not a test: it is the process that others kill.
func TestDeliveryProcess(t *testing.T) {
	arguments := strings.Split(os.Getenv("BORDERFLOW_TEST_DELIVERY"), "\n")
	if len(arguments) != 3 {
		t.Skip("run by TestKilledProcessLeavesNoGap")
	}
	l := &logOf{t: t, directory: arguments[0]}
	start(t, l, arguments[1], Sink{Name: "copy", Kind: "file", Path: arguments[2] + "-copy"},
		Sink{Name: "siem", Kind: "syslog", Address: arguments[2], Plaintext: true})
	<-t.Context().Done()
}

func TestKilledProcessLeavesNoGap(t *testing.T) {
	l, state, dir := newLog(t), t.TempDir(), t.TempDir()
	t.Chdir(dir)
	server := &syslogServer{}
	server.start(t)
	for round := range 6 {
		l.write(2000)
		before := len(server.got(t))
		process := exec.Command(os.Args[0], "-test.run=^TestDeliveryProcess$")
		process.Env = append(os.Environ(), "BORDERFLOW_TEST_DELIVERY="+l.directory+"\n"+state+"\n"+server.address)
		must(t, process.Start())
		eventually(t, "some records", func() bool { return len(server.got(t)) > before+1+round*150 })
		must(t, process.Process.Kill())
		_ = process.Wait()
	}
	copied := server.address + "-copy"
	d := start(t, l, state, Sink{Name: "copy", Kind: "file", Path: copied},
		Sink{Name: "siem", Kind: "syslog", Address: server.address, Plaintext: true})
	eventually(t, "the rest", func() bool { return reached(server.got(t), 12000) && reached(whole(t, copied), 12000) })
	d.stop()
	inOrder(t, server.got(t), 12000)
	inOrder(t, whole(t, copied), 12000)
}

// whole returns the numbers of the lines of a file that a kill has not torn.
func whole(t testing.TB, path string) []uint64 {
	t.Helper()
	var all []uint64
	for line := range strings.Lines(string(read(t, path))) {
		if seq, err := sequenceOf([]byte(line)); err == nil {
			all = append(all, seq)
		}
	}
	return all
}
