package work

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

const (
	operationPath = "/v1beta/models/m/operations/o1"
	downloads     = "/download/v1beta/"
	mp4           = "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
)

func videoEvent(members string) string {
	return `{"type":"video.generated","timestamp":"2026-01-22T12:00:00Z","data":{"id":"models/m/operations/o1"` + members + `}}`
}

// operation is one that made these files.
func operation(files ...string) http.HandlerFunc {
	samples := make([]string, len(files))
	for i, name := range files {
		samples[i] = `{"video":{"uri":"https://generativelanguage.googleapis.com/v1beta/` + name + `:download?alt=media"}}`
	}
	return says(`{"done":true,"response":{"generateVideoResponse":{"generatedSamples":[` + strings.Join(samples, ",") + `]}}}`)
}

// TestVideos: which videos an event has, and what becomes of each.
func TestVideos(t *testing.T) {
	const (
		a    = `,"file_name":"files/a"`
		bad  = `,"file_name":"files/../x","video_uri":"https://elsewhere.example/files/a"`
		made = "a b" // the files that there are
	)
	type want map[string]string // by file or URI: "" where it is archived, else the code of its error
	for name, test := range map[string]struct {
		event     string
		operation http.HandlerFunc // nil: 404
		files     string           // that can be downloaded
		order     string
		want      want
		confirmed bool
		noKey     bool
	}{
		"by its name":              {event: a, files: made, order: "files/a", want: want{"files/a": ""}},
		"by an older one":          {event: `,"file_id":"files/a"`, files: made, order: "files/a", want: want{"files/a": ""}},
		"by its address":           {event: `,"output_file_uri":"https://generativelanguage.googleapis.com/v1beta/files/a:download?alt=media"`, files: made, order: "https://generativelanguage.googleapis.com/v1beta/files/a:download?alt=media", want: want{"https://generativelanguage.googleapis.com/v1beta/files/a:download?alt=media": ""}},
		"of an operation":          {event: a, operation: operation("files/a"), files: made, order: "files/a", want: want{"files/a": ""}, confirmed: true},
		"the first of two":         {event: a, operation: operation("files/a", "files/b"), files: made, order: "files/a files/b", want: want{"files/a": "", "files/b": ""}, confirmed: true},
		"the second of two":        {event: `,"file_name":"files/b"`, operation: operation("files/a", "files/b"), files: made, order: "files/b files/a", want: want{"files/a": "", "files/b": ""}, confirmed: true},
		"without a name":           {operation: operation("files/a", "files/b"), files: made, order: "files/a files/b", want: want{"files/a": "", "files/b": ""}, confirmed: true},
		"with a bad name":          {event: bad, operation: operation("files/a"), files: made, order: "files/a", want: want{"files/a": ""}, confirmed: true},
		"one of two is gone":       {operation: operation("files/a", "files/c"), files: made, order: "files/a files/c", want: want{"files/a": "", "files/c": "not_found"}, confirmed: true},
		"gone":                     {event: a, order: "files/a", want: want{"files/a": "not_found"}},
		"no name, no operation":    {order: "", want: want{"": "not_found"}},
		"bad name, no operation":   {event: bad, order: "files/../x", want: want{"files/../x": "unknown_pointer"}},
		"no name, denied":          {operation: status(403), order: "", want: want{"": "denied"}},
		"an operation that failed": {operation: says(`{"done":true,"error":{"code":3,"message":"unsafe"}}`), order: "", want: want{"": "3"}, confirmed: true},
		"elsewhere":                {operation: says(`{"response":{"videos":[{"uri":"https://elsewhere.example/v.mp4"}]}}`), order: "https://elsewhere.example/v.mp4", want: want{"https://elsewhere.example/v.mp4": "unknown_pointer"}, confirmed: true},
		"in a bucket":              {event: `,"output_file_uri":"gs://b/v.mp4"`, order: "gs://b/v.mp4", want: want{"gs://b/v.mp4": "not_copied"}},
		"one of two in a bucket":   {event: `,"output_file_uri":"gs://b/v.mp4"`, operation: operation("files/a"), files: made, order: "gs://b/v.mp4 files/a", want: want{"gs://b/v.mp4": "not_copied", "files/a": ""}, confirmed: true},
		"in a bucket and a file":   {event: a + `,"output_file_uri":"gs://b/v.mp4"`, files: made, order: "files/a", want: want{"files/a": ""}},
		"in buckets":               {operation: says(`{"response":{"videos":[{"gcsUri":"gs://b/v.mp4"},{"gcsUri":"gs://b/w.mp4"}]}}`), order: "gs://b/v.mp4 gs://b/w.mp4", want: want{"gs://b/v.mp4": "not_copied", "gs://b/w.mp4": "not_copied"}, confirmed: true},
		"without a key":            {event: a, noKey: true, order: "files/a", want: want{"files/a": "no_api_key"}},
		"nothing without a key":    {noKey: true, order: "", want: want{"": "no_api_key"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if test.noKey {
				r.Gemini = nil
			}
			if test.operation != nil {
				r.answers[operationPath] = test.operation
			}
			for id := range strings.FieldsSeq(test.files) {
				r.answers[downloads+"files/"+id+":download"] = file(mp4+id, "video/mp4")
			}
			o, err := r.do(t.Context(), videoEvent(test.event), 1)
			must(t, err)
			all := o.Videos
			if len(all) == 0 {
				all = []video{*o.Video}
			} else if diff := cmp.Diff(*o.Video, all[0]); diff != "" || len(all) == 1 {
				t.Errorf("video is not the first of %d videos:\n%s", len(all), diff)
			}
			var order []string
			for _, v := range all {
				name := v.File
				if name == "" {
					name = v.URI
				}
				order = append(order, name)
				code, ok := test.want[name]
				if !ok || v.code() != code || v.Expires != "2026-01-24T12:00:00Z" || (v.Archived == nil) != (code != "") {
					t.Errorf("got %+v, %+v, want the code %q", v, v.Error, code)
				} else if code == "" {
					id, _, _ := strings.Cut(name[strings.LastIndex(name, "files/")+len("files/"):], ":")
					r.kept(v.Archived, []byte(mp4+id), "video/mp4")
				}
			}
			if got := strings.Join(order, " "); got != test.order || o.Confirmed != test.confirmed {
				t.Errorf("videos %q, confirmed %v, want %q", got, o.Confirmed, test.order)
			}
			if n := r.asked(""); test.noKey && n > 0 {
				t.Errorf("asked without a key: %d times", n)
			}
		})
	}
}

// TestVideosThatAreNotCopied: an outage is retried, without a copy of a part, and the
// last attempt but one publishes without. What was copied is not copied again.
func TestVideosThatAreNotCopied(t *testing.T) {
	const first, second = downloads + "files/a:download", downloads + "files/b:download"
	good := file(mp4, "video/mp4")
	for name, test := range map[string]struct {
		answers map[string]http.HandlerFunc
		storage int // status of creating, 0: it works
		codes   []string
	}{
		"unavailable":             {map[string]http.HandlerFunc{operationPath: operation("files/a", "files/b"), first: good, second: status(503)}, 0, []string{"", "unavailable"}},
		"too many requests":       {map[string]http.HandlerFunc{operationPath: operation("files/a", "files/b"), first: status(429), second: good}, 0, []string{"unavailable", ""}},
		"broken off":              {map[string]http.HandlerFunc{operationPath: operation("files/a", "files/b"), first: good, second: breaksOff(strings.Repeat(mp4, 1<<20))}, 0, []string{"", "unavailable"}},
		"shorter than it is":      {map[string]http.HandlerFunc{operationPath: operation("files/b"), second: short}, 0, []string{"unavailable"}},
		"an archive that refuses": {map[string]http.HandlerFunc{operationPath: operation("files/a"), first: good}, 403, []string{"unavailable"}},
		"no operation now":        {map[string]http.HandlerFunc{operationPath: status(503)}, 0, []string{"unavailable"}},
		"one that has not ended":  {map[string]http.HandlerFunc{operationPath: says("{}")}, 0, []string{"unavailable"}},
		"an operation cut":        {map[string]http.HandlerFunc{operationPath: breaksOff(`{"response":`)}, 0, []string{"unavailable"}},
		"refused":                 {map[string]http.HandlerFunc{operationPath: operation("files/a"), first: status(400)}, 0, []string{"refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answers = test.answers
			if test.storage != 0 {
				r.storage.Fail(func(op gcs.Op) *gcs.Fault {
					if op.Kind != gcs.OpInsert {
						return nil
					}
					return &gcs.Fault{Status: test.storage}
				})
			}
			if o, err := r.do(t.Context(), videoEvent(""), lastButOne-1); err == nil {
				t.Fatalf("published: %+v", o.Video)
			}
			o, err := r.do(t.Context(), videoEvent(""), lastButOne)
			must(t, err)
			all := o.Videos
			if len(all) == 0 {
				all = []video{*o.Video}
			}
			var codes []string
			archived := 0
			for _, v := range all {
				codes = append(codes, v.code())
				if v.code() == "" {
					archived++
					r.kept(v.Archived, []byte(mp4), "video/mp4")
				}
			}
			if diff := cmp.Diff(test.codes, codes); diff != "" || len(r.storage.List(archiveBucket, "")) != archived {
				t.Errorf("%d objects; codes (-want +got):\n%s", len(r.storage.List(archiveBucket, "")), diff)
			}
			if n := r.asked(first); archived == 1 && codes[0] == "" && n != 1 {
				t.Errorf("the first was downloaded %d times", n)
			}
		})
	}
}

// short says that it is longer than it is.
func short(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(mp4))
}

func TestExpiry(t *testing.T) {
	for timestamp, want := range map[string]string{
		`"2026-01-22T12:00:00.5+01:00"`: "2026-01-24T11:00:00.5Z",
		`"2026-01-22"`:                  "2026-12-02T12:00:00Z",
		`1769083200`:                    "2026-12-02T12:00:00Z",
		`null`:                          "2026-12-02T12:00:00Z",
		`"9999-12-31T23:00:00Z"`:        "2026-12-02T12:00:00Z",
		`"0000-01-01T00:00:00+01:00"`:   "2026-12-02T12:00:00Z",
	} {
		r := newRig(t)
		body := strings.Replace(videoEvent(`,"file_name":"files/a"`), `"2026-01-22T12:00:00Z"`, timestamp, 1)
		o, err := r.do(t.Context(), body, 1)
		must(t, err)
		if o.Video.Expires != want {
			t.Errorf("%s: %s, want %s", timestamp, o.Video.Expires, want)
		}
	}
}

// TestContentTypes: what an answer calls a file is passed on where it is a type.
func TestContentTypes(t *testing.T) {
	for sent, want := range map[string]string{"video/webm": "video/webm", "": "application/octet-stream", "no type at all": "application/octet-stream"} {
		r := newRig(t)
		r.answers[downloads+"files/a:download"] = file(mp4, sent)
		o, err := r.do(t.Context(), videoEvent(`,"file_name":"files/a"`), 1)
		must(t, err)
		r.kept(o.Video.Archived, []byte(mp4), want)
	}
}
