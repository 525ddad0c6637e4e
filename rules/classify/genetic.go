package classify

import (
	"bytes"

	"github.com/borderflow/borderflow/rules/flow"
)

func geneticRules() []*rule {
	entry := func(id, description, source string, text func([]byte, int, []byte) match, literals ...string) *rule {
		r := &rule{
			Detector: Detector{
				ID: id, Categories: []string{"genetic", "health", "personal", "sensitive"}, Strength: flow.Strong,
				Evidence: EvidenceNone, Legal: legalGenetic, Description: description, Source: source,
			},
			literals: literals,
			text:     text,
		}
		if len(literals) == 0 {
			r.trigger = onStart
		}
		return r
	}
	signature := func(view []byte, at int, value []byte) match {
		end := min(lineEnd(view, at), at+32)
		return match{at, end, append(value, view[at:end]...), flow.Strong}
	}
	genotypes := entry("snp-genotypes", "numbers of single nucleotide polymorphisms with genotypes, or three of them together",
		"NCBI dbSNP, reference SNP numbers; raw data files of genotyping services", polymorphisms, "rs1", "rs2", "rs3", "rs4", "rs5", "rs6", "rs7", "rs8", "rs9", "# rsid")
	return []*rule{
		entry("fasta-sequence", "FASTA file: a heading and at least 60 nucleotides or amino acids", "NCBI, FASTA format; IUPAC codes", fastaAt),
		entry("fastq-reads", "FASTQ file: a read, its nucleotides and as many qualities", "Cock et al. 2010, doi:10.1093/nar/gkp1137", fastqAt),
		entry("vcf-variants", "variant call file: its first line", "GA4GH, VCF 4.x section 1.1", signature, "##fileformat=VCF", "##fileformat=BCF"),
		entry("sequence-alignment", "SAM, BAM or CRAM alignment: its header", "GA4GH, SAM/BAM 1.6 sections 1.3 and 4.2; CRAM 3.1 section 6", alignmentAt),
		genotypes,
	}
}

// fastaAt reads the first record of a file.
func fastaAt(view []byte, at int, value []byte) match {
	if view[at] != '>' {
		return match{}
	}
	line := bytes.IndexByte(view[at:], '\n')
	if line < 2 {
		return match{}
	}
	nucleotides, acids, i := 0, 0, at+line+1
	for ; i < len(view); i++ {
		switch b := upper(view[i]); {
		case isOneOf(b, "ACGTUN"):
			nucleotides++
		case isOneOf(b, "BDEFHIKLMPQRSVWXYZ*-"):
			acids++
		case b == '\n' || b == '\r':
			continue
		case b == '>' && view[i-1] == '\n':
			return fasta(view, at, i, nucleotides, acids, value)
		default:
			return match{}
		}
	}
	return fasta(view, at, i, nucleotides, acids, value)
}

func fasta(view []byte, at, end, nucleotides, acids int, value []byte) match {
	if nucleotides+acids < 60 || acids > 0 && nucleotides*5 < acids {
		return match{}
	}
	return match{at, end, append(value, view[at:min(end, at+maxValue)]...), flow.Strong}
}

// fastqAt reads the first record of a file.
func fastqAt(view []byte, at int, value []byte) match {
	if view[at] != '@' {
		return match{}
	}
	heading, rest, _ := bytes.Cut(view[at:], []byte("\n"))
	reads, rest, more := bytes.Cut(rest, []byte("\n"))
	reads = bytes.TrimRight(reads, "\r")
	if len(heading) < 2 || len(reads) < 20 || !areNucleotides(reads) || more && (len(rest) == 0 || rest[0] != '+') {
		return match{}
	}
	end := at + len(heading) + 1 + len(reads)
	return match{at, end, append(value, reads[:min(len(reads), maxValue)]...), flow.Strong}
}

func areNucleotides(text []byte) bool {
	for _, b := range text {
		if !isOneOf(upper(b), "ACGTUN.") {
			return false
		}
	}
	return true
}

// alignmentAt knows the first bytes of the three formats; BAM's stand behind its compression.
func alignmentAt(view []byte, at int, value []byte) match {
	rest := view[at:]
	text := bytes.HasPrefix(rest, []byte("@HD\tVN:")) || bytes.HasPrefix(rest, []byte("@SQ\tSN:"))
	reference := bytes.HasPrefix(rest, []byte("CRAM")) && len(rest) > 5 && rest[4] >= 1 && rest[4] <= 4
	if !text && !reference && !bytes.HasPrefix(rest, []byte("BAM\x01")) {
		return match{}
	}
	end := min(len(view), at+32)
	return match{at, end, append(value, view[at:end]...), flow.Strong}
}

// polymorphisms reads the number at at: with a genotype behind it, or two others near by.
func polymorphisms(view []byte, at int, value []byte) match {
	if view[at] == '#' {
		end := lineEnd(view, at)
		if !bytes.Contains(view[at:end], []byte("genotype")) {
			return match{}
		}
		return match{at, end, append(value, "rsid"...), flow.Strong}
	}
	end := polymorphismEnd(view, at)
	if end < 0 {
		return match{}
	}
	if !hasGenotype(view[end:lineEnd(view, min(end+1, len(view)))]) {
		others := 0
		for i := max(0, at-4*nearby); i+3 < len(view) && i < at+4*nearby; i++ {
			if view[i] == 'r' && view[i+1] == 's' && (i < at || i >= end) && polymorphismEnd(view, i) > 0 {
				others++
			}
		}
		if others < 2 {
			return match{}
		}
	}
	return match{at, end, append(value, view[at:end]...), flow.Strong}
}

// polymorphismEnd returns the end of the number at at; -1 if there is none.
func polymorphismEnd(view []byte, at int) int {
	end := at + 2
	for end < len(view) && isDigit(view[end]) {
		end++
	}
	if n := end - at - 2; n < 4 || n > 10 || view[at+2] == '0' || startsMidWord(view, at) || at > 0 && isOneOf(view[at-1], "-./") || endsMidWord(view, end) ||
		end < len(view) && isOneOf(view[end], "-./") {
		return -1
	}
	return end
}

// hasGenotype looks for two alleles at the end of a row: "AG", "A/G", "A G" behind a separator.
func hasGenotype(row []byte) bool {
	row = bytes.TrimRight(row, " \r\t\")}]")
	n := len(row)
	if n < 3 {
		return false
	}
	isAllele := func(b byte) bool { return isOneOf(b, "ACGTDI-") }
	if isOneOf(row[n-3], "\t,; :\"") && isAllele(row[n-1]) && isAllele(row[n-2]) {
		return true
	}
	return n > 3 && isAllele(row[n-1]) && isOneOf(row[n-2], "/|\t ,") && isAllele(row[n-3]) && isOneOf(row[n-4], "\t,; :\"")
}
