package summary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

const browser = "/usr/bin/chromium"

// TestBrowserShowsTheNumbersOfTheReport loads the page in a real browser, and compares what its tables
// say with the report as JSON. With BORDERFLOW_SCREENSHOTS, a directory, pictures of it are left there.
func TestBrowserShowsTheNumbersOfTheReport(t *testing.T) {
	if _, err := os.Stat(browser); err != nil {
		t.Skipf("no browser: %v (Debian's package chromium)", err)
	}
	report := build(t, writeLog(t, 2000, 30), Options{Rows: 40})
	for _, language := range []Language{English, Chinese} {
		t.Run(string(language), func(t *testing.T) {
			directory := t.TempDir()
			file := filepath.Join(directory, "report.html")
			var page, text bytes.Buffer
			if err := report.WriteHTML(&page, language); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := report.WriteJSON(&text, language); err != nil {
				t.Fatal(err)
			}
			compareWithJSON(t, browse(t, directory, "--dump-dom", "file://"+file), text.Bytes(), language.words())

			pictures := os.Getenv("BORDERFLOW_SCREENSHOTS")
			if pictures == "" {
				pictures = directory
			}
			picture := filepath.Join(pictures, "report."+string(language)+".png")
			browse(t, directory, "--window-size=1280,3200", "--hide-scrollbars", "--screenshot="+picture, "file://"+file)
			seen := colours(t, picture)
			if len(seen) < 20 {
				t.Errorf("the picture has %d colours: nothing is drawn", len(seen))
			}
			for name, colour := range map[string][3]uint8{"allowed": {0x2f, 0x7d, 0x4f}, "blocked": {0xb3, 0x26, 0x1e}, "bars": {0x2b, 0x6c, 0xb0}} {
				if !seen[colour] {
					t.Errorf("the charts show no %s", name)
				}
			}
		})
	}
}

// browse runs the browser once and returns what it prints. It says nothing of errors in the page.
func browse(t *testing.T, directory string, arguments ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	arguments = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr", "--user-data-dir=" + filepath.Join(directory, "profile")}, arguments...)
	command := exec.CommandContext(ctx, browser, arguments...)
	command.Env = append(os.Environ(), "HOME="+directory)
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	if err := command.Run(); err != nil {
		t.Fatalf("%v: %s", err, errors.String())
	}
	for line := range strings.Lines(errors.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the page has an error: %s", line)
		}
	}
	return out.Bytes()
}

// compareWithJSON holds each cell of each table that the browser has to the report as JSON.
func compareWithJSON(t *testing.T, dom, text []byte, words words) {
	t.Helper()
	var want struct {
		Tables []struct {
			Name   string
			Flows  int64
			Rows   []map[string]any
			Others *struct{ Sum map[string]any }
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&want); err != nil {
		t.Fatal(err)
	}
	document, err := html.Parse(bytes.NewReader(dom))
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string][][]string)
	charts, heading := 0, ""
	for node := range document.Descendants() {
		switch name := attribute(node, "data-table"); {
		case node.Data == "h1":
			heading = content(node)
		case attribute(node, "role") == "img":
			charts++
		case name != "":
			for row := range node.Descendants() {
				if row.Type == html.ElementNode && row.Data == "tr" {
					shown[name] = append(shown[name], cellsOf(row))
				}
			}
		}
	}
	if heading != words["title"] || charts != 4 {
		t.Errorf("the page is %q with %d charts", heading, charts)
	}
	compared := 0
	for _, table := range want.Tables {
		rows := table.Rows
		if table.Others != nil {
			rows = append(rows, table.Others.Sum)
		}
		got := shown[table.Name]
		if len(rows) == 0 || len(got) != len(rows)+1 {
			t.Errorf("table %s has %d rows in JSON and, with its heading, %d in the browser", table.Name, len(rows), len(got))
			continue
		}
		columns := planOf(table.Name)
		for i, row := range rows {
			for j, column := range columns {
				value, found := row[column]
				if column == "category" && value == "" {
					column, value = "read", row["read"] // shown in its place
				}
				if !found {
					continue // what the row of the others is not counted by
				}
				compared++
				if want := asShown(words, column, value); got[i+1][j] != want {
					t.Errorf("table %s, row %d, %s: %q in the browser, %q in JSON", table.Name, i+1, column, got[i+1][j], want)
				}
			}
			if last := got[i+1][len(columns)]; row["query"] != nil && !strings.Contains(last, row["query"].(string)) {
				t.Errorf("table %s, row %d: the query is not shown", table.Name, i+1)
			}
		}
	}
	if compared < 1000 {
		t.Errorf("only %d cells were compared", compared)
	}
}

func planOf(name string) (columns []string) {
	for _, p := range plans {
		if p.name == name {
			for _, by := range p.by {
				if by != "read" {
					columns = append(columns, by)
				}
			}
			for _, m := range p.measures {
				columns = append(columns, string(m))
			}
		}
	}
	return columns
}

// asShown spells a value of JSON as the page does, on its own: not by the code that makes the page.
func asShown(words words, column string, value any) string {
	switch value := value.(type) {
	case json.Number:
		if column == "share" {
			share, _ := value.Float64()
			return fmt.Sprintf("%.2f %%", share)
		}
		digits := string(value)
		for at := len(digits) - 3; at > 0; at -= 3 {
			digits = digits[:at] + "\u202f" + digits[at:]
		}
		return digits
	case string:
		if column == "first" || column == "last" {
			moment, err := time.Parse(time.RFC3339, value)
			if err == nil {
				return moment.Format("2006-01-02\n15:04:05")
			}
		}
		return words.value(column, value)
	}
	return fmt.Sprint(value)
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func content(node *html.Node) string {
	var b strings.Builder
	for child := range node.Descendants() {
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
		}
	}
	return b.String()
}

func cellsOf(row *html.Node) (cells []string) {
	for cell := range row.ChildNodes() {
		if cell.Type == html.ElementNode {
			cells = append(cells, content(cell))
		}
	}
	return cells
}

func colours(t *testing.T, path string) map[[3]uint8]bool {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[[3]uint8]bool)
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			seen[[3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}] = true
		}
	}
	return seen
}
