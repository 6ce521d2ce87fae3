# The path of a dynamic webhook holds its token, and the request log has the
# URL. What the receiver logs itself leaves the token out.
#
# An exclusion keeps entries out of the project's _Default bucket. It does not
# reach sinks of the organization or folder: add the same filter there.
resource "google_logging_project_exclusion" "tokens" {
  count = module.options.dynamic.enabled && module.options.dynamic.log_exclusion ? 1 : 0

  project     = var.project_id
  name        = "${var.name}-tokens"
  description = "Request log entries whose URL holds, or may hold in another encoding, the token of a dynamic webhook."
  # "%": the receiver knows "dynamic" in any encoding, and so must this.
  filter = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=\"${local.functions.public}\"",
    "log_id(\"run.googleapis.com/requests\")",
    "httpRequest.requestUrl=~\"(?i)/dynamic/|%\"",
  ])

  depends_on = [google_project_service.this]
}
