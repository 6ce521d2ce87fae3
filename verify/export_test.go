package verify

// SignedPayload is for tests of the signature alone.
var SignedPayload = signedPayload
