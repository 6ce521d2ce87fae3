package batch

// What tests outside the package see: with Google's clients they cannot be
// inside, for the clients' adapters import it.
var ErrNoProgress = errNoProgress
