#!/bin/sh
# clips.sh NNC FOLDER: convolutions that see for themselves where an image ends, in f32 and int8: a
# single filter, images smaller than the filter, strides, gaps, groups, sequences. With sanitizers:
# nothing outside is read.
. "$(dirname "$0")/common.sh"
cat > "$dir/careful-cc" <<'END'
#!/bin/sh
exec cc "$@" $optimize -g -fsanitize=address,undefined -fno-sanitize-recover=all
END
chmod +x "$dir/careful-cc"
export ASAN_OPTIONS=detect_leaks=0  # the program that --verify makes ends with what it has

# clips NAME SHAPE LAYERS
clips() {
    cat > "$dir/$1.nn" <<END
model $1 {
    input x[$2]
    $3
    flatten
    dense(3)
    softmax
}
data { train = synthetic(seed = 4, examples = 16); validation = 0.25 }
train { loss = cross_entropy; optimizer = sgd(learning_rate = 0.1); epochs = 2; batch_size = 4 }
END
    "$nnc" "$dir/$1.nn" --train --quiet > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    for flags in '' '--quantize int8'; do
        for optimize in -O2 -Os; do # with vectors and without
            optimize=$optimize CC="$dir/careful-cc" "$nnc" "$dir/$1.nn" --verify $flags > "$dir/out" 2>&1 ||
                { echo "$1 $optimize $flags"; cat "$dir/out"; exit 1; }
        done
        "$nnc" "$dir/$1.nn" --emit-c "$dir/$1.h" $flags 2> /dev/null
        compiles "$1"
        grep -q 'const int at0 = ' "$dir/$1.h"
    done
    echo "$1 agrees"
}

clips one_filter '6, 7, 3' 'conv2d(1, kernel = 3); relu'
clips one_channel '5, 5, 1' 'conv2d(1, kernel = 3); relu'
clips small '2, 2, 5' 'conv2d(6, kernel = 5); relu'
clips strides '9, 8, 3' 'conv2d(7, kernel = 3, stride = 2); relu; conv2d(8, kernel = 3, stride = 2); relu'
clips gaps '9, 9, 4' 'conv2d(6, kernel = 3, dilation = 2); relu; conv2d(4, kernel = 3, dilation = 3)'
clips groups '6, 6, 8' 'conv2d(8, kernel = 3, groups = 2); relu; depthwise_conv2d; relu'
clips sequence '17, 5' 'conv1d(6, kernel = 5); relu; conv1d(1, kernel = 3)'
clips residual '8, 8, 4' 'residual_block(4)'
