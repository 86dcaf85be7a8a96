#!/bin/sh
# train.sh NNC FILE METRIC OP BOUND: trains a copy of an example and checks what `nnc FILE --eval`
# says of a metric: train.sh nnc iris.nn accuracy ge 0.9. OP is ge or le; a per cent sign in nnc's
# output is understood.
set -eu
nnc=$1 file=$2 metric=$3 op=$4 bound=$5
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$file" "$dir"
ln -s "$(cd "$(dirname "$file")" && pwd)/data" "$dir/data"
model=$dir/$(basename "$file")

"$nnc" "$model" --train > "$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$nnc" "$model" --eval > "$dir/eval" 2> "$dir/log" || { cat "$dir/log"; exit 1; }
cat "$dir/eval"

# The first number after the metric's name.
awk -v metric="$metric" -v op="$op" -v bound="$bound" '
    !found && match($0, "(^|[^a-z0-9_])" metric "[^-a-z0-9_.]+") {
        rest = substr($0, RSTART + RLENGTH)
        value = rest + 0
        if (rest ~ /^[-0-9.e]+ *%/)
            value /= 100
        found = 1
    }
    END {
        if (!found) {
            print metric " was not printed"
            exit 1
        }
        good = op == "ge" ? value >= bound + 0 : value <= bound + 0
        print metric " = " value (good ? ", as wanted: " : ", but wanted: ") op " " bound
        exit !good
    }' "$dir/eval"
