package geminiapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai/interactions/models/interactions"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// steps are parts of a step list, and contents parts of one's content.
var (
	steps = []string{
		`{"type":"user_input","content":[{"type":"text","text":"question"}]}`, `{"type":"thought","signature":"s"}`,
		`{"type":"function_call","id":"c","name":"f","arguments":{}}`, `{"type":"function_result","call_id":"c","name":"f","result":{}}`,
		`{"type":"model_output"}`, `{"type":"model_output","content":[]}`, `{"content":[%s],"type":"model_output"}`, `{"type":"model_output","content":[%s]}`,
		`{"type":"model_output","content":[%s]}`, `{"type":"model_output","content":[%s]}`,
	}
	contents = []string{`{"type":"text","text":"a"}`, `{"text":"b\n\u00e9","type":"text"}`, `{"type":"text","text":"c"}`, `{"type":"text","text":""}`, `{"type":"image","data":"QQ==","mime_type":"image/png"}`}
)

// TestOutputTextIsTheSDKs: of any steps, in any order.
func TestOutputTextIsTheSDKs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 0))
		some := func(n int, from []string, part func(string) string) string {
			all := make([]string, rng.IntN(n))
			for i := range all {
				all[i] = part(from[rng.IntN(len(from))])
			}
			return strings.Join(all, ",")
		}
		answer := `{"id":"i","status":"completed","steps":[` + some(7, steps, func(step string) string {
			return strings.Replace(step, "%s", some(5, contents, func(s string) string { return s }), 1)
		}) + `]}`
		var sdk interactions.Interaction
		if err := json.Unmarshal([]byte(answer), &sdk); err != nil {
			t.Fatal(err)
		}
		got, err := parseInteraction(iotest.OneByteReader(strings.NewReader(answer)))
		if want := deref(sdk.OutputText); got.Text != want || got.TextCut || err != nil {
			t.Fatalf("%s\n%q, %v, the SDK has %q", answer, got.Text, err, want)
		}
	}
}

func TestInteractions(t *testing.T) {
	t.Parallel()
	long, id := strings.Repeat("x", maxText/2+1), strings.Repeat("i", maxScalar-2)
	output := func(texts ...string) string {
		return `{"steps":[{"type":"model_output","content":[{"type":"text","text":"` + strings.Join(texts, `"},{"type":"text","text":"`) + `"}]}]}`
	}
	for answer, want := range map[string]outcome.Interaction{
		`{"id":"i","object":"interaction","status":"completed","model":"m","created":"c","updated":"u","previous_interaction_id":"p","labels":{"a" : "b"},"usage":{"total_tokens": 7}}`: {
			Status: "completed", Model: "m", Created: "c", Updated: "u", PreviousInteractionID: "p", Labels: []byte(`{"a":"b"}`), Usage: []byte(`{"total_tokens":7}`)},
		`{"agent":"a","previousInteractionId":"p","output_text":"of older versions"}`:                          {Agent: "a", PreviousInteractionID: "p", Text: "of older versions"},
		`{"output_text":"older","steps":[{"type":"model_output","content":[{"type":"text","text":"newer"}]}]}`: {Text: "newer"},
		`{"usage":7,"labels":null,"status":{},"steps":{}}`:                                                     {},
		`{"model":"` + id + `","agent":"` + id + `a","labels":{"a":"` + strings.Repeat(id, 17) + `"}}`:         {Model: id},
		output(long, long):  {Text: long, TextCut: true},
		output(long + long): {Text: long + long[:len(long)-2], TextCut: true},
	} {
		got, err := parseInteraction(strings.NewReader(answer))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%.80s: %v (-want +got):\n%.500s", answer, err, diff)
		}
	}
	for _, answer := range []string{"", "[]", "42", `"completed"`, "null", `{"status":"completed"} {}`} {
		if got, err := parseInteraction(strings.NewReader(answer)); err == nil {
			t.Errorf("%q is an interaction: %+v", answer, got)
		}
	}
}

// TestOverflow: an answer is kept whole, or goes on whole as it comes.
func TestOverflow(t *testing.T) {
	t.Parallel()
	answer := `{"status":"completed", "steps":[{"type":"model_output","content":[{"type":"text","text":"t"}]}]}`
	refused := errors.New("the archive is down")
	for name, test := range map[string]struct {
		answer   io.Reader
		limit    int
		overflow func(*bytes.Buffer, func(io.Writer) error) error
		kept     string
		archived string
		status   string
		err      error
	}{
		"a short one": {answer: strings.NewReader(answer), limit: len(answer), kept: answer, status: "completed"},
		"a long one": {answer: strings.NewReader(answer), limit: len(answer) - 1, status: "completed", archived: answer,
			overflow: func(b *bytes.Buffer, write func(io.Writer) error) error { return write(b) }},
		"a long one that is there": {answer: strings.NewReader(answer), limit: 5, status: "completed",
			overflow: func(*bytes.Buffer, func(io.Writer) error) error { return nil }},
		"an archive that fails": {answer: strings.NewReader(answer), limit: 5, err: refused,
			overflow: func(_ *bytes.Buffer, write func(io.Writer) error) error { return write(iotestWriter{refused}) }},
		"a long one that is cut": {answer: strings.NewReader(answer[:50]), limit: 5, err: jsonstream.ErrCut, archived: answer[:50],
			overflow: func(b *bytes.Buffer, write func(io.Writer) error) error { return write(b) }},
		"a short one that is cut":  {answer: strings.NewReader(answer[:50]), limit: 100, err: jsonstream.ErrCut},
		"a connection that breaks": {answer: io.MultiReader(strings.NewReader(answer[:50]), iotest.ErrReader(refused)), limit: 100, err: refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var archived bytes.Buffer
			got, err := readInteraction(test.answer, test.limit, func(write func(io.Writer) error) error { return test.overflow(&archived, write) })
			if !errors.Is(err, test.err) || archived.String() != test.archived || got.Status != test.status || err == nil && string(got.Resource) != test.kept {
				t.Errorf("%+v, %v, archived %q", got, err, archived.String())
			}
		})
	}
}

type iotestWriter struct{ err error }

func (w iotestWriter) Write([]byte) (int, error) { return 0, w.err }

func TestInteractionsOfTheSimulator(t *testing.T) {
	s, err := gemini.Start(gemini.Options{APIKey: key, TimeScale: 1000})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	service := Interactions{api(t, s.URL(), key)}
	id := startInteraction(t, s.URL())
	var got outcome.Interaction
	for got.Status != "completed" {
		time.Sleep(5 * time.Millisecond)
		got, err = service.Read(t.Context(), id, 1<<20, nil)
		must(t, err)
	}
	if got.Model != "gemini-2.5-flash" || got.Text == "" || got.Created == "" || !bytes.Contains(got.Usage, []byte(`"total_tokens"`)) || !bytes.Contains(got.Resource, []byte(id)) {
		t.Errorf("got %+v", got)
	}
	if _, err := service.Read(t.Context(), "interactions/absent", 1<<20, nil); kinds(err) != "not found" {
		t.Errorf("no such interaction: %v", err)
	}
}

func startInteraction(t *testing.T, base string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1beta/interactions",
		strings.NewReader(`{"model":"gemini-2.5-flash","background":true,"input":"question"}`))
	must(t, err)
	request.Header.Set("X-Goog-Api-Key", key)
	resp, err := http.DefaultClient.Do(request)
	must(t, err)
	defer resp.Body.Close()
	var made struct{ ID string }
	must(t, json.NewDecoder(resp.Body).Decode(&made))
	return made.ID
}

// TestOperations: the shapes of the API, of Vertex AI and of the SDKs.
func TestOperations(t *testing.T) {
	const base = "https://generativelanguage.googleapis.com/v1beta/"
	abc := []event.Video{{URI: base + "files/abc:download?alt=media", File: "files/abc"}}
	for answer, want := range map[string]struct {
		videos []event.Video
		never  object.Unreadable // zero: there are videos, or they may come
	}{
		`{"name":"models/m/operations/1"}`:               {},
		`{"response":[],"done":"true"}`:                  {},
		`{"done":true,"error":{"code":3,"message":"m"}}`: {never: object.Unreadable{Code: "3", Message: "m"}},
		`{"done":true,"error":{}}`:                       {never: object.Unreadable{Code: "failed"}},
		`{"done":true,"response":{}}`:                    {never: object.Unreadable{Code: "no_results", Message: "the operation ended without a video that can be read"}},
		`{"done":true,"response":{"generateVideoResponse":{"generatedSamples":[{"video":{"uri":"` + base + `files/abc:download?alt=media"}}]}}}`: {videos: abc},
		`{"response":{"generated_videos":[{"video":{"uri":"` + base + `files/abc:download?alt=media","video_bytes":"QQ=="}}]}}`:                  {videos: abc},
		`{"response":{"videos":[{"gcsUri":"gs://b/o","mimeType":"video/mp4"},{"bytesBase64Encoded":"QQ=="},"x"]}}`:                               {videos: []event.Video{{URI: "gs://b/o"}}},
		`{"result":{"generatedVideos":[{"video":{"name":"files/abc"}}]}}`:                                                                        {videos: []event.Video{{File: "files/abc"}}},
	} {
		url, _ := answers(t, body(answer))
		got, err := Operations{api(t, url, key)}.Videos(t.Context(), "models/m/operations/1")
		var never object.Unreadable
		if failed, ok := errors.AsType[*object.Unreadable](err); ok {
			never = *failed
		}
		if diff := cmp.Diff(want.videos, got); diff != "" || never != want.never || (err == nil) != (len(got) > 0) {
			t.Errorf("%s: %v (-want +got):\n%s", answer, err, diff)
		}
	}
	url, _ := answers(t, body(`{"result":{"videos":[`+strings.Repeat(`{"uri":"u"},`, maxVideos)+`{"uri":"u"}]}}`))
	if got, err := (Operations{api(t, url, key)}).Videos(t.Context(), "operations/1"); len(got) != maxVideos || err != nil {
		t.Errorf("%d videos, %v, want %d", len(got), err, maxVideos)
	}
	url, _ = answers(t, body(`{"done":true,`))
	if _, err := (Operations{api(t, url, key)}).Videos(t.Context(), "operations/1"); !errors.Is(err, jsonstream.ErrCut) {
		t.Errorf("an answer that is cut: %v", err)
	}
}
