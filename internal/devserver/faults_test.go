package devserver

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

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
	id := rand.Text()
	if ids, err := s.cloud.Gemini.Emit("interaction.failed", map[string]any{"id": id}, gemini.EmitOptions{}); err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	eventually(t, "Gemini's delivery", func() bool {
		all, _ := s.List(Query{Text: id, Verdict: VerdictRefused})
		return len(all) > 0 && all[0].Sender == SenderGemini && all[0].Code == "timestamp_out_of_range"
	})
}

// What is answered 503 comes again, and is accepted when Pub/Sub is back.
func TestPubSubIsDown(t *testing.T) {
	s := server(t)
	off := fault(t, s, FaultPubSub)
	id := rand.Text()
	_, err := s.cloud.Gemini.Emit("interaction.failed", map[string]any{"id": id}, gemini.EmitOptions{})
	must(t, err)
	find := func(verdict string) (ds []Delivery) {
		ds, _ = s.List(Query{Text: id, Verdict: verdict})
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
	id := rand.Text()
	_, err = s.cloud.Gemini.Emit("interaction.failed", map[string]any{"id": id}, gemini.EmitOptions{})
	must(t, err)
	eventually(t, "two deliveries", func() bool {
		all, _ := s.List(Query{Text: id, Verdict: VerdictAccepted})
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
