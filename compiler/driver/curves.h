// curves.h -- the training and validation loss by epoch, drawn in braille: two by four dots a cell.

#ifndef NNC_CURVES_H
#define NNC_CURVES_H

#include "base/arena.h"
#include "driver/terminal.h"

typedef struct Curve {
    const char *name;      // beside its end
    const double *values;  // [count]; NAN: no point
    Style style;
} Curve;

// Draws up to two curves of `count` >= 2 points over epochs 1 .. count. The axis is logarithmic
// where the values span more than a factor of twenty. Draws nothing when no two points are finite.
void curves_print(const Terminal *t, Arena *a, const char *title, const Curve *curves,
                  int curve_count, int count);

#endif
