package main

import (
	"errors"
	"fmt"

	"github.com/decred/dcrd/hdkeychain/v3"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/network"
)

func (s *settings) checkFee(file *configfile.File) {
	// The bounds are vspd's (internal/config): below 0.01 the formula loses its precision.
	if !(s.FeePercent >= 0.01 && s.FeePercent <= 100) {
		file.Wrong("fee_percent", "%v is out of range: use 0.01 to 100", s.FeePercent)
	}
	if s.profile.Params == nil {
		return
	}
	if err := checkXPub(s.FeeXPub, s.profile); err != nil {
		file.Wrong("fee_xpub", "%v", err)
	}
}

// checkXPub says why fees cannot be paid to a key, which is never quoted: it may be a private one. Errors complete a
// sentence that begins with the key's name.
func checkXPub(xpub string, profile network.Profile) error {
	key, err := hdkeychain.NewKeyFromString(xpub, profile.Params)
	switch {
	case err != nil:
		return fmt.Errorf("is no extended public key of %s (%w): take it from a cold wallet with "+
			"dcrctl --wallet getmasterpubkey", profile.Name, err)
	case key.IsPrivate():
		return errors.New("is an extended private key: it must never be on a server; use getmasterpubkey's answer")
	}
	return nil
}
