#!/bin/sh
# raw.sh NNC FOLDER: a header takes a file's numbers as they stand there, and says what --predict
# says, which scales and normalizes them by itself. With sanitizers: every access is in its array.
. "$(dirname "$0")/common.sh"

# agree NAME INPUTS OUTPUTS CSV: the first INPUTS columns of a csv, each row through both.
agree() {
    name=$1 inputs=$2 outputs=$3 csv=$4
    "$nnc" "$dir/$name.nn" --train --quiet --set train.epochs=3 > /dev/null 2>&1
    "$nnc" "$dir/$name.nn" --emit-c "$dir/$name.h" 2> /dev/null
    cut -d, -f"1-$inputs" "$csv" | head -101 > "$dir/rows.csv"
    "$nnc" "$dir/$name.nn" --predict "$dir/rows.csv" --format json | tr -d '[]{}" ' |
        sed 's/outputs://; s/prediction:[^,]*,//; s/[a-z0-9]*://g' | tr ',' '\n' | grep . > "$dir/want"
    cat > "$dir/main.c" <<END
#include <stdio.h>
#define $(upper "$name")_IMPLEMENTATION
#define $(upper "$name")_STATIC_ARENA
#include "$name.h"
int main(void)
{
    float in[$inputs], out[$outputs];
    while (scanf("%*[^0-9-]") != EOF) {
        for (int i = 0; i < $inputs; ++i)
            if (scanf("%f%*[,\n]", &in[i]) < 1)
                return 0;
        ${name}_predict_static(in, out);
        for (int i = 0; i < $outputs; ++i)
            printf("%.9g\n", (double)out[i]);
    }
    return 0;
}
END
    cc -std=c99 -g -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/main.c" \
        -o "$dir/main" -lm
    tail -n +2 "$dir/rows.csv" | "$dir/main" > "$dir/got"
    [ "$(wc -l < "$dir/got")" -eq $((100 * outputs)) ]
    paste "$dir/want" "$dir/got" | awk -v name="$name" '
        { d = $1 - $2; d = d < 0 ? -d : d; m = $1 < 0 ? -$1 : $1
          if (d > most) most = d; if (m > large) large = m }
        END { print name ": at most", most, "of", large; exit !(NR > 0 && most <= 1e-5 * large) }'
}

agree digits 64 10 "$dir/data/digits.csv"
agree iris 4 3 "$dir/data/iris.csv"
