package ranges

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

// Format is what a published file looks like.
type Format string

// The formats that Import reads.
const (
	AWS    Format = "aws"    // https://ip-ranges.amazonaws.com/ip-ranges.json
	Google Format = "google" // https://www.gstatic.com/ipranges/cloud.json
	Azure  Format = "azure"  // ServiceTags_Public_….json of the Microsoft Download Center
	Oracle Format = "oracle" // https://docs.oracle.com/iaas/tools/public_ip_ranges.json
	// CSV is "start,end,country" (ip-location-db, DB-IP Lite) or "network,country,…", to which
	// geofeeds (RFC 8805) belong.
	CSV Format = "csv"
)

// Formats lists what Import reads.
func Formats() []Format { return []Format{AWS, Google, Azure, Oracle, CSV} }

// Kinds of tables: what the labels of a table are.
const (
	KindCloud      = "cloud"      // "provider region"; the region is empty where only the provider is known
	KindPlace      = "place"      // ISO 3166-1 alpha-2 codes of where addresses are
	KindRegistrant = "registrant" // ISO 3166-1 alpha-2 codes of who registered their network
)

// Everywhere is the region of ranges that a provider serves from many places at once.
const Everywhere = "*"

const (
	maxInput    = 512 << 20 // bytes
	maxProblems = 20
)

// Options describe the data where the file does not do so itself.
type Options struct {
	Name        string    // of the data set; default the provider's, required for CSV
	License     string    // SPDX identifier, or where the terms are; default the provider's site
	Attribution string    // to be shown wherever the data is passed on; default names the provider
	Published   time.Time // default the file's own date, which Azure's and CSV files do not have
	Registrant  bool      // CSV: the countries are those of the networks' registrants, not places
}

// Summary says what was converted.
type Summary struct {
	Name      string         `json:"name"`
	Kind      string         `json:"kind"`
	Published time.Time      `json:"published"`
	Rows      int            `json:"rows"`    // networks or ranges in the file
	Skipped   int            `json:"skipped"` // of them, those that say neither region nor country
	Ranges    int            `json:"ranges"`  // in the table
	Labels    map[string]int `json:"labels"`  // rows by country, or by "provider region"
	Bytes     int            `json:"bytes"`   // of the table
	Checksum  string         `json:"sha256"`  // of the table, lower-case hexadecimal
}

// Problem is one mistake in a file.
type Problem struct {
	Line    int // from 1; 0 when it is about the file as a whole
	Message string
}

// Problems are the mistakes in a file, at most 20 of them, in their order.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Message
		if problem.Line > 0 {
			lines[i] = fmt.Sprintf("line %d: %s", problem.Line, problem.Message)
		}
	}
	return strings.Join(lines, "\n")
}

// Import reads a published file and writes it to out as a range table. The error is a Problems when
// the file is at fault; out has then seen nothing.
func Import(ctx context.Context, format Format, in io.Reader, out io.Writer, options Options) (Summary, error) {
	content, err := io.ReadAll(io.LimitReader(contextReader{ctx, in}, maxInput+1))
	if err != nil {
		return Summary{}, fmt.Errorf("read ranges: %w", err)
	}
	if len(content) > maxInput {
		return Summary{}, fmt.Errorf("read ranges: larger than %d MiB", maxInput>>20)
	}
	list, err := parse(ctx, format, content)
	if err != nil {
		return Summary{}, err
	}
	header, err := describe(format, list, options)
	if err != nil {
		return Summary{}, err
	}
	builder, err := list.flatten(ctx)
	if err != nil {
		return Summary{}, err
	}
	encoded, err := builder.Encode(header)
	if err != nil {
		return Summary{}, err
	}
	table, err := rangetable.Decode(encoded)
	if err != nil {
		return Summary{}, fmt.Errorf("check the table: %w", err)
	}
	sum := sha256.Sum256(encoded)
	ipv4, ipv6 := table.Len()
	summary := Summary{
		Name: header.Name, Kind: header.Kind, Published: table.Published, Rows: len(list.rows) + list.skipped, Skipped: list.skipped,
		Ranges: ipv4 + ipv6, Labels: map[string]int{}, Bytes: len(encoded), Checksum: hex.EncodeToString(sum[:]),
	}
	for _, r := range list.rows {
		summary.Labels[r.label]++
	}
	if _, err := out.Write(encoded); err != nil {
		return Summary{}, fmt.Errorf("write ranges: %w", err)
	}
	return summary, nil
}

func parse(ctx context.Context, format Format, content []byte) (*list, error) {
	list := &list{}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")) // Microsoft's files may begin with it
	switch format {
	case AWS:
		list.readAWS(content)
	case Google:
		list.readGoogle(content)
	case Azure:
		list.readAzure(content)
	case Oracle:
		list.readOracle(content)
	case CSV:
		list.readCSV(ctx, content)
	default:
		return nil, fmt.Errorf("format %q: expected one of %v", format, Formats())
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read ranges: %w", err)
	}
	if len(list.problems) == 0 && len(list.rows) == 0 {
		list.problem(0, "it holds no range with a region or a country (%d without)", list.skipped)
	}
	if len(list.problems) > 0 {
		return nil, list.problems
	}
	return list, nil
}

// publishers are the defaults of a format's header.
var publishers = map[Format]rangetable.Header{
	AWS: {Name: "aws-ip-ranges", License: "https://aws.amazon.com/terms/",
		Attribution: "Published by Amazon Web Services, https://ip-ranges.amazonaws.com/ip-ranges.json"},
	Google: {Name: "google-cloud-ranges", License: "https://policies.google.com/terms",
		Attribution: "Published by Google, https://www.gstatic.com/ipranges/cloud.json"},
	Azure: {Name: "azure-service-tags", License: "https://www.microsoft.com/legal/terms-of-use",
		Attribution: "Published by Microsoft, https://www.microsoft.com/download/details.aspx?id=56519"},
	Oracle: {Name: "oracle-ip-ranges", License: "https://www.oracle.com/legal/terms/",
		Attribution: "Published by Oracle, https://docs.oracle.com/iaas/tools/public_ip_ranges.json"},
}

// describe makes the header from what the options, the file and the format say, in this order.
func describe(format Format, list *list, options Options) (rangetable.Header, error) {
	header := publishers[format]
	header.Kind, header.Published = KindCloud, list.published
	if format == CSV {
		header.Kind = KindPlace
	}
	if options.Registrant {
		if format != CSV {
			return header, fmt.Errorf("format %s tells regions, not registrants", format)
		}
		header.Kind = KindRegistrant
	}
	for _, field := range []struct {
		to   *string
		from string
	}{{&header.Name, options.Name}, {&header.License, options.License}, {&header.Attribution, options.Attribution}} {
		if field.from != "" {
			*field.to = field.from
		}
	}
	if !options.Published.IsZero() {
		header.Published = options.Published
	}
	if header.Name == "" {
		return header, errors.New("the data set has no name: the format does not tell one")
	}
	if header.Published.IsZero() {
		return header, errors.New("the data set has no publication date: the file does not tell one")
	}
	return header, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	in  io.Reader
}

func (r contextReader) Read(into []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(into)
}

// lines counts lines up to ascending offsets.
type lines struct {
	content      []byte
	offset, line int
}

// at returns the line, from 1, of the offset, or of the next thing after it that is no white space.
func (l *lines) at(offset int) int {
	for offset < len(l.content) && slices.Contains([]byte(" \t\r\n,:"), l.content[offset]) {
		offset++
	}
	if offset < l.offset {
		l.offset, l.line = 0, 0
	}
	l.line += bytes.Count(l.content[l.offset:offset], []byte{'\n'})
	l.offset = offset
	return l.line + 1
}
