package secret_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/secret"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// versions makes a list, newest first, of what was created at hours before noon;
// a negative hour is one of a version that is not enabled.
func versions(hours ...int) (list []secret.Version) {
	for i, h := range hours {
		list = append(list, secret.Version{Number: int64(len(hours) - i), Enabled: h >= 0, Created: noon.Add(-time.Duration(max(h, -h)) * time.Hour)})
	}
	return list
}

// accepted are the numbers of the versions that count at a time.
func accepted(newestFirst []secret.Version, now time.Time, overlap time.Duration) (numbers []int64) {
	for i, v := range newestFirst {
		if now.Before(secret.AcceptedUntil(v, newestFirst[:i], overlap)) {
			numbers = append(numbers, v.Number)
		}
	}
	return numbers
}

func TestAcceptedUntil(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		versions []secret.Version
		want     []int64
	}{
		"none":                               {nil, nil},
		"one, however old":                   {versions(1000), []int64{1}},
		"the older one, in its overlap":      {versions(23, 1000), []int64{2, 1}},
		"the older one, at its end":          {versions(24, 1000), []int64{2}},
		"three":                              {versions(1, 23, 1000), []int64{3, 2, 1}},
		"the oldest, after the middle one":   {versions(1, 25, 1000), []int64{3, 2}},
		"the newest is disabled":             {versions(-1, 1000), []int64{1}},
		"the newest enabled never ends":      {versions(-500, 1000), []int64{1}},
		"a disabled one counts as successor": {versions(1, -25, 1000), []int64{3}},
		"a young disabled successor":         {versions(1, -2, 1000), []int64{3, 1}},
		"all disabled":                       {versions(-1, -2), nil},
	} {
		if diff := cmp.Diff(tc.want, accepted(tc.versions, noon, 24*time.Hour)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := accepted(versions(0, 5), noon, 0); len(got) != 1 {
		t.Errorf("without an overlap %v are accepted", got)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	list := versions(-1, 5, 10)
	slices.Reverse(list)
	if sorted := secret.NewestFirst(list); sorted[0].Number != 3 || sorted[2].Number != 1 || list[0].Number != 1 {
		t.Errorf("sorted: %v, given: %v", sorted, list)
	}
	if v, ok := secret.NewestEnabled(list); v.Number != 2 || !ok {
		t.Errorf("newest enabled: %v, %v", v, ok)
	}
	if _, ok := secret.NewestEnabled(versions(-1)); ok {
		t.Error("what is disabled counts")
	}
}

func ExampleAcceptedUntil() {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	list := []secret.Version{ // newest first
		{Number: 3, Enabled: true, Created: day(20)},
		{Number: 2, Enabled: false, Created: day(19)},
		{Number: 1, Enabled: true, Created: day(1)},
	}
	for i, v := range list {
		switch until := secret.AcceptedUntil(v, list[:i], 24*time.Hour); {
		case until.Equal(secret.Forever):
			fmt.Println(v.Number, "is accepted")
		case until.IsZero():
			fmt.Println(v.Number, "is not")
		default:
			fmt.Println(v.Number, "is accepted until", until.Format(time.DateOnly))
		}
	}
	// Output:
	// 3 is accepted
	// 2 is not
	// 1 is accepted until 2026-11-20
}
