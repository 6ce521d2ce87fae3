package keep_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/examples/consumer/go/keep"
	"example.com/gemini-webhook/outcomes"
)

// message is one of the receiver's examples, of a batch of six lines, in place of which two
// are enough.
func message(t *testing.T, name, id string, total int64) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../../internal/outcome/testdata", name+".golden.json"))
	must(t, err)
	var m struct{ Data json.RawMessage }
	must(t, json.Unmarshal(text, &m))
	o, err := outcomes.Decode(m.Data)
	must(t, err)
	o.Base().OutcomeID = id
	if o, is := o.(*outcomes.BatchCompleted); is {
		o.Results.Total = total
	}
	data, err := json.Marshal(o)
	must(t, err)
	return data
}

// reports are what a Keeper calls complete with.
type reports []keep.Report

func keeper(t *testing.T, store keep.Store) (*keep.Keeper, *reports) {
	t.Helper()
	all := new(reports)
	k, err := keep.New(t.Context(), store, func(r keep.Report) { *all = append(*all, r) })
	must(t, err)
	return k, all
}

func TestKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, said := keeper(t, keep.Files(dir))
	for _, data := range [][]byte{
		message(t, "batch.completed", "c", 2), message(t, "batch.result", "a", 0), message(t, "batch.result", "a", 0),
		message(t, "batch.failed", "f", 0), message(t, "batch.result-failed", "b", 0), message(t, "batch.result-failed", "b", 0),
	} {
		must(t, k.Keep(t.Context(), data))
	}
	want := reports{{ResourceID: "batch_1", Results: 2, Failed: 1, Duplicates: 1}}
	if diff := cmp.Diff(want, *said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := k.Keep(t.Context(), []byte("{}")); !errors.Is(err, outcomes.ErrMalformed) {
		t.Errorf("what is no outcome: %v", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	if len(names) != 4 {
		t.Errorf("kept are %v", names)
	}

	// Who starts anew knows what was kept, and says so again.
	_, said = keeper(t, keep.Files(dir))
	want[0].Duplicates = 0
	if diff := cmp.Diff(want, *said); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}

// TestOneOfManyIsNew: the same message at once is kept by one, and whole.
func TestOneOfManyIsNew(t *testing.T) {
	t.Parallel()
	dir := keep.Files(t.TempDir())
	var group sync.WaitGroup
	var news atomic.Int32
	for range 20 {
		group.Go(func() {
			isNew, err := dir.Put(context.Background(), "a", []byte("data"))
			if err != nil {
				t.Error(err)
			}
			if isNew {
				news.Add(1)
			}
		})
	}
	group.Wait()
	data, err := os.ReadFile(filepath.Join(string(dir), "a.json"))
	must(t, err)
	if news.Load() != 1 || string(data) != "data" {
		t.Errorf("%d were new, kept is %q", news.Load(), data)
	}
}

// fails is a Store that has kept what it says it could not.
type fails struct{ keep.Files }

func (f fails) Put(ctx context.Context, id string, data []byte) (bool, error) {
	_, err := f.Files.Put(ctx, id, data)
	return false, errors.Join(err, errors.New("unsure"))
}

// TestWhatIsNotSureComesAgain: a message that was kept without being acknowledged counts.
func TestWhatIsNotSureComesAgain(t *testing.T) {
	t.Parallel()
	dir := keep.Files(t.TempDir())
	unsure, _ := keeper(t, fails{dir})
	k, said := keeper(t, dir)
	if err := unsure.Keep(t.Context(), message(t, "batch.result", "a", 0)); err == nil {
		t.Error("acknowledged what may not be kept")
	}
	must(t, k.Keep(t.Context(), message(t, "batch.result", "a", 0)))
	must(t, k.Keep(t.Context(), message(t, "batch.completed", "c", 1)))
	if len(*said) != 1 {
		t.Errorf("complete: %v", *said)
	}
}

// TestStoreThatCannotBeRead: who cannot know what there is does not begin.
func TestStoreThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.json"), []byte("{"), 0o600))
	if _, err := keep.New(t.Context(), keep.Files(dir), nil); !errors.Is(err, outcomes.ErrMalformed) {
		t.Errorf("a broken file: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
