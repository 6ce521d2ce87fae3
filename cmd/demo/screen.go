package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// screen prints what happens. On a terminal progress is one line that is
// written over; elsewhere it is plain lines without control characters.
type screen struct {
	out      *os.File
	terminal bool
	start    time.Time

	mu     sync.Mutex
	open   bool // a progress line is not ended yet
	last   time.Time
	rows   []row
	failed int
}

type row struct{ what, want, got, verdict string }

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && cmp.Or(os.Getenv("TERM"), "dumb") != "dumb"
	return &screen{out: out, terminal: terminal, start: time.Now()}
}

// say prints a line with the time since the start.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	fmt.Fprintf(s.out, "%s  %s\n", s.clock(), fmt.Sprintf(format, args...))
}

func (s *screen) title(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	fmt.Fprintf(s.out, "\n%s\n", text)
}

// progress prints how far something is, on a pipe once a second at most.
func (s *screen) progress(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	switch {
	case s.terminal:
		fmt.Fprintf(s.out, "\r\x1b[K%s  %s", s.clock(), text)
		s.open = true
	case time.Since(s.last) >= time.Second:
		fmt.Fprintf(s.out, "%s  %s\n", s.clock(), text)
		s.last = time.Now()
	}
}

func (s *screen) end() {
	if s.open {
		fmt.Fprintln(s.out)
		s.open = false
	}
}

func (s *screen) clock() string { return fmt.Sprintf("%6.2fs", time.Since(s.start).Seconds()) }

// check notes what was wanted and what came, prints it, and counts it if it
// is not the same.
func (s *screen) check(what string, want, got any) {
	r := row{what, fmt.Sprint(want), fmt.Sprint(got), "ok"}
	if r.want != r.got {
		r.verdict = "WRONG"
		s.failed++
	}
	s.rows = append(s.rows, r)
	if r.verdict == "ok" {
		s.say("%s: %s", r.what, r.got)
	} else {
		s.say("%s: %s, want %s", r.what, r.got, r.want)
	}
}

// table prints all checks.
func (s *screen) table() {
	if len(s.rows) == 0 {
		return
	}
	s.title(strings.Repeat("-", 78))
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	for _, r := range s.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.what, r.got, r.verdict)
	}
	_ = w.Flush() // to the terminal or the pipe; who closed it does not read on
	if s.failed > 0 {
		fmt.Fprintf(s.out, "\n%d of %d not as the contract says\n", s.failed, len(s.rows))
	} else {
		fmt.Fprintf(s.out, "\nall %d as the contract says, in %.1f s\n", len(s.rows), time.Since(s.start).Seconds())
	}
}
