package e2e

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/secrets"
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

func (r *rig) failSecrets(f *secrets.Fault) {
	r.cloud.Secrets.Fail(func(secrets.Op) *secrets.Fault { return f })
}

// While Secret Manager is down and nothing was ever loaded, the answer is 503:
// never a pass, never a refusal.
func TestSecretManagerDownAtStart(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]secrets.Fault{
		"unavailable": {Err: status.Error(codes.Unavailable, "on purpose")},
		"internal":    {Err: status.Error(codes.Internal, "on purpose")},
		"silent":      {Delay: time.Hour},
		"denied":      {Err: status.Error(codes.PermissionDenied, "on purpose")},
		"not found":   {Err: status.Error(codes.NotFound, "on purpose")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{})
			r.failSecrets(&fault)
			for who, secret := range map[string]string{"genuine": r.secret, "forged": another} {
				a := r.sign(secret)
				if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.took > 3*time.Second+slack {
					t.Errorf("%s: %v after %v, want 503 with Retry-After in a few seconds", who, a, a.took)
				}
			}
			r.cloud.Secrets.Fail(nil)
			poll(t, 10*time.Second, "a genuine delivery is accepted", func() bool { return r.sign(r.secret).status == http.StatusOK })
			if a := r.sign(another); a.status != http.StatusUnauthorized {
				t.Errorf("forged, afterwards: %v, want 401", a)
			}
		})
	}
}

// What was loaded serves during an outage, past SECRET_TTL, and only a
// definite answer ends that.
func TestSecretManagerDownLater(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"SECRET_TTL=1s"}})
	if a := r.sign(r.secret); a.status != http.StatusOK {
		t.Fatalf("before: %v", a)
	}
	r.failSecrets(&secrets.Fault{Err: status.Error(codes.Unavailable, "on purpose")})
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		if a := r.sign(r.secret); a.status != http.StatusOK {
			t.Fatalf("during the outage: %v, want 200 from what is cached", a)
		}
	}
	if a := r.sign(another); a.status != http.StatusUnauthorized {
		t.Errorf("forged, during the outage: %v, want 401", a)
	}
	r.failSecrets(&secrets.Fault{Err: status.Error(codes.PermissionDenied, "on purpose")})
	poll(t, 15*time.Second, "a definite answer counts", func() bool { return r.sign(r.secret).status == http.StatusServiceUnavailable })
}

// A secret that is disabled is refused after SECRET_TTL, and accepted again
// when it is enabled.
func TestSecretDisabled(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"SECRET_TTL=2s"}})
	if a := r.sign(r.secret); a.status != http.StatusOK {
		t.Fatalf("before: %v", a)
	}
	must(t, r.cloud.Secrets.Disable(localcloud.SigningSecret, 1))
	disabled := time.Now()
	poll(t, 5*time.Second, "refused", func() bool { return r.sign(r.secret).status == http.StatusUnauthorized })
	if took := time.Since(disabled); took > 2*time.Second+slack {
		t.Errorf("refused after %v, want within SECRET_TTL, 2 s", took)
	}
	must(t, r.cloud.Secrets.Enable(localcloud.SigningSecret, 1))
	poll(t, 7*time.Second, "accepted again", func() bool { return r.sign(r.secret).status == http.StatusOK })
}

// A new version is accepted within 5 s of the first delivery that it signed,
// though forgeries use up the look-ups; the old one stays for the overlap.
func TestNewVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	if a := r.sign(r.secret); a.status != http.StatusOK {
		t.Fatalf("before: %v", a)
	}
	for range 20 {
		if a := r.sign("whsec_c3RyYW5nZXJzIGtleSwgbm90IG91cnMgYXQgYWxsISE="); a.status != http.StatusUnauthorized {
			t.Fatalf("forged: %v, want 401", a)
		}
	}
	old := r.secret
	secret, err := r.operator.Rotate(t.Context(), webhookadmin.After24h)
	must(t, err)
	first := time.Now()
	poll(t, 10*time.Second, "the new secret is accepted", func() bool {
		time.Sleep(50 * time.Millisecond)
		return r.sign(secret).status == http.StatusOK
	})
	if took := time.Since(first); took > 5*time.Second+slack {
		t.Errorf("accepted after %v, want 5 s", took)
	}
	if a := r.sign(old); a.status != http.StatusOK {
		t.Errorf("the old secret during the overlap: %v, want 200", a)
	}
	if n := r.cloud.Secrets.Count("ListSecretVersions"); n > 3 {
		t.Errorf("%d lists of versions, want few", n)
	}
}

// A version that is revoked is refused from the start, however young its
// successor.
func TestRevokedVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"REVOKED_VERSIONS=" + localcloud.SigningSecret + "/versions/1"}})
	if a := r.sign(r.secret); a.status != http.StatusUnauthorized {
		t.Errorf("revoked: %v, want 401", a)
	}
	secret, err := r.operator.Rotate(t.Context(), webhookadmin.After24h)
	must(t, err)
	poll(t, 10*time.Second, "its successor is accepted", func() bool {
		time.Sleep(50 * time.Millisecond)
		return r.sign(secret).status == http.StatusOK
	})
	if a := r.sign(r.secret); a.status != http.StatusUnauthorized {
		t.Errorf("revoked, with a successor: %v, want 401", a)
	}
}
