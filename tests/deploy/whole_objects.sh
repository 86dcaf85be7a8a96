#!/bin/sh
# whole_objects.sh NNC VALUES EXAMPLES: objects of int8 give, to the bit, what nnc and headers of int8
# give, by both entries and on other machines; predict_i8 needs no float.
. "$(dirname "$0")/common.sh"
needs arm-none-eabi-gcc qemu-system-arm riscv64-linux-gnu-gcc qemu-riscv64 aarch64-linux-gnu-gcc \
    qemu-aarch64 arm-none-eabi-nm wasm-ld-19 node riscv64-unknown-elf-gcc qemu-system-riscv32

# whole COMMAND...: predict_i8 of the object that $dir/program has, run on bytes.
whole() {
    mv "$dir/inputs" "$dir/numbers"
    cp "$dir/bytes" "$dir/inputs"
    rm -f "$dir/outputs"
    (cd "$dir" && "$@")
    cmp "$dir/wanted" "$dir/outputs"
    mv "$dir/numbers" "$dir/inputs"
}

# both BUILD WORD... -- COMMAND...: both entries of the object, in programs made by BUILD.
both() {
    build=''
    while [ "$1" != -- ]; do
        build="$build $1"
        shift
    done
    shift
    $build "$dir/model.o"
    agrees 1e-6 "$@"
    $build "$dir/model.o" -D WHOLE
    whole "$@"
}

# no_float: a program for a Cortex-M0 that calls predict_i8 alone has none of its library's functions
# for floats, once what is not called is dropped.
no_float() {
    build_cortex "$dir/model.o" -D WHOLE -Wl,--gc-sections,--entry=reset
    arm-none-eabi-nm "$dir/program" > "$dir/symbols"
    grep -q "${model}_predict_i8" "$dir/symbols"
    if grep -E "floorf|__aeabi_([fdi]2|u[il]2|[fd](add|sub|mul|div|cmp))|${model}_predict\$" "$dir/symbols"; then
        echo "FAIL $model: predict_i8 asks for this"
        exit 1
    fi
}

for name in digits kws_ds_cnn; do
    describe $name
    trained
    predicted 10 --quantize int8
    [ -s "$dir/bytes" ] || head -c 8000 "$dir/$name.safetensors" | tail -c 4900 > "$dir/bytes"
    rm -f "$dir/model.h"
    with_data --quiet --emit-c "$dir/model.h" --quantize int8 2> /dev/null
    build_linux cc -D WHOLE -D "${capitals}_IMPLEMENTATION"
    (mkdir -p "$dir/run" && cd "$dir/run" && cp ../bytes inputs && ../program && mv outputs ../wanted)
    [ "$(od -An -v -tx1 -w1 "$dir/wanted" | sort -u | wc -l)" -gt 3 ]
    object --quantize int8
    both build_linux cc -- ./program
    object --quantize int8 --target aarch64-linux-gnu
    both build_linux aarch64-linux-gnu-gcc -- qemu-aarch64 ./program
    object --quantize int8 --target riscv64-linux-gnu
    both build_linux riscv64-linux-gnu-gcc -- qemu-riscv64 ./program
    object --quantize int8 --target riscv32-unknown-elf --cpu rv32imc
    both build_rv32 rv32imc -- $on_rv32
    object --quantize int8 --target wasm32-unknown-unknown --cpu simd128
    link_wasm
    agrees 1e-6 $in_node
    object --quantize int8 --target thumbv7em-none-eabihf
    both build_cortex -- $on_cortex
    object --quantize int8 --target thumbv6m-none-eabi
    flags=$cortex_flags
    cortex_flags='-mcpu=cortex-m0 -mthumb -mfloat-abi=soft'
    both build_cortex -- $on_cortex
    no_float
    cortex_flags=$flags
done
