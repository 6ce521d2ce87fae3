terraform {
  required_version = ">= 1.9"

  required_providers {
    gemini = {
      source  = "terraform.local/gemini/gemini"
      version = "~> 0.1"
    }
  }
}

provider "gemini" {
  api_key_secret = "projects/my-project/secrets/gemini-api-key"
}
