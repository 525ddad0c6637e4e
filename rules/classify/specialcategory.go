package classify

import (
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// specialField is the table entry of data of a special category: a key that names it and a value that says
// it. keys and denies are separated by "|"; values are a vocabulary of what may stand there, or "" for
// anything that says something.
func specialField(d Detector, keys, denies, values string) *rule {
	d.Categories = []string{"personal", "sensitive"}
	d.Evidence = EvidenceRequired
	if d.Legal == "" {
		d.Legal = legalSpecial
	}
	var known *vocabulary
	if values != "" {
		known = words(strings.Split(values, "|"), nil)
	}
	return &rule{
		Detector: d,
		keys:     words(strings.Split(keys, "|"), strings.Split(denies, "|")),
		field: func(f *field, value []byte) match {
			said := f.clause()
			if len(said.text) == 0 || len(said.text) > 80 || isOneOf(f.text[0], "{[<$") {
				return match{}
			}
			var scratch [4 * maxKey]byte
			if known != nil && !known.has(normalise(scratch[:0], lowered(value, said.text))) {
				return match{}
			}
			if known == nil && !saysSomething(said.text) && !isPlainWord(said.text, "true", "yes", "1", "ja", "oui", "sí", "sim", "是", "有") {
				return match{}
			}
			return said.match(lowered(value[:0], said.text), d.Strength)
		},
	}
}

const notAPerson = "id|ids|code|url|type|count|condition|label|form|options|list|field|column|index|version|screen|page|image|video|device|layout"

func specialCategoryRules() []*rule {
	return []*rule{
		specialField(Detector{
			ID: "religion", Strength: flow.Strong, Source: "GDPR art. 9(1); PIPL art. 28",
			Description: "religious or philosophical belief: a key that names it and the name of one",
		}, "religion|religions|belief|beliefs|religious affiliation|religiousaffiliation|religious belief|religious beliefs|faith|denomination|konfession|religionszugehörigkeit*|"+
			"religionszugehoerigkeit*|croyance|religión|religione|religião|religiao|geloof|宗教|宗教信仰|종교|вероисповедание", notAPerson,
			"christian*|catholic*|protestant*|orthodox*|evangelical|lutheran*|baptist|methodist|mormon|muslim*|islam*|sunni|shia|jew|jewish|judaism|hindu*|buddhis*|"+
				"sikh*|atheis*|agnosti*|jain|taois*|daois*|bahai|shinto|zoroastrian|quaker|anglican|adventist|konfessionslos|katholi*|evangelisch*|rk|ev|jüdisch|"+
				"catholique|juif|juive|musulman*|bouddhiste|católic*|catolic*|judío|judio|cristian*|ebre*|佛教|基督|天主教|伊斯兰|道教|回教|无神论|无宗教|仏教|神道|キリスト|불교|기독교|천주교"),
		specialField(Detector{
			ID: "ethnicity", Strength: flow.Strong, Source: "GDPR art. 9(1); PIPL art. 28; US OMB SPD 15",
			Description: "racial or ethnic origin: a key that names it and the name of one",
		}, "ethnicity|ethnic|ethnic group|ethnicgroup|ethnic origin|ethnicorigin|race|racial|ethnie|ethnische herkunft|etnia|raza|raça|origine ethnique|民族|种族|族裔|人種|민족", notAPerson+"|day|time|results|name|car|track|date",
			"asian|black|white|hispanic|latino|latina|latinx|caucasian|african*|native|indigenous|pacific islander|hawaiian|arab|middle eastern|south asian|east asian|"+
				"mixed|multiracial|biracial|roma|sinti|kurd*|han|uyghur|uighur|tibetan|hui|mongol*|zhuang|manchu|romani|aboriginal|maori|inuit|weiß|schwarz|blanc|noir|"+
				"blanco|negro|indígena|汉族|汉|维吾尔*|回族|藏族|蒙古*|壮族|满族|苗族|彝族|朝鲜族|土家族|哈萨克"),
		specialField(Detector{
			ID: "political-opinion", Strength: flow.Strong, Source: "GDPR art. 9(1); PIPL art. 28",
			Description: "political opinion or membership: a key that names it and a party or direction",
		}, "political affiliation|politicalaffiliation|political party|politicalparty|political opinion|political opinions|political view|political views|political status|"+
			"party affiliation|party membership|registered party|parteizugehörigkeit|politische gesinnung|partei|opinion politique|parti politique|afiliación política|"+
			"afiliacion politica|政治面貌|政治倾向|党派|支持政党|정당", notAPerson,
			"democrat*|republican*|liberal*|conservative*|labour|tory|green|greens|socialist*|communist*|libertarian|independent|cdu|csu|spd|fdp|afd|grüne*|linke|"+
				"left*|right*|centrist|moderate|progressive|nationalist|ps|lr|rn|lfi|pp|psoe|vox|podemos|中共党员|党员|共青团员|团员|群众|民主党派|预备党员|自民党|立憲|公明|共産"),
		specialField(Detector{
			ID: "trade-union", Strength: flow.Medium, Source: "GDPR art. 9(1)",
			Description: "trade union membership: a key that names it and a value that says something",
		}, "trade union|tradeunion|union member|unionmember|union membership|unionmembership|trade union membership|labor union|labour union|gewerkschaft|"+
			"gewerkschaftszugehörigkeit|gewerkschaftsmitglied|syndicat|sindicato|sindacato|vakbond|工会|工会会员|労働組合|노동조합", notAPerson, ""),
		specialField(Detector{
			ID: "sexual-orientation", Strength: flow.Strong, Source: "GDPR art. 9(1)",
			Description: "sexual orientation or sex life: a key that names it and a value that says it",
		}, "orientation|sexual orientation|sexualorientation|sexuality|sexual preference|sexuelle orientierung|orientation sexuelle|orientación sexual|orientacion sexual|"+
			"orientamento sessuale|orientação sexual|seksuele geaardheid|性取向|性的指向|성적지향", notAPerson,
			"gay|lesbian|bisexual*|heterosexual*|homosexual*|straight|queer|pansexual|asexual|lgbt*|schwul|lesbisch|bisexuell|heterosexuell|homosexuell|homosexuel*|"+
				"hétérosexuel*|lesbienne|gai|heterosexual|lesbiana|同性恋|异性恋|双性恋|同性愛|異性愛|両性愛"),
		specialField(Detector{
			ID: "criminal-record", Strength: flow.Medium, Legal: legalCriminal, Source: "GDPR art. 10",
			Description: "criminal convictions or offences: a key that names them and a value that says something",
		}, "criminal offence|criminal offences|criminal offense|criminal offenses|criminal record|criminalrecord|criminal records|criminal history|criminalhistory|conviction|convictions|criminal conviction|criminal convictions|felony|felonies|"+
			"arrest record|vorstrafe*|vorstrafen|strafregister*|führungszeugnis|casier judiciaire|condamnation|condamnations|antecedentes penales|"+
			"casellario giudiziale|antecedentes criminais|strafblad|犯罪记录|前科|违法犯罪|犯罪歴|범죄경력|전과", notAPerson+"|rate", ""),
	}
}
