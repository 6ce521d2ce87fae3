package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

type simStore struct{ *sim }

func (s simStore) Create(ctx context.Context, name string, data []byte, metadata map[string]string) error {
	return s.call(ctx, func() error { return s.state.Create(ctx, name, data, metadata) })
}

func (s simStore) Read(ctx context.Context, name string) (data []byte, err error) {
	err = s.call(ctx, func() error { data, err = s.state.Read(ctx, name); return err })
	return data, err
}

func (s simStore) List(ctx context.Context, prefix, from, to string) (entries []Entry, err error) {
	err = s.call(ctx, func() error { entries, err = s.state.List(ctx, prefix, from, to); return err })
	return entries, err
}

type simQueue struct{ *sim }

func (s simQueue) Enqueue(ctx context.Context, kind string, messages ...[]byte) error {
	for _, data := range messages { // an error may leave some of them queued
		if err := s.call(ctx, func() error { s.enqueue(kind, slices.Clone(data), s.now); return nil }); err != nil {
			return err
		}
	}
	return nil
}

type simStorage struct{ *sim }

// objects are the names of the result objects.
func (s *sim) objects() (names []string) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("out/%d.jsonl", i)
		if len(s.results[name]) == 0 {
			return names
		}
		names = append(names, name)
	}
}

func (s simStorage) describe(name string) object.Object {
	v := s.results[name][len(s.results[name])-1]
	return object.Object{Bucket: "results", Name: name, Generation: v.generation, Size: int64(len(v.content))}
}

func (s simStorage) Stat(context.Context, string, string) (object.Object, error) {
	return object.Object{}, object.ErrNotFound
}

func (s simStorage) List(ctx context.Context, _, _ string, want func(object.Object) bool, _ int) (found []object.Object, err error) {
	err = s.call(ctx, func() error {
		for _, name := range s.objects() {
			if o := s.describe(name); want(o) {
				found = append(found, o)
			}
		}
		return nil
	})
	return found, err
}

func (s simStorage) Open(ctx context.Context, o object.Object, offset, length int64) (body io.ReadCloser, err error) {
	err = s.call(ctx, func() error {
		v := s.copies[o.Name]
		if o.Bucket == "results" {
			v = s.results[o.Name][len(s.results[o.Name])-1]
		}
		if v.generation != o.Generation {
			return object.ErrNotFound
		}
		body = io.NopCloser(strings.NewReader(v.content[offset : offset+length]))
		return nil
	})
	return body, err
}

// simFile is a file of the Gemini API, which keeps it.
const simFile = "files/batch-1"

type simFiles struct{ *sim }

func (s simFiles) Name(text string) string { return object.FileName(text) }

func (s simFiles) Open(ctx context.Context, name string) (body io.ReadCloser, err error) {
	err = s.call(ctx, func() error {
		body = io.NopCloser(strings.NewReader(s.results[name][0].content))
		return nil
	})
	return body, err
}

type simJobs struct{ *sim }

func (s simJobs) Read(ctx context.Context, name string, _ io.Writer) (job source.Job, err error) {
	job = source.Job{Batch: outcome.Batch{Name: name, State: "BATCH_STATE_SUCCEEDED"}, ResponsesFile: simFile}
	return job, s.call(ctx, func() error { return nil })
}

type simArchive struct{ *sim }

func (s simArchive) Stat(ctx context.Context, name string) (found archive.Copy, err error) {
	err = s.call(ctx, func() error {
		v, ok := s.copies[name]
		if !ok {
			return object.ErrNotFound
		}
		found = archive.Copy{Object: object.Object{Bucket: "archive", Name: name, Generation: v.generation, Size: int64(len(v.content)), Origin: simFile}}
		return nil
	})
	return found, err
}

func (s simArchive) Create(ctx context.Context, name, _, _ string, write func(io.Writer) error) (archive.Copy, error) {
	var content strings.Builder
	if err := write(&content); err != nil {
		return archive.Copy{}, err
	}
	if err := s.call(ctx, func() error {
		if _, ok := s.copies[name]; ok {
			return errTransient // the precondition
		}
		s.copies[name] = version{int64(s.queued)<<20 + s.random.Int64N(1<<20), content.String()}
		return nil
	}); err != nil {
		return archive.Copy{}, err
	}
	return s.Stat(ctx, name)
}

type simStream struct{ *sim }

func (s simStream) Publish(ctx context.Context, m outcome.Message) func(context.Context) error {
	err := s.call(ctx, func() error {
		var line struct {
			Source struct {
				URI, Generation, Origin string
				Offset                  int
			}
		}
		if err := json.Unmarshal(m.Data, &line); err != nil {
			return err
		}
		generation, err := strconv.ParseInt(line.Source.Generation, 10, 64)
		at := place{strings.TrimPrefix(line.Source.URI, "gs://results/"), generation, line.Source.Offset}
		if line.Source.Origin != "" {
			at.name, at.generation = line.Source.Origin, 1 // there is no other
		}
		s.lines[at] = true
		s.modes[m.Attributes["mode"]] = true
		return err
	})
	return func(context.Context) error { return err }
}

type simTopic struct{ *sim }

func (s simTopic) Publish(ctx context.Context, m outcome.Message) error {
	return s.call(ctx, func() error {
		s.logf("published %s", m.Data)
		if m.Attributes["type"] != outcome.TypeBatchCompleted {
			return nil
		}
		s.completed++
		s.completions[m.ID] = true
		s.modes[m.Attributes["mode"]] = true
		var totals struct {
			Results struct{ Total int }
			Bytes   int
		}
		if err := json.Unmarshal(m.Data, &totals); err != nil {
			return err
		}
		if n, bytes := totals.Results.Total, totals.Bytes; !s.accountsFor(n, bytes, s.objects()...) && !s.accountsFor(n, bytes, simFile) {
			s.t.Errorf("batch.completed of %d lines and %d bytes, which are not those of published generations", totals.Results.Total, totals.Bytes)
		}
		return nil
	})
}
