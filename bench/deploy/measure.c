// One prediction, and what it took: "count N", "stack N", "out HEX" for each output. network.h, a
// peer's, has INPUTS and OUTPUTS, Input and Output, how they stand for floats, and predict(). With
// NETWORK_NONE it is what all programs have.
#include "board.h"

#include <stdint.h>
#include <string.h>

#ifdef NETWORK_NONE
enum { INPUTS = 1, OUTPUTS = 1 };
typedef float Input, Output;
static Input given(float x)
{
    return x;
}
static float gave(Output y)
{
    return y;
}
static void predict(const Input *in, Output *out)
{
    out[0] = in[0];
}
#else
#include "network.h"
#endif

static Input input[INPUTS];
static Output output[OUTPUTS];

// Not inline: callgrind counts from its call to its return.
__attribute__((noinline)) void infer(void);
void infer(void)
{
    predict(input, output);
}

// deploy.py's made_up() are the same numbers.
static void fill_input(void)
{
    uint32_t state = 1;
    for (int i = 0; i < INPUTS; i++) {
        state = state * 1664525u + 1013904223u;
        input[i] = given((float)(int32_t)(state >> 16) / 32768.0f - 1.0f);
    }
}

static void print_hex(const char *name, uint32_t number)
{
    char text[10] = "00000000\n";
    for (int i = 7; i >= 0; i--, number >>= 4)
        text[i] = "0123456789abcdef"[number & 15];
    print(name);
    print(text);
}

int main(void)
{
    fill_input();
    paint_stack();
    start_counting();
    infer();
    const uint64_t count = counted();
    print_hex("stack ", stack_used());
    print_hex("count ", (uint32_t)count);
    for (int i = 0; i < OUTPUTS; i++) {
        const float value = gave(output[i]);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        print_hex("out ", bits);
    }
    return 0;
}
