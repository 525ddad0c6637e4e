package keep

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules/document"
)

// Holds are legal holds: while one names a record, the record is not removed.
type Holds struct {
	Holds []Hold `yaml:"holds"`
}

// Hold names records: those of a period, and within it, if flows or policies are named, only theirs. A
// hold that names nothing holds everything.
type Hold struct {
	Name     string   `yaml:"name"`     // the case, for whoever asks why
	From     Date     `yaml:"from"`     // first day; default: the beginning
	Until    Date     `yaml:"until"`    // last day; default: no end
	Flows    []string `yaml:"flows"`    // ids
	Policies []string `yaml:"policies"` // names; also of policies that only had a say
}

// Date is a day in UTC.
type Date struct{ time.Time }

// UnmarshalText reads "2026-03-31".
func (d *Date) UnmarshalText(text []byte) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		return fmt.Errorf("found %.40q, expected a day, e.g. 2026-03-31", text)
	}
	return nil
}

// ReadHolds reads a YAML file of holds; "" is none. All mistakes are reported at once.
func ReadHolds(path string) (Holds, error) {
	var holds Holds
	if path == "" {
		return holds, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return holds, fmt.Errorf("read the legal holds: %w", err)
	}
	positions, problems := document.DecodeWithPositions(path, text, &holds)
	for i, hold := range holds.Holds {
		at := fmt.Sprintf("holds[%d]", i)
		if hold.Name == "" {
			problems = append(problems, positions.Problem(at, "the hold has no name", "name the case that it is for"))
		}
		if !hold.From.IsZero() && !hold.Until.IsZero() && hold.Until.Before(hold.From.Time) {
			problems = append(problems, positions.Problem(at+".until", "the hold ends before it begins", ""))
		}
	}
	if len(problems) > 0 {
		return Holds{}, problems.Sort()
	}
	return holds, nil
}

// holding returns the name of a hold that names the record, "" when none does.
func (h Holds) holding(r *evidence.Record) string {
	for _, hold := range h.Holds {
		if hold.names(r) {
			return hold.Name
		}
	}
	return ""
}

func (h Hold) names(r *evidence.Record) bool {
	switch {
	case !h.From.IsZero() && r.Time.Before(h.From.Time):
		return false
	case !h.Until.IsZero() && !r.Time.Before(h.Until.AddDate(0, 0, 1)):
		return false
	case len(h.Flows) == 0 && len(h.Policies) == 0:
		return true
	}
	return slices.Contains(h.Flows, r.ID) || slices.Contains(h.Flows, r.Parent) && r.Parent != "" || slices.Contains(h.Policies, r.Policy) ||
		slices.ContainsFunc(r.Policies, func(v evidence.PolicyVerdict) bool { return slices.Contains(h.Policies, v.Policy) })
}
