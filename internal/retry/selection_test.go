package retry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome"
)

// world is a batch, as its job's input and its results tell of it, and what of it is
// to be sent again.
type world struct {
	codes   []string
	objects [][]string // lines of results
	inline  bool
	input   []string
	want    []string // requests, by the number that is in each
	err     error
}

const answer = `"response":{"candidates":[{"content":{"parts":[{"text":"yes"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3}}`

// run runs a Selection over the world.
func (w *world) run(t testing.TB, ends string, size bool) (sent []string, s *Selection, err error) {
	t.Helper()
	var to bytes.Buffer
	s = NewSelection(w.codes, &to)
	length := func(text string) int64 {
		if size {
			return int64(len(text))
		}
		return -1
	}
	objects := make([]string, len(w.objects))
	for i, lines := range w.objects {
		objects[i] = strings.Join(lines, ends)
		if err := s.Results(strings.NewReader(objects[i]), fmt.Sprint("gs://b/", i), length(objects[i]), w.inline); err != nil {
			t.Fatal(err)
		}
	}
	if s.NeedsInput() {
		text := strings.Join(w.input, ends)
		if err := s.Input(strings.NewReader(text), length(text)); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Finish(func() error {
		for i := range objects {
			if err := s.Explain(strings.NewReader(objects[i]), length(objects[i]), w.inline); err != nil {
				return err
			}
		}
		return nil
	})
	if text := strings.TrimSuffix(to.String(), "\n"); err == nil && text != "" {
		sent = strings.Split(text, "\n")
	}
	return sent, s, err
}

// TestRequestsOfFailedLines: by each way that a line's request is found.
func TestRequestsOfFailedLines(t *testing.T) {
	t.Parallel()
	const (
		ok     = `{"key":"ok",` + answer + `}`
		failed = `{"key":"a","error":{"code":429,"message":"quota"}}`
		input  = `{"key":"ok","request":{"contents":["ok"]}}`
	)
	for name, test := range map[string]struct {
		world
		sent string
	}{
		"by key": {world{objects: [][]string{{ok, failed}}, input: []string{`{"request":{"contents":[1]},"key":"a","mine":2}`, input}},
			`{"request":{"contents":[1]},"key":"a","mine":2}`},
		"by a key that is a number": {world{objects: [][]string{{`{"key":7,"error":{"code":1}}`}}, input: []string{`{"key":7,"request":{}}`}}, `{"key":7,"request":{}}`},
		"by the key in the metadata of an inline request": {world{inline: true, objects: [][]string{{`{"error":{"code":4},"metadata":{"key":"a"},"index":1}`}},
			input: []string{input, `{"request":{},"metadata":{"key":"a","mine":1}}`}}, `{"key":"a","request":{},"metadata":{"key":"a","mine":1}}`},
		"by index": {world{inline: true, objects: [][]string{{`{` + answer + `,"index":0}`, `{"error":{"code":4},"index":1}`}}, input: []string{`{"request":{"contents":[0]}}`, `{"request":{"contents":[1]}}`}},
			`{"key":"1","request":{"contents":[1]}}`},
		"of a failed inline embedding": {world{inline: true, objects: [][]string{{`{"error":{"code":4},"index":0}`}}, input: []string{`{}`}}, `{"key":"0"}`},
		"its own": {world{objects: [][]string{{`{"status":"{\"code\":429}","processed_time":"2026","request":{"contents":[1],"labels":{"id":"x"}},"response":{},"mine" : [1, 2]}`,
			`{"status":"","request":{"contents":[2]},` + answer + `}`}}}, `{"request":{"contents":[1],"labels":{"id":"x"}},"mine":[1, 2]}`},
		"its own, with a key": {world{objects: [][]string{{`{"key":"k","request":{"contents":[1]},"error":{"code":13}}`}}}, `{"key":"k","request":{"contents":[1]}}`},
		"its own instance":    {world{objects: [][]string{{`{"instance":{"content":"x"},"predictions":[],"status":"Internal error"}`}}}, `{"content":"x"}`},
		"blocked":             {world{objects: [][]string{{`{"key":"a","response":{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":5}}}`}}, input: []string{`{"key":"a","request":{}}`}}, `{"key":"a","request":{}}`},
		"a line that is no JSON": {world{objects: [][]string{{failed}}, input: []string{`{"key":"a","request":{`, input}},
			`{"key":"a","request":{`},
		"a key that failed in two lines":  {world{objects: [][]string{{failed}, {failed}}, input: []string{`{"key":"a","request":{}}`}}, `{"key":"a","request":{}}`},
		"an index that is somebody's own": {world{objects: [][]string{{`{"error":{"code":4},"index":0}`}}, input: []string{input}}, ``},
		"of one code": {world{codes: []string{"503", "429"}, objects: [][]string{{failed, `{"key":"b","error":{"code":13}}`}}, input: []string{`{"key":"b","request":{}}`, `{"key":"a","request":{}}`}},
			`{"key":"a","request":{}}`},
		"without a code": {world{codes: []string{NoCode}, objects: [][]string{{failed, `{"key":"b","error":{}}`}}, input: []string{`{"key":"b","request":{}}`, `{"key":"a","request":{}}`}},
			`{"key":"b","request":{}}`},
		"of a key that also succeeded": {world{objects: [][]string{{failed, `{"key":"a",` + answer + `}`}}, input: []string{`{"key":"a","request":{}}`}}, ``},
		"none":                         {world{objects: [][]string{{ok, "", "42", `{"foo":1}`}}}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent, _, err := test.run(t, "\n", true)
			if got := strings.Join(sent, "\n"); got != test.sent || err != nil {
				t.Errorf("sent %s, %v, want %s", got, err, test.sent)
			}
		})
	}
}

func TestWhatCannotBeRetried(t *testing.T) {
	t.Parallel()
	const failed = `{"key":"a","error":{"code":429}}`
	for name, test := range map[string]struct {
		world
		want  error
		names string
	}{
		"a key that stands twice in the input": {world{objects: [][]string{{failed, `{"key":"a",` + answer + `}`}, {`{"key":"b","error":{}}`}},
			input: []string{`{"key":"a","request":{}}`, `{"key":"b","request":{}}`, `{"key":"a","request":{}}`, `{"key":"a","request":{}}`}}, ErrAmbiguous, `1 .*: "a"$`},
		"keys that are not in the input": {world{objects: [][]string{{failed, `{"key":"c","error":{}}`, `{"key":"d","error":{}}`, `{"key":"e","error":{}}`},
			{`{"key":"f","error":{}}`, `{"key":"g","error":{}}`, `{"key":"h","error":{}}`}}, input: []string{`{"key":"d","request":{}}`}}, ErrMissing, `6 .*: "a", "c", "e", "f", "g", …$`},
		"an index beyond the input": {world{inline: true, objects: [][]string{{`{"error":{"code":4},"index":3}`}}, input: []string{`{"request":{}}`}}, ErrMissing, `: "request 3"$`},
		"requests of the OpenAI-compatible endpoint": {world{objects: [][]string{{`{"custom_id":"a","response":{"status_code":500,"body":{}}}`}},
			input: []string{`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{}}`}}, ErrOpenAI, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := test.run(t, "\n", true)
			if !errors.Is(err, test.want) || !regexp.MustCompile(test.names).MatchString(fmt.Sprint(err)) {
				t.Errorf("got %v, want %v with %s", err, test.want, test.names)
			}
		})
	}
}

// TestReport counts what a dry run shows.
func TestReport(t *testing.T) {
	t.Parallel()
	w := world{codes: []string{"429", "blocked"}, objects: [][]string{{
		`{"key":"a","error":{"code":429}}`, `{"key":"b",` + answer + `}`, `{"key":"c","response":{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":5}}}`,
		`{"error":{"code":429}}`, `{"key":"d","error":{}}`, `{"foo":1}`, `{`, `{"key":"e","error":{"code":429}}`, `{"key":"e",` + answer + `}`,
	}}, input: []string{`{"key":"a","request":{"content":{"parts":[]}}}`, `{"key":"c","request":{}}`}}
	_, s, err := w.run(t, "\r\n", true)
	want := Report{
		Succeeded: 2, Failed: 5, Invalid: 2, Codes: outcome.Names{"429": 3, "blocked": 1, NoCode: 1},
		Chosen: 4, ChosenCodes: outcome.Names{"429": 3, "blocked": 1}, PromptTokens: 5, TokenLines: 1, Nameless: 1, Answered: 1, Requests: 2,
	}
	if diff := cmp.Diff(want, s.Report()); diff != "" || err != nil || !s.Embeddings() {
		t.Errorf("%v, embeddings %v (-want +got):\n%s", err, s.Embeddings(), diff)
	}
}

// random makes a batch of which any lines failed, in any of the shapes.
func random(rng *rand.Rand) *world {
	w := &world{inline: rng.IntN(3) == 0}
	n, objects := rng.IntN(40), 1+rng.IntN(3)
	w.objects = make([][]string, objects)
	codes := []string{"429", "503", "4"}
	if rng.IntN(2) == 0 {
		w.codes = codes[:1+rng.IntN(2)]
	}
	put := func(line string) {
		o := rng.IntN(objects)
		if w.inline {
			o = 0
		}
		w.objects[o] = append(w.objects[o], line)
		for rng.IntN(6) == 0 {
			w.objects[o] = append(w.objects[o], []string{"", "  ", "{", `"noise"`}[rng.IntN(4)])
		}
	}
	for i := range n {
		key, code := fmt.Sprintf("key %d é", i), codes[rng.IntN(len(codes))]
		failed := rng.IntN(2) == 0
		said := answer
		if failed {
			said = `"error":{"code":` + code + `}`
		}
		request := fmt.Sprintf(`"request":{"contents":[{"parts":[{"text":"number <%d>"}]}]}`, i)
		number := fmt.Sprintf("<%d>", i)
		switch shape := rng.IntN(3); {
		case w.inline && shape == 0:
			w.input = append(w.input, `{`+request+`}`)
			put(fmt.Sprintf(`{%s,"index":%d}`, said, i))
		case w.inline:
			w.input = append(w.input, fmt.Sprintf(`{%s,"metadata":{"key":%q}}`, request, key))
			put(fmt.Sprintf(`{%s,"metadata":{"key":%q},"index":%d}`, said, key, i))
		case shape == 0: // Vertex AI's, which has its request
			w.input = append(w.input, `{`+request+`}`)
			if failed {
				said = `"response":{},"status":"{\"code\":` + code + `}"`
			}
			put(fmt.Sprintf(`{%s,%s,"processed_time":"now"}`, request, said))
		default:
			w.input = append(w.input, fmt.Sprintf(`{"key":%q,%s}`, key, request))
			put(fmt.Sprintf(`{%s,"key":%q}`, said, key))
			switch rng.IntN(12) {
			case 0: // the line comes twice
				put(fmt.Sprintf(`{%s,"key":%q}`, said, key))
			case 1: // the request does, and nobody can say which of them failed
				w.input = append(w.input, fmt.Sprintf(`{"key":%q,%s}`, key, request))
				if failed && (w.codes == nil || slices.Contains(w.codes, code)) {
					w.err = ErrAmbiguous
				}
			case 2: // another line of the same key succeeded
				put(fmt.Sprintf(`{%s,"key":%q}`, answer, key))
				failed = false
			}
		}
		if failed && (w.codes == nil || slices.Contains(w.codes, code)) {
			w.want = append(w.want, number)
		}
	}
	return w
}

// TestExactlyTheFailedRequests: whatever lines failed, in whatever shape and order, the
// requests that are written are theirs, each once, and none of a line that succeeded;
// and their digest is that of the set.
func TestExactlyTheFailedRequests(t *testing.T) {
	t.Parallel()
	check := func(seed uint64) bool {
		rng := rand.New(rand.NewPCG(seed, 0))
		w := random(rng)
		sent, s, err := w.run(t, []string{"\n", "\r\n", "\n\n", "\r\n \n"}[rng.IntN(4)], rng.IntN(2) == 0)
		if w.err != nil {
			if !errors.Is(err, w.err) {
				t.Errorf("seed %d: %v, want %v", seed, err, w.err)
			}
			return errors.Is(err, w.err)
		}
		var numbers []string
		for _, line := range sent {
			var in struct{ Request json.RawMessage }
			if json.Unmarshal([]byte(line), &in) != nil || in.Request == nil || strings.Contains(line, "processed_time") {
				t.Errorf("seed %d: %s is no request", seed, line)
				return false
			}
			numbers = append(numbers, line[strings.Index(line, "<"):strings.Index(line, ">")+1])
		}
		slices.Sort(numbers)
		slices.Sort(w.want)
		if diff := cmp.Diff(w.want, numbers); diff != "" || err != nil || s.Report().Requests != int64(len(sent)) {
			t.Errorf("seed %d: %v, %d counted (-want +sent):\n%s", seed, err, s.Report().Requests, diff)
			return false
		}
		return w.sameDigest(t, rng, s.Digest(), len(sent))
	}
	for seed := range uint64(300) {
		check(seed)
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 300}); err != nil {
		t.Error(err)
	}
}

// sameDigest reports whether the digest does not depend on the order of the input, and
// is another one where less is retried.
func (w *world) sameDigest(t testing.TB, rng *rand.Rand, digest string, sent int) bool {
	if !w.inline {
		rng.Shuffle(len(w.input), func(i, k int) { w.input[i], w.input[k] = w.input[k], w.input[i] })
	}
	_, again, _ := w.run(t, "\n\n", true)
	w.codes = []string{"of no line"}
	_, none, _ := w.run(t, "\n", true)
	return (again.Digest() == digest || len(again.places) > 0) && (none.Digest() == digest) == (sent == 0)
}

// TestMemoryIsBounded: what is held of 50 MiB of results and as much input is no more
// than their longest lines, and 16 bytes for each.
func TestMemoryIsBounded(t *testing.T) {
	const lines, size = 500, 100 << 10
	filler := strings.Repeat("x", size)
	of := func(format string) io.Reader {
		readers := make([]io.Reader, lines)
		for i := range readers {
			readers[i] = &lazy{func() string { return fmt.Sprintf(format, i, filler) }, nil}
		}
		return io.MultiReader(readers...)
	}
	sent := &counter{}
	s := NewSelection(nil, sent)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	err := s.Results(of(`{"key":"%d","error":{"code":4,"message":"%s"}}`+"\n"), "r", -1, false)
	err = errors.Join(err, s.Input(of(`{"key":"%d","request":{"contents":["%s"]}}`+"\n"), -1), s.Finish(nil))
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 4<<20 || err != nil || sent.n < lines*size {
		t.Errorf("%v, %d bytes are held, %d sent", err, held, sent.n)
	}
	runtime.KeepAlive(s)
}

type lazy struct {
	make func() string
	text io.Reader
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.text == nil {
		l.text = strings.NewReader(l.make())
	}
	n, err := l.text.Read(p)
	if err == io.EOF {
		l.text = strings.NewReader("")
	}
	return n, err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }
