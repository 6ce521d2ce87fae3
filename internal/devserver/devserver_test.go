package devserver

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/localcloud/gemini"
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
	forged := []byte(`{"type":"interaction.completed","data":{"id":"forged"}}`)
	must(t, post(s.listener.URL()+"/elsewhere", verifytest.Static(stranger, "msg_forged", time.Now(), forged), forged))
	all, _ := s.List(Query{Text: "MSG_Forged", Verdict: VerdictRefused})
	if len(all) != 1 || all[0].Sender != SenderOther || all[0].Code != "signature_mismatch" {
		t.Fatalf("%+v", all)
	}
	if d := get(t, s, all[0].Seq); d.Report.Genuine || check(t, d.Report, "signature 1").Status != explain.Failed || !bytes.Equal(d.Request.Body, forged) {
		t.Errorf("%+v", d)
	}
	for _, scheme := range []string{"", SchemeJWT} {
		body := fmt.Appendf(nil, `{"type":"interaction.cancelled","data":{"id":"edited%s"}}`, scheme)
		seq, err := s.Edit(t.Context(), all[0].Seq, body, scheme)
		must(t, err)
		d := get(t, s, seq)
		if d.answered() != "200 accepted" || d.Sender != SenderEdited || d.Of != all[0].Seq || d.WebhookID == "msg_forged" || d.Scheme != cmp.Or(scheme, SchemeV1) {
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

func fault(t *testing.T, s *Server, name string) (off func()) {
	t.Helper()
	must(t, s.SetFault(name, true))
	off = func() { must(t, s.SetFault(name, false)) }
	t.Cleanup(off)
	return off
}

func TestStale(t *testing.T) {
	s := server(t)
	off := fault(t, s, FaultStale)
	seq, err := s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	d := get(t, s, seq)
	if d.answered() != "401 timestamp_out_of_range" || d.Report.Status != d.Status || d.Report.Code != d.Code {
		t.Errorf("%s, explained as %d %s", d.answered(), d.Report.Status, d.Report.Code)
	}
	for _, c := range d.Report.Checks {
		if want := c.Name == "clock"; (c.Status == explain.Failed) != want {
			t.Errorf("check %+v", c)
		}
	}
	off()
	s.SetClock(time.Hour)
	t.Cleanup(func() { s.SetClock(0) })
	if ids, err := s.cloud.Gemini.Emit("interaction.failed", map[string]any{"id": "ahead"}, gemini.EmitOptions{}); err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	eventually(t, "Gemini's delivery", func() bool {
		all, _ := s.List(Query{Text: "ahead", Verdict: VerdictRefused})
		return len(all) > 0 && all[0].Sender == SenderGemini && all[0].Code == "timestamp_out_of_range"
	})
}

// What is answered 503 comes again, and is accepted when Pub/Sub is back.
func TestPubSubIsDown(t *testing.T) {
	s := server(t)
	off := fault(t, s, FaultPubSub)
	_, err := s.cloud.Gemini.Emit("interaction.failed", map[string]any{"id": "outage"}, gemini.EmitOptions{})
	must(t, err)
	find := func(verdict string) (ds []Delivery) {
		ds, _ = s.List(Query{Text: `"outage"`, Verdict: verdict})
		return ds
	}
	eventually(t, "a 503", func() bool { return len(find(VerdictUnavailable)) > 0 })
	off()
	eventually(t, "Gemini's retry", func() bool { return len(find(VerdictAccepted)) > 0 })
	first, last := find(VerdictUnavailable)[0], find(VerdictAccepted)[0]
	if first.Code != "unavailable" || last.Of == 0 || last.WebhookID != first.WebhookID || last.Sender != SenderGemini {
		t.Errorf("first %+v, then %+v", first, last)
	}
	eventually(t, "the outcome", func() bool { return find(VerdictAccepted)[0].Outcomes == 1 })
}

func TestBusyAndDuplicate(t *testing.T) {
	s := server(t)
	off := fault(t, s, FaultBusy)
	seq, err := s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	if d := get(t, s, seq); d.answered() != "429 no_instance" || d.Outcomes != 0 || !d.Report.Genuine {
		t.Errorf("%+v", d.Delivery)
	}
	off()
	off = fault(t, s, FaultDuplicate)
	_, err = s.cloud.Gemini.Emit("interaction.failed", map[string]any{"id": "twice"}, gemini.EmitOptions{})
	must(t, err)
	eventually(t, "two deliveries", func() bool {
		all, _ := s.List(Query{Text: `"twice"`, Verdict: VerdictAccepted})
		return len(all) == 2 && all[0].Of == all[1].Seq && all[0].WebhookID == all[1].WebhookID
	})
	off()
	if s.SetFault("no such", true) == nil {
		t.Error("a fault that is none is set")
	}
}

// Each report is made with the secrets of its time.
func TestRotate(t *testing.T) {
	s := server(t)
	before, err := s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	old := s.State().Secrets[0]
	must(t, s.Rotate(t.Context()))
	secrets := s.State().Secrets
	if len(secrets) < 2 || secrets[1] != old || secrets[0].Refused != "" || old.Refused != "" {
		t.Fatalf("secrets %+v, before %+v", secrets, old)
	}
	var after int64
	eventually(t, "the new version", func() bool {
		after, err = s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
		must(t, err)
		return get(t, s, after).Status == 200
	})
	for seq, want := range map[int64]string{before: old.Name, after: secrets[0].Name} {
		if c := check(t, get(t, s, seq).Report, "signature 1"); c.Status != explain.Held || !strings.HasSuffix(c.Came, "by "+want) {
			t.Errorf("delivery %d: %+v, want it by %s", seq, c, want)
		}
	}
}

// A batch has its plan, ranges and lines, those that failed first, wherever its results
// are.
func TestBatches(t *testing.T) {
	s := server(t)
	names := make(map[string]string)
	for _, kind := range []string{KindBatchFile, KindBatchGCS, KindBatchInline} {
		name, err := s.Run(t.Context(), kind)
		must(t, err)
		names[kind] = name
	}
	for kind, name := range names {
		want := fileRequests
		if kind == KindBatchInline {
			want = inlineRequests
		}
		var seq int64
		eventually(t, kind, func() bool {
			all, _ := s.List(Query{Text: name})
			if len(all) == 0 {
				return false
			}
			seq = all[0].Seq
			return all[0].Outcomes == 1 && all[0].Lines == want
		})
		d := get(t, s, seq)
		p := d.Work.Plan
		if d.Sender != SenderGemini || d.Type != "batch.succeeded" || d.ResourceID != name || p == nil {
			t.Fatalf("%s: %+v, plan %+v", kind, d.Delivery, p)
		}
		if p.Missing != 0 || p.Done != len(d.Work.Ranges) || p.Mode != "lines" || len(p.Objects) != 1 || !strings.HasPrefix(p.Objects[0], "gs://") {
			t.Errorf("%s: plan %+v", kind, p)
		}
		lines, failed := 0, 0
		for _, r := range d.Work.Ranges {
			lines, failed = lines+int(r.Lines), failed+int(r.Failed)
		}
		if lines != want || failed != d.Failed || kind == KindBatchFile && len(d.Work.Ranges) < 2 {
			t.Errorf("%s: ranges %+v, want %d lines", kind, d.Work.Ranges, want)
		}
		checkLines(t, kind, d, want)
	}
}

func checkLines(t *testing.T, kind string, d Detail, want int) {
	t.Helper()
	failed, good := 0, false
	for _, l := range d.Work.Lines {
		if l.Status == "succeeded" {
			good = true
			continue
		}
		failed++
		if good || l.ErrorCode == "" && l.Error == "" && l.FinishReason == "" {
			t.Errorf("%s: line %+v behind one that succeeded, or without a reason", kind, l)
		}
	}
	if len(d.Work.Lines) != want || d.Work.Hidden != 0 || failed != d.Failed {
		t.Errorf("%s: %d lines, %d hidden, %d failed; counted %d and %d", kind, len(d.Work.Lines), d.Work.Hidden, failed, d.Lines, d.Failed)
	}
	if o := d.Work.Outcomes[0]; o.Type != "batch.completed" {
		t.Errorf("%s: outcome %s", kind, o.Type)
	}
}

func TestOtherJobs(t *testing.T) {
	s := server(t)
	for kind, want := range map[string]string{KindVideo: "video.generated", KindInteraction: "interaction.completed"} {
		name, err := s.Run(t.Context(), kind)
		must(t, err)
		eventually(t, kind, func() bool {
			all, _ := s.List(Query{Text: name})
			return len(all) > 0 && all[0].Type == want && all[0].Outcomes == 1
		})
	}
	if _, err := s.Run(t.Context(), "no such"); err == nil {
		t.Error("a kind that is none is run")
	}
}

// Whatever comes is recorded, but health checks.
func TestFrontRecords(t *testing.T) {
	s := server(t)
	url := s.listener.URL()
	before := s.State().Counts.Deliveries
	answer, err := http.Get(url + "/health")
	must(t, err)
	must(t, answer.Body.Close())
	answer, err = http.Get(url + "/dynamic/" + s.token + "/x")
	must(t, err)
	must(t, answer.Body.Close())
	must(t, post(url+"//x/../y", verifytest.Static(newest(s.keys.now(t.Context()).secrets), "msg_large", time.Now(), nil), make([]byte, maxBody+10)))
	if got := s.State().Counts.Deliveries - before; got != 2 {
		t.Fatalf("%d are recorded, want 2", got)
	}
	all, more := s.List(Query{Limit: 2})
	large, method := get(t, s, all[0].Seq), get(t, s, all[1].Seq)
	if !more || large.answered() != "413 body_too_large" || large.Request.Path != "//x/../y" || len(large.Request.Body) != maxBody || len(large.Request.Notes) != 1 {
		t.Errorf("%+v, path %s, %d bytes", large.Delivery, large.Request.Path, len(large.Request.Body))
	}
	if _, err := s.Again(t.Context(), large.Seq); err == nil {
		t.Error("a body that is not kept whole is sent again")
	}
	if method.answered() != "405 method_not_allowed" || method.Path != "/dynamic/x" || !strings.Contains(method.Request.Path, s.token) {
		t.Errorf("%+v of %s", method.Delivery, method.Request.Path)
	}
	if _, ok := large.Request.Header["X-Devserver-Sender"]; ok {
		t.Error("the front's own header is recorded")
	}
}

// With Forward another receiver gets what comes, and what it answers is recorded.
func TestForward(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the embedded cloud; run without -short")
	}
	env := os.Environ()
	t.Cleanup(func() { // of the server that the other tests share
		for _, pair := range env {
			name, value, _ := strings.Cut(pair, "=")
			_ = os.Setenv(name, value)
		}
	})
	got := make(chan *http.Request, 1)
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(http.StatusTeapot)
	}))
	defer theirs.Close()
	s, err := Start(t.Context(), Options{Forward: theirs.URL + "/hooks/gemini"})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	seq, err := s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	d := get(t, s, seq)
	if r := <-got; r.URL.Path != "/hooks/gemini" || r.Header.Get("webhook-id") != d.WebhookID || r.Host != strings.TrimPrefix(theirs.URL, "http://") {
		t.Errorf("%s of %s at %s", r.URL.Path, r.Header.Get("webhook-id"), r.Host)
	}
	if d.Status != http.StatusTeapot || !d.Report.Genuine {
		t.Errorf("%+v", d.Delivery)
	}
	theirs.Close()
	seq, err = s.Trigger(t.Context(), Trigger{Type: "batch.failed"})
	must(t, err)
	if d := get(t, s, seq); d.answered() != "502 receiver_unreachable" {
		t.Errorf("%+v", d.Delivery)
	}
}

// Env names all that a program needs.
func TestEnv(t *testing.T) {
	s := server(t)
	env := make(map[string]string)
	for _, pair := range s.Env() {
		name, value, _ := strings.Cut(pair, "=")
		if _, again := env[name]; again {
			t.Errorf("%s is there twice", name)
		}
		env[name] = value
	}
	for _, a := range s.State().Addresses {
		if a.Value == "" || env[a.Name] != a.Value {
			t.Errorf("%s is %q, in the environment %q", a.Name, a.Value, env[a.Name])
		}
	}
	if env["WEBHOOK_URL"] != env["RECEIVER_URL"]+hookPath || !strings.HasPrefix(env["WEBHOOK_SECRET"], "whsec_") || env["STORAGE_EMULATOR_HOST"] == "" {
		t.Errorf("%v", env)
	}
}
