package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// drills are all that can be made here. Metrics of Pub/Sub are what the embedded cloud
// shows of the same, see (*drill).gauge; the request log is that of a proxy before the
// public door, see (*drill).serve.
var drills = []drilled{
	{
		alerts:  append([]string{"deliveries-503"}, rates("slo-accepted")...),
		cause:   (*drill).refusePublishing,
		traffic: func(d *drill) { d.emits(6) },
		gcloud: map[string]func(*drill, string){
			"pubsub topics add-iam-policy-binding gemini-queue": func(d *drill, _ string) { d.cloud.PubSub.SetHook(pubsub.Hook{}) },
		},
		check: [2]string{"deliveries", `verdict="accepted"`},
	},
	{
		alerts: []string{"deliveries-refused"},
		env:    []string{"REVOKED_VERSIONS=" + localcloud.SigningSecret + "/versions/1"},
		cause:  func(*drill) {},
		traffic: func(d *drill) {
			if d.repaired() {
				d.emitsUntil("deliveries", `verdict="accepted"`)
				return
			}
			d.emits(51)
		},
		check: [2]string{"deliveries", `verdict="accepted"`},
	},
	{
		alerts: []string{"deliveries-absent"},
		gemini: gemini.Options{BatchDuration: never},
		cause:  (*drill).pointElsewhere,
		traffic: func(d *drill) {
			d.emits(1)
			_, err := d.operator.RunInline(d.t.Context(), "long", 1)
			must(d.t, err)
			d.reconcile()
		},
		each:  func(d *drill, _ string) []string { return []string{"https://RECEIVER", d.address} },
		check: [2]string{"deliveries", `verdict="accepted"`},
	},
	{
		alerts: []string{"canary-missing"},
		canary: "gemini-webhook",
		cause: func(d *drill) { // it points elsewhere, and a run a while ago had it pinged
			d.pointElsewhere()
			asked := d.begin.Add(-10 * time.Minute).UTC().Format("2006-01-02T15:04:05.000000000Z")
			d.cloud.Storage.Put(localcloud.StateBucket, "v1/canary/pings/"+asked, nil, gcs.Attrs{})
		},
		traffic: func(d *drill) { d.reconcile() },
		each:    func(d *drill, _ string) []string { return []string{"https://RECEIVER", d.address} },
		gcloud: map[string]func(*drill, string){
			"scheduler jobs run gemini-reconcile": func(d *drill, _ string) {
				d.wait("the ping", func() bool { return len(d.cloud.Storage.List(localcloud.StateBucket, "v1/canary/arrivals/")) > 0 })
				d.reconcile()
			},
		},
		check: [2]string{"canary", `canary="ok"`},
	},
	{
		alerts: []string{"webhook-disabled"},
		cause: func(d *drill) {
			d.open.Store(false) // nothing answers, also not /health
			must(d.t, d.cloud.Gemini.Disable(d.webhook))
		},
		traffic: func(d *drill) { d.reconcile() },
		mend:    func(d *drill) { d.open.Store(true) },
		check:   [2]string{"deliveries", `verdict="accepted"`},
	},
	{
		alerts: []string{"old-secret"},
		env:    []string{"SIGNING_SECRET_OVERLAP=1h", "SECRET_TTL=1s"},
		cause:  func(d *drill) { d.cloud.Secrets.Add(localcloud.SigningSecret, []byte(another)) },
		traffic: func(d *drill) {
			if d.repaired() {
				d.emitsUntil("deliveries", `secret_version="newest"`)
				return
			}
			d.emits(1)
		},
		check: [2]string{"deliveries", `secret_version="newest"`},
	},
	{
		alerts: []string{"rotation-missed"},
		cause:  (*drill).refuseKey,
		traffic: func(d *drill) {
			if d.rotator == nil {
				d.rotator = d.startRotator()
			}
			notify(d.t, d.rotator, message("SECRET_ROTATE", localcloud.SigningSecret, d.begin))
		},
		gcloud: storesKey,
		check:  [2]string{"rotations", `action="current"`},
	},
	{
		alerts: []string{"reconciliation-missing"},
		cause:  (*drill).refuseKey,
		traffic: func(d *drill) {
			d.startsReconciler()
			notify(d.t, d.reconciler, message("", "", time.Now().Add(-time.Hour)))
		},
		gcloud: with(storesKey, "scheduler jobs run gemini-reconcile", func(d *drill, _ string) {
			must(d.t, d.cloud.RunSchedule(d.t.Context(), localcloud.ReconcileTopic))
		}),
		check: [2]string{"reconciliations", `severity="INFO"`},
	},
	{
		alerts: []string{"failed-lines"},
		gemini: gemini.Options{BatchFor: func(name string) gemini.BatchOptions {
			return gemini.BatchOptions{Failed: map[string]int{"nightly": 5}[name], FailedCode: 8}
		}},
		cause: func(*drill) {},
		traffic: func(d *drill) {
			if d.repaired() {
				return // that is the new batch
			}
			name, err := d.operator.RunBatch(d.t.Context(), "nightly", strings.NewReader(requests(5)))
			must(d.t, err)
			d.batch = name
		},
		each: func(d *drill, _ string) []string {
			return []string{"FILE", d.file("input.jsonl", requests(5)), "BATCH", d.batch}
		},
		check: [2]string{"lines_succeeded_sum", ""},
	},
	{
		alerts: append([]string{"dead-letters"}, rates("slo-complete")...),
		until:  "### By gcloud",
		leave:  []string{"dlq drop"}, // it asks on a terminal
		cause:  func(*drill) {},
		traffic: func(d *drill) {
			if !d.repaired() {
				d.deadLetter()
			}
		},
		mend: (*drill).giveResults,
		each: func(d *drill, command string) []string {
			if strings.Contains(command, "redrive") && len(d.letters()) == 0 { // the one before has taken it
				d.deadLetter()
				d.giveResults()
				d.mark()
			}
			return []string{"ID", d.letters()[0]}
		},
		check: [2]string{"batches", `in_time="true"`},
	},
	{
		alerts:   append([]string{"work-waiting"}, rates("slo-fresh")...),
		attempts: 100, // an hour is 1.8 s
		cause:    func(d *drill) { d.refuseOutcomes(codes.PermissionDenied) },
		traffic:  func(d *drill) { d.emits(1) },
		gcloud: map[string]func(*drill, string){
			"pubsub topics add-iam-policy-binding gemini-outcomes": func(d *drill, _ string) { d.cloud.PubSub.SetHook(pubsub.Hook{}) },
		},
		check: [2]string{"tasks", `result="done"`},
	},
}

// storesKey performs what stores an API key.
var storesKey = map[string]func(*drill, string){
	"secrets versions add gemini-api-key": func(d *drill, stdin string) { d.cloud.Secrets.Add(localcloud.APIKeySecret, []byte(stdin)) },
}

// with adds a command to those that are performed.
func with(all map[string]func(*drill, string), command string, do func(*drill, string)) map[string]func(*drill, string) {
	more := map[string]func(*drill, string){command: do}
	for name, do := range all {
		more[name] = do
	}
	return more
}

// pointElsewhere registers the webhook with an address where nobody is.
func (d *drill) pointElsewhere() {
	id, _, err := d.operator.Register(d.t.Context(), "gemini-webhook", "http://127.0.0.1:1/gemini")
	must(d.t, err)
	d.webhook = id
}

// refuseKey stores an API key that Gemini refuses.
func (d *drill) refuseKey() { d.cloud.Secrets.Add(localcloud.APIKeySecret, []byte("revoked")) }

// refusePublishing takes away the right to publish to the queue.
func (d *drill) refusePublishing() { d.refuse(localcloud.QueueTopic, codes.PermissionDenied) }

func (d *drill) refuseOutcomes(code codes.Code) { d.refuse(localcloud.OutcomesTopic, code) }

func (d *drill) refuse(topic string, code codes.Code) {
	d.cloud.PubSub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
		if strings.HasSuffix(p.Topic, "/topics/"+topic) {
			return status.Error(code, "injected")
		}
		return nil
	}})
}

// emits has Gemini deliver n events, once each, and waits for the answers.
func (d *drill) emits(n int) {
	d.t.Helper()
	var ids []string
	for range n {
		ids = append(ids, d.emit("interaction.completed", map[string]any{"id": "i"})...)
	}
	d.wait("deliveries", func() bool {
		answered := 0
		for _, delivery := range d.cloud.Gemini.Deliveries() {
			if slices.Contains(ids, delivery.ID) {
				answered++
			}
		}
		return answered == len(ids)
	})
}

// emitsUntil has Gemini deliver events, as it goes on to, until a metric counts something.
func (d *drill) emitsUntil(metric, matchers string) {
	d.t.Helper()
	last := time.Time{}
	d.wait(metric+" "+matchers, func() bool {
		if time.Since(last) > time.Second {
			d.emits(1)
			last = time.Now()
		}
		return d.state().Sum(d.t, metric, matchers) > 0
	})
}

// result is the object of the results of the nth batch of deadLetter.
func result(n int) string { return fmt.Sprintf("out/%d.jsonl", n) }

// deadLetter has one more batch whose results are not there go to the dead letters.
func (d *drill) deadLetter() {
	d.t.Helper()
	d.dead++
	before := len(d.letters())
	id := fmt.Sprintf("batches/dead%d", d.dead)
	d.emit("batch.succeeded", map[string]any{"id": id, "output_file_uri": "gs://" + localcloud.ResultBucket + "/" + result(d.dead)})
	d.wait("a dead letter", func() bool { return len(d.letters()) > before })
}

// giveResults makes the results be there of all such batches.
func (d *drill) giveResults() {
	for n := range d.dead {
		d.cloud.Storage.Put(localcloud.ResultBucket, result(n+1), []byte(jsonl(3)), gcs.Attrs{})
	}
}
