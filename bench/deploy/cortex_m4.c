// What a Cortex-M4 does before main and what measure.c asks of it: semihosting prints, SysTick
// counts. With `-icount shift=0` QEMU takes a nanosecond per instruction, so that each of SysTick's
// ticks, 25 million a second, is 40 instructions.
#include "board.h"

#include <stdint.h>

extern uint32_t data_start[], data_end[], data_image[], bss_start[], bss_end[], end[], stack_top[];
int main(void);

static volatile uint32_t *const systick =
    (volatile uint32_t *)0xE000E010;  // control, reload, count
static volatile uint32_t *const coprocessors = (volatile uint32_t *)0xE000ED88;
enum { PAINT = 0x5AA55AA5, STACK = 64 * 1024, INSTRUCTIONS_PER_TICK = 40 };

static int ask(int what, const void *argument)
{
    register int r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *text)
{
    ask(0x04, text);
}

static uint32_t first;

void start_counting(void)
{
    systick[1] = 0xFFFFFF;
    systick[2] = 0;
    systick[0] = 5;
    while ((first = systick[2]) == 0)  // it takes a tick until it has begun
        ;
}

uint64_t counted(void)
{
    return (uint64_t)(first - systick[2]) * INSTRUCTIONS_PER_TICK;
}

static uint32_t *stack_end(void)
{
    return stack_top - STACK / 4;
}

void paint_stack(void)
{
    uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *word = stack_end(); word < here - 16; word++)
        *word = PAINT;
}

uint32_t stack_used(void)
{
    const uint32_t *word = stack_end();
    while (*word == PAINT)
        word++;
    return (uint32_t)(stack_top - word) * 4;
}

void reset(void)
{
    *coprocessors |= 0xFu << 20;  // the floating point unit
    __asm__ volatile("dsb\n isb");
    for (uint32_t *to = data_start, *from = data_image; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    main();
    ask(0x18, (const void *)0x20026);  // the application has ended
    for (;;)
        ;
}

static void fault(void)
{
    print("fault\n");
    ask(0x18, (const void *)0x20024);
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top,     (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault,
};
