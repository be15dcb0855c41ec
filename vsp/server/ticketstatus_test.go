package server_test

import (
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

func ticketStatusAsks() []ask {
	path := vspapi.PathTicketStatus
	status := func(r *rig) (fields, vsptest.Holder) { t := r.paid(1); return r.ticketStatus(t), t.Holder }
	return append(anyAct(path, status), byHash(path, status)...)
}
