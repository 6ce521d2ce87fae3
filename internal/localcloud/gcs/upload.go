package gcs

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// insert stores the object of a multipart/related body: metadata, then content.
func (s *Server) insert(r *http.Request, bucket string) (answer, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return answer{}, badRequest("content type: %v", err)
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	first, err := parts.NextRawPart()
	if err != nil {
		return answer{}, badRequest("metadata: %v", err)
	}
	u, err := newUpload(r, bucket, first)
	if err != nil {
		return answer{}, err
	}
	second, err := parts.NextRawPart()
	if err != nil {
		return answer{}, badRequest("content: %v", err)
	}
	if u.data, err = io.ReadAll(second); err != nil {
		return answer{}, badRequest("content: %v", err)
	}
	return s.finish(r, u)
}

// upload is an object that is being written.
type upload struct {
	bucket, name string
	attrs        Attrs
	ifGeneration *int64
	data         []byte
	made         *object // nil until it is finished
}

// newUpload reads the metadata of an object and the conditions of its creation.
func newUpload(r *http.Request, bucket string, metadata io.Reader) (*upload, error) {
	var meta struct {
		Name            string            `json:"name"`
		ContentEncoding string            `json:"contentEncoding"`
		ContentType     string            `json:"contentType"`
		Metadata        map[string]string `json:"metadata"`
	}
	if err := json.NewDecoder(metadata).Decode(&meta); err != nil || meta.Name == "" {
		return nil, badRequest("metadata: want a JSON object with a name")
	}
	u := &upload{bucket: bucket, name: meta.Name, attrs: Attrs{meta.ContentEncoding, meta.ContentType, meta.Metadata}}
	if text := r.URL.Query().Get("ifGenerationMatch"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, badRequest("ifGenerationMatch: want a number")
		}
		u.ifGeneration = &n
	}
	return u, nil
}

// finish stores what was uploaded, if it has the checksum that the request names.
func (s *Server) finish(r *http.Request, u *upload) (answer, error) {
	o := newObject(u.bucket, u.name, u.data, u.attrs)
	if sum, ok := strings.CutPrefix(r.Header.Get("X-Goog-Hash"), "crc32c="); ok && sum != o.crc32c {
		return answer{}, badRequest("the checksum is not the content's")
	}
	if err := s.put(o, u.ifGeneration); err != nil {
		return answer{}, err
	}
	u.made = o
	return jsonAnswer(o.wire())
}

// begin starts a resumable upload. Its conditions count when it ends.
func (s *Server) begin(r *http.Request, bucket string) (answer, error) {
	u, err := newUpload(r, bucket, r.Body)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strconv.Itoa(len(s.uploads))
	s.uploads[id] = u
	at := fmt.Sprintf("%s/upload/storage/v1/b/%s/o?uploadType=resumable&upload_id=%s", s.URL(), bucket, id)
	return answer{status: http.StatusOK, header: http.Header{"Location": {at}}, body: strings.NewReader("")}, nil
}

// resume takes the next bytes of a resumable upload, or some that it has already.
// The last request names the length of the whole. A client sends one at a time.
func (s *Server) resume(r *http.Request) (answer, error) {
	s.mu.RLock()
	u := s.uploads[r.URL.Query().Get("upload_id")]
	s.mu.RUnlock()
	if u == nil {
		return answer{}, errNoObject
	}
	span, total, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Content-Range"), "bytes "), "/")
	from := int64(len(u.data))
	if first, _, ok := strings.Cut(span, "-"); ok {
		from, _ = strconv.ParseInt(first, 10, 64)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, badRequest("content: %v", err)
	}
	known := int64(len(u.data)) - from
	switch {
	case known < 0:
		return answer{}, badRequest("bytes are left out")
	case u.made != nil:
		return jsonAnswer(u.made.wire())
	case known < int64(len(data)):
		u.data = append(u.data, data[known:]...)
	}
	if total == strconv.Itoa(len(u.data)) {
		return s.finish(r, u)
	}
	// Google's client asks for this in place of the status 308.
	return answer{status: http.StatusOK, header: http.Header{"X-Http-Status-Code-Override": {"308"}}, body: strings.NewReader("")}, nil
}
