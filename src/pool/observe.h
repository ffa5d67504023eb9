/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What a pool tells of its work: statistics, always on, and a trace of who did what when, on demand.

   Statistics cost nothing where a fork is not taken by another thread: they are counted where work changes hands, at waits, sleeps and
   wakes. A join whose second side its own thread ran, and a loop that ran alone, are therefore in no count.

   The trace is switched on by pkern_pool_config.trace or, where that is 0, by the environment variable PKERN_TRACE: the name of a file, in
   which %p stands for the process's number. The file is a JSON array of Chrome trace events; Perfetto (ui.perfetto.dev) and
   chrome://tracing open it. Each pool is a process in it and each of its slots a lane, with slices for stolen joins, jobs
   (scope tasks and spawns), loops and help at them, broadcasts, waits, sleeps and calls from outside, and instants for wakes and
   announced broadcasts; loops of 2 us and less leave none. Times are microseconds of the system's monotonic clock. A slot keeps its first PKERN_TRACE_EVENTS events;
   how many more there were stands at the end of its lane.
   The file is created with the pool and written by pkern_pool_destroy, by pkern_pool_global_shutdown, or at exit for pools that live
   until then; several pools of a process may name one file. Where it can't be created, the pool works and records
   nothing, and pkern_pool_stats.trace is PKERN_EIO. A forked child never writes its parent's file: what it inherits it leaves
   alone, and its own pools add a dot and its number to a name without %p. */
#ifndef PKN_POOL_OBSERVE_H
#define PKN_POOL_OBSERVE_H

#include "pool/pool.h"

PKERN_EXTERN_C_BEGIN

/* What one slot did (see pkern_worker_index), or all together. */
typedef struct pkern_slot_stats {
    uint64_t jobs;           /* scope tasks and spawns that it ran */
    uint64_t jobs_stolen;    /* of them: taken from another slot */
    uint64_t jobs_injected;  /* of them: spawned from outside the pool, and taken from its queue */
    uint64_t joins_stolen;   /* second sides of joins that it took from another slot */
    uint64_t steals_tried;   /* searches for work of others; a slot that spins searches all the time */
    uint64_t steals_failed;  /* of them: nothing was found */
    uint64_t spawns;         /* scope tasks and spawns that it offered */
    uint64_t loops_shared;   /* loops of its own that others could help with */
    uint64_t loops_helped;   /* loops of others in which it ran something */
    uint64_t units_helped;   /* the units it ran there: a loop is cut into units of about 100 ns or more */
    uint64_t broadcasts;     /* calls of a broadcast's function */
    uint64_t sleeps;         /* times it went to sleep */
    uint64_t wakes;          /* threads that it woke: 3 to 12 us of its time each */
    uint64_t busy_ns;        /* in work: jobs, stolen joins, broadcasts, help, its own shared loops */
    uint64_t idle_ns;        /* in waits that found nothing to do */
    uint64_t asleep_ns;      /* of them: asleep */
} pkern_slot_stats;

typedef struct pkern_pool_stats {
    pkern_slot_stats total;  /* the sums over all slots */
    double steal_ratio;      /* share of the searches that found something, 0 where there were none */
    int num_slots;           /* slots that exist so far, at most pkern_pool_num_slots */
    pkern_status trace;      /* PKERN_OK: recorded, or not asked for; PKERN_EIO: the file can't be written; PKERN_ENOMEM */
    uint64_t trace_events;   /* recorded so far */
    uint64_t trace_dropped;  /* for want of room or memory */
    uint64_t elapsed_ns;     /* since the pool was made or its statistics were reset */
} pkern_pool_stats;

/* What the pool did since it was made or reset: the sums to *stats, slot i's part to slots[i] for i < capacity and < num_slots; the rest
   of slots is not touched. Any time, from any thread; the pool goes on meanwhile. So each number is right for some
   moment during the call, but sums need not match: a job may be counted and its time not yet. What is not over is counted up
   to now. Times are exact to about a microsecond a wait. A guest's slot counts what it took, waits and its shared loops: code of
   its own, joins that nobody took from it and its part of a broadcast are its caller's time.
   slots may be 0 with capacity 0. Errors: PKERN_EINVAL (stats is 0, capacity < 0, or slots is 0 and capacity is not). */
PKERN_API pkern_status pkern_pool_get_stats(pkern_pool *pool, pkern_pool_stats *stats, pkern_slot_stats *slots, int capacity);

/* Counts from here on. Any time, from any thread; work in progress counts from now on, too. trace_events and trace_dropped
   stay. No errors. */
PKERN_API pkern_status pkern_pool_reset_stats(pkern_pool *pool);

PKERN_EXTERN_C_END

#endif
