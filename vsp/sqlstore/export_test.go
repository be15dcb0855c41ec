package sqlstore

import "os"

// BeChild runs a child of TestKill in the place of the tests if it was started as one. Then it does not return.
func BeChild() {
	if path := os.Getenv(childDatabase); path != "" {
		write(path, os.Getenv(childRound)) // until it is killed
	}
}

var TestSealer = sealer
