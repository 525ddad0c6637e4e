package classify

import "bytes"

// eventStream takes the field names off the data lines of server-sent events (HTML standard, section
// 9.2.6), so that JSON which is written over several of them is whole again.
type eventStream struct {
	next   sink
	prefix int  // bytes of "data:" seen at the start of this line
	inLine bool // behind the prefix, or in a line without it
	blank  bool // right behind the prefix: one space belongs to it
}

const dataPrefix = "data:"

func (d *eventStream) write(p []byte) {
	for len(p) > 0 {
		switch {
		case d.blank:
			d.blank = false
			if p[0] == ' ' {
				p = p[1:]
			}
		case d.inLine:
			end := bytes.IndexByte(p, '\n') + 1
			d.inLine = end == 0
			if end == 0 {
				end = len(p)
			}
			d.next.write(p[:end])
			p = p[end:]
		case p[0] == dataPrefix[d.prefix]:
			d.prefix++
			p = p[1:]
			if d.prefix == len(dataPrefix) {
				d.prefix, d.inLine, d.blank = 0, true, true
			}
		default:
			d.otherLine()
		}
	}
}

// otherLine passes on what looked like the beginning of a data line.
func (d *eventStream) otherLine() {
	if d.prefix > 0 {
		d.next.write([]byte(dataPrefix[:d.prefix]))
	}
	d.prefix, d.inLine = 0, true
}

func (d *eventStream) pending() bool { return d.prefix > 0 || d.next.pending() }

func (d *eventStream) close() {
	d.otherLine()
	d.next.close()
}
