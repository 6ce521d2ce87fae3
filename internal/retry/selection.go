// Package retry makes a new batch of the requests of a batch whose lines failed
// (contract, "The operator's tool"): a Selection collects the requests, a Maker sees
// to it that they are sent once. Rounds are how the receiver does so by itself (contract,
// "Rounds").
//
// It knows no client. Requests are written as they are read; what it
// holds are 16 bytes for each line that has no request of its own.
package retry

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/results"
)

const (
	maxLine  = 64 << 20 // 64 MiB: of what is longer no request can be sent again
	examples = 5        // keys that an error names
)

// NoCode stands for the error code of failed lines that have none.
const NoCode = "none"

// Report is what the lines of a batch say, and what becomes of those that failed.
type Report struct {
	Succeeded, Failed, Invalid int64
	Codes                      outcome.Names // of failed lines; NoCode where a line has none

	Chosen       int64         // failed lines of the codes that are asked for
	ChosenCodes  outcome.Names // their codes
	PromptTokens int64         // of those of them that say
	TokenLines   int64         // how many say

	// Of the chosen these are left out:
	Nameless int64 // no request, key or index: nobody knows what they answer
	Answered int64 // keys of which another line succeeded

	Requests int64 // written
}

// Errors of a Selection, with what to do.
var (
	ErrAmbiguous = errors.New("keys of failed lines stand more than once in the input, and the lines do not say which request failed; give --input with a file that has each of these keys once")
	ErrMissing   = errors.New("keys of failed lines are not in the input; give the batch's own input with --input")
	ErrLong      = errors.New("requests that failed are lines of over 64 MiB (at the receiver, MAX_LINE_BYTES), which are not read; leave their codes out with --codes, or make a batch of them by hand")
	ErrOpenAI    = errors.New("the batch was made with the OpenAI-compatible endpoint, whose requests the Gemini API's batches do not take; make the new batch there")
)

// id is a request's: a hash of its key, its index or its place.
type id [16]byte

func idOf(kind, text string) id {
	sum := sha256.Sum256([]byte(kind + "\x00" + text))
	return id(sum[:16])
}

// joined is the id by which a line's request is found in the input.
func joined(l *results.Line, inline bool) (id, bool) {
	switch {
	case l.HasKey:
		return idOf("key", l.Key), true
	case inline && l.HasIndex:
		return indexed(l.Index), true
	}
	return id{}, false
}

func indexed(n int64) id { return idOf("index", strconv.FormatInt(n, 10)) }

// wanted is a request that is looked for in the input.
type wanted struct {
	id
	seen     uint8 // 2: more than once
	answered bool  // another line of this key succeeded
}

// Selection collects the requests whose lines failed. Its methods are called in this
// order: Results for each object of results, Input where NeedsInput, Finish. It is for
// one goroutine.
type Selection struct {
	// MaxLine is the longest line in bytes that a request is taken of.
	MaxLine int64

	codes []string
	to    *bufio.Writer

	report    Report
	succeeded []id     // of lines without a request of their own
	places    []id     // of lines with one, which are written
	wanted    []wanted // sorted by settle
	settled   bool

	long       int64
	names      []string // examples of what is ambiguous, or missing
	known      bool     // what kind of requests they are:
	embeddings bool
	openAI     bool
}

// NewSelection writes requests to to, of failed lines with one of the codes, or of all.
func NewSelection(codes []string, to io.Writer) *Selection {
	return &Selection{MaxLine: maxLine, codes: codes, to: bufio.NewWriterSize(to, 64<<10)}
}

// Results reads one object of results to its end. name is what its places are told
// apart by: where it was first, so that a copy says the same. size is the object's, -1
// where it is not known. Where the results are a list (inline) the index of a line
// without a key counts, which elsewhere is somebody's own.
func (s *Selection) Results(r io.Reader, name string, size int64, inline bool) error {
	scanner := results.NewScanner(r, 0, math.MaxInt64, size, s.MaxLine)
	for scanner.Scan() {
		raw := scanner.Line()
		line := raw.Parse()
		if err := s.line(name, raw, &line, inline); err != nil {
			return err
		}
	}
	return scanner.Err()
}

func (s *Selection) line(name string, raw results.RawLine, line *results.Line, inline bool) error {
	at, hasID := joined(line, inline)
	switch line.Status {
	case outcome.StatusInvalid:
		s.report.Invalid++
		return nil
	case outcome.StatusSucceeded:
		s.report.Succeeded++
		if hasID && line.Request == nil {
			s.succeeded = append(s.succeeded, at)
		}
		return nil
	}
	code := codeOf(line)
	s.report.Failed++
	s.report.Codes.Add(code, 1)
	if len(s.codes) > 0 && !slices.Contains(s.codes, code) {
		return nil
	}
	s.choose(code, line)
	switch request := ownRequest(raw, line); {
	case request != nil:
		s.places = append(s.places, idOf("place", name+" "+strconv.FormatInt(raw.Offset, 10)))
		return s.write(request)
	case hasID:
		s.wanted = append(s.wanted, wanted{id: at})
	case line.ResponseOmitted:
		s.long++
	default:
		s.report.Nameless++
	}
	return nil
}

func (s *Selection) choose(code string, line *results.Line) {
	s.report.Chosen++
	s.report.ChosenCodes.Add(code, 1)
	const prompt = 0 // of outcome.TokenCounts
	if line.Usage.Has[prompt] {
		s.report.TokenLines++
		s.report.PromptTokens += min(line.Usage.Tokens[prompt], math.MaxInt64-s.report.PromptTokens)
	}
}

func codeOf(line *results.Line) string {
	if line.Error == nil || line.Error.Code == "" {
		return NoCode
	}
	return line.Error.Code
}

// settle is called when all results are read.
func (s *Selection) settle() {
	if s.settled {
		return
	}
	s.settled = true
	compare := func(a, b wanted) int { return slices.Compare(a.id[:], b.id[:]) }
	slices.SortFunc(s.wanted, compare)
	s.wanted = slices.CompactFunc(s.wanted, func(a, b wanted) bool { return a.id == b.id })
	for _, at := range s.succeeded {
		if w := s.find(at); w != nil && !w.answered {
			w.answered = true
			s.report.Answered++
		}
	}
	s.succeeded = nil
}

func (s *Selection) find(at id) *wanted {
	i, found := slices.BinarySearchFunc(s.wanted, at, func(w wanted, at id) int { return slices.Compare(w.id[:], at[:]) })
	if !found {
		return nil
	}
	return &s.wanted[i]
}

// Report is what is known so far.
func (s *Selection) Report() Report {
	s.settle()
	return s.report
}

// Embeddings reports whether the requests are those of an embeddings batch.
func (s *Selection) Embeddings() bool { return s.embeddings }

// Digest is 32 hexadecimal digits for the set of requests that are written: the same
// wherever the results and the input were read.
func (s *Selection) Digest() string {
	sent := slices.Clone(s.places)
	for _, w := range s.wanted {
		if w.seen == 1 && !w.answered {
			sent = append(sent, w.id)
		}
	}
	slices.SortFunc(sent, func(a, b id) int { return slices.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, one := range sent {
		h.Write(one[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
