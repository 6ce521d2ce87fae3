"""Consumes by pull: a worker that reads one subscription or several.

Environment: SUBSCRIPTIONS, ids with commas between them, of GOOGLE_CLOUD_PROJECT, and
STORE_DIR, where the database is. It needs google-cloud-pubsub, which uses an emulator
where PUBSUB_EMULATOR_HOST names one.
"""

import os
import signal
import threading

from google.cloud import pubsub_v1

from consumer import NotAnOutcome, Store, log


def main():
    store = Store(os.path.join(os.environ["STORE_DIR"], "outcomes.db"))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def receive(message):
        try:
            store.keep(dict(message.attributes), message.data)
        except NotAnOutcome as err:
            # Acknowledged: it is no better the next time, and would come for a week.
            # Who wants to see such messages calls nack() here, with a dead letter topic.
            log("ERROR", "acknowledged, but not kept", message_id=message.message_id, error=str(err))
        except Exception as err:  # whatever it is: the message is not kept
            log("ERROR", "not kept, it will come again", message_id=message.message_id, error=repr(err))
            message.nack()
            return
        message.ack()

    # Results may be large: so many wait in memory, of so many bytes.
    flow = pubsub_v1.types.FlowControl(max_messages=100, max_bytes=100 << 20)
    with pubsub_v1.SubscriberClient() as client:
        names = [
            client.subscription_path(os.environ["GOOGLE_CLOUD_PROJECT"], name)
            for name in os.environ["SUBSCRIPTIONS"].split(",")
        ]
        pulls = [client.subscribe(name, receive, flow_control=flow) for name in names]
        for pull in pulls:
            pull.add_done_callback(lambda _: stop.set())  # one that ends ends the worker
        stop.wait()
        for pull in pulls:
            pull.cancel()  # what is not acknowledged comes again
        for pull in pulls:
            pull.result()  # raises why it ended, if not by us


if __name__ == "__main__":
    main()
