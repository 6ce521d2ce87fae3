package main

// ofWork are the checks of what is queued, read and published, and of those who
// administer webhooks.
var ofWork = []mutation{
	{"every-delivery-is-another-event", "internal/event/key.go", `if e.Type == "" || e.ResourceID == "" || repeats && timestamp == "" {`, "if true {", "internal/event TestKeySame"},
	{"pointer-makes-no-other-event", "internal/event/key.go", "canonicalID(e.ResourceID), pointer, timestamp", `canonicalID(e.ResourceID), "", timestamp`, "internal/event TestKeyDifferent"},
	{"fields-run-together", "internal/event/key.go", "h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))", "_ = binary.BigEndian", "internal/event TestKeyDifferent"},

	{"range-outside-its-folder", "internal/batch/task.go", "|| !validKey(r.Key) {", "{", "internal/batch TestQueuedRanges"},
	{"range-without-lines", "internal/batch/task.go", "|| r.Start >= r.End ", "", "internal/batch TestQueuedRanges"},
	{"range-of-a-newer-format", "internal/batch/task.go", "if r.Format != rangeFormat && r.Format != formerFormat {", "if false {", "internal/batch TestQueuedRanges"},

	{"any-bucket", "internal/object/pointer.go", "if l.Bucket == bucket && strings.HasPrefix(name, l.Prefix) {", "if strings.HasPrefix(name, l.Prefix) {", "internal/object TestUnreadablePointers"},
	{"any-prefix", "internal/object/pointer.go", "if l.Bucket == bucket && strings.HasPrefix(name, l.Prefix) {", "if l.Bucket == bucket {", "internal/object TestUnreadablePointers"},
	{"state-bucket-is-read", "internal/object/pointer.go", "if bucket == a.StateBucket {", "if false {", "internal/object TestUnreadablePointers"},
	{"dots-in-a-pointer", "internal/object/pointer.go", `segment == "" || segment == ".."`, "false && segment == \"\"", "internal/object TestUnreadablePointers"},
	{"file-of-another-host", "internal/object/pointer.go", `u.Scheme == "https" && u.Host == filesHost`, `u.Scheme == "https" && filesHost != ""`, "internal/object TestUnreadablePointers"},
	{"name-that-cannot-exist", "internal/object/pointer.go", "len(name) <= maxName && ", "", "internal/object TestUnreadablePointers"},
	{"pointer-is-not-checked-again", "internal/object/store.go", "\tif !s.Allowed.Allows(o.Bucket, o.Name) {\n\t\treturn nil, 0,", "\tif false {\n\t\treturn nil, 0,", "internal/batch TestPointerIsCheckedAgainBeforeReading"},
	{"dots-below-a-prefix", "internal/object/store.go", "case refused: ", "case false: ", "internal/object TestFind"},
	{"outcomes-go-to-the-queue", "internal/config/names.go", `if value != "" && value == queue {`, "if false {", "internal/config TestLoadRefuses"},
	{"signing-secret-as-path-token", "internal/config/names.go", `if value != "" && slices.Contains(list(signing), value) {`, "if false {", "internal/config TestLoadRefusesTokenSecretThatSigns"},

	{"markers-before-the-acknowledgement", "internal/batch/window.go", "if h.wait != nil {", "if false {", "internal/batch TestRefusedPublishRepeatsNothing"},
	{"refused-lines-count-as-published", "internal/batch/window.go", "\t\t\t\tcontinue\n", "", "internal/batch TestRefusedPublishRepeatsNothing"},
	{"errors-of-markers-are-ignored", "internal/batch/range.go", "err = errors.Join(err, j.State.mark(", "err = errors.Join(err, nil)\n\t\t_ = any(j.State.mark(", "internal/batch TestARefusedMarkerIsAnError"},
	{"markers-of-any-plan", "internal/batch/state.go", `return folder(key) + plan + "/"`, `return folder(key) + "any/"`, "internal/batch TestStaleMarkersDoNotCountForAReplacedObject"},
	{"lost-plan-ends-in-silence", "internal/batch/range.go", "case stored == nil:\n\t\treturn errPlanLost", "case stored == nil:\n\t\treturn nil", "internal/batch TestARangeWithoutItsPlanFails"},
	{"completed-too-soon", "internal/batch/complete.go", " || now.sum.missing > 0 {", " {", "internal/batch TestAnyInterleaving"},

	{"error-quotes-an-answer", "internal/geminiapi/webhook.go", "api.StatusCode, told(api.Body))", "api.StatusCode, told(api.Body)+api.Body)", "internal/geminiapi TestErrorsNeverQuoteAnAnswer"},
	{"key-follows-a-redirect", "internal/geminiapi/files.go", `next.Header.Del("X-Goog-Api-Key")`, "", "internal/geminiapi TestTheKeyStaysOnItsHost"},
	{"redirect-to-plain-http", "internal/geminiapi/files.go", `err != nil || first.Scheme == "https" && next.URL.Scheme != "https" {`, "false && err != nil {", "internal/geminiapi TestWhereTheKeyGoes"},
	{"key-by-plain-http", "internal/geminiapi/files.go", "return \"\", fmt.Errorf(\"the address of the Gemini API (GOOGLE_GEMINI_BASE_URL) %w\", err)", "_ = fmt.Errorf", "internal/geminiapi TestPlainHTTPIsRefused"},
	{"webhook-service-is-redirected", "internal/geminiapi/webhooks.go", "CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },", "", "internal/geminiapi TestTheWebhookServiceFollowsNoRedirect"},
	{"address-by-plain-http", "internal/endpoint/endpoint.go", `u.Scheme == "http" && loopback(u.Hostname())`, `u.Scheme == "http" && (true || loopback(""))`, "internal/endpoint TestParse"},
	{"address-with-a-password", "internal/endpoint/endpoint.go", "u.User != nil || ", "", "internal/endpoint TestParse"},

	{"runs-do-not-wait", "internal/webhookadmin/hold.go", "case st.pending == nil || !st.pending.Held:", "case true:", "internal/webhookadmin TestRunsAtOnceTakeTurns"},
	{"mark-over-a-mark", "internal/webhookadmin/hold.go", "err := a.secrets.SetAnnotations(ctx, st.secret, st.render(), st.etag)", `err := a.secrets.SetAnnotations(ctx, st.secret, st.render(), "")`, "internal/webhookadmin TestRunsAtOnceTakeTurns"},
	{"taken-over-and-not-told", "internal/webhookadmin/hold.go", "if err == nil && lost {", "if err == nil && lost && false {", "internal/webhookadmin TestTakenOver"},
	{"hold-of-the-dead-never-lapses", "internal/webhookadmin/hold.go", "if a.now().Sub(first) >= a.lease {", "if a.now().Sub(first) >= 1000*a.lease {", "internal/webhookadmin TestRevocationDrill"},
	{"rotations-without-limit", "internal/webhookadmin/notification.go", "case lastHour >= maxPerHour:", "case false:", "internal/webhookadmin TestFloodOfNotificationsIsLimited"},
	{"notification-of-another-project", "internal/webhookadmin/notification.go", "case err == nil && ours.Name == theirs.Name:", "case err == nil && ours.Name != \"\" && theirs.Name != \"\":", "internal/webhookadmin TestNotificationsOfOthersAreIgnored"},
	{"notification-rotates-each-time", "internal/webhookadmin/notification.go", "newest.After(published) && !published.IsZero():", "false:", "internal/webhookadmin TestNotificationsAtOnceRotateOnce"},

	{"tests-run-as-the-deployer", "cloudbuild.yaml", "      make provider PLUGIN_DIR", "      make check\n      make provider PLUGIN_DIR", "internal/buildtest TestTestsHaveNoRights"},
	{"tests-may-write-buckets", "docs/deploy.md", "--role=roles/storage.objectViewer\ngcloud iam", "--role=roles/storage.admin\ngcloud iam", "internal/buildtest TestTestsHaveNoRights"},
	{"make-reads-a-value-as-a-command", "Makefile", "\t@scripts/fuzz\n", "\t@FUZZTIME=$(FUZZTIME) scripts/fuzz\n", "internal/buildtest TestMakeEvaluatesNothing"},
	{"region-of-any-form", "scripts/gcloud-common.sh", `matches "$region" '[a-z]+-[a-z]+[0-9]+' ||`, "true ||", "internal/buildtest TestScriptsEvaluateNothing"},
	{"printed-words-are-not-quoted", "scripts/gcloud-common.sh", "    quote \"$word\"\n    space=", "    printf '%s' \"$word\"\n    space=", "internal/buildtest TestPrintedScriptsEvaluateNothing"},
	{"bucket-of-another-project", "scripts/deploy-gcloud.sh", "  own_bucket \"$state_bucket\"\n", "", "internal/buildtest TestBucketsOfOthersAreNotAdopted"},
	{"terraforms-bucket-of-another-project", "cloudbuild.yaml", `if [ "$owner" != "$PROJECT_NUMBER" ]; then`, "if false; then", "internal/buildtest TestCloudBuildsBucketIsTheProjects"},

	{"publisher-that-others-added", "internal/doctor/grants.go", "if !slices.Contains(doors, member) {", "if false {", "cmd/webhookctl TestDoctorFindsWhatIsBroken"},
}

// all are the mutations, in the order of the model.
func all() []mutation {
	var list []mutation
	for _, part := range [][]mutation{atTheDoor, ofSignatures, ofKeys, ofWork} {
		list = append(list, part...)
	}
	return list
}
