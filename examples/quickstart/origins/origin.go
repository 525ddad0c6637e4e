package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
)

// maxOrder bounds what is read of one order, in bytes.
const maxOrder = 1 << 20

// receipt is the answer to an order.
type receipt struct {
	Host     string `json:"host"`     // that the order was sent to
	Protocol string `json:"protocol"` // that it arrived by
	Accepted string `json:"accepted"` // the order's number
}

// order is what the origins read of one; the rest is ignored.
type order struct {
	Order string `json:"order"`
}

// newOrigin answers every kind of client.
func newOrigin() http.Handler {
	orders := grpc.NewServer()
	orders.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Orders",
		Methods:     []grpc.MethodDesc{{MethodName: "Place", Handler: placeOrder}},
	}, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			orders.ServeHTTP(w, r)
		case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
			takeOrders(w, r)
		default:
			takeOrder(w, r)
		}
	})
}

// takeOrder answers one order over HTTP.
func takeOrder(w http.ResponseWriter, r *http.Request) {
	var received order
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err == nil {
		err = json.Unmarshal(body, &received)
	}
	if err != nil {
		http.Error(w, "expected an order in JSON form", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(receipt{r.Host, r.Proto, received.Order})
}

// takeOrders answers the orders that arrive on a WebSocket, until its client closes it.
func takeOrders(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxOrder)
	for {
		var received order
		if err := wsjson.Read(r.Context(), socket, &received); err != nil {
			return
		}
		if err := wsjson.Write(r.Context(), socket, receipt{r.Host, "websocket", received.Order}); err != nil {
			return
		}
	}
}

// placeOrder is the method shop.Orders/Place, written by hand because its messages are of a
// well-known type: there is nothing to generate.
func placeOrder(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	received := new(structpb.Struct)
	if err := decode(received); err != nil {
		return nil, err
	}
	return structpb.NewStruct(map[string]any{
		"host":     strings.Join(metadata.ValueFromIncomingContext(ctx, ":authority"), ""),
		"protocol": "grpc",
		"accepted": received.Fields["order"].GetStringValue(),
	})
}
