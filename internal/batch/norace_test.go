//go:build !race

package batch

// raceDetector says whether everything is several times as slow.
const raceDetector = false
