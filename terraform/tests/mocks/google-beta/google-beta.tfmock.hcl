# Google's own accounts, as in google.tfmock.hcl.

override_resource {
  target = google_project_service_identity.pubsub
  values = {
    email  = "service-1234@gcp-sa-pubsub.iam.gserviceaccount.com"
    member = "serviceAccount:service-1234@gcp-sa-pubsub.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_project_service_identity.secretmanager
  values = {
    email  = "service-1234@gcp-sa-secretmanager.iam.gserviceaccount.com"
    member = "serviceAccount:service-1234@gcp-sa-secretmanager.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_project_service_identity.cloudscheduler
  values = {
    email  = "service-1234@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
    member = "serviceAccount:service-1234@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_project_service_identity.eventarc
  values = {
    email  = "service-1234@gcp-sa-eventarc.iam.gserviceaccount.com"
    member = "serviceAccount:service-1234@gcp-sa-eventarc.iam.gserviceaccount.com"
  }
}
