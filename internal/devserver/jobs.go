package devserver

import (
	"context"
	"fmt"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// Sizes of jobs: lines enough for several ranges, of which some fail.
const (
	fileRequests   = 60
	inlineRequests = 20
	failedShare    = 0.1
	blockedShare   = 0.05
	chunkBytes     = 16 << 10
)

// displayName of jobs; that of batches whose results go to a bucket says so.
const (
	displayName       = "webhookctl dev"
	displayNameBucket = "webhookctl dev, results in a bucket"
)

// kinds are those of Run.
var kinds = []string{KindBatchFile, KindBatchInline, KindBatchGCS, KindVideo, KindInteraction}

// Run starts a real job at the simulator by the SDK and gives its name. Its event
// comes when it ends.
func (s *Server) Run(ctx context.Context, kind string) (string, error) {
	switch kind {
	case KindBatchFile:
		return s.operator.RunBatch(ctx, displayName, localcloud.RequestFile(fileRequests))
	case KindBatchGCS:
		return s.operator.RunBatch(ctx, displayNameBucket, localcloud.RequestFile(fileRequests))
	case KindBatchInline:
		return s.operator.RunInline(ctx, displayName, inlineRequests)
	case KindVideo:
		return s.operator.GenerateVideos(ctx, 1)
	case KindInteraction:
		return s.operator.Interact(ctx, nil)
	}
	return "", fmt.Errorf("there is no kind %q of job: use one of %q", kind, kinds)
}

func batchFor(name string) gemini.BatchOptions {
	if name == displayNameBucket {
		return gemini.BatchOptions{Pointer: gemini.PointerBucket}
	}
	return gemini.BatchOptions{}
}
