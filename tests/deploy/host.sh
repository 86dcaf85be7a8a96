#!/bin/sh
# host.sh NNC VALUES EXAMPLES: for this machine, with the widest vectors it has, objects of models of all
# kinds (several inputs, indices, windows, sequences, attention) compute what their headers do, in f32
# and in int8.
. "$(dirname "$0")/common.sh"

# program CAPITALS FUNCTION: a main() for the declaration of FUNCTION in model.h. Outputs go to stdout,
# as made_up.h says.
program() {
    parameters=$(sed -n "s/^void $2(void \*arena, \(.*\));\$/\1/p" "$dir/model.h" | tr ' ' '~' |
        tr , '\n' | sed 's/^~//')
    printf '#include "%s/made_up.h"\n#include "model.h"\n' "$here"
    echo "static float arena[$1_ARENA_FLOATS];"
    names='' before='' after=''
    for parameter in $parameters; do
        name=p_${parameter##*\*} type=$(printf %s "${parameter%%\**}" | tr '~' ' ')
        echo "static ${type#const } $name[$1_$(upper "${name#p_}")_SIZE];"
        names="$names, $name"
        case $type in
        const\ float\ ) before="$before    FILL($name);\n" ;;
        const*) before="$before    FILL_INDICES($name);\n" ;;
        *) after="$after    SHOW($name);\n" ;;
        esac
    done
    printf 'int main(int argc, char **argv)\n{\n    (void)argv;\n'
    printf "$before    $2(arena$names);\n    if (argc == 1)\n        puts(\"y\");\n$after    return 0;\n}\n"
}
upper() { printf %s "$1" | tr a-z A-Z; }

# same TOLERANCE OPTION...: the header and the object that nnc makes with these options.
same() {
    tolerance=$1
    shift
    "$nnc" "$dir/$model.nn" --quiet --emit-c "$dir/model.h" "$@" 2> "$dir/said"
    program "$capitals" "${model}_predict" > "$dir/main.c"
    cc -std=c99 -O1 -D "${capitals}_IMPLEMENTATION" "$dir/main.c" -o "$dir/with_header" -lm
    "$nnc" "$dir/$model.nn" --quiet --emit obj -o "$dir/model.o" "$@" 2> /dev/null
    cc -std=c99 -O1 "$dir/main.c" "$dir/model.o" -o "$dir/with_object" -lm
    "$dir/with_header" > "$dir/wanted.csv"
    "$dir/with_object" raw > "$dir/outputs"
    ! grep -q stays-real "$dir/said" || tolerance=0.1 # as --verify allows where f32 is between
    "$values" compare "$dir/wanted.csv" "$dir/outputs" 1 $(($(wc -l < "$dir/wanted.csv") - 1)) $tolerance
    compared=$((compared + 1))
}

compared=0
while read -r model sets; do
    capitals=$(upper "$model")
    set --
    for s in $sets; do
        case $s in
        made-up) set -- "$@" --set 'data.train=synthetic(seed = 1, examples = 8)' --set train.batch_size=2 ;;
        *) set -- "$@" --set "$s" ;;
        esac
    done
    "$nnc" "$dir/$model.nn" --train --quiet --set train.epochs=1 "$@" > /dev/null 2>&1
    say "$model:"
    same 1e-5
    say "$model int8:"
    same 1e-6 --quantize int8 "$@" # to the bit: a step is far larger
done <<'END'
iris
diabetes
custom
siamese made-up data.validation=0.25
lenet5 made-up data.test=0.25
denoising_autoencoder made-up data.test=0.25 data.validation=0.25
resnet8 made-up data.test=0.25
vww_mobilenet made-up data.test=0.25 data.validation=0.25
char_lstm train.steps_per_epoch=1
char_transformer train.epochs=2 train.steps_per_epoch=1
END
[ $compared -eq 20 ]
