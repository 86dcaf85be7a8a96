#!/bin/sh
# kits.sh NNC FOLDER: headers of int8 make the same bits with the functions for each processor: plain
# C, SSE2, AVX2, SMLAD, NEON with and without SDOT; with channels, windows and points that do not fill
# a vector, and without reading or writing beyond anything.
. "$(dirname "$0")/common.sh"
export ASAN_OPTIONS=detect_leaks=0  # the program that --verify makes ends with what it has

# wrapper NAME OPTIONS: $dir/NAME-cc, a compiler that watches.
wrapper() {
    printf '#!/bin/sh\nexec cc -g -fsanitize=address,undefined -fno-sanitize-recover=all %s "$@"\n' \
        "$2" > "$dir/$1-cc"
    chmod +x "$dir/$1-cc"
    wrappers="$wrappers $1"
}
wrappers=''
wrapper default ''
wrapper plain -U__SSE2__
grep -qs avx2 /proc/cpuinfo && wrapper avx2 -mavx2

# A program that prints what predict_i8 makes of fifty made-up inputs.
main_of() {
    upper=$(upper "$1")
    cat > "$dir/main.c" <<END
#include <stdio.h>
#define ${upper}_IMPLEMENTATION
#include "$1.h"
int main(void)
{
    static float arena[${upper}_I8_ARENA_BYTES / 4 + 1];
    static int8_t in[${upper}_X_SIZE], out[${upper}_OUTPUT_SIZE];
    uint32_t random = 1;
    for (int n = 0; n < 50; ++n) {
        for (int i = 0; i < ${upper}_X_SIZE; ++i) {
            random = random * 1664525u + 1013904223u;
            in[i] = (int8_t)((int)(random >> 24) - 128);
        }
        ${1}_predict_i8(arena, in, out);
        for (int i = 0; i < ${upper}_OUTPUT_SIZE; ++i)
            printf("%d\n", out[i]);
    }
    return 0;
}
END
}

# made NAME WANT RUN COMPILER OPTION...: without a warning, and what it makes; WANT is 'want' or 'got'.
made() {
    name=$1 as=$2 run=$3
    shift 3
    "$@" -std=c99 $strict "$dir/main.c" -o "$dir/main" -lm || { echo "$name: $*"; exit 1; }
    $run "$dir/main" > "$dir/$as"
    [ "$as" = want ] || cmp "$dir/want" "$dir/got" || { echo "$name: $*"; exit 1; }
}

same_everywhere() {
    main_of "$1"
    made "$1" want '' cc -O2
    [ "$(sort -u "$dir/want" | wc -l)" -gt 3 ]
    for cc in gcc clang; do
        command -v $cc > /dev/null || continue
        made "$1" got '' $cc -Os
        made "$1" got '' $cc -O3 -U__SSE2__
        case $wrappers in *avx2*) made "$1" got '' $cc -O3 -mavx2 ;; esac
    done
    if command -v arm-none-eabi-gcc > /dev/null && command -v qemu-arm > /dev/null; then
        arm='arm-none-eabi-gcc -mcpu=cortex-a7 -mfloat-abi=hard --specs=rdimon.specs'
        for options in '-O2 -mthumb -mfpu=vfpv4' '-Os -mthumb -mfpu=vfpv4' '-O2 -marm -mfpu=vfpv4' \
            '-O0 -mthumb -mfpu=vfpv4' '-O2 -mthumb -mfpu=neon-vfpv4'; do
            made "$1" got 'qemu-arm -cpu max' $arm $options
        done
        arm-none-eabi-gcc -std=c99 $strict -mcpu=cortex-m4 -mthumb -Os -c "$dir/main.c" -o "$dir/main.o"
    fi
    if command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64 > /dev/null; then
        made "$1" got qemu-aarch64 aarch64-linux-gnu-gcc -O2 -static
        made "$1" got 'qemu-aarch64 -cpu max' aarch64-linux-gnu-gcc -O2 -static -march=armv8.2-a+dotprod
    fi
}

# kit NAME SHAPE FUNCTIONS LAYERS: the header calls each of FUNCTIONS.
kit() {
    cat > "$dir/$1.nn" <<END
model $1 {
    input x[$2]
    $4
    flatten
    dense(5)
    softmax
}
data { train = synthetic(seed = 4, examples = 16); validation = 0.25 }
train { loss = cross_entropy; optimizer = sgd(learning_rate = 0.1); epochs = 2; batch_size = 4 }
END
    "$nnc" "$dir/$1.nn" --train --quiet > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    for w in $wrappers; do
        CC="$dir/$w-cc" "$nnc" "$dir/$1.nn" --verify --quantize int8 > "$dir/out" 2>&1 ||
            { echo "$1 $w"; cat "$dir/out"; exit 1; }
    done
    "$nnc" "$dir/$1.nn" --emit-c "$dir/$1.h" --quantize int8 2> /dev/null
    compiles "$1"
    for function in $3; do
        grep -q " $1_$function(b\| $1_$function(y\| $1_$function(x\| $1_$function(to" "$dir/$1.h" ||
            { echo "$1 does not call $function"; exit 1; }
    done
    same_everywhere "$1"
    echo "$1: the same bits"
}

kit dense_odd '13' 'line' 'dense(7); relu; dense(17); relu'
kit dense_few '6' 'line' 'dense(3); relu; dense(1); dense(9)'
kit rows '5, 7' 'tile' 'dense(6); relu; dense(18); tanh'
kit channels_1 '9, 7, 1' 'tile window8' 'conv2d(5, kernel = 3); relu; conv2d(3, kernel = [5, 1])'
kit channels_3 '8, 9, 3' 'tile window8' 'conv2d(6, kernel = 3, stride = 2); relu; conv2d(7, kernel = 2)'
kit channels_8 '7, 5, 8' 'tile window' 'conv2d(12, kernel = 3); relu; conv2d(10, kernel = 3, stride = 2)'
kit channels_16 '6, 6, 16' 'tile widen' 'conv2d(20, kernel = 1); relu; conv2d(8, kernel = 3, padding = valid)'
kit far '4, 4, 4' 'tile window' 'conv2d(4, kernel = 7); relu; conv2d(4, kernel = 3, dilation = 3)'
kit channels_first '10, 10, 1' 'tile' 'conv2d(6, kernel = 3); tanh; avg_pool(2); conv2d(4, kernel = 3); tanh'
kit behind '6, 5, 8' 'tile' 'residual_block(8); residual_block(12, stride = 2, shortcut = "conv")'
kit depth_3 '5, 6, 3' 'depthwise' 'depthwise_conv2d(kernel = 3); relu'
kit depth_20 '7, 5, 20' 'depthwise tile' 'depthwise_conv2d(kernel = 3); relu; conv2d(12, kernel = 1); relu; depthwise_conv2d(kernel = [5, 2], stride = 2)'
kit depth_37 '3, 4, 37' 'depthwise' 'depthwise_conv2d(kernel = 3, padding = valid); relu'
kit sequence '19, 5' 'tile' 'conv1d(6, kernel = 5); relu; conv1d(3, kernel = 3, stride = 2)'
kit deep '3, 3, 250' 'line' 'conv2d(3, kernel = 3); relu; conv2d(4, kernel = 3, padding = valid)'
kit few_filters '6, 5, 8' 'line' 'conv2d(2, kernel = 3); relu; conv2d(1, kernel = 1)'
kit groups '6, 6, 8' 'line' 'conv2d(8, kernel = 3, groups = 2); relu'

# What it is for.
if [ "$(uname -m)" = x86_64 ]; then
    main_of channels_8
    cc -std=c99 -O2 -S "$dir/main.c" -o - | grep -q '\bpmaddwd'
    cc -std=c99 -O2 -mavx2 -S "$dir/main.c" -o - | grep 'vpmaddwd' | grep -q ymm
fi
