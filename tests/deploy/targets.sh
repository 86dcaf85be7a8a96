#!/bin/sh
# targets.sh NNC VALUES EXAMPLES: objects of --emit obj, linked and run on what they are for, give what
# nnc gives; for all other targets and CPUs they are made without a murmur, and ask for nothing but
# the C library.
. "$(dirname "$0")/common.sh"
needs arm-none-eabi-gcc qemu-system-arm riscv64-linux-gnu-gcc qemu-riscv64 aarch64-linux-gnu-gcc \
    qemu-aarch64 wasm-ld-19 node llvm-nm-19

object() {
    "$nnc" "$dir/$model.nn" --quiet --emit obj "$@" -o "$dir/model.o" 2> "$dir/said"
    grep -v 'declared in' "$dir/said" && exit 1
    say "$model" "$@"
}
# size NAME: what model.h says of it.
size() { sed -n "s/^#define ${capitals}_$1 \([0-9]*\).*/\1/p" "$dir/model.h"; }
run_wasm() {
    object --target wasm32-unknown-unknown --cpu "$1"
    wasm-ld-19 --no-entry --export="${model}_predict" --export=__heap_base "$dir/model.o" \
        -o "$dir/model.wasm"
    agrees 1e-5 node "$here/run_model.mjs" model.wasm "$model" "$(size "${input}_SIZE")" \
        "$(size OUTPUT_SIZE)" "$(size ARENA_BYTES)"
}

for name in digits kws_ds_cnn sunspots_gru; do
    describe $name
    trained
    predicted 10
    object --target thumbv7em-none-eabihf
    build_cortex "$dir/model.o"
    agrees 1e-5 $on_cortex
    object --target aarch64-linux-gnu --cpu cortex-a53
    build_linux aarch64-linux-gnu-gcc "$dir/model.o"
    agrees 1e-5 qemu-aarch64 ./program
    object --target riscv64-linux-gnu
    build_linux riscv64-linux-gnu-gcc "$dir/model.o"
    agrees 1e-5 qemu-riscv64 ./program
    run_wasm generic
    run_wasm simd128
    if [ "$(uname -m)" = x86_64 ]; then
        object --target x86_64-linux-gnu
        build_linux cc "$dir/model.o"
        agrees 1e-5 ./program
    fi
    object
    build_linux cc "$dir/model.o"
    agrees 1e-5 ./program
done

# The table of targets is the one that a wrong name is answered with.
library='memset|memcpy|memmove|floorf|rintf|fmaf|powf|sqrtf'
soft='__[a-z0-9]*|__aeabi_[a-z0-9_]*' # of the compiler's own library, where there is no FPU
"$nnc" "$dir/digits.nn" --emit obj --target nothing 2>&1 | tail -n +2 | tr -d , > "$dir/table" || true
checked=0
while read -r triple cpus; do
    for cpu in $cpus; do
        for name in digits kws_ds_cnn sunspots_gru; do
            describe $name
            object --target "$triple" --cpu "$cpu" > /dev/null
            if llvm-nm-19 --undefined-only --format=just-symbols "$dir/model.o" |
                grep -vE "^($library|$soft|__stack_pointer|__linear_memory)$"; then
                echo "FAIL $triple $cpu: $name asks for this"
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
object > /dev/null
printf '#include "model.h"\n#include "model.h"\nextern int none;\n' > "$dir/declared.c"
cp "$dir/declared.c" "$dir/declared.cpp"
gcc $strict -Wconversion -c "$dir/declared.c" -o "$dir/declared.o"
g++ -std=c++11 -Wall -Wextra -Werror -c "$dir/declared.cpp" -o "$dir/declared.o"
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
refused 'are for --emit obj' --eval --target aarch64-linux-gnu
refused 'read by this very command' --emit obj -o "$dir/digits.safetensors"
