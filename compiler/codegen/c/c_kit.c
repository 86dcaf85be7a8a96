// c_kit.c -- which kit a header takes, and what is the same in all of them.

#include "codegen/c/c_kit.h"

const char c_kit_window[] =
    "// n elements of a window from `at` on; those below `low` and from `high` on are\n"
    "// outside.\n"
    "static inline void NAME_window(NAME_wide *to, const int8_t *image, INDEX at,\n"
    "                               INDEX low, INDEX high, INDEX n, int pad)\n"
    "{\n"
    "    NAME_fill(to, pad, low);\n"
    "    NAME_widen(to + low * NAME_SPREAD, image + at + low, high - low);\n"
    "    NAME_fill(to + high * NAME_SPREAD, pad, n - high);\n"
    "}\n";

const char c_kit_bytes[] =
    "// The same of any number of bytes.\n"
    "static inline void NAME_copy8(int8_t *to, const int8_t *from, INDEX n)\n"
    "{\n"
    "#ifdef __GNUC__\n"
    "    for (; n >= 4; n -= 4, to += 4, from += 4)\n"
    "        __builtin_memcpy(to, from, 4);\n"
    "#endif\n"
    "    for (INDEX i = 0; i < n; ++i)\n"
    "        to[i] = from[i];\n"
    "}\n"
    "static inline void NAME_fill8(int8_t *to, int value, INDEX n)\n"
    "{\n"
    "    for (INDEX i = 0; i < n; ++i)\n"
    "        to[i] = (int8_t)value;\n"
    "}\n"
    "static inline void NAME_window8(int8_t *to, const int8_t *image, INDEX at,\n"
    "                                INDEX low, INDEX high, INDEX n, int pad)\n"
    "{\n"
    "    NAME_fill8(to, pad, low);\n"
    "    NAME_copy8(to + low, image + at + low, high - low);\n"
    "    NAME_fill8(to + high, pad, n - high);\n"
    "}\n";

const char c_kit_depthwise[] =
    "// The channels of a result from where they stand at each place of its window.\n"
    "static void NAME_depthwise(int8_t *to, const int8_t *const *from, int count,\n"
    "                           const int8_t *w, const int32_t *offset,\n"
    "                           const int32_t *multiplier, INDEX channels, int zero)\n"
    "{\n"
    "    const INDEX done =\n"
    "        NAME_channels(to, from, count, w, offset, multiplier, channels, zero);\n"
    "    for (INDEX c = done; c < channels; ++c) {\n"
    "        int32_t a = 0;\n"
    "        for (int i = 0; i < count; ++i)\n"
    "            a += (int32_t)from[i][c] * w[i * channels + c];\n"
    "        to[c] = NAME_code(a, offset[c], multiplier[c], zero);\n"
    "    }\n"
    "}\n";

const char c_kit_high[] =
    "// floor(a * multiplier / 2^32 + 1/2).\n"
    "static inline NAME_ALWAYS int32_t NAME_high(int32_t a, int32_t multiplier)\n"
    "{\n"
    "#if NAME_PAIRS\n"
    "    int32_t r;\n"
    "    __asm__(\"smmulr %0, %1, %2\" : \"=r\"(r) : \"r\"(a), \"r\"(multiplier));\n"
    "    return r;\n"
    "#else\n"
    "    return (int32_t)(((uint64_t)((int64_t)a * multiplier) + 0x80000000u) >> 32);\n"
    "#endif\n"
    "}\n";

const char c_kit_code[] =
    "// A sum as an i8 of the result's scale.\n"
    "static inline NAME_ALWAYS int8_t NAME_code(int32_t sum, int32_t offset,\n"
    "                                           int32_t multiplier, int zero)\n"
    "{\n"
    "    return (int8_t)NAME_to_i8(NAME_high(sum + offset, multiplier) + zero);\n"
    "}\n";

// PAIRS is one for all of ARM that has SMLAD; the kit's loops want Thumb, all registers, and words
// anywhere.
static const char *const macros =
    "// Products of i8 several at a time where the processor can; elsewhere plain C makes the same "
    "bits.\n"
    "#if defined __ARM_FEATURE_DSP && defined __GNUC__ && !defined __aarch64__\n"
    "#define NAME_PAIRS 1\n"
    "#else\n"
    "#define NAME_PAIRS 0\n"
    "#endif\n"
    "#if NAME_PAIRS && defined __thumb2__ && defined __ARM_FEATURE_UNALIGNED && \\\n"
    "    defined __OPTIMIZE__ && !defined __PIC__ && !defined __ARM_NEON\n"
    "#define NAME_KIT_DSP 1\n"
    "#define NAME_wide int16_t\n"
    "#define NAME_ROWS 2\n"
    "#define NAME_SPREAD 2\n"
    "#define NAME_START(n) 4\n"
    "#define NAME_ROOM(n) (2 * (n))\n"
    "#elif defined __SSE2__ && defined __GNUC__\n"
    "#ifdef __AVX2__\n"
    "#include <immintrin.h>\n"
    "#define NAME_KIT_AVX2 1\n"
    "#else\n"
    "#include <emmintrin.h>\n"
    "#define NAME_KIT_SSE2 1\n"
    "#endif\n"
    "#define NAME_wide int16_t\n"
    "#define NAME_ROWS 4\n"
    "#ifdef __AVX2__\n"
    "#define NAME_SPREAD 1\n"
    "#else\n"
    "#define NAME_SPREAD 2\n"
    "#endif\n"
    "#define NAME_START(n) ((n) * NAME_SPREAD)\n"
    "#define NAME_ROOM(n) (4 * NAME_START(n))\n"
    "#elif defined __ARM_NEON && defined __GNUC__ && !defined __ARM_BIG_ENDIAN\n"
    "#include <arm_neon.h>\n"
    "#define NAME_KIT_NEON 1\n"
    "#define NAME_wide int8_t\n"
    "#define NAME_ROWS 4\n"
    "#define NAME_SPREAD 1\n"
    "#define NAME_START(n) (n)\n"
    "#define NAME_ROOM(n) (NAME_ROWS * (n))\n"
    "#else\n"
    "#define NAME_wide int8_t\n"
    "#define NAME_ROWS 2\n"
    "#define NAME_SPREAD 1\n"
    "#define NAME_START(n) (n)\n"
    "#define NAME_ROOM(n) (NAME_ROWS * (n))\n"
    "#endif\n"
    "#if defined __GNUC__ && __GNUC__ >= 8 && !defined __clang__\n"
    "#define NAME_UNROLLED _Pragma(\"GCC unroll 4\")\n"
    "#else\n"
    "#define NAME_UNROLLED\n"
    "#endif\n"
    "#ifdef NAME_KIT_SSE2\n"
    "#define NAME_ALIGNED __attribute__((aligned(16)))\n"
    "#elif defined __GNUC__\n"
    "#define NAME_ALIGNED __attribute__((aligned(4)))\n"
    "#else\n"
    "#define NAME_ALIGNED\n"
    "#endif\n";

static const char *const names[] = {"PAIRS",    "KIT_DSP", "KIT_AVX2", "KIT_SSE2",
                                    "KIT_NEON", "wide",    "ROWS",     "SPREAD",
                                    "START",    "ROOM",    "UNROLLED", "ALIGNED"};

void c_kit_macros(CWriter *w)
{
    c_add_text(w, macros);
}

void c_kit_forget(CWriter *w)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        c_line(w, "#undef %s_%s", w->name, names[i]);
}

typedef struct Kit {
    const char *condition;
    const char *const *parts;
} Kit;

static const Kit kits[] = {
    {"#if defined NAME_KIT_DSP\n", c_kit_dsp},
    {"#elif defined NAME_KIT_AVX2\n", c_kit_avx2},
    {"#elif defined NAME_KIT_SSE2\n", c_kit_sse2},
    {"#elif defined NAME_KIT_NEON\n", c_kit_neon},
    {"#else\n", c_kit_plain},
};

void c_kit_print(CWriter *w, KitPart part)
{
    for (size_t i = 0; i < sizeof kits / sizeof *kits; i++) {
        c_add_text(w, kits[i].condition);
        c_add_text(w, kits[i].parts[part]);
    }
    c_add_text(w, "#endif\n");
}
