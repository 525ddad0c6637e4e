// Package ranges reads the lists of address ranges that others publish (the clouds' own files with
// regions, tables of countries, geofeeds) and writes them as one compact range table, so that users
// refresh what borderflow knows without borderflow.
//
// Three ideas make it work. A published file is read strictly: every mistake is reported with its
// line, up to 20 of them, and a file with any is not converted. The most specific of nested ranges
// counts; what the same range is said to be twice, in different ways, is not known. And the result
// depends on nothing but the input and the options: the same file makes the same bytes.
//
//	summary, err := ranges.Import(ctx, ranges.AWS, file, out, ranges.Options{})
//
// It leaves the meaning of regions to package jurisdiction, which reads the table when it is named
// under jurisdiction.databases, and fetching the files to the user.
package ranges
