package evidence

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// line is a record on its way to bytes. It is pooled, and its parts reach the encoder as pointers,
// because each value that is converted to an interface would cost an allocation.
type line struct {
	record  *Record
	fields  [1]zapcore.Field
	scratch [64]byte // an address in text
}

var (
	lines = sync.Pool{New: func() any { return new(line) }}

	// With no key configured the encoder writes nothing of its own: the fields are the object.
	encoder = zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		EncodeTime: zapcore.RFC3339NanoTimeEncoder,
	})
)

// encode writes r as {...}\n without schema and sequence number, which the Log puts in front when
// it gives the record its place. The caller frees the buffer.
func encode(r *Record) (*buffer.Buffer, error) {
	l := lines.Get().(*line)
	l.record = r
	l.fields[0] = zap.Inline(l)
	encoded, err := encoder.EncodeEntry(zapcore.Entry{}, l.fields[:])
	*l = line{}
	lines.Put(l)
	return encoded, err
}

// appendLine appends to dst the whole line of the record with sequence number seq, of which
// encoded is what encode returned.
func appendLine(dst []byte, seq uint64, encoded []byte) []byte {
	dst = append(dst, `{"schema":"`+Schema+`","seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	dst = append(dst, ',')
	return append(dst, encoded[1:]...)
}

// lineOverhead is at least what appendLine adds to the encoded record.
const lineOverhead = len(`{"schema":"`+Schema+`","seq":`) + 20

// MarshalLogObject writes the record. Every key is written by hand, so that nothing is reflected on
// and a new field of Record is not published by accident.
func (l *line) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	r := l.record
	addString(enc, "kind", r.Kind, maxToken)
	enc.AddTime("time", r.Time.UTC())
	if r.Recovery != nil {
		return enc.AddObject("recovery", r.Recovery)
	}
	addString(enc, "id", r.ID, maxVersion)
	addObjects(enc,
		object{"source", (*sourceObject)(l)},
		object{"destination", (*destinationObject)(l)},
		object{"request", (*requestObject)(&r.Request)},
		object{"data", (*dataObject)(&r.Data)},
	)
	enc.AddString("verdict", bounded(r.Verdict, maxToken))
	addString(enc, "rule", r.Rule, maxName)
	addString(enc, "policy", r.Policy, maxName)
	addString(enc, "policy_hash", r.PolicyHash, maxVersion)
	addString(enc, "legal_basis", r.LegalBasis, maxText)
	addString(enc, "phase", r.Phase, maxToken)
	addTrue(enc, "uninspectable", r.Uninspectable)
	l.addRules(enc)
	addString(enc, "inspection", r.Inspection, maxToken)
	enc.AddString("outcome", bounded(string(r.Outcome), maxToken))
	addString(enc, "error", r.Error, maxToken)
	addInt(enc, "status", int64(r.Status))
	addObjects(enc, object{"bytes", (*transferredObject)(&r.Bytes)})
	enc.AddFloat64("duration_ms", float64(r.Duration.Microseconds())/1000)
	addString(enc, "parent", r.Parent, maxVersion)
	if len(r.Unavailable) > 0 {
		enc.AddArray("unavailable", (*stringArray)(&r.Unavailable))
	}
	addTrue(enc, "truncated", r.Truncated || r.listsCut())
	return nil
}

func (l *line) addRules(enc zapcore.ObjectEncoder) {
	r := l.record
	if len(r.Policies) > 0 {
		enc.AddArray("policies", (*policyArray)(&r.Policies))
	}
	if len(r.Logged) > 0 {
		enc.AddArray("logged", (*loggedArray)(&r.Logged))
	}
	if len(r.Shadow) > 0 {
		enc.AddArray("shadow", (*shadowArray)(&r.Shadow))
	}
	if len(r.Errors) > 0 {
		enc.AddArray("errors", (*errorArray)(&r.Errors))
	}
	if len(r.Exemptions) > 0 {
		enc.AddArray("exemptions", (*nameArray)(&r.Exemptions))
	}
}

type object struct {
	key   string
	value zapcore.ObjectMarshaler
}

// addObjects drops the errors of AddObject: they are those of the marshalers below, which have none.
func addObjects(enc zapcore.ObjectEncoder, objects ...object) {
	for _, o := range objects {
		enc.AddObject(o.key, o.value)
	}
}

func addString(enc zapcore.ObjectEncoder, key, value string, limit int) {
	if value != "" {
		enc.AddString(key, bounded(value, limit))
	}
}

func addInt(enc zapcore.ObjectEncoder, key string, value int64) {
	if value != 0 {
		enc.AddInt64(key, value)
	}
}

func addTrue(enc zapcore.ObjectEncoder, key string, value bool) {
	if value {
		enc.AddBool(key, true)
	}
}

func addTime(enc zapcore.ObjectEncoder, key string, value time.Time) {
	if !value.IsZero() {
		enc.AddTime(key, value.UTC())
	}
}

// addAddress writes nothing for an address that is not known, and no zone: it names an interface
// of this machine, and a zone may be any text.
func (l *line) addAddress(enc zapcore.ObjectEncoder, key string, address netip.Addr) {
	if address.IsValid() {
		enc.AddByteString(key, address.WithZone("").AppendTo(l.scratch[:0]))
	}
}
