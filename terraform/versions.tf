terraform {
  required_version = ">= 1.9" # validations that look at several variables

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
    google-beta = {
      source  = "hashicorp/google-beta" # for google_project_service_identity alone
      version = ">= 6.50, < 8"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.12"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    # This repository's own provider: "make provider" builds it to where
    # "terraform init" finds it.
    gemini = {
      source  = "terraform.local/gemini/gemini"
      version = "~> 0.2.0"
    }
  }
}
