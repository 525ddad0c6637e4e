package redact

import (
	"bytes"
	"net/textproto"
	"strconv"
	"strings"
)

const (
	maxBoundary = 70 // RFC 2046 section 5.1.1
	maxParts    = 1000
)

// readMultipart appends the parts of a multipart body (RFC 2046 section 5.1, RFC 7578). It takes only what
// senders write: nothing before the first boundary, nothing after the last, no transfer encodings.
func (v *view) readMultipart(body []byte, boundary string) error {
	if boundary == "" || len(boundary) > maxBoundary {
		return refuse("a multipart body without a usable boundary")
	}
	delimiter := []byte("--" + boundary)
	v.delimiter = delimiter
	if !bytes.HasPrefix(body, delimiter) {
		return refuse("a multipart body does not begin with its boundary")
	}
	at := len(delimiter)
	for parts := 0; ; parts++ {
		if string(bytes.TrimRight(body[at:], "\r\n")) == "--" {
			return nil
		}
		if parts == maxParts {
			return refuse("a multipart body with too many parts")
		}
		if !bytes.HasPrefix(body[at:], []byte("\r\n")) {
			return refuse("a boundary of a multipart body is malformed")
		}
		at += 2
		length := bytes.Index(body[at-2:], append([]byte("\r\n"), delimiter...)) - 2
		headers := bytes.Index(body[at:], []byte("\r\n\r\n"))
		if length < 0 || headers < 0 || headers+4 > length && headers+2 != length {
			return refuse("a part of a multipart body is malformed")
		}
		if err := v.readPart(body[at:at+headers+2], body[at:at+length], at); err != nil {
			return err
		}
		at += length + 2 + len(delimiter)
	}
}

// readPart appends one part; header is its beginning, without the empty line.
func (v *view) readPart(header, part []byte, at int) error {
	content := min(len(header)+2, len(part))
	body, contentType := part[content:], "text/plain"
	seen := map[string]bool{}
	for line := 0; line < len(header); {
		end := line + bytes.IndexByte(header[line:], '\n')
		name, value, ok := bytes.Cut(header[line:end], []byte(":"))
		key := textproto.CanonicalMIMEHeaderKey(string(name))
		if !ok || seen[key] || bytes.ContainsAny(name, " \t\r") {
			return refuse("the header of a part is malformed")
		}
		seen[key] = true
		text := strings.TrimSpace(string(value))
		switch key {
		case "Content-Type":
			contentType = text
		case "Content-Transfer-Encoding":
			if t := strings.ToLower(text); t != "7bit" && t != "8bit" && t != "binary" {
				return refuse("a part has a transfer encoding, and is not rewritten")
			}
		case "Content-Encoding":
			if !strings.EqualFold(text, "identity") {
				return refuse("a part is compressed, and is not rewritten")
			}
		case "Content-Length":
			if length, err := strconv.Atoi(text); err != nil || length != len(body) || !isDigit(text[0]) {
				return refuse("the length of a part is not as its header says")
			}
			where := line + bytes.Index(header[line:end], []byte(text))
			v.fixes = append(v.fixes, fix{at + where, len(text), at + content, at + len(part)})
		case "Content-Md5", "Digest", "Content-Digest", "Repr-Digest":
			return refuse("a part has a digest, and is not rewritten")
		}
		line = end + 1
	}
	return v.read(body, at+content, contentType, false, true)
}
