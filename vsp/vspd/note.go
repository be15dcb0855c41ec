package vspd

// Note says that something was not taken as vspd has it.
type Note struct {
	About   string `json:"about"`            // the ticket, or what else it is
	What    string `json:"what"`             // what is the matter: the same text in every note of the kind
	Detail  string `json:"detail,omitempty"` // more of it; never a secret
	Refused bool   `json:"refused"`          // nothing was taken of what the note is about
}

// doubt is a Note before it is known what it is about.
type doubt struct{ what, detail string }

// Tally counts one kind of record.
type Tally struct {
	Read    int `json:"read"`    // in vspd's database
	Taken   int `json:"taken"`   // were not here
	Updated int `json:"updated"` // were here, older
	There   int `json:"there"`   // were here, and are as they should be
	Refused int `json:"refused"`
}

func (t *Tally) add(u Tally) {
	t.Read += u.Read
	t.Taken += u.Taken
	t.Updated += u.Updated
	t.There += u.There
	t.Refused += u.Refused
}
