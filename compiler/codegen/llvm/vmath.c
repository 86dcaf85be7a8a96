// vmath.c -- what the operations of emit.h are in LLVM IR, for scalars and vectors alike.
//
// The functions are polynomials in f32 with fused multiply-adds, written out so that every lane of
// every vector width computes the same bits (square roots of 16 lanes are by an estimate). Their
// errors are stated in emit.h and held by tests/jit over their whole range. Coefficients: Cephes
// (Moshier) for exp, log, tanh, sin, cos; the rational minimax form of Eigen for erf.

#include <math.h>

#include "codegen/llvm/gen.h"

#define POLY(g, x, c) polynomial(g, x, c, (int)(sizeof(c) / sizeof *(c)))

Val gen_mul_add(Gen *g, Val a, Val b, Val c)
{
    Ty type = LLVMTypeOf(a);
    Val args[3] = {a, b, c};
    return gen_intrinsic(g, g->alone ? "llvm.fmuladd" : "llvm.fma", &type, 1, args, 3);
}

static Val f32_like(Gen *g, Val like, double x)
{
    return gen_f32(g, x, gen_lanes(like));
}

static Val i32_like(Gen *g, Val like, int64_t x)
{
    return gen_i32(g, x, gen_lanes(like));
}

static Val add(Gen *g, Val a, Val b)
{
    return LLVMBuildFAdd(g->builder, a, b, "");
}

static Val sub(Gen *g, Val a, Val b)
{
    return LLVMBuildFSub(g->builder, a, b, "");
}

static Val mul(Gen *g, Val a, Val b)
{
    return LLVMBuildFMul(g->builder, a, b, "");
}

static Val divide(Gen *g, Val a, Val b)
{
    return LLVMBuildFDiv(g->builder, a, b, "");
}

static Val less(Gen *g, Val a, Val b)
{
    return LLVMBuildFCmp(g->builder, LLVMRealOLT, a, b, "");
}

static Val choose(Gen *g, Val condition, Val a, Val b)
{
    return LLVMBuildSelect(g->builder, condition, a, b, "");
}

// Horner's rule, highest coefficient first.
static Val polynomial(Gen *g, Val x, const double *c, int count)
{
    Val p = f32_like(g, x, c[0]);
    for (int i = 1; i < count; i++)
        p = gen_mul_add(g, p, x, f32_like(g, x, c[i]));
    return p;
}

static Val as_int(Gen *g, Val x)
{
    return LLVMBuildBitCast(g->builder, x, gen_vector(g->i32, gen_lanes(x)), "");
}

static Val as_float(Gen *g, Val x)
{
    return LLVMBuildBitCast(g->builder, x, gen_vector(g->f32, gen_lanes(x)), "");
}

static Val to_int(Gen *g, Val x)
{
    return LLVMBuildFPToSI(g->builder, x, gen_vector(g->i32, gen_lanes(x)), "");
}

// 2^n for an integer n of the normal range
static Val power_of_two(Gen *g, Val n)
{
    Val biased = LLVMBuildAdd(g->builder, n, i32_like(g, n, 127), "");
    return as_float(g, LLVMBuildShl(g->builder, biased, i32_like(g, n, 23), ""));
}

// x = n ln 2 + r, e^x = 2^n e^r: n, and e^r as the result.
static Val exp_parts(Gen *g, Val x, Val *n)
{
    static const double c[] = {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                               4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1};
    *n = gen_call_f(g, "llvm.rint", mul(g, x, f32_like(g, x, 1.44269504088896341)));
    Val r = gen_mul_add(g, *n, f32_like(g, x, -0.693359375), x);
    r = gen_mul_add(g, *n, f32_like(g, x, 2.12194440e-4), r);
    return gen_mul_add(g, POLY(g, r, c), mul(g, r, r), add(g, r, f32_like(g, x, 1)));
}

static bool fills_avx512(const Gen *g, Val x)
{
    return g->avx512 && gen_lanes(x) == 16;
}

static Val all_lanes(Gen *g)
{
    return LLVMConstInt(LLVMInt16TypeInContext(g->context), 0xffff, 0);
}

// What is its own square root, or none at all: 0, what counts as 0, and inf.
static Val is_own_root(Gen *g, Val x)
{
    enum { ZEROS = 0x060, DENORMALS = 0x090, POSITIVE_INF = 0x200 };
    Ty type = LLVMTypeOf(x);
    Val args[2] = {x, gen_i32(g, ZEROS | DENORMALS | POSITIVE_INF, 1)};
    return gen_intrinsic(g, "llvm.is.fpclass", &type, 1, args, 2);
}

// s = x / sqrt(x) of an estimate good to 14 bits, and Newton's step s + s (1/2 - s / (2 sqrt(x))),
// in which nothing is too small to be a normal number. The instruction for the root keeps the one
// for quotients waiting, which is what the root is for.
static Val gen_root(Gen *g, Val x)
{
    if (!fills_avx512(g, x))
        return gen_call_f(g, "llvm.sqrt", x);
    Val args[3] = {x, LLVMConstNull(LLVMTypeOf(x)), all_lanes(g)};
    Val inverse = gen_intrinsic(g, "llvm.x86.avx512.rsqrt14.ps.512", NULL, 0, args, 3);
    Val s = mul(g, x, inverse), half = f32_like(g, x, 0.5);
    Val rest = gen_mul_add(g, LLVMBuildFNeg(g->builder, s, ""), mul(g, inverse, half), half);
    return choose(g, is_own_root(g, x), x, gen_mul_add(g, s, rest, s));
}

// p 2^n in one instruction; n is still a float.
static Val scale_at_once(Gen *g, Val p, Val n)
{
    enum { AS_THE_MODE_SAYS = 4 };
    Val args[5] = {p, n, p, all_lanes(g), gen_i32(g, AS_THE_MODE_SAYS, 1)};
    return gen_intrinsic(g, "llvm.x86.avx512.mask.scalef.ps.512", NULL, 0, args, 5);
}

// 2^n is applied in two halves, so that results reach down to the denormals and up to inf; a NaN
// passes both bounds.
static Val gen_exp(Gen *g, Val x)
{
    Val high = f32_like(g, x, 89), low = f32_like(g, x, -104), n;
    x = choose(g, less(g, high, x), high, x);
    x = choose(g, less(g, x, low), low, x);
    Val p = exp_parts(g, x, &n);
    if (fills_avx512(g, x))
        return scale_at_once(g, p, n);
    // the integer of a NaN is poison; any number will do there, p is a NaN
    Val number = LLVMBuildFCmp(g->builder, LLVMRealORD, n, n, "");
    Val k = to_int(g, choose(g, number, n, f32_like(g, x, 0)));
    Val half = LLVMBuildAShr(g->builder, k, i32_like(g, k, 1), "");
    Val rest = LLVMBuildSub(g->builder, k, half, "");
    return mul(g, mul(g, p, power_of_two(g, half)), power_of_two(g, rest));
}

// The same bits for x from 0 to `high`, which is less than 87; of what is larger, and of a NaN,
// that of `high`.
static Val exp_up_to(Gen *g, Val x, double high)
{
    Val bound = f32_like(g, x, high), n;
    x = choose(g, less(g, x, bound), x, bound);
    Val p = exp_parts(g, x, &n);
    return fills_avx512(g, x) ? scale_at_once(g, p, n) : mul(g, p, power_of_two(g, to_int(g, n)));
}

// x = 2^k m with m in [sqrt(1/2), sqrt(2)); log x = (k + extra) ln 2 + log m.
static Val log_of_normal(Gen *g, Val x, Val extra)
{
    static const double c[] = {7.0376836292e-2,  -1.1514610310e-1, 1.1676998740e-1,
                               -1.2420140846e-1, 1.4249322787e-1,  -1.6668057665e-1,
                               2.0000714765e-1,  -2.4999993993e-1, 3.3333331174e-1};
    Val bits = as_int(g, x);
    Val k = LLVMBuildSub(g->builder, bits, i32_like(g, bits, 0x3f3504f3), "");
    k = LLVMBuildAShr(g->builder, k, i32_like(g, bits, 23), "");
    Val shifted = LLVMBuildShl(g->builder, k, i32_like(g, bits, 23), "");
    Val m = as_float(g, LLVMBuildSub(g->builder, bits, shifted, ""));
    Val f = sub(g, m, f32_like(g, x, 1));
    Val e = add(g, LLVMBuildSIToFP(g->builder, k, LLVMTypeOf(x), ""), extra);
    Val z = mul(g, f, f);
    Val y = mul(g, mul(g, POLY(g, f, c), f), z);
    y = gen_mul_add(g, e, f32_like(g, x, -2.12194440e-4), y);
    y = gen_mul_add(g, z, f32_like(g, x, -0.5), y);
    return gen_mul_add(g, e, f32_like(g, x, 0.693359375), add(g, f, y));
}

static Val gen_log(Gen *g, Val x)
{
    Val zero = f32_like(g, x, 0), inf = f32_like(g, x, HUGE_VAL);
    Val tiny = less(g, x, f32_like(g, x, 1.17549435e-38));
    Val scaled = choose(g, tiny, mul(g, x, f32_like(g, x, 8388608)), x);
    Val y = log_of_normal(g, scaled, choose(g, tiny, f32_like(g, x, -23), zero));
    Val is_zero = LLVMBuildFCmp(g->builder, LLVMRealOEQ, x, zero, "");
    y = choose(g, is_zero, f32_like(g, x, -HUGE_VAL), y);
    // inf and NaN are their own logarithm; below zero there is none
    y = choose(g, less(g, x, zero), f32_like(g, x, NAN), y);
    return choose(g, LLVMBuildFCmp(g->builder, LLVMRealULT, x, inf, ""),
                  choose(g, LLVMBuildFCmp(g->builder, LLVMRealUNO, x, x, ""), x, y), x);
}

static Val gen_abs(Gen *g, Val x)
{
    return gen_call_f(g, "llvm.fabs", x);
}

static Val copy_sign(Gen *g, Val magnitude, Val sign)
{
    Ty type = LLVMTypeOf(magnitude);
    Val args[2] = {magnitude, sign};
    return gen_intrinsic(g, "llvm.copysign", &type, 1, args, 2);
}

// An odd polynomial near 0 and for a NaN, else 1 - 2 / (e^2|x| + 1) with the sign of x, which is 1
// in f32 long before 2|x| is 20.
static Val gen_tanh(Gen *g, Val x)
{
    static const double c[] = {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                               1.33314422036e-1, -3.33332819422e-1};
    Val a = gen_abs(g, x), z = mul(g, x, x), one = f32_like(g, x, 1);
    Val small = gen_mul_add(g, mul(g, POLY(g, z, c), z), x, x);
    Val e = exp_up_to(g, add(g, a, a), 20);
    Val large = sub(g, one, divide(g, f32_like(g, x, 2), add(g, e, one)));
    Val near = LLVMBuildFCmp(g->builder, LLVMRealULT, a, f32_like(g, x, 0.625), "");
    return choose(g, near, small, copy_sign(g, large, x));
}

// With e = exp(-|x|), which never overflows: 1 / (1 + e), or e / (1 + e) below zero.
static Val gen_sigmoid(Gen *g, Val x)
{
    Val one = f32_like(g, x, 1), zero = f32_like(g, x, 0);
    Val e = gen_exp(g, LLVMBuildFNeg(g->builder, gen_abs(g, x), ""));
    return divide(g, choose(g, less(g, x, zero), e, one), add(g, one, e));
}

// x P(x^2) / Q(x^2); from 3.8325 on the result is 1 in f32.
static Val gen_erf(Gen *g, Val x)
{
    static const double p[] = {-2.72614225801306e-10, 2.77068142495902e-08,  -2.10102402082508e-06,
                               -5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03,
                               -1.60960333262415e-02};
    static const double q[] = {-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03,
                               -7.37332916720468e-03, -1.42647390514189e-02};
    Val end = f32_like(g, x, 3.8325), z = mul(g, x, x);
    Val inner = divide(g, mul(g, x, POLY(g, z, p)), POLY(g, z, q));
    return choose(g, less(g, end, gen_abs(g, x)), copy_sign(g, f32_like(g, x, 1), x), inner);
}

// x - n pi/2 in three fused parts; exact enough for |x| <= 1e4.
static Val reduce_angle(Gen *g, Val x, Val *quadrant)
{
    Val n = gen_call_f(g, "llvm.rint", mul(g, x, f32_like(g, x, 0.63661977236758134)));
    Val r = gen_mul_add(g, n, f32_like(g, x, -1.5707963705062866), x);
    r = gen_mul_add(g, n, f32_like(g, x, 4.37113900018624283e-8), r);
    Val in_range = less(g, gen_abs(g, n), f32_like(g, x, 1e9));
    *quadrant = to_int(g, choose(g, in_range, n, f32_like(g, x, 0)));
    return gen_mul_add(g, n, f32_like(g, x, 1.71512451e-15), r);
}

// sin(x + quarter pi/2)
static Val gen_sine(Gen *g, Val x, int quarter)
{
    static const double s[] = {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1};
    static const double c[] = {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2};
    Val k;
    Val r = reduce_angle(g, x, &k), z = mul(g, r, r);
    k = LLVMBuildAdd(g->builder, k, i32_like(g, k, quarter), "");
    Val sine = gen_mul_add(g, mul(g, POLY(g, z, s), z), r, r);
    Val cosine = gen_mul_add(g, z, f32_like(g, x, -0.5), f32_like(g, x, 1));
    cosine = gen_mul_add(g, mul(g, POLY(g, z, c), z), z, cosine);
    Val odd = LLVMBuildAnd(g->builder, k, i32_like(g, k, 1), "");
    Val swap = LLVMBuildICmp(g->builder, LLVMIntNE, odd, i32_like(g, k, 0), "");
    Val high = LLVMBuildAnd(g->builder, k, i32_like(g, k, 2), "");
    Val sign = LLVMBuildShl(g->builder, high, i32_like(g, k, 30), "");
    Val y = choose(g, swap, cosine, sine);
    return as_float(g, LLVMBuildXor(g->builder, as_int(g, y), sign, ""));
}

// C's powf, lane by lane: exact powers matter more than speed where it is used.
static Val gen_pow(Gen *g, Val a, Val b)
{
    Ty params[2] = {g->f32, g->f32};
    Ty type = LLVMFunctionType(g->f32, params, 2, 0);
    Val fn = gen_declare(g, "powf", g->f32, params, 2);
    int w = gen_lanes(a);
    Val args[2] = {a, b};
    if (w == 1)
        return LLVMBuildCall2(g->builder, type, fn, args, 2, "");
    Val y = LLVMGetPoison(LLVMTypeOf(a));
    for (int i = 0; i < w; i++) {
        args[0] = LLVMBuildExtractElement(g->builder, a, gen_i32(g, i, 1), "");
        args[1] = LLVMBuildExtractElement(g->builder, b, gen_i32(g, i, 1), "");
        Val lane = LLVMBuildCall2(g->builder, type, fn, args, 2, "");
        y = LLVMBuildInsertElement(g->builder, y, lane, gen_i32(g, i, 1), "");
    }
    return y;
}

// --- random numbers -----------------------------------------------------------------------------

static Val multiply_wide(Gen *g, Val a, uint32_t factor, Val *low)
{
    int w = gen_lanes(a);
    Ty wide = gen_vector(g->i64, w), narrow = gen_vector(g->i32, w);
    Val x = LLVMBuildZExt(g->builder, a, wide, "");
    Val product = LLVMBuildMul(g->builder, x, gen_splat_const(gen_i64(g, factor), w), "");
    *low = LLVMBuildTrunc(g->builder, product, narrow, "");
    Val high = LLVMBuildLShr(g->builder, product, gen_splat_const(gen_i64(g, 32), w), "");
    return LLVMBuildTrunc(g->builder, high, narrow, "");
}

static void philox_round(Gen *g, Val c[4], Val key[2])
{
    Val low0, low2;
    Val high0 = multiply_wide(g, c[0], 0xD2511F53u, &low0);
    Val high2 = multiply_wide(g, c[2], 0xCD9E8D57u, &low2);
    int w = gen_lanes(c[0]);
    Val x = LLVMBuildXor(g->builder, high2, c[1], "");
    Val y = LLVMBuildXor(g->builder, high0, c[3], "");
    c[0] = LLVMBuildXor(g->builder, x, gen_splat(g, key[0], w), "");
    c[2] = LLVMBuildXor(g->builder, y, gen_splat(g, key[1], w), "");
    c[1] = low2;
    c[3] = low0;
    key[0] = LLVMBuildAdd(g->builder, key[0], gen_i32(g, 0x9E3779B9, 1), "");
    key[1] = LLVMBuildAdd(g->builder, key[1], gen_i32(g, 0xBB67AE85, 1), "");
}

static Val low_word(Gen *g, Val x)
{
    return LLVMBuildTrunc(g->builder, x, gen_vector(g->i32, gen_lanes(x)), "");
}

static Val high_word(Gen *g, Val x)
{
    Val shift = gen_splat_const(gen_i64(g, 32), gen_lanes(x));
    return low_word(g, LLVMBuildLShr(g->builder, x, shift, ""));
}

static Val unit_float(Gen *g, Val word)
{
    Val top = LLVMBuildLShr(g->builder, word, gen_i32(g, 8, gen_lanes(word)), "");
    Val x = LLVMBuildSIToFP(g->builder, top, gen_vector(g->f32, gen_lanes(word)), "");
    return mul(g, x, f32_like(g, x, 0x1p-24));
}

static void philox(Gen *g, Val seed, Val step, uint32_t stream, Val number, Val words[4])
{
    int w = gen_lanes(number);
    Val key[2] = {low_word(g, seed), high_word(g, seed)};
    words[0] = low_word(g, number);
    words[1] = high_word(g, number);
    words[2] = gen_splat(g, low_word(g, step), w);
    words[3] = gen_i32(g, stream, w);
    for (int i = 0; i < 10; i++)
        philox_round(g, words, key);
}

static Val i64_like(Gen *g, Val like, int64_t x)
{
    return gen_splat_const(gen_i64(g, x), gen_lanes(like));
}

// Salmon et al. 2011; which word of which counter an element has is runtime/random.h's definition.
Val gen_random(Gen *g, Val seed, Val step, uint32_t stream, Val element)
{
    LLVMBuilderRef b = g->builder;
    Val words[4];
    Val block = LLVMBuildLShr(b, element, i64_like(g, element, 6), "");
    Val lane = LLVMBuildAnd(b, element, i64_like(g, element, 15), "");
    Val number = LLVMBuildShl(b, block, i64_like(g, element, 4), "");
    philox(g, seed, step, stream, LLVMBuildOr(b, number, lane, ""), words);
    Val word = low_word(g, LLVMBuildLShr(b, element, i64_like(g, element, 4), ""));
    word = LLVMBuildAnd(b, word, i32_like(g, word, 3), "");
    Val chosen = words[0];
    for (int i = 1; i < 4; i++) {
        Val is = LLVMBuildICmp(b, LLVMIntEQ, word, i32_like(g, word, i), "");
        chosen = choose(g, is, words[i], chosen);
    }
    return unit_float(g, chosen);
}

// --- sixteen counters at once
// A lane of 64 bits holds a word in its lower half, and anything in its upper: so it takes one
// instruction to multiply, and one to bring the upper half of a product down. Eight counters of
// even number and eight of odd number go side by side, and are woven together in the end.

static Val lower_half(Gen *g, Val x)
{
    return LLVMBuildAnd(g->builder, x, i64_like(g, x, UINT32_MAX), "");
}

static Val upper_half(Gen *g, Val x)
{
    return LLVMBuildLShr(g->builder, x, i64_like(g, x, 32), "");
}

static void philox_round_halves(Gen *g, Val c[4], const Val key[2])
{
    LLVMBuilderRef b = g->builder;
    Val low0 = LLVMBuildMul(b, lower_half(g, c[0]), i64_like(g, c[0], 0xD2511F53u), "");
    Val low2 = LLVMBuildMul(b, lower_half(g, c[2]), i64_like(g, c[2], 0xCD9E8D57u), "");
    Val x = LLVMBuildXor(b, upper_half(g, low2), c[1], "");
    Val y = LLVMBuildXor(b, upper_half(g, low0), c[3], "");
    c[0] = LLVMBuildXor(b, x, key[0], "");
    c[2] = LLVMBuildXor(b, y, key[1], "");
    c[1] = low2;
    c[3] = low0;
}

static Val woven(Gen *g, Val even, Val odd)
{
    Ty words = gen_vector(g->i32, 16);
    Val lanes[16];
    for (int i = 0; i < 16; i++)
        lanes[i] = gen_i32(g, i % 2 ? 16 + i - 1 : i, 1);
    return LLVMBuildShuffleVector(g->builder, LLVMBuildBitCast(g->builder, even, words, ""),
                                  LLVMBuildBitCast(g->builder, odd, words, ""),
                                  LLVMConstVector(lanes, 16), "");
}

void gen_random_block(Gen *g, Val seed, Val step, uint32_t stream, Val first, Val out[4])
{
    LLVMBuilderRef b = g->builder;
    Val c[2][4], key[2] = {low_word(g, seed), high_word(g, seed)};
    Val number = gen_splat(g, LLVMBuildLShr(b, first, gen_i64(g, 2), ""), 8);
    for (int odd = 0; odd < 2; odd++) {
        c[odd][0] = LLVMBuildAdd(b, number, gen_ramp_i64(g, odd, 2, 8), "");
        c[odd][1] = upper_half(g, c[odd][0]);
        c[odd][2] = gen_splat(g, step, 8);
        c[odd][3] = gen_splat_const(gen_i64(g, stream), 8);
    }
    for (int round = 0; round < 10; round++) {
        Val wide[2];
        for (int i = 0; i < 2; i++)
            wide[i] = LLVMBuildBitCast(b, gen_splat(g, key[i], 16), gen_vector(g->i64, 8), "");
        philox_round_halves(g, c[0], wide);
        philox_round_halves(g, c[1], wide);
        key[0] = LLVMBuildAdd(b, key[0], gen_i32(g, 0x9E3779B9, 1), "");
        key[1] = LLVMBuildAdd(b, key[1], gen_i32(g, 0xBB67AE85, 1), "");
    }
    for (int i = 0; i < 4; i++)
        out[i] = unit_float(g, woven(g, c[0][i], c[1][i]));
}

// --- the table
// ------------------------------------------------------------------------------------ Functions of
// one shape, so that the table below is all there is to dispatch.

#define UNARY(name, expression)                  \
    static Val name(Gen *g, Val a, Val b, Val c) \
    {                                            \
        (void)b, (void)c;                        \
        return expression;                       \
    }
#define BINARY(name, expression)                 \
    static Val name(Gen *g, Val a, Val b, Val c) \
    {                                            \
        (void)c;                                 \
        return expression;                       \
    }

UNARY(op_neg, LLVMBuildFNeg(g->builder, a, ""))
UNARY(op_abs, gen_abs(g, a))
UNARY(op_floor, gen_call_f(g, "llvm.floor", a))
UNARY(op_sqrt, gen_root(g, a))
UNARY(op_exp, gen_exp(g, a))
UNARY(op_log, gen_log(g, a))
UNARY(op_sin, gen_sine(g, a, 0))
UNARY(op_cos, gen_sine(g, a, 1))
UNARY(op_tanh, gen_tanh(g, a))
UNARY(op_sigmoid, gen_sigmoid(g, a))
UNARY(op_erf, gen_erf(g, a))
UNARY(op_not, LLVMBuildNot(g->builder, a, ""))

static bool is_bool(Gen *g, Val a)
{
    return LLVMTypeOf(a) == gen_vector(g->i1, gen_lanes(a));
}

static Val to_f32(Gen *g, Val a)
{
    Ty type = gen_vector(g->f32, gen_lanes(a));
    if (gen_is_float(a))
        return a;
    return is_bool(g, a) ? LLVMBuildUIToFP(g->builder, a, type, "")
                         : LLVMBuildSIToFP(g->builder, a, type, "");
}

static Val to_i32(Gen *g, Val a)
{
    Ty type = gen_vector(g->i32, gen_lanes(a));
    if (!gen_is_float(a))
        return is_bool(g, a) ? LLVMBuildZExt(g->builder, a, type, "")
                             : LLVMBuildSExtOrBitCast(g->builder, a, type, "");
    Ty overloads[2] = {type, LLVMTypeOf(a)};
    return gen_intrinsic(g, "llvm.fptosi.sat", overloads, 2, &a, 1);
}

static Val bound_i32(Gen *g, Val a, int64_t low, int64_t high)
{
    Val lowest = i32_like(g, a, low), highest = i32_like(g, a, high);
    a = choose(g, LLVMBuildICmp(g->builder, LLVMIntSLT, a, lowest, ""), lowest, a);
    return choose(g, LLVMBuildICmp(g->builder, LLVMIntSGT, a, highest, ""), highest, a);
}

static Val to_i8(Gen *g, Val a)
{
    const Ty type = gen_vector(g->i8, gen_lanes(a));
    if (is_bool(g, a))
        return LLVMBuildZExt(g->builder, a, type, "");
    if (LLVMTypeOf(a) == type)
        return a;
    return LLVMBuildTrunc(g->builder, bound_i32(g, to_i32(g, a), INT8_MIN, INT8_MAX), type, "");
}

// Division by 0 and by -1 are none for the processor: by 1 instead.
static Val whole_quotient(Gen *g, Val a, Val b)
{
    LLVMBuilderRef w = g->builder;
    Val zero = i32_like(g, b, 0), one = i32_like(g, b, 1);
    Val by_zero = LLVMBuildICmp(w, LLVMIntEQ, b, zero, "");
    Val negated = LLVMBuildICmp(w, LLVMIntEQ, b, i32_like(g, b, -1), "");
    Val safe = choose(g, LLVMBuildOr(w, by_zero, negated, ""), one, b);
    Val y = LLVMBuildSDiv(w, a, safe, "");
    y = choose(g, negated, LLVMBuildSub(w, zero, a, ""), y);
    return choose(g, by_zero, zero, y);
}

static Val widened(Gen *g, Val a)
{
    return LLVMBuildSExt(g->builder, a, gen_vector(g->i64, gen_lanes(a)), "");
}

static Val wide_like(Gen *g, Val like, int64_t x)
{
    return gen_splat_const(gen_i64(g, x), gen_lanes(like));
}

// The rounded number of 64 bits, brought back into the i32 range.
static Val narrowed(Gen *g, Val y)
{
    LLVMBuilderRef w = g->builder;
    Val low = wide_like(g, y, INT32_MIN), high = wide_like(g, y, INT32_MAX);
    y = choose(g, LLVMBuildICmp(w, LLVMIntSLT, y, low, ""), low, y);
    y = choose(g, LLVMBuildICmp(w, LLVMIntSGT, y, high, ""), high, y);
    return LLVMBuildTrunc(w, y, gen_vector(g->i32, gen_lanes(y)), "");
}

static Val op_requantize(Gen *g, Val a, Val multiplier, Val shift)
{
    LLVMBuilderRef w = g->builder;
    Val product = LLVMBuildMul(w, widened(g, a), widened(g, multiplier), "");
    Val s = LLVMBuildAnd(w, widened(g, shift), wide_like(g, a, 63), "");
    Val half = LLVMBuildLShr(w, LLVMBuildShl(w, wide_like(g, a, 1), s, ""), wide_like(g, a, 1), "");
    return narrowed(g, LLVMBuildAShr(w, LLVMBuildAdd(w, product, half, ""), s, ""));
}

// As scaled_sqrt does it (graph/ops/integer.c): no target needs numbers of double precision.
static Val op_isqrt(Gen *g, Val a, Val unused, Val none)
{
    LLVMBuilderRef w = g->builder;
    (void)unused, (void)none;
    a = choose(g, LLVMBuildICmp(w, LLVMIntSGT, a, i32_like(g, a, 0), ""), a, i32_like(g, a, 0));
    Val rest = LLVMBuildShl(w, widened(g, a), wide_like(g, a, 30), "");
    Val root = wide_like(g, a, 0);
    for (int bit = 60; bit >= 0; bit -= 2) {
        Val one = wide_like(g, a, INT64_C(1) << bit), tried = LLVMBuildAdd(w, root, one, "");
        Val fits = LLVMBuildICmp(w, LLVMIntUGE, rest, tried, "");
        root = LLVMBuildLShr(w, root, wide_like(g, a, 1), "");
        root = choose(g, fits, LLVMBuildAdd(w, root, one, ""), root);
        rest = choose(g, fits, LLVMBuildSub(w, rest, tried, ""), rest);
    }
    return LLVMBuildTrunc(w, root, gen_vector(g->i32, gen_lanes(a)), "");
}

static Val to_bool(Gen *g, Val a)
{
    Val zero = LLVMConstNull(LLVMTypeOf(a));
    if (is_bool(g, a))
        return a;
    return gen_is_float(a) ? LLVMBuildFCmp(g->builder, LLVMRealUNE, a, zero, "")
                           : LLVMBuildICmp(g->builder, LLVMIntNE, a, zero, "");
}

static Val compare(Gen *g, Val a, Val b, LLVMRealPredicate real, LLVMIntPredicate integer)
{
    return gen_is_float(a) ? LLVMBuildFCmp(g->builder, real, a, b, "")
                           : LLVMBuildICmp(g->builder, integer, a, b, "");
}

UNARY(op_to_f32, to_f32(g, a))
UNARY(op_to_i32, to_i32(g, a))
UNARY(op_to_bool, to_bool(g, a))
UNARY(op_to_i8, to_i8(g, a))
BINARY(op_iadd, LLVMBuildAdd(g->builder, a, b, ""))
BINARY(op_isub, LLVMBuildSub(g->builder, a, b, ""))
BINARY(op_imul, LLVMBuildMul(g->builder, a, b, ""))
BINARY(op_idiv, whole_quotient(g, a, b))
BINARY(op_add, gen_is_float(a) ? add(g, a, b) : LLVMBuildAdd(g->builder, a, b, ""))
BINARY(op_sub, gen_is_float(a) ? sub(g, a, b) : LLVMBuildSub(g->builder, a, b, ""))
BINARY(op_mul, gen_is_float(a) ? mul(g, a, b) : LLVMBuildMul(g->builder, a, b, ""))
BINARY(op_div, divide(g, a, b))
BINARY(op_pow, gen_pow(g, a, b))
BINARY(op_eq, compare(g, a, b, LLVMRealOEQ, LLVMIntEQ))
BINARY(op_ne, compare(g, a, b, LLVMRealUNE, LLVMIntNE))
BINARY(op_lt, compare(g, a, b, LLVMRealOLT, LLVMIntSLT))
BINARY(op_le, compare(g, a, b, LLVMRealOLE, LLVMIntSLE))
BINARY(op_gt, compare(g, a, b, LLVMRealOGT, LLVMIntSGT))
BINARY(op_ge, compare(g, a, b, LLVMRealOGE, LLVMIntSGE))
BINARY(op_max, choose(g, op_gt(g, b, a, c), b, a))
BINARY(op_min, choose(g, op_lt(g, b, a, c), b, a))
BINARY(op_and, LLVMBuildAnd(g->builder, a, b, ""))
BINARY(op_or, LLVMBuildOr(g->builder, a, b, ""))

Val gen_apply(Gen *g, EmitOp op, Val a, Val b, Val c)
{
    typedef Val Function(Gen *, Val, Val, Val);
    static Function *const table[EMIT_COUNT] = {
        [EMIT_NEG] = op_neg,         [EMIT_ABS] = op_abs,
        [EMIT_FLOOR] = op_floor,     [EMIT_SQRT] = op_sqrt,
        [EMIT_EXP] = op_exp,         [EMIT_LOG] = op_log,
        [EMIT_SIN] = op_sin,         [EMIT_COS] = op_cos,
        [EMIT_TANH] = op_tanh,       [EMIT_SIGMOID] = op_sigmoid,
        [EMIT_ERF] = op_erf,         [EMIT_NOT] = op_not,
        [EMIT_TO_F32] = op_to_f32,   [EMIT_TO_I32] = op_to_i32,
        [EMIT_TO_BOOL] = op_to_bool, [EMIT_ADD] = op_add,
        [EMIT_SUB] = op_sub,         [EMIT_MUL] = op_mul,
        [EMIT_DIV] = op_div,         [EMIT_POW] = op_pow,
        [EMIT_MAX] = op_max,         [EMIT_MIN] = op_min,
        [EMIT_EQ] = op_eq,           [EMIT_NE] = op_ne,
        [EMIT_LT] = op_lt,           [EMIT_LE] = op_le,
        [EMIT_GT] = op_gt,           [EMIT_GE] = op_ge,
        [EMIT_AND] = op_and,         [EMIT_OR] = op_or,
        [EMIT_SELECT] = choose,      [EMIT_FMA] = gen_mul_add,
        [EMIT_TO_I8] = op_to_i8,     [EMIT_IADD] = op_iadd,
        [EMIT_ISUB] = op_isub,       [EMIT_IMUL] = op_imul,
        [EMIT_IDIV] = op_idiv,       [EMIT_REQUANTIZE] = op_requantize,
        [EMIT_ISQRT] = op_isqrt,
    };
    return table[op](g, a, b, c);
}
