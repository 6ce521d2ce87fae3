# Alerts of monitoring/alerts, where there is somebody to notify, and the runbooks
# that they link to.

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = each.value.displayName
  combiner              = each.value.combiner
  severity              = each.value.severity
  notification_channels = each.value.notificationChannels
  user_labels           = merge(var.labels, each.value.userLabels)

  dynamic "conditions" {
    for_each = each.value.conditions
    content {
      display_name = conditions.value.displayName

      dynamic "condition_threshold" {
        for_each = try([conditions.value.conditionThreshold], [])
        content {
          filter          = condition_threshold.value.filter
          comparison      = condition_threshold.value.comparison
          threshold_value = condition_threshold.value.thresholdValue
          duration        = condition_threshold.value.duration

          dynamic "aggregations" {
            for_each = try(condition_threshold.value.aggregations, [])
            content {
              alignment_period   = aggregations.value.alignmentPeriod
              per_series_aligner = aggregations.value.perSeriesAligner
            }
          }
        }
      }

      dynamic "condition_prometheus_query_language" {
        for_each = try([conditions.value.conditionPrometheusQueryLanguage], [])
        content {
          query                     = condition_prometheus_query_language.value.query
          duration                  = condition_prometheus_query_language.value.duration
          evaluation_interval       = condition_prometheus_query_language.value.evaluationInterval
          disable_metric_validation = condition_prometheus_query_language.value.disableMetricValidation # the first line makes the metric
        }
      }
    }
  }

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType

    dynamic "links" {
      for_each = each.value.documentation.links
      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose

    dynamic "notification_channel_strategy" {
      for_each = each.value.alertStrategy.notificationChannelStrategy
      content {
        notification_channel_names = notification_channel_strategy.value.notificationChannelNames
        renotify_interval          = notification_channel_strategy.value.renotifyInterval
      }
    }
  }

  # Burn rates are of service levels that are there.
  depends_on = [google_project_service.this, google_monitoring_slo.this]
}

# The runbooks of this version, where whoever may read the bucket opens them with a
# browser; a text, or it would be downloaded. Not where they stand somewhere else.
resource "google_storage_bucket_object" "runbook" {
  for_each = length(local.alerts) > 0 && module.options.alerts.runbook_base_url == null ? fileset("${local.source_dir}/docs/runbooks", "*.md") : toset([])

  bucket       = google_storage_bucket.source.name
  name         = "runbooks/${each.key}"
  source       = "${local.source_dir}/docs/runbooks/${each.key}"
  content_type = "text/plain; charset=utf-8"

  lifecycle {
    replace_triggered_by = [google_storage_bucket.source.id]
  }
}
