package proxy_test

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

const mebibyte = 1 << 20

// upload is a body of any length: lines without anything to find, and perhaps one value at an offset.
// It is made as it is read.
type upload struct {
	size, at int64 // at: of the value; negative for none
	value    string
	passed   func(int64) // told of every step; nil if nobody minds

	position int64
	stepped  int64
	sum      hash.Hash
}

const (
	cleanLine  = `{"order":"a7","note":"nothing to see here, move along"}` + "\n"
	cardLine   = `{"card":"5555555555554444"}` + "\n"
	uploadStep = 4 * mebibyte
)

func newUpload(size, at int64) *upload {
	return &upload{size: size, at: at, value: "\n" + cardLine, sum: sha256.New()}
}

// Read fills p.
func (u *upload) Read(p []byte) (int, error) {
	if u.position == u.size {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && u.position < u.size {
		source, from, until := cleanLine, u.position%int64(len(cleanLine)), u.size
		switch inside := u.position - u.at; {
		case u.at < 0:
		case inside < 0:
			until = u.at
		case inside < int64(len(u.value)):
			source, from = u.value, inside
		}
		k := copy(p[n:min(int64(len(p)), int64(n)+until-u.position)], source[from:])
		n, u.position = n+k, u.position+int64(k)
	}
	u.sum.Write(p[:n])
	if u.passed != nil && u.position-u.stepped >= uploadStep {
		u.stepped = u.position
		u.passed(u.position)
	}
	return n, nil
}

// arrival is what an origin received of one request.
type arrival struct {
	bytes   int64
	sum     string
	err     error // how its body ended; nil when it was whole
	length  int64 // declared
	trailer string
	label   string
}

// takeUploads is an origin that reports what it received.
func takeUploads() (http.Handler, <-chan arrival) {
	arrivals := make(chan arrival, 100)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		arrivals <- arrival{n, fmt.Sprintf("%x", sum.Sum(nil)), err, r.ContentLength, r.Trailer.Get("X-Checksum"), r.Header.Get("X-Data-Class")}
		fmt.Fprint(rw, n)
	}), arrivals
}

// large is a world with a policy for large bodies.
func large(t testing.TB, onLargeBody string, adjust ...func(*world)) (*world, <-chan arrival) {
	w := newWorld(t)
	handler, arrivals := takeUploads()
	w.serve("origin.test", handler)
	w.policy(rulesPolicy(blockCards) + onLargeBody + "\n")
	for _, a := range adjust {
		a(w)
	}
	return w.start(), arrivals
}

// sendUpload posts u, with its length declared or not.
func sendUpload(t testing.TB, v variant, u *upload, declared bool) *http.Response {
	t.Helper()
	request, err := http.NewRequest("POST", v.url, u)
	must(t, err)
	request.Header.Set("Content-Type", "application/x-ndjson")
	if declared {
		request.ContentLength = u.size
	} else {
		request.Trailer = http.Header{"X-Checksum": {"kept"}}
	}
	response, err := v.client.Do(request)
	must(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// heapWatch keeps the largest live heap it has seen.
type heapWatch struct {
	mutex sync.Mutex
	most  uint64
}

func (h *heapWatch) look(int64) {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.most = max(h.most, now.HeapAlloc)
}

// uploadSize is 64 MiB, or BORDERFLOW_TEST_UPLOAD bytes: the value stands at 900,000,000 of the 1 GiB
// that a full test sends.
func uploadSize(t testing.TB) (size, at int64) {
	text := os.Getenv("BORDERFLOW_TEST_UPLOAD")
	if text == "" {
		return 64 * mebibyte, 60 * mebibyte
	}
	size, err := strconv.ParseInt(text, 10, 64)
	must(t, err)
	return size, min(900_000_000, size-4*mebibyte)
}

// No test runs beside this one, so that the heap is its own.
func TestLargeUploadIsCutBeforeTheValueLeavesInBoundedMemory(t *testing.T) {
	w, arrivals := large(t, "onLargeBody: stream")
	size, at := uploadSize(t)
	var heap heapWatch
	heap.look(0)
	before := heap.most
	for name, v := range w.variants() {
		v.client.Timeout = 5 * time.Minute
		t.Run(name, func(t *testing.T) {
			u := newUpload(size, at)
			u.passed = heap.look
			response := sendUpload(t, v, u, true)
			p := cleanRefusal(t, response, "5555555555554444")
			if p.Status != http.StatusForbidden || p.Rule != "no-cards" {
				t.Errorf("%+v", p)
			}
			arrived := <-arrivals
			if arrived.err == nil || arrived.bytes > at-mebibyte+256<<10 || arrived.bytes < at-2*mebibyte {
				t.Errorf("the origin received %d bytes, error %v; the value stood at %d", arrived.bytes, arrived.err, at)
			}
			r := w.flow(p.FlowID)
			if !r.Cut || r.Verdict != "block" || r.Outcome != evidence.Blocked || r.Rule != "no-cards" || r.Phase != "body" || r.Status != 403 ||
				r.Bytes.Sent < arrived.bytes || r.Bytes.Sent > at-mebibyte+256<<10 || r.Data.Inspected != "partial" || len(r.Data.Categories) == 0 {
				t.Errorf("%d bytes arrived, record %+v", arrived.bytes, r)
			}
		})
		t.Run(name+" clean", func(t *testing.T) {
			u := newUpload(size, -1)
			u.passed = heap.look
			response := sendUpload(t, v, u, true)
			if response.StatusCode != 200 {
				t.Fatalf("status %d", response.StatusCode)
			}
			if arrived := <-arrivals; arrived.err != nil || arrived.sum != fmt.Sprintf("%x", u.sum.Sum(nil)) || arrived.length != size {
				t.Errorf("%+v", arrived)
			}
		})
	}
	const most = 24 * mebibyte // three bodies of 1.2 MiB would be the payload's share; the rest is connections
	if grown := int64(heap.most) - int64(before); grown > most {
		t.Errorf("the heap grew by %d bytes", grown)
	} else {
		t.Logf("uploads of %d bytes: the live heap grew by %d KiB at most", size, grown>>10)
	}
}

func TestLargeBodiesLeaveAsTheyCame(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"stream", "hold"} {
		w, arrivals := large(t, "onLargeBody: "+mode)
		for name, v := range w.variants() {
			for _, declared := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, length declared %v", mode, name, declared), func(t *testing.T) {
					u := newUpload(5*mebibyte+12345, -1)
					response := sendUpload(t, v, u, declared)
					content, err := io.ReadAll(response.Body)
					must(t, err)
					if response.StatusCode != 200 || string(content) != strconv.FormatInt(u.size, 10) {
						t.Fatalf("%d %s", response.StatusCode, content)
					}
					arrived := <-arrivals
					length, trailer := int64(-1), "kept"
					if declared {
						length, trailer = u.size, ""
					}
					if arrived.err != nil || arrived.sum != fmt.Sprintf("%x", u.sum.Sum(nil)) || arrived.length != length || arrived.trailer != trailer {
						t.Errorf("%+v", arrived)
					}
				})
			}
		}
		w.eventually("six records", func() bool { return len(requestsOf(w)) == 6 })
		for _, r := range requestsOf(w) {
			if r.Verdict != "allow" || r.Cut || r.Bytes.Sent != 5*mebibyte+12345 || r.Data.Bytes != r.Bytes.Sent || r.Data.Inspected != "full" || r.Phase != "body" {
				t.Errorf("%s: record %+v", mode, r)
			}
		}
		mustHoldNothing(t, w)
	}
}

// requestsOf leaves out the records of tunnels.
func requestsOf(w *world) (requests []evidence.Record) {
	for _, r := range w.records() {
		if r.Request.Method == "POST" {
			requests = append(requests, r)
		}
	}
	return requests
}

// mustHoldNothing checks that no body is on disk any more.
func mustHoldNothing(t *testing.T, w *world) {
	t.Helper()
	w.eventually("the spool to be empty", func() bool {
		return w.metric("borderflow_spool_bytes") == 0 && w.metric("borderflow_spool_files") == 0
	})
	if left, _ := os.ReadDir(filepath.Join(w.config.StateDir, "spool")); len(left) > 0 {
		t.Errorf("the spool's directory holds %v", left)
	}
}

// metric reads one number that has no labels.
func (w *world) metric(name string) float64 {
	w.t.Helper()
	response, err := http.Get("http://" + w.proxy.AdminAddress().String() + "/metrics")
	must(w.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(w.t, err)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(w.t, err)
			return number
		}
	}
	w.t.Fatalf("there is no metric %s", name)
	return 0
}

func TestNothingOfALargeBodyLeavesWhenItIsStopped(t *testing.T) {
	t.Parallel()
	const size = 3*mebibyte + 17
	for name, c := range map[string]struct {
		policy     string
		at         int64
		status     int
		unreadable bool
	}{
		"kept on disk, value at the end":          {"onLargeBody: hold", size - 100, 403, false},
		"kept on disk, value in the middle":       {"onLargeBody: hold", size / 2, 403, false},
		"kept on disk, value in what memory held": {"onLargeBody: hold", 5000, 403, false},
		"streamed, value in what memory held":     {"onLargeBody: stream", mebibyte - 100, 403, false},
		"neither, clean":                          {"", -1, 413, true},
		"neither, value in what memory held":      {"onLargeBody: block", 5000, 403, false},
		"blocked although unreadable ones pass":   {"onUninspectable: allow\nonLargeBody: block", -1, 413, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, arrivals := large(t, c.policy)
			for way, v := range w.variants() {
				for _, declared := range []bool{true, false} {
					p := cleanRefusal(t, sendUpload(t, v, newUpload(size, c.at), declared), "5555555555554444")
					r := w.flow(p.FlowID)
					if p.Status != c.status || r.Uninspectable != c.unreadable || r.Verdict != "block" || r.Outcome != evidence.Blocked || r.Cut || r.Bytes.Sent != 0 {
						t.Errorf("%s: %+v, record %+v", way, p, r)
					}
				}
			}
			for len(arrivals) > 0 {
				if arrived := <-arrivals; arrived.bytes > 0 || arrived.err == nil {
					t.Errorf("the origin received %+v", arrived)
				}
			}
			mustHoldNothing(t, w)
		})
	}
}

// noise is what encrypted data looks like.
type noise struct {
	left  int64
	state uint64
}

func (n *noise) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), n.left)]
	for i := range p {
		n.state = n.state*6364136223846793005 + 1442695040888963407
		p[i] = byte(n.state >> 56)
	}
	n.left -= int64(len(p))
	return len(p), nil
}

func TestLargeBodyThatCannotBeReadDoesNotBeginToLeave(t *testing.T) {
	t.Parallel()
	for _, blind := range []string{"block", "allow"} {
		w, arrivals := large(t, "onLargeBody: stream\nonUninspectable: "+blind)
		for way, v := range w.variants() {
			t.Run(blind+" "+way, func(t *testing.T) {
				response, err := v.client.Post(v.url, "application/octet-stream", &noise{left: 4 * mebibyte, state: 7})
				must(t, err)
				if blind == "allow" {
					if response.Body.Close(); response.StatusCode != 200 {
						t.Errorf("status %d", response.StatusCode)
					}
					if arrived := <-arrivals; arrived.bytes != 4*mebibyte || arrived.err != nil {
						t.Errorf("%+v", arrived)
					}
					return
				}
				p := cleanRefusal(t, response)
				if r := w.flow(p.FlowID); p.Status != 403 || r.Bytes.Sent != 0 || !r.Uninspectable || r.Data.Undecodable == "" || r.Cut {
					t.Errorf("%+v, record %+v", p, r)
				}
			})
		}
	}
}

// inPieces reads at most that many bytes at once.
type inPieces struct {
	io.Reader
	size int
}

func (r *inPieces) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), r.size)]) }

// A log that is coloured has control characters, here and there many of them together.
func TestLargeTextWithOddBytesIsNotTakenForUnreadable(t *testing.T) {
	t.Parallel()
	w, arrivals := large(t, "onLargeBody: stream")
	line := strings.Repeat("\x1b", 8) + strings.Repeat("a coloured line, and more ", 992/26) + "....\n"
	text := strings.Repeat(line, 4*mebibyte/len(line))
	for way, v := range w.variants() {
		t.Run(way, func(t *testing.T) {
			response, err := v.client.Post(v.url, "text/plain", &inPieces{strings.NewReader(text), 997})
			must(t, err)
			if response.StatusCode != 200 {
				t.Fatalf("%+v", cleanRefusal(t, response))
			}
			response.Body.Close()
			if arrived := <-arrivals; arrived.err != nil || arrived.bytes != int64(len(text)) {
				t.Errorf("%+v", arrived)
			}
		})
	}
}

func TestCountsStopAnUploadAsSoonAsTheyAreReached(t *testing.T) {
	t.Parallel()
	w, arrivals := large(t, "onLargeBody: stream", func(w *world) {
		w.policy(rulesPolicy(`  - id: many-people
    description: Lists of people stay here
    when: data.subjects >= 50
    verdict: block
`) + "onLargeBody: stream\n")
	})
	people := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"email":"person%d@mail.example-customer.com"}`+"\n", i)
		}
		return b.String()
	}
	for way, v := range w.variants() {
		t.Run(way, func(t *testing.T) {
			few := newUpload(4*mebibyte, 2*mebibyte)
			few.value = "\n" + people(49)
			if response := sendUpload(t, v, few, true); response.StatusCode != 200 {
				t.Fatalf("status %d", response.StatusCode)
			}
			if arrived := <-arrivals; arrived.err != nil {
				t.Errorf("%+v", arrived)
			}
			many := newUpload(8*mebibyte, 5*mebibyte)
			many.value = "\n" + people(50)
			p := cleanRefusal(t, sendUpload(t, v, many, true), "person7")
			r := w.flow(p.FlowID)
			if arrived := <-arrivals; arrived.err == nil || !r.Cut || r.Bytes.Sent > 5*mebibyte || r.Data.Subjects < 50 {
				t.Errorf("%+v, record %+v", arrived, r)
			}
		})
	}
	if w.metric("borderflow_uploads_cut_total") != 3 || w.metric("borderflow_uploads_cut_sent_bytes_total") == 0 {
		t.Error("the cut uploads are not counted")
	}
}

func TestSpoolIsBounded(t *testing.T) {
	t.Parallel()
	w, arrivals := large(t, "onLargeBody: hold", func(w *world) {
		w.config.Inspect.HoldUntilDecided = 64 << 10
		w.config.Inspect.Spool.Body = 3 * mebibyte
		w.config.Inspect.Spool.Total = 5 * mebibyte
	})
	ways := w.variants()
	for name, v := range ways {
		for _, declared := range []bool{true, false} {
			p := cleanRefusal(t, sendUpload(t, v, newUpload(3*mebibyte+1, -1), declared))
			if r := w.flow(p.FlowID); p.Status != http.StatusRequestEntityTooLarge || r.Bytes.Sent != 0 || !r.Uninspectable {
				t.Errorf("%s: %+v, record %+v", name, p, r)
			}
			if response := sendUpload(t, v, newUpload(3*mebibyte, -1), declared); response.StatusCode != 200 {
				t.Errorf("%s: as large as it may be: %d", name, response.StatusCode)
			}
			<-arrivals
		}
	}
	holder, reader := w.peer().inside("origin.test")
	write(t, holder, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 3000001\r\n\r\n"+strings.Repeat("a", 3_000_000))
	w.eventually("the body to be on disk", func() bool { return w.metric("borderflow_spool_bytes") == 3_000_000 })
	if left, _ := os.ReadDir(filepath.Join(w.config.StateDir, "spool")); len(left) > 0 {
		t.Errorf("a body on disk has a name: %v", left)
	}
	response := sendUpload(t, ways["intercepted HTTP/2"], newUpload(3*mebibyte, -1), true)
	p := cleanRefusal(t, response)
	if p.Status != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || w.metric("borderflow_spool_refusals_total") != 1 {
		t.Errorf("%+v", p)
	}
	write(t, holder, "a")
	if response, _ := readAnswer(t, reader); response.StatusCode != 200 {
		t.Errorf("the holder: status %d", response.StatusCode)
	}
	mustHoldNothing(t, w)
}

func TestSpoolThatCannotBeWrittenRefusesAndShows(t *testing.T) {
	t.Parallel()
	w, arrivals := large(t, "onLargeBody: hold")
	must(t, os.RemoveAll(filepath.Join(w.config.StateDir, "spool")))
	p := cleanRefusal(t, sendUpload(t, w.variants()["plain"], newUpload(2*mebibyte, -1), true))
	if p.Status != http.StatusServiceUnavailable || len(arrivals) != 0 {
		t.Errorf("%+v", p)
	}
	response, err := http.Get("http://" + w.proxy.AdminAddress().String() + "/readyz")
	must(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(content), "spool a body") {
		t.Errorf("%d %s", response.StatusCode, content)
	}
}

func TestClientsThatLeaveInALargeBodyLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"stream", "hold"} {
		t.Run(mode, func(t *testing.T) {
			w, arrivals := large(t, "onLargeBody: "+mode, func(w *world) {
				w.config.Inspect.HoldUntilDecided = 256 << 10
				w.config.Inspect.Memory = mebibyte // for two of them, of which one may just be ending
			})
			const clients = 5
			for range clients {
				client, _ := w.peer().inside("origin.test")
				write(t, client, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 3000001\r\n\r\n"+strings.Repeat("a", 2_000_000))
				must(t, client.Close())
				if mode == "stream" {
					if arrived := <-arrivals; arrived.err == nil {
						t.Errorf("the origin takes a part for the whole: %+v", arrived)
					}
				}
				w.eventually("the memory to be given back", func() bool {
					u := newUpload(mebibyte, -1)
					response := sendUpload(t, w.variants()["intercepted HTTP/1.1"], u, true)
					if response.StatusCode != 200 {
						return false
					}
					return (<-arrivals).err == nil
				})
			}
			w.eventually("the aborted flows", func() bool {
				n := 0
				for _, r := range w.records() {
					if r.Outcome == evidence.Aborted && r.Request.Method == "POST" {
						n++
					}
				}
				return n == clients
			})
			mustHoldNothing(t, w)
		})
	}
}

func TestOriginThatAnswersEarlyEndsAStreamedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked atomic.Int64
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		rw.WriteHeader(http.StatusInsufficientStorage)
	}))
	w.policy(rulesPolicy(blockCards) + "onLargeBody: stream\n")
	w.start()
	for way, v := range w.variants() {
		t.Run(way, func(t *testing.T) {
			response, err := v.client.Post(v.url, "application/x-ndjson", newUpload(8*mebibyte, -1))
			if err == nil {
				response.Body.Close()
			}
			if err != nil || response.StatusCode != http.StatusInsufficientStorage {
				t.Errorf("%v %v", response, err)
			}
		})
	}
}

func TestStreamedUploadIsCutWhileItsResponseIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended := make(chan error, 3)
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(rw)
		_ = control.EnableFullDuplex()
		_, _ = io.CopyN(io.Discard, r.Body, mebibyte/2)
		_, _ = io.WriteString(rw, "begun")
		_ = control.Flush()
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	w.policy(rulesPolicy(blockCards) + "onLargeBody: stream\n")
	w.start()
	for way, v := range w.variants() {
		t.Run(way, func(t *testing.T) {
			response, err := v.client.Post(v.url, "application/x-ndjson", newUpload(8*mebibyte, 5*mebibyte))
			must(t, err)
			defer response.Body.Close()
			if content, err := io.ReadAll(response.Body); response.StatusCode == 200 && err == nil {
				t.Errorf("the response reads as if it were whole: %q", content)
			}
			if err := <-ended; err == nil {
				t.Error("the request reads as if it were whole")
			}
		})
	}
	w.eventually("three cut flows", func() bool {
		n := 0
		for _, r := range w.records() {
			if r.Cut && r.Verdict == "block" {
				n++
			}
		}
		return n == 3
	})
}

func TestUploadMovesOnToAnotherAddressOnlyBeforeItHasBegunToLeave(t *testing.T) {
	t.Parallel()
	w, arrivals := large(t, "onLargeBody: stream", func(w *world) {
		// The first address refuses connections.
		w.config.Hosts["plain.origin.test"] = append([]string{closedAddress(w.t)}, w.config.Hosts["plain.origin.test"]...)
	})
	u := newUpload(3*mebibyte, -1)
	if response := sendUpload(t, w.variants()["plain"], u, true); response.StatusCode != 200 {
		t.Errorf("status %d", response.StatusCode)
	}
	if arrived := <-arrivals; arrived.err != nil || arrived.sum != fmt.Sprintf("%x", u.sum.Sum(nil)) {
		t.Errorf("%+v", arrived)
	}
}
