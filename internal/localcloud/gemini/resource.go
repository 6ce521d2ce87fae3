package gemini

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// resource is a webhook, file, batch, interaction or video.
type resource interface {
	head() *header
	render(*Server) map[string]any // as get shows it; Server.mu must be held
}

// header is what every resource begins with.
type header struct {
	seq              uint64 // of its kind, in order of creation
	id               string
	created, updated time.Time
	expires          time.Time // of files and of inlined responses, by Server.clock
}

func (h *header) head() *header { return h }

// collection is the resources of one kind in order of creation; Server.mu guards it.
type collection[R resource] struct {
	all     []R
	missing *apiError // answers an id that is none
}

func (c *collection[R]) find(id string) (found R, _ *apiError) {
	for _, r := range c.all {
		if r.head().id == id {
			return r, nil
		}
	}
	return found, c.missing
}

// newHeader draws the id of the next resource of a kind; s.mu must be held.
func (s *Server) newHeader(kind, prefix string, length int) header {
	now := s.opts.Now()
	id := prefix + s.drawID(kind, length)
	return header{seq: s.counters[kind], id: id, created: now, updated: now}
}

// get answers with the resource that the path names.
func get[R resource](s *Server, c *collection[R]) method {
	return func(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		found, err := c.find(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return found.render(s), nil
	}
}

// list answers with one page of those that are shown; nil: all are.
func list[R resource](s *Server, c *collection[R], itemsName, tokenName string, shown func(R) bool) method {
	return func(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		page, next, err := pageOf(c.all, shown, r.URL.Query())
		if err != nil {
			return nil, err
		}
		out := map[string]any{} // what is empty is left out
		if len(page) > 0 {
			items := make([]map[string]any, len(page))
			for i, r := range page {
				items[i] = r.render(s)
			}
			out[itemsName] = items
		}
		if next != "" {
			out[tokenName] = next
		}
		return out, nil
	}
}

// remove forgets the resource that the path names, and ends it; nil: there is nothing to end.
func remove[R resource](s *Server, c *collection[R], end func(R)) method {
	return func(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		found, err := c.find(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		c.all = slices.DeleteFunc(c.all, func(other R) bool { return other.head() == found.head() })
		if end != nil {
			end(found)
		}
		return empty{}, nil
	}
}

// pageOf cuts one page out of items. The token names the last item given, so that items deleted in between do not shift
// the next page. Up to 50 items by default, 1000 at most.
func pageOf[R resource](items []R, shown func(R) bool, values url.Values) (page []R, next string, _ *apiError) {
	size := 50
	if text := query(values, "page_size", "pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, "", invalid("page_size must be a number that is not negative.")
		}
		if n > 0 {
			size = min(n, 1000)
		}
	}
	var after uint64
	if token := query(values, "page_token", "pageToken"); token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			after, err = strconv.ParseUint(string(raw), 10, 64)
		}
		if err != nil {
			return nil, "", invalid("page_token is not one that this service gave.")
		}
	}
	for _, item := range items {
		if item.head().seq <= after || shown != nil && !shown(item) {
			continue
		}
		if len(page) == size {
			last := strconv.FormatUint(page[size-1].head().seq, 10)
			return page, base64.RawURLEncoding.EncodeToString([]byte(last)), nil
		}
		page = append(page, item)
	}
	return page, "", nil
}
