// target.c -- the table of targets, and how one is opened.

#include "codegen/llvm/target.h"

#include <string.h>

#include "base/text.h"
#include "codegen/llvm/object.h"

// --- the table ----------------------------------------------------------------------------------

// As it is spelt after --cpu, as LLVM spells it, and the lanes of f32 that its vectors have.
typedef struct Cpu {
    const char *name, *llvm, *features;
    int width;
} Cpu;

typedef struct TargetRow {
    const char *triple;
    void (*start)(void);
    const Cpu *cpus;  // the default first; the last has no name
    bool shared;      // its system loads code anywhere: position-independent
} TargetRow;

// Of the parts of LLVM each is started by itself.
#define BACKEND(name)                       \
    static void start_##name(void)          \
    {                                       \
        LLVMInitialize##name##TargetInfo(); \
        LLVMInitialize##name##Target();     \
        LLVMInitialize##name##TargetMC();   \
        LLVMInitialize##name##AsmPrinter(); \
    }

BACKEND(ARM)
BACKEND(AArch64)
BACKEND(RISCV)
BACKEND(WebAssembly)
BACKEND(X86)

static const Cpu v6m[] = {
    {"cortex-m0", "cortex-m0", "", 1}, {"cortex-m0plus", "cortex-m0plus", "", 1}, {0}};
static const Cpu v7m[] = {{"cortex-m3", "cortex-m3", "", 1}, {0}};
static const Cpu v7em[] = {
    {"cortex-m4", "cortex-m4", "", 1}, {"cortex-m7", "cortex-m7", "", 1}, {0}};
static const Cpu v8m[] = {{"cortex-m33", "cortex-m33", "", 1}, {0}};
static const Cpu rv32[] = {{"rv32imac", "generic-rv32", "+m,+a,+c", 1},
                           {"rv32imc", "generic-rv32", "+m,+c", 1},
                           {"rv32imafc", "generic-rv32", "+m,+a,+f,+c", 1},
                           {0}};
static const Cpu rv64[] = {{"rv64gc", "generic-rv64", "+m,+a,+f,+d,+c", 1},
                           {"rv64imac", "generic-rv64", "+m,+a,+c", 1},
                           {0}};
static const Cpu rv64_linux[] = {{"rv64gc", "generic-rv64", "+m,+a,+f,+d,+c", 1}, {0}};
static const Cpu arm64[] = {{"generic", "generic", "", 4},
                            {"cortex-a53", "cortex-a53", "", 4},
                            {"cortex-a72", "cortex-a72", "", 4},
                            {"cortex-a76", "cortex-a76", "", 4},
                            {0}};
static const Cpu wasm[] = {{"generic", "generic", "+bulk-memory", 1},
                           {"simd128", "generic", "+bulk-memory,+simd128", 4},
                           {0}};
static const Cpu x86[] = {{"x86-64", "x86-64", "", 4},
                          {"x86-64-v2", "x86-64-v2", "", 4},
                          {"x86-64-v3", "x86-64-v3", "", 8},
                          {"x86-64-v4", "x86-64-v4", "", 16},
                          {0}};

static const TargetRow targets[] = {
    {"thumbv6m-none-eabi", start_ARM, v6m, false},
    {"thumbv7m-none-eabi", start_ARM, v7m, false},
    {"thumbv7em-none-eabi", start_ARM, v7em, false},
    {"thumbv7em-none-eabihf", start_ARM, v7em, false},
    {"thumbv8m.main-none-eabi", start_ARM, v8m, false},
    {"thumbv8m.main-none-eabihf", start_ARM, v8m, false},
    {"riscv32-unknown-elf", start_RISCV, rv32, false},
    {"riscv64-unknown-elf", start_RISCV, rv64, false},
    {"riscv64-linux-gnu", start_RISCV, rv64_linux, true},
    {"aarch64-none-elf", start_AArch64, arm64, false},
    {"aarch64-linux-gnu", start_AArch64, arm64, true},
    {"wasm32-unknown-unknown", start_WebAssembly, wasm, false},
    {"x86_64-linux-gnu", start_X86, x86, true},
};

enum { TARGET_COUNT = sizeof targets / sizeof *targets };

static const TargetRow *row_of(const char *triple)
{
    for (int i = 0; i < TARGET_COUNT; i++)
        if (strcmp(targets[i].triple, triple) == 0)
            return &targets[i];
    return NULL;
}

static const Cpu *cpu_of(const TargetRow *row, const char *name)
{
    for (const Cpu *c = row->cpus; c->name; c++)
        if (!name || strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

// --- what is asked for --------------------------------------------------------------------------

static void list_cpus(Text *t, const TargetRow *row)
{
    for (const Cpu *c = row->cpus; c->name; c++)
        text_addf(t, "%s%s", c == row->cpus ? "" : ", ", c->name);
}

const char *target_problem(Arena *a, const char *triple, const char *cpu)
{
    Text t = text_in(a);
    const TargetRow *row = triple ? row_of(triple) : NULL;
    if (!triple && !cpu)
        return NULL;
    if (!triple)
        return "--cpu is the CPU of a target: give --target too";
    if (row && cpu_of(row, cpu))
        return NULL;
    if (row) {
        text_addf(&t, "%s has no CPU %s; --cpu takes one of: ", triple, cpu);
        list_cpus(&t, row);
        return text_str(&t);
    }
    text_addf(&t, "there is no target %s; --target takes one of these (and --cpu what is behind):",
              triple);
    for (int i = 0; i < TARGET_COUNT; i++) {
        text_addf(&t, "\n  %-26s ", targets[i].triple);
        list_cpus(&t, &targets[i]);
    }
    return text_str(&t);
}

const char *target_triple(int i)
{
    return i < TARGET_COUNT ? targets[i].triple : NULL;
}

const char *target_cpu(int target, int i)
{
    return targets[target].cpus[i].name;
}

// --- opening ------------------------------------------------------------------------------------

// Floats go in the registers that there are for them, which LLVM leaves to its caller.
static const char *abi_of(const Machine *m)
{
    if (strncmp(m->triple, "riscv", 5) != 0)
        return "";
    if (strncmp(m->triple, "riscv64", 7) == 0)
        return strstr(m->features, "+d") ? "lp64d" : "lp64";
    return strstr(m->features, "+f") ? "ilp32f" : "ilp32";
}

// RISC-V's other model reaches the lowest two gigabytes alone, where few boards have their memory.
static LLVMCodeModel code_model(const Machine *m)
{
    return strncmp(m->triple, "riscv", 5) == 0 ? LLVMCodeModelMedium : LLVMCodeModelDefault;
}

static LLVMTargetMachineRef new_emitter(const Machine *m, bool shared)
{
    LLVMTargetMachineOptionsRef o = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(o, m->cpu);
    LLVMTargetMachineOptionsSetFeatures(o, m->features);
    LLVMTargetMachineOptionsSetABI(o, abi_of(m));
    LLVMTargetMachineOptionsSetCodeGenOptLevel(o, LLVMCodeGenLevelDefault);
    LLVMTargetMachineOptionsSetRelocMode(o, shared ? LLVMRelocPIC : LLVMRelocStatic);
    LLVMTargetMachineOptionsSetCodeModel(o, code_model(m));
    LLVMTargetMachineRef emitter = LLVMCreateTargetMachineWithOptions(m->target, m->triple, o);
    LLVMDisposeTargetMachineOptions(o);
    return emitter;
}

static char *take(Arena *a, char *message)
{
    char *copy = arena_strdup(a, message);
    LLVMDisposeMessage(message);
    return copy;
}

static void name_host(Arena *a, Machine *m)
{
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    m->triple = take(a, LLVMGetDefaultTargetTriple());
    m->cpu = take(a, LLVMGetHostCPUName());
    m->features = take(a, LLVMGetHostCPUFeatures());
    m->width = machine_width(m);
    m->avx512 = machine_has_avx512(m);
}

static void name_target(Arena *a, Machine *m, const TargetRow *row, const Cpu *cpu)
{
    row->start();
    m->triple = take(a, LLVMNormalizeTargetTriple(row->triple));  // else eabihf is no ABI to LLVM
    m->cpu = arena_strdup(a, cpu->llvm);
    m->features = arena_strdup(a, cpu->features);
    m->width = cpu->width;
    m->avx512 = cpu->width == 16;
}

bool target_open(Arena *a, Target *t, const char *triple, const char *cpu, const char **error)
{
    char *message = NULL;
    Machine *m = &t->machine;
    const TargetRow *row = triple ? row_of(triple) : NULL;
    *t = (Target){0};
    if (row)
        name_target(a, m, row, cpu_of(row, cpu));
    else
        name_host(a, m);
    if (LLVMGetTargetFromTriple(m->triple, &m->target, &message)) {
        *error = take(a, message);
        return false;
    }
    t->emitter = new_emitter(m, !row || row->shared);
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(t->emitter);
    m->layout = take(a, LLVMCopyStringRepOfTargetData(data));
    LLVMDisposeTargetData(data);
    return true;
}

void target_close(Target *t)
{
    if (t->emitter)
        LLVMDisposeTargetMachine(t->emitter);
}
