// encoding.h -- whether bytes are what a program may be written in.

#ifndef NNC_ENCODING_H
#define NNC_ENCODING_H

#include "base/diag.h"

// True when the text is UTF-8 and holds no NUL or other control character but tabs and line ends
// (LF or CR LF), no byte order mark but a first one, and no character that reorders what a reader
// sees (Boucher & Anderson 2021, "Trojan Source"). The first offence is reported at its place when
// `diags` is not NULL; `base` is the position of text[0].
bool check_encoding(Diags *diags, const char *text, size_t size, uint32_t base);

// Bytes of the byte order mark that the text begins with: 3 or 0.
size_t byte_order_mark_size(const char *text, size_t size);

#endif
