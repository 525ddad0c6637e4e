package replay

// Report is the outcome of a replay. Flows is the sum of Unchanged, Changed, Undecidable and
// WithoutVerdict.
type Report struct {
	Flows          int     `json:"flows"`
	Unchanged      int     `json:"unchanged"`
	Changed        int     `json:"changed"`
	Undecidable    int     `json:"undecidable"` // not decidable from the record
	Missing        Missing `json:"missing"`     // which facts the undecidable ones lack
	WithoutVerdict int     `json:"without_verdict"`

	Relocated     int       `json:"relocated"` // flows that the candidate data places elsewhere than the record does
	Moves         []Change  `json:"moves"`     // of them, from country to country; "unknown" is none
	Changes       []Change  `json:"changes"`
	ByRule        []Group   `json:"by_rule"`        // the rule that decides now
	ByDestination []Group   `json:"by_destination"` // host
	BySource      []Group   `json:"by_source"`      // identity, or address of those who have none
	Examples      []Example `json:"examples"`       // the first that changed
}

// Missing counts the flows that are undecidable for want of a group of facts.
type Missing struct {
	Request    int `json:"request"`    // path, query, headers or size
	Data       int `json:"data"`       // the payload was not read
	Connection int `json:"connection"` // who sends, or where to
}

// Change counts the flows whose verdict, or place, changes from one to another.
type Change struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Flows int    `json:"flows"`
}

// Group counts the changes of one rule, destination or source.
type Group struct {
	Name  string `json:"name"`
	From  string `json:"from"`
	To    string `json:"to"`
	Flows int    `json:"flows"`
}

// Example is one flow whose verdict changes.
type Example struct {
	ID          string `json:"id"` // of its record
	From        string `json:"from"`
	To          string `json:"to"`
	Rule        string `json:"rule"`
	Destination string `json:"destination"`
	Country     string `json:"country"`
	Recorded    string `json:"recorded_country"` // what Country is in the record
	Why         string `json:"why,omitempty"`    // why the place is another one than in the record, if it is
	Source      string `json:"source"`
}
