package gemini

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// codeInternal is google.rpc.Code INTERNAL.
const codeInternal = 13

// ending is how a batch ends.
type ending struct {
	end     End // empty: it succeeds
	pointer string
	failure *batchError
	stats   *stats // nil: as they are

	tooLarge bool // the list of inlined responses is not given
}

func failing(code int, message string) ending {
	return ending{end: EndFailed, failure: &batchError{Code: code, Message: message}}
}

// run takes a batch from pending to its end.
func (s *Server) run(ctx context.Context, b *batch) {
	b.readInput()
	if !sleep(ctx, s.scaled(s.opts.BatchDuration/4)) {
		return
	}
	s.mu.Lock()
	if b.active() {
		b.state, b.updated, b.stats.total = batchRunning, s.opts.Now(), len(b.items)
	}
	s.mu.Unlock()
	if !sleep(ctx, s.scaled(s.opts.BatchDuration*3/4)) {
		return
	}
	done, err := s.produce(ctx, b)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.opts.Log.Error("gemini batch: results cannot be written", "batch", b.id, "error", err)
		done = failing(codeInternal, "The results could not be written.")
	}
	s.end(b, done)
}

// produce puts the results of a batch where they belong. Inlined ones are made whenever they are asked for.
func (s *Server) produce(ctx context.Context, b *batch) (done ending, err error) {
	switch {
	case b.form.End == EndFailed:
		return failing(codeInternal, "Internal error encountered."), nil
	case b.form.End != "":
		return ending{end: b.form.End}, nil
	case len(b.items) == 0:
		return failing(3, "The input file has no requests."), nil // 3 is INVALID_ARGUMENT
	}
	counted := s.newMaker(b).count()
	done.stats = &counted
	if b.inputFile == "" {
		done.tooLarge = s.opts.InlineLimit > 0 && s.newMaker(b).exceeds(s.opts.InlineLimit)
		return done, nil
	}
	results := s.newResultFile(b)
	if s.pointer(b) != PointerBucket {
		id := "batch-" + b.id // longer than maxFileID, as observed
		s.mu.Lock()
		s.addFile(&file{header: header{id: id}, mime: "application/jsonl", size: results.size(), open: results.open, result: true})
		s.mu.Unlock()
		done.pointer = "files/" + id
		return done, nil
	}
	object := b.name() + "/results.jsonl"
	content := io.NewSectionReader(results.open(), 0, results.size())
	if err := s.opts.Sink.Write(ctx, s.opts.ResultBucket, object, content); err != nil {
		return done, err
	}
	if read, _ := content.Seek(0, io.SeekCurrent); read != results.size() {
		return done, fmt.Errorf("the sink did not read to the end")
	}
	done.pointer = "gs://" + s.opts.ResultBucket + "/" + object
	return done, nil
}

// pointer is what a batch's event says of its results.
func (s *Server) pointer(b *batch) Pointer { return cmp.Or(b.form.Pointer, s.opts.ResultPointer) }

// end brings a batch to its last state and sends the event, unless it had ended before.
func (s *Server) end(b *batch, e ending) {
	event := "batch." + cmp.Or(string(e.end), "succeeded")
	s.mu.Lock()
	if !b.active() {
		s.mu.Unlock()
		return
	}
	b.state, b.pointer, b.failure, b.tooLarge = batchStates[e.end], e.pointer, e.failure, e.tooLarge
	b.ended, b.expires = s.opts.Now(), s.expiry()
	b.updated = b.ended
	if e.stats != nil {
		b.stats = *e.stats
	}
	s.mu.Unlock()
	b.cancel()
	data := map[string]any{"id": b.name()}
	switch pointer := s.pointer(b); {
	case e.pointer == "" || pointer == PointerNone:
	case pointer == PointerURL:
		data["output_file_uri"] = downloadURL(e.pointer)
	default:
		data["output_file_uri"] = e.pointer
	}
	if e.failure != nil {
		data["error_code"], data["error_message"] = e.failure.Code, e.failure.Message
	}
	s.opts.Log.Info("gemini batch ended", "batch", b.id, "event", event)
	if b.form.NoEvent {
		return
	}
	if s.opts.OldEvents {
		data["id"] = "batch_" + b.id
		if e.end == "" {
			event = "batch.completed"
		}
	}
	s.announce(b.hook, event, data)
}

// item is one request of a batch as far as its result needs it.
type item struct {
	key      json.RawMessage // of a line, as it was; nil where there is none
	metadata json.RawMessage // of an inlined request
	broken   bool            // the line is no request
	size     int             // bytes of the request, for its token count
}

// readInput reads the requests of a file; blank lines are none.
func (b *batch) readInput() {
	for line := range bytes.Lines(b.input) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			b.items = append(b.items, readItem(line))
		}
	}
	b.input = nil
}

func readItem(line []byte) item {
	var in struct {
		Key     json.RawMessage `json:"key"`
		Request json.RawMessage `json:"request"`
	}
	err := json.Unmarshal(line, &in)
	request := bytes.TrimSpace(in.Request)
	return item{key: in.Key, broken: err != nil || len(request) == 0 || request[0] != '{', size: len(request)}
}
