package redact

import (
	"bytes"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	maxCodings    = 3
	maxZstdWindow = 8 << 20 // RFC 9659
)

// coding is a content coding that can be undone and done again.
type coding struct {
	decode func(io.Reader) (io.Reader, error)
	encode func(io.Writer) (io.WriteCloser, error)
}

func codingOf(name string, body []byte) (coding, bool) {
	switch name {
	case "gzip", "x-gzip":
		return coding{func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
			func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }}, true
	case "br":
		return coding{func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
			func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriter(w), nil }}, true
	case "zstd":
		return coding{func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		}, func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		}}, true
	case "deflate":
		// RFC 9110 means the zlib format; some senders leave its frame out.
		if len(body) < 2 || body[0]&0x0f != 8 || (int(body[0])<<8|int(body[1]))%31 != 0 {
			return coding{func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil },
				func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.DefaultCompression) }}, true
		}
		return coding{func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
			func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }}, true
	}
	return coding{}, false
}

// unwrap undoes the content codings of body, and returns how they are done again.
func unwrap(body []byte, encoding string) (plain []byte, wrap func([]byte) ([]byte, error), err error) {
	var codings []coding // as they are undone
	plain = body
	names := strings.Split(encoding, ",")
	for i := len(names) - 1; i >= 0 && len(body) > 0; i-- {
		name := strings.ToLower(strings.TrimSpace(names[i]))
		if name == "" || name == "identity" {
			continue
		}
		c, known := codingOf(name, plain)
		if !known || len(codings) == maxCodings {
			return nil, nil, refuse("the body has a content encoding that is not rewritten")
		}
		codings = append(codings, c)
		if plain, err = c.undo(plain); err != nil {
			return nil, nil, err
		}
	}
	return plain, func(result []byte) ([]byte, error) {
		for i := len(codings) - 1; i >= 0; i-- {
			if result, err = codings[i].do(result); err != nil {
				return nil, err
			}
		}
		return result, nil
	}, nil
}

func (c coding) undo(body []byte) ([]byte, error) {
	source := bytes.NewReader(body)
	reader, err := c.decode(source)
	if err != nil {
		return nil, refuse("the body cannot be decompressed")
	}
	plain, err := io.ReadAll(io.LimitReader(reader, MaxBytes+1))
	switch closer := reader.(type) {
	case io.Closer:
		_ = closer.Close()
	case *zstd.Decoder:
		closer.Close()
	}
	switch {
	case len(plain) > MaxBytes:
		return nil, refuse("the decompressed body is too large")
	case err != nil:
		return nil, refuse("the body cannot be decompressed")
	case source.Len() > 0:
		return nil, refuse("something follows the compressed body")
	}
	return plain, nil
}

func (c coding) do(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	writer, err := c.encode(&b)
	if err == nil {
		if _, err = writer.Write(plain); err == nil {
			err = writer.Close()
		}
	}
	if err != nil {
		return nil, refuse("the body cannot be compressed again")
	}
	return b.Bytes(), nil
}
