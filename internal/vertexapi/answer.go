package vertexapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/reconcile"
)

// maxAnswer bounds a page: a job with everything it was made with takes some 2 kB.
const maxAnswer = 16 << 20

var (
	errLongAnswer = fmt.Errorf("an answer of over %d bytes", maxAnswer)
	errAnswer     = errors.New("no answer that can be read, or no token for the service account")
)

// slim passes on of a page what is read here. The SDK takes an answer apart with types
// that are stricter than the API: one job whose error has details, and the whole page
// cannot be read.
type slim struct {
	http.RoundTripper
	readable func([]byte) ([]byte, error)
}

// RoundTrip implements http.RoundTripper.
func (s slim) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, errLongAnswer
	case resp.StatusCode == http.StatusOK:
		if body, err = s.readable(body); err != nil {
			return nil, err
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// job is what is passed on of a job.
type job struct {
	Name        string `json:"name,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Model       string `json:"model,omitempty"`
	State       string `json:"state,omitempty"`
	CreateTime  string `json:"createTime,omitempty"`
	UpdateTime  string `json:"updateTime,omitempty"`
	EndTime     string `json:"endTime,omitempty"`
	Error       *struct {
		Code    int32  `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	} `json:"error,omitempty"`
	OutputInfo *struct {
		Directory string `json:"gcsOutputDirectory,omitempty"`
		Table     string `json:"bigqueryOutputTable,omitempty"`
	} `json:"outputInfo,omitempty"`
	OutputConfig *struct {
		Destination struct {
			URI string `json:"outputUri,omitempty"`
		} `json:"bigqueryDestination,omitzero"`
	} `json:"outputConfig,omitempty"`
	Stats *struct {
		Successful string `json:"successfulCount,omitempty"`
		Failed     string `json:"failedCount,omitempty"`
		Incomplete string `json:"incompleteCount,omitempty"`
	} `json:"completionStats,omitempty"`
}

// readable leaves out of a page what is not read.
func readable(body []byte) ([]byte, error) {
	var page struct {
		Jobs []job  `json:"batchPredictionJobs,omitempty"`
		Next string `json:"nextPageToken,omitempty"`
	}
	if json.Unmarshal(body, &page) != nil {
		return nil, errAnswer
	}
	return json.Marshal(page)
}

// statusWord is one of Google's, such as PERMISSION_DENIED.
var statusWord = regexp.MustCompile(`^[A-Z_]{2,40}$`)

// describe turns an error of the SDK into one that can be shown: it never quotes an
// answer, and nothing of what gets tokens.
func describe(err error) error {
	var withCode genai.APIError
	if errors.As(err, &withCode) {
		text := fmt.Sprintf("status %d", withCode.Code)
		if statusWord.MatchString(withCode.Status) {
			text += " " + withCode.Status
		}
		switch code := withCode.Code; {
		case code == http.StatusUnauthorized, code == http.StatusForbidden:
			return fmt.Errorf("%s: enable aiplatform.googleapis.com and grant the function's service account roles/aiplatform.viewer: %w", text, reconcile.ErrLasting)
		case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code/100 != 4:
			return errors.New(text)
		}
		return fmt.Errorf("%s: check VERTEX_LOCATIONS and GOOGLE_CLOUD_PROJECT: %w", text, reconcile.ErrLasting)
	}
	network, connection := errors.AsType[*net.OpError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case connection:
		return network
	case certificate:
		return errors.New("the certificate of Vertex AI is not good")
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, errLongAnswer):
		return errLongAnswer
	}
	return errAnswer
}
