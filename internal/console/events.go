package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"example.com/gemini-webhook/internal/devserver"
)

// message is what /events tells a page, one line of JSON. Its HTML is made by the
// templates that pages are made of. As JSON it has no line end, whatever it holds:
// such would be taken for the stream's own.
type message struct {
	Rows   []fragment `json:"rows,omitempty"`   // of the list, the newest first
	Live   string     `json:"live,omitempty"`   // what changes of a delivery's page
	Counts string     `json:"counts,omitempty"` // of all deliveries
	State  string     `json:"state,omitempty"`  // clock and faults in words
}

// fragment is a row.
type fragment struct {
	Seq  int64  `json:"seq"`
	Say  string `json:"say"` // the row in words
	HTML string `json:"html"`
}

// events streams what changes of a page. A reader that does not read is dropped:
// nothing is kept for it but what the kernel takes.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		http.Error(w, "Too many pages are open.", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	changes := h.server.Changes(ctx)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	send := func(line string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(h.patience))
		_, err := fmt.Fprintf(w, "%s\n\n", line)
		return err == nil && control.Flush() == nil
	}
	// What came between the page and this stream is in the first message.
	changed := map[int64]bool{0: true}
	for {
		m, err := h.message(r, changed)
		if err != nil {
			return // the page has the same templates, and says so
		}
		text, err := json.Marshal(m)
		if err != nil || !send("data: "+string(text)) {
			return
		}
		for changed = nil; changed == nil; {
			if changed = h.next(ctx, changes); changed == nil && (ctx.Err() != nil || !send(":")) {
				return
			}
		}
	}
}

// next waits for changes and gathers those that come with them, so that a batch of a
// thousand lines is a few messages. It gives nil where nothing came.
func (h *Handler) next(ctx context.Context, changes <-chan int64) map[int64]bool {
	quiet := time.NewTimer(h.quiet)
	defer quiet.Stop()
	changed := map[int64]bool{}
	select {
	case seq, ok := <-changes:
		if !ok {
			<-ctx.Done() // there is nothing to come any more
			return nil
		}
		changed[seq] = true
	case <-quiet.C:
		return nil
	case <-ctx.Done():
		return nil
	}
	gathered := time.NewTimer(h.gather)
	defer gathered.Stop()
	for {
		select {
		case seq, ok := <-changes:
			if !ok {
				return changed
			}
			if len(changed) > maxGathered {
				seq = 0 // all that the page has
			}
			changed[seq] = true
		case <-gathered.C:
			return changed
		case <-ctx.Done():
			return nil
		}
	}
}

// maxGathered is how many changes are told apart.
const maxGathered = 1000

// message makes what a page has to know of changes; 0 among them stands for any.
func (h *Handler) message(r *http.Request, changed map[int64]bool) (m message, err error) {
	state := h.server.State()
	if m.Counts, err = render("counts", state.Counts); err != nil {
		return m, err
	}
	if m.State, err = render("state", state); err != nil {
		return m, err
	}
	if seq, err := strconv.ParseInt(r.URL.Query().Get("seq"), 10, 64); err == nil {
		return h.live(r, m, seq, changed)
	}
	rows, _ := h.server.List(queryOf(r.URL.Query()))
	for _, d := range rows {
		if !changed[d.Seq] && !changed[0] {
			continue
		}
		html, err := render("row", d)
		if err != nil {
			return m, err
		}
		m.Rows = append(m.Rows, fragment{d.Seq, inWords(d), html})
	}
	return m, nil
}

// live is the message to the page of a delivery.
func (h *Handler) live(r *http.Request, m message, seq int64, changed map[int64]bool) (message, error) {
	if !changed[seq] && !changed[0] {
		return m, nil
	}
	d, ok := h.server.Get(r.Context(), seq)
	if !ok {
		return m, nil
	}
	var err error
	m.Live, err = render("live", h.view(r, d))
	return m, err
}

// inWords is a row as it is read out.
func inWords(d devserver.Delivery) string {
	return fmt.Sprintf("Delivery %d: %s, %s %s", d.Seq, visible(clip(d.Type, 80)), verdictOf(d.Status).Word, visible(clip(d.Code, 80)))
}
