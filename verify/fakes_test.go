package verify_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	secretA = "projects/p/secrets/a"
	secretB = "projects/p/secrets/b"
	// What the versions 1, 2, 3 of a secret hold in these tests.
	payload1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	payload2 = "whsec_bmV3ZXIta2V5LW5ld2VyLWtleS1uZXdlci1rZXkh"
	payload3 = "whsec_dGhpcmQta2V5LXRoaXJkLWtleS10aGlyZC1rZXkh"
)

var (
	start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	body  = []byte(`{"type":"batch.succeeded","data":{"id":"batch_1"}}`)
)

var errDown = errors.New("secret manager is down")

// clock is a clock that moves when told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: start} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// fakeSource is a secret manager in memory that fails on purpose.
type fakeSource struct {
	mu       sync.Mutex
	versions map[string][]fakeVersion // by secret; index 0 is version 1
	hidden   map[string]int           // newest versions that the list does not show yet
	err      map[string]error         // for everything about a secret
	access   map[string]error         // for Access of "secret/N"
	hang     bool                     // until the context ends
	lists    int
	accesses int
}

type fakeVersion struct {
	payload string
	enabled bool
	created time.Time
}

func newSource() *fakeSource {
	return &fakeSource{versions: map[string][]fakeVersion{}, hidden: map[string]int{}, err: map[string]error{}, access: map[string]error{}}
}

// add adds an enabled version.
func (s *fakeSource) add(secret, payload string, created time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[secret] = append(s.versions[secret], fakeVersion{payload, true, created})
}

func (s *fakeSource) do(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *fakeSource) disable(secret string, number int) {
	s.do(func() { s.versions[secret][number-1].enabled = false })
}

// lookups returns the calls of Versions and Access so far.
func (s *fakeSource) lookups() (lists, accesses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists, s.accesses
}

func (s *fakeSource) Versions(ctx context.Context, secret string) ([]verify.Version, error) {
	if err := s.enter(ctx, secret, func() { s.lists++ }); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.versions[secret]; !ok {
		return nil, fmt.Errorf("fake: %w", verify.ErrSecretNotFound)
	}
	var list []verify.Version
	for i, v := range s.versions[secret][:len(s.versions[secret])-s.hidden[secret]] {
		list = append(list, verify.Version{Number: int64(i + 1), Enabled: v.enabled, Created: v.created})
	}
	slices.Reverse(list)
	return list, nil
}

func (s *fakeSource) Access(ctx context.Context, secret string, number int64) ([]byte, error) {
	if err := s.enter(ctx, secret, func() { s.accesses++ }); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.access[fmt.Sprintf("%s/%d", secret, number)]; err != nil {
		return nil, err
	}
	versions := s.versions[secret]
	switch {
	case number < 1 || int(number) > len(versions):
		return nil, fmt.Errorf("fake: %w", verify.ErrSecretNotFound)
	case !versions[number-1].enabled:
		return nil, fmt.Errorf("fake: %w", verify.ErrSecretDisabled)
	}
	return []byte(versions[number-1].payload), nil
}

func (s *fakeSource) enter(ctx context.Context, secret string, count func()) error {
	s.mu.Lock()
	count()
	hang, err := s.hang, s.err[secret]
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// rig is a verifier over a fake source and a clock.
type rig struct {
	*clock
	source *fakeSource
	store  *verify.SecretStore
	static *verify.Static
	all    *verify.Verifier
}

type rigOption func(*verify.SecretConfig)

func revoked(names ...string) rigOption {
	return func(c *verify.SecretConfig) { c.Revoked = names }
}

func logTo(w io.Writer) rigOption {
	return func(c *verify.SecretConfig) { c.Log = slog.New(slog.NewTextHandler(w, nil)) }
}

// newRig returns a verifier for secret A, or for those named, with an overlap
// of 24 h, a TTL of 5 min and a stale limit of 6 h.
func newRig(source *fakeSource, secrets []string, options ...rigOption) *rig {
	r := &rig{clock: newClock(), source: source}
	config := verify.SecretConfig{TTL: 5 * time.Minute, StaleLimit: 6 * time.Hour, Now: r.Now, Log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&config)
	}
	if secrets == nil {
		secrets = []string{secretA}
	}
	r.store = verify.NewSecretStore(source, config)
	r.static = verify.NewStatic(r.store, secrets, 24*time.Hour)
	r.all = &verify.Verifier{Static: r.static, Tolerance: 5 * time.Minute, Now: r.Now}
	return r
}

// deliver verifies a delivery signed now with the payload of a version, and returns the stable code.
func (r *rig) deliver(t *testing.T, payload string) string {
	t.Helper()
	h, err := verify.ParseHeaders(verifytest.Static(payload, "msg_1", r.Now(), body))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := r.all.Verify(t.Context(), "/hook", h, body)
	if (err == nil) != (proof != verify.Proof{}) {
		t.Errorf("proof %+v with error %v", proof, err)
	}
	return outcome(err)
}

// outcome is "ok" or the stable code.
func outcome(err error) string {
	switch code := verify.Code(err); {
	case err == nil:
		return "ok"
	case code == "":
		return "no code: " + err.Error()
	default:
		return code
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// decode returns the key of a whsec_ secret.
func decode(secret string) []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	return key
}
