package postfixtest

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// digits are those of a long queue name, which leave out vowels so that no words come of it (postfix, mail_queue.h).
const digits = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"

// microsecondDigits is how many digits at the end of a name's time are microseconds; all before them are seconds.
const microsecondDigits = 4

var received = regexp.MustCompile(`(?m)^\s+by relay\.example\.org \(Postfix\) with E?SMTPS? id (\w+)`)

// Queued returns the name under which a mail was in the queue, and when it was given, to the microsecond. Mails of one
// sender that were given one after the other have times that differ.
func Queued(mail string) (name string, at time.Time, err error) {
	match := received.FindStringSubmatch(mail)
	if match == nil {
		return "", at, fmt.Errorf("no line of postfix in its header: %.600s", mail)
	}
	name = match[1]
	end := strings.LastIndexByte(name, 'z') // which is no digit of what follows
	if end <= microsecondDigits {
		return "", at, fmt.Errorf("%s is no long queue name", name)
	}
	stamp := name[:end]
	return name, time.Unix(number(stamp[:len(stamp)-microsecondDigits]), number(stamp[len(stamp)-microsecondDigits:])*1000), nil
}

func number(text string) (n int64) {
	for _, digit := range text {
		n = n*int64(len(digits)) + int64(strings.IndexRune(digits, digit))
	}
	return n
}
