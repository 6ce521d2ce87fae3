package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/devserver"
)

// one is a delivery as its page shows it.
type one struct {
	devserver.Detail
	Newer, Older int64 // the deliveries beside it; 0: none
	Headers      []field
	Tokens       []token
	Body         content
	Answered     content
	Edit         string // the body in the form
	Editable     bool
	Then         *comparison // with the delivery that it repeats
	Lost         bool        // that one is no longer kept
	Work         work
}

// field is a header.
type field struct{ Name, Value string }

// token is a JWT of the signature header, decoded; its signature is left out.
type token struct{ Header, Payload string }

// content is a body, as far as the page shows it.
type content struct {
	Text  string // set out anew, if it is JSON
	Raw   string // as it came, if that is not Text
	Cut   bool
	Bytes int
}

// maxShown of a body or an outcome's data, in bytes; all of a body is at its own
// address.
const maxShown = 64 << 10

func contentOf(body []byte) content {
	c := content{Text: string(body), Bytes: len(body)}
	if c.Cut = len(body) > maxShown; c.Cut {
		c.Text = clip(c.Text, maxShown)
	} else if pretty, ok := indent(body); ok {
		c.Text, c.Raw = pretty, c.Text
	}
	return c
}

// indent sets JSON out in lines; its values stay as they are written.
func indent(text []byte) (string, bool) {
	var b bytes.Buffer
	if json.Indent(&b, bytes.TrimSpace(text), "", "  ") != nil {
		return "", false
	}
	return b.String(), true
}

// maxEdited of a body, in bytes: what a receiver takes unless it is set otherwise.
const maxEdited = 256 << 10

// editable is a body as a form can have it; false where it is too long for one, or
// would come back changed.
func editable(body []byte) (string, bool) {
	if len(body) > maxEdited {
		return "", false
	}
	text, ok := indent(body)
	if !ok {
		text = string(body)
	}
	return text, utf8.ValidString(text) && !strings.ContainsAny(text, "\x00\r")
}

func (h *Handler) delivery(w http.ResponseWriter, r *http.Request) {
	d, ok := h.server.Get(r.Context(), seqOf(r))
	if !ok {
		h.fail(w, http.StatusNotFound, gone)
		return
	}
	v := h.view(r, d)
	v.Newer, v.Older = h.beside(d.Seq)
	h.show(w, http.StatusOK, page{
		Title: fmt.Sprintf("#%d %s", d.Seq, visible(clip(d.Type, 100))), Back: pageOf(d.Seq),
		Stream: addressOf("/events", url.Values{"seq": {strconv.FormatInt(d.Seq, 10)}}),
		Said:   h.notices.take(r), One: v,
	})
}

// beside finds the deliveries next to one.
func (h *Handler) beside(seq int64) (newer, older int64) {
	near, _ := h.server.List(devserver.Query{Before: seq + 2, Limit: 3})
	for _, d := range near {
		switch {
		case d.Seq > seq:
			newer = d.Seq
		case d.Seq < seq && older == 0:
			older = d.Seq
		}
	}
	return newer, older
}

// view makes what the page shows of a delivery.
func (h *Handler) view(r *http.Request, d devserver.Detail) *one {
	v := &one{Detail: d, Body: contentOf(d.Request.Body), Answered: contentOf(d.Answer), Work: workOf(d.Work)}
	v.Edit, v.Editable = editable(d.Request.Body)
	for _, name := range slices.Sorted(maps.Keys(d.Request.Header)) {
		for _, value := range d.Request.Header[name] {
			v.Headers = append(v.Headers, field{name, value})
		}
	}
	v.Tokens = tokensOf(d)
	if d.Of > 0 {
		then, ok := h.server.Get(r.Context(), d.Of)
		if v.Lost = !ok; ok {
			v.Then = compare(then, d)
		}
	}
	return v
}

// maxTokens of a delivery are decoded.
const maxTokens = 4

// tokensOf decodes the JWTs of a delivery. Nothing is verified here: the checks are.
func tokensOf(d devserver.Detail) (tokens []token) {
	for _, value := range d.Request.Header[textproto.CanonicalMIMEHeaderKey("webhook-signature")] {
		for entry := range strings.FieldsSeq(value) {
			parts := strings.Split(entry, ".")
			if len(parts) != 3 || len(tokens) == maxTokens {
				continue
			}
			header, ok := decode(parts[0])
			payload, ok2 := decode(parts[1])
			if ok && ok2 {
				tokens = append(tokens, token{header, payload})
			}
		}
	}
	return tokens
}

func decode(part string) (string, bool) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return "", false
	}
	return indent(text)
}

// Objects is how many objects the plan has.
func (v *one) Objects() int {
	if v.Work.Plan == nil {
		return 0
	}
	return len(v.Work.Plan.Objects)
}

// ObjectOf is the object that a range is of.
func (v *one) ObjectOf(r devserver.Range) string {
	if r.Object < 0 || r.Object >= v.Objects() {
		return ""
	}
	return v.Work.Plan.Objects[r.Object]
}

// body answers with the body as it came, to be kept and not to be shown.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) {
	d, ok := h.server.Get(r.Context(), seqOf(r))
	if !ok {
		h.fail(w, http.StatusNotFound, gone)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="delivery-%d-body"`, d.Seq))
	_, _ = w.Write(d.Request.Body)
}

// work is what became of a delivery, as far as a page has room for it.
type work struct {
	devserver.Work
	AllRanges, AllOutcomes              int
	MoreRanges, MoreLines, MoreOutcomes int // that are not shown
	Bad                                 int // lines shown that did not succeed
	Published                           []published
}

// published is an outcome.
type published struct {
	devserver.Outcome
	Data       content
	Attributes []field
}

// Of a page's parts.
const (
	maxShownRanges   = 200
	maxShownLines    = 200
	maxShownOutcomes = 25
)

func workOf(w devserver.Work) work {
	v := work{Work: w, AllRanges: len(w.Ranges), AllOutcomes: len(w.Outcomes)}
	v.Ranges = slices.Clone(w.Ranges)
	slices.SortStableFunc(v.Ranges, func(a, b devserver.Range) int { return int(min(1, b.Failed)) - int(min(1, a.Failed)) })
	v.Lines = slices.Clone(w.Lines)
	slices.SortStableFunc(v.Lines, func(a, b devserver.Line) int { return good(a) - good(b) })
	v.Ranges, v.MoreRanges = first(v.Ranges, maxShownRanges)
	v.Lines, v.MoreLines = first(v.Lines, maxShownLines)
	v.MoreLines += w.Hidden
	for _, l := range v.Lines {
		v.Bad += 1 - good(l)
	}
	v.Outcomes, v.MoreOutcomes = first(w.Outcomes, maxShownOutcomes)
	for _, o := range v.Outcomes {
		p := published{Outcome: o, Data: contentOf(o.Data)}
		for _, name := range slices.Sorted(maps.Keys(o.Attributes)) {
			p.Attributes = append(p.Attributes, field{name, o.Attributes[name]})
		}
		v.Published = append(v.Published, p)
	}
	return v
}

func good(l devserver.Line) int {
	if l.Status == "succeeded" {
		return 1
	}
	return 0
}

func first[T any](all []T, limit int) (some []T, more int) {
	if len(all) <= limit {
		return all, 0
	}
	return all[:limit], len(all) - limit
}
