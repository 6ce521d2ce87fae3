package verify

import (
	"strconv"
	"strings"
)

// decimal is a JSON number in its one canonical form: digits without zeros at
// either end, times ten to the exponent. It stands for any number without
// computing it, so that 1e999999999 costs nothing.
type decimal struct {
	negative bool
	digits   string // "" is zero
	exponent int64
	text     string // of a number whose exponent is beyond all counting; it equals itself only
}

func decimalOf(number string) decimal {
	mantissa, power := number, "0"
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		mantissa, power = number[:i], number[i+1:]
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return decimal{} // also -0
	}
	exponent, err := strconv.ParseInt(power, 10, 32)
	if err != nil {
		return decimal{text: number}
	}
	exponent += int64(len(digits)-len(trimmed)) - int64(len(fraction))
	return decimal{negative, trimmed, exponent, ""}
}
