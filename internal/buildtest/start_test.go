package buildtest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// refusesToStart wants every problem at once, a line each, and status 1.
func refusesToStart(t *testing.T, binary string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = []string{"FUNCTION_TARGET=GeminiWebhook", "PORT=0", "DOORS=sideways", "CHUNK_BYTES=0", "LOG_LEVEL=loud"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("ended with %v, want exit status 1; stderr:\n%s", err, &stderr)
	}
	var got []string
	for line := range strings.Lines(stderr.String()) {
		variable, wants, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if wants == "" {
			t.Errorf("line does not say what is wanted: %q", line)
		}
		got = append(got, variable)
	}
	want := []string{"DOORS", "GOOGLE_CLOUD_PROJECT", "QUEUE_TOPIC", "OUTCOMES_TOPIC", "STATE_BUCKET", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT", "CHUNK_BYTES", "LOG_LEVEL"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines on stderr (-want +got):\n%s", diff)
	}
}

// serves wants GET /health answered with 200, without credentials.
func serves(t *testing.T, binary string) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	_, port, _ := net.SplitHostPort(address)

	cmd := exec.CommandContext(t.Context(), binary) // killed when the test ends
	cmd.Env = []string{"FUNCTION_TARGET=GeminiWebhook", "PORT=" + port, "DOORS=public", "GOOGLE_CLOUD_PROJECT=acme-prod", "QUEUE_TOPIC=queue"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})

	deadline := time.Now().Add(30 * time.Second)
	for status := 0; status != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("GET /health: last status %d, want 200", status)
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("ended with %v; stderr:\n%s", err, &stderr)
		default:
		}
		status = get(t, "http://"+address+"/health")
	}
}

// get returns the status of a GET, or 0 while nobody answers.
func get(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
