package gemini

import (
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"strings"
)

// bytesPerToken is the usual rule of thumb.
const bytesPerToken = 4

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

// resultLine is one line of a result file, or one inlined response.
type resultLine struct {
	Key      json.RawMessage `json:"key,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Response *response       `json:"response,omitempty"`
	Error    *lineError      `json:"error,omitempty"`
}

type response struct {
	Candidates     []candidate     `json:"candidates,omitempty"`
	PromptFeedback *promptFeedback `json:"promptFeedback,omitempty"`
	Usage          usage           `json:"usageMetadata"`
	ModelVersion   string          `json:"modelVersion"`
	ResponseID     string          `json:"responseId"`
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

// maker makes up the results of a batch. As a reader it is the result file, lines in shuffled order, each made only when it
// is read. The content of a line depends on the seed, the batch's number and the line's index alone.
type maker struct {
	opts    Options
	model   string
	items   []item
	random  func(index int) *rand.Rand
	order   []int // indexes not yet read
	pending []byte
	stats   stats
}

func (s *Server) newMaker(b *batch, items []item) *maker {
	return &maker{
		opts: s.opts, model: strings.TrimPrefix(b.model, "models/"), items: items,
		random: func(index int) *rand.Rand { return s.random("line", b.seq<<32|uint64(index)) },
		order:  s.random("order", b.seq).Perm(len(items)),
	}
}

// Read implements io.Reader.
func (m *maker) Read(p []byte) (int, error) {
	if len(m.pending) == 0 {
		if len(m.order) == 0 {
			return 0, io.EOF
		}
		m.pending = append(m.line(m.order[0]), '\n')
		m.order = m.order[1:]
	}
	n := copy(p, m.pending)
	m.pending = m.pending[n:]
	return n, nil
}

// unread reports whether something was left.
func (m *maker) unread() bool { return len(m.order) > 0 || len(m.pending) > 0 }

// line makes and counts one result, without a line end.
func (m *maker) line(index int) []byte {
	it, rng := m.items[index], m.random(index)
	out := resultLine{Key: it.key, Metadata: it.metadata}
	fate := rng.Float64()
	m.stats.total++
	switch {
	case it.broken:
		out.Error = &lineError{3, "The line is not a request.", "INVALID_ARGUMENT"}
	case fate < m.opts.FailedShare:
		out.Error = &lineErrors[rng.IntN(len(lineErrors))]
	default:
		out.Response = m.respond(it, rng, fate < m.opts.FailedShare+m.opts.BlockedShare)
	}
	if out.Error != nil {
		m.stats.failed++
	} else {
		m.stats.succeeded++
	}
	text, err := marshal(out)
	if err != nil { // only a key or metadata that came in as JSON could cause it
		text, _ = marshal(resultLine{Error: &lineErrors[2]})
	}
	return text
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
	text := prose(rng, m.opts.MaxTextBytes)
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

// words are what answers are made of; some need escapes or more than one byte in JSON.
var words = []string{
	"the", "batch", "answer", "is", "about", "forty-two", "and", "so", "on", "in", "short:", "<b>", "a&b", `"quoted"`,
	"café", "数据", "naïve", "🙂", "line\nbreak", "tab\there", "back\\slash", "result", "therefore", "maybe", "yes,", "no.",
}

// prose is a text of at most limit bytes, mostly far shorter: lengths are spread evenly over their logarithms.
func prose(rng *rand.Rand, limit int) string {
	length := int(math.Exp(rng.Float64() * math.Log(float64(max(limit, 1)))))
	var b strings.Builder
	for {
		word := words[rng.IntN(len(words))]
		if b.Len() > 0 {
			word = " " + word
		}
		if b.Len()+len(word) > max(length, 1) {
			break
		}
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
