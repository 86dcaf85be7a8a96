#!/bin/sh
# training.sh NNC FOLDER: a header that trains, fed the batches of an epoch in order, comes to the
# weights that nnc comes to: dropout's random numbers, Adam's states, a schedule, clipped gradients,
# batch norm's statistics, normalized inputs, a recurrent layer.
. "$(dirname "$0")/common.sh"

# learns NAME INPUTS LAYERS: trains on 160 rows of `INPUTS` numbers and a class.
learns() {
    name=$1 inputs=$2 layers=$3
    awk -v n="$inputs" 'BEGIN {
        srand(7)
        for (i = 0; i < n; i++) printf "x%d,", i
        print "class"
        for (r = 0; r < 160; r++) {
            s = 0
            for (i = 0; i < n; i++) { x = int(rand() * 1000) / 100; s += x; printf "%s,", x }
            print (s > 5 * n ? "high" : "low")
        } }' > "$dir/$name.csv"
    cat > "$dir/$name.nn" <<END
model $name {
    input x[$inputs]
    $layers
    dense(2)
    softmax
}
data { train = csv("$name.csv", target = "class", scale = 1/4); normalize = standard }
train {
    loss = cross_entropy
    optimizer = adam(learning_rate = 0.01)
    schedule = cosine(warmup = 1)
    regularizer = l2(1e-3)
    clip_norm = 1
    batch_size = 16
    epochs = 2
    shuffle = false
    seed = 3
}
END
    "$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=1 --set train.schedule=constant --seed 9 > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" --with-training 2> /dev/null
    cp "$dir/$name.safetensors" "$dir/first.safetensors"
    "$nnc" "$dir/$name.nn" --train --quiet --weights "$dir/first.safetensors" > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    cut -d, -f"1-$inputs" "$dir/$name.csv" > "$dir/rows.csv"
    "$nnc" "$dir/$name.nn" --predict "$dir/rows.csv" | tail -n +2 | cut -d, -f2- | tr ',' '\n' > "$dir/want"
    compiles "$name"
    cat > "$dir/main.c" <<END
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "$name.h"
#define ROWS 160
static float arena[$(upper "$name")_TRAIN_ARENA_FLOATS], x[ROWS * $inputs], y[2], loss, penalty;
static int32_t target[ROWS];
static ${name}_variables v;
int main(void)
{
    char name[8];
    if (scanf("%*[^\n]") == EOF)
        return 1;
    for (int r = 0; r < ROWS; ++r) {
        for (int i = 0; i < $inputs; ++i)
            if (scanf("%f,", &x[r * $inputs + i]) != 1)
                return 1;
        if (scanf("%7s", name) != 1)
            return 1;
        target[r] = strcmp(name, ${name}_classes[0]) != 0;
    }
    ${name}_start(&v);
    for (int epoch = 0; epoch < 2; ++epoch)
        for (int i = 0; i < ROWS / $(upper "$name")_BATCH; ++i) {
            const ${name}_run run = {3, (uint32_t)(epoch * 10 + i + 1), (float)epoch + (float)i / 10, INFINITY};
            ${name}_train_step(arena, &v, &run, x + i * 16 * $inputs, target + i * 16, &loss, &penalty);
        }
    ${name}_fold(arena, &v);
    for (int r = 0; r < ROWS; ++r) {
        ${name}_predict_learned(arena, &v, x + r * $inputs, y);
        printf("%.9g\n%.9g\n", (double)y[0], (double)y[1]);
    }
    return 0;
}
END
    cc -std=c99 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/main.c" \
        "$dir/$name.c" -o "$dir/main" -lm
    "$dir/main" < "$dir/$name.csv" > "$dir/got"
    [ "$(wc -l < "$dir/got")" -eq 320 ]
    paste "$dir/want" "$dir/got" | awk -v name="$name" '
        { d = $1 - $2; d = d < 0 ? -d : d; if (d > most) most = d; if ($1 > large) large = $1
          if ($1 < small || NR == 1) small = $1 }
        END { print name ": at most", most, "apart, from", small, "to", large
              exit !(NR == 320 && most <= 1e-4 && large - small > 0.05) }'
}

learns drops 8 'dense(16); relu; dropout(0.25)'
learns norms 8 'dense(16, bias = false); batchnorm; tanh'
learns recurs 12 'reshape(6, 2); gru(8)'
# So much depth that the gradient of the filters is summed in parts of the batch.
learns parts 1024 'reshape(32, 32, 1); conv2d(2); relu; max_pool(8); flatten'
grep -q 'part < 8' "$dir/parts.h"

# What learning takes is counted, said and limited; and a model may have nothing to learn, which is
# said as well.
# number TEXT FILE: the number before a text.
number() {
    sed -n "s/.* \([0-9]*\) $1.*/\1/p" "$2" | head -1
}
cat > "$dir/main.c" <<END
#include <stdio.h>
#include "$name.h"
int main(void)
{
    printf("%d %d\n", (int)sizeof(${name}_variables), $(upper "$name")_TRAIN_ARENA_BYTES);
    return 0;
}
END
compiled=$(cc -std=c99 -I "$dir" "$dir/main.c" -o "$dir/main" -lm && "$dir/main")
"$nnc" "$dir/$name.nn" --weights "$dir/first.safetensors" --emit-c "$dir/$name.h" --with-training 2> "$dir/err"
grep -q "arena of ${compiled#* } bytes and ${compiled% *} bytes of variables" "$dir/err" ||
    { echo "not $compiled:"; cat "$dir/err"; exit 1; }
grep -q "^// Learning: an arena of ${compiled#* } bytes .* ${compiled% *} bytes of var" "$dir/$name.h"
flash=$(number 'bytes of constants' "$dir/err")
arrays=$(sed -n 's/^static const float .*\[\([0-9]*\)\] = {.*/\1/p' "$dir/$name.h" | awk '{ n += 4 * $1 } END { print n }')
[ "$flash" = "$arrays" ] || { echo "$flash bytes of constants, and $arrays in arrays"; exit 1; }
ram=$((${compiled#* } + ${compiled% *}))
cp "$dir/$name.nn" "$dir/limited.nn"
echo "deploy { ram = $((ram - 1)); flash = $((flash - 1)) }" >> "$dir/limited.nn"
if "$nnc" "$dir/limited.nn" --weights "$dir/first.safetensors" --emit-c "$dir/limited.h" --with-training 2> "$dir/err"; then exit 1; fi
grep -q "takes $ram bytes of ram" "$dir/err"
grep -q "takes $flash bytes of flash" "$dir/err"
# Weights to start from are listed beside those that are folded of them.
cp "$dir/drops.nn" "$dir/limited.nn"
echo 'deploy { flash = 1 }' >> "$dir/limited.nn"
if "$nnc" "$dir/limited.nn" --weights "$dir/drops.safetensors" --emit-c "$dir/limited.h" --with-training 2> "$dir/err"; then exit 1; fi
grep -q 'help: dense.w takes 512 B' "$dir/err"
grep -q 'help: dense.w.folded takes 512 B' "$dir/err"

cat > "$dir/nothing.nn" <<END
model nothing {
    input x[4]
    softmax
}
data { train = synthetic(seed = 1, examples = 64); test = 0.25 }
train { loss = cross_entropy; optimizer = sgd(); epochs = 1 }
END
"$nnc" "$dir/nothing.nn" --train --quiet > "$dir/out" 2>&1
if "$nnc" "$dir/nothing.nn" --emit-c "$dir/nothing.h" --with-training 2> "$dir/err"; then exit 1; fi
grep -q 'nothing to train' "$dir/err"
"$nnc" "$dir/nothing.nn" --emit-c "$dir/nothing.h" 2> /dev/null
compiles nothing
