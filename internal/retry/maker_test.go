package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/outcome"
)

var errKilled = errors.New("the process is gone")

// cloud is a state bucket and a service in memory. Calls of all runs are counted.
type cloud struct {
	objects map[string]string
	batches []string // display names
	refuse  error    // of the next Create
}

// run is one run of the tool: it dies at a call, before or after it takes effect, or
// another comes in between.
type run struct {
	*cloud
	calls   int
	dieAt   int
	after   bool
	between func(call int)
	last    string
}

// call does one call, unless the run is dead.
func (r *run) call(name string, do func() error) error {
	if r.dieAt > 0 && r.calls >= r.dieAt {
		return errKilled
	}
	r.calls++
	if r.between != nil {
		r.between(r.calls)
	}
	r.last = name
	if r.calls == r.dieAt && !r.after {
		return errKilled
	}
	err := do()
	if r.calls == r.dieAt {
		return errKilled
	}
	return err
}

func (r *run) Create(_ context.Context, name string, data []byte, _ map[string]string) error {
	return r.call("create "+name, func() error {
		if _, ok := r.objects[name]; ok {
			return batch.ErrExists
		}
		r.objects[name] = string(data)
		return nil
	})
}

func (r *run) Read(_ context.Context, name string) (data []byte, err error) {
	err = r.call("read", func() error {
		text, ok := r.objects[name]
		if !ok {
			return batch.ErrNotFound
		}
		data = []byte(text)
		return nil
	})
	return data, err
}

func (r *run) List(_ context.Context, prefix, _, _ string) (entries []batch.Entry, err error) {
	err = r.call("list", func() error {
		for _, name := range slices.Sorted(maps.Keys(r.objects)) {
			if strings.HasPrefix(name, prefix) {
				entries = append(entries, batch.Entry{Name: name})
			}
		}
		return nil
	})
	return entries, err
}

// service is the run's Service.
type service struct{ *run }

func (s service) Named(_ context.Context, displayName string) (names []string, err error) {
	err = s.call("named", func() error {
		for i, name := range s.batches {
			if name == displayName {
				names = append(names, fmt.Sprint("batches/", i))
			}
		}
		return nil
	})
	return names, err
}

func (s service) Send(context.Context, string, io.Reader) (string, error) {
	return "files/f", s.call("send", func() error { return nil })
}

func (s service) Create(_ context.Context, job Job) (name string, err error) {
	err = s.call("batch", func() error {
		if err := s.refuse; err != nil {
			s.refuse = nil
			return err
		}
		name = fmt.Sprint("batches/", len(s.batches))
		s.batches = append(s.batches, job.DisplayName)
		return nil
	})
	return name, err
}

const (
	one   = "11111111aaaaaaaaaaaaaaaaaaaaaaaa"
	other = "22222222bbbbbbbbbbbbbbbbbbbbbbbb"
)

func newCloud() *cloud { return &cloud{objects: map[string]string{}} }

// make runs the tool.
func (r *run) make(digest string, again bool, codes ...string) (string, error) {
	counts := outcome.Names{}
	for _, code := range codes {
		counts[code] = 1
	}
	m := Maker{State: r, Service: service{r}, Key: "job", By: "test", Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	name, _, err := m.Make(context.Background(), Job{DisplayName: DisplayName("old", digest)}, digest, counts, strings.NewReader("x"), again)
	return name, err
}

func TestMadeOnce(t *testing.T) {
	t.Parallel()
	c := newCloud()
	must := func(wantErr error, digest string, again bool, codes ...string) {
		t.Helper()
		before := len(c.batches)
		name, err := (&run{cloud: c}).make(digest, again, codes...)
		if !errors.Is(err, wantErr) || (err == nil) != (name != "") || (err == nil) != (len(c.batches) == before+1) {
			t.Errorf("%q, %v, %d batches after %d; want %v", name, err, len(c.batches), before, wantErr)
		}
	}
	must(nil, one, false, "429")
	must(ErrAlready, one, false, "429")
	must(ErrAlready, other, false, "429", "503")
	must(nil, other, false, "503")
	must(nil, one, true, "429")
	must(ErrAlready, one, false, "429")
	must(nil, one, true, "429")
	c = newCloud()
	c.refuse = ErrRefused
	must(ErrRefused, one, false, "429")
	must(nil, one, false, "429") // nothing was made
	must(ErrAlready, one, false, "429")
	c.objects = map[string]string{} // the state bucket was emptied
	must(ErrAlready, one, false, "429")
	if len(c.objects) != 0 {
		t.Errorf("left %v", c.objects)
	}
}

// TestMadeOnceWhateverDies: a run that ends at any of its calls, before or after it takes
// effect, leaves either nothing, or what keeps the next runs from making a second batch.
func TestMadeOnceWhateverDies(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			c := newCloud()
			dead := &run{cloud: c, dieAt: at, after: after}
			_, err := dead.make(one, false, "429")
			if err == nil {
				break // it has no more calls
			}
			claimed := len(c.objects) > 0
			for range 2 {
				_, err = (&run{cloud: c}).make(one, false, "429")
			}
			if len(c.batches) > 1 || err == nil || !claimed && len(c.batches) != 1 {
				t.Errorf("dead at %d, %q: %d batches, then %v", at, dead.last, len(c.batches), err)
			}
			if made := len(c.batches); made == 1 && !errors.Is(err, ErrAlready) || made == 0 && !errors.Is(err, ErrClaimed) {
				t.Errorf("dead at %d, %q: %d batches, then %v", at, dead.last, made, err)
			}
			if _, err := (&run{cloud: c}).make(one, true, "429"); err != nil {
				t.Errorf("dead at %d, %q: --again: %v", at, dead.last, err)
			}
		}
	}
}

// TestMadeOnceByTwo: another run comes between any two calls of the first. Of the same
// requests one batch is made, of others with a code in both one at most, and of others
// without one both.
func TestMadeOnceByTwo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		digest    string
		code      string
		min, most int
	}{
		"the same":      {one, "429", 1, 1},
		"a code shared": {other, "429", 0, 1},
		"none shared":   {other, "503", 2, 2},
	} {
		for at := 1; ; at++ {
			c := newCloud()
			reached := false
			first := &run{cloud: c, between: func(call int) {
				if call == at {
					reached = true
					_, _ = (&run{cloud: c}).make(test.digest, false, test.code) // the batches tell
				}
			}}
			_, err := first.make(one, false, "429")
			if !reached {
				break
			}
			if n := len(c.batches); n < test.min || n > test.most {
				t.Errorf("%s: %d batches, the other came before call %d of the first, which says %v", name, n, at, err)
			}
		}
	}
}

func TestDisplayName(t *testing.T) {
	t.Parallel()
	for _, old := range []string{"", "nightly", strings.Repeat("é", 100)} {
		got := DisplayName(old, one)
		if len(got) > maxDisplayName || !strings.HasSuffix(got, " [11111111]") || !utf8.ValidString(got) || len(old) < 50 && got != "retry of "+old+" [11111111]" {
			t.Errorf("%q: %q", old, got)
		}
	}
}
