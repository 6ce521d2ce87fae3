// Package vertex simulates the batch prediction jobs of Vertex AI, which tell nobody when they end. It runs in process on a
// loopback address, and the official SDK (google.golang.org/genai, backend Vertex AI) works against it through
// GOOGLE_VERTEX_BASE_URL or HTTPOptions.BaseURL.
//
// Jobs are created, read, listed and cancelled. One reads its requests from Cloud Storage, takes its time, and writes one
// predictions.jsonl into a new directory below its output prefix, named in outputInfo; so does one that ends early, with the
// rows that had a result. Rows have their request's other members, and no order.
//
// What Google documents or what was observed is imitated; where nothing is published, the simulator does the plainest thing:
//
//   - A job's name has the project's number, whatever its path had: either is taken.
//   - The newest jobs are listed first, 50 on a page, 1000 at most.
//   - A filter is one or more comparisons joined by AND: of state and display_name (=, !=, and : with * for a display
//     name), and of create_time. update_time and end_time cannot be filtered by, as in the API.
//   - A job whose input cannot be read, or has a line that is no request, fails; nothing of it is written.
//   - Cancelling takes a quarter of a job's time; of a job that has ended it does nothing.
//   - Codes and messages of jobs' errors are made up, and so are responses (internal/localcloud/model).
//
// Left out are: credentials, which are not looked at; BigQuery and data sets as input or output; wildcards in input URIs;
// embeddings; labels; deletion; every other resource of Vertex AI; which models and locations exist.
//
// Shapes are taken from the converters of google.golang.org/genai 1.77, the API's reference, and published rows. TestSDKs
// reads the simulator with two official SDKs.
package vertex
