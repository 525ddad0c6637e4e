package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// placeOverGRPC calls shop.Orders/Place. A policy that blocks the call answers PERMISSION_DENIED.
func placeOverGRPC(ctx context.Context, host string, order []byte, trust *tls.Config) error {
	message := new(structpb.Struct)
	if err := json.Unmarshal(order, message); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	connection, err := grpc.NewClient(host+":443", grpc.WithTransportCredentials(credentials.NewTLS(trust)))
	if err != nil {
		return err
	}
	defer connection.Close()
	receipt := new(structpb.Struct)
	err = connection.Invoke(ctx, "/shop.Orders/Place", message, receipt)
	switch refusal := status.Convert(err); {
	case err == nil:
		fmt.Printf("passed: order %s accepted by %s\n",
			receipt.Fields["accepted"].GetStringValue(), receipt.Fields["host"].GetStringValue())
	case refusal.Code() == codes.PermissionDenied:
		fmt.Printf("blocked: %s\n", refusal.Message())
	default:
		return err
	}
	return nil
}
