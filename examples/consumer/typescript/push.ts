// Consumes by push: a service that Pub/Sub posts each message to.
//
// Environment: PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT as the subscriptions have them
// (--push-auth-token-audience, --push-auth-service-account), PORT, and STORE_DIR, where
// the outcomes are kept.
//
// 204 acknowledges: the message is kept. Anything but 2xx makes Pub/Sub send it again.
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";

import { OAuth2Client } from "google-auth-library";

import { log, NotAnOutcome, printed, Store } from "./consumer.js";

const maxBody = 16 << 20; // bytes: a message of 10 MB, in base64, with its envelope

const { PUSH_AUDIENCE: audience, PUSH_SERVICE_ACCOUNT: account, PORT = "8080", STORE_DIR = "." } = process.env;
if (!audience || !account) throw new Error("set PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT: without them anybody could post results");

const google = new OAuth2Client(); // it keeps Google's certificates as long as it may
const store = new Store(join(STORE_DIR, "outcomes.jsonl"), printed);

/** Whether Pub/Sub sent it, for our subscription. */
async function isOurs(authorization = ""): Promise<boolean> {
  const [scheme, idToken] = authorization.split(" ");
  if (scheme?.toLowerCase() !== "bearer" || !idToken) return false;
  await google.getFederatedSignonCertsAsync(); // fails where Google cannot be asked now: 500, and the message comes again
  try {
    const claims = (await google.verifyIdToken({ idToken, audience })).getPayload();
    return claims?.email === account && claims?.email_verified === true;
  } catch {
    return false;
  }
}

/** The body, undefined if it is too large. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > maxBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The message in a push request, undefined if it is none. */
function messageOf(body: Buffer): { id: string; data: Buffer } | undefined {
  try {
    const { message } = JSON.parse(body.toString("utf8")) as { message: { messageId: unknown; data?: unknown } };
    const { messageId, data = "" } = message;
    return typeof messageId === "string" && typeof data === "string" ? { id: messageId, data: Buffer.from(data, "base64") } : undefined;
  } catch {
    return undefined;
  }
}

async function receive(request: IncomingMessage): Promise<number> {
  if (request.method !== "POST") return 405;
  if (!(await isOurs(request.headers.authorization))) return 401;
  const body = await read(request);
  if (!body) return 413;
  const message = messageOf(body);
  if (!message) return 400;
  try {
    store.keep(message.data);
  } catch (error) {
    if (!(error instanceof NotAnOutcome)) throw error;
    // Acknowledged: it is no better the next time, and would come for a week. Who
    // wants to see such messages answers 400 here, with a dead letter topic.
    log("ERROR", "acknowledged, but not kept", { message_id: message.id, error: error.message });
  }
  return 204;
}

const server = createServer((request, response) => {
  receive(request)
    .catch((error: unknown) => {
      log("ERROR", "not kept, it will come again", { error: String(error) });
      return 500;
    })
    .then((status) => {
      if (!request.complete) response.setHeader("Connection", "close"); // what is left of the body is not read
      response.writeHead(status).end();
    });
});
server.listen(Number(PORT));
process.once("SIGTERM", () => server.close(() => store.close()));
