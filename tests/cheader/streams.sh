#!/bin/sh
# streams.sh NNC FOLDER: a recurrent model that is fed step by step says after each step what it says
# of the whole sequence there, in int8 to the bit; one that looks backwards or across all steps has no
# stream.
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

# last_step NAME TOLERANCE: the last step's output is that of the whole.
last_step() {
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
        if (!(fabsf(y - z) <= ${2}f * fabsf(y)) || first == z)
            return 1;
    }
    return 0;
}
END
    cc -std=c99 -g -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/main.c" "$dir/$1.c" \
        -o "$dir/main" -lm
    "$dir/main"
}

# streams NAME LAYERS: in f32 and in int8, where the sums of a step are made in the same order.
streams() {
    model "$@"
    last_step "$1" 1e-6
    "$nnc" "$dir/$1.nn" --quiet --emit-c "$dir/$1.h" --quantize int8 2> "$dir/said"
    compiles "$1"
    last_step "$1" 0.0
}

# no_stream NAME LAYERS [SETTING]
no_stream() {
    model "$@"
    if grep -q stream_step "$dir/$1.h"; then echo "$1 streams"; exit 1; fi
}

streams plain 'rnn(5); dense(1)'
if grep -q stays-real "$dir/said"; then exit 1; fi
grep -q 'state_0' "$dir/plain.h"
if grep -q 'float state_0' "$dir/plain.h"; then exit 1; fi
streams gates 'gru(4, reset_after = false, sequence = true); lstm(3, sequence = true); gru(4); dense(1)'
if grep -q stays-real "$dir/said"; then exit 1; fi
streams deep 'dense(4); tanh; gru(6, sequence = true); layernorm; lstm(5); dense(1)'
grep -q '^#define PLAIN_X_SIZE 24$' "$dir/plain.h"
grep -q '^#define PLAIN_X_PER_STEP 2$' "$dir/plain.h"
grep -q '^#define PLAIN_OUTPUT_PER_STEP 1$' "$dir/plain.h"
no_stream both 'bidirectional(lstm, 5); dense(1)'
no_stream average 'gru(5, sequence = true); mean(it, over = 0); flatten; dense(1)'
no_stream heads 'gru(4, sequence = true); multi_head_attention(2); flatten; dense(1)'
# Each number of a csv has statistics of its own, so the steps are not treated alike.
no_stream columns 'gru(5); dense(1)' 'normalize = standard'

# Where the first layer stays f32 there is no entry of i8, and the header says so.
model first 'it % (1 + iota(2)); dense(3); relu; flatten; dense(1)'
"$nnc" "$dir/first.nn" --quiet --emit-c "$dir/first.h" --quantize int8 2> /dev/null
grep -q 'There is no first_predict_i8' "$dir/first.h"
[ "$(grep -c predict_i8 "$dir/first.h")" -eq 1 ]
compiles first

# Letter by letter: each step's output is that of the whole sequence there.
length=24 name=char_lstm
set -- --set units=24 --set length=$length
"$nnc" "$dir/$name.nn" --train --quiet "$@" --set train.epochs=1 --set train.steps_per_epoch=60 > /dev/null 2>&1
"$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" --quantize int8 "$@" 2> /dev/null
compiles $name
cat > "$dir/main.c" <<END
#include <stdio.h>
#include <stdbool.h>
#include "$name.h"
enum { LENGTH = CHAR_LSTM_LETTERS_SIZE, LETTERS = CHAR_LSTM_OUTPUT_PER_STEP };
static float arena[CHAR_LSTM_ARENA_FLOATS], small[CHAR_LSTM_STREAM_ARENA_FLOATS];
static float y[CHAR_LSTM_OUTPUT_SIZE], z[LETTERS];
int main(void)
{
    int32_t x[LENGTH];
    bool changed = false;
    char_lstm_stream s;
    for (;;) {
        for (int i = 0; i < LENGTH; ++i)
            if (scanf("%d%*[,\n]", &x[i]) < 1)
                return i > 0 || !changed;
        char_lstm_predict(arena, x, y);
        char_lstm_stream_start(&s);
        for (int i = 0; i < LENGTH; ++i) {
            char_lstm_stream_step(small, &s, x + i, z);
            for (int k = 0; k < LETTERS; ++k) {
                if (z[k] != y[i * LETTERS + k])
                    return 1;
                changed |= z[k] != z[0];
            }
        }
    }
}
END
cc -std=gnu99 -O2 -march=native "$dir/main.c" "$dir/$name.c" -o "$dir/main" -lm
awk -v n=$length 'BEGIN { srand(3); for (r = 0; r < 21; r++) for (i = 0; i < n; i++)
    printf "%s%s", r ? int(62 * rand()) : "x" i, i < n - 1 ? "," : "\n" }' > "$dir/letters.csv"
tail -n +2 "$dir/letters.csv" | "$dir/main"

# What nnc says of whole sequences.
name=sunspots_gru
"$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=20 > /dev/null
"$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" --quantize int8 2> /dev/null
compiles $name
cat > "$dir/main.c" <<END
#include <stdio.h>
#include "$name.h"
static float small[SUNSPOTS_GRU_STREAM_ARENA_FLOATS];
int main(void)
{
    sunspots_gru_stream s;
    float year, y;
    for (;;) {
        sunspots_gru_stream_start(&s);
        for (int i = 0; i < SUNSPOTS_GRU_YEARS_SIZE; ++i) {
            if (scanf("%f%*[,\n]", &year) != 1)
                return i > 0;
            sunspots_gru_stream_step(small, &s, &year, &y);
        }
        printf("%.9g %.9g\n", (double)y, (double)SUNSPOTS_GRU_OUTPUT_SCALE);
    }
}
END
cc -std=c99 -O2 "$dir/main.c" "$dir/$name.c" -o "$dir/main" -lm
cut -d, -f1-22 "$dir/data/sunspots_train.csv" > "$dir/rows.csv"
tail -n +2 "$dir/rows.csv" | "$dir/main" > "$dir/got"
"$nnc" "$dir/$name.nn" --predict "$dir/rows.csv" --quantize int8 2> /dev/null | tail -n +2 > "$dir/want"
[ "$(wc -l < "$dir/got")" -eq 228 ]
[ "$(sort -u "$dir/got" | wc -l)" -gt 50 ]
cut -d' ' -f1 "$dir/got" | awk '{ printf "%.6g\n", $1 }' > "$dir/numbers"
awk '{ printf "%.6g\n", $1 }' "$dir/want" | cmp - "$dir/numbers"
