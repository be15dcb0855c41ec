package blockstest

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/decred/dcrd/wire"
)

// ReadBlocks reads a recorded chain, from block 1 on, as TestRecord of package blocks makes it.
func ReadBlocks(file string) ([]*wire.MsgBlock, error) {
	packed, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read recorded chain: %w", err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("read recorded chain: %w", err)
	}
	var blocks []*wire.MsgBlock
	for buffered := bufio.NewReader(unpacked); ; {
		if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
			return blocks, nil
		}
		block := new(wire.MsgBlock)
		if err := block.Deserialize(buffered); err != nil {
			return nil, fmt.Errorf("read recorded chain: block %d: %w", len(blocks)+1, err)
		}
		blocks = append(blocks, block)
	}
}
