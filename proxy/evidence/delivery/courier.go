package delivery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/borderflow/borderflow/proxy/evidence/convert"
)

// receiver is where a courier takes messages. Its methods are called by one goroutine.
type receiver interface {
	// send hands messages over, all of them or none as far as the caller is concerned, as the batch of
	// that number; numbers rise. A *refusal is about messages that will never be taken; any other error
	// about an attempt that may be repeated.
	send(ctx context.Context, number uint64, messages []message) error
	// confirm returns the number up to which batches are known to have arrived. An error says that what
	// was not confirmed before may be lost on the way, and has to be sent again.
	confirm() (uint64, error)
	// close ends the connection, and reports whether all that was sent is known to have arrived.
	close() bool
}

// refusal says that the receiver will not take some of the messages, whatever is done.
type refusal struct {
	messages int
	err      error
}

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// delayed is a failure after which the receiver asked for patience.
type delayed struct {
	after time.Duration
	err   error
}

func (e *delayed) Error() string { return e.err.Error() }
func (e *delayed) Unwrap() error { return e.err }

// everything is what confirm returns of a receiver whose send does not return before.
const everything = math.MaxUint64

const (
	confirmEvery = 500 * time.Millisecond // and with it the cursor's sync to disk
	longestWait  = 30 * time.Second       // between attempts
	longestDelay = 5 * time.Minute        // that a receiver can ask for
)

// courier brings the log to one sink.
type courier struct {
	options   Sink
	env       Environment
	path      string // of the cursor
	receiver  receiver
	converter *convert.Converter
	tail      tail
	pending   []sent // handed over, not known to have arrived
	number    uint64 // of the last batch
	asked     time.Time
	confirmed Cursor
	failing   int // attempts in a row
	lag       lag

	mu    sync.Mutex
	stats Stats
}

// sent is a batch that was handed over.
type sent struct {
	end     Cursor
	records uint64
	number  uint64
}

func newCourier(options Sink, env Environment) (*courier, error) {
	if options.Format == "" {
		options.Format = "native"
	}
	converter, err := convert.New(options.Format, convert.Producer{Version: env.Version, Hostname: env.hostname})
	if err != nil {
		return nil, err
	}
	c := &courier{options: options, env: env, converter: converter,
		path:  filepath.Join(cursorDirectory(env.StateDir), options.Name+cursorSuffix),
		stats: Stats{Name: options.Name, Kind: options.Kind}}
	if c.receiver, err = newReceiver(options, env); err != nil {
		return nil, err
	}
	c.confirmed, err = loadCursor(c.path)
	c.lag.since = time.Now()
	switch {
	case errors.Is(err, os.ErrNotExist):
		if options.Start == "newest" {
			if c.confirmed, err = newest(env.Directory); err != nil {
				return nil, err
			}
		}
		if err := c.confirmed.save(c.path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if info, err := os.Stat(c.path); err == nil {
			c.lag.since = info.ModTime()
		}
	}
	c.lag.delivered = c.confirmed.Seq
	c.tail = tail{directory: env.Directory, at: c.confirmed, rewound: c.rewound}
	return c, nil
}

func newReceiver(options Sink, env Environment) (receiver, error) {
	switch options.Kind {
	case "otlp":
		return newOTLP(options, env)
	case "syslog":
		return newSyslog(options, env)
	case "file":
		return newFile(options), nil
	}
	return newStream(env.Stdout), nil
}

// run delivers until ctx has ended and nothing is left, or nothing can be delivered now, or hard has
// ended.
func (c *courier) run(ctx, hard context.Context) {
	defer c.end()
	for hard.Err() == nil {
		c.confirm(false)
		entries, err := c.tail.next()
		if err != nil {
			c.failed(err)
			if !c.wait(ctx, c.backoff(err)) {
				return
			}
			continue
		}
		if len(entries) == 0 {
			if !c.wait(ctx, c.env.Poll) {
				return
			}
			continue
		}
		if !c.deliver(ctx, hard, entries) {
			return
		}
	}
}

// deliver sends until the receiver has taken the entries. False: the courier is to end.
func (c *courier) deliver(ctx, hard context.Context, entries []entry) bool {
	from := c.confirmed.Seq
	if n := len(c.pending); n > 0 {
		from = c.pending[n-1].end.Seq
	}
	native := c.options.Format == "native"
	plain := native && (c.options.Kind == "file" || c.options.Kind == "stdout")
	batch, end, n, err := messages(c.converter, native, plain, entries, from)
	if err != nil { // no text of a record makes this happen; it would have to be sent again all the same
		c.failed(err)
		c.tail.seek(entries[0].begin)
		return c.wait(ctx, c.backoff(err))
	}
	c.number++
	for {
		err := c.receiver.send(hard, c.number, batch)
		var refused *refusal
		if err == nil || errors.As(err, &refused) {
			c.handedOver(end, n, refused)
			return true
		}
		c.failed(err)
		lost := c.returned()
		if !c.wait(ctx, c.backoff(err)) {
			return false
		}
		if lost {
			return true // the tail stands before what has to be sent first
		}
	}
}

func (c *courier) handedOver(end Cursor, n counts, refused *refusal) {
	c.pending = append(c.pending, sent{end, n.records, c.number})
	c.mu.Lock()
	c.stats.Unreadable += n.unreadable
	c.stats.Missing += n.missing
	if refused != nil {
		c.stats.Rejected += uint64(refused.messages)
		c.stats.LastError = refused.Error()
	} else {
		c.stats.LastError = ""
	}
	c.mu.Unlock()
	if refused != nil {
		c.env.Log.Error("evidence records were refused by the sink and are not delivered", zap.String("sink", c.options.Name),
			zap.Int("records", refused.messages), zap.Uint64("up_to", end.Seq), zap.Error(refused))
	}
	if n.missing > 0 {
		c.env.Log.Warn("evidence records are missing from what is delivered", zap.String("sink", c.options.Name),
			zap.Uint64("records", n.missing), zap.Uint64("before", end.Seq))
	}
	if c.failing > 0 {
		c.env.Log.Info("evidence sink works again", zap.String("sink", c.options.Name), zap.Int("after_attempts", c.failing))
		c.failing = 0
	}
}

// returned takes back what was sent and not confirmed, and reports whether there was any.
func (c *courier) returned() bool {
	if len(c.pending) == 0 {
		return false
	}
	if _, err := c.receiver.confirm(); err == nil {
		return false // nothing was lost by the failure
	}
	c.pending = nil
	c.tail.seek(c.confirmed)
	return true
}

// confirm moves the cursor over what has arrived.
func (c *courier) confirm(now bool) {
	if len(c.pending) == 0 || (!now && time.Since(c.asked) < confirmEvery) {
		return
	}
	c.asked = time.Now()
	through, err := c.receiver.confirm()
	if err != nil {
		c.failed(err)
		c.pending = nil
		c.tail.seek(c.confirmed)
		return
	}
	c.arrived(through)
}

func (c *courier) arrived(through uint64) {
	records, n := uint64(0), 0
	for n < len(c.pending) && c.pending[n].number <= through {
		records += c.pending[n].records
		n++
	}
	if n == 0 {
		return
	}
	c.confirmed = c.pending[n-1].end
	c.pending = append(c.pending[:0], c.pending[n:]...)
	err := c.confirmed.save(c.path)
	c.lag.arrived(c.confirmed.Seq)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Delivered += records
	if c.stats.CursorError = ""; err != nil {
		c.stats.CursorError = err.Error()
	}
}

func (c *courier) end() {
	c.confirm(true)
	c.tail.close()
	if c.receiver.close() {
		c.arrived(everything)
	}
}

func (c *courier) rewound() {
	c.mu.Lock()
	c.stats.Rewinds++
	c.mu.Unlock()
	c.env.Log.Warn("the evidence log is not what was delivered from it; delivery goes back", zap.String("sink", c.options.Name))
}

func (c *courier) failed(err error) {
	c.failing++
	c.mu.Lock()
	c.stats.Failures++
	c.stats.LastError = err.Error()
	c.mu.Unlock()
	if c.failing == 1 {
		c.env.Log.Warn("evidence sink fails; records wait in the log", zap.String("sink", c.options.Name), zap.Error(err))
	}
}

// backoff doubles from firstTry up to longestWait, and takes between half and all of that, so that
// many proxies do not come back at once.
func (c *courier) backoff(err error) time.Duration {
	var asked *delayed
	if errors.As(err, &asked) && asked.after > 0 {
		return min(asked.after, longestDelay)
	}
	wait := c.env.firstTry << min(max(c.failing-1, 0), 10)
	wait = min(wait, longestWait)
	return wait/2 + rand.N(wait/2+1)
}

// wait returns false when ctx ended first.
func (c *courier) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (c *courier) snapshot(now time.Time) Stats {
	c.mu.Lock()
	stats := c.stats
	c.mu.Unlock()
	stats.LagRecords, stats.Lag = c.lag.read(now)
	return stats
}

func (c *courier) ready(now time.Time) error {
	stats, bounds := c.snapshot(now), c.options.bounds()
	if (bounds.Records == 0 || stats.LagRecords <= bounds.Records) && (bounds.Time == 0 || stats.Lag <= bounds.Time) {
		return nil
	}
	err := fmt.Errorf("evidence sink %q is %d records and %v behind", stats.Name, stats.LagRecords, stats.Lag.Round(time.Second))
	if stats.LastError != "" {
		err = fmt.Errorf("%w: %s", err, stats.LastError)
	}
	return err
}
