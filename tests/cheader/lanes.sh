#!/bin/sh
# lanes.sh NNC FOLDER: contractions in vectors of every width that this machine has, and in none (-Os),
# by gcc and clang, compute what nnc does: sizes that no width divides, tiles that lie over one
# another, borders, results made in the place of what they are made from. With sanitizers: no vector
# reaches outside of its array.
. "$(dirname "$0")/common.sh"
export ASAN_OPTIONS=detect_leaks=0  # the program that --verify makes ends with what it has
cat > "$dir/careful-cc" <<'END'
#!/bin/sh
exec $with "$@" $width -g -fsanitize=address,undefined -fno-sanitize-recover=all
END
chmod +x "$dir/careful-cc"

# can FLAG...: this machine has them.
can() {
    for flag in "$@"; do
        grep -qw "$flag" /proc/cpuinfo || return 1
    done
}

# model NAME SHAPE LAYERS: trained a little.
model() {
    cat > "$dir/$1.nn" <<END
model $1 {
    input x[$2]
    $3
    softmax
}
data { train = synthetic(seed = 4, examples = 16); validation = 0.25; normalize = standard }
train { loss = cross_entropy; optimizer = sgd(learning_rate = 0.05); epochs = 2; batch_size = 4 }
END
    "$nnc" "$dir/$1.nn" --train --quiet > "$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    "$nnc" "$dir/$1.nn" --emit-c "$dir/$1.h" 2> /dev/null
    compiles "$1"
    models="$models $1"
}

# has NAME WHAT: in the header.
has() { grep -q -- "$2" "$dir/$1.h" || { echo "no $2 in $1.h"; exit 1; }; }

# agree: all models, by one compiler for one width.
agree() {
    command -v "$1" > /dev/null || return 0
    for name in $models; do
        with=$1 width=$2 CC="$dir/careful-cc" "$nnc" "$dir/$name.nn" --verify > "$dir/out" 2>&1 ||
            { echo "$name $*"; cat "$dir/out"; exit 1; }
    done
    echo "$* agree"
}

models=
model wide 23 'dense(40); relu; dense(84); gelu; dense(130); tanh; dense(37); relu; dense(5)'
model rows '7, 19' 'dense(21); relu; dense(9); tanh; dense(4); flatten; dense(3)'
model image '9, 11, 3' 'conv2d(5, kernel = 3); tanh; conv2d(20, kernel = 3, stride = 2); relu
    depthwise_conv2d; batchnorm; relu; conv2d(13, kernel = 1); relu; conv2d(36, kernel = 3); global_avg_pool; dense(3)'
model gray '13, 29, 1' 'conv2d(6, kernel = 5); tanh; avg_pool(2); conv2d(16, kernel = 5, padding = valid); tanh; flatten; dense(3)'
model small '2, 2, 5' 'conv2d(16, kernel = 5); relu; flatten; dense(3)'
model residual '8, 8, 3' 'conv2d(16, kernel = 3); relu; residual_block(16); residual_block(24, stride = 2); global_avg_pool; dense(3)'
model padded '6, 9, 4' 'pad(1, 2, 0, value = 0.5); conv2d(9, kernel = 3, padding = valid); relu; flatten; dense(3)'
model deep 9 'dense(24); relu; dense(24); relu; dense(16); relu; dense(24); relu; dense(3)'
model steps '17, 6' 'conv1d(12, kernel = 5, dilation = 2); relu; gru(11); dense(3)'
has wide 'wide_v16 a0 = {0}'
has wide 'float sums'

has gray 'gray_tanh8('
has image 'c \* 99\] = sums'
has deep 'int depth)'
has padded 'padded_all8(0.5f), w0'
has residual 'const residual_v8 v3_1 = residual_load8(b3'

# tanh_is_near CC FLAGS: the vectors' own, over all floats there are, more or less.
cat > "$dir/tanh.c" <<'END'
#include <stdio.h>
#define GRAY_IMPLEMENTATION
#include "gray.h"

int main(void)
{
    double most = 0;
    long wrong = 0;
    for (uint32_t bits = 0; bits < 0xffffff00u; bits += 251) {
        float x, y;
        memcpy(&x, &bits, sizeof x);
        const gray_v8 v = gray_tanh8(gray_all8(x));
        memcpy(&y, (const char *)&v + sizeof v - sizeof y, sizeof y);
        const double t = tanh((double)x), apart = fabs((double)y - t) / fmax(fabs(t), 1e-38);
        if (isnan(x) ? !isnan(y) : !(fabsf(y) <= 1 && signbit(x) == signbit(y)))
            wrong++;
        else if (!isnan(x) && apart > most)
            most = apart;
    }
    printf("tanh: %.2g of the value at most, %ld wrong\n", most, wrong);
    return wrong || most > 4e-7;
}
END
tanh_is_near() {
    command -v "$1" > /dev/null || return 0
    "$1" -std=gnu11 -w -include string.h $2 "$dir/tanh.c" -o "$dir/tanh" -lm && "$dir/tanh"
}

for cc in gcc clang; do
    tanh_is_near $cc -O2
    if can avx2 fma; then tanh_is_near $cc '-O2 -mavx2 -mfma'; fi
    agree $cc -Os
    agree $cc -O2
    if can avx; then agree $cc '-O3 -mavx'; fi
    if can avx2 fma; then agree $cc '-O3 -mavx2 -mfma'; fi
    if can avx512f fma; then agree $cc '-O2 -mavx512f -mfma'; fi
done
