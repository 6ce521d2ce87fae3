package e2e

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
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
func (r *rig) startRotator(env ...string) *child {
	r.t.Helper()
	program := command(r.t, append(append(r.cloud.Env(), env...),
		"FUNCTION_TARGET=RotateSigningSecret", "GEMINI_API_KEY_SECRET="+localcloud.APIKeySecret, "LOCAL_ONLY=true")...)
	return launch(r.t, program, (*child).listens)
}

// listens waits until a process takes connections: the framework's server
// answers no health checks.
func (c *child) listens() bool {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if conn, err := net.Dial("tcp", c.addr); err == nil {
			return conn.Close() == nil
		}
		select {
		case <-c.exited:
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
	return false
}

// message is a Pub/Sub message of Secret Manager in a CloudEvent's data.
func message(event, secret string, published time.Time) string {
	data, _ := json.Marshal(map[string]any{
		"subscription": "projects/local-project/subscriptions/rotation",
		"message": map[string]any{
			"attributes":  map[string]string{"eventType": event, "secretId": secret, "dataFormat": "JSON_API_V1"},
			"data":        []byte(`{"name":"` + secret + `"}`),
			"messageId":   "1",
			"publishTime": published.UTC().Format(time.RFC3339Nano),
		},
	})
	return string(data)
}

// notify posts a CloudEvent as Eventarc does (binary mode) and returns the status.
func notify(t *testing.T, c *child, data string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url()+"/", strings.NewReader(data))
	must(t, err)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": "1",
		"Ce-Type":   "google.cloud.pubsub.topic.v1.messagePublished",
		"Ce-Source": "//pubsub.googleapis.com/projects/local-project/topics/rotation",
		"Ce-Time":   time.Now().UTC().Format(time.RFC3339Nano),
	} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	return resp.StatusCode
}

func (r *rig) versions() (n int64) {
	for {
		if _, ok := r.cloud.Secrets.Payload(localcloud.SigningSecret, n+1); !ok {
			return n
		}
		n++
	}
}

// TestRotationByNotification: one new version for a notification, however often
// and late it comes, and deliveries go on.
func TestRotationByNotification(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	rotator := r.startRotator()
	old := r.secret
	due := message("SECRET_ROTATE", localcloud.SigningSecret, time.Now())
	for _, ignored := range []string{
		message("SECRET_VERSION_ADD", localcloud.SigningSecret, time.Now()),
		message("TOPIC_CONFIGURED", "", time.Now()),
		message("SECRET_ROTATE", localcloud.APIKeySecret, time.Now()), // names no webhook
		message("SECRET_ROTATE", "projects/local-project/secrets/none", time.Now()),
		`{}`, `not JSON`,
	} {
		if got := notify(t, rotator, ignored); got/100 != 2 {
			t.Errorf("%s: %d, want it acknowledged", ignored, got)
		}
	}
	if n := r.versions(); n != 1 {
		t.Fatalf("%d versions after what is to be ignored, want 1", n)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := notify(t, rotator, due); got/100 != 2 {
				t.Errorf("due: %d, want it acknowledged", got)
			}
		})
	}
	wg.Wait()
	if got := notify(t, rotator, due); got/100 != 2 || r.versions() != 2 {
		t.Errorf("repeated: %d, %d versions, want one more than before", got, r.versions())
	}
	r.emit("interaction.completed", map[string]any{"id": "after"})
	r.wait("a delivery after the rotation", func() bool { return r.seen.has("interaction.completed") })
	if a := r.sign(old); a.status != http.StatusOK {
		t.Errorf("the old secret within its overlap: %v", a)
	}
	// The raw push form that the framework accepts, too.
	raw := message("SECRET_ROTATE", localcloud.SigningSecret, time.Now())
	resp, err := http.Post(rotator.url()+"/projects/local-project/topics/rotation", "application/json", bytes.NewReader([]byte(raw)))
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode/100 != 2 || r.versions() != 3 {
		t.Errorf("raw push: %d, %d versions, want 3", resp.StatusCode, r.versions())
	}
	for n := range r.versions() {
		payload, _ := r.cloud.Secrets.Payload(localcloud.SigningSecret, n+1)
		if strings.Contains(rotator.logs.String(), strings.TrimPrefix(string(payload), "whsec_")) {
			t.Errorf("version %d is in the log", n+1)
		}
	}
	// Gemini is down: Pub/Sub is to deliver again, and then it is done.
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
