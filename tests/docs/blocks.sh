#!/bin/sh
# blocks.sh NNC DATA DOCUMENT...: every block of a document that begins with ```nn is a whole file
# and must pass `nnc FILE`; one that begins with ```nn fragment is left alone. DATA is the folder
# that the blocks call data/.
set -eu
nnc=$1 data=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ln -s "$data" "$dir/data"

checked=0 failed=0
for document in "$@"; do
    awk -v dir="$dir" -v stem="$(basename "$document" .md)" '
        /^```nn$/ { out = dir "/" stem "_line" NR ".nn"; next }
        /^```/    { if (out) close(out); out = ""; next }
        out       { print > out }' "$document"
done
for file in "$dir"/*.nn; do
    [ -e "$file" ] || break
    checked=$((checked + 1))
    if ! out=$("$nnc" "$file" 2>&1); then
        failed=$((failed + 1))
        printf 'FAIL %s\n%s\n' "$(basename "$file")" "$out"
    fi
done
echo "$((checked - failed)) of $checked blocks pass"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
