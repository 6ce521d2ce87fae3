package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// kind is what a call's error comes to.
type kind int

const (
	missing kind = iota // what was asked for is not there
	denied              // whoever asks may not
	unknown             // anything else: an outage, a timeout
)

func kindOf(err error) kind {
	code := status.Code(err)
	api, _ := errors.AsType[*googleapi.Error](err)
	switch {
	case errors.Is(err, secret.ErrNotFound), errors.Is(err, storage.ErrBucketNotExist),
		code == codes.NotFound, api != nil && api.Code == http.StatusNotFound:
		return missing
	case errors.Is(err, secret.ErrDenied), code == codes.PermissionDenied, code == codes.Unimplemented, // an emulator
		api != nil && (api.Code == http.StatusForbidden || api.Code == http.StatusNotImplemented):
		return denied
	}
	return unknown
}

// trouble reports a call that failed: what was asked for is missing, the
// permission to ask is, or there was no answer. It returns whether err is one.
func (f *finding) trouble(err error, what, permission, make string) bool {
	if err == nil {
		return false
	}
	switch kindOf(err) {
	case missing:
		f.fail(make, "%s does not exist", what)
	case denied:
		f.warn(fmt.Sprintf("to have it checked, grant whoever runs this %s on %s", permission, what),
			"could not check %s: %s is denied", what, permission)
	default:
		f.noAnswer(err, what)
	}
	return true
}

func (f *finding) noAnswer(err error, what string) {
	if errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded {
		f.fail("check the network and the credentials, and run it again", "could not check %s: no answer within %v", what, checkTimeout)
		return
	}
	do := "run it again"
	if errors.Is(err, webhookadmin.ErrRefused) {
		do = "give an API key of the project that the webhook is registered in"
	} else if code := status.Code(err); code == codes.Unauthenticated {
		do = "log in: gcloud auth application-default login"
	}
	f.fail(do, "could not check %s: %s", what, oneLine(err))
}

// oneLine is an error on one line; Google's have several.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
