#!/bin/sh
# objects.sh NNC VALUES EXAMPLES: for every target and CPU objects of f32 and of int8 are made without a
# murmur and ask for nothing but the C library; their headers are C and C++; what is not known is refused.
. "$(dirname "$0")/common.sh"
needs llvm-nm-19
for name in digits sunspots_gru; do
    describe $name
    trained
done

# The table of targets is the one that a wrong name is answered with.
library='memset|memcpy|memmove|floorf|rintf|fmaf|powf|sqrtf'
soft='__[a-z0-9]*|__aeabi_[a-z0-9_]*' # of the compiler's own library, where there is no FPU
"$nnc" "$dir/digits.nn" --emit obj --target nothing 2>&1 | tail -n +2 | tr -d , > "$dir/table" || true
checked=0
while read -r triple cpus; do
    for cpu in $cpus; do
        for made in 'digits' 'sunspots_gru' 'digits --quantize int8'; do
            set -- $made
            name=$1
            shift
            describe "$name"
            object --target "$triple" --cpu "$cpu" "$@" > /dev/null
            if llvm-nm-19 --undefined-only --format=just-symbols "$dir/model.o" |
                grep -vE "^($library|$soft|__stack_pointer|__linear_memory)$"; then
                echo "FAIL $triple $cpu: $made asks for this"
                exit 1
            fi
            checked=$((checked + 1))
        done
    done
done < "$dir/table"
echo "$checked objects for other machines"
[ "$checked" -ge 75 ]

# A header is C and C++; what is not known, or makes no sense, is refused.
describe digits
printf '#include "model.h"\n#include "model.h"\nextern int none;\n' > "$dir/declared.c"
cp "$dir/declared.c" "$dir/declared.cpp"
for type in '' '--quantize int8'; do
    object $type > /dev/null
    gcc $strict -Wconversion -c "$dir/declared.c" -o "$dir/declared.o"
    g++ -std=c++11 -Wall -Wextra -Werror -c "$dir/declared.cpp" -o "$dir/declared.o"
done
grep -q 'void digits_predict_i8(void \*arena, const int8_t \*pixels, int8_t \*output);' "$dir/model.h"
refused() {
    wanted=$1
    shift
    status=0
    "$nnc" "$dir/digits.nn" "$@" > "$dir/said" 2>&1 || status=$?
    [ $status -eq 2 ] && grep -q -- "$wanted" "$dir/said" && return
    echo "FAIL $*: exit code $status, said:"
    cat "$dir/said"
    exit 1
}
refused 'thumbv7em-none-eabihf *cortex-m4' --emit obj --target cortex-m4
refused 'one of: generic, simd128' --emit obj --target wasm32-unknown-unknown --cpu x86-64
refused 'give --target' --emit obj --cpu cortex-m4
refused 'are for --emit obj' --emit llvm --target aarch64-linux-gnu
refused '--quantize takes int8' --emit obj --quantize int4
refused '--with-training is for --emit-c' --emit obj --quantize int8 --with-training
refused 'are for --emit obj' --eval --target aarch64-linux-gnu
refused 'call the object FILE.o' --emit obj -o "$dir/digits.h"
mv "$dir/digits.safetensors" "$dir/weights.h"
refused 'weights.h is read by this very command' --emit obj -w "$dir/weights.h" -o "$dir/weights.o"
mv "$dir/weights.h" "$dir/digits.safetensors"
refused 'read by this very command' --emit obj -o "$dir/digits.safetensors"

# What the file says of numbers and limits holds for objects.
"$nnc" "$dir/digits.nn" --quiet --emit obj --set deploy.quantize=int8 -o "$dir/key.o" 2> /dev/null
"$nnc" "$dir/digits.nn" --quiet --emit obj --quantize int8 -o "$dir/option.o" 2> /dev/null
cmp "$dir/key.o" "$dir/option.o"
"$nnc" "$dir/digits.nn" --quiet --emit obj --quantize int8 --calibrate min_max -o "$dir/wide.o" 2> /dev/null
"$nnc" "$dir/digits.nn" --quiet --emit obj --quantize int8 --set deploy.calibrate=min_max -o "$dir/key.o" 2> /dev/null
cmp "$dir/key.o" "$dir/wide.o"
if cmp -s "$dir/wide.o" "$dir/option.o"; then exit 1; fi
flash=$(sed -n 's/^#define DIGITS_CONSTANT_BYTES //p' "$dir/key.h")
"$nnc" "$dir/digits.nn" --quiet --emit obj --quantize int8 --set "deploy.flash=$flash" -o "$dir/fits.o" 2> /dev/null
if "$nnc" "$dir/digits.nn" --quiet --emit obj --quantize int8 --set "deploy.flash=$((flash - 1))" \
    -o "$dir/large.o" 2> "$dir/said"; then exit 1; fi
grep -q 'help: dense.w.int8 takes' "$dir/said"
[ ! -e "$dir/large.o" ] && [ ! -e "$dir/large.h" ]
for file in small.o small.s; do # in f32, an arena of 768 bytes
    stage=asm
    [ $file != small.o ] || stage=obj
    set -- "$dir/digits.nn" --quiet --emit $stage --target riscv32-unknown-elf -o "$dir/$file"
    if "$nnc" "$@" --set deploy.ram=767 2> "$dir/said"; then exit 1; fi
    grep -q '768 bytes of ram, and 767 are allowed' "$dir/said"
    grep -q 'help: dense: .* takes 512 B' "$dir/said"
    [ ! -e "$dir/$file" ]
    "$nnc" "$@" --set deploy.ram=768
done

# Object and header are written both or neither.
mkdir "$dir/half.h" "$dir/other.o"
for half in half other; do
    if "$nnc" "$dir/digits.nn" --quiet --emit obj -o "$dir/$half.o" 2> "$dir/said"; then exit 1; fi
    grep -q "$half.[ho]: cannot write: not a regular file" "$dir/said"
done
[ ! -e "$dir/half.o" ] && [ ! -e "$dir/other.h" ]

# keeps WANTED OPTION...: both.h stays as it is.
keeps() {
    wanted=$1
    shift
    cp "$dir/both.h" "$dir/kept.h"
    if "$nnc" "$dir/digits.nn" "$@" 2> "$dir/said"; then exit 1; fi
    grep -q "$wanted" "$dir/said"
    cmp "$dir/both.h" "$dir/kept.h"
}

# The header of an object and that with the weights never take each other's place.
"$nnc" "$dir/digits.nn" --quiet --emit-c "$dir/both.h"
keeps 'both.h is there, and is not the header of an object' --emit obj -o "$dir/both.o"
[ ! -e "$dir/both.o" ]
"$nnc" "$dir/digits.nn" --quiet --emit-c "$dir/both.h"
rm "$dir/both.h"
"$nnc" "$dir/digits.nn" --quiet --emit obj -o "$dir/both.o"
"$nnc" "$dir/digits.nn" --quiet --emit obj -o "$dir/both.o"
keeps 'both.h declares what is in an object file' --emit-c "$dir/both.h"

# Without -o the object is where one is, as a compiler's is.
(mkdir "$dir/empty" && cd "$dir/empty" && "$nnc" "$dir/digits.nn" --quiet --emit obj 2> /dev/null)
[ -s "$dir/empty/digits.o" ] && [ -s "$dir/empty/digits.h" ]
