package configfile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Difference returns the keys, sorted, whose values differ between two configurations of one struct type, and those of the
// files that keys name whose contents differ.
func Difference(before, after any, beforeFile, afterFile *File) []string {
	a, b := values(before), values(after)
	differ := map[string]bool{}
	for key := range merged(a, b) {
		differ[key] = a[key] != b[key]
	}
	for key := range merged(beforeFile.digests, afterFile.digests) {
		differ[key] = differ[key] || beforeFile.digests[key] != afterFile.digests[key]
	}
	maps.DeleteFunc(differ, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(differ))
}

func merged[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// values returns what every key of a configuration says.
func values(config any) map[string]string {
	into := map[string]string{}
	walk(reflect.ValueOf(config), "", into)
	return into
}

func walk(v reflect.Value, key string, into map[string]string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), key, into)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if name := field.Tag.Get("toml"); name != "" {
				walk(v.Field(i), join(key, name), into)
			} else if field.Anonymous {
				walk(v.Field(i), key, into) // its keys are the struct's own, as the decoder has it
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			into[key] = fmt.Sprintf("%q", v.Interface())
			return
		}
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", key, i), into)
		}
	default:
		into[key] = fmt.Sprint(v.Interface())
	}
}
