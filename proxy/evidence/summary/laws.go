package summary

// law is what a law asks records to show. Its words are in the tables of words, by name.
type law struct {
	name  string
	items []lawItem
}

type lawItem struct {
	name   string
	answer lawAnswer
	tables []string // that answer it
}

// lawAnswer is whether the log can answer what a law asks.
type lawAnswer string

const (
	answered lawAnswer = "yes"
	partly   lawAnswer = "partly"
	notKnown lawAnswer = "no"
)

// laws are: the register of Regulation (EU) 2016/679, Article 30(1); the assessment and its records of
// China's Personal Information Protection Law, Articles 55 and 56; the records and reports of 28 CFR part
// 202, subpart K (90 FR 1706).
var laws = []law{
	{"gdpr-30-1", []lawItem{
		{"a", notKnown, nil},
		{"b", notKnown, nil},
		{"c", partly, []string{"categories", "register"}},
		{"d", answered, []string{"recipients", "jurisdictions", "register"}},
		{"e", partly, []string{"jurisdictions", "mechanisms", "register"}},
		{"f", notKnown, nil},
		{"g", partly, []string{"inspection", "decisions", "blocked"}},
	}},
	{"pipl-55-56", []lawItem{
		{"55-abroad", answered, []string{"jurisdictions", "register"}},
		{"55-others", answered, []string{"recipients", "register"}},
		{"55-sensitive", partly, []string{"categories", "register"}},
		{"56-purpose", notKnown, nil},
		{"56-impact", partly, []string{"register", "recipients"}},
		{"56-measures", partly, []string{"mechanisms", "decisions", "blocked", "exemptions"}},
		{"56-years", partly, nil},
	}},
	{"28-cfr-202", []lawItem{
		{"1101-types", partly, []string{"categories", "register"}},
		{"1101-parties", partly, []string{"recipients", "jurisdictions"}},
		{"1101-use", notKnown, nil},
		{"1101-method", answered, []string{"methods"}},
		{"1101-dates", answered, []string{"register"}},
		{"1101-papers", notKnown, nil},
		{"1101-years", partly, nil},
		{"1103-annual", partly, []string{"register", "methods", "recipients"}},
		{"1104-rejected", partly, []string{"blocked"}},
	}},
}
