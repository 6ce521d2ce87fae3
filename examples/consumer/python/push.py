"""Consumes by push: a service that Pub/Sub posts each message to.

Environment: PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT as the subscriptions have them
(--push-auth-token-audience, --push-auth-service-account), PORT, and STORE_DIR, where
the database is. It needs google-auth and requests.

204 acknowledges: the message is kept. Anything but 2xx makes Pub/Sub send it again.
"""

import base64
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google.auth.exceptions
import google.auth.transport.requests
import google.oauth2.id_token

from consumer import NotAnOutcome, Store, log

MAX_BODY = 16 << 20  # bytes: a message of 10 MB, in base64, with its envelope
CERTIFICATES_TTL = 300  # seconds; Google announces new keys long before it uses them
CLOCK_SKEW = 10  # seconds that our clock may be behind Google's

AUDIENCE = os.environ["PUSH_AUDIENCE"]
SERVICE_ACCOUNT = os.environ["PUSH_SERVICE_ACCOUNT"]


class Certificates:
    """Google's certificates, fetched now and then rather than for each message."""

    def __init__(self):
        self._request, self._until, self._response = google.auth.transport.requests.Request(), 0, None

    def __call__(self, url, method="GET", **options):
        if time.monotonic() >= self._until:
            response = self._request(url, method=method, **options)
            if response.status != 200:
                return response
            self._until, self._response = time.monotonic() + CERTIFICATES_TTL, response
        return self._response


certificates = Certificates()


def is_ours(authorization):
    """Whether Pub/Sub sent it, for our subscription: else anybody could post results."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return False
    try:
        claims = google.oauth2.id_token.verify_oauth2_token(
            token, certificates, AUDIENCE, clock_skew_in_seconds=CLOCK_SKEW
        )
    except google.auth.exceptions.TransportError:
        raise  # Google cannot be asked now: 500, and the message comes again
    except (ValueError, google.auth.exceptions.GoogleAuthError):
        return False
    return claims.get("email") == SERVICE_ACCOUNT and claims.get("email_verified") is True


def message_of(body):
    """The message in a push request: its id, attributes and data."""
    try:
        message = json.loads(body)["message"]
        attributes = message.get("attributes") or {}
        return str(message["messageId"]), attributes, base64.b64decode(message.get("data") or "", validate=True)
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        raise NotAnOutcome("it is no push request of Pub/Sub's") from err


class Service(BaseHTTPRequestHandler):
    store = None
    timeout = 60  # seconds that a sender may pause

    def do_POST(self):
        try:
            status = self.receive()
        except Exception as err:  # whatever it is: the message is not kept
            log("ERROR", "not kept, it will come again", error=repr(err))
            status = 500
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def receive(self):
        if not is_ours(self.headers.get("Authorization", "")):
            self.close_connection = True  # the body is not read
            return 401
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            return 413 if length.isdecimal() else 411
        body = self.rfile.read(int(length))
        try:
            message_id, attributes, data = message_of(body)
        except NotAnOutcome:
            return 400
        try:
            self.store.keep(attributes, data)
        except NotAnOutcome as err:
            # Acknowledged: it is no better the next time, and would come for a week.
            # Who wants to see such messages answers 400 here, with a dead letter topic.
            log("ERROR", "acknowledged, but not kept", message_id=message_id, error=str(err))
        return 204

    def log_request(self, *_):
        """No line for each message."""


if __name__ == "__main__":
    Service.store = Store(os.path.join(os.environ["STORE_DIR"], "outcomes.db"))
    ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Service).serve_forever()
