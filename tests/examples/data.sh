#!/bin/sh
# data.sh DIR: the files that DIR/make_data.sh makes are those in DIR.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1/make_data.sh" "$dir"
for made in "$dir"/*; do
    cmp "$made" "$1/$(basename "$made")"
done
