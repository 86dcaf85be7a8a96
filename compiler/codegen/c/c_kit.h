// c_kit.h -- functions on i8 that all kernels of a header share (inside codegen/c only).
//
// Each is written for several processors; the compiler of the header picks by what it says that it
// compiles for. All make the same bits. They ask for weights in blocks (c_layout.c), and for the
// windows of NAME_ROWS results at a time, spread out as the processor likes them:
//
//   NAME_wide        an element of a window
//   NAME_ROOM(n)     elements of all windows at once, of n each
//   NAME_START(n)    from the window of a row to that of the next, of n elements each
//   NAME_SPREAD      how far apart two fours of a window are, in fours
//
//   KIT_WIDEN        n elements, a multiple of four, become part of a window; so many equal ones
//   KIT_TILE         the results of NAME_ROWS rows, or fewer, from their windows
//   KIT_LINE         those of one row, from the bytes
//   KIT_CHANNELS     as many channels of a depthwise result as come in vectors
//   KIT_FINISH       what these need

#ifndef NNC_C_KIT_H
#define NNC_C_KIT_H

#include "codegen/c/c_writer.h"

typedef enum KitPart { KIT_FINISH, KIT_WIDEN, KIT_TILE, KIT_LINE, KIT_CHANNELS, KIT_COUNT } KitPart;

extern const char *const c_kit_dsp[KIT_COUNT];
extern const char *const c_kit_avx2[KIT_COUNT];
extern const char *const c_kit_sse2[KIT_COUNT];
extern const char *const c_kit_neon[KIT_COUNT];
extern const char *const c_kit_plain[KIT_COUNT];

// What a block of the weights has of each.
enum { KIT_COLUMNS = 4, KIT_DEPTH = 4 };

// Text that is the same for all processors.
extern const char c_kit_window[], c_kit_bytes[], c_kit_depthwise[], c_kit_high[], c_kit_code[];

// A part, for each processor.
void c_kit_print(CWriter *w, KitPart part);
// Before extern "C", and at the end.
void c_kit_macros(CWriter *w);
void c_kit_forget(CWriter *w);

#endif
