// c_names.c -- text that others wrote, made fit to stand in C: identifiers, strings, comments.

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/c/c_writer.h"

// Of C99 and C++; what begins with an underscore is not made in the first place.
static const char *const words[] = {
    "alignas",      "alignof",
    "and",          "and_eq",
    "asm",          "auto",
    "bitand",       "bitor",
    "bool",         "break",
    "case",         "catch",
    "char",         "class",
    "compl",        "concept",
    "const",        "consteval",
    "constexpr",    "constinit",
    "const_cast",   "continue",
    "co_await",     "co_return",
    "co_yield",     "decltype",
    "default",      "delete",
    "do",           "double",
    "dynamic_cast", "else",
    "enum",         "explicit",
    "export",       "extern",
    "false",        "float",
    "for",          "friend",
    "goto",         "if",
    "inline",       "int",
    "long",         "mutable",
    "namespace",    "new",
    "noexcept",     "not",
    "not_eq",       "nullptr",
    "operator",     "or",
    "or_eq",        "private",
    "protected",    "public",
    "register",     "reinterpret_cast",
    "requires",     "restrict",
    "return",       "short",
    "signed",       "sizeof",
    "static",       "static_assert",
    "static_cast",  "struct",
    "switch",       "template",
    "this",         "thread_local",
    "throw",        "true",
    "try",          "typedef",
    "typeid",       "typename",
    "typeof",       "union",
    "unsigned",     "using",
    "virtual",      "void",
    "volatile",     "wchar_t",
    "while",        "xor",
    "xor_eq",       "linux",
    "unix",         "errno",
    "INFINITY",     "NAN",
    "NULL",         "I",
};

// With which macros of <stdint.h> and <math.h> begin.
static const char *const macros[] = {
    "INT8_",    "INT16_",  "INT32_",  "INT64_", "INT_",    "INTMAX_",  "INTPTR_",     "UINT8_",
    "UINT16_",  "UINT32_", "UINT64_", "UINT_",  "UINTMAX", "UINTPTR_", "SIG_ATOMIC_", "PTRDIFF_",
    "SIZE_MAX", "WCHAR_",  "WINT_",   "FP_",    "M_",      "MATH_",    "HUGE_VAL",    "EOF",
};

static bool is_word(const char *text)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], text) == 0)
            return true;
    return false;
}

static bool is_macro(const char *text)
{
    for (const char *c = text; *c; c++)
        if (islower((unsigned char)*c))
            return false;
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
        if (strncmp(macros[i], text, strlen(macros[i])) == 0)
            return true;
    return false;
}

// Letters, digits and single underscores that do not come first: the others are the compiler's.
const char *c_identifier(Arena *a, const char *text)
{
    Text t = text_in(a);
    for (const char *c = text; *c; c++) {
        const bool fits = isascii((unsigned char)*c) && isalnum((unsigned char)*c);
        if (t.size == 0 && !(fits && isalpha((unsigned char)*c)))
            text_add(&t, "n");
        if (fits)
            text_add_n(&t, c, 1);
        else if (t.size > 0 && t.data[t.size - 1] != '_' && c[1])
            text_add(&t, "_");
    }
    const char *made = t.size > 0 ? text_str(&t) : "n";
    return is_word(made) || is_macro(made) ? arena_printf(a, "%s_", made) : made;
}

const char *c_upper(Arena *a, const char *identifier)
{
    char *text = arena_strdup(a, identifier);
    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return text;
}

// Three octal digits cannot run on into what follows, and hide trigraphs.
const char *c_string(Arena *a, const char *text)
{
    Text t = text_in(a);
    text_add(&t, "\"");
    for (const char *c = text; *c; c++)
        if (*c == '"' || *c == '\\' || *c == '?' || !isascii((unsigned char)*c) ||
            !isprint((unsigned char)*c))
            text_addf(&t, "\\%03o", (unsigned)(unsigned char)*c);
        else
            text_add_n(&t, c, 1);
    text_add(&t, "\"");
    return text_str(&t);
}

// No end or begin of a comment, no line that goes on, no trigraph; control characters are spaces.
const char *c_comment(Arena *a, const char *text)
{
    char *made = arena_strdup(a, text);
    for (char *c = made; *c; c++) {
        if ((*c == '/' && ((c > made && c[-1] == '*') || c[1] == '*')) || *c == '\\' || *c == '?')
            *c = '|';
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return made;
}

static bool reads_back(float value, int digits, char *text, size_t size)
{
    snprintf(text, size, "%.*g", digits, (double)value);
    return strtof(text, NULL) == value;
}

// The fewest digits that read back as the same number; most weights need eight or nine.
void c_add_float(Text *t, float value)
{
    char text[32];
    int digits = 9;
    if (isnan(value) || isinf(value)) {
        text_add(t, isnan(value) ? "NAN" : value > 0 ? "INFINITY" : "-INFINITY");
        return;
    }
    while (digits > 1 && reads_back(value, digits - 1, text, sizeof text))
        digits--;
    reads_back(value, digits, text, sizeof text);
    text_add(t, text);
    text_add(t, strpbrk(text, ".e") ? "f" : ".0f");
}

const char *c_float(Arena *a, float value)
{
    Text t = text_in(a);
    c_add_float(&t, value);
    return text_str(&t);
}

const char *c_shape(Arena *a, const Type *t)
{
    Text text = text_in(a);
    const int first = type_batched(t);
    text_add(&text, "[");
    for (int i = first; i < t->rank; i++)
        text_addf(&text, i > first ? ", %lld" : "%lld", (long long)t->dims[i]);
    text_add(&text, "]");
    return text_str(&text);
}
