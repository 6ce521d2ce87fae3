package gemini

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// States of a batch on the wire; the SDK shows them as JOB_STATE_….
const (
	batchPending   = "BATCH_STATE_PENDING"
	batchRunning   = "BATCH_STATE_RUNNING"
	batchSucceeded = "BATCH_STATE_SUCCEEDED"
)

// batchStates are the last ones.
var batchStates = map[End]string{
	"": batchSucceeded, EndFailed: "BATCH_STATE_FAILED", EndExpired: "BATCH_STATE_EXPIRED", EndCancelled: "BATCH_STATE_CANCELLED",
}

const (
	typePrefix  = "type.googleapis.com/google.ai.generativelanguage.v1main."
	batchPrefix = "batches/"
	batchIDSize = 36 // observed
)

// batch is a job; Server.mu guards what changes after its creation.
type batch struct {
	header             // the id is without "batches/"
	model, displayName string
	embed              bool              // of embeddings
	inputFile          string            // files/…, empty for inlined requests
	input              []byte            // the file's content, until its run has read it
	inline             []json.RawMessage // the inlined requests, where they are shown
	items              []item            // the requests; they do not change once the batch runs
	hook               webhookConfig
	form               BatchOptions
	cancel             context.CancelFunc // of its run

	state    string
	ended    time.Time
	stats    stats
	pointer  string      // of a succeeded file job
	tooLarge bool        // its list of inlined responses is not given
	failure  *batchError // of a failed job
}

// stats count a batch's requests.
type stats struct{ total, succeeded, failed int }

// batchError says why a batch failed.
type batchError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// inlineEntry is one inlined request.
type inlineEntry struct {
	Request  json.RawMessage `json:"request"`
	Metadata json.RawMessage `json:"metadata"`
}

func (b *batch) name() string { return batchPrefix + b.id }

func (b *batch) active() bool { return b.state == batchPending || b.state == batchRunning }

func (s *Server) routeBatches(mux *http.ServeMux) {
	mux.Handle("POST /v1beta/models/{call}", rest.Method(func(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
		model, verb := rest.SplitVerb(r.PathValue("call"))
		switch verb {
		case "batchGenerateContent", "asyncBatchEmbedContent":
			return s.createBatch(w, r, model, verb == "asyncBatchEmbedContent")
		case "predictLongRunning":
			return s.createVideo(w, r, model)
		}
		return nil, rest.NotFound("of the model's methods only :batchGenerateContent, :asyncBatchEmbedContent and :predictLongRunning are simulated")
	}))
	mux.Handle("GET /v1beta/batches", list(s, &s.batches, "operations", "nextPageToken", nil))
	mux.Handle("GET /v1beta/batches/{id}", rest.Method(s.getBatch))
	mux.Handle("DELETE /v1beta/batches/{id}", remove(s, &s.batches, func(b *batch) { // one that still ran ends without an event
		b.state = batchStates[EndCancelled]
		b.cancel()
	}))
	mux.Handle("POST /v1beta/batches/{call}", rest.Method(func(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
		id, verb := rest.SplitVerb(r.PathValue("call"))
		if verb != "cancel" {
			return nil, rest.NotFound("batches have the method :cancel")
		}
		return s.cancelBatch(id)
	}))
}

// batchIgnored are taken and not used: the name is output only, of the model that in the path counts.
var batchIgnored = []string{"name", "model", "priority"}

// batchFields is the batch of a create request.
type batchFields struct {
	DisplayName   string          `json:"display_name"`
	InputConfig   json.RawMessage `json:"input_config"`
	WebhookConfig json.RawMessage `json:"webhook_config"`
}

// readBatch decodes and checks a create request, but for whether its file exists.
func readBatch(w http.ResponseWriter, r *http.Request) (*batch, *rest.Error) {
	var in struct {
		Batch json.RawMessage `json:"batch"`
	}
	var fields batchFields
	var config struct {
		FileName string          `json:"file_name"`
		Requests json.RawMessage `json:"requests"`
	}
	var requests struct {
		Requests []json.RawMessage `json:"requests"`
	}
	err := rest.ReadBody(w, r, &in)
	for _, level := range []struct {
		from *json.RawMessage
		into any

		ignored []string
	}{{&in.Batch, &fields, batchIgnored}, {&fields.InputConfig, &config, nil}, {&config.Requests, &requests, nil}} {
		if err == nil && len(*level.from) > 0 {
			err = rest.Decode(*level.from, level.into, level.ignored...)
		}
	}
	var hook webhookConfig
	if err == nil {
		hook, err = readWebhookConfig(fields.WebhookConfig)
	}
	switch {
	case err != nil:
		return nil, err
	case (config.FileName == "") == (len(requests.Requests) == 0):
		return nil, rest.Invalid("input_config must have exactly one of file_name and requests.")
	}
	b := &batch{displayName: fields.DisplayName, inputFile: config.FileName, hook: hook, state: batchPending}
	b.inline = requests.Requests
	for _, raw := range requests.Requests {
		var entry inlineEntry
		if err := rest.Decode(raw, &entry); err != nil {
			return nil, err
		}
		b.items = append(b.items, item{metadata: bytes.Clone(entry.Metadata), size: len(entry.Request)})
	}
	return b, nil
}

func (s *Server) createBatch(w http.ResponseWriter, r *http.Request, model string, embed bool) (any, *rest.Error) {
	b, err := readBatch(w, r)
	if err != nil {
		return nil, err
	}
	b.model, b.embed, b.form = "models/"+model, embed, s.opts.BatchFor(b.displayName)
	if !b.form.ShowRequests {
		b.inline = nil
	}
	s.mu.Lock()
	if b.inputFile != "" {
		f, err := s.files.find(strings.TrimPrefix(b.inputFile, "files/"))
		if err != nil || f.result {
			s.mu.Unlock()
			return nil, rest.NotFound("input_config.file_name: no uploaded file of this name.")
		}
		b.input = f.content
	}
	b.header = s.newHeader("batch", "", batchIDSize)
	ctx, cancel := context.WithCancel(s.background.Context())
	b.cancel = cancel
	s.batches.all = append(s.batches.all, b)
	out := b.render(s)
	s.mu.Unlock()
	if !s.background.Go(func(context.Context) { defer cancel(); s.run(ctx, b) }) {
		cancel()
		return nil, rest.Closing()
	}
	return out, nil
}

// cancelBatch ends a batch at once; on one that has ended it does nothing, as for any long-running operation.
func (s *Server) cancelBatch(id string) (any, *rest.Error) {
	s.mu.Lock()
	b, err := s.batches.find(id)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.end(b, ending{end: EndCancelled})
	return rest.Empty{}, nil
}

// getBatch is get, but for what is too large for it.
func (s *Server) getBatch(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	s.mu.Lock()
	b, err := s.batches.find(r.PathValue("id"))
	tooLarge := err == nil && b.tooLarge
	s.mu.Unlock()
	if tooLarge {
		s.Sleep(r.Context(), s.scaled(s.opts.InlineTimeout))
		return nil, &rest.Error{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Message: "The service is currently unavailable."}
	}
	return get(s, &s.batches)(w, r)
}

// render is the long-running operation that stands for a batch.
func (b *batch) render(s *Server) map[string]any {
	kind := "GenerateContentBatch"
	if b.embed {
		kind = "EmbedContentBatch"
	}
	running := b.active() || b.form.Running
	state, stats := b.state, b.stats
	if b.form.Running && !b.active() {
		state, stats.succeeded, stats.failed = batchRunning, 0, 0
	}
	metadata := map[string]any{
		"@type": typePrefix + kind, "name": b.name(), "model": b.model, "displayName": b.displayName, "state": state,
		"createTime": rest.Stamp(b.created), "updateTime": rest.Stamp(b.updated), "batchStats": stats.render(),
	}
	if b.inputFile != "" {
		metadata["inputConfig"] = map[string]string{"fileName": b.inputFile}
	}
	if len(b.inline) > 0 {
		metadata["inputConfig"] = map[string]any{"requests": map[string]any{"requests": b.inline}}
	}
	if !b.form.NoWebhookConfig {
		if hook := b.hook.render(); len(hook) > 0 {
			metadata["webhookConfig"] = hook
		}
	}
	out := map[string]any{"name": b.name(), "metadata": metadata}
	if running {
		return out
	}
	out["done"] = true
	if !b.form.NoEndTime {
		metadata["endTime"] = rest.Stamp(b.ended)
	}
	if b.failure != nil {
		out["error"] = b.failure
	}
	if output := b.output(s); output != nil {
		b.place(output, out, metadata, typePrefix+kind+"Output")
	}
	return out
}

// render gives the counts as texts, and leaves out what is 0, as protobuf's JSON does.
func (c stats) render() map[string]string {
	out := map[string]string{"requestCount": strconv.Itoa(c.total)}
	for name, n := range map[string]int{
		"successfulRequestCount": c.succeeded, "failedRequestCount": c.failed, "pendingRequestCount": c.total - c.succeeded - c.failed,
	} {
		if n > 0 {
			out[name] = strconv.Itoa(n)
		}
	}
	return out
}

// output is what a succeeded job gives; nil: nothing, or nothing any more.
func (b *batch) output(s *Server) map[string]any {
	switch {
	case b.state != batchSucceeded || b.form.NoOutput:
		return nil
	case b.inputFile != "":
		return map[string]any{"responsesFile": b.pointer}
	case s.expired(b.expires):
		return nil
	}
	var list any = rest.Stream(s.newMaker(b).list)
	if b.form.EmptyList {
		list = []string{}
	}
	if !b.form.Once {
		list = map[string]any{"inlinedResponses": list}
	}
	if b.embed && b.form.EmbedName {
		return map[string]any{"inlinedEmbedContentResponses": list}
	}
	return map[string]any{"inlinedResponses": list}
}

// place puts the output where the job's options say.
func (b *batch) place(output, operation, metadata map[string]any, typeName string) {
	places := b.form.Places
	if len(places) == 0 {
		places = []string{"response", "metadata.output"}
	}
	for _, place := range places {
		switch place {
		case "metadata.output":
			metadata["output"] = output
		case "response":
			response := maps.Clone(output)
			response["@type"] = typeName
			operation["response"] = response
		default:
			operation[place] = output
		}
	}
}
