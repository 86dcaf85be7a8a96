#!/bin/sh
# together.sh NNC FOLDER: two headers, of f32, of int8 and one of each, in one program, in one file and
# apart, in C and in C++.
. "$(dirname "$0")/common.sh"
for name in iris digits; do
    "$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=1 > /dev/null 2>&1
done
cat > "$dir/both.c" <<'END'
#include "digits.h"
#define IRIS_IMPLEMENTATION
#define DIGITS_IMPLEMENTATION
#include "iris.h"
#include "digits.h"
#include "iris.h"
int main(void)
{
    static float arena[DIGITS_ARENA_FLOATS > IRIS_ARENA_FLOATS ? DIGITS_ARENA_FLOATS
                                                               : IRIS_ARENA_FLOATS];
    static float pixels[DIGITS_PIXELS_SIZE], digit[DIGITS_OUTPUT_SIZE];
    static float flower[IRIS_FLOWER_SIZE], kind[IRIS_OUTPUT_SIZE];
    digits_predict(arena, pixels, digit);
    iris_predict(arena, flower, kind);
    return digit[0] + kind[0] > 0.0f ? 0 : 1;
}
END
cp "$dir/both.c" "$dir/both.cpp"
sed '/IMPLEMENTATION/d' "$dir/both.c" > "$dir/apart.c"

# together NAME [OPTION...]: with the header of NAME made anew.
together() {
    name=$1
    shift
    "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" "$@" 2> /dev/null
    compiles "$name"
    [ -e "$dir/digits.h" ] || return 0
    cc -std=c99 $strict -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/both.c" -o "$dir/both" -lm
    "$dir/both"
    c++ -std=c++17 $strict "$dir/both.cpp" -o "$dir/both" -lm
    "$dir/both"
    cc -std=c99 $strict "$dir/apart.c" "$dir/iris.c" "$dir/digits.c" -o "$dir/apart" -lm
    "$dir/apart"
}
together iris
together digits
together iris --quantize int8
together digits --quantize int8
