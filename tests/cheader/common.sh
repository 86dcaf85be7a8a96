# common.sh -- what the scripts of this folder share: $nnc, $examples, a folder $dir that goes away.
set -eu
nnc=$1 examples=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp -r "$examples/." "$dir"
strict='-Wall -Wextra -Wpedantic -Wconversion -Werror'

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
