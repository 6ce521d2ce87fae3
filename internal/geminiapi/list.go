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

// List gives every batch of the API key's project to visit, in the API's order, as the
// answers come: they have the inline results, of hundreds of MB, and are never held.
// After an error, of visit or of the API, some of the batches were given, and some may
// have been given twice.
func (b Batches) List(ctx context.Context, visit func(source.Job) error) error {
	token, size := "", batchesPage
	seen := map[[sha256.Size]byte]bool{}
	for range maxListed {
		next, visited, err := b.page(ctx, token, size, visit)
		switch {
		case err != nil && !visited && size > 1 && tooMuch(err):
			size /= shrinking // inline results may be more than the API gives within its time
			continue
		case err != nil:
			return err
		case next == "":
			return nil
		}
		id := sha256.Sum256([]byte(next))
		if seen[id] {
			return errSameToken
		}
		token, seen[id] = next, true
	}
	return errTooManyPages
}

// tooMuch reports whether the API may have given up on a page, or on the way of it.
func tooMuch(err error) bool {
	_, status := errors.AsType[*statusError](err)
	return status || errors.Is(err, errNoAnswer) || errors.Is(err, stall.Err) || errors.Is(err, jsonstream.ErrCut)
}

// page reads one page, and gives the next one's token; visited: visit was called.
func (b Batches) page(ctx context.Context, token string, size int, visit func(source.Job) error) (next string, visited bool, err error) {
	query := url.Values{"pageSize": {strconv.Itoa(size)}}
	if token != "" {
		query.Set("pageToken", token)
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
