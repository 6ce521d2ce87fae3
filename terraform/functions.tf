locals {
  # 80% of the memory: Go's collector then works harder before the platform
  # ends the instance. The rest is for what Go does not count.
  gomemlimit = { for k, mib in {
    public    = var.single_service ? module.options.private_door.memory_mib : module.options.public_door.memory_mib
    tasks     = module.options.private_door.memory_mib
    rotate    = 256
    reconcile = 512
  } : k => "${floor(mib * 0.8)}MiB" }

  public_function = {
    entry_point     = "GeminiWebhook"
    description     = var.single_service ? "Receives Gemini's webhooks and works on them." : "Receives Gemini's webhooks: verifies and queues."
    service_account = local.accounts.public.email
    size            = var.single_service ? module.options.private_door : module.options.public_door
    # With "internal" Gemini could not reach it. What comes in is authenticated
    # by its signature.
    ingress = module.options.public_access.ingress
    environment = merge(
      local.common_environment, local.public_environment,
      var.single_service ? local.tasks_environment : {},
      { DOORS = var.single_service ? "both" : "public" },
    )
    pubsub_topic = null
  }

  # The map's keys are known without a plan: tests and outputs go by them.
  deployed = merge(
    { public = local.public_function },
    var.single_service ? {} : { tasks = {
      entry_point     = "GeminiWebhook"
      description     = "Works on what the public door has queued."
      service_account = local.accounts.tasks.email
      size            = module.options.private_door
      # Pub/Sub push in the same project (or VPC Service Controls perimeter)
      # counts as internal, as long as the endpoint is the run.app address.
      ingress      = "ALLOW_INTERNAL_ONLY"
      environment  = merge(local.common_environment, local.tasks_environment, { DOORS = "tasks" })
      pubsub_topic = null
    } },
    local.rotates ? { rotate = {
      entry_point     = "RotateSigningSecret"
      description     = "Rotates the signing secret when Secret Manager says that it is due."
      service_account = local.accounts.rotate.email
      # One at a time is enough: a notification a month. Two instances, so that
      # a stuck one does not keep a rotation from happening.
      size         = { memory_mib = 256, cpu = 1, concurrency = 1, min_instances = 0, max_instances = 2, timeout_seconds = 300 }
      ingress      = "ALLOW_INTERNAL_ONLY" # Eventarc counts as internal
      environment  = local.rotate_environment
      pubsub_topic = "projects/${var.project_id}/topics/${one(google_pubsub_topic.rotation[*].name)}"
    } } : {},
    local.reconciles ? { reconcile = {
      entry_point     = "Reconcile"
      description     = "Looks for jobs that ended and whose event did not come, and queues it."
      service_account = local.accounts.reconcile.email
      # One run at a time: the next finds what this one leaves. 540 s is the
      # longest that a function with a trigger may take.
      size         = { memory_mib = 512, cpu = 1, concurrency = 1, min_instances = 0, max_instances = 1, timeout_seconds = 540 }
      ingress      = "ALLOW_INTERNAL_ONLY" # Eventarc counts as internal
      environment  = local.reconcile_environment
      pubsub_topic = "projects/${var.project_id}/topics/${one(google_pubsub_topic.reconcile[*].name)}"
    } } : {},
  )
}

# Grants are there at once, and work after a while: a build that is faster fails
# with "does not have storage.objects.get access", a trigger with "Permission
# denied while using the Eventarc Service Agent".
resource "time_sleep" "granted" {
  create_duration = "60s"

  triggers = {
    images   = google_artifact_registry_repository_iam_member.build_writes.id
    logs     = google_project_iam_member.build_logs.id
    source   = one(concat(google_project_iam_member.build_reads_source[*].id, google_storage_bucket_iam_member.build_reads_sources[*].id))
    bucket   = google_storage_bucket_iam_member.build_reads_bucket.id
    eventarc = one(google_project_service_identity.eventarc[*].email)
  }
}

# What a function does not follow by itself when it is made again under the same
# name: its account, the topic of its trigger, and where its image is.
resource "terraform_data" "function" {
  for_each = local.deployed

  triggers_replace = {
    account = terraform_data.identity[each.key].id
    topic   = one(lookup({ rotate = google_pubsub_topic.rotation[*].id, reconcile = google_pubsub_topic.reconcile[*].id }, each.key, []))
    images  = google_artifact_registry_repository.images.id
  }
}

resource "google_cloudfunctions2_function" "this" {
  for_each = local.deployed

  project     = var.project_id
  location    = var.region
  name        = local.functions[each.key]
  description = each.value.description
  labels      = var.labels

  kms_key_name = local.kms_key_name

  build_config {
    runtime           = module.options.build.runtime
    entry_point       = each.value.entry_point
    service_account   = local.accounts.build.name
    docker_repository = google_artifact_registry_repository.images.id
    worker_pool       = module.options.build.worker_pool
    environment_variables = {
      # Leaves out a half of the storage client that is not used: a smaller
      # program that starts sooner.
      GOFLAGS = "-tags=disable_grpc_modules"
      # Handed to "go build -ldflags" as one argument, so nothing is quoted.
      GOOGLE_GOLDFLAGS = "-s -w -X example.com/gemini-webhook/internal/version.Version=${local.commit}"
    }

    # Security fixes of the Go runtime and the base image come by themselves.
    automatic_update_policy {}

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = each.value.service_account
    available_memory                 = "${each.value.size.memory_mib}Mi"
    available_cpu                    = tostring(each.value.size.cpu)
    max_instance_request_concurrency = each.value.size.concurrency
    min_instance_count               = each.value.size.min_instances
    max_instance_count               = each.value.size.max_instances
    # The platform tells the program in CLOUD_RUN_TIMEOUT_SECONDS, a reserved
    # name. Without that the private door takes it to be 600 s.
    timeout_seconds                = each.value.size.timeout_seconds
    ingress_settings               = each.value.ingress
    all_traffic_on_latest_revision = true
    vpc_connector                  = module.options.network.connector
    vpc_connector_egress_settings  = module.options.network.connector == null ? null : module.options.network.egress
    environment_variables          = merge(module.options.receiver.extra_environment, each.value.environment, { GOMEMLIMIT = local.gomemlimit[each.key] })
  }

  dynamic "event_trigger" {
    for_each = each.value.pubsub_topic[*]
    content {
      trigger_region        = var.region
      event_type            = "google.cloud.pubsub.topic.v1.messagePublished"
      pubsub_topic          = event_trigger.value
      service_account_email = each.value.service_account
      # The function acknowledges what trying again cannot cure.
      retry_policy = "RETRY_POLICY_RETRY"
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.function[each.key].id]
  }

  # A function that starts without its rights answers 503 until it has them, and
  # a build without them fails.
  depends_on = [
    google_project_service.this,
    time_sleep.granted,
    google_pubsub_topic_iam_binding.queue_publishers,
    google_secret_manager_secret_iam_member.public,
  ]
}

locals {
  # Who may call each function. Authoritative: a grant that somebody adds to the
  # private door by hand is gone with the next apply.
  invokers = { for k, members in {
    public = concat(tolist(module.options.public_access.invokers), var.single_service ? [local.accounts.push.member] : [])
    tasks  = [local.accounts.push.member]
    # Eventarc calls as the function's own account.
    rotate    = [for key, account in local.accounts : account.member if key == "rotate"]
    reconcile = [for key, account in local.accounts : account.member if key == "reconcile"]
  } : k => members if contains(keys(local.deployed), k) && (k != "public" || var.single_service || length(module.options.public_access.invokers) > 0) }
}

resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  for_each = local.invokers

  project  = var.project_id
  location = var.region
  name     = google_cloudfunctions2_function.this[each.key].name # the service that Cloud Functions makes has the function's name
  role     = "roles/run.invoker"
  members  = each.value

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this[each.key].id, terraform_data.identity["push"].id]
  }
}
