package results

import (
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// Places in outcome.TokenCounts.
const (
	promptTokens = iota
	candidatesTokens
	thoughtsTokens
	cachedTokens
	toolUseTokens
	totalTokens
)

// readUsage takes the counts that can be read.
func (r *response) readUsage() (u outcome.Usage) {
	set := func(i int, v lenientjson.Value) { u.Tokens[i], u.Has[i] = count(v) }
	tokens := r.tokens
	for name, v := range r.usage.Fields {
		switch string(name) {
		case "promptTokenCount", "prompt_token_count", "promptTokens", "prompt_tokens":
			set(promptTokens, v)
		case "candidatesTokenCount", "candidates_token_count", "completionTokens", "completion_tokens":
			set(candidatesTokens, v)
		case "thoughtsTokenCount", "thoughts_token_count":
			set(thoughtsTokens, v)
		case "cachedContentTokenCount", "cached_content_token_count":
			set(cachedTokens, v)
		case "toolUsePromptTokenCount", "tool_use_prompt_token_count":
			set(toolUseTokens, v)
		case "totalTokenCount", "total_token_count", "totalTokens", "total_tokens":
			set(totalTokens, v)
		case "tokenCount", "token_count":
			tokens = v
		}
	}
	// Embeddings have one count, of the prompt, which is all that there is.
	if n, ok := count(tokens); ok {
		for _, i := range []int{promptTokens, totalTokens} {
			if !u.Has[i] {
				u.Tokens[i], u.Has[i] = n, true
			}
		}
	}
	if n, ok := r.embeddingTokens(); ok && !u.Has[promptTokens] {
		u.Tokens[promptTokens], u.Has[promptTokens] = n, true
	}
	return u
}

// count reads a token count, written as 8, "8", 8.0 or 1e1. Not by way of a
// float: counts are exact.
func count(v lenientjson.Value) (int64, bool) {
	if v.IsString() {
		v = v[1 : len(v)-1]
	}
	if !v.IsNumber() {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	switch {
	case err != nil:
		return whole(string(v))
	case n < 0:
		return 0, false
	}
	return n, true
}

// whole reads a decimal with a fraction or an exponent, if its value is a whole
// number from 0 to the largest int64.
func whole(text string) (int64, bool) {
	mantissa, power := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil {
			return 0, false
		}
		mantissa, power = text[:i], min(max(n, -1<<20), 1<<20)
	}
	integer, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(integer+fraction, "0")
	power -= len(fraction)
	significant := strings.TrimRight(digits, "0")
	power += len(digits) - len(significant)
	if significant == "" {
		return 0, true
	}
	if power < 0 || power+len(significant) > 19 {
		return 0, false
	}
	n, err := strconv.ParseUint(significant+strings.Repeat("0", power), 10, 63)
	if err != nil {
		return 0, false
	}
	return int64(n), true
}
