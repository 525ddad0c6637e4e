package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// syslog sends records in the format of RFC 5424 over TLS (RFC 5425), or over TCP where the
// configuration says so, counted in octets (RFC 6587 section 3.4.1).
type syslog struct {
	options  Sink
	env      Environment
	hostname string
	process  string

	conn   net.Conn      // nil when there is none
	raw    *counted      // the TCP connection under conn
	gone   chan struct{} // closed when the peer has ended conn
	sends  []handing     // on this connection that confirm has not confirmed
	buffer []byte
}

// counted is a connection that knows how many bytes were written to it.
type counted struct {
	net.Conn
	written int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written += int64(n)
	return n, err
}

// handing is one batch that was sent.
type handing struct {
	number uint64
	at     time.Time
	total  int64 // written to the connection by then
}

func newSyslog(options Sink, env Environment) (*syslog, error) {
	if _, err := options.TLS.config(); err != nil {
		return nil, err
	}
	return &syslog{options: options, env: env, hostname: printable(env.hostname, 255), process: strconv.Itoa(os.Getpid())}, nil
}

// printable returns s as a header field of RFC 5424: printable ASCII without spaces, "-" when there is
// nothing of that.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

func (s *syslog) send(ctx context.Context, number uint64, messages []message) error {
	if s.broken() {
		owes := len(s.sends) > 0
		s.drop()
		if owes {
			return s.ended() // what was sent before comes first
		}
	}
	if s.conn == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	s.buffer = s.buffer[:0]
	for i := range messages {
		s.buffer = s.frame(s.buffer, &messages[i])
	}
	raw := s.raw
	stop := context.AfterFunc(ctx, func() { _ = raw.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := s.raw.SetWriteDeadline(time.Now().Add(attemptTimeout)); err != nil {
		s.drop()
		return fmt.Errorf("send evidence to %s: %w", s.options.Address, err)
	}
	if _, err := s.conn.Write(s.buffer); err != nil {
		s.drop()
		return fmt.Errorf("send evidence to %s: %w", s.options.Address, plainly(err))
	}
	s.sends = append(s.sends, handing{number, time.Now(), s.raw.written})
	return nil
}

func (s *syslog) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	tcp, err := new(net.Dialer).DialContext(ctx, "tcp", s.options.Address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.options.Address, plainly(err))
	}
	raw := &counted{Conn: tcp}
	conn := net.Conn(raw)
	if !s.options.Plaintext {
		config, err := s.options.TLS.config()
		if err != nil {
			return errors.Join(err, raw.Close())
		}
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(s.options.Address)
		}
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return fmt.Errorf("connect to %s: %w", s.options.Address, plainly(err))
		}
		conn = secured
	}
	s.conn, s.raw, s.gone, s.sends = conn, raw, make(chan struct{}), nil
	go listen(conn, s.gone) // ends with conn; drop waits for it
	return nil
}

// listen waits for the peer to end the connection: a syslog server says nothing else.
func listen(conn net.Conn, gone chan<- struct{}) {
	defer close(gone)
	_, _ = io.Copy(io.Discard, conn)
}

func (s *syslog) broken() bool {
	if s.conn == nil {
		return false
	}
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

func (s *syslog) drop() {
	if s.conn == nil {
		return
	}
	_ = s.raw.Close()
	<-s.gone
	s.conn, s.raw, s.sends = nil, nil, nil
}

func (s *syslog) ended() error {
	return fmt.Errorf("send evidence to %s: the server has ended the connection", s.options.Address)
}

// confirm takes as arrived what the peer's kernel has confirmed, once the connection has stood for a
// while longer: a server that ends takes what it has not read with it, and that ends the connection.
func (s *syslog) confirm() (uint64, error) {
	if s.conn == nil || s.broken() {
		s.drop()
		return 0, s.ended()
	}
	now := time.Now()
	known := s.raw.written - int64(max(0, unsent(s.raw.Conn)))
	if len(s.sends) > 0 && s.sends[0].total > known && now.Sub(s.sends[0].at) > attemptTimeout {
		s.drop()
		return 0, fmt.Errorf("send evidence to %s: nothing was confirmed for %v", s.options.Address, attemptTimeout)
	}
	n, through := 0, uint64(0)
	for n < len(s.sends) && s.sends[n].total <= known && now.Sub(s.sends[n].at) >= s.env.settle {
		through = s.sends[n].number
		n++
	}
	s.sends = append(s.sends[:0], s.sends[n:]...)
	return through, nil
}

// lastWait is how long the peer may take to end a connection that we have ended.
const lastWait = 2 * time.Second

// close ends the connection in order. A peer that ends it too has read all that was sent.
func (s *syslog) close() bool {
	if s.conn == nil || s.broken() {
		s.drop()
		return false
	}
	defer s.drop()
	half, ok := s.conn.(interface{ CloseWrite() error })
	if s.options.Plaintext {
		half, ok = s.raw.Conn.(interface{ CloseWrite() error })
	}
	if !ok || s.raw.SetWriteDeadline(time.Now().Add(lastWait)) != nil || half.CloseWrite() != nil {
		return false
	}
	if !s.options.Plaintext {
		// TLS's end of data is for TLS; the peer's kernel is told as well.
		if tcp, ok := s.raw.Conn.(*net.TCPConn); !ok || tcp.CloseWrite() != nil {
			return false
		}
	}
	select {
	case <-s.gone:
		return unsent(s.raw.Conn) <= 0
	case <-time.After(lastWait):
		return false
	}
}

// Priorities (RFC 5424 section 6.2.1): facility 13, log audit, times 8, and the severity.
const (
	facilityAudit = 13 * 8
	severityError = 3
	severityWarn  = 4
	severityInfo  = 6
)

// maxSequence is that of sequenceId (RFC 5424 section 7.3.1).
const maxSequence = 1<<31 - 1

// frame appends a message: its length in octets, and
//
//	<PRI>1 TIMESTAMP HOSTNAME borderflow PROCID MSGID [meta sequenceId="…"] EVENT
//
// There is no byte order mark before the event, as many servers take it for a part of the JSON; it
// makes the event MSG-ANY in the RFC's terms.
func (s *syslog) frame(dst []byte, m *message) []byte {
	priority := facilityAudit + severityInfo
	switch m.header.level() {
	case alarming:
		priority = facilityAudit + severityError
	case notable:
		priority = facilityAudit + severityWarn
	}
	head := make([]byte, 0, 128)
	head = append(head, '<')
	head = strconv.AppendInt(head, int64(priority), 10)
	head = append(head, ">1 "...)
	head = m.header.Time.UTC().AppendFormat(head, "2006-01-02T15:04:05.000000Z")
	head = append(head, ' ')
	head = append(head, s.hostname...)
	head = append(head, " borderflow "...)
	head = append(head, s.process...)
	head = append(head, ' ')
	head = append(head, printable(m.header.title(), 32)...)
	if m.header.Seq > 0 {
		head = append(head, ` [meta sequenceId="`...)
		head = strconv.AppendUint(head, (m.header.Seq-1)%maxSequence+1, 10)
		head = append(head, `"] `...)
	} else {
		head = append(head, " - "...)
	}
	dst = strconv.AppendInt(dst, int64(len(head)+len(m.event)), 10)
	dst = append(dst, ' ')
	dst = append(dst, head...)
	return append(dst, m.event...)
}
