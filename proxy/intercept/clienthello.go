package intercept

import (
	"errors"
	"fmt"
)

// MaxClientHello bounds how much of a connection is read while looking for its ClientHello.
const MaxClientHello = 16 << 10

// ErrIncomplete says that a ClientHello may be complete with more bytes.
var ErrIncomplete = errors.New("incomplete ClientHello")

var errRecord = errors.New("not a TLS handshake record")

const (
	recordHandshake  = 22
	recordHead       = 5
	messageHead      = 4
	helloMessage     = 1
	extensionName    = 0 // server_name
	hostNameType     = 0
	maxRecordPayload = 16 << 10 // RFC 8446 section 5.1
)

// ServerName returns the server_name of the TLS ClientHello that p begins with, "" when it names
// none. It returns ErrIncomplete while p ends too early and another error when p cannot be the
// beginning of a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3). The name is the client's
// claim and nothing more; a ClientHello that another reader could take a different name from, by
// naming two, is an error.
func ServerName(p []byte) (string, error) {
	hello, err := clientHello(p)
	if errors.Is(err, ErrIncomplete) && len(p) >= MaxClientHello {
		return "", fmt.Errorf("ClientHello is over %d bytes", MaxClientHello)
	}
	if err != nil {
		return "", err
	}
	// legacy_version, random, session id, cipher suites, compression methods
	rest := reader(hello)
	if !rest.skip(2+32) || !rest.skipVector(1) || !rest.skipVector(2) || !rest.skipVector(1) {
		return "", errors.New("malformed ClientHello: fields end early")
	}
	if len(rest) == 0 {
		return "", nil
	}
	extensions, ok := rest.vector(2)
	if !ok || len(rest) > 0 {
		return "", errors.New("malformed ClientHello: extensions end early or late")
	}
	name, found := "", false
	for len(extensions) > 0 {
		kind, ok := extensions.number(2)
		body, ok2 := extensions.vector(2)
		if !ok || !ok2 {
			return "", errors.New("malformed ClientHello: an extension ends early")
		}
		if kind != extensionName {
			continue
		}
		if found {
			return "", errors.New("malformed ClientHello: server_name is there twice")
		}
		found = true
		if name, err = hostName(body); err != nil {
			return "", err
		}
	}
	return name, nil
}

// clientHello returns the body of the ClientHello at the start of p. As a rule it lies in one TLS
// record and is returned in place.
func clientHello(p []byte) ([]byte, error) {
	record, rest, err := handshakeRecord(p)
	if err != nil {
		return nil, err
	}
	body, err := helloBody(record)
	if !errors.Is(err, ErrIncomplete) || len(rest) == 0 {
		return body, err
	}
	message := append(make([]byte, 0, len(p)), record...)
	for len(rest) > 0 {
		if record, rest, err = handshakeRecord(rest); err != nil {
			return nil, err
		}
		message = append(message, record...)
		if body, err := helloBody(message); !errors.Is(err, ErrIncomplete) {
			return body, err
		}
	}
	return nil, ErrIncomplete
}

// handshakeRecord returns what is there of the payload of the record that p begins with, and what
// follows the record.
func handshakeRecord(p []byte) (payload, rest []byte, err error) {
	if len(p) > 0 && p[0] != recordHandshake || len(p) > 1 && p[1] != 3 {
		return nil, nil, errRecord
	}
	if len(p) < recordHead {
		return nil, nil, ErrIncomplete
	}
	length := int(p[3])<<8 | int(p[4])
	if length == 0 || length > maxRecordPayload {
		return nil, nil, errRecord
	}
	payload = p[recordHead:]
	if len(payload) > length {
		return payload[:length], payload[length:], nil
	}
	return payload, nil, nil
}

// helloBody returns the body of the ClientHello that the handshake message begins with.
func helloBody(message []byte) ([]byte, error) {
	if len(message) > 0 && message[0] != helloMessage {
		return nil, errors.New("the first TLS handshake message is not a ClientHello")
	}
	if len(message) < messageHead {
		return nil, ErrIncomplete
	}
	size := int(message[1])<<16 | int(message[2])<<8 | int(message[3])
	if size > MaxClientHello {
		return nil, fmt.Errorf("ClientHello is over %d bytes", MaxClientHello)
	}
	if len(message) < messageHead+size {
		return nil, ErrIncomplete
	}
	return message[messageHead : messageHead+size], nil
}

// hostName reads the server_name extension: the one name of type host_name.
func hostName(extension reader) (string, error) {
	names, ok := extension.vector(2)
	if !ok || len(names) == 0 || len(extension) > 0 {
		return "", errors.New("malformed ClientHello: server_name ends early or late")
	}
	host := ""
	for len(names) > 0 {
		kind, ok := names.number(1)
		name, ok2 := names.vector(2)
		switch {
		case !ok || !ok2 || len(name) == 0:
			return "", errors.New("malformed ClientHello: server_name ends early")
		case kind != hostNameType:
		case host != "":
			return "", errors.New("malformed ClientHello: server_name names two hosts")
		default:
			host = string(name)
		}
	}
	return host, nil
}

// reader takes TLS presentation-language values off the front of a byte slice.
type reader []byte

func (r *reader) number(width int) (value int, ok bool) {
	if len(*r) < width {
		return 0, false
	}
	for _, b := range (*r)[:width] {
		value = value<<8 | int(b)
	}
	*r = (*r)[width:]
	return value, true
}

func (r *reader) skip(n int) bool {
	if len(*r) < n {
		return false
	}
	*r = (*r)[n:]
	return true
}

func (r *reader) vector(width int) (reader, bool) {
	n, ok := r.number(width)
	if !ok || len(*r) < n {
		return nil, false
	}
	body := (*r)[:n]
	*r = (*r)[n:]
	return body, true
}

func (r *reader) skipVector(width int) bool {
	_, ok := r.vector(width)
	return ok
}
