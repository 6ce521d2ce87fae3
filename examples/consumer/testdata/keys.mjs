// The test of push.js has Node import this first, so that the keys of tokens are those of
// the embedded cloud: push.js has no setting for it.
import { OAuth2Client } from "google-auth-library";

const { getFederatedSignonCertsAsync } = OAuth2Client.prototype;
OAuth2Client.prototype.getFederatedSignonCertsAsync = function () {
  this.endpoints.oauth2FederatedSignonPemCertsUrl = process.env.GOOGLE_CERTS_URL.replace("/v3/", "/v1/");
  return getFederatedSignonCertsAsync.call(this);
};
