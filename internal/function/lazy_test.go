package function

import (
	"context"
	"errors"
	"testing"
)

func TestLazyTriesAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	var l lazy[int]
	calls := 0
	build := func(context.Context) (int, error) {
		if calls++; calls == 1 {
			return 0, errors.New("no credentials yet")
		}
		return calls, nil
	}
	if _, err := l.get(build); err == nil {
		t.Error("the failure is hidden")
	}
	for range 2 {
		if v, err := l.get(build); v != 2 || err != nil {
			t.Errorf("got %d, %v, want what the second call built", v, err)
		}
	}
}
