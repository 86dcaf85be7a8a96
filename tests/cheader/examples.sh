#!/bin/sh
# examples.sh NNC FOLDER: every example but the largest two (tens of megabytes of constants), trained
# a few steps, becomes a header that compiles and computes what nnc does, in f32 and in int8: there
# to the last bit, where no layer stays f32. Columns: the example, what is set beside the data that
# cannot be shipped.
. "$(dirname "$0")/common.sh"

# Any access outside of an array and any overflow ends the program.
cat > "$dir/careful-cc" <<'END'
#!/bin/sh
exec cc -g -fsanitize=address,undefined -fno-sanitize-recover=all "$@"
END
chmod +x "$dir/careful-cc"

# header NAME WORDS: it says what nnc says, with sanitizers, and compiles without a warning.
header() {
    name=$1
    shift
    CC="$dir/careful-cc" "$nnc" "$dir/$name.nn" --verify "$@" > "$dir/out" 2>&1 &&
        "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" "$@" > "$dir/emitted" 2>&1 &&
        compiles "$name" > "$dir/out" 2>&1
}

export ASAN_OPTIONS=detect_leaks=0  # the program that --verify makes ends with what it has
checked=0 failed=0 exact=0
while read -r name data sets; do
    checked=$((checked + 1))
    set --
    if [ "$data" = made-up ]; then
        set -- --set "data.train=synthetic(seed = 1, examples = 8)" --set train.batch_size=2 \
            --set train.steps_per_epoch=1 --set train.epochs=2
    fi
    for s in $sets; do
        set -- "$@" --set "$s"
    done
    if "$nnc" "$dir/$name.nn" --train --quiet "$@" > "$dir/out" 2>&1 &&
        header "$name" "$@" && header "$name" "$@" --quantize int8; then
        exact=$((exact + $(grep -c "${name}_predict_i8(void" "$dir/$name.h")))
        rm "$dir/$name.h"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        cat "$dir/out"
    fi
done <<'END'
linear_regression     shipped train.epochs=2
logistic_regression   shipped train.epochs=2
iris                  shipped train.epochs=2
digits                shipped train.epochs=2
diabetes              shipped train.epochs=2
custom                shipped train.epochs=2
sunspots_gru          shipped train.epochs=2
char_lstm             shipped train.epochs=1 train.steps_per_epoch=2
char_transformer      shipped train.epochs=2 train.steps_per_epoch=1
fashion_mlp           made-up data.test=0.25 data.validation=0.25
fashion_cnn           made-up data.test=0.25 data.validation=0.25
lenet5                made-up data.test=0.25
denoising_autoencoder made-up data.test=0.25 data.validation=0.25
siamese               made-up data.validation=0.25
resnet8               made-up data.test=0.25
resnet20              made-up data.test=0.25
kws_ds_cnn            made-up data.test=0.25 data.validation=0.25
vww_mobilenet         made-up data.test=0.25 data.validation=0.25
anomaly_autoencoder   made-up data.validation=0.25
END
echo "$((checked - failed)) of $checked agree"
[ "$checked" -eq 19 ] && [ "$failed" -eq 0 ] && [ "$exact" -ge 2 ]
