// Package comments reads the comments of struct fields out of Go source, for the descriptions of
// package schema. It is used when these are generated, and by the test that finds them out of date.
package comments

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Fields returns the comments of the exported struct fields in the Go packages of the directories, by
// "Type.Field", each on one line. Tests are left out.
func Fields(directories ...string) (map[string]string, error) {
	found := map[string]string{}
	for _, directory := range directories {
		paths, err := filepath.Glob(filepath.Join(directory, "*.go"))
		if err != nil || len(paths) == 0 {
			return nil, fmt.Errorf("read comments: no Go files in %s: %w", directory, fs.ErrNotExist)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return nil, fmt.Errorf("read comments: %w", err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if structure, ok := spec.Type.(*ast.StructType); ok {
						maps.Copy(found, fieldsOf(spec.Name.Name, structure))
					}
				}
				return true
			})
		}
	}
	return found, nil
}

// fieldsOf joins what stands above a field and behind it. A comment of several fields that follow each
// other without one, as "Certificate and Key are …", is each one's.
func fieldsOf(name string, structure *ast.StructType) map[string]string {
	found, shared := map[string]string{}, ""
	for _, field := range structure.Fields.List {
		text := strings.Join(slices.DeleteFunc([]string{field.Doc.Text(), field.Comment.Text()}, func(s string) bool { return s == "" }), " ")
		text = strings.Join(strings.Fields(text), " ")
		for _, ident := range field.Names {
			if text == "" && strings.Contains(shared, " and "+ident.Name+" ") {
				text = shared
			}
			if text != "" && ident.IsExported() {
				found[name+"."+ident.Name] = text
			}
		}
		shared = text
	}
	return found
}
