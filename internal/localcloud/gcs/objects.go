package gcs

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) read(r *http.Request, op Op) (answer, error) {
	generation, _ := strconv.ParseInt(r.URL.Query().Get("generation"), 10, 64)
	o, err := s.get(op.Bucket, op.Object, generation)
	if err != nil {
		return answer{}, err
	}
	h := http.Header{}
	h.Set("X-Goog-Generation", strconv.FormatInt(o.Generation, 10))
	h.Set("X-Goog-Metageneration", "1")
	h.Set("X-Goog-Stored-Content-Length", strconv.FormatInt(o.Size, 10))
	if h.Set("X-Goog-Stored-Content-Encoding", "identity"); o.Attrs.ContentEncoding != "" {
		h.Set("Content-Encoding", o.Attrs.ContentEncoding)
		h.Set("X-Goog-Stored-Content-Encoding", o.Attrs.ContentEncoding)
	}
	if o.crc32c != "" {
		h.Set("X-Goog-Hash", "crc32c="+o.crc32c)
	}
	a := answer{status: http.StatusOK, header: h, size: o.Size, total: o.Size}
	if r.Header.Get("Range") != "" {
		if a.first = op.Offset; a.first < 0 {
			a.first = max(0, o.Size+a.first)
		}
		if a.first >= o.Size {
			return answer{}, errRange
		}
		if a.size = o.Size - a.first; op.Length >= 0 {
			a.size = min(a.size, op.Length)
		}
		a.status = http.StatusPartialContent
	}
	a.body = io.NewSectionReader(o.content, a.first, a.size)
	return a, nil
}

// wireObject is an object in the JSON API: 64-bit numbers are strings.
type wireObject struct {
	Name            string            `json:"name"`
	Bucket          string            `json:"bucket"`
	Generation      int64             `json:"generation,string"`
	Metageneration  int64             `json:"metageneration,string"`
	ContentEncoding string            `json:"contentEncoding,omitempty"`
	ContentType     string            `json:"contentType,omitempty"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	Size            int64             `json:"size,string"`
	CRC32C          string            `json:"crc32c,omitempty"`
}

func (o *object) wire() wireObject {
	return wireObject{o.Name, o.Bucket, o.Generation, 1, o.Attrs.ContentEncoding, o.Attrs.ContentType, o.Attrs.Metadata, o.Size, o.crc32c}
}

func jsonAnswer(v any) (answer, error) {
	body, err := json.Marshal(v)
	return answer{
		status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}},
		body: bytes.NewReader(body), size: int64(len(body)),
	}, err
}

func (s *Server) attributes(bucket, name string, q url.Values) (answer, error) {
	generation, _ := strconv.ParseInt(q.Get("generation"), 10, 64)
	o, err := s.get(bucket, name, generation)
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(o.wire())
}

// maxPage is the service's limit of items on one page.
const maxPage = 1000

// list answers one page in the order of names. A page token is the last name,
// so objects that come and go between two pages are seen or not, but nothing is
// repeated.
func (s *Server) list(bucket string, q url.Values) (answer, error) {
	limit := maxPage
	if n, err := strconv.Atoi(q.Get("maxResults")); err == nil {
		limit = min(n, maxPage)
	}
	objects, err := s.sorted(bucket, q.Get("prefix"))
	if err != nil {
		return answer{}, err
	}
	items, next := []any{}, ""
	for _, o := range objects {
		if o.Name < q.Get("startOffset") || q.Get("endOffset") != "" && o.Name >= q.Get("endOffset") || o.Name <= q.Get("pageToken") {
			continue
		}
		if len(items) == limit {
			break
		}
		item, err := selected(o.wire(), q.Get("fields"))
		if err != nil {
			return answer{}, err
		}
		items, next = append(items, item), o.Name
	}
	if len(items) < limit {
		next = ""
	}
	return jsonAnswer(map[string]any{"nextPageToken": next, "items": items})
}

// selected leaves in an item what "fields" asks for, as items(name,size): who
// forgets to select an attribute must miss it here as in the service.
func selected(o wireObject, fields string) (any, error) {
	_, list, some := strings.Cut(fields, "items(")
	if !some {
		return o, nil
	}
	list, _, _ = strings.Cut(list, ")")
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var item map[string]json.RawMessage
	if err := json.Unmarshal(text, &item); err != nil {
		return nil, err
	}
	for name := range item {
		if !slices.Contains(strings.Split(list, ","), name) {
			delete(item, name)
		}
	}
	return item, nil
}
