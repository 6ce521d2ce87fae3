package buildtest

import (
	"io"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// shellCommands lists the simple commands of a shell script in the order in
// which they end, those in $(…) too, each as its words without redirections and
// leading assignments. Variables stay as they are written, without braces, and a
// $(…) stays as "$()". What cannot be read as shell has none.
func shellCommands(script string) (found [][]string) {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil
	}
	var open []syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		if n != nil {
			open = append(open, n)
			return true
		}
		ended := open[len(open)-1]
		open = open[:len(open)-1]
		if call, ok := ended.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			found = append(found, literals(call.Args))
		}
		return true
	})
	return found
}

// literals takes the quotes off words.
func literals(words []*syntax.Word) []string {
	config := &expand.Config{
		Env:      expand.FuncEnviron(func(name string) string { return "$" + name }),
		CmdSubst: func(w io.Writer, _ *syntax.CmdSubst) error { _, err := io.WriteString(w, "$()"); return err },
	}
	all := make([]string, len(words))
	for i, word := range words {
		text, err := expand.Literal(config, word)
		if err != nil {
			text = "$"
		}
		all[i] = text
	}
	return all
}
