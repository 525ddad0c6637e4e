package classify

import "strings"

// declaration is what a container says of a body: HTTP headers of a payload, MIME headers of a part.
type declaration struct {
	contentType      string
	contentEncoding  string
	transferEncoding string
	name             string // of the form field; "" for none
	file             bool   // an uploaded file: no part of the record that the form is
	charset          string // of the text, unless it has been decoded
	opaque           string // why its text is not to be relied on, whatever is read in it; "" if it is
}

// open returns the first stage of a body. depth counts the encodings and multipart bodies around it.
func (s *Stream) open(d declaration, depth int) sink {
	switch encoding := strings.ToLower(strings.TrimSpace(d.transferEncoding)); encoding {
	case "", "7bit", "8bit", "binary":
	case "base64", "quoted-printable":
		d.transferEncoding = ""
		if s.tooDeep(depth + 1) {
			return s.openLeaf(d.name, recordLines, "")
		}
		if encoding == "base64" {
			return s.readTwice(d, &base64Decoder{stream: s, outlet: outlet{next: s.open(d, depth+1)}})
		}
		return s.readTwice(d, &quotedPrintableDecoder{outlet: outlet{next: s.open(d, depth+1)}})
	default:
		s.coverage.missed("unknown transfer encoding")
	}
	return s.openEncoded(d, depth)
}

// openEncoded undoes the content encodings, the last one applied first (RFC 9110 section 8.4).
func (s *Stream) openEncoded(d declaration, depth int) sink {
	rest, encoding := d.contentEncoding, ""
	if i := strings.LastIndexByte(rest, ','); i >= 0 {
		rest, encoding = rest[:i], rest[i+1:]
	} else {
		rest, encoding = "", rest
	}
	d.contentEncoding = rest
	switch encoding = strings.ToLower(strings.TrimSpace(encoding)); {
	case encoding == "" && rest == "":
		return s.openType(d, depth)
	case encoding == "" || encoding == "identity":
		return s.openEncoded(d, depth)
	case encoding == "aes128gcm" || encoding == "aesgcm":
		return s.openLeaf(d.name, recordLines, "encrypted content encoding")
	case !s.knownEncoding(encoding):
		return s.openLeaf(d.name, recordLines, "unknown content encoding")
	case s.tooDeep(depth + 1):
		return s.openLeaf(d.name, recordLines, "compressed")
	}
	return s.inflate(encoding, s.open(d, depth+1))
}

// openType chooses by media type.
func (s *Stream) openType(d declaration, depth int) sink {
	media, parameters, doubt := parseType(d.contentType)
	if doubt != "" {
		d.opaque = doubt
	}
	d.charset = parameters["charset"]
	switch {
	case strings.HasPrefix(media, "multipart/") && d.opaque == "":
		return s.openMultipart(d, media, parameters["boundary"], depth)
	case media == formType:
		if isUTF16(d.charset) {
			d.opaque = "form in UTF-16"
		}
		leaf := s.openLeaf(d.name, recordWhole, d.opaque)
		return &percentDecoder{outlet: outlet{next: inCharset(charsetOf(d.charset), leaf)}, form: true}
	case media == "text/event-stream":
		d.contentType = "application/x-ndjson"
		return &eventStream{next: s.openType(d, depth)}
	case isZip(media):
		return s.openZip(depth)
	case media == "application/x-tar" || media == "application/x-gtar" || media == "application/tar":
		return s.openTar(depth)
	case media == "application/gzip" || media == "application/x-gzip" || media == "application/x-tgz" || media == "application/zstd":
		d.contentType = "" // by its first bytes
	case strings.HasPrefix(media, "application/grpc-web-text"):
		if s.tooDeep(depth + 1) {
			return s.openLeaf(d.name, recordLines, "")
		}
		return &base64Decoder{stream: s, outlet: outlet{next: s.openMessages(media)}}
	case strings.HasPrefix(media, "application/grpc"):
		return s.openMessages(media)
	case isProtobuf(media):
		return s.readInDoubt(d, &protobufReader{stream: s})
	}
	if tree := s.openTree(media, d); tree != nil {
		return s.readInDoubt(d, tree) // every letter is a number in MessagePack, so that any text is a document
	}
	if reason := opaqueType(media); reason != "" {
		return s.openLeaf(d.name, recordLines, reason)
	}
	return &sniffer{stream: s, declaration: d, media: media, depth: depth}
}

// isZip knows zip archives and the documents that are ones.
func isZip(media string) bool {
	switch media {
	case "application/zip", "application/x-zip-compressed", "application/java-archive", "application/epub+zip":
		return true
	}
	return strings.HasPrefix(media, "application/vnd.openxmlformats-officedocument.") ||
		strings.HasPrefix(media, "application/vnd.oasis.opendocument.") && !strings.HasSuffix(media, "-flat-xml")
}

func isProtobuf(media string) bool {
	switch media {
	case "application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf":
		return true
	}
	return false
}

func isJSON(media string) bool {
	return strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "json-seq") ||
		strings.HasSuffix(media, "ndjson") || strings.HasSuffix(media, "jsonl") || strings.HasSuffix(media, "jsonlines")
}

// opaqueType says why bodies of a media type cannot be understood; "" if they may be text.
func opaqueType(media string) string {
	kind, sub, _ := strings.Cut(media, "/")
	switch kind {
	case "image":
		if sub == "svg+xml" {
			return ""
		}
		return "image content"
	case "audio", "video", "font":
		return kind + " content"
	}
	switch media {
	case "application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime", "application/jose", "application/age":
		return "encrypted content"
	case "application/pdf", "application/x-7z-compressed",
		"application/vnd.rar", "application/x-rar-compressed", "application/x-bzip2", "application/x-xz", "application/msword",
		"application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/dicom", "application/wasm", "application/vnd.apache.parquet",
		"application/vnd.sqlite3", "application/x-sqlite3":
		return "binary document or archive"
	}
	return ""
}
