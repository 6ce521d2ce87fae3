// Package buildtest tests the repository itself: which package may import which,
// what is uploaded to be built, and whether the buildpack can build it.
package buildtest
