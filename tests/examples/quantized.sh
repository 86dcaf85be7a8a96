#!/bin/sh
# quantized.sh NNC FILE POINTS: trains a copy of an example, and checks that int8 is right at most
# POINTS of a hundred times less often than f32 is on the test data.
set -eu
nnc=$1 file=$2 points=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$file" "$dir"
ln -s "$(cd "$(dirname "$file")" && pwd)/data" "$dir/data"
model=$dir/$(basename "$file")

"$nnc" "$model" --train > "$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$nnc" "$model" --eval --quantize int8 > "$dir/eval" 2> "$dir/log" || { cat "$dir/log"; exit 1; }
cat "$dir/eval"

# int8   accuracy 0.977716, f32 0.97493: +0.28 points
awk -v most="$points" '
    /^int8 / { found = 1; lost = 100 * ($5 - $3) }
    END {
        if (!found) {
            print "nothing was said of int8"
            exit 1
        }
        print lost " points are lost, at most " most " are wanted"
        exit !(lost <= most)
    }' "$dir/eval"
