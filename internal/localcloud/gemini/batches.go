package gemini

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// States of a batch on the wire; the SDK shows them as JOB_STATE_….
const (
	batchPending   = "BATCH_STATE_PENDING"
	batchRunning   = "BATCH_STATE_RUNNING"
	batchSucceeded = "BATCH_STATE_SUCCEEDED"
	batchFailed    = "BATCH_STATE_FAILED"
	batchCancelled = "BATCH_STATE_CANCELLED"
)

const (
	typePrefix  = "type.googleapis.com/google.ai.generativelanguage.v1main."
	batchType   = typePrefix + "GenerateContentBatch"
	outputType  = typePrefix + "GenerateContentBatchOutput"
	batchPrefix = "batches/"
)

// batch is a job; Server.mu guards what changes after its creation.
type batch struct {
	header             // the id is without "batches/"
	model, displayName string
	inputFile          string        // files/…, empty for inlined requests
	input              []byte        // the file's content
	inlined            []inlineEntry // or the requests
	hook               webhookConfig
	cancel             context.CancelFunc // of its run

	state     string
	ended     time.Time
	stats     stats
	pointer   string            // of a succeeded file job
	responses []json.RawMessage // of a succeeded inline job
	failure   *batchError       // of a failed job
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
	mux.Handle("POST /v1beta/models/{call}", method(func(w http.ResponseWriter, r *http.Request) (any, *apiError) {
		model, verb := splitVerb(r.PathValue("call"))
		switch verb {
		case "batchGenerateContent":
			return s.createBatch(w, r, model)
		case "predictLongRunning":
			return s.createVideo(w, r, model)
		}
		return nil, notFound("of the model's methods only :batchGenerateContent and :predictLongRunning are simulated")
	}))
	mux.Handle("GET /v1beta/batches", list(s, &s.batches, "operations", "nextPageToken", nil))
	mux.Handle("GET /v1beta/batches/{id}", get(s, &s.batches))
	mux.Handle("DELETE /v1beta/batches/{id}", remove(s, &s.batches, func(b *batch) { // one that still ran ends without an event
		b.state = batchCancelled
		b.cancel()
	}))
	mux.Handle("POST /v1beta/batches/{call}", method(func(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
		id, verb := splitVerb(r.PathValue("call"))
		if verb != "cancel" {
			return nil, notFound("batches have the method :cancel")
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
func readBatch(w http.ResponseWriter, r *http.Request) (*batch, *apiError) {
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
	err := readBody(w, r, &in)
	for _, level := range []struct {
		from *json.RawMessage
		into any

		ignored []string
	}{{&in.Batch, &fields, batchIgnored}, {&fields.InputConfig, &config, nil}, {&config.Requests, &requests, nil}} {
		if err == nil && len(*level.from) > 0 {
			err = decode(*level.from, level.into, level.ignored...)
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
		return nil, invalid("input_config must have exactly one of file_name and requests.")
	}
	b := &batch{displayName: fields.DisplayName, inputFile: config.FileName, hook: hook, state: batchPending}
	for _, raw := range requests.Requests {
		var entry inlineEntry
		if err := decode(raw, &entry); err != nil {
			return nil, err
		}
		b.inlined = append(b.inlined, entry)
	}
	return b, nil
}

func (s *Server) createBatch(w http.ResponseWriter, r *http.Request, model string) (any, *apiError) {
	b, err := readBatch(w, r)
	if err != nil {
		return nil, err
	}
	b.model = "models/" + model
	s.mu.Lock()
	if b.inputFile != "" {
		f, err := s.files.find(strings.TrimPrefix(b.inputFile, "files/"))
		if err != nil || f.result {
			s.mu.Unlock()
			return nil, notFound("input_config.file_name: no uploaded file of this name.")
		}
		b.input = f.content
	}
	b.header = s.newHeader("batch", "", 24)
	ctx, cancel := context.WithCancel(s.ctx)
	b.cancel = cancel
	s.batches.all = append(s.batches.all, b)
	out := b.render(s)
	s.mu.Unlock()
	if !s.spawn(func(context.Context) { defer cancel(); s.run(ctx, b) }) {
		cancel()
		return nil, closing()
	}
	return out, nil
}

// cancelBatch ends a batch at once; on one that has ended it does nothing, as for any long-running operation.
func (s *Server) cancelBatch(id string) (any, *apiError) {
	s.mu.Lock()
	b, err := s.batches.find(id)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.end(b, ending{state: batchCancelled, event: "batch.cancelled"})
	return empty{}, nil
}

// render is the long-running operation that stands for a batch.
func (b *batch) render(*Server) map[string]any {
	counts := map[string]string{"requestCount": strconv.Itoa(b.stats.total)}
	for name, n := range map[string]int{
		"successfulRequestCount": b.stats.succeeded, "failedRequestCount": b.stats.failed,
		"pendingRequestCount": b.stats.total - b.stats.succeeded - b.stats.failed,
	} {
		if n > 0 {
			counts[name] = strconv.Itoa(n)
		}
	}
	metadata := map[string]any{
		"@type": batchType, "name": b.name(), "model": b.model, "displayName": b.displayName, "state": b.state,
		"createTime": stamp(b.created), "updateTime": stamp(b.updated), "batchStats": counts,
	}
	if b.inputFile != "" {
		metadata["inputConfig"] = map[string]string{"fileName": b.inputFile}
	}
	out := map[string]any{"name": b.name(), "metadata": metadata}
	if b.active() {
		return out
	}
	out["done"] = true
	metadata["endTime"] = stamp(b.ended)
	switch {
	case b.state == batchSucceeded && b.inputFile != "":
		metadata["output"] = map[string]any{"responsesFile": b.pointer}
		out["response"] = map[string]any{"@type": outputType, "responsesFile": b.pointer}
	case b.state == batchSucceeded:
		inlined := map[string]any{"inlinedResponses": b.responses}
		metadata["output"] = map[string]any{"inlinedResponses": inlined}
		out["response"] = map[string]any{"@type": outputType, "inlinedResponses": inlined}
	case b.failure != nil:
		out["error"] = b.failure
	}
	return out
}
