package rest

import (
	"encoding/base64"
	"net/url"
	"strconv"
)

// Listing is how a collection is listed.
type Listing[T any] struct {
	// Items and Token are the members of the answer: the list, and what asks for the next page.
	Items, Token string
	// Seq is an item's number; they go up in the order of the list.
	Seq func(T) uint64
	// Shown says which items are on any page; nil: all.
	Shown func(T) bool
	// Render is an item as the list shows it.
	Render func(T) map[string]any
}

// Page answers with one page of items.
func (l Listing[T]) Page(items []T, values url.Values) (any, *Error) {
	page, next, err := l.cut(items, values)
	if err != nil {
		return nil, err
	}
	out := map[string]any{} // what is empty is left out
	if len(page) > 0 {
		rendered := make([]map[string]any, len(page))
		for i, item := range page {
			rendered[i] = l.Render(item)
		}
		out[l.Items] = rendered
	}
	if next != "" {
		out[l.Token] = next
	}
	return out, nil
}

// cut cuts one page out of items. The token names the last item given, so that items deleted in between do not shift
// the next page. Up to 50 items by default, 1000 at most.
func (l Listing[T]) cut(items []T, values url.Values) (page []T, next string, _ *Error) {
	size := 50
	if text := Query(values, "page_size", "pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, "", Invalid("page_size must be a number that is not negative.")
		}
		if n > 0 {
			size = min(n, 1000)
		}
	}
	var after uint64
	if token := Query(values, "page_token", "pageToken"); token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			after, err = strconv.ParseUint(string(raw), 10, 64)
		}
		if err != nil {
			return nil, "", Invalid("page_token is not one that this service gave.")
		}
	}
	for _, item := range items {
		if l.Seq(item) <= after || l.Shown != nil && !l.Shown(item) {
			continue
		}
		if len(page) == size {
			last := strconv.FormatUint(l.Seq(page[size-1]), 10)
			return page, base64.RawURLEncoding.EncodeToString([]byte(last)), nil
		}
		page = append(page, item)
	}
	return page, "", nil
}
