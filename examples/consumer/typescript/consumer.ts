// Keeps each outcome of the receiver once, and knows when a batch is complete.
//
// Pub/Sub delivers at least once and in any order. So what counts are the distinct
// outcome_ids of a batch's batch.result messages, against results.total of its
// batch.completed, which may come before them; each may come twice.
//
// Outcomes are kept in a file, a line each, which is read when the process starts, and
// their ids in memory: for one process. Where several consume, keep them in a database
// that they share, with a unique outcome_id.
import { appendFileSync, closeSync, existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";

import type { Common, KnownOutcome } from "../../../docs/schemas/outcome.js";

/** The message is none of the receiver's, and will be none when it comes again. */
export class NotAnOutcome extends Error {}

/** What is printed of a batch of which all results are kept. */
export interface Complete {
  resource_id: string;
  results: number;
  failed: number;
  duplicates: number;
}

interface Batch extends Complete {
  total?: number;
  reported: boolean;
}

/** Outcomes by their outcome_id, and the state of each batch. */
export class Store {
  private readonly ids = new Set<string>();
  private readonly batches = new Map<string, Batch>();
  private readonly file: number;
  private size: number; // of the file, in bytes

  constructor(path: string, private readonly completed: (batch: Complete) => void) {
    const text = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const end = text.lastIndexOf("\n") + 1; // a line that a crash cut short was not acknowledged
    if (end < text.length) truncateSync(path, end);
    for (let start = 0; start < end; ) {
      const next = text.indexOf("\n", start);
      this.count(JSON.parse(text.toString("utf8", start, next)) as KnownOutcome);
      start = next + 1;
    }
    this.file = openSync(path, "a");
    this.size = end;
    // Those that were complete before a restart may be reported a second time.
    for (const id of this.batches.keys()) this.report(id);
  }

  /**
   * Keeps a message's data. When it returns, the message may be acknowledged. An
   * outcome that is there already is counted as a duplicate and changes nothing else.
   */
  keep(data: Buffer): void {
    const outcome = decode(data);
    const batch = this.batches.get(outcome.resource_id);
    if (this.ids.has(outcome.outcome_id)) {
      if (batch) batch.duplicates++;
    } else {
      this.append(data.toString("utf8").replace(/[\r\n]/g, " ") + "\n"); // between members: in a text they are escaped
      this.count(outcome);
    }
    this.report(outcome.resource_id);
  }

  close(): void {
    closeSync(this.file);
  }

  private append(line: string): void {
    try {
      appendFileSync(this.file, line);
      fdatasyncSync(this.file);
      this.size += Buffer.byteLength(line);
    } catch (error) {
      ftruncateSync(this.file, this.size); // no half of a line before the next
      throw error;
    }
  }

  private count(outcome: KnownOutcome): void {
    this.ids.add(outcome.outcome_id);
    switch (outcome.type) {
      case "batch.result": {
        // What to do with a result goes here.
        const batch = this.batch(outcome);
        batch.results++;
        if (outcome.status === "failed") batch.failed++;
        break;
      }
      case "batch.completed":
        this.batch(outcome).total = outcome.results.total;
        break;
    }
  }

  private batch({ resource_id }: Common): Batch {
    let batch = this.batches.get(resource_id);
    if (!batch) {
      batch = { resource_id, results: 0, failed: 0, duplicates: 0, reported: false };
      this.batches.set(resource_id, batch);
    }
    return batch;
  }

  private report(id: string): void {
    const batch = this.batches.get(id);
    if (!batch || batch.reported || batch.total === undefined || batch.results < batch.total) return;
    const { resource_id, results, failed, duplicates } = batch;
    this.completed({ resource_id, results, failed, duplicates });
    batch.reported = true;
  }
}

/** A message's data, of which what is used here is checked. Types that are newer than this code pass. */
export function decode(data: Buffer): KnownOutcome {
  let outcome: unknown;
  try {
    outcome = JSON.parse(data.toString("utf8"));
  } catch {
    throw new NotAnOutcome("it is not JSON");
  }
  const known = outcome as Partial<KnownOutcome> | null;
  if (typeof known?.outcome_id !== "string" || typeof known.type !== "string" || typeof known.resource_id !== "string")
    throw new NotAnOutcome("it lacks an outcome_id, a type or a resource_id");
  if (known.type === "batch.completed" && !Number.isInteger(known.results?.total))
    throw new NotAnOutcome("results.total is no number");
  return outcome as KnownOutcome;
}

/** The JSON line that says that a batch is complete: what waits for the whole batch goes here. */
export function printed(batch: Complete): void {
  writeSync(1, JSON.stringify(batch) + "\n");
}

/** One line of JSON, as Cloud Logging reads it. */
export function log(severity: "INFO" | "ERROR", message: string, fields: object = {}): void {
  writeSync(2, JSON.stringify({ severity, message, ...fields }) + "\n");
}
