// alloc.h -- memory whose size comes from the user.
//
// Every allocation of the runtime passes here: the product is checked, running out is an error and
// not a crash, and a test can make the nth allocation fail.

#ifndef NNRT_ALLOC_H
#define NNRT_ALLOC_H

#include "error.h"

// Zeroed memory for `count` elements of `size` bytes (one byte when that is none), to be given back
// with free(). NULL with the error filled when the product overflows or memory is out.
void *nnrt_alloc(size_t count, size_t size, NnrtError *e);

// `old` grown (or shrunk) to `count` elements; what is new is not zeroed. NULL with the error
// filled on failure; `old` is then still the caller's.
void *nnrt_resize(void *old, size_t count, size_t size, NnrtError *e);

// Memory for what kernels compute with, its content undefined: aligned to cache lines, and large
// memory on large pages of its own, which are few to touch at first, and whose lines do not get in
// each other's way in a cache that goes by physical addresses. NULL when memory is out.
void *nnrt_alloc_operands(size_t bytes);

// A NUL-terminated copy of `size` bytes.
char *nnrt_copy_text(const char *text, size_t size, NnrtError *e);

// Makes the nth allocation from now on fail (1: the next), once; 0 turns it off. Process-wide: a
// test cannot know which function allocates.
void nnrt_alloc_fail_after(long n);

#endif
