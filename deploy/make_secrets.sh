#!/bin/sh
# Random secrets for docker-compose.yml, one file each under deploy/secrets/; what is there already stays.
set -eu
folder="$(cd "$(dirname "$0")" && pwd)/secrets"
mkdir -p "$folder"

word() { od -An -N20 -tx1 /dev/urandom | tr -d ' \n'; }
put() { [ -e "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"; }

for name in api_key bigcommerce_client_secret bigcommerce_token hash_key mailchimp_key postgres_password; do
  put "$name" "$(word)"
done
put bigcommerce_webhook_header "X-Headrace-Secret: $(word)"
put database_url "postgresql+psycopg://headrace:$(cat "$folder/postgres_password")@postgres:5432/headrace"
put effects_database_url "postgresql+psycopg://headrace:$(cat "$folder/postgres_password")@effects-db:5432/headrace"
# What only you know, empty until you fill it in: the mail server's password; chats for notes, `sales: https://...` a line.
put smtp_password ""
put effects_channels ""
put effects_webhook_secret "whsec_$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
# Compose mounts the files as they are, and the services run as uid 10001: the folder is what keeps others out.
chmod 0444 "$folder"/*
chmod 0700 "$folder"
