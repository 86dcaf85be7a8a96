// options.h -- the command line: one table drives parsing, --help and the guess after a typo.

#ifndef NNC_OPTIONS_H
#define NNC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

typedef enum ExitCode {
    EXIT_DONE = 0,
    EXIT_PROGRAM = 1,  // the program, its data, a file or the training is wrong
    EXIT_USAGE = 2,    // the command line is wrong
    EXIT_BUG = 70,     // nnc's own fault
    EXIT_SIGNAL = 128  // plus the signal's number, with the state saved
} ExitCode;

typedef enum Command {
    COMMAND_SUMMARY,
    COMMAND_TRAIN,
    COMMAND_EVAL,
    COMMAND_PREDICT,
    COMMAND_EMIT,
    COMMAND_EMIT_C,
    COMMAND_VERIFY,
    COMMAND_CHECK_GRADIENTS,
    COMMAND_DOC,
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_COUNT
} Command;

typedef struct TextList {
    const char **items;
    int count, capacity;
} TextList;

typedef struct Options {
    Command command;
    const char *chosen;    // the option that chose it, NULL: none
    uint64_t given;        // which options there were, a bit for each row of the table
    const char *argument;  // of --predict, --emit, --doc
    const char *file;      // MODEL.nn
    const char *weights;
    const char *output;  // -o
    const char *log;
    const char *format;  // "csv" or "json"
    const char *engine;  // NULL: the default
    bool no_cache;
    const char *color;      // "auto", "always", "never"
    const char *quantize;   // "int8"; NULL: f32
    const char *calibrate;  // a method's name; NULL: not said
    const char *target;     // of --emit obj and asm; NULL: this machine
    const char *cpu;        // NULL: the target's default
    const char *dump;
    const char *stop_after;
    int64_t seed;        // -1: as the file says
    int64_t threads;     // 0: as many as there are cores
    int64_t save_every;  // seconds; -1: not said
    int64_t examples;    // of --verify; 0: not said
    bool with_training;  // --emit-c
    bool time_passes;
    bool quiet;
    bool verbose;
    TextList sets;
    TextList include_dirs;
    TextList warn;
    TextList no_warn;
} Options;

// Fills *o. False when the command line is wrong, after saying so on stderr.
bool options_parse(Options *o, Arena *a, int argc, char **argv);

void options_help(FILE *out);

// Whether --emit makes an object, or its assembly: for a machine rather than to be looked at.
bool emits_object(const Options *o);

#endif
