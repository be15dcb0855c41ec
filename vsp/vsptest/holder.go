package vsptest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp"
)

// Holder is somebody who has tickets, with one key to sign requests and one that votes.
type Holder struct {
	params              *chaincfg.Params
	signing, votingPriv *secp256k1.PrivateKey
}

// NewHolder returns a holder; the same for the same number.
func NewHolder(params *chaincfg.Params, number uint32) Holder {
	return Holder{params, privateKey("signing", number), privateKey("voting", number)}
}

func privateKey(use string, number uint32) *secp256k1.PrivateKey {
	seed := binary.LittleEndian.AppendUint32([]byte(use), number)
	return secp256k1.PrivKeyFromBytes(chainhash.HashB(seed))
}

func (h Holder) address(key *secp256k1.PrivateKey) *stdaddr.AddressPubKeyHashEcdsaSecp256k1V0 {
	hash := dcrutil.Hash160(key.PubKey().SerializeCompressed())
	return must(stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(hash, h.params))
}

// Commitment returns the address that signs requests.
func (h Holder) Commitment() *stdaddr.AddressPubKeyHashEcdsaSecp256k1V0 { return h.address(h.signing) }

func (h Holder) voting() *stdaddr.AddressPubKeyHashEcdsaSecp256k1V0 { return h.address(h.votingPriv) }

// VotingKey returns the key that votes, as WIF.
func (h Holder) VotingKey() string {
	return must(dcrutil.NewWIF(h.votingPriv.Serialize(), h.params.PrivateKeyID, dcrec.STEcdsaSecp256k1)).String()
}

// Signature returns the signature that goes with a body, as a wallet's signmessage makes it.
func (h Holder) Signature(body []byte) string {
	var message bytes.Buffer
	for _, part := range []string{"Decred Signed Message:\n", string(body)} {
		if err := wire.WriteVarString(&message, 0, part); err != nil {
			panic(err)
		}
	}
	return base64.StdEncoding.EncodeToString(ecdsa.SignCompact(h.signing, chainhash.HashB(message.Bytes()), true))
}

// Request returns a message as its holder signs it.
func (h Holder) Request(message any) vsp.Request {
	body := must(json.Marshal(message))
	return vsp.NewRequest(body, h.Signature(body))
}

// XPub returns an extended public key to pay fees to; the same for every test.
func XPub(params *chaincfg.Params) string {
	seed := bytes.Repeat([]byte{7}, hdkeychain.RecommendedSeedLen)
	return must(hdkeychain.NewMaster(seed, params)).Neuter().String()
}
