// peak.c -- how many floating-point operations a second the processor is capable of: fused
// multiply-adds of its widest vectors, registers only. The yardstick in bench/compare.py.
//
//   bench_peak THREADS
//
// says how many operations a step has, then for every line "N" runs N steps on each of so many
// threads and prints the seconds that the slowest took.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined __AVX512F__
enum { WIDTH = 16 };
#elif defined __AVX__
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif

#if defined __x86_64__
#define VECTOR_REGISTER "v"
#else
#define VECTOR_REGISTER "w"  // ARM's
#endif

// More chains than two units with a latency of 4 to 5 cycles can have under way, and no more than
// 16 registers hold beside the two factors.
enum { CHAINS = 12, TURNS = 100000, MAX_THREADS = 256 };

typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float))));

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// x <- a x + b in each chain: 2 WIDTH CHAINS TURNS operations. It converges to 1: no infinities, no
// denormal numbers. The chains are variables of their own, as an array would live in memory; the
// empty statements keep the compiler from computing turns ahead.
#define EACH_CHAIN(DO) \
    DO(x0) DO(x1) DO(x2) DO(x3) DO(x4) DO(x5) DO(x6) DO(x7) DO(x8) DO(x9) DO(x10) DO(x11)
#define BEGIN(x) Vector x = {0};
#define KEEP(x) __asm__ volatile("" : "+" VECTOR_REGISTER(x));
#define TURN(x) x = x * a + b;
#define ADD(x) sum += x;

static float work(void)
{
    const Vector a = 0.5f + (Vector){0};
    const Vector b = 0.5f + (Vector){0};
    Vector sum = {0};
    EACH_CHAIN(BEGIN)
    for (int i = 0; i < TURNS; i++) {
        EACH_CHAIN(KEEP)
        EACH_CHAIN(TURN)
    }
    EACH_CHAIN(ADD)
    return sum[0];
}

typedef struct Worker {
    pthread_t thread;
    pthread_barrier_t *start;
    long steps;
    double took;
    float result;
} Worker;

static void *run(void *arg)
{
    Worker *w = arg;
    pthread_barrier_wait(w->start);
    const double start = seconds();
    for (long i = 0; i < w->steps; i++)
        w->result += work();
    w->took = seconds() - start;
    return NULL;
}

static double run_all(int threads, long steps)
{
    Worker workers[MAX_THREADS] = {0};
    pthread_barrier_t start;
    double slowest = 0;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        workers[i].start = &start;
        workers[i].steps = steps;
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
            abort();
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        slowest = workers[i].took > slowest ? workers[i].took : slowest;
    }
    pthread_barrier_destroy(&start);
    return slowest;
}

int main(int argc, char **argv)
{
    const int threads = argc == 2 ? atoi(argv[1]) : 0;
    long steps;
    if (threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: bench_peak THREADS\n");
        return 2;
    }
    printf("{\"flop\": %.0f}\n", 2.0 * WIDTH * CHAINS * TURNS * threads);
    fflush(stdout);
    while (scanf("%ld", &steps) == 1) {
        printf("%.9f 0\n", run_all(threads, steps));
        fflush(stdout);
    }
    return 0;
}
