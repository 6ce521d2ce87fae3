# The path of a dynamic webhook holds its token, and the request log has the
# URL. What the receiver logs itself leaves the token out.
#
# An exclusion keeps entries out of the project's _Default bucket. It does not
# reach sinks of the organization or folder: add the same filter there.
resource "google_logging_project_exclusion" "tokens" {
  count = module.options.dynamic.enabled && module.options.dynamic.log_exclusion ? 1 : 0

  project     = var.project_id
  name        = "${var.name}-tokens"
  description = "Request log entries whose URL holds, in any encoding, what has the form of the token of a dynamic webhook."
  # What has the form of a token, behind the host, wherever it stands and however
  # often it is percent-encoded: 32 of its characters or of their encodings, %25
  # among them. The receiver leaves the same out of its own lines.
  filter = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=\"${local.functions.public}\"",
    "log_id(\"run.googleapis.com/requests\")",
    "httpRequest.requestUrl=~\"^https?://[^/]+/.*([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}\"",
  ])

  depends_on = [google_project_service.this]
}
