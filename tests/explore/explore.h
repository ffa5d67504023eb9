/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The explorer's interface: what a scenario says, and what the library's shadowed base calls. See docs/explorer.md. */
#ifndef PKN_EXPLORE_H
#define PKN_EXPLORE_H

#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_THREADS = 6 };

/* How to look at a scenario. */
enum {
    EXPLORE_ALL = 0,    /* every execution, up to equivalent ones (sleep sets) */
    EXPLORE_BOUNDED,    /* every execution with few preemptions and few old values read */
    EXPLORE_RANDOM      /* random priorities, random values */
};

typedef struct explore_scenario {
    const char *name;
    void (*setup)(void); /* before the threads start, or 0 */
    void (*thread[EXPLORE_THREADS])(void);
    void (*check)(void); /* after all have ended, or 0 */
    int how;
    int preemptions, stale; /* EXPLORE_BOUNDED: at most so many */
    int weight;             /* share of the executions that a run may have, 0 = 1 */
    const char *finds;      /* a planted bug: what the failure's text must contain */
    uint64_t seen, not_seen; /* litmus: outcomes (bits) that must and must not be seen */
} explore_scenario;

/* ---- for scenarios ---- */

/* Memory of the model, zero, new in each execution. Only what lies there, or on the threads' stacks, is modelled. */
void *explore_new(size_t bytes);

/* Ends the execution and reports it. */
void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define EXPLORE_ASSERT(condition) \
    ((condition) ? (void)0 : explore_fail("%s:%d: %s does not hold", __FILE__, __LINE__, #condition))

/* Accesses to plain memory that the compiler doesn't show (scenarios are compiled with -fsanitize=thread, which shows most). */
void explore_plain_read(const void *address, size_t bytes);
void explore_plain_write(const void *address, size_t bytes);

/* From here on the memory is nobody's: another thread's access is a failure. */
void explore_poison(void *address, size_t bytes);

/* Which of [0, count) happens: all are explored. */
int explore_choose(int count);

/* Litmus: this execution ended in outcome number `bit`. */
void explore_outcome(int bit);

/* The running thread's number. */
int explore_self(void);

/* Looks for work after which a thread that finds none may sleep; 2 at the start. With 1 there is no moment in between at which
   other threads go on for certain. */
extern int explore_polls_before_sleep;

/* What pkn_ticks and pkn_now_ns add to the calling thread's clock at each look; 1 at the start. */
void explore_tick_step(uint64_t step);

/* Fails the allocations after the next `count`; -1: none. */
void explore_fail_allocations_after(int count);

/* A name for the trace of a replay. */
void explore_name(const void *address, const char *name);

/* ---- for the shadow of src/base ---- */

uint64_t explore_load(const void *address, unsigned size, int order);
void explore_store(void *address, unsigned size, uint64_t value, int order);
enum { EXPLORE_ADD, EXPLORE_SUB, EXPLORE_AND, EXPLORE_OR, EXPLORE_EXCHANGE };
uint64_t explore_rmw(void *address, unsigned size, int operation, uint64_t operand, int order);
int explore_cas(void *address, unsigned size, void *expected, uint64_t desired, int success, int failure);
void explore_fence(int order);
void explore_barrier(void); /* a seq_cst fence in every thread, at one moment */
void explore_relax(void);
long explore_syscall(long number, ...);

typedef struct explore_mutex {
    uint32_t taken, message, execution;
} explore_mutex;
void explore_lock(explore_mutex *mutex);
void explore_unlock(explore_mutex *mutex);

int explore_thread_create(int *thread, void *(*run)(void *), void *argument);
void explore_thread_join(int thread);
uint64_t explore_ticks(void);
void *explore_allocate(size_t bytes, size_t alignment);
void explore_release(void *memory, size_t bytes);

/* The place in the library that is weakened, 0: none; see mutants.sh. */
extern int explore_mutant;

/* The tables that the driver runs. */
extern const explore_scenario *const explore_litmus, *const explore_planted, *const explore_scenarios;

#endif
