#!/bin/sh
# limits.sh NNC FOLDER: what a header takes stands at its top; deploy's limits are exact, one byte less
# is an error that lists what takes most; without weights, and without a compiler, there is a message;
# --verify can say no.
. "$(dirname "$0")/common.sh"
model=$dir/iris.nn
if "$nnc" "$model" --emit-c "$dir/out.h" 2> "$dir/err"; then exit 1; fi
grep -q -- '--train makes the weights' "$dir/err"
"$nnc" "$model" --train --quiet --set train.epochs=1 > /dev/null 2>&1
"$nnc" "$model" --emit-c "$dir/iris.h" 2> /dev/null
ram=$(awk '$2 == "IRIS_ARENA_BYTES" { print $3 }' "$dir/iris.h")
flash=$(awk '$2 == "IRIS_CONSTANT_BYTES" { print $3 }' "$dir/iris.h")
# At the top stands what each layer learns: 4 * 16 + 16 and 16 * 3 + 3, and in whole numbers, too.
for type in '' '--quantize int8'; do
    "$nnc" "$model" --emit-c "$dir/top.h" $type 2> /dev/null
    for row in 'dense +dense\(16\) +\[16\] +80' 'relu +relu +\[16\]' 'dense_2 +dense\(3\) +\[3\] +51' 'all +131'; do
        grep -qE "^//   $row\$" "$dir/top.h" || { echo "no row $row"; exit 1; }
    done
done
echo "deploy { ram = $ram; flash = $flash }" >> "$model"
"$nnc" "$model" --emit-c "$dir/out.h" 2> /dev/null
rm "$dir/out.h"
for short in "ram=$((ram - 1))" "flash=$((flash - 1))"; do
    if "$nnc" "$model" --set "deploy.$short" --emit-c "$dir/out.h" 2> "$dir/err"; then exit 1; fi
    grep -q 'deploy-limit' "$dir/err"
    grep -q 'help: .*dense.* takes' "$dir/err"
    [ ! -e "$dir/out.h" ]
done
# What is read is not written over.
for read in "$model" "$dir/iris.safetensors"; do
    cp "$read" "$dir/copy"
    if "$nnc" "$model" --emit-c "$read" 2> "$dir/err"; then exit 1; fi
    cmp -s "$read" "$dir/copy"
done
if CC=no-such-compiler "$nnc" "$model" --verify 2> "$dir/err"; then exit 1; fi
grep -q 'no-such-compiler.*needs a C compiler' "$dir/err"
# A compiler that makes something else of the header is found out.
cat > "$dir/wrong-cc" <<'END'
#!/bin/sh
for word; do case $word in *.c) sed -i 's/return b > a ? b : a/return a/' "${word%/*}/model.h" ;; esac; done
exec cc "$@"
END
chmod +x "$dir/wrong-cc"
"$nnc" "$model" --verify > /dev/null
if CC="$dir/wrong-cc" "$nnc" "$model" --verify > "$dir/out"; then exit 1; fi
grep -q DISAGREES "$dir/out"
