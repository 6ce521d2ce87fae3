"""Has gcloud's own parser look at commands, and runs none of them.

Usage: python gcloud.py SDK_LIB < request > answer. The request is a JSON object:
commands (a list of lists of arguments, without "gcloud") and build (the path of
a Cloud Build configuration, or empty). The answer has errors, a list with a
text for each command, empty where it is accepted; and build, the configuration
as gcloud would send it.
"""

import contextlib
import io
import json
import os
import socket
import sys

lib = sys.argv[1]
sys.path[:0] = [lib, os.path.join(lib, 'third_party')]


def no_network(*unused_args, **unused_kwargs):
  raise OSError('the test has no network')


socket.socket.connect = no_network
socket.getaddrinfo = no_network

# pylint: disable=g-import-not-at-top,protected-access
from googlecloudsdk import gcloud_main
from googlecloudsdk.api_lib.cloudbuild import cloudbuild_util
from googlecloudsdk.api_lib.cloudbuild import config
from googlecloudsdk.core import properties
from googlecloudsdk.core.resource import resource_filter
from apitools.base.py import encoding


def accept(parser, args):
  """Parses a command line; raises or exits where gcloud refuses it."""
  properties.VALUES.PushInvocationValues()
  try:
    parsed = parser.parse_args(args)
    if parsed.CONCEPT_ARGS is not None:
      parsed.CONCEPT_ARGS.ParseConcepts()
    if getattr(parsed, 'filter', None):
      resource_filter.Compile(parsed.filter)
  finally:
    properties.VALUES.PopInvocationValues()


def main():
  request = json.load(sys.stdin)
  parser = gcloud_main.CreateCLI([])._CLI__parser
  errors = []
  for args in request['commands']:
    said = io.StringIO()
    try:
      with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        accept(parser, args)
      errors.append('')
    except SystemExit as e:
      errors.append(said.getvalue().strip() or 'exit %s' % e.code)
    except Exception as e:  # pylint: disable=broad-except
      errors.append('%s: %s' % (type(e).__name__, e))
  build = None
  if request['build']:
    messages = cloudbuild_util.GetMessagesModule()
    build = encoding.MessageToPyValue(
        config.LoadCloudbuildConfigFromPath(request['build'], messages))
  json.dump({'errors': errors, 'build': build}, sys.stdout)


main()
