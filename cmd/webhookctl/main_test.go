package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// webhookctl runs a command line that nobody answers, and gives what it printed
// and its exit code.
func webhookctl(t *testing.T, args ...string) (out, messages string, code int) {
	t.Helper()
	return answered(t, t.Context(), nil, args...)
}

// answered is webhookctl with somebody at the terminal, who answers.
func answered(t *testing.T, ctx context.Context, answer *string, args ...string) (out, messages string, code int) {
	t.Helper()
	var o, m bytes.Buffer
	s := streams{out: &o, messages: &m, pause: time.Millisecond}
	if answer != nil {
		s.in, s.terminal = strings.NewReader(*answer), true
	}
	code = run(ctx, args, s)
	return o.String(), m.String(), code
}

// TestHelp wants the exit codes in the help of every command.
func TestHelp(t *testing.T) {
	for _, args := range []string{"", "doctor", "batch retry", "webhook create", "webhook list", "webhook get", "webhook update", "webhook ping", "webhook rotate", "webhook delete", "dlq list", "dlq show", "dlq redrive", "dlq drop", "verify", "trigger", "conformance", "listen", "dev"} {
		out, messages, code := webhookctl(t, append(strings.Fields(args), "--help")...)
		if code != codeDone || messages != "" {
			t.Errorf("%q --help: code %d, %q", args, code, messages)
		}
		wants := []string{"Exit codes:", "the command line is wrong"}
		if name, _, _ := strings.Cut(args, " "); name == "" || slices.Contains(older, name) {
			wants = append(wants, "run it again", "no such webhook", "--dry-run")
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q --help does not say %q:\n%s", args, want, out)
			}
		}
	}
	if out, _, code := webhookctl(t, "--version"); code != codeDone || out == "" {
		t.Errorf("--version: code %d, %q", code, out)
	}
}
