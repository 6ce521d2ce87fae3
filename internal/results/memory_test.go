package results

import (
	"bytes"
	"io"
	"math"
	"runtime"
	"sync"
	"testing"

	"example.com/gemini-webhook/internal/outcome"
)

// generated is an object of any size that is never in memory.
type generated struct {
	left    int64
	pattern []byte
	at      int
	worst   uint64 // HeapAlloc, looked at every 8 MiB
	looked  int64
}

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	if g.looked-g.left >= 8<<20 || g.looked == 0 {
		g.looked = g.left
		g.worst = max(g.worst, heap())
	}
	n := copy(p[:min(int64(len(p)), g.left)], g.pattern[g.at:])
	g.at = (g.at + n) % len(g.pattern)
	g.left -= int64(n)
	return n, nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Not parallel, any of these: they look at the memory of the process.

func TestMemoryDoesNotGrowWithTheObject(t *testing.T) {
	const size = 256 << 20
	line := append(commonLine(), '\n')
	before := heap()
	g := &generated{left: size, pattern: line}
	s := NewScanner(g, 0, math.MaxInt64, size, 16<<20)
	var lines, length int64
	for s.Scan() {
		lines++
		length += s.Line().Length + 1
	}
	if s.Err() != nil || length != size+1 || s.Pos() != size {
		t.Errorf("%d lines of %d bytes, position %d, error %v, want %d bytes", lines, length, s.Pos(), s.Err(), size)
	}
	if grown := int64(g.worst) - int64(before); grown > 1<<20 {
		t.Errorf("memory grew by %d bytes, want at most 1 MiB", grown)
	}
}

func TestHugeLineIsSkippedInBoundedMemory(t *testing.T) {
	const size, maxLine = 100 << 20, 4 << 20
	for name, pattern := range map[string]string{"text": "x", "white space": " "} {
		before := heap()
		g := &generated{left: size, pattern: bytes.Repeat([]byte(pattern), 1<<20)}
		object := io.MultiReader(bytes.NewReader([]byte("a\n")), g, bytes.NewReader([]byte("\r\nb")))
		s := NewScanner(object, 0, math.MaxInt64, size+5, maxLine)
		var got []RawLine
		for s.Scan() {
			line := s.Line()
			if line.TooLong && len(line.Prefix) != maxPrefix {
				t.Errorf("a prefix of %d bytes, want %d", len(line.Prefix), maxPrefix)
			}
			line.Data, line.Prefix = nil, nil
			got = append(got, line)
		}
		want := []RawLine{{Offset: 0, Length: 1}, {Offset: 2, Length: size, TooLong: true}, {Offset: size + 4, Length: 1}}
		if name == "white space" {
			want = append(want[:1], want[2])
		}
		if diff := diffLines(want, got); diff != "" || s.Err() != nil {
			t.Errorf("%s: error %v, lines (-want +got):\n%s", name, s.Err(), diff)
		}
		if grown := int64(g.worst) - int64(before); grown > maxOwn+maxLine+2<<20 {
			t.Errorf("%s: memory grew by %d bytes, want at most the limit of a line and 6 MiB", name, grown)
		}
	}
}

// A large buffer is given back while common lines follow.
func TestMemoryAfterAHugeLine(t *testing.T) {
	const huge, rest = 16 << 20, 160 << 20
	before := heap()
	g := &generated{left: rest, pattern: append(commonLine(), '\n')}
	start := &generated{left: huge, pattern: bytes.Repeat([]byte("x"), 1<<20)}
	s := NewScanner(io.MultiReader(start, bytes.NewReader([]byte("\n")), g), 0, math.MaxInt64, huge+1+rest, huge)
	if !s.Scan() || len(s.Line().Data) != huge {
		t.Fatalf("first line is %d bytes, error %v", s.Line().Length, s.Err())
	}
	for s.Scan() {
	}
	if grown := int64(heap()) - int64(before); s.Err() != nil || grown > maxOwn+1<<20 {
		t.Errorf("error %v, %d bytes still held, want less than 5 MiB", s.Err(), grown)
	}
	runtime.KeepAlive(s)
}

// A long line is not copied but for what is read from it.
func TestLongLineIsNotCopied(t *testing.T) {
	image := bytes.Repeat([]byte("QUJD"), 16<<18)
	line := append(append([]byte(`{"key":"k","response":{"candidates":[{"content":{"parts":[{"inlineData":{"data":"`), image...), `"}}]}}]}}`...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := Parse(line)
	runtime.ReadMemStats(&after)
	if got.Status != outcome.StatusSucceeded || len(got.Response) < len(image) {
		t.Errorf("status %s, a response of %d bytes", got.Status, len(got.Response))
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d MiB allocated for a line of %d", n>>20, len(line)>>20)
	}
}

// Many Scanners that share have one long line at a time in memory.
func TestMemoryOfManyLongLines(t *testing.T) {
	const scanners, huge = 8, 16 << 20
	line := append(bytes.Repeat([]byte("x"), huge), '\n')
	before := heap()
	long := NewLongLines()
	var objects [scanners]*generated
	var all sync.WaitGroup
	for i := range objects {
		g := &generated{left: 2 * int64(len(line)), pattern: line}
		objects[i] = g
		all.Go(func() {
			s := NewScanner(g, 0, math.MaxInt64, g.left, huge)
			s.Share(t.Context(), long)
			for s.Scan() {
				if len(s.Line().Data) != huge {
					t.Errorf("a line of %d bytes", len(s.Line().Data))
				}
			}
			if s.Err() != nil || s.Pos() != 2*int64(len(line)) {
				t.Errorf("stopped at %d: %v", s.Pos(), s.Err())
			}
		})
	}
	all.Wait()
	for _, g := range objects {
		// One line, and what the collector has not taken yet of those before it.
		if grown := int64(g.worst) - int64(before); grown > scanners*maxOwn+3*huge {
			t.Errorf("memory grew by %d MiB, want at most what each has and three long lines", grown>>20)
		}
	}
}
