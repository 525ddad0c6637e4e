package classify

// text is what all text passes on its way to the scanner: characters are folded, and what is encoded
// within the text is read once more beside it.
type text struct {
	stream  *Stream
	folder  folder
	encoded encoded
}

// write takes a piece of text, of which v is the survey.
func (t *text) write(p []byte, v *survey) {
	if t.folder.leaves(p, v) {
		t.read(p, v)
		return
	}
	for len(p) > 0 {
		n := min(len(p), foldSize)
		v.take(p[:n])
		folded := t.folder.write(p[:n], v)
		v.take(folded)
		t.read(folded, v)
		p = p[n:]
	}
}

// read takes a piece of folded text.
func (t *text) read(p []byte, v *survey) {
	t.encoded.write(p, v)
	t.stream.scan.write(p)
}

func (t *text) pending() bool { return t.folder.n > 0 || t.encoded.pending() }

// end ends the segment.
func (t *text) end() {
	if held := t.folder.end(); len(held) > 0 {
		t.stream.survey.take(held)
		t.read(held, &t.stream.survey)
	}
	t.encoded.end()
}

func (t *text) reset() { t.folder.n = 0; t.encoded.reset() }
