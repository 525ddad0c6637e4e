package pattern

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryMatchHoldsALiteral(t *testing.T) {
	for text, want := range map[string][]string{
		`\bPRJ-[0-9]{4}\b`:          {"prj-"},
		`(?i)secret[- ]plan`:        {"secret-plan", "secret plan"},
		`alpha|beta-[0-9]`:          {"alpha", "beta-"},
		`[A-Z]{2}-FALCON-\d+`:       {"-falcon-"},
		`(?:ab|cd)ef`:               {"abef", "cdef"},
		`(PRJ)(-)\d`:                {"prj-"},
		`x?abc+`:                    {"abc"},
		`(?:conf-\d){2,}`:           {"conf-"},
		`内部(?:资料|文件)`:               {"内部资料", "内部文件"},
		`(?i)straße-\d`:             {"stra"},
		`(?i)projekt übung`:         {"projekt "},
		`(?:GRP[0-9]-|XYZ[0-9])abc`: {"grp", "xyz"},
	} {
		p, err := Compile(text, false)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := map[string]bool{}
		for _, l := range p.Literals() {
			got[l] = true
		}
		for _, l := range want {
			if !got[l] {
				t.Errorf("%s: %v", text, cmp.Diff(want, p.Literals()))
			}
		}
	}
}

func TestPatternsThatCannotBeFoundCheaplyAreRefused(t *testing.T) {
	for text, want := range map[string]error{
		`\d{4}-\d{4}`:                  nil,
		`ab\d`:                         nil,
		`abc|\d+`:                      nil,
		`(?:abc)?x`:                    nil,
		`[a-z]+`:                       nil,
		`^abc`:                         ErrBorder,
		`abc$`:                         ErrBorder,
		`(?:abcd)*`:                    ErrEmpty,
		strings.Repeat("a", MaxText+1): ErrTooLong,
	} {
		if want == nil {
			want = ErrNoLiteral
			if _, err := Compile(text, true); err != nil {
				t.Errorf("%s, slow: %v", text, err)
			}
		}
		if _, err := Compile(text, false); !errors.Is(err, want) {
			t.Errorf("%.20s: %v, want %v", text, err, want)
		}
	}
	if _, err := Compile(`abc(`, false); err == nil || !strings.Contains(err.Error(), "missing closing") {
		t.Errorf("a syntax error: %v", err)
	}
}

func TestMatchesAreThoseOfTheWholeText(t *testing.T) {
	text := "see PRJ-1234, xPRJ-1234, PRJ-12345 and ab-FALCON-9; 你好PRJ-5555\nline-start"
	for _, expression := range []string{`\bPRJ-[0-9]{4}\b`, `[a-z]{2}-FALCON-\d`, `PRJ-\d+`, `(?m)^line`, `(?i)prj-\d{4}`, `\w+-FALCON`} {
		p, err := Compile(expression, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := matches(p, text), regexp.MustCompile(expression).FindAllString(text, -1); !cmp.Equal(got, want) {
			t.Errorf("%s: %s", expression, cmp.Diff(want, got))
		}
	}
}

// matches goes from literal to literal, as a caller does.
func matches(p *Pattern, text string) (found []string) {
	last := 0
	for at := range len(text) {
		for _, l := range p.Literals() {
			if at >= last && len(text)-at >= len(l) && lowerASCII(text[at:at+len(l)]) == l {
				if start, end, ok := p.Match([]byte(text), at); ok && start >= last {
					found, last = append(found, text[start:end]), end
					break
				}
			}
		}
	}
	return found
}

// FuzzNoMatchWithoutALiteral: whatever an expression matches holds one of its literals, no further from
// the start of the match than is said, and Match finds something there.
func FuzzNoMatchWithoutALiteral(f *testing.F) {
	f.Add(`\bPRJ-[0-9]{4}\b`, "see PRJ-1234")
	f.Add(`(?i)(?:alpha|beta)+-x`, "betaALPHA-X")
	f.Add(`(?i)straße|kiosk`, "STRASSE straße KIOSK")
	f.Add(`a{3,5}b|[cd]{2}efg`, "aaaab ddefg")
	f.Fuzz(func(t *testing.T, expression, text string) {
		p, err := Compile(expression, false)
		if err != nil || len(text) > 200 {
			return
		}
		m := p.anywhere.FindStringIndex(text)
		if m == nil {
			return
		}
		lower := lowerASCII(text[m[0]:m[1]])
		if strings.ToValidUTF8(text, "?") != text || strings.ContainsAny(text, "\u017f\u212a") {
			return // what is not UTF-8 matches "." and U+FFFD, and is no text
		}
		for at := 0; at <= min(len(lower), p.before); at++ {
			for _, l := range p.Literals() {
				if strings.HasPrefix(lower[at:], l) {
					if start, end, ok := p.Match([]byte(text), m[0]+at); !ok || start > m[0]+at || end <= m[0]+at {
						t.Fatalf("%q: no match at the literal of %q", expression, text[m[0]:m[1]])
					}
					return
				}
			}
		}
		if len(lower) <= MaxBefore {
			t.Fatalf("%q matches %q without a literal of %q", expression, text[m[0]:m[1]], p.Literals())
		}
	})
}
