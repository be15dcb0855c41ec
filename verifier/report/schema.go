package report

import _ "embed"

// Schema is what report.json may hold, and what each field of it means: a JSON schema, draft 2020-12.
//
//go:embed schema.json
var Schema string
