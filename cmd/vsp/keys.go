package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
)

func keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Check both key files and show the VSP's public key",
		Long: `keys looks at the two files that a VSP must not lose, and shows the public key
that wallets know it by. Whether the sealing key is that of the database is said
by vsp check. Nothing but the key files is looked at.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s := &settings{Config: defaults()}
		file, err := configfile.Read(*path, &s.Config)
		if err != nil {
			return err
		}
		s.checkKeys(file)
		if err := mistakesIn(file.Err(), "signing_key_file", "sealing_key_file"); err != nil {
			return program.AnswerNo(err)
		}
		view := keysView{PublicKey: base64.StdEncoding.EncodeToString(s.signingKey.Public().(ed25519.PublicKey)),
			SigningKey: file.Resolve(s.SigningKeyFile), SealingKey: s.sealingKey}
		if *asJSON {
			return writeJSON(c.OutOrStdout(), view)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "public key   %s\nsigning key  %s: in order\nsealing key  %s: in order\n",
			view.PublicKey, view.SigningKey, view.SealingKey)
		return err
	}
	return c
}

// keysView is the public key and where the secret ones are.
type keysView struct {
	PublicKey  string `json:"public_key"`
	SigningKey string `json:"signing_key_file"`
	SealingKey string `json:"sealing_key_file"`
}
