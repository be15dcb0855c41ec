package testnet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/txscript/v4/stdscript"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// forger signs for a VSP that it passes everything on to, and changes some of it. Who pins its key takes it for the VSP.
type forger struct {
	key   ed25519.PrivateKey
	twist func(path string, body []byte, signature string) ([]byte, string)
}

func (f *forger) publicKey() string {
	return base64.StdEncoding.EncodeToString(f.key.Public().(ed25519.PublicKey))
}

// startForger returns where a forger listens.
func startForger(t *testing.T, v *VSP, f *forger) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), r.Method, v.URL+r.URL.Path, r.Body)
		if err != nil {
			return
		}
		request.Header = r.Header.Clone()
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return
		}
		if answer.Header.Get(vspapi.ServerSignature) != "" {
			body = bytes.ReplaceAll(body, []byte(v.PublicKey), []byte(f.publicKey()))
			signed := ""
			body, signed = f.twist(r.URL.Path, body, "")
			if signed == "" {
				signed = vspapi.Sign(f.key, body)
			}
			w.Header().Set(vspapi.ServerSignature, signed)
		}
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// doubledFee asks for twice as much as the VSP.
func doubledFee(path string, body []byte, _ string) ([]byte, string) {
	var offer vspapi.FeeAddressResponse
	if path != vspapi.PathFeeAddress || json.Unmarshal(body, &offer) != nil || offer.FeeAmount == 0 {
		return body, ""
	}
	offer.FeeAmount *= 2
	body, err := json.Marshal(offer)
	if err != nil {
		panic(err)
	}
	return body, ""
}

// strangeSignature signs the answer to a payfee with nobody's key.
func strangeSignature(path string, body []byte, _ string) ([]byte, string) {
	if path != vspapi.PathPayFee {
		return body, ""
	}
	return body, vspapi.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), body)
}

// shopping is a trial with a mystery shopper.
type shopping struct {
	*Verifier
}

const shoppingLag = 10 // blocks that its VSP may be behind

// startShopping begins a trial of a VSP at a URL, whose shopper uses the wallet of the network's holder.
func startShopping(t *testing.T, n *Network, program, name, url, key string, most int) *shopping {
	dir := filepath.Join(n.Plan.Dir, "data", name)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	config := fmt.Sprintf(`name = %q
url = %q
pubkey = %q
network = "simnet"
slot = "1s"
duration = "0s"

[node]
address = %q
user = %q
password_file = "rpc.password"
cert_file = %q

[shopper]
address = %q
user = %q
password_file = "rpc.password"
cert_file = %q
passphrase_file = "wallet.passphrase"
every = "1s"
most = %d
max_price = 10.0
max_fee = 1.0

[[shopper.choices]]
agendas = { %s = "yes" }
treasury = { %s = "yes" }
[[shopper.choices]]
agendas = { %s = "no" }
treasury = { %s = "no" }

[policy]
target_latency = "100ms"
max_lag_blocks = %d
`, name, url, key, n.Miner.RPCAddress, n.User, n.CertFile, n.Client.RPCAddress, n.User, n.CertFile, most,
		theAgenda, treasuryKey, theAgenda, treasuryKey, shoppingLag)
	for file, text := range map[string]string{"trial.toml": config, "rpc.password": n.Password + "\n", "wallet.passphrase": Passphrase + "\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	v := &Verifier{ConfigFile: filepath.Join(dir, "trial.toml"), Journal: filepath.Join(dir, "journal"), Out: dir,
		node: []string{"--node", n.Miner.RPCAddress, "--cert", n.CertFile, "--user", n.User, "--pass-file", filepath.Join(dir, "rpc.password")}}
	v.daemon = daemon{name: name, binary: program, args: []string{"run", "--config", v.ConfigFile}, dir: dir,
		log: filepath.Join(n.Plan.Dir, "logs", name+".log")}
	require.NoError(t, v.Start(testContext(t)))
	t.Cleanup(v.Kill)
	return &shopping{v}
}

// step is what the journal has of one step of the shopper's.
type step struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errand *struct {
		Step   string `json:"step"`
		Ticket string `json:"ticket"`
		Tx     string `json:"tx"`
	} `json:"errand"`
	Later *struct {
		Height int64 `json:"height"`
	} `json:"later"` // our node, just after the answer
	Exchange *struct {
		Answer []byte `json:"answer"`
	} `json:"exchange"`
}

// bound returns for each ticket the height at which the VSP had confirmed its fee and taken its last choices. What wins
// shoppingLag blocks later must be voted on as chosen.
func (s *shopping) bound(t *testing.T) map[string]int64 {
	steps := s.steps(t)
	bound := make(map[string]int64)
	for _, status := range steps["ticketstatus"] {
		var answer vspapi.TicketStatusResponse
		if status.Exchange == nil || status.Later == nil || json.Unmarshal(status.Exchange.Answer, &answer) != nil || answer.FeeTxStatus != "confirmed" {
			continue
		}
		if ticket := status.Errand.Ticket; bound[ticket] == 0 {
			bound[ticket] = status.Later.Height
		}
	}
	for _, change := range steps["setvotechoices"] {
		if ticket := change.Errand.Ticket; bound[ticket] != 0 && change.Code == "ok" && change.Later != nil {
			bound[ticket] = max(bound[ticket], change.Later.Height)
		}
	}
	return bound
}

// steps reads the journal as it is now, whoever writes on it.
func (s *shopping) steps(t *testing.T) map[string][]step {
	all := make(map[string][]step)
	raw, err := os.ReadFile(filepath.Join(s.Journal, "journal.jsonl"))
	if os.IsNotExist(err) {
		return all
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		var entry struct {
			Data step `json:"data"`
		}
		if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &entry) != nil || entry.Data.Errand == nil {
			continue
		}
		all[entry.Data.Errand.Step] = append(all[entry.Data.Errand.Step], entry.Data)
	}
	return all
}

// await waits until a step has been made so often with a code.
func (s *shopping) await(t *testing.T, name, code string, count int) {
	require.NoError(t, waitUntil(testContext(t), fmt.Sprintf("%d of %s: %s", count, name, code), func(context.Context) (bool, string) {
		n := 0
		steps := s.steps(t)
		for _, step := range steps[name] {
			if step.Code == code {
				n++
			}
		}
		return n >= count, fmt.Sprintf("%d, of %v%s", n, steps, s.tail())
	}))
}

// finding is a row of the report.
type finding struct {
	Row     string   `json:"row"`
	Verdict string   `json:"verdict"`
	Says    []string `json:"says"`
}

// judged ends the trial and returns its report's rows and its text.
func (s *shopping) judged(t *testing.T) (map[string]finding, string) {
	require.NoError(t, s.Finish(testContext(t)))
	raw, err := os.ReadFile(filepath.Join(s.Out, "report.json"))
	require.NoError(t, err)
	var report struct {
		Rows []finding `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(raw, &report))
	rows := make(map[string]finding)
	for _, f := range report.Rows {
		rows[f.Row] = f
	}
	text, err := os.ReadFile(filepath.Join(s.Out, "report.txt"))
	require.NoError(t, err)
	return rows, string(text)
}

// TestShopper lets a mystery shopper buy tickets from an honest VSP, is killed amid that and goes on, and finds two liars out.
func TestShopper(t *testing.T) {
	t.Parallel()
	// One that misses its price is void, and one that wins before the VSP is bound to it proves nothing.
	const tickets, most = 3, 16
	n := startTest(t, Plan{Tickets: 200, Patience: 2 * time.Second})
	ctx := testContext(t)
	programs := testPrograms(t, "vsp", "vspverify")
	v := serve(t, n, programs[0])
	require.NoError(t, n.Chain.take(ctx))
	require.NoError(t, n.Chain.fund(ctx, most))
	n.Chain.give()
	require.NoError(t, n.Client.Lock(ctx))

	publishSpend(t, n)
	n.Chain.Run(trialPace)
	honest := startShopping(t, n, programs[1], "honest", v.URL, v.PublicKey, most)
	honest.await(t, "fee", "ok", 1)
	honest.Kill()
	require.NoError(t, honest.Start(ctx))
	honest.await(t, "setvotechoices", "ok", tickets)
	fates := NewFates(n.Miner)
	own := make(map[string]chainhash.Hash)
	require.NoError(t, waitUntil(ctx, "a vote that is final, on a treasury spend as well, and that the VSP was bound to", func(ctx context.Context) (bool, string) {
		for _, s := range honest.steps(t)["buy"] {
			hash, err := chainhash.NewHashFromStr(s.Errand.Ticket)
			require.NoError(t, err)
			own[s.Errand.Ticket] = *hash
		}
		if err := fates.Follow(ctx); err != nil {
			return false, err.Error()
		}
		bound := honest.bound(t)
		for name, ticket := range own {
			fate, spent := fates.Of(ticket)
			if spent && fate.Voted && len(fate.TSpends) > 0 && fates.Height >= fate.Height+6 && bound[name] != 0 && fate.Height > bound[name]+shoppingLag {
				return true, ""
			}
		}
		return false, fmt.Sprintf("at block %d with %d tickets, bound to them at %v", fates.Height, len(own), bound)
	}))
	rows, text := honest.judged(t)
	t.Logf("%s", text)
	require.Equal(t, "PASS", rows["TR-4"].Verdict, "%v", rows["TR-4"])
	bought := honest.steps(t)["buy"]
	require.LessOrEqual(t, len(bought), most)
	require.LessOrEqual(t, len(honest.steps(t)["fee"]), len(bought), "one payment for each ticket, though it was killed")
	for id, row := range rows {
		require.NotContains(t, []string{"FAIL", "REFUTED"}, row.Verdict, "%s: %v", id, row.Says)
	}
	out, code, err := honest.Command(ctx, honest.CheckArgs()...)
	require.NoError(t, err)
	require.Zero(t, code, "%s", out)
	keepsKeys(t, n, honest, slices.Collect(maps.Values(own)))

	overcharging := &forger{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)), twist: doubledFee}
	greedy := startShopping(t, n, programs[1], "greedy", startForger(t, v, overcharging), overcharging.publicKey(), 1)
	greedy.await(t, "feeaddress", "overcharged", 2)
	rows, text = greedy.judged(t)
	require.Equal(t, "REFUTED", rows["TR-5"].Verdict, "%s", text)
	require.Contains(t, rows["TR-5"].Says[0], "than the")
	require.Equal(t, "FAIL", rows["TR-1"].Verdict)
	require.Empty(t, greedy.steps(t)["fee"], "nothing was paid")

	unsigning := &forger{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize)), twist: strangeSignature}
	strange := startShopping(t, n, programs[1], "strange", startForger(t, v, unsigning), unsigning.publicKey(), 1)
	strange.await(t, "payfee", "signature", 1)
	require.NoError(t, pause(ctx, 2*time.Second)) // until its slot is over
	rows, text = strange.judged(t)
	require.Equal(t, "FAIL", rows["TR-1"].Verdict, "%s", text)
	require.Len(t, strange.steps(t)["fee"], 1)
}

// publishSpend publishes a treasury spend.
func publishSpend(t *testing.T, n *Network) {
	require.NoError(t, n.Chain.Between(t.Context(), func(height int64) error {
		params := n.Chain.params
		expiry := standalone.CalcTSpendExpiry(height+1, params.TreasuryVoteInterval, params.TreasuryVoteIntervalMultiplier)
		tx, err := treasurySpendTx("shopper", expiry, n.Chain.purse)
		if err != nil {
			return err
		}
		return publish(t.Context(), n.Miner.RPC, tx)
	}))
}

// keepsKeys looks for voting keys in all that the trial has left.
func keepsKeys(t *testing.T, n *Network, s *shopping, tickets []chainhash.Hash) {
	require.NoError(t, n.Client.Unlock(t.Context()))
	looked := 0
	for _, ticket := range tickets {
		tx, err := n.Client.transaction(t.Context(), ticket)
		var unknown *dcrjson.RPCError
		if errors.As(err, &unknown) && unknown.Code == dcrjson.ErrRPCNoTxInfo {
			continue // the kill came before it was published, and its price was gone after
		}
		require.NoError(t, err)
		looked++
		_, addresses := stdscript.ExtractAddrs(tx.TxOut[0].Version, tx.TxOut[0].PkScript, n.Chain.params)
		wif, err := n.Client.RPC.PrivateKey(t.Context(), addresses[0].String())
		require.NoError(t, err)
		for _, file := range []string{filepath.Join(s.Journal, "journal.jsonl"), filepath.Join(s.Out, "report.json"), s.Log()} {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotEmpty(t, raw)
			encoded := base64.StdEncoding.EncodeToString([]byte(wif))
			require.NotContains(t, string(raw), wif, file)
			require.NotContains(t, string(raw), encoded[:len(encoded)-4], file)
		}
	}
	require.Positive(t, looked)
}
