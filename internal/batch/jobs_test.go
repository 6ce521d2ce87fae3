package batch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/event"
)

func TestJobsThatHaveAnOwner(t *testing.T) {
	t.Parallel()
	store := &memory{}
	s := NewState(store)
	if jobs, err := s.Jobs(t.Context()); err != nil || len(jobs) > 0 {
		t.Fatalf("none yet: %d, %v", len(jobs), err)
	}
	key := func(i int) string { return event.JobKey(event.OriginGeminiAPI, fmt.Sprint("batches/", i)) }
	for i := range 500 {
		must(t, store.Create(t.Context(), "v1/jobs/"+key(i), []byte("{}"), nil))
	}
	for _, other := range []string{"v1/jobs/abc", "v1/jobs/" + strings.Repeat("g", 32), "v1/jobs/" + key(1) + "/x", "v1/" + key(1000) + "/plan"} {
		must(t, store.Create(t.Context(), other, nil, nil))
	}
	jobs, err := s.Jobs(t.Context())
	if err != nil || len(jobs) != 500 {
		t.Fatalf("%d jobs, %v, want 500", len(jobs), err)
	}
	for i := range 1500 {
		if jobs.Has(key(i)) != (i < 500) {
			t.Errorf("job %d: has an owner: %v", i, jobs.Has(key(i)))
		}
	}
	if jobs.Has("") || jobs.Has(strings.Repeat("g", 32)) || jobs.Has(key(1)+"00") {
		t.Error("a key that is none has an owner")
	}
}

// TestRunsSortByTime: whoever lists them finds the newest last.
func TestRunsSortByTime(t *testing.T) {
	t.Parallel()
	store := &memory{}
	s := NewState(store)
	began := time.Date(2026, 11, 30, 23, 59, 59, 0, time.FixedZone("CET", 3600))
	var want []string
	for _, later := range []time.Duration{0, time.Nanosecond, 100 * time.Millisecond, time.Second, 90 * time.Minute} {
		must(t, s.SaveRun(t.Context(), began.Add(later), []byte(later.String())))
		must(t, s.SaveRun(t.Context(), began.Add(later), []byte("another")))
		want = append(want, later.String())
	}
	entries, err := store.List(t.Context(), RunsFolder, "", "")
	must(t, err)
	var got []string
	for _, e := range entries {
		data, err := store.Read(t.Context(), e.Name)
		must(t, err)
		got = append(got, string(data))
	}
	if !slices.Equal(got, want) || entries[0].Name != "v1/reconcile/runs/2026-11-30T22:59:59.000000000Z" {
		t.Errorf("%q in the order of their names (%v), want %q", got, entries, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
