package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Files of a report, in the order in which they are signed.
const (
	JSONFile      = "report.json"
	TextFile      = "report.txt"
	HTMLFile      = "report.html"
	SignatureFile = "report.sig"
)

// Renderings lists the files that the signature names.
var Renderings = [...]string{JSONFile, TextFile, HTMLFile}

// Render returns the report as one of its files.
func (r Report) Render(file string) ([]byte, error) {
	switch file {
	case JSONFile:
		return r.JSON()
	case TextFile:
		return []byte(r.Text()), nil
	case HTMLFile:
		return r.HTML()
	}
	return nil, fmt.Errorf("render report: no file of it is called %q", file)
}

// statementHead is the first line of what is signed. It has a space in it, and so is no checkpoint's.
const statementHead = "scrutineer report v1"

// Statement returns the text that is signed of a report: what its files are, and what it rests on.
//
//	scrutineer report v1
//	entries 161200
//	root CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//	0f3c...e1  report.json    as sha256sum writes it
//	...
//
// The journal's key signs it, as a note (C2SP signed-note): whoever can verify the journal needs no other key.
func (r Report) Statement(files map[string][]byte) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nentries %d\nroot %s\n", statementHead, r.Evidence.Entries, r.Evidence.Root)
	for _, name := range Renderings {
		data, ok := files[name]
		if !ok {
			return "", fmt.Errorf("state what is signed: %s is missing", name)
		}
		fmt.Fprintf(&b, "%s  %s\n", HashOf(data), name)
	}
	return b.String(), nil
}

// HashOf returns the SHA-256 of data, hex.
func HashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Unstated names what of a report is not as a statement that was signed has it. Files that are not given are left out.
func (r Report) Unstated(statement string, files map[string][]byte) []string {
	lines := strings.Split(statement, "\n")
	if len(lines) != len(Renderings)+4 || lines[0] != statementHead || lines[len(lines)-1] != "" {
		return []string{"the signature is of something else than a report"}
	}
	var wrong []string
	if lines[1] != fmt.Sprintf("entries %d", r.Evidence.Entries) || lines[2] != "root "+r.Evidence.Root {
		wrong = append(wrong, "the signature is of a report on other entries of the journal")
	}
	for i, name := range Renderings {
		if data, ok := files[name]; ok && lines[3+i] != HashOf(data)+"  "+name {
			wrong = append(wrong, name+" is not the file that was signed")
		}
	}
	return wrong
}

// Read reads a report's JSON, which must be just as JSON writes it.
func Read(raw []byte) (Report, error) {
	var r Report
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return Report{}, fmt.Errorf("read report: %w", err)
	}
	if decoder.More() {
		return Report{}, errors.New("read report: more follows it")
	}
	if r.Format != Format {
		return Report{}, fmt.Errorf("read report: it is of the format %q, and this program reads %q", r.Format, Format)
	}
	again, err := r.JSON()
	if err != nil {
		return Report{}, err
	}
	if !bytes.Equal(raw, again) {
		return Report{}, errors.New("read report: it is not spelled as reports are")
	}
	r.Signed = true
	return r, nil
}
