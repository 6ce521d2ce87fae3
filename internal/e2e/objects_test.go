package e2e

import (
	"net/http"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud"
)

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

// A missing object is retried until the message is in the dead letters, after a
// report, and a redrive completes the batch.
func TestMissingObject(t *testing.T) {
	t.Parallel()
	const attempts = 5
	r := newRig(t, options{cloud: localcloud.Options{MaxDeliveryAttempts: attempts, RangesAtOnce: 1}})
	r.succeed(objectURI)
	r.wait("a dead letter", func() bool { return r.seen.count(localcloud.DeadLetterTopic) > 0 && r.seen.idle() })
	letters := r.seen.all()[localcloud.DeadLetterTopic]
	if n := letters[0].Attributes["CloudPubSubDeadLetterSourceDeliveryCount"]; len(letters) != 1 || n != "5" {
		t.Errorf("%d dead letters, the first after %s attempts, want one after %d", len(letters), n, attempts)
	}
	for _, a := range r.seen.pushes() {
		if a.Status != http.StatusInternalServerError {
			t.Errorf("attempt %d was answered %d, want 500", a.Number, a.Status)
		}
	}
	reports := r.seen.outcomes(t, localcloud.OutcomesTopic)
	if len(reports) != 1 || reports[0].Type != "batch.incomplete" || reports[0].Error.Code != "not_found" {
		t.Fatalf("got %d outcomes, want one batch.incomplete with not_found: %+v", len(reports), reports)
	}

	r.put(jsonl(3))
	r.redrive(letters[0])
	if done := r.completed(); done.Results != (totals{Total: 3, Succeeded: 3}) {
		t.Errorf("after a redrive: %+v", done.Results)
	}
}
