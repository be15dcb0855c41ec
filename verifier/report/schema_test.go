package report

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
)

func compiledSchema(t testing.TB) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("report.json", doc))
	schema, err := c.Compile("report.json")
	require.NoError(t, err)
	return schema
}

// full is evidence of which every field of a report gets something.
func full(t testing.TB) verifier.Evidence {
	e := evidence(t, time.Minute, "####--?###", 3)
	e.Ledger.Mismatch = &votes.Mismatch{Height: 401}
	e.Drills = []verifier.Drill{{Kind: verifier.WalletsLocked, Count: 3, From: 200, To: 215, Note: "all", Entry: 4}}
	e.Withdrawn = []verifier.Drill{{Kind: verifier.WalletsDown, Count: 1, From: 220, To: 225, Entry: 5}}
	e.Witnesses = []verifier.Witness{{Name: "paris", Key: "vsp.example.org/paris+c74f20a3+ARpc2QcU", Pulls: []verifier.Pull{
		{Number: 8, At: t0, Vantage: "paris", Code: verifier.PullOK, Entries: 9, Root: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="},
		{Number: 9, At: t0, Vantage: "paris", Code: verifier.PullUnreachable, Entries: 9}}}}
	e.Changes = []verifier.PlanChange{{Entry: 7, At: t0.Add(time.Hour), Slots: 2, What: "policy.uptime", Was: "0.99", Now: "0.95"}}
	e.AlertDrills = []verifier.AlertDrill{demonstrated(t0)}
	e.Seen = append(e.Seen, shopped(t0, 1, verifier.OK), shopped(t0, 2, verifier.Declined))
	return e
}

func validate(t require.TestingT, schema *jsonschema.Schema, raw []byte) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	require.NoError(t, err)
	return schema.Validate(doc)
}

func TestReportsFitTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	rapid.Check(t, func(rt *rapid.T) {
		story := rapid.StringMatching(`[#?-]{0,60}`).Draw(rt, "story")
		e := evidence(t, time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds"))*time.Second, story, rapid.IntRange(0, 30).Draw(rt, "missed"))
		e.Target.Name = rapid.String().Draw(rt, "name")
		e.Complete = rapid.Bool().Draw(rt, "complete")
		raw, err := draw(t, e).JSON()
		require.NoError(rt, err)
		require.NoError(rt, validate(rt, schema, raw))
	})
	raw, err := drawWith(t, full(t), somePlaces(t)).JSON()
	require.NoError(t, err)
	require.NoError(t, validate(t, schema, raw))
}

// TestSchemaRefuses takes a report and leaves out, or adds, one field after the other: there is no place where that fits.
func TestSchemaRefuses(t *testing.T) {
	schema := compiledSchema(t)
	raw, err := drawWith(t, full(t), somePlaces(t)).JSON()
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal(raw, &doc))
	tried := 0
	var alter func(any)
	refuses := func(what string) {
		require.Error(t, schema.Validate(doc), "%s", what)
		tried++
	}
	alter = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			v["colour"] = "blue"
			refuses("an unknown field")
			delete(v, "colour")
			for _, key := range slices.Sorted(maps.Keys(v)) {
				was := v[key]
				v[key] = []any{map[string]any{}, "x", 1}
				refuses(key)
				v[key] = was
				alter(was)
			}
		case []any:
			for i := range min(len(v), 2) {
				alter(v[i])
			}
		}
	}
	alter(doc)
	require.Greater(t, tried, 150)
	require.NoError(t, schema.Validate(doc), "it is as it was")
}

// node is a part of the schema, as far as Go's types say anything of it.
type node struct {
	Description string
	Type        any
	Ref         string `json:"$ref"`
	Items       *node
	AnyOf       []*node
	Properties  map[string]*node
	Required    []string
	Additional  any              `json:"additionalProperties"`
	Defs        map[string]*node `json:"$defs"`
}

// TestSchemaIsTheGoTypes: each field of each struct is in the schema, described, with its type, and nothing else is.
func TestSchemaIsTheGoTypes(t *testing.T) {
	var root node
	require.NoError(t, json.Unmarshal([]byte(Schema), &root))
	used := make(map[string]bool)
	var agree func(path string, n *node, typ reflect.Type)
	object := func(path string, n *node, typ reflect.Type) {
		require.Equal(t, false, n.Additional, path)
		fields, required := []string{}, []string{}
		for i := range typ.NumField() {
			field := typ.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			fields = append(fields, name)
			if options == "" {
				required = append(required, name)
			}
			inner := n.Properties[name]
			require.NotNil(t, inner, "%s.%s is not in the schema", path, name)
			require.NotEmpty(t, inner.Description, "%s.%s", path, name)
			agree(path+"."+name, inner, field.Type)
		}
		require.ElementsMatch(t, fields, slices.Collect(maps.Keys(n.Properties)), path)
		require.ElementsMatch(t, required, n.Required, path)
	}
	agree = func(path string, n *node, typ reflect.Type) {
		if name, isRef := strings.CutPrefix(n.Ref, "#/$defs/"); isRef {
			if typ.Kind() == reflect.Pointer { // left out, and not null
				typ = typ.Elem()
			}
			require.Equal(t, typ.Name(), name, path)
			n, used[name] = root.Defs[name], true
			require.NotNil(t, n, path)
			require.NotEmpty(t, n.Description, path)
		}
		switch kind := typ.Kind(); {
		case typ == reflect.TypeFor[time.Time]():
			require.Equal(t, "string", n.Type, path)
		case typ == reflect.TypeFor[verifier.Cite]():
			require.Equal(t, []any{"integer", "string"}, n.Type, path)
		case kind == reflect.Pointer && len(n.AnyOf) == 2:
			require.Equal(t, "null", n.AnyOf[1].Type, path)
			agree(path, n.AnyOf[0], typ.Elem())
		case kind == reflect.Pointer && n.Type != nil && reflect.TypeOf(n.Type).Kind() == reflect.Slice:
			require.Equal(t, []any{jsonType(typ.Elem()), "null"}, n.Type, path)
		case kind == reflect.Pointer: // left out, and not null
			agree(path, n, typ.Elem())
		case kind == reflect.Slice:
			require.Equal(t, "array", n.Type, path)
			agree(path+"[]", n.Items, typ.Elem())
		case kind == reflect.Map:
			require.Equal(t, "object", n.Type, path)
			require.Equal(t, false, n.Additional, path)
		case kind == reflect.Struct:
			require.Equal(t, "object", n.Type, path)
			object(path, n, typ)
		default:
			require.Equal(t, jsonType(typ), n.Type, path)
		}
	}
	agree("report", &root, reflect.TypeFor[Report]())
	require.ElementsMatch(t, slices.Collect(maps.Keys(used)), slices.Collect(maps.Keys(root.Defs)), "nothing in it that no report has")
}

func jsonType(typ reflect.Type) string {
	switch kind := typ.Kind(); {
	case kind == reflect.String:
		return "string"
	case kind == reflect.Bool:
		return "boolean"
	case kind == reflect.Float64:
		return "number"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		return "integer"
	}
	return "unknown: " + typ.String()
}
