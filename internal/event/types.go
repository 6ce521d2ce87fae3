package event

// The event types that Gemini documents.
const (
	TypeBatchSucceeded            = "batch.succeeded"
	TypeBatchCancelled            = "batch.cancelled"
	TypeBatchExpired              = "batch.expired"
	TypeBatchFailed               = "batch.failed"
	TypeInteractionCompleted      = "interaction.completed"
	TypeInteractionRequiresAction = "interaction.requires_action"
	TypeInteractionFailed         = "interaction.failed"
	TypeInteractionCancelled      = "interaction.cancelled"
	TypeVideoGenerated            = "video.generated"
)

// formerBatchSucceeded is an older name of TypeBatchSucceeded. (Our own outcome of
// that name is another thing.)
const formerBatchSucceeded = "batch.completed"

// maxTypeBytes bounds a usable type (contract, "Outcomes", row unrecognized).
const maxTypeBytes = 256

// MayBePing reports whether an event may be the test delivery that Gemini sends when it
// is asked for a ping. What that says is not documented: the webhook's secret signs it,
// and its type is none of those above.
func (e *Event) MayBePing() bool { return e.Mode == "static" && !Known(e.Type) }

// Known reports whether eventType is one of the catalogue above. It compares
// exactly: another case is another type.
func Known(eventType string) bool {
	switch eventType {
	case TypeBatchSucceeded, TypeBatchCancelled, TypeBatchExpired, TypeBatchFailed,
		TypeInteractionCompleted, TypeInteractionRequiresAction, TypeInteractionFailed, TypeInteractionCancelled,
		TypeVideoGenerated:
		return true
	}
	return false
}
