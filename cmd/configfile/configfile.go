// Package configfile reads a program's TOML file strictly and names every mistake in it at once, each with its line.
//
// Read finds what is no TOML, keys that nobody knows, and values of the wrong type. What a value means is for the
// program to judge: it tells a File what is Wrong, and File.Err returns all of it together, in the order of the lines.
// Keys are written as "node.address" and "wallet[1].name", counted from 0.
package configfile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxTypeErrors bounds how many values of the wrong type are looked for in one file.
const maxTypeErrors = 50

// Mistake is one thing that is wrong in a file.
type Mistake struct {
	Line int    // from 1; 0 where the mistake has no line: something is missing
	Key  string // may be empty
	Text string // what is wrong and what would be right
}

// Mistakes is everything that is wrong in a file.
type Mistakes struct {
	Path string
	List []Mistake
}

// Error has one line for each mistake: file, line, key and text.
func (m *Mistakes) Error() string {
	var b strings.Builder
	for i, mistake := range m.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(m.Path)
		if mistake.Line > 0 {
			fmt.Fprintf(&b, ":%d", mistake.Line)
		}
		if mistake.Key != "" {
			b.WriteString(": " + mistake.Key)
		}
		b.WriteString(": " + mistake.Text)
	}
	return b.String()
}

// File is a file that was read, and what was found wrong in it so far.
type File struct {
	path     string
	data     []byte
	lines    map[string]int // of each key and table
	mistakes []Mistake
	digests  map[string][sha256.Size]byte // of the files that keys name
}

// Read decodes the file at path into a struct with toml tags. It returns an error only where the file cannot be read; its
// contents are judged by File.Err.
func Read(path string, into any) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	f := &File{path: path, data: data, lines: lines(data), digests: map[string][sha256.Size]byte{}}
	f.decode(data, into)
	return f, nil
}

// decode decodes data as often as it takes to see every mistake. The decoder stops at the first value of a wrong type, so
// the line of each such value is emptied before it goes over the file again.
func (f *File) decode(data []byte, into any) {
	data = bytes.Clone(data)
	for range maxTypeErrors {
		decoder := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
		err := decoder.Decode(into)
		var unknown *toml.StrictMissingError
		var wrong *toml.DecodeError
		switch {
		case errors.As(err, &unknown):
			for _, e := range unknown.Errors {
				row, _ := e.Position()
				f.add(row, strings.Join(e.Key(), "."), "unknown key: remove it or correct its spelling")
			}
			return
		case errors.As(err, &wrong):
			row, _ := wrong.Position()
			f.add(row, strings.Join(wrong.Key(), "."), strings.TrimPrefix(wrong.Error(), "toml: "))
			if !emptyLine(data, row) {
				return
			}
		case err != nil:
			f.add(0, "", strings.TrimPrefix(err.Error(), "toml: "))
			return
		default:
			return
		}
	}
}

// emptyLine overwrites one line that holds a key and its value, and reports whether it did.
func emptyLine(data []byte, row int) bool {
	start := 0
	for range row - 1 {
		i := bytes.IndexByte(data[start:], '\n')
		if i < 0 {
			return false
		}
		start += i + 1
	}
	line, _, _ := bytes.Cut(data[start:], []byte{'\n'})
	if !bytes.Contains(line, []byte{'='}) {
		return false
	}
	for i := range line {
		line[i] = ' '
	}
	return true
}

func (f *File) add(line int, key, text string) {
	f.mistakes = append(f.mistakes, Mistake{line, key, text})
}

// Wrong notes that the value of a key is not as it should be. The text says what would be right. The first mistake of a
// key is the one that counts: what is found after it often follows from it.
func (f *File) Wrong(key, format string, args ...any) {
	if slices.ContainsFunc(f.mistakes, func(m Mistake) bool { return m.Key == key }) {
		return
	}
	f.add(f.line(key), key, fmt.Sprintf(format, args...))
}

// line returns the line of a key, or else of the nearest table around it.
func (f *File) line(key string) int {
	for key != "" {
		if line, ok := f.lines[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexByte(key, '.'))]
	}
	return 0
}

// Err returns nil or *Mistakes.
func (f *File) Err() error {
	if len(f.mistakes) == 0 {
		return nil
	}
	list := slices.Clone(f.mistakes)
	slices.SortStableFunc(list, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return &Mistakes{f.path, list}
}

// Resolve returns the path that a value names: one that is not absolute begins at the file's own folder.
func (f *File) Resolve(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(f.path), name)
}

// Named returns how a value names the file at a path of this process: from the configuration's folder if it is in it.
func (f *File) Named(path string) string {
	folder, err := filepath.Abs(filepath.Dir(f.path))
	if err != nil {
		return path
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if inside, err := filepath.Rel(folder, absolute); err == nil && filepath.IsLocal(inside) {
		return inside
	}
	return absolute
}

// maxContents bounds the files that keys name, in bytes: keys, passwords and certificates.
const maxContents = 1 << 20

// Contents returns the contents of the file that a key's value names. One that cannot be read is noted as Wrong.
func (f *File) Contents(key, name string) []byte {
	if name == "" {
		f.Wrong(key, "is missing: name a file")
		return nil
	}
	data, err := contents(f.Resolve(name))
	var of *os.PathError
	if errors.As(err, &of) {
		err = fmt.Errorf("%s: %w", of.Path, of.Err) // not which call it was
	}
	if err != nil {
		f.Wrong(key, "%v", err)
		return nil
	}
	f.digests[key] = sha256.Sum256(data)
	return data
}

// contents reads a file that is one: a device or a pipe might never end.
func contents(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: name one", path)
	}
	if info.Size() > maxContents {
		return nil, fmt.Errorf("%s has %d bytes: this is not the file that belongs here", path, info.Size())
	}
	return os.ReadFile(path)
}

// Secret returns the first line of the file that a key's value names. It is noted as Wrong where others than its owner
// may read it. The secret itself is never part of a mistake.
func (f *File) Secret(key, name string) string {
	data := f.Contents(key, name)
	if data == nil {
		return ""
	}
	info, err := os.Stat(f.Resolve(name))
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		f.Wrong(key, "%s may be read by others (mode %#o): chmod 600 %[1]s", f.Resolve(name), info.Mode().Perm())
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		f.Wrong(key, "the first line of %s is empty: put the secret there", f.Resolve(name))
	}
	return line
}

// Certificate returns the contents of the PEM file that a key's value names. One that holds no certificate is noted as Wrong.
func (f *File) Certificate(key, name string) []byte {
	data := f.Contents(key, name)
	if block, _ := pem.Decode(data); data != nil && (block == nil || block.Type != "CERTIFICATE") {
		f.Wrong(key, "%s holds no PEM certificate", f.Resolve(name))
	}
	return data
}
