package results

import (
	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// response are the members that are read of a response, whichever it is: Gemini's,
// Vertex AI's of embeddings, or that of the OpenAI-compatible endpoint.
type response struct {
	candidates, feedback                    lenientjson.Value
	usage, version, tokens                  lenientjson.Value
	embedding, embeddings, predictions      lenientjson.Value
	choices, data, statusCode, body, failed lenientjson.Value
	nested                                  lenientjson.Value

	cuts cuts
}

func pickResponse(v lenientjson.Value, cut cuts) response {
	r := response{cuts: cut}
	for name, member := range v.Fields {
		switch string(name) {
		case "candidates":
			r.candidates = member
		case "usageMetadata", "usage_metadata", "usage":
			r.usage = member
		case "modelVersion", "model_version", "model":
			r.version = member
		case "promptFeedback", "prompt_feedback":
			r.feedback = member
		case "error":
			r.failed = member
		case "response":
			r.nested = member
		default:
			r.pickOther(string(name), member)
		}
	}
	return r
}

// pickOther picks the members of what is no GenerateContentResponse.
func (r *response) pickOther(name string, member lenientjson.Value) {
	switch name {
	case "embedding":
		r.embedding = member
	case "embeddings":
		r.embeddings = member
	case "predictions":
		r.predictions = member
	case "tokenCount", "token_count":
		r.tokens = member
	case "choices":
		r.choices = member
	case "data":
		r.data = member
	case "status_code", "statusCode":
		r.statusCode = member
	case "body":
		r.body = member
	}
}

// readResponse takes what is published of a response. A member of an unexpected
// type is absent. It reports why there is nothing in it to use, if that is so.
func readResponse(l *Line, v lenientjson.Value, cut cuts) (reason outcome.Error, failed bool) {
	r := pickResponse(v, cut)
	if !r.isGemini() && r.nested.IsObject() {
		outer := r.failed
		if r = pickResponse(r.nested, cut); !r.failed.Present() {
			r.failed = outer
		}
	}
	if !r.isGemini() && (r.body.Present() || r.statusCode.Present()) {
		return readHTTP(l, r.statusCode, r.body, cut)
	}
	return r.read(l)
}

// isGemini reports whether it has what Gemini's own responses have.
func (r *response) isGemini() bool {
	return r.candidates.Present() || r.feedback.Present() || r.embedding.Present() || r.embeddings.Present() || r.predictions.Present()
}

func (r *response) read(l *Line) (reason outcome.Error, failed bool) {
	l.ModelVersion = r.version.Str()
	l.Usage = r.readUsage()
	reason = outcome.Error{Code: CodeNoContent}
	var found bool
	switch candidate, choice := r.candidates.First(), r.choices.First(); {
	case candidate.IsObject():
		found, reason.Message = r.readCandidate(l, candidate)
	case choice.IsObject():
		found, reason.Message = r.readChoice(l, choice)
	default:
		found = r.embedded()
		if blocked, message := blockReason(r.feedback); blocked != "" {
			found, reason = false, outcome.Error{Code: CodeBlocked, Message: message, Status: blocked}
		}
	}
	if failure, failed := readError(r.failed); failed {
		return failure, true
	}
	if reason.Code == CodeNoContent {
		reason.Status = l.FinishReason
	}
	if reason.Message == "" {
		reason.Message = "The response has no content that could be used; its finish reason, where it has one, says why."
	}
	return reason, !found
}

// readCandidate reads the first candidate. It reports whether there is something
// in it to use, and what the model says about the end.
func (r *response) readCandidate(l *Line, candidate lenientjson.Value) (found bool, message string) {
	var content, reason lenientjson.Value
	for name, member := range candidate.Fields {
		switch string(name) {
		case "content":
			content = member
		case "finishReason", "finish_reason":
			reason = member
		case "finishMessage", "finish_message":
			message = member.Str()
		}
	}
	l.FinishReason = reason.Str()
	parts := content.Get("parts")
	if !parts.IsArray() {
		return false, message
	}
	texts := make([]lenientjson.Value, 0, 1) // most candidates have one part
	for _, part := range parts.Members {
		p := pickPart(part)
		if p.thought {
			continue
		}
		found = found || p.other
		if p.text.IsString() {
			texts = append(texts, p.text)
			found = found || string(p.text) != `""` || l.FinishReason == "STOP"
		}
	}
	r.setText(l, texts)
	return found, message
}

func (r *response) setText(l *Line, texts []lenientjson.Value) {
	l.HasText = len(texts) > 0
	l.Text, l.TextCut = r.cuts.join(texts)
}

// part is one of a candidate's.
type part struct {
	text    lenientjson.Value
	thought bool
	other   bool // it has something besides text: a picture, a call, …
}

func pickPart(v lenientjson.Value) (p part) {
	for name, member := range v.Fields {
		switch string(name) {
		case "text":
			p.text = member
		case "thought":
			p.thought = member.IsTrue()
		case "thoughtSignature", "thought_signature", "partMetadata", "part_metadata",
			"videoMetadata", "video_metadata", "mediaResolution", "media_resolution":
			// About what else there is.
		default:
			p.other = p.other || member.Present()
		}
	}
	return p
}

// blockReason is why there are no candidates, and that with the explanation if
// there is one.
func blockReason(feedback lenientjson.Value) (reason, message string) {
	var explained string
	for name, member := range feedback.Fields {
		switch string(name) {
		case "blockReason", "block_reason":
			reason = member.Str()
		case "blockReasonMessage", "block_reason_message":
			explained = member.Str()
		}
	}
	if explained == "" {
		return reason, reason
	}
	return reason, reason + ": " + explained
}
