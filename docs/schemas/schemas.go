// Package schemas holds the JSON Schemas (2020-12) of the published messages, so
// that tests can check messages against the very files that readers get.
package schemas

import "embed"

// FS holds every *.schema.json of this directory. Each file's $id is its name.
//
//go:embed *.schema.json
var FS embed.FS
