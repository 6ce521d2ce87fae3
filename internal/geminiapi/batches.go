package geminiapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/source"
)

// Batches reads batches.
type Batches struct{ *API }

// Error is what went wrong with a job, in Gemini's words. Numbers are texts.
type Error = event.Error

const (
	maxMember  = 64 << 10 // 64 KiB, of one member of an answer that is kept
	lineBuffer = 64 << 10
)

// Read reads a batch by its name or id ("batches/X", "batch_X", "X"). Inline results go
// to lines, each as one line of compact JSON with the member "index", its place from 0;
// it stands last, so that it counts where an item has one itself. lines may be nil.
//
// The answer, of hundreds of MB where results are inline, is never held: lines gets them
// as they come, so after an error it has a part of them. Of several lists, for the API
// sends the same one twice, the first that has an item is used.
//
// It does not say whether there are results: a job that is not done has none yet.
func (b Batches) Read(ctx context.Context, id string, lines io.Writer) (source.Job, error) {
	name := object.BatchName(id)
	if name == "" {
		return source.Job{}, fmt.Errorf("read a batch: %w", object.ErrName)
	}
	resp, err := b.get(ctx, name, "/v1beta/"+name)
	if err != nil {
		return source.Job{}, err
	}
	defer resp.Body.Close()
	job, err := readJob(resp.Body, lines)
	if err != nil {
		return source.Job{}, fmt.Errorf("read %s: %w", name, err)
	}
	return job, nil
}

// Requests writes the inline requests of a batch, each as a line of compact JSON, in
// their order. There are none where the API does not show them.
func (b Batches) Requests(ctx context.Context, id string, lines io.Writer) error {
	name := object.BatchName(id)
	if name == "" {
		return fmt.Errorf("read a batch: %w", object.ErrName)
	}
	resp, err := b.get(ctx, name, "/v1beta/"+name)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := readRequests(resp.Body, lines); err != nil {
		return fmt.Errorf("read the requests of %s: %w", name, err)
	}
	return nil
}

// Probe asks for the list of batches, of one at most: nil where the key may read them.
func (b Batches) Probe(ctx context.Context) error {
	resp, err := b.get(ctx, "the list of batches", "/v1beta/batches?pageSize=1")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func readJob(answer io.Reader, lines io.Writer) (source.Job, error) {
	j := jobReader{Reader: jsonstream.New(answer)}
	if lines != nil {
		j.lines = bufio.NewWriterSize(lines, lineBuffer)
	}
	if err := j.Object(j.member); err != nil {
		return source.Job{}, err
	}
	if err := j.End(); err != nil {
		return source.Job{}, err
	}
	if lines != nil {
		return j.Job, j.lines.Flush()
	}
	return j.Job, nil
}

func readRequests(answer io.Reader, lines io.Writer) error {
	j := jobReader{Reader: jsonstream.New(answer), requests: bufio.NewWriterSize(lines, lineBuffer)}
	if err := j.Object(j.member); err != nil {
		return err
	}
	if err := j.End(); err != nil {
		return err
	}
	return j.requests.Flush()
}

// jobReader walks through an answer. Its members come in any order, in the operation
// itself, in its metadata and in its output.
type jobReader struct {
	*jsonstream.Reader
	source.Job
	lines    *bufio.Writer // nil: nobody wants them
	requests *bufio.Writer // likewise
}

func (j *jobReader) member(name string) error {
	switch name = camel(name); name {
	case "metadata", "response", "output", "dest":
		return j.Object(j.member)
	case "inlinedResponses", "inlinedEmbedContentResponses":
		return j.list()
	case "batchStats":
		return j.Object(j.stat)
	case "inputConfig":
		return j.Object(j.input)
	case "error":
		return readError(j.Reader, &j.Error)
	case "webhookConfig": // its uris may hold tokens
		return j.Object(func(name string) error {
			value, err := j.Value(maxMember)
			if camel(name) == "userMetadata" && value.IsObject() {
				j.UserMetadata = string(value)
			}
			return err
		})
	case "done":
		value, err := j.Value(maxMember)
		j.Done = j.Done || value.IsTrue()
		return err
	}
	fields := map[string]*string{
		"name": &j.Name, "displayName": &j.DisplayName, "model": &j.Model, "state": &j.State,
		"createTime": &j.Created, "updateTime": &j.Updated, "endTime": &j.Ended,
		"responsesFile": &j.ResponsesFile, "fileName": &j.ResponsesFile, // what the SDKs make of it
	}
	if field, ok := fields[name]; ok {
		return text(j.Reader, field)
	}
	return j.Skip()
}

// stat reads one of a job's numbers of requests.
func (j *jobReader) stat(name string) error {
	value, err := j.Value(maxMember)
	count, bad := strconv.ParseFloat(value.StrOrNumber(), 64)
	if camel(name) == "requestCount" && bad == nil && count >= 0 && count == math.Trunc(count) && count < 1<<53 {
		j.Requested, j.HasRequested = int64(count), true
	}
	return err
}

// input reads where the requests are, or are themselves: nested once or twice.
func (j *jobReader) input(name string) error {
	switch name = camel(name); {
	case name == "fileName":
		return text(j.Reader, &j.InputFile)
	case name != "requests" || j.requests == nil:
		return j.Skip()
	}
	c, err := j.Peek()
	if err == nil && c == '[' {
		return j.Array(j.request)
	}
	return j.Object(j.input)
}

func (j *jobReader) request(int) error {
	if err := j.Copy(j.requests); err != nil {
		return err
	}
	return j.requests.WriteByte('\n')
}

// list reads inline results: an array, or an object that has one. An object without one
// is how protobuf writes an empty list.
func (j *jobReader) list() error {
	c, err := j.Peek()
	if err != nil {
		return err
	}
	j.Inline = j.Inline || c == '[' || c == '{'
	switch {
	case c == '[' && j.Items == 0:
		return j.Array(j.item)
	case c == '{':
		return j.Object(func(name string) error {
			switch camel(name) {
			case "inlinedResponses", "inlinedEmbedContentResponses":
				return j.list()
			}
			return j.Skip()
		})
	}
	return j.Skip()
}

func (j *jobReader) item(index int) error {
	j.Items++
	if j.lines == nil {
		return j.Skip()
	}
	item := &itemWriter{to: j.lines}
	if err := j.Copy(item); err != nil {
		return err
	}
	return item.end(index)
}

// itemWriter holds back the last byte of an item, before which its index comes.
type itemWriter struct {
	to   io.Writer
	last []byte // one, or none yet
	size int
}

func (w *itemWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := w.to.Write(w.last); err != nil {
		return 0, err
	}
	n := len(p) - 1
	w.last = append(w.last[:0], p[n])
	w.size += len(p)
	if _, err := w.to.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *itemWriter) end(index int) error {
	tail := string(w.last)
	if tail == "}" {
		tail = `"index":` + strconv.Itoa(index) + "}"
		if w.size > len("{}") {
			tail = "," + tail
		}
	}
	_, err := io.WriteString(w.to, tail+"\n")
	return err
}

// text reads a string or a number into a field that is still empty.
func text(r *jsonstream.Reader, into *string) error {
	value, err := r.Value(maxMember)
	if *into == "" {
		*into = value.StrOrNumber()
	}
	return err
}

// readError reads an error that is an object.
func readError(r *jsonstream.Reader, into **Error) error {
	value, err := r.Value(maxMember)
	if err == nil && value.IsObject() {
		var code, message, status lenientjson.Value
		value.Pick(lenientjson.To("code", &code), lenientjson.To("message", &message), lenientjson.To("status", &status))
		*into = &Error{Code: code.StrOrNumber(), Message: message.Str(), Status: status.Str()}
	}
	return err
}

// camel makes camelCase of snake_case: the API writes the one, its older versions and
// SDKs the other.
func camel(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}
