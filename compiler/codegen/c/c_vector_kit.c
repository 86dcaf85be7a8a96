// c_vector_kit.c -- the vectors that contractions are written with: their types, and functions of
// which each is an instruction or a few.
//
// A vector has as many floats as a register, but no more than its name says, so that narrow layers
// have theirs. In the texts NAME stands for the model's name and @ for that number. Multiply-adds
// are called by name where there are some: ISO C forbids a compiler to make them.

#include <string.h>

#include "codegen/c/c_writer.h"

enum { WIDEST = 16 };

// Small code has none: a compiler for size is given the scalars.
static const char macros[] =
    "// Contractions are written with vectors where the compiler has them.\n"
    "#if (__GNUC__ >= 9 || defined __clang__) && !defined __OPTIMIZE_SIZE__ && \\\n"
    "    (defined __SSE2__ || (defined __aarch64__ && defined __ARM_NEON) || \\\n"
    "     defined __wasm_simd128__)\n"
    "#define NAME_VECTORS 1\n"
    "#ifdef __SSE2__\n"
    "#include <immintrin.h>\n"
    "#elif defined __aarch64__\n"
    "#include <arm_neon.h>\n"
    "#endif\n"
    "#else\n"
    "#define NAME_VECTORS 0\n"
    "#endif\n"
    "#if defined __GNUC__ && __GNUC__ >= 9 && !defined __clang__\n"
    "#define NAME_DO(x) _Pragma(#x)\n"
    "#define NAME_UNROLL(n) NAME_DO(GCC unroll n)\n"
    "#else\n"
    "#define NAME_UNROLL(n)\n"
    "#endif\n";

static const char forget[] = "#undef NAME_VECTORS\n"
                             "#undef NAME_DO\n"
                             "#undef NAME_UNROLL\n";

// What a register has, and how x86-64 calls its functions.
static const char sixteen[] = "#ifdef __AVX512F__\n"
                              "#define NAME_FLOATS 16\n"
                              "#define NAME_X86(f) _mm512_##f\n"
                              "#elif defined __AVX__\n"
                              "#define NAME_FLOATS 8\n"
                              "#define NAME_X86(f) _mm256_##f\n"
                              "#else\n"
                              "#define NAME_FLOATS 4\n"
                              "#define NAME_X86(f) _mm_##f\n"
                              "#endif\n";
static const char eight[] = "#ifdef __AVX__\n"
                            "#define NAME_FLOATS 8\n"
                            "#define NAME_X86(f) _mm256_##f\n"
                            "#else\n"
                            "#define NAME_FLOATS 4\n"
                            "#define NAME_X86(f) _mm_##f\n"
                            "#endif\n";
static const char four[] = "#define NAME_FLOATS 4\n"
                           "#define NAME_X86(f) _mm_##f\n";

#define VECTOR "static inline NAME_ALWAYS NAME_v@ NAME_"

// The functions, on vectors: load, store, the same float in all places, a * b + c, the larger.
// GCC's own header warns of _mm512_max_ps in C++.
static const char functions[] =
    "typedef float NAME_v@ __attribute__((vector_size(4 * NAME_FLOATS)));\n" VECTOR
    "load@(const float *p)\n"
    "{\n"
    "    NAME_v@ v;\n"
    "    __builtin_memcpy(&v, p, sizeof v);\n"
    "    return v;\n"
    "}\n"
    "static inline NAME_ALWAYS void NAME_store@(float *p, NAME_v@ v)\n"
    "{\n"
    "    __builtin_memcpy(p, &v, sizeof v);\n"
    "}\n" VECTOR "all@(float a)\n"
    "{\n"
    "    const NAME_v@ zero = {0};\n"
    "    return a - zero;\n"
    "}\n" VECTOR "mad@(NAME_v@ a, NAME_v@ b, NAME_v@ c)\n"
    "{\n"
    "#ifdef __FMA__\n"
    "    return NAME_X86(fmadd_ps)(a, b, c);\n"
    "#elif defined __aarch64__\n"
    "    return vfmaq_f32(c, a, b);\n"
    "#else\n"
    "    return a * b + c;\n"
    "#endif\n"
    "}\n" VECTOR "max@(NAME_v@ a, NAME_v@ b)\n"
    "{\n"
    "#if defined __SSE2__ && NAME_FLOATS < 16\n"
    "    return NAME_X86(max_ps)(b, a);\n"
    "#else\n"
    "    typedef int32_t Bits __attribute__((vector_size(4 * NAME_FLOATS)));\n"
    "    const Bits larger = (Bits)(b > a);\n"
    "    return (NAME_v@)(((Bits)b & larger) | ((Bits)a & ~larger));\n"
    "#endif\n"
    "}\n"
    "#undef NAME_FLOATS\n"
    "#undef NAME_X86\n";

// The polynomials are those of native code (codegen/llvm/vmath.c): Cephes (Moshier).
static const char tanhs[] =
    "\n// An odd polynomial near 0, else 1 - 2 / (e^2|x| + 1), which is 1 long before 2|x| is 20;\n"
    "// e^t = 2^k e^r.\n"
    "static inline NAME_v@ NAME_tanh@(NAME_v@ x)\n"
    "{\n"
    "    typedef int32_t Bits __attribute__((vector_size(sizeof(NAME_v@))));\n"
    "    const Bits sign = (Bits)x & INT32_MIN;\n"
    "    const NAME_v@ a = (NAME_v@)((Bits)x ^ sign), z = x * x;\n"
    "    const NAME_v@ t = -NAME_max@(NAME_all@(-20.0f), -(a + a));\n"
    "    const Bits k = __builtin_convertvector(t * 1.44269504f + 0.5f, Bits);\n"
    "    const NAME_v@ power = (NAME_v@)((k + 127) << 23);\n"
    "    const NAME_v@ n = __builtin_convertvector(k, NAME_v@);\n"
    "    const NAME_v@ high = NAME_mad@(n, NAME_all@(-0.693359375f), t);\n"
    "    const NAME_v@ r = NAME_mad@(n, NAME_all@(2.12194440e-4f), high);\n"
    "    NAME_v@ inner = NAME_all@(-5.70498872745e-3f);\n"
    "    inner = NAME_mad@(inner, z, NAME_all@(2.06390887954e-2f));\n"
    "    inner = NAME_mad@(inner, z, NAME_all@(-5.37397155531e-2f));\n"
    "    inner = NAME_mad@(inner, z, NAME_all@(1.33314422036e-1f));\n"
    "    inner = NAME_mad@(inner, z, NAME_all@(-3.33332819422e-1f));\n"
    "    inner = NAME_mad@(inner * z, x, x);\n"
    "    NAME_v@ outer = NAME_all@(1.9875691500e-4f);\n"
    "    outer = NAME_mad@(outer, r, NAME_all@(1.3981999507e-3f));\n"
    "    outer = NAME_mad@(outer, r, NAME_all@(8.3334519073e-3f));\n"
    "    outer = NAME_mad@(outer, r, NAME_all@(4.1665795894e-2f));\n"
    "    outer = NAME_mad@(outer, r, NAME_all@(1.6666665459e-1f));\n"
    "    outer = NAME_mad@(outer, r, NAME_all@(5.0000001201e-1f));\n"
    "    outer = NAME_mad@(outer, r * r, r + 1.0f) * power;\n"
    "    outer = 1.0f - 2.0f / (outer + 1.0f);\n"
    "    const Bits beyond = (Bits)(a >= 0.625f);\n"
    "    return (NAME_v@)((((Bits)outer | sign) & beyond) | ((Bits)inner & ~beyond));\n"
    "}\n";

const char *c_vector_name(CWriter *w, const char *function, int lanes)
{
    w->vectors |= lanes;
    if (strcmp(function, "tanh") == 0)
        w->tanhs |= lanes;
    return arena_printf(w->arena, "%s_%s%d", w->name, function, lanes);
}

bool c_uses_vectors(const CWriter *w)
{
    return w->vectors != 0;
}

static void add_text(CWriter *w, const char *text, int lanes)
{
    for (; *text; text++)
        if (*text == '@') {
            text_addf(w->out, "%d", lanes);
        } else if (strncmp(text, "NAME", 4) == 0) {
            text_add(w->out, w->name);
            text += 3;
        } else {
            text_add_n(w->out, text, 1);
        }
}

void c_vector_macros(CWriter *w)
{
    add_text(w, macros, 0);
}

void c_vector_forget(CWriter *w)
{
    add_text(w, forget, 0);
}

void c_vector_kit(CWriter *w)
{
    if (w->vectors)
        add_text(w, "#if NAME_VECTORS\n", 0);
    for (int lanes = 4; lanes <= WIDEST; lanes *= 2) {
        if (!(w->vectors & lanes))
            continue;
        add_text(w, "// What a register has of floats, @ at most.\n", lanes);
        add_text(w, lanes == 4 ? four : lanes == 8 ? eight : sixteen, lanes);
        add_text(w, functions, lanes);
        if (w->tanhs & lanes)
            add_text(w, tanhs, lanes);
        c_blank(w);
    }
    if (w->vectors)
        add_text(w, "#endif\n\n", 0);
}
