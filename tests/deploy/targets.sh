#!/bin/sh
# targets.sh NNC VALUES EXAMPLES: objects of --emit obj, linked and run on what they are for, give what
# nnc gives.
. "$(dirname "$0")/common.sh"
needs arm-none-eabi-gcc qemu-system-arm riscv64-linux-gnu-gcc qemu-riscv64 aarch64-linux-gnu-gcc \
    qemu-aarch64 wasm-ld-19 node riscv64-unknown-elf-gcc qemu-system-riscv32

run_wasm() {
    object --target wasm32-unknown-unknown --cpu "$1"
    link_wasm
    agrees 1e-5 $in_node
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
    for cpu in rv32imac rv32imc rv32imafc; do
        [ $name$cpu != kws_ds_cnnrv32imc ] || continue # the same floats in software, many of them
        object --target riscv32-unknown-elf --cpu $cpu
        build_rv32 $cpu "$dir/model.o"
        agrees 1e-5 $on_rv32
    done
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
