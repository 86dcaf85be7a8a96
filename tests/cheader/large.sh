#!/bin/sh
# large.sh NNC FOLDER NAME: the `large` example of examples.txt, trained a few steps, becomes a header
# that computes what nnc does, in f32 and in int8: for 100 inputs by each compiler there is, which has
# nothing to warn of, and for one input with sanitizers.
. "$(dirname "$0")/common.sh"
read -r name test data sets << END
$(grep "^$3 *large " "$(dirname "$0")/examples.txt")
END
[ "$name" = "$3" ]

# agrees INPUTS COMPILER...
agrees() {
    inputs=$1
    shift
    export CC="$* $strict"
    for type in '' '--quantize int8'; do
        example --verify --examples "$inputs" $type > "$dir/out" 2>&1 || {
            echo "FAIL $* $type"
            cat "$dir/out"
            return 1
        }
        echo "$* $type: $(grep "agrees with nnc: outputs of $inputs examples" "$dir/out")"
    done
}

example --train --quiet
for cc in gcc clang; do
    command -v "$cc" > /dev/null || continue
    agrees 100 "$cc" -march=native
done
export ASAN_OPTIONS=detect_leaks=0  # the program that --verify makes ends with what it has
agrees 1 cc -fsanitize=address,undefined -fno-sanitize-recover=all
