package classify

import (
	"encoding/base32"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// readRequest reads what surrounds the payload as one record, beside it: path, query, host, the URL's user
// and the headers.
func (s *Stream) readRequest(meta *Meta) {
	if meta.Path == "" && meta.Query == "" && meta.UserInfo == "" && meta.Host == "" && len(meta.Header) == 0 {
		return
	}
	other := s.beside("path")
	other.readAside(other.percent("", false), meta.Path)
	other.scan.at(place{name: "query"})
	other.readAside(other.percent("", true), meta.Query)
	other.scan.at(place{name: "url user", credentials: true})
	other.readAside(other.percent("", false), meta.UserInfo)
	other.scan.at(place{name: "host"})
	other.readHost(meta.Host)
	other.scan.at(place{name: "header"})
	other.readHeader(meta.Header)
	s.absorbAside(other)
}

// ReadTrailer reads the fields that followed the payload. It must be called before Finish.
func (s *Stream) ReadTrailer(fields map[string][]string) {
	other := s.beside("trailer")
	other.readHeader(fields)
	s.absorbAside(other)
}

// absorbAside adds what was found around the payload. What could not be read there does not count into the
// payload's coverage, unless a budget ran out over it.
func (s *Stream) absorbAside(other *Stream) {
	other.absorbAll()
	if other.coverage.exceeded {
		s.overBudget(other.coverage.reason)
	}
	other.coverage = coverage{}
	s.absorb(other)
}

// readAside reads text by way of first.
func (s *Stream) readAside(first sink, text string) {
	if text != "" {
		first.write([]byte(text))
	}
	first.close()
}

func (s *Stream) percent(key string, form bool) sink {
	return &percentDecoder{outlet: outlet{next: s.aside(key)}, form: form}
}

// readHeader reads fields in the order of their names. The credentials that a client shows to the origin
// (Authorization, Cookie) are where they belong: that they are credentials is no finding, and what is
// encoded in an Authorization is the origin's own token.
func (s *Stream) readHeader(fields map[string][]string) {
	cookies := place{name: "cookie", credentials: true}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		lowered := strings.ToLower(name)
		if transportField(lowered) {
			continue
		}
		for _, value := range fields[name] {
			switch lowered {
			case "cookie":
				header := s.scan.at(cookies)
				s.readAside(s.percent("", true), strings.ReplaceAll(value, "; ", "&"))
				cookies = s.scan.at(header)
			case "authorization":
				s.scan.begin("", recordWhole)
				s.scan.credentials = true
				s.scan.write([]byte(value))
				s.scan.flush()
				s.scan.credentials = false
			default:
				s.readAside(s.aside(name), value)
			}
		}
	}
}

// transportField knows the fields that speak of the message's way rather than of anything in it, and those
// whose values are fixed terms or times. Proxy-Authorization is for borderflow itself.
func transportField(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length", "content-encoding", "accept", "accept-encoding", "accept-language", "cache-control", "pragma", "date",
		"expect", "host", "if-modified-since", "if-unmodified-since", "user-agent", "grpc-encoding", "grpc-accept-encoding",
		"grpc-timeout", "upgrade-insecure-requests", "dnt", "x-request-id", "traceparent", "tracestate":
		return true
	}
	return strings.HasPrefix(name, "sec-")
}

// readHost reads the host's labels, and what long ones encode: a name can carry data out by being looked up
// alone. Host names know no case, which leaves hexadecimal and base32 (RFC 4648 section 6); data longer
// than a label goes on in the next.
func (s *Stream) readHost(host string) {
	if host == "" {
		return
	}
	labels := strings.Split(host, ".")
	s.readAside(s.aside(""), strings.Join(labels, "\n"))
	encoded := strings.ToUpper(strings.Join(labels[:max(0, len(labels)-2)], ""))
	if len(encoded) < minRun {
		return
	}
	if decoded, err := hex.DecodeString(encoded); err == nil && readable(decoded) {
		s.readAside(s.aside(""), string(decoded))
		return
	}
	encoding := base32.StdEncoding.WithPadding(base32.NoPadding)
	if decoded, err := encoding.DecodeString(encoded); err == nil && readable(decoded) {
		s.readAside(s.aside(""), string(decoded))
	}
}
