package e2e

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud"
)

// attempts is what the subscriptions of these tests have.
const attempts = 5

func fewAttempts() localcloud.Options {
	return localcloud.Options{MaxDeliveryAttempts: attempts, RangesAtOnce: 1}
}

// redrive publishes a dead letter to the queue again, as people do after a
// repair.
func (r *rig) redrive(letter outcome) {
	r.t.Helper()
	conn, err := grpc.NewClient(r.cloud.PubSub.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(r.t, err)
	defer conn.Close()
	client, err := pubsub.NewClient(r.t.Context(), localcloud.Project, option.WithGRPCConn(conn))
	must(r.t, err)
	publisher := client.Publisher(localcloud.QueueTopic)
	defer publisher.Stop()
	_, err = publisher.Publish(r.t.Context(), &pubsub.Message{Data: letter.raw, Attributes: letter.Attributes}).Get(r.t.Context())
	must(r.t, err)
}

// deadLetters waits until n messages are given up, and nothing is left.
func (r *rig) deadLetters(n int) []outcome {
	r.t.Helper()
	r.wait("dead letters", func() bool { return r.seen.count(localcloud.DeadLetterTopic) >= n && r.seen.idle() })
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	letters := r.seen.topics[localcloud.DeadLetterTopic]
	if len(letters) != n {
		r.t.Errorf("%d dead letters, want %d", len(letters), n)
	}
	return letters
}

// failedBeforeReport counts how many attempts had failed when the first outcome
// was published.
func (r *rig) failedBeforeReport() func() int {
	var failed atomic.Int64
	var once sync.Once
	must(r.t, r.cloud.Watch(r.t.Context(), localcloud.OutcomesTopic, func([]byte, map[string]string) {
		once.Do(func() {
			for _, a := range r.seen.pushes() {
				if a.Status == http.StatusInternalServerError {
					failed.Add(1)
				}
			}
		})
	}))
	return func() int { return int(failed.Load()) }
}

// A missing object is retried; the last attempt but one reports it, the last
// leaves the message in the dead letters, and a redrive completes the batch.
func TestMissingObject(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{cloud: fewAttempts()})
	failedBefore := r.failedBeforeReport()
	r.succeed(objectURI)
	letter := r.deadLetters(1)[0]
	if n := letter.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"]; n != "5" {
		t.Errorf("a dead letter after %s attempts, want %d", n, attempts)
	}
	for _, a := range r.seen.pushes() {
		if a.Status != http.StatusInternalServerError {
			t.Errorf("attempt %d was answered %d, want 500", a.Number, a.Status)
		}
	}
	if n := failedBefore(); n != attempts-2 {
		t.Errorf("%d attempts failed before batch.incomplete, want %d: the last but one reports", n, attempts-2)
	}
	reports := r.seen.outcomes(t, localcloud.OutcomesTopic)
	if len(reports) != 1 || reports[0].Type != "batch.incomplete" || reports[0].Error.Code != "not_found" {
		t.Fatalf("got %d outcomes, want one batch.incomplete with not_found: %+v", len(reports), reports)
	}

	r.put(jsonl(3))
	r.redrive(letter)
	if done := r.completed(); done.Results != (totals{Total: 3, Succeeded: 3}) {
		t.Errorf("after a redrive: %+v", done.Results)
	}
}
