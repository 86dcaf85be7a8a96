// npz.c -- reads .npz files through libzip.

#include "npz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "alloc.h"
#include "file.h"
#include "npy.h"

#define SIZE_LIMIT ((size_t)16 << 30)

typedef struct Archive {
    const char *file;
    zip_t *zip;
} Archive;

static bool open_failure(const char *file, zip_error_t *error, NnrtError *e)
{
    nnrt_fail_file(e, file, "not a readable .npz file: %s", zip_error_strerror(error));
    zip_error_fini(error);
    return false;
}

static bool open_archive(Archive *a, const uint8_t *bytes, size_t size, NnrtError *e)
{
    zip_error_t error;
    zip_error_init(&error);
    if (size == 0)  // which libzip takes for an archive yet to be written
        return nnrt_fail_file(e, a->file, "an empty file is no .npz file");
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &error);
    if (!source)
        return open_failure(a->file, &error, e);
    a->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    if (!a->zip) {
        zip_source_free(source);
        return open_failure(a->file, &error, e);
    }
    zip_error_fini(&error);
    return true;
}

// ---- which member

static bool is_array(const char *name)
{
    const size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".npy") == 0;
}

// `name` is the archive's, with ".npy".
static bool is_called(const char *name, const char *wanted)
{
    const size_t n = strlen(name) - 4;
    return !wanted || strcmp(name, wanted) == 0 ||
           (strlen(wanted) == n && strncmp(name, wanted, n) == 0);
}

// The names of the arrays there are, cut to `size`.
static void list_arrays(const Archive *a, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    const int64_t count = zip_get_num_entries(a->zip, 0);
    for (int64_t i = 0; i < count && n + 1 < size; i++) {
        const char *name = zip_get_name(a->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (name && is_array(name))
            n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? ", " : "",
                                  (int)(strlen(name) - 4), name);
    }
}

static bool not_found(const Archive *a, const char *member, NnrtError *e)
{
    char names[160];
    list_arrays(a, names, sizeof names);
    if (!names[0])
        return nnrt_fail_file(e, a->file, "there are no arrays in it");
    nnrt_fail_file(e, a->file, "there is no array %s in it", member);
    return nnrt_fail_help(e, "there are %s", names);
}

static bool found_twice(const Archive *a, const char *member, NnrtError *e)
{
    char names[160];
    if (member)
        return nnrt_fail_file(e, a->file, "two arrays are called %s", member);
    list_arrays(a, names, sizeof names);
    nnrt_fail_file(e, a->file, "there are several arrays in it; which one?");
    return nnrt_fail_help(e, "there are %s", names);
}

static bool find_member(const Archive *a, const char *member, int64_t *index, NnrtError *e)
{
    *index = -1;
    const int64_t count = zip_get_num_entries(a->zip, 0);
    for (int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(a->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name || !is_array(name) || !is_called(name, member))
            continue;
        if (*index >= 0)
            return found_twice(a, member, e);
        *index = i;
    }
    return *index >= 0 || not_found(a, member, e);
}

// ---- its bytes

static bool check_member(const Archive *a, const zip_stat_t *s, NnrtError *e)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_ENCRYPTION_METHOD;
    if ((s->valid & needed) != needed)
        return nnrt_fail_file(e, a->file, "%s has no size", s->name);
    if (s->encryption_method != ZIP_EM_NONE)
        return nnrt_fail_file(e, a->file, "%s is encrypted", s->name);
    if (s->size > SIZE_LIMIT)
        return nnrt_fail_file(e, a->file, "%s has %" PRIu64 " bytes, more than %zu", s->name,
                              (uint64_t)s->size, SIZE_LIMIT);
    return true;
}

static bool member_failure(const Archive *a, const zip_stat_t *s, const char *what, NnrtError *e)
{
    return nnrt_fail_file(e, a->file, "%s is damaged: %s", s->name, what);
}

// One byte more is asked for than there should be: it shows a longer member, and makes libzip
// compare the checksum.
static bool read_bytes(const Archive *a, const zip_stat_t *s, zip_file_t *in, uint8_t **data,
                       NnrtError *e)
{
    const size_t wanted = (size_t)s->size + 1;
    size_t have = 0;
    for (size_t room = 0; have == room && have < wanted;) {
        const size_t more = room < ((size_t)1 << 20) ? (size_t)1 << 20 : room;
        room = wanted - room < more ? wanted : room + more;
        uint8_t *grown = nnrt_resize(*data, room, 1, e);
        if (!grown)
            return false;
        *data = grown;
        for (int64_t got = 1; got > 0 && have < room; have += (size_t)got) {
            got = zip_fread(in, grown + have, room - have);
            if (got < 0)
                return member_failure(a, s, zip_file_strerror(in), e);
        }
    }
    return have == s->size || member_failure(a, s, "its size is not what the directory says", e);
}

static bool parse_member(const Archive *a, const zip_stat_t *s, const uint8_t *data,
                         NnrtTensor *out, NnrtError *e)
{
    char name[1024];
    snprintf(name, sizeof name, "%s: %s", a->file, s->name);
    return nnrt_npy_parse(name, data, (size_t)s->size, out, e);
}

static bool read_member(const Archive *a, int64_t index, NnrtTensor *out, NnrtError *e)
{
    zip_stat_t s;
    zip_stat_init(&s);
    if (zip_stat_index(a->zip, (zip_uint64_t)index, ZIP_FL_ENC_RAW, &s) < 0)
        return nnrt_fail_file(e, a->file, "%s", zip_strerror(a->zip));
    if (!check_member(a, &s, e))
        return false;
    zip_file_t *in = zip_fopen_index(a->zip, (zip_uint64_t)index, 0);
    if (!in)
        return member_failure(a, &s, zip_strerror(a->zip), e);
    uint8_t *data = NULL;
    const bool ok = read_bytes(a, &s, in, &data, e) && parse_member(a, &s, data, out, e);
    zip_fclose(in);
    free(data);
    return ok;
}

bool nnrt_npz_parse(const char *file, const uint8_t *bytes, size_t size, const char *member,
                    NnrtTensor *out, NnrtError *e)
{
    Archive a = {.file = file};
    int64_t index;
    if (!open_archive(&a, bytes, size, e))
        return false;
    const bool ok = find_member(&a, member, &index, e) && read_member(&a, index, out, e);
    zip_discard(a.zip);
    return ok;
}

bool nnrt_npz_read(const char *file, const char *member, NnrtTensor *out, NnrtError *e)
{
    NnrtBytes bytes;
    if (!nnrt_read_file(file, SIZE_LIMIT, &bytes, e))
        return false;
    const bool ok = nnrt_npz_parse(file, bytes.data, bytes.size, member, out, e);
    free(bytes.data);
    return ok;
}
