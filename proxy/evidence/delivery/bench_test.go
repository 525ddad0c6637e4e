package delivery

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// BenchmarkDelivery delivers a log that is there already to a receiver on this machine that takes
// everything and looks at nothing.
func BenchmarkDelivery(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn); conn.Close() }()
		}
	}()
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	trusted := collecting(b, new(collector)) // for its shape
	trusted.TLS.CA = writeCA(b, server)
	trusted.Endpoint = server.URL + "/v1/logs"
	for name, sink := range map[string]Sink{
		"file":        {Kind: "file", Path: filepath.Join(b.TempDir(), "copy")},
		"file-ocsf":   {Kind: "file", Path: filepath.Join(b.TempDir(), "copy"), Format: "ocsf"},
		"syslog-tcp":  {Kind: "syslog", Address: listener.Addr().String(), Plaintext: true},
		"otlp-tls":    trusted,
		"stdout-null": {Kind: "stdout"},
	} {
		b.Run(name, func(b *testing.B) {
			records := 200_000 // many, as arrival is looked at twice a second
			if sink.Format == "ocsf" {
				records = 40_000
			}
			l := newLog(b)
			l.write(records)
			sink.Name = "sink"
			for b.Loop() {
				d := startWith(b, Environment{Directory: l.directory, StateDir: b.TempDir(), Stdout: io.Discard}, sink)
				eventually(b, "all records", func() bool { return d.Stats()[0].Delivered == uint64(records) })
				d.stop()
			}
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
