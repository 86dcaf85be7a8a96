#!/bin/sh
# examples.sh NNC FOLDER: every `quick` example of examples.txt, trained a few steps, becomes a header
# that compiles and computes what nnc does, in f32 and in int8: there to the last bit, and in whole
# numbers alone. And every example is in examples.txt.
. "$(dirname "$0")/common.sh"
table=$(dirname "$0")/examples.txt
all_listed "$table"

# header WORDS...: it says what nnc says, with sanitizers, and compiles without a warning.
header() {
    example --verify "$@" > "$dir/out" 2>&1 &&
        example --emit-c "$dir/$name.h" "$@" > "$dir/emitted" 2>&1 &&
        compiles "$name" > "$dir/out" 2>&1 &&
        ! grep stays-real "$dir/emitted"
}

careful
checked=0 failed=0 exact=0
while read -r name test data sets; do
    [ "$test" = quick ] || continue
    checked=$((checked + 1))
    if example --train --quiet > "$dir/out" 2>&1 && header && header --quantize int8; then
        exact=$((exact + $(grep -c "${name}_predict_i8(void" "$dir/$name.h")))
        rm "$dir/$name.h"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        cat "$dir/out"
    fi
done < "$table"
echo "$((checked - failed)) of $checked agree"
[ "$checked" -ge 19 ] && [ "$failed" -eq 0 ] && [ "$exact" -ge 2 ]
