#!/bin/sh
# The quickstart: four kinds of clients send orders through borderflow to three places.
#
#   api.shop.de.example       stands in Germany: everything passes
#   api.shop.us.example       stands in the United States: a customer's payment card does not pass,
#                             until the policy is edited
#   api.shop.unknown.example  nobody knows where: a customer's payment card does not pass
#
# Run it from anywhere; it needs Go, and shows more when curl, Node.js (20 or newer) and jq are there.
# Everything it writes goes to a temporary directory that is removed at the end; set QUICKSTART_DIR
# to an empty directory to keep it. When a port is taken, choose others:
#
#   BORDERFLOW_LISTEN=127.0.0.1:3128 BORDERFLOW_ADMIN_LISTEN=127.0.0.1:9128 \
#   QUICKSTART_ORIGINS=127.0.0.1:8443 examples/quickstart/run.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
orders=$here/orders
export BORDERFLOW_LISTEN="${BORDERFLOW_LISTEN:-127.0.0.1:23128}"
export BORDERFLOW_ADMIN_LISTEN="${BORDERFLOW_ADMIN_LISTEN:-127.0.0.1:29128}"
origins_address=${QUICKSTART_ORIGINS:-127.0.0.1:28443}
work=${QUICKSTART_DIR:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)

running= # the processes of this script; no others are stopped at its end
clean_up() {
  for process in $running; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  [ -n "${QUICKSTART_DIR:-}" ] || rm -rf "$work"
}
# wait_for PROCESS waits until it has ended, and fails if it did.
wait_for() {
  others=
  for process in $running; do
    [ "$process" = "$1" ] || others="$others $process"
  done
  running=$others
  wait "$1"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '\n== %s\n' "$*"; }
available() { command -v "$1" >/dev/null 2>&1 || { echo "skipped: $1 is not installed"; return 1; }; }

# start NAME SIGN COMMAND... runs the command and waits until its log shows the sign.
start() {
  name=$1 sign=$2 log=$work/$1.log
  shift 2
  : >"$log"
  "$@" >"$log" 2>&1 &
  process=$!
  running="$running $process"
  tries=0
  until grep -q "$sign" "$log"; do
    tries=$((tries + 1))
    if ! kill -0 "$process" 2>/dev/null || [ "$tries" -gt 100 ]; then
      echo "$name did not start:" >&2
      cat "$log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

step "Build borderflow, the origins and the Go client"
(cd "$here/../.." && go build -o "$work/" ./cmd/borderflow ./examples/quickstart/origins ./examples/quickstart/client)

step "Start the origins"
start origins "origins listen" "$work/origins" -listen "$origins_address" -ca "$work/origins.pem" \
  api.shop.de.example api.shop.us.example api.shop.unknown.example

step "Check the configuration and the policy"
mkdir -p "$work/policies"
cp "$here"/policies/*.yaml "$work/policies/"
sed "s/127\.0\.0\.1:28443/$origins_address/" "$here/borderflow.yaml" >"$work/borderflow.yaml"
policy=$work/policies/cross-border.yaml
ca=$work/state/ca/ca.pem
"$work/borderflow" check --config "$work/borderflow.yaml"
"$work/borderflow" locate --config "$work/borderflow.yaml" \
  api.shop.de.example api.shop.us.example api.shop.unknown.example

step "Start the proxy"
start borderflow "borderflow is ready" "$work/borderflow" run --config "$work/borderflow.yaml"
proxy=$process
echo "the proxy listens on $BORDERFLOW_LISTEN; its CA is $ca"

# From here on every client uses the proxy, and trusts its CA; that is all a client needs.
export HTTPS_PROXY="http://$BORDERFLOW_LISTEN" https_proxy="http://$BORDERFLOW_LISTEN"
export NO_PROXY= no_proxy=
export CURL_CA_BUNDLE="$ca" NODE_EXTRA_CA_CERTS="$ca" NODE_USE_ENV_PROXY=1

# order PLACE FILE sends the file with curl and shows the answer.
order() {
  echo "-- $2 to $1"
  curl --silent --show-error --max-time 30 --write-out '\nHTTP %{http_code}\n' \
    --header 'Content-Type: application/json' --data "@$orders/$2" "https://api.shop.$1.example/orders"
}

step "curl: an order, to Germany and to the United States"
if available curl; then
  order de order.json
  order us order.json
fi

step "curl: the same order with a payment card and an e-mail address"
if available curl; then
  order de order-with-card.json
  order us order-with-card.json
  order unknown order-with-card.json
fi

step "Go over gRPC"
for place in de us unknown; do
  echo "-- order-with-card.json to $place"
  "$work/client" -ca "$ca" grpc "api.shop.$place.example" "$orders/order-with-card.json"
done

step "Go over a WebSocket"
for place in de us unknown; do
  echo "-- order-with-card.json to $place"
  "$work/client" -ca "$ca" websocket "api.shop.$place.example" "$orders/order-with-card.json"
done

step "Node's fetch"
if ! available node; then
  :
elif [ ! -d "$here/node_modules/undici" ] && [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 24 ]; then
  echo "skipped: before version 24 Node's fetch needs the undici package to use a proxy: npm ci --prefix $here"
else
  for place in de us unknown; do
    echo "-- order-with-card.json to $place"
    node "$here/order.mjs" "https://api.shop.$place.example/orders" "$orders/order-with-card.json"
  done
fi

step "Edit the policy while requests run"
# The transfer to the United States has been put under standard contractual clauses: the rule now
# marks it instead of stopping it. A new file is moved into place, so that none is read half written.
sed '/id: cards-to-us-need-a-mechanism/,/verdict:/ s/verdict: block/verdict: log/' "$policy" >"$work/edited.yaml"
diff "$policy" "$work/edited.yaml" || true
"$work/client" -ca "$ca" watch https://api.shop.us.example/orders "$orders/order-with-card.json" "$policy" &
watching=$!
running="$running $watching"
sleep 1
touch "$work/edited.yaml"
mv "$work/edited.yaml" "$policy"
wait_for "$watching"

step "Stop the proxy: it drains, and completes its records"
kill "$proxy"
wait_for "$proxy"
echo "records: $(cat "$work"/state/evidence/*.jsonl | wc -l | tr -d ' ') lines in $work/state/evidence"

step "The records: every flow, its verdict, and the policy version that decided it"
if available jq; then
  echo "-- flows by policy version, destination and verdict"
  jq --slurp --raw-output '
    group_by([.policy_hash, .destination.host, .request.protocol, .verdict, .rule])[]
    | [.[0].policy_hash[:12], .[0].destination.host, .[0].destination.country // "unknown",
       .[0].request.protocol, .[0].verdict, .[0].rule // .[0].logged[0].rule // "-", length]
    | @tsv' "$work"/state/evidence/*.jsonl
  echo "-- one of them in full"
  jq --slurp 'map(select(.verdict == "block"))[0]' "$work"/state/evidence/*.jsonl
fi
