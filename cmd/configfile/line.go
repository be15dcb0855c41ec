package configfile

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines returns the line of every key and table in a TOML document, as far as it can be parsed.
func lines(data []byte) map[string]int {
	found := map[string]int{}
	arrays := map[string]int{} // how often each [[table]] has come
	table := ""
	p := unstable.Parser{}
	p.Reset(data)
	for p.NextExpression() {
		node := p.Expression()
		name, line := keyOf(&p, node)
		switch node.Kind {
		case unstable.ArrayTable:
			table = fmt.Sprintf("%s[%d]", name, arrays[name])
			arrays[name]++
			if _, ok := found[name]; !ok {
				found[name] = line
			}
			found[table] = line
		case unstable.Table:
			table = name
			found[table] = line
		case unstable.KeyValue:
			found[join(table, name)] = line
		}
	}
	return found
}

// keyOf returns an expression's key and the line that it stands in.
func keyOf(p *unstable.Parser, node *unstable.Node) (key string, line int) {
	var parts []string
	for it := node.Key(); it.Next(); {
		part := it.Node()
		if len(parts) == 0 {
			line = p.Shape(part.Raw).Start.Line
		}
		parts = append(parts, string(part.Data))
	}
	return strings.Join(parts, "."), line
}

func join(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}
