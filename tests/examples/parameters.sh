#!/bin/sh
# parameters.sh NNC FOLDER: the examples have as many parameters as were published. Columns: the
# example; in all; trained; `--set` or -; who says so.
set -eu
nnc=$1 folder=$2
checked=0 failed=0
while read -r name total trained set source; do
    checked=$((checked + 1))
    [ "$set" = - ] && set -- "$folder/$name.nn" || set -- "$folder/$name.nn" --set "$set"
    got=$("$nnc" "$@" --color never 2>&1 | awk '
        $1 == "parameters" && /trained/ {
            gsub(/[^0-9:,;a-z]/, "")            # digits come in groups
            gsub(/[a-z]/, "")
            split($0, part, /[:,;]/)
            print part[1], part[2]
        }')
    [ "$got" = "$total $trained" ] && continue
    failed=$((failed + 1))
    echo "FAIL $name $set: $got parameters in all and trained, not $total $trained ($source)"
done <<'END'
resnet8             78666    78186    -        mlcommons/tiny, image_classification
kws_ds_cnn          24908    23756    -        mlcommons/tiny, keyword_spotting
vww_mobilenet       221794   216322   -        mlcommons/tiny, visual_wake_words
anomaly_autoencoder 269992   267928   -        mlcommons/tiny, anomaly_detection
resnet20            271098   269722   -        arXiv:1512.03385, table 6: 0.27 M; shortcuts A
resnet20            466426   464154     blocks=5 arXiv:1512.03385, table 6: 0.46 M
vgg11               9236618  9231114  -        arXiv:1409.1556, A, for 32 x 32 with batch norms
lenet5              61706    61706    -        LeCun et al. 1998, the form without the partial table
unet                31031685 31031685 -        the usual form in Keras, 256 x 256 x 1
END
echo "$((checked - failed)) of $checked have the published parameters"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
