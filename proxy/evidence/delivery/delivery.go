// Package delivery copies the evidence log to where others keep and watch it: a collector (OTLP), a
// syslog server, a file, standard output.
//
// Two ideas make it work. First, the log itself is the buffer: each sink reads its segments from a
// cursor of its own on disk, so that a sink that is down, slow or new loses nothing, takes no memory
// and holds up no flow. Second, the cursor moves only over what is known to have arrived, so that
// every record is delivered at least once, in the log's order. After a break some come again: the
// record's id and sequence number (log.record.uid, metadata.uid, event.id …) tell.
//
// What "arrived" means differs. OTLP: the server has answered 200. File: the file was synced.
// Standard output: it was written. Syslog has no answers (RFC 5425 section 5.3 leaves that to the
// transport): the peer's kernel has confirmed the bytes and the connection has stood for five
// seconds after, or the peer has ended it in answer to our end; what is younger is sent again on the
// next connection. A server that leaves more than five seconds of records unread and then dies takes
// them with it: where none may be missing at the receiver, OTLP is the kind to use.
//
// A record that a server refuses for good is counted and logged with its number, and the sink goes on:
// the log has it. Everything else is tried again without end.
//
//	d, err := delivery.New(sinks, delivery.Environment{Directory: evidenceDir, StateDir: stateDir, Log: log})
//	go d.Run(ctx)          // the caller waits for its end
//	err = d.Ready()        // an error while a required sink is too far behind
//
// It leaves the log's format to package evidence, other formats to package convert, refusing flows
// to the data plane, and deleting old segments to whoever does; Cursors says what is still needed.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// Environment is what sinks share.
type Environment struct {
	Directory string // the log's
	StateDir  string // cursors are kept below it, in "delivery"
	Version   string // of borderflow, for events
	// Drain is how long sinks may go on after Run's context has ended, until they have what is in the
	// log. Default 2 s.
	Drain time.Duration
	// Poll is how often a sink that has everything looks for more. Default 200 ms.
	Poll   time.Duration
	Stdout io.Writer   // of the sink of that kind. Default os.Stdout.
	Log    *zap.Logger // is told when a sink fails and when it works again. Default: nobody.

	hostname string
	settle   time.Duration // how long a syslog connection must stand after a record; default 5 s
	firstTry time.Duration // wait after a first failure; default 250 ms
}

func (e Environment) withDefaults() Environment {
	orDefault(&e.Drain, 2*time.Second)
	orDefault(&e.Poll, 200*time.Millisecond)
	orDefault(&e.settle, 5*time.Second)
	orDefault(&e.firstTry, 250*time.Millisecond)
	if e.Stdout == nil {
		e.Stdout = os.Stdout
	}
	if e.Log == nil {
		e.Log = zap.NewNop()
	}
	if name, err := os.Hostname(); err == nil {
		e.hostname = name
	}
	return e
}

func orDefault(field *time.Duration, value time.Duration) {
	if *field == 0 {
		*field = value
	}
}

// Delivery feeds sinks. Its methods may be called from any goroutine.
type Delivery struct {
	env      Environment
	couriers []*courier
}

// New prepares delivery to sinks and puts a cursor down for each new one, so that retention keeps what
// it has not got. It connects to nothing: Run does. Files that the sinks name are read once, so that
// what is wrong with them is said at the start.
func New(sinks []Sink, env Environment) (*Delivery, error) {
	env = env.withDefaults()
	var mistakes []error
	for _, problem := range Validate(sinks) {
		mistakes = append(mistakes, fmt.Errorf("evidence.delivery%s: %s", problem.Field, problem.Message))
	}
	if mistakes != nil {
		return nil, errors.Join(mistakes...)
	}
	d := &Delivery{env: env}
	if len(sinks) == 0 {
		return d, nil
	}
	if err := os.MkdirAll(cursorDirectory(env.StateDir), 0o700); err != nil {
		return nil, fmt.Errorf("open evidence delivery: %w", err)
	}
	for _, sink := range sinks {
		c, err := newCourier(sink, env)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("evidence.delivery %q: %w", sink.Name, err))
			continue
		}
		d.couriers = append(d.couriers, c)
	}
	if mistakes != nil {
		return nil, errors.Join(mistakes...)
	}
	d.look() // so that Ready knows from the start
	return d, nil
}

// Run delivers until ctx ends, and then what is left as far as Environment.Drain allows. It returns
// nil when everything that it started has ended. A Delivery runs once.
func (d *Delivery) Run(ctx context.Context) error {
	if len(d.couriers) == 0 {
		<-ctx.Done()
		return nil
	}
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d.env.Drain, cancel) })
	defer stop()
	var all errgroup.Group
	for _, c := range d.couriers {
		all.Go(func() error { c.run(ctx, hard); return nil })
	}
	all.Go(func() error { d.watch(ctx); return nil })
	return all.Wait()
}

// watch keeps an eye on how far the log is, whatever the sinks are busy with.
func (d *Delivery) watch(ctx context.Context) {
	ticker := time.NewTicker(d.env.Poll)
	defer ticker.Stop()
	for {
		d.look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Delivery) look() {
	newest, err := newestSequence(d.env.Directory)
	if err != nil {
		return // the couriers meet it too, and say so
	}
	for _, c := range d.couriers {
		c.lag.observe(newest, time.Now())
	}
}

// Ready is nil unless a required sink is further behind than its maxLag.
func (d *Delivery) Ready() error {
	var behind []error
	for _, c := range d.couriers {
		if c.options.Required {
			behind = append(behind, c.ready(time.Now()))
		}
	}
	return errors.Join(behind...)
}

// Stats are the numbers of one sink since the process started.
type Stats struct {
	Name, Kind  string
	Delivered   uint64        // records that arrived; one that was sent again counts again
	Failures    uint64        // attempts that did not succeed
	Rejected    uint64        // records that the receiver refused for good
	Unreadable  uint64        // lines of the log that are no records; the sink was told in their place
	Missing     uint64        // numbers that the log skips or that were deleted before they were delivered
	Rewinds     uint64        // times that delivery went back, as the log had been changed behind it
	LagRecords  uint64        // records in the log that are not known to have arrived
	Lag         time.Duration // how long the oldest of them has been waiting; 0 when there is none
	LastError   string        // of the last failure; "" once a later attempt has succeeded
	CursorError string        // why the cursor cannot be stored; "" when it can
}

// Stats returns the numbers of every sink, in the order of the configuration.
func (d *Delivery) Stats() []Stats {
	stats := make([]Stats, 0, len(d.couriers))
	for _, c := range d.couriers {
		stats = append(stats, c.snapshot(time.Now()))
	}
	return stats
}

func cursorDirectory(stateDir string) string { return filepath.Join(stateDir, "delivery") }
