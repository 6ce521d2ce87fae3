package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/verify/verifytest"
)

// another makes a signing secret that is none yet.
const another = "whsec_dGhlIG5leHQgc2VjcmV0IGFmdGVyIGEgcm90YXRpb24="

// sign delivers a new event signed with a secret.
func (r *rig) sign(secret string) answer {
	r.t.Helper()
	id := "msg_" + strconv.FormatInt(time.Now().UnixNano(), 10)
	body := interaction(id)
	return r.deliver(verifytest.Static(secret, id, time.Now(), []byte(body)), body)
}

// startRotator runs the function RotateSigningSecret against r's cloud.
func (r *rig) startRotator() *child {
	r.t.Helper()
	program := command(r.t, append(r.cloud.Env(),
		"FUNCTION_TARGET=RotateSigningSecret", "GEMINI_API_KEY_SECRET="+localcloud.APIKeySecret, "LOCAL_ONLY=true")...)
	return launch(r.t, program, (*child).listens)
}

// message is a Pub/Sub message of Secret Manager in a CloudEvent's data.
func message(event, secret string, published time.Time) string {
	data, _ := push.Wrap("projects/local-project/subscriptions/rotation", &pubsubpb.PubsubMessage{
		Attributes: map[string]string{"eventType": event, "secretId": secret, "dataFormat": "JSON_API_V1"},
		Data:       []byte(`{"name":"` + secret + `"}`), MessageId: "1", PublishTime: timestamppb.New(published),
	}, 0)
	return string(data)
}

// notify posts a CloudEvent as Eventarc does (binary mode) and returns the status.
func notify(t *testing.T, c *child, data string) int {
	t.Helper()
	return send(t, http.MethodPost, c.url()+"/", eventHeader(time.Now()), data).status
}

func eventHeader(published time.Time) http.Header {
	header := make(http.Header)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": "1",
		"Ce-Type":   "google.cloud.pubsub.topic.v1.messagePublished",
		"Ce-Source": "//pubsub.googleapis.com/projects/local-project/topics/rotation",
		"Ce-Time":   published.UTC().Format(time.RFC3339Nano),
	} {
		header.Set(name, value)
	}
	return header
}

func (r *rig) versions() (n int64) {
	for {
		if _, ok := r.cloud.Secrets.Payload(localcloud.SigningSecret, n+1); !ok {
			return n
		}
		n++
	}
}

// TestRotationByNotification: the function takes notifications in both forms of
// the framework, a new version comes of each that is due, deliveries go on, and
// what fails is delivered again. (What is due: internal/webhookadmin.)
func TestRotationByNotification(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	rotator := r.startRotator()
	old := r.secret
	want := func(what string, status int, versions int64) {
		t.Helper()
		if n := r.versions(); status/100 != 2 || n != versions {
			t.Errorf("%s: %d, %d versions, want it acknowledged and %d", what, status, n, versions)
		}
	}
	due := message("SECRET_ROTATE", localcloud.SigningSecret, time.Now())
	want("another event", notify(t, rotator, message("SECRET_VERSION_ADD", localcloud.SigningSecret, time.Now())), 1)
	want("no notification", notify(t, rotator, `not JSON`), 1)
	want("due", notify(t, rotator, due), 2)
	want("repeated", notify(t, rotator, due), 2)
	r.emit("interaction.completed", map[string]any{"id": "after"})
	r.wait("a delivery after the rotation", func() bool { return r.seen.has("interaction.completed") })
	if a := r.sign(old); a.status != http.StatusOK {
		t.Errorf("the old secret within its overlap: %v", a)
	}
	raw := send(t, http.MethodPost, rotator.url()+"/projects/local-project/topics/rotation",
		http.Header{"Content-Type": {"application/json"}}, message("SECRET_ROTATE", localcloud.SigningSecret, time.Now()))
	want("raw push", raw.status, 3)
	for n := range r.versions() {
		payload, _ := r.cloud.Secrets.Payload(localcloud.SigningSecret, n+1)
		if strings.Contains(rotator.logs.String(), strings.TrimPrefix(string(payload), "whsec_")) {
			t.Errorf("version %d is in the log", n+1)
		}
	}
	must(t, r.cloud.Gemini.Close())
	if got := notify(t, rotator, message("SECRET_ROTATE", localcloud.SigningSecret, time.Now())); got/100 == 2 {
		t.Errorf("Gemini is down: %d, want it delivered again", got)
	}
	rotator.terminate(t)
	if code := rotator.exitCode(t); code != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", code)
	}
}

// After a rotation with immediate revocation the old secret is refused within
// seconds, even where forgeries have used up the look-up of the moment: the
// figure in docs/runbooks/secret-compromised.md.
func TestRevocation(t *testing.T) {
	t.Parallel()
	for name, forged := range map[string]bool{"quiet": false, "just after a forgery": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{})
			leaked := r.secret
			if a := r.sign(leaked); a.status != http.StatusOK {
				t.Fatalf("before: %v", a)
			}
			if forged {
				r.sign(another)
			}
			secret, err := r.operator.Rotate(t.Context(), webhookadmin.Immediately)
			must(t, err)
			start := time.Now()
			poll(t, 10*time.Second, "the leaked secret is refused", func() bool {
				time.Sleep(20 * time.Millisecond)
				return r.sign(leaked).status == http.StatusUnauthorized
			})
			took := time.Since(start)
			t.Logf("refused %v after the rotation", took.Round(10*time.Millisecond))
			if limit := 5*time.Second + slack; took > limit {
				t.Errorf("refused after %v, want %v", took, limit)
			}
			poll(t, 10*time.Second, "the new secret is accepted", func() bool { return r.sign(secret).status == http.StatusOK })
		})
	}
}
