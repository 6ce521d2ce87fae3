"""The test of push.py runs it by this file, so that the keys of tokens are those of the
embedded cloud: push.py has no setting for it."""

import os
import runpy
import sys

import google.auth.transport.requests

GOOGLES = "https://www.googleapis.com/oauth2/v1/certs"


class Request(google.auth.transport.requests.Request):
    def __call__(self, url, *args, **kwargs):
        certificates = os.environ["GOOGLE_CERTS_URL"].replace("/v3/", "/v1/")
        return super().__call__(certificates if url == GOOGLES else url, *args, **kwargs)


google.auth.transport.requests.Request = Request
sys.path.insert(0, os.getcwd())
runpy.run_path("push.py", run_name="__main__")
