package corpus

import (
	"embed"
	"io/fs"
	"path"
)

// Files of handmade hold nothing that is to be found. Each was written to look as if.
//
//go:embed handmade
var handmadeFiles embed.FS

// handmade are the documents that nobody generated.
func handmade() []Document {
	names, err := fs.Glob(handmadeFiles, "handmade/*")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var documents []Document
	for _, name := range names {
		body, err := handmadeFiles.ReadFile(name)
		if err != nil {
			panic(err) // part of the program
		}
		documents = append(documents, Document{Name: name, Kind: "handmade/" + path.Base(name), ContentType: contentTypeOf(name), Body: body})
	}
	return documents
}
