package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud"
)

// lineKind is what a line of the soak's results is; it follows from the line's
// number alone, so that the ledger needs no copy of the lines.
type lineKind int

const (
	answered lineKind = iota
	failedLine
	blocked
	bare    // a response without a key
	shape   // of no known shape
	notJSON // and so without a key
)

func kindOf(index int) lineKind {
	switch index % 50 {
	case 3, 28:
		return failedLine
	case 11:
		return blocked
	case 17:
		return shape
	case 23:
		return notJSON
	case 29:
		return bare
	default:
		return answered
	}
}

// status is what the line's outcome must say.
func (k lineKind) status() string {
	switch k {
	case answered, bare:
		return "succeeded"
	case failedLine, blocked:
		return "failed"
	default:
		return "invalid"
	}
}

// keyed lines are known by their key, the others by their place.
func (k lineKind) keyed() bool { return k != bare && k != notJSON }

const tokensPerAnswer = 5

// marker is what the text of an answer begins with.
func marker(number, index int) string { return fmt.Sprintf("answer %d-%d ", number, index) }

func lineKey(number, index int) string { return fmt.Sprintf("b%d-%d", number, index) }

// appendLine appends a line without its end.
func appendLine(b []byte, number, index int) []byte {
	const padding = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	key := lineKey(number, index)
	response := func() {
		b = fmt.Appendf(b, `{"candidates":[{"content":{"parts":[{"text":"%s%s"}]},"finishReason":"STOP"}],`+
			`"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":%d}}`,
			marker(number, index), padding[:rand.IntN(len(padding))], tokensPerAnswer)
	}
	switch kindOf(index) {
	case failedLine:
		return fmt.Appendf(b, `{"key":%q,"error":{"code":8,"message":"Resource has been exhausted.","status":"RESOURCE_EXHAUSTED"}}`, key)
	case blocked:
		return fmt.Appendf(b, `{"key":%q,"response":{"promptFeedback":{"blockReason":"SAFETY"}}}`, key)
	case shape:
		return fmt.Appendf(b, `{"key":%q,"neither":"response nor error"}`, key)
	case notJSON:
		return fmt.Appendf(b, `the line %s is not JSON`, key)
	case bare:
		response()
		return b
	default:
		b = fmt.Appendf(b, `{"key":%q,"response":`, key)
		response()
		return append(b, '}')
	}
}

// mostLinesIn bounds the lines that begin in so many bytes: three quarters of
// the soak's lines have over 190.
func mostLinesIn(bytes int64) int { return int(bytes/140) + 50 }

// place is where a line begins, as its outcome says.
type place struct {
	uri    string
	offset int64
}

// form is how a batch's results are stored.
type form int

const (
	oneObject form = iota
	windows        // a byte order mark, CRLF, no end after the last line
	gzipped
	prefixed // several objects, an empty one and one that is none of them
	forms
)

// results are a batch's, ready to be stored.
type results struct {
	pointer string
	objects map[string][]byte // by name
	bytes   int64             // that count
	keyless map[place]int     // the index of lines without a key
}

// resultsOf makes n lines in some form.
func resultsOf(number, n int, f form) results {
	r := results{objects: make(map[string][]byte), keyless: make(map[place]int)}
	uri := func(name string) string { return "gs://" + localcloud.ResultBucket + "/" + name }
	base := fmt.Sprintf("soak/%d", number)
	name := base + ".jsonl"
	switch f {
	case gzipped:
		name += ".gz"
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(r.lines(uri(name), number, 0, n, f))
		_ = w.Close() // a buffer takes everything
		r.objects[name] = b.Bytes()
	case prefixed:
		const parts = 3
		for part := range parts {
			name := fmt.Sprintf("%s/%d.jsonl", base, part)
			r.objects[name] = r.lines(uri(name), number, n*part/parts, n*(part+1)/parts, f)
		}
		name = base + "/"
	default:
		r.objects[name] = r.lines(uri(name), number, 0, n, f)
	}
	for _, data := range r.objects {
		r.bytes += int64(len(data))
	}
	if f == prefixed {
		r.objects[base+"/empty.jsonl"], r.objects[base+"/notes.txt"] = nil, []byte("no results")
	}
	r.pointer = uri(name)
	return r
}

// lines are those from one number up to another, with blank ones in between.
func (r *results) lines(uri string, number, from, to int, f form) []byte {
	var b []byte
	end := "\n"
	if f == windows {
		b, end = append(b, "\ufeff"...), "\r\n"
	}
	for i := from; i < to; i++ {
		if i%40 == 39 {
			b = append(b, strings.Repeat(" ", i%3)+end...)
		}
		if !kindOf(i).keyed() {
			r.keyless[place{uri, int64(len(b))}] = i
		}
		b = appendLine(b, number, i)
		if f != windows || i < to-1 {
			b = append(b, end...)
		}
	}
	return b
}

// countLines is what batch.completed must say of n lines.
func countLines(n int) (t totals, tokens int) {
	for i := range n {
		switch k := kindOf(i); k.status() {
		case "succeeded":
			t.Succeeded++
			tokens += tokensPerAnswer
		case "failed":
			t.Failed++
		default:
			t.Invalid++
		}
		t.Total++
	}
	return t, tokens
}

// The bound holds for the shortest lines that there are.
func TestMostLinesIn(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 50, 1000, 3000} {
		r := resultsOf(0, n, oneObject)
		if most := mostLinesIn(r.bytes); most < n || most > 2*n+50 {
			t.Errorf("%d lines of %d bytes: bound %d", n, r.bytes, most)
		}
	}
}
