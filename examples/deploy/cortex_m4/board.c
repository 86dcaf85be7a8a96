// board.c -- a Cortex-M4 with FPU from reset to main(), and semihosting: what the program asks for
// at BKPT 0xAB is done by the debugger, or by QEMU.
//
// For a board of your own replace mps2-an386.ld by its memory, and board_text by its UART.

#include "board.h"

#include <stdint.h>

extern uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end;
int main(void);
void reset(void);

// --- from reset to main -------------------------------------------------------------------------

static void enable_fpu(void)
{
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xE000ED88u;
    *cpacr |= 0xFu << 20;
    __asm volatile("dsb\n\tisb" ::: "memory");
}

void reset(void)
{
    enable_fpu();
    const uint32_t *from = &data_load;
    for (uint32_t *to = &data_start; to < &data_end; to++)
        *to = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end; to++)
        *to = 0;
    board_exit(main() == 0);
}

static void fault(void)
{
    board_text("fault\n");
    board_exit(false);
}

typedef void Handler(void);

// The stack, then reset, NMI, hard fault and the faults that it stands for.
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    Handler *handlers[6];
} vectors = {&stack_top, {reset, fault, fault, fault, fault, fault}};

// --- semihosting --------------------------------------------------------------------------------

enum { SYS_OPEN = 1, SYS_WRITE0 = 4, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT = 0x18 };

static int32_t semihost(int32_t what, const void *about)
{
    register int32_t r0 __asm("r0") = what;
    register const void *r1 __asm("r1") = about;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_text(const char *text)
{
    semihost(SYS_WRITE0, text);
}

static uint32_t length(const char *text)
{
    uint32_t n = 0;
    while (text[n])
        n++;
    return n;
}

int board_open(const char *path, bool write)
{
    const uint32_t about[3] = {(uint32_t)(uintptr_t)path, write ? 5 : 1, length(path)};
    return (int)semihost(SYS_OPEN, about);
}

// Both say how much is left undone.
bool board_read(int file, void *data, size_t bytes)
{
    const uint32_t about[3] = {(uint32_t)file, (uint32_t)(uintptr_t)data, bytes};
    return semihost(SYS_READ, about) == 0;
}

bool board_write(int file, const void *data, size_t bytes)
{
    const uint32_t about[3] = {(uint32_t)file, (uint32_t)(uintptr_t)data, bytes};
    return semihost(SYS_WRITE, about) == 0;
}

void board_exit(bool well)
{
    semihost(SYS_EXIT, (const void *)(uintptr_t)(well ? 0x20026u : 0x20023u));
    for (;;)
        ;
}
