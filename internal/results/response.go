package results

import (
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// readResponse takes what is published of a GenerateContentResponse. A member
// of an unexpected type is absent. It returns why the prompt was blocked, or "".
func readResponse(l *Line, response lenientjson.Value) (blocked string) {
	var candidates, feedback, usage, version lenientjson.Value
	response.Pick(lenientjson.To("candidates", &candidates), lenientjson.To("promptFeedback", &feedback),
		lenientjson.To("usageMetadata", &usage), lenientjson.To("modelVersion", &version))
	l.ModelVersion = version.Str()
	l.Usage = readUsage(usage)
	if candidate := candidates.First(); candidate.IsObject() {
		readCandidate(l, candidate)
		return ""
	}
	return blockReason(feedback)
}

func readCandidate(l *Line, candidate lenientjson.Value) {
	var content, reason, parts lenientjson.Value
	candidate.Pick(lenientjson.To("content", &content), lenientjson.To("finishReason", &reason))
	content.Pick(lenientjson.To("parts", &parts))
	l.FinishReason = reason.Str()
	if !parts.IsArray() {
		return
	}
	texts := make([]string, 0, 1) // most candidates have one part
	for _, part := range parts.Members {
		var text, thought lenientjson.Value
		part.Pick(lenientjson.To("text", &text), lenientjson.To("thought", &thought))
		if text.IsString() && !thought.IsTrue() {
			texts = append(texts, text.Str())
		}
	}
	l.Text, l.HasText = strings.Join(texts, ""), len(texts) > 0
}

// blockReason is why there are no candidates, with the explanation if there is one.
func blockReason(feedback lenientjson.Value) string {
	var reason, message lenientjson.Value
	feedback.Pick(lenientjson.To("blockReason", &reason), lenientjson.To("blockReasonMessage", &message))
	blocked := reason.Str()
	if explained := message.Str(); blocked != "" && explained != "" {
		blocked += ": " + explained
	}
	return blocked
}

// countNames are what usageMetadata calls the counts of outcome.TokenCounts.
var countNames = [len(outcome.TokenCounts)]string{
	"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount", "totalTokenCount",
}

// readUsage takes the counts that can be read.
func readUsage(metadata lenientjson.Value) (u outcome.Usage) {
	var counts [len(u.Tokens)]lenientjson.Value
	var fields [len(u.Tokens)]lenientjson.Field
	for i := range fields {
		fields[i] = lenientjson.To(countNames[i], &counts[i])
	}
	metadata.Pick(fields[:]...)
	for i, v := range counts {
		u.Tokens[i], u.Has[i] = count(v)
	}
	return u
}

// count reads a token count, which as an int64 of protobuf's JSON may be a
// string. Not by way of a float: counts are exact.
func count(v lenientjson.Value) (int64, bool) {
	digits := v
	if v.IsString() {
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
