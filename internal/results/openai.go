package results

import (
	"strings"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// readHTTP reads a response of the OpenAI-compatible endpoint, which is an HTTP
// status and a body. It reports why there is nothing in it to use, as readResponse.
func readHTTP(l *Line, statusCode, body lenientjson.Value, cut cuts) (reason outcome.Error, failed bool) {
	if body.IsArray() { // as the endpoint writes errors
		body = body.First()
	}
	r := pickResponse(body, cut)
	reason, failed = r.read(l)
	code, _ := count(statusCode)
	if code < 400 || failed && reason.Code != CodeNoContent && reason.Code != CodeBlocked {
		return reason, failed
	}
	return outcome.Error{Code: statusCode.StrOrNumber(), Message: body.Str()}, true
}

// readChoice reads the first choice of a chat completion, as readCandidate.
func (r *response) readChoice(l *Line, choice lenientjson.Value) (found bool, message string) {
	answer := choice.Get("message")
	l.FinishReason = choice.Get("finish_reason").Str()
	var content lenientjson.Value
	for name, member := range answer.Fields {
		switch string(name) {
		case "content":
			content = member
		case "refusal":
			message = member.Str()
		case "tool_calls", "function_call", "audio":
			found = found || member.Present() && !member.IsEmpty()
		}
	}
	var texts []lenientjson.Value
	if content.IsString() {
		texts = append(texts, content)
	} else if content.IsArray() {
		for _, part := range content.Members {
			if text := part.Get("text"); text.IsString() {
				texts = append(texts, text)
			}
		}
	}
	r.setText(l, texts)
	found = found || l.Text != "" || l.HasText && strings.EqualFold(l.FinishReason, "stop")
	return found, message
}
