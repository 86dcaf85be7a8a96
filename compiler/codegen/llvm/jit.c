// jit.c -- compiles modules for the host and links them into the process.
//
// The object is emitted by the target machine and then added to LLJIT, so that code generation
// needs no thread-safe contexts and an object can be looked at. LLVM's IR optimizer is not run: the
// kernels are written as vector code, on which it doubles the compile time and gains nothing.

#include "codegen/llvm/jit.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "codegen/llvm/gen.h"
#include "pool.h"

struct Jit {
    char *triple, *cpu, *features, *layout;
    LLVMTargetMachineRef machine;
    LLVMOrcLLJITRef jit;
    int width;
    bool profile;
    int modules;  // made so far: each has names of its own
};

typedef struct JitExecutable {
    Executable executable;
    void (*native)(RunContext *);
    char *arena;
    const Plan *plan;
    uint64_t *cycles;  // NULL: not counted
} JitExecutable;

// --- the machine --------------------------------------------------------------------------------

static const char *take_error(Arena *a, LLVMErrorRef e)
{
    char *message = LLVMGetErrorMessage(e);
    const char *copy = arena_strdup(a, message);
    LLVMDisposeErrorMessage(message);
    return copy;
}

static LLVMTargetMachineRef make_machine(const Jit *j, LLVMTargetRef target)
{
    return LLVMCreateTargetMachine(target, j->triple, j->cpu, j->features, LLVMCodeGenLevelDefault,
                                   LLVMRelocPIC, LLVMCodeModelDefault);
}

static bool has_feature(const Jit *j, const char *feature)
{
    const char *at = strstr(j->features, feature);
    size_t n = strlen(feature);
    return at && (at[n] == ',' || at[n] == 0);
}

static int full_width(const Jit *j)
{
    return has_feature(j, "+avx512f") ? 16 : has_feature(j, "+avx") ? 8 : 4;
}

static LLVMOrcCSymbolMapPair host_symbol(const Jit *j, const char *name, uintptr_t address)
{
    return (LLVMOrcCSymbolMapPair){
        .Name = LLVMOrcLLJITMangleAndIntern(j->jit, name),
        .Sym = {.Address = address, .Flags = {LLVMJITSymbolGenericFlagsExported, 0}}};
}

// All that generated code may call; nothing else of the process is visible to it.
static LLVMErrorRef define_host_symbols(const Jit *j)
{
    LLVMOrcCSymbolMapPair pairs[] = {
        host_symbol(j, "nnrt_sgemm", (uintptr_t)nnrt_sgemm),
        host_symbol(j, "nnrt_sgemm_batch", (uintptr_t)nnrt_sgemm_batch),
        host_symbol(j, "nnrt_pool_run", (uintptr_t)nnrt_pool_run),
        host_symbol(j, "powf", (uintptr_t)powf),
        host_symbol(j, "memset", (uintptr_t)memset),
        host_symbol(j, "memcpy", (uintptr_t)memcpy),
    };
    return LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(j->jit),
                                 LLVMOrcAbsoluteSymbols(pairs, sizeof pairs / sizeof *pairs));
}

static void set_layout(Jit *j)
{
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(j->machine);
    j->layout = LLVMCopyStringRepOfTargetData(data);
    LLVMDisposeTargetData(data);
}

static const char *open_machine(Arena *a, Jit *j)
{
    LLVMTargetRef target;
    char *message = NULL;
    j->triple = LLVMGetDefaultTargetTriple();
    j->cpu = LLVMGetHostCPUName();
    j->features = LLVMGetHostCPUFeatures();
    if (LLVMGetTargetFromTriple(j->triple, &target, &message)) {
        const char *copy = arena_strdup(a, message);
        LLVMDisposeMessage(message);
        return copy;
    }
    j->machine = make_machine(j, target);
    set_layout(j);
    LLVMOrcLLJITBuilderRef b = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        b, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(make_machine(j, target)));
    LLVMErrorRef e = LLVMOrcCreateLLJIT(&j->jit, b);
    if (!e)
        e = define_host_symbols(j);
    return e ? take_error(a, e) : NULL;
}

Jit *jit_open(Arena *a, const JitOptions *options, const char **error)
{
    Jit *j = calloc(1, sizeof *j);
    if (!j) {
        *error = "out of memory";
        return NULL;
    }
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    *error = open_machine(a, j);
    if (*error) {
        jit_close(j);
        return NULL;
    }
    j->profile = options && options->profile;
    j->width = options && options->vector_width ? options->vector_width : full_width(j);
    return j;
}

void jit_close(Jit *j)
{
    if (!j)
        return;
    if (j->jit)
        LLVMConsumeError(LLVMOrcDisposeLLJIT(j->jit));
    if (j->machine)
        LLVMDisposeTargetMachine(j->machine);
    LLVMDisposeMessage(j->triple);
    LLVMDisposeMessage(j->cpu);
    LLVMDisposeMessage(j->features);
    LLVMDisposeMessage(j->layout);
    free(j);
}

// --- modules ------------------------------------------------------------------------------------

static void set_types(Gen *g)
{
    LLVMContextRef c = g->context;
    g->f32 = LLVMFloatTypeInContext(c);
    g->i1 = LLVMInt1TypeInContext(c);
    g->i8 = LLVMInt8TypeInContext(c);
    g->i32 = LLVMInt32TypeInContext(c);
    g->i64 = LLVMInt64TypeInContext(c);
    g->ptr = LLVMPointerTypeInContext(c, 0);
    g->none = LLVMVoidTypeInContext(c);
}

// LLVM's errors would end the process; they are counted instead, because emitting an object says
// it went well even so.
static void count_errors(LLVMDiagnosticInfoRef info, void *count)
{
    if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
        ++*(int *)count;
}

static Gen *gen_open(Jit *j, Arena *a, const char *name, int *errors)
{
    Gen *g = arena_new_of(a, Gen);
    g->arena = a;
    g->width = j->width;
    g->context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(g->context, count_errors, errors);
    g->module = LLVMModuleCreateWithNameInContext(name, g->context);
    g->builder = LLVMCreateBuilderInContext(g->context);
    LLVMSetTarget(g->module, j->triple);
    LLVMSetDataLayout(g->module, j->layout);
    set_types(g);
    return g;
}

static void gen_close(Gen *g)
{
    LLVMDisposeBuilder(g->builder);
    LLVMDisposeModule(g->module);
    LLVMContextDispose(g->context);
}

static const char *verify(Arena *a, const Gen *g)
{
    char *message = NULL;
    const char *copy = NULL;
    if (LLVMVerifyModule(g->module, LLVMReturnStatusAction, &message))
        copy = arena_printf(a, "generated code is malformed: %s", message);
    LLVMDisposeMessage(message);
    return copy;
}

static const char *emit(Arena *a, Jit *j, const Gen *g, LLVMCodeGenFileType type, const int *errors,
                        LLVMMemoryBufferRef *out)
{
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(j->machine, g->module, type, &message, out)) {
        const char *copy = arena_strdup(a, message);
        LLVMDisposeMessage(message);
        return copy;
    }
    return *errors ? "the code generator reported an error" : NULL;
}

static const char *link_object(Arena *a, Jit *j, LLVMMemoryBufferRef object, const char *name,
                               LLVMOrcExecutorAddress *address)
{
    LLVMErrorRef e = LLVMOrcLLJITAddObjectFile(j->jit, LLVMOrcLLJITGetMainJITDylib(j->jit), object);
    if (!e)
        e = LLVMOrcLLJITLookup(j->jit, address, name);
    return e ? take_error(a, e) : NULL;
}

// `p`: the plan to run; NULL: what measures the machine's peak.
static const char *compile(Jit *j, Arena *a, const Plan *p, LLVMOrcExecutorAddress *address)
{
    int errors = 0;
    LLVMMemoryBufferRef object = NULL;
    const char *name = arena_printf(a, "%s_%d", p ? p->graph->name : "peak", j->modules++);
    Gen *g = gen_open(j, a, name, &errors);
    if (p)
        gen_program(g, p, name, j->profile);
    else
        gen_peak(g, name);
    const char *error = NULL;
#ifndef NDEBUG
    error = verify(a, g);
#else
    (void)verify;
#endif
    if (!error)
        error = emit(a, j, g, LLVMObjectFile, &errors, &object);
    gen_close(g);
    return error ? error : link_object(a, j, object, name, address);
}

const char *jit_text(Jit *j, Arena *a, const Graph *graph, int64_t max_batch, JitText what,
                     const char **error)
{
    int errors = 0;
    LLVMMemoryBufferRef out = NULL;
    Gen *g = gen_open(j, a, graph->name, &errors);
    const char *text = NULL;
    gen_program(g, plan_new(a, graph, max_batch), graph->name, false);
    *error = verify(a, g);
    if (!*error && what == JIT_TEXT_LLVM) {
        char *printed = LLVMPrintModuleToString(g->module);
        text = arena_strdup(a, printed);
        LLVMDisposeMessage(printed);
    } else if (!*error) {
        *error = emit(a, j, g, LLVMAssemblyFile, &errors, &out);
        text = *error ? NULL : arena_strndup(a, LLVMGetBufferStart(out), LLVMGetBufferSize(out));
    }
    if (out)
        LLVMDisposeMemoryBuffer(out);
    gen_close(g);
    return text;
}

// --- executables --------------------------------------------------------------------------------

static void jit_run(Executable *x, const RunArgs *args)
{
    JitExecutable *je = (JitExecutable *)x;
    RunContext context = {.args = *args, .arena = je->arena, .cycles = je->cycles};
    je->native(&context);
}

static void jit_free(Executable *x)
{
    JitExecutable *je = (JitExecutable *)x;
    free(je->arena);
    free(je);
}

Executable *jit_compile(Jit *j, Arena *a, const Graph *graph, int64_t max_batch, const char **error)
{
    LLVMOrcExecutorAddress address = 0;
    Plan *p = plan_new(a, graph, max_batch);
    *error = compile(j, a, p, &address);
    if (*error)
        return NULL;
    JitExecutable *je = calloc(1, sizeof *je);
    char *arena = aligned_alloc(64, p->arena_bytes + 64);
    if (!je || !arena) {
        free(je);
        free(arena);
        *error = arena_printf(a, "out of memory: the arena needs %zu bytes", p->arena_bytes);
        return NULL;
    }
    je->executable = (Executable){.run = jit_run, .free = jit_free};
    memcpy(&je->native, &address, sizeof je->native);
    je->arena = arena;
    je->plan = p;
    je->cycles = j->profile ? arena_array(a, uint64_t, (size_t)p->kernel_count + 1) : NULL;
    return &je->executable;
}

const Plan *jit_plan(const Executable *x)
{
    return ((const JitExecutable *)x)->plan;
}

const uint64_t *jit_cycles(const Executable *x)
{
    return ((const JitExecutable *)x)->cycles;
}

double jit_peak(Jit *j, Arena *a, const char **error)
{
    LLVMOrcExecutorAddress address = 0;
    float (*peak)(float);
    *error = compile(j, a, NULL, &address);
    memcpy(&peak, &address, sizeof peak);
    return *error ? 0 : peak_measure(peak, j->width);
}
