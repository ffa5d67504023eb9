/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The scheduler's public interface: pools, joins, scopes, spawns, broadcasts, loops' options.

   Wherever a pool is asked for, 0 means the pool of the innermost pkern task or install that the calling thread is in, as worker
   or guest; outside of any, the global pool. A pool of T threads starts T - 1 of them; the calling thread, as a guest, is the
   T-th. A pool of 1 runs everything on the caller. Several threads may call at once: each is a guest. Callbacks return 0 to go on
   and anything else to fail; they must return normally (no longjmp, no C++ exception, no pthread_exit across pkern).
   A pthread_cancel of a thread that is inside a call waits for the call's end, unless a callback comes to a cancellation point,
   which is the same as pthread_exit across pkern; the pools' own threads can't be cancelled. From a signal handler only
   pkern_cancel_request may be called: any other call may find the thread in the middle of a call, and corrupts it.
   After fork() the child's calls on its parent's pools run serially. */
#ifndef PKN_POOL_POOL_H
#define PKN_POOL_POOL_H

#include "base/base.h"
#include "base/atomic.h"

PKERN_EXTERN_C_BEGIN

/* ---- cancel ---- */

/* A request to stop. Zero-initialised is ready; it may be asked by any number of calls at once. */
typedef struct pkern_cancel {
    pkn_atomic_u32 requested;
    pkn_atomic_u64 deadline_ns; /* 0 for none */
} pkern_cancel;

/* Asks the calls that watch this token to stop soon. Any thread or a signal handler; never blocks; may be repeated. */
PKERN_API void pkern_cancel_request(pkern_cancel *cancel);

/* Sets a deadline: from timeout_ns from now on the token is as if requested; below 0 takes the deadline away. Any thread or a signal
   handler; may be repeated. */
PKERN_API void pkern_cancel_after(pkern_cancel *cancel, int64_t timeout_ns);

/* 1 after a request or the deadline, 0 before; a null token was never requested. Reads the clock only where there is a deadline. */
PKERN_API int pkern_cancel_requested(const pkern_cancel *cancel);

/* Why: PKERN_ECANCELED after a request, PKERN_ETIMEDOUT after the deadline alone, else PKERN_OK. Calls that watch a token return
   PKERN_ECANCELED for either; who must tell them apart asks here. */
PKERN_API pkern_status pkern_cancel_status(const pkern_cancel *cancel);

/* ---- pools ---- */

typedef struct pkern_pool pkern_pool;

enum {
    PKERN_POOL_ALL_THREADS = 1, /* fewer threads than asked for is PKERN_ETHREAD instead of a smaller pool */
    PKERN_POOL_PIN = 2,         /* worker i stays on the (i + 1)-th usable CPU, where the system can do that, and takes work from workers
                                   with the same last cache first, then from those of the same memory node */
    PKERN_POOL_USE_CURRENT_THREAD = 4 /* the thread that makes the pool is its T-th for good, see pkern_pool_create */
};

/* A thread that a pool asks for, as pkern_pool_config.start_thread sees it; valid during that call. */
typedef struct pkern_thread_start {
    void (*run)(void *argument); /* to be called once, on the new thread; returns when the pool ends */
    void *argument;
    const char *name;            /* of at most 15 characters */
    size_t stack_size;           /* as in the config */
    int index;                   /* the thread's pkern_worker_index */
} pkern_thread_start;

/* All zero = the defaults. */
typedef struct pkern_pool_config {
    int num_threads;   /* 0: environment PKERN_NUM_THREADS, then macro PKERN_NUM_THREADS, then the usable CPUs */
    size_t stack_size; /* bytes of a worker's stack, 0 = the system's default, at least 1 MiB */
    const char *name;  /* prefix of the threads' names, 0 = "pkern" */
    int64_t spin_ns;   /* how long an idle worker spins before it sleeps, 0 = default (50 us), < 0 = not at all */
    void (*on_thread_start)(int index, void *user); /* on each of the pool's own threads, before its first task; not on guests */
    void (*on_thread_exit)(int index, void *user);  /* on each of the pool's own threads, after its last task */
    void *user;
    const pkern_allocator *allocator; /* 0 = malloc; copied, must serve until the pool is destroyed */
    unsigned flags;                   /* PKERN_POOL_* */
    void (*on_task_error)(int code, void *ctx, void *user); /* what a detached task returned, if not 0, and its ctx; on the thread
                                                               that ran it; 0: dropped */
    /* Both or neither: how the pool's threads are made and joined instead of by pthreads. start_thread makes a thread that calls
       start->run(start->argument), and must not wait for it nor call it itself; nonzero: there is no further thread, as where
       pthread_create fails. join_thread returns when that run has returned, so that no code of pkern runs after
       pkern_pool_destroy. Name, priority and signal mask are the handler's affair; PKERN_POOL_PIN is followed. Called by the
       thread that makes or ends the pool, for index 0, 1, ... in order; for a spare thread start_thread is called inside
       pkern_blocking, under a lock, and must not use the pool. */
    int (*start_thread)(const pkern_thread_start *start, void *user);
    void (*join_thread)(int index, void *user);
    const char *trace; /* file of a trace, see observe.h; 0 = environment PKERN_TRACE, "" = none; copied */
    int max_spares;    /* threads that may work in place of those inside pkern_blocking, 0 to 256 */
} pkern_pool_config;

/* Makes a pool. Usable CPUs are the smaller of the affinity mask and the cgroup's quota (v1 or v2). A bad value in the
   environment is ignored. Where threads can't be created the pool has those it got, at least the caller
   (pkern_pool_num_threads tells).
   With PKERN_POOL_USE_CURRENT_THREAD the calling thread stays in the pool, with index T - 1, as if all it does stood inside one
   pkern_pool_install: its calls that name no pool use this one, and start without an entry. It works only while it is inside
   a call, for its own calls' tasks; the hooks don't run on it; other threads are guests as ever. In a pool of 1 what it spawns
   runs inside pkern_spawn. It has to end the pool itself; if the thread ends before, the pool can't be ended any more.
   config: 0 = defaults. Errors: PKERN_EINVAL (pool is 0, num_threads < 0 or > PKERN_MAX_THREADS, half an allocator, half a pair of
   start_thread and join_thread, max_spares < 0 or > 256, unknown flag, PKERN_POOL_USE_CURRENT_THREAD on a thread that is in a pool already),
   PKERN_ENOMEM, PKERN_ETHREAD (only with PKERN_POOL_ALL_THREADS); *pool is then 0. Any thread. Allocates; starts T - 1 threads. */
PKERN_API pkern_status pkern_pool_create(const pkern_pool_config *config, pkern_pool **pool);

/* Finishes what was spawned, ends and joins the threads, frees everything. 0 is a no-op. Blocks; a caller inside another pool works there
   meanwhile, as in a wait. Errors: PKERN_EDEADLK from one of its own workers, from inside a call on it, or while another thread is in a call on it or stays
   in it by PKERN_POOL_USE_CURRENT_THREAD; nothing is done then. In a forked child it only frees. */
PKERN_API pkern_status pkern_pool_destroy(pkern_pool *pool);

/* The process's pool, made on first use with the defaults or pkern_pool_global_init's config. Never 0: where it can't be made, a
   pool that runs everything on the caller. */
PKERN_API pkern_pool *pkern_pool_global(void);

/* Returns when no job that was spawned detached into the pool (futures, spawned broadcasts, and what they spawn) is queued or running;
   timeout_ns below 0 = no limit. Jobs that are spawned meanwhile are waited for, too. A caller that alone could run them runs them; it
   works on what descends from its own call meanwhile, and may be late by one piece of that.
   Errors: PKERN_ETIMEDOUT; PKERN_EDEADLK from one of the pool's own workers, from inside a job of that kind, and from inside any task or
   piece that the calling thread took while it waited: one of the jobs may wait for it. Blocks. In a forked
   child nothing is left to wait for. */
PKERN_API pkern_status pkern_pool_wait_idle(pkern_pool *pool, int64_t timeout_ns);

/* Makes the global pool with this config. Errors: PKERN_EINVAL where it exists already, else as pkern_pool_create. */
PKERN_API pkern_status pkern_pool_global_init(const pkern_pool_config *config);

/* Destroys the global pool, so that leak checkers and dlclose see a clean end; the next use makes a new one. A no-op where there is
   none. The caller does no other work meanwhile. Errors: as pkern_pool_destroy. */
PKERN_API pkern_status pkern_pool_global_shutdown(void);

/* T: the pool's own threads plus one caller. */
PKERN_API int pkern_pool_num_threads(const pkern_pool *pool);

/* Bound of pkern_worker_index: arrays of per-thread state have this many elements. */
PKERN_API int pkern_pool_num_slots(const pkern_pool *pool);

/* The calling thread's slot in the pool: 0 .. T - 2 for its own threads, from T - 1 on for guests and spare threads, fixed while the thread is inside
   a call. -1 where the calling thread is neither. No two threads that are inside at once share an index. A task that waits inside
   (in a join, a scope, a loop) may run other tasks of the pool meanwhile, on the same index, but never another piece of a loop that
   it is a piece of: so state kept by index is safe in loop bodies, and in tasks that don't wait. */
PKERN_API int pkern_worker_index(const pkern_pool *pool);

/* ---- tasks ---- */

typedef int (*pkern_task_fn)(void *ctx);

/* fn(ctx) on the caller, as a guest of the pool: calls inside that name no pool use this one. Returns fn's result.
   A worker of another pool that waits inside, in any call on this pool, goes on running what comes to its own pool, as deep as that
   pool's stacks allow; so pools may call into each other. Source: Rayon's install. */
PKERN_API pkern_status pkern_pool_install(pkern_pool *pool, pkern_task_fn fn, void *ctx);

/* Equals { int x = a(a_ctx), y = b(b_ctx); return x ? x : y; } where b may run on another thread at the same time. Both sides always
   run. The caller runs a, then b unless a thread took it; while b runs elsewhere the caller works on what b spawned,
   then on other work of the pool. Where the last join with the same b at the same depth was short (some 4 us), and something else is on
   offer, both sides run here; joins inside of them are offered again when another thread has found no work for some time. Nests to any depth. No allocation but for the first joins of a new depth.
   Errors: PKERN_EINVAL (a or b is 0: nothing ran); PKERN_ECANCELED in a forked child whose b ran on a thread that is gone.
   Source: Blumofe et al., "Cilk", 1995; Rayon's join. */
PKN_INLINE pkern_status pkern_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);

/* migrated: 1 where the callback runs on another thread than the call. */
typedef int (*pkern_context_fn)(void *ctx, int migrated);

/* pkern_join, where the callbacks are told whether they run on another thread than the caller; a never does. So b learns that threads are
   idle, and may cut its work finer. Costs a place in the pool and two calls more than pkern_join. Errors: as pkern_join.
   Source: Rayon's join_context. */
PKERN_API pkern_status pkern_join_context(pkern_pool *pool, pkern_context_fn a, void *a_ctx, pkern_context_fn b, void *b_ctx);

/* What a thread does while it waits. */
enum {
    PKERN_WAIT_STEAL = 0, /* any work of the pool */
    PKERN_WAIT_OWN = 1,   /* only what descends from the call that it waits in */
    PKERN_WAIT_BLOCK = 2  /* nothing; as OWN where it is the last worker that doesn't block */
};

/* pkern_join where waits inside run no other work, so that the caller may hold a lock over the call that other tasks of the pool want, too.
   OWN: whoever waits in a, in b or in anything that they fork, on whatever thread, works only on what descends from this call.
   BLOCK: the same, but the caller's own wait for b runs nothing at all. (In either mode the caller runs b itself if no thread has begun it.)
   Inside, calls of this pool behave as ever but for broadcasts that are waited for, which are PKERN_EDEADLK, and urgent tasks, which are
   as others. (On other pools, too, what descends from this call must wait for no broadcast: threads that wait this way serve none.) Scopes begun inside have to be waited for inside; waits for futures, for idle and for a scope begun outside take anything. Calls on other pools aren't bound: what descends from there may wait
   for anything. The tasks of such calls go through one queue of the pool with a lock, so they should not be small; beyond
   about 30 calls inside each other on one thread waits help less. In a forked child tasks not begun are lost.
   Errors: as pkern_join; PKERN_EINVAL for another mode. Source: TBB's this_task_arena::isolate. */
PKERN_API pkern_status pkern_join_with(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx, int wait_mode);

/* 1 where the calling thread has queued something in the pool that no thread has taken yet (second sides of joins, tasks, detached
   spawns), 0 where not: a hint, old as soon as it is given, whether more should be offered. -1 where the calling thread is no worker
   or guest of the pool. Never blocks. Source: Rayon's current_thread_has_pending_tasks. */
PKERN_API int pkern_worker_has_pending_tasks(const pkern_pool *pool);

/* Runs fn(ctx) some time later on one of the pool's threads; what it returns goes to the config's on_task_error, if it is not 0;
   pkern_pool_destroy and pkern_pool_wait_idle wait for it. Order: none promised. Where only
   the caller could run it (a pool of 1): from outside fn runs inside this call, from a task before the outermost call returns.
   Errors: PKERN_EINVAL (fn is 0), PKERN_ENOMEM. */
PKERN_API pkern_status pkern_spawn(pkern_pool *pool, pkern_task_fn fn, void *ctx);

/* The same, where what one thread spawns this way into a pool starts in the order of its spawns. */
PKERN_API pkern_status pkern_spawn_fifo(pkern_pool *pool, pkern_task_fn fn, void *ctx);

/* The same, where every thread that looks for work takes urgent jobs before any other, the first spawned first. What runs goes on. For
   few and rare jobs: they pass through one queue of the pool. */
PKERN_API pkern_status pkern_spawn_urgent(pkern_pool *pool, pkern_task_fn fn, void *ctx);

/* fn(index, count, ctx) some time later once on each of the pool's own threads, count = T - 1 of them, as they come free; nobody waits
   but pkern_pool_destroy and pkern_pool_wait_idle. On a pool of 1 it runs inside this call, as (0, 1, ctx). What fn returns goes to
   on_task_error. Errors: PKERN_EINVAL (fn is 0), PKERN_ENOMEM. Allocates until it has run. Source: Rayon's spawn_broadcast. */
PKERN_API pkern_status pkern_spawn_broadcast(pkern_pool *pool, int (*fn)(int index, int count, void *ctx), void *ctx);

enum { PKERN_YIELD_OUTSIDE = -1, PKERN_YIELD_IDLE = 0, PKERN_YIELD_EXECUTED = 1 };

/* Runs one piece of the pool's work, if there is one that the caller may take now: PKERN_YIELD_EXECUTED, else PKERN_YIELD_IDLE. To be
   called in loops that wait for something inside a task. PKERN_YIELD_OUTSIDE where the calling thread is not inside the pool
   (0: inside any). A piece runs on the caller's stack; deep inside nested pieces none is taken, so a loop of yields can't overflow
   it. Never blocks. Source: Rayon's yield_now. */
PKERN_API int pkern_yield_now(pkern_pool *pool);

/* The same, of the calling thread's own broadcasts and spawned jobs only. Source: Rayon's yield_local. */
PKERN_API int pkern_yield_local(pkern_pool *pool);

/* fn(index, count, ctx) once on each of the pool's threads and once on a caller that is a guest, all at once as they come free.
   count is T when called from outside, T - 1 from a worker; a guest has index count - 1, a worker its own. A busy worker runs it
   at its next wait or at the end of its task. Blocks until all have run. Returns the lowest index's failure.
   Errors: PKERN_EINVAL (fn is 0). No allocation. */
PKERN_API pkern_status pkern_broadcast(pkern_pool *pool, int (*fn)(int index, int count, void *ctx), void *ctx);

/* fn(ctx) on the caller, which may wait in it for what isn't the pool's: input, a lock, another process. Meanwhile a spare thread works in the
   caller's place (and in the place of the pool's own thread that the caller is, where that is another pool), as long as there are no
   more than the config's max_spares. It is made when first needed, and kept; when fn returns the caller goes on at once, and the spare
   rests after the piece of work that it is in. Spares run joins, tasks and spawned jobs, each with an index of its own behind the workers';
   they take no part in broadcasts, which wait for a worker that is in fn, and in loops of others; the hooks run on them,
   PKERN_POOL_PIN does not bind them. Inside fn the pool may be used as ever. Costs two locks, where a spare rests a wake. On a pool of 1,
   outside of the pool, inside another call of it, and where no spare can be had, it only calls fn.
   Returns fn's result. Errors: PKERN_EINVAL (fn is 0). Allocates for a new spare. Source: Go's system calls; Java's
   ForkJoinPool.ManagedBlocker. */
PKERN_API pkern_status pkern_blocking(pkern_pool *pool, pkern_task_fn fn, void *ctx);

/* ---- scopes ---- */

/* A set of tasks that is waited for as a whole. It lives on the caller's stack between begin and wait; its fields are pkern's. */
typedef struct pkern_scope {
    pkern_pool *pool;
    void *member;               /* the slot of the thread that began it, 0 where spawns run at once */
    pkn_atomic_size pending;    /* tasks that have not finished */
    pkn_atomic_u32 spawned;     /* number of the next spawn */
    uint32_t state;             /* open, waited for */
    int wait_mode;
    uint32_t root;              /* of its tasks */
    pkn_atomic_u64 failure;     /* spawn number and code of the lowest failure, all ones for none */
    int is_fifo;
    pkn_atomic_ptr fifos;       /* is_fifo: the queues of the threads that spawned */
    const void *thread;         /* that began it */
    const pkern_cancel *cancel;
} pkern_scope;

/* Starts a scope; each begin needs its pkern_scope_wait, on the same thread. Errors: PKERN_EINVAL (scope is 0). */
PKERN_API pkern_status pkern_scope_begin(pkern_scope *scope, pkern_pool *pool);

/* The same, where tasks that one thread spawns into the scope start in the order of their spawns; between those of different threads
   no order is promised. (A spawn for which there is no memory runs at once, before what waits.) Allocates on the pool's
   allocator, for each thread that spawns; freed by pkern_scope_wait. Source: Rayon's scope_fifo. */
PKERN_API pkern_status pkern_scope_begin_fifo(pkern_scope *scope, pkern_pool *pool);

/* pkern_scope_begin where pkern_scope_wait and the scope's tasks wait as in pkern_join_with, so that a lock may be held over
   pkern_scope_wait: OWN works on the scope's tasks and what descends from them; BLOCK on nothing, so other threads must come to run them
   (on a pool of 1 it is OWN). Between begin and wait the calling thread is free. Tasks start in spawn order.
   Errors: PKERN_EINVAL (scope is 0, another mode). */
PKERN_API pkern_status pkern_scope_begin_with(pkern_scope *scope, pkern_pool *pool, int wait_mode);

/* Equals fn(ctx), any time before pkern_scope_wait returns, on any thread. From the thread that began the scope or from any task of
   it. Order: none promised but in a FIFO scope (a thread's own last spawn tends to run first on it). Where there is no memory to queue it, fn runs
   inside this call. Errors: PKERN_EINVAL (scope or fn is 0, or the scope was waited for). */
PKERN_API pkern_status pkern_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx);

/* The same, where every thread that looks for work takes urgent tasks before any other; see pkern_spawn_urgent. In a forked child an
   urgent task that had not begun is lost. */
PKERN_API pkern_status pkern_scope_spawn_urgent(pkern_scope *scope, pkern_task_fn fn, void *ctx);

/* A task of the scope that runs as pkern_spawn_broadcast's; its failure is that of its lowest index.
   Errors: PKERN_EINVAL (scope or fn is 0, or the scope was waited for), PKERN_EDEADLK (the scope was begun by or inside a call in mode
   OWN or BLOCK), PKERN_ENOMEM. Allocates until it has run. */
PKERN_API pkern_status pkern_scope_spawn_broadcast(pkern_scope *scope, int (*fn)(int index, int count, void *ctx), void *ctx);

/* Tasks that have not begun when the token is requested, or its deadline passes, are skipped: each counts as one that failed with
   PKERN_ECANCELED. Tasks that run may ask the token themselves. To be called before the first spawn; 0 = none.
   Errors: PKERN_EINVAL (scope is 0 or was waited for). */
PKERN_API pkern_status pkern_scope_set_cancel(pkern_scope *scope, const pkern_cancel *cancel);

/* Returns when every task of the scope has finished, those too that tasks spawned; works on them meanwhile. The status is the failure
   with the lowest spawn number (the first spawned, where one thread spawns). The scope can be begun again afterwards.
   Errors: PKERN_EINVAL (scope is 0, was waited for already, or was begun by another thread: nothing is done),
   PKERN_ECANCELED in a forked child whose tasks were on threads that are gone. */
PKERN_API pkern_status pkern_scope_wait(pkern_scope *scope);

/* ---- futures ---- */

/* A spawned task with a handle. In the caller's memory, which must stay until it is done; its fields are pkern's. */
typedef struct pkern_future {
    pkern_scope task;
} pkern_future;

/* Starts fn(ctx) as pkern_spawn does; its result waits in the future. Where there is no memory to queue it, fn runs inside this call. A
   future that is done and that nobody waits for may be used again. Errors: PKERN_EINVAL (future or fn is 0). */
PKERN_API pkern_status pkern_future_spawn(pkern_future *future, pkern_pool *pool, pkern_task_fn fn, void *ctx);

/* 1 where the task has ended (what it did is visible then), else 0. Any thread; never blocks. */
PKERN_API int pkern_future_is_done(const pkern_future *future);

/* Returns what fn returned, once it has. From inside the pool the caller works on other tasks meanwhile; from outside it runs the
   task itself where nobody has begun it, else sleeps. Any threads, several at once, more than once; not from inside the task itself.
   Errors: PKERN_EINVAL (future is 0, or zero: never spawned), PKERN_ECANCELED in a forked child whose task was on a
   thread that is gone. */
PKERN_API pkern_status pkern_future_wait(pkern_future *future);

/* The same for timeout_ns at most (below 0: no limit); then PKERN_ETIMEDOUT, and the task goes on. From outside it only sleeps, so that it
   is in time; from inside of pkern's calls it may be late by the task that it works on. */
PKERN_API pkern_status pkern_future_wait_for(pkern_future *future, int64_t timeout_ns);

/* ---- loops ---- */

/* How a parallel loop runs. 0 or all zero = the defaults. */
typedef struct pkern_par_options {
    size_t min_len, max_len; /* bounds of one piece, in items (the last may be shorter); 0 = none; min_len > max_len is
                                PKERN_EINVAL unless max_len is 0 */
    double item_cost_ns;     /* a hint, 0 = unknown: found out while running */
    pkern_cancel *cancel;    /* asked before every piece; then the call returns PKERN_ECANCELED */
    int (*progress)(size_t done, size_t total, void *user); /* in items; serialized; at most every 10 ms and once at the end;
                                                               nonzero cancels */
    void *progress_user;
    unsigned flags; /* 0 */
} pkern_par_options;

/* One piece [begin, end) of a loop. */
typedef int (*pkern_range_fn)(size_t begin, size_t end, void *ctx);

PKERN_EXTERN_C_END

#endif
