package archive

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/object"
)

// bucket is one in memory; before is run by each Create, when it has its content.
type bucket struct {
	contents map[string]string
	origin   string // of what Create made
	before   func()
	down     error
	lost     error // an answer
}

func (b *bucket) Stat(_ context.Context, name string) (Copy, error) {
	content, ok := b.contents[name]
	switch {
	case b.down != nil:
		return Copy{}, b.down
	case !ok:
		return Copy{}, object.ErrNotFound
	}
	return Copy{object.Object{Bucket: "b", Name: name, Generation: 7, Size: int64(len(content)), Origin: b.origin}, "text/plain"}, nil
}

func (b *bucket) Create(ctx context.Context, name, _, origin string, write func(io.Writer) error) (Copy, error) {
	var content strings.Builder
	if err := write(&content); err != nil {
		return Copy{}, err
	}
	b.before()
	if _, ok := b.contents[name]; ok {
		return Copy{}, errors.New("it is there")
	}
	b.contents[name], b.origin = content.String(), origin
	if b.lost != nil {
		return Copy{}, b.lost
	}
	return b.Stat(ctx, name)
}

func TestKeep(t *testing.T) {
	t.Parallel()
	const name = "archive/k/results.jsonl"
	item := Item{Key: "k", File: Results, Origin: "files/abc", ContentType: "text/plain"}
	gone, down := errors.New("the file is gone"), errors.New("storage is down")
	for title, test := range map[string]struct {
		there, winner string // the content before, and that of who wins
		fails, down   error
		lost          error
		want          string
		reads         int
		err           error
	}{
		"a first copy":        {want: "ours", reads: 1},
		"one that is there":   {there: "before", want: "before"},
		"a race that is lost": {winner: "theirs", want: "theirs", reads: 1},
		"a source that fails": {fails: gone, reads: 1, err: gone},
		"a lost answer":       {lost: down, want: "ours", reads: 1},
		"an outage":           {down: down, err: down},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := &bucket{contents: map[string]string{}, origin: "files/other", down: test.down, lost: test.lost}
			if test.there != "" {
				b.contents[name] = test.there
			}
			b.before = func() {
				if test.winner != "" {
					b.contents[name] = test.winner
				}
			}
			reads := 0
			got, err := (&Store{b}).Keep(t.Context(), item, func(w io.Writer) error {
				reads++
				_, _ = io.WriteString(w, "ours")
				return test.fails
			})
			if !errors.Is(err, test.err) || b.contents[name] != test.want || reads != test.reads {
				t.Fatalf("%v, stored %q, read %d times, want %v, %q, %d", err, b.contents[name], reads, test.err, test.want, test.reads)
			}
			want := Copy{object.Object{Bucket: "b", Name: name, Generation: 7, Size: int64(len(test.want)), Origin: "files/other"}, "text/plain"}
			if test.want == "ours" {
				want.Origin = "files/abc"
			}
			if diff := cmp.Diff(want, got); test.err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
