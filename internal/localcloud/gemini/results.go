package gemini

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/localcloud/model"
	"example.com/gemini-webhook/internal/localcloud/rest"
)

const embeddingSize = 8 // the live models have 768 and more

// lineErrors are what a failed line can carry: google.rpc codes.
var lineErrors = []lineError{
	{8, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"},
	{4, "The request did not finish within its deadline.", "DEADLINE_EXCEEDED"},
	{13, "Internal error encountered.", "INTERNAL"},
	{3, "Unable to process input image.", "INVALID_ARGUMENT"},
}

type lineError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
}

// resultLine is one line of a result file, or one inlined response. The key stands last, as in the live API's files.
type resultLine struct {
	Response any             `json:"response,omitempty"`
	Error    *lineError      `json:"error,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Key      json.RawMessage `json:"key,omitempty"`
}

// embedded is the response of an embeddings batch.
type embedded struct {
	Embedding  embedding `json:"embedding"`
	TokenCount string    `json:"tokenCount"`
}

type embedding struct {
	Values []float32 `json:"values"`
}

// maker makes up the results of a batch, each when it is wanted. What a line says depends on the seed, the batch's number
// and the line's index alone.
type maker struct {
	opts   Options
	form   BatchOptions
	embed  bool
	model  string
	items  []item
	random func(index int) *rand.Rand
}

func (s *Server) newMaker(b *batch) *maker {
	return &maker{
		opts: s.opts, form: b.form, embed: b.embed, model: strings.TrimPrefix(b.model, "models/"), items: b.items,
		random: func(index int) *rand.Rand { return s.random("line", b.seq<<32|uint64(index)) },
	}
}

// fate draws whether a line is an error, and whether its prompt is blocked; rng makes the rest of it.
func (m *maker) fate(index int) (rng *rand.Rand, failed, blocked bool) {
	rng = m.random(index)
	drawn := rng.Float64()
	failed = m.items[index].broken || index < m.form.Failed || drawn < m.opts.FailedShare
	return rng, failed, !failed && drawn < m.opts.FailedShare+m.opts.BlockedShare
}

// count tells without making the lines how they end.
func (m *maker) count() stats {
	out := stats{total: len(m.items)}
	for i := range m.items {
		if _, failed, _ := m.fate(i); failed {
			out.failed++
		}
	}
	out.succeeded = out.total - out.failed
	return out
}

// line makes one result, without a line end.
func (m *maker) line(index int) []byte {
	it := m.items[index]
	rng, failed, blocked := m.fate(index)
	out := resultLine{Key: it.key, Metadata: it.metadata}
	if m.form.NoItemMetadata {
		out.Metadata = nil
	}
	switch {
	case it.broken:
		out.Error = &lineError{3, "The line is not a request.", "INVALID_ARGUMENT"}
	case index < m.form.Failed:
		out.Error = &lineError{m.form.FailedCode, "On purpose.", ""}
	case failed:
		out.Error = &lineErrors[rng.IntN(len(lineErrors))]
	case m.embed:
		values := make([]float32, embeddingSize)
		for i := range values {
			values[i] = 2*rng.Float32() - 1
		}
		out.Response = embedded{embedding{values}, strconv.Itoa(model.Tokens(it.size))}
	default:
		out.Response = model.Respond(rng, model.Request{
			Model: m.model, Bytes: it.size, Blocked: blocked, MaxTextBytes: m.opts.MaxTextBytes, TextBytes: m.form.AnswerBytes,
		})
	}
	text, err := rest.Marshal(out)
	if err != nil { // only a key or metadata that came in as JSON could cause it
		text, _ = rest.Marshal(resultLine{Error: &lineErrors[2]})
	}
	return text
}

// exceeds reports whether all lines together are larger than that.
func (m *maker) exceeds(limit int64) bool {
	for i := 0; i < len(m.items) && limit >= 0; i++ {
		limit -= int64(len(m.line(i)))
	}
	return limit < 0
}

// list writes the lines as a JSON array, in the order of the requests as documented for inlined ones.
func (m *maker) list(w io.Writer) error {
	separator := "["
	for i := range m.items {
		if _, err := w.Write(append([]byte(separator), m.line(i)...)); err != nil {
			return err
		}
		separator = ","
	}
	if len(m.items) == 0 {
		_, err := io.WriteString(w, "[]")
		return err
	}
	_, err := io.WriteString(w, "]")
	return err
}

// resultFile is a result file whose lines, in shuffled order, are made when they are read.
type resultFile struct {
	*maker
	order []int
	ends  []int64 // offset behind the n-th line
}

func (s *Server) newResultFile(b *batch) *resultFile {
	f := &resultFile{maker: s.newMaker(b), order: s.random("order", b.seq).Perm(len(b.items))}
	var size int64
	for _, index := range f.order {
		size += int64(len(f.line(index))) + 1
		f.ends = append(f.ends, size)
	}
	return f
}

func (f *resultFile) size() int64 { return f.ends[len(f.ends)-1] }

// open gives a reader of its own, which remembers one line.
func (f *resultFile) open() io.ReaderAt { return &resultReader{resultFile: f, at: -1} }

type resultReader struct {
	*resultFile
	at   int // which line text is
	text []byte
}

// ReadAt implements io.ReaderAt, for one caller at a time.
func (r *resultReader) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > off })
		if at == len(r.ends) {
			return n, io.EOF
		}
		if at != r.at {
			r.at, r.text = at, append(r.line(r.order[at]), '\n')
		}
		copied := copy(p[n:], r.text[int64(len(r.text))-(r.ends[at]-off):])
		n, off = n+copied, off+int64(copied)
	}
	return n, nil
}
