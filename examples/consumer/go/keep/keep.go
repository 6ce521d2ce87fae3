// Package keep keeps each outcome once, and says when a batch is complete.
package keep

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"example.com/gemini-webhook/outcomes"
)

// Store keeps the data of outcomes. In a SQL database it is a table whose primary key is
// outcome_id, and Put is
//
//	INSERT INTO outcomes (outcome_id, resource_id, type, status, data)
//	VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
//
// which is new if it has inserted a row. There several instances of a program share what
// they know: count the rows of a resource_id whose type is batch.result in place of the
// Keeper's outcomes.Progress, and ask outcomes.Standing.Complete.
type Store interface {
	// Put keeps data under an id, and reports whether there was none. It returns when data
	// will outlive a crash. It is called from several goroutines at once.
	Put(ctx context.Context, id string, data []byte) (isNew bool, err error)
	// All gives all that is kept, in any order.
	All(ctx context.Context) iter.Seq2[[]byte, error]
}

// Report is what is known of a batch that is complete.
type Report struct {
	ResourceID string `json:"resource_id"`
	Results    int64  `json:"results"`
	Failed     int64  `json:"failed"`
	Duplicates int64  `json:"duplicates"` // messages that had been kept before
}

// Keeper keeps outcomes in a Store.
type Keeper struct {
	store    Store
	complete func(Report)

	mu         sync.Mutex
	progress   outcomes.Progress
	duplicates map[string]int64 // by resource_id
}

// New returns a Keeper that goes on with what is in the store. It calls complete once for
// a batch, and again after a restart: what complete does must bear being done twice.
func New(ctx context.Context, store Store, complete func(Report)) (*Keeper, error) {
	k := &Keeper{store: store, complete: complete, duplicates: make(map[string]int64)}
	for data, err := range store.All(ctx) {
		if err != nil {
			return nil, err
		}
		o, err := outcomes.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("keep: what is in the store: %w", err)
		}
		k.add(o, true)
	}
	return k, nil
}

// Keep keeps the data of a message. Acknowledge the message if there is no error: then it
// is in the store, or was before. An error that is outcomes.ErrMalformed will be the same
// next time; all others may pass.
func (k *Keeper) Keep(ctx context.Context, data []byte) error {
	o, err := outcomes.Decode(data)
	if err != nil {
		return err
	}
	isNew, err := k.store.Put(ctx, o.Base().OutcomeID, data)
	if err != nil {
		return err
	}
	k.add(o, isNew)
	return nil
}

// add counts what is in the store.
func (k *Keeper) add(o outcomes.Outcome, isNew bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := o.Base().ResourceID
	if !isNew {
		k.duplicates[id]++
	}
	// What is not new is added, too: the Put before may have kept it and failed after that.
	if _, completes := k.progress.Add(o); completes {
		batch := k.progress.Batch(o)
		k.complete(Report{ResourceID: id, Results: batch.Results, Failed: batch.Failed, Duplicates: k.duplicates[id]})
		k.progress.Forget(o)
		delete(k.duplicates, id)
	}
}
