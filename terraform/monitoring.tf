# What on-call engineers look at: metrics from log lines, service levels, alerts, a
# dashboard. The definitions stand in monitoring/, as REST has them and with no more
# than placeholders, for scripts/deploy-gcloud.sh makes the same of them.

locals {
  monitoring = {
    project               = var.project_id
    name                  = var.name
    prefix                = replace(var.name, "-", "_") # in PromQL's names of metrics
    region                = var.region
    public                = local.functions.public
    tasks                 = local.functions[local.tasks_function]
    rotate                = local.functions.rotate
    reconcile             = local.functions.reconcile
    notification_channels = jsonencode(module.options.alerts.notification_channels)
    runbook_base_url      = coalesce(module.options.alerts.runbook_base_url, "https://storage.cloud.google.com/${local.source_bucket}/runbooks")

    # Without a rotation nothing is compared with it.
    rotation_hours           = local.rotates ? ceil(tonumber(trimsuffix(module.options.rotation.period, "s")) / 3600) + module.options.alerts.thresholds.rotation_late_hours : 0
    absence_hours            = module.options.alerts.thresholds.absence_hours
    bigquery_backlog_seconds = module.options.alerts.thresholds.bigquery_backlog_seconds
    dead_letters             = module.options.alerts.thresholds.dead_letters
    door_401_in_10m          = module.options.alerts.thresholds.door_401_in_10m
    door_429_in_10m          = module.options.alerts.thresholds.door_429_in_10m
    door_5xx_in_10m          = module.options.alerts.thresholds.door_5xx_in_10m
    failed_instances_in_10m  = module.options.alerts.thresholds.failed_instances_in_10m
    failed_lines_share       = module.options.alerts.thresholds.failed_lines_share
    reconciliation_minutes   = module.options.alerts.thresholds.reconciliation_minutes
    waiting_seconds          = module.options.alerts.thresholds.waiting_seconds
    accepted_goal            = module.options.alerts.thresholds.accepted_goal
    complete_goal            = module.options.alerts.thresholds.complete_goal
    fresh_goal               = module.options.alerts.thresholds.fresh_goal
  }

  # An object by kind and name: its members differ from file to file.
  defined = { for kind in ["metrics", "slos", "alerts"] : kind => {
    for file in fileset("${path.module}/monitoring/${kind}", "*.json") : trimsuffix(file, ".json") =>
    jsondecode(templatefile("${path.module}/monitoring/${kind}/${file}", local.monitoring))
  } }

  # Alerts on what is not there.
  alerts_without = concat(
    module.options.bigquery == null ? ["bigquery-backlog", "bigquery-dead-letters"] : [],
    local.rotates ? [] : ["rotation-missed"],
    local.canary ? [] : ["canary-missing"],
    local.reconciles ? [] : ["deliveries-absent", "reconciliation-missing", "webhook-disabled"],
  )
  alerts = { for name, alert in local.defined.alerts : name => alert if length(module.options.alerts.notification_channels) > 0 && !contains(local.alerts_without, name) }
}

resource "google_logging_metric" "this" {
  for_each = local.defined.metrics

  project          = var.project_id
  name             = "${var.name}-${each.key}"
  description      = each.value.description
  filter           = each.value.filter
  value_extractor  = try(each.value.valueExtractor, null)
  label_extractors = try(each.value.labelExtractors, null)

  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType
    unit        = each.value.metricDescriptor.unit

    dynamic "labels" {
      for_each = try(each.value.metricDescriptor.labels, [])
      content {
        key         = labels.value.key
        value_type  = labels.value.valueType
        description = labels.value.description
      }
    }
  }

  dynamic "bucket_options" {
    for_each = try([each.value.bucketOptions], [])
    content {
      explicit_buckets {
        bounds = bucket_options.value.explicitBuckets.bounds
      }
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_custom_service" "this" {
  project      = var.project_id
  service_id   = var.name
  display_name = var.name
  user_labels  = var.labels

  depends_on = [google_project_service.this]
}

resource "google_monitoring_slo" "this" {
  for_each = local.defined.slos

  project             = var.project_id
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = each.key
  display_name        = each.value.displayName
  goal                = each.value.goal
  rolling_period_days = tonumber(trimsuffix(each.value.rollingPeriod, "s")) / 86400

  dynamic "request_based_sli" {
    for_each = try([each.value.serviceLevelIndicator.requestBased], [])
    content {
      good_total_ratio {
        good_service_filter  = request_based_sli.value.goodTotalRatio.goodServiceFilter
        total_service_filter = request_based_sli.value.goodTotalRatio.totalServiceFilter
      }
    }
  }

  dynamic "windows_based_sli" {
    for_each = try([each.value.serviceLevelIndicator.windowsBased], [])
    content {
      window_period = windows_based_sli.value.windowPeriod
      metric_mean_in_range {
        time_series = windows_based_sli.value.metricMeanInRange.timeSeries
        range {
          min = windows_based_sli.value.metricMeanInRange.range.min
          max = windows_based_sli.value.metricMeanInRange.range.max
        }
      }
    }
  }

  depends_on = [google_logging_metric.this]
}

resource "google_monitoring_dashboard" "this" {
  project        = var.project_id
  dashboard_json = templatefile("${path.module}/monitoring/dashboard.json", local.monitoring)

  depends_on = [google_project_service.this]
}
