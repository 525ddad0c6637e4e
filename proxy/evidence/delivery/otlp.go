package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	attemptTimeout = 30 * time.Second // for one request, or one syslog write
	dialTimeout    = 10 * time.Second
	maxAnswer      = 64 << 10 // of an answer's body that is read
	maxHeaders     = 64 << 10 // of headersFile
)

// otlp posts records as log records by OTLP/HTTP 1.x in its JSON encoding, compressed with gzip
// (https://opentelemetry.io/docs/specs/otlp/).
type otlp struct {
	options Sink
	env     Environment
	client  *http.Client
}

func newOTLP(options Sink, env Environment) (*otlp, error) {
	config, err := options.TLS.config()
	if err != nil {
		return nil, err
	}
	o := &otlp{options: options, env: env}
	if _, err := o.headers(); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	o.client = &http.Client{
		Timeout: attemptTimeout,
		// No proxy from the environment and no redirect: nothing is connected to but what is configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig:     config,
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: dialTimeout,
			ForceAttemptHTTP2:   true,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
	}
	return o, nil
}

// headers reads headersFile, one "Name: value" a line; empty lines and those that begin with # say
// nothing.
func (o *otlp) headers() (http.Header, error) {
	headers := http.Header{}
	if o.options.HeadersFile == "" {
		return headers, nil
	}
	file, err := os.Open(o.options.HeadersFile)
	if err != nil {
		return nil, fmt.Errorf("headersFile: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxHeaders+1))
	if err != nil {
		return nil, fmt.Errorf("headersFile: %w", err)
	}
	if len(text) > maxHeaders {
		return nil, fmt.Errorf("headersFile: %s is longer than %d bytes", o.options.HeadersFile, maxHeaders)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !found || name == "" || strings.ContainsAny(name, " \t\"()<>@,;\\/[]?={}") {
			return nil, fmt.Errorf("headersFile: %s, line %d: not of the form Name: value", o.options.HeadersFile, n)
		}
		headers.Add(name, strings.TrimSpace(value))
	}
	return headers, nil
}

func (o *otlp) confirm() (uint64, error) { return everything, nil }

func (o *otlp) close() bool {
	o.client.CloseIdleConnections()
	return true
}

// send posts messages; those that the server finds too large or malformed together it posts in halves,
// so that one such record does not take others with it.
func (o *otlp) send(ctx context.Context, number uint64, messages []message) error {
	err := o.post(ctx, messages)
	var status statusError
	if !errors.As(err, &status) || (status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge) {
		return err
	}
	if len(messages) == 1 {
		return &refusal{1, err}
	}
	refused := 0
	for _, half := range [][]message{messages[:len(messages)/2], messages[len(messages)/2:]} {
		err := o.send(ctx, number, half)
		var some *refusal
		if errors.As(err, &some) {
			refused += some.messages
		} else if err != nil {
			return err
		}
	}
	if refused > 0 {
		return &refusal{refused, err}
	}
	return nil
}

type statusError int

func (s statusError) Error() string {
	return fmt.Sprintf("the server answered %d %s", int(s), http.StatusText(int(s)))
}

func (o *otlp) post(ctx context.Context, messages []message) error {
	body, err := o.encode(messages)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.options.Endpoint, body)
	if err != nil {
		return fmt.Errorf("post evidence: %w", err)
	}
	if request.Header, err = o.headers(); err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Encoding", "gzip")
	request.Header.Set("User-Agent", "borderflow/"+o.env.Version)
	response, err := o.client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fmt.Errorf("post evidence: %w", plainly(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", plainly(err))
	}
	if response.StatusCode == http.StatusOK {
		return accepted(response.Header, answer, len(messages))
	}
	// The specification has 429, 502, 503 and 504 tried again and all else given up. Here only what is
	// about the records themselves is given up (see send): a wrong token or address is repaired by
	// people, and records must be there when it is.
	failure := error(statusError(response.StatusCode))
	if after := retryAfter(response.Header.Get("Retry-After"), time.Now()); after > 0 {
		return &delayed{after, failure}
	}
	return failure
}

// accepted looks for a partial success: what the server rejected then must not be sent again. Its
// message is not repeated, as it may quote a record.
func accepted(header http.Header, answer []byte, messages int) error {
	if media, _, _ := mime.ParseMediaType(header.Get("Content-Type")); media != "application/json" {
		return nil
	}
	var partial struct {
		PartialSuccess struct {
			Rejected json.RawMessage `json:"rejectedLogRecords"` // 64-bit numbers are strings in JSON; some send numbers
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &partial) != nil {
		return nil
	}
	rejected, err := strconv.Atoi(strings.Trim(string(partial.PartialSuccess.Rejected), `"`))
	if err != nil || rejected <= 0 {
		return nil
	}
	rejected = min(rejected, messages)
	return &refusal{rejected, fmt.Errorf("the server rejected %d of %d log records", rejected, messages)}
}

// retryAfter reads the field's two forms (RFC 9110 section 10.2.3).
func retryAfter(field string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(field, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(field); err == nil {
		return at.Sub(now)
	}
	return 0
}

func (o *otlp) encode(messages []message) (*bytes.Buffer, error) {
	records := make([]logRecord, len(messages))
	now := strconv.FormatInt(time.Now().UnixNano(), 10)
	for i := range messages {
		records[i] = newLogRecord(&messages[i], now)
	}
	resource := []keyValue{text("service.name", "borderflow"), text("service.version", o.env.Version), text("host.name", o.env.hostname)}
	request := exportRequest{[]resourceLogs{{
		Resource:  resourceOf{resource},
		ScopeLogs: []scopeLogs{{scopeOf{"borderflow/evidence", o.env.Version}, records}},
	}}}
	body := new(bytes.Buffer)
	compressed, err := gzip.NewWriterLevel(body, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("encode evidence: %w", err)
	}
	encoder := json.NewEncoder(compressed)
	encoder.SetEscapeHTML(false)
	if err := errors.Join(encoder.Encode(request), compressed.Close()); err != nil {
		return nil, fmt.Errorf("encode evidence: %w", err)
	}
	return body, nil
}
