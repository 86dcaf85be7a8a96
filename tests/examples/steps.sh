#!/bin/sh
# steps.sh NNC FOLDER: the examples whose data cannot be shipped train a few steps on made-up data of
# the same shapes. Columns: the example, what else is set.
set -eu
nnc=$1 folder=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
checked=0 failed=0
while read -r name sets; do
    checked=$((checked + 1))
    cp "$folder/$name.nn" "$dir"
    set -- "$dir/$name.nn" --train --quiet --set "data.train=synthetic(seed = 1, examples = 8)" \
        --set train.batch_size=2 --set train.steps_per_epoch=1 --set train.epochs=2
    for s in $sets; do
        set -- "$@" --set "$s"
    done
    if ! "$nnc" "$@" > "$dir/out" 2>&1 || [ ! -s "$dir/$name.safetensors" ]; then
        failed=$((failed + 1))
        echo "FAIL $name"
        cat "$dir/out"
    fi
done <<'END'
resnet8             data.test=0.25
kws_ds_cnn          data.test=0.25 data.validation=0.25
vww_mobilenet       data.test=0.25 data.validation=0.25
anomaly_autoencoder data.validation=0.25
resnet20            data.test=0.25
vgg11               data.test=0.25 data.validation=0.25
unet                data.validation=0.25
siamese             data.validation=0.25
END
echo "$((checked - failed)) of $checked train"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
