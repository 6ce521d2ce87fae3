// Package model makes up what a model answers, in the shape of generateContent. It has no state: what it says follows from
// the random numbers that it is given.
package model

import (
	"math"
	"math/rand/v2"
	"strings"
)

const bytesPerToken = 4 // the usual rule of thumb

// Tokens is how many tokens a text of so many bytes has, one at least.
func Tokens(bytes int) int { return 1 + bytes/bytesPerToken }

// Request is what an answer depends on beside chance.
type Request struct {
	Model        string // as modelVersion says it
	Bytes        int    // its size, for its token count
	Blocked      bool   // its prompt is refused
	MaxTextBytes int    // bounds the text; most are far shorter
	TextBytes    int    // where not 0, how long the text is, whatever MaxTextBytes says
}

// Response is one answer.
type Response struct {
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

// Respond makes up an answer.
func Respond(rng *rand.Rand, r Request) *Response {
	out := &Response{ModelVersion: r.Model, ResponseID: ResponseID(rng), Usage: usage{Prompt: Tokens(r.Bytes)}}
	out.Usage.Total = out.Usage.Prompt
	if r.Blocked {
		out.PromptFeedback = &promptFeedback{BlockReason: []string{"SAFETY", "PROHIBITED_CONTENT", "OTHER"}[rng.IntN(3)]}
		return out
	}
	var parts []part
	if rng.IntN(3) == 0 {
		thought := prose(rng, r.MaxTextBytes/2)
		parts = append(parts, part{Text: thought, Thought: true})
		out.Usage.Thoughts = Tokens(len(thought))
	}
	text := Text(rng, r.MaxTextBytes, r.TextBytes)
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
	out.Usage.Candidates = Tokens(len(text))
	out.Usage.Total += out.Usage.Candidates + out.Usage.Thoughts
	return out
}

// vocabulary is what answers are made of; some need escapes or more than one byte in JSON.
var vocabulary = []string{
	"the", "batch", "answer", "is", "about", "forty-two", "and", "so", "on", "in", "short:", "<b>", "a&b", `"quoted"`,
	"café", "数据", "naïve", "🙂", "line\nbreak", "tab\there", "back\\slash", "result", "therefore", "maybe", "yes,", "no.",
}

// Text is prose up to a limit, or of a size where one is wanted.
func Text(rng *rand.Rand, limit, size int) string {
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

// ResponseID is 22 characters of base64url, as Gemini's are.
func ResponseID(rng *rand.Rand) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	id := make([]byte, 22)
	for i := range id {
		id[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(id)
}
