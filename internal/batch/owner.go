package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/event"
)

// Kinds of owners.
const (
	delivered  = "event"
	reconciled = event.ModeReconciled
)

// Owner is the event of which a job's outcomes are made. The first that is known to be
// the job's gets it, and who looks at jobs leaves those alone that have one. It parts
// two kinds, events that were delivered and events that were reconciled, for these have
// other keys: of whichever comes second nothing is published. Several deliveries are
// told apart by their keys alone.
type Owner struct {
	Kind string `json:"kind"` // "event" or "reconciled"
	Key  string `json:"key"`  // the event's
}

func ownerOf(e *event.Event) Owner {
	if e.Mode == event.ModeReconciled {
		return Owner{reconciled, e.Key}
	}
	return Owner{delivered, e.Key}
}

// Excludes reports whether nothing is published of an event, for its job is owned by
// one of the other kind.
func (o Owner) Excludes(e *event.Event) bool { return o.Kind != "" && o.Kind != ownerOf(e).Kind }

// Owner gives the owner of a job, the zero Owner where it has none.
func (s *State) Owner(ctx context.Context, jobKey string) (o Owner, err error) {
	if jobKey == "" {
		return Owner{}, nil
	}
	data, err := s.store.Read(ctx, jobsFolder+jobKey)
	switch {
	case errors.Is(err, ErrNotFound):
		return Owner{}, nil
	case err == nil:
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		return Owner{}, fmt.Errorf("read the owner of a job: %w", err)
	}
	return o, nil
}

// Claim makes an event its job's owner, where there is none yet and it is proven that
// the event is the job's; it gives the owner that there is then. An event's own word
// proves nothing where anybody may have it signed.
func (s *State) Claim(ctx context.Context, e *event.Event, proven bool) (Owner, error) {
	owner, err := s.Owner(ctx, e.JobKey())
	if err != nil {
		return Owner{}, err
	}
	return s.claimFrom(ctx, e, owner, proven)
}

// claimFrom is Claim of one who has read the owner.
func (s *State) claimFrom(ctx context.Context, e *event.Event, owner Owner, proven bool) (Owner, error) {
	if owner.Kind != "" || !proven {
		return owner, nil
	}
	return s.own(ctx, e.JobKey(), ownerOf(e))
}

func (s *State) own(ctx context.Context, jobKey string, o Owner) (Owner, error) {
	if jobKey == "" { // an id that no job has
		return Owner{}, nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		return Owner{}, fmt.Errorf("encode the owner of a job: %w", err)
	}
	err = s.store.Create(ctx, jobsFolder+jobKey, data, nil)
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, ErrExists):
		return s.Owner(ctx, jobKey)
	}
	return Owner{}, fmt.Errorf("create the owner of a job: %w", err)
}

// formerly makes the delivered event the owner of a reconciled event's job where the
// state knows that event, though not as the owner: versions that had no owners worked
// on it, or the owner was deleted. pointers are those that it may have had.
func (s *State) formerly(ctx context.Context, e *event.Event, pointers ...string) (Owner, error) {
	if e.Mode != event.ModeReconciled || e.Origin != event.OriginGeminiAPI {
		return Owner{}, nil
	}
	for _, key := range e.FormerKeys(pointers...) {
		known, err := s.exists(ctx, folder(key)+"plan")
		if err != nil {
			return Owner{}, err
		}
		if known {
			return s.own(ctx, e.JobKey(), Owner{delivered, key})
		}
	}
	return Owner{}, nil
}
