package store_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store/storetest"
)

func TestSecretsLookups(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	source.Add(secretA, payload2, start.Add(-47*time.Hour))
	r := newRig(source, nil)
	check := func(when string, lists, accesses int) {
		t.Helper()
		if l, a := source.Lookups(); l != lists || a != accesses {
			t.Errorf("%s: %d lists and %d accesses, want %d and %d", when, l, a, lists, accesses)
		}
	}
	for range 100 {
		r.deliver(t, payload2)
		r.Add(time.Second)
	}
	check("100 good deliveries", 1, 1) // not the version that can never count again
	r.Add(5 * time.Minute)
	r.deliver(t, payload2)
	check("after the TTL", 2, 2)

	// A minute of forgeries, ten a second: a probe every 5 s.
	for range 600 {
		r.deliver(t, payload3)
		r.Add(100 * time.Millisecond)
	}
	check("a minute of forgeries", 2, 2+12)
	// Four minutes more: after 10, 20, 40, 60, 60 s, and one TTL look-up.
	for range 4 * 60 {
		r.deliver(t, payload3)
		r.Add(time.Second)
	}
	lists, accesses := source.Lookups()
	if probes := accesses - lists - 12; probes < 4 || probes > 6 {
		t.Errorf("%d probes in four minutes more of forgeries, want 4 to 6", probes)
	}
	// After a quiet minute a new version is found as fast as ever.
	r.Add(time.Minute)
	r.deliver(t, payload3)
	source.Add(secretA, payload3, r.Now())
	r.Add(5 * time.Second)
	if got := r.deliver(t, payload3); got != "ok" {
		t.Errorf("after a quiet minute: got %s", got)
	}
}

// A list without versions while one is known lags behind. What is listed is read once.
func TestListsAndWhatIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := storetest.NewSource()
		source.Add(secretA, payload1, start)
		r := newRig(source, nil)
		for n, hidden := range []int{0, 1, 0} {
			source.Do(func() { source.Hidden[secretA] = hidden })
			if got := r.deliver(t, payload1); got != "ok" {
				t.Errorf("%d versions hidden: %s", hidden, got)
			}
			synctest.Wait()
			if lists, accesses := source.Lookups(); lists != n+1 || accesses != n+1 {
				t.Errorf("%d lists and %d accesses, want %d of each", lists, accesses, n+1)
			}
			r.Add(5 * time.Minute)
		}
	})
}

// An outage from the start is asked about once a second.
func TestSecretsLookupsInOutage(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	source.Do(func() { source.Err[secretA] = errDown })
	r := newRig(source, nil)
	for range 100 { // 10 s
		r.deliver(t, payload1)
		r.Add(100 * time.Millisecond)
	}
	if lists, accesses := source.Lookups(); lists > 10 || accesses != 0 {
		t.Errorf("nothing loaded: %d lists and %d accesses in 10 s, want at most one list a second", lists, accesses)
	}
}

// Strangers who send forgeries for one secret do not use up the rounds of another.
func TestSecretsProbedTogether(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	source.Add(secretB, payload2, start)
	r := newRig(source, []secret.Name{secretA, secretB})
	r.deliver(t, "a stranger's own secret")
	source.Add(secretB, payload3, start)
	for range 5 {
		r.Add(time.Second)
		r.deliver(t, "a stranger's own secret")
	}
	if got := r.deliver(t, payload3); got != "ok" {
		t.Errorf("got %s", got)
	}
}

// A secret that cannot be read is asked for once every 5 s, and says so once.
func TestSecretsLookupsUnreadable(t *testing.T) {
	t.Parallel()
	source := storetest.NewSource() // without the secret
	r := newRig(source, nil)
	for range 600 { // a minute
		if got := r.deliver(t, payload1); got != "unavailable" {
			t.Fatalf("got %s", got)
		}
		r.Add(100 * time.Millisecond)
	}
	if lists, accesses := source.Lookups(); lists != 12 || accesses != 0 {
		t.Errorf("%d lists and %d accesses in a minute, want 12 and 0", lists, accesses)
	}
}

// A stale delivery is refused whoever signed it: it is no reason to look for a new version.
func TestSecretsStaleWithoutProbe(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	r := newRig(source, nil)
	if got := outcome(r.verify(t.Context(), t, payload2, start.Add(-time.Hour))); got != "timestamp_out_of_range" {
		t.Errorf("got %s", got)
	}
	if lists, accesses := source.Lookups(); lists != 1 || accesses != 1 {
		t.Errorf("%d lists and %d accesses, want 1 and 1", lists, accesses)
	}
}

// A client that hangs up does not spoil the look-up that others wait for.
func TestSecretsClientGone(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	r := newRig(source, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.verify(gone, t, payload1, start); err != nil {
		t.Error(err)
	}
	if got := r.deliver(t, payload1); got != "ok" {
		t.Errorf("the next one: got %s", got)
	}
}

func TestSecretsLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	source := storetest.Of(secretA, payload1)
	source.Add(secretA, "changeme-this-is-secret-text", start)
	source.Add(secretA, "short", start)
	source.Add(secretA, "whsec_%%%%broken-secret-text", start)
	r := newRig(source, nil, logTo(&log))
	for range 5 {
		if got := r.deliver(t, payload1); got != "ok" {
			t.Errorf("got %s", got)
		}
		r.Add(6 * time.Minute)
	}
	if got := strings.Count(log.String(), "is refused"); got != 3 {
		t.Errorf("%d lines of refused versions, want one each:\n%s", got, &log)
	}
	for _, err := range []error{errDown, secret.ErrDenied, nil} {
		source.Do(func() { source.Err[secretA] = err })
		for range 5 {
			r.deliver(t, payload1)
			r.Add(6 * time.Minute)
		}
	}
	for text, want := range map[string]int{"cannot be looked up": 1, "cannot be read": 1, "can be read again": 1} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, want, &log)
		}
	}
	for _, secret := range []string{payload1[6:], "changeme-this", "short\n", "%%%%"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// An outage is told with its reason and its secret.
func TestOutageSaysWhy(t *testing.T) {
	t.Parallel()
	source := storetest.NewSource()
	source.Do(func() { source.Err[secretA] = errDown })
	r := newRig(source, nil)
	err := r.verify(t.Context(), t, payload1, start)
	if !errors.Is(err, errDown) || !strings.Contains(err.Error(), secretA) {
		t.Errorf("got %v, want %v of %s", err, errDown, secretA)
	}
}

// While an outage lasts a secret is looked up after 5 s, 10 s, and so on up to a minute.
func TestOutagesAreWaitedOut(t *testing.T) {
	t.Parallel()
	source := storetest.NewSource()
	source.Add(secretA, payload1, start.Add(-time.Hour))
	r := newRig(source, nil)
	if got := r.deliver(t, payload1); got != "ok" {
		t.Fatal(got)
	}
	source.Do(func() { source.Err[secretA] = errDown })
	r.Add(5 * time.Minute)
	before, _ := source.Lookups()
	var at []int
	for second := range 200 {
		if got := r.deliver(t, payload1); got != "ok" {
			t.Fatalf("after %d s: %s", second, got)
		}
		if now, _ := source.Lookups(); now > before {
			at, before = append(at, second), now
		}
		r.Add(time.Second)
	}
	if want := []int{0, 5, 15, 35, 75, 135, 195}; !slices.Equal(at, want) {
		t.Errorf("looked up after %v seconds, want %v", at, want)
	}
}
