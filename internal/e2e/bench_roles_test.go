package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	pubsubapi "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/localcloud"
)

// What benchmarks compare the receiver with runs in a process of its own, too:
// this test binary; roleVariable says what it is.
const roleVariable = "E2E_ROLE"

func play(role string) error {
	switch role {
	case "empty":
		return serveNothing()
	case "publish":
		return publishReadyMade()
	case "gcloud":
		return askStandIn()
	}
	return fmt.Errorf("%s=%s is no role", roleVariable, role)
}

func roleCommand(tb testing.TB, role string, env ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	must(tb, err)
	cmd := exec.Command(self)
	cmd.Env = append([]string{"HOME=" + tb.TempDir(), roleVariable + "=" + role}, env...)
	return cmd
}

// serveNothing is net/http's server with an empty handler, until SIGTERM.
func serveNothing() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// load is what publishReadyMade is to publish.
type load struct {
	Topic      string
	How        string // "stream", "batched" or "unary"
	Workers    int
	Data       []byte
	Attributes map[string]string
}

// publishReadyMade publishes a message many times: as lines are published
// ("stream"), or each one waited for, by the client's batching publisher as it
// comes ("batched") or in a request of its own ("unary"). Standard input has the
// load and then how often, and again; each answer is how many seconds it took.
func publishReadyMade() error {
	in := json.NewDecoder(os.Stdin)
	var l load
	if err := in.Decode(&l); err != nil {
		return err
	}
	publish, err := publisher(context.Background(), l)
	if err != nil {
		return err
	}
	for {
		var count int
		if err := in.Decode(&count); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		begin := time.Now()
		errs := make(chan error, l.Workers)
		for range l.Workers {
			go func() { errs <- publish(count / l.Workers) }()
		}
		for range l.Workers {
			if err := <-errs; err != nil {
				return err
			}
		}
		fmt.Println(time.Since(begin).Seconds())
	}
}

// publisher gives a function that publishes n messages and waits for them.
func publisher(ctx context.Context, l load) (func(n int) error, error) {
	client, err := pubsubapi.NewClient(ctx, localcloud.Project)
	if err != nil {
		return nil, err
	}
	topic := fmt.Sprintf("projects/%s/topics/%s", localcloud.Project, l.Topic)
	if l.How == "stream" {
		return streamer(ctx, client.Publisher(topic), l), nil
	}
	one := func() error {
		_, err := client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: l.Data, Attributes: l.Attributes}}})
		return err
	}
	if l.How == "batched" {
		publisher := client.Publisher(topic)
		one = func() error {
			_, err := publisher.Publish(ctx, &pubsubapi.Message{Data: l.Data, Attributes: l.Attributes}).Get(ctx)
			return err
		}
	}
	return func(n int) error {
		for range n {
			if err := one(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// streamer publishes with the settings of the receiver's own stream, which are
// also what was fastest here.
func streamer(ctx context.Context, p *pubsubapi.Publisher, l load) func(n int) error {
	p.PublishSettings.CountThreshold = 1000
	p.PublishSettings.ByteThreshold = 1 << 20
	p.PublishSettings.DelayThreshold = 20 * time.Millisecond
	p.PublishSettings.FlowControlSettings = pubsubapi.FlowControlSettings{
		MaxOutstandingMessages: -1,
		MaxOutstandingBytes:    24 << 20,
		LimitExceededBehavior:  pubsubapi.FlowControlBlock,
	}
	return func(n int) error {
		waiting := make([]*pubsubapi.PublishResult, n)
		for i := range n {
			waiting[i] = p.Publish(ctx, &pubsubapi.Message{Data: l.Data, Attributes: l.Attributes})
		}
		for _, result := range waiting {
			if _, err := result.Get(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// alone is a process that runs publishReadyMade.
type alone struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

func startAlone(tb testing.TB, addr string, l load) *alone {
	tb.Helper()
	p := &alone{cmd: roleCommand(tb, "publish", "PUBSUB_EMULATOR_HOST="+addr)}
	p.cmd.Stderr = os.Stderr
	var err error
	p.in, err = p.cmd.StdinPipe()
	must(tb, err)
	out, err := p.cmd.StdoutPipe()
	must(tb, err)
	p.out = json.NewDecoder(out)
	must(tb, p.cmd.Start())
	must(tb, json.NewEncoder(p.in).Encode(l))
	return p
}

// publish gives how long it took.
func (p *alone) publish(tb testing.TB, count int) time.Duration {
	tb.Helper()
	var seconds float64
	must(tb, json.NewEncoder(p.in).Encode(count))
	must(tb, p.out.Decode(&seconds))
	return time.Duration(seconds * float64(time.Second))
}

// cpu ends the process and gives the CPU time that it took.
func (p *alone) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	must(tb, p.in.Close())
	must(tb, p.cmd.Wait())
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}
