#!/bin/sh
# whole_layers.sh NNC FOLDER: headers of int8 of layers that multiply, normalize, mask, choose or divide
# values: no layer stays f32, the numbers are nnc's to the last bit, with sanitizers, no compiler warns,
# and what NAME_predict_i8 calls has no float in it.
. "$(dirname "$0")/common.sh"

careful

# kernels_with_floats NAME: those among the ones that its int8 entry calls.
kernels_with_floats() {
    sed -n "/^void ${1}_predict_i8(.*[^;]\$/,/^}/p" "$dir/$1.h" | grep -o "${1}_kernel_[0-9]*" > "$dir/called"
    [ -s "$dir/called" ]
    while read -r kernel; do
        sed -n "/ $kernel(.*[^;]\$/,/^}/p" "$dir/$1.h" | grep -q -w -e float -e double && echo "$kernel"
    done < "$dir/called" || true
}

# whole NAME LAYERS
whole() {
    printf 'model %s {\n%b\n}\n' "$1" "$2" > "$dir/$1.nn"
    cat >> "$dir/$1.nn" <<'END'
data { train = synthetic(seed = 1, examples = 16) }
train { loss = mean_squared_error; optimizer = adam(learning_rate = 0.01); epochs = 2; batch_size = 4 }
END
    "$nnc" "$dir/$1.nn" --train --quiet > "$dir/out" 2>&1
    "$nnc" "$dir/$1.nn" --emit-c "$dir/$1.h" --quantize int8 > "$dir/said" 2>&1
    if grep stays-real "$dir/said"; then exit 1; fi
    "$nnc" "$dir/$1.nn" --verify --quantize int8 > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    grep -q ' 0 is allowed' "$dir/out"
    compiles "$1"
    [ -z "$(kernels_with_floats "$1")" ] || { kernels_with_floats "$1"; exit 1; }
    echo "$1: whole, the same bits"
}

whole blocks 'input x[12, 8]\n dense(8); learned_positions\n transformer_block(heads = 2, hidden = 16, causal = true)\n transformer_block(heads = 2, hidden = 16, norm_first = false)\n flatten; dense(3); softmax'
whole crossed 'input x[6, 8]\n input y[5, 4]\n cross_attention(x, y, heads = 2, causal = true)\n rmsnorm; dense(3)'
whole norms 'input x[6, 6, 4]\n conv2d(8); groupnorm(groups = 2); prelu\n layernorm; depthwise_conv2d(3); rmsnorm\n global_avg_pool; layernorm'
whole choices 'input x[12]\n dense(9) as a\n dense(x, 9)\n where(0.3 <= it and not (a < -1), it, 2 * a)\n min(it, a + 1); where(iota(9) % 2 > 0, it, -it * it)\n max(it, iota(9) / 8)'
whole quotients 'input x[12]\n dense(9) as a\n it / (1 + sum(abs(it)))\n (iota(9) - 2 - a) / (2 + abs(it))'

# A float there would be found.
"$nnc" "$dir/norms.nn" --emit-c "$dir/norms.h" --quantize int8 2> /dev/null
sed -i 's/norms_predict(\(.*[^;]\)$/norms_predict_i8(\1/' "$dir/norms.h"
[ -n "$(kernels_with_floats norms)" ]
