// What measure.c needs of where it runs.
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void print(const char *text);
void start_counting(void);
uint64_t counted(void);  // instructions since then
void paint_stack(void);
uint32_t stack_used(void);

#endif
