package devserver

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud"
)

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

// A job with a webhook of its own is delivered to the address that Env has for it, and
// who subscribes by what Env says gets what is published.
func TestEnvReachesAll(t *testing.T) {
	s := server(t)
	env := make(map[string]string)
	for _, pair := range s.Env() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	conn, err := grpc.NewClient(env["PUBSUB_EMULATOR_HOST"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	client, err := pubsub.NewClient(t.Context(), env["GOOGLE_CLOUD_PROJECT"], option.WithGRPCConn(conn))
	must(t, err)
	defer client.Close()
	name := "projects/" + env["GOOGLE_CLOUD_PROJECT"] + "/subscriptions/test-" + rand.Text()
	_, err = client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: name, Topic: "projects/" + env["GOOGLE_CLOUD_PROJECT"] + "/topics/" + env["OUTCOMES_TOPIC"],
	})
	must(t, err)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	job, err := s.operator.RunBatchTo(ctx, displayName, localcloud.RequestFile(5), env["DYNAMIC_WEBHOOK_URL"], nil)
	must(t, err)
	found := false
	must(t, client.Subscriber(name).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		if m.Attributes["resource_id"] == job && m.Attributes["type"] == "batch.completed" {
			found = true
			stop()
		}
	}))
	all, _ := s.List(Query{Text: job})
	if !found || len(all) != 1 || all[0].Scheme != SchemeV1a || all[0].Path != "/dynamic/dev" || all[0].Sender != SenderGemini || all[0].Lines != 5 {
		t.Errorf("published: %t, delivery %+v", found, all)
	}
}
