package results

// What a line says about its request, as published (SPEC.md, Outcomes).
const (
	StatusSucceeded = "succeeded"
	StatusFailed    = "failed"
	StatusInvalid   = "invalid"
)

// Codes that this package gives, all other codes come from the line itself.
const (
	CodeBlocked      = "blocked"       // failed: the prompt was refused, there are no candidates
	CodeNotJSON      = "not_json"      // invalid: encoding/json would refuse it too
	CodeUnknownShape = "unknown_shape" // invalid: JSON, but no result
	CodeLineTooLong  = "line_too_long" // invalid: not read
)

// Line is one line of a result file (SPEC.md, Lines). A member without a value
// in the line is empty here; where empty is a value too, a Has flag tells them
// apart. Strings may share one copy of the line: they stay valid, and keep that
// copy alive.
type Line struct {
	Key    string // a key that is no string is its JSON text
	HasKey bool

	Status string // StatusSucceeded, StatusFailed or StatusInvalid

	Text         string // parts of the first candidate, joined, without thoughts
	HasText      bool   // the candidate has at least one text part, which may be empty
	FinishReason string // of the first candidate
	ModelVersion string
	Usage        *Usage // nil where the response has no readable count

	// Error is nil for a succeeded line, and for a failed one whose error says
	// nothing at all.
	Error *Error

	// Response and Request are the bytes in the line, not re-encoded, nil if
	// absent. They are sub-slices of what Parse was given, or of a repaired copy
	// where that was not UTF-8.
	Response, Request []byte
}

// Usage holds token counts. A count that is absent or unreadable (negative, a
// fraction, beyond int64) is 0 with its Has flag unset. Sums can overflow: the
// counts are whatever the line says.
type Usage struct {
	PromptTokens, CandidatesTokens, ThoughtsTokens, TotalTokens             int64
	HasPromptTokens, HasCandidatesTokens, HasThoughtsTokens, HasTotalTokens bool
}

// Error is why a line failed or is invalid. Numbers are their JSON text, an
// empty string is absent.
type Error struct {
	Code, Message, Status string
}

// invalid is a line that cannot be used, with a sentence for whoever reads it.
func invalid(code string) Line {
	var message string
	switch code {
	case CodeNotJSON:
		message = "The line is not valid JSON; read it at source and check what wrote the file."
	case CodeUnknownShape:
		message = "The line is JSON but holds no response object, candidates, error or status; read it at source."
	case CodeLineTooLong:
		message = "The line is longer than MAX_LINE_BYTES and was skipped; read it at source or raise the limit."
	}
	return Line{Status: StatusInvalid, Error: &Error{Code: code, Message: message}}
}
