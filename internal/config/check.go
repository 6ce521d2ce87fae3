package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/endpoint"
)

// Problem is one variable that cannot be used, and what it wants instead. It
// never holds the value: somebody may have put a secret where its name belongs.
type Problem struct {
	Variable string
	Wants    string
}

// Error is every problem of an environment.
type Error struct {
	Problems []Problem
}

// Error returns one line per problem, "VARIABLE: what it wants".
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Variable + ": " + p.Wants
	}
	return strings.Join(lines, "\n")
}

// checker parses values and collects what is wrong with them. Its methods leave
// an empty value alone: whether it may be empty is the caller's to say.
type checker struct {
	problems []Problem
}

func (c *checker) refuse(variable, wants string) {
	c.problems = append(c.problems, Problem{Variable: variable, Wants: wants})
}

// numbers is an inclusive range of whole numbers.
type numbers struct {
	min, max int64
}

var (
	// Pub/Sub's own range is 5 to 100; fewer are for tests that drive the push
	// themselves. The last attempt but one reports, so there must be two.
	deliveryAttempts = numbers{2, 100}
	chunkBytes       = numbers{1, 5 << 40}       // 5 TiB: the largest object of Cloud Storage
	lineBytes        = numbers{1, 64 << 20}      // 64 MiB: lines up to it are held in memory
	retryRounds      = numbers{0, 5}             // each costs what its requests cost
	bodyBytes        = numbers{1 << 10, 8388608} // 1 KiB to 8 MiB: a queued body must fit a Pub/Sub message of 10 MB
)

func (c *checker) number(variable, value string, limits numbers) int64 {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < limits.min || n > limits.max {
		c.refuse(variable, fmt.Sprintf("must be a whole number from %d to %d", limits.min, limits.max))
	}
	return n
}

// durations is an inclusive range of durations.
type durations struct {
	min, max time.Duration
}

const day = 24 * time.Hour

var (
	overlap    = durations{0, 366 * day}
	secretTTL  = durations{time.Second, day} // under a second, Secret Manager's 600 lists a minute are used up
	staleLimit = durations{0, 30 * day}      // 0: nothing cached outlives its use
	// 25 h: Gemini retries for 24 h, and clocks differ.
	replayTolerance = durations{time.Nanosecond, 25 * time.Hour}
	// What was worked on is known while the state is kept, and how long that is the bucket
	// says: the Terraform module compares them.
	lookback = durations{time.Nanosecond, 366 * day}
	grace    = durations{0, 366 * day}
)

func (c *checker) duration(variable, value string, limits durations) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d < limits.min || d > limits.max {
		from := "from " + short(limits.min)
		if limits.min == time.Nanosecond {
			from = "over 0s and"
		}
		c.refuse(variable, fmt.Sprintf("must be a duration such as 90s, 5m or 24h, %s up to %s", from, short(limits.max)))
	}
	return d
}

// short writes a duration without zero minutes and seconds: 25h, not 25h0m0s.
func short(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return d.String()
}

func (c *checker) boolean(variable, value string) bool {
	b, err := strconv.ParseBool(value)
	if err != nil {
		c.refuse(variable, "must be true or false")
	}
	return b
}

// oneOf wants one of a few words. It returns the first for a value it refuses, so
// that the rest of the environment is checked in full.
func oneOf[T ~string](c *checker, variable, value string, words ...T) T {
	if slices.Contains(words, T(value)) {
		return T(value)
	}
	last := len(words) - 1
	list := string(words[0])
	for _, word := range words[1:last] {
		list += ", " + string(word)
	}
	c.refuse(variable, "must be "+list+" or "+string(words[last]))
	return words[0]
}

func (c *checker) logLevel(value string) (level slog.Level) {
	word := oneOf(c, "LOG_LEVEL", value, "debug", "info", "warn", "error")
	_ = level.UnmarshalText([]byte(word)) // it knows these
	return level
}

// url accepts https, and http on this machine: who can change a key set on its
// way can sign anything.
func (c *checker) url(variable, value string) string {
	if value == "" {
		return ""
	}
	if _, err := endpoint.Parse(value); err != nil {
		c.refuse(variable, err.Error())
	}
	return value
}

// list splits at commas, trims white space and leaves out empty entries.
func list(value string) []string {
	var entries []string
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}
