//go:build race

package webhookadmin

// raceDetector says whether everything is several times as slow.
const raceDetector = true
