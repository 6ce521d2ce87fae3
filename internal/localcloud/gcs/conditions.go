package gcs

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
)

// conditions are a generation to pin and the preconditions of one request;
// nil and 0 are absent.
type conditions struct {
	generation              int64
	genMatch, genNotMatch   *int64
	metaMatch, metaNotMatch *int64
}

// parseConditions reads them through get, which looks up a parameter of the
// JSON API (or its header in the XML API).
func parseConditions(get func(name string) string) (conditions, error) {
	var c conditions
	for name, field := range map[string]**int64{
		"ifGenerationMatch": &c.genMatch, "ifGenerationNotMatch": &c.genNotMatch,
		"ifMetagenerationMatch": &c.metaMatch, "ifMetagenerationNotMatch": &c.metaNotMatch,
	} {
		if text := get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return c, badRequest("%s: want a number", name)
			}
			*field = &n
		}
	}
	if text := get("generation"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return c, badRequest("generation: want a positive number")
		}
		c.generation = n
	}
	return c, nil
}

// xmlConditions maps the JSON API's names to the XML API's, which has no
// Not-Match conditions.
func xmlConditions(r *http.Request) func(string) string {
	headers := map[string]string{
		"ifGenerationMatch":     "X-Goog-If-Generation-Match",
		"ifMetagenerationMatch": "X-Goog-If-Metageneration-Match",
	}
	return func(name string) string {
		if h := headers[name]; h != "" {
			return r.Header.Get(h)
		}
		return r.URL.Query().Get(name)
	}
}

// check compares with o, nil where there is no live object. A Not-Match that
// fails answers notMatch: 304 for a read, 412 for a write.
func (c conditions) check(o *object, notMatch int) error {
	var generation, metageneration int64
	if o != nil {
		generation, metageneration = o.generation, 1
	}
	if c.genMatch != nil && *c.genMatch != generation || c.metaMatch != nil && *c.metaMatch != metageneration {
		return errCondition(http.StatusPreconditionFailed)
	}
	if c.genNotMatch != nil && *c.genNotMatch == generation || c.metaNotMatch != nil && *c.metaNotMatch == metageneration {
		return errCondition(notMatch)
	}
	return nil
}

func errCondition(code int) error {
	return &apiError{code: code, reason: "conditionNotMet", xml: "PreconditionFailed",
		message: "At least one of the pre-conditions you specified did not hold."}
}

// apiError is an answer that is not a success.
type apiError struct {
	code    int
	reason  string // of the JSON API
	xml     string // code of the XML API; from the status where empty
	message string
	header  http.Header
}

// Error implements error.
func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.code, e.reason, e.message) }

func badRequest(format string, args ...any) error {
	return &apiError{code: http.StatusBadRequest, reason: "invalid", xml: "InvalidArgument", message: fmt.Sprintf(format, args...)}
}

// injected is the error answer of a Fault with that status.
func injected(code int) *apiError {
	reasons := map[int]string{
		401: "required", 403: "forbidden", 404: "notFound", 408: "requestTimeout",
		412: "conditionNotMet", 429: "rateLimitExceeded", 500: "internalError",
	}
	reason := reasons[code]
	if reason == "" {
		reason = "backendError"
	}
	return &apiError{code: code, reason: reason, message: "fault on purpose: " + http.StatusText(code)}
}

// form is which of the service's three error bodies a request gets.
type form int

const (
	formJSON  form = iota
	formXML        // XML API
	formPlain      // media reads by the JSON API
)

func (e *apiError) answer(f form) answer {
	a := answer{status: e.code, header: e.header.Clone()}
	if a.header == nil {
		a.header = http.Header{}
	}
	if e.code == http.StatusNotModified {
		return a
	}
	switch f {
	case formXML:
		a.header.Set("Content-Type", "application/xml; charset=UTF-8")
		body, _ := xml.Marshal(struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: e.xmlCode(), Message: e.message}) // strings always marshal
		a.setBody(append([]byte("<?xml version='1.0' encoding='UTF-8'?>"), body...))
	case formPlain:
		a.header.Set("Content-Type", "text/html; charset=UTF-8")
		a.setBody([]byte(e.message))
	default:
		detail := map[string]any{"message": e.message, "domain": "global", "reason": e.reason}
		body, _ := json.Marshal(map[string]any{"error": map[string]any{ // strings and numbers always marshal
			"code": e.code, "message": e.message, "errors": []any{detail},
		}})
		a.header.Set("Content-Type", "application/json; charset=UTF-8")
		a.setBody(body)
	}
	return a
}

func (e *apiError) xmlCode() string {
	if e.xml != "" {
		return e.xml
	}
	codes := map[int]string{
		400: "InvalidArgument", 401: "AuthenticationRequired", 403: "AccessDenied", 404: "NoSuchKey",
		412: "PreconditionFailed", 416: "InvalidRange", 429: "SlowDown", 503: "ServiceUnavailable",
	}
	if code := codes[e.code]; code != "" {
		return code
	}
	return "InternalError"
}
