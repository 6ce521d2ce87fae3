package store_test

import (
	"testing"
	"testing/synctest"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store/storetest"
)

// step is a change to the world, and what a delivery signed with a payload
// gets after it.
type step struct {
	name    string
	change  func(*rig)
	payload string
	want    string
}

func after(d time.Duration) func(*rig) { return func(r *rig) { r.Add(d) } }

func none(*rig) {}

func down(r *rig) { r.source.Do(func() { r.source.Err[secretA] = errDown }) }

func up(r *rig) { r.source.Do(func() { delete(r.source.Err, secretA) }) }

func answer(err error) func(*rig) {
	return func(r *rig) {
		r.source.Do(func() { r.source.Err[secretA] = err })
		r.Add(6 * time.Minute)
	}
}

func rotate(payload string) func(*rig) {
	return func(r *rig) { r.source.Add(secretA, payload, r.Now()) }
}

func disable(number int) func(*rig) {
	return func(r *rig) {
		r.source.Disable(secretA, number)
		r.Add(6 * time.Minute) // past the TTL
	}
}

// deny has the reading of a version fail, beside another change.
func deny(number int64, err error, change func(*rig)) func(*rig) {
	return func(r *rig) {
		r.source.Do(func() { r.source.Denied[secret.Name(secretA).Version(number)] = err })
		change(r)
	}
}

// The names of the tests are what the contract, "Secrets and tokens" promises.
func TestSecretsOverTime(t *testing.T) {
	t.Parallel()
	const bad = "signature_mismatch"
	tests := map[string]struct {
		versions []string // created a month ago, one after the other
		options  []rigOption
		steps    []step
	}{
		"only the newest of old versions": {versions: []string{payload1, payload2}, steps: []step{
			{"newest", none, payload2, "ok"},
			{"older", none, payload1, bad},
		}},
		"a new version at once, the old one for the overlap": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"not yet there", none, payload2, bad},
			{"new within 5 s of its first delivery", func(r *rig) { rotate(payload2)(r); r.Add(5 * time.Second) }, payload2, "ok"},
			{"old", none, payload1, "ok"},
			{"old, a second before the end", after(24*time.Hour - 6*time.Second), payload1, "ok"},
			{"old, at the end", after(time.Second), payload1, bad},
			{"new", none, payload2, "ok"},
		}},
		"the overlap ends without a look-up": {versions: []string{payload1}, steps: []step{
			{"new, 20 hours ago", func(r *rig) { r.source.Add(secretA, payload2, r.Now().Add(-20*time.Hour)) }, payload2, "ok"},
			{"old, a second before the end", func(r *rig) { down(r); r.Add(4*time.Hour - time.Second) }, payload1, "ok"},
			{"old, at the end", after(time.Second), payload1, bad},
		}},
		"the successor counts whatever its state": {versions: []string{payload1, payload2, payload3}, steps: []step{
			{"v3 disabled: v2 is the newest enabled", disable(3), payload2, "ok"},
			{"v1 has the old v2 after it", none, payload1, bad},
		}},
		"a young destroyed successor": {versions: []string{payload1}, steps: []step{
			{"v2", func(r *rig) { rotate(payload2)(r); r.Add(time.Hour) }, payload2, "ok"},
			{"v3", func(r *rig) { rotate(payload3)(r); r.Add(time.Hour) }, payload3, "ok"},
			{"v2 destroyed", disable(2), payload2, bad},
			{"v1 by the age of v2", none, payload1, "ok"},
			{"v1 a minute before the end of v2's overlap", after(24*time.Hour - 2*time.Hour - 7*time.Minute), payload1, "ok"},
			{"v1 at its end, v3's goes on", after(time.Minute), payload1, bad},
		}},
		"a disabled newest version gives way": {versions: []string{payload1, payload2}, steps: []step{
			{"before", none, payload2, "ok"},
			{"disabled", disable(2), payload2, bad},
			{"the older one is now the newest enabled", none, payload1, "ok"},
		}},
		"all disabled is an answer, not an outage": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"disabled", disable(1), payload1, bad},
		}},
		"no versions at all": {steps: []step{
			{"none", func(r *rig) { r.source.Do(func() { r.source.Secrets[secretA] = nil }) }, payload1, bad},
			{"the first one", func(r *rig) { rotate(payload1)(r); r.Add(5 * time.Second) }, payload1, "ok"},
		}},
		"a revoked version": {versions: []string{payload1, payload2}, options: []rigOption{revoked(secret.Name(secretA).Version(2))}, steps: []step{
			{"is not accepted", none, payload2, bad},
			{"does not bring the old one back", none, payload1, bad},
		}},
		"a revoked old version in its overlap": {versions: []string{payload1}, options: []rigOption{revoked(secret.Name(secretA).Version(1))}, steps: []step{
			{"new", rotate(payload2), payload2, "ok"},
			{"old", none, payload1, bad},
		}},
		"revoking speaks of one secret": {versions: []string{payload1}, options: []rigOption{revoked(secret.Name(secretB).Version(1))}, steps: []step{
			{"other", none, payload1, "ok"},
		}},
		"a placeholder is as if it were not there": {versions: []string{payload1, "REPLACE_ME_WITH_THE_SECRET"}, steps: []step{
			{"the one before it is the newest", none, payload1, "ok"},
			{"itself", none, "REPLACE_ME_WITH_THE_SECRET", bad},
		}},
		"a placeholder is no successor": {versions: []string{payload1, "<put the secret here>"}, steps: []step{
			{"new", rotate(payload3), payload3, "ok"},
			{"old in the overlap of the next real one", after(23 * time.Hour), payload1, "ok"},
			{"and not after", after(time.Hour), payload1, bad},
		}},
		"broken base64 is not taken as bytes": {versions: []string{"whsec_not base64 at all!!"}, steps: []step{
			{"as bytes", none, "whsec_not base64 at all!!", bad},
			{"without the prefix", none, "not base64 at all!!", bad},
		}},
		"an empty version": {versions: []string{""}, steps: []step{{"empty key", none, "", bad}}},
		"white space is trimmed": {versions: []string{" \n" + payload1 + "\r\n"}, steps: []step{
			{"trimmed", none, payload1, "ok"},
		}},
		"a plain secret is its bytes, or what they decode to": {versions: []string{payload1[6:]}, steps: []step{
			{"bytes", none, payload1[6:], "ok"},
			{"decoded", none, payload1, "ok"},
		}},
		"an outage keeps the last good set for the stale limit": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"down", func(r *rig) { down(r); r.Add(time.Hour) }, payload1, "ok"},
			{"a forgery meanwhile", none, payload2, bad},
			{"at the limit", after(5 * time.Hour), payload1, "ok"},
			{"after the limit", after(time.Second), payload1, "unavailable"},
			{"a forgery then", none, payload2, "unavailable"},
			{"back", func(r *rig) { up(r); r.Add(time.Minute) }, payload1, "ok"},
		}},
		"an outage from the start": {versions: []string{payload1}, steps: []step{
			{"down", down, payload1, "unavailable"},
			{"back, but too early to look", up, payload1, "unavailable"},
			{"a second later", after(time.Second), payload1, "ok"},
		}},
		"a version added in an outage": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"down", func(r *rig) { down(r); rotate(payload2)(r) }, payload2, bad},
			{"back", func(r *rig) { up(r); r.Add(5 * time.Second) }, payload2, "ok"},
		}},
		"not found is definite": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"deleted", answer(secret.ErrNotFound), payload1, "unavailable"},
			{"and then an outage", answer(errDown), payload1, "unavailable"},
			{"back", func(r *rig) { up(r); r.Add(5 * time.Second) }, payload1, "ok"},
		}},
		"denied is definite": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"denied", answer(secret.ErrDenied), payload1, "unavailable"},
			{"granted", func(r *rig) { up(r); r.Add(5 * time.Second) }, payload1, "ok"},
		}},
		"a version denied is definite": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"denied", deny(1, secret.ErrDenied, after(6*time.Minute)), payload1, "unavailable"},
		}},
		"the list's news count though reading fails": {versions: []string{payload1}, steps: []step{
			{"v2", rotate(payload2), payload2, "ok"},
			{"v2 disabled, v1 cannot be read just now", deny(1, errDown, disable(2)), payload2, bad},
			{"v1 as it was", none, payload1, "ok"},
		}},
		"such news do not prolong the stale limit": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"v1 cannot be read any more", deny(1, errDown, after(3*time.Hour)), payload1, "ok"},
			{"at the limit", after(3 * time.Hour), payload1, "ok"},
			{"after the limit", after(time.Second), payload1, "unavailable"},
		}},
		"a placeholder that cannot be read again is still none": {versions: []string{payload1, "REPLACE_ME_WITH_THE_SECRET"}, steps: []step{
			{"before", none, payload1, "ok"},
			{"outage of the placeholder", deny(2, errDown, after(6*time.Minute)), payload1, "ok"},
		}},
		"listed as enabled but disabled": {versions: []string{payload1, payload2}, steps: []step{
			{"v2", deny(2, secret.ErrDisabled, none), payload2, bad},
			{"v1", none, payload1, "ok"},
		}},
		"a list that lags behind": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"new", func(r *rig) {
				rotate(payload2)(r)
				r.source.Do(func() { r.source.Hidden[secretA] = 1 })
			}, payload2, "ok"},
			{"old", none, payload1, "ok"},
			{"new after the next look-up", after(6 * time.Minute), payload2, "ok"},
			{"old at the end", after(24*time.Hour - 6*time.Minute), payload1, bad},
			{"a third", rotate(payload3), payload2, "ok"},
		}},
		// Who revokes a key stores the new one and then disables the old one: a
		// look-up between the two must not let the old one live for the TTL.
		"a version that was disabled just after the new one was found": {versions: []string{payload1}, steps: []step{
			{"before", none, payload1, "ok"},
			{"new", rotate(payload2), payload2, "ok"},
			{"old, at once", func(r *rig) { r.source.Disable(secretA, 1) }, payload1, "ok"},
			{"old, 5 s later", after(5 * time.Second), payload1, bad},
			{"new", none, payload2, "ok"},
		}},
		"a secret made anew starts over": {versions: []string{payload1, payload2}, steps: []step{
			{"before", none, payload2, "ok"},
			{"anew", func(r *rig) {
				r.source.Do(func() { r.source.Secrets[secretA] = nil })
				rotate(payload3)(r)
				r.Add(6 * time.Minute)
			}, payload3, "ok"},
			{"v2 of the old one", none, payload2, bad},
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := storetest.NewSource()
			for i, p := range tc.versions {
				source.Add(secretA, p, start.Add(time.Duration(i-30)*24*time.Hour-24*time.Hour))
			}
			r := newRig(source, nil, tc.options...)
			for _, s := range tc.steps {
				s.change(r)
				if got := r.deliver(t, s.payload); got != s.want {
					t.Errorf("%s: got %s, want %s", s.name, got, s.want)
				}
			}
		})
	}
}

// A secret that cannot be read makes 503 only what no other secret verifies.
func TestSecretsSeveral(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error // of secret B
		want string
	}{
		"fine":      {nil, "signature_mismatch"},
		"not found": {secret.ErrNotFound, "unavailable"},
		"denied":    {secret.ErrDenied, "unavailable"},
		"outage":    {errDown, "unavailable"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := storetest.Of(secretA, payload1)
			source.Add(secretB, payload2, start)
			source.Do(func() { source.Err[secretB] = tc.err })
			r := newRig(source, []secret.Name{secretB, secretA})
			for range 2 {
				if got := r.deliver(t, payload1); got != "ok" {
					t.Errorf("signed with A: got %s", got)
				}
				if got := r.deliver(t, payload3); got != tc.want {
					t.Errorf("signed with neither: got %s, want %s", got, tc.want)
				}
			}
		})
	}
}

// A delivery signed with the new key that comes between two rounds is refused
// and looks for nothing. The old key, which is revoked, must not live for the TTL
// on account of that.
func TestAMismatchBetweenRoundsIsMadeUpFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := storetest.Of(secretA, payload1)
		r := newRig(source, nil)
		want := func(what, payload, code string) {
			t.Helper()
			if got := r.deliver(t, payload); got != code {
				t.Errorf("%s: %s, want %s", what, got, code)
			}
			synctest.Wait() // for the round that it may have begun
		}
		want("old", payload1, "ok")
		want("forged", payload3, "signature_mismatch")
		source.Add(secretA, payload2, r.Now())
		source.Disable(secretA, 1)
		want("new, between rounds", payload2, "signature_mismatch")
		r.Add(5*time.Second - 1)
		want("old, before the next round", payload1, "ok")
		r.Add(1)
		want("old, which does not wait for the round", payload1, "ok")
		want("old, after it", payload1, "signature_mismatch")
		want("new, after it", payload2, "ok")
	})
}
