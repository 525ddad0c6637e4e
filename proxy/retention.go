package proxy

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/delivery"
	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/borderflow/borderflow/proxy/evidence/query"
)

// RetentionConfig is how long records are kept. Whole segments are removed, once all their records are
// past the longest retention of their classes, none is under a legal hold and every sink has them.
type RetentionConfig struct {
	// Days is how long records of no class are kept, e.g. 1096 for three years. Default: for ever.
	Days int `yaml:"days"`
	// Classes keep some records longer; of the classes of a record the longest counts.
	Classes []RetentionClass `yaml:"classes"`
	// Holds is a file of legal holds. Default: none.
	Holds string `yaml:"holds"`
	// Seal compresses complete segments (Zstandard). Default false.
	Seal bool `yaml:"seal"`
}

// RetentionClass is a kind of record with its own retention.
type RetentionClass struct {
	Name string `yaml:"name"`
	Days int    `yaml:"days"` // e.g. 3653 for the ten years of 28 CFR 202.1101
	When string `yaml:"when"` // condition over records, as `borderflow evidence query` takes it
}

// forEver is longer than any record is kept, in days.
const forEver = math.MaxInt16 * 10

// removes reports whether records are ever removed.
func (c RetentionConfig) removes() bool { return c.Days > 0 }

// Keeping returns the options of the keeper that the configuration asks for.
func (c Config) Keeping() (keep.Options, error) {
	options := keep.Options{Directory: filepath.Join(c.StateDir, "evidence"), Days: c.Evidence.Retention.Days,
		Holds: c.Evidence.Retention.Holds, Seal: c.Evidence.Retention.Seal}
	if !c.Evidence.Retention.removes() {
		options.Days = forEver
	}
	if len(c.Evidence.Delivery) > 0 {
		options.Delivered = c.delivered
	}
	for _, class := range c.Evidence.Retention.Classes {
		compiled, err := query.Compile(class.When)
		if err != nil {
			return options, fmt.Errorf("evidence.retention: class %q: %w", class.Name, err)
		}
		options.Classes = append(options.Classes, keep.Class{Name: class.Name, Days: class.Days, Definition: class.When,
			Matches: func(line []byte, _ *evidence.Record) (bool, error) { return compiled.Matches(line) }})
	}
	return options, nil
}

// delivered returns the number of the last record that every configured sink has.
func (c Config) delivered() (uint64, error) {
	cursors, err := delivery.Cursors(c.StateDir)
	if err != nil {
		return 0, err
	}
	least := uint64(math.MaxUint64)
	for _, sink := range c.Evidence.Delivery {
		cursor, ok := cursors[sink.Name]
		if !ok {
			return 0, nil // it has nothing yet
		}
		least = min(least, cursor.Seq)
	}
	return least, nil
}

// keepRecords removes and compresses segments for as long as ctx lasts.
func (p *Proxy) keepRecords(ctx context.Context) error {
	if retention := p.config.Evidence.Retention; !retention.removes() && !retention.Seal {
		return nil
	}
	options, err := p.config.Keeping()
	if err != nil {
		return err
	}
	options.Log = p.log
	keeper, err := keep.New(options)
	if err != nil {
		return err
	}
	return keeper.Run(ctx)
}

// retention reports the mistakes in how long records are kept.
func (v *validation) retention(c RetentionConfig) {
	const path = "evidence.retention"
	v.check(path+".days", c.Days >= 0, fmt.Sprintf("found %d, expected 1 or more", c.Days), "leave the field out to keep records for ever")
	v.check(path+".classes", len(c.Classes) == 0 || c.removes(), "without days, records are kept for ever", "say in days how long records of no class are kept")
	seen := map[string]bool{}
	for i, class := range c.Classes {
		at := path + ".classes[" + strconv.Itoa(i) + "]"
		v.check(at+".name", class.Name != "" && !seen[class.Name], fmt.Sprintf("found %q, expected a name that no other class has", class.Name), "")
		seen[class.Name] = true
		v.check(at+".days", class.Days > 0, fmt.Sprintf("found %d, expected 1 or more", class.Days), "")
		_, err := query.Compile(class.When)
		v.check(at+".when", err == nil, fmt.Sprint(err), "see borderflow evidence query --help")
	}
	_, err := keep.ReadHolds(c.Holds)
	v.check(path+".holds", err == nil, fmt.Sprint(err), "")
}
