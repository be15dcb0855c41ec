// Package vspd brings what decred/vspd keeps over to a VSP of ours, so that its clients notice nothing.
//
// Open reads a database of vspd: its live file while vspd is stopped, or a backup at any time. The file is never written
// to. Look goes through all of it and says what is in it, and Import puts it into a vsp.Store: what was promised to
// holders, their votes, the extended public keys with the last fee address given of each. Import may be cut short and
// carried out again, also with a later copy of the database: nothing is doubled, and what the Store knows better stays.
// The server's signing key, which clients know a VSP by, is handed over as it is; where to put it is left to the caller.
//
// The layout is that of vspd 1.1 to 1.5, versions 3 to 5 of its database. What vspd itself could not read is refused.
// Everything else is taken, for a ticket that is left out does not vote; where something of it was taken otherwise than
// vspd wrote it, a Note says so:
//
//   - The outcome "revoked" of old releases is no outcome here: the scan of the chain finds out whether it was missed or
//     expired.
//   - A confirmed ticket without the height of its purchase is not confirmed here yet: the service asks the node.
//   - Bytes behind a fee transaction are dropped. A fee that is under way without its transaction is an error: its holder's
//     wallet pays it anew, unless it is found in a block.
//   - Policies are kept under keys in lower case. Of two spellings the one in lower case counts, as it does in requests.
//     The options "" and "invalid" are kept: wallets abstain with them.
//   - A choice on an agenda that can no longer be voted on is dropped, unless the ticket's vote is over.
//   - A request with bytes behind its message is kept as the proof it is. In vspd its ticket could not change its choices
//     any more; here it can.
//   - The timestamp that later requests for choices must exceed is held to a day behind the answer, as in the service: one
//     from the far future had made the choices final.
package vspd
