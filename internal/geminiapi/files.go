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

// Open reads a file ("files/<id>") from its start; one that is not there is
// object.ErrNotFound. A read that stalls fails.
func (f Files) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	body, _, err := f.Download(ctx, name)
	return body, err
}

// Download is Open, with the content type that the answer has, perhaps "". files.get
// fails on the names of batch results, so nothing is asked before the download.
func (f Files) Download(ctx context.Context, name string) (body io.ReadCloser, contentType string, err error) {
	if object.FileName(name) != name || name == "" {
		return nil, "", fmt.Errorf("read a file: %w", object.ErrName)
	}
	resp, err := f.get(ctx, name, "/download/v1beta/"+name+":download?alt=media")
	if err != nil {
		return nil, "", err
	}
	return resp.Body, resp.Header.Get("Content-Type"), nil
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
