package examples_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/google/go-cmp/cmp"
)

const (
	toUS      = "cards-to-us-need-a-mechanism"
	toUnknown = "cards-to-unknown-places"
)

// cases are what every client sends, and the rule that blocks it; "" when it passes.
var cases = []struct{ place, order, rule string }{
	{"de", "order.json", ""},
	{"us", "order.json", ""},
	{"unknown", "order.json", ""},
	{"de", "order-with-card.json", ""},
	{"us", "order-with-card.json", toUS},
	{"unknown", "order-with-card.json", toUnknown},
}

func host(place string) string { return "api.shop." + place + ".example" }

func orderFile(name string) string { return filepath.Join("quickstart", "orders", name) }

// TestQuickstart sends real orders through the built proxy, edits its policy meanwhile, stops it, and
// holds its records against what the clients saw. The subtests are one story, in their order.
func TestQuickstart(t *testing.T) {
	s := openShop(t)
	before := s.policyHash()
	var sent atomic.Int64
	refusals := &refusals{}

	for _, client := range clients {
		t.Run("Orders pass or are blocked with their reason: "+client.name, func(t *testing.T) {
			if client.missing != nil {
				if missing := client.missing(); missing != "" {
					t.Skip(missing)
				}
			}
			for _, c := range cases {
				rule := client.send(t, s, c.place, c.order)
				sent.Add(1)
				if rule != c.rule {
					t.Errorf("%s to %s: blocked by %q, want %q", c.order, c.place, rule, c.rule)
				}
			}
		})
	}
	t.Run("A refusal tells the rule, the reason, the law and whom to ask", func(t *testing.T) {
		status, refused, err := post(s.client(), "https://"+host("us")+"/orders", strings.NewReader(read(t, orderFile("order-with-card.json"))))
		must(t, err)
		sent.Add(1)
		refusals.add(refused)
		want := problem{
			Status: http.StatusUnavailableForLegalReasons, Rule: toUS, PolicyHash: before, Country: "US",
			Reason:     "no transfer mechanism is registered for payment data of customers to the United States; orders without it pass",
			LegalBasis: "GDPR Art. 44 and 46", Contact: "privacy@shop.example", FlowID: refused.FlowID,
			Categories: []string{"contact", "financial", "personal"},
		}
		if diff := cmp.Diff(want, refused); diff != "" || status != want.Status || refused.FlowID == "" {
			t.Errorf("status %d, problem (-want +got):\n%s", status, diff)
		}
	})
	t.Run("An edit while requests run changes the verdict and fails none of them", func(t *testing.T) {
		sent.Add(editUnderLoad(t, s, before, refusals))
	})
	after := s.policyHash()

	if err := s.proxy.end(); err != nil {
		t.Fatalf("the proxy ended with %v:\n%s", err, s.proxy.said.String())
	}
	records := s.records()
	if int64(len(records)) != sent.Load() {
		t.Errorf("%d records of %d flows", len(records), sent.Load())
	}
	byID := map[string]evidence.Record{}
	for _, record := range records {
		byID[record.ID] = record
		if got, want := record.Verdict, verdict(record, before, after); got != want {
			t.Errorf("flow %s to %s under policy %.12s: verdict %s, want %s", record.ID, record.Destination.Host, record.PolicyHash, got, want)
		}
	}
	for id, refused := range refusals.all {
		if record := byID[id]; record.PolicyHash != refused.PolicyHash || record.Rule != refused.Rule || record.Status != refused.Status {
			t.Errorf("flow %s: the client was told %d by %q of %.12s, the record says %d by %q of %.12s", id, refused.Status,
				refused.Rule, refused.PolicyHash, record.Status, record.Rule, record.PolicyHash)
		}
	}
}

// verdict is what the version of the policy that a record names says of its flow.
func verdict(record evidence.Record, before, after string) string {
	card := false
	for _, category := range record.Data.Categories {
		card = card || category.Name == "financial"
	}
	switch {
	case record.PolicyHash != before && record.PolicyHash != after:
		return "none: the policy version is neither of the two"
	case card && record.Destination.Country == "":
		return "block"
	case card && record.Destination.Country == "US" && record.PolicyHash == before:
		return "block"
	}
	return "allow"
}

// refusals are what clients were told, by flow.
type refusals struct {
	mutex sync.Mutex
	all   map[string]problem
}

func (r *refusals) add(p problem) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.all == nil {
		r.all = map[string]problem{}
	}
	r.all[p.FlowID] = p
}

const (
	straddling = 200 // requests that begin before the edit and end after it
	senders    = 4   // that send one request after the other meanwhile
	soon       = 2 * time.Second
)

// editUnderLoad edits the policy while requests run, and returns how many there were.
func editUnderLoad(t *testing.T, s *shop, before string, refusals *refusals) int64 {
	client, order := s.client(), read(t, orderFile("order-with-card.json"))
	url := "https://" + host("us") + "/orders"
	var sent atomic.Int64
	send := func(body io.Reader) int {
		status, refused, err := post(client, url, body)
		sent.Add(1)
		switch {
		case err != nil:
			t.Error(err)
		case status == http.StatusUnavailableForLegalReasons && refused.PolicyHash == before && refused.Rule == toUS:
			refusals.add(refused)
		case status != http.StatusOK:
			t.Errorf("status %d by rule %q of policy %.12s", status, refused.Rule, refused.PolicyHash)
		}
		return status
	}

	edited := make(chan struct{}) // closed when the new verdict has been seen
	var group sync.WaitGroup
	var begun sync.WaitGroup
	for range straddling {
		body, pen := io.Pipe()
		begun.Add(1)
		group.Go(func() { send(body) })
		group.Go(func() {
			_, err := io.WriteString(pen, order[:len(order)/2])
			begun.Done()
			<-edited
			_, rest := io.WriteString(pen, order[len(order)/2:])
			if err := errors.Join(err, rest, pen.Close()); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
		})
	}
	begun.Wait() // half of each is with the transport

	var flipped, editedAt atomic.Int64 // Unix nanoseconds
	for range senders {
		group.Go(func() {
			for settled := false; !settled; {
				at := flipped.Load()
				status := send(strings.NewReader(order))
				if status == http.StatusOK {
					flipped.CompareAndSwap(0, time.Now().UnixNano())
				} else if at != 0 {
					t.Errorf("status %d after the new verdict had been seen", status)
				}
				settled = at != 0 || editedAt.Load() != 0 && time.Since(time.Unix(0, editedAt.Load())) > patience/3
			}
		})
	}
	for deadline := time.Now().Add(patience); sent.Load() < 2*senders && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // until the old verdict has been given a few times
	}
	s.allowCardsToUS()
	editedAt.Store(time.Now().UnixNano())
	for deadline := time.Now().Add(patience / 2); flipped.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	close(edited)
	group.Wait()
	if flipped.Load() == 0 {
		t.Fatal("the edit never changed the verdict")
	}
	took := time.Duration(flipped.Load() - editedAt.Load())
	t.Logf("%d requests; the verdict changed %v after the edit", sent.Load(), took.Round(time.Millisecond))
	if took > soon {
		t.Errorf("the verdict changed %v after the edit, want at most %v", took, soon)
	}
	return sent.Load()
}

// clients are real ones. send returns the rule that blocked the order, "" when it passed.
var clients = []struct {
	name    string
	missing func() string // what has to be installed, "" when nothing has
	send    func(t *testing.T, s *shop, place, order string) string
}{
	{"curl", func() string { return lookFor("curl") }, sendWithCurl},
	{"Go gRPC", nil, sendWithGo("grpc")},
	{"Go WebSocket", nil, sendWithGo("websocket")},
	{"Node's fetch", missingForNode, sendWithNode},
}

func lookFor(program string) string {
	if _, err := exec.LookPath(program); err != nil {
		return program + " is not installed"
	}
	return ""
}

// missingForNode knows that before version 24 Node's fetch takes a proxy only with the undici package.
func missingForNode() string {
	if missing := lookFor("node"); missing != "" {
		return missing
	}
	said, _ := exec.Command("node", "-p", `process.versions.node.split(".")[0]`).Output()
	version, err := strconv.Atoi(strings.TrimSpace(string(said)))
	switch {
	case err != nil || version < 20:
		return fmt.Sprintf("Node.js 20 or newer is not installed (found %q)", said)
	case version < 24 && !exists("quickstart/node_modules/undici"):
		return "the undici package is not installed: npm ci --prefix examples/quickstart"
	}
	return ""
}

func sendWithCurl(t *testing.T, s *shop, place, order string) string {
	t.Helper()
	said := s.run(t, "curl", "--silent", "--show-error", "--max-time", "30", "--header", "Content-Type: application/json",
		"--data", "@"+orderFile(order), "--write-out", "\n%{http_code} %{content_type}", "https://"+host(place)+"/orders")
	last := strings.LastIndexByte(said, '\n')
	body, end := strings.TrimSpace(said[:last]), said[last+1:]
	switch end {
	case "200 application/json":
		if want := `{"host":"` + host(place) + `","protocol":"HTTP/2.0","accepted":"A-1007"}`; body != want {
			t.Errorf("the origin answered %s, want %s", body, want)
		}
		return ""
	case "451 application/problem+json":
		return between(t, body, `"rule": "`, `"`)
	}
	t.Fatalf("curl says %s", said)
	return ""
}

// sendWithGo sends with the Go client program, of which kind is the first argument.
func sendWithGo(kind string) func(*testing.T, *shop, string, string) string {
	return func(t *testing.T, s *shop, place, order string) string {
		t.Helper()
		said := s.run(t, "client", "-ca", s.ca, kind, host(place), orderFile(order))
		if strings.HasPrefix(said, "passed: order A-1007 accepted by "+host(place)) {
			return ""
		}
		if !strings.HasPrefix(said, "blocked: ") {
			t.Fatalf("the client says %s", said)
		}
		return between(t, said, "rule ", ":")
	}
}

func sendWithNode(t *testing.T, s *shop, place, order string) string {
	t.Helper()
	said := s.run(t, "node", "quickstart/order.mjs", "https://"+host(place)+"/orders", orderFile(order))
	if said == "200 passed\n" {
		return ""
	}
	return between(t, said, "451 blocked by rule ", ":")
}

// between returns what stands in text after one mark and before the next.
func between(t *testing.T, text, after, before string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, after)
	middle, _, ended := strings.Cut(rest, before)
	if !found || !ended {
		t.Fatalf("found %q, expected something between %q and %q", text, after, before)
	}
	return middle
}
