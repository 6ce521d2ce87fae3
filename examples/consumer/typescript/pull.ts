// Consumes by pull: a worker that reads one subscription or several.
//
// Environment: SUBSCRIPTIONS, ids with commas between them, of GOOGLE_CLOUD_PROJECT, and
// STORE_DIR, where the outcomes are kept. The client uses an emulator where
// PUBSUB_EMULATOR_HOST names one.
import { join } from "node:path";

import { PubSub } from "@google-cloud/pubsub";

import { log, NotAnOutcome, printed, Store } from "./consumer.js";

const { SUBSCRIPTIONS, GOOGLE_CLOUD_PROJECT: projectId, STORE_DIR = "." } = process.env;
if (!SUBSCRIPTIONS || !projectId) throw new Error("set SUBSCRIPTIONS and GOOGLE_CLOUD_PROJECT");

const store = new Store(join(STORE_DIR, "outcomes.jsonl"), printed);
const client = new PubSub({ projectId });
// Results may be large: so many wait in memory, of so many bytes.
const flowControl = { maxMessages: 100, maxBytes: 100 << 20 };
const subscriptions = SUBSCRIPTIONS.split(",").map((name) => client.subscription(name, { flowControl }));

for (const subscription of subscriptions) {
  subscription.on("message", (message) => {
    try {
      store.keep(message.data);
    } catch (error) {
      if (!(error instanceof NotAnOutcome)) {
        log("ERROR", "not kept, it will come again", { message_id: message.id, error: String(error) });
        message.nack();
        return;
      }
      // Acknowledged: it is no better the next time, and would come for a week. Who
      // wants to see such messages calls nack() here, with a dead letter topic.
      log("ERROR", "acknowledged, but not kept", { message_id: message.id, error: error.message });
    }
    message.ack();
  });
  subscription.on("error", (error) => {
    log("ERROR", "the subscription cannot be read", { error: error.message });
    process.exitCode = 1;
    void stop();
  });
}

/** Gives back what is not acknowledged. */
async function stop(): Promise<void> {
  await Promise.all(subscriptions.map((subscription) => subscription.close()));
  await client.close();
  store.close();
}
process.once("SIGTERM", () => void stop());
