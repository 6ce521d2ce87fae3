package geminiapi

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/object"
)

// Files downloads files of the Files service.
type Files struct{ *API }

// File is a file that is being downloaded.
type File struct {
	Body        io.ReadCloser
	ContentType string // "" where the answer has none
	Size        int64  // bytes; -1 where the answer does not say
}

// Open reads a file ("files/<id>") from its start; one that is not there is
// object.ErrNotFound. A read that stalls fails.
func (f Files) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	file, err := f.Download(ctx, name)
	return file.Body, err
}

// Download is Open, with what the answer says of the file. files.get fails on the names
// of batch results, so nothing is asked before the download.
func (f Files) Download(ctx context.Context, name string) (File, error) {
	if object.FileName(name) != name || name == "" {
		return File{}, fmt.Errorf("read a file: %w", ErrName)
	}
	resp, err := f.get(ctx, name, "/download/v1beta/"+name+":download?alt=media")
	if err != nil {
		return File{}, err
	}
	return File{resp.Body, resp.Header.Get("Content-Type"), resp.ContentLength}, nil
}

// Name gives "files/<id>" of a file's name or address, which is at Google's API or at
// the one that is asked; "" of anything else.
func (f Files) Name(text string) string {
	base, err := url.Parse(f.base)
	if u, bad := url.Parse(text); err == nil && bad == nil && u.User == nil && endpoint.Same(u, base) {
		text = defaultBaseURL + strings.TrimPrefix(u.Path, base.Path)
	}
	return object.FileName(text)
}
