#!/bin/sh
# check.sh NNC FILE...: every file must pass `nnc FILE` with no error and no warning. Ends with how
# many did.
set -u
nnc=$1
shift
checked=0 failed=0
for file in "$@"; do
    checked=$((checked + 1))
    if ! out=$("$nnc" "$file" 2>&1) || printf '%s\n' "$out" | grep -q '^warning\['; then
        failed=$((failed + 1))
        printf 'FAIL %s\n%s\n' "$file" "$out"
    fi
done
echo "$((checked - failed)) of $checked files pass"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
