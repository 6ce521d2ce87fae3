package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Known is what the state bucket tells of an event, to people who look at its dead
// letters.
type Known struct {
	Completed bool // batch.completed is published
	Published bool // the one outcome of an event that has one, batch.unreadable too

	Plan       string // identity of the stored plan; "" where there is none that can be read
	Broken     error  // why the stored plan cannot be read; ErrUnknownFormat: by this version
	URI        string // of the plan: where the results are
	ResourceID string // of the plan's event
	Done       int    // ranges of the plan
	Missing    int

	Report Report // the newest; the zero Report where there is none
}

// Known reads what is known of the event with a key; nothing is not an error. It
// changes nothing.
func (s *State) Known(ctx context.Context, key string) (k Known, err error) {
	var plan *Plan
	data, err := s.store.Read(ctx, folder(key)+"plan")
	switch {
	case err == nil:
		plan, k.Broken = decodePlan(data)
	case !errors.Is(err, ErrNotFound):
		return Known{}, fmt.Errorf("read plan: %w", err)
	}
	entries, err := s.store.List(ctx, folder(key), "", "")
	if err != nil {
		return Known{}, fmt.Errorf("list what is done: %w", err)
	}
	for _, e := range entries {
		switch flag := strings.TrimPrefix(e.Name, folder(key)+"flag/"); {
		case flag == completed:
			k.Completed = true
		case flag == Published:
			k.Published = true
		case strings.HasPrefix(flag, incomplete):
			if report, ok := reportOf(e); ok && report.At.After(k.Report.At) {
				k.Report = report
			}
		}
	}
	if plan != nil {
		k.Broken = k.describe(key, plan, entries)
	}
	return k, nil
}

// describe says what a plan is, and how much of it the markers cover that are among the
// objects of its event.
func (k *Known) describe(key string, plan *Plan, entries []Entry) error {
	markers, err := plan.markers(key, entries)
	if err != nil {
		return err
	}
	e, err := plan.Decoded()
	if err != nil {
		return err
	}
	now := plan.progress(markers)
	k.Plan, k.URI, k.ResourceID, k.Done, k.Missing = plan.id, plan.URI, strings.Clone(e.ResourceID), now.done, now.missing
	return nil
}
