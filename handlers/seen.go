package handlers

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	seenWindow  = 10 * time.Minute // contract, "The public door", status 200
	seenEntries = 10_000           // 32 bytes each; older ones are queued again, which is harmless
)

type deliveryID [sha256.Size]byte

// deliveryOf names a delivery by its parts.
func deliveryOf(parts ...string) (id deliveryID) {
	h := sha256.New()
	for _, p := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(p)))
		h.Write(length[:])
		h.Write([]byte(p))
	}
	h.Sum(id[:0])
	return id
}

// seen remembers the deliveries that this instance queued lately.
type seen struct {
	mu    sync.Mutex
	at    map[deliveryID]time.Time
	order []deliveryID // oldest first
}

func (s *seen) has(id deliveryID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[id]
	return ok && now.Sub(at) < seenWindow
}

func (s *seen) add(id deliveryID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = make(map[deliveryID]time.Time)
	}
	if _, again := s.at[id]; !again {
		s.order = append(s.order, id)
	}
	s.at[id] = now
	for len(s.order) > seenEntries || now.Sub(s.at[s.order[0]]) >= seenWindow {
		delete(s.at, s.order[0])
		s.order = s.order[1:]
	}
}
