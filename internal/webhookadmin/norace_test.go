//go:build !race

package webhookadmin_test

// raceDetector says whether everything is several times as slow.
const raceDetector = false
