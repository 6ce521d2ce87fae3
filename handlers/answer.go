package handlers

import (
	"errors"
	"net/http"

	"example.com/gemini-webhook/verify"
)

// answer writes the answer that the contract names for err.
func (rc *Receiver) answer(w http.ResponseWriter, err error) {
	switch status := statusOf(err); status {
	case http.StatusOK:
		answer(w, status, "status", "accepted")
	case http.StatusServiceUnavailable:
		Unavailable(w)
	default:
		answer(w, status, "error", codeOf(err))
	}
}

// codeOf names an error: the stable code of its answer, or, where that is the
// same for several, what an operator tells them apart by.
func codeOf(err error) string {
	switch code := verify.Code(err); {
	case code != "":
		return code
	case errors.Is(err, errURITooLong):
		return "uri_too_long"
	case errors.Is(err, errBodyTooLarge):
		return "body_too_large"
	case errors.Is(err, errBodyLate):
		return "body_timeout"
	case errors.Is(err, errBodyBroken):
		return "bad_body"
	case errors.Is(err, errBodyBudget):
		return "body_budget"
	default:
		return "queue_unavailable"
	}
}

func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, verify.ErrMissingHeader), errors.Is(err, verify.ErrBadHeader):
		return http.StatusBadRequest
	case errors.Is(err, verify.ErrTimestampOutOfRange): // whatever the body was
		return http.StatusUnauthorized
	case errors.Is(err, errURITooLong):
		return http.StatusRequestURITooLong
	case errors.Is(err, errBodyTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errBodyLate):
		return http.StatusRequestTimeout
	case errors.Is(err, errBodyBroken):
		return http.StatusBadRequest
	case errors.Is(err, verify.ErrUnavailable), verify.Code(err) == "":
		return http.StatusServiceUnavailable
	default:
		return http.StatusUnauthorized
	}
}
