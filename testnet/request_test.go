package testnet

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/txscript/v4/stdaddr"

	"scrutineer/vsp/vspapi"
)

// patient is how requests of our own are sent: each on a connection of its own, as by strangers.
var patient = &http.Client{Timeout: testTimeout, Transport: &http.Transport{DisableKeepAlives: true}}

// retryPause is between two tries of a request.
const retryPause = 100 * time.Millisecond

// askKnown sends a request about a registered ticket, signed by whoever holds it.
func (p *play) askKnown(ctx context.Context, front *FrontEnd, ticket chainhash.Hash, path string, message, result any) error {
	key, err := p.vsp.key()
	if err != nil {
		return err
	}
	client := &vspapi.Client{URL: front.URL, PubKey: key, HTTP: patient}
	if _, own := p.holder.registered()[ticket]; own {
		return p.holder.ask(ctx, client, path, message, result)
	}
	tx, err := p.network.Client.transaction(ctx, ticket)
	if err != nil {
		return err
	}
	address, err := stake.AddrFromSStxPkScrCommitment(tx.TxOut[1].PkScript, p.network.Chain.params)
	if err != nil {
		return err
	}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	var signature string
	if err := p.network.Client.RPC.Call(ctx, &signature, "signmessage", address.String(), string(body)); err != nil {
		return err
	}
	_, err = client.Post(ctx, path, body, signature, result)
	return err
}

// answersKnown is the command: the VSP says how its tickets stand, and tells the truth, on every front end that runs.
func answersKnown(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	given, paid := p.witness.given(), p.paid()
	if err := some(paid, "acknowledged tickets"); err != nil {
		return err
	}
	for _, front := range p.vsp.FrontEnds {
		if !front.fit() {
			continue
		}
		if _, err := front.info(ctx); err != nil {
			return err
		}
		for _, ticket := range paid {
			var status vspapi.TicketStatusResponse
			err := p.askKnown(ctx, front, ticket, vspapi.PathTicketStatus, vspapi.TicketStatusRequest{TicketHash: ticket.String()}, &status)
			if err != nil {
				return fmt.Errorf("%s on ticket %s: %w", front.Name(), ticket, err)
			}
			want := promiseOf(given, ticket)
			got := choices{status.VoteChoices, status.TSpendPolicy, status.TreasuryPolicy}
			if !slices.Contains([]string{"received", "broadcast", "confirmed"}, status.FeeTxStatus) ||
				!includes(got.Agendas, want.Agendas) || !includes(got.TSpends, want.TSpends) || !includes(got.Treasury, want.Treasury) {
				return fmt.Errorf("%s on ticket %s: fee %s, choices %v; it has acknowledged %v", front.Name(), ticket, status.FeeTxStatus, got, want)
			}
		}
	}
	return nil
}

// refused is the command: new tickets are refused by every front end that runs, and vspinfo says why.
func refused(ctx context.Context, p *play, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	code, err := number(args[0])
	if err != nil {
		return err
	}
	return p.eachOffered(ctx, func(ctx context.Context, front *FrontEnd, offer vspapi.FeeAddressRequest) error {
		err := p.until(ctx, front.Name()+" to close for want of "+args[1], func(ctx context.Context) (bool, string) {
			info, err := front.info(ctx)
			return err == nil && info.VspClosed && strings.Contains(info.VspClosedMsg, args[1]),
				fmt.Sprintf("closed: %t, %q, error: %v", info.VspClosed, info.VspClosedMsg, err)
		})
		if err != nil {
			return err
		}
		err = p.askOffer(ctx, front, offer)
		var refusal *vspapi.Error
		if !errors.As(err, &refusal) || refusal.Code != vspapi.Code(code) || !strings.Contains(refusal.Message, args[1]) {
			return fmt.Errorf("%s on a new ticket: %w; it must be refused with code %d for %q", front.Name(), err, code, args[1])
		}
		p.say("%s refuses a new ticket: %v", front.Name(), refusal)
		return nil
	})
}

// accepted is the command: new tickets are taken by every front end that runs.
func accepted(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	return p.eachOffered(ctx, func(ctx context.Context, front *FrontEnd, offer vspapi.FeeAddressRequest) error {
		return p.until(ctx, front.Name()+" to take a new ticket", func(ctx context.Context) (bool, string) {
			err := p.askOffer(ctx, front, offer)
			if err != nil {
				_ = pause(ctx, retryPause)
			}
			return err == nil, fmt.Sprint(err)
		})
	})
}

func (p *play) askOffer(ctx context.Context, front *FrontEnd, offer vspapi.FeeAddressRequest) error {
	key, err := p.vsp.key()
	if err != nil {
		return err
	}
	client := &vspapi.Client{URL: front.URL, PubKey: key, HTTP: patient}
	return p.holder.ask(ctx, client, vspapi.PathFeeAddress, offer, &vspapi.FeeAddressResponse{})
}

// eachOffered makes a ticket that nobody knows of for each front end that runs, and lets act offer it there.
func (p *play) eachOffered(ctx context.Context, act func(context.Context, *FrontEnd, vspapi.FeeAddressRequest) error) error {
	if _, err := p.frontEnd(); err != nil {
		return err
	}
	for _, front := range p.vsp.FrontEnds {
		if !front.fit() {
			continue
		}
		offer, err := p.holder.newOffer(ctx)
		if err != nil {
			return err
		}
		if err := act(ctx, front, offer); err != nil {
			return err
		}
	}
	return nil
}

// newOffer makes a ticket that is in no block and in no node, and tells the miner's node of the coins for it.
func (h *holder) newOffer(ctx context.Context) (offer vspapi.FeeAddressRequest, err error) {
	c := h.network.Chain
	err = c.Between(ctx, func(height int64) error {
		price, err := stakePrice(ctx, h.network.Miner.RPC)
		if err != nil {
			return err
		}
		if err := c.purse.scan(ctx, h.network.Miner.RPC, height); err != nil {
			return err
		}
		_, voter, err := h.newKey()
		if err != nil {
			return err
		}
		txs, err := c.purse.tickets(height+1, price, []stdaddr.StakeAddress{voter})
		if err != nil {
			return err
		}
		if err := publish(ctx, h.network.Miner.RPC, txs[0]); err != nil {
			return err
		}
		parent, err := txs[0].Bytes()
		if err != nil {
			return err
		}
		ticket, err := txs[1].Bytes()
		if err != nil {
			return err
		}
		offer = vspapi.FeeAddressRequest{Timestamp: time.Now().Unix(), TicketHash: txs[1].TxHash().String(),
			TicketHex: hex.EncodeToString(ticket), ParentHex: hex.EncodeToString(parent)}
		return nil
	})
	return offer, err
}
