package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp/network"
	"scrutineer/vsp/sqlstore"
)

//go:embed vsp.toml.tmpl
var configTemplate string

func initCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a VSP's keys and a configuration to fill in",
		Long: `init makes DIR with a signing key, a sealing key and a configuration to fill in.
It never overwrites anything. Back both keys up: wallets know the VSP by the
first, and without the second the voting keys in the database cannot be read.`,
		Args: cobra.ExactArgs(1),
	}
	name := c.Flags().String("network", "testnet3", "mainnet, testnet3 or simnet")
	xpub := c.Flags().String("fee-xpub", "", "extended public key that fee addresses derive from")
	c.RunE = func(c *cobra.Command, args []string) error {
		profile, err := network.Lookup(*name)
		if err != nil {
			return program.Misuse(err)
		}
		pubKey, err := initialise(args[0], profile, *xpub)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s is ready to be filled in.\nPublic key: %s\n",
			filepath.Join(args[0], "vsp.toml"), base64.StdEncoding.EncodeToString(pubKey))
		return nil
	}
	return c
}

func initialise(dir string, profile network.Profile, xpub string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	var config bytes.Buffer
	err := template.Must(template.New("").Parse(configTemplate)).Execute(&config, map[string]string{
		"Network": profile.Name, "XPub": xpub, "NodePort": profile.NodeRPCPort, "WalletPort": profile.WalletRPCPort,
	})
	if err != nil {
		return nil, fmt.Errorf("render configuration: %w", err)
	}
	// The configuration comes first: where it is there already, this folder is somebody's VSP and stays as it is.
	err = program.WriteNew(filepath.Join(dir, "vsp.toml"), config.Bytes())
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s holds a VSP's configuration already: name another folder", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	pubKey, err := writeSigningKey(filepath.Join(dir, "signing.key"))
	if err != nil {
		return nil, fmt.Errorf("write signing key: %w", err)
	}
	if err := sqlstore.WriteKeyFile(filepath.Join(dir, "sealing.key")); err != nil {
		return nil, fmt.Errorf("write sealing key: %w", err)
	}
	return pubKey, nil
}
