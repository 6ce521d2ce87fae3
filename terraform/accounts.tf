# One account for each function, one that Pub/Sub calls as, one that builds.
# What each is granted stands beside the resource that it is granted on.

resource "google_service_account" "public" {
  project      = var.project_id
  account_id   = "${var.name}-public"
  display_name = var.single_service ? "Gemini webhook: both doors" : "Gemini webhook: public door"

  depends_on = [google_project_service.this]
}

resource "google_service_account" "tasks" {
  count = var.single_service ? 0 : 1

  project      = var.project_id
  account_id   = "${var.name}-tasks"
  display_name = "Gemini webhook: private door"

  depends_on = [google_project_service.this]
}

resource "google_service_account" "rotate" {
  count = local.rotates ? 1 : 0

  project      = var.project_id
  account_id   = "${var.name}-rotate"
  display_name = "Gemini webhook: rotation of the signing secret"

  depends_on = [google_project_service.this]
}

resource "google_service_account" "push" {
  project      = var.project_id
  account_id   = "${var.name}-push"
  display_name = "Gemini webhook: Pub/Sub calls the private door"

  depends_on = [google_project_service.this]
}

resource "google_service_account" "build" {
  project      = var.project_id
  account_id   = "${var.name}-build"
  display_name = "Gemini webhook: builds the functions"

  depends_on = [google_project_service.this]
}

locals {
  # The account that works on the queue.
  tasks_account = var.single_service ? google_service_account.public : one(google_service_account.tasks)
}

# An account that is made again is another one with the same address: grants to
# the former one are dead, though nothing in them changes. They are made again
# when this is replaced.
resource "terraform_data" "identity" {
  for_each = merge(
    {
      public = google_service_account.public.unique_id
      tasks  = local.tasks_account.unique_id
      push   = google_service_account.push.unique_id
      build  = google_service_account.build.unique_id
    },
    local.rotates ? { rotate = one(google_service_account.rotate[*].unique_id) } : {},
  )

  triggers_replace = each.value
}

# Pub/Sub signs the push tokens as this account. Projects in which Pub/Sub was
# used before 8 April 2021 need the grant; elsewhere it changes nothing.
resource "google_service_account_iam_member" "pubsub_signs_as_push" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_project_service_identity.pubsub.member
}
