package classify

import (
	"mime"
	"strings"
)

const formType = "application/x-www-form-urlencoded"

// parseType reads a Content-Type. doubt says why receivers may take the body for something else than
// media and its parameters say; "" if there is one way to read it.
func parseType(contentType string) (media string, parameters map[string]string, doubt string) {
	if contentType = strings.TrimSpace(contentType); contentType == "" {
		return "", nil, ""
	}
	if holdsSeveralTypes(contentType) {
		return "", nil, "several content types"
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
		return strings.ToLower(strings.TrimSpace(media)), nil, "malformed content type"
	}
	if charset := parameters["charset"]; !keepsASCII(charset) && !isUTF16(charset) {
		return media, parameters, "text in a charset that is not read"
	}
	return media, parameters, ""
}

// holdsSeveralTypes looks for a comma outside quotes: no media type has one (RFC 9110 section 8.3.1).
func holdsSeveralTypes(contentType string) bool {
	quoted := false
	for i := 0; i < len(contentType); i++ {
		switch c := contentType[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return true
		}
	}
	return quoted // a quote that is never closed may hide one
}

// keepsASCII knows the charsets (IANA's names and those in wide use) in which ASCII characters are the
// single bytes that they are in ASCII. All others, unknown ones included, can hide what the text says.
func keepsASCII(charset string) bool {
	charset = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(charset)), "_", "-")
	switch charset {
	case "", "utf-8", "utf8", "utf8mb4", "us-ascii", "ascii", "ansi-x3.4-1968", "binary", "macintosh", "x-mac-cyrillic",
		"gbk", "gb2312", "gb18030", "big5", "big5-hkscs", "euc-jp", "euc-kr", "euc-cn", "euc-tw", "ks-c-5601-1987",
		"shift-jis", "sjis", "x-sjis", "windows-31j", "ms932", "cp932", "cp936", "cp949", "cp950", "tis-620", "windows-874",
		"ibm437", "cp437", "ibm850", "cp850", "ibm852", "cp852", "ibm866", "cp866":
		return true
	}
	for _, family := range []string{"iso-8859-", "iso8859-", "windows-125", "cp125", "x-cp125", "latin", "koi8-"} {
		if strings.HasPrefix(charset, family) {
			return true
		}
	}
	return false
}
