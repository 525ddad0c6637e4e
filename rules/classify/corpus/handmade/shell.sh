#!/bin/sh
set -eu
export PASSWORD="$(cat /run/secrets/password)" TOKEN=$1 API_KEY="${API_KEY:?missing}"
PWD=/home/build/src/project-2026
curl -fsS -H "Authorization: Bearer $TOKEN" -H "X-Api-Key: ${API_KEY}" -u "$USER:$PASSWORD" "https://$HOST/v1/items?since=1767225600"
ssh -i ~/.ssh/id_ed25519 deploy@build.example.com 'uname -a'
rsync -az ./out/ backup@10.0.0.7:/srv/backup/20260301101112/
openssl rand -hex 32 > token.txt; chmod 0600 token.txt
docker run -e POSTGRES_PASSWORD -p 127.0.0.1:5432:5432 postgres:16.3@sha256:0aafd2ae7e6c391f39fb6b7621632d79f54068faebc726caf469e87bd1d301c0
