// jit.c -- compiles graphs for the host and links them into the process.
//
// Objects are emitted by target machines (compile.c) and then added to LLJIT, so that code
// generation needs no thread-safe contexts, and an object can be looked at and kept.

#include "codegen/llvm/jit.h"

#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "alloc.h"
#include "blas.h"
#include "codegen/llvm/modules.h"
#include "float_mode.h"
#include "pool.h"

struct Jit {
    Machine machine;
    LLVMOrcLLJITRef jit;
    Cache *cache;
    Compiler *compiler;
    Names names;
    Unit **pending;  // started, and not linked yet
    int pending_count;
    bool profile;
    int programs;  // made so far: each has a name of its own
};

typedef struct JitExecutable {
    Executable executable;
    const char *name;
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

LLVMTargetMachineRef machine_new(const Machine *m)
{
    return LLVMCreateTargetMachine(m->target, m->triple, m->cpu, m->features,
                                   LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelDefault);
}

static bool has_feature(const Machine *m, const char *feature)
{
    const char *at = strstr(m->features, feature);
    size_t n = strlen(feature);
    return at && (at[n] == ',' || at[n] == 0);
}

bool machine_has_avx512(const Machine *m)
{
    return has_feature(m, "+avx512f");
}

int machine_width(const Machine *m)
{
    return machine_has_avx512(m) ? 16 : has_feature(m, "+avx") ? 8 : 4;
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
        host_symbol(j, "nnrt_pool_share", (uintptr_t)nnrt_pool_share),
        host_symbol(j, "nnrt_pool_run", (uintptr_t)nnrt_pool_run),
        host_symbol(j, "powf", (uintptr_t)powf),
        host_symbol(j, "memset", (uintptr_t)memset),
        host_symbol(j, "memcpy", (uintptr_t)memcpy),
    };
    return LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(j->jit),
                                 LLVMOrcAbsoluteSymbols(pairs, sizeof pairs / sizeof *pairs));
}

static void set_layout(Machine *m, LLVMTargetMachineRef machine)
{
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(machine);
    m->layout = LLVMCopyStringRepOfTargetData(data);
    LLVMDisposeTargetData(data);
}

// The text ends with what machine_new asks for.
static uint64_t machine_hash(Arena *a, const Machine *m)
{
    unsigned major, minor, patch;
    LLVMGetVersion(&major, &minor, &patch);
    const char *all =
        arena_printf(a, "nnc %s, LLVM %u.%u.%u, %s, %s, %s, default, PIC", NNC_VERSION, major,
                     minor, patch, m->triple, m->cpu, m->features);
    return XXH3_64bits(all, strlen(all));
}

static const char *open_machine(Arena *a, Machine *m)
{
    char *message = NULL;
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    m->triple = LLVMGetDefaultTargetTriple();
    m->cpu = LLVMGetHostCPUName();
    m->features = LLVMGetHostCPUFeatures();
    if (LLVMGetTargetFromTriple(m->triple, &m->target, &message)) {
        const char *copy = arena_strdup(a, message);
        LLVMDisposeMessage(message);
        return copy;
    }
    m->width = machine_width(m);
    m->avx512 = machine_has_avx512(m);
    m->hash = machine_hash(a, m);
    return NULL;
}

static const char *open_linker(Arena *a, Jit *j)
{
    LLVMTargetMachineRef machine = machine_new(&j->machine);
    set_layout(&j->machine, machine);
    LLVMOrcLLJITBuilderRef b = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        b, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
    LLVMErrorRef e = LLVMOrcCreateLLJIT(&j->jit, b);
    if (!e)
        e = define_host_symbols(j);
    return e ? take_error(a, e) : NULL;
}

static const char *open_compiler(Jit *j, const JitOptions *o)
{
    j->profile = o->profile;
    if (o->vector_width)
        j->machine.width = o->vector_width;
    j->cache = o->cache ? cache_open(o->cache, CACHE_BYTES) : NULL;
    const int threads = o->compile_threads > 0 ? o->compile_threads : nnrt_cores();
    j->compiler = compiler_new(&j->machine, threads, j->cache);
    return j->compiler ? NULL : "out of memory";
}

Jit *jit_open(Arena *a, const JitOptions *options, const char **error)
{
    static const JitOptions defaults = {0};
    Jit *j = calloc(1, sizeof *j);
    if (!j) {
        *error = "out of memory";
        return NULL;
    }
    *error = open_machine(a, &j->machine);
    if (!*error)
        *error = open_linker(a, j);
    if (!*error)
        *error = open_compiler(j, options ? options : &defaults);
    if (*error) {
        jit_close(j);
        return NULL;
    }
    return j;
}

static void forget_pending(Jit *j)
{
    for (int i = 0; i < j->pending_count; i++) {
        unit_free(j->pending[i]);
        if (j->pending[i]->object)
            LLVMDisposeMemoryBuffer(j->pending[i]->object);
        free(j->pending[i]->error);
    }
    free(j->pending);
}

void jit_close(Jit *j)
{
    if (!j)
        return;
    compiler_free(j->compiler);
    forget_pending(j);
    cache_close(j->cache);
    if (j->jit)
        LLVMConsumeError(LLVMOrcDisposeLLJIT(j->jit));
    LLVMDisposeMessage(j->machine.triple);
    LLVMDisposeMessage(j->machine.cpu);
    LLVMDisposeMessage(j->machine.features);
    LLVMDisposeMessage(j->machine.layout);
    free(j->names.items);
    free(j);
}

// --- programs -----------------------------------------------------------------------------------

static bool add_pending(Jit *j, const Modules *ms)
{
    const int count = j->pending_count + ms->count;
    Unit **pending = realloc(j->pending, (size_t)count * sizeof *pending);
    if (!pending)
        return false;
    j->pending = pending;
    memcpy(&pending[j->pending_count], ms->items, (size_t)ms->count * sizeof *pending);
    j->pending_count = count;
    return true;
}

// Writes a program and hands it to the compiler; its name, or NULL. `p`: the plan to run; NULL:
// the probes of the machine.
static const char *start(Jit *j, Arena *a, const Plan *p, const char **error)
{
    const char *name = arena_printf(a, "%s_%d", p ? p->graph->name : "probe", j->programs++);
    const Modules *ms = modules_write(a, &j->machine, &j->names, p, name, j->profile);
    if (!add_pending(j, ms)) {
        for (int i = 0; i < ms->count; i++)
            unit_free(ms->items[i]);
        *error = "out of memory";
        return NULL;
    }
    for (int i = 0; i < ms->count; i++)
        compiler_add(j->compiler, ms->items[i]);
    return name;
}

static const char *link_unit(Arena *a, Jit *j, Unit *u)
{
    const char *error = u->error ? arena_strdup(a, u->error) : NULL;
    if (!error) {
        LLVMErrorRef e =
            LLVMOrcLLJITAddObjectFile(j->jit, LLVMOrcLLJITGetMainJITDylib(j->jit), u->object);
        error = e ? take_error(a, e) : NULL;
    } else if (u->object) {
        LLVMDisposeMemoryBuffer(u->object);
    }
    free(u->error);
    return error;
}

// Waits for all that was started: programs call each other's functions.
static const char *link_pending(Arena *a, Jit *j)
{
    const char *first = NULL;
    for (int i = 0; i < j->pending_count; i++) {
        compiler_wait(j->compiler, j->pending[i]);
        const char *error = link_unit(a, j, j->pending[i]);
        first = first ? first : error;
    }
    j->pending_count = 0;
    return first;
}

static const char *finish(Arena *a, Jit *j, const char *name, LLVMOrcExecutorAddress *address)
{
    const char *error = link_pending(a, j);
    if (error)
        return error;
    LLVMErrorRef e = LLVMOrcLLJITLookup(j->jit, address, name);
    return e ? take_error(a, e) : NULL;
}

static const char *take_text(Arena *a, char *text)
{
    const char *copy = text ? arena_strdup(a, text) : NULL;
    free(text);
    return copy;
}

static const char *assembly(const Jit *j, Arena *a, const Unit *u, const char **error)
{
    LLVMMemoryBufferRef out = NULL;
    LLVMTargetMachineRef machine = machine_new(&j->machine);
    *error = take_text(a, unit_emit(u, machine, LLVMAssemblyFile, &out));
    LLVMDisposeTargetMachine(machine);
    const char *text =
        *error ? NULL : arena_strndup(a, LLVMGetBufferStart(out), LLVMGetBufferSize(out));
    if (out)
        LLVMDisposeMemoryBuffer(out);
    return text;
}

const char *jit_text(Jit *j, Arena *a, const Graph *graph, int64_t max_batch, JitText what,
                     const char **error)
{
    const char *text = NULL;
    Unit *u = module_write(a, &j->machine, plan_new(a, graph, max_batch), graph->name);
    *error = take_text(a, unit_verify(u));
    if (!*error && what == JIT_TEXT_LLVM) {
        char *printed = LLVMPrintModuleToString(u->gen->module);
        text = arena_strdup(a, printed);
        LLVMDisposeMessage(printed);
    } else if (!*error) {
        text = assembly(j, a, u, error);
    }
    unit_free(u);
    return text;
}

// --- executables --------------------------------------------------------------------------------

static void jit_run(Executable *x, const RunArgs *args)
{
    JitExecutable *je = (JitExecutable *)x;
    RunContext context = {.args = *args, .arena = je->arena, .cycles = je->cycles};
    const NnrtFloatMode before = nnrt_float_mode();
    nnrt_set_float_mode(nnrt_flushing(before));
    je->native(&context);
    nnrt_set_float_mode(before);
}

static void jit_free(Executable *x)
{
    JitExecutable *je = (JitExecutable *)x;
    free(je->arena);
    free(je);
}

Executable *jit_start(Jit *j, Arena *a, const Graph *graph, int64_t max_batch, const char **error)
{
    const Plan *p = plan_new(a, graph, max_batch);
    const char *name = start(j, a, p, error);
    if (!name)
        return NULL;
    JitExecutable *je = calloc(1, sizeof *je);
    char *arena = nnrt_alloc_operands(p->arena_bytes);
    if (!je || !arena) {
        free(je);
        free(arena);
        *error = arena_printf(a, "out of memory: the arena needs %zu bytes", p->arena_bytes);
        return NULL;
    }
    je->executable = (Executable){.run = jit_run, .free = jit_free};
    je->name = name;
    je->arena = arena;
    je->plan = p;
    je->cycles = j->profile ? arena_array(a, uint64_t, (size_t)p->kernel_count + 1) : NULL;
    return &je->executable;
}

bool jit_finish(Jit *j, Arena *a, Executable *x, const char **error)
{
    JitExecutable *je = (JitExecutable *)x;
    LLVMOrcExecutorAddress address = 0;
    *error = finish(a, j, je->name, &address);
    memcpy(&je->native, &address, sizeof je->native);
    return !*error;
}

Executable *jit_compile(Jit *j, Arena *a, const Graph *graph, int64_t max_batch, const char **error)
{
    Executable *x = jit_start(j, a, graph, max_batch, error);
    if (!x || jit_finish(j, a, x, error))
        return x;
    executable_free(x);
    return NULL;
}

const Plan *jit_plan(const Executable *x)
{
    return ((const JitExecutable *)x)->plan;
}

const uint64_t *jit_cycles(const Executable *x)
{
    return ((const JitExecutable *)x)->cycles;
}

// A function of the program `name`, whatever its type.
static void find(Arena *a, Jit *j, const char *name, const char *part, void *function,
                 const char **error)
{
    LLVMOrcExecutorAddress address = 0;
    if (!*error)
        *error = finish(a, j, arena_printf(a, "%s%s", name, part), &address);
    memcpy(function, &address, sizeof(void (*)(void)));
}

bool jit_probes(Jit *j, Arena *a, JitProbes *p, const char **error)
{
    float (*peak)(float);
    *p = (JitProbes){0};
    const char *name = start(j, a, NULL, error);
    if (!name)
        return false;
    find(a, j, name, "", &peak, error);
    find(a, j, name, "_sum", &p->sum, error);
    find(a, j, name, "_add", &p->add, error);
    find(a, j, name, "_ticks", &p->ticks, error);
    p->flops = *error ? 0 : peak_measure(peak, j->machine.width);
    return !*error;
}
