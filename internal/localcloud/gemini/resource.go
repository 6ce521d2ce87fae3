package gemini

import (
	"net/http"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/localcloud/rest"
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
	missing *rest.Error // answers an id that is none
}

func (c *collection[R]) find(id string) (found R, _ *rest.Error) {
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
func get[R resource](s *Server, c *collection[R]) rest.Method {
	return func(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
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
func list[R resource](s *Server, c *collection[R], itemsName, tokenName string, shown func(R) bool) rest.Method {
	listing := rest.Listing[R]{
		Items: itemsName, Token: tokenName, Seq: func(item R) uint64 { return item.head().seq }, Shown: shown,
		Render: func(item R) map[string]any { return item.render(s) },
	}
	return func(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return listing.Page(c.all, r.URL.Query())
	}
}

// remove forgets the resource that the path names, and ends it; nil: there is nothing to end.
func remove[R resource](s *Server, c *collection[R], end func(R)) rest.Method {
	return func(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
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
		return rest.Empty{}, nil
	}
}
