package webhookadmin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	. "example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/internal/webhookadmin/admintest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	drillDay  = 3 * time.Second // what 24 h take in a drill
	drillPing = 30 * time.Millisecond
	drillTTL  = 100 * time.Millisecond // 48 minutes; the time between probes is not scaled
)

// door is a receiver that verifies as the public door does, for as long as the
// drill lasts, and answers 401 to what it refuses.
type door struct {
	keys verify.Secrets

	mu       sync.Mutex
	accepted map[string]bool // by webhook-id; false while it was only refused
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, err := verify.Delivery(r.Context(), body, r.Header, d.keys, time.Now())
	id := r.Header.Get(verify.HeaderID)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted[id] = d.accepted[id] || err == nil
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// refused is how many deliveries were never accepted, of how many.
func (d *door) refused() (refused, all int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ok := range d.accepted {
		if !ok {
			refused++
		}
	}
	return refused, len(d.accepted)
}

// accepts says whether a delivery signed with a secret is accepted now.
func (d *door) accepts(t *testing.T, secret, id string) bool {
	t.Helper()
	body := []byte(`{"type":"batch.succeeded"}`)
	_, err := verify.Delivery(t.Context(), body, verifytest.Static(secret, id, time.Now(), body), d.keys, time.Now())
	return err == nil
}

// drills are one for each way in which Gemini may sign.
func drills(t *testing.T, day, ttl time.Duration, during func(*testing.T, *rig, *door)) {
	t.Parallel()
	for _, mode := range signings {
		t.Run(fmt.Sprint("signing ", mode), func(t *testing.T) {
			t.Parallel()
			drill(t, mode, day, ttl, during)
		})
	}
}

// drill has a webhook with a door behind it, which looks its secret up every ttl
// if nothing makes it look before, and pings on the way all the while. 24 h take
// a day of the drill.
func drill(t *testing.T, mode simulator.Signing, day, ttl time.Duration, during func(*testing.T, *rig, *door)) {
	t.Helper()
	scale := float64(24*time.Hour) / float64(day)
	// A delivery is tried for 24 h, as Gemini does: longer than any step takes.
	r := newRig(t, simulator.Options{Signing: mode, TimeScale: scale, DisableAfter: -1, RetryBase: time.Second, RetryMax: 30 * time.Minute})
	d := &door{keys: r.Keys(secretName, ttl, day), accepted: map[string]bool{}}
	r.Receiver.Close()
	r.Receiver = httptest.NewServer(d)
	t.Cleanup(r.Receiver.Close)
	r.ensure(r.desired())

	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ping := r.Webhooks(nil)
		id := r.state().ID
		for tick := time.NewTicker(drillPing); ; {
			select {
			case <-tick.C:
				if err := ping.Ping(t.Context(), id); err != nil {
					t.Errorf("ping: %v", err)
				}
			case <-stop:
				return
			}
		}
	})
	during(t, r, d)
	close(stop)
	wg.Wait()
	deadline := time.Now().Add(day)
	refused, all := d.refused()
	for ; refused > 0 && time.Now().Before(deadline); refused, all = d.refused() {
		time.Sleep(drillPing)
	}
	if refused > 0 || all < 20 {
		t.Errorf("%d of %d deliveries were refused for good", refused, all)
	}
}

func payload(r *rig, number int64) string {
	r.t.Helper()
	data, ok := r.Store.Payload(secretName, number)
	if !ok {
		r.t.Fatalf("no version %d", number)
	}
	return string(data)
}

// TestRotationDrill rotates under deliveries and goes on over the line at 24 h.
func TestRotationDrill(t *testing.T) {
	drills(t, drillDay, drillTTL, func(t *testing.T, r *rig, d *door) {
		time.Sleep(10 * drillPing)
		_, err := r.admin.Rotate(t.Context(), secretName, After24h)
		must(t, err)
		if !d.accepts(t, payload(r, 1), "overlap") {
			t.Error("the older key is refused within the overlap")
		}
		time.Sleep(drillDay + 10*drillPing)
		if d.accepts(t, payload(r, 1), "later") {
			t.Error("the older key is accepted after the overlap")
		}
	})
}

// TestInterruptedRotationDrill loses the first new key, and heals later.
func TestInterruptedRotationDrill(t *testing.T) {
	drills(t, drillDay, drillTTL, func(t *testing.T, r *rig, _ *door) {
		time.Sleep(10 * drillPing)
		r.Faults.Set(admintest.At("AddSecretVersion", refuse))
		if _, err := r.admin.Rotate(t.Context(), secretName, After24h); err == nil {
			t.Error("storing is denied: no error")
		}
		r.Faults.Set(nil)
		time.Sleep(drillDay / 4) // 6 h
		r.ensure(r.desired())
		time.Sleep(drillDay + 10*drillPing)
	})
}

// TestRevocationDrill rotates with immediate revocation: the old key is refused
// as soon as a delivery has made the receiver look.
func TestRevocationDrill(t *testing.T) {
	// Where the receiver has just looked, the new key waits 5 s, which do not scale:
	// Gemini's tries must go on for longer.
	drills(t, 5*drillDay, time.Hour, func(t *testing.T, r *rig, d *door) {
		time.Sleep(10 * drillPing)
		_, err := r.admin.Rotate(t.Context(), secretName, Immediately)
		must(t, err)
		start := time.Now()
		for n := 0; d.accepts(t, payload(r, 1), fmt.Sprint("forged", n)); n++ {
			if time.Since(start) > 5*time.Second {
				t.Fatal("the old key is accepted after 5 s")
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Logf("refused after %v", time.Since(start).Round(time.Millisecond))
		time.Sleep(20 * drillPing)
	})
}
