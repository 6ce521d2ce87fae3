package handlers

import (
	"net/http"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// noteRepeat is of a delivery that is accepted and not queued a second time.
const noteRepeat = "queued before"

// log writes the one line of a delivery, but for refusals and repeats beyond a
// limit.
func (rc *Receiver) log(r *http.Request, res result, took time.Duration) {
	ctx := r.Context()
	var code string
	if res.err != nil {
		code = codeOf(res.err)
	}
	if kind := code + res.note; kind != "" { // strangers can have this again and again
		if !rc.refusals.admitOrCount(ctx, rc.Log, "more deliveries were refused or repeated than logged; the numbers are of this instance in about a minute", kind, rc.Now()) {
			return
		}
	}
	attrs := []any{
		"event_id", res.headers.ID,
		"path", loggedPath(r),
		"mode", res.proof.Mode,
		"scheme", res.proof.Scheme,
		"signer", res.proof.Signer,
		"bytes", res.bytes,
		"duration_ms", took.Milliseconds(),
	}
	if res.note != "" {
		attrs = append(attrs, "note", res.note)
	}
	if res.err == nil {
		rc.Log.InfoContext(ctx, "delivery accepted", attrs...)
		return
	}
	attrs = append(attrs, "code", code, "error", res.err.Error())
	if statusOf(res.err) == http.StatusServiceUnavailable {
		rc.Log.ErrorContext(ctx, "delivery not accepted now; Gemini delivers it again", attrs...)
		return
	}
	rc.Log.WarnContext(ctx, "delivery refused", attrs...)
}

// maxLoggedPath is how much of a path is in a line: what lines cost is not for
// strangers to decide.
const maxLoggedPath = 1 << 10

// loggedPath is the path as it may be in a line. Redacting costs more than
// refusing: it is asked for when there is a line to write.
func loggedPath(r *http.Request) string {
	if len(r.RequestURI) > maxURIBytes {
		return ""
	}
	path := event.LoggedPath(r.URL.EscapedPath())
	if len(path) <= maxLoggedPath {
		return path
	}
	return path[:maxLoggedPath] + "…" // escaped, so one byte is one character
}
