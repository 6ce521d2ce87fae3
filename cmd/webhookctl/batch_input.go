package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/retry"
)

// errNoInput: where requests are to come from.
var errNoInput = errors.New("give the batch's input with --input FILE, a local file or gs://BUCKET/OBJECT")

// read reads all results.
func (c *retryClients) read(ctx context.Context, old *oldBatch, selection *retry.Selection) error {
	for _, p := range old.results {
		err := p.read(ctx, func(r io.Reader, size int64) error { return selection.Results(r, p.name, size, old.inline) })
		if err != nil {
			return err
		}
	}
	return nil
}

// join finds the requests of the lines that do not have them, and says what cannot be
// retried.
func (c *retryClients) join(ctx context.Context, b batchRetry, old *oldBatch, selection *retry.Selection) error {
	if selection.NeedsInput() {
		input, err := c.inputOf(ctx, b.Input, old)
		if err == nil {
			err = input.read(ctx, selection.Input)
		}
		if err != nil {
			return err
		}
	}
	return selection.Finish(func() error {
		for _, p := range old.results {
			err := p.read(ctx, func(r io.Reader, size int64) error { return selection.Explain(r, size, old.inline) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// inputOf is where the requests of a batch are.
func (c *retryClients) inputOf(ctx context.Context, given string, old *oldBatch) (part, error) {
	switch {
	case object.InStorage(given):
		found, err := c.objects(ctx, given)
		if err != nil {
			return part{}, fmt.Errorf("--input: %w", err)
		}
		if len(found) != 1 {
			return part{}, usage("--input: %s is a folder of %d objects; give one", given, len(found))
		}
		return found[0], nil
	case given != "":
		return part{given, local(given)}, nil
	case old.input != "":
		return part{old.input, func(ctx context.Context) (io.ReadCloser, int64, error) {
			body, err := c.geminiFiles.Open(ctx, old.input)
			if err != nil {
				err = fmt.Errorf("the requests are in %s, which Gemini does not give, or not any more (%w): %w", old.input, err, errNoInput)
			}
			return body, -1, err
		}}, nil
	case !old.inline:
		return part{}, fmt.Errorf("nobody knows where the requests are: %w", errNoInput)
	}
	list, err := c.temporary()
	if err != nil {
		return part{}, err
	}
	if err := c.batches.Requests(ctx, old.name, list); err != nil {
		return part{}, err
	}
	if info, err := list.Stat(); err != nil || info.Size() == 0 {
		return part{}, errors.Join(fmt.Errorf("the Gemini API does not show the inline requests of %s: %w", old.name, errNoInput), err)
	}
	return part{old.name, local(list.Name())}, nil
}

// local opens a file of this machine.
func local(path string) func(context.Context) (io.ReadCloser, int64, error) {
	return func(context.Context) (io.ReadCloser, int64, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		return f, info.Size(), nil
	}
}
