package summary

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// TestMonthOfTraffic makes the report of a month, with as many records as the environment asks for.
func TestMonthOfTraffic(t *testing.T) {
	flows, err := strconv.Atoi(os.Getenv("BORDERFLOW_TEST_RECORDS"))
	if err != nil {
		t.Skip("BORDERFLOW_TEST_RECORDS does not say how many records to write, e.g. 1000000")
	}
	directory := writeLog(t, flows, 20_000)
	began := time.Now()
	verified, err := evidence.Verify(t.Context(), directory, evidence.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verify %v", time.Since(began))
	report, err := Build(t.Context(), directory, verified, Options{From: october, Until: november, Rows: 500})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("and count %v", time.Since(began))
	var page bytes.Buffer
	if err := report.WriteHTML(&page, English); err != nil {
		t.Fatal(err)
	}
	taken := time.Since(began)
	t.Logf("and write %v: %d bytes for %d flows in %d MB of records", taken, page.Len(), report.Read.Flows, report.Log.Bytes>>20)
	if report.Read.Flows != int64(flows) || !report.Log.OK {
		t.Errorf("%+v, %v", report.Read, report.Log.Findings)
	}
	if flows <= 1_000_000 && taken > 10*time.Second {
		t.Errorf("the report takes %v", taken)
	}
}
