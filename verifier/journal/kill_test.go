package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childFolder makes this test binary write a journal in a folder until it is killed.
const childFolder = "WRITE_JOURNAL_IN"

// writeUntilKilled appends and seals as fast as it can, and says of each entry that it was acknowledged, and of each number
// of entries that it was sealed.
func writeUntilKilled(dir string) {
	key, err := ReadKey(filepath.Join(dir, "journal.key"))
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	fail(err)
	j, err := Open(filepath.Join(dir, "journal"), key, time.Now)
	fail(err)
	for i := 0; ; i++ {
		number, err := j.Append("note", remark{strings.Repeat("x", i*37%9000)})
		fail(err)
		fmt.Println("appended", number)
		if i%5 == 4 {
			c, err := j.Seal(block(number))
			fail(err)
			fmt.Println("sealed", c.Size)
		}
	}
}

// kills is how often the child is killed; JOURNAL_KILLS asks for more.
func kills(t *testing.T) int {
	if asked := os.Getenv("JOURNAL_KILLS"); asked != "" {
		n, err := strconv.Atoi(asked)
		require.NoError(t, err)
		return n
	}
	return 20
}

// Whenever a writer is killed, the journal opens again and has all that was acknowledged.
func TestKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	key, err := CreateKey(filepath.Join(dir, "journal.key"), "vsp.example.org/local")
	require.NoError(t, err)
	told := map[string]int64{}
	repairs := 0
	for round := range kills(t) {
		for what, n := range killOne(t, dir, time.Duration(rand.IntN(60))*time.Millisecond) {
			told[what] = max(told[what], n)
		}
		_, sum, err := readAll(filepath.Join(dir, "journal"), key.Public())
		if errors.Is(err, fs.ErrNotExist) { // a journal has two files
			require.Empty(t, told, "it was killed before there was anything")
			continue
		}
		require.NoError(t, err, "round %d", round)
		require.GreaterOrEqual(t, sum.Tree.N, told["appended"], "round %d", round)
		require.GreaterOrEqual(t, sum.Sealed.Size, told["sealed"], "round %d", round)
		repairs = len(sum.Repairs)
	}
	require.Greater(t, told["sealed"], int64(20), "the child hardly wrote: nothing was tried")
	j, err := Open(filepath.Join(dir, "journal"), key, time.Now)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	t.Logf("%d entries acknowledged, %d sealed, %d ends repaired", told["appended"], told["sealed"], repairs)
}

// killOne starts a writer, kills it some time after its first entry, and returns the last numbers that it told.
func killOne(t *testing.T, dir string, after time.Duration) map[string]int64 {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+dir)
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	told := map[string]int64{}
	var killer *time.Timer
	if after%7 == 0 { // some before they have begun
		killer = time.AfterFunc(after/4, func() { _ = child.Process.Kill() })
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if killer == nil {
			killer = time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
		what, number, _ := strings.Cut(lines.Text(), " ")
		require.NotEqual(t, "error", what, "%s", lines.Text())
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			told[what] = n
		}
	}
	require.Error(t, child.Wait())
	return told
}
