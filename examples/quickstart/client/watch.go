package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	senders = 4                      // that send at the same time
	settle  = 500 * time.Millisecond // for which sending goes on under the new verdict
)

// watchVerdict sends the order again and again until the answer is another one than at first, and
// says how long after the change of the policy file that was. A request without an answer is an error.
func watchVerdict(ctx context.Context, url string, order []byte, policyFile string, trust *tls.Config) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	w := &watcher{client: &http.Client{Transport: transport}, url: url, order: order}
	before, err := w.send(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("the answer is %d; waiting for another\n", before)

	var requests, changed atomic.Int64 // changed: when the first other answer came, in Unix nanoseconds
	var group errgroup.Group
	for range senders {
		group.Go(func() error {
			for {
				status, err := w.send(ctx)
				if err != nil {
					return err
				}
				requests.Add(1)
				if now := time.Now().UnixNano(); status != before {
					changed.CompareAndSwap(0, now)
				}
				if at := changed.Load(); at != 0 && time.Since(time.Unix(0, at)) > settle {
					w.after.Store(int64(status))
					return nil
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("after %d answers: %w", requests.Load(), err)
	}
	edited, err := os.Stat(policyFile)
	if err != nil {
		return err
	}
	fmt.Printf("the answer became %d, %v after the edit; %d requests were answered meanwhile, none failed\n", w.after.Load(),
		time.Unix(0, changed.Load()).Sub(edited.ModTime()).Round(10*time.Millisecond), requests.Load())
	return nil
}

type watcher struct {
	client *http.Client
	url    string
	order  []byte
	after  atomic.Int64 // the status at the end
}

// send returns the status that the order is answered with.
func (w *watcher) send(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(w.order))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := w.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}
