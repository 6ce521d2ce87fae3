package results

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// longObject is a common line, a long one and a common one.
func longObject(length int) []byte {
	return []byte("a\n" + strings.Repeat("x", length) + "\nb\n")
}

func shared(ctx context.Context, long *LongLines, object []byte, start, maxLine int64) *Scanner {
	size := int64(len(object))
	s := NewScanner(from(object, start), start, size, size, maxLine)
	s.Share(ctx, long)
	return s
}

// One Scanner at a time has a long line; whoever may not wait any longer stops
// in front of it, and goes on from there when it has the slot.
func TestLongLinesShareASlot(t *testing.T) {
	t.Parallel()
	const huge = 6 << 20
	object := longObject(huge)
	long := NewLongLines()
	soon, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	first := shared(soon, long, object, 0, 16<<20)
	for _, want := range []int64{1, huge} {
		if !first.Scan() || first.Line().Length != want {
			t.Fatalf("a line of %d bytes, error %v, want %d", first.Line().Length, first.Err(), want)
		}
	}

	cause := errors.New("no time left")
	ctx, cancel := context.WithCancelCause(t.Context())
	second := shared(ctx, long, object, 0, 16<<20)
	if !second.Scan() || second.Line().Length != 1 {
		t.Fatalf("short lines need no slot: %d bytes, error %v", second.Line().Length, second.Err())
	}
	cancel(cause)
	if second.Scan() || !errors.Is(second.Err(), cause) || second.Pos() != 2 {
		t.Errorf("got a line of %d bytes, error %v, position %d, want the cause at 2", second.Line().Length, second.Err(), second.Pos())
	}

	// The first gives the slot back with its next line, or when it is released.
	for name, next := range map[string]func(){
		"next line": func() { first.Scan() },
		"released":  func() { first.Release() },
	} {
		next()
		rest := shared(soon, long, object, second.Pos(), 16<<20)
		if !rest.Scan() || rest.Line().Length != huge {
			t.Fatalf("%s: a line of %d bytes, error %v, want %d", name, rest.Line().Length, rest.Err(), huge)
		}
		first = rest
	}
}

// A line that is too long is passed over without the slot.
func TestSkippingNeedsNoSlot(t *testing.T) {
	t.Parallel()
	object, long := longObject(12<<20), NewLongLines()
	soon, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	s := shared(soon, long, object, 2, 5<<20)
	if !s.Scan() || !s.Line().TooLong {
		t.Fatalf("got %d bytes, error %v, want a line that is too long", s.Line().Length, s.Err())
	}
	if other := shared(soon, long, longObject(5<<20), 2, 5<<20); !other.Scan() || len(other.Line().Data) != 5<<20 {
		t.Errorf("another line of %d bytes, error %v", len(other.Line().Data), other.Err())
	}
}

// Scanners that share read what they would read alone, in any order and from
// any reader.
func TestSharingChangesNothing(t *testing.T) {
	t.Parallel()
	var object bytes.Buffer
	for i, length := range []int{3, maxOwn - 1, 0, maxOwn + 1, 5, 2 * maxOwn, 7} {
		fmt.Fprintf(&object, "%d:%s\n", i, strings.Repeat("x", length))
	}
	size := int64(object.Len())
	want := scanAll(NewScanner(bytes.NewReader(object.Bytes()), 0, math.MaxInt64, size, 9<<20))
	long := NewLongLines()
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			s := NewScanner(io.MultiReader(bytes.NewReader(object.Bytes()[:i]), bytes.NewReader(object.Bytes()[i:])), 0, math.MaxInt64, size, 9<<20)
			s.Share(t.Context(), long)
			if diff := diffLines(want, scanAll(s)); diff != "" || s.Err() != nil {
				t.Errorf("error %v, lines (-alone +shared):\n%s", s.Err(), diff)
			}
		})
	}
	wg.Wait()
}
