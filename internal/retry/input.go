package retry

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/results"
)

// NeedsInput reports whether there are failed lines whose requests are in the job's
// input alone.
func (s *Selection) NeedsInput() bool {
	s.settle()
	return int64(len(s.wanted)) > s.report.Answered
}

// Input reads the job's input: lines with the keys of its requests or, of inline ones,
// in their order. size is the input's, -1 where it is not known.
func (s *Selection) Input(r io.Reader, size int64) error {
	s.settle()
	scanner := results.NewScanner(r, 0, math.MaxInt64, size, s.MaxLine)
	for n := int64(0); scanner.Scan(); n++ {
		raw := scanner.Line()
		line := raw.Parse()
		if w := s.find(indexed(n)); w != nil {
			key := line.Key
			if !line.HasKey {
				key = strconv.FormatInt(n, 10)
			}
			if err := s.found(w, raw, key); err != nil {
				return err
			}
		}
		if !line.HasKey {
			continue
		}
		if w := s.find(idOf("key", line.Key)); w != nil {
			if err := s.found(w, raw, line.Key); err != nil {
				return err
			}
		}
	}
	return scanner.Err()
}

// found takes a line of the input that is looked for.
func (s *Selection) found(w *wanted, raw results.RawLine, key string) error {
	if w.seen > 1 {
		return nil
	}
	w.seen++
	switch {
	case w.seen > 1:
		if len(s.names) < examples {
			s.names = append(s.names, key)
		}
		return nil
	case w.answered:
		return nil
	case raw.Data == nil:
		s.long++
		return nil
	}
	return s.write(keyed(raw.Data, key))
}

// Finish says what cannot be retried as it was asked for: ErrAmbiguous, ErrMissing,
// ErrLong or ErrOpenAI. What is written is whole only without an error. missing is called where
// keys are missing, to have Explain read the results once more; it may be nil.
func (s *Selection) Finish(missing func() error) error {
	s.settle()
	var twice, absent int
	for _, w := range s.wanted {
		switch {
		case w.seen > 1:
			twice++
		case w.seen == 0 && !w.answered:
			absent++
		}
	}
	switch {
	case s.openAI:
		return ErrOpenAI
	case s.long > 0:
		return fmt.Errorf("%d %w", s.long, ErrLong)
	case twice > 0:
		return fmt.Errorf("%d %w: %s", twice, ErrAmbiguous, s.listed(twice))
	case absent > 0:
		if s.names = nil; missing != nil {
			if err := missing(); err != nil {
				return err
			}
		}
		return fmt.Errorf("%d %w: %s", absent, ErrMissing, s.listed(absent))
	}
	return s.to.Flush()
}

// listed are the first few of so many names.
func (s *Selection) listed(all int) string {
	quoted := make([]string, len(s.names))
	for i, name := range s.names {
		quoted[i] = fmt.Sprintf("%.80q", name)
	}
	text := strings.Join(quoted, ", ")
	if all > len(s.names) {
		text += ", …"
	}
	return text
}

// Explain reads results once more, for the names of the first few that are missing.
func (s *Selection) Explain(r io.Reader, size int64, inline bool) error {
	scanner := results.NewScanner(r, 0, math.MaxInt64, size, s.MaxLine)
	for len(s.names) < examples && scanner.Scan() {
		line := scanner.Line().Parse()
		at, ok := joined(&line, inline)
		if w := s.find(at); !ok || line.Status != outcome.StatusFailed || w == nil || w.seen > 0 || w.answered {
			continue
		}
		name := line.Key
		if !line.HasKey {
			name = "request " + strconv.FormatInt(line.Index, 10)
		}
		if !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
	return scanner.Err()
}
