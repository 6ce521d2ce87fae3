package batch

import (
	"example.com/gemini-webhook/internal/results"
)

// What tests outside the package see: with Google's clients they cannot be
// inside, for the clients' adapters import it.
var ErrNoProgress = errNoProgress

func (w *Worker) LongLines() *results.LongLines { return w.longLines }
