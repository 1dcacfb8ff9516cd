#!/usr/bin/env bash
# Serves a company with a year of data in it. Run again, it goes on with what is there; `make clean` forgets it.
set -euo pipefail

crmcore=${CRMCORE:-crmcore}
port=${PORT:-8000}
folder=.demo
mkdir -p "$folder"
export CRMCORE_DATABASE_URL=${CRMCORE_DATABASE_URL:-sqlite:///$folder/crmcore.db}

if [[ ! -e $folder/filled ]]; then
    rm -f "$folder"/crmcore.db*  # a run that was broken off leaves half a company
fi
"$crmcore" migrate
if [[ ! -e $folder/filled ]]; then
    "$crmcore" demo
    touch "$folder/filled"
fi
if [[ ! -e $folder/token ]]; then
    (umask 077 && "$crmcore" token create --name console --json > "$folder/token.new" && mv "$folder/token.new" "$folder/token")
fi
token=$(sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' "$folder/token")

cat <<TEXT

  The console, with runnable examples:   http://127.0.0.1:$port/console/#token=$token
  The API:                               POST http://127.0.0.1:$port/graphql   Authorization: Bearer $token

  Stop it with Ctrl+C.

TEXT
exec "$crmcore" serve --port "$port"
