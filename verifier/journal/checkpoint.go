package journal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CheckpointsName is the file of a journal's checkpoints in its folder.
const CheckpointsName = "checkpoints.txt"

// maxCheckpoint bounds one checkpoint: two names of at most maxOrigin bytes and some 400 bytes of hashes.
const maxCheckpoint = 1 << 10

// Block is a block that was known when a checkpoint was made: the checkpoint cannot be older.
type Block struct {
	Height int64
	Hash   chainhash.Hash
}

// Checkpoint is a signed statement on what a journal's first entries are: a tlog-checkpoint (C2SP), whose text is
//
//	vsp.example.org/local                          the origin
//	161200                                         how many entries
//	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=   the root of the tree that they make (RFC 6962)
//	checkpoint 10081                               its own number, from 1
//	block 1043215 0000000000000000b1e1...          a recent block, unless none was known
//
// followed by an empty line and the signature (signed-note, Ed25519).
type Checkpoint struct {
	Origin string
	Number int64 // from 1, without a gap
	Size   int64 // entries that it covers; more than the checkpoint before
	Root   tlog.Hash
	Block  Block  // zero if none was known
	Note   string // all of it, as it was signed
}

func (c Checkpoint) text() string {
	text := fmt.Sprintf("%s\n%d\n%s\ncheckpoint %d\n", c.Origin, c.Size, c.Root, c.Number)
	if c.Block != (Block{}) {
		text += fmt.Sprintf("block %d %s\n", c.Block.Height, c.Block.Hash)
	}
	return text
}

// sign returns the checkpoint with its note.
func (k Key) sign(c Checkpoint) (Checkpoint, error) {
	c.Origin = k.public.Origin()
	signed, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint %d: %w", c.Number, err)
	}
	c.Note = string(signed)
	return c, nil
}

var errNoCheckpoint = errors.New("is no checkpoint of a journal")

// parseCheckpoint reads a signed note without looking at its signature. Its text must be just as Checkpoint has it.
func parseCheckpoint(signed string) (Checkpoint, error) {
	text, _, found := strings.Cut(signed, "\n\n")
	lines := strings.Split(text, "\n")
	control := func(r rune) bool { return r < ' ' && r != '\n' }
	if !found || len(lines) < 4 || len(lines) > 5 || strings.ContainsFunc(signed, control) {
		return Checkpoint{}, errNoCheckpoint
	}
	c := Checkpoint{Origin: lines[0], Note: signed}
	number, _ := strings.CutPrefix(lines[3], "checkpoint ")
	var errs [5]error
	c.Size, errs[0] = strconv.ParseInt(lines[1], 10, 64)
	c.Root, errs[1] = tlog.ParseHash(lines[2])
	c.Number, errs[2] = strconv.ParseInt(number, 10, 64)
	if len(lines) == 5 {
		block := strings.SplitN(lines[4]+"  ", " ", 3)
		c.Block.Height, errs[3] = strconv.ParseInt(block[1], 10, 64)
		errs[4] = chainhash.Decode(&c.Block.Hash, strings.TrimSpace(block[2]))
	}
	if errors.Join(errs[:]...) != nil || c.text() != text+"\n" || c.Size < 0 || c.Number < 1 {
		return Checkpoint{}, errNoCheckpoint
	}
	return c, nil
}

// verify makes sure that the key's journal signed a checkpoint, and that nothing was added to the note.
func (k PublicKey) verify(c Checkpoint) error {
	if c.Origin != k.Origin() {
		return fmt.Errorf("is of another journal, %q", c.Origin)
	}
	text, err := k.open(c.Note)
	if err == nil && text != c.text() {
		err = errMore
	}
	return err
}

var errMore = errors.New("has more to it than a text and a signature")

// open returns the text of a note that the key signed. Each text and signature has one spelling.
func (k PublicKey) open(signed string) (string, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(k.verifier))
	var unknown *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		return "", errors.New("is signed by another key")
	case errors.As(err, &invalid):
		return "", errors.New("has a signature that does not fit: its text was changed")
	case err != nil:
		return "", fmt.Errorf("is no signed note: %w", err)
	}
	if signed != fmt.Sprintf("%s\n— %s %s\n", opened.Text, opened.Sigs[0].Name, canonical(opened.Sigs[0].Base64)) {
		return "", errMore
	}
	return opened.Text, nil
}

// canonical returns base64 as it should be written: the last character may have bits that mean nothing.
func canonical(encoded string) string {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}
