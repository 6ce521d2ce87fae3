package gemini

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// codeInternal is google.rpc.Code INTERNAL.
const codeInternal = 13

// ending is how a batch ends: its last state, and its event.
type ending struct {
	state, event string
	pointer      string
	responses    []json.RawMessage
	stats        *stats
	failure      *batchError
}

func failing(code int, message string) ending {
	return ending{state: batchFailed, event: "batch.failed", failure: &batchError{Code: code, Message: message}}
}

// run takes a batch from pending to its end.
func (s *Server) run(ctx context.Context, b *batch) {
	items := b.items()
	if !sleep(ctx, s.scaled(s.opts.BatchDuration/4)) {
		return
	}
	s.mu.Lock()
	if b.active() {
		b.state, b.updated, b.stats.total = batchRunning, s.opts.Now(), len(items)
	}
	s.mu.Unlock()
	if !sleep(ctx, s.scaled(s.opts.BatchDuration*3/4)) {
		return
	}
	done, err := s.produce(ctx, b, items)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.opts.Log.Error("gemini batch: results cannot be written", "batch", b.id, "error", err)
		done = failing(codeInternal, "The results could not be written.")
	}
	s.end(b, done)
}

// produce makes the results of a batch and puts them where they belong.
func (s *Server) produce(ctx context.Context, b *batch, items []item) (ending, error) {
	done := ending{state: batchSucceeded, event: "batch.succeeded"}
	maker := s.newMaker(b, items)
	switch {
	case len(items) == 0:
		return failing(3, "The input file has no requests."), nil // 3 is INVALID_ARGUMENT
	case b.inputFile == "":
		for i := range items { // in the order of the requests, as documented for inlined ones
			done.responses = append(done.responses, maker.line(i))
		}
	case s.opts.ResultPointer == PointerFile:
		content, err := io.ReadAll(maker)
		if err != nil {
			return ending{}, err
		}
		s.mu.Lock()
		id := "batch-" + s.drawID("result", 40) // longer than maxFileID, as observed
		s.addFile(&file{header: header{id: id}, mime: "application/jsonl", content: content, result: true})
		s.mu.Unlock()
		done.pointer = "files/" + id
	default:
		object := b.name() + "/results.jsonl"
		if err := s.opts.Sink.Write(ctx, s.opts.ResultBucket, object, maker); err != nil {
			return ending{}, err
		}
		if maker.unread() {
			return ending{}, fmt.Errorf("the sink did not read to the end")
		}
		done.pointer = "gs://" + s.opts.ResultBucket + "/" + object
	}
	done.stats = &maker.stats
	return done, nil
}

// end brings a batch to its last state and sends the event, unless it had ended before.
func (s *Server) end(b *batch, e ending) {
	s.mu.Lock()
	if !b.active() {
		s.mu.Unlock()
		return
	}
	b.state, b.pointer, b.responses, b.failure = e.state, e.pointer, e.responses, e.failure
	b.ended = s.opts.Now()
	b.updated = b.ended
	if e.stats != nil {
		b.stats = *e.stats
	}
	s.mu.Unlock()
	b.cancel()
	data := map[string]any{"id": b.name()}
	if e.pointer != "" {
		data["output_file_uri"] = e.pointer
	}
	if e.failure != nil {
		data["error_code"], data["error_message"] = e.failure.Code, e.failure.Message
	}
	s.opts.Log.Info("gemini batch ended", "batch", b.id, "state", e.state)
	s.announce(b.hook, e.event, data)
}

// item is one request of a batch as far as its result needs it.
type item struct {
	key      json.RawMessage // of a line, as it was; nil where there is none
	metadata json.RawMessage // of an inlined request
	broken   bool            // the line is no request
	size     int             // bytes of the request, for its token count
}

// items reads the requests; blank lines are none.
func (b *batch) items() []item {
	var items []item
	for _, entry := range b.inlined {
		items = append(items, item{metadata: entry.Metadata, size: len(entry.Request)})
	}
	for line := range bytes.Lines(b.input) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			items = append(items, readItem(line))
		}
	}
	return items
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
