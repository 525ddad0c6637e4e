package admin

import "sync"

// other is the label of a value that is not among the known ones.
const other = "other"

// The values that labels take.
var (
	verdicts  = words("allow", "block", "undecided")
	outcomes  = words("completed", "blocked", "refused", "failed", "aborted", "redecided")
	protocols = words("http/1.0", "http/1.1", "h2", "grpc", "websocket", "connect", "tunnel")
)

// maxReasons bounds the reasons of refusals. RFC 9209 section 2.3 names about thirty.
const maxReasons = 64

func words(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, word := range list {
		set[word] = true
	}
	return set
}

func known(set map[string]bool, value string) string {
	if set[value] {
		return value
	}
	return other
}

// wordSet admits the first words that it sees, up to its limit.
type wordSet struct {
	limit int
	mu    sync.RWMutex
	seen  map[string]bool
}

func newWordSet(limit int) *wordSet { return &wordSet{limit: limit, seen: make(map[string]bool)} }

// bounded returns word if it is one of the set or there is room for it, else other.
func (s *wordSet) bounded(word string) string {
	s.mu.RLock()
	seen := s.seen[word]
	s.mu.RUnlock()
	if seen {
		return word
	}
	if !isWord(word) {
		return other
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.seen[word] && len(s.seen) >= s.limit {
		return other
	}
	s.seen[word] = true
	return word
}

func isWord(s string) bool {
	if s == "" || len(s) > 48 {
		return false
	}
	for _, c := range []byte(s) {
		if c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
