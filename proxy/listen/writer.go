package listen

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Writer is the ResponseWriter that requests are answered through. It adds to http.Server's own:
//
//   - a response without Content-Length is flushed per read, so that streams arrive as they are sent;
//   - a client that takes nothing for the limit's time ends the response;
//   - a hijacked connection is the bare socket, with nothing that was read ahead lost, and is
//     remembered, so that whoever serves the request can close it.
//
// It belongs to the goroutine that serves the request, but for CloseHijacked.
type Writer struct {
	http.ResponseWriter
	control   *http.ResponseController
	stall     time.Duration
	flushEach bool

	movedAt time.Time   // HTTP/1: when the connection's write deadline was last moved on
	timer   *time.Timer // HTTP/2: runs while a write does

	Status   int   // of the final response; 0 until its headers have been written
	Bytes    int64 // of the response's body so far
	Hijacked net.Conn

	mutex    sync.Mutex
	writing  bool  // HTTP/2: a write is under way
	hijacked *Conn // owns Hijacked's place among the limited connections
}

// NewWriter wraps w; the second value is what the request is to be answered through: over HTTP/1 it
// is an http.Hijacker as well. stall is Limits.WriteStall.
func NewWriter(w http.ResponseWriter, stall time.Duration) (*Writer, http.ResponseWriter) {
	writer := &Writer{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
	if _, ok := w.(http.Hijacker); ok {
		return writer, hijackable{writer}
	}
	if stall > 0 {
		writer.timer = time.AfterFunc(stall, writer.stalled)
		writer.timer.Stop()
	}
	return writer, writer
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sends the response's head.
func (w *Writer) WriteHeader(status int) {
	w.beginWrite()
	defer w.endWrite()
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.Status = status
		w.flushEach = status >= 200 && w.Header().Get("Content-Length") == ""
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends part of the response's body.
func (w *Writer) Write(p []byte) (int, error) {
	if w.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.beginWrite()
	defer w.endWrite()
	n, err := w.ResponseWriter.Write(p)
	w.Bytes += int64(n)
	if err == nil && w.flushEach {
		err = w.control.Flush()
	}
	return n, err
}

// Flush sends what is buffered.
func (w *Writer) Flush() {
	if w.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.beginWrite()
	defer w.endWrite()
	_ = w.control.Flush()
}

var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadFrom copies from source with a pooled buffer; io.Copy would allocate one for each response.
// Each write is a buffer's at most, so that a slow client is not taken for one that has stopped.
func (w *Writer) ReadFrom(source io.Reader) (int64, error) {
	buffer := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{source}, buffer[:])
}

// beginWrite limits the time that the write which follows may take.
//
// Over HTTP/1 that is the connection's write deadline. It costs a timer in the runtime, so that it
// is moved now and then only. Over HTTP/2 a deadline would end the stream when it comes, even if
// nothing was being written: a stream that is quiet for longer would break.
func (w *Writer) beginWrite() {
	switch {
	case w.stall <= 0:
	case w.timer != nil:
		w.setWriting(true)
		w.timer.Reset(w.stall)
	default:
		if now := time.Now(); now.Sub(w.movedAt) > min(w.stall/8, time.Second) {
			w.movedAt = now
			_ = w.control.SetWriteDeadline(now.Add(w.stall))
		}
	}
}

func (w *Writer) endWrite() {
	if w.timer != nil {
		w.timer.Stop()
		w.setWriting(false)
	}
}

func (w *Writer) setWriting(writing bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.writing = writing
}

// stalled ends the HTTP/2 stream whose client takes nothing. The mutex keeps the handler from
// returning meanwhile: the server's writer is gone then.
func (w *Writer) stalled() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.writing {
		_ = w.control.SetWriteDeadline(time.Unix(1, 0))
	}
}

// CloseHijacked closes the connection that was taken over, if any. It may be called from any
// goroutine.
func (w *Writer) CloseHijacked() {
	w.mutex.Lock()
	owner, connection := w.hijacked, w.Hijacked
	w.mutex.Unlock()
	if owner != nil {
		_ = owner.Close()
	} else if connection != nil {
		_ = connection.Close()
	}
}

// Release gives the hijacked connection to the caller, who closes the returned Conn in the end.
func (w *Writer) Release() *Conn {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	conn := w.hijacked
	w.Hijacked, w.hijacked = nil, nil
	return conn
}

type hijackable struct{ *Writer }

// Hijack takes the connection over. What the server had read behind the request is replayed by the
// returned connection; where it had read nothing, the connection is the bare one (data-plane rows
// 5 and 15), with no deadline left on it.
func (w hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return nil, nil, err
	}
	_ = connection.SetDeadline(time.Time{})
	conn, ok := connection.(*Conn)
	if ok {
		conn.framing = nil
		connection = conn.Bare()
	}
	if n := buffered.Reader.Buffered(); n > 0 {
		ahead := make([]byte, n)
		_, _ = io.ReadFull(buffered.Reader, ahead) // what is buffered can always be read
		connection = &Replayed{Conn: connection, ahead: ahead}
	}
	w.mutex.Lock()
	w.Hijacked, w.hijacked = connection, conn
	w.mutex.Unlock()
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	empty := bufio.NewReadWriter(bufio.NewReaderSize(connection, 16), bufio.NewWriterSize(connection, 16))
	return connection, empty, nil
}

// Replayed is a connection whose first bytes had already been read.
type Replayed struct {
	net.Conn
	ahead []byte
}

// Read returns the bytes that were read ahead first.
func (c *Replayed) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// TakeAhead returns what was read ahead and the bare connection behind it.
func (c *Replayed) TakeAhead() ([]byte, net.Conn) {
	ahead := c.ahead
	c.ahead = nil
	return ahead, c.Conn
}

// NewReplayed returns connection with ahead in front of what it will read.
func NewReplayed(connection net.Conn, ahead []byte) *Replayed {
	return &Replayed{Conn: connection, ahead: ahead}
}
