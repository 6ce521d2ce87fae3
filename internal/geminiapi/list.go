package geminiapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"example.com/gemini-webhook/internal/gcp/stall"
	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/source"
)

const (
	batchesPage = 100  // of a page; the API may give fewer
	shrinking   = 10   // a page that does not come is asked for with fewer batches, by this factor
	maxListed   = 5000 // pages; a list that does not end is an error
	maxToken    = 4096 // bytes of a page's token
)

var (
	errTooManyPages = fmt.Errorf("the list of batches has more than %d pages", maxListed)
	errSameToken    = errors.New("the list of batches does not end: the token of a page came again")
	errLongToken    = fmt.Errorf("the token of a page is over %d bytes", maxToken)
)

// errStuck: nothing says where the list goes on behind a page that does not come.
var errStuck = errors.New("the list does not go on: a page with one batch on it does not come, nor with the batch's name alone, so those behind it are not looked at; docs/runbooks/reconciliation-missing.md says what to do")

// pageOfBatches is what is asked for.
type pageOfBatches struct {
	token string
	size  int
	bare  bool // names alone
}

// less asks for less of a page that did not come: inline results may be more than the
// API gives within its time. False where there is no less.
func (p *pageOfBatches) less() bool {
	switch {
	case p.size > 1:
		p.size /= shrinking
	case !p.bare:
		p.bare = true
	default:
		return false
	}
	return true
}

// List gives every batch of the API key's project to visit, in the API's order, as the
// answers come: they have the inline results, of hundreds of MB, and are never held. A
// batch that is too large for a page is read by itself; where it cannot be, the list goes
// on, and that is an error at its end. After an error, of visit or of the API, some of the
// batches were given, and some may have been given twice.
func (b Batches) List(ctx context.Context, visit func(source.Job) error) error {
	p, last := pageOfBatches{size: batchesPage}, "its beginning"
	var unread []error
	take := func(job source.Job) error {
		last = job.Name
		if !p.bare {
			return visit(job)
		}
		whole, err := b.Read(ctx, job.Name, nil)
		if err != nil {
			unread = append(unread, fmt.Errorf("%s, which is too large for the list: %w", job.Name, err))
			return nil
		}
		return visit(whole)
	}
	seen := map[[sha256.Size]byte]bool{}
	for range maxListed {
		next, visited, err := b.page(ctx, p, take)
		switch {
		case err != nil && !visited && tooMuch(err) && p.less():
			continue
		case err != nil && !visited && p.bare && ctx.Err() == nil:
			return errors.Join(append(unread, fmt.Errorf("behind %s %w: %w", last, errStuck, err))...)
		case err != nil:
			return errors.Join(append(unread, err)...)
		case next == "":
			return errors.Join(unread...)
		}
		id := sha256.Sum256([]byte(next))
		if seen[id] {
			return errSameToken
		}
		p.token, p.bare, seen[id] = next, false, true
	}
	return errTooManyPages
}

// tooMuch reports whether the API may have given up on a page, or on the way of it.
func tooMuch(err error) bool {
	_, status := errors.AsType[*statusError](err)
	return status || errors.Is(err, errNoAnswer) || errors.Is(err, stall.Err) || errors.Is(err, jsonstream.ErrCut)
}

// page reads one page, and gives the next one's token; visited: visit was called.
func (b Batches) page(ctx context.Context, p pageOfBatches, visit func(source.Job) error) (next string, visited bool, err error) {
	query := url.Values{"pageSize": {strconv.Itoa(p.size)}}
	if p.token != "" {
		query.Set("pageToken", p.token)
	}
	if p.bare {
		query.Set("fields", "nextPageToken,operations(name)") // of all of Google's APIs: what of the answer is wanted
	}
	resp, err := b.get(ctx, "the list of batches", "/v1beta/batches?"+query.Encode())
	if err != nil {
		return "", false, err
	}
	defer resp.Body.Close()
	next, err = readPage(resp.Body, func(job source.Job) error {
		visited = true
		return visit(job)
	})
	if err != nil {
		return "", visited, fmt.Errorf("read the list of batches: %w", err)
	}
	return next, visited, nil
}

// readPage gives the jobs of a page to visit, each when its end was read.
func readPage(answer io.Reader, visit func(source.Job) error) (next string, err error) {
	r := jsonstream.New(answer)
	err = r.Object(func(name string) error {
		switch camel(name) {
		case "operations":
			return r.Array(func(int) error {
				j := jobReader{Reader: r}
				if err := j.Object(j.member); err != nil {
					return err
				}
				return visit(j.Job)
			})
		case "nextPageToken":
			text, whole, err := r.Text(maxToken)
			if err == nil && !whole {
				err = errLongToken
			}
			next = text
			return err
		}
		return r.Skip()
	})
	if err == nil {
		err = r.End()
	}
	return next, err
}
