#!/bin/sh
# examples.sh NNC FILE...: for every definition of the library's files, makes a whole model of the
# example in its documentation and checks it, and has `nnc --doc` print it. A definition with
# documentation and no example fails.
set -eu
nnc=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

awk -v dir="$dir" '
    # The smallest input that a layer takes, from the pattern of its first parameter.
    function input_of(line) {
        if (line ~ /^layer embedding/)
            return "x: int[5]"
        if (line ~ /\([a-z]\[h, w, c\]/)
            return "x[4, 4, 16]"
        if (line ~ /\([a-z]\[(\.\., )?t, ([cd]|features)\]/)
            return "x[6, 32]"
        return "x[64]"
    }

    # The end of a model whose output this loss or metric wants.
    function ending_of(name) {
        if (name ~ /^(cross_entropy|kl_divergence|accuracy|top_k|macro_f1)$/)
            return "dense(5); softmax"
        if (name == "softmax_cross_entropy")
            return "dense(5)"
        if (name == "binary_cross_entropy")
            return "dense(1); sigmoid"
        return name == "poisson" ? "dense(1); softplus" : "dense(1)"
    }

    function train_block(kind, name, line) {
        loss = name ~ /^(accuracy|top_k|macro_f1)$/ ? "cross_entropy" : "mean_squared_error"
        return "train {\n" (kind == "loss" ? "" : "    loss = " loss "\n") \
               (kind == "optimizer" ? "" : "    optimizer = sgd\n") line "}\n"
    }

    function file_of(kind, name, line, example) {
        if (kind == "layer")
            return "model try {\n    input " input_of(line) "\n" example "}\n"
        if (kind == "init" && example ~ /param/)
            return "layer try(x[.., c], units = 3) {\n" example "    x\n}\n" \
                   "model tried {\n    input x[4]\n    try\n}\n"
        if (kind == "init")
            return "model try {\n    input x[4]\n" example "}\n"
        return "model try {\n    input x[4]\n    " ending_of(name) "\n}\n" \
               train_block(kind, name, example)
    }

    /^##/ { documented = 1 }
    /^## Example:/ { inside = 1; next }
    /^##     / && inside { example = example substr($0, 4) "\n"; next }
    /^(layer|loss|metric|init|optimizer|schedule|regularizer) / {
        if (documented) {
            split($2, parts, "(")
            print $1, parts[1], (example == "" ? "none" : "some") > (dir "/list")
            printf "%s", file_of($1, parts[1], $0, example) > (dir "/" $1 "_" parts[1] ".nn")
        }
    }
    !/^##/ { documented = inside = 0; example = "" }' "$@"

checked=0 failed=0
while read -r kind name example; do
    checked=$((checked + 1))
    file=$dir/${kind}_$name.nn
    if [ "$example" = none ]; then
        out="there is no example"
    elif out=$("$nnc" --doc "$name" 2>&1) && out=$("$nnc" "$file" 2>&1); then
        continue
    fi
    failed=$((failed + 1))
    printf 'FAIL %s %s\n%s\n' "$kind" "$name" "$out"
    cat "$file"
done < "$dir/list"
echo "$((checked - failed)) of $checked definitions pass"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
