// board_stdio.c -- board.h where there is a C library with files.

#include <stdio.h>
#include <stdlib.h>

#include "board.h"

static FILE *files[8];
static int count;

void board_text(const char *text)
{
    fputs(text, stdout);
}

int board_open(const char *path, bool write)
{
    files[count] = fopen(path, write ? "wb" : "rb");
    return files[count] ? count++ : -1;
}

bool board_read(int file, void *data, size_t bytes)
{
    return fread(data, bytes, 1, files[file]) == 1;
}

bool board_write(int file, const void *data, size_t bytes)
{
    return fwrite(data, bytes, 1, files[file]) == 1;
}

// Small C libraries do not know which files are open.
void board_exit(bool well)
{
    while (count > 0)
        well &= fclose(files[--count]) == 0;
    exit(well ? 0 : 1);
}
