package vertex

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// State is a job's.
type State string

// The last states.
const (
	StateSucceeded          State = "JOB_STATE_SUCCEEDED"
	StatePartiallySucceeded State = "JOB_STATE_PARTIALLY_SUCCEEDED"
	StateFailed             State = "JOB_STATE_FAILED"
	StateCancelled          State = "JOB_STATE_CANCELLED"
	StateExpired            State = "JOB_STATE_EXPIRED"
)

// The states before them.
const (
	statePending    State = "JOB_STATE_PENDING"
	stateRunning    State = "JOB_STATE_RUNNING"
	stateCancelling State = "JOB_STATE_CANCELLING"
)

// job is a batch prediction job; Server.mu guards what changes after its creation.
type job struct {
	seq                uint64 // from 1, in order of creation
	name, id, location string
	displayName, model string
	sources            []string // gs://…
	prefix             string   // gs://…, without a slash at the end
	form               JobOptions
	cancel             context.CancelFunc
	rows               []row // of its run alone

	state                            State
	created, started, ended, updated time.Time
	directory                        string // gs://…, once it runs
	stats                            *stats
	failure                          *failure
}

// stats count rows.
type stats struct{ succeeded, failed, incomplete int }

// failure is google.rpc.Status.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (j *job) active() bool { return j.state == statePending || j.state == stateRunning }

// fields are the body of a create request. What a job says of itself is output only and refused here.
type fields struct {
	DisplayName  string          `json:"display_name"`
	Model        string          `json:"model"`
	InputConfig  json.RawMessage `json:"input_config"`
	OutputConfig json.RawMessage `json:"output_config"`
}

type inputConfig struct {
	Format    string          `json:"instances_format"`
	GCSSource json.RawMessage `json:"gcs_source"`
}

type outputConfig struct {
	Format         string          `json:"predictions_format"`
	GCSDestination json.RawMessage `json:"gcs_destination"`
}

var (
	modelForm  = regexp.MustCompile(`^publishers/[^/]+/models/[^/]+$`)
	objectForm = regexp.MustCompile(`^gs://[^/*]+/[^*]+$`)
	prefixForm = regexp.MustCompile(`^gs://[^/*]+(/[^*]*)?$`)
)

// readJob decodes and checks a create request. Whether its input exists the run will see.
func readJob(w http.ResponseWriter, r *http.Request) (*job, *rest.Error) {
	var in fields
	var input inputConfig
	var output outputConfig
	var source struct {
		URIs []string `json:"uris"`
	}
	var destination struct {
		Prefix string `json:"output_uri_prefix"`
	}
	err := rest.ReadBody(w, r, &in)
	for _, level := range []struct {
		from *json.RawMessage
		into any
	}{{&in.InputConfig, &input}, {&in.OutputConfig, &output}, {&input.GCSSource, &source}, {&output.GCSDestination, &destination}} {
		if err == nil && len(*level.from) > 0 {
			err = rest.Decode(*level.from, level.into)
		}
	}
	notObject := func(uri string) bool { return !objectForm.MatchString(uri) }
	switch {
	case err != nil:
		return nil, err
	case in.DisplayName == "":
		return nil, rest.Invalid("display_name must be given.")
	case !modelForm.MatchString(in.Model):
		return nil, rest.Invalid("model must be publishers/PUBLISHER/models/MODEL.")
	case input.Format != "jsonl" || len(source.URIs) == 0 || slices.ContainsFunc(source.URIs, notObject):
		return nil, rest.Invalid("input_config: only jsonl in objects of Cloud Storage is simulated.")
	case output.Format != "jsonl" || !prefixForm.MatchString(destination.Prefix):
		return nil, rest.Invalid("output_config: only jsonl in Cloud Storage is simulated.")
	}
	return &job{displayName: in.DisplayName, model: in.Model, sources: source.URIs, prefix: strings.TrimRight(destination.Prefix, "/"),
		location: r.PathValue("location"), state: statePending}, nil
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	j, err := readJob(w, r)
	if err != nil {
		return nil, err
	}
	if j.form = s.opts.JobFor(j.displayName); j.form.State == "" {
		j.form.State = StateSucceeded
	}
	ctx, cancel := context.WithCancel(s.background.Context())
	j.cancel = cancel
	s.mu.Lock()
	s.made++
	j.seq = s.made
	j.id = strconv.FormatUint(1e18+rand.New(rand.NewPCG(s.opts.Seed, j.seq)).Uint64N(8e18), 10) // 19 digits
	j.name = "projects/" + s.opts.ProjectNumber + "/locations/" + j.location + "/batchPredictionJobs/" + j.id
	j.created = s.opts.Now()
	j.updated = j.created
	s.jobs = slices.Insert(s.jobs, 0, j)
	out := j.render()
	s.mu.Unlock()
	if !s.background.Go(func(background context.Context) { defer cancel(); s.run(background, ctx, j) }) {
		cancel()
		return nil, rest.Closing()
	}
	return out, nil
}

// render is the job as get shows it.
func (j *job) render() map[string]any {
	out := map[string]any{
		"name": j.name, "displayName": j.displayName, "model": j.model, "state": j.state,
		"inputConfig":  map[string]any{"instancesFormat": "jsonl", "gcsSource": map[string]any{"uris": j.sources}},
		"outputConfig": map[string]any{"predictionsFormat": "jsonl", "gcsDestination": map[string]any{"outputUriPrefix": j.prefix}},
		"createTime":   rest.Stamp(j.created), "updateTime": rest.Stamp(j.updated),
	}
	if !j.started.IsZero() {
		out["startTime"] = rest.Stamp(j.started)
	}
	if j.directory != "" {
		out["outputInfo"] = map[string]string{"gcsOutputDirectory": j.directory}
	}
	if !j.ended.IsZero() && !j.form.NoEndTime {
		out["endTime"] = rest.Stamp(j.ended)
	}
	if j.failure != nil {
		out["error"] = j.failure
	}
	if j.stats != nil {
		out["completionStats"] = j.stats.render()
	}
	return out
}

// render gives the counts as texts, and leaves out what is 0, as protobuf's JSON does.
func (c stats) render() map[string]string {
	out := map[string]string{}
	for name, n := range map[string]int{"successfulCount": c.succeeded, "failedCount": c.failed, "incompleteCount": c.incomplete} {
		if n != 0 {
			out[name] = strconv.Itoa(n)
		}
	}
	return out
}
