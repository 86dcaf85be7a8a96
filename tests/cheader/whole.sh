#!/bin/sh
# whole.sh NNC FOLDER: a header of int8 says bit for bit what --predict --quantize int8 says of the
# same rows, with a compiler that joins products and sums wherever it may; predict_i8 says the same
# of whole numbers; scales, zero points and `deploy { quantize = int8 }` are as stated.
. "$(dirname "$0")/common.sh"

# agree NAME INPUTS OUTPUTS CSV FLAGS: the first INPUTS columns of a csv, each row through both.
agree() {
    name=$1 inputs=$2 outputs=$3 csv=$4 flags=$5 upper=$(upper "$1")
    "$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=3 > /dev/null 2>&1
    "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" --quantize int8 2> /dev/null
    compiles "$name"
    cut -d, -f"1-$inputs" "$csv" | head -101 > "$dir/rows.csv"
    "$nnc" "$dir/$name.nn" --predict "$dir/rows.csv" --quantize int8 --format json |
        tr -d '[]{}" ' | sed 's/outputs://; s/prediction:[^,]*,//; s/[a-z0-9]*://g' |
        tr ',' '\n' | grep . > "$dir/want"
    cat > "$dir/main.c" <<END
#include <stdio.h>
#include <stdlib.h>
#define ${upper}_IMPLEMENTATION
#define ${upper}_STATIC_ARENA
#include "$name.h"
int main(void)
{
    static float in[$inputs], out[$outputs], arena[${upper}_ARENA_FLOATS];
    int8_t q[$outputs];
    while (scanf("%*[^0-9-]") != EOF) {
        for (int i = 0; i < $inputs; ++i)
            if (scanf("%f%*[,\n]", &in[i]) < 1)
                return 0;
        ${name}_predict_static(in, out);
        for (int i = 0; i < $outputs; ++i)
            printf("%.6g\n", (double)out[i]);
#ifdef BYTES
        int8_t x[$inputs];
        for (int i = 0; i < $inputs; ++i) {
            float y = floorf(in[i] / ${upper}_PIXELS_SCALE + 0.5f) + ${upper}_PIXELS_ZERO;
            x[i] = (int8_t)(y > 127.0f ? 127.0f : y);
        }
        ${name}_predict_i8(arena, x, q);
        for (int i = 0; i < $outputs; ++i)
            if (${upper}_OUTPUT_SCALE * (float)(q[i] - ${upper}_OUTPUT_ZERO) != out[i])
                exit(2);
#else
        (void)q, (void)arena;
#endif
    }
    return 0;
}
END
    for cc in gcc clang; do
        command -v "$cc" > /dev/null || continue
        for options in "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" \
            "-O3 -march=native -ffp-contract=fast"; do
            "$cc" -std=gnu99 $options $flags "$dir/main.c" -o "$dir/main" -lm
            tail -n +2 "$dir/rows.csv" | "$dir/main" > "$dir/numbers"
            [ "$(wc -l < "$dir/numbers")" -eq $((100 * outputs)) ]
            awk '{ printf "%.6g\n", $1 }' "$dir/want" | cmp - "$dir/numbers"
        done
    done
    echo "$name: the same bits"
}

agree digits 64 10 "$dir/data/digits.csv" -DBYTES
agree iris 4 3 "$dir/data/iris.csv" ''

# Two products an instruction make the same bits as plain C: convolutions with borders, depthwise
# ones and dense layers, on an ARM with these instructions.
on_arm() {
    name=$1 upper=$(upper "$1") inputs=$2 outputs=$3
    set -- --set 'data.train=synthetic(seed = 1, examples = 8)' --set data.validation=0.25 \
        --set data.test=0.25
    "$nnc" "$dir/$name.nn" --train --quiet "$@" --set train.batch_size=2 --set train.epochs=2 > /dev/null 2>&1
    "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" --quantize int8 "$@" 2> /dev/null
    cat > "$dir/main.c" <<END
#include <stdio.h>
#define ${upper}_IMPLEMENTATION
#include "$name.h"
int main(void)
{
    static float arena[${upper}_ARENA_FLOATS];
    static int8_t in[$inputs], out[$outputs];
    uint32_t random = 1;
    for (int n = 0; n < 100 * $inputs; ++n) {
        random = random * 1664525u + 1013904223u;
        in[n % $inputs] = (int8_t)((int)(random >> 24) - 128);
        if (n % $inputs == $inputs - 1)
            ${name}_predict_i8(arena, in, out);
        for (int i = 0; n % $inputs == $inputs - 1 && i < $outputs; ++i)
            printf("%d\n", out[i]);
    }
    return 0;
}
END
    cc -std=c99 $strict -O2 "$dir/main.c" -o "$dir/main" -lm
    "$dir/main" > "$dir/want"
    [ "$(sort -u "$dir/want" | wc -l)" -gt 3 ]
    arm-none-eabi-gcc -std=c99 $strict -O2 -mcpu=cortex-a7 -mthumb -mfpu=vfpv4 -mfloat-abi=hard \
        --specs=rdimon.specs "$dir/main.c" -o "$dir/main" -lm
    qemu-arm -cpu max "$dir/main" > "$dir/got"
    cmp "$dir/want" "$dir/got"
    arm-none-eabi-gcc -std=c99 $strict -mcpu=cortex-m4 -mthumb -O2 -S "$dir/main.c" -o "$dir/main.s"
    grep -q smlad "$dir/main.s"
    echo "$name: the same bits on ARM"
}

if command -v arm-none-eabi-gcc > /dev/null && command -v qemu-arm > /dev/null; then
    on_arm kws_ds_cnn 490 12
fi

# The key in the file is the option.
"$nnc" "$dir/digits.nn" --emit-c "$dir/option.h" --quantize int8 2> /dev/null
# What constants take is said with the zeros that fill blocks, of which ten outputs have some.
arrays=$(sed -n 's/^static const .*\(int8\|int32\)_t .*\[\([0-9]*\)\] = {.*/\1 \2/p' "$dir/option.h" |
    awk '{ n += ($1 == "int8" ? 1 : 4) * $2 } END { print n }')
grep -q "^#define DIGITS_CONSTANT_BYTES $arrays$" "$dir/option.h" || { echo "$arrays bytes in arrays"; exit 1; }
echo 'deploy { quantize = int8 }' >> "$dir/digits.nn"
"$nnc" "$dir/digits.nn" --emit-c "$dir/block.h" 2> /dev/null
sed 's/option\.h/block.h/' "$dir/option.h" | cmp - "$dir/block.h"
"$nnc" "$dir/digits.nn" --verify | grep -q ' 0 is allowed'
if "$nnc" "$dir/digits.nn" --emit-c "$dir/block.h" --with-training 2> "$dir/err"; then exit 1; fi
grep -q 'int8 does not train' "$dir/err"
# A compiler that rounds otherwise is found out.
cat > "$dir/wrong-cc" <<'END'
#!/bin/sh
for word; do case $word in *.c) sed -i 's/0x80000000/0/' "${word%/*}/model.h" ;; esac; done
exec cc "$@"
END
chmod +x "$dir/wrong-cc"
if CC="$dir/wrong-cc" "$nnc" "$dir/digits.nn" --verify > "$dir/out"; then exit 1; fi
grep -q DISAGREES "$dir/out"
