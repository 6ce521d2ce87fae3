package outcome

// What a line says about its request.
const (
	StatusSucceeded = "succeeded"
	StatusFailed    = "failed"
	StatusInvalid   = "invalid"
)

// Line is what one line of a batch's results says. A member without a value in
// the line is empty here; where empty is a value too, a Has flag tells them
// apart.
type Line struct {
	Key    string
	HasKey bool

	Index    int64 // of an inline result: its request's place, from 0
	HasIndex bool

	Status string // StatusSucceeded, StatusFailed or StatusInvalid

	Text         string // parts of the first candidate, joined, without thoughts
	HasText      bool   // the candidate has at least one text part, which may be empty
	FinishReason string // of the first candidate
	ModelVersion string
	Usage        Usage

	// Error is nil for a succeeded line, and for a failed one whose error says
	// nothing at all.
	Error *Error

	Response, Request []byte // one JSON value each, passed on byte for byte; empty where there is none

	// Extra is an object of the line's other members, verbatim; empty where there are
	// none, or too much.
	Extra        []byte
	ExtraOmitted bool // Extra was too long

	// Of a line that was too long to be kept whole:
	ResponseOmitted bool // Response and Request, where it has any
	TextCut         bool // Text is its beginning
}

// TokenCounts are the counts of tokens that are published, in their order. This
// is the one list of them: what reads, adds, stores and publishes tokens goes
// through it.
var TokenCounts = [...]string{
	"prompt_tokens", "candidates_tokens", "thoughts_tokens", "cached_tokens", "tool_use_tokens", "total_tokens",
}

// Indices of TokenCounts that mean more than a number beside others.
const (
	cachedTokens = 3 // these are in prompt_tokens already
	totalTokens  = 5
)

// Tokens are numbers of tokens, one for each of TokenCounts.
type Tokens [len(TokenCounts)]int64

func (t *Tokens) append(b []byte) []byte {
	for i, n := range t {
		b = appendInt(b, TokenCounts[i], n)
	}
	return b
}

// Usage is what one result says of its tokens: the numbers that it has, and 0 for
// the others.
type Usage struct {
	Tokens Tokens
	Has    [len(TokenCounts)]bool
}

func (u *Usage) append(b []byte) []byte {
	for i, n := range u.Tokens {
		if u.Has[i] {
			b = appendInt(b, TokenCounts[i], n)
		}
	}
	return b
}
