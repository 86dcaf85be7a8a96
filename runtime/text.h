// text.h -- a text as examples of the next character.
//
// Characters are the code points of UTF-8 text. Those of the training text, sorted, are its
// alphabet, and the code of a character is its place there. Example i is the window that starts at
// character i * stride: "input" its `length` codes, "target" the codes one character further on, so
// that each position has the character that follows it.
//
//   "abcabca", length 3, stride 2  ->  abc | bca, cab | abc

#ifndef NNRT_TEXT_H
#define NNRT_TEXT_H

#include "dataset.h"

typedef struct NnrtAlphabet {
    uint32_t *characters;  // owned; code points, ascending
    int64_t count;
} NnrtAlphabet;

typedef struct NnrtTextOptions {
    int64_t length;            // of a window, >= 1
    int64_t stride;            // from window to window; 0: length, so that they do not overlap
    const NnrtAlphabet *like;  // of the training text, or NULL; other characters are an error
} NnrtTextOptions;

// Reads a file, or `size` bytes that messages call `file`, into fields "input" and "target",
// u8[length] (i32 when the alphabet has more than 256 characters), the target with the characters
// as its classes: space, backslash and control characters as \s, \\, \n, \t, \r, or \xHH.
// `alphabet` may be NULL; else it gets the text's, or a copy of `like`. Limits: 1 GiB of text,
// 2^32 - 1 windows, 16 GiB of windows.
bool nnrt_text_read(const char *file, const NnrtTextOptions *options, NnrtDataset *out,
                    NnrtAlphabet *alphabet, NnrtError *e);
bool nnrt_text_parse(const char *file, const char *text, size_t size,
                     const NnrtTextOptions *options, NnrtDataset *out, NnrtAlphabet *alphabet,
                     NnrtError *e);

// Characters of UTF-8 text as codes of an alphabet: codes, i32[size] (room for the longest). The
// count of them, or -1 with the error filled.
int64_t nnrt_text_encode(const char *file, const char *text, size_t size, const NnrtAlphabet *a,
                         int32_t *codes, NnrtError *e);

// The alphabet whose characters' names these classes are; false if they are none.
bool nnrt_alphabet_named(const char *const *names, int64_t count, NnrtAlphabet *a, NnrtError *e);

// A text of which nothing is known but itself: field "input" alone, windows one after the other, of
// which the last ends with the text.
bool nnrt_text_inputs(const char *file, int64_t length, const NnrtAlphabet *alphabet,
                      NnrtDataset *out, NnrtError *e);

void nnrt_alphabet_free(NnrtAlphabet *a);

// Windows on either side of a cut that share no character which is predicted: how many must be left
// out between them. stride > 0.
int64_t nnrt_text_gap(int64_t length, int64_t stride);

#endif
