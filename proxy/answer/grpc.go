package answer

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// gRPC status codes that refusals map to (gRPC "Status codes and their use in gRPC").
const (
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// IsGRPC reports whether request speaks gRPC over HTTP/2 (content type application/grpc, with or
// without a message format behind it).
func IsGRPC(request *http.Request) bool {
	if request == nil || request.ProtoMajor != 2 {
		return false
	}
	contentType := request.Header.Get("Content-Type")
	rest, ok := strings.CutPrefix(strings.ToLower(contentType), "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

func (r Refusal) grpcStatus() int {
	switch r.Status {
	case http.StatusBadRequest, http.StatusMisdirectedRequest:
		return grpcInvalidArgument
	case http.StatusRequestEntityTooLarge:
		return grpcResourceExhausted
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return grpcUnauthenticated
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return grpcDeadlineExceeded
	case http.StatusInternalServerError:
		return grpcInternal
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return grpcUnavailable
	}
	return grpcPermissionDenied
}

// Trailer returns the refusal as the trailers that end a gRPC response which has already begun.
func (r Refusal) Trailer() http.Header {
	return http.Header{
		"Grpc-Status":  {strconv.Itoa(r.grpcStatus())},
		"Grpc-Message": {grpcMessage(r.Sentence())},
	}
}

// grpcMessage percent-encodes s as the gRPC over HTTP/2 protocol's Status-Message asks for.
func grpcMessage(s string) string {
	s = cut(s, mostSentence)
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
