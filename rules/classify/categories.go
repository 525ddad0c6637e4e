package classify

import "slices"

// Category is a kind of data that rules can ask for.
type Category struct {
	Name     string // as in data.has("health")
	Doc      string // what belongs to it, in one line
	Detected bool   // some detector finds it; otherwise no payload is said to hold it
}

// Categories lists the documented names of kinds of data, by name: those that detectors find, and
// those that laws and policies speak of and that no detector finds yet. The definitions follow
// Regulation (EU) 2016/679 (GDPR), articles 4 and 9.
func Categories() []Category {
	detected := map[string]bool{}
	for _, d := range Detectors() {
		for _, name := range d.Categories {
			detected[name] = true
		}
	}
	known := []Category{
		{Name: "biometric", Doc: "physical or behavioural characteristics that identify a person, such as fingerprints and faces (GDPR art. 4(14))"},
		{Name: "children", Doc: "data of people who are under age (GDPR art. 8)"},
		{Name: "contact", Doc: "how a person is reached: e-mail addresses, telephone numbers, postal addresses"},
		{Name: "credential", Doc: "passwords, keys and tokens that give access"},
		{Name: "financial", Doc: "payment cards and bank accounts"},
		{Name: "genetic", Doc: "inherited or acquired genetic characteristics (GDPR art. 4(13))"},
		{Name: "government-id", Doc: "numbers by which an authority tells people or companies apart"},
		{Name: "health", Doc: "physical or mental health, and care for it (GDPR art. 4(15))"},
		{Name: "important", Doc: "data that an authority has declared important for security or the public interest (China, Data Security Law art. 21)"},
		{Name: "location", Doc: "where a person is or was"},
		{Name: "personal", Doc: "anything that relates to a person who can be identified (GDPR art. 4(1))"},
		{Name: "sensitive", Doc: "personal data that law protects more than other (GDPR art. 9; China, PIPL art. 28)"},
	}
	for i := range known {
		known[i].Detected = detected[known[i].Name]
		delete(detected, known[i].Name)
	}
	for name := range detected {
		known = append(known, Category{Name: name, Doc: "data that a detector finds", Detected: true})
	}
	slices.SortFunc(known, func(a, b Category) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return known
}
