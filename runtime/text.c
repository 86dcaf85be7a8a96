// text.c -- characters, their alphabet, and windows of them.

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "file.h"

#define FILE_LIMIT ((size_t)1 << 30)
#define WINDOWS_LIMIT ((int64_t)16 << 30)

enum { CODE_POINTS = 0x110000 };

// ---- UTF-8

// Where a text is being read.
typedef struct Scan {
    const char *file;
    const uint8_t *text;
    size_t size;
    size_t at;
    int64_t line;
    size_t line_start;
} Scan;

static bool scan_failure(const Scan *s, const char *what, NnrtError *e)
{
    return nnrt_fail_line(e, s->file, s->line, (int64_t)(s->at - s->line_start) + 1, "%s", what);
}

// Bytes of the character that begins with `first`; 0: none does. Its own bits come to *value, and
// *least is the least that is not written shorter.
static int sequence(uint8_t first, uint32_t *value, uint32_t *least)
{
    static const struct {
        uint8_t mask, bits;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (int i = 0; i < 4; i++)
        if ((first & forms[i].mask) == forms[i].bits) {
            *value = first & (uint8_t)~forms[i].mask;
            *least = forms[i].least;
            return i + 1;
        }
    return 0;
}

// Reads the character at s->at < s->size.
static bool next_character(Scan *s, uint32_t *value, NnrtError *e)
{
    uint32_t least = 0;
    const int bytes = sequence(s->text[s->at], value, &least);
    bool valid = bytes > 0 && (size_t)bytes <= s->size - s->at;
    for (int i = 1; valid && i < bytes; i++) {
        const uint8_t byte = s->text[s->at + (size_t)i];
        valid = (byte & 0xC0) == 0x80;
        *value = *value << 6 | (byte & 0x3F);
    }
    if (!valid || *value < least || *value >= CODE_POINTS || (*value >= 0xD800 && *value < 0xE000))
        return scan_failure(s, "a byte that is not UTF-8", e);
    s->at += (size_t)bytes;
    if (*value == '\n') {
        s->line++;
        s->line_start = s->at;
    }
    return true;
}

static Scan scan_new(const char *file, const char *text, size_t size)
{
    return (Scan){.file = file, .text = (const uint8_t *)text, .size = size, .line = 1};
}

// ---- the alphabet

void nnrt_alphabet_free(NnrtAlphabet *a)
{
    free(a->characters);
    *a = (NnrtAlphabet){0};
}

// Code points that occur: bit i % 64 of word i / 64. Few of the words hold any.
typedef struct Marks {
    uint64_t words[CODE_POINTS / 64];
} Marks;

static bool mark_characters(Scan *s, Marks *m, NnrtError *e)
{
    uint32_t value;
    while (s->at < s->size) {
        if (!next_character(s, &value, e))
            return false;
        m->words[value / 64] |= UINT64_C(1) << value % 64;
    }
    return true;
}

static bool collect_characters(const Marks *m, NnrtAlphabet *a, NnrtError *e)
{
    *a = (NnrtAlphabet){0};
    for (int i = 0; i < CODE_POINTS / 64; i++)
        a->count += __builtin_popcountll(m->words[i]);
    a->characters = nnrt_alloc((size_t)a->count, sizeof *a->characters, e);
    if (!a->characters)
        return false;
    int64_t n = 0;
    for (uint32_t i = 0; i < CODE_POINTS / 64; i++)
        for (uint64_t left = m->words[i]; left; left &= left - 1)
            a->characters[n++] = i * 64 + (uint32_t)__builtin_ctzll(left);
    return true;
}

static bool alphabet_of(Scan s, NnrtAlphabet *a, NnrtError *e)
{
    Marks *m = nnrt_alloc(1, sizeof *m, e);
    const bool ok = m && mark_characters(&s, m, e) && collect_characters(m, a, e);
    free(m);
    return ok;
}

static bool alphabet_copy(const NnrtAlphabet *from, NnrtAlphabet *to, NnrtError *e)
{
    to->count = from->count;
    to->characters = nnrt_alloc((size_t)from->count, sizeof *to->characters, e);
    if (to->characters)
        memcpy(to->characters, from->characters, (size_t)from->count * sizeof *to->characters);
    return to->characters != NULL;
}

static int compare_characters(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int32_t code_of(const NnrtAlphabet *a, uint32_t character)
{
    const uint32_t *place = bsearch(&character, a->characters, (size_t)a->count,
                                    sizeof *a->characters, compare_characters);
    return place ? (int32_t)(place - a->characters) : -1;
}

int64_t nnrt_text_encode(const char *file, const char *text, size_t size, const NnrtAlphabet *a,
                         int32_t *codes, NnrtError *e)
{
    Scan s = scan_new(file, text, size);
    int64_t n = 0;
    while (s.at < s.size) {
        const Scan before = s;
        uint32_t character;
        if (!next_character(&s, &character, e))
            return -1;
        codes[n] = code_of(a, character);
        if (codes[n++] < 0) {
            char what[80];
            snprintf(what, sizeof what, "character U+%04" PRIX32 " is not in the training text",
                     character);
            scan_failure(&before, what, e);
            return -1;
        }
    }
    return n;
}

// ---- characters as names of classes

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t marks[] = {0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(marks[more] | c >> 6 * more);
    for (int i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3F));
    return (size_t)more + 1;
}

static void character_name(uint32_t c, char out[8])
{
    static const char plain[] = "\n\t\r \\";
    static const char letters[] = "ntrs\\";
    const char *special = c > 0 && c < 0x80 ? strchr(plain, (int)c) : NULL;
    if (special)
        snprintf(out, 8, "\\%c", letters[special - plain]);
    else if (c < 0x20 || (c >= 0x7F && c < 0xA0))
        snprintf(out, 8, "\\x%02X", (unsigned)c);
    else
        out[put_utf8(c, out)] = '\0';
}

static bool name_characters(NnrtField *f, const NnrtAlphabet *a, NnrtError *e)
{
    char(*names)[8] = nnrt_alloc((size_t)a->count, sizeof *names, e);
    const char **pointers = names ? nnrt_alloc((size_t)a->count, sizeof *pointers, e) : NULL;
    for (int64_t i = 0; pointers && i < a->count; i++) {
        character_name(a->characters[i], names[i]);
        pointers[i] = names[i];
    }
    f->class_count = a->count;  // codes are checked: they came from the alphabet
    const bool ok = pointers && nnrt_field_set_classes(f, pointers, a->count, e);
    free(pointers);
    free(names);
    return ok;
}

// The character that character_name has named so; -1: it names none.
static int64_t named_character(const char *name)
{
    static const char plain[] = "\n\t\r \\";
    static const char letters[] = "ntrs\\";
    Scan s = scan_new("a name", name, strlen(name));
    NnrtError e;
    uint32_t value;
    if (name[0] == '\\') {
        const char *letter = name[1] && !name[2] ? strchr(letters, name[1]) : NULL;
        char *end;
        const long byte = name[1] == 'x' && name[2] ? strtol(name + 2, &end, 16) : -1;
        return letter                                      ? plain[letter - letters]
               : byte >= 0 && byte <= 0xFF && *end == '\0' ? byte
                                                           : -1;
    }
    return next_character(&s, &value, &e) && s.at == s.size ? (int64_t)value : -1;
}

bool nnrt_alphabet_named(const char *const *names, int64_t count, NnrtAlphabet *a, NnrtError *e)
{
    *a = (NnrtAlphabet){.count = count};
    a->characters = nnrt_alloc((size_t)count, sizeof *a->characters, e);
    for (int64_t i = 0; a->characters && i < count; i++) {
        const int64_t value = named_character(names[i]);
        if (value < 0 || (i > 0 && value <= a->characters[i - 1])) {
            nnrt_alphabet_free(a);
            return nnrt_fail(e, "the classes are not the characters of a text");
        }
        a->characters[i] = (uint32_t)value;
    }
    return a->characters != NULL;
}

// ---- windows

int64_t nnrt_text_gap(int64_t length, int64_t stride)
{
    return (length - 1) / stride;
}

// All that the fields of a text are made of.
typedef struct Windows {
    int64_t length, stride, rows;
    int64_t last;  // where the last one begins, if not in its turn
    const int32_t *codes;
    const NnrtAlphabet *alphabet;
} Windows;

static void copy_windows(const Windows *w, int64_t from, NnrtTensor *t)
{
    uint8_t *bytes = t->data;
    int32_t *words = t->data;
    for (int64_t r = 0; r < w->rows; r++) {
        const int64_t begin = w->last > 0 && r == w->rows - 1 ? w->last : r * w->stride;
        for (int64_t i = 0; i < w->length; i++) {
            const int32_t code = w->codes[begin + i + from];
            if (t->dtype == NNRT_U8)
                bytes[r * w->length + i] = (uint8_t)code;
            else
                words[r * w->length + i] = code;
        }
    }
}

// The windows that start `from` characters later.
static bool add_windows(const Windows *w, const char *name, int64_t from, bool named,
                        NnrtDataset *out, NnrtError *e)
{
    NnrtField f = {0};
    NnrtTensor t = {.dtype = w->alphabet->count <= 256 ? NNRT_U8 : NNRT_I32,
                    .rank = 2,
                    .dims = {w->rows, w->length}};
    t.data = nnrt_alloc((size_t)(w->rows * w->length), nnrt_dtype_size(t.dtype), e);
    if (!t.data)
        return false;
    copy_windows(w, from, &t);
    const bool ok = nnrt_field_take(&f, name, &t, e) &&
                    (!named || name_characters(&f, w->alphabet, e)) && nnrt_dataset_add(out, &f, e);
    nnrt_tensor_free(&t);
    nnrt_field_free(&f);
    return ok;
}

static bool too_many(const char *file, const Windows *w, NnrtError *e)
{
    if (w->rows <= UINT32_MAX && w->rows <= WINDOWS_LIMIT / w->length)
        return false;
    return !nnrt_fail_file(e, file, "%" PRId64 " windows of %" PRId64 " are too much to keep",
                           w->rows, w->length);
}

// The last window's last target is the last character at the latest.
static bool count_windows(const char *file, Windows *w, int64_t characters, NnrtError *e)
{
    if (characters <= w->length)
        return nnrt_fail_file(e, file,
                              "%" PRId64 " characters; a window of %" PRId64 " needs %" PRId64,
                              characters, w->length, w->length + 1);
    w->rows = (characters - 1 - w->length) / w->stride + 1;
    return !too_many(file, w, e);
}

static bool make_windows(const Scan *s, Windows *w, NnrtDataset *out, NnrtError *e)
{
    int32_t *codes = nnrt_alloc(s->size, sizeof *codes, e);
    if (!codes)
        return false;
    w->codes = codes;
    const int64_t n =
        nnrt_text_encode(s->file, (const char *)s->text, s->size, w->alphabet, codes, e);
    const bool ok = n >= 0 && count_windows(s->file, w, n, e) &&
                    add_windows(w, "input", 0, false, out, e) &&
                    add_windows(w, "target", 1, true, out, e);
    free(codes);
    return ok;
}

bool nnrt_text_parse(const char *file, const char *text, size_t size,
                     const NnrtTextOptions *options, NnrtDataset *out, NnrtAlphabet *alphabet,
                     NnrtError *e)
{
    NnrtAlphabet own = {0};
    const Scan s = scan_new(file, text, size);
    Windows w = {.length = options->length, .alphabet = &own};
    w.stride = options->stride > 0 ? options->stride : options->length;
    *out = (NnrtDataset){0};
    if (options->length < 1)
        return nnrt_fail_file(e, file, "a window has at least one character");
    const bool ok =
        (options->like ? alphabet_copy(options->like, &own, e) : alphabet_of(s, &own, e)) &&
        make_windows(&s, &w, out, e);
    if (!ok)
        nnrt_dataset_free(out);
    if (ok && alphabet)
        *alphabet = own;
    else
        nnrt_alphabet_free(&own);
    return ok;
}

bool nnrt_text_read(const char *file, const NnrtTextOptions *options, NnrtDataset *out,
                    NnrtAlphabet *alphabet, NnrtError *e)
{
    NnrtBytes bytes;
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok =
        nnrt_text_parse(file, (const char *)bytes.data, bytes.size, options, out, alphabet, e);
    free(bytes.data);
    return ok;
}

// Windows one after the other; the last one ends with the text.
static bool make_inputs(const char *file, const NnrtBytes *text, Windows *w, NnrtDataset *out,
                        NnrtError *e)
{
    int32_t *codes = nnrt_alloc(text->size + 1, sizeof *codes, e);
    if (!codes)
        return false;
    w->codes = codes;
    const int64_t n =
        nnrt_text_encode(file, (const char *)text->data, text->size, w->alphabet, codes, e);
    w->rows = (n + w->length - 1) / w->length;
    w->last = n - w->length;
    const bool ok =
        n >= 0 &&
        (n >= w->length ||
         nnrt_fail_file(e, file, "%" PRId64 " characters; the model takes %" PRId64 " at once", n,
                        w->length)) &&
        !too_many(file, w, e) && add_windows(w, "input", 0, false, out, e);
    free(codes);
    return ok;
}

bool nnrt_text_inputs(const char *file, int64_t length, const NnrtAlphabet *alphabet,
                      NnrtDataset *out, NnrtError *e)
{
    NnrtBytes bytes;
    Windows w = {.length = length, .stride = length, .alphabet = alphabet};
    *out = (NnrtDataset){0};
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok = make_inputs(file, &bytes, &w, out, e);
    if (!ok)
        nnrt_dataset_free(out);
    free(bytes.data);
    return ok;
}
