package batch

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// What is known of pings is the names of empty objects: a time each.
const (
	pingsFolder    = "v1/canary/pings/"    // when Gemini was asked for one
	arrivalsFolder = "v1/canary/arrivals/" // when a delivery that may be one was worked on
)

// SavePing records when Gemini was asked for a ping.
func (s *State) SavePing(ctx context.Context, at time.Time) error {
	return s.saveTime(ctx, pingsFolder, at)
}

// SaveArrival records when a delivery that may be a ping was worked on.
func (s *State) SaveArrival(ctx context.Context, at time.Time) error {
	return s.saveTime(ctx, arrivalsFolder, at)
}

// LastPing gives when Gemini was last asked for a ping since a time, zero where it was not.
func (s *State) LastPing(ctx context.Context, since time.Time) (last time.Time, err error) {
	times, err := s.times(ctx, pingsFolder, since)
	if len(times) > 0 {
		last = times[len(times)-1]
	}
	return last, err
}

// FirstArrival gives when a delivery that may be a ping was first worked on since a time,
// zero where none was.
func (s *State) FirstArrival(ctx context.Context, since time.Time) (first time.Time, err error) {
	times, err := s.times(ctx, arrivalsFolder, since)
	if len(times) > 0 {
		first = times[0]
	}
	return first, err
}

// saveTime creates an object for a time. Of two at one nanosecond one is there.
func (s *State) saveTime(ctx context.Context, folder string, at time.Time) error {
	if err := s.put(ctx, folder+at.UTC().Format(runTime), nil, nil); err != nil {
		return fmt.Errorf("record %s: %w", folder, err)
	}
	return nil
}

// times are those of a folder since one, in order.
func (s *State) times(ctx context.Context, folder string, since time.Time) (all []time.Time, err error) {
	entries, err := s.store.List(ctx, folder, folder+since.UTC().Format(runTime), folder+"~") // behind all digits
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	for _, e := range entries {
		if at, err := time.Parse(runTime, strings.TrimPrefix(e.Name, folder)); err == nil {
			all = append(all, at)
		}
	}
	return all, nil
}
