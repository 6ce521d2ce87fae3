package main

import (
	"regexp"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud/secrets"
)

const tokenName = "projects/p/secrets/token"

func start(t *testing.T) *secrets.Server {
	t.Helper()
	s, err := secrets.Start(secrets.Options{ProjectNumbers: map[string]string{"p": "123456789"}})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	t.Setenv("SECRET_MANAGER_EMULATOR_HOST", s.Addr())
	return s
}

func TestTokensAndURIs(t *testing.T) {
	s := start(t)
	uri := func(args ...string) string {
		t.Helper()
		out, messages, code := webhookctl(t, append([]string{"dynamic-uri", "--secret", tokenName, "--url", "https://receiver.example/"}, args...)...)
		if code != codeDone {
			t.Fatal(messages)
		}
		return strings.TrimSuffix(out, "\n")
	}
	payload := func(version int64) string {
		t.Helper()
		data, ok := s.Payload(tokenName, version)
		if !ok {
			t.Fatalf("no version %d", version)
		}
		return string(data)
	}

	out, messages, code := webhookctl(t, "token", "create", "--secret", tokenName)
	if code != codeDone || out != tokenName+"/versions/1\n" {
		t.Fatalf("create: code %d, %q, %q", code, out, messages)
	}
	first := payload(1)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{32,128}$`).MatchString(first) || len(first) < 43 {
		t.Errorf("the token is not 256 bits in the form that the receiver accepts")
	}
	if got, want := uri(), "https://receiver.example/dynamic/"+first; got != want {
		t.Errorf("dynamic-uri: %s, want %s", got, want)
	}
	if got, want := uri("--label", "team a/nightly"), "https://receiver.example/dynamic/"+first+"/team%20a/nightly"; got != want {
		t.Errorf("dynamic-uri with a label: %s, want %s", got, want)
	}

	if _, _, code := webhookctl(t, "token", "create", "--secret", tokenName); code != codeFailed {
		t.Errorf("create beside a token that is in use: code %d", code)
	}
	out2, messages2, code := webhookctl(t, "token", "rotate", "--secret", tokenName)
	if code != codeDone || out2 != tokenName+"/versions/2\n" || !strings.Contains(messages2, "version 1 is accepted until") {
		t.Fatalf("rotate: code %d, %q, %q", code, out2, messages2)
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
	if out, messages, code := webhookctl(t, "dynamic-uri", "--secret", tokenName, "--url", "http://127.0.0.1:8080"); code != codeDone || out != "http://127.0.0.1:8080/dynamic/"+second+"\n" {
		t.Errorf("an address of this machine: code %d, %q, %q", code, out, messages)
	}
	must(t, s.Disable(tokenName, 2))
	if uri() != "https://receiver.example/dynamic/"+first {
		t.Error("a disabled version is used")
	}
}

// TestPastedToken: what is no token is said to be none before a URL needs it.
func TestPastedToken(t *testing.T) {
	s := start(t)
	s.Add(tokenName, []byte("TOKEN=0123456789abcdefghijklmnopqrstuvwxyz"))
	for _, test := range []struct {
		code int
		args []string
	}{
		{codeFailed, []string{"dynamic-uri", "--url", "https://receiver.example"}},
		{codeFailed, []string{"token", "create"}},
		{codeDone, []string{"token", "rotate"}},
	} {
		_, messages, code := webhookctl(t, append(test.args, "--secret", tokenName)...)
		if code != test.code || !strings.Contains(messages, "version 1") || !strings.Contains(messages, "store it alone") || strings.Contains(messages, "0123") {
			t.Errorf("%v: code %d, %q; want %d, and why version 1 is no token", test.args, code, messages, test.code)
		}
	}
}

func TestBadCommandLines(t *testing.T) {
	s := start(t)
	s.Add("projects/p/secrets/weak", []byte("short"))
	s.Add("projects/p/secrets/good", []byte(strings.Repeat("a", 43)))
	for name, test := range map[string]struct {
		code int
		args []string
	}{
		"no command":        {codeUsage, []string{}},
		"an unknown flag":   {codeUsage, []string{"token", "create", "--secret", tokenName, "--force"}},
		"no secret":         {codeUsage, []string{"token", "create"}},
		"a secret's id":     {codeUsage, []string{"token", "create", "--secret", "token"}},
		"a version":         {codeUsage, []string{"token", "create", "--secret", tokenName + "/versions/1"}},
		"rotate of nothing": {codeNotFound, []string{"token", "rotate", "--secret", tokenName}},
		"uri of nothing":    {codeNotFound, []string{"dynamic-uri", "--secret", tokenName, "--url", "https://x.example"}},
		"a weak token":      {codeFailed, []string{"dynamic-uri", "--secret", "projects/p/secrets/weak", "--url", "https://x.example"}},
		"no address":        {codeUsage, []string{"dynamic-uri", "--secret", tokenName, "--url", "receiver.example"}},
		"plain http":        {codeUsage, []string{"dynamic-uri", "--secret", "projects/p/secrets/good", "--url", "http://receiver.example"}},
		"another machine":   {codeUsage, []string{"dynamic-uri", "--secret", "projects/p/secrets/good", "--url", "http://10.0.0.1:8080"}},
		"a user":            {codeUsage, []string{"dynamic-uri", "--secret", "projects/p/secrets/good", "--url", "https://user:password@receiver.example"}},
		"an address's path": {codeUsage, []string{"dynamic-uri", "--secret", tokenName, "--url", "https://x.example/hook"}},
		"a label with dots": {codeUsage, []string{"dynamic-uri", "--secret", "projects/p/secrets/good", "--url", "https://x.example", "--label", "a/../b"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, messages, code := webhookctl(t, test.args...)
			if code != test.code || out != "" || messages == "" || strings.Contains(messages, "short") {
				t.Errorf("code %d, %q, %q; want %d and an error without the payload", code, out, messages, test.code)
			}
		})
	}
}
