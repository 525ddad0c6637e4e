package classify

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is what RFC 9659 allows senders of the content encoding.
const maxZstdWindow = 8 * mebibyte

// encodingNames maps the names of RFC 9110 section 8.4.1 and the IANA registry to the decoders'.
var encodingNames = map[string]string{
	"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd",
}

func (s *Stream) knownEncoding(name string) bool { return encodingNames[name] != "" }

// decoderPools makes one pool of decompressors per encoding. Each decompressor is reset rather than made
// anew, for it holds the largest allocations of a stream.
func decoderPools() map[string]*sync.Pool {
	return map[string]*sync.Pool{
		"gzip":    newPool(openGzip),
		"deflate": newPool(openDeflate),
		"br":      newPool(openBrotli),
		"zstd":    newPool(openZstd),
	}
}

func openGzip() func(*workshop) error {
	reader := new(gzip.Reader)
	return func(w *workshop) error {
		w.decoder = reader
		return unexpected(reader.Reset(w.input))
	}
}

// openDeflate takes both what RFC 9110 calls deflate (the zlib format, RFC 1950) and the bare format of
// RFC 1951 that some senders use under that name; the first two bytes tell them apart.
func openDeflate() func(*workshop) error {
	var wrapped io.ReadCloser
	bare := flate.NewReader(nil)
	return func(w *workshop) error {
		head, err := w.input.Peek(2)
		if err != nil {
			return unexpected(err)
		}
		if head[0]&0x0f != 8 || (int(head[0])<<8|int(head[1]))%31 != 0 {
			w.decoder = bare
			return bare.(flate.Resetter).Reset(w.input, nil)
		}
		if wrapped == nil {
			wrapped, err = zlib.NewReader(w.input)
		} else {
			err = wrapped.(zlib.Resetter).Reset(w.input, nil)
		}
		w.decoder = wrapped
		return unexpected(err)
	}
}

func openBrotli() func(*workshop) error {
	reader := brotli.NewReader(nil)
	return func(w *workshop) error {
		w.decoder = reader
		return reader.Reset(w.input)
	}
}

func openZstd() func(*workshop) error {
	// One at a time means that it decodes on the caller's goroutine and starts none of its own.
	reader, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow))
	return func(w *workshop) error {
		if err != nil {
			return err
		}
		w.decoder = reader
		return unexpected(reader.Reset(w.input))
	}
}

// unexpected makes the end of input within a header what it is: a truncation.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
