package corpus

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// cleanDocument holds nothing that is to be found, and much that looks as if.
func cleanDocument(s *source, turn int) Document {
	makers := cleanMakers()
	m := makers[turn%len(makers)]
	return Document{Kind: "clean/" + m.kind, ContentType: m.contentType, Body: []byte(m.make(s))}
}

type cleanMaker struct {
	kind, contentType string
	make              func(*source) string
}

// repeated joins n things of a kind.
func repeated(n int, separator string, each func(i int) string) string {
	out := each(0)
	for i := 1; i < n; i++ {
		out += separator + each(i)
	}
	return out
}

func cleanMakers() []cleanMaker {
	hexed := func(s *source, n int) string { return hex.EncodeToString(s.bytes(n)) }
	based := func(s *source, n int) string { return base64.StdEncoding.EncodeToString(s.bytes(n)) }
	const json, text = "application/json", "text/plain"
	return []cleanMaker{
		{"digests", json, func(s *source) string {
			return `{"files": [` + repeated(20, ", ", func(int) string {
				return `{"path": "a/` + hexed(s, 4) + `", "sha256": "` + hexed(s, 32) + `", "md5": "` + hexed(s, 16) + `", "crc32": ` + s.digits(9) + `, "size": ` + s.digits(7) + `}`
			}) + `]}`
		}},
		{"base64", json, func(s *source) string {
			return `{"name": "chunk.bin", "data": "` + based(s, s.from(200, 3000)) + `", "etag": "\"` + hexed(s, 16) + `\""}`
		}},
		{"floats", json, func(s *source) string {
			return `{"loss": [` + repeated(60, ", ", func(int) string { return "0." + s.of(decimals, 16) }) + `], "norms": [` +
				repeated(30, ",", func(int) string { return s.digits(s.from(1, 16)) + "." + s.of(decimals, s.from(1, 12)) }) + `]}`
		}},
		{"times", json, func(s *source) string {
			at := 1_700_000_000 + s.IntN(80_000_000)
			return `{"events": [` + repeated(25, ", ", func(int) string {
				at += s.IntN(4000)
				return fmt.Sprintf(`{"ts": %d, "ms": %d, "time_us": %d, "nanos": %d, "iso": "2026-03-%02dT10:%02d:%02d.123456789Z"}`, at, at*1000+s.IntN(1000),
					at*1_000_000+s.IntN(1e6), at*1_000_000_000+s.IntN(1e9), s.from(1, 28), s.IntN(60), s.IntN(60))
			}) + `]}`
		}},
		{"orders", json, func(s *source) string {
			return `{"orders": [` + repeated(25, ", ", func(int) string {
				return `{"order_number": "` + s.digits(10) + `", "invoice": "INV-` + s.digits(8) + `", "tracking_number": "1Z` + s.of(capitals+decimals, 16) + `", "parcel": "` + s.digits(12) +
					`", "sku": "` + s.of(capitals, 3) + "-" + s.digits(5) + `", "ean": "` + s.digits(13) + `", "total": "` + s.digits(3) + `.90"}`
			}) + `]}`
		}},
		{"columns", "text/csv", func(s *source) string {
			return "id,reference,batch,quantity,checksum\n" + repeated(60, "\n", func(i int) string {
				return strconv.Itoa(100000+i) + "," + s.digits(11) + "," + s.digits(9) + "," + s.digits(2) + "," + s.digits(10)
			}) + "\n"
		}},
		{"sensors", "text/csv", func(s *source) string {
			return "timestamp,sensor_id,temperature,pressure,counter\n" + repeated(80, "\n", func(i int) string {
				return strconv.Itoa(1_750_000_000+i*60) + "," + s.digits(6) + "," + s.digits(2) + "." + s.of(decimals, 3) + "," + s.digits(6) + "." + s.of(decimals, 2) + "," + s.digits(15)
			}) + "\n"
		}},
		{"prices", "text/csv", func(s *source) string {
			return "Date,Open,High,Low,Close,Volume\n" + repeated(60, "\n", func(i int) string {
				return "2026-01-" + two(1+i%28) + "," + repeated(4, ",", func(int) string { return s.digits(3) + "." + s.of(decimals, 6) }) + "," + s.digits(9)
			}) + "\n"
		}},
		{"identifiers", json, func(s *source) string {
			return `{"ids": [` + repeated(30, ", ", func(int) string {
				return `"` + s.uuid() + `", "01` + s.of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24) + `", "` + hexed(s, 12) + `", ` + s.digits(18)
			}) + `], "next_page_token": "` + based(s, 24) + `"}`
		}},
		{"presigned", json, func(s *source) string {
			return `{"upload": "https://bucket.s3.eu-central-1.amazonaws.com/key/` + s.uuid() + `?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA` + s.of(capitals+"234567", 16) +
				`%2F20260301%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Date=20260301T101112Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=` + hexed(s, 32) +
				`", "blob": "https://store.blob.core.windows.net/c/f?sv=2024-11-04&se=2026-03-02T00%3A00%3A00Z&sr=b&sp=r&sig=` + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(based(s, 32)) +
				`", "gcs": "https://storage.googleapis.com/b/o?GoogleAccessId=svc%40p.iam.gserviceaccount.com&Expires=` + s.digits(10) + `&Signature=` + hexed(s, 64) + `"}`
		}},
		{"lock file", json, func(s *source) string {
			return `{"lockfileVersion": 3, "packages": {` + repeated(25, ", ", func(int) string {
				return `"node_modules/@` + s.one("types|babel|angular|vue|aws-sdk") + `/` + s.one("core|node|parser|client") + s.digits(2) + `": {"version": "` + s.digits(2) + "." + s.digits(2) + "." + s.digits(3) +
					`", "resolved": "https://registry.npmjs.org/@types/node/-/node-20.1.` + s.digits(1) + `.tgz", "integrity": "sha512-` + based(s, 64) + `"}`
			}) + `}}`
		}},
		{"go.sum", text, func(s *source) string {
			return repeated(30, "\n", func(int) string {
				return "github.com/org/mod" + s.digits(2) + " v0.0.0-2026" + two(s.from(1, 12)) + two(s.from(1, 28)) + s.of(decimals, 6) + "-" + hexed(s, 6) + " h1:" + based(s, 32)
			}) + "\n"
		}},
		{"git log", text, func(s *source) string {
			return repeated(15, "\n", func(int) string {
				return "commit " + hexed(s, 20) + "\nDate:   Mon Mar 2 10:11:12 2026 +0100\n\n    Merge pull request #" + s.digits(4) + " from org/fix-" + s.digits(4) + "\n"
			})
		}},
		{"script", "application/javascript", func(s *source) string {
			return `!function(e,t){"use strict";` + repeated(40, "", func(int) string {
				return "var " + s.of("abcdefgh", 1) + "=" + s.digits(s.from(1, 10)) + "," + s.of("ijklm", 1) + "=\"" + hexed(s, 8) + "\";" + s.of("abc", 1) + "." + s.of("xyz", 1) + "(0x" + hexed(s, 4) + "," + s.digits(9) + ");"
			}) + "}(window,1e3);"
		}},
		{"style", "text/css", func(s *source) string {
			return repeated(40, "", func(int) string {
				return ".c" + s.digits(3) + "{width:" + s.digits(2) + "." + s.of(decimals, 6) + "px;margin:-." + s.of(decimals, 4) + "em;color:#" + hexed(s, 3) + ";background:url(icon@2x.png)}"
			})
		}},
		{"drawing", "image/svg+xml", func(s *source) string {
			return `<svg xmlns="http://www.w3.org/2000/svg"><path d="M` + repeated(80, "", func(int) string {
				return s.digits(2) + "." + s.of(decimals, 2) + "," + s.digits(2) + "." + s.of(decimals, 3) + s.of("LCHVSz ", 1)
			}) + `"/></svg>`
		}},
		{"metrics", text, func(s *source) string {
			return "# HELP http_requests_total The total.\n# TYPE http_requests_total counter\n" + repeated(30, "\n", func(int) string {
				return `http_requests_total{code="200",pod="web-` + hexed(s, 5) + `-` + s.of("bcdfghjklmnpqrstvwxz", 5) + `",instance="10.0.` + s.digits(2) + "." + s.digits(2) + `:9090"} ` + s.digits(s.from(3, 14)) + " " + s.digits(13)
			}) + "\n"
		}},
		{"trace", text, func(s *source) string {
			return "Exception in thread \"main\" java.lang.IllegalStateException: order " + s.digits(9) + "\n" + repeated(20, "\n", func(int) string {
				return "\tat com.example.app.Handler" + s.digits(3) + ".run(Handler.java:" + s.digits(3) + ") ~[app-1." + s.digits(2) + "." + s.digits(2) + ".jar:?] trace_id=" + hexed(s, 16) + " span=" + hexed(s, 8)
			})
		}},
		{"protobuf text", text, func(s *source) string {
			return repeated(20, "\n", func(int) string {
				return "entry { key: " + s.digits(9) + " hash: 0x" + hexed(s, 8) + " shard { index: " + s.digits(2) + " offset: " + s.digits(12) + " } }"
			})
		}},
		{"hex dump", text, func(s *source) string {
			return repeated(30, "\n", func(i int) string {
				return fmt.Sprintf("%08x  % x  |................|", i*16, s.bytes(16))
			})
		}},
		{"tokens of a model", json, func(s *source) string {
			return `{"model": "text", "usage": {"prompt_tokens": ` + s.digits(4) + `, "total_tokens": ` + s.digits(4) + `}, "embedding": [` + repeated(200, ", ", func(int) string {
				return s.one("-|") + "0.0" + s.of(decimals, 8)
			}) + `], "token_ids": [` + repeated(60, ",", func(int) string { return s.digits(5) }) + `]}`
		}},
		{"barcodes", json, func(s *source) string {
			return `[` + repeated(25, ",", func(int) string {
				body := "978" + s.of(decimals, 9)
				check := (10 - products(body, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10) % 10
				return `{"isbn": "` + body + strconv.Itoa(check) + `", "gtin": "` + s.digits(14) + `", "upc": "` + s.digits(12) + `", "part_no": "` + s.digits(3) + "-" + s.digits(4) + "-" + s.digits(4) + `"}`
			}) + `]`
		}},
		{"nested log", json, func(s *source) string {
			return repeated(20, "\n", func(int) string {
				return `{"level":"info","ts":` + s.digits(10) + "." + s.of(decimals, 6) + `,"caller":"server/http.go:` + s.digits(3) + `","msg":"done","trace_id":"` + hexed(s, 16) + `","span_id":"` + hexed(s, 8) +
					`","duration_ns":` + s.digits(9) + `,"bytes":` + s.digits(8) + `,"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:` + s.digits(3) + `.0) Gecko/20100101"}`
			})
		}},
		{"spreadsheet of parts", "text/tab-separated-values", func(s *source) string {
			return "Part\tDrawing\tRevision\tWeight\tSupplier code\n" + repeated(40, "\n", func(int) string {
				return s.digits(4) + "-" + s.digits(3) + "-" + s.digits(4) + "\tDWG-" + s.digits(6) + "\t" + s.of(capitals, 1) + "\t0." + s.of(decimals, 3) + "\t" + s.of(capitals, 2) + s.digits(6)
			}) + "\n"
		}},
		{"query string", "application/x-www-form-urlencoded", func(s *source) string {
			return "page=" + s.digits(2) + "&per_page=50&since=" + s.digits(10) + "&cursor=" + hexed(s, 20) + "&fields=id%2Cname%2Cemail&sort=-created_at&v=" + s.digits(8) + "&_=" + s.digits(13) + "&_ga=GA1.2." + s.digits(10) + "." + s.digits(10)
		}},
		{"terraform state", json, func(s *source) string {
			return `{"version": 4, "serial": ` + s.digits(3) + `, "lineage": "` + s.uuid() + `", "resources": [` + repeated(10, ", ", func(int) string {
				return `{"type": "aws_instance", "instances": [{"attributes": {"id": "i-0` + hexed(s, 8) + `", "ami": "ami-` + hexed(s, 8) + `", "arn": "arn:aws:ec2:eu-west-1:` + s.digits(12) + `:instance/i-` + hexed(s, 8) +
					`", "owner_id": "` + s.digits(12) + `", "private_ip": "10.1.` + s.digits(2) + `.7", "key_name": "deploy", "password_data": "", "user_data_hash": "` + hexed(s, 20) + `"}}]}`
			}) + `]}`
		}},
		{"image", json, func(s *source) string {
			return `{"image": "data:image/png;base64,iVBORw0KGgo` + based(s, s.from(300, 2500)) + `"}`
		}},
	}
}
