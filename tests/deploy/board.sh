#!/bin/sh
# board.sh NNC VALUES EXAMPLES DOCUMENT: what docs/board.md tells one to type and to write works, and
# both images say what stands there. (Installing, building nnc and the larger example are left out:
# ./dev and examples.sh do these.)
. "$(dirname "$0")/common.sh"
needs arm-none-eabi-gcc arm-none-eabi-size qemu-system-arm
mkdir -p "$dir/root/build/release"
cp -r "$examples" "$dir/root/examples"
ln -s "$(realpath "$nnc")" "$dir/root/build/release/nnc"
cd "$dir/root"
awk '/^```c$/ { c = 1; next } /^```/ { c = 0 } c' "$4" > main.c
sed -n 's/^\$ //p' "$4" | grep -vE '^(apt-get|\./dev|make) ' > commands
[ "$(wc -l < commands)" -ge 10 ]
sh -eu commands > said 2>&1 || { cat said; exit 1; }
cat said
[ "$(grep -c '^This is a 3\.$' said)" -eq 2 ] && [ "$(grep -c '^This is a 3\.$' "$4")" -eq 2 ]
grep -q 'digits.o: 68904 bytes of constants, an arena of 768 bytes; declared in digits.h' said

# The table in deploy.md is nnc's.
"$nnc" examples/digits.nn --emit obj --target nothing 2>&1 | tail -n +2 | tr -d , |
    while read -r triple cpus; do
        for word in $triple $cpus; do
            grep -E "^\|.*\`$triple\`" "$(dirname "$4")/deploy.md" | grep -q "\`$word\`" ||
                { echo "deploy.md does not have $triple with $word"; exit 1; }
        done
    done
