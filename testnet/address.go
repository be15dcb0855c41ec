package testnet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The blocks of loopback addresses that networks take: 127.B.0.0/16 for one of these B.
const (
	lowestBlock  = 10
	highestBlock = 250
)

// errBlockTaken says that a block of addresses is in use.
var errBlockTaken = errors.New("address block in use")

// addressBlock is a block of loopback addresses that nobody else has. The lock file is what holds it: the kernel drops the
// lock when its owner dies, however it dies.
type addressBlock struct {
	number int
	lock   *os.File
}

// takeBlock takes the given block, or the first free one if number is 0.
func takeBlock(number int) (*addressBlock, error) {
	if number != 0 {
		return tryBlock(number)
	}
	for number := lowestBlock; number <= highestBlock; number++ {
		block, err := tryBlock(number)
		if errors.Is(err, errBlockTaken) {
			continue
		}
		return block, err
	}
	return nil, fmt.Errorf("take an address block: all of 127.%d.0.0 to 127.%d.0.0 are in use", lowestBlock, highestBlock)
}

func tryBlock(number int) (*addressBlock, error) {
	if number < 1 || number > 255 {
		return nil, fmt.Errorf("take address block %d: want 1 to 255", number)
	}
	dir, err := registerDir()
	if err != nil {
		return nil, fmt.Errorf("take address block %d: %w", number, err)
	}
	path := filepath.Join(dir, fmt.Sprintf("127.%d.lock", number))
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take address block %d: %w", number, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("take address block %d: %w", number, errBlockTaken)
	}
	block := &addressBlock{number, lock}
	// The lock is between networks of this user; anyone else shows at the port that every network has.
	probe, err := net.Listen("tcp", net.JoinHostPort(block.address(hostMiner), nodePort))
	if err != nil {
		block.release()
		return nil, fmt.Errorf("take address block %d: %w: %w", number, errBlockTaken, err)
	}
	probe.Close()
	return block, nil
}

func (b *addressBlock) release() { b.lock.Close() }

// Hosts by the third byte of their address. Voting host i has number i, from 1.
const (
	hostMiner    = 0
	hostFrontEnd = 201
	hostClient   = 202
	hostMail     = 203
	hostVerifier = 204
	hostDatabase = 205
	hostRelay    = 206 // what a scenario puts before the VSP
	hostControl  = 207 // a site that has nothing to do with the VSP

	hostMoreFrontEnds = 210 // and the number of the front end, from 1 for the second
	hostVantages      = 220 // and the number of the vantage, from 0
)

// address returns a host's address.
func (b *addressBlock) address(host int) string {
	return "127." + strconv.Itoa(b.number) + "." + strconv.Itoa(host) + ".1"
}
