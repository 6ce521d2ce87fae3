// Package results reads the lines of a batch result file: Scanner splits a byte
// range of an object into lines, and Parse reads what one line says (contract,
// "Lines"). It opens nothing, publishes nothing and knows no cloud.
//
// JSON is validated by goccy/go-json: it agreed with encoding/json on every fuzzed
// input (FuzzParse) and on depth, and was the fastest for a 2 kB line
// (BenchmarkValid: 0.7 µs, gjson 1.8, encoding/json 6.1, best seen on two shared
// cores). It copies its input, so lines over 4 MiB are validated by encoding/json.
// The members are then found by a walk over the valid bytes (internal/lenientjson):
// RawMessage of either library is a copy, and structs refuse odd types. Of a line that
// is too long a condenser keeps what fits, which is then read in the same way.
package results
