package gcs

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// chunkUnit is what the size of every chunk but the last must be a multiple
// of, in bytes, as in the service.
const chunkUnit = 256 << 10

// upload is a resumable session. It lives until the server ends, so that a
// repeated last chunk gets the same answer.
type upload struct {
	target target

	mu       sync.Mutex
	received []byte
	done     *object
}

func (s *Server) upload(id string) *upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploads[id]
}

// startUpload opens a session. Conditions that fail already are refused here;
// they are checked again when the last chunk is stored.
func (s *Server) startUpload(r *http.Request, bucket string) (answer, error) {
	metadata, err := readBody(r.Body)
	if err != nil {
		return answer{}, err
	}
	t, err := newTarget(r.URL.Query(), bucket, metadata)
	if err != nil {
		return answer{}, err
	}
	if t.meta.ContentType == "" {
		t.meta.ContentType = r.Header.Get("X-Upload-Content-Type")
	}
	if err := s.store.check(bucket, t.meta.Name, t.cond); err != nil {
		return answer{}, err
	}
	id := rand.Text()
	s.mu.Lock()
	s.uploads[id] = &upload{target: t}
	s.mu.Unlock()
	a := answer{status: http.StatusOK, header: http.Header{}}
	a.header.Set("Location", fmt.Sprintf("http://%s/upload/storage/v1/b/%s/o?uploadType=resumable&upload_id=%s",
		r.Host, url.PathEscape(bucket), id))
	a.header.Set("X-Guploader-Uploadid", id)
	return a, nil
}

// chunk handles one request of a session: bytes, a question how many arrived,
// or its end.
func (s *Server) chunk(r *http.Request, id string) (answer, error) {
	u := s.upload(id)
	if u == nil {
		return answer{}, &apiError{code: http.StatusNotFound, reason: "notFound", message: "no such upload session"}
	}
	if r.Method == http.MethodDelete {
		s.mu.Lock()
		delete(s.uploads, id)
		s.mu.Unlock()
		return answer{status: 499, header: http.Header{}}, nil
	}
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		return answer{}, badRequest("upload session: use PUT, POST or DELETE")
	}
	data, err := readBody(r.Body)
	if err != nil {
		return answer{}, err
	}
	part, err := parseContentRange(r.Header.Get("Content-Range"), int64(len(data)))
	if err != nil {
		return answer{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done == nil {
		if err := u.add(part, data); err != nil {
			return answer{}, err
		}
		if int64(len(u.received)) != part.total {
			return u.incomplete(r), nil
		}
		if u.done, err = s.commit(u.target, u.received, r.Header["X-Goog-Hash"]); err != nil {
			return answer{}, err
		}
		u.received = nil
	}
	return selected(r, u.done.wire(r.Host))
}

// add appends the part; bytes that arrived before are skipped.
func (u *upload) add(p contentRange, data []byte) error {
	have := int64(len(u.received))
	switch {
	case p.total >= 0 && have > p.total:
		return badRequest("Content-Range: total is less than what was received")
	case len(data) == 0:
		return nil
	case p.first > have:
		return badRequest("Content-Range: starts at %d, but only %d bytes were received", p.first, have)
	case p.total < 0 && len(data)%chunkUnit != 0:
		return badRequest("chunk of %d bytes: all but the last must be multiples of %d", len(data), chunkUnit)
	}
	if skip := have - p.first; skip < int64(len(data)) {
		u.received = append(u.received, data[skip:]...)
	}
	return nil
}

// incomplete says how much has arrived: status 308, or 200 with an override
// header for clients that say they cannot stand a 308.
func (u *upload) incomplete(r *http.Request) answer {
	a := answer{status: http.StatusPermanentRedirect, header: http.Header{}}
	if len(u.received) > 0 {
		a.header.Set("Range", fmt.Sprintf("bytes=0-%d", len(u.received)-1))
	}
	if r.Header.Get("X-Guploader-No-308") == "yes" {
		a.status = http.StatusOK
		a.header.Set("X-Http-Status-Code-Override", "308")
	}
	return a
}

// contentRange is a parsed Content-Range of a request; total -1 is unknown.
type contentRange struct{ first, total int64 }

// parseContentRange reads "bytes a-b/total", "bytes a-b/*", "bytes */total"
// and "bytes */*"; without the header the body is the whole object.
func parseContentRange(header string, length int64) (contentRange, error) {
	bad := badRequest("Content-Range: want bytes FIRST-LAST/TOTAL, with * for what is unknown, matching the body")
	if header == "" {
		return contentRange{total: length}, nil
	}
	spec, ok := strings.CutPrefix(header, "bytes ")
	span, total, ok2 := strings.Cut(spec, "/")
	if !ok || !ok2 {
		return contentRange{}, bad
	}
	c := contentRange{total: -1}
	if total != "*" {
		n, err := strconv.ParseUint(total, 10, 62)
		if err != nil {
			return contentRange{}, bad
		}
		c.total = int64(n)
	}
	if span == "*" {
		if length != 0 {
			return contentRange{}, bad
		}
		return c, nil
	}
	a, b, _ := strings.Cut(span, "-")
	first, err1 := strconv.ParseUint(a, 10, 62)
	last, err2 := strconv.ParseUint(b, 10, 62)
	if err1 != nil || err2 != nil || int64(last)-int64(first)+1 != length || c.total >= 0 && int64(last) >= c.total {
		return contentRange{}, bad
	}
	c.first = int64(first)
	return c, nil
}
