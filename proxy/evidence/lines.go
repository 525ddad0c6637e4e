package evidence

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// segmentLine is a line as it stands in a segment.
type segmentLine struct {
	text   []byte // without its newline; valid until the next one
	offset int64
}

// linesOf reads the whole lines of a segment that begin at from and end by size.
func linesOf(path string, from, size int64) iter.Seq2[segmentLine, error] {
	return func(yield func(segmentLine, error) bool) {
		file, err := sealed.Open(path)
		if err != nil {
			yield(segmentLine{}, err)
			return
		}
		defer file.Close()
		in := bufio.NewReaderSize(io.NewSectionReader(file, from, size-from), 64<<10)
		var long []byte
		for offset := from; ; {
			part, err := in.ReadSlice('\n')
			switch {
			case err == bufio.ErrBufferFull:
				if long = append(long, part...); len(long) > MaxLine {
					yield(segmentLine{}, fmt.Errorf("%s: byte %d: %w", filepath.Base(path), offset, errTooLong))
					return
				}
				continue
			case err == io.EOF:
				return
			case err != nil:
				yield(segmentLine{}, fmt.Errorf("read %s: %w", filepath.Base(path), err))
				return
			}
			text := part
			if long != nil {
				text = append(long, part...)
			}
			if !yield(segmentLine{text[:len(text)-1], offset}, nil) {
				return
			}
			offset += int64(len(text))
			long = nil
		}
	}
}

// sequenceIn returns the sequence number of a line. It looks at no more than it has to: whether the
// line is what was written is for its hash to say.
func sequenceIn(line []byte) (uint64, bool) {
	digits, found := bytes.CutPrefix(line, []byte(linePrefix))
	if !found {
		return sequenceOf(line)
	}
	var seq uint64
	for i, c := range digits {
		switch {
		case c >= '0' && c <= '9' && i < 19:
			seq = seq*10 + uint64(c-'0')
		case c == ',' && i > 0:
			return seq, seq > 0 && seq <= highestCredible
		default:
			return 0, false
		}
	}
	return 0, false
}
