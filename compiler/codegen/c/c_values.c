// c_values.c -- C expressions: element types, constants, operations, and what they call.
//
// An expression knows how tightly its outermost operator binds, so that parentheses stand only
// where C needs them (or where a compiler would warn without).

#include <math.h>
#include <string.h>

#include "codegen/c/c_kit.h"
#include "graph/ops/ops.h"

const CType c_types[DTYPE_COUNT] = {
    [DTYPE_F32] = {"float", "float", "%s", "%s"},
    [DTYPE_I32] = {"int32_t", "int32_t", "%s", "%s"},
    [DTYPE_BOOL] = {"bool", "uint8_t", "%s != 0", "(uint8_t)%s"},
    [DTYPE_I8] = {"int32_t", "int8_t", "%s", "(int8_t)%s"},
};

// --- what expressions call ----------------------------------------------------------------------

typedef struct HelperRow {
    const char *name;
    const char *text;  // c_add_text's
    CHelper needs;     // another one, which stands before; C_HELPER_COUNT: none
    int part;          // KitPart + 1 of those that are written for several processors; 0: none
} HelperRow;

#define ALWAYS "static inline NAME_ALWAYS "
#define WHOLE ALWAYS "int32_t NAME_"

// Arithmetic modulo 2^32 is that of uint32_t; that a conversion back to int32_t keeps the bits is
// what C leaves to its implementations and all of them do. A shift of a negative number is not
// used: it is made positive by 2^31, or 2^63, which is taken away again.
//
// The random numbers are those of nnc itself: Philox4x32-10 (Salmon et al., SC 2011).
static const HelperRow helpers[C_HELPER_COUNT] = {
    [C_MAX] = {"max", "static inline float NAME_max(float a, float b) { return b > a ? b : a; }\n",
               C_HELPER_COUNT, 0},
    [C_MIN] = {"min", "static inline float NAME_min(float a, float b) { return b < a ? b : a; }\n",
               C_HELPER_COUNT, 0},
    [C_MULTIPLY_ADD] =
        {"mad",
         "// a * b + c, rounded once where the processor can.\n"
         "static inline float NAME_mad(float a, float b, float c)\n"
         "{\n"
         "#if defined(FP_FAST_FMAF) || defined(__FP_FAST_FMAF) || defined(__FMA__) || \\\n"
         "    defined(__ARM_FEATURE_FMA)\n"
         "    return fmaf(a, b, c);\n"
         "#else\n"
         "    return a * b + c;\n"
         "#endif\n"
         "}\n",
         C_HELPER_COUNT, 0},
    [C_SIGMOID] = {"sigmoid",
                   "static inline float NAME_sigmoid(float a) { return 1.0f / (1.0f + expf(-a)); "
                   "}\n",
                   C_HELPER_COUNT, 0},
    [C_TO_I32] = {"to_i32",
                  "// Towards zero; what is beyond the ends becomes them, NaN becomes 0.\n"
                  "static inline int32_t NAME_to_i32(float a)\n"
                  "{\n"
                  "    if (!(a > -2147483648.0f))\n"
                  "        return a <= -2147483648.0f ? INT32_MIN : 0;\n"
                  "    return a < 2147483648.0f ? (int32_t)a : INT32_MAX;\n"
                  "}\n",
                  C_HELPER_COUNT, 0},
    [C_WHOLE_MAX] = {"larger", WHOLE "larger(int32_t a, int32_t b) { return b > a ? b : a; }\n",
                     C_HELPER_COUNT, 0},
    [C_WHOLE_MIN] = {"smaller", WHOLE "smaller(int32_t a, int32_t b) { return b < a ? b : a; }\n",
                     C_HELPER_COUNT, 0},
    [C_PLUS] = {"plus",
                "// Modulo 2^32, as the next ones.\n" WHOLE "plus(int32_t a, int32_t b)\n"
                "{\n"
                "    return (int32_t)((uint32_t)a + (uint32_t)b);\n"
                "}\n",
                C_HELPER_COUNT, 0},
    [C_MINUS] = {"minus",
                 WHOLE "minus(int32_t a, int32_t b)\n"
                       "{\n"
                       "    return (int32_t)((uint32_t)a - (uint32_t)b);\n"
                       "}\n",
                 C_HELPER_COUNT, 0},
    [C_TIMES] = {"times",
                 WHOLE "times(int32_t a, int32_t b)\n"
                       "{\n"
                       "    return (int32_t)((uint32_t)a * (uint32_t)b);\n"
                       "}\n",
                 C_HELPER_COUNT, 0},
    [C_OVER] = {"over",
                "// Towards zero; 0 where b is 0, and -2^31 / -1 is -2^31.\n" WHOLE
                "over(int32_t a, int32_t b)\n"
                "{\n"
                "    if (b == 0)\n"
                "        return 0;\n"
                "    return b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;\n"
                "}\n",
                C_HELPER_COUNT, 0},
    [C_HIGH] = {"high", c_kit_high, C_TO_I8, 0},
    [C_SCALED] =
        {"scaled",
         "// floor(a * multiplier / 2^s + 1/2) with s modulo 64, the nearest that there is.\n"
         "static int32_t NAME_scaled(int32_t a, int32_t multiplier, uint32_t s)\n"
         "{\n"
         "    const uint64_t half = ((uint64_t)1 << s) >> 1, low = (uint64_t)1 << 63;\n"
         "    const uint64_t y = (uint64_t)((int64_t)a * multiplier) + half;\n"
         "    const int64_t z = (int64_t)(((y ^ low) >> s) - (low >> s));\n"
         "    return z < INT32_MIN ? INT32_MIN : z > INT32_MAX ? INT32_MAX : (int32_t)z;\n"
         "}\n",
         C_HIGH, 0},
    [C_REQUANTIZE] =
        {"requantize",
         "// The same; mostly the upper half of the product has all that is wanted. 2^30 keeps it\n"
         "// positive on the way.\n" ALWAYS
         "int32_t NAME_requantize(int32_t a, int32_t multiplier, int32_t shift)\n"
         "{\n"
         "    const uint32_t s = (uint32_t)shift & 63u, n = s - 32u, low = 0x40000000u;\n"
         "    const uint32_t high = (uint32_t)((uint64_t)((int64_t)a * multiplier) >> 32);\n"
         "    if (s == 32u)\n"
         "        return NAME_high(a, multiplier);\n"
         "    if (n - 1u >= 30u)\n"
         "        return NAME_scaled(a, multiplier, s);\n"
         "    return (int32_t)(((high + low + (1u << (n - 1u))) >> n) - (low >> n));\n"
         "}\n",
         C_SCALED, 0},
    [C_ROOT] = {"root",
                "// floor(sqrt(a) * 2^15), 0 where a <= 0: one binary digit after the other.\n"
                "static int32_t NAME_root(int32_t a)\n"
                "{\n"
                "    uint64_t rest = a > 0 ? (uint64_t)a << 30 : 0, root = 0;\n"
                "    for (uint64_t one = (uint64_t)1 << 60; one > 0; one >>= 2) {\n"
                "        const bool fits = rest >= root + one;\n"
                "        rest -= fits ? root + one : 0;\n"
                "        root = (root >> 1) + (fits ? one : 0);\n"
                "    }\n"
                "    return (int32_t)root;\n"
                "}\n",
                C_HELPER_COUNT, 0},
    [C_TO_I8] = {"to_i8",
                 WHOLE "to_i8(int32_t a) { return a < -128 ? -128 : a > 127 ? 127 : a; }\n",
                 C_HELPER_COUNT, 0},
    [C_REAL_TO_I8] =
        {"real_to_i8",
         "// Towards zero; what is beyond the ends becomes them, NaN becomes 0.\n" WHOLE
         "real_to_i8(float a)\n"
         "{\n"
         "    if (!(a > -128.0f))\n"
         "        return a <= -128.0f ? -128 : 0;\n"
         "    return a < 127.0f ? (int32_t)a : 127;\n"
         "}\n",
         C_HELPER_COUNT, 0},
    [C_ROUNDED] = {"rounded",
                   "// A product that is rounded before it is added to, on any processor.\n"
                   "static inline float NAME_rounded(float a)\n"
                   "{\n"
                   "    const volatile float rounded = a;\n"
                   "    return rounded;\n"
                   "}\n",
                   C_HELPER_COUNT, 0},
    [C_PAIRS] =
        {"pairs",
         "#if NAME_PAIRS\n"
         "// Two numbers of 16 bits in a word: neighbours 0 and 2 of four, 1 and 3, and a + x0 w0 "
         "+ x1 "
         "w1.\n" ALWAYS "uint32_t NAME_four(const int8_t *p)\n"
         "{\n"
         "    uint32_t v;\n"
         "    __builtin_memcpy(&v, p, sizeof v);\n"
         "    return v;\n"
         "}\n" ALWAYS "uint32_t NAME_even(uint32_t v)\n"
         "{\n"
         "    uint32_t r;\n"
         "    __asm__(\"sxtb16 %0, %1\" : \"=r\"(r) : \"r\"(v));\n"
         "    return r;\n"
         "}\n" ALWAYS "uint32_t NAME_odd(uint32_t v)\n"
         "{\n"
         "    uint32_t r;\n"
         "    __asm__(\"sxtb16 %0, %1, ror #8\" : \"=r\"(r) : \"r\"(v));\n"
         "    return r;\n"
         "}\n" ALWAYS "int32_t NAME_pair(uint32_t x, uint32_t w, int32_t a)\n"
         "{\n"
         "    int32_t r;\n"
         "    __asm__(\"smlad %0, %1, %2, %3\" : \"=r\"(r) : \"r\"(x), \"r\"(w), \"r\"(a));\n"
         "    return r;\n"
         "}\n"
         "#endif\n",
         C_HELPER_COUNT, 0},
    [C_CODE] = {"code", c_kit_code, C_HIGH, 0},
    [C_FINISH] = {"finish", NULL, C_CODE, KIT_FINISH + 1},
    [C_WIDEN] = {"widen", NULL, C_PAIRS, KIT_WIDEN + 1},
    [C_WINDOW] = {"window", c_kit_window, C_WIDEN, 0},
    [C_BYTES] = {"window8", c_kit_bytes, C_HELPER_COUNT, 0},
    [C_TILE] = {"tile", NULL, C_FINISH, KIT_TILE + 1},
    [C_LINE] = {"line", NULL, C_FINISH, KIT_LINE + 1},
    [C_CHANNELS] = {"channels", NULL, C_FINISH, KIT_CHANNELS + 1},
    [C_DEPTHWISE] = {"depthwise", c_kit_depthwise, C_CHANNELS, 0},
    [C_ROW] = {"row",
               "// An index outside of the table is that of its first or last row.\n"
               "static inline int32_t NAME_row(int32_t row, int32_t rows)\n"
               "{\n"
               "    return row < 0 ? 0 : row < rows ? row : rows - 1;\n"
               "}\n",
               C_HELPER_COUNT, 0},
    [C_RANDOM] =
        {"random",
         "// Number `element` of a stream in [0, 1): Philox4x32-10, Salmon et al., SC 2011.\n"
         "static float NAME_random(uint64_t seed, uint64_t step, uint32_t stream, uint32_t "
         "element)\n"
         "{\n"
         "    uint32_t c[4], k[2], number = element / 64 * 16 + element % 16;\n"
         "    c[0] = number, c[1] = 0, c[2] = (uint32_t)step, c[3] = stream;\n"
         "    k[0] = (uint32_t)seed, k[1] = (uint32_t)(seed >> 32);\n"
         "    for (int round = 0; round < 10; ++round) {\n"
         "        const uint64_t p = (uint64_t)0xD2511F53u * c[0];\n"
         "        const uint64_t q = (uint64_t)0xCD9E8D57u * c[2];\n"
         "        c[0] = (uint32_t)(q >> 32) ^ c[1] ^ k[0];\n"
         "        c[2] = (uint32_t)(p >> 32) ^ c[3] ^ k[1];\n"
         "        c[1] = (uint32_t)q, c[3] = (uint32_t)p;\n"
         "        k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u;\n"
         "    }\n"
         "    return (float)(c[element / 16 % 4] >> 8) * (1.0f / 16777216.0f);\n"
         "}\n",
         C_HELPER_COUNT, 0},
};

const char *c_helper(CWriter *w, CHelper helper)
{
    w->used[helper] = true;
    if (helpers[helper].needs != C_HELPER_COUNT)
        c_helper(w, helpers[helper].needs);
    return arena_printf(w->arena, "%s_%s", w->name, helpers[helper].name);
}

static const char *word_for(const CWriter *w, const char *text)
{
    return strncmp(text, "NAME", 4) == 0    ? w->name
           : strncmp(text, "INDEX", 5) == 0 ? w->index
                                            : NULL;
}

void c_add_text(CWriter *w, const char *text)
{
    for (; *text; text++) {
        const char *word = word_for(w, text);
        text_add_n(w->out, word ? word : text, word ? strlen(word) : 1);
        text += word ? (*text == 'N' ? 3 : 4) : 0;
    }
}

void c_print_helpers(CWriter *w)
{
    for (int i = 0; i < C_HELPER_COUNT; i++) {
        if (!w->used[i])
            continue;
        if (helpers[i].part)
            c_kit_print(w, (KitPart)(helpers[i].part - 1));
        else
            c_add_text(w, helpers[i].text);
        c_add_text(w, "\n");
    }
}

// --- operations ---------------------------------------------------------------------------------

typedef enum Result {
    RESULT_F32,
    RESULT_I32,
    RESULT_BOOL,
    RESULT_I8,
    RESULT_A,  // as the first operand
    RESULT_B
} Result;

typedef struct Form {
    const char *format;  // with a %s for each operand
    Binding own;
    Binding operands[3];  // at least this tight, else in parentheses
    Result result;
    int helper;  // CHelper + 1, whose name is the first %s; 0: none
} Form;

#define CALL(function)                                              \
    {                                                               \
        function "(%s)", BIND_PRIMARY, {BIND_CHOICE}, RESULT_F32, 0 \
    }
#define COMPARE(operator)                                                       \
    {                                                                           \
        "%s " operator" %s", BIND_COMPARE, {BIND_SUM, BIND_SUM}, RESULT_BOOL, 0 \
    }
#define BOTH(operator)                                                                \
    {                                                                                 \
        "%s " operator" %s", BIND_LOGIC, {BIND_PRIMARY, BIND_PRIMARY}, RESULT_BOOL, 0 \
    }

#define WHOLE_CALL(helper)                                                           \
    {                                                                                \
        "%s(%s, %s)", BIND_PRIMARY, {BIND_CHOICE, BIND_CHOICE}, RESULT_A, helper + 1 \
    }

static const Form forms[EMIT_COUNT] = {
    [EMIT_NEG] = {"-%s", BIND_UNARY, {BIND_PRIMARY}, RESULT_A, 0},
    [EMIT_ABS] = CALL("fabsf"),
    [EMIT_FLOOR] = CALL("floorf"),
    [EMIT_SQRT] = CALL("sqrtf"),
    [EMIT_EXP] = CALL("expf"),
    [EMIT_LOG] = CALL("logf"),
    [EMIT_SIN] = CALL("sinf"),
    [EMIT_COS] = CALL("cosf"),
    [EMIT_TANH] = CALL("tanhf"),
    [EMIT_SIGMOID] = {"%s(%s)", BIND_PRIMARY, {BIND_CHOICE}, RESULT_F32, C_SIGMOID + 1},
    [EMIT_ERF] = CALL("erff"),
    [EMIT_NOT] = {"!%s", BIND_UNARY, {BIND_PRIMARY}, RESULT_BOOL, 0},
    [EMIT_TO_F32] = {"(float)%s", BIND_UNARY, {BIND_PRIMARY}, RESULT_F32, 0},
    [EMIT_TO_I32] = {"%s(%s)", BIND_PRIMARY, {BIND_CHOICE}, RESULT_I32, C_TO_I32 + 1},
    [EMIT_TO_BOOL] = {"%s != 0", BIND_COMPARE, {BIND_SUM}, RESULT_BOOL, 0},
    [EMIT_ADD] = {"%s + %s", BIND_SUM, {BIND_SUM, BIND_PRODUCT}, RESULT_A, 0},
    [EMIT_SUB] = {"%s - %s", BIND_SUM, {BIND_SUM, BIND_PRODUCT}, RESULT_A, 0},
    [EMIT_MUL] = {"%s * %s", BIND_PRODUCT, {BIND_PRODUCT, BIND_UNARY}, RESULT_A, 0},
    [EMIT_DIV] = {"%s / %s", BIND_PRODUCT, {BIND_PRODUCT, BIND_UNARY}, RESULT_A, 0},
    [EMIT_POW] = {"powf(%s, %s)", BIND_PRIMARY, {BIND_CHOICE, BIND_CHOICE}, RESULT_F32, 0},
    [EMIT_MAX] = {"%s(%s, %s)", BIND_PRIMARY, {BIND_CHOICE, BIND_CHOICE}, RESULT_F32, C_MAX + 1},
    [EMIT_MIN] = {"%s(%s, %s)", BIND_PRIMARY, {BIND_CHOICE, BIND_CHOICE}, RESULT_F32, C_MIN + 1},
    [EMIT_EQ] = COMPARE("=="),
    [EMIT_NE] = COMPARE("!="),
    [EMIT_LT] = COMPARE("<"),
    [EMIT_LE] = COMPARE("<="),
    [EMIT_GT] = COMPARE(">"),
    [EMIT_GE] = COMPARE(">="),
    [EMIT_AND] = BOTH("&&"),
    [EMIT_OR] = BOTH("||"),
    [EMIT_SELECT] = {"%s ? %s : %s", BIND_CHOICE, {BIND_UNARY, BIND_SUM, BIND_SUM}, RESULT_B, 0},
    [EMIT_FMA] =
        {"fmaf(%s, %s, %s)", BIND_PRIMARY, {BIND_CHOICE, BIND_CHOICE, BIND_CHOICE}, RESULT_F32, 0},
    [EMIT_IADD] = WHOLE_CALL(C_PLUS),
    [EMIT_ISUB] = WHOLE_CALL(C_MINUS),
    [EMIT_IMUL] = WHOLE_CALL(C_TIMES),
    [EMIT_IDIV] = WHOLE_CALL(C_OVER),
    [EMIT_TO_I8] = {"%s(%s)", BIND_PRIMARY, {BIND_CHOICE}, RESULT_I8, C_TO_I8 + 1},
    [EMIT_REQUANTIZE] = {"%s(%s, %s, %s)",
                         BIND_PRIMARY,
                         {BIND_CHOICE, BIND_CHOICE, BIND_CHOICE},
                         RESULT_I32,
                         C_REQUANTIZE + 1},
    [EMIT_ISQRT] = {"%s(%s)", BIND_PRIMARY, {BIND_CHOICE}, RESULT_I32, C_ROOT + 1},
};

// Where the type of the first operand asks for another form.
typedef struct SpecialForm {
    EmitOp op;
    DType of;
    Form form;
} SpecialForm;

static const SpecialForm special_forms[] = {
    // without a float there is nothing to round or to clamp
    {EMIT_TO_I32, DTYPE_BOOL, {"(int32_t)%s", BIND_UNARY, {BIND_PRIMARY}, RESULT_I32, 0}},
    {EMIT_TO_I32, DTYPE_I8, {"%s", BIND_CHOICE, {BIND_CHOICE}, RESULT_I32, 0}},
    {EMIT_TO_I8, DTYPE_F32, {"%s(%s)", BIND_PRIMARY, {BIND_CHOICE}, RESULT_I8, C_REAL_TO_I8 + 1}},
    {EMIT_MAX, DTYPE_I32, WHOLE_CALL(C_WHOLE_MAX)},
    {EMIT_MAX, DTYPE_I8, WHOLE_CALL(C_WHOLE_MAX)},
    {EMIT_MIN, DTYPE_I32, WHOLE_CALL(C_WHOLE_MIN)},
    {EMIT_MIN, DTYPE_I8, WHOLE_CALL(C_WHOLE_MIN)},
};

static const Form *form_for(EmitOp op, DType of)
{
    for (size_t i = 0; i < sizeof special_forms / sizeof *special_forms; i++)
        if (special_forms[i].op == op && special_forms[i].of == of)
            return &special_forms[i].form;
    return &forms[op];
}

static const char *bound(CWriter *w, CValue v, Binding least)
{
    if (!v.text)
        return "";
    return v.binding < least ? arena_printf(w->arena, "(%s)", v.text) : v.text;
}

static DType result_type(Result r, const CValue *in)
{
    static const DType stated[] = {DTYPE_F32, DTYPE_I32, DTYPE_BOOL, DTYPE_I8};
    return r == RESULT_A ? in[0].dtype : r == RESULT_B ? in[1].dtype : stated[r];
}

// `format` with each %s in turn replaced.
static const char *filled(CWriter *w, const char *format, const char *const *parts)
{
    Text t = text_in(w->arena);
    for (const char *at; (at = strstr(format, "%s")) != NULL; format = at + 2) {
        text_add_n(&t, format, (size_t)(at - format));
        text_add(&t, *parts++);
    }
    text_add(&t, format);
    return text_str(&t);
}

CValue c_operation(CWriter *w, EmitOp op, CValue a, CValue b, CValue c)
{
    const CValue in[3] = {a, b, c};
    const Form *f = form_for(op, a.dtype);
    const char *parts[4];
    int count = 0;
    if (f->helper)
        parts[count++] = c_helper(w, (CHelper)(f->helper - 1));
    for (int i = 0; i < 3; i++)
        parts[count++] = bound(w, in[i], f->operands[i]);
    const bool as_is = strcmp(f->format, "%s") == 0;
    return (CValue){filled(w, f->format, parts), as_is ? a.binding : f->own,
                    result_type(f->result, in)};
}

CValue c_name_value(const char *name, DType dtype)
{
    return (CValue){name, BIND_PRIMARY, dtype};
}

CValue c_constant(CWriter *w, DType dtype, double value)
{
    const Binding binding = value < 0 || signbit(value) ? BIND_UNARY : BIND_PRIMARY;
    if (dtype == DTYPE_F32)
        return (CValue){c_float(w->arena, (float)value), binding, dtype};
    if (dtype == DTYPE_BOOL)
        return (CValue){value != 0 ? "true" : "false", BIND_PRIMARY, dtype};
    if (value <= INT32_MIN)
        return (CValue){"INT32_MIN", BIND_PRIMARY, dtype};
    return (CValue){arena_printf(w->arena, "%lld", (long long)value), binding, dtype};
}

typedef struct CEmit {
    Emit emit;
    CWriter *w;
} CEmit;

static Sv sv_of_value(CWriter *w, CValue v)
{
    CValue *kept = arena_new_of(w->arena, CValue);
    *kept = v;
    return (Sv){(uintptr_t)kept};
}

static CValue value_of(Sv v)
{
    return v.v ? *(const CValue *)v.v : (CValue){0};
}

static Sv emit_constant(Emit *e, DType dtype, double value)
{
    CWriter *w = ((CEmit *)e)->w;
    return sv_of_value(w, c_constant(w, dtype, value));
}

static Sv emit_apply(Emit *e, EmitOp op, Sv a, Sv b, Sv c)
{
    CWriter *w = ((CEmit *)e)->w;
    return sv_of_value(w, c_operation(w, op, value_of(a), value_of(b), value_of(c)));
}

// A product that a compiler may join with the sum that it goes into.
static bool is_joined(const CWriter *w, const Node *n, int input)
{
    return w->exact && (n->op == OP_add || n->op == OP_sub) && n->in[input]->op == OP_mul;
}

static CValue rounded(CWriter *w, CValue v)
{
    return (CValue){arena_printf(w->arena, "%s(%s)", c_helper(w, C_ROUNDED), v.text), BIND_PRIMARY,
                    v.dtype};
}

CValue c_apply(CWriter *w, const Node *n, const CValue *args)
{
    CEmit e = {.emit = {emit_constant, emit_apply}, .w = w};
    Sv in[MAX_ARITY];
    Type types[MAX_ARITY];
    for (int i = 0; i < n->input_count; i++) {
        in[i] = sv_of_value(w, is_joined(w, n, i) ? rounded(w, args[i]) : args[i]);
        types[i] = n->in[i]->type;
    }
    return value_of(op_table[n->op]->scalar(&e.emit, in, types, &n->type));
}

CValue c_scalar(CWriter *w, ScalarKind kind)
{
    static const char *const names[SCALAR_KIND_COUNT] = {
        [SCALAR_STEP] = "(float)run->step",
        [SCALAR_EPOCH] = "run->epoch",
        [SCALAR_VALIDATION_LOSS] = "run->validation_loss",
    };
    if (kind == SCALAR_BATCH)
        return c_constant(w, DTYPE_F32, (double)w->batch);
    if (w->run.given)
        return (CValue){names[kind], kind == SCALAR_STEP ? BIND_UNARY : BIND_PRIMARY, DTYPE_F32};
    return c_constant(w, DTYPE_F32, kind == SCALAR_VALIDATION_LOSS ? HUGE_VAL : 0);
}

// --- memory -------------------------------------------------------------------------------------

CValue c_load(CWriter *w, const char *array, const char *index, DType dtype)
{
    const char *element = arena_printf(w->arena, "%s[%s]", array, index);
    const char *text = filled(w, c_types[dtype].load, &element);
    return (CValue){text, text[strlen(element)] ? BIND_COMPARE : BIND_PRIMARY, dtype};
}

void c_store(CWriter *w, const char *array, const char *index, CValue value)
{
    const bool as_is = strcmp(c_types[value.dtype].store, "%s") == 0;
    const char *text = as_is ? value.text : bound(w, value, BIND_PRIMARY);
    c_line(w, "%s[%s] = %s;", array, index, filled(w, c_types[value.dtype].store, &text));
}

const char *c_position(CWriter *w, const char *const *names, const int64_t *strides, int count,
                       int64_t offset)
{
    Text t = text_in(w->arena);
    for (int i = 0; i < count; i++) {
        if (!strides[i] || !names[i])
            continue;
        text_add(&t, strides[i] < 0 ? (t.size ? " - " : "-") : t.size ? " + " : "");
        const int64_t s = strides[i] < 0 ? -strides[i] : strides[i];
        text_addf(&t, s == 1 ? "%s" : "%s * %lld", names[i], (long long)s);
    }
    if (offset && t.size)
        text_addf(&t, offset < 0 ? " - %lld" : " + %lld",
                  (long long)(offset < 0 ? -offset : offset));
    return t.size ? text_str(&t) : arena_printf(w->arena, "%lld", (long long)offset);
}

// --- lines --------------------------------------------------------------------------------------

static void indented(CWriter *w, const char *format, va_list args, const char *end)
{
    text_addf(w->out, "%*s", 4 * w->indent, "");
    text_add(w->out, arena_vprintf(w->arena, format, args));
    text_add(w->out, end);
}

void c_line(CWriter *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    indented(w, format, args, "\n");
    va_end(args);
}

void c_open(CWriter *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    indented(w, format, args, " {\n");
    va_end(args);
    w->indent++;
}

void c_close(CWriter *w)
{
    w->indent--;
    c_line(w, "}");
}

void c_blank(CWriter *w)
{
    text_add(w->out, "\n");
}
