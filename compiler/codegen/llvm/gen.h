// gen.h -- the little language in which codegen/llvm writes IR (inside codegen/llvm only).
//
// LLVM's optimizer is not run: what is written here is what the machine does, so loops are written
// rotated, values in vectors, constants splatted. All memory accesses are aligned to elements only.

#ifndef NNC_GEN_H
#define NNC_GEN_H

#include <llvm-c/Core.h>

#include "codegen/llvm/jit.h"
#include "graph/ops/emit.h"

typedef LLVMValueRef Val;
typedef LLVMTypeRef Ty;
typedef LLVMBasicBlockRef Block;

// What a run's native code is given: the arguments of the run and the executable's arena.
typedef struct RunContext {
    RunArgs args;
    char *arena;
    uint64_t *cycles;  // by kernel, in code that counts them
} RunContext;

// Where the functions of kernels go: into one module or several, which LLVM compiles side by side.
typedef struct Home Home;

typedef struct Gen {
    Arena *arena;
    Home *home;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    Ty f32, i1, i8, i32, i64, ptr, none;
    int width;             // lanes of a vector
    bool avx512;           // instructions that no intrinsic of LLVM's own stands for
    bool alone;            // one example a run, and nothing of the runtime's to call (object.c)
    const Val *constants;  // by variable: where its values are; NULL: in the run's block
    bool narrow;           // pointers have 32 bits: loops count in as many
    Val fn;                // being written
} Gen;

// --- types and constants; w: lanes, 1 is a scalar -----------------------------------------------
Ty gen_vector(Ty element, int w);
Ty gen_dtype(Gen *g, DType dtype, int w);  // bool is i1
Val gen_i64(Gen *g, int64_t x);
Val gen_splat_const(Val scalar, int w);
Val gen_f32(Gen *g, double x, int w);
Val gen_i32(Gen *g, int64_t x, int w);
Val gen_splat(Gen *g, Val scalar, int w);
int gen_lanes(Val v);
bool gen_is_float(Val v);
static inline int gen_registers(const Gen *g)  // of vectors
{
    return g->width == 16 ? 32 : 16;
}
Val gen_half(Gen *g, Val v, bool upper);                       // of a vector's lanes
Val gen_ramp_i64(Gen *g, int64_t first, int64_t step, int w);  // <first, first + step, ...>
Val gen_ramp_i32(Gen *g, int w);                               // <0, 1, ...>

// --- functions, calls, loops --------------------------------------------------------------------
Val gen_function(Gen *g, const char *name, Ty result, const Ty *params, int count, bool visible);
Val gen_declare(Gen *g, const char *name, Ty result, const Ty *params, int count);
Val gen_intrinsic(Gen *g, const char *name, const Ty *overloads, int overload_count, Val *args,
                  int count);
Val gen_call_f(Gen *g, const char *intrinsic, Val a);  // of one float vector

#define GEN_MAX_CARRIED 256

// A counted loop, written rotated: `for (i = lo; i < hi; i += step)` with carried values. A loop
// whose bounds are constants and make at least one turn has no test before it.
typedef struct Loop {
    Block before, body, exit;
    Val lo, hi, step, counter, index;  // index: the counter as an i64
    Val init[GEN_MAX_CARRIED], phi[GEN_MAX_CARRIED];
    int count;
} Loop;

// `carried` holds the values before the loop, then (after begin) those of the turn at hand.
void gen_loop_begin(Gen *g, Loop *l, Val lo, Val hi, int64_t step, Val *carried, int count);
// `carried` holds the values at the end of the turn, then those behind the loop.
void gen_loop_end(Gen *g, Loop *l, Val *carried);

// --- memory -------------------------------------------------------------------------------------
Val gen_offset(Gen *g, Val base, int64_t bytes);
Val gen_batch(Gen *g, Val context);  // examples of the run, an i64
// Elements of an axis of `size`, for DIM_BATCH `factor` for each example of the run; an i64.
Val gen_axis_length(Gen *g, Val context, int64_t size, int64_t factor);
Val gen_field(Gen *g, Val base, size_t offset, Ty type);    // load of a field at a byte offset
Val gen_element(Gen *g, Val base, DType dtype, Val index);  // address of base[index]
Val gen_mask(Gen *g, Val count);                            // of the lanes below `count`, an i64
// w lanes from `address` on, `stride` elements apart (0: all the same). mask: NULL or <w x i1>.
Val gen_load(Gen *g, Val address, DType dtype, int64_t stride, int w, Val mask);
// Lane i from base[index[i]]; index: <w x i64>.
Val gen_load_lanes(Gen *g, Val base, DType dtype, Val index, Val mask);
void gen_store(Gen *g, Val value, Val address, DType dtype, int64_t stride, Val mask);
// Asks for the line of the cache that is to be read, or written, soon.
void gen_ask_ahead(Gen *g, Val address, bool to_write);

// --- arithmetic (vmath.c) -----------------------------------------------------------------------
// a * b + c, rounded once; alone: as the machine does it fastest, a call it never is.
Val gen_mul_add(Gen *g, Val a, Val b, Val c);
// A number of a contraction's operand as it is multiplied: i8 as i32; acc + a * b of such.
Val gen_factor(Gen *g, Val loaded);
Val gen_add_product(Gen *g, Val a, Val b, Val acc);
Val gen_apply(Gen *g, EmitOp op, Val a, Val b, Val c);
// Random numbers in [0, 1) for element numbers (i64).
Val gen_random(Gen *g, Val seed, Val step, uint32_t stream, Val element);
// The same for the 64 elements from `first` on, a multiple of 64, in vectors of 16.
void gen_random_block(Gen *g, Val seed, Val step, uint32_t stream, Val first, Val out[4]);

// --- kernels and the program --------------------------------------------------------------------
// A kernel is a function void(void **args, i64 lo, i64 hi): args[0] is the RunContext, args[1 +
// slot] a buffer; it does the part lo..hi of the axis along which it may be split over threads.
typedef struct Split {
    KernelAxis axis;  // .size 1: not split
    int64_t grain;    // length of a piece; by the shape alone
    int64_t unit;     // where pieces are cut best: at multiples of this
} Split;

Val gen_loops_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name);
Split loops_split(const Plan *p, const Kernel *k, int width);

// A kernel that does nothing but exchange axes (transpose.c).
bool is_transposing_copy(const Kernel *k);
Split transpose_split(const Plan *p, const Kernel *k, int width);
// a[0] b[0] a[1] b[1] ... of the lower halves, or of the upper ones.
Val gen_interleave(Gen *g, Val a, Val b, bool upper);
// `width` vectors become the columns of what they were the rows of.
void gen_turn(Gen *g, Val *rows);
Val gen_transpose_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name);

// A kernel that does nothing but repeat the elements of rows (repeat.c).
bool is_repeating_copy(const Kernel *k);
Split repeat_split(const Plan *p, const Kernel *k);
Val gen_repeat_kernel(Gen *g, const Kernel *k, const char *name);

// Into how many pieces for threads a contraction of so many multiply-adds is best cut.
static inline double gen_pieces(double multiplies)
{
    return multiplies < 2000000 ? 1 : multiplies / 400000;
}

// A contraction as register tiles (tiles.c); false: its strides are none for vectors.
bool tiles_fit(Gen *g, const Plan *p, const Kernel *k, Split *split);
Val gen_tiles_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name);

// A product with rows shorter than a vector (narrow.c).
bool narrow_fit(Gen *g, const Plan *p, const Kernel *k, Split *split);
Val gen_narrow_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name);

// A contraction as dot products (dots.c), where both operands have neighbours along the depth.
bool dots_fit(const Kernel *k);
Split dots_split(Gen *g, const Plan *p, const Kernel *k);
Val gen_dots_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name);

// A contraction else: a call of the BLAS, where its strides allow one, or plain loops
// (contraction.c).
// Bounds of the first depth axis in a part of the batch: of ceil(batch / parts) examples; the last
// parts may have fewer, or none.
void gen_part_of_batch(Gen *g, const Kernel *k, Val context, Val part, Val *lo, Val *hi);
bool blas_fits(const Kernel *k);
void gen_blas(Gen *g, const Kernel *k, Val context, const Val *buffers);
Val gen_contract_kernel(Gen *g, const Kernel *k, const char *name);

struct Home {
    // Whether a function of this name is there, of this program or of another one of the process.
    // Else it counts as there from now on: the caller writes it.
    bool (*has)(Home *h, const char *name);
    // The module that the next function goes into.
    Gen *(*module)(Home *h);
};

// void run(RunContext *): all kernels in order. With `profile` the cycles of each are added up.
void gen_program(Gen *g, const Plan *p, const char *name, bool profile);

Val gen_read_cycles(Gen *g);

// What measures the machine (peak.c): float NAME(float), chains of multiply-adds, and the functions
// of JitProbes as NAME_sum and so on.
void gen_probes(Gen *g, const char *name);
// The FLOP in a second of the first.
double peak_measure(float (*peak)(float), int width);

#endif
