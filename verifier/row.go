package verifier

// Row is one requirement of the programme. The identifiers are stable.
type Row struct {
	ID          string
	Requirement string
}

// Rows is every requirement, in the programme's order. A report shows all of them, whatever was examined.
var Rows = [...]Row{
	{"OP-1", "operators can be reached and answer in English"},
	{"OP-2", "operated by a pair or a larger group"},
	{"OP-3", "binaries are kept up to date"},
	{"PL-1", "at least one machine for the web front end"},
	{"PL-2", "at least three machines with voting wallets"},
	{"PL-3", "each voting wallet has its own dedicated node"},
	{"PL-4", "the machines are in three or more physical places"},
	{"PL-5", "voting wallets are in three or more separate places"},
	{"PL-6", "the front end's IP differs from every voting wallet's"},
	{"PL-7", "no voting wallet on the front end"},
	{"PL-8", "binaries were compiled from source"},
	{"SV-1", "web server: TLS, limits"},
	{"SV-2", "database private, least privilege, backed up"},
	{"SV-3", "ssh: keys only, no root login"},
	{"SV-4", "wallet RPC is reachable only through the private link"},
	{"SV-5", "off-site backups that restore"},
	{"SV-6", "process monitoring is in place and valid"},
	{"TR-1", "one week on testnet: uptime"},
	{"TR-2", "one week on testnet: votes made against missed"},
	{"TR-3", "at least one wallet is ready to vote at any time"},
	{"TR-4", "votes carry the choices the holder set"},
	{"TR-5", "the VSP tells the truth about itself"},
	{"AL-1", "alerts reach the address the reviewer names"},
	{"AL-2", "recovery is told, and silence holds while healthy"},
	{"AL-3", "the demonstration is temporary"},
	{"LA-1", "mainnet, test mode: no public access"},
	{"LA-2", "one own ticket voted on mainnet through this VSP"},
	{"LA-3", "opened to the public only after all gates"},
	{"LA-4", "listed in the wallet's feed"},
}
