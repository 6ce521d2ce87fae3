package geminiapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"google.golang.org/genai/interactions/models/apierrors"

	"example.com/gemini-webhook/internal/webhookadmin"
)

// describeWebhook turns an error of the SDK into one that can be shown. It never
// quotes an answer: that of a create or a rotation is the new secret, in whatever
// form it comes, and Google's texts have been seen to name the API key. It tells
// the status, and which of the words that are listed here the answer has.
func describeWebhook(err error, what string) error {
	api, ok := errors.AsType[*apierrors.APIError](err)
	if !ok {
		if withURL, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("%s: no answer from Gemini: %w", what, unquoted(withURL.Err))
		}
		return fmt.Errorf("%s: the answer of Gemini cannot be read", what)
	}
	text := fmt.Sprintf("status %d%s", api.StatusCode, told(api.Body))
	switch api.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w (%s)", what, webhookadmin.ErrWebhookNotFound, text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: %w, check the API key and its project (%s)", what, webhookadmin.ErrRefused, text)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w: %w (%s)", what, webhookadmin.ErrRefused, webhookadmin.ErrThrottled, text)
	case http.StatusRequestTimeout, http.StatusConflict, statusClientClosed:
		return fmt.Errorf("%s: %s", what, text) // perhaps done
	}
	if api.StatusCode/100 == 4 {
		return fmt.Errorf("%s: %w (%s)", what, webhookadmin.ErrRefused, text)
	}
	return fmt.Errorf("%s: %s", what, text)
}

const (
	statusClientClosed = 499      // CANCELLED in Google's HTTP mapping
	maxErrorBytes      = 64 << 10 // of an answer that is looked through; Google's errors are about 1 KiB
)

// tellable are the words of an answer that an error may have: Google's codes, reasons
// of theirs that somebody can do something about, and the fields of a webhook.
var tellable = []string{
	"INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND",
	"ALREADY_EXISTS", "ABORTED", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED",
	"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED",
	"SERVICE_DISABLED", "BILLING_DISABLED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "RATE_LIMIT_EXCEEDED",
	"subscribed_events", "uri", "state", "update_mask", "revocation_behavior",
}

var word = regexp.MustCompile(`[A-Za-z_]+`)

// told lists the tellable words of an answer, with a colon before them.
func told(body string) string {
	there := map[string]bool{}
	for _, w := range word.FindAllString(body[:min(len(body), maxErrorBytes)], -1) {
		there[w] = true
	}
	var found []string
	for _, w := range tellable {
		if there[w] {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return ": " + strings.Join(found, ", ")
}

// unquoted passes on what went wrong before there was an answer. net/http quotes
// an answer that it cannot read.
func unquoted(err error) error {
	_, network := errors.AsType[*net.OpError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && !network && !errors.Is(err, context.DeadlineExceeded) {
		return errNoAnswer // of net/http's own types
	}
	ours := errors.Is(err, errRedirects) || errors.Is(err, errPlainHTTP)
	if ours || network || certificate || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errUnreadable
}

var (
	errUnreadable = errors.New("what came is no HTTP")
	errNoAnswer   = errors.New("no answer in time")
)
