package main

import (
	"bytes"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud/secrets"
)

const secret = "projects/p/secrets/token"

func start(t *testing.T) *secrets.Server {
	t.Helper()
	s := secrets.New(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789"}})
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Setenv("SECRET_MANAGER_EMULATOR_HOST", s.Addr())
	return s
}

// webhookctl runs a command line and gives what it printed.
func webhookctl(t *testing.T, args ...string) (out, messages string, err error) {
	t.Helper()
	var o, m bytes.Buffer
	err = run(t.Context(), args, &o, &m)
	return o.String(), m.String(), err
}

func TestTokensAndURIs(t *testing.T) {
	s := start(t)
	uri := func(args ...string) string {
		t.Helper()
		out, _, err := webhookctl(t, append([]string{"dynamic-uri", "--secret", secret, "--url", "https://receiver.example/"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(out, "\n")
	}
	payload := func(version int64) string {
		t.Helper()
		data, ok := s.Payload(secret, version)
		if !ok {
			t.Fatalf("no version %d", version)
		}
		return string(data)
	}

	out, messages, err := webhookctl(t, "token", "create", "--secret", secret)
	if err != nil || out != secret+"/versions/1\n" {
		t.Fatalf("create: %q, %v", out, err)
	}
	first := payload(1)
	if !tokenForm.MatchString(first) || len(first) < 43 {
		t.Errorf("the token is not 256 bits in the form that the receiver accepts")
	}
	if got, want := uri(), "https://receiver.example/dynamic/"+first; got != want {
		t.Errorf("dynamic-uri: %s, want %s", got, want)
	}
	if got, want := uri("--label", "team a/nightly"), "https://receiver.example/dynamic/"+first+"/team%20a/nightly"; got != want {
		t.Errorf("dynamic-uri with a label: %s, want %s", got, want)
	}

	if _, _, err := webhookctl(t, "token", "create", "--secret", secret); err == nil {
		t.Error("create beside a token that is in use: no error")
	}
	out2, messages2, err := webhookctl(t, "token", "rotate", "--secret", secret)
	if err != nil || out2 != secret+"/versions/2\n" || !strings.Contains(messages2, "version 1 is accepted until") {
		t.Fatalf("rotate: %q, %q, %v", out2, messages2, err)
	}
	second := payload(2)
	if second == first || uri() != "https://receiver.example/dynamic/"+second {
		t.Error("the new token is not the one in the URL")
	}
	for _, printed := range []string{out, messages, out2, messages2} {
		if strings.Contains(printed, first) || strings.Contains(printed, second) {
			t.Errorf("a token is printed: %q", printed)
		}
	}
	if err := s.Disable(secret, 2); err != nil {
		t.Fatal(err)
	}
	if uri() != "https://receiver.example/dynamic/"+first {
		t.Error("a disabled version is used")
	}
}

func TestBadCommandLines(t *testing.T) {
	s := start(t)
	s.Add("projects/p/secrets/weak", []byte("short"))
	for name, args := range map[string][]string{
		"no command":        {},
		"no secret":         {"token", "create"},
		"a secret's id":     {"token", "create", "--secret", "token"},
		"a version":         {"token", "create", "--secret", secret + "/versions/1"},
		"rotate of nothing": {"token", "rotate", "--secret", secret},
		"uri of nothing":    {"dynamic-uri", "--secret", secret, "--url", "https://x.example"},
		"a weak token":      {"dynamic-uri", "--secret", "projects/p/secrets/weak", "--url", "https://x.example"},
		"no address":        {"dynamic-uri", "--secret", secret, "--url", "receiver.example"},
		"an address's path": {"dynamic-uri", "--secret", secret, "--url", "https://x.example/hook"},
		"a label with dots": {"dynamic-uri", "--secret", secret, "--url", "https://x.example", "--label", "a/../b"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := webhookctl(t, args...); err == nil || strings.Contains(err.Error(), "short") {
				t.Errorf("got %v, want an error without the payload", err)
			}
		})
	}
}
