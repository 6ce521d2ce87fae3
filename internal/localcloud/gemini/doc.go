// Package gemini simulates the side of the Gemini API that a webhook receiver meets: the WebhookService, the Files API,
// batches, interactions, videos, and the deliveries that follow from them. It runs in process on a loopback address, and the official SDK
// (google.golang.org/genai) works against it through GOOGLE_GEMINI_BASE_URL or HTTPOptions.BaseURL.
//
// What Google documents or what was observed is imitated; where nothing is published, the simulator does the plainest
// thing, and says so here:
//
//   - A ping is an event {"type": "webhook.ping", "version": "v1", "data": {"id": "<webhook id>"}}. It is sent whatever
//     the webhook subscribes to and whatever its state is, and is retried like any other.
//   - Event types that subscribed_events does not accept (batch.cancelled, interaction.cancelled, types of the future) go
//     to the webhooks that subscribe to an event of the same family (the part before the dot), and where no accepted
//     type is of that family, to all.
//   - Every webhook gets a webhook-id of its own for the same event.
//   - While a webhook is disabled nothing is sent to it; deliveries begun before go on if it is enabled within their 24 h.
//   - Consecutive failed attempts disable a webhook, and so does one answer 410 (the Standard Webhooks spec lets a sender
//     do that).
//   - The backoff ignores Retry-After.
//   - A rotation without revocation_behavior revokes after 24 h.
//   - Of file jobs the event names no pointer (other receivers handle none, or files/batch-…): batches.get has it.
//     data.id of a video is the operation's name, of an interaction its id.
//   - A result file is called files/batch-<id of the batch>. It is not listed.
//   - batches.list shows the same operations as batches.get, outputs included.
//   - Retention: files are deleted 48 h after they were stored, results 48 h after the end of their job. The job stays, its
//     inlined responses are left out.
//   - What interactions say in their steps, and the sizes of embeddings and videos, are made up.
//   - A wrong API key is 401 UNAUTHENTICATED with the reason API_KEY_INVALID, a missing one 403. (The live API has been seen
//     to answer a wrong key with 400 INVALID_ARGUMENT and that same reason: go by the reason.)
//
// The uris of a job's webhook_config replace the registered webhooks for its events, and user_metadata comes back with
// them. Batches, background interactions and videos take it, as in the SDK. These dynamic deliveries are signed with keys
// that are the same for all customers, in one of two schemes (Scheme), verified by the JWKS at JWKSPath, and in this too
// nothing is published but the two schemes:
//
//   - Every URI gets a delivery with a webhook-id of its own, with the same retries as any other; an answer 410 ends it.
//   - Which of the three Ed25519 keys signs is drawn anew for each delivery.
//   - A JWT is made for each attempt; it carries the event, which the body has too.
//   - Batches show it, for the API's reference has webhookConfig among their fields; operations of videos and interactions
//     do not. No log line or Delivery shows a URI.
//
// How a job goes is said by BatchOptions, InteractionOptions and VideoOptions, what goes wrong with a call by Fail, which
// deliveries never come by Lose. Results and
// videos are made while they are read, so their size costs no memory.
//
// Shapes are taken from: the converters and tests of google.golang.org/genai 1.77 and @google/genai 2.32 (operations, lists,
// inlined responses nested twice in metadata.output, embeddings under the name inlinedResponses, videos, interactions and their
// steps); the API's reference (response, batchStats as texts); python-genai issues 1759 (files.get on result files), 1886 (no
// metadata in items) and 2519 (503 after 60 s); go-genai issues 436 (ids of 36 characters, files.get) and 712 (embeddings).
// TestSDKs reads the simulator with both SDKs.
//
// Of interactions those with background only are simulated. The package does not run models: responses are made up from the
// seed.
package gemini
