// board.h -- what a program without an operating system asks of the machine it runs on.

#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>

void board_text(const char *text);

// Files of the computer that runs or debugs the board. -1: there is none.
int board_open(const char *path, bool write);
// False: there was less, or it could not be written.
bool board_read(int file, void *data, size_t bytes);
bool board_write(int file, const void *data, size_t bytes);

void board_exit(bool well) __attribute__((noreturn));

#endif
