package server

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Password is a password of which only the argon2id hash is known.
type Password struct {
	cost cost
	salt []byte
	hash []byte
}

// cost is what one guess at a password takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// usual is the cost that OWASP's password storage cheat sheet asks of argon2id at least: 19 MiB, 2 passes, 1 thread.
var usual = cost{memory: 19 << 10, passes: 2, threads: 1}

// most is what is believed of a hash that somebody else has made: checking it must not take the machine down.
var most = cost{memory: 256 << 10, passes: 10, threads: 16}

const (
	saltSize = 16 // bytes, as RFC 9106 recommends
	hashSize = 32 // bytes
)

// HashPassword returns what ParsePassword reads: a PHC string, which does not tell the password.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	p := Password{usual, salt, usual.hash(password, salt, hashSize)}
	return p.String(), nil
}

// ParsePassword reads a PHC string of argon2id, version 19.
func ParsePassword(phc string) (*Password, error) {
	var p Password
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return nil, errors.New("not an argon2id hash ($argon2id$v=19$m=...,t=...,p=...$salt$hash)")
	}
	if want := fmt.Sprintf("v=%d", argon2.Version); parts[2] != want {
		return nil, fmt.Errorf("argon2id version %q, not %s", parts[2], want)
	}
	c := &p.cost
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return nil, fmt.Errorf("argon2id parameters %q", parts[3])
	}
	if c.passes < 1 || c.threads < 1 || c.memory < 8*uint32(c.threads) ||
		c.memory > most.memory || c.passes > most.passes || c.threads > most.threads {
		return nil, fmt.Errorf("argon2id parameters %q: at most %v, and m at least 8 of each p", parts[3], most)
	}
	var errSalt, errHash error
	p.salt, errSalt = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	p.hash, errHash = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errSalt != nil || errHash != nil || len(p.salt) < 8 || len(p.hash) < 16 || len(p.hash) > 64 {
		return nil, errors.New("salt or hash is not base64 of 8 and 16 to 64 bytes")
	}
	if p.String() != phc {
		return nil, errors.New("not an argon2id hash as it is usually written")
	}
	return &p, nil
}

// Is reports whether this is the password. It takes some 20 ms, and 19 MiB.
func (p *Password) Is(password string) bool {
	return subtle.ConstantTimeCompare(p.cost.hash(password, p.salt, len(p.hash)), p.hash) == 1
}

func (p *Password) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$%v$%s$%s", argon2.Version, p.cost, b64.EncodeToString(p.salt), b64.EncodeToString(p.hash))
}

func (c cost) String() string { return fmt.Sprintf("m=%d,t=%d,p=%d", c.memory, c.passes, c.threads) }

func (c cost) hash(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, uint32(size))
}
