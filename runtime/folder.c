// folder.c -- a folder of images, read by class (image.h).

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "file.h"
#include "image.h"

#define FILE_LIMIT ((size_t)1 << 30)
#define PIXELS_LIMIT ((int64_t)16 << 30)

// ---- names

typedef struct Names {
    char **names;  // owned, each too; sorted bytewise
    int64_t count;
    int64_t room;
} Names;

static void names_free(Names *n)
{
    for (int64_t i = 0; i < n->count; i++)
        free(n->names[i]);
    free(n->names);
    *n = (Names){0};
}

static bool names_add(Names *n, const char *name, NnrtError *e)
{
    if (n->count == n->room) {
        const int64_t room = n->room ? 2 * n->room : 64;
        char **names = nnrt_resize(n->names, (size_t)room, sizeof *names, e);
        if (!names)
            return false;
        n->names = names;
        n->room = room;
    }
    n->names[n->count] = nnrt_copy_text(name, strlen(name), e);
    return n->names[n->count] && ++n->count;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool path_of(const char *folder, const char *name, char out[PATH_MAX], NnrtError *e)
{
    const int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return (n > 0 && n < PATH_MAX) || nnrt_fail_file(e, folder, "a path in it is too long");
}

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool add_entries(DIR *d, const char *folder, bool folders, Names *out, NnrtError *e)
{
    char path[PATH_MAX];
    for (const struct dirent *entry; (errno = 0, entry = readdir(d)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (!path_of(folder, entry->d_name, path, e))
            return false;
        if ((!folders || is_folder(path)) && !names_add(out, entry->d_name, e))
            return false;
    }
    return errno == 0 || nnrt_fail_file(e, folder, "%s", strerror(errno));
}

// The names in a folder, sorted; of folders alone where `folders`.
static bool list_folder(const char *folder, bool folders, Names *out, NnrtError *e)
{
    *out = (Names){0};
    DIR *d = opendir(folder);
    if (!d)
        return nnrt_fail_file(e, folder, "%s", strerror(errno));
    const bool ok = add_entries(d, folder, folders, out, e);
    closedir(d);
    if (ok && out->count > 0)
        qsort(out->names, (size_t)out->count, sizeof *out->names, compare_names);
    return ok;
}

// ---- images

// The images read so far.
typedef struct Images {
    NnrtImageOptions options;
    int64_t height, width;  // of all; 0 before the first
    int channels;           // likewise
    uint8_t *pixels;        // owned; [count, height, width, channels]
    int32_t *labels;        // owned; [count]
    int64_t count, room;
} Images;

static int64_t image_bytes(const Images *m)
{
    return m->height * m->width * m->channels;
}

static bool make_room(Images *m, const char *file, NnrtError *e)
{
    if (m->count < m->room)
        return true;
    const int64_t room = m->room ? 2 * m->room : 16;
    if (m->count >= UINT32_MAX || (m->count + 1) > PIXELS_LIMIT / image_bytes(m))
        return nnrt_fail_file(e, file, "%" PRId64 " images before it are as many as can be kept",
                              m->count);
    void *pixels = nnrt_resize(m->pixels, (size_t)room, (size_t)image_bytes(m), e);
    if (!pixels)
        return false;
    m->pixels = pixels;
    void *labels = nnrt_resize(m->labels, (size_t)room, sizeof(int32_t), e);
    if (!labels)
        return false;
    m->labels = labels;
    m->room = room;
    return true;
}

// The first image gives size and channels where the options leave them open.
static bool fit_size(Images *m, const char *file, const NnrtTensor *t, NnrtError *e)
{
    if (m->channels == 0) {
        m->channels = (int)t->dims[2];
        m->height = m->options.height ? m->options.height : t->dims[0];
        m->width = m->options.width ? m->options.width : t->dims[1];
    }
    if (m->options.height || (t->dims[0] == m->height && t->dims[1] == m->width))
        return true;
    nnrt_fail_file(e, file,
                   "an image of %" PRId64 " x %" PRId64 " among others of %" PRId64 " x %" PRId64,
                   t->dims[0], t->dims[1], m->height, m->width);
    return nnrt_fail_help(e, "size = [%" PRId64 ", %" PRId64 "] makes all the same", m->height,
                          m->width);
}

static bool add_image(Images *m, const char *file, const NnrtTensor *t, int64_t label, NnrtError *e)
{
    if (!fit_size(m, file, t, e) || !make_room(m, file, e))
        return false;
    m->labels[m->count] = (int32_t)label;
    nnrt_resize_image(t->data, t->dims[0], t->dims[1], t->dims[2], m->options.resize,
                      m->pixels + m->count * image_bytes(m), m->height, m->width);
    m->count++;
    return true;
}

static bool read_image(Images *m, const char *file, int64_t label, NnrtError *e)
{
    NnrtBytes bytes;
    NnrtTensor t = {0};
    const int channels = m->channels ? m->channels : m->options.channels;
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok =
        nnrt_image_parse(file, bytes.data, bytes.size, channels, NNRT_MAX_PIXELS, &t, e) &&
        add_image(m, file, &t, label, e);
    free(bytes.data);
    nnrt_tensor_free(&t);
    return ok;
}

static bool read_class(Images *m, const char *folder, int64_t label, NnrtError *e)
{
    Names files;
    char path[PATH_MAX];
    bool ok = list_folder(folder, false, &files, e);
    for (int64_t i = 0; ok && i < files.count; i++)
        ok = path_of(folder, files.names[i], path, e) && read_image(m, path, label, e);
    names_free(&files);
    return ok;
}

// ---- the classes

// The code of class `i` of the folder: its place there, or in the training part.
static bool class_code(const Images *m, const char *folder, const char *name, int64_t i,
                       int64_t *code, NnrtError *e)
{
    *code = i;
    if (!m->options.classes)
        return true;
    for (*code = 0; *code < m->options.class_count; ++*code)
        if (strcmp(m->options.classes[*code], name) == 0)
            return true;
    return nnrt_fail_file(e, folder, "class %s is not among those of the training data", name);
}

static bool read_classes(Images *m, const char *folder, const Names *classes, NnrtError *e)
{
    char path[PATH_MAX];
    int64_t code;
    for (int64_t i = 0; i < classes->count; i++)
        if (!class_code(m, folder, classes->names[i], i, &code, e) ||
            !path_of(folder, classes->names[i], path, e) || !read_class(m, path, code, e))
            return false;
    if (m->count > 0)
        return true;
    nnrt_fail_file(e, folder, "there are no images in folders in it");
    return nnrt_fail_help(e, "each class is a folder of its images: %.80s/robin/1.png", folder);
}

// ---- the data set

static bool add_field(NnrtDataset *out, const char *name, NnrtTensor *t, NnrtError *e)
{
    NnrtField field = {0};
    const bool ok = nnrt_field_take(&field, name, t, e) && nnrt_dataset_add(out, &field, e);
    nnrt_tensor_free(t);
    nnrt_field_free(&field);
    return ok;
}

static bool add_fields(Images *m, NnrtDataset *out, NnrtError *e)
{
    NnrtTensor images = {.dtype = NNRT_U8,
                         .rank = 4,
                         .dims = {m->count, m->height, m->width, m->channels},
                         .data = m->pixels};
    NnrtTensor labels = {.dtype = NNRT_I32, .rank = 1, .dims = {m->count}, .data = m->labels};
    m->pixels = NULL;
    m->labels = NULL;
    const bool ok = add_field(out, "input", &images, e) && add_field(out, "target", &labels, e);
    nnrt_tensor_free(&labels);
    return ok;
}

static bool name_classes(const Images *m, const Names *classes, NnrtDataset *out, NnrtError *e)
{
    NnrtField *target = nnrt_dataset_field(out, "target");
    const bool like = m->options.classes != NULL;
    return nnrt_field_as_classes(target, e) &&
           nnrt_field_set_classes(target,
                                  like ? m->options.classes : (const char *const *)classes->names,
                                  like ? m->options.class_count : classes->count, e);
}

static bool check_options(const char *folder, const NnrtImageOptions *o, NnrtError *e)
{
    const bool sized = o->height > 0 && o->width > 0;
    if ((o->height != 0 || o->width != 0) && (!sized || o->height > NNRT_MAX_PIXELS / o->width))
        return nnrt_fail_file(e, folder, "%" PRId64 " x %" PRId64 " is no size for images",
                              o->height, o->width);
    return o->channels == 0 || o->channels == 1 || o->channels == 3 ||
           nnrt_fail_file(e, folder, "images have 1 or 3 channels, not %d", o->channels);
}

bool nnrt_images_read(const char *folder, const NnrtImageOptions *options, NnrtDataset *out,
                      NnrtError *e)
{
    Images m = {.options = options ? *options : (NnrtImageOptions){0}};
    Names classes = {0};
    *out = (NnrtDataset){0};
    const bool ok = check_options(folder, &m.options, e) &&
                    list_folder(folder, true, &classes, e) &&
                    read_classes(&m, folder, &classes, e) && add_fields(&m, out, e) &&
                    name_classes(&m, &classes, out, e);
    names_free(&classes);
    free(m.pixels);
    free(m.labels);
    if (!ok)
        nnrt_dataset_free(out);
    return ok;
}
