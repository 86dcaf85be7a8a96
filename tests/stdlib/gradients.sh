#!/bin/sh
# gradients.sh NNC: the gradients of the library's layers against central differences, and the native
# code's against those in double, for sizes that no vector divides. A line of the list is an input and
# the layers that it goes through.
set -eu
nnc=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat > "$dir/list" <<'END'
x[7, 5, 3]   | conv2d(4)
x[7, 5, 3]   | conv2d(5, kernel = [3, 2], stride = [2, 1], padding = valid)
x[8, 7, 4]   | conv2d(6, dilation = 2, groups = 2)
x[5, 4, 3]   | conv2d(7, kernel = 1)
x[5, 6, 3]   | conv2d(7, kernel = 1, stride = 2)
x[11, 3]     | conv1d(4, kernel = 4, stride = 3, padding = 2)
x[7, 5, 3]   | depthwise_conv2d(stride = 2)
x[7, 5, 3]   | depthwise_conv2d(multiplier = 2, padding = valid)
x[6, 7, 3]   | separable_conv2d(5)
x[4, 3, 3]   | conv2d_transpose(2, stride = 2)
x[3, 4, 2]   | conv2d_transpose(3, kernel = [4, 2], stride = [2, 3], padding = valid)
x[7, 5, 3]   | conv2d(4); max_pool(2)
x[7, 5, 3]   | conv2d(4); max_pool(3, stride = 2, padding = same)
x[7, 5, 3]   | conv2d(4); avg_pool([2, 3], stride = 1, padding = same)
x[7, 5, 3]   | conv2d(4); global_avg_pool
x[7, 5, 3]   | conv2d(4); global_max_pool
x[3, 5, 2]   | conv2d(4); upsample([2, 3]); conv2d(2, kernel = 2, stride = 2)
x[5, 4, 3]   | conv2d(6); groupnorm(groups = 3)
x[5, 4, 3]   | conv2d(4); batchnorm; tanh
x[6, 5, 3]   | residual_block(4, stride = 2)
x[6, 5, 3]   | residual_block(6, stride = 2, shortcut = "pad")
x[6, 5, 3]   | bottleneck_block(2, shortcut = "conv", bias = true)
x[5, 4]      | dense(6); q = it; dense(6); attention(q, it, x)
x[5, 6]      | multi_head_attention(heads = 3, key_dim = 4, causal = true)
x[5, 6]      | seen = dense(x, 3); cross_attention(x, seen, heads = 2)
x[5, 6]      | transformer_block(heads = 2, hidden = 7, rate = 0)
x[5, 6]      | transformer_block(heads = 2, hidden = 7, rate = 0, activation = tanh, norm_first = false)
x[5, 6]      | positional_encoding; learned_positions; layernorm
x[9]: int    | embedding(10, 4); conv1d(3)
x[6, 4]      | dense(3) as a; concat(a, x); a, b = split(it, [5, 2]); c, d = split(a, [3, 2]); concat(b, d, axis = 0)
x[6, 4]      | dense(5); it[1..4, 2..-1]; reverse; pad(1, (2, 0)); slice(0, 3)
x[5]         | dense(7); leaky_relu(0.1); dense(6); elu; dense(5); selu; dense(4); prelu
x[5]         | dense(7); gelu; dense(6); gelu(approximate = true); dense(5); swish; dense(4); mish
x[5]         | dense(7); softplus; dense(6); softsign; dense(5); hard_sigmoid; dense(4); hard_swish
x[5]         | dense(7); softmax; dense(6); log_softmax; rmsnorm; residual_dense(3)
END

checked=0 failed=0
while IFS='|' read -r input layers; do
    checked=$((checked + 1))
    awk -v sizes="${input%%:*}" -v whole="${input##*:}" 'BEGIN {
        srand(7)
        gsub(/[^0-9,]/, "", sizes)
        count = split(sizes, size, ",")
        columns = 1
        for (i = 1; i <= count; i++)
            columns *= size[i]
        for (row = 0; row <= 16; row++) {
            for (i = 1; i <= columns; i++)
                printf "%s,", row == 0 ? "x" i : whole ~ /int/ ? int(10 * rand()) : 2 * rand() - 1
            print row == 0 ? "y" : rand()
        }
    }' > "$dir/data.csv"
    printf '%s\n' "model try {" "    input $input" "    try_layers; flatten; dense(1)" "}" \
        "layer try_layers(x) { $layers }" 'data { train = csv("data.csv", target = "y") }' \
        "train { loss = mean_squared_error; optimizer = sgd; batch_size = 8 }" > "$dir/try.nn"
    if ! out=$("$nnc" "$dir/try.nn" --check-gradients 2>&1); then
        failed=$((failed + 1))
        printf 'FAIL %s | %s\n%s\n' "$input" "$layers" "$out"
    fi
done < "$dir/list"
echo "$((checked - failed)) of $checked have the right gradients"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
