#!/bin/sh
# vectors.sh NNC FOLDER: products are in vectors, though nobody allowed a compiler to reorder sums: of
# the multiply-adds of a header nearly all are packed. With -Os, which has no room for them, none
# of the header's own vectors is left.
. "$(dirname "$0")/common.sh"
[ "$(uname -m)" = x86_64 ] || exit 0

# count CC FLAGS PATTERN: in what the compiler makes of $name.
count() {
    "$1" -std=c99 $2 -mavx2 -mfma -S "$dir/$name.c" -o "$dir/$name.s"
    grep -c "$3" "$dir/$name.s" || true
}

# packed NAME TRAINING...
packed() {
    name=$1
    shift
    "$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=1 "$@" > /dev/null 2>&1
    "$nnc" "$dir/$name.nn" --quiet --emit-c "$dir/$name.h" 2> /dev/null
    implementation "$name"
    for cc in gcc clang; do
        command -v "$cc" > /dev/null || continue
        for optimize in -O2 -O3; do
            packed=$(count $cc $optimize 'vfmadd[0-9]*ps') scalar=$(count $cc $optimize 'vfmadd[0-9]*ss')
            echo "$name, $cc $optimize: $packed packed, $scalar not"
            [ "$packed" -ge 20 ] && [ "$packed" -ge $((20 * scalar)) ]
        done
    done
    [ "$(count gcc -Os 'vfmadd[0-9]*ps')" -eq 0 ]
}

packed digits
packed kws_ds_cnn --set 'data.train=synthetic(seed = 1, examples = 64)' --set data.validation=0.25 \
    --set data.test=0.25 --set train.batch_size=16
