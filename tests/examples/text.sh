#!/bin/sh
# text.sh NNC TRIGRAM FILE TEXT: trains a copy of a character model; its validation loss must be below
# that of a trigram model of the same text.
set -eu
nnc=$1 trigram=$2 file=$3 text=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$file" "$dir"
ln -s "$(dirname "$text")" "$dir/data"
model=$dir/$(basename "$file")

"$nnc" "$model" --train --log "$dir/log.jsonl" 2> "$dir/log" || { cat "$dir/log"; exit 1; }
cat "$dir/log"
loss=$(sed -n 's/.*"validation_loss": *\([0-9.e-]*\).*/\1/p' "$dir/log.jsonl" | tail -n 1)
echo "validation loss $loss"
"$trigram" "$text" "$loss"
