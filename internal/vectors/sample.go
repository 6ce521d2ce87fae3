package vectors

import (
	"slices"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// samples are data of events as Gemini sends them, by type.
var samples = map[string]func() map[string]any{
	event.TypeBatchSucceeded: func() map[string]any {
		return map[string]any{"id": sampleBatch, "output_file_uri": "files/batch-" + sampleBatch[len("batches/"):]}
	},
	event.TypeBatchCancelled: func() map[string]any { return map[string]any{"id": sampleBatch} },
	event.TypeBatchExpired:   func() map[string]any { return map[string]any{"id": sampleBatch} },
	event.TypeBatchFailed: func() map[string]any {
		return map[string]any{"id": sampleBatch, "error_code": "INVALID_ARGUMENT", "error_message": "The input file has a line that is no request."}
	},
	event.TypeInteractionCompleted:      func() map[string]any { return map[string]any{"id": sampleInteraction} },
	event.TypeInteractionRequiresAction: func() map[string]any { return map[string]any{"id": sampleInteraction} },
	event.TypeInteractionFailed: func() map[string]any {
		return map[string]any{"id": sampleInteraction, "error_code": "INTERNAL", "error_message": "The model has stopped unexpectedly."}
	},
	event.TypeInteractionCancelled: func() map[string]any { return map[string]any{"id": sampleInteraction} },
	event.TypeVideoGenerated: func() map[string]any {
		return map[string]any{
			"id": "models/veo-3.1-generate-preview/operations/k3x9q2m7w5ab", "file_name": "files/7f3k2m9q4x1z",
			"output_file_uri": "https://generativelanguage.googleapis.com/v1beta/files/7f3k2m9q4x1z:download?alt=media",
		}
	},
}

const (
	sampleBatch       = "batches/q8x3n5v1k7m2p9w4r6t0y2u4i6o8a1s3d5f7"
	sampleInteraction = "v1_ChdYcWg3YXZxTU5hVGh4TjhQ"
)

// SampleTypes are the types of events that there is a sample of: the catalogue.
func SampleTypes() []string {
	var types []string
	for name := range samples {
		types = append(types, name)
	}
	slices.Sort(types)
	return types
}

// Sample is an event of a type, as Gemini sends it; false where there is none.
func Sample(eventType string, at time.Time) (map[string]any, bool) {
	data, ok := samples[eventType]
	if !ok {
		return nil, false
	}
	return map[string]any{
		"type": eventType, "version": "v1", "timestamp": at.UTC().Format(time.RFC3339), "data": data(),
		"user_metadata": map[string]any{"sent_by": "webhookctl trigger"},
	}, true
}
