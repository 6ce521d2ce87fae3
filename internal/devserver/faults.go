package devserver

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud/pubsub"
)

// staleBy is how far back fault stale sets the sender's clock: twice what the receiver
// tolerates.
const staleBy = 10 * time.Minute

// faults are the switches.
type faults struct {
	offset                         atomic.Int64 // SetClock's
	stale, busy, duplicate, pubsub atomic.Bool
}

func (f *faults) all() []struct {
	fault Fault
	on    *atomic.Bool
} {
	return []struct {
		fault Fault
		on    *atomic.Bool
	}{
		{Fault{Name: FaultPubSub, What: "Publishing fails: the receiver answers 503 after its 4 s, and Gemini delivers again."}, &f.pubsub},
		{Fault{Name: FaultStale, What: "The sender's clock is ten minutes back: genuine, and refused as a replay."}, &f.stale},
		{Fault{Name: FaultDuplicate, What: "Each attempt of Gemini's arrives twice."}, &f.duplicate},
		{Fault{Name: FaultBusy, What: "There is no instance: 429, as Cloud Run answers, and the receiver sees nothing."}, &f.busy},
	}
}

// set turns a fault on or off.
func (f *faults) set(name string, on bool) error {
	for _, known := range f.all() {
		if known.fault.Name == name {
			known.on.Store(on)
			return nil
		}
	}
	return fmt.Errorf("there is no fault %q: use one of %s, %s, %s, %s", name, FaultPubSub, FaultStale, FaultDuplicate, FaultBusy)
}

func (f *faults) list() (list []Fault) {
	for _, known := range f.all() {
		known.fault.On = known.on.Load()
		list = append(list, known.fault)
	}
	return list
}

// clock is how far the sender's clock is off.
func (f *faults) clock() time.Duration {
	offset := time.Duration(f.offset.Load())
	if f.stale.Load() {
		offset -= staleBy
	}
	return offset
}

// now is the sender's clock.
func (f *faults) now() time.Time { return time.Now().Add(f.clock()) }

// publishing is the hook of Pub/Sub.
func (f *faults) publishing() pubsub.Hook {
	return pubsub.Hook{Before: func(pubsub.Publish) error {
		if f.pubsub.Load() {
			return status.Error(codes.Unavailable, "fault on purpose: switched on in webhookctl dev")
		}
		return nil
	}}
}

// sender is how Gemini's deliveries go out.
type sender struct {
	faults *faults
	front  *front // set before anything is sent
}

// RoundTrip implements http.RoundTripper. Of a delivery that is sent twice the second
// answer is Gemini's.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	s.front.mark(r.Header, SenderGemini, 0)
	if s.faults.duplicate.Load() && r.GetBody != nil {
		first := r.Clone(r.Context())
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		first.Body = body
		if answer, err := deliveries.RoundTrip(first); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
			_ = answer.Body.Close()
		}
	}
	return deliveries.RoundTrip(r)
}

// deliveries go to this machine, through no proxy.
var deliveries = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, DisableCompression: true}
