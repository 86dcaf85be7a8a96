#!/bin/sh
# recurrent.sh NNC FOLDER: headers of int8 of layers that go along sequences, and of scans in scans:
# bit for bit what nnc says, without a float inside, compiled without a warning and run with
# sanitizers.
. "$(dirname "$0")/common.sh"

careful

# whole NAME SHAPE NUMBERS LAYERS: an input of so many numbers.
whole() {
    awk -v n="$3" 'BEGIN { srand(5); for (i = 0; i < n; i++) printf "x%d,", i; print "y"
        for (r = 0; r < 128; r++) { for (i = 0; i < n; i++) printf "%.3f,", 2 * rand() - 1; print rand() } }' \
        > "$dir/$1.csv"
    cat > "$dir/$1.nn" <<END
model $1 {
    input x[$2]
    $4
}
data { train = csv("$1.csv", target = "y") }
train { loss = mean_squared_error; optimizer = adam; epochs = 2 }
END
    "$nnc" "$dir/$1.nn" --train --quiet > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    "$nnc" "$dir/$1.nn" --verify --quantize int8 > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    grep -q ' 0 is allowed' "$dir/out"
    "$nnc" "$dir/$1.nn" --emit-c "$dir/$1.h" --quantize int8 2> "$dir/said"
    if grep -q stays-real "$dir/said"; then cat "$dir/said"; exit 1; fi
    grep -q "^void ${1}_predict_i8(void" "$dir/$1.h"
    compiles "$1"
    echo "$1: the same bits"
}

whole simple '12, 4' 48 'rnn(5, separate_bias = true); dense(1)'
whole both '12, 4' 48 'bidirectional(lstm, 5, sequence = true); bidirectional(gru, 3); dense(1)'
whole deep '12, 4' 48 'lstm(6, sequence = true, separate_bias = true)
    gru(5, reset_after = false, sequence = true); rnn(4, reverse = true); dense(1)'
whole single '1, 4' 4 'gru(5, sequence = true); lstm(3); dense(1)'
whole rows '5, 6, 3' 90 'scan row in x with s = zeros([3]) {
        scan v in row with t = s { t <- 0.5 * t + v } yield t as u
        s <- tanh(u.last)
    } yield s as y
    y.last; dense(1)'
whole learned '6, 4' 24 'param p[6, 4] = uniform(-1, 1)
    param q[4] = uniform(-1, 1)
    scan v, w in (x, p) with s = q { s <- 0.5 * s + v * w } yield s as y
    y.last; dense(1)'
