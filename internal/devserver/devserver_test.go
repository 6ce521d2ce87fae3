package devserver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/verify/verifytest"
)

// shared is the one server of this package's tests, which run one after the other.
var (
	started bool
	shared  = sync.OnceValues(func() (*Server, error) {
		started = true
		return Start(context.Background(), Options{})
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		if s, err := shared(); err == nil && s.Close() != nil {
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func server(t *testing.T) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the embedded cloud; run without -short")
	}
	s, err := shared()
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func get(t *testing.T, s *Server, seq int64) Detail {
	t.Helper()
	d, ok := s.Get(t.Context(), seq)
	if !ok {
		t.Fatalf("delivery %d is not kept", seq)
	}
	return d
}

// answered is what a delivery was answered.
func (d Detail) answered() string { return fmt.Sprintf("%d %s", d.Status, d.Code) }

// check is one of a report's.
func check(t *testing.T, r explain.Report, name string) explain.Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c explain.Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %s in %+v", name, r.Checks)
	}
	return r.Checks[i]
}

func TestTrigger(t *testing.T) {
	s := server(t)
	for _, scheme := range []string{SchemeV1, SchemeV1a, SchemeJWT} {
		seq, err := s.Trigger(t.Context(), Trigger{Type: "interaction.failed", Scheme: scheme})
		must(t, err)
		d := get(t, s, seq)
		if d.answered() != "200 accepted" || d.Scheme != scheme || d.Sender != SenderTrigger || !d.Report.Genuine || d.Report.Status != d.Status {
			t.Errorf("%s: %+v", scheme, d)
		}
		if strings.Contains(d.Path, s.token) || scheme != SchemeV1 && !strings.Contains(d.Request.Path, s.token) {
			t.Errorf("%s: path %s, of the request %s", scheme, d.Path, d.Request.Path)
		}
		eventually(t, "the outcome", func() bool { return get(t, s, seq).Outcomes == 1 })
		eventually(t, "both doors' lines", func() bool { return len(get(t, s, seq).Log) >= 2 })
		for _, line := range get(t, s, seq).Log {
			if !strings.HasPrefix(line, "{") || !strings.Contains(line, fmt.Sprintf("%016x", seq)) {
				t.Errorf("%s: line %s", scheme, line)
			}
		}
		o := get(t, s, seq).Work.Outcomes[0]
		if o.Type != "interaction.failed" || o.Attributes["resource_id"] != d.ResourceID || !bytes.Contains(o.Data, []byte(d.ResourceID)) {
			t.Errorf("%s: outcome %+v", scheme, o)
		}
	}
	if _, err := s.Trigger(t.Context(), Trigger{Type: "no.such"}); err == nil {
		t.Error("a type without a sample is sent")
	}
	if _, err := s.Trigger(t.Context(), Trigger{Type: "batch.failed", Scheme: "v9"}); err == nil {
		t.Error("a scheme that is none is sent")
	}
}

// A forgery is explained, and its body signed anew is accepted as what it says now.
func TestEdit(t *testing.T) {
	s := server(t)
	const stranger = "whsec_c3RyYW5nZXJzIGtleSwgbm90IG91cnMgYXQgYWxsISE="
	id, forged := "msg_"+rand.Text(), []byte(`{"type":"interaction.completed","data":{"id":"forged"}}`)
	must(t, post(s.listener.URL()+"/elsewhere", verifytest.Static(stranger, id, time.Now(), forged), forged))
	all, _ := s.List(Query{Text: strings.ToLower(id), Verdict: VerdictRefused})
	if len(all) != 1 || all[0].Sender != SenderOther || all[0].Code != "signature_mismatch" {
		t.Fatalf("%+v", all)
	}
	if d := get(t, s, all[0].Seq); d.Report.Genuine || check(t, d.Report, "signature 1").Status != explain.Failed || !bytes.Equal(d.Request.Body, forged) {
		t.Errorf("%+v", d)
	}
	for _, scheme := range []string{"", SchemeJWT} {
		body := fmt.Appendf(nil, `{"type":"interaction.cancelled","data":{"id":%q}}`, id+scheme)
		seq, err := s.Edit(t.Context(), all[0].Seq, body, scheme)
		must(t, err)
		d := get(t, s, seq)
		if d.answered() != "200 accepted" || d.Sender != SenderEdited || d.Of != all[0].Seq || d.WebhookID == id || d.Scheme != cmp.Or(scheme, SchemeV1) {
			t.Errorf("%q: %+v", scheme, d.Delivery)
		}
		eventually(t, "the outcome", func() bool { return get(t, s, seq).Outcomes == 1 })
	}
	if _, err := s.Edit(t.Context(), 1<<40, nil, ""); err != ErrNotFound {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func post(url string, header http.Header, body []byte) error {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// The same bytes again are accepted, and nothing is published again; a repeat of the
// event under another id shows the same work.
func TestAgain(t *testing.T) {
	s := server(t)
	first, err := s.Trigger(t.Context(), Trigger{Type: "interaction.failed"})
	must(t, err)
	eventually(t, "the outcome", func() bool { return get(t, s, first).Outcomes == 1 })
	again, err := s.Again(t.Context(), first)
	must(t, err)
	a, d := get(t, s, again), get(t, s, first)
	if a.answered() != "200 accepted" || a.Of != first || a.Sender != SenderAgain || a.WebhookID != d.WebhookID || !bytes.Equal(a.Request.Body, d.Request.Body) {
		t.Errorf("%+v", a.Delivery)
	}
	repeat, err := s.Edit(t.Context(), first, d.Request.Body, "")
	must(t, err)
	marker, err := s.Trigger(t.Context(), Trigger{Type: "interaction.failed"})
	must(t, err)
	eventually(t, "what is behind them", func() bool { return get(t, s, marker).Outcomes == 1 })
	for _, seq := range []int64{first, again, repeat} {
		if d := get(t, s, seq); d.Outcomes != 1 || len(d.Work.Outcomes) != 1 {
			t.Errorf("delivery %d: %d outcomes", seq, d.Outcomes)
		}
	}
}

// Nobody has anything signed who does not know the signer's word, and nothing but
// deliveries is.
func TestSigner(t *testing.T) {
	s := server(t)
	post := func(url string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{}`))
		must(t, err)
		r.Header.Set("webhook-id", "msg_1")
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, answer.Body.Close())
		return answer.StatusCode
	}
	base := s.signs[:strings.LastIndex(s.signs, "/")]
	for url, want := range map[string]int{
		s.signs + "/jwt":         http.StatusNoContent,
		s.signs + "/none":        http.StatusBadRequest,
		base + "/word/jwt":       http.StatusNotFound,
		base + "/jwt":            http.StatusNotFound,
		s.listener.URL() + "/v1": http.StatusBadRequest, // the front's, which has no signature
	} {
		if got := post(url); got != want {
			t.Errorf("%s: %d, want %d", url[len("http://"):], got, want)
		}
	}
}
