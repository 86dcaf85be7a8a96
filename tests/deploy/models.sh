#!/bin/sh
# models.sh NNC VALUES EXAMPLES MODEL: the model's header on a Cortex-M4 and on RISC-V, both emulated,
# gives what nnc gives.
. "$(dirname "$0")/common.sh"
needs arm-none-eabi-gcc qemu-system-arm riscv64-linux-gnu-gcc qemu-riscv64
describe "$4"
trained
count=100
[ "$model" != kws_ds_cnn ] || count=10 # an example is 5 million multiply-adds
predicted $count

# header FILE TOLERANCE: another header of the same model is run with another call.
header() {
    cp "$1" "$dir/model.h"
    macros="$macros -D ${capitals}_IMPLEMENTATION"
    say "$model on a Cortex-M4:"
    build_cortex
    agrees "$2" $on_cortex
    say "$model on RISC-V:"
    build_linux riscv64-linux-gnu-gcc
    agrees "$2" qemu-riscv64 ./program
}

"$nnc" "$dir/$model.nn" --quiet --emit-c "$dir/float.h" 2> /dev/null
header "$dir/float.h" 1e-5
