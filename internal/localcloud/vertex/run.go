package vertex

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud/model"
	"example.com/gemini-webhook/internal/localcloud/rest"
)

// maxInputBytes bounds what a job holds in memory: 64 MiB of requests.
const maxInputBytes = 64 << 20

// Codes of google.rpc.Code.
const (
	codeCancelled = 1
	codeInvalid   = 3
	codeInternal  = 13
)

// row is a request with its further members, as the input has them.
type row map[string]json.RawMessage

// run takes a job from pending to its end. Ctx ends when it is cancelled, background with the server.
func (s *Server) run(background, ctx context.Context, j *job) {
	if !s.work(background, ctx, j) && s.Sleep(background, s.scaled(0.25)) {
		s.end(background, j, StateCancelled)
	}
}

// work is false where the job was cancelled, or the server closed, before its end.
func (s *Server) work(background, ctx context.Context, j *job) bool {
	if !s.Sleep(ctx, s.scaled(0.25)) {
		return false
	}
	rows, refused := s.read(ctx, j.sources)
	if ctx.Err() != nil {
		return false
	}
	s.begin(j, rows, refused)
	switch {
	case refused != nil:
		return true
	case j.form.Running:
		<-ctx.Done()
		return false
	case !s.Sleep(ctx, s.scaled(0.75)):
		return false
	}
	s.end(background, j, j.form.State)
	return true
}

// begin shows the job as running or, where its input was refused, as failed.
func (s *Server) begin(j *job, rows []row, refused *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	j.updated = now
	if refused != nil {
		j.state, j.ended, j.failure, j.stats = StateFailed, now, refused, &stats{incomplete: -1} // unknown
		return
	}
	if j.active() { // not being cancelled
		j.state = stateRunning
	}
	j.rows, j.started = rows, now
	j.directory = j.prefix + "/prediction-model-" + rest.Stamp(now)
}

// read reads all requests.
func (s *Server) read(ctx context.Context, sources []string) (rows []row, _ *failure) {
	for _, uri := range sources {
		bucket, object, _ := strings.Cut(strings.TrimPrefix(uri, "gs://"), "/")
		content, err := s.opts.Storage.Open(ctx, bucket, object)
		if err != nil {
			return nil, refuse("Unable to read %s.", uri)
		}
		more, refused := readRows(content, uri)
		_ = content.Close() // it was read
		if refused != nil {
			return nil, refused
		}
		rows = append(rows, more...)
	}
	if len(rows) == 0 {
		return nil, refuse("The input has no requests.")
	}
	return rows, nil
}

// readRows reads the requests of one object; blank lines are none.
func readRows(content io.Reader, uri string) (rows []row, _ *failure) {
	lines := bufio.NewScanner(io.LimitReader(content, maxInputBytes))
	lines.Buffer(nil, maxInputBytes)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r row
		if json.Unmarshal(lines.Bytes(), &r) != nil || !bytes.HasPrefix(r["request"], []byte("{")) {
			return nil, refuse("Line %d of %s is not a request.", n, uri)
		}
		rows = append(rows, r)
	}
	if lines.Err() != nil {
		return nil, refuse("Unable to read %s.", uri)
	}
	return rows, nil
}

func refuse(format string, args ...any) *failure {
	return &failure{codeInvalid, fmt.Sprintf(format, args...)}
}

// end writes what has a result and brings the job to its last state.
func (s *Server) end(ctx context.Context, j *job, state State) {
	finished := len(j.rows)
	if state != StateSucceeded {
		finished = min(finished, j.form.Finished)
	}
	failed := min(finished, j.form.Failed)
	counted := &stats{succeeded: finished - failed, failed: failed, incomplete: len(j.rows) - finished}
	if err := s.write(ctx, j, finished); ctx.Err() != nil {
		return
	} else if err != nil {
		s.opts.Log.Error("vertex job: results cannot be written", "job", j.id, "error", err)
		state, counted = StateFailed, &stats{incomplete: len(j.rows)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	j.state, j.stats, j.ended, j.updated = state, counted, now, now
	switch state {
	case StateFailed:
		j.failure = &failure{codeInternal, "Internal error occurred. Please retry the job."}
	case StateCancelled:
		j.failure = &failure{codeCancelled, "The job was cancelled."}
	}
	s.opts.Log.Info("vertex job ended", "job", j.id, "state", state)
}

// write stores the results of the first rows, in an order that says nothing.
func (s *Server) write(ctx context.Context, j *job, finished int) error {
	if finished == 0 {
		return nil
	}
	var out bytes.Buffer
	for _, i := range rand.New(rand.NewPCG(s.opts.Seed, j.seq)).Perm(finished) {
		line, err := s.line(j, i)
		if err != nil {
			return err
		}
		out.Write(append(line, '\n'))
	}
	bucket, directory, _ := strings.Cut(strings.TrimPrefix(j.directory, "gs://"), "/")
	return s.opts.Storage.Write(ctx, bucket, directory+"/predictions.jsonl", &out)
}

// response is a model's answer as Vertex AI has it.
type response struct {
	*model.Response
	CreateTime string `json:"createTime"`
}

// refusal is the status of a row that failed: a sentence with JSON in it.
const refusal = `Bad Request: {"error": {"code": 400, "message": "Please use a valid role: user, model.", "status": "INVALID_ARGUMENT"}}`

// line is the result of one row.
func (s *Server) line(j *job, i int) ([]byte, error) {
	now := s.opts.Now()
	out := map[string]any{}
	for name, value := range j.rows[i] {
		out[name] = value
	}
	out["processed_time"] = now.UTC().Format("2006-01-02T15:04:05.000-07:00")
	if out["status"], out["response"] = refusal, struct{}{}; i >= j.form.Failed {
		rng := rand.New(rand.NewPCG(s.opts.Seed^uint64(i), j.seq))
		answer := model.Respond(rng, model.Request{
			Model: path.Base(j.model), Bytes: len(j.rows[i]["request"]), MaxTextBytes: s.opts.MaxTextBytes,
		})
		out["status"], out["response"] = "", response{answer, now.UTC().Format(time.RFC3339Nano)}
	}
	return rest.Marshal(out)
}
