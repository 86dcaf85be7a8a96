// idx.c -- reads IDX files.

#include "idx.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "alloc.h"
#include "file.h"

#define FILE_LIMIT ((size_t)16 << 30)
#define HEADER_MAX (4 + 4 * NNRT_MAX_RANK)

// ---- where the bytes come from: the file itself, or the gzip stream in it

typedef struct Source {
    const char *file;
    const uint8_t *bytes;  // all of the file
    size_t size;
    size_t at;  // position in `bytes` when not compressed
    bool gzip;
    bool ended;  // the gzip stream is complete
    z_stream zip;
} Source;

static bool source_open(Source *s, NnrtError *e)
{
    s->gzip = s->size >= 2 && s->bytes[0] == 0x1F && s->bytes[1] == 0x8B;
    enum { GZIP_ONLY = 16 };  // added to the window's bits: no zlib or raw streams
    if (s->gzip && inflateInit2(&s->zip, MAX_WBITS + GZIP_ONLY) != Z_OK)
        return nnrt_fail_file(e, s->file, "out of memory for inflating");
    return true;
}

static void source_close(Source *s)
{
    if (s->gzip)
        inflateEnd(&s->zip);
}

static size_t offset_in_file(const Source *s)
{
    return s->gzip ? (size_t)(s->zip.next_in ? s->zip.next_in - s->bytes : 0) : s->at;
}

// zlib counts in 32 bits: both ends are fed in pieces.
static uInt piece(size_t size)
{
    return size > (size_t)1 << 30 ? (uInt)1 << 30 : (uInt)size;
}

// Inflates up to `size` bytes; *got is fewer when the stream or the file ends first.
static bool inflate_some(Source *s, uint8_t *out, size_t size, size_t *got, NnrtError *e)
{
    *got = 0;
    while (*got < size && !s->ended) {
        const size_t in_at = offset_in_file(s);
        s->zip.next_in = (z_const Bytef *)(uintptr_t)(s->bytes + in_at);
        s->zip.avail_in = piece(s->size - in_at);
        s->zip.next_out = out + *got;
        s->zip.avail_out = piece(size - *got);
        const int state = inflate(&s->zip, Z_NO_FLUSH);
        *got = (size_t)(s->zip.next_out - out);
        s->ended = state == Z_STREAM_END;
        if (state == Z_BUF_ERROR)
            return true;  // the file ends within the stream
        if (state != Z_OK && state != Z_STREAM_END)
            return nnrt_fail_offset(e, s->file, (int64_t)offset_in_file(s),
                                    "the gzip stream is damaged: %s",
                                    s->zip.msg ? s->zip.msg : "no reason is known");
    }
    return true;
}

static bool source_take(Source *s, uint8_t *out, size_t size, size_t *got, NnrtError *e)
{
    if (s->gzip)
        return inflate_some(s, out, size, got, e);
    *got = s->size - s->at < size ? s->size - s->at : size;
    memcpy(out, s->bytes + s->at, *got);
    s->at += *got;
    return true;
}

// After the last element there must be nothing: no more data, no cut checksum, no second stream.
static bool source_finish(Source *s, size_t expected, NnrtError *e)
{
    uint8_t extra;
    size_t got;
    if (!source_take(s, &extra, 1, &got, e))
        return false;
    if (got > 0)
        return nnrt_fail_file(e, s->file, "the header promises %zu bytes, and there are more",
                              expected);
    if (s->gzip && !s->ended)
        return nnrt_fail_offset(e, s->file, (int64_t)offset_in_file(s),
                                "the gzip stream is cut off before its checksum");
    if (s->gzip && offset_in_file(s) != s->size)
        return nnrt_fail_offset(e, s->file, (int64_t)offset_in_file(s),
                                "%zu bytes follow the gzip stream", s->size - offset_in_file(s));
    return true;
}

// ---- the header

static bool code_dtype(uint8_t code, NnrtDtype *dtype)
{
    static const struct {
        uint8_t code;
        NnrtDtype dtype;
    } codes[] = {{0x08, NNRT_U8},  {0x09, NNRT_I8},  {0x0B, NNRT_I16},
                 {0x0C, NNRT_I32}, {0x0D, NNRT_F32}, {0x0E, NNRT_F64}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code) {
            *dtype = codes[i].dtype;
            return true;
        }
    return false;
}

static bool check_magic(const Source *s, const uint8_t magic[4], NnrtTensor *t, NnrtError *e)
{
    if (magic[0] != 0 || magic[1] != 0)
        return nnrt_fail_offset(e, s->file, 0,
                                "not an IDX file: it begins with %02x %02x, not with 00 00",
                                magic[0], magic[1]);
    if (!code_dtype(magic[2], &t->dtype))
        return nnrt_fail_offset(e, s->file, 2, "%02x is no element type of IDX", magic[2]);
    if (magic[3] < 1 || magic[3] > NNRT_MAX_RANK)
        return nnrt_fail_offset(e, s->file, 3, "%d axes; there must be 1 to %d", magic[3],
                                NNRT_MAX_RANK);
    t->rank = magic[3];
    return true;
}

static bool read_header(Source *s, NnrtTensor *t, size_t *bytes, NnrtError *e)
{
    uint8_t header[HEADER_MAX];
    size_t got;
    if (!source_take(s, header, 4, &got, e))
        return false;
    if (got < 4)
        return nnrt_fail_file(e, s->file, "not an IDX file: %zu bytes are no header", got);
    if (!check_magic(s, header, t, e))
        return false;
    const size_t dims = 4 * (size_t)t->rank;
    if (!source_take(s, header, dims, &got, e))
        return false;
    if (got < dims)
        return nnrt_fail_file(e, s->file, "the header is cut off: %zu bytes of %zu", got + 4,
                              dims + 4);
    for (int i = 0; i < t->rank; i++)
        t->dims[i] = (int64_t)header[4 * i] << 24 | header[4 * i + 1] << 16 |
                     header[4 * i + 2] << 8 | header[4 * i + 3];
    int64_t elements;
    char shape[160];
    if (!nnrt_count(t->dims, t->rank, &elements) ||
        (size_t)elements > FILE_LIMIT / nnrt_dtype_size(t->dtype))
        return nnrt_fail_offset(e, s->file, 4, "a shape of %s is more than %zu bytes",
                                nnrt_shape_text(t->dims, t->rank, shape, sizeof shape), FILE_LIMIT);
    *bytes = (size_t)elements * nnrt_dtype_size(t->dtype);
    return true;
}

// ---- the elements

static void swap_bytes(uint8_t *data, size_t bytes, size_t size)
{
    for (size_t at = 0; at < bytes; at += size)
        for (size_t i = 0; i < size / 2; i++) {
            const uint8_t swap = data[at + i];
            data[at + i] = data[at + size - 1 - i];
            data[at + size - 1 - i] = swap;
        }
}

static bool cut_off(const Source *s, const NnrtTensor *t, size_t bytes, size_t got, NnrtError *e)
{
    char shape[160];
    const size_t header = 4 + 4 * (size_t)t->rank;
    return nnrt_fail_file(e, s->file, "the header promises %s %s, %zu bytes, and there are %zu",
                          nnrt_dtype_name(t->dtype),
                          nnrt_shape_text(t->dims, t->rank, shape, sizeof shape), header + bytes,
                          header + got);
}

// Memory grows with what is really there: a header alone does not get gigabytes.
static bool read_elements(Source *s, NnrtTensor *t, size_t bytes, NnrtError *e)
{
    size_t have = 0;
    size_t room = 0;
    do {
        const size_t more = room < ((size_t)1 << 20) ? (size_t)1 << 20 : room;
        room = bytes - room < more ? bytes : room + more;
        void *data = nnrt_resize(t->data, room, 1, e);
        if (!data)
            return false;
        t->data = data;
        size_t got;
        if (!source_take(s, (uint8_t *)t->data + have, room - have, &got, e))
            return false;
        have += got;
        if (have < room)
            return cut_off(s, t, bytes, have, e);
    } while (have < bytes);
    return true;
}

static bool read_all(Source *s, NnrtTensor *t, NnrtError *e)
{
    size_t bytes = 0;
    if (!read_header(s, t, &bytes, e) || !read_elements(s, t, bytes, e))
        return false;
    if (!source_finish(s, 4 + 4 * (size_t)t->rank + bytes, e))
        return false;
    swap_bytes(t->data, bytes, nnrt_dtype_size(t->dtype));
    return true;
}

bool nnrt_idx_parse(const char *file, const uint8_t *bytes, size_t size, NnrtTensor *out,
                    NnrtError *e)
{
    NnrtTensor t = {0};
    Source s = {.file = file, .bytes = bytes, .size = size};
    if (!source_open(&s, e))
        return false;
    const bool ok = read_all(&s, &t, e);
    source_close(&s);
    if (!ok) {
        nnrt_tensor_free(&t);
        return false;
    }
    *out = t;
    return true;
}

bool nnrt_idx_read(const char *file, NnrtTensor *out, NnrtError *e)
{
    NnrtBytes bytes;
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok = nnrt_idx_parse(file, bytes.data, bytes.size, out, e);
    free(bytes.data);
    return ok;
}
