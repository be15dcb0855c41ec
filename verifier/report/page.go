package report

import (
	"strings"
	"unicode/utf8"
)

// page is text being written, no line of it wider than a terminal. What comes from outside may hold anything, so control
// characters are taken out.
type page struct{ strings.Builder }

func (p *page) line(text string) {
	p.WriteString(strings.TrimRight(plain(text), " "))
	p.WriteByte('\n')
}

func (p *page) title(text string) {
	p.line("")
	p.line(text)
}

// apart writes two texts to the two ends of a line, or on two lines if they do not fit.
func (p *page) apart(left, right string) {
	room := width - utf8.RuneCountInString(left) - utf8.RuneCountInString(right)
	if room < 1 {
		p.wrap("", left)
		p.line(strings.Repeat(" ", max(0, width-utf8.RuneCountInString(right))) + right)
		return
	}
	p.line(left + strings.Repeat(" ", room) + right)
}

// wrap writes a text behind a label, and the lines it takes under its beginning.
func (p *page) wrap(label, text string) {
	label = plain(label)
	indent := utf8.RuneCountInString(label)
	if indent > width/2 { // a label this long stands alone
		p.line(label)
		label, indent = "      ", 6
	}
	line, used := label, indent
	for _, word := range words(plain(text)) {
		for _, piece := range pieces(word, width-indent) {
			n := utf8.RuneCountInString(piece)
			if used > indent && used+1+n > width {
				p.line(line)
				line, used = strings.Repeat(" ", indent), indent
			}
			if used > indent {
				line, used = line+" ", used+1
			}
			line, used = line+piece, used+n
		}
	}
	p.line(line)
}

// words cuts a text where a line may end: not between a number and its percent sign.
func words(text string) []string {
	var all []string
	for _, word := range strings.Fields(text) {
		if n := len(all); n > 0 && strings.HasPrefix(word, "%") {
			all[n-1] += " " + word
			continue
		}
		all = append(all, word)
	}
	return all
}

// pieces cuts a word that no line could hold.
func pieces(word string, limit int) []string {
	var all []string
	runes := []rune(word)
	for len(runes) > limit {
		all = append(all, string(runes[:limit]))
		runes = runes[limit:]
	}
	return append(all, string(runes))
}

// plain takes out what a terminal would obey.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
}
