package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/probe"
	"scrutineer/verifier/votes"
	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
	"scrutineer/vsp/server"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// market is our own VSP on a chain in memory, and a shopper with a wallet on the same chain. Time costs nothing in it.
type market struct {
	*probe.Shopper
	t      *testing.T
	chain  *vsptest.Chain
	server *server.Server
	key    ed25519.PrivateKey

	holders  map[string]vsptest.Holder // by their addresses
	drafts   int
	payments map[chainhash.Hash]bool // that the wallet made
	journal  []verifier.Observation

	headers map[chainhash.Hash]*wire.BlockHeader // of the blocks below seen
	seen    int64

	// twist changes what the VSP answers; nil: nothing. A signature that is left empty is made with the VSP's key.
	twist func(path string, status int, body []byte) (int, []byte, string)

	// write is called before and after each entry; an error of it is a death there. nil: nobody dies.
	write func(after bool) error
}

var errDeath = errors.New("killed")

func atMarket(t *testing.T, act func(*market)) {
	synctest.Test(t, func(t *testing.T) {
		profile, err := network.Lookup("simnet")
		require.NoError(t, err)
		s := &market{t: t, chain: vsptest.NewChain(profile.Params, 200), key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize)),
			holders: make(map[string]vsptest.Holder), payments: make(map[chainhash.Hash]bool), headers: make(map[chainhash.Hash]*wire.BlockHeader)}
		service, err := vsp.New(vsp.Config{Profile: profile, Chain: s.chain, Store: new(storetest.Memory),
			Voters: &vsptest.Voters{Wallets: []vsp.VoterState{{Name: "one"}}},
			Terms:  vsp.Terms{FeePercent: 2, XPub: vsptest.XPub(profile.Params)}, Version: "1.5.0", Now: time.Now})
		require.NoError(t, err)
		s.server = server.New(server.Config{Service: service, Key: s.key, Log: slog.New(slog.DiscardHandler)})
		target := verifier.Target{URL: "http://vsp.example.org", PubKey: s.key.Public().(ed25519.PublicKey), Network: profile}
		s.Shopper = &probe.Shopper{Node: s, Purse: s, Keys: s, Write: s.append, Done: verifier.NewShopping(target, nil),
			Plan: probe.ShopperPlan{Account: "default", Every: time.Hour, Most: 2, MaxPrice: 300e8, MaxFee: 5e8, Choices: yesAndNo(profile)},
			Vantage: &probe.Vantage{Name: "here", Target: target, Policy: verifier.DefaultPolicy(), Now: time.Now,
				HTTP: &http.Client{Transport: s}}}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { service.Run(ctx); close(ended) }()
		defer func() { end(); <-ended }()
		synctest.Wait()
		act(s)
	})
}

// RoundTrip answers for the VSP.
func (s *market) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	inner := httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(body))
	inner.Header = r.Header.Clone()
	recorder := httptest.NewRecorder()
	s.server.ServeHTTP(recorder, inner)
	answer := recorder.Result()
	if s.twist == nil || answer.Header.Get(vspapi.ServerSignature) == "" {
		return answer, nil
	}
	status, twisted, signature := s.twist(r.URL.Path, answer.StatusCode, recorder.Body.Bytes())
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	if signature == "" {
		signature = vspapi.Sign(s.key, twisted)
	}
	answer.StatusCode, answer.Body = status, io.NopCloser(bytes.NewReader(twisted))
	answer.Header.Set(vspapi.ServerSignature, signature)
	return answer, nil
}

// append is the journal.
func (s *market) append(o verifier.Observation) error {
	if s.write != nil {
		if err := s.write(false); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(o)
	require.NoError(s.t, err)
	var read verifier.Observation
	require.NoError(s.t, json.Unmarshal(raw, &read))
	read.Number = int64(len(s.journal) + 1)
	s.journal = append(s.journal, read)
	if s.write != nil {
		return s.write(true)
	}
	return nil
}

// reborn is the shopper after a death: it knows what the journal has.
func (s *market) reborn() {
	s.Shopper = &probe.Shopper{Node: s.Node, Purse: s.Purse, Keys: s.Keys, Write: s.Write, Plan: s.Plan, Vantage: s.Vantage,
		Done: verifier.NewShopping(s.Done.Target, s.journal)}
}

// turns makes turns with a block between them, and goes on after each death.
func (s *market) turns(n int) {
	for range n {
		for err := s.Turn(s.t.Context()); err != nil; err = s.Turn(s.t.Context()) {
			require.ErrorIs(s.t, err, errDeath)
			s.reborn()
		}
		s.chain.Mine(1)
		time.Sleep(time.Minute)
		synctest.Wait()
	}
}

// steps are the steps of one kind in the journal.
func (s *market) steps(name string) []verifier.Observation {
	var all []verifier.Observation
	for _, o := range s.journal {
		if o.Errand.Step == name {
			all = append(all, o)
		}
	}
	return all
}

// Our own node.

func (s *market) BestBlock(ctx context.Context) (int64, chainhash.Hash, error) {
	tip, err := s.chain.Tip(ctx)
	return tip.Height, tip.Hash, err
}
func (s *market) BlockHash(ctx context.Context, height int64) (chainhash.Hash, error) {
	block, err := s.chain.Block(ctx, height)
	if err != nil {
		return chainhash.Hash{}, err
	}
	return block.BlockHash(), nil
}
func (s *market) PeerCount(context.Context) (int, error) { return 8, nil }
func (s *market) Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error) {
	tip, err := s.chain.Tip(ctx)
	for ; err == nil && s.seen <= tip.Height; s.seen++ {
		block, err := s.chain.Block(ctx, s.seen)
		if err != nil {
			return nil, err
		}
		s.headers[block.BlockHash()] = &block.Header
	}
	return s.headers[hash], err
}
func (s *market) StakeDifficulty(context.Context) (current, next dcrutil.Amount, err error) {
	return s.chain.StakeDifficulty, s.chain.StakeDifficulty, nil
}
func (s *market) TSpends(context.Context) ([]chainhash.Hash, error) { return nil, nil }
func (s *market) Transaction(context.Context, chainhash.Hash) (dcrrpc.Transaction, error) {
	return dcrrpc.Transaction{}, errors.New("none")
}

// The wallet. Its transactions are signed as far as the chain in memory cares.

func (s *market) DraftTicket(_ context.Context, _ string, expiry int64) (split, ticket *wire.MsgTx, err error) {
	s.drafts++
	h := vsptest.NewHolder(s.chain.Params, uint32(s.drafts))
	t := s.chain.Ticket(h)
	t.Tx.Expiry = uint32(expiry)
	key, err := dcrutil.DecodeWIF(h.VotingKey(), s.chain.Params.PrivateKeyID)
	if err != nil {
		return nil, nil, err
	}
	voter, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(key.PubKey()), s.chain.Params)
	if err != nil {
		return nil, nil, err
	}
	s.holders[h.Commitment().String()], s.holders[voter.String()] = h, h
	return t.Parent, t.Tx, nil
}

func (s *market) Fund(_ context.Context, _ string, tx *wire.MsgTx) (*wire.MsgTx, dcrutil.Amount, error) {
	const fee = 1e5
	coin := s.chain.Coin(dcrutil.Amount(tx.TxOut[0].Value) + fee)
	tx.AddTxIn(wire.NewTxIn(&coin, wire.NullValueIn, nil))
	s.payments[tx.TxHash()] = true
	return tx, fee, nil
}
func (s *market) Sign(_ context.Context, tx *wire.MsgTx, _ ...*wire.MsgTx) (*wire.MsgTx, error) {
	return tx, nil
}
func (s *market) Reserve(context.Context, []wire.OutPoint) error { return nil }
func (s *market) Publish(ctx context.Context, tx *wire.MsgTx) error {
	return s.chain.Publish(ctx, tx)
}
func (s *market) Placed(ctx context.Context, tx chainhash.Hash) (chainhash.Hash, bool, error) {
	placed, err := s.chain.Transaction(ctx, tx)
	if errors.Is(err, vsp.ErrNoTransaction) {
		return chainhash.Hash{}, false, nil
	}
	return placed.Block, err == nil, err
}
func (s *market) Info(context.Context) (dcrrpc.WalletInfo, error) {
	return dcrrpc.WalletInfo{DaemonConnected: true, Unlocked: true}, nil
}
func (s *market) Unlock(context.Context, string, time.Duration) error { return nil }
func (s *market) SignMessage(_ context.Context, address, message string) (string, error) {
	return s.holders[address].Signature([]byte(message)), nil
}
func (s *market) PrivateKey(_ context.Context, address string) (string, error) {
	return s.holders[address].VotingKey(), nil
}

// evidence is what a reviewer has who was there all the time.
func (s *market) evidence() verifier.Evidence {
	began := s.journal[0].At.Truncate(time.Minute)
	e := verifier.Evidence{Target: s.Vantage.Target, Policy: s.Vantage.Policy, Seen: s.journal,
		Window: verifier.NewWindow(began, time.Now(), time.Minute, 0, true)}
	for i := range e.Window.Slots {
		at := began.Add(time.Duration(i) * time.Minute)
		e.Seen = append(e.Seen, verifier.Observation{At: at, Kind: verifier.KindNode, Vantage: "here", Code: verifier.OK})
		e.Beats = append(e.Beats, verifier.Beat{At: at, Vantage: "here"})
	}
	return e
}

func (s *market) row(id string) verifier.Finding {
	for _, f := range verifier.Judge(s.evidence()) {
		if f.Row == id {
			return f
		}
	}
	s.t.Fatalf("no row %s", id)
	return verifier.Finding{}
}

func TestShopperRegisters(t *testing.T) {
	atMarket(t, func(s *market) {
		s.turns(100)
		n := verifier.CountRegistrations(s.evidence())
		require.Equal(t, []int{2, 2, 0, 0, 2, 2, 2}, []int{n.Made, n.Up, n.Down, n.Unknown, n.Granted, n.Confirmed, n.Choices}, "%+v", s.journal)
		require.Len(t, s.Done.Tickets(), 2, "both are the VSP's now")
		buys := s.steps(verifier.StepBuy)
		require.GreaterOrEqual(t, buys[1].At.Sub(buys[0].At), s.Plan.Every)
		for _, r := range s.Done.Registrations {
			require.Equal(t, "confirmed", r.Status.FeeTxStatus)
		}
		require.Len(t, s.payments, 2)
		require.Less(t, len(s.journal), 30, "what stays as it is is not written down again and again")
		raw, err := json.Marshal(s.journal)
		require.NoError(t, err)
		for _, h := range s.holders {
			require.NotContains(t, string(raw), h.VotingKey())
		}
		for _, o := range s.steps(verifier.StepPay) {
			require.Nil(t, o.Exchange, "it has the voting key in it")
			require.Nil(t, o.Raw)
		}
	})
}

// TestShopperDiesAnywhere: whatever was done before a death, no ticket is bought twice, and none is paid for twice.
func TestShopperDiesAnywhere(t *testing.T) {
	moments := 1
	for death := 0; death < moments; death++ {
		atMarket(t, func(s *market) {
			s.Plan.Most = 1
			writes := 0
			s.write = func(bool) error {
				if writes++; writes == death+1 {
					return errDeath
				}
				return nil
			}
			s.turns(30)
			require.LessOrEqual(t, len(s.steps(verifier.StepBuy)), s.Plan.Most)
			require.Len(t, s.Done.Registrations, s.Plan.Most)
			paid := make(map[verifier.Hash]int)
			for _, o := range s.steps(verifier.StepFee) {
				paid[o.Errand.Ticket]++
			}
			mined := 0
			for hash := range s.payments {
				if _, known, _ := s.Placed(s.t.Context(), hash); known {
					mined++
				}
			}
			require.Equal(t, s.Plan.Most, mined, "death %d", death)
			for _, r := range s.Done.Registrations {
				require.Equal(t, 1, paid[verifier.Hash(r.Ticket)])
				require.Positive(t, r.Since, "death %d", death)
				require.NotEqual(t, verifier.Down, r.State)
			}
			for _, id := range []string{"TR-1", "TR-4", "TR-5"} {
				require.NotContains(t, []verifier.Verdict{verifier.Fail, verifier.Refuted}, s.row(id).Verdict, "death %d", death)
			}
			moments = writes
		})
	}
	require.Greater(t, moments, 14, "before and after each entry")
}

func TestShopperFindsOut(t *testing.T) {
	refuse := func(at string, code vspapi.Code) func(string, int, []byte) (int, []byte, string) {
		return func(path string, status int, body []byte) (int, []byte, string) {
			if path != at {
				return status, body, ""
			}
			body, err := json.Marshal(vspapi.Error{Code: code, Message: "no"})
			if err != nil {
				panic(err)
			}
			return code.Status(), body, ""
		}
	}
	change := func(at, old, next string) func(string, int, []byte) (int, []byte, string) {
		return func(path string, status int, body []byte) (int, []byte, string) {
			if path == at {
				body = bytes.ReplaceAll(body, []byte(old), []byte(next))
			}
			return status, body, ""
		}
	}
	stranger := vspapi.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), []byte("another body"))
	badly := func(at string) func(string, int, []byte) (int, []byte, string) {
		return func(path string, status int, body []byte) (int, []byte, string) {
			if path == at {
				return status, body, stranger
			}
			return status, body, ""
		}
	}
	silent := func(at string) func(string, int, []byte) (int, []byte, string) {
		return func(path string, status int, body []byte) (int, []byte, string) {
			if path == at {
				return 0, nil, ""
			}
			return status, body, ""
		}
	}
	tests := []struct {
		name  string
		twist func(string, int, []byte) (int, []byte, string)
		state verifier.State
		code  verifier.Code
		truth bool // TR-5 is refuted
	}{
		{"declines feeaddress", refuse(vspapi.PathFeeAddress, vspapi.InternalError), verifier.Down, verifier.Declined, false},
		{"declines payfee", refuse(vspapi.PathPayFee, vspapi.InvalidFeeTx), verifier.Down, verifier.Declined, false},
		{"says closed, vspinfo says open", refuse(vspapi.PathFeeAddress, vspapi.VspClosed), verifier.Down, verifier.Declined, false},
		{"says expired, and it is not", refuse(vspapi.PathPayFee, vspapi.FeeExpired), verifier.Down, verifier.Declined, false},
		{"has not heard of the ticket yet", refuse(vspapi.PathFeeAddress, vspapi.CannotBroadcastTicket), verifier.Unknown, "", false},
		{"signs feeaddress badly", badly(vspapi.PathFeeAddress), verifier.Down, verifier.BadSignature, false},
		{"signs payfee badly", badly(vspapi.PathPayFee), verifier.Down, verifier.BadSignature, false},
		{"signs ticketstatus badly", badly(vspapi.PathTicketStatus), verifier.Down, verifier.BadSignature, false},
		{"answers another request", change(vspapi.PathFeeAddress, `"request":"ey`, `"request":"eX`), verifier.Down, verifier.WrongAnswer, false},
		{"asks for ten times as much", change(vspapi.PathFeeAddress, `"feeamount":`, `"feeamount":1`), verifier.Down, verifier.Overcharged, true},
		{"asks for nothing that is an address", change(vspapi.PathFeeAddress, `"feeaddress":"S`, `"feeaddress":"D`), verifier.Down, verifier.WrongAnswer, false},
		{"is silent", silent(vspapi.PathPayFee), verifier.Down, verifier.NoAnswer, false},
		{"denies the fee", change(vspapi.PathTicketStatus, `"feetxstatus":"confirmed"`, `"feetxstatus":"received"`), verifier.Up, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			atMarket(t, func(s *market) {
				s.Plan.Most = 1
				s.twist = test.twist
				s.turns(60)
				require.Len(t, s.Done.Registrations, 1)
				r := s.Done.Registrations[0]
				require.Equal(t, test.state, r.State, "%+v", r.Because)
				if test.code != "" {
					require.Equal(t, test.code, r.Because.Code, "%s", r.Because.Detail)
				}
				uptime, truth := s.row("TR-1"), s.row("TR-5")
				require.Equal(t, test.state == verifier.Down, uptime.Verdict == verifier.Fail, "%v", uptime.Says)
				require.Equal(t, test.truth, truth.Verdict == verifier.Refuted, "%v", truth.Says)
				if test.truth {
					require.NotEmpty(t, truth.Cites)
				}
				require.LessOrEqual(t, len(s.steps(verifier.StepFee)), 1)
			})
		})
	}
}

// TestShopperHoldsBack: no ticket is bought where it would not be right, and that is nobody's fault.
func TestShopperHoldsBack(t *testing.T) {
	tests := []struct {
		name   string
		change func(*market)
		code   verifier.Code
	}{
		{"too dear", func(s *market) { s.Plan.MaxPrice = s.chain.StakeDifficulty - 1 }, verifier.OverBudget},
		{"the VSP is closed", func(s *market) {
			s.twist = func(path string, status int, body []byte) (int, []byte, string) {
				return status, bytes.Replace(body, []byte(`"vspclosed":false`), []byte(`"vspclosed":true`), 1), ""
			}
		}, verifier.Closed},
		{"the wallet votes itself", func(s *market) { s.Keys = voting{s} }, verifier.WalletAway},
		{"our node is away", func(s *market) {
			s.chain.Fail = func(op string) (bool, error) { return false, errors.New("gone") }
		}, verifier.NodeAway},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			atMarket(t, func(s *market) {
				test.change(s)
				for range 20 {
					require.NoError(t, s.Turn(s.t.Context()))
					time.Sleep(time.Minute)
				}
				require.Empty(t, s.Done.Registrations)
				require.Zero(t, s.drafts)
				require.Len(t, s.journal, 1, "it is said once")
				require.Equal(t, test.code, s.journal[0].Code, "%s", s.journal[0].Detail)
			})
		})
	}
}

type voting struct{ *market }

func (voting) Info(context.Context) (dcrrpc.WalletInfo, error) {
	return dcrrpc.WalletInfo{DaemonConnected: true, Unlocked: true, Voting: true}, nil
}

// TestShopperPaysNoMore: a fee over the budget is not paid, and not the VSP's fault.
func TestShopperPaysNoMore(t *testing.T) {
	atMarket(t, func(s *market) {
		s.Plan.MaxFee = 1
		s.turns(40)
		require.Len(t, s.Done.Registrations, 1, "no other is bought while the first is not registered")
		require.Empty(t, s.payments)
		require.Equal(t, verifier.Unknown, s.Done.Registrations[0].State)
		require.True(t, s.Done.Registrations[0].Ended, "before it could have been drawn")
	})
}

func TestShoppersTicketsAreDue(t *testing.T) {
	atMarket(t, func(s *market) {
		s.turns(30)
		r := s.Done.Registrations[0]
		require.Positive(t, r.Since)
		other := votes.Entry{Ticket: chainhash.Hash{1}, Won: 1}
		for won, due := range map[int64]bool{0: true, r.Since - 1: false, r.Since + 1: false, r.Since + 2: true} {
			own := votes.Entry{Ticket: r.Ticket, Won: won, Live: 17, Outcome: votes.Voted}
			want := own
			if !due {
				want = votes.Entry{Ticket: r.Ticket, Live: 17, Outcome: votes.Unknown}
			}
			require.Equal(t, []votes.Entry{other, want}, s.Done.Due([]votes.Entry{other, own}, 2), "won at %d, confirmed at %d", won, r.Since)
		}
	})
}
