package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// confirm asks whether to do something that is not undone; an error is no.
func (s streams) confirm(verb, what string) error {
	if !s.terminal {
		return usage("%s asks first, and there is no terminal: give --yes", verb)
	}
	fmt.Fprintf(s.messages, "%s %s? [y/N] ", strings.ToUpper(verb[:1])+verb[1:], what)
	answer, _ := bufio.NewReader(s.in).ReadString('\n') // the end of input is no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}
