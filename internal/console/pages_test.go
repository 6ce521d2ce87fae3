package console

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/devserver"
	"example.com/gemini-webhook/internal/explain"
)

// nasty is a text that would be HTML, script, an attribute, an event of a stream, or
// a command, wherever it is not taken for a text.
const nasty = "\"'`><xss onx=1 \" onx=2 ' onx=3></textarea></script></title></pre><xss>\r\n\r\ndata: xss\u2028$(touch xss)`touch xss`\x1b[201~\u202e;{{.Token}}&lt;"

// hostile is a delivery that is nasty in every member.
func hostile() devserver.Detail {
	d := sample()
	d.WebhookID, d.Type, d.ResourceID, d.Scheme, d.Path, d.Code, d.Sender = nasty, nasty, nasty, nasty, nasty, nasty, nasty
	d.Status, d.Outcomes, d.Lines, d.Failed = 401, 1, 2, 1
	body, err := json.Marshal(map[string]string{nasty: nasty})
	if err != nil {
		panic(err)
	}
	part := base64.RawURLEncoding.EncodeToString(body)
	d.Request.Body, d.Answer = body, []byte(nasty)
	d.Request.Path = "/" + nasty
	d.Request.Header = http.Header{"Webhook-Id": {nasty}, nasty: {nasty}, "Webhook-Signature": {part + "." + part + ".x " + nasty}}
	d.Request.Notes, d.Log = []string{nasty}, []string{nasty}
	d.Report = explain.Report{Code: nasty, Checks: []explain.Check{{Name: nasty, Status: nasty, Came: nasty, Expected: nasty, Do: nasty}}}
	d.Work = devserver.Work{
		Plan:     &devserver.Plan{URI: nasty, Origin: nasty, Mode: nasty, Objects: []string{nasty}},
		Ranges:   []devserver.Range{{Failed: 1}},
		Lines:    []devserver.Line{{Key: nasty, Status: nasty, Text: nasty, FinishReason: nasty, ErrorCode: nasty, Error: nasty}},
		Outcomes: []devserver.Outcome{{ID: nasty, Type: nasty, Data: body, Attributes: map[string]string{nasty: nasty}}},
	}
	return d
}

// hostileFake has such a delivery, one that repeats it, and state that is as nasty.
func hostileFake() *fake {
	f := newFake(0)
	f.add(hostile())
	d := hostile()
	d.Of, d.Request.Body = 1, []byte(nasty)
	f.add(d)
	f.state = devserver.State{
		Faults: []devserver.Fault{{Name: nasty, What: nasty, On: true}}, Addresses: []devserver.Address{{Name: nasty, Value: nasty, What: nasty}},
		Secrets: []devserver.Version{{Name: nasty, Refused: nasty}}, Types: []string{nasty}, Kinds: []string{nasty},
	}
	return f
}

// foreign finds what of a nasty text is not escaped; what is not seen is to be
// written out in texts, and not in attributes, which forms send back.
func foreign(html string) string {
	for _, raw := range []string{"<xss", "\"'", "\" onx", "' onx"} {
		if at := strings.Index(html, raw); at >= 0 {
			return fmt.Sprintf("%q in %q", raw, html[max(0, at-60):min(len(html), at+60)])
		}
	}
	text := regexp.MustCompile("<[^>]*>").ReplaceAllString(html, "")
	if at := strings.IndexFunc(text, hidden); at >= 0 {
		return fmt.Sprintf("%q", text[max(0, at-60):min(len(text), at+60)])
	}
	return ""
}

func TestWhatDeliveriesHoldIsText(t *testing.T) {
	t.Parallel()
	h := New(hostileFake(), 7070)
	for path, atLeast := range map[string]int{
		"/": 12, "/?q=" + url.QueryEscape(nasty): 5, "/deliveries/1": 51, "/deliveries/2": 61, "/?said=" + url.QueryEscape(nasty): 12,
	} {
		w := ask(h, http.MethodGet, path, "")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		html := w.Body.String()
		// A form has the text as it is: it comes back so.
		start, rest, _ := strings.Cut(html, "<textarea")
		form, end, _ := strings.Cut(rest, "</textarea>")
		if found := foreign(start + end); found != "" {
			t.Errorf("%s has %s", path, found)
		}
		if strings.Contains(form, "<xss") {
			t.Errorf("%s: the form has %q", path, form)
		}
		if n := strings.Count(html, "&lt;xss"); n < atLeast {
			t.Errorf("%s shows %d of the texts", path, n)
		}
	}
	if html := ask(h, http.MethodGet, "/deliveries/1", "").Body.String(); !strings.Contains(html, "<h3>Token, decoded</h3>") {
		t.Error("the token is not decoded")
	} else if _, log, _ := strings.Cut(html, `aria-label="Log">`); !strings.HasPrefix(log, "&#34;&#39;`&gt;&lt;xss") {
		t.Errorf("the log is not shown: %.200q", log)
	}
	for _, query := range []string{"", "?seq=1", "?seq=2"} {
		m := firstMessage(t, h, "/events"+query)
		text := m.Live + m.Counts + m.State
		for _, row := range m.Rows {
			text += row.HTML
		}
		if found := foreign(text); found != "" || !strings.Contains(text, "&lt;xss") {
			t.Errorf("/events%s has %s", query, found)
		}
	}
	for _, f := range forms {
		w := ask(h, http.MethodGet, "/deliveries/1/as/"+f.Name, "")
		if w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("as %s: %s", f.Name, w.Header().Get("Content-Type"))
		}
	}
	w := ask(h, http.MethodGet, "/deliveries/2/body", "")
	if !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Body.String() != nasty {
		t.Errorf("body: %v %q", w.Header(), w.Body)
	}
	w = ask(h, http.MethodPost, "/fault", url.Values{"name": {nasty}, "on": {"true"}, "token": {h.guard.token}}.Encode(), "Origin", "http://"+host)
	if said := ask(h, http.MethodGet, w.Header().Get("Location"), "").Body.String(); foreign(said) != "" || !strings.Contains(said, "The fault &#34;") {
		t.Errorf("a notice: %s", foreign(said))
	}
}

// TestPagesAreBounded whatever is kept, and however long it is.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(0)
	d := sample()
	long := strings.Repeat("<&\"x", 1<<18)
	d.Type, d.ResourceID, d.Code, d.Scheme, d.Sender, d.WebhookID, d.Request.Body = long, long, long, long, long, long, []byte(long)
	for range 2000 {
		d.Work.Lines = append(d.Work.Lines, devserver.Line{Key: long, Text: long, Error: long})
		d.Work.Ranges = append(d.Work.Ranges, devserver.Range{})
		d.Work.Outcomes = append(d.Work.Outcomes, devserver.Outcome{ID: long, Type: long, Data: []byte(long[:64<<10]), Attributes: map[string]string{long: long}})
	}
	for range 1000 {
		f.add(d)
	}
	h := New(f, 7070)
	first := ask(h, http.MethodGet, "/", "").Body.String()
	if n := strings.Count(first, "<tr id="); n != maxRows || len(first) > 512<<10 {
		t.Errorf("the list has %d rows, %d bytes", n, len(first))
	}
	if page := ask(h, http.MethodGet, "/deliveries/1000", "").Body.Len(); page > 32<<20 {
		t.Errorf("a delivery has %d bytes", page)
	}
}

func TestOlderDeliveries(t *testing.T) {
	t.Parallel()
	h := New(newFake(250), 7070)
	var seen []string
	for path := "/?verdict=accepted"; path != ""; {
		html := ask(h, http.MethodGet, path, "").Body.String()
		seen = append(seen, fmt.Sprintf("%d from %s", strings.Count(html, "<tr id="), between(html, `<tr id="d`, `"`)))
		path = strings.ReplaceAll(between(html, `<a rel="next" href="`, `"`), "&amp;", "&")
	}
	if diff := cmp.Diff([]string{"100 from 250", "100 from 150", "50 from 50"}, seen); diff != "" {
		t.Error(diff)
	}
}

func between(text, start, end string) string {
	_, text, _ = strings.Cut(text, start)
	text, _, _ = strings.Cut(text, end)
	return text
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	d := sample()
	d.Of, d.Status, d.Code = 1, 401, "signature_mismatch"
	d.Request.Body = []byte(`{"type":"batch.succeeded","data":{"id":"batches/2"}}`)
	d.Report.Genuine, d.Report.Checks = false, []explain.Check{{Name: "signature 1", Status: explain.Failed, Came: "v1", Expected: "of a secret", Do: "compare"}}
	d.Work = devserver.Work{
		Plan:  &devserver.Plan{URI: "gs://b/o", Objects: []string{"gs://b/o#1"}},
		Lines: []devserver.Line{{Key: "fine", Status: "succeeded"}, {Key: "broken", Status: "failed", ErrorCode: "13"}},
	}
	f.add(d)
	h := New(f, 7070)
	html := ask(h, http.MethodGet, "/deliveries/2", "").Body.String()
	for _, want := range []string{
		"✗ failed</span>", "<b>Expected</b> of a secret", "<b>Do</b> compare", "Compared with <a href=\"/deliveries/1\">#1</a>",
		"<span class=\"bad\">-     &#34;id&#34;: &#34;batches/1&#34;</span>", "<span class=\"good\">&#43;     &#34;id&#34;: &#34;batches/2&#34;</span>",
		"href=\"/deliveries/1\">#1 older</a>",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if broken, fine := strings.Index(html, ">broken<"), strings.Index(html, ">fine<"); broken < 0 || fine < broken {
		t.Error("lines that failed are not first")
	}
}

func TestUnchangedBodiesAreSentAsTheyCame(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	h := New(f, 7070)
	d, _ := f.Get(t.Context(), 1)
	shown, _ := editable(d.Request.Body)
	form := url.Values{"scheme": {"jwt"}, "body": {strings.ReplaceAll(shown, "\n", "\r\n")}, "token": {h.guard.token}}
	ask(h, http.MethodPost, "/deliveries/1/edit", form.Encode(), "Origin", "http://"+host)
	if diff := cmp.Diff([]string{"edit 1 jwt " + string(d.Request.Body)}, f.done()); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkOpen opens the list, and a search that finds nothing in the fake, with
// 100,000 deliveries kept.
func BenchmarkOpen(b *testing.B) {
	h := New(newFake(100_000), 7070)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = ask(h, http.MethodGet, "/", "").Body.Len()
	}
	b.ReportMetric(float64(size), "bytes/page")
}
