// Package receiver serves GeminiWebhook in this process, beside the embedded cloud.
package receiver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/internal/config"
	"example.com/gemini-webhook/internal/function"
	"example.com/gemini-webhook/internal/gcp/logging"
	"example.com/gemini-webhook/internal/localcloud/fake"
)

// Receiver is a running one. It is an http.Handler too, for who wants to stand before it.
type Receiver struct {
	*fake.Listener // serves both doors, on loopback
	function       *function.Webhook
}

// Start serves the function with the environment env (NAME=value) and nothing of this
// process's. Its log goes to out.
//
// The clients of Google Cloud find the emulators by this process's environment, into
// which env is put: of one process's receivers, one at a time can be used.
func Start(ctx context.Context, env []string, out io.Writer) (*Receiver, error) {
	values := make(map[string]string)
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	c, err := config.Load(ctx, envconfig.MapLookuper(values))
	if err != nil {
		return nil, fmt.Errorf("configure the receiver: %w", err)
	}
	r := &Receiver{function: function.NewWebhook(c, logging.New(out, c.LogLevel, c.Project))}
	r.Listener, err = fake.HTTP(r)
	return r, err
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.function.ServeHTTP(w, req) }

// Close lets nothing in any more, cuts what is in flight and stops listening.
func (r *Receiver) Close() error {
	r.function.Drain.Stop()
	return r.Listener.Close()
}
