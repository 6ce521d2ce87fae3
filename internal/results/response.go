package results

import (
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/outcome"
)

// readResponse takes what is published of a GenerateContentResponse. A member
// of an unexpected type is absent. It returns why the prompt was blocked, or "".
func readResponse(l *Line, response value) (blocked string) {
	var candidates, feedback, usage, version value
	response.pick(field{"candidates", &candidates}, field{"promptFeedback", &feedback},
		field{"usageMetadata", &usage}, field{"modelVersion", &version})
	l.ModelVersion = version.str()
	l.Usage = readUsage(usage)
	if candidate := candidates.first(); candidate.isObject() {
		readCandidate(l, candidate)
		return ""
	}
	return blockReason(feedback)
}

func readCandidate(l *Line, candidate value) {
	var content, reason, parts value
	candidate.pick(field{"content", &content}, field{"finishReason", &reason})
	content.pick(field{"parts", &parts})
	l.FinishReason = reason.str()
	if !parts.isArray() {
		return
	}
	texts := make([]string, 0, 1) // most candidates have one part
	for _, part := range parts.members {
		var text, thought value
		part.pick(field{"text", &text}, field{"thought", &thought})
		if text.isString() && !thought.isTrue() {
			texts = append(texts, text.str())
		}
	}
	l.Text, l.HasText = strings.Join(texts, ""), len(texts) > 0
}

// blockReason is why there are no candidates, with the explanation if there is one.
func blockReason(feedback value) string {
	var reason, message value
	feedback.pick(field{"blockReason", &reason}, field{"blockReasonMessage", &message})
	blocked := reason.str()
	if explained := message.str(); blocked != "" && explained != "" {
		blocked += ": " + explained
	}
	return blocked
}

// readUsage takes the counts that can be read.
func readUsage(metadata value) (u outcome.Usage) {
	if !metadata.isObject() {
		return u
	}
	for name, member := range metadata.members {
		for i := range outcome.TokenCounts {
			if name.is(outcome.TokenCounts[i].Gemini) {
				u.Tokens[i], u.Has[i] = count(member)
				break
			}
		}
	}
	return u
}

// count reads a token count, which as an int64 of protobuf's JSON may be a
// string. Not by way of a float: counts are exact.
func count(v value) (int64, bool) {
	digits := v
	if v.isString() {
		digits = v[1 : len(v)-1]
	}
	if len(digits) == 0 {
		return 0, false // most often; the parser's error would be allocated
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}
