package classify

import "bytes"

// recordGap is how far apart the braces of two objects in a list may be, in bytes.
const recordGap = 64

// endsRecord says whether text holds a border between two records.
func endsRecord(text []byte, mode recordMode) bool {
	switch mode {
	case recordLines:
		return bytes.IndexByte(text, '\n') >= 0
	case recordObjects:
		return hasNextObject(text)
	}
	return false
}

// hasNextObject looks for "}", white space, perhaps a comma, white space, "{".
func hasNextObject(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '}')
		if at < 0 {
			return false
		}
		text = text[at+1:]
		for _, b := range text[:min(len(text), recordGap-2)] {
			if b == '{' {
				return true
			}
			if b != ' ' && b != '\t' && b != '\r' && b != '\n' && b != ',' {
				break
			}
		}
	}
}
