package batch_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// requests is how many a job of these tests has.
const requests = 12

// withGemini gives the rig a Gemini API, and an API key. Jobs take no time.
func (r *rig) withGemini(o gemini.Options) *rig {
	r.t.Helper()
	o.APIKey, o.Seed, o.BatchDuration = apiKey, 1, time.Nanosecond
	var err error
	r.gemini, err = gemini.Start(o)
	must(r.t, err)
	r.t.Cleanup(func() { r.gemini.Close() })
	r.restart(chunk(1000))
	return r
}

// job runs a batch by the official SDK, of a file or of inline requests.
func (r *rig) job(inFile bool) (name string) {
	r.t.Helper()
	client, err := genai.NewClient(r.t.Context(), &genai.ClientConfig{Backend: genai.BackendGeminiAPI, APIKey: apiKey, HTTPOptions: genai.HTTPOptions{BaseURL: r.gemini.URL()}})
	must(r.t, err)
	var from genai.BatchJobSource
	if inFile {
		var lines bytes.Buffer
		for i := range requests {
			fmt.Fprintf(&lines, `{"key":"k%d","request":{"contents":[{"parts":[{"text":"question"}]}]}}`+"\n", i)
		}
		file, err := client.Files.Upload(r.t.Context(), &lines, &genai.UploadFileConfig{MIMEType: "application/jsonl"})
		must(r.t, err)
		from.FileName = file.Name
	}
	for i := 0; !inFile && i < requests; i++ {
		from.InlinedRequests = append(from.InlinedRequests, &genai.InlinedRequest{Contents: genai.Text("question")})
	}
	made, err := client.Batches.Create(r.t.Context(), "gemini-2.5-flash", &from, &genai.CreateBatchJobConfig{DisplayName: "nightly"})
	must(r.t, err)
	for end := time.Now().Add(10 * time.Second); made.EndTime.IsZero() && made.State != genai.JobStateRunning; time.Sleep(5 * time.Millisecond) {
		made, err = client.Batches.Get(r.t.Context(), made.Name, nil)
		must(r.t, err)
		if time.Now().After(end) {
			r.t.Fatal("the batch does not end")
		}
	}
	return made.Name
}

func fileOf(name string) string { return "files/batch-" + strings.TrimPrefix(name, "batches/") }

// succeededWith is the batch.succeeded of a job; "": without a pointer.
func succeededWith(id, pointer string) string {
	if pointer == "" {
		return fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":%q}}`, id)
	}
	return fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":%q,"output_file_uri":%q}}`, id, pointer)
}

const gsPointer = "gs://" + resultBucket + "/results.jsonl"

// ways are those in which results are found (contract, "Where results are").
var ways = map[string]struct {
	noKey   bool
	inFile  bool
	form    gemini.BatchOptions
	pointer func(name string) string         // nil: none
	id      func(name string) string         // nil: the job's name
	before  func(r *rig, name string)        // its event is delivered
	fault   func(op gemini.Op) *gemini.Fault // of the API

	code   string                   // of batch.unreadable; "incomplete": reported; "": completed
	origin func(name string) string // nil: no copy
	lines  int
	batch  bool // the job is known
}{
	"a bucket":                     {pointer: always(gsPointer), lines: 5, batch: true},
	"a bucket, no key":             {noKey: true, pointer: always(gsPointer), lines: 5},
	"a bucket, of another's job":   {pointer: always(gsPointer), id: always("batches/absent"), lines: 5},
	"a bucket, an id never asked":  {pointer: always(gsPointer), id: always("projects/p/jobs/1"), fault: noCall, lines: 5},
	"a bucket, the API denies":     {pointer: always(gsPointer), fault: refuses("/batches/", 403), lines: 5},
	"a bucket that is not allowed": {pointer: always("gs://other/o"), code: "bucket_not_allowed", batch: true},
	"a bucket and no object":       {pointer: always("gs://" + resultBucket + "/absent"), code: "incomplete", batch: true},
	"a file":                       {inFile: true, pointer: fileOf, origin: fileOf, lines: requests, batch: true},
	"a file's address": {inFile: true, pointer: func(name string) string {
		return "https://generativelanguage.googleapis.com/v1beta/" + fileOf(name) + ":download?alt=media"
	}, origin: fileOf, lines: requests, batch: true},
	"a file, no key":                 {noKey: true, pointer: always("files/batch-x"), code: "no_api_key"},
	"a file that is not there":       {inFile: true, pointer: always("files/batch-absent"), code: "incomplete", batch: true},
	"a file, the job is denied":      {inFile: true, pointer: fileOf, fault: refuses("/batches/", 403), origin: fileOf, lines: requests},
	"nothing, the job has a file":    {inFile: true, origin: fileOf, lines: requests, batch: true},
	"nothing, the job has a list":    {origin: itself, lines: requests, batch: true},
	"nothing, by the guide's id":     {id: guide, origin: itself, lines: requests, batch: true},
	"nothing, by the bare id":        {id: bare, origin: itself, lines: requests, batch: true},
	"nothing, a list nested once":    {form: gemini.BatchOptions{Once: true, Places: []string{"dest"}, NoItemMetadata: true}, origin: itself, lines: requests, batch: true},
	"nothing, an empty list":         {form: gemini.BatchOptions{EmptyList: true}, origin: itself, batch: true},
	"nothing, neither list nor file": {form: gemini.BatchOptions{NoOutput: true}, code: "no_results", batch: true},
	"nothing, a job that failed":     {form: gemini.BatchOptions{End: gemini.EndFailed}, code: "no_results", batch: true},
	"nothing, still running":         {form: gemini.BatchOptions{Running: true}, code: "incomplete", batch: true},
	"nothing, no key":                {noKey: true, code: "no_api_key"},
	"nothing, the job is gone":       {inFile: true, fault: refuses("/batches/", 404), origin: fileOf, lines: requests},
	"nothing, job and file are gone": {id: always("batches/absent"), code: "incomplete"},
	"nothing, an id never asked":     {id: always("batches/../files"), fault: noCall, code: "incomplete"},
	"nothing, the job is denied":     {fault: refuses("/batches/", 403), code: "incomplete"},
	"unknown":                        {pointer: always("s3://b/o"), origin: itself, lines: requests, batch: true},
	"unknown, the job has a file":    {inFile: true, pointer: always("https://evil.example/files/x"), origin: fileOf, lines: requests, batch: true},
	"unknown, an id of bad form":     {pointer: always("files/a.b"), id: always("a b"), fault: noCall, code: "unknown_pointer"},
	"unknown, job and file are gone": {pointer: always("s3://b/o"), id: always("batches/absent"), code: "unknown_pointer"},
	"unknown, no results":            {pointer: always("s3://b/o"), form: gemini.BatchOptions{NoOutput: true}, code: "no_results", batch: true},
	"unknown, still running":         {pointer: always("s3://b/o"), form: gemini.BatchOptions{Running: true}, code: "incomplete", batch: true},
	"unknown, no key":                {noKey: true, pointer: always("s3://b/o"), code: "unknown_pointer"},
	"a copy, and Gemini has nothing any more": {
		before: func(r *rig, name string) {
			r.deliver("msg_0", succeededWith(name, ""))
			r.step() // makes the copy, and a plan
			r.taken = len(r.pubsub.Messages(queueTopic))
			r.forget("")
			r.gemini.Advance(72 * time.Hour)
		},
		origin: itself, lines: requests, batch: true,
	},
}

func always(text string) func(string) string { return func(string) string { return text } }
func itself(name string) string              { return name }
func bare(name string) string                { return strings.TrimPrefix(name, "batches/") }
func guide(name string) string               { return "batch_" + bare(name) }

// noCall is of tests in which the API must not be asked.
func noCall(gemini.Op) *gemini.Fault { return &gemini.Fault{Status: 418} }

func refuses(path string, status int) func(gemini.Op) *gemini.Fault {
	return func(op gemini.Op) *gemini.Fault {
		if strings.Contains(op.Path, path) {
			return &gemini.Fault{Status: status}
		}
		return nil
	}
}

func TestWhereResultsAre(t *testing.T) {
	t.Parallel()
	for title, way := range ways {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chunk(1000))
			r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(5)), gcs.Attrs{})
			name, id, pointer := "batches/1", itself, always("")
			if !way.noKey {
				r.withGemini(gemini.Options{BatchFor: func(string) gemini.BatchOptions { return way.form }})
				name = r.job(way.inFile)
				asked := 0
				r.gemini.Fail(func(op gemini.Op) *gemini.Fault {
					if asked++; way.fault == nil {
						return nil
					}
					if f := way.fault(op); f != nil && f.Status == 418 {
						t.Errorf("asked for %s", op.Path)
					}
					return way.fault(op)
				})
			}
			if way.id != nil {
				id = way.id
			}
			if way.pointer != nil {
				pointer = way.pointer
			}
			if way.before != nil {
				way.before(r, name)
			}
			r.deliver("msg_1", succeededWith(id(name), pointer(name)))
			for range 300 { // what never ends is tried five times
				if _, more := r.step(); !more || len(r.redo) > 0 && r.attempts[r.redo[0].id] == 5 {
					break
				}
			}
			checkWay(t, r, way.code, way.lines, way.batch)
			if way.code == "" {
				origin := ""
				if way.origin != nil {
					origin = way.origin(name)
				}
				checkCopy(t, r, origin)
			}
		})
	}
}

// checkWay checks the one outcome besides the lines.
func checkWay(t *testing.T, r *rig, code string, lines int, known bool) {
	t.Helper()
	all := r.outcomes(outcomesTopic)
	if len(all) != 1 {
		t.Fatalf("outcomes %v, want one", r.types(outcomesTopic))
	}
	got := all[0]
	kind := map[string]string{"": "batch.completed", "incomplete": "batch.incomplete"}[code]
	if kind == "" {
		kind = "batch.unreadable"
		if said := got.data["error"].(map[string]any)["code"]; said != code {
			t.Errorf("code %v, want %s", said, code)
		}
	}
	if got.attributes["type"] != kind {
		t.Fatalf("got %s, want %s", got.raw, kind)
	}
	if about, _ := got.data["batch"].(map[string]any); (about != nil) != known || known && (about["display_name"] != "nightly" || about["requested"] != float64(requests)) {
		t.Errorf("batch %v, want it: %v", about, known)
	}
	for _, p := range append(r.outcomes(resultsTopic), got) {
		if (p.attributes["confirmed"] == "true") != known || (p.attributes["display_name"] == "nightly") != known {
			t.Errorf("attributes %v, the job is known: %v", p.attributes, known)
		}
	}
	published, repeats := r.lines()
	if len(published) != lines || repeats != 0 {
		t.Errorf("%d lines, %d repeats, want %d and 0", len(published), repeats, lines)
	}
	if kind != "batch.completed" {
		return
	}
	results := r.completed()
	if missing, has := results["missing"]; results["total"] != float64(lines) || has != known || known && missing != float64(requests-lines) {
		t.Errorf("results %v, want %d lines of %d, known: %v", results, lines, requests, known)
	}
}

// checkCopy checks where results are said to come from; "": no copy.
func checkCopy(t *testing.T, r *rig, origin string) {
	t.Helper()
	copies := r.gcs.List(archiveBucket, "archive/")
	if len(copies) != min(1, len(origin)) {
		t.Fatalf("%d copies", len(copies))
	}
	want := map[string]any{"uri": gsPointer}
	if origin != "" {
		want = map[string]any{"uri": "gs://" + archiveBucket + "/" + copies[0].Name, "origin": origin}
	}
	if diff := cmp.Diff(want, r.outcomes(outcomesTopic)[0].data["source"]); diff != "" {
		t.Errorf("source of batch.completed (-want +got):\n%s", diff)
	}
	indexes := make(map[any]bool)
	for _, p := range r.outcomes(resultsTopic) {
		source := maps.Clone(p.data["source"].(map[string]any))
		offset, length := int(source["offset"].(float64)), int(source["length"].(float64))
		if origin != "" && (source["generation"] != fmt.Sprint(copies[0].Generation) || !bytes.HasPrefix(copies[0].Data[offset+length:], []byte("\n"))) {
			t.Errorf("%v is no line of the copy", source)
		}
		for _, name := range []string{"generation", "offset", "length"} {
			delete(source, name)
		}
		if diff := cmp.Diff(want, source); diff != "" {
			t.Errorf("source of a line (-want +got):\n%s", diff)
		}
		indexes[p.data["index"]] = true
	}
	if strings.HasPrefix(origin, "batches/") {
		for i := range len(r.outcomes(resultsTopic)) {
			if !indexes[float64(i)] {
				t.Errorf("no line of index %d", i)
			}
		}
	}
}
