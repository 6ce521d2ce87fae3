package results

import (
	"bytes"
	"io"
	"math"
	"runtime"
	"strings"
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

// Of a line of any length no more is in memory than about twice the limit: what
// was read when it was found too long, and what is kept of it.
func TestMemoryOfAHugeLine(t *testing.T) {
	const size, maxLine = 32 << 20, 4 << 20
	for name, test := range map[string]struct{ start, pattern, end, want string }{
		"a text":            {`{"response":{"candidates":[{"content":{"parts":[{"text":"`, "x", `"}]}}]},"key":"k"}`, `succeeded key=k text= response=omitted text=cut`},
		"texts":             {`{"response":{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"x":["`, strings.Repeat("x", 90_000) + `","`, `"]},"key":"k"}`, `succeeded key=k text= response=omitted`},
		"a text in a text":  {`{"key":"k","response":"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"`, `\u00e9`, `\"}]}}]}"}`, `succeeded key=k text= response=omitted text=cut`},
		"structure":         {`{"key":"a","x":[`, `"",`, `0],"key":"k"}`, `invalid key=k code=line_too_long`},
		"structure, number": {`{"key":1,"x":[`, "0,", `0]}`, `invalid key=1 code=line_too_long`},
		"words":             {"", "x", "", `invalid code=line_too_long`},
		"white space":       {"", " ", "", ""},
	} {
		before := heap()
		g := &generated{left: size / int64(len(test.pattern)) * int64(len(test.pattern)), pattern: []byte(strings.Repeat(test.pattern, 1<<20/len(test.pattern)+1))}
		length := int64(len(test.start)+len(test.end)) + g.left
		g.pattern = g.pattern[:len(g.pattern)/len(test.pattern)*len(test.pattern)]
		s := NewScanner(io.MultiReader(strings.NewReader("a\n"+test.start), g, strings.NewReader(test.end+"\r\nb")), 0, math.MaxInt64, length+5, maxLine)
		if !s.Scan() || string(s.Line().Data) != "a" {
			t.Fatalf("first line %q, %v", s.Line().Data, s.Err())
		}
		if test.want != "" {
			if !s.Scan() || s.Line().Offset != 2 || s.Line().Length != length {
				t.Fatalf("%s: line at %d, %d bytes, error %v", name, s.Line().Offset, s.Line().Length, s.Err())
			}
			line := s.Line().Parse()
			if line.Text = ""; tell(line) != test.want {
				t.Errorf("%s: %s, want %s", name, tell(line), test.want)
			}
		}
		if !s.Scan() || string(s.Line().Data) != "b" || s.Scan() || s.Err() != nil {
			t.Errorf("%s: last line %q, %v", name, s.Line().Data, s.Err())
		}
		if grown := int64(g.worst) - int64(before); grown > 2*maxLine+2<<20 {
			t.Errorf("%s: memory grew by %d KiB, want at most twice the limit of a line and 2 MiB", name, grown>>10)
		}
	}
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
