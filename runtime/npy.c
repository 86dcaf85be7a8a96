// npy.c -- reads and writes .npy files.
//
//   \x93NUMPY major minor | header length, u16 (version 1) or u32 (2) | header | elements
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// The header ends in spaces and a newline, such that the elements begin at a multiple of 64 bytes.

#include "npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "file.h"

#define FILE_LIMIT ((size_t)16 << 30)
#define HEADER_LIMIT ((size_t)64 << 10)

static const char magic[6] = {(char)0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    const char *descr;
    NnrtDtype dtype;
} descrs[] = {
    {"<f4", NNRT_F32}, {"<f8", NNRT_F64}, {"|u1", NNRT_U8}, {"<i4", NNRT_I32}, {"<i8", NNRT_I64},
};

enum { DESCRS = sizeof descrs / sizeof descrs[0] };

// ---- the header's literal

typedef struct Cursor {
    const char *file;
    const uint8_t *bytes;
    size_t at;
    size_t end;  // of the header
} Cursor;

static bool header_failure(const Cursor *c, const char *what, NnrtError *e)
{
    return nnrt_fail_offset(e, c->file, (int64_t)c->at, "the header has no %s here", what);
}

static void skip_spaces(Cursor *c)
{
    while (c->at < c->end && (c->bytes[c->at] == ' ' || c->bytes[c->at] == '\n'))
        c->at++;
}

static bool accept(Cursor *c, char wanted)
{
    skip_spaces(c);
    if (c->at == c->end || c->bytes[c->at] != (uint8_t)wanted)
        return false;
    c->at++;
    return true;
}

static bool accept_word(Cursor *c, const char *word)
{
    const size_t n = strlen(word);
    skip_spaces(c);
    if (c->end - c->at < n || memcmp(c->bytes + c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

// A quoted string without escapes, at most size - 1 bytes.
static bool read_string(Cursor *c, char *out, size_t size, NnrtError *e)
{
    const char quote = accept(c, '\'') ? '\'' : accept(c, '"') ? '"' : '\0';
    if (!quote)
        return header_failure(c, "string", e);
    size_t n = 0;
    while (c->at < c->end && c->bytes[c->at] != (uint8_t)quote && n + 1 < size)
        out[n++] = (char)c->bytes[c->at++];
    out[n] = '\0';
    return accept(c, quote) || header_failure(c, "end of this string", e);
}

static bool read_dim(Cursor *c, int64_t *dim, NnrtError *e)
{
    const size_t start = c->at;
    *dim = 0;
    while (c->at < c->end && c->bytes[c->at] >= '0' && c->bytes[c->at] <= '9') {
        if (__builtin_mul_overflow(*dim, (int64_t)10, dim) ||
            __builtin_add_overflow(*dim, (int64_t)(c->bytes[c->at] - '0'), dim))
            return header_failure(c, "length of an axis that fits into 63 bits", e);
        c->at++;
    }
    return c->at > start || header_failure(c, "length of an axis", e);
}

static bool read_shape(Cursor *c, NnrtTensor *t, NnrtError *e)
{
    bool comma = true;
    if (!accept(c, '('))
        return header_failure(c, "'('", e);
    for (t->rank = 0; !accept(c, ')'); t->rank++) {
        if (!comma)
            return header_failure(c, "',' or ')'", e);
        if (t->rank == NNRT_MAX_RANK)
            return nnrt_fail_offset(e, c->file, (int64_t)c->at, "more than %d axes", NNRT_MAX_RANK);
        if (!read_dim(c, &t->dims[t->rank], e))
            return false;
        comma = accept(c, ',');
    }
    // (3) is a number in Python, (3,) the tuple.
    return t->rank != 1 || comma || header_failure(c, "',' in a shape of one axis", e);
}

static bool read_descr(Cursor *c, NnrtTensor *t, NnrtError *e)
{
    char descr[32];
    const size_t at = c->at;
    if (!read_string(c, descr, sizeof descr, e))
        return nnrt_fail_offset(e, c->file, (int64_t)at,
                                "elements are not of a plain type (records are not read)");
    for (int i = 0; i < DESCRS; i++)
        if (strcmp(descr, descrs[i].descr) == 0) {
            t->dtype = descrs[i].dtype;
            return true;
        }
    nnrt_fail_offset(e, c->file, (int64_t)at, "elements of type '%s' are not read", descr);
    return nnrt_fail_help(e, "save it as float32, float64, int32, int64 or uint8, little-endian");
}

static bool read_order(Cursor *c, NnrtError *e)
{
    if (accept_word(c, "False"))
        return true;
    if (!accept_word(c, "True"))
        return header_failure(c, "True or False", e);
    nnrt_fail_offset(e, c->file, (int64_t)c->at, "the array is in Fortran order");
    return nnrt_fail_help(e, "save numpy.ascontiguousarray(a)");
}

// One key and its value; *seen gets the key's bit.
static bool read_entry(Cursor *c, NnrtTensor *t, unsigned *seen, NnrtError *e)
{
    char key[32];
    if (!read_string(c, key, sizeof key, e))
        return false;
    if (!accept(c, ':'))
        return header_failure(c, "':'", e);
    const unsigned bit = strcmp(key, "descr") == 0           ? 1
                         : strcmp(key, "fortran_order") == 0 ? 2
                         : strcmp(key, "shape") == 0         ? 4
                                                             : 0;
    if (bit == 0 || (*seen & bit))
        return nnrt_fail_offset(e, c->file, (int64_t)c->at, "the header's key '%s' is %s", key,
                                bit ? "there twice" : "unknown");
    *seen |= bit;
    skip_spaces(c);
    return bit == 1 ? read_descr(c, t, e) : bit == 2 ? read_order(c, e) : read_shape(c, t, e);
}

static bool read_literal(Cursor *c, NnrtTensor *t, NnrtError *e)
{
    unsigned seen = 0;
    bool comma = true;
    if (!accept(c, '{'))
        return header_failure(c, "'{'", e);
    while (!accept(c, '}')) {
        if (!comma)
            return header_failure(c, "',' or '}'", e);
        if (!read_entry(c, t, &seen, e))
            return false;
        comma = accept(c, ',');
    }
    skip_spaces(c);
    if (c->at != c->end)
        return header_failure(c, "end", e);
    return seen == 7 ||
           nnrt_fail_file(e, c->file, "the header lacks one of descr, fortran_order, shape");
}

// ---- the file

// Finds the header: c->at .. c->end.
static bool find_header(Cursor *c, size_t size, NnrtError *e)
{
    const uint8_t *b = c->bytes;
    if (size < 10 || memcmp(b, magic, sizeof magic) != 0)
        return nnrt_fail_offset(e, c->file, 0, "not a .npy file");
    if (b[6] != 1 && b[6] != 2)
        return nnrt_fail_offset(e, c->file, 6, "version %d.%d of .npy is not read", b[6], b[7]);
    c->at = b[6] == 1 ? 10 : 12;
    if (size < c->at)
        return nnrt_fail_file(e, c->file, "the header is cut off at %zu bytes", size);
    const size_t length =
        b[6] == 1 ? (size_t)b[8] | (size_t)b[9] << 8
                  : (size_t)b[8] | (size_t)b[9] << 8 | (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > HEADER_LIMIT || length > size - c->at)
        return nnrt_fail_offset(e, c->file, 8, "a header of %zu bytes; the file has %zu after it",
                                length, size - c->at);
    c->end = c->at + length;
    return true;
}

static bool check_size(const Cursor *c, const NnrtTensor *t, size_t size, size_t *bytes,
                       NnrtError *e)
{
    int64_t elements;
    char shape[160];
    nnrt_shape_text(t->dims, t->rank, shape, sizeof shape);
    if (!nnrt_count(t->dims, t->rank, &elements))
        return nnrt_fail_file(e, c->file, "a shape of %s is too large", shape);
    *bytes = (size_t)elements * nnrt_dtype_size(t->dtype);
    if (*bytes != size - c->end)
        return nnrt_fail_file(e, c->file, "%s %s is %zu bytes of data, and there are %zu",
                              nnrt_dtype_name(t->dtype), shape, *bytes, size - c->end);
    return true;
}

// Type and shape of what the bytes hold, without its data; those are the last *size bytes.
static bool read_header(const char *file, const NnrtBytes *all, NnrtTensor *t, size_t *size,
                        NnrtError *e)
{
    Cursor c = {.file = file, .bytes = all->data};
    return find_header(&c, all->size, e) && read_literal(&c, t, e) &&
           check_size(&c, t, all->size, size, e);
}

bool nnrt_npy_parse(const char *file, const uint8_t *bytes, size_t size, NnrtTensor *out,
                    NnrtError *e)
{
    const NnrtBytes all = {.data = (uint8_t *)bytes, .size = size};
    NnrtTensor t = {0};
    size_t data = 0;
    if (!read_header(file, &all, &t, &data, e))
        return false;
    t.data = nnrt_alloc(data, 1, e);
    if (!t.data)
        return false;
    memcpy(t.data, bytes + size - data, data);
    *out = t;
    return true;
}

// The data stay in the memory that the file was read into: what is new is slow to touch at first.
bool nnrt_npy_read(const char *file, NnrtTensor *out, NnrtError *e)
{
    NnrtBytes all;
    NnrtTensor t = {0};
    size_t data = 0;
    if (!nnrt_read_file(file, FILE_LIMIT, &all, e))
        return false;
    if (!read_header(file, &all, &t, &data, e)) {
        free(all.data);
        return false;
    }
    memmove(all.data, all.data + all.size - data, data);
    t.data = all.data;
    *out = t;
    return true;
}

// ---- writing

// Fills `header`, from the magic to the newline; returns its length, a multiple of 64.
static size_t format_header(const NnrtTensor *t, const char *descr, char *header, size_t size)
{
    char shape[160] = "";
    size_t n = 0;
    for (int i = 0; i < t->rank; i++)
        n += (size_t)snprintf(shape + n, sizeof shape - n, "%s%" PRId64 "%s", i ? ", " : "",
                              t->dims[i], t->rank == 1 ? "," : "");
    memset(header, ' ', size);
    memcpy(header, magic, sizeof magic);
    header[6] = 1;
    header[7] = 0;
    const size_t text =
        (size_t)snprintf(header + 10, size - 10,
                         "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    const size_t length = (10 + text + 1 + 63) / 64 * 64;
    header[10 + text] = ' ';  // over the NUL
    header[length - 1] = '\n';
    header[8] = (char)((length - 10) & 0xFF);
    header[9] = (char)((length - 10) >> 8);
    return length;
}

static bool write_parts(const char *file, const char *header, size_t length, const NnrtTensor *t,
                        NnrtError *e)
{
    NnrtWriter *w = nnrt_writer_open(file, e);
    if (!w)
        return false;
    if (!nnrt_writer_put(w, header, length, e) ||
        !nnrt_writer_put(w, t->data, nnrt_tensor_bytes(t), e)) {
        nnrt_writer_abandon(w);
        return false;
    }
    return nnrt_writer_commit(w, e);
}

bool nnrt_npy_write(const char *file, const NnrtTensor *t, NnrtError *e)
{
    char header[512];
    for (int i = 0; i < DESCRS; i++)
        if (descrs[i].dtype == t->dtype) {
            const size_t length = format_header(t, descrs[i].descr, header, sizeof header);
            return write_parts(file, header, length, t, e);
        }
    return nnrt_fail_file(e, file, "elements of type %s are not written to .npy",
                          nnrt_dtype_name(t->dtype));
}
