#!/usr/bin/env bash
# curl and openssl, as a generator's developer would try it first.
set -euo pipefail

fail() {
    echo "signers/curl.sh: $*" >&2
    exit 1
}

new_task() {
    curl -sS --fail-with-body -X POST "$CALLBACK_HUB_URL/api/tasks" -H "X-API-Key: $CALLBACK_HUB_KEY" -d '{}' \
        | grep -o '"callback_url":"[^"]*"' | cut -d'"' -f4
}

hex() {
    printf %s "$1" | openssl dgst -sha256 -hmac "$CALLBACK_SECRET_KEY" -r | cut -d' ' -f1
}

base64_of() {
    printf %s "$1" | openssl dgst -sha256 -hmac "$CALLBACK_SECRET_KEY" -binary | openssl base64 -A
}

# status, a line feed, body
post() {
    curl -sS -w '\n%{http_code}' -X POST "$1" -H "X-Webhook-Signature: $2" --data-binary "$3"
}

expect() {
    local what=$1 status=$2 words=$3 answer=$4
    [ "${answer##*$'\n'}" = "$status" ] || fail "$what: expected $status, got $answer"
    case $answer in *"$words"*) ;; *) fail "$what: expected $words in $answer" ;; esac
}

plain='{"event":"completed","result":{"url":"https://files.example/1.mp4"}}'
unicode='{"event":"completed","result":{"title":"Überschrift 标题 😀","note":"\u00e9"}}'
for body in "$plain" "$unicode"; do
    expect "hex" 200 '"outcome":"applied"' "$(post "$(new_task)" "$(hex "$body")" "$body")"
    expect "sha256=hex" 200 '"outcome":"applied"' "$(post "$(new_task)" "sha256=$(hex "$body")" "$body")"
    expect "base64" 200 '"outcome":"applied"' "$(post "$(new_task)" "$(base64_of "$body")" "$body")"
    url=$(new_task)
    expect "a tampered body" 401 signature_invalid "$(post "$url" "$(hex "$body")" "$body ")"
    expect "the right body afterwards" 200 '"status":"completed"' "$(post "$url" "$(hex "$body")" "$body")"
done
expect "no signature" 401 signature_missing "$(post "$(new_task)" "" "$plain")"
