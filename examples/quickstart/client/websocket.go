package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// placeOverWebSocket sends the order as one message. A policy that blocks it closes the WebSocket
// with code 1008 (policy violation).
func placeOverWebSocket(ctx context.Context, host string, order []byte, trust *tls.Config) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	socket, _, err := websocket.Dial(ctx, "wss://"+host+"/orders",
		&websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return err
	}
	defer socket.CloseNow()
	if err := socket.Write(ctx, websocket.MessageText, order); err != nil {
		return err
	}
	var receipt struct{ Host, Accepted string }
	err = wsjson.Read(ctx, socket, &receipt)
	var closed websocket.CloseError
	switch {
	case err == nil:
		fmt.Printf("passed: order %s accepted by %s\n", receipt.Accepted, receipt.Host)
		return socket.Close(websocket.StatusNormalClosure, "")
	case errors.As(err, &closed) && closed.Code == websocket.StatusPolicyViolation:
		fmt.Printf("blocked: %s\n", closed.Reason)
		return nil
	}
	return err
}
