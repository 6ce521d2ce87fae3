package retry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/outcome"
)

// Job is a batch that is to be made.
type Job struct {
	DisplayName string
	Model       string
	Embeddings  bool
	URIs        []string       // dynamic webhooks; empty: the registered ones
	Metadata    map[string]any // user_metadata; nil: none
	File        string         // the requests, as Send called them
}

// Service is where batches are made.
type Service interface {
	// Named gives the names of all batches with a display name.
	Named(ctx context.Context, displayName string) ([]string, error)
	// Send stores requests, and gives their name. digest tells them from others: where
	// they are stored already they need not be stored again.
	Send(ctx context.Context, digest string, requests io.Reader) (file string, err error)
	// Create makes a batch and gives its name. It asks once. Where the error is no
	// ErrRefused there may be one.
	Create(ctx context.Context, job Job) (name string, err error)
}

// Why no batch is made.
var (
	ErrRefused = errors.New("the batch was refused")
	// ErrLasting is beside ErrRefused where it would be refused again: not for a quota.
	ErrLasting = errors.New("and will be until something of it is changed")
	ErrAlready = errors.New("these requests have been retried already")
	ErrClaimed = errors.New("another run has begun this retry")
)

const forceful = "to make another batch of them all the same, give --again"

// Maker makes the batch of a retry, once for a set of requests.
type Maker struct {
	State   batch.Store // nil: two runs at the same time are not kept apart
	Service Service
	Key     string // of the old job: event.JobKey
	By      string // what makes it, for whoever looks: a program's version, nobody's name
	Now     func() time.Time
	// Lease is how long a run may be at work behind its claim: when it is older, and there
	// is no batch of its name, none was made. 0: nobody knows.
	Lease time.Duration
}

// claim is what a run says before it makes a batch: the content of
// v1/retries/<job key>/<digest>, or <digest>-<n> of the nth attempt.
type claim struct {
	DisplayName string        `json:"display_name"`
	Codes       outcome.Names `json:"codes"` // what it retries
	By          string        `json:"by"`
	Since       time.Time     `json:"since"`
}

// What stands beside a claim, when it is known what became of it.
const (
	madeSuffix    = "-made"
	refusedSuffix = "-refused" // no batch was made
)

// made is what a run says afterwards: the content of <claim>-made.
type made struct {
	Batch string `json:"batch"`
	File  string `json:"file,omitempty"`
}

// attempt is a claim with what became of it.
type attempt struct {
	claim
	name    string // without the folder
	made    *made
	refused bool
}

// maxDisplayName is the longest display name in bytes; Vertex AI takes 128 characters.
const maxDisplayName = 128

// DisplayName names the retry of a batch: by it a batch is found of which nothing else
// is known.
func DisplayName(old, digest string) string {
	const before, after = "retry of ", " [12345678]"
	for len(old) > maxDisplayName-len(before)-len(after) {
		_, size := utf8.DecodeLastRuneInString(old)
		old = old[:len(old)-size]
	}
	return before + old + " [" + digest[:8] + "]"
}

// Make sends requests and makes a batch of them, with the display name of job. digest
// and codes are the Selection's. Without again it is ErrAlready where such a batch was made,
// or one of other requests with one of these codes, and ErrClaimed where another run may be about to.
func (m *Maker) Make(ctx context.Context, job Job, digest string, codes outcome.Names, requests io.Reader, again bool) (name, file string, err error) {
	next, err := m.look(ctx, job.DisplayName, digest, codes, again)
	if err != nil {
		return "", "", err
	}
	if job.File, err = m.Service.Send(ctx, digest, requests); err != nil {
		return "", "", fmt.Errorf("send the requests: %w", err)
	}
	if err := m.claim(ctx, next, job.DisplayName, codes); err != nil {
		return "", job.File, err
	}
	if err := m.alone(ctx, next, digest, codes); err != nil && !again {
		return "", job.File, errors.Join(err, m.note(ctx, next+refusedSuffix, nil))
	}
	name, err = m.Service.Create(ctx, job)
	switch {
	case errors.Is(err, ErrRefused):
		return "", job.File, errors.Join(err, m.note(ctx, next+refusedSuffix, nil))
	case err != nil:
		return "", job.File, fmt.Errorf("%w; it may have been made all the same: run this again, which looks for it", err)
	}
	return name, job.File, m.note(ctx, next+madeSuffix, made{name, job.File})
}

// folder is where the claims of an old batch are.
func (m *Maker) folder() string { return "v1/retries/" + m.Key + "/" }

// look gives the name of the claim to make, and an error where there is to be none.
func (m *Maker) look(ctx context.Context, displayName, digest string, codes outcome.Names, again bool) (next string, err error) {
	attempts, err := m.attempts(ctx)
	if err != nil {
		return "", err
	}
	same, n, givenUp := "", 0, true
	for _, a := range attempts {
		if base, _, _ := strings.Cut(a.name, "-"); base == digest {
			n++
			if !a.refused {
				same = a.name
				givenUp = givenUp && a.made == nil && m.Lease > 0 && m.Now().Sub(a.Since) > m.Lease
			}
		}
		if err := a.overlaps(digest, codes); err != nil && !again {
			return "", err
		}
	}
	next = digest
	if n > 0 {
		next += "-" + strconv.Itoa(n+1)
	}
	if again {
		return next, nil
	}
	return next, m.unmade(ctx, displayName, same, givenUp)
}

// alone looks again when a claim is made: of two runs at the same time for different
// codes, some of them in both, one may go on, or none.
func (m *Maker) alone(ctx context.Context, own, digest string, codes outcome.Names) error {
	attempts, err := m.attempts(ctx)
	for _, a := range attempts {
		if a.name != own && err == nil {
			err = a.overlaps(digest, codes)
		}
	}
	return err
}

// overlaps reports whether an attempt has sent some of the requests, or may have:
// those with one of their codes.
func (a attempt) overlaps(digest string, codes outcome.Names) error {
	if base, _, _ := strings.Cut(a.name, "-"); a.refused || base == digest && a.made == nil {
		return nil
	}
	for _, code := range codes.Sorted() {
		if a.Codes[code] == 0 {
			continue
		}
		if a.made != nil {
			return fmt.Errorf("%w: those with code %s in %s, since %s; %s", ErrAlready, code, a.made.Batch, a.Since.Format(time.RFC3339), forceful)
		}
		return fmt.Errorf("%w, of those with code %s among others, at %s, and has not said how it ended; where it is not at work any more, look for a batch named %q; %s",
			ErrClaimed, code, a.Since.Format(time.RFC3339), a.DisplayName, forceful)
	}
	return nil
}

// unmade is nil where there is no batch of a display name and no run that has claimed
// to make it, or it was given up. One that is found is noted beside the claim.
func (m *Maker) unmade(ctx context.Context, displayName, claimed string, givenUp bool) error {
	found, err := m.Service.Named(ctx, displayName)
	if err != nil {
		return fmt.Errorf("look whether there is a batch named %q: %w", displayName, err)
	}
	if len(found) == 0 {
		if claimed == "" || givenUp {
			return nil
		}
		return fmt.Errorf("%w and there is no batch named %q; wait if it is at work, else it was interrupted before it made one: %s", ErrClaimed, displayName, forceful)
	}
	err = fmt.Errorf("%w: there is %s, named %q; %s", ErrAlready, strings.Join(found, ", "), displayName, forceful)
	if claimed != "" {
		err = errors.Join(err, m.note(ctx, claimed+madeSuffix, made{Batch: found[0]}))
	}
	return err
}

// attempts are what runs have said of this old batch so far.
func (m *Maker) attempts(ctx context.Context) ([]attempt, error) {
	if m.State == nil {
		return nil, nil
	}
	entries, err := m.State.List(ctx, m.folder(), "", "")
	if err != nil {
		return nil, fmt.Errorf("list the retries: %w", err)
	}
	byName := map[string]*attempt{}
	of := func(name string) *attempt {
		if byName[name] == nil {
			byName[name] = &attempt{name: name}
		}
		return byName[name]
	}
	for _, entry := range entries {
		name := strings.TrimPrefix(entry.Name, m.folder())
		var into any
		if base, ok := strings.CutSuffix(name, refusedSuffix); ok {
			of(base).refused = true
			continue
		} else if base, ok := strings.CutSuffix(name, madeSuffix); ok {
			of(base).made = &made{}
			into = of(base).made
		} else {
			into = &of(name).claim
		}
		data, err := m.State.Read(ctx, entry.Name)
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			return nil, fmt.Errorf("read what was retried: %w", err)
		}
	}
	all := make([]attempt, 0, len(byName))
	for _, a := range byName {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b attempt) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.name, b.name)) })
	return all, nil
}

// claim says that this run makes a batch. Of several at the same time one may.
func (m *Maker) claim(ctx context.Context, name, displayName string, codes outcome.Names) error {
	if m.State == nil {
		return nil
	}
	data, err := json.Marshal(claim{displayName, codes, m.By, m.Now().UTC()})
	if err != nil {
		return err
	}
	err = m.State.Create(ctx, m.folder()+name, data, nil)
	if errors.Is(err, batch.ErrExists) {
		return fmt.Errorf("%w, at this moment; see what it makes", ErrClaimed)
	}
	if err != nil {
		return fmt.Errorf("claim the retry: %w", err)
	}
	return nil
}

// note says what became of a claim. Another run may have said it.
func (m *Maker) note(ctx context.Context, name string, v any) error {
	if m.State == nil {
		return nil
	}
	var data []byte
	if v != nil {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if err := m.State.Create(ctx, m.folder()+name, data, nil); err != nil && !errors.Is(err, batch.ErrExists) {
		return fmt.Errorf("note what became of the retry: %w", err)
	}
	return nil
}

// noteTimeout is what noting gets where the run was interrupted.
const noteTimeout = 30 * time.Second
