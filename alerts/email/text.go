package email

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineWidth is how wide a screen the lines of a body are counted for, in characters.
const lineWidth = 72

// clean makes one line of printable text from anything: no control or invisible character survives, so that nothing can
// start a header field or a line, or turn the direction of writing. "=?" would be read as an encoded word in a header.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	text = strings.ReplaceAll(text, "=?", "= ?")
	return strings.Join(strings.Fields(text), " ")
}

// length counts characters.
func length(text string) int { return utf8.RuneCountInString(text) }

// cut shortens a text to so many characters and marks where.
func cut(text string, width int) string {
	if length(text) <= width {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:width-3]), " ") + "..."
}

// wrap cleans a text and cuts it to what fits so many lines. It stays one line: each program breaks it as wide as its screen is,
// where lines that were broken for a desk would be broken again on a phone.
func wrap(text string, limit int) []string {
	text = clean(text)
	if text == "" {
		return nil
	}
	rest := text
	for range limit - 1 {
		_, rest = breakLine(rest)
	}
	return []string{text[:len(text)-len(rest)] + cut(rest, lineWidth)}
}

// rows counts how many lines of lineWidth something takes.
func rows(lines []string) (n int) {
	for _, line := range lines {
		n++
		for _, rest := breakLine(line); rest != ""; _, rest = breakLine(rest) {
			n++
		}
	}
	return n
}

// breakLine splits a text where its first line ends: at the last space that fits, or within a word that does not.
func breakLine(text string) (line, rest string) {
	runes := []rune(text)
	if len(runes) <= lineWidth {
		return text, ""
	}
	head := string(runes[:lineWidth+1])
	if space := strings.LastIndexByte(head, ' '); space > 0 {
		return text[:space], text[space+1:]
	}
	return string(runes[:lineWidth]), string(runes[lineWidth:])
}

// paragraph is an empty line and a labelled text, or nothing if there is no text.
func paragraph(label, text string, limit int) []string {
	if clean(text) == "" {
		return nil
	}
	return append([]string{""}, wrap(label+text, limit)...)
}
