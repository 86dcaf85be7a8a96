#!/bin/sh
# models.sh NNC VALUES EXAMPLES MODEL: the model's headers of f32 and int8 on a Cortex-M4, on RISC-V of
# 64 and of 32 bits and on AArch64, all emulated, give what nnc gives; that of int8 to the bit: a step
# of its outputs is far larger than the tolerance, which is for the digits of a csv file.
. "$(dirname "$0")/common.sh"
needs arm-none-eabi-gcc qemu-system-arm riscv64-linux-gnu-gcc qemu-riscv64 \
    aarch64-linux-gnu-gcc qemu-aarch64 riscv64-unknown-elf-gcc qemu-system-riscv32
describe "$4"
trained
count=100
[ "$model" != kws_ds_cnn ] || count=10 # an example is 5 million multiply-adds
predicted $count

# header FILE TOLERANCE: another header of the same model is run with another call.
header() {
    cp "$1" "$dir/model.h"
    say "$model on a Cortex-M4:"
    build_cortex
    agrees "$2" $on_cortex
    say "$model on RISC-V:"
    build_linux riscv64-linux-gnu-gcc
    agrees "$2" qemu-riscv64 ./program
    say "$model on RISC-V of 32 bits:"
    build_rv32 rv32imac
    agrees "$2" $on_rv32
    say "$model on AArch64:"
    build_linux aarch64-linux-gnu-gcc
    agrees "$2" qemu-aarch64 ./program
}

macros="$macros -D ${capitals}_IMPLEMENTATION"
with_data --quiet --emit-c "$dir/real.h" 2> /dev/null
header "$dir/real.h" 1e-5

predicted $count --quantize int8
with_data --quiet --emit-c "$dir/int8.h" --quantize int8 2> /dev/null
header "$dir/int8.h" 1e-6
