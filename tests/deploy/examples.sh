#!/bin/sh
# examples.sh NNC VALUES EXAMPLES: the programs of examples/deploy, built by make and by CMake and run
# as their READMEs say. The models are trained shortly but for the page's, which must see digits.
. "$(dirname "$0")/common.sh"
needs make cmake arm-none-eabi-gcc qemu-system-arm riscv64-linux-gnu-gcc qemu-riscv64 wasm-ld-19 node

# stale FILE...: headers that nnc has made beside a program are not those of another build of it.
stale() {
    for header; do
        ! grep -qs 'made by nnc' "$header" || echo '#error "of another build"' > "$header"
    done
}

# example FOLDER WANTED [CMAKE OPTION...]: the last line of `make run` is like WANTED.
example() {
    folder=$dir/deploy/$1 wanted=$2
    shift 2
    if ! (cd "$folder" && make NNC="$nnc" CFLAGS='-O2 -Wall -Wextra -Werror' run \
        && rm -f ./*.safetensors \
        && stale ./*.h \
        && cmake -B build -D NNC="$nnc" "$@" && cmake --build build) > "$dir/out" 2>&1 < /dev/null ||
        ! grep -qE "^($wanted)$" "$dir/out"; then
        echo "FAIL $folder: '$wanted' is not what it says:"
        cat "$dir/out"
        exit 1
    fi
    echo "$(basename "$folder"): $(grep -E "^($wanted)$" "$dir/out" | tail -n 1)"
}

example digits '17[0-9]* of 1797 are right'
example cortex_m4 '[a-z]+ +[0-9]+%' -D CMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake
example riscv 'strange: [0-9.]+' -D CMAKE_C_COMPILER=riscv64-linux-gnu-gcc
example web '100 digits and 4 drawings, 0 wrong'
(cd "$dir/deploy/cortex_m4/build" && $on_cortex_run kws.elf 2>&1) | grep -qE '^[a-z]+ +[0-9]+%$'
"$dir/deploy/digits/build/digits" < "$dir/data/digits.csv" | grep -q 'are right'
qemu-riscv64 "$dir/deploy/riscv/build/anomaly" | grep -q 'strange'
[ -s "$dir/deploy/web/build/model.js" ]
