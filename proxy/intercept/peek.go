package intercept

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"
)

// Opening is what a client began to speak inside its tunnel.
type Opening uint8

const (
	OpeningSilent Opening = iota // nothing in time: a protocol in which the server speaks first
	OpeningTLS                   // a ClientHello
	OpeningHTTP                  // an HTTP/1 request
	OpeningOther                 // bytes of another protocol
)

// Peek reads the first bytes of connection, for wait at most, until it can tell what they open. It
// returns the bytes, for the caller to replay, and for OpeningTLS the server name the client claims.
// The error is that of the connection, or of a ClientHello that is malformed, too large or not
// complete in time.
func Peek(connection net.Conn, wait time.Duration) (opening Opening, ahead []byte, serverName string, err error) {
	if err := connection.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return OpeningSilent, nil, "", err
	}
	buffer := make([]byte, 0, 2048)
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := connection.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		opening, serverName, more, helloErr := recognise(buffer)
		switch {
		case helloErr != nil:
			return opening, buffer, "", helloErr
		case !more:
			return opening, buffer, serverName, connection.SetReadDeadline(time.Time{})
		case errors.Is(err, os.ErrDeadlineExceeded) && opening == OpeningSilent:
			return OpeningSilent, nil, "", connection.SetReadDeadline(time.Time{})
		case errors.Is(err, os.ErrDeadlineExceeded) && opening == OpeningHTTP:
			// A word, and then the client waits: HTTP never does.
			return OpeningOther, buffer, "", connection.SetReadDeadline(time.Time{})
		case err != nil:
			return opening, buffer, "", err
		}
	}
}

// recognise names what p opens; more asks for further bytes.
func recognise(p []byte) (opening Opening, serverName string, more bool, err error) {
	if len(p) == 0 {
		return OpeningSilent, "", true, nil
	}
	if p[0] == recordHandshake {
		serverName, err = ServerName(p)
		if errors.Is(err, ErrIncomplete) {
			return OpeningTLS, "", true, nil
		}
		return OpeningTLS, serverName, false, err
	}
	method, _, found := bytes.Cut(p, []byte(" "))
	if len(method) == 0 || len(method) > maxMethod || bytes.ContainsFunc(method, notMethod) {
		return OpeningOther, "", false, nil
	}
	return OpeningHTTP, "", !found, nil
}

// maxMethod is more than the longest method that is registered (UPDATEREDIRECTREF).
const maxMethod = 24

func notMethod(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' }
