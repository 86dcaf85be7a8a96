// verify_program.h -- a header made a program, by this machine's compiler: it reads examples and
// writes what the header makes of them.

#ifndef NNC_VERIFY_PROGRAM_H
#define NNC_VERIFY_PROGRAM_H

#include "driver/deploy.h"
#include "file.h"

enum { MOST_COMPILER_WORDS = 32 };

typedef struct VerifyProgram {
    Job *job;
    const Graph *graph;  // what the header computes
    const CHeader *header;
    int64_t examples;
    bool traced;  // the first example's values come before its outputs

    const char *compiler[MOST_COMPILER_WORDS];  // the words of CC
    int word_count;
    bool plus_plus;      // it is one of C++
    const char *folder;  // of the files below
    const char *source, *model, *program, *inputs, *outputs;
} VerifyProgram;

// All false after having said what went wrong.

// The folder and its files' names.
bool verify_program_begin(VerifyProgram *p);
// Writes and compiles it; the inputs are the caller's to write.
bool verify_program_build(VerifyProgram *p);
bool verify_program_run(const VerifyProgram *p, NnrtBytes *results);
// Removes the folder; also of one that has not begun.
void verify_program_end(const VerifyProgram *p);

#endif
