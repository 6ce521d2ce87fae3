// What a subscriber may make of a message's data. Compiled by the tests.
import type { KnownOutcome, Outcome } from "./outcome";

// tsc says when a type is missing here.
const known: Record<KnownOutcome["type"], true> = {
  "batch.result": true,
  "batch.completed": true,
  "batch.incomplete": true,
  "batch.unreadable": true,
  "batch.failed": true,
  "batch.expired": true,
  "batch.cancelled": true,
  "video.generated": true,
  "interaction.completed": true,
  "interaction.requires_action": true,
  "interaction.failed": true,
  "interaction.cancelled": true,
  unrecognized: true,
};

function isKnown(o: Outcome): o is KnownOutcome {
  return Object.hasOwn(known, o.type);
}

export function summary(data: string): string {
  const o = JSON.parse(data) as Outcome;
  if (!isKnown(o)) return `${o.type}: ${JSON.stringify(o.event)}`; // newer than this code
  switch (o.type) {
    case "batch.result":
      return `${o.key}: ${o.status === "succeeded" ? o.text : o.error?.code}`;
    case "batch.completed":
      return `${o.resource_id}: ${o.results.total} lines, ${o.usage.total_tokens} tokens`;
    case "batch.unreadable":
    case "batch.incomplete":
      return `${o.resource_id}: ${o.error.code}`;
    case "video.generated":
      return `${o.video.archived?.uri ?? o.video.uri}`;
    default:
      return `${o.type} ${o.resource_id}`;
  }
}
