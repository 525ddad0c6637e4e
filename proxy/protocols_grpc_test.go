package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// orders is the service behind "grpc.test": every method takes and gives strings.
type orders struct{ received atomic.Int64 }

var orderStream = grpc.StreamDesc{StreamName: "Stream", ServerStreams: true, ClientStreams: true}

func (o *orders) describe() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Orders",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Place", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			order := new(wrapperspb.StringValue)
			if err := decode(order); err != nil {
				return nil, err
			}
			o.received.Add(1)
			return o.place(ctx, order)
		}}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Collect", ClientStreams: true, Handler: o.collect},
			{StreamName: "Stream", ServerStreams: true, ClientStreams: true, Handler: o.converse},
			{StreamName: "Watch", ServerStreams: true, Handler: o.watch},
		},
	}
}

func (o *orders) place(ctx context.Context, order *wrapperspb.StringValue) (any, error) {
	if order.Value == "fail" {
		failed, _ := status.New(codes.FailedPrecondition, "no stock").WithDetails(wrapperspb.String("the details"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "of a failure"))
		return nil, failed.Err()
	}
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-header", "yes"))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "yes", "x-trailer-bin", "\x00\xff"))
	return wrapperspb.String("placed " + order.Value), nil
}

func (o *orders) collect(_ any, stream grpc.ServerStream) error {
	for n := 0; ; n++ {
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		if err == io.EOF {
			return stream.SendMsg(wrapperspb.String(fmt.Sprint(n)))
		}
		if err != nil {
			return err
		}
		o.received.Add(1)
	}
}

func (o *orders) converse(_ any, stream grpc.ServerStream) error {
	for order := new(wrapperspb.StringValue); ; {
		if err := stream.RecvMsg(order); err != nil {
			if err == io.EOF {
				stream.SetTrailer(metadata.Pairs("x-trailer", "yes"))
				return nil
			}
			return err
		}
		o.received.Add(1)
		if err := stream.SendMsg(order); err != nil {
			return err
		}
	}
}

func (o *orders) watch(_ any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	for n := range 3 {
		if err := stream.SendMsg(wrapperspb.String(fmt.Sprint(n))); err != nil {
			return err
		}
	}
	<-time.After(soon) // quiet for longer than a stalled client may be
	stream.SetTrailer(metadata.Pairs("x-trailer", "yes"))
	return status.Error(codes.OutOfRange, "that is all")
}

// serveGRPC makes a service the origin behind host.
func (w *world) serveGRPC(host string) *orders {
	w.t.Helper()
	service := new(orders)
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(ptr(w.ca.leaf(w.t, host)))))
	server.RegisterService(service.describe(), service)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	w.t.Cleanup(func() {
		server.Stop()
		<-served
	})
	w.config.Hosts[host] = []string{listener.Addr().String()}
	return service
}

func ptr[T any](value T) *T { return &value }

// grpcClient reaches host through a tunnel of the proxy.
func (w *world) grpcClient(host string) *grpc.ClientConn {
	w.t.Helper()
	dial := func(ctx context.Context, target string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", w.address())
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
		response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: http.MethodConnect})
		if err == nil && response.StatusCode != http.StatusOK {
			err = errors.New(response.Status)
		}
		if err != nil {
			connection.Close()
		}
		return connection, err
	}
	client, err := grpc.NewClient("passthrough:///"+host+":443", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: w.roots(), ServerName: host})))
	must(w.t, err)
	w.t.Cleanup(func() { client.Close() })
	return client
}

// grpcWorld is a proxy that inspects what goes to "grpc.test" in the United States.
func grpcWorld(t *testing.T) (*world, *orders, *grpc.ClientConn) {
	t.Parallel()
	w := newWorld(t)
	w.config.Limits.BodyIdle = soon / 4
	w.config.Limits.WriteStall = soon / 4
	service := w.serveGRPC("grpc.test")
	w.place("grpc.test", "US")
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	return w, service, w.grpcClient("grpc.test")
}

const cardOrder = `{"order":7,"card":"5555555555554444"}`

// mustBeBlocked checks the status of a call that the policy stopped, and returns its record.
func mustBeBlocked(t *testing.T, w *world, err error) evidence.Record {
	t.Helper()
	got := status.Convert(err)
	if got.Code() != codes.PermissionDenied {
		t.Fatalf("status %v: %s", got.Code(), got.Message())
	}
	if !strings.Contains(got.Message(), "rule no-cards-to-us") {
		t.Errorf("message %q does not name the rule", got.Message())
	}
	_, id, found := strings.Cut(got.Message(), "flow ")
	if !found {
		t.Fatalf("message %q does not name the flow", got.Message())
	}
	record := w.flow(id)
	if record.Outcome != evidence.Blocked || record.Verdict != "block" || record.Rule != "no-cards-to-us" || record.Request.Protocol != "grpc" {
		t.Errorf("record %+v", record)
	}
	return record
}

func TestGRPCUnaryCallsAreDecidedByTheirMessage(t *testing.T) {
	w, service, client := grpcWorld(t)
	answer := new(wrapperspb.StringValue)
	var header, trailer metadata.MD
	must(t, client.Invoke(t.Context(), "/test.Orders/Place", wrapperspb.String("order 7"), answer, grpc.Header(&header), grpc.Trailer(&trailer)))
	if answer.Value != "placed order 7" || header.Get("x-header")[0] != "yes" || trailer.Get("x-trailer")[0] != "yes" ||
		trailer.Get("x-trailer-bin")[0] != "\x00\xff" {
		t.Errorf("%q, header %v, trailer %v", answer.Value, header, trailer)
	}
	record := mustBeBlocked(t, w, client.Invoke(t.Context(), "/test.Orders/Place", wrapperspb.String(cardOrder), answer))
	if record.Bytes.Sent != 0 || service.received.Load() != 1 {
		t.Errorf("%d bytes left, and %d orders arrived", record.Bytes.Sent, service.received.Load())
	}
}

func TestGRPCStatusDetailsAndTrailersPass(t *testing.T) {
	_, _, client := grpcWorld(t)
	var trailer metadata.MD
	err := client.Invoke(t.Context(), "/test.Orders/Place", wrapperspb.String("fail"), new(wrapperspb.StringValue), grpc.Trailer(&trailer))
	got := status.Convert(err)
	if got.Code() != codes.FailedPrecondition || got.Message() != "no stock" || len(got.Details()) != 1 {
		t.Fatalf("%v %q %v", got.Code(), got.Message(), got.Details())
	}
	if detail, ok := got.Details()[0].(*wrapperspb.StringValue); !ok || detail.Value != "the details" {
		t.Errorf("details %v", got.Details())
	}
	if values := trailer.Get("x-trailer"); len(values) != 1 || values[0] != "of a failure" {
		t.Errorf("trailer %v", trailer)
	}
}

func TestGRPCClientStreamIsStoppedAtTheMessageThatMayNotLeave(t *testing.T) {
	w, service, client := grpcWorld(t)
	stream, err := client.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/test.Orders/Collect")
	must(t, err)
	for n, text := range []string{"one", "two"} {
		must(t, stream.SendMsg(wrapperspb.String(text)))
		w.eventually("the message to arrive", func() bool { return service.received.Load() == int64(n+1) })
	}
	must(t, stream.SendMsg(wrapperspb.String(cardOrder)))
	record := mustBeBlocked(t, w, stream.RecvMsg(new(wrapperspb.StringValue)))
	// Two messages, each of five bytes in front, a tag, a length and a word of three letters.
	if record.Bytes.Sent != 2*(5+2+3) || service.received.Load() != 2 {
		t.Errorf("%d bytes left, and %d messages arrived", record.Bytes.Sent, service.received.Load())
	}
	if len(record.Data.Categories) == 0 {
		t.Errorf("record %+v", record.Data)
	}
}

func TestGRPCConversationIsNotStalledByInspection(t *testing.T) {
	w, service, client := grpcWorld(t)
	stream, err := client.NewStream(t.Context(), &orderStream, "/test.Orders/Stream")
	must(t, err)
	answer := new(wrapperspb.StringValue)
	for n := range 5 {
		must(t, stream.SendMsg(wrapperspb.String(fmt.Sprint("order ", n))))
		if err := stream.RecvMsg(answer); err != nil || answer.Value != fmt.Sprint("order ", n) {
			t.Fatalf("answer %d: %q, %v", n, answer.Value, err)
		}
	}
	<-time.After(soon) // both sides think; neither has stalled
	must(t, stream.SendMsg(wrapperspb.String("order 5")))
	must(t, stream.RecvMsg(answer))
	must(t, stream.SendMsg(wrapperspb.String(cardOrder)))
	mustBeBlocked(t, w, stream.RecvMsg(answer))
	if n := service.received.Load(); n != 6 {
		t.Errorf("%d messages arrived", n)
	}
	// The connection goes on, and so do other streams.
	stream, err = client.NewStream(t.Context(), &orderStream, "/test.Orders/Stream")
	must(t, err)
	must(t, stream.SendMsg(wrapperspb.String("order 8")))
	must(t, stream.CloseSend())
	must(t, stream.RecvMsg(answer))
	if err := stream.RecvMsg(answer); err != io.EOF || len(stream.Trailer().Get("x-trailer")) != 1 {
		t.Errorf("the end of a stream: %v, trailer %v", err, stream.Trailer())
	}
}

func TestGRPCServerStreamMayBeQuiet(t *testing.T) {
	w, _, client := grpcWorld(t)
	stream, err := client.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/test.Orders/Watch")
	must(t, err)
	must(t, stream.SendMsg(wrapperspb.String("all")))
	must(t, stream.CloseSend())
	answer := new(wrapperspb.StringValue)
	for n := range 3 {
		if err := stream.RecvMsg(answer); err != nil || answer.Value != fmt.Sprint(n) {
			t.Fatalf("message %d: %q, %v", n, answer.Value, err)
		}
	}
	if got := status.Convert(stream.RecvMsg(answer)); got.Code() != codes.OutOfRange || got.Message() != "that is all" {
		t.Errorf("%v", got)
	}
	if len(stream.Trailer().Get("x-trailer")) != 1 {
		t.Errorf("trailer %v", stream.Trailer())
	}
	if r := w.record(recorded(evidence.Completed)); r.Request.Protocol != "grpc" || r.Status != 200 || r.Bytes.Received == 0 {
		t.Errorf("record %+v", r)
	}
}

func TestGRPCMessageThatDoesNotArriveIsNotHeldWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveGRPC("grpc.test")
	w.place("grpc.test", "US")
	w.config.Inspect.Timeout = soon
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	body, writer := io.Pipe()
	defer writer.Close()
	request, err := http.NewRequest("POST", "https://grpc.test/test.Orders/Place", body)
	must(t, err)
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	go writer.Write([]byte{0, 0, 0, 0, 100, 'h', 'a', 'l', 'f'})
	response, err := w.client().Do(request)
	must(t, err)
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if got := response.Header.Get("Grpc-Status") + response.Trailer.Get("Grpc-Status"); got != fmt.Sprint(int(codes.DeadlineExceeded)) {
		t.Errorf("grpc-status %q", got)
	}
	w.eventually("the record", func() bool { return len(w.records()) == 1 })
	if r := w.records()[0]; r.Bytes.Sent != 0 || r.Outcome != evidence.Refused {
		t.Errorf("record %+v", r)
	}
}

func TestGRPCToAnOriginThatIsDownIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Hosts["down.test"] = []string{closedAddress(t)}
	w.start()
	err := w.grpcClient("down.test").Invoke(t.Context(), "/test.Orders/Place", wrapperspb.String("order"), new(wrapperspb.StringValue))
	got := status.Convert(err)
	if got.Code() != codes.Unavailable || !strings.Contains(got.Message(), "flow ") {
		t.Errorf("%v", got)
	}
	if found := internals.FindString(got.Message()); found != "" {
		t.Errorf("the message shows %q: %s", found, got.Message())
	}
}
