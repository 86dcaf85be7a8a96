// safetensors.c -- reads and writes weights.

#include "safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "alloc.h"
#include "file.h"

#define FILE_LIMIT ((size_t)64 << 30)
#define HEADER_LIMIT ((size_t)100000000)
#define TENSOR_LIMIT 100000
#define META_KEY "__metadata__"
#define DIGEST_TEXT 33  // 32 hexadecimal digits and NUL

static const struct {
    const char *name;
    NnrtDtype dtype;
} dtypes[] = {
    {"F32", NNRT_F32}, {"F64", NNRT_F64}, {"I32", NNRT_I32}, {"I64", NNRT_I64},
    {"U8", NNRT_U8},   {"I8", NNRT_I8},   {"I16", NNRT_I16},
};

enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

void nnrt_safetensors_free(NnrtTensorFile *f)
{
    for (int i = 0; f->tensors && i < f->tensor_count; i++)
        nnrt_tensor_free(&f->tensors[i]);
    for (int i = 0; f->meta && i < f->meta_count; i++) {
        free(f->meta[i].key);
        free(f->meta[i].value);
    }
    free(f->tensors);
    free(f->meta);
    *f = (NnrtTensorFile){0};
}

const NnrtTensor *nnrt_safetensors_find(const NnrtTensorFile *f, const char *name)
{
    for (int i = 0; i < f->tensor_count; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    return NULL;
}

const char *nnrt_safetensors_meta(const NnrtTensorFile *f, const char *key)
{
    for (int i = 0; i < f->meta_count; i++)
        if (strcmp(f->meta[i].key, key) == 0)
            return f->meta[i].value;
    return NULL;
}

static void digest_text(XXH128_hash_t hash, char out[DIGEST_TEXT])
{
    snprintf(out, DIGEST_TEXT, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
}

// ---- reading

// One tensor as the header describes it; the name is the JSON's.
typedef struct Entry {
    NnrtTensor tensor;  // name and data not set
    const char *name;
    uint64_t begin;  // in the data
    uint64_t end;
} Entry;

typedef struct Reader {
    const char *file;
    const uint8_t *data;  // the part after the header
    size_t data_size;
    json_t *header;
    Entry *entries;
    int count;
} Reader;

static bool load_header(Reader *r, const uint8_t *bytes, size_t size, NnrtError *e)
{
    uint64_t length = 0;
    if (size < 8)
        return nnrt_fail_file(e, r->file, "%zu bytes are no safetensors file", size);
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    if (length > HEADER_LIMIT || length > size - 8)
        return nnrt_fail_offset(e, r->file, 0,
                                "a header of %" PRIu64 " bytes is announced, and the file has %zu",
                                length, size - 8);
    if (length == 0 || bytes[8] != '{')
        return nnrt_fail_offset(e, r->file, 8, "the header does not begin with '{'");
    json_error_t why;
    r->header = json_loadb((const char *)bytes + 8, length, JSON_REJECT_DUPLICATES, &why);
    if (!r->header)
        return nnrt_fail_offset(e, r->file, 8 + (why.position > 0 ? why.position : 0),
                                "the header is no proper JSON: %s", why.text);
    r->data = bytes + 8 + length;
    r->data_size = size - 8 - length;
    return true;
}

static bool entry_failure(const Reader *r, const char *name, const char *what, NnrtError *e)
{
    return nnrt_fail_file(e, r->file, "tensor '%.120s' %s", name, what);
}

static bool read_dtype(const Reader *r, const char *name, const json_t *value, NnrtDtype *dtype,
                       NnrtError *e)
{
    if (!json_is_string(value))
        return entry_failure(r, name, "has no dtype", e);
    for (int i = 0; i < DTYPES; i++)
        if (strcmp(json_string_value(value), dtypes[i].name) == 0) {
            *dtype = dtypes[i].dtype;
            return true;
        }
    return nnrt_fail_file(e, r->file, "tensor '%.120s' is of dtype '%.20s', which is not read",
                          name, json_string_value(value));
}

// An array of non-negative integers, `most` at most.
static bool read_integers(const json_t *array, size_t most, int64_t *out)
{
    if (!json_is_array(array) || json_array_size(array) > most)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_integer(item) || json_integer_value(item) < 0)
            return false;
        out[i] = json_integer_value(item);
    }
    return true;
}

static bool check_extent(const Reader *r, const Entry *t, NnrtError *e)
{
    char shape[160];
    int64_t elements;
    nnrt_shape_text(t->tensor.dims, t->tensor.rank, shape, sizeof shape);
    if (t->begin > t->end || t->end > r->data_size)
        return nnrt_fail_file(e, r->file,
                              "tensor '%.120s' claims bytes %" PRIu64 " to %" PRIu64
                              " of %zu bytes of data",
                              t->name, t->begin, t->end, r->data_size);
    if (!nnrt_count(t->tensor.dims, t->tensor.rank, &elements))
        return nnrt_fail_file(e, r->file, "tensor '%.120s' has a shape of %s, which is too large",
                              t->name, shape);
    const uint64_t bytes = (uint64_t)elements * nnrt_dtype_size(t->tensor.dtype);
    if (bytes != t->end - t->begin)
        return nnrt_fail_file(
            e, r->file, "tensor '%.120s', %s %s, needs %" PRIu64 " bytes and has %" PRIu64, t->name,
            nnrt_dtype_name(t->tensor.dtype), shape, bytes, t->end - t->begin);
    return true;
}

static bool read_entry(const Reader *r, const char *name, const json_t *value, Entry *t,
                       NnrtError *e)
{
    int64_t offsets[2];
    const json_t *shape = json_object_get(value, "shape");
    const json_t *extent = json_object_get(value, "data_offsets");
    *t = (Entry){.name = name};
    if (!json_is_object(value) || json_object_size(value) != 3)
        return entry_failure(r, name, "is not described by dtype, shape and data_offsets", e);
    if (!read_dtype(r, name, json_object_get(value, "dtype"), &t->tensor.dtype, e))
        return false;
    if (!read_integers(shape, NNRT_MAX_RANK, t->tensor.dims))
        return entry_failure(r, name, "has no shape of at most 8 axes", e);
    if (json_array_size(extent) != 2 || !read_integers(extent, 2, offsets))
        return entry_failure(r, name, "has no pair of data_offsets", e);
    t->tensor.rank = (int)json_array_size(shape);
    t->begin = (uint64_t)offsets[0];
    t->end = (uint64_t)offsets[1];
    return check_extent(r, t, e);
}

static bool read_entries(Reader *r, NnrtError *e)
{
    const char *name;
    json_t *value;
    if (json_object_size(r->header) > TENSOR_LIMIT)
        return nnrt_fail_file(e, r->file, "%zu tensors; at most %d are read",
                              json_object_size(r->header), TENSOR_LIMIT);
    r->entries = nnrt_alloc(json_object_size(r->header), sizeof *r->entries, e);
    if (!r->entries)
        return false;
    json_object_foreach(r->header, name, value)
    {
        if (strcmp(name, META_KEY) == 0)
            continue;
        if (!read_entry(r, name, value, &r->entries[r->count], e))
            return false;
        r->count++;
    }
    return true;
}

static int compare_places(const void *a, const void *b)
{
    const Entry *x = a;
    const Entry *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

// The tensors must tile the data, without gap or overlap.
static bool check_tiling(Reader *r, NnrtError *e)
{
    uint64_t at = 0;
    qsort(r->entries, (size_t)r->count, sizeof *r->entries, compare_places);
    for (int i = 0; i < r->count; i++) {
        if (r->entries[i].begin != at)
            return nnrt_fail_file(e, r->file,
                                  "tensor '%.120s' begins at byte %" PRIu64
                                  " of the data, and what is before it ends at %" PRIu64,
                                  r->entries[i].name, r->entries[i].begin, at);
        at = r->entries[i].end;
    }
    if (at != r->data_size)
        return nnrt_fail_file(e, r->file,
                              "the tensors have %" PRIu64 " bytes, and the file has %zu of data",
                              at, r->data_size);
    qsort(r->entries, (size_t)r->count, sizeof *r->entries, compare_names);
    return true;
}

static bool check_digest(const Reader *r, const json_t *digest, NnrtError *e)
{
    char found[DIGEST_TEXT];
    digest_text(XXH3_128bits(r->data, r->data_size), found);
    if (strcmp(json_string_value(digest), found) == 0)
        return true;
    nnrt_fail_file(e, r->file, "the data is damaged: its checksum is %s, and the file says %.40s",
                   found, json_string_value(digest));
    return nnrt_fail_help(e, "use another copy of the file, or train again");
}

static bool copy_pair(NnrtMeta *m, const char *key, const json_t *value, NnrtError *e)
{
    m->key = nnrt_copy_text(key, strlen(key), e);
    m->value =
        m->key ? nnrt_copy_text(json_string_value(value), json_string_length(value), e) : NULL;
    return m->value;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const NnrtMeta *)a)->key, ((const NnrtMeta *)b)->key);
}

static bool read_meta(const Reader *r, NnrtTensorFile *out, NnrtError *e)
{
    json_t *meta = json_object_get(r->header, META_KEY);
    const char *key;
    json_t *value;
    if (!meta)
        return true;
    if (!json_is_object(meta))
        return nnrt_fail_file(e, r->file, "the metadata is no map of texts");
    out->meta = nnrt_alloc(json_object_size(meta), sizeof *out->meta, e);
    if (!out->meta)
        return false;
    json_object_foreach(meta, key, value)
    {
        if (!json_is_string(value))
            return nnrt_fail_file(e, r->file, "the metadata's '%.120s' is no text", key);
        if (strcmp(key, NNRT_CHECKSUM_KEY) == 0) {
            if (!check_digest(r, value, e))
                return false;
            continue;
        }
        // Counted first: a pair half copied is freed with the others.
        if (!copy_pair(&out->meta[out->meta_count++], key, value, e))
            return false;
    }
    qsort(out->meta, (size_t)out->meta_count, sizeof *out->meta, compare_keys);
    return true;
}

static bool copy_tensor(const Reader *r, const Entry *t, NnrtTensor *out, NnrtError *e)
{
    const size_t bytes = (size_t)(t->end - t->begin);
    *out = t->tensor;
    out->name = nnrt_copy_text(t->name, strlen(t->name), e);
    out->data = out->name ? nnrt_alloc(bytes, 1, e) : NULL;
    if (out->data)
        memcpy(out->data, r->data + t->begin, bytes);
    return out->data;
}

static bool copy_tensors(const Reader *r, NnrtTensorFile *out, NnrtError *e)
{
    out->tensors = nnrt_alloc((size_t)r->count, sizeof *out->tensors, e);
    if (!out->tensors)
        return false;
    while (out->tensor_count < r->count) {
        const int i = out->tensor_count++;
        if (!copy_tensor(r, &r->entries[i], &out->tensors[i], e))
            return false;
    }
    return true;
}

bool nnrt_safetensors_parse(const char *file, const uint8_t *bytes, size_t size,
                            NnrtTensorFile *out, NnrtError *e)
{
    Reader r = {.file = file};
    NnrtTensorFile made = {0};
    const bool ok = load_header(&r, bytes, size, e) && read_entries(&r, e) && check_tiling(&r, e) &&
                    read_meta(&r, &made, e) && copy_tensors(&r, &made, e);
    json_decref(r.header);
    free(r.entries);
    if (!ok) {
        nnrt_safetensors_free(&made);
        return false;
    }
    *out = made;
    return true;
}

bool nnrt_safetensors_read(const char *file, NnrtTensorFile *out, NnrtError *e)
{
    NnrtBytes bytes;
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok = nnrt_safetensors_parse(file, bytes.data, bytes.size, out, e);
    free(bytes.data);
    return ok;
}

// ---- writing

static const char *file_dtype(NnrtDtype dtype)
{
    for (int i = 0; i < DTYPES; i++)
        if (dtypes[i].dtype == dtype)
            return dtypes[i].name;
    return NULL;
}

static int compare_tensors(const void *a, const void *b)
{
    const NnrtTensor *x = *(const NnrtTensor *const *)a;
    const NnrtTensor *y = *(const NnrtTensor *const *)b;
    const size_t x_size = nnrt_dtype_size(x->dtype);
    const size_t y_size = nnrt_dtype_size(y->dtype);
    if (x_size != y_size)
        return x_size > y_size ? -1 : 1;
    return strcmp(x->name, y->name);
}

// The tensors in the order of their data.
static const NnrtTensor **order_tensors(const NnrtTensorFile *f, NnrtError *e)
{
    const NnrtTensor **order = nnrt_alloc((size_t)f->tensor_count, sizeof(NnrtTensor *), e);
    for (int i = 0; order && i < f->tensor_count; i++)
        order[i] = &f->tensors[i];
    if (order)
        qsort(order, (size_t)f->tensor_count, sizeof *order, compare_tensors);
    return order;
}

static bool digest_data(const NnrtTensor **order, int count, char out[DIGEST_TEXT], NnrtError *e)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return nnrt_fail(e, "out of memory for the checksum");
    XXH3_128bits_reset(state);
    for (int i = 0; i < count; i++)
        XXH3_128bits_update(state, order[i]->data, nnrt_tensor_bytes(order[i]));
    digest_text(XXH3_128bits_digest(state), out);
    XXH3_freeState(state);
    return true;
}

// Takes `value` into `object`; false when the key is there, no UTF-8, or memory is out.
static bool put_new(json_t *object, const char *key, json_t *value)
{
    if (!json_object_get(object, key))
        return json_object_set_new(object, key, value) == 0;
    json_decref(value);
    return false;
}

static bool describe_tensor(json_t *header, const char *file, const NnrtTensor *t, uint64_t begin,
                            NnrtError *e)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++)
        json_array_append_new(shape, json_integer(t->dims[i]));
    json_t *entry =
        json_pack("{s:s, s:o, s:[I, I]}", "dtype", file_dtype(t->dtype), "shape", shape,
                  "data_offsets", (json_int_t)begin, (json_int_t)(begin + nnrt_tensor_bytes(t)));
    return put_new(header, t->name, entry) ||
           nnrt_fail_file(e, file,
                          "tensor '%.120s' cannot be written: its name is taken, or no UTF-8",
                          t->name);
}

static bool describe_meta(json_t *meta, const char *file, const NnrtTensorFile *f, NnrtError *e)
{
    for (int i = 0; i < f->meta_count; i++)
        if (!put_new(meta, f->meta[i].key, json_string(f->meta[i].value)))
            return nnrt_fail_file(e, file,
                                  "metadata '%.120s' cannot be written: it is there, or no UTF-8",
                                  f->meta[i].key);
    return true;
}

// The header as text, to be freed; NULL on failure.
static char *format_header(const char *file, const NnrtTensorFile *f, const NnrtTensor **order,
                           NnrtError *e)
{
    char digest[DIGEST_TEXT];
    json_t *header = json_object();
    json_t *meta = json_object();
    uint64_t at = 0;
    bool ok = json_object_set_new(header, META_KEY, meta) == 0 ||
              nnrt_fail_file(e, file, "out of memory for the header");
    ok = ok && digest_data(order, f->tensor_count, digest, e) &&
         (json_object_set_new(meta, NNRT_CHECKSUM_KEY, json_string(digest)) == 0 ||
          nnrt_fail_file(e, file, "out of memory for the header")) &&
         describe_meta(meta, file, f, e);
    for (int i = 0; ok && i < f->tensor_count; i++) {
        ok = describe_tensor(header, file, order[i], at, e);
        at += nnrt_tensor_bytes(order[i]);
    }
    char *text = ok ? json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (ok && !text)
        nnrt_fail_file(e, file, "out of memory for the header");
    json_decref(header);
    return text;
}

static bool put_header(NnrtWriter *w, const char *text, NnrtError *e)
{
    static const char spaces[8] = "        ";
    const size_t size = strlen(text);
    const size_t padding = (8 - size % 8) % 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)(size + padding) >> 8 * i);
    return nnrt_writer_put(w, length, sizeof length, e) && nnrt_writer_put(w, text, size, e) &&
           nnrt_writer_put(w, spaces, padding, e);
}

static bool write_parts(const char *file, const char *header, const NnrtTensor **order, int count,
                        NnrtError *e)
{
    NnrtWriter *w = nnrt_writer_open(file, e);
    if (!w)
        return false;
    bool ok = put_header(w, header, e);
    for (int i = 0; ok && i < count; i++)
        ok = nnrt_writer_put(w, order[i]->data, nnrt_tensor_bytes(order[i]), e);
    if (ok)
        return nnrt_writer_commit(w, e);
    nnrt_writer_abandon(w);
    return false;
}

bool nnrt_safetensors_write(const char *file, const NnrtTensorFile *f, NnrtError *e)
{
    const NnrtTensor **order = order_tensors(f, e);
    if (!order)
        return false;
    char *header = format_header(file, f, order, e);
    const bool ok = header && write_parts(file, header, order, f->tensor_count, e);
    free(header);
    free(order);
    return ok;
}
