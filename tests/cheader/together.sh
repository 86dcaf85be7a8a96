#!/bin/sh
# together.sh NNC FOLDER: two headers in one program, in one file and apart, in C and in C++.
. "$(dirname "$0")/common.sh"
for name in iris digits; do
    "$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=1 > /dev/null 2>&1
    "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" 2> /dev/null
    compiles "$name"
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
cc -std=c99 $strict -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/both.c" -o "$dir/both" -lm
"$dir/both"
cp "$dir/both.c" "$dir/both.cpp"
c++ $strict "$dir/both.cpp" -o "$dir/both" -lm
"$dir/both"
sed '/IMPLEMENTATION/d' "$dir/both.c" > "$dir/apart.c"
cc -std=c99 $strict "$dir/apart.c" "$dir/iris.c" "$dir/digits.c" -o "$dir/apart" -lm
"$dir/apart"
