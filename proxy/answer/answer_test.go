package answer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// blocked is a refusal with every field set.
func blocked() Refusal {
	return Refusal{
		Status: http.StatusForbidden, ProxyError: "http_request_denied", Title: "Blocked by policy",
		Reason: "Payment data of customers <in the EU> may not go to the United States.",
		FlowID: "01923f5e-7b1a-7000-8000-000000000001",
		Rule:   "cards-stay", Policy: "payments", PolicyHash: "sha256:5f0c",
		LegalBasis: "GDPR Art. 44", Contact: "Datenschutzbüro <privacy@example.com>",
		Country: "US", Categories: []string{"payment-card", "email"},
		BlockedBy: "https://proxy.example.com/", RetryAfter: 1500 * time.Millisecond,
	}
}

func request(method, accept string) *http.Request {
	return &http.Request{Method: method, ProtoMajor: 1, Header: http.Header{"Accept": {accept}}}
}

func grpcRequest() *http.Request {
	return &http.Request{Method: "POST", ProtoMajor: 2, Header: http.Header{"Content-Type": {"application/grpc+proto"}}}
}

// onTheWire is response as an HTTP/1.1 client receives it.
func onTheWire(t *testing.T, response *http.Response) []byte {
	t.Helper()
	var wire bytes.Buffer
	if err := response.Write(&wire); err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(wire.Bytes(), []byte("\r\n"), []byte("\n"))
}

func TestRefusalReadsAsTheGoldenFilesSay(t *testing.T) {
	upstream := Refusal{Status: http.StatusBadGateway, ProxyError: "connection_refused", Title: "Origin unreachable",
		Reason: "the origin refused the connection", FlowID: "01923f5e-7b1a-7000-8000-000000000002"}
	for file, test := range map[string]struct {
		refusal Refusal
		request *http.Request
	}{
		"blocked.json":   {blocked(), request("GET", "*/*")},
		"blocked.html":   {blocked(), request("GET", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")},
		"blocked.grpc":   {blocked(), grpcRequest()},
		"upstream.json":  {upstream, request("GET", "*/*")},
		"upstream.html":  {upstream, request("GET", "text/html")},
		"connect.json":   {blocked(), request("CONNECT", "text/html")},
		"no-client.json": {upstream, nil},
	} {
		t.Run(file, func(t *testing.T) {
			got := onTheWire(t, test.refusal.Response(test.request))
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got; -update writes the file anew:\n%s", diff)
			}
		})
	}
}

func TestStatus451NeedsALegalBasisAndADenial(t *testing.T) {
	for name, test := range map[string]struct {
		status     int
		legalBasis string
		blockedBy  string
		want       int
		wantLink   string
	}{
		"a denial without a basis":            {403, "", "https://p.example/", 403, ""},
		"a denial with a basis":               {403, "GDPR", "https://p.example/", 451, `<https://p.example/>; rel="blocked-by"`},
		"nobody named as blocking":            {403, "GDPR", "", 451, ""},
		"a body past the limit stays 413":     {413, "GDPR", "https://p.example/", 413, ""},
		"trouble upstream is no legal matter": {502, "GDPR", "https://p.example/", 502, ""},
		"a URL that would end the link early": {403, "GDPR", "https://p.example/>\r\nX: \"é", 451,
			`<https://p.example/%3E%0D%0AX:%20%22%C3%A9>; rel="blocked-by"`},
	} {
		t.Run(name, func(t *testing.T) {
			response := Refusal{Status: test.status, LegalBasis: test.legalBasis, BlockedBy: test.blockedBy}.
				Response(request("GET", "*/*"))
			if response.StatusCode != test.want {
				t.Errorf("status %d, want %d", response.StatusCode, test.want)
			}
			if got := response.Header.Get("Link"); got != test.wantLink {
				t.Errorf("Link %q, want %q", got, test.wantLink)
			}
		})
	}
}

func TestClientGetsTheFormItCanRead(t *testing.T) {
	const problem, page, grpc = "application/problem+json", "text/html; charset=utf-8", "application/grpc"
	for name, test := range map[string]struct {
		method, accept, contentType string
		major                       int
		want                        string
	}{
		"curl":                  {"GET", "*/*", "", 1, problem},
		"nothing named":         {"GET", "", "", 1, problem},
		"Chromium's navigation": {"GET", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7", "", 2, page},
		"Firefox's navigation":  {"GET", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", 1, page},
		"fetch":                 {"GET", "*/*", "", 2, problem},
		"axios":                 {"POST", "application/json, text/plain, */*", "application/json", 1, problem},
		"JSON before HTML":      {"GET", "application/json, text/html", "", 1, problem},
		"HTML before JSON":      {"GET", "text/html, application/json", "", 1, page},
		"JSON weighs more":      {"GET", "text/html;q=0.2, application/problem+json;q=0.9", "", 1, problem},
		"HTML weighs more":      {"GET", "application/json;q=0.2, TEXT/HTML", "", 1, page},
		"HTML refused":          {"GET", "text/html;q=0, */*", "", 1, problem},
		"weight unreadable":     {"GET", "text/html;q=NaN", "", 1, problem},
		"text/html in a name":   {"GET", "text/htmlx", "", 1, problem},
		"CONNECT of a browser":  {"CONNECT", "text/html", "", 1, problem},
		"gRPC":                  {"POST", "", "application/grpc", 2, grpc},
		"gRPC with a codec":     {"POST", "", "application/grpc+json; x=y", 2, grpc},
		"gRPC-Web":              {"POST", "", "application/grpc-web+proto", 2, problem},
		"gRPC over HTTP/1":      {"POST", "", "application/grpc", 1, problem},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Method: test.method, ProtoMajor: test.major, Header: http.Header{}}
			for name, value := range map[string]string{"Accept": test.accept, "Content-Type": test.contentType} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if got := blocked().Response(r).Header.Get("Content-Type"); got != test.want {
				t.Errorf("Content-Type %q, want %q", got, test.want)
			}
		})
	}
}

func TestAcceptInSeveralFieldsIsOneList(t *testing.T) {
	r := &http.Request{Header: http.Header{"Accept": {"image/png", "text/html"}}}
	if got := blocked().Response(r).Header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("Content-Type %q, want the page", got)
	}
}

func TestGRPCClientLearnsTheKindOfRefusal(t *testing.T) {
	for status, want := range map[int]string{400: "3", 401: "16", 403: "7", 407: "16", 408: "4", 413: "8", 421: "3",
		451: "7", 500: "13", 502: "14", 503: "14", 504: "4"} {
		refusal := Refusal{Status: status, Reason: "größer als 100 %\n"}
		response := refusal.Response(grpcRequest())
		if response.StatusCode != 200 || response.Header.Get("Grpc-Status") != want {
			t.Errorf("%d: HTTP %d with grpc-status %s, want 200 with %s", status, response.StatusCode,
				response.Header.Get("Grpc-Status"), want)
		}
		if diff := cmp.Diff(http.Header{"Grpc-Status": {want}, "Grpc-Message": {
			"gr%C3%B6%C3%9Fer als 100 %25%0A; flow "}}, refusal.Trailer()); diff != "" {
			t.Errorf("%d: trailers, -want +got:\n%s", status, diff)
		}
	}
}

func TestPageEscapesWhatPeopleWrote(t *testing.T) {
	refusal := blocked()
	const markup = `<script>alert("x")</script>&'`
	refusal.Title, refusal.Reason, refusal.Rule, refusal.Policy = markup, markup, markup, markup
	refusal.LegalBasis, refusal.Contact, refusal.Country = markup, markup, markup
	refusal.Categories, refusal.FlowID = []string{markup}, markup
	page := string(refusal.page())
	if strings.Contains(page, "<script") {
		t.Errorf("markup came through:\n%s", page)
	}
	if got := strings.Count(page, "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;&amp;&#39;"); got != 10 {
		t.Errorf("%d escaped values, want 10:\n%s", got, page)
	}
}

func TestProgramCanDecodeTheProblem(t *testing.T) {
	response := blocked().Response(request("GET", "application/json"))
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"type": "urn:problem-type:borderflow:blocked-by-policy", "title": "Blocked by policy", "status": 451.0,
		"instance": "urn:uuid:01923f5e-7b1a-7000-8000-000000000001", "flow_id": "01923f5e-7b1a-7000-8000-000000000001",
		"reason": blocked().Reason, "error": "http_request_denied", "rule": "cards-stay", "policy": "payments",
		"policy_hash": "sha256:5f0c", "legal_basis": "GDPR Art. 44", "contact": blocked().Contact,
		"destination_country": "US", "categories": []any{"payment-card", "email"}, "detail": blocked().Sentence()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLongTextsLeaveRoomForOtherHeaders(t *testing.T) {
	refusal := blocked()
	refusal.Reason, refusal.Rule = strings.Repeat("ü", 5000), strings.Repeat("r", 5000)
	for _, r := range []*http.Request{request("GET", ""), grpcRequest()} {
		response := refusal.Response(r)
		size := len(response.Status)
		for name, values := range response.Header {
			size += len(name) + len(strings.Join(values, ""))
		}
		if size > 6<<10 {
			t.Errorf("headers take %d bytes", size)
		}
	}
}

// FuzzNoFieldInjectsAHeaderOrMarkup puts text of any kind into every field that people write and
// reads the refusal back as a client would.
func FuzzNoFieldInjectsAHeaderOrMarkup(f *testing.F) {
	f.Add("cards-stay", "a reason", "GDPR Art. 44", "https://proxy.example/", "http_request_denied")
	f.Add("r\r\nInjected: 1", "x\r\n\r\n<script>", "é\x00\"\\", "https://p/>\r\nInjected: 1", "a\r\nInjected: 1")
	f.Add("%0d%0a", "\xff\xfe", "</title><script>", "javascript:x", "\"; details=\"")
	f.Fuzz(func(t *testing.T, rule, text, basis, blockedBy, proxyError string) {
		refusal := Refusal{Status: 403, ProxyError: proxyError, Title: text, Reason: text, FlowID: rule, Rule: rule,
			Policy: rule, PolicyHash: text, LegalBasis: basis, Contact: text, Country: basis,
			Categories: []string{text, rule}, BlockedBy: blockedBy}
		fixed := map[string]bool{"Cache-Control": true, "Proxy-Status": true, FlowHeader: true, RuleHeader: true,
			"Link": true, "X-Content-Type-Options": true, "Content-Type": true, "Content-Length": true,
			"Content-Security-Policy": true, "Grpc-Status": true, "Grpc-Message": true}
		for _, r := range []*http.Request{request("GET", ""), request("GET", "text/html"), grpcRequest()} {
			response := refusal.Response(r)
			var wire bytes.Buffer
			if err := response.Write(&wire); err != nil {
				t.Fatal(err)
			}
			line, _, _ := strings.Cut(wire.String(), "\r\n")
			for _, text := range append(headerValues(response.Header), line) {
				if strings.ContainsFunc(text, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
					t.Errorf("not printable ASCII: %q", text)
				}
			}
			read, err := http.ReadResponse(bufio.NewReader(&wire), r)
			if err != nil {
				t.Fatalf("a client cannot read it: %v", err)
			}
			for name := range read.Header {
				if !fixed[name] {
					t.Errorf("header %q was injected", name)
				}
			}
			body, err := io.ReadAll(read.Body)
			if err != nil {
				t.Fatal(err)
			}
			checkBody(t, read.Header.Get("Content-Type"), body)
			checkProxyStatus(t, read.Header.Get("Proxy-Status"))
		}
	})
}

func headerValues(header http.Header) (values []string) {
	for _, v := range header {
		values = append(values, v...)
	}
	return values
}

// checkBody compares a body with that of a refusal whose texts are harmless: the same structure.
func checkBody(t *testing.T, contentType string, body []byte) {
	switch contentType {
	case "application/problem+json":
		var decoded problem
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&decoded); err != nil || decoded.Status != 403 && decoded.Status != 451 {
			t.Errorf("problem details: status %d, %v", decoded.Status, err)
		}
	case "text/html; charset=utf-8":
		harmless := map[string]int{"<script": 0, "<title": 1, "</title": 1, "<style": 1, "</style": 1, "<h1": 1, "<html": 1}
		for tag, want := range harmless {
			if got := bytes.Count(bytes.ToLower(body), []byte(tag)); got != want {
				t.Errorf("%d of %s in the page, want %d", got, tag, want)
			}
		}
	}
}

// checkProxyStatus reads field as RFC 8941 section 4.2 does: borderflow, parameters, nothing more.
func checkProxyStatus(t *testing.T, field string) {
	rest, ok := strings.CutPrefix(field, "borderflow")
	if !ok {
		t.Fatalf("Proxy-Status %q", field)
	}
	if after, ok := strings.CutPrefix(rest, "; error="); ok {
		end := strings.IndexByte(after, ';')
		if end <= 0 || strings.Trim(after[:end], "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Fatalf("Proxy-Status error in %q", field)
		}
		rest = after[end:]
	}
	details, ok := strings.CutPrefix(rest, `; details="`)
	if !ok {
		t.Fatalf("Proxy-Status details in %q", field)
	}
	for i := 0; i < len(details); i++ {
		switch details[i] {
		case '\\':
			if i++; i == len(details) || details[i] != '"' && details[i] != '\\' {
				t.Fatalf("Proxy-Status escape in %q", field)
			}
		case '"':
			if i != len(details)-1 {
				t.Fatalf("Proxy-Status goes on behind its string: %q", field)
			}
			return
		}
	}
	t.Fatalf("Proxy-Status string without end: %q", field)
}

func TestProxyStatusIsAStructuredFieldItem(t *testing.T) {
	for name, test := range map[string]struct {
		refusal Refusal
		want    string
	}{
		"plain": {Refusal{ProxyError: "http_request_denied", Reason: "no.", FlowID: "f"},
			`borderflow; error=http_request_denied; details="no; flow f"`},
		"quotes and backslashes": {Refusal{ProxyError: "dns_error", Reason: `a "b" \c`, FlowID: "f"},
			`borderflow; error=dns_error; details="a \"b\" \\c; flow f"`},
		"a character outside ASCII is one question mark": {Refusal{ProxyError: "dns_error", Reason: "für 中\n", FlowID: "f"},
			`borderflow; error=dns_error; details="f?r ??; flow f"`},
		"no error type":         {Refusal{Reason: "x", FlowID: "f"}, `borderflow; details="x; flow f"`},
		"an error type as text": {Refusal{ProxyError: `a"; b`, Reason: "x", FlowID: "f"}, `borderflow; details="x; flow f"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.refusal.Response(nil).Header.Get("Proxy-Status")
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			checkProxyStatus(t, got)
		})
	}
}

func TestReasonPhraseCarriesRuleAndFlowOnOneLine(t *testing.T) {
	for name, test := range map[string]struct{ rule, want string }{
		"a rule":                      {"cards-stay", "403 Forbidden by rule cards-stay (flow f)"},
		"no rule":                     {"", "403 Forbidden (flow f)"},
		"line ends in the rule":       {"a\r\nSet-Cookie: b", "403 Forbidden by rule a??Set-Cookie: b (flow f)"},
		"a rule outside ASCII":        {"zahlungsmittelprüfung", "403 Forbidden by rule zahlungsmittelpr?fung (flow f)"},
		"bytes that are not UTF-8":    {"a\xff\xfe", "403 Forbidden by rule a?? (flow f)"},
		"a control character as text": {"a\x00\x7f", "403 Forbidden by rule a?? (flow f)"},
	} {
		t.Run(name, func(t *testing.T) {
			response := Refusal{Status: 403, Rule: test.rule, FlowID: "f"}.Response(request("CONNECT", ""))
			if response.Status != test.want {
				t.Errorf("%q, want %q", response.Status, test.want)
			}
		})
	}
	if got := (Refusal{Status: 599, FlowID: "f"}).Response(nil).Status; got != "599 Refused (flow f)" {
		t.Errorf("status without a standard text: %q", got)
	}
}
