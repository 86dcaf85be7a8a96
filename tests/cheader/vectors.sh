#!/bin/sh
# vectors.sh NNC FOLDER: compilers put the products into vectors without being told that they may
# reorder sums: of the multiply-adds of a header most are packed.
. "$(dirname "$0")/common.sh"
[ "$(uname -m)" = x86_64 ] || exit 0
"$nnc" "$dir/digits.nn" --train --quiet --set train.epochs=1 > /dev/null 2>&1
"$nnc" "$dir/digits.nn" --emit-c "$dir/digits.h" 2> /dev/null
implementation digits
for cc in gcc clang; do
    command -v "$cc" > /dev/null || continue
    "$cc" -std=c99 -O3 -mavx2 -mfma -S "$dir/digits.c" -o "$dir/digits.s"
    packed=$(grep -c 'vfmadd[0-9]*ps' "$dir/digits.s") scalar=$(grep -c 'vfmadd[0-9]*ss' "$dir/digits.s" || true)
    echo "$cc: $packed packed, $scalar not"
    [ "$packed" -ge 3 ] && [ "$packed" -ge "$scalar" ]
done
