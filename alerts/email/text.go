package email

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineWidth is the longest line of a body, in characters.
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

// wrap cleans a text and breaks it into at most so many lines; the last one is cut if more would follow.
func wrap(text string, limit int) []string {
	text = clean(text)
	var lines []string
	for text != "" {
		if len(lines) == limit-1 {
			return append(lines, cut(text, lineWidth))
		}
		line, rest := breakLine(text)
		lines, text = append(lines, line), rest
	}
	return lines
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
