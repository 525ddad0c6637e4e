package schema

// required names the fields without which a document is refused, by type.
var required = map[string][]string{
	"policyFile":        {"apiVersion", "kind", "name", "default"},
	"ruleEntry":         {"id", "when", "verdict"},
	"inspectEntry":      {"when", "level"},
	"listDocument":      {"apiVersion", "kind", "name", "type"},
	"groupDocument":     {"apiVersion", "kind", "name", "members"},
	"groupMember":       {"country", "source"},
	"detectorDocument":  {"apiVersion", "kind", "id", "description", "categories"},
	"exactTable":        {"file", "salt"},
	"exemptionDocument": {"apiVersion", "kind", "name", "source", "destination", "approvedBy", "reason", "from", "until"},
}

const (
	versionText = "The version of the format."
	kindText    = "What the document is."
)

// policyFields describes the fields of the documents of a policy directory, by "Type.Field".
var policyFields = map[string]string{
	"policyFile.APIVersion":      versionText,
	"policyFile.Kind":            kindText,
	"policyFile.Name":            "The policy's name in records and answers. Write one policy for each legal regime.",
	"policyFile.Description":     "What the policy is for.",
	"policyFile.Default":         "The verdict when no rule matches.",
	"policyFile.Mode":            "shadow: evaluated and recorded as what it would have done, never enforced. Default: enforce.",
	"policyFile.OnUninspectable": "The verdict when a rule depends on what cannot be read. Default: block.",
	"policyFile.OnLargeBody":     "What happens to a body that a rule depends on and that is larger than inspect.holdUntilDecided: block; hold: it is kept on disk until it has been read whole; stream: it leaves while it is read, and is cut off once a block is certain. Default: block, or stream where onUninspectable is allow.",
	"policyFile.Contact":         "Whom a blocked client asks.",
	"policyFile.Inspect":         "How much of connections is read, by destination and source; the first entry that matches decides. Default: everything.",
	"policyFile.Rules":           "The rules, in order: the first that matches decides; log marks the flow and goes on.",

	"inspectEntry.When":  "A condition in CEL on source, destination, transfer and now.",
	"inspectEntry.Level": "full: TLS is terminated and all is read; sni: only the server name of TLS; none: nothing beyond the target.",

	"ruleEntry.ID":          "The rule's name in records and answers, unique within its policy.",
	"ruleEntry.Description": "What the rule does, in a sentence.",
	"ruleEntry.When":        "A condition in CEL; true stands for every flow. What it can say is printed by: borderflow reference",
	"ruleEntry.Verdict":     "allow or block decide; log marks the flow and goes on.",
	"ruleEntry.Mode":        "shadow: recorded as what it would have done, never enforced. Default: enforce.",
	"ruleEntry.OnError":     "When the condition cannot be evaluated: match or skip. Default: a block or log rule matches, an allow rule does not.",
	"ruleEntry.Reason":      "What a blocked client reads. Default: the description.",
	"ruleEntry.LegalBasis":  "The law or contract that asks for the rule; blocked requests are then answered with 451.",
	"ruleEntry.Purpose":     "The goal that the rule serves: security, public interest, privacy or intellectual property.",
	"ruleEntry.Evidence":    "The facts that the rule rests on, and where they are documented.",
	"ruleEntry.Owner":       "Who answers for the rule.",
	"ruleEntry.Contact":     "Whom a blocked client asks. Default: the policy's contact.",
	"ruleEntry.ValidFrom":   "The date or time from which the rule applies, e.g. 2027-01-31 or 2027-01-31T12:00:00Z.",
	"ruleEntry.ValidUntil":  "The last day on which the rule applies, or the moment at which it ends.",

	"ruleEntry.Redact": "What is taken out of the payload before an allow rule lets it pass. A payload on which that cannot be done safely is blocked.",

	"redactEntry.Detectors":  "Detectors whose values are replaced, e.g. us-ssn. They are listed by: borderflow classify --list",
	"redactEntry.Categories": "Categories of data whose values are replaced, e.g. government-id.",
	"redactEntry.With":       "placeholder: [redacted:us-ssn]; mask: 000-00-0000, of the same length and shape. Default: placeholder.",
	"redactEntry.KeepLast":   "How many letters and digits at a value's end a mask leaves as they are: at most 8, and half as many as it has digits. Default: 0.",

	"listDocument.APIVersion":  versionText,
	"listDocument.Kind":        kindText,
	"listDocument.Name":        "The name that conditions use.",
	"listDocument.Description": "What is listed.",
	"listDocument.Type":        "What the entries are, and so how a value is looked up.",
	"listDocument.Entries":     "The entries.",
	"listDocument.File":        "A text file beside this one with one entry a line, in place of entries.",

	"groupDocument.APIVersion":  versionText,
	"groupDocument.Kind":        kindText,
	"groupDocument.Name":        "The name that conditions use, as in destination.within(\"OurPartners\"). Names of built-in groups are taken.",
	"groupDocument.Description": "What the members have in common.",
	"groupDocument.Members":     "The countries, each with the time of its membership. One that left and came back has two entries.",

	"groupMember.Country": "The country, ISO 3166-1 alpha-2.",
	"groupMember.From":    "The date or time from which it is a member. Default: always was.",
	"groupMember.Until":   "The last day on which it is a member, or the moment at which it ceases to be one. Default: without end.",
	"groupMember.Source":  "The act, contract or decision that makes it a member.",

	"detectorDocument.APIVersion":  versionText,
	"detectorDocument.Kind":        kindText,
	"detectorDocument.ID":          "The name that rules and records use: custom/ and a name.",
	"detectorDocument.Description": "What the values are.",
	"detectorDocument.Categories":  "The kinds of data that the values belong to: documented ones, or names of one's own.",
	"detectorDocument.Strength":    "How far a value is to be trusted on its own: weak (reported only with a word beside it), medium or strong. Default: medium.",
	"detectorDocument.Evidence":    "Words in the field's name or near a value that speak for it or against it.",
	"detectorDocument.Country":     "The country whose values they are, as ISO 3166-1 alpha-2 code.",
	"detectorDocument.Legal":       "The legal notions that the values stand for.",
	"detectorDocument.Keywords":    "Words and phrases to look for, whatever their case; whole words in scripts that write spaces between them.",
	"detectorDocument.List":        "A list of type words, in place of keywords.",
	"detectorDocument.MatchCase":   "Keywords are found only as they are written. Default: false.",
	"detectorDocument.Pattern":     "A regular expression in RE2's syntax, with a literal of at least three bytes that every value holds.",
	"detectorDocument.Slow":        "Admits a pattern without a literal, which is tried on everything that leaves. Default: false.",
	"detectorDocument.Exact":       "A table of values, of which only salted hashes are kept. It is made by: borderflow classify hash",
	"detectorEvidence.Supports":    "Words that speak for a value; kunden* also stands within longer words.",
	"detectorEvidence.Denies":      "Words that speak against it.",
	"detectorEvidence.Required":    "Nothing is reported without a supporting word. Default: false.",
	"exactTable.File":              "The file of hashes beside this one; its name ends in .hashes.",
	"exactTable.Salt":              "The file with the salt they were made with, beside this one; its name ends in .salt. It is a secret.",

	"exemptionDocument.APIVersion":  versionText,
	"exemptionDocument.Kind":        kindText,
	"exemptionDocument.Name":        "The exemption's name in records.",
	"exemptionDocument.Description": "What is exempted.",
	"exemptionDocument.Rule":        "The block rule that is lifted, as policy/rule.",
	"exemptionDocument.Inspect":     "How much of the connections is read, for clients that pin certificates.",
	"exemptionDocument.Source":      "Who is exempted.",
	"exemptionDocument.Destination": "Where to.",
	"exemptionDocument.ApprovedBy":  "Who answers for it.",
	"exemptionDocument.Reason":      "Why, for whoever reads the records.",
	"exemptionDocument.From":        "The date or time from which it applies.",
	"exemptionDocument.Until":       "The last day on which it applies, or the moment at which it ends by itself.",

	"exemptionSource.Address":     "One address.",
	"exemptionSource.Network":     "A network, e.g. 192.0.2.0/24.",
	"exemptionSource.Identity":    "An authenticated name.",
	"exemptionDestination.Host":   "One host or address.",
	"exemptionDestination.Suffix": "A domain and everything below it.",
}
