package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/proxy/evidence"
)

func TestOrderPassesAndTheSameOrderWithACardIsBlockedWithItsReason(t *testing.T) {
	w := newWorld(t)
	for host, country := range map[string]string{"shop.de.test": "DE", "shop.us.test": "US"} {
		w.serve(host, echo)
		w.place(host, country)
		w.place("plain."+host, country)
	}
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	const card = `{"order":7,"card":"5555555555554444","email":"ann.smith@example.org"}`
	for name, client := range map[string]*http.Client{"HTTP/2": w.client(), "HTTP/1.1": w.client(http1)} {
		for _, scheme := range []string{"https://", "http://plain."} {
			t.Run(name+" "+scheme, func(t *testing.T) {
				response := post(t, client, scheme+"shop.de.test/orders", card)
				body, _ := io.ReadAll(response.Body)
				if response.StatusCode != 200 || !strings.HasSuffix(string(body), card) {
					t.Errorf("to Germany: %d %s", response.StatusCode, body)
				}
				response = post(t, client, scheme+"shop.us.test/orders", `{"order":7}`)
				if response.StatusCode != 200 {
					t.Errorf("an order without a card: %d", response.StatusCode)
				}
				response = post(t, client, scheme+"shop.us.test/orders", card)
				p := refusal(t, response)
				if p.Status != 403 || p.Rule != "no-cards-to-us" || p.Contact != "privacy@example.com" ||
					!slices.Contains(p.Categories, "financial") {
					t.Errorf("with a card: %+v", p)
				}
				record := w.flow(p.FlowID)
				if record.Verdict != "block" || record.Rule != p.Rule || record.Outcome != evidence.Blocked ||
					record.Destination.Country != "US" || record.Bytes.Sent != 0 || record.Phase != "body" {
					t.Errorf("record: %+v", record)
				}
			})
		}
	}
}
