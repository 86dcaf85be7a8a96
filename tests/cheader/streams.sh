#!/bin/sh
# streams.sh NNC FOLDER: a recurrent model that is fed step by step says after each step what it says
# of the whole sequence there; one that looks backwards or across all steps has no stream.
. "$(dirname "$0")/common.sh"

# model NAME LAYERS [SETTING]: of 12 steps of 2 numbers, with weights that are trained a little.
model() {
    awk 'BEGIN { srand(5); for (i = 0; i < 24; i++) printf "x%d,", i; print "y"
                 for (r = 0; r < 64; r++) { for (i = 0; i < 24; i++) printf "%.3f,", rand(); print rand() } }' \
        > "$dir/steps.csv"
    cat > "$dir/$1.nn" <<END
model $1 {
    input x[12, 2]
    $2
}
data { train = csv("steps.csv", target = "y", scale = 1/2)${3:+; $3} }
train { loss = mean_squared_error; optimizer = adam; epochs = 2 }
END
    "$nnc" "$dir/$1.nn" --train --quiet > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    "$nnc" "$dir/$1.nn" --emit-c "$dir/$1.h" 2> /dev/null
    compiles "$1"
}

# streams NAME: the last step's output is that of the whole.
streams() {
    model "$@"
    cat > "$dir/main.c" <<END
#include <math.h>
#include <stdio.h>
#include "$1.h"
static float arena[$(upper "$1")_ARENA_FLOATS], small[$(upper "$1")_STREAM_ARENA_FLOATS];
int main(void)
{
    float x[24], y, z = 0.0f, first = 0.0f;
    ${1}_stream s;
    for (int i = 0; i < 24; ++i)
        x[i] = (float)(i * 37 % 23) / 23;
    ${1}_predict(arena, x, &y);
    for (int round = 0; round < 2; ++round) {
        ${1}_stream_start(&s);
        for (int i = 0; i < 12; ++i) {
            ${1}_stream_step(small, &s, x + 2 * i, &z);
            if (i == 0)
                first = z;
        }
        printf("%g %g, first %g\n", (double)y, (double)z, (double)first);
        if (!(fabsf(y - z) <= 1e-6f * fabsf(y)) || first == z)
            return 1;
    }
    return 0;
}
END
    cc -std=c99 -g -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/main.c" "$dir/$1.c" \
        -o "$dir/main" -lm
    "$dir/main"
}

# no_stream NAME LAYERS [SETTING]
no_stream() {
    model "$@"
    if grep -q stream_step "$dir/$1.h"; then echo "$1 streams"; exit 1; fi
}

streams plain 'rnn(5); dense(1)'
streams deep 'dense(4); tanh; gru(6, sequence = true); layernorm; lstm(5); dense(1)'
no_stream both 'bidirectional(lstm, 5); dense(1)'
no_stream average 'gru(5, sequence = true); mean(it, over = 0); flatten; dense(1)'
no_stream heads 'gru(4, sequence = true); multi_head_attention(2); flatten; dense(1)'
# Each number of a csv has statistics of its own, so the steps are not treated alike.
no_stream columns 'gru(5); dense(1)' 'normalize = standard'
