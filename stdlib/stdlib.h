// stdlib.h -- the text of the library's .nn files, embedded at build time. Include as
// "stdlib/stdlib.h".

#ifndef NNC_STDLIB_H
#define NNC_STDLIB_H

#include <stddef.h>

typedef struct StdlibFile {
    const char *name;  // "layers.nn"
    const char *text;  // ends with a NUL that `size` does not count
    size_t size;
} StdlibFile;

extern const StdlibFile stdlib_files[];  // in reading order
extern const size_t stdlib_file_count;

#endif
