//go:build race

package outcome

// raceDetector says whether everything is several times as slow.
const raceDetector = true
