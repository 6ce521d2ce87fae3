package results

import "example.com/gemini-webhook/internal/outcome"

// Codes that this package gives, all other codes come from the line itself.
const (
	CodeBlocked      = "blocked"       // failed: the prompt was refused, there are no candidates
	CodeNoContent    = "no_content"    // failed: a response with nothing to use
	CodeNotJSON      = "not_json"      // invalid: encoding/json would refuse it too
	CodeUnknownShape = "unknown_shape" // invalid: JSON, but no result
	CodeLineTooLong  = "line_too_long" // invalid: not read
)

// Line is what a line says (contract, "Lines"). Strings may share one copy of the
// line: they stay valid, and keep that copy alive. Response and Request are the
// bytes in the line, not re-encoded: sub-slices of what Parse was given, or of a
// repaired copy where that was not UTF-8.
type Line = outcome.Line

// invalid is a line that cannot be used, with a sentence for whoever reads it.
func invalid(code string) Line {
	var message string
	switch code {
	case CodeNotJSON:
		message = "The line is not valid JSON, or nested too deep; read it at source and check what wrote the file."
	case CodeUnknownShape:
		message = "The line is JSON, but no result of a known shape; read it at source."
	case CodeLineTooLong:
		message = "The line is longer than MAX_LINE_BYTES without its texts, too; read it at source or raise the limit."
	}
	return Line{Status: outcome.StatusInvalid, Error: &outcome.Error{Code: code, Message: message}}
}
