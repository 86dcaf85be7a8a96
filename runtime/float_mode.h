// float_mode.h -- what the processor makes of numbers closer to 0 than the smallest normal one,
// 1.2e-38.
//
// Such numbers take it several times as long, and training makes plenty: exponentials of what is
// masked, moments of parameters that no longer move. Compiled code runs with results of this kind
// becoming 0, on Arm operands too.

#ifndef NNRT_FLOAT_MODE_H
#define NNRT_FLOAT_MODE_H

#include <stdint.h>

typedef uint64_t NnrtFloatMode;

#define NNRT_X86_FLUSH_BIT 0x8000u       // MXCSR: FTZ
#define NNRT_ARM_FLUSH_BIT (1ull << 24)  // FPCR: FZ

#define NNRT_X86_RAISED_BITS 0x3fu  // what happened, which is no mode

// That of the thread.
static inline NnrtFloatMode nnrt_float_mode(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr() & ~NNRT_X86_RAISED_BITS;
#elif defined(__aarch64__)
    NnrtFloatMode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

static inline void nnrt_set_float_mode(NnrtFloatMode mode)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" ::"r"(mode));
#else
    (void)mode;
#endif
}

// `mode` but with such results as 0, where the processor can.
static inline NnrtFloatMode nnrt_flushing(NnrtFloatMode mode)
{
#if defined(__x86_64__)
    return mode | NNRT_X86_FLUSH_BIT;
#elif defined(__aarch64__)
    return mode | NNRT_ARM_FLUSH_BIT;
#else
    return mode;
#endif
}

#endif
