package main

import (
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// The exit codes. Only the older commands have the last three.
const (
	codeDone     = 0
	codeFailed   = 1
	codeUsage    = 2
	codeAgain    = 3
	codeNotFound = 4
	codeChanges  = 10
)

// older are the commands whose codes say more than 0, 1 and 2: scripts go by them.
var older = []string{"webhook", "token", "dynamic-uri", "doctor"}

const codesHelp = `Exit codes:
  0   done, or there was nothing to do
  1   it failed, found something wrong, or is not finished: the message says which,
      and how to go on
  2   the command line is wrong`

const olderCodesHelp = `Exit codes:
  0   done, or there was nothing to do
  1   failed, and nothing is known to have been done
  2   the command line is wrong
  3   not finished (interrupted, or another run is at work): run it again, the
      next run goes on or heals
  4   there is no such webhook, secret or version
  10  of --dry-run: there is something to do`

// errChanges is what a dry run ends with that has found something to do.
var errChanges = errors.New("there is something to do")

// coded is an error with an exit code of its own.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

func usage(format string, args ...any) error {
	return coded{fmt.Errorf(format, args...), codeUsage}
}

func notFound(format string, args ...any) error {
	return coded{fmt.Errorf(format, args...), codeNotFound}
}

// again is an error after something was done, which the next run builds on.
func again(err error) error {
	return coded{fmt.Errorf("%w; run it again to go on", err), codeAgain}
}

// plain is what a command that has the codes 0, 1 and 2 alone ends with for err.
func plain(ctx context.Context, err error) error {
	if code := codeOf(ctx, err); code != codeAgain && code != codeNotFound {
		return err
	}
	if _, said := errors.AsType[coded](err); !said && ctx.Err() != nil {
		err = fmt.Errorf("%w; it was interrupted: run it again", err)
	}
	return coded{err, codeFailed}
}

// codeOf is the exit code for what a command returned.
func codeOf(ctx context.Context, err error) int {
	is := func(kinds ...error) bool {
		for _, kind := range kinds {
			if errors.Is(err, kind) {
				return true
			}
		}
		return false
	}
	own, ok := errors.AsType[coded](err)
	switch {
	case err == nil:
		return codeDone
	case ok:
		return own.code
	case is(errChanges):
		return codeChanges
	case is(webhookadmin.ErrInterrupted, webhookadmin.ErrConflict):
		return codeAgain
	case is(webhookadmin.ErrDesired):
		return codeUsage
	case is(webhookadmin.ErrRefused): // also where the API key's secret is missing
		return codeFailed
	case is(webhookadmin.ErrNoWebhook, webhookadmin.ErrWebhookNotFound, secret.ErrNotFound):
		return codeNotFound
	case ctx.Err() != nil:
		return codeAgain
	}
	return codeFailed
}
