package console

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/devserver"
)

// page is what the templates have.
type page struct {
	Title  string
	Token  string // of forms
	Back   string // this page, for forms that lead back to it
	Said   string // about what was just done
	Stream string // what the script asks /events for; "": nothing
	State  devserver.State
	List   *listing
	One    *one
	Failed string
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"address": pageOf,
	"bytes":   bytesText,
	"clip":    func(limit int, text string) string { return clip(text, limit) },
	"count":   countText,
	"day":     func(t time.Time) string { return t.Format(time.RFC3339) },
	"faulty": func(s devserver.State) bool {
		return slices.ContainsFunc(s.Faults, func(f devserver.Fault) bool { return f.On })
	},
	"forms":     func() []form { return forms },
	"latency":   latency,
	"ms":        func(t time.Time) string { return t.Local().Format(".000") },
	"offset":    offsetText,
	"otherwise": func(text, other string) string { return cmp.Or(text, other) },
	"schemes":   func() []string { return []string{devserver.SchemeV1, devserver.SchemeV1a, devserver.SchemeJWT} },
	"short":     func(limit int, text string) string { return visible(clip(text, limit)) },
	"time":      func(t time.Time) string { return t.Local().Format("15:04:05") },
	"verdict":   verdictOf,
	"verdicts": func() []string {
		return []string{devserver.VerdictAccepted, devserver.VerdictRefused, devserver.VerdictUnavailable}
	},
	"visible": visible,
}).ParseFS(assets, "assets/*.html"))

// render writes a part of the templates; what breaks is known before anything is
// written.
func render(name string, data any) (string, error) {
	var text bytes.Buffer
	err := templates.ExecuteTemplate(&text, name, data)
	return text.String(), err
}

// show answers with a page.
func (h *Handler) show(w http.ResponseWriter, status int, p page) {
	p.Token, p.State = h.guard.token, h.server.State()
	text, err := render("page", p)
	if err != nil {
		slog.Error("the page cannot be made", "error", err)
		http.Error(w, "The page cannot be made: see the log.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// fail answers with a page that says why.
func (h *Handler) fail(w http.ResponseWriter, status int, why string) {
	h.show(w, status, page{Title: http.StatusText(status), Back: "/", Failed: why})
}

// verdict is an answer in a word, a sign and the name of a colour.
type verdict struct{ Word, Sign, Class string }

func verdictOf(status int) verdict {
	switch {
	case status == 0:
		return verdict{"waiting", "…", "waits"}
	case status < 300:
		return verdict{"accepted", "✓", "good"}
	case status < 500:
		return verdict{"refused", "✗", "bad"}
	}
	return verdict{"unavailable", "!", "warn"}
}

func latency(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func countText(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func offsetText(d time.Duration) string {
	switch {
	case d < 0:
		return (-d).String() + " behind"
	case d > 0:
		return d.String() + " ahead"
	}
	return "right"
}

func bytesText(n any) string {
	var size int64
	switch n := n.(type) {
	case int:
		size = int64(n)
	case int64:
		size = n
	}
	switch {
	case size < 10<<10:
		return fmt.Sprintf("%d B", size)
	case size < 10<<20:
		return fmt.Sprintf("%d KiB", size>>10)
	}
	return fmt.Sprintf("%d MiB", size>>20)
}

// clip cuts a text to about so many bytes, at a rune's border.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// visible is a text with what cannot be seen written out: control characters, those
// that turn the direction of text round, and bytes that are no text. Lines and tabs
// stay.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) && strings.ToValidUTF8(text, "") == text {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\uFFFD' && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
