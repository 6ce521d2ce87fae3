package secretmanager

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/secret"
)

const signing = "projects/p/secrets/s"

func start(t *testing.T) (*secrets.Server, *Client) {
	t.Helper()
	// Google answers with the project's number.
	s, err := secrets.Start(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789"}})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	t.Setenv("SECRET_MANAGER_EMULATOR_HOST", s.Addr())
	c, err := NewClient(t.Context())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return s, c
}

func TestVersionsAndAccess(t *testing.T) {
	s, c := start(t)
	s.Add(signing, []byte("one"))
	s.Add(signing, []byte(" two\n"))
	s.Add(signing, []byte("three"))
	must(t, s.Disable(signing, 3))
	must(t, s.Destroy(signing, 1))
	got, err := c.Versions(t.Context(), signing)
	must(t, err)
	if len(got) != 3 {
		t.Fatalf("%d versions, want 3", len(got))
	}
	for i, want := range []secret.Version{{Number: 3}, {Number: 2, Enabled: true}, {Number: 1}} {
		if got[i].Number != want.Number || got[i].Enabled != want.Enabled || time.Since(got[i].Created) > time.Minute {
			t.Errorf("version %d: got %+v, want %+v, just created", i, got[i], want)
		}
	}
	if data, err := c.Access(t.Context(), signing, 2); string(data.Reveal()) != " two\n" || err != nil {
		t.Errorf("got %q, %v", data.Reveal(), err)
	}
	if _, err := c.Latest(t.Context(), signing); !errors.Is(err, secret.ErrDisabled) {
		t.Errorf("the newest version is disabled: %v", err)
	}
	s.Add(signing, []byte(" four\n"))
	if text, err := c.Latest(t.Context(), signing); string(text.Reveal()) != "four" || err != nil {
		t.Errorf("got %q, %v, want four", text.Reveal(), err)
	}
}

func TestDefiniteAnswersAndOutages(t *testing.T) {
	s, c := start(t)
	s.Add(signing, []byte("one"))
	s.Add(signing, []byte("two"))
	must(t, s.Disable(signing, 2))
	access := func(number int64) error { _, err := c.Access(t.Context(), signing, number); return err }
	if err := access(2); !errors.Is(err, secret.ErrDisabled) {
		t.Errorf("disabled: %v", err)
	}
	if err := access(3); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("not there: %v", err)
	}
	if _, err := c.Versions(t.Context(), "projects/p/secrets/absent"); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("no such secret: %v", err)
	}
	for code, want := range map[codes.Code]error{
		codes.PermissionDenied: secret.ErrDenied,
		codes.Unauthenticated:  nil, // an outage
		codes.Internal:         nil,
	} {
		s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Err: status.Error(code, "injected")} })
		_, listErr := c.Versions(t.Context(), signing)
		for _, err := range []error{access(1), listErr} {
			definite := errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDisabled)
			if err == nil || definite != (want != nil) || want != nil && !errors.Is(err, want) {
				t.Errorf("%v: %v", code, err)
			}
		}
	}
	// The client repeats what is unavailable until the context ends.
	s.Fail(func(secrets.Op) *secrets.Fault {
		return &secrets.Fault{Err: status.Error(codes.Unavailable, "injected")}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.Access(ctx, signing, 1); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("unavailable: %v after %v", err, time.Since(start))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
