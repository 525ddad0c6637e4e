package exact

const (
	minLength = 6   // of a number or code in normalised form
	maxLength = 63  // the same
	maxMail   = 128 // of an e-mail address
	maxGroups = 12
	maxGap    = 3 // bytes between two groups of digits, as in "(030) 1234"
)

// kind is what a candidate looks like.
type kind uint8

const (
	digits kind = iota
	code        // letters and digits
	mail
	kinds
)

// Candidate goes through the pieces of text that begin at one place and may be values: the word there, the
// word with the group behind it, and so on. Groups are joined by one of "-./", or by up to three of " -./()"
// where digits stand on either side. The zero value is ready for Begin.
type Candidate struct {
	Start, End int // in the text

	source  []byte
	at      int // where the next group begins; negative if there is none
	groups  int
	mails   bool // e-mail addresses are wanted, and none has been looked for yet
	isMail  bool
	numeric bool // nothing but digits so far
	digit   bool // some digit so far
	n       int
	text    [maxMail]byte // normalised
}

// Begin goes to the word that begins at at, which Begins has said yes to. withMail says whether e-mail
// addresses are wanted.
func (c *Candidate) Begin(text []byte, at int, withMail bool) {
	c.Start, c.source, c.at, c.groups, c.mails, c.isMail = at, text, at, 0, withMail, false
	c.n, c.numeric, c.digit = 0, true, false
}

// Begins says whether a word begins at at.
func Begins(text []byte, at int) bool {
	return isWord(text[at]) && (at == 0 || !isWord(text[at-1]))
}

// Next goes to the next piece; false if there is none.
func (c *Candidate) Next() bool {
	if c.mails {
		c.mails = false
		if c.readMail() {
			return true
		}
	}
	if c.isMail {
		c.isMail, c.n = false, 0
	}
	for c.at >= 0 && c.groups < maxGroups {
		if !c.readGroup() {
			return false
		}
		c.at = c.nextGroup()
		if c.digit && c.n >= minLength {
			return true
		}
	}
	return false
}

// Text is the piece in its normalised form, until Next or Begin is called.
func (c *Candidate) Text() []byte { return c.text[:c.n] }

func (c *Candidate) kind() kind {
	switch {
	case c.isMail:
		return mail
	case c.numeric:
		return digits
	}
	return code
}

// readGroup takes in the word at c.at; false if that makes too much.
func (c *Candidate) readGroup() bool {
	c.groups++
	i := c.at
	for ; i < len(c.source) && isWord(c.source[i]); i++ {
		b := c.source[i]
		switch {
		case b == '_':
			continue
		case isDigit(b):
			c.digit = true
		default:
			b |= 0x20
			c.numeric = false
		}
		if c.n == maxLength {
			return false
		}
		c.text[c.n] = b
		c.n++
	}
	c.End = i
	return true
}

// nextGroup returns where the group behind c.End begins that is joined to it; -1 if there is none.
func (c *Candidate) nextGroup() int {
	text := c.source[c.End:]
	gap := 0
	for gap < len(text) && gap <= maxGap && isSeparator(text[gap]) {
		gap++
	}
	if gap == 0 || gap > maxGap || gap == len(text) || !isWord(text[gap]) {
		return -1
	}
	joined := gap == 1 && (text[0] == '-' || text[0] == '.' || text[0] == '/')
	if joined || isDigit(c.source[c.End-1]) && isDigit(text[gap]) {
		return c.End + gap
	}
	return -1
}

// readMail reads the e-mail address that begins at the start, if one does: the letters, digits and signs
// that addresses in use have, not all that RFC 5321 section 4.1.2 admits.
func (c *Candidate) readMail() bool {
	text := c.source[c.Start:]
	if c.Start > 1 && isLocal(c.source[c.Start-1]) && isWord(c.source[c.Start-2]) {
		return false // within a local part
	}
	at := 0
	for at < len(text) && at < maxMail && isLocal(text[at]) {
		at++
	}
	if at == len(text) || text[at] != '@' {
		return false
	}
	end := at + 1
	for end < len(text) && end <= maxMail && (isWord(text[end]) || text[end] == '-' || text[end] == '.') {
		end++
	}
	if end > maxMail {
		return false
	}
	for end > at+1 && !isWord(text[end-1]) {
		end--
	}
	if end == at+1 || !isWord(text[at+1]) {
		return false
	}
	c.n, c.isMail, c.End = end, true, c.Start+end
	for i, b := range text[:end] {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		c.text[i] = b
	}
	return true
}

func isDigit(b byte) bool { return b-'0' < 10 }

func isWord(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' }

func isLocal(b byte) bool { return isWord(b) || b == '.' || b == '-' || b == '+' || b == '%' }

func isSeparator(b byte) bool {
	return b == ' ' || b == '-' || b == '.' || b == '/' || b == '(' || b == ')'
}
