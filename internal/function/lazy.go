package function

import (
	"context"
	"sync"
)

// lazy builds a value when it is first asked for, and again after a failure.
type lazy[T any] struct {
	mu    sync.Mutex
	built bool
	value T
}

func (l *lazy[T]) get(build func(context.Context) (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.built {
		// Not the request's context: a client serves later ones too.
		value, err := build(context.Background())
		if err != nil {
			return value, err
		}
		l.value, l.built = value, true
	}
	return l.value, nil
}
