package gcs

import (
	"compress/gzip"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// byteRange is one parsed Range header: [first, last], or with first < 0 the
// last -first bytes; last < 0 is the end.
type byteRange struct{ first, last int64 }

// parseRange accepts "bytes=a-b", "bytes=a-" and "bytes=-n". Other forms are
// ignored as RFC 9110 wants, and so are several ranges, which the service
// does not serve.
func parseRange(header string) (byteRange, bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return byteRange{}, false
	}
	a, b, ok := strings.Cut(spec, "-")
	if !ok {
		return byteRange{}, false
	}
	if a == "" {
		n, err := strconv.ParseUint(b, 10, 63)
		if n == 0 {
			return byteRange{first: math.MaxInt64, last: -1}, err == nil // the last no bytes: of no object
		}
		return byteRange{first: -int64(n), last: -1}, err == nil
	}
	first, err := strconv.ParseUint(a, 10, 63)
	if err != nil {
		return byteRange{}, false
	}
	if b == "" {
		return byteRange{first: int64(first), last: -1}, true
	}
	last, err := strconv.ParseUint(b, 10, 63)
	return byteRange{first: int64(first), last: int64(last)}, err == nil && last >= first
}

// within cuts the range to an object of size bytes; false is a 416.
func (b byteRange) within(size int64) (off, n int64, ok bool) {
	if b.first < 0 {
		n = min(-b.first, size)
		return size - n, n, n > 0
	}
	if b.first >= size {
		return 0, 0, false
	}
	end := size
	if b.last >= 0 {
		end = min(size-1, b.last) + 1
	}
	return b.first, end - b.first, true
}

// asked is the request's range in the terms of Op.
func asked(r *http.Request) (offset, length int64) {
	if r.Method == http.MethodHead {
		return 0, 0
	}
	rng, ok := parseRange(r.Header.Get("Range"))
	switch {
	case !ok:
		return 0, -1
	case rng.last < 0:
		return rng.first, -1
	}
	return rng.first, rng.last - rng.first + 1
}

// read serves media. Content with Content-Encoding: gzip is served
// decompressed, whole and without a length, whatever Range says, unless the
// client accepts gzip or Cache-Control forbids transforming.
func (s *Server) read(r *http.Request, bucket, name string, get func(string) string) (answer, error) {
	c, err := parseConditions(get)
	if err != nil {
		return answer{}, err
	}
	o, err := s.store.get(bucket, name, c)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusOK, header: o.readHeader(), size: o.size}
	transcode := o.attrs.ContentEncoding == "gzip" && !acceptsGzip(r) && !strings.Contains(o.attrs.CacheControl, "no-transform")
	if transcode {
		a.header.Del("Content-Encoding")
		a.header.Set("Warning", "214 UploadServer gunzipped")
		a.header.Set("Vary", "Accept-Encoding")
		zr, err := gzip.NewReader(io.NewSectionReader(o.content, 0, o.size))
		if err != nil {
			return answer{}, badRequest("object %s/%s has Content-Encoding gzip but is not gzip: read it with Accept-Encoding: gzip", bucket, name)
		}
		a.body, a.size = zr, -1
		return a, nil
	}
	a.header.Set("Accept-Ranges", "bytes")
	rng, ok := parseRange(r.Header.Get("Range"))
	if !ok {
		a.body = io.NewSectionReader(o.content, 0, o.size)
		return a, nil
	}
	off, n, ok := rng.within(o.size)
	if !ok {
		return answer{}, &apiError{
			code: http.StatusRequestedRangeNotSatisfiable, reason: "requestedRangeNotSatisfiable", xml: "InvalidRange",
			message: "The requested range cannot be satisfied.",
			header:  http.Header{"Content-Range": {"bytes */" + strconv.FormatInt(o.size, 10)}},
		}
	}
	a.status, a.first, a.total = http.StatusPartialContent, off, o.size
	a.body, a.size = io.NewSectionReader(o.content, off, n), n
	return a, nil
}

func acceptsGzip(r *http.Request) bool {
	for item := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, params, _ := strings.Cut(item, ";")
		if strings.TrimSpace(coding) == "gzip" && strings.TrimSpace(params) != "q=0" {
			return true
		}
	}
	return false
}

func (o *object) readHeader() http.Header {
	h := http.Header{}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("Content-Type", o.contentType())
	set("Content-Encoding", o.attrs.ContentEncoding)
	set("Content-Disposition", o.attrs.ContentDisposition)
	set("Content-Language", o.attrs.ContentLanguage)
	set("Cache-Control", o.attrs.CacheControl)
	set("Last-Modified", o.created.UTC().Format(http.TimeFormat))
	set("Etag", `"`+o.etag()+`"`)
	set("X-Goog-Generation", strconv.FormatInt(o.generation, 10))
	set("X-Goog-Metageneration", "1")
	set("X-Goog-Storage-Class", "STANDARD")
	set("X-Goog-Stored-Content-Length", strconv.FormatInt(o.size, 10))
	encoding := o.attrs.ContentEncoding
	if encoding == "" {
		encoding = "identity"
	}
	set("X-Goog-Stored-Content-Encoding", encoding)
	if o.crc32c != "" {
		h["X-Goog-Hash"] = []string{"crc32c=" + o.crc32c, "md5=" + o.md5}
	}
	for key, value := range o.attrs.Metadata {
		h.Set("X-Goog-Meta-"+key, value)
	}
	return h
}

func (o *object) contentType() string {
	if o.attrs.ContentType == "" {
		return "application/octet-stream"
	}
	return o.attrs.ContentType
}

func (o *object) etag() string { return strconv.FormatInt(o.generation, 36) }
