package verifier

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/decred/dcrd/dcrutil/v4"

	"scrutineer/vsp/vspapi"
)

// Steps of a mystery shopper's registration, in their order. Before what cannot be taken back comes an entry that says so,
// with all that is needed to go on after a death: StepBuy before the ticket is published, StepFee before the transaction
// that pays for it is handed over, StepChoose before choices are sent.
const (
	StepWait   = "wait"           // why no ticket is bought now, or none can be
	StepBuy    = "buy"            // a ticket is signed, and about to be published
	StepOffer  = "feeaddress"     // what the VSP asks for
	StepFee    = "fee"            // what pays it is signed, and about to be handed over
	StepPay    = "payfee"         // handed over, with the voting key
	StepStatus = "ticketstatus"   // where the ticket stands
	StepChoose = "choose"         // other choices are about to be sent
	StepChange = "setvotechoices" // sent
	StepEnd    = "end"            // nothing more is done about a ticket, before all was done
	StepSpend  = "tspend"         // a treasury spend that can be voted on, and whose it is
)

// Errand is what a mystery shopper did in one step. It never holds a voting key, nor what does.
type Errand struct {
	Step   string `json:"step"`
	Ticket Hash   `json:"ticket"` // of StepSpend the treasury spend

	Parent   string   `json:"parent,omitempty"`    // of StepBuy: the transaction with the coin for it, hex
	Tx       string   `json:"tx,omitempty"`        // of StepBuy: the ticket; of StepFee: what pays; hex
	Quote    *Quote   `json:"quote,omitempty"`     // of StepOffer
	FeeBlock int64    `json:"fee_block,omitempty"` // of StepStatus: the block of the chain that the fee is in, 0 if in none
	Choices  *Choices `json:"choices,omitempty"`   // of StepPay and StepChoose: what was asked for
	Key      string   `json:"key,omitempty"`       // of StepSpend: the treasury key that signed it, hex
}

// Choices is how a ticket is to vote, as the protocol has it.
type Choices struct {
	Agendas  map[string]string `json:"votechoices"`
	TSpends  map[string]string `json:"tspendpolicy"`
	Treasury map[string]string `json:"treasurypolicy"`
}

// over returns the choices with later ones laid over them.
func (c Choices) over(later Choices) Choices {
	laid := func(under, over map[string]string) map[string]string {
		all := make(map[string]string, len(under)+len(over))
		maps.Copy(all, under)
		maps.Copy(all, over)
		return all
	}
	return Choices{laid(c.Agendas, later.Agendas), laid(c.TSpends, later.TSpends), laid(c.Treasury, later.Treasury)}
}

// has reports whether the choices are as others ask for, and maybe more.
func (c Choices) has(wanted Choices) bool {
	within := func(all, some map[string]string) bool {
		for key, value := range some {
			if orAbstain(all[key]) != orAbstain(value) {
				return false
			}
		}
		return true
	}
	return within(c.Agendas, wanted.Agendas) && within(c.TSpends, wanted.TSpends) && within(c.Treasury, wanted.Treasury)
}

// Quote is the most that a VSP may ask for a ticket, in atoms, by its percentage and the block that gives the most of those
// that it may have taken for the tip.
type Quote struct {
	Percent    float64        `json:"percent"`
	Height     int64          `json:"height"`
	Difficulty dcrutil.Amount `json:"difficulty"` // what a ticket costs in that block
	Most       dcrutil.Amount `json:"most"`
}

// answer decodes what the VSP answered in an exchange, if it proves itself: its signature is right, and it is to this
// request.
func (x *Exchange) answer(key ed25519.PublicKey, into any) error {
	if x == nil {
		return errors.New("there is no answer")
	}
	if err := vspapi.Verify(key, x.Answer, x.ServerSignature); err != nil {
		return err
	}
	var echo struct {
		Request []byte `json:"request"`
	}
	if err := json.Unmarshal(x.Answer, &echo); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	if string(echo.Request) != string(x.Request) {
		return errors.New("the answer is to another request")
	}
	if err := json.Unmarshal(x.Answer, into); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// refusal returns what the VSP refused with, signed, and whether it did.
func (o Observation) refusal(key ed25519.PublicKey) (vspapi.Code, bool) {
	var e vspapi.Error
	if o.Raw == nil || vspapi.Verify(key, o.Raw.Body, o.Raw.Signature) != nil || json.Unmarshal(o.Raw.Body, &e) != nil {
		return 0, false
	}
	return e.Code, true
}
