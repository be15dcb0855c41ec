package main

import (
	"errors"
	"fmt"
	"syscall"
)

// explainFull adds to an error of a disk that is full what to do.
func explainFull(err error, folder string) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return fmt.Errorf("%w\nThe disk of %s is full. What was written until then is safe. Make room, and start this\nagain: it goes on where it was, and the time between counts for nobody", err, folder)
}
