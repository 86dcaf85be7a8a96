#!/bin/sh
# hostile.sh NNC FOLDER: names that are words of C, that begin with digits or that hold comments,
# quotes and other letters become identifiers and strings that compile and say what they said.
. "$(dirname "$0")/common.sh"
{
    echo 'arena,b,label'
    for i in 1 2 3 4 5 6 7 8; do
        echo "$i,1,*/ int \\"
        echo "1,$i,??/ über \"\"x\"\""
        echo "$i,$i,1%s"
    done
} | sed 's/,\(??.*\)$/,"\1"/' > "$dir/names.csv"
cat > "$dir/1 ?? \ é.nn" <<'END'
layer register(x) { dense(4) }
layer static(x) { register; relu }
model volatile {
    input arena[2]
    static
    static
    dense(3,
        bias = true)
    softmax
}
data { train = csv("names.csv", target = "label") }
train { loss = cross_entropy; optimizer = sgd(learning_rate = 0.1); epochs = 2 }
END
"$nnc" "$dir/1 ?? \ é.nn" --train --quiet > /dev/null 2>&1
"$nnc" "$dir/1 ?? \ é.nn" --verify > /dev/null
"$nnc" "$dir/1 ?? \ é.nn" --emit-c "$dir/volatile_.h" 2> /dev/null
compiles volatile_
cat > "$dir/main.c" <<'END'
#include <stdio.h>
#include "volatile_.h"
int main(void)
{
    for (int i = 0; i < VOLATILE__CLASSES; ++i)
        puts(volatile__classes[i]);
    return 0;
}
END
cc -std=c99 "$dir/main.c" "$dir/volatile_.c" -o "$dir/main" -lm
"$dir/main" > "$dir/out"
grep -qF '*/ int \' "$dir/out"
grep -qF '??/ über "x"' "$dir/out"
grep -qF '1%s' "$dir/out"

# Names that the header's own functions use, too, and those of C's library.
for name in a A s v run float b0 digits_max main printf int INT8_MAX M_PI expf; do
    sed "s/input arena/input $name/; s/model volatile/model ${name}_x/" "$dir/1 ?? \ é.nn" > "$dir/in.nn"
    cp "$dir/1 ?? \ é.safetensors" "$dir/in.safetensors"
    "$nnc" "$dir/in.nn" --quiet --emit-c "$dir/${name}_x.h" --with-training 2> /dev/null
    compiles "${name}_x"
    "$nnc" "$dir/in.nn" --quiet --emit-c "$dir/${name}_x.h" --quantize int8 2> /dev/null
    compiles "${name}_x"
done

# A model of such a name, with its header and with its object.
for name in main printf int float_ EOF INT8_MAX stdint memset linux M; do
    sed "s/model volatile/model $name/" "$dir/1 ?? \ é.nn" > "$dir/named.nn"
    cp "$dir/1 ?? \ é.safetensors" "$dir/named.safetensors"
    "$nnc" "$dir/named.nn" --quiet --emit-c "$dir/named.h" --quantize int8 2> /dev/null
    prefix=$(sed -n 's/^#define \(.*\)_IMPLEMENTED$/\1/p' "$dir/named.h")
    printf '#define %s_IMPLEMENTATION\n#include "named.h"\n#include "named.h"\nint main(void)\n{\n    return 0;\n}\n' \
        "$prefix" > "$dir/named.c"
    cp "$dir/named.c" "$dir/named.cpp"
    cc -std=c99 $strict "$dir/named.c" -o "$dir/main" -lm
    c++ -std=c++17 $strict "$dir/named.cpp" -o "$dir/main" -lm
    rm "$dir/named.h" # of weights, which declarations do not replace
    "$nnc" "$dir/named.nn" --quiet --emit obj --quantize int8 -o "$dir/named.o" 2> /dev/null
    cc -std=c99 $strict "$dir/named.c" "$dir/named.o" -o "$dir/main" -lm
    c++ -std=c++17 $strict "$dir/named.cpp" "$dir/named.o" -o "$dir/main" -lm
    rm "$dir/named.h"
done
