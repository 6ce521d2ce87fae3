package batch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQueuedRanges(t *testing.T) {
	t.Parallel()
	plain := Range{Format: rangeFormat, Key: "abc", Plan: "def", Object: 3, Interval: Interval{5, toEnd}}
	keeper := plain
	keeper.Event = []byte("{\"v\":1}\nbody\n\xff")
	keeper.Keeper = &Keeper{Missing: 7, Waiting: true, Requeued: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)}
	for name, r := range map[string]Range{"plain": plain, "keeper": keeper, "retry": {Format: retryFormat, Key: "abc", Traceparent: "00-1", Retry: true}} {
		got, err := DecodeRange(r.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&r, got); diff != "" {
			t.Errorf("%s: round trip (-want +got):\n%s", name, diff)
		}
	}
	carrying := plain
	carrying.Event = []byte("event")
	if got, err := DecodeRange(carrying.Encode()); err != nil || got.Event != nil {
		t.Errorf("an event is queued with a range that is not the keeper's: %q, %v", got.Event, err)
	}
	largest := keeper
	largest.Event = make([]byte, 9<<20) // an event of 8 MiB, with its header
	if n := len(largest.Encode()); n > 10_000_000 {
		t.Errorf("a keeper takes %d bytes, more than Pub/Sub's message", n)
	}
	for name, data := range map[string]string{
		"not JSON":          `x`,
		"no format":         `{"key":"abc","plan":"def","range":{"start":0,"end":1}}`,
		"a retry of none":   `{"format":3,"key":"abc","plan":"def","range":{"start":0,"end":1}}`,
		"another's retry":   `{"format":3,"key":"../x","retry":true}`,
		"a later format":    `{"format":4,"key":"abc","plan":"def","range":{"start":0,"end":1}}`,
		"an empty range":    `{"format":2,"key":"abc","plan":"def","range":{"start":1,"end":1}}`,
		"a negative start":  `{"format":2,"key":"abc","plan":"def","range":{"start":-1,"end":1}}`,
		"a negative object": `{"format":2,"key":"abc","plan":"def","object":-1,"range":{"start":0,"end":1}}`,
		"another folder":    `{"format":2,"key":"../x","plan":"def","range":{"start":0,"end":1}}`,
		"another plan":      `{"format":2,"key":"abc","plan":"../x","range":{"start":0,"end":1}}`,
		"no key":            `{"format":2,"plan":"def","range":{"start":0,"end":1}}`,
		"no plan":           `{"format":2,"key":"abc","range":{"start":0,"end":1}}`,
		"no event":          `{"format":2,"key":"abc","plan":"def","range":{"start":0,"end":1},"keeper":{"missing":1}}`,
		"former, no key":    `{"format":1,"range":{"start":0,"end":1}}`,
	} {
		if _, err := DecodeRange([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeRange(f *testing.F) {
	f.Add([]byte(`{"format":1,"key":"abc","object":3,"range":{"start":5,"end":9},"event":"ZQ=="}`))
	f.Add([]byte(`{"format":2,"key":"abc","plan":"def","range":{"start":5,"end":9},"keeper":{"missing":2}}` + "\nevent"))
	f.Add([]byte(`{"format":3,"key":"abc","retry":true}`))
	f.Add([]byte(`{"format":1,"key":"a/b","range":{"start":0,"end":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeRange(data)
		if err != nil {
			return
		}
		if r.Format == rangeFormat && !validKey(r.Plan) || r.Format == formerFormat && r.Plan != "" {
			t.Fatalf("accepted %+v", r)
		}
		if !validKey(r.Key) || r.Format != retryFormat && (r.Object < 0 || r.Start < 0 || r.Start >= r.End) {
			t.Fatalf("accepted %+v", r)
		}
	})
}

// What is reported needs an attempt after it, and what is looked into one before
// that; half an hour is long enough for either.
func TestPatience(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		maxAttempts, attempt int
		age                  time.Duration // -1: not known
		out, last            bool
	}{
		{5, 0, 0, false, false},
		{5, 2, -1, false, false},
		{5, 3, 0, true, false},
		{5, 4, 0, true, true},
		{5, 1, patience, false, false},
		{5, 1, patience + 1, true, false},
		{2, 0, 0, false, false},
		{2, 1, 0, true, true},
	} {
		w := NewWorker(Config{MaxAttempts: test.maxAttempts, Now: func() time.Time { return now }})
		task := Task{Attempt: test.attempt}
		if test.age >= 0 {
			task.Published = now.Add(-test.age)
		}
		if out, last := w.outOfPatience(task), w.lastChance(task); out != test.out || last != test.last {
			t.Errorf("%+v: out of patience %v, last chance %v", test, out, last)
		}
	}
	for age, want := range map[time.Duration]bool{-time.Second: true, time.Minute - 1: true, time.Minute: false} {
		if got := justRequeued(Task{Published: now.Add(age)}, Keeper{Requeued: now}); got != want {
			t.Errorf("published %s after it was queued again: %v, want %v", age, got, want)
		}
	}
	if justRequeued(Task{}, Keeper{}) {
		t.Error("never queued again, and just now")
	}
}
