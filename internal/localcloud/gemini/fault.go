package gemini

import "example.com/gemini-webhook/internal/localcloud/rest"

// Op is one call and Fault what goes wrong with it, see Server.Fail.
type (
	Op    = rest.Op
	Fault = rest.Fault
)
