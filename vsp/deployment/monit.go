package deployment

import (
	"embed"
	"fmt"
	"net"
	"strings"
	"text/template"
)

//go:embed monit
var monitFiles embed.FS

// File is a file that was rendered from a deployment. It may hold a password: write it with mode 0600.
type File struct {
	Host string // whose it is
	Name string // base name
	Text string
}

// monitParts are the parts of a control file by what a host does, after what every host has.
var monitParts = map[Role][]string{Front: {"node", "front"}, Voting: {"node", "voting"}, Database: {"database"}}

// Monit renders the control file of monit for each host, in the order of the description, which must have no Mistakes. The
// password is that of the mail server's user.
func (d Deployment) Monit(password string) ([]File, error) {
	if d.Monitoring == nil {
		return nil, fmt.Errorf("the description has no [monitoring]")
	}
	if strings.ContainsAny(password, "\"\n") {
		return nil, fmt.Errorf("monit cannot take a mail password with a quotation mark")
	}
	parsed, err := template.New("monit").Option("missingkey=error").
		Funcs(template.FuncMap{"host": host, "port": port}).ParseFS(monitFiles, "monit/*")
	if err != nil {
		return nil, fmt.Errorf("parse monit's templates: %w", err)
	}
	var files []File
	for _, h := range d.Hosts {
		text, err := d.Monitoring.complete().render(parsed, h, password)
		if err != nil {
			return nil, fmt.Errorf("render the control file of %s: %w", h.Name, err)
		}
		files = append(files, File{Host: h.Name, Name: h.Name + ".monitrc", Text: text})
	}
	return files, nil
}

// render renders one host's control file.
func (m Monitoring) render(parsed *template.Template, h Host, password string) (string, error) {
	values := struct {
		Monitoring
		Host               Host
		MailHost, MailPort string
		Password           string
		ReminderCycles     int
	}{m, h, host(m.MailServer), port(m.MailServer), password, max(1, reminder/m.Every)}
	var text strings.Builder
	done := map[string]bool{}
	parts := []string{"base"}
	for _, role := range h.Roles {
		parts = append(parts, monitParts[role]...)
	}
	for _, part := range parts {
		if done[part] {
			continue
		}
		done[part] = true
		if err := parsed.ExecuteTemplate(&text, part, values); err != nil {
			return "", err
		}
		text.WriteString("\n")
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

func host(address string) string {
	host, _, _ := net.SplitHostPort(address) // it has no mistakes
	return host
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
