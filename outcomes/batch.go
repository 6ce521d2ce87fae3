package outcomes

import "encoding/json"

// BatchResult is one line of a batch's results. At most 9 MiB with attributes.
type BatchResult struct {
	Common
	Source LineSource `json:"source"`
	// The line's key; one that is no string is its JSON text.
	Key *string `json:"key,omitempty"`
	// Of inline results: the request's place, from 0.
	Index *int64 `json:"index,omitempty" jsonschema:"minimum=0"`
	// Whether there is something to use. Of a refusal it is failed.
	Status Status `json:"status" jsonschema:"enum=succeeded,enum=failed,enum=invalid"`
	// The first candidate's text, parts joined, thoughts left out.
	Text         *string `json:"text,omitempty"`
	FinishReason string  `json:"finish_reason,omitempty" jsonschema:"minLength=1"`
	ModelVersion string  `json:"model_version,omitempty" jsonschema:"minLength=1"`
	Usage        *Tokens `json:"usage,omitempty"`
	Error        *Error  `json:"error,omitempty"`
	// All other members of the line, verbatim, up to 64 KiB: custom_id, metadata, processed_time.
	Extra    map[string]json.RawMessage `json:"extra,omitempty"`
	Response json.RawMessage            `json:"response,omitempty"`
	Request  json.RawMessage            `json:"request,omitempty"`
	// response and request were left out for their size: read them at source.
	ResponseOmitted bool `json:"response_omitted,omitempty"`
}

// Status is what a line of results says about its request. A newer receiver may have
// others: treat them like failed.
type Status string

// The states of a line.
const (
	Succeeded Status = "succeeded" // there is a text, an embedding or a tool call to use
	Failed    Status = "failed"    // the request failed; Error says why, where Gemini did
	Invalid   Status = "invalid"   // the line is no result: Error.Code is not_json, unknown_shape or line_too_long
)

// LineSource is where the line stands; bytes of the decompressed object where encoding
// is gzip.
type LineSource struct {
	URI        string `json:"uri"`
	Generation string `json:"generation"`
	Offset     int64  `json:"offset" jsonschema:"minimum=0"`
	// Without the line end.
	Length   int64  `json:"length" jsonschema:"minimum=0"`
	Encoding string `json:"encoding,omitempty" jsonschema:"enum=gzip"`
	// Where the copy that uri names came from, files/… or batches/…; absent where it is no copy.
	Origin string `json:"origin,omitempty" jsonschema:"minLength=1"`
}

// Tokens are numbers of tokens, as far as Gemini counted them.
type Tokens struct {
	PromptTokens     *int64 `json:"prompt_tokens,omitempty" jsonschema:"minimum=0"`
	CandidatesTokens *int64 `json:"candidates_tokens,omitempty" jsonschema:"minimum=0"`
	ThoughtsTokens   *int64 `json:"thoughts_tokens,omitempty" jsonschema:"minimum=0"`
	// Part of prompt_tokens.
	CachedTokens  *int64 `json:"cached_tokens,omitempty" jsonschema:"minimum=0"`
	ToolUseTokens *int64 `json:"tool_use_tokens,omitempty" jsonschema:"minimum=0"`
	TotalTokens   *int64 `json:"total_tokens,omitempty" jsonschema:"minimum=0"`
}

// BatchCompleted says that all lines of the batch were published. May arrive before the
// last of them.
//
// See Progress.
type BatchCompleted struct {
	Common
	Source  ResultsSource `json:"source"`
	Results Results       `json:"results"`
	Usage   TokenSums     `json:"usage"`
	// Stored size of the objects.
	Bytes int64 `json:"bytes" jsonschema:"minimum=0"`
	// Lines that failed are to be sent again (RETRY_FAILED): this is not the end. What follows is a batch with retry_of in its user_metadata or, where none can be made, this outcome again, under another id, with settled.
	Retrying bool            `json:"retrying,omitempty"`
	Settled  *Settled        `json:"settled,omitempty"`
	Batch    *Batch          `json:"batch,omitempty"`
	Event    json.RawMessage `json:"event,omitempty"`
}

// ResultsSource is where the results stand.
type ResultsSource struct {
	// The event's pointer, or the copy in the archive bucket.
	URI string `json:"uri"`
	// Where the copy that uri names came from, files/… or batches/…; absent where it is no copy.
	Origin string `json:"origin,omitempty" jsonschema:"minLength=1"`
}

// Results are numbers of lines.
type Results struct {
	Total     int64 `json:"total" jsonschema:"minimum=0"`
	Succeeded int64 `json:"succeeded" jsonschema:"minimum=0"`
	Failed    int64 `json:"failed" jsonschema:"minimum=0"`
	Invalid   int64 `json:"invalid" jsonschema:"minimum=0"`
	// Lines by finish reason.
	FinishReasons Counts `json:"finish_reasons,omitempty"`
	// Lines by their error's code.
	ErrorCodes Counts `json:"error_codes,omitempty"`
	// How many of the job's requests have no line; absent where the API did not tell how many it had.
	Missing *int64 `json:"missing,omitempty" jsonschema:"minimum=0"`
}

// Counts are numbers of lines by name. At most 50 names, the rest under other.
type Counts map[string]int64

// TokenSums are sums over all lines.
type TokenSums struct {
	PromptTokens     int64 `json:"prompt_tokens" jsonschema:"minimum=0"`
	CandidatesTokens int64 `json:"candidates_tokens" jsonschema:"minimum=0"`
	ThoughtsTokens   int64 `json:"thoughts_tokens" jsonschema:"minimum=0"`
	// Part of prompt_tokens.
	CachedTokens  int64 `json:"cached_tokens" jsonschema:"minimum=0"`
	ToolUseTokens int64 `json:"tool_use_tokens" jsonschema:"minimum=0"`
	TotalTokens   int64 `json:"total_tokens" jsonschema:"minimum=0"`
	// How many lines had any.
	Lines int64 `json:"lines" jsonschema:"minimum=0"`
}

// Settled is of the first of several rounds (RETRY_FAILED): what its requests came to.
// Only at the end of the last round.
type Settled struct {
	// Requests of the first batch.
	Total int64 `json:"total" jsonschema:"minimum=0"`
	// In any round.
	Succeeded int64 `json:"succeeded" jsonschema:"minimum=0"`
	// What is left.
	Failed int64 `json:"failed" jsonschema:"minimum=0"`
	// Lines of any round that are no results.
	Invalid int64 `json:"invalid" jsonschema:"minimum=0"`
	// How many batches were made of failed lines.
	Rounds int64 `json:"rounds" jsonschema:"minimum=0"`
}

// Batch is the job as the API has it; absent where the API was not asked or did not tell.
type Batch struct {
	// batches/…
	Name        string `json:"name,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	Model       string `json:"model,omitempty"`
	// RFC 3339.
	Created string `json:"created,omitempty"`
	// RFC 3339.
	Ended string `json:"ended,omitempty"`
	// How many requests the job had.
	Requested *int64 `json:"requested,omitempty" jsonschema:"minimum=0"`
	State     string `json:"state,omitempty"`
}

// BatchIncomplete says that a range could not be finished, or the object was replaced.
// batch.completed may still follow after a redrive.
type BatchIncomplete struct {
	Common
	Error  Error           `json:"error"`
	Ranges Ranges          `json:"ranges"`
	Batch  *Batch          `json:"batch,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`
}

// Ranges are numbers of parts of the results.
type Ranges struct {
	Done    int64 `json:"done" jsonschema:"minimum=0"`
	Missing int64 `json:"missing" jsonschema:"minimum=0"`
}

// BatchUnreadable says that this configuration can never read the results.
type BatchUnreadable struct {
	Common
	Source Pointer         `json:"source"`
	Error  Error           `json:"error"`
	Batch  *Batch          `json:"batch,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`
}

// Pointer is where the results should stand.
type Pointer struct {
	// The event's pointer; empty where it has none.
	URI string `json:"uri"`
}

// BatchEnd are the members of a batch that ended without results.
type BatchEnd struct {
	Common
	Error *Error          `json:"error,omitempty"`
	Batch *Batch          `json:"batch,omitempty"`
	Event json.RawMessage `json:"event,omitempty"`
}

// BatchFailed says that the batch failed as a whole.
type BatchFailed struct{ BatchEnd }

// BatchExpired says that the batch was not finished in time.
type BatchExpired struct{ BatchEnd }

// BatchCancelled says that the batch was cancelled.
type BatchCancelled struct{ BatchEnd }
