package classify

import (
	"bytes"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/borderflow/borderflow/rules/flow"
)

func contactRules() []*rule {
	return []*rule{{
		Detector: Detector{
			ID:          "email",
			Description: "e-mail address of a person: local part and a domain under a delegated or reserved top-level domain; no role senders such as noreply, no ssh or URL logins",
			Categories:  []string{"contact", "personal"},
			Strength:    flow.Strong,
			Evidence:    EvidenceNone,
			Source:      "RFC 5321 section 4.1.2 (dot-string form), IANA root zone, RFC 2606, RFC 6762",
			Legal:       legalContact,
		},
		identifies: identifiesByContact,
		trigger:    onAt,
		text:       emailAround,
	}}
}

const (
	maxLocalPart = 64  // RFC 5321 section 4.5.3.1.1
	maxDomain    = 253 // RFC 1035 section 2.3.4, as text
)

// emailAround reads the address around the "@" at at.
func emailAround(view []byte, at int, value []byte) match {
	start := localStart(view, at)
	if start == at || isRole(view[start:at]) {
		return match{}
	}
	end := domainEnd(view, at+1)
	if end < 0 || isRemotePath(view, end) || isMachine(view[at+1:end]) || isLogin(view, start) {
		return match{}
	}
	for _, b := range view[start:end] {
		value = append(value, lower(b))
	}
	return match{start, end, value, flow.Strong}
}

// localStart returns where the local part before at begins; at if there is none.
func localStart(view []byte, at int) int {
	start := at
	for start > 0 && isLocalByte(view[start-1]) {
		start--
		if at-start > maxLocalPart {
			return at
		}
	}
	if start > 0 && view[start-1] == '\\' && start < at && strings.IndexByte("nrt", view[start]) >= 0 {
		start++ // "\n" written out
	}
	for start < at && !isAlnum(view[start]) && view[start] != '_' {
		start++
	}
	local := view[start:at]
	if start > 0 && view[start-1] == '@' {
		return at
	}
	if len(local) == 0 || local[len(local)-1] == '.' || bytes.Contains(local, []byte("..")) {
		return at
	}
	return start
}

func isLocalByte(b byte) bool { return localBytes[b] }

var localBytes = func() (is [256]bool) {
	for b := range is {
		is[b] = isAlnum(byte(b)) || strings.IndexByte("._%+-'", byte(b)) >= 0
	}
	return is
}()

// isRole knows senders behind which no person stands, and the login name of git services.
func isRole(local []byte) bool {
	var buf [len("mailerdaemon") + 1]byte // anything longer is told apart by that
	name := buf[:0]
	for _, b := range local {
		if len(name) == len(buf) {
			break
		}
		if b != '-' && b != '_' && b != '.' {
			name = append(name, lower(b))
		}
	}
	switch string(name) {
	case "noreply", "donotreply", "dontreply", "mailerdaemon", "postmaster", "bounce", "bounces", "nobody",
		"git", "hg", "svn", "root", "localhost":
		return true
	}
	return bytes.HasPrefix(name, []byte("noreply")) || bytes.HasPrefix(name, []byte("donotreply"))
}

// isMachine says whether the domain is one in which only programs have addresses.
func isMachine(domain []byte) bool {
	return bytes.HasSuffix(domain, []byte(".gserviceaccount.com"))
}

// isLogin says whether what begins at start is the login of a URL or of a remote command, or a
// message identifier.
func isLogin(view []byte, start int) bool {
	low := max(0, start-nearby)
	if start > 0 && view[start-1] == '"' {
		return false // the whole of a field
	}
	line := view[low:start]
	if i := bytes.LastIndexByte(line, '\n'); i >= 0 {
		line = line[i+1:]
	}
	if i := bytes.LastIndex(line, []byte("://")); i >= 0 && !bytes.ContainsAny(line[i+3:], "/?# \t\"'<>,;") {
		return true
	}
	_, login := notAddresses.last(normalise(make([]byte, 0, 2*nearby), line))
	return login >= 0
}

// notAddresses are commands and fields after which something of an address's form is none.
var notAddresses = words(nil, []string{"ssh", "scp", "sftp", "rsync", "message id", "content id", "in reply to", "cid"})

// domainEnd returns the end of the domain that begins at start; -1 if there is none.
func domainEnd(view []byte, start int) int {
	end := start
	for end < len(view) && end-start <= maxDomain && isDomainByte(view[end]) {
		end++
	}
	if end-start > maxDomain {
		return -1
	}
	if end < len(view) && (strings.IndexByte("@_(", view[end]) >= 0) {
		return -1
	}
	for end > start && (view[end-1] == '.' || view[end-1] == '-') {
		end--
	}
	domain := view[start:end]
	dot := bytes.LastIndexByte(domain, '.')
	if dot <= 0 || !labelsAreValid(domain) || !isTopLevel(domain, dot) {
		return -1
	}
	return end
}

// isDomainByte says whether a domain may hold b: a letter, a digit, "-" or ".".
func isDomainByte(b byte) bool { return localBytes[b] && b > '+' && b != '_' }

func labelsAreValid(domain []byte) bool {
	length := 0
	for i, b := range domain {
		if b == '.' {
			if length == 0 || domain[i-1] == '-' {
				return false
			}
			length = 0
			continue
		}
		if length == 0 && b == '-' || length == 63 {
			return false
		}
		length++
	}
	return true
}

// isTopLevel says whether what follows the last dot of domain is a top-level domain.
func isTopLevel(domain []byte, dot int) bool {
	var buf [64]byte
	top := buf[:0]
	for _, b := range domain[dot+1:] {
		top = append(top, lower(b))
	}
	if len(top) < 2 || isDigit(top[0]) {
		return false
	}
	switch string(top) {
	case "com", "de", "net", "org", "cn", "fr", "io", "uk": // spares most addresses the search in the list of all
		return true
	case "example", "test", "local", "internal":
		// In no root zone but in use: for documentation and tests (RFC 2606), and inside organisations.
		return true
	}
	suffix, listed := publicsuffix.PublicSuffix("x." + string(top))
	return listed || strings.IndexByte(suffix, '.') >= 0
}

// isRemotePath says whether ":path" or a port follows, as after scp's or a URL's user@host.
func isRemotePath(view []byte, end int) bool {
	if end+1 >= len(view) || view[end] != ':' {
		return false
	}
	if isDigit(view[end+1]) {
		i := end + 1
		for i < len(view) && isDigit(view[i]) {
			i++
		}
		return i == len(view) || view[i] == '/'
	}
	rest := upTo(view[end+1:min(len(view), end+1+nearby)], " \t\r\n\"'<>,;")
	return bytes.IndexByte(rest, '/') >= 0 || len(rest) > 0 && rest[0] == '~'
}
