package storage

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// faulty gives the state in a Cloud Storage whose nth creation meets a fault.
func faulty(t *testing.T, fault func(attempt int) *gcs.Fault) (*State, *gcs.Server) {
	t.Helper()
	server, err := gcs.Start(bucket)
	must(t, err)
	t.Cleanup(func() { server.Close() })
	attempts := 0 // one call at a time
	server.Fail(func(op gcs.Op) *gcs.Fault {
		if op.Kind != gcs.OpInsert {
			return nil
		}
		attempts++
		return fault(attempts)
	})
	connecting.Lock()
	defer connecting.Unlock()
	must(t, os.Setenv("STORAGE_EMULATOR_HOST", server.Addr()))
	c, err := NewClient(t.Context())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c.State(bucket), server
}

func TestCreateTriesAgain(t *testing.T) {
	faults := map[string]gcs.Fault{"a lost answer": {Cut: gcs.CutReset}, "a connection that breaks": {Status: 503, Cut: gcs.CutReset}}
	for _, code := range []int{408, 429, 500, 502, 503, 504} {
		faults[fmt.Sprint(code)] = gcs.Fault{Status: code}
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, server := faulty(t, func(attempt int) *gcs.Fault {
				if attempt <= 2 {
					return &f
				}
				return nil
			})
			if err := state.Create(t.Context(), "o", []byte("content"), map[string]string{"total": "3"}); err != nil {
				t.Errorf("got %v: it was to try again, and to know its own object", err)
			}
			o, _ := server.Get(bucket, "o")
			if string(o.Data) != "content" || o.Attrs.Metadata["total"] != "3" {
				t.Errorf("stored %q with %v", o.Data, o.Attrs.Metadata)
			}
		})
	}
}

// Somebody else's object stays somebody else's, also after an answer was lost.
func TestCreateAfterALostRace(t *testing.T) {
	for name, theirs := range map[string]struct {
		data     string
		metadata map[string]string
	}{
		"another content":  {"theirs", map[string]string{"total": "3"}},
		"another metadata": {"content", map[string]string{"total": "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var server *gcs.Server
			state, started := faulty(t, func(attempt int) *gcs.Fault {
				if attempt > 1 {
					return nil
				}
				server.Put(bucket, "o", []byte(theirs.data), gcs.Attrs{Metadata: theirs.metadata})
				return &gcs.Fault{Status: 503}
			})
			server = started
			err := state.Create(t.Context(), "o", []byte("content"), map[string]string{"total": "3"})
			if !errors.Is(err, batch.ErrExists) {
				t.Errorf("got %v, want ErrExists", err)
			}
		})
	}
}

func TestCreateGivesUp(t *testing.T) {
	for _, code := range []int{400, 403, 404} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			attempts := 0
			state, _ := faulty(t, func(attempt int) *gcs.Fault {
				attempts = attempt
				return &gcs.Fault{Status: code}
			})
			begin := time.Now()
			err := state.Create(t.Context(), "o", nil, nil)
			if err == nil || attempts != 1 || time.Since(begin) > 5*time.Second {
				t.Errorf("%v after %d attempts and %v, want an error at once", err, attempts, time.Since(begin))
			}
		})
	}
}
