package gemini

// End is how a batch ends that does not succeed, as the types of events call it.
type End string

// The other ends of a batch.
const (
	EndFailed    End = "failed"
	EndExpired   End = "expired"
	EndCancelled End = "cancelled"
)

// BatchOptions say how one batch goes and how batches.get and batches.list show it. The zero value succeeds and is shown as
// the live API shows it.
type BatchOptions struct {
	// End, where not empty, is reached in place of success.
	End End
	// NoEvent sends none at the end.
	NoEvent bool
	// NoEndTime leaves endTime out: updateTime alone tells when it ended.
	NoEndTime bool
	// NoWebhookConfig leaves webhookConfig out, which the API's reference has among a batch's fields.
	NoWebhookConfig bool
	// Running shows the job as running for ever, also after its event was sent.
	Running bool
	// Places are where the output of a succeeded job is shown: response, metadata.output, output, dest. Default: the first two.
	Places []string
	// Once nests lists of inlined responses once; the live API nests them twice.
	Once bool
	// EmbedName calls the list of an embeddings batch inlinedEmbedContentResponses, as the SDKs' types do. The live API was
	// seen to call it inlinedResponses.
	EmbedName bool
	// NoItemMetadata leaves metadata out of inlined responses, which the live API was seen to do.
	NoItemMetadata bool
	// NoOutput shows neither file nor list; EmptyList shows a list without items.
	NoOutput, EmptyList bool
	// Failed is how many of the first lines carry an error, of FailedCode, whatever Options.FailedShare says.
	Failed     int
	FailedCode int
	// ShowRequests shows inline requests in inputConfig. Whether the live API does is not known.
	ShowRequests bool
	// Pointer, where not PointerNone, is where the results go, whatever Options.ResultPointer says. PointerBucket needs
	// Options.ResultBucket and Options.Sink.
	Pointer Pointer
	// AnswerBytes, where not 0, is how long every answer is, whatever Options.MaxTextBytes says.
	AnswerBytes int
}

// InteractionOptions say how one interaction goes; the zero value completes.
type InteractionOptions struct {
	// Status is the last one: completed (default), requires_action, failed; or one of those of which no event tells:
	// incomplete, budget_exceeded, requires_continuation, queued.
	Status string
	// NoEvent sends none at the end.
	NoEvent bool
	// OutputBytes, where not 0, is how long the answer is, whatever Options.MaxTextBytes says.
	OutputBytes int
}

// VideoOptions say what one operation makes. How many samples is said by the request's parameters.sampleCount.
type VideoOptions struct {
	// Bytes is the size of each file. Default 24, an MP4 file's first box, with which longer ones begin, too.
	Bytes int64
	// NoEvent sends none at the end.
	NoEvent bool
}
