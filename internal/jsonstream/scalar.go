package jsonstream

// plain are the bytes of a string that mean themselves.
var plain = func() (is [256]bool) {
	for c := ' '; c < 256; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// string reads a string, whose first byte is there.
func (r *Reader) string() error {
	r.take(1)
	for {
		if _, err := r.next(); err != nil {
			return err
		}
		i := r.pos
		for i < r.end && plain[r.buf[i]] {
			i++
		}
		r.take(i - r.pos)
		switch {
		case r.pos == r.end:
		case r.buf[r.pos] == '"':
			r.take(1)
			return nil
		case r.buf[r.pos] == '\\':
			if err := r.escape(); err != nil {
				return err
			}
		default:
			return r.fail(ErrSyntax) // a control character
		}
	}
}

// escape reads an escape of a string.
func (r *Reader) escape() error {
	r.take(1)
	c, err := r.next()
	if err != nil {
		return err
	}
	r.take(1)
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			c, err := r.next()
			if err != nil {
				return err
			}
			if !digit(c) && (c|0x20 < 'a' || 'f' < c|0x20) {
				return r.fail(ErrSyntax)
			}
			r.take(1)
		}
		return nil
	}
	return r.fail(ErrSyntax)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// number reads a number, whose first byte is there.
func (r *Reader) number() error {
	if r.buf[r.pos] == '-' {
		r.take(1)
	}
	c, err := r.next()
	if err != nil {
		return err
	}
	if c == '0' {
		r.take(1)
	} else if err := r.digits(); err != nil {
		return err
	}
	if c, _ := r.next(); c == '.' { // a number may end with the stream
		r.take(1)
		if err := r.digits(); err != nil {
			return err
		}
	}
	if c, _ := r.next(); c|0x20 == 'e' {
		r.take(1)
		if c, _ := r.next(); c == '+' || c == '-' {
			r.take(1)
		}
		return r.digits()
	}
	return nil
}

// digits reads one digit and all that follow it.
func (r *Reader) digits() error {
	c, err := r.next()
	if err == nil && !digit(c) {
		err = r.fail(ErrSyntax)
	}
	for ; err == nil && digit(c); c, _ = r.next() {
		r.take(1)
	}
	return err
}

// word reads one of the three.
func (r *Reader) word(want string) error {
	for i := range len(want) {
		c, err := r.next()
		if err != nil {
			return err
		}
		if c != want[i] {
			return r.fail(ErrSyntax)
		}
		r.take(1)
	}
	return nil
}
