# common.sh NNC VALUES EXAMPLES NAME -- what the scripts of this folder share: a folder $dir that goes
# away with the examples in it, and models run on other machines.
set -eu
nnc=$1 values=$2 examples=$3
here=$(cd "$(dirname "$0")" && pwd)
cortex_m4=$examples/deploy/cortex_m4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp -r "$examples/." "$dir"
strict='-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Werror'

# needs TOOL...: nothing is left out in silence: ./dev test installs what is asked for here.
needs() {
    for tool in "$@"; do
        command -v "$tool" > /dev/null && continue
        echo "$tool is missing: ./dev test installs it on Debian"
        exit 1
    done
}

# say TEXT...: before what is compared next.
say() { printf '%-60s' "$*"; }

# describe NAME: what the model is called in C, how many outputs it has and how its inputs are made.
describe() {
    model=$1 table='' shape=''
    case $1 in
    digits) input=PIXELS columns=10 table=digits features=64 ;;
    anomaly_autoencoder) input=FRAMES columns=640 shape=640 ;;
    kws_ds_cnn) input=MFCC columns=12 shape='49 10 1' ;;
    sunspots_gru) input=YEARS columns=1 table=sunspots_test features=22 ;;
    esac
    capitals=$(printf %s "$model" | tr a-z A-Z)
    macros="-D MODEL=$model -D CAPITALS=$capitals -D INPUT=$input"
}

# with_data OPTION...: nnc on the model; where its recordings cannot be shipped on made-up data.
with_data() {
    case $model in
    kws_ds_cnn) set -- "$@" --set data.validation=0.25 --set data.test=0.25 ;;
    anomaly_autoencoder) set -- "$@" --set data.validation=0.25 ;;
    esac
    [ "$table" ] || set -- "$@" --set train.batch_size=16 \
        --set 'data.train=synthetic(seed = 1, examples = 64)'
    "$nnc" "$dir/$model.nn" "$@"
}

# trained: as its file says, for fewer epochs.
trained() { with_data --train --quiet --set train.epochs=2 > /dev/null; }

# predicted COUNT [OPTION...]: $dir/inputs, raw, and what nnc makes of them in $dir/wanted.csv.
predicted() {
    count=$1
    shift
    if [ "$table" ]; then
        rows=$dir/inputs.csv
        head -n "$((count + 1))" "$dir/data/$table.csv" | cut -d, -f1-$features > "$rows"
        "$values" raw "$rows" "$dir/inputs"
    else
        rows=$dir/inputs.npy
        "$values" make "$rows" "$dir/inputs" "$count" $shape
    fi
    with_data --predict "$rows" "$@" > "$dir/wanted.csv"
}

# agrees TOLERANCE COMMAND...: runs it where `inputs` are; its `outputs` are those wanted.
agrees() {
    tolerance=$1
    shift
    rm -f "$dir/outputs"
    (cd "$dir" && "$@")
    "$values" compare "$dir/wanted.csv" "$dir/outputs" "$columns" "$count" "$tolerance"
}

# Each builds $dir/program of $dir/model.h (and an object, if one is named) for a machine.
cortex_flags='-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard'
build_cortex() {
    arm-none-eabi-gcc $strict -O2 $cortex_flags $macros -I "$dir" -I "$cortex_m4" -nostartfiles \
        -T "$cortex_m4/mps2-an386.ld" "$@" "$here/run_model.c" "$cortex_m4/board.c" \
        --specs=nosys.specs -Wl,--no-warn-rwx-segments,-z,noexecstack -o "$dir/program" -lm
}
build_linux() {
    cc=$1
    shift
    "$cc" $strict -O2 -static $macros -I "$dir" -I "$cortex_m4" "$@" "$here/run_model.c" \
        "$here/board_stdio.c" -o "$dir/program" -lm
}
# build_rv32 CPU FILE...: for a core of 32 bits without an operating system, whose C library asks QEMU.
build_rv32() {
    cpu=$1 abi=ilp32
    shift
    case $cpu in *f*) abi=ilp32f ;; esac
    riscv64-unknown-elf-gcc $strict -O2 -march=$cpu -mabi=$abi $macros -I "$dir" -I "$cortex_m4" "$@" \
        "$here/run_model.c" "$here/board_stdio.c" --specs=picolibc.specs --oslib=semihost --crt0=hosted \
        -Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=4M,--defsym=__ram=0x80400000,--defsym=__ram_size=4M \
        -o "$dir/program" -lm
}
on_rv32='timeout 300 qemu-system-riscv32 -M virt -bios none -nographic -semihosting-config enable=on,target=native -kernel program'
on_cortex_run='timeout 120 qemu-system-arm -M mps2-an386 -nographic -semihosting-config enable=on,target=native -kernel'
on_cortex="$on_cortex_run program"

# size NAME: what model.h says of it.
size() { sed -n "s/^#define ${capitals}_$1 \([0-9]*\).*/\1/p" "$dir/model.h"; }
# link_wasm: $dir/model.wasm of the object, which $in_node runs.
link_wasm() {
    wasm-ld-19 --no-entry --export="${model}_predict" --export=__heap_base "$dir/model.o" \
        -o "$dir/model.wasm"
    in_node="node $here/run_model.mjs model.wasm $model $(size "${input}_SIZE") $(size OUTPUT_SIZE) $(size ARENA_BYTES)"
}

# object OPTION...: $dir/model.o and model.h, of which nnc says one line and LLVM nothing.
object() {
    rm -f "$dir/model.h"
    with_data --quiet --emit obj "$@" -o "$dir/model.o" 2> "$dir/said"
    grep -v 'declared in' "$dir/said" && exit 1
    say "$model" "$@"
}
