#!/bin/sh
# bytes.sh NNC FOLDER: an image of bytes goes into predict_i8 as each byte less 128, whichever of them the
# training data has; what comes out is what predict says of the bytes.
. "$(dirname "$0")/common.sh"

# 40 images of 8 by 8, of bytes from 20 to 200, and their classes, in MNIST's format.
{
    printf '\000\000\010\003\000\000\000\050\000\000\000\010\000\000\000\010'
    tr '\000-\023\311-\377' '\100' < "$dir/data/digits.csv" | head -c 2560
} > "$dir/images.idx"
{
    printf '\000\000\010\001\000\000\000\050'
    for i in 1 2 3 4 5 6 7 8 9 10; do printf '\000\001\002\003'; done
} > "$dir/labels.idx"
cat > "$dir/camera.nn" <<'END'
model camera {
    input image[8, 8]
    reshape(8, 8, 1); conv2d(4, 3); relu; flatten; dense(4); softmax
}
data { train = idx("images.idx", "labels.idx", scale = 1/255) }
train { loss = cross_entropy; optimizer = adam(learning_rate = 0.01); epochs = 30; batch_size = 8 }
deploy { quantize = int8 }
END
"$nnc" "$dir/camera.nn" --train --quiet > /dev/null 2>&1
"$nnc" "$dir/camera.nn" --emit-c "$dir/camera.h" 2> /dev/null
grep -q '^//   image = 1 \* (q - -128): a byte less 128$' "$dir/camera.h"
grep -q '^#define CAMERA_IMAGE_SCALE 1.0f$' "$dir/camera.h"
grep -q '^#define CAMERA_IMAGE_ZERO (-128)$' "$dir/camera.h"
compiles camera
cat > "$dir/main.c" <<'END'
#include <stdio.h>
#include "camera.h"
static float arena[CAMERA_ARENA_FLOATS];
int main(void)
{
    float real[CAMERA_IMAGE_SIZE], y[CAMERA_OUTPUT_SIZE];
    int8_t whole[CAMERA_IMAGE_SIZE], q[CAMERA_OUTPUT_SIZE], first = 0, changes = 0;
    uint32_t random = 1;
    for (int n = 0; n < 1000; ++n) {
        for (int i = 0; i < CAMERA_IMAGE_SIZE; ++i) {
            random = random * 1664525u + 1013904223u;
            const uint8_t byte = (uint8_t)(random >> 24);
            real[i] = (float)byte;
            whole[i] = (int8_t)(byte - 128);
        }
        camera_predict(arena, real, y);
        camera_predict_i8(arena, whole, q);
        for (int i = 0; i < CAMERA_OUTPUT_SIZE; ++i)
            if (y[i] != CAMERA_OUTPUT_SCALE * (float)(q[i] - CAMERA_OUTPUT_ZERO))
                return 1;
        first = n == 0 ? q[0] : first;
        changes |= q[0] != first;
    }
    return !changes;
}
END
cc -std=c99 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/main.c" "$dir/camera.c" \
    -o "$dir/main" -lm
"$dir/main"
