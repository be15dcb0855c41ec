package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/rogpeppe/go-internal/testscript"

	"scrutineer/vsp"
	"scrutineer/vsp/network"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

// vspFolder makes the folder of a VSP, filled in and with tickets of each kind: vspfolder [-mysql] [-empty] DIR
//
// It sets LISTEN and METRICS to addresses that are free, and are those of the configuration, and LISTEN2 and METRICS2 to free
// ones for another front end.
func vspFolder(t *testing.T) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		flags := flag.NewFlagSet("vspfolder", flag.ContinueOnError)
		shared := flags.Bool("mysql", false, "")
		empty := flags.Bool("empty", false, "")
		if err := flags.Parse(args); neg || err != nil || flags.NArg() != 1 {
			ts.Fatalf("usage: vspfolder [-mysql] [-empty] DIR")
		}
		dir := ts.MkAbs(flags.Arg(0))
		edit := place(ts)
		var database sqlstore.MySQL
		if *shared {
			database = mariadbtest.Shared(t).Config(t)
			edit = share(edit, database)
		}
		ts.Check(makeFolder(dir, edit))
		ts.Check(os.WriteFile(filepath.Join(dir, "mysql.password"), []byte(database.Password+"\n"), 0o600))
		ts.Check(os.WriteFile(filepath.Join(dir, "mysql-ca.pem"), database.CAPEM, 0o600))
		if *empty {
			return
		}
		s, err := load(filepath.Join(dir, "vsp.toml"))
		ts.Check(err)
		store, err := openStore(context.Background(), s)
		ts.Check(err)
		ts.Check(fill(context.Background(), store))
		ts.Check(store.Close())
	}
}

// place has a configuration listen at free addresses.
func place(ts *testscript.TestScript) func(string) string {
	for name, value := range map[string]string{"XPUB": simnetXPub, "OTHER_XPUB": otherXPub, "SECRET_XPUB": secretXPub} {
		ts.Setenv(name, value)
	}
	var addresses [4]string
	for i, name := range []string{"LISTEN", "METRICS", "LISTEN2", "METRICS2"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		addresses[i] = listener.Addr().String()
		ts.Setenv(name, addresses[i])
		defer listener.Close()
	}
	return func(text string) string {
		return strings.NewReplacer("127.0.0.1:8800", addresses[0], `metrics_listen = ""`, fmt.Sprintf("metrics_listen = %q", addresses[1])).
			Replace(text)
	}
}

// share has a configuration use a database server.
func share(edit func(string) string, database sqlstore.MySQL) func(string) string {
	return func(text string) string {
		text = strings.Replace(edit(text), `database = "vsp.db"`, "", 1)
		return text + fmt.Sprintf("\n[mysql]\naddress = %q\nname = %q\nuser = %q\npassword_file = \"mysql.password\"\nca_file = \"mysql-ca.pem\"\n",
			database.Address, database.Name, database.User)
	}
}

// simnetXPub is an extended public key of simnet, secretXPub a private one that should not be given, otherXPub its public one.
const (
	simnetXPub = "spubVWKGn9TGzyo7M4b5xubB5UV4joZ5HBMNBmMyGvYEaoZMkSxVG4opckpmQ26E85iHg8KQxrSVTdex56biddqtXBerG9xMN8Dvb3eNQVFFwpE"
	secretXPub = "sprvZ9xkGEZkBei2ohogjCt4GsqxiPzGi1eHJ1JMZZ2FFzsyx3GcWwyqwbkx1JJAdRjFWLGSc6fRycx1q6JNPALgQaSQnJftJaU3kU3koj9rSzd"
	otherXPub  = "spubVNx6fk6e22GL2Bt9qER4e1nhGRpm7UN8fEDxMwRrpLQxpqbm4VJ6VQ5RrZyV6H9rV5PDiLmi2Ac2HkxDBmgU6UGHjXH4GCw7NfbiDJLRLae"
)

// testCert is nobody's certificate.
const testCert = `-----BEGIN CERTIFICATE-----
MIIBgjCCASmgAwIBAgIUNmjv1bvbaOpzcRLnnF/u7Vvn25swCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZXhhbXBsZS5vcmcwIBcNMjYxMTIzMDY1NzI5WhgPMjEyNjEw
MzAwNjU3MjlaMBYxFDASBgNVBAMMC2V4YW1wbGUub3JnMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEAQFiOGo/jtJr69/8DI8uPhcYs3qs0pLuOFBy/g2K/10gfEtI
wl4Gdn5aqbx04zn3J0TpIr7R3Sp/4HRqGuTgYaNTMFEwHQYDVR0OBBYEFL1TpUYc
cy3M2ur4z5+B03NVOwhHMB8GA1UdIwQYMBaAFL1TpUYccy3M2ur4z5+B03NVOwhH
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgOqxvcNnb0I2YwVe1
juIUPG7IyHDmHy7v7boE2xUQMowCIDtEk546sanQLPMEzOUpk8mEqy9irWHL5blW
p3iNBKHg
-----END CERTIFICATE-----
`

// makeFolder makes a VSP's folder as vsp init does, and fills it in; edit may change the configuration. Nobody listens at
// the addresses of its daemons.
func makeFolder(dir string, edit func(string) string) error {
	profile, err := network.Lookup("simnet")
	if err != nil {
		return err
	}
	if _, err := initialise(dir, profile, simnetXPub); err != nil {
		return err
	}
	path := filepath.Join(dir, "vsp.toml")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := strings.NewReplacer(`user = ""`, `user = "u"`, `site = ""`, `site = "vsp.example.org"`,
		`support_email = ""`, `support_email = "support@example.org"`).Replace(string(raw))
	for i := range 3 {
		text = strings.Replace(text, `address = ""`, fmt.Sprintf(`address = "127.0.0.%d"`, i+1), 1)
	}
	if edit != nil {
		text = edit(text)
	}
	errs := []error{os.WriteFile(path, []byte(text), 0o600)}
	for _, name := range []string{"node", "wallet-1", "wallet-2", "wallet-3"} {
		errs = append(errs,
			os.WriteFile(filepath.Join(dir, name+".password"), []byte("hunter2\n"), 0o600),
			os.WriteFile(filepath.Join(dir, name+".cert"), []byte(testCert), 0o600))
	}
	return errors.Join(errs...)
}

// noon is when the first of the tickets was registered.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// votingKey is what must never be seen. It is nobody's.
const votingKey = "PsURoUb7FMeJQdTYea8pkbUQFBZAsxtfDcfTLGja5sCLZvLZWRtjK"

// fill registers a ticket of each kind, on fee addresses with holes between them.
func fill(ctx context.Context, store *sqlstore.Store) error {
	for n, t := range someTickets() {
		for {
			index, err := store.NextFeeIndex(ctx, t.Fee.XPub)
			if err != nil {
				return err
			}
			if index == t.Fee.Index {
				break
			}
		}
		if err := store.Insert(ctx, t); err != nil {
			return err
		}
		if t.VotingKey == "" {
			continue
		}
		hash := t.Hash.String()
		requests := []string{fmt.Sprintf(`{"timestamp":1,"tickethash":"%s","feetx":"00","votingkey":"%s","votechoices":{}}`, hash, votingKey)}
		if n == 0 {
			requests = append(requests, fmt.Sprintf(`{"timestamp":2,"tickethash":"%s","votechoices":{"treasury":"yes"}}`, hash))
		}
		for i, request := range requests {
			_, err := store.Update(ctx, t.Hash, func(*vsp.Ticket) (*vsp.Change, error) {
				return &vsp.Change{Request: []byte(request), Signature: "c2lnbmF0dXJl",
					Answered: noon.Add(time.Duration(n+1)*time.Hour).Unix() + int64(i)}, nil
			})
			if err != nil {
				return err
			}
		}
	}
	position := vsp.Position{Height: 900, Hash: chainhash.Hash{9}}
	if err := store.Settle(ctx, vsp.Position{}, position, nil); err != nil {
		return err
	}
	return store.SetAltSigner(ctx, someTickets()[0].Hash, vsp.AltSigner{Address: "SsAlternateSigner",
		Change: vsp.Change{Request: []byte("{}"), Answered: noon.Add(90 * time.Minute).Unix()}})
}

// someTickets is a ticket of each kind, oldest first.
func someTickets() []vsp.Ticket {
	ticket := func(n byte, index uint32, status vsp.FeeStatus) vsp.Ticket {
		t := vsp.Ticket{Hash: chainhash.Hash{0: n, 31: n}, Registered: noon.Add(time.Duration(n) * time.Hour),
			Commitment: "SsCommitment" + strconv.Itoa(int(n)),
			Fee: vsp.Fee{XPub: simnetXPub, Index: index, Address: "SsFee" + strconv.Itoa(int(index)), Amount: 540044,
				Expires: noon.Add(time.Duration(n+1) * time.Hour), Status: status}}
		if status != vsp.FeeNone {
			t.VotingKey = votingKey
			t.Fee.TxHash, t.Fee.Received, t.Fee.Paid = chainhash.Hash{31: 0xf0 + n}, t.Registered.Add(time.Minute), 540044
		}
		return t
	}
	voted := ticket(1, 1, vsp.FeeConfirmed)
	voted.Confirmed, voted.PurchaseHeight, voted.Fee.Height = true, 700, 710
	voted.Outcome, voted.SpentHeight, voted.SpentBy = vsp.Voted, 800, chainhash.Hash{31: 0xe1}
	voted.Choices.Agendas = map[string]string{"treasury": "yes"}
	live := ticket(2, 4, vsp.FeeConfirmed)
	live.Confirmed, live.PurchaseHeight, live.Fee.Height, live.Fee.Paid = true, 720, 730, 550000
	live.Choices.TSpends = map[string]string{strings.Repeat("ab", 32): "no"}
	missed := ticket(3, 5, vsp.FeeConfirmed)
	missed.Confirmed, missed.PurchaseHeight, missed.Outcome, missed.SpentHeight = true, 730, vsp.Missed, 860
	young := ticket(4, 9, vsp.FeeReceived)
	refused := ticket(5, 10, vsp.FeeError)
	refused.Confirmed, refused.PurchaseHeight = true, 740
	unpaid := ticket(6, 12, vsp.FeeNone)
	imported := ticket(7, 13, vsp.FeeConfirmed)
	imported.Registered, imported.Fee.Received, imported.Fee.Paid = time.Time{}, time.Time{}, 0
	imported.Confirmed, imported.PurchaseHeight, imported.Outcome = true, 90, vsp.Expired
	return []vsp.Ticket{voted, live, missed, young, refused, unpaid, imported}
}
