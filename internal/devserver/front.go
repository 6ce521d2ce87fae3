package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/verify"
)

const (
	maxBody   = 1 << 20 // of a delivery that is kept; the receiver takes 256 KiB
	maxAnswer = 64 << 10
	bodyTime  = 6 * time.Second // for a body to arrive; the receiver gives it 5
)

// Headers between this package and its front. A request of somebody else that has them
// cannot know the front's word.
const (
	headerSender = "X-Devserver-Sender" // word, sender, delivery that it is of
	headerSeq    = "X-Devserver-Seq"    // of the answer
)

// front stands before the receiver's public door and records what comes.
type front struct {
	records *records
	keys    *keyring
	faults  *faults
	logs    *logs // nil where another receiver is behind it
	next    http.Handler
	word    string
}

// mark says in a request who sends it.
func (f *front) mark(h http.Header, sender string, of int64) {
	h.Set(headerSender, f.word+" "+sender+" "+strconv.FormatInt(of, 10))
}

// sender reads what mark wrote, and takes it off.
func (f *front) sender(h http.Header) (sender string, of int64) {
	fields := strings.Fields(h.Get(headerSender))
	h.Del(headerSender)
	if len(fields) != 3 || fields[0] != f.word {
		return SenderOther, 0
	}
	of, _ = strconv.ParseInt(fields[2], 10, 64) // mark wrote it
	return fields[1], of
}

// ServeHTTP implements http.Handler. Health checks and pushes are no deliveries: they
// are passed on, and not recorded.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	health := (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.URL.Path == "/" || r.URL.Path == "/health")
	if health || strings.HasPrefix(r.URL.Path, "/tasks/") {
		f.next.ServeHTTP(w, r)
		return
	}
	rec := f.record(w, r)
	if rec.fixed.Sender != SenderOther {
		w.Header().Set(headerSeq, strconv.FormatInt(rec.seq, 10))
	}
	writer, start := &answerWriter{ResponseWriter: w}, time.Now()
	defer func() { // also of an answer that breaks off
		f.records.answered(rec, &answer{writer.status, codeOf(writer.status, writer.body.Bytes()), time.Since(start), writer.body.Bytes()})
	}()
	if f.faults.busy.Load() {
		writeBusy(writer)
		return
	}
	if f.logs != nil {
		f.logs.mark(r.Header, rec.seq)
	}
	f.next.ServeHTTP(writer, r)
}

// record reads a request and keeps it. Its body can be read again then.
func (f *front) record(w http.ResponseWriter, r *http.Request) *record {
	rec := &record{method: r.Method, path: r.URL.EscapedPath()}
	sender, of := f.sender(r.Header)
	var head bytes.Buffer
	_ = r.Header.Write(&head) // a buffer takes everything
	rec.header = head.Bytes()
	at := time.Now()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(at.Add(bodyTime)) // a server's writer has it
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	_ = control.SetReadDeadline(time.Time{})
	rest := io.Reader(r.Body)
	if err != nil {
		rest = broken{err}
		rec.note = "the body broke off"
	}
	r.Body = readCloser{io.MultiReader(bytes.NewReader(body), rest), r.Body}
	if len(body) > maxBody {
		body = body[:maxBody]
		rec.note = "the body is longer: " + strconv.Itoa(maxBody) + " bytes are kept"
	}
	rec.body = string(body)
	e := event.New(event.Delivery{}, body)
	rec.fixed = Delivery{
		At: at, WebhookID: clip(r.Header.Get(verify.HeaderID)), Type: strings.Clone(e.Type), ResourceID: clip(e.ResourceID),
		Scheme: schemeOf(r.Header.Get(verify.HeaderSignature)), Path: event.PublicPath(rec.path), Sender: sender, Of: of,
	}
	rec.keys = f.keys.now(r.Context())
	f.records.add(rec)
	return rec
}

type readCloser struct {
	io.Reader
	io.Closer
}

// broken is a body that cannot be read on.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// schemeOf is that of the first entry whose form is known.
func schemeOf(signature string) string {
	for entry := range strings.FieldsSeq(signature) {
		version, _, found := strings.Cut(entry, ",")
		switch {
		case found && (version == SchemeV1 || version == SchemeV1a):
			return version
		case !found && strings.Count(entry, ".") == 2:
			return SchemeJWT
		}
	}
	return ""
}

// answerWriter takes a copy of an answer.
type answerWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.body.Write(p[:min(len(p), maxAnswer-w.body.Len())])
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// codeOf is the one word of an answer, where it has one.
func codeOf(status int, body []byte) string {
	var said struct{ Status, Error string }
	if json.Unmarshal(body, &said) == nil && said.Status+said.Error != "" {
		return clip(said.Status + said.Error)
	}
	if status == http.StatusTooManyRequests {
		return "no_instance"
	}
	return ""
}

// writeBusy answers as Cloud Run does while it has no instance to spare.
func writeBusy(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, "Rate exceeded.")
}

// forward passes requests to another receiver, path and all.
func forward(to *url.URL) http.Handler {
	base := &url.URL{Scheme: to.Scheme, Host: to.Host}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			r.Out.Host = ""
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			code := "receiver_unreachable"
			if errors.Is(err, context.Canceled) || r.Context().Err() != nil {
				code = "sender_gone"
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, `{"error":"`+code+`"}`)
		},
	}
}
