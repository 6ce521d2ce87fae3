package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/devserver"
)

// maxFormBytes of a form: the largest body that a receiver can be set to take, 8 MiB,
// with each byte escaped.
const maxFormBytes = 25 << 20

// action does what a form asks for. It gives the page to show then, and a sentence
// about what was done or "".
type action func(r *http.Request) (to, said string, err error)

// errForm: the form has a value that no page of ours has in it.
var errForm = errors.New("the form has a value that is none of those offered")

// act is the handler of a form. Its answer is a redirect, so that loading the page
// again does nothing again.
func (h *Handler) act(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		if !h.guard.mayAct(r) {
			h.fail(w, http.StatusForbidden, "This was not sent by a page of this server, or by one of an earlier start. Load the page again and repeat it.")
			return
		}
		to, said, err := do(r)
		switch {
		case errors.Is(err, devserver.ErrNotFound):
			h.fail(w, http.StatusNotFound, gone)
		case errors.Is(err, errForm):
			h.fail(w, http.StatusBadRequest, sentence(err))
		case err != nil:
			h.fail(w, http.StatusUnprocessableEntity, sentence(err))
		default:
			http.Redirect(w, r, h.notices.with(to, said), http.StatusSeeOther)
		}
	}
}

const gone = "No delivery of that number is kept. The oldest are forgotten first."

func sentence(err error) string { return "It could not be done: " + err.Error() + "." }

func pageOf(seq int64) string { return fmt.Sprintf("/deliveries/%d", seq) }

// back is the page that a form was on: a page of ours, whatever the form says.
func back(r *http.Request) string {
	u, err := url.Parse(r.PostFormValue("back"))
	if err != nil || !ownPage.MatchString(u.Path) {
		return "/"
	}
	values := u.Query()
	values.Del("said")
	return (&url.URL{Path: u.Path, RawQuery: values.Encode()}).String()
}

var ownPage = regexp.MustCompile(`^/(deliveries/[0-9]{1,18})?$`)

func (h *Handler) trigger(r *http.Request) (to, said string, err error) {
	seq, err := h.server.Trigger(r.Context(), devserver.Trigger{Type: r.PostFormValue("type"), Scheme: r.PostFormValue("scheme")})
	return pageOf(seq), "", err
}

func (h *Handler) run(r *http.Request) (to, said string, err error) {
	name, err := h.server.Run(r.Context(), r.PostFormValue("kind"))
	return back(r), "Started " + name + ". Its event comes when it ends.", err
}

func (h *Handler) rotate(r *http.Request) (to, said string, err error) {
	return back(r), "The sender signs with a new secret from now on. The old one is accepted for the overlap.", h.server.Rotate(r.Context())
}

// maxOffset of the clock. A receiver's tolerance is 25 hours at most.
const maxOffset = 48 * time.Hour

func (h *Handler) clock(r *http.Request) (to, said string, err error) {
	offset, err := time.ParseDuration(strings.TrimSpace(r.PostFormValue("offset")))
	if err != nil || offset.Abs() > maxOffset {
		return "", "", fmt.Errorf("%w: the clock's offset is a duration such as -10m or 90s, up to %s either way", errForm, maxOffset)
	}
	h.server.SetClock(offset)
	return back(r), "The sender's clock is " + offsetText(offset) + ".", nil
}

func (h *Handler) fault(r *http.Request) (to, said string, err error) {
	name, on := r.PostFormValue("name"), r.PostFormValue("on")
	if on != "true" && on != "false" {
		return "", "", errForm
	}
	said = fmt.Sprintf("The fault %s is off.", name)
	if on == "true" {
		said = fmt.Sprintf("The fault %s is on.", name)
	}
	return back(r), said, h.server.SetFault(name, on == "true")
}

func (h *Handler) again(r *http.Request) (to, said string, err error) {
	seq, err := h.server.Again(r.Context(), seqOf(r))
	return pageOf(seq), "", err
}

func (h *Handler) edit(r *http.Request) (to, said string, err error) {
	d, ok := h.server.Get(r.Context(), seqOf(r))
	if !ok {
		return "", "", devserver.ErrNotFound
	}
	// Browsers send a field's lines with CRLF, whatever was in it.
	body := bytes.ReplaceAll([]byte(r.PostFormValue("body")), []byte("\r\n"), []byte("\n"))
	if shown, ok := editable(d.Request.Body); ok && shown == string(body) {
		body = d.Request.Body // only the signature is to change
	}
	seq, err := h.server.Edit(r.Context(), d.Seq, body, r.PostFormValue("scheme"))
	return pageOf(seq), "", err
}

// notices are the sentences about what was done last, by number: a page is asked for
// by the number, so nobody's link puts words into it.
type notices struct {
	mu   sync.Mutex
	last int
	said [16]string
}

// with is a page's address with a sentence to be said on it.
func (n *notices) with(to, said string) string {
	if said == "" {
		return to
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	n.said[n.last%len(n.said)] = said
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	return to + separator + "said=" + strconv.Itoa(n.last)
}

// take gives the sentence of a request, once.
func (n *notices) take(r *http.Request) string {
	number, err := strconv.Atoi(r.URL.Query().Get("said"))
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil || number < 1 || number > n.last || number <= n.last-len(n.said) {
		return ""
	}
	said := n.said[number%len(n.said)]
	n.said[number%len(n.said)] = ""
	return said
}
