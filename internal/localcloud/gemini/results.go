package gemini

import (
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
)

const (
	bytesPerToken = 4 // the usual rule of thumb
	embeddingSize = 8 // the live models have 768 and more
)

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

type response struct {
	Candidates     []candidate     `json:"candidates,omitempty"`
	PromptFeedback *promptFeedback `json:"promptFeedback,omitempty"`
	Usage          usage           `json:"usageMetadata"`
	ModelVersion   string          `json:"modelVersion"`
	ResponseID     string          `json:"responseId"`
}

// embedded is the response of an embeddings batch.
type embedded struct {
	Embedding  embedding `json:"embedding"`
	TokenCount string    `json:"tokenCount"`
}

type embedding struct {
	Values []float32 `json:"values"`
}

type candidate struct {
	Content      content `json:"content"`
	FinishReason string  `json:"finishReason"`
	Index        int     `json:"index"`
}

type content struct {
	Parts []part `json:"parts"`
	Role  string `json:"role"`
}

type part struct {
	Text    string `json:"text"`
	Thought bool   `json:"thought,omitempty"`
}

type promptFeedback struct {
	BlockReason string `json:"blockReason"`
}

type usage struct {
	Prompt     int `json:"promptTokenCount"`
	Candidates int `json:"candidatesTokenCount,omitempty"`
	Total      int `json:"totalTokenCount"`
	Thoughts   int `json:"thoughtsTokenCount,omitempty"`
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
	failed = m.items[index].broken || drawn < m.opts.FailedShare
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
	case failed:
		out.Error = &lineErrors[rng.IntN(len(lineErrors))]
	case m.embed:
		values := make([]float32, embeddingSize)
		for i := range values {
			values[i] = 2*rng.Float32() - 1
		}
		out.Response = embedded{embedding{values}, strconv.Itoa(1 + it.size/bytesPerToken)}
	default:
		out.Response = m.respond(it, rng, blocked)
	}
	text, err := marshal(out)
	if err != nil { // only a key or metadata that came in as JSON could cause it
		text, _ = marshal(resultLine{Error: &lineErrors[2]})
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

func (m *maker) respond(it item, rng *rand.Rand, blocked bool) *response {
	out := &response{ModelVersion: m.model, ResponseID: responseID(rng), Usage: usage{Prompt: 1 + it.size/bytesPerToken}}
	out.Usage.Total = out.Usage.Prompt
	if blocked {
		out.PromptFeedback = &promptFeedback{BlockReason: []string{"SAFETY", "PROHIBITED_CONTENT", "OTHER"}[rng.IntN(3)]}
		return out
	}
	var parts []part
	if rng.IntN(3) == 0 {
		thought := prose(rng, m.opts.MaxTextBytes/2)
		parts = append(parts, part{Text: thought, Thought: true})
		out.Usage.Thoughts = 1 + len(thought)/bytesPerToken
	}
	text := answer(rng, m.opts.MaxTextBytes, m.form.AnswerBytes)
	if cut := strings.LastIndexByte(text, ' '); cut > 0 && rng.IntN(4) == 0 { // some answers come in two parts
		parts = append(parts, part{Text: text[:cut]}, part{Text: text[cut:]})
	} else {
		parts = append(parts, part{Text: text})
	}
	reason := "STOP"
	if rng.IntN(50) == 0 {
		reason = "MAX_TOKENS"
	}
	out.Candidates = []candidate{{Content: content{Parts: parts, Role: "model"}, FinishReason: reason}}
	out.Usage.Candidates = 1 + len(text)/bytesPerToken
	out.Usage.Total += out.Usage.Candidates + out.Usage.Thoughts
	return out
}

// vocabulary is what answers are made of; some need escapes or more than one byte in JSON.
var vocabulary = []string{
	"the", "batch", "answer", "is", "about", "forty-two", "and", "so", "on", "in", "short:", "<b>", "a&b", `"quoted"`,
	"café", "数据", "naïve", "🙂", "line\nbreak", "tab\there", "back\\slash", "result", "therefore", "maybe", "yes,", "no.",
}

// answer is prose up to a limit, or of a size where one is wanted.
func answer(rng *rand.Rand, limit, size int) string {
	if size > 0 {
		return words(rng, size)
	}
	return prose(rng, limit)
}

// prose is a text of at most limit bytes, mostly far shorter: lengths are spread evenly over their logarithms.
func prose(rng *rand.Rand, limit int) string {
	return words(rng, int(math.Exp(rng.Float64()*math.Log(float64(max(limit, 1))))))
}

// words is a text of nearly length bytes.
func words(rng *rand.Rand, length int) string {
	var b strings.Builder
	b.Grow(length)
	for {
		word, space := vocabulary[rng.IntN(len(vocabulary))], min(b.Len(), 1)
		if b.Len()+space+len(word) > max(length, 1) {
			break
		}
		b.WriteString(" "[:space])
		b.WriteString(word)
	}
	if b.Len() == 0 {
		return "4"
	}
	return b.String()
}

// responseID is 22 characters of base64url, as Gemini's are.
func responseID(rng *rand.Rand) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	id := make([]byte, 22)
	for i := range id {
		id[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(id)
}
