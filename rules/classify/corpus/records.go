package corpus

import (
	"slices"
	"strings"
)

// recordDocument holds values under their keys, among fields that mean nothing. turn makes every kind meet
// every format.
func recordDocument(s *source, all []kind, turn int) Document {
	list := formats()
	f := list[(turn+turn/len(list))%len(list)]
	chosen := []kind{all[turn%len(all)]}
	for range s.from(0, 3) {
		if other := pick(s, all); !slices.ContainsFunc(chosen, func(k kind) bool { return k.detector == other.detector }) {
			chosen = append(chosen, other)
		}
	}
	style := pick(s, styles())
	var names []string
	for _, k := range chosen {
		names = append(names, k.named(s))
	}
	count := 1
	if !slices.Contains([]string{"json/object", "json/nested", "form", "mail"}, f.name) && s.chance(60) {
		count = s.from(2, 12)
	}
	d := Document{Kind: f.name, ContentType: f.contentType}
	neutral := s.from(1, 4)
	var records [][]field
	for range count {
		var r []field
		for i, k := range chosen {
			v := k.make(s)
			// In SQL a value stands apart from the name of its column: only what needs no name is put there.
			if f.name == "sql" && (!v.alone || k.field) {
				v = sample{text: s.one("pending|open|closed")}
			} else {
				d.Labels = append(d.Labels, Label{Detector: k.detector, Value: v.text, also: k.also})
			}
			r = append(r, field{words: names[i], value: v.text, number: f.name != "csv" && isNumber(v.text) && s.chance(20)})
		}
		records = append(records, append(r, neutralFields(s, neutral)...))
	}
	// Filler has the same order in all records, which is shuffled once.
	order := s.Perm(len(records[0]))
	for i, r := range records {
		shuffled := make([]field, len(r))
		for to, from := range order {
			shuffled[to] = r[from]
		}
		records[i] = shuffled
	}
	d.Body = []byte(f.write(s, style, records))
	return d
}

// named is a key of the kind, now and then with a word before it.
func (k *kind) named(s *source) string {
	name := k.key(s)
	if s.chance(15) && name[0] < 0x80 && !k.field && !strings.Contains(name, "user") {
		return s.one("customer|employee|applicant|primary|member") + " " + name
	}
	return name
}

func isNumber(text string) bool {
	return len(text) <= 15 && text[0] != '0' && strings.Trim(text, decimals) == ""
}

// neutralFields are n fields of no interest, the same ones for the same n.
func neutralFields(s *source, n int) []field {
	return []field{
		{words: "status", value: s.one("active|pending|closed|shipped")},
		{words: "created at", value: "2026-0" + s.of("123456789", 1) + "-1" + s.of(decimals, 1) + "T0" + s.of(decimals, 1) + ":12:44Z"},
		{words: "amount", value: s.digits(3) + "." + s.of(decimals, 2), number: true},
		{words: "request id", value: s.uuid()},
	}[:n]
}

// textDocument holds a value in sentences: with a word that names it, or, if it needs none, without.
func textDocument(s *source, all []kind, turn int) Document {
	var prose []kind
	for _, k := range all {
		if !k.field {
			prose = append(prose, k)
		}
	}
	k := prose[turn%len(prose)]
	v := k.make(s)
	term := k.key(s)
	d := Document{Kind: "prose/named", ContentType: "text/plain"}
	var sentence string
	switch {
	case v.alone && s.chance(40):
		d.Kind = "prose/alone"
		sentence = s.one("Here it is: % as you asked.|Please use % from now on.|We noted % for the file.|Bitte verwenden Sie %.|Voici ce que vous cherchez : %|请查收 % 谢谢")
	case term[0] >= 0x80 || strings.ContainsAny(term, "号卡"):
		sentence = s.one("我的" + term + "是%，请查收。|" + term + "：%|" + term + " %")
	default:
		sentence = s.one("My " + term + " is %.|The " + term + " on file: %, please check.|" + capitalised(term) + " % was entered yesterday.|" +
			capitalised(term) + ": %|" + term + " = %|Meine " + term + " lautet %.|Mi " + term + " es %, gracias.|Her " + term + " (%) changed.")
	}
	d.Labels = []Label{{Detector: k.detector, Value: v.text, also: k.also}}
	body := strings.Replace(sentence, "%", v.text, 1)
	if s.chance(40) {
		d.Kind, d.ContentType = d.Kind+" in json", "application/json"
		body = `{"` + s.one("message|text|content|comment|note|body") + `": ` + quote(lorem(s)+body+" "+lorem(s)) + `, "n": 1}`
	} else {
		body = lorem(s) + body + "\n" + lorem(s) + "\n"
	}
	d.Body = []byte(body)
	return d
}

// lorem is a few sentences that say nothing.
func lorem(s *source) string {
	var out string
	for range s.from(1, 4) {
		out += s.one("Thanks for getting back to us so quickly. |The weather was fine and the train on time. |Vielen Dank für Ihre Nachricht von gestern. |" +
			"Nous revenons vers vous dès que possible. |We would like to go on with the plan from the last meeting. |Quedamos a la espera de su respuesta. |" +
			"会议改到下午进行。 |Obrigado pela compreensão de todos. ")
	}
	return out
}

// unsupportedDocument holds a value that would need evidence, and has none.
func unsupportedDocument(s *source, all []kind, turn int) Document {
	var weak []kind
	for _, k := range all {
		if !k.field && weakKinds[k.detector] {
			weak = append(weak, k)
		}
	}
	k := weak[turn%len(weak)]
	v := k.make(s)
	d := Document{Kind: "without evidence/json", ContentType: "application/json", Labels: []Label{{Detector: k.detector, Value: v.text, Unsupported: true}}}
	key := s.one("order_number|reference|value|trackingId|n|sequence|item_code|batch|count|sku|invoice_no|offset|ts|checksum")
	switch s.IntN(3) {
	case 0:
		d.Body = []byte(`{"` + key + `": ` + quote(v.text) + `, "status": "ok", "total": 12}`)
	case 1:
		d.Kind = "without evidence/log"
		d.ContentType = "text/plain"
		d.Body = []byte("2026-02-11T10:04:05Z INFO worker finished " + key + "=" + strings.ReplaceAll(v.text, " ", "") + " in 12ms\n")
		d.Labels[0].Value = strings.ReplaceAll(v.text, " ", "")
	default:
		d.Kind = "without evidence/prose"
		d.ContentType = "text/plain"
		d.Body = []byte(lorem(s) + "The shipment " + v.text + " has left the warehouse. " + lorem(s))
	}
	return d
}

// weakKinds are values that mean nothing without evidence, in whatever form.
var weakKinds = map[string]bool{
	"gb-nhs-number": true, "nl-bsn": true, "pl-pesel": true, "bg-egn": true, "tr-tckn": true, "ru-inn": true, "ro-cnp": true, "jp-my-number": true,
	"tw-id": true, "in-aadhaar": true, "in-pan": true, "id-nik": true, "vn-cccd": true, "us-npi": true, "ca-sin": true, "au-tfn": true,
	"passport-number": true, "cn-passport": true, "cn-travel-permit": true, "us-aba-routing": true, "us-ein": true, "imsi": true,
	"cn-bankcard": true, "payment-card-test": true,
}
