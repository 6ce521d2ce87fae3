package main

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestDevPageIsOnLoopback(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nowhere"} {
		if _, messages, code := webhookctl(t, "dev", "--listen="+address); code != codeUsage || messages == "" {
			t.Errorf("--listen=%s: code %d, %q", address, code, messages)
		}
	}
}

// The page is where the command says, and shows what comes.
func TestDevPage(t *testing.T) {
	child, _, out := startDev(t, installed(t), "--listen=127.0.0.1:0")
	var at string
	for lines := bufio.NewScanner(out); at == "" && lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "the page is at "); ok {
			at, _, _ = strings.Cut(rest, " ")
		}
	}
	res, err := http.Get(at)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != http.StatusOK || !strings.Contains(string(text), "<h1>Deliveries</h1>") || !strings.Contains(string(text), "WEBHOOK_URL") {
		t.Errorf("%s: %d %.300s", at, res.StatusCode, text)
	}
	must(t, child.Process.Signal(syscall.SIGINT))
	if err := child.Wait(); err != nil {
		t.Errorf("an interrupt: %v, want exit code 0", err)
	}
}
