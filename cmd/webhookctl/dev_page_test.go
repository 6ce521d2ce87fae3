package main

import "testing"

func TestDevPageIsOnLoopback(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nowhere"} {
		if _, messages, code := webhookctl(t, "dev", "--listen="+address); code != codeUsage || messages == "" {
			t.Errorf("--listen=%s: code %d, %q", address, code, messages)
		}
	}
}
