package corpus

import (
	"fmt"
	"strconv"
	"strings"
)

// wholeDocument is a file of a format that is a finding by itself.
func wholeDocument(s *source, turn int) Document {
	d := Document{ContentType: "text/plain"}
	found := func(detector, value, also string) {
		d.Labels = append(d.Labels, Label{Detector: detector, Value: value, also: also})
	}
	body := ""
	switch turn % 16 {
	case 0:
		d.Kind, d.ContentType = "hl7", "application/hl7-v2"
		head := `MSH|^~\&|LAB|CLINIC|EHR|HOSPITAL|2026031` + s.of(decimals, 1) + `1200||ORU^R01|` + s.digits(5) + `|P|2.5`
		body = head + "\rPID|1||" + s.digits(6) + "^^^CLINIC^MR\rOBX|1|NM|718-7^Hemoglobin||13." + s.of(decimals, 1) + "|g/dL\r"
		found("hl7-message", head, "")
	case 1:
		d.Kind, d.ContentType = "fhir", "application/fhir+json"
		kind := s.one("Patient|Observation|Condition|Encounter|MedicationRequest")
		body = `{"resourceType": "` + kind + `", "id": "` + s.uuid() + `", "meta": {"versionId": "1"}}`
		found("fhir-resource", kind, "")
	case 2:
		d.Kind, d.ContentType = "fasta", "text/x-fasta"
		body = ">seq" + s.digits(3) + " chromosome\n" + s.of("ACGT", 70) + "\n" + s.of("ACGT", 70) + "\n" + s.of("ACGT", 30) + "\n"
		found("fasta-sequence", "*", "")
	case 3:
		d.Kind = "fastq"
		body = "@SRR" + s.digits(6) + ".1 1/1\n" + s.of("ACGTN", 76) + "\n+\n" + s.of("ABCDEFGHIJ?@>=<", 76) + "\n"
		found("fastq-reads", "*", "")
	case 4:
		d.Kind, d.ContentType = "vcf", "text/x-vcf"
		body = "##fileformat=VCFv4.2\n##source=caller\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n" + "1\t" + s.digits(6) + "\t.\tA\tG\t50\tPASS\tDP=30\tGT\t0/1\n"
		found("vcf-variants", "*", "snp-genotypes")
	case 5:
		d.Kind = "sam"
		body = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:248956422\nr1\t99\tchr1\t" + s.digits(5) + "\t60\t50M\t=\t300\t250\t" + s.of("ACGT", 50) + "\t" + s.of("FGHIJ", 50) + "\n"
		found("sequence-alignment", "*", "")
	case 6:
		d.Kind, body = "genotypes", "# rsid\tchromosome\tposition\tgenotype\n"
		found("snp-genotypes", "# rsid\tchromosome\tposition\tgenotype", "")
		for range s.from(5, 12) {
			id := "rs" + s.digits(s.from(6, 8))
			body += id + "\t" + strconv.Itoa(s.from(1, 22)) + "\t" + s.digits(6) + "\t" + s.of("ACGT", 2) + "\n"
			found("snp-genotypes", id, "")
		}
	case 7:
		lines, marked := machineReadable(s)
		d.Kind, body = "mrz", "Scanned:\n"+strings.Join(lines, "\n")+"\n"
		found("passport-mrz", marked, "")
	case 8:
		d.Kind, body = "mrz in json", ""
		lines, marked := machineReadable(s)
		d.ContentType = "application/json"
		body = `{"mrz": ` + quote(strings.Join(lines, "\n")) + `}`
		found("passport-mrz", marked, "")
	case 9:
		key := privateKey(s)
		d.Kind, body = "pem", key+"\n"
		found("private-key", key, "")
	case 10:
		key := privateKey(s)
		d.Kind, d.ContentType, body = "pem in json", "application/json", `{"type": "service_account", "private_key": `+quote(key)+`, "n": 1}`
		found("private-key", "*", "secret-field")
	case 11:
		d.Kind, d.ContentType = "geojson", "application/geo+json"
		var features []string
		for range s.from(1, 4) {
			at := degrees(s, 179) + s.one(", |,") + degrees(s, 84)
			features = append(features, `{"type": "Feature", "geometry": {"type": "Point", "coordinates": [`+at+`]}, "properties": {}}`)
			found("geojson", at, "coordinate-pair")
		}
		body = `{"type": "FeatureCollection", "features": [` + strings.Join(features, ", ") + `]}`
	case 12:
		d.Kind = "nmea"
		for range s.from(1, 3) {
			sentence := navigation(s)
			body += sentence + "\r\n"
			found("nmea-position", sentence, "")
		}
	case 13:
		d.Kind, d.ContentType = "coordinates", "application/json"
		lat, lon := degrees(s, 84), degrees(s, 179)
		body = s.one(`{"lat": % "lng": #}|{"latitude": % "longitude": #}|{"position": {"lat": % "lon": #}, "speed": 3}`)
		body = strings.NewReplacer("%", lat+",", "#", lon).Replace(body)
		found("coordinates", lat, "coordinate-pair")
	case 14:
		d.Kind = "card track"
		track := magneticStripe(s)
		body = lorem(s) + "\n" + track + "\n"
		found("magnetic-stripe", track, "payment-card person-name")
	case 15:
		d.Kind = "marking"
		marking := s.one("TLP:RED|TLP:AMBER|STRICTLY CONFIDENTIAL|CONFIDENTIAL|机密|VERTRAULICH|绝密★1年|INTERNAL USE ONLY|TOP SECRET//NOFORN|社外秘")
		body = marking + "\n\n" + lorem(s) + "\n"
		found("document-marking", "*", "")
	}
	d.Body = []byte(body)
	return d
}

// degrees is an angle of four to seven decimals.
func degrees(s *source, most int) string {
	return s.one("|-") + strconv.Itoa(s.from(1, most)) + "." + s.of(decimals, s.from(3, 6)) + s.of(decimals[1:], 1)
}

// navigation is a sentence of NMEA 0183 with its checksum.
func navigation(s *source) string {
	body := fmt.Sprintf("GPGGA,%s%s%s.00,%02d%02d.%s,N,%03d%02d.%s,E,1,08,0.9,545.4,M,46.9,M,,", two(s.IntN(24)), two(s.IntN(60)), two(s.IntN(60)),
		s.from(1, 84), s.IntN(60), s.of(decimals, 4), s.from(1, 179), s.IntN(60), s.of(decimals, 4))
	sum := byte(0)
	for i := range body {
		sum ^= body[i]
	}
	return fmt.Sprintf("$%s*%02X", body, sum)
}
