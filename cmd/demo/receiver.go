package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
)

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// answer is what the receiver said: the status and its one word.
type answer struct {
	status int
	word   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.word) }

// post delivers to the receiver.
func post(ctx context.Context, url string, header http.Header, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	var said struct{ Status, Error string }
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return answer{}, fmt.Errorf("answer %d without JSON: %w", resp.StatusCode, err)
	}
	return answer{resp.StatusCode, said.Status + said.Error}, nil
}
