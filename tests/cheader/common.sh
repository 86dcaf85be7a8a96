# common.sh -- what the scripts of this folder share: $nnc, $examples, a folder $dir that goes away.
set -eu
nnc=$1 examples=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp -r "$examples/." "$dir"
strict='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'

# careful: from now on programs are made with sanitizers: any access outside of an array and any
# overflow ends them. They end with what they have.
careful() {
    printf '#!/bin/sh\nexec cc -g -fsanitize=address,undefined -fno-sanitize-recover=all "$@"\n' > "$dir/careful-cc"
    chmod +x "$dir/careful-cc"
    export CC="$dir/careful-cc" ASAN_OPTIONS=detect_leaks=0
}

# upper NAME
upper() { printf %s "$1" | tr a-z A-Z; }

# implementation NAME: $dir/NAME.h as a file of its own, in C and in C++.
implementation() {
    printf '#define %s_IMPLEMENTATION\n#define %s_STATIC_ARENA\n#include "%s.h"\n' \
        "$(upper "$1")" "$(upper "$1")" "$1" > "$dir/$1.c"
    cp "$dir/$1.c" "$dir/$1.cpp"
}

# compiles NAME: without a warning, by every compiler there is.
compiles() {
    implementation "$1"
    for cc in gcc clang; do
        command -v "$cc" > /dev/null || continue
        "$cc" -std=c99 -O1 $strict -c "$dir/$1.c" -o "$dir/$1.o" || return 1
    done
    for cxx in g++ clang++; do
        command -v "$cxx" > /dev/null || continue
        "$cxx" -std=c++11 -O1 $strict -c "$dir/$1.cpp" -o "$dir/$1.o" || return 1
    done
}

# all_listed TABLE: each example has a row, `quick` or `large`, and each row an example.
all_listed() {
    ls "$examples" | sed -n 's/\.nn$//p' | LC_ALL=C sort > "$dir/are"
    awk '$2 == "quick" || $2 == "large" { print $1 }' "$1" | LC_ALL=C sort > "$dir/listed"
    diff "$dir/are" "$dir/listed" || {
        echo "examples (<) and the rows of $1 (>) differ"
        return 1
    }
}

# example WORDS...: nnc on the example of a row, $name $data $sets, with what the row sets.
example() {
    for s in $sets; do
        set -- "$@" --set "$s"
    done
    [ "$data" = shipped ] ||
        set -- --set 'data.train=synthetic(seed = 1, examples = 8)' --set train.batch_size=2 \
            --set train.steps_per_epoch=1 --set train.epochs=2 "$@"
    "$nnc" "$dir/$name.nn" "$@"
}
