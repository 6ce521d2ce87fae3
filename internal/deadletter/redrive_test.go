package deadletter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/deadletter"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/localcloud/push/emulator"
)

// rangeOf is a range's message of some batch, keeperOf its keeper.
func rangeOf(key string, n int64) []byte {
	return batch.Range{Key: key, Plan: "abc", Interval: batch.Interval{Start: n, End: n + 1}}.Encode()
}

func keeperOf(key string, body []byte) []byte {
	return batch.Range{
		Key: key, Plan: "abc", Interval: batch.Interval{Start: 1 << 40, End: 1 << 41},
		Keeper: &batch.Keeper{Missing: 1}, Event: body,
	}.Encode()
}

// published are the messages of the queue, "kind data", of long ones the beginning.
func (r *rig) published() (all []string) {
	for _, m := range r.pubsub.Messages(queueTopic) {
		if len(m.Attributes) != 1 {
			r.Errorf("attributes %v, want kind alone", m.Attributes)
		}
		all = append(all, short(m.Attributes["kind"], m.Data))
	}
	return all
}

func short(kind string, data []byte) string {
	return fmt.Sprintf("%s %d %.300s", kind, len(data), data)
}

func (r *rig) redrive(c deadletter.Choice) (plan deadletter.Plan, redriven []string, err error) {
	r.Helper()
	plan, err = r.box.Choose(r.Context(), c)
	must(r, err)
	err = r.box.Redrive(r.Context(), plan.Chosen, func(i deadletter.Item) { redriven = append(redriven, i.ID) })
	return plan, redriven, err
}

// everyKind are messages of all kinds: an event, one with a body of a size, ranges and
// their keepers, messages of somebody else.
func everyKind(size int) (all []*pubsubpb.PubsubMessage, want []string) {
	large := slices.Concat([]byte(`{"type":"interaction.completed","data":{"id":"`), bytes.Repeat([]byte("x"), size), []byte(`"}}`))
	for _, m := range []struct {
		kind string
		data []byte
	}{
		{event.Kind, delivery(succeeded("1"))},
		{event.Kind, event.Encode(event.Delivery{ReceivedAt: time.Now()}, []byte("\x00\xff no JSON\n\n"))},
		{event.Kind, delivery(string(large))},
		{batch.KindRange, keeperOf("a", delivery(succeeded("a")))},
		{batch.KindRange, rangeOf("a", 1)},
		{batch.KindRange, rangeOf("a", 2)},
		{batch.KindRange, keeperOf("b", delivery(string(large)))},
		{batch.KindRange, rangeOf("b", 1)},
		{event.Kind, []byte("{\"v\":9}\n{}")},
	} {
		all, want = append(all, letter(m.kind, m.data, time.Now())), append(want, short(m.kind, m.data))
	}
	all = append(all, letter("order", []byte("x"), time.Now()), letter("", []byte("y"), time.Now()), letter(event.Kind, []byte("z"), time.Now()))
	slices.Sort(want)
	return all, want
}

func (r *rig) buryAll(messages []*pubsubpb.PubsubMessage) {
	r.Helper()
	for _, m := range messages {
		_, err := r.publisher.Publish(r.Context(), &pubsubpb.PublishRequest{Topic: deadTopic, Messages: []*pubsubpb.PubsubMessage{m}})
		must(r, err)
	}
}

// TestRedriveAll: all but foreign messages are in the queue as they were, keepers
// behind the others of their batches, and the foreign ones in the dead letters.
func TestRedriveAll(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	all, want := everyKind(8 << 20)
	r.buryAll(all)
	plan, redriven, err := r.redrive(deadletter.Choice{All: true})
	must(t, err)
	got := r.published()
	for _, key := range []string{"a", "b"} {
		last := slices.IndexFunc(got, func(m string) bool {
			return strings.Contains(m, `"key":"`+key+`"`) && strings.Contains(m, "keeper")
		})
		for _, m := range got[last+1:] {
			if strings.Contains(m, `"key":"`+key+`"`) {
				t.Errorf("a message behind the keeper of %s: %s", key, m)
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(plan.Foreign) != 3 || len(redriven) != len(want) || len(plan.Missing) != 0 {
		t.Errorf("%d foreign, %d redriven, missing %v", len(plan.Foreign), len(redriven), plan.Missing)
	}
	if diff := cmp.Diff(idsOf(plan.Foreign), r.there()); diff != "" {
		t.Errorf("left in the dead letters (-foreign +got):\n%s", diff)
	}
}

// TestRedriveSome: with one of a batch its others; foreign messages by force alone.
func TestRedriveSome(t *testing.T) {
	t.Parallel()
	of := func(r *rig, want func(deadletter.Item) bool) (ids []string) {
		for _, i := range r.list() {
			if want(i) {
				ids = append(ids, i.ID)
			}
		}
		return ids
	}
	foreign := func(i deadletter.Item) bool { return i.Class == deadletter.Foreign }
	for name, c := range map[string]struct {
		choice                            func(r *rig) deadletter.Choice
		redriven, mates, foreign, missing int
	}{
		"a keeper": {func(r *rig) deadletter.Choice {
			return deadletter.Choice{IDs: of(r, func(i deadletter.Item) bool { return i.Keeper && i.EventKey == "a" })}
		}, 3, 2, 0, 0},
		"an event and none": {func(r *rig) deadletter.Choice {
			return deadletter.Choice{IDs: append(of(r, func(i deadletter.Item) bool { return i.ResourceID == "batches/1" }), "none")}
		}, 1, 0, 0, 1},
		"a class":      {func(*rig) deadletter.Choice { return deadletter.Choice{Class: deadletter.PlanLost} }, 5, 0, 0, 0},
		"foreign ones": {func(r *rig) deadletter.Choice { return deadletter.Choice{IDs: of(r, foreign)} }, 0, 0, 3, 0},
		"by force":     {func(r *rig) deadletter.Choice { return deadletter.Choice{IDs: of(r, foreign), Force: true} }, 3, 0, 0, 0},
		"twice":        {func(*rig) deadletter.Choice { return deadletter.Choice{IDs: []string{"none", "none"}} }, 0, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			all, _ := everyKind(1000)
			r.buryAll(all)
			plan, redriven, err := r.redrive(c.choice(r))
			must(t, err)
			if len(redriven) != c.redriven || plan.Mates != c.mates || len(plan.Foreign) != c.foreign || len(plan.Missing) != c.missing {
				t.Errorf("redriven %d, mates %d, foreign %d, missing %v", len(redriven), plan.Mates, len(plan.Foreign), plan.Missing)
			}
			if n, left := len(r.pubsub.Messages(queueTopic)), len(r.there()); n != c.redriven || left != len(all)-n {
				t.Errorf("%d in the queue, %d left", n, left)
			}
		})
	}
}

// broken is a subscription that fails on purpose.
type broken struct {
	deadletter.Subscription
	pulls func() error // before each
	dead  bool         // nothing more is heard of the process
	kill  bool         // it dies when it acknowledges
}

var errKilled = errors.New("killed")

func (b *broken) Pull(ctx context.Context, n int) ([]deadletter.Message, error) {
	if b.pulls != nil {
		if err := b.pulls(); err != nil {
			return nil, err
		}
	}
	return b.Subscription.Pull(ctx, n)
}

func (b *broken) Acknowledge(ctx context.Context, ackIDs []string) error {
	if b.dead = b.dead || b.kill && len(ackIDs) > 0; b.dead {
		return errKilled
	}
	return b.Subscription.Acknowledge(ctx, ackIDs)
}

func (b *broken) Extend(ctx context.Context, ackIDs []string, by time.Duration) error {
	if b.dead {
		return errKilled
	}
	return b.Subscription.Extend(ctx, ackIDs, by)
}

// expire ends the leases of a process that was killed, as time does.
func (r *rig) expire() {
	r.Helper()
	var ackIDs []string
	for n := range 3 { // pstest numbers an ack id by delivery
		for _, m := range r.pubsub.Messages(deadTopic) {
			ackIDs = append(ackIDs, fmt.Sprintf("%s:%d", m.ID, n+1))
		}
	}
	must(r, r.letters.Extend(r.Context(), ackIDs, 0))
}

// TestRedriveInterrupted: killed between publishing and acknowledging nothing is lost,
// and the next run ends it; nor is anything where the queue fails, or by an interrupt.
func TestRedriveInterrupted(t *testing.T) {
	t.Parallel()
	const n = 3 * 20
	check := func(t *testing.T, r *rig, most int) {
		t.Helper()
		ids := append(r.there(), "")
		_, _, err := r.redrive(deadletter.Choice{All: true})
		must(t, err)
		got := r.published()
		slices.Sort(got)
		if distinct := len(slices.Compact(slices.Clone(got))); distinct != n || len(got) > most || len(r.there()) != 0 {
			t.Errorf("%d in the queue, %d distinct of %d, %d were left before", len(got), distinct, n, len(ids)-1)
		}
	}
	fill := func(t *testing.T) *rig {
		r := newRig(t)
		for i := range int64(n - 1) {
			r.bury(batch.KindRange, rangeOf("a", i), time.Now())
		}
		r.bury(batch.KindRange, keeperOf("a", delivery(succeeded("a"))), time.Now())
		return r
	}
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		r := fill(t)
		plan, err := r.box.Choose(t.Context(), deadletter.Choice{All: true})
		must(t, err)
		whole := r.box
		r.box.Subscription = &broken{Subscription: whole.Subscription, kill: true}
		if err := r.box.Redrive(t.Context(), plan.Chosen, func(deadletter.Item) { t.Error("told of one that is not acknowledged") }); !errors.Is(err, errKilled) {
			t.Errorf("got %v", err)
		}
		if len(r.published()) == 0 {
			t.Error("it was not killed after a publish")
		}
		r.box = whole
		r.expire()
		check(t, r, n+20)
	})
	t.Run("the queue fails", func(t *testing.T) {
		t.Parallel()
		r := fill(t)
		requests := 0
		r.pubsub.SetHook(pubsub.Hook{Before: func(p pubsub.Publish) error {
			if requests++; p.Topic == queueTopic && requests > 1 {
				return status.Error(codes.PermissionDenied, "injected")
			}
			return nil
		}})
		if _, _, err := r.redrive(deadletter.Choice{All: true}); err == nil || !strings.Contains(err.Error(), "roles/pubsub.publisher on the topic n-queue") {
			t.Errorf("got %v", err)
		}
		r.pubsub.SetHook(pubsub.Hook{})
		if queued, left := len(r.published()), len(r.there()); queued == 0 || queued+left != n {
			t.Errorf("%d queued, %d left", queued, left)
		}
		check(t, r, n)
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		r := fill(t)
		plan, err := r.box.Choose(t.Context(), deadletter.Choice{All: true})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		if err := r.box.Redrive(ctx, plan.Chosen, func(deadletter.Item) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if queued, left := len(r.published()), len(r.there()); queued == 0 || left == 0 || queued+left != n {
			t.Errorf("%d queued, %d left", queued, left)
		}
		check(t, r, n)
	})
}

// TestKeeperStays: a keeper is not redriven before all others of its batch are.
func TestKeeperStays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.bury(batch.KindRange, rangeOf("a", 1), time.Now())
	r.bury(batch.KindRange, keeperOf("a", delivery(succeeded("a"))), time.Now())
	plan, err := r.box.Choose(t.Context(), deadletter.Choice{All: true})
	must(t, err)
	absent := plan.Chosen[0]
	absent.ID, absent.Keeper = "pulled by somebody else", false
	err = r.box.Redrive(t.Context(), append(plan.Chosen, absent), func(deadletter.Item) {})
	if left := r.list(); !errors.Is(err, deadletter.ErrLeft) || len(left) != 1 || !left[0].Keeper {
		t.Errorf("%v, left %+v", err, left)
	}
}

// TestLookingTakesNothingAway: also when it is interrupted, and where a pull fails.
func TestLookingTakesNothingAway(t *testing.T) {
	t.Parallel()
	const n = 50
	r := newRig(t)
	for i := range int64(n) {
		r.bury(batch.KindRange, rangeOf("a", i), time.Now())
	}
	first := idsOf(r.list())
	if diff := cmp.Diff(first, r.there()); len(first) != n || diff != "" {
		t.Errorf("%d listed; -listed +there:\n%s", len(first), diff)
	}
	item, err := r.box.Find(t.Context(), first[7])
	must(t, err)
	if item == nil || item.ID != first[7] || item.Class != deadletter.PlanLost {
		t.Errorf("found %+v", item)
	}
	if item, err := r.box.Find(t.Context(), "none"); item != nil || err != nil {
		t.Errorf("found %+v, %v", item, err)
	}

	whole := r.box
	for name, failing := range map[string]func(cancel func()) error{
		"interrupted":  func(cancel func()) error { cancel(); return nil },
		"a pull fails": func(func()) error { return errKilled },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		pulls := 0
		r.box.Subscription = &broken{Subscription: whole.Subscription, pulls: func() error {
			if pulls++; pulls < 2 {
				return nil
			}
			return failing(cancel)
		}}
		items, err := r.box.List(ctx)
		if err == nil || len(items) == 0 || len(items) == n {
			t.Errorf("%s: %d items, %v", name, len(items), err)
		}
		if left := r.there(); len(left) != n {
			t.Errorf("%s: %d left", name, len(left))
		}
		cancel()
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range int64(30) {
		r.bury(batch.KindRange, rangeOf("a", i), time.Now())
	}
	ids := idsOf(r.list())
	var dropped []string
	missing, err := r.box.Drop(t.Context(), []string{ids[3], "none", ids[20]}, func(i deadletter.Item) { dropped = append(dropped, i.ID) })
	must(t, err)
	slices.Sort(dropped)
	if !slices.Equal(missing, []string{"none"}) || !slices.Equal(dropped, []string{ids[3], ids[20]}) || len(r.published()) != 0 {
		t.Errorf("missing %v, dropped %v", missing, dropped)
	}
	want := slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(dropped, id) })
	if diff := cmp.Diff(want, r.there()); diff != "" {
		t.Errorf("-want +left:\n%s", diff)
	}
}

// TestTenThousand are listed and redriven, each once.
func TestTenThousand(t *testing.T) {
	t.Parallel()
	const batches, ranges = 100, 99
	r := newRig(t)
	for b := range batches {
		key := fmt.Sprintf("b%d", b)
		messages := []*pubsubpb.PubsubMessage{letter(batch.KindRange, keeperOf(key, delivery(succeeded(key))), time.Now())}
		for i := range int64(ranges) {
			messages = append(messages, letter(batch.KindRange, rangeOf(key, i), time.Now()))
		}
		_, err := r.publisher.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: deadTopic, Messages: messages})
		must(t, err)
	}
	const n = batches * (ranges + 1)
	if got := idsOf(r.list()); len(got) != n || len(slices.Compact(got)) != n {
		t.Fatalf("%d are listed", len(got))
	}
	_, redriven, err := r.redrive(deadletter.Choice{All: true})
	must(t, err)
	got := r.published()
	slices.Sort(got)
	if len(redriven) != n || len(got) != n || len(slices.Compact(got)) != n || len(r.there()) != 0 {
		t.Errorf("%d redriven, %d in the queue", len(redriven), len(got))
	}
}

// endless is a subscription with many large messages, which it makes as they are pulled.
type endless struct {
	mu             sync.Mutex
	left, numbered int
	body           []byte
	largest        int // messages of one answer
}

func (e *endless) Pull(_ context.Context, n int) (all []deadletter.Message, _ error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ; len(all) < n && e.left > 0; e.left-- {
		e.numbered++
		id := fmt.Sprint(e.numbered)
		all = append(all, deadletter.Message{ID: id, AckID: id, Attributes: map[string]string{"kind": event.Kind}, Data: slices.Clone(e.body), Published: time.Now()})
	}
	e.largest = max(e.largest, len(all))
	return all, nil
}

func (*endless) Extend(context.Context, []string, time.Duration) error { return nil }
func (*endless) Acknowledge(context.Context, []string) error           { return nil }

// TestListHoldsNoBodies: what is kept of a message does not grow with it.
func TestListHoldsNoBodies(t *testing.T) {
	const n, size = 100, 1 << 20
	body := delivery(`{"type":"interaction.completed","data":{"id":"` + strings.Repeat("x", size) + `"}}`)
	e := &endless{left: n, body: body}
	box := deadletter.Box{Subscription: e, Pause: time.Millisecond}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	items, err := box.List(t.Context())
	must(t, err)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); len(items) != n || grown > size {
		t.Errorf("%d items hold %d bytes", len(items), grown)
	}
	if e.largest > 20 {
		t.Errorf("%d messages are held at a time", e.largest)
	}
}

// TestEmulator: the same on Google's own Pub/Sub emulator.
func TestEmulator(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starting Google's emulator takes seconds; run without -short")
	}
	addr, stop, err := emulator.Start(t.Context())
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(stop)
	r := newRigAt(t, addr)
	r.box.Pause = 50 * time.Millisecond
	for i := range int64(200) {
		r.bury(batch.KindRange, rangeOf("a", i), time.Now())
	}
	all, want := everyKind(8 << 20)
	r.buryAll(all)
	n := 200 + len(all)
	for range 2 {
		if got := len(r.list()); got != n {
			t.Fatalf("%d are listed of %d", got, n)
		}
	}
	_, redriven, err := r.redrive(deadletter.Choice{All: true})
	must(t, err)
	if left := r.list(); len(redriven) != 200+len(want) || len(left) != 3 {
		t.Errorf("%d redriven, left %v", len(redriven), left)
	}
	missing, err := r.box.Drop(t.Context(), idsOf(r.list()), func(deadletter.Item) {})
	must(t, err)
	if left := r.list(); len(missing) != 0 || len(left) != 0 {
		t.Errorf("missing %v, left %v", missing, left)
	}
}
