package gcs

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// maxPage is the service's limit of items and prefixes on one page.
const maxPage = 1000

type wireList struct {
	Kind          string       `json:"kind"`
	NextPageToken string       `json:"nextPageToken,omitempty"`
	Prefixes      []string     `json:"prefixes,omitempty"`
	Items         []wireObject `json:"items,omitempty"`
}

// list answers one page in the order of names as UTF-8. A page token holds the
// last entry, an object's name or a prefix, so objects that come and go
// between two pages are seen or not, but nothing is repeated.
func (s *Server) list(r *http.Request, bucket string) (answer, error) {
	q := r.URL.Query()
	limit := maxPage
	if text := q.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return answer{}, badRequest("maxResults: want a positive number")
		}
		limit = min(n, maxPage)
	}
	after, err := base64.URLEncoding.DecodeString(q.Get("pageToken"))
	if err != nil {
		return answer{}, badRequest("pageToken: not one of this server")
	}
	objects, err := s.store.sorted(bucket, q.Get("prefix"))
	if err != nil {
		return answer{}, err
	}
	page := wireList{Kind: "storage#objects"}
	delimiter, trailing := q.Get("delimiter"), q.Get("includeTrailingDelimiter") == "true"
	prefix, start, end := q.Get("prefix"), q.Get("startOffset"), q.Get("endOffset")
	last, count := string(after), 0
	for _, o := range objects {
		if o.name < start || end != "" && o.name >= end {
			continue
		}
		entry, folded := fold(o.name, prefix, delimiter)
		if entry <= last {
			continue
		}
		if count == limit {
			page.NextPageToken = base64.URLEncoding.EncodeToString([]byte(last))
			break
		}
		last = entry
		count++
		if folded {
			page.Prefixes = append(page.Prefixes, entry)
		}
		if !folded || trailing && entry == o.name {
			page.Items = append(page.Items, o.wire(r.Host))
		}
	}
	return selected(r, page)
}

// fold is the entry that stands for a name: the name, or its prefix up to and
// with the first delimiter after the prefix asked for.
func fold(name, prefix, delimiter string) (entry string, folded bool) {
	if delimiter == "" {
		return name, false
	}
	i := strings.Index(name[len(prefix):], delimiter)
	if i < 0 {
		return name, false
	}
	return name[:len(prefix)+i+len(delimiter)], true
}
