package console

import (
	"net/http"
	"net/url"
	"strconv"

	"example.com/gemini-webhook/internal/devserver"
)

// maxRows of a page, whatever is kept.
const maxRows = 100

// maxSearch is how long a text that is searched for may be, in bytes.
const maxSearch = 200

// listing is a page of deliveries.
type listing struct {
	Query devserver.Query
	Rows  []devserver.Delivery
	Older string // address of the next page; "" where there is none
}

// queryOf reads which deliveries are asked for.
func queryOf(values url.Values) devserver.Query {
	q := devserver.Query{Text: clip(values.Get("q"), maxSearch), Limit: maxRows}
	switch v := values.Get("verdict"); v {
	case devserver.VerdictAccepted, devserver.VerdictRefused, devserver.VerdictUnavailable:
		q.Verdict = v
	}
	if before, err := strconv.ParseInt(values.Get("before"), 10, 64); err == nil && before > 0 {
		q.Before = before
	}
	return q
}

// valuesOf is what queryOf reads, without what is as usual.
func valuesOf(q devserver.Query) url.Values {
	values := url.Values{}
	if q.Text != "" {
		values.Set("q", q.Text)
	}
	if q.Verdict != "" {
		values.Set("verdict", q.Verdict)
	}
	if q.Before > 0 {
		values.Set("before", strconv.FormatInt(q.Before, 10))
	}
	return values
}

func addressOf(path string, values url.Values) string {
	return (&url.URL{Path: path, RawQuery: values.Encode()}).String()
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r.URL.Query())
	l := &listing{Query: q}
	var more bool
	if l.Rows, more = h.server.List(q); more && len(l.Rows) > 0 {
		older := q
		older.Before = l.Rows[len(l.Rows)-1].Seq
		l.Older = addressOf("/", valuesOf(older))
	}
	h.show(w, http.StatusOK, page{
		Title: "Deliveries", Back: addressOf("/", valuesOf(q)), Stream: addressOf("/events", valuesOf(q)),
		Said: h.notices.take(r), List: l,
	})
}
