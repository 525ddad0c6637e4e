package proxy

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/elazarl/goproxy"
)

// RoundTrip forwards an admitted request to the address that was decided on. It always answers with a
// response: trouble with the origin becomes a refusal, never a Go error that goproxy would show.
func (x *exchange) RoundTrip(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
	response, err := x.send(r)
	for err != nil && x.stoppedBy() == nil && r.Context().Err() == nil {
		retry, refusal := x.retarget(err)
		if refusal != nil {
			return x.refuse(r, refusal), nil
		}
		if !retry {
			break
		}
		response, err = x.send(r)
	}
	if err != nil && r.Context().Err() != nil && x.body != nil {
		x.body.awaitRead()
	}
	if stopped := x.stoppedBy(); stopped != nil {
		if err == nil {
			_ = response.Body.Close()
		}
		return x.refuse(r, stopped), nil
	}
	if err != nil {
		if r.Context().Err() != nil {
			x.settle(evidence.Aborted, "")
		}
		return x.refuse(r, x.trouble(err)), nil
	}
	x.answered(response.TLS)
	if response.StatusCode == http.StatusSwitchingProtocols {
		return x.switchProtocols(r, response), nil
	}
	removeHopByHop(response.Header, false)
	response.Header.Del("Te")
	if len(response.Trailer) > 0 && r.ProtoMajor == 1 {
		response.Header.Del("Content-Length") // HTTP/2 may have both; HTTP/1.1 has trailers with chunks only
	}
	response.Body = &responseBody{ReadCloser: response.Body, exchange: x, response: response}
	return response, nil
}

// answered keeps when the origin answered, and its certificate, for the record. The handshake comes after the decision, which
// must not change with what only the second request to an origin can know.
func (x *exchange) answered(connection *tls.ConnectionState) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.answeredAfter = time.Since(x.flow.Started)
	if connection != nil && len(connection.VerifiedChains) > 0 {
		x.certificate = connection.VerifiedChains[0][0]
	}
}

// send tries the pinned address once. The transport closes the body of an attempt that failed; the
// server closes the real one.
func (x *exchange) send(r *http.Request) (*http.Response, error) {
	attempt := *r
	if r.Body != http.NoBody {
		attempt.Body = io.NopCloser(r.Body)
	}
	if l := x.proxy.labels; l.remove && len(r.Header[l.header]) > 0 {
		attempt.Header = r.Header.Clone() // rules may ask for the header until the flow has ended
		delete(attempt.Header, l.header)
	}
	return x.proxy.pool.RoundTrip(&attempt, x.target, x.class, x.upgrade)
}

// lasts reports whether the answer is a stream that may go on for as long as client and origin like.
func lasts(response *http.Response) bool {
	return answer.IsGRPC(response.Request) || strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream")
}

// responseBody counts what comes back, and notices when the origin breaks off or a message of the
// request, which is still being sent, may not leave.
type responseBody struct {
	io.ReadCloser
	exchange *exchange
	response *http.Response
	begun    bool
}

func (b *responseBody) Read(p []byte) (int, error) {
	x := b.exchange
	if !b.begun {
		b.begun = true
		if b.response.ContentLength < 0 {
			x.writer.Flush() // the head of a stream does not wait for its first byte
			if lasts(b.response) {
				x.recordOpening(b.response.Request.Context())
			}
		}
	}
	n, err := b.ReadCloser.Read(p)
	x.received.Add(int64(n))
	if err == nil || err == io.EOF {
		return n, err
	}
	if stopped := x.stoppedBy(); stopped != nil {
		x.refuse(b.response.Request, stopped)
		if answer.IsGRPC(b.response.Request) {
			b.response.Trailer = stopped.Trailer()
			return n, io.EOF
		}
	}
	if b.response.Request.Context().Err() != nil {
		x.settle(evidence.Aborted, "")
	}
	x.settle(evidence.Failed, "http_response_incomplete")
	x.broken.Store(true)
	return n, err
}
