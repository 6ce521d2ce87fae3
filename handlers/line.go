package handlers

import (
	"strconv"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/progress"
	"example.com/gemini-webhook/internal/results"
)

func parse(raw results.RawLine) results.Line {
	if raw.TooLong {
		return results.TooLong(raw.Prefix)
	}
	return results.Parse(raw.Data)
}

// count is what one line adds to the batch's totals.
func count(line results.Line) progress.Counts {
	c := progress.Counts{Total: 1}
	switch line.Status {
	case results.StatusSucceeded:
		c.Succeeded = 1
	case results.StatusFailed:
		c.Failed = 1
	default:
		c.Invalid = 1
	}
	if u := line.Usage; u != nil {
		c.PromptTokens, c.CandidatesTokens = u.PromptTokens, u.CandidatesTokens
		c.ThoughtsTokens, c.TotalTokens = u.ThoughtsTokens, u.TotalTokens
	}
	return c
}

// sourceOf is an object as the source of its lines.
func sourceOf(o progress.Object) outcome.Source {
	return outcome.Source{URI: o.URI(), Generation: generation(o), Encoding: o.Encoding}
}

// resultOf maps a line of a source to its outcome.
func resultOf(source outcome.Source, raw results.RawLine, line results.Line) outcome.Result {
	source.Offset, source.Length = raw.Offset, raw.Length
	r := outcome.Result{
		Source:       source,
		Status:       line.Status,
		FinishReason: line.FinishReason,
		ModelVersion: line.ModelVersion,
		Response:     line.Response,
		Request:      line.Request,
	}
	if line.HasKey {
		r.Key = &line.Key
	}
	if line.HasText {
		r.Text = &line.Text
	}
	if u := line.Usage; u != nil {
		r.Usage = &outcome.Usage{
			Prompt:     present(&u.PromptTokens, u.HasPromptTokens),
			Candidates: present(&u.CandidatesTokens, u.HasCandidatesTokens),
			Thoughts:   present(&u.ThoughtsTokens, u.HasThoughtsTokens),
			Total:      present(&u.TotalTokens, u.HasTotalTokens),
		}
	}
	if line.Error != nil {
		r.Error = &outcome.Error{Code: line.Error.Code, Message: line.Error.Message, Status: line.Error.Status}
	}
	return r
}

func present(n *int64, has bool) *int64 {
	if !has {
		return nil
	}
	return n
}

func generation(o progress.Object) string {
	if o.Generation == 0 {
		return ""
	}
	return strconv.FormatInt(o.Generation, 10)
}
