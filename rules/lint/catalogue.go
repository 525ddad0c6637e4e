package lint

// Kind describes one check. Codes are never reused.
type Kind struct {
	Code        string
	Name        string
	Severity    Severity
	Summary     string // one line
	Explanation string // why it matters
	Fix         string // what to do about it, unless the finding says more
}

type kind struct {
	Kind
	strict bool // an error under the principles
}

// The checks. BF1.. concern what a policy does, BF2.. what it says of itself, BF3.. the principles. BF120
// and BF122 were unknown countries and detectors; with those no policy is loaded.
var (
	neverMatches = kind{Kind: Kind{"BF101", "never-matches", Error, "A rule's condition can never be true",
		"Its parts contradict each other, or it compares a fact with something that the fact never is. A block rule of this kind stops nothing.",
		"correct the condition, or remove the rule"}}
	shadowed = kind{Kind: Kind{"BF102", "shadowed-rule", Warning, "Earlier rules match whenever this one does",
		"Within a policy the first rule that matches decides, so this rule never does while the facts are known. It can still decide when a fact is unavailable, because a block rule then counts as matched and an allow rule does not.",
		"move the rule before the other, narrow the other, or remove this one"}}
	duplicated = kind{Kind: Kind{"BF103", "duplicate-condition", Warning, "Two rules of a policy have the same condition",
		"Only the first of them can decide.", "keep one of them"}}
	conflicting = kind{Kind: Kind{"BF104", "conflicting-rules", Note, "One policy allows what another blocks",
		"Across policies the strictest verdict wins, so the allow rule has no effect on the flows that both match. That is right where two laws differ, and worth knowing.",
		"nothing, if the laws differ; otherwise narrow one of the conditions"}}
	idleAllow = kind{Kind: Kind{"BF105", "idle-allow-rule", Warning, "An allow rule changes no verdict",
		"The policy allows by default and no later rule of it blocks what this rule allows.",
		"remove the rule, or move it before the block rule that it is an exception to"}}
	readsEverything = kind{Kind: Kind{"BF110", "reads-every-payload", Warning, "A rule holds every payload back until it has been read",
		"No part of the condition can be decided on the connection or the headers alone, so every flow that reaches this rule waits for its payload to be read.",
		"add a condition on the destination, the source or the request that a matching flow must meet"}}
	vacuous = kind{Kind: Kind{"BF111", "vacuous-truth", Warning, "A condition on every element of a list is true when the list is empty",
		"Nothing is known of the place of many destinations: list.all(…) is then true without any element that meets it.",
		"use destination.onlyCountries([…]), or add: && list.size() > 0"}}
	unguarded = kind{Kind: Kind{"BF112", "unguarded-access", Warning, "A condition fails when an element or key is not there",
		"A condition that cannot be evaluated counts as matched for a block rule and as not matched for an allow rule.",
		"test that it is there first, or use a function that has an answer for every flow"}}
	undetectedCategory = kind{Kind: Kind{"BF121", "undetected-category", Note, "A category of data that no detector finds yet",
		"data.has and data.count answer for the categories that detectors report; of any other there is never a finding.",
		"nothing; until a detector finds it, no payload is said to hold it"}}
	spelling = kind{Kind: Kind{"BF123", "spelling", Error, "A text that the fact never is, for its case or form",
		"Hosts are in lower case without a scheme, a port or a final dot; methods are nearly always in capital letters.",
		"write it as the fact has it"}}
	anyRecipient = kind{Kind: Kind{"BF124", "any-recipient", Warning, "A rule takes limited adequacy for that of a whole country",
		"Some adequacy decisions cover recipients that are certified, or of one sector, alone; the country does not tell who is.",
		"ask for the recipient as well, for example inList(destination.host, \"certified\")"}}
	expired = kind{Kind: Kind{"BF130", "expired-rule", Warning, "A rule is no longer valid",
		"Since validUntil has passed the rule is not evaluated.", "renew the rule after a review, or remove it"}}
	expiring = kind{Kind: Kind{"BF131", "expiring-rule", Note, "A rule expires soon",
		"From validUntil on the rule is not evaluated, without further notice.", "review the rule in time"}}
	expiredExemption = kind{Kind: Kind{"BF132", "expired-exemption", Warning, "An exemption is no longer valid",
		"An exemption that has expired permits nothing.", "renew the exemption after a review, or remove it"}}
	longExemption = kind{Kind: Kind{"BF133", "long-exemption", Warning, "An exemption lasts longer than is recommended",
		"What is excepted for long is a rule of its own that nobody reviews as one.",
		"end the exemption sooner, or write the exception into the rule"}}
	noReason = kind{Kind: Kind{"BF140", "no-reason", Warning, "A block rule does not say why",
		"Whoever is stopped reads the reason in the answer; without one there is nothing to act on.",
		"add a reason or a description"}, strict: true}
	noContact = kind{Kind: Kind{"BF141", "no-contact", Warning, "A block rule does not say whom to ask",
		"Whoever is stopped needs somebody who can explain or correct it.", "add a contact to the rule or its policy"}, strict: true}
	blocksByDefault = kind{Kind: Kind{"BF142", "blocks-by-default", Warning, "A policy blocks whatever it does not allow",
		"Blocking by default stops ordinary flows that nobody has a reason to stop, and reaches further than a goal that is stated rule by rule.",
		"set default: allow, and block what has to be blocked by rules that say why"}}
	untested = kind{Kind: Kind{"BF143", "untested-rule", Warning, "No test of the policy reaches a rule",
		"Nothing shows that the rule does what it is meant to do.", "add a case to the policy's tests in which it decides"}}
	unusedList = kind{Kind: Kind{"BF150", "unused-list", Warning, "A list that no condition names",
		"Whoever edits the list expects that something changes.", "name the list in a condition, or remove it"}}
	emptyList = kind{Kind: Kind{"BF151", "empty-list", Warning, "A list without entries",
		"Nothing is in an empty list: a rule that asks for what is in it never matches, and one that asks for what is not always does.",
		"add entries, or remove the list and what names it"}}
	unusedGroup = kind{Kind: Kind{"BF152", "unused-group", Warning, "A group of countries that no condition names",
		"Whoever edits the group expects that something changes.", "name the group in a condition, or remove it"}}
	emptyGroup = kind{Kind: Kind{"BF153", "empty-group", Warning, "A group of countries without a member today",
		"No country is within it: a rule that asks for a place inside never matches, and one that asks for a place outside always does.",
		"add members, or remove the group and what names it"}}
	endingMembership = kind{Kind: Kind{"BF154", "ending-membership", Note, "The membership of a country in a group ends soon",
		"From then on the country is outside, without further notice.", "review the group in time"}}
	notAnalysable = kind{Kind: Kind{"BF190", "not-analysable", Note, "A question about a rule was left open",
		"Conditions are analysed as far as comparisons of facts with constants go. Beyond that nothing is proved.",
		"nothing, unless a simpler condition would do"}}

	withoutBasis = kind{Kind: Kind{"BF201", "named-without-basis", Warning, "A rule names a country or company without legal basis and evidence",
		"A restriction of particular countries or companies needs both the law that asks for it and the facts that it rests on.",
		"add legalBasis and evidence, or state the rule without naming anybody"}, strict: true}
	widerThanBasis = kind{Kind: Kind{"BF202", "wider-than-basis", Warning, "A rule stops all data where its own basis covers one category",
		"What the rule gives as its basis or purpose concerns one category of data, and the condition does not ask what data it is.",
		"narrow the condition to the category"}, strict: true}

	noPurpose = kind{Kind: Kind{"BF301", "no-purpose", Error, "A block rule does not state its purpose",
		"Restrictions serve a stated goal: security, public interest, privacy or intellectual property.", "add a purpose"}}
	noLegalBasis = kind{Kind: Kind{"BF302", "no-legal-basis", Warning, "A block rule does not state its legal basis",
		"Whoever is stopped can then look up what asks for it.", "add a legalBasis"}}
	unequal = kind{Kind: Kind{"BF303", "unequal-treatment", Error, "Equal flows to different places get different verdicts, without evidence",
		"Two flows differ in nothing but their place or operator, and one is stopped by a rule that does not give both legal basis and evidence.",
		"add legalBasis and evidence, or treat both alike"}}
	noReview = kind{Kind: Kind{"BF304", "no-review-date", Warning, "A rule that names a country or company has no end",
		"The evidence for a restriction of somebody in particular ages; a date makes sure that it is looked at again.", "add validUntil"}}
	unknownIsBad = kind{Kind: Kind{"BF305", "unknown-place-is-stopped", Note, "A rule stops destinations whose place is not known",
		"Address data are poorest for the least developed countries, so what is unknown is often simply theirs.",
		"decide on what is known, or declare the destinations in jurisdiction.catalogue"}}
)

// Kinds lists every check, by code.
func Kinds() []Kind {
	var all []Kind
	for _, k := range []kind{neverMatches, shadowed, duplicated, conflicting, idleAllow, readsEverything, vacuous, unguarded,
		undetectedCategory, spelling, anyRecipient, expired, expiring, expiredExemption, longExemption, noReason, noContact,
		blocksByDefault, untested, unusedList, emptyList, unusedGroup, emptyGroup, endingMembership, notAnalysable, withoutBasis, widerThanBasis, noPurpose, noLegalBasis, unequal, noReview, unknownIsBad} {
		all = append(all, k.Kind)
	}
	return all
}
