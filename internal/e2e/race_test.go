//go:build race

package e2e

// raceDetector makes everything that the tests themselves do several times as slow.
const raceDetector = true
