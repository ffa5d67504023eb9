/* GENERATED from src/pkern.in.h, do not edit: change the files under src/, then run
   `make headers`.  vi: set readonly: -*- mode: c; buffer-read-only: t -*- */
#if defined(PKERN_SOURCE_ID) && PKERN_SOURCE_ID != 0x9c47967b83226da1u
#error "two different versions of pkern in one translation unit"
#endif
#undef PKERN_SOURCE_ID
#define PKERN_SOURCE_ID 0x9c47967b83226da1u /* a hash of the sources */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern: parallel work in C from one header.

   Do this:
       #define PKERN_IMPLEMENTATION
       #include "pkern.h"
   in exactly one C or C++ file, and plainly #include "pkern.h" wherever else it is used.
   Build with -O2 -pthread; nothing else is needed.

   Example, squares of a million numbers on all cores:

       #define PKERN_IMPLEMENTATION
       #include "pkern.h"
       #include <stdio.h>

       static int square(size_t begin, size_t end, void *ctx) {
           double *x = (double *)ctx;
           for (size_t i = begin; i < end; i++) x[i] = (double)i * (double)i;
           return 0;
       }

       int main(void) {
           static double x[1000000];
           pkern_status status = pkern_par_for(0, 0, 1000000, 0, square, x);
           if (status) return 1;
           printf("%.0f\n", x[999]);
           return 0;
       }

   Options, defined before the include and the same in every file of a program:
       PKERN_IMPLEMENTATION   this file holds the code
       PKERN_STATIC           all functions are static in this file, with the code; for a library
                              that must not collide with another copy of pkern
       PKERN_NO_THREADS       everything runs on the calling thread; needs no pthreads
       PKERN_NO_HDC           leaves the hypervectors out
       PKERN_NO_POSIX_FILES   files are read instead of mapped, and saved without waiting for the disk
       PKERN_NUM_THREADS      the number of threads where neither config nor environment names one;
                              0, the default, is the CPUs that this process may use
       PKERN_DEBUG            1 checks the library's own assumptions while it runs

   Threads: every function may be called from any thread at any time unless its comment says
   otherwise. A pool argument of 0 is the pool of the task that is running, else the global one.

   Errors: functions return a pkern_status, 0 for success. Nothing prints, aborts or sets errno.
   PKERN_EINVAL and PKERN_EOVERFLOW mean that nothing was done. */

/* Public headers, one a layer; a layer only uses those above it. */
/* ==== src/base/base.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What every layer's public header shares: version, status, allocator. */
#ifndef PKN_BASE_BASE_H
#define PKN_BASE_BASE_H

/* ==== src/base/version.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The version of the sources. Two different copies of pkern in one translation unit are refused. */
#ifndef PKN_BASE_VERSION_H
#define PKN_BASE_VERSION_H

#define PKERN_VERSION_MAJOR 0
#define PKERN_VERSION_MINOR 1
#define PKERN_VERSION_PATCH 0
#define PKERN_VERSION "0.1.0"

#endif
/* ==== src/base/base.h, continued ==== */
/* ==== src/base/config.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Every option that a user may define before including pkern, with its default and what it costs. No other file reads an
   undefined option, and no option changes a public type. */
#ifndef PKN_BASE_CONFIG_H
#define PKN_BASE_CONFIG_H

/* PKERN_STATIC: all functions are static, so several libraries may carry a copy each; implies the implementation. */
#ifdef PKERN_STATIC
#ifndef PKERN_IMPLEMENTATION
#define PKERN_IMPLEMENTATION
#endif
#endif

#ifdef PKERN_IMPLEMENTATION
#ifndef PKERN_POOL_IMPLEMENTATION
#define PKERN_POOL_IMPLEMENTATION
#endif
#ifndef PKERN_SIMD_IMPLEMENTATION
#define PKERN_SIMD_IMPLEMENTATION
#endif
#endif

/* PKERN_NUM_THREADS: threads of a pool whose config and environment name no number; 0 = the usable CPUs. */
#ifndef PKERN_NUM_THREADS
#define PKERN_NUM_THREADS 0
#endif

/* PKERN_MAX_THREADS: bound of a pool's threads; costs 8 bytes each. */
#ifndef PKERN_MAX_THREADS
#define PKERN_MAX_THREADS 1024
#endif

/* PKERN_MAX_GUESTS: how many outside threads can work in one pool at once; a further one runs its calls serially. */
#ifndef PKERN_MAX_GUESTS
#define PKERN_MAX_GUESTS 32
#endif

/* The scheduler's words hold a member's index and its call's in 16 bits each, with a few values beside them. */
#if PKERN_MAX_THREADS < 1 || PKERN_MAX_GUESTS < 1 || PKERN_MAX_THREADS + PKERN_MAX_GUESTS > 65000
#error "pkern: PKERN_MAX_THREADS and PKERN_MAX_GUESTS must be at least 1 each and at most 65000 together"
#endif
#if PKERN_NUM_THREADS > PKERN_MAX_THREADS
#error "pkern: PKERN_NUM_THREADS is above PKERN_MAX_THREADS"
#endif

/* PKERN_TRACE_EVENTS: how many events a traced pool keeps of each slot, at least 1; 32 bytes each, taken as they come. */
#ifndef PKERN_TRACE_EVENTS
#define PKERN_TRACE_EVENTS 262144
#endif

/* PKERN_DEBUG: 1 checks the library's own assumptions while it runs. */
#ifndef PKERN_DEBUG
#define PKERN_DEBUG 0
#endif

/* PKERN_NO_THREADS: defined, everything runs on the caller; needs no pthreads. */
#ifdef PKERN_NO_THREADS
#define PKN_THREADS 0
#else
#define PKN_THREADS 1
#endif

/* PKERN_NO_POSIX_FILES: defined, files are read into memory instead of mapped, and saved without waiting for the disk, as on
   systems without POSIX. */

/* PKERN_NO_FUTEX: defined, sleeping uses a condition variable on Linux too. */

#endif
/* ==== src/base/base.h, continued ==== */
/* ==== src/base/compiler.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What differs between compilers and between C and C++: linkage, attributes, hints. */
#ifndef PKN_BASE_COMPILER_H
#define PKN_BASE_COMPILER_H

/* #include "base/config.h": above */

#if !defined(__GNUC__)
#error "pkern needs gcc, clang or a compiler with GNU C's builtins and attributes"
#endif

#ifdef __cplusplus
#define PKERN_EXTERN_C_BEGIN extern "C" {
#define PKERN_EXTERN_C_END }
#else
#define PKERN_EXTERN_C_BEGIN
#define PKERN_EXTERN_C_END
#endif

#ifdef PKERN_STATIC
#define PKERN_API static __attribute__((unused))
#else
#define PKERN_API extern
#endif

#define PKERN_RESTRICT __restrict__

#define PKN_INTERNAL static __attribute__((unused))
#define PKN_INLINE static inline __attribute__((unused))
#define PKN_ALWAYS_INLINE static inline __attribute__((unused, always_inline))
#define PKN_NOINLINE __attribute__((noinline))
#define PKN_COLD __attribute__((noinline, cold))
#define PKN_LIKELY(x) __builtin_expect(!!(x), 1)
#define PKN_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PKN_ALIGNED(n) __attribute__((aligned(n)))
#define PKN_MAY_ALIAS __attribute__((may_alias))
#define PKN_TARGET(features) __attribute__((target(features)))
#define PKN_UNUSED(x) ((void)(x))
#if PKN_THREADS
#define PKN_THREAD_LOCAL __thread
#else
#define PKN_THREAD_LOCAL
#endif

/* What one core moves at a time, and the distance at which two cores' data don't disturb each other. */
#define PKN_CACHE_LINE 64

#if PKERN_DEBUG
#define PKN_ASSERT(x) ((x) ? (void)0 : __builtin_trap())
#else
#define PKN_ASSERT(x) ((void)0)
#endif

#if defined(__x86_64__)
#define PKN_ARCH_X86 1
#else
#define PKN_ARCH_X86 0
#endif
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#define PKN_ARCH_ARM64 1
#else
#define PKN_ARCH_ARM64 0
#endif

/* Asks for a cache line that will be written soon. gcc's own prefetch for writing is one for reading on plain x86-64. */
PKN_ALWAYS_INLINE void pkn_prefetch_to_write(const void *address) {
#if PKN_ARCH_X86
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1, 3);
#endif
}

#if defined(__SANITIZE_THREAD__)
#define PKN_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PKN_TSAN 1
#endif
#endif
#ifndef PKN_TSAN
#define PKN_TSAN 0
#endif

#endif
/* ==== src/base/base.h, continued ==== */
/* ==== src/base/status.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The status that every call returns, and its text. One list makes both. */
#ifndef PKN_BASE_STATUS_H
#define PKN_BASE_STATUS_H

/* #include "base/compiler.h": above */

/* 0 is success, below 0 the library's own codes, above 0 what a callback returned. */
typedef int pkern_status;

#define PKN_STATUS_LIST(X) \
    X(PKERN_OK, 0, "success") \
    X(PKERN_EINVAL, -1, "invalid argument; nothing was done") \
    X(PKERN_ENOMEM, -2, "out of memory") \
    X(PKERN_ETHREAD, -3, "threads could not be created") \
    X(PKERN_ECANCELED, -4, "canceled") \
    X(PKERN_EDEADLK, -5, "the call would wait for itself") \
    X(PKERN_EOVERFLOW, -6, "a size does not fit; nothing was done") \
    X(PKERN_EIO, -7, "input or output failed") \
    X(PKERN_EFORMAT, -8, "data is not of the expected format") \
    X(PKERN_ETIMEDOUT, -9, "timed out") \
    X(PKERN_ECLOSED, -10, "closed") \
    X(PKERN_EFULL, -11, "full") \
    X(PKERN_EEMPTY, -12, "empty") \
    X(PKERN_EVERSION, -13, "a newer version wrote this") \
    X(PKERN_ECORRUPT, -14, "data is damaged or cut off") \
    X(PKERN_ENOENT, -15, "not found")

#define PKN_STATUS_ENUM(name, value, text) name = (value),
enum { PKN_STATUS_LIST(PKN_STATUS_ENUM) PKN_STATUS_END = 1 };
#undef PKN_STATUS_ENUM

/* The text of a status: never 0. Codes above 0 are "the callback's own code". Any thread; no allocation. */
PKN_INLINE const char *pkern_status_text(pkern_status status) {
#define PKN_STATUS_CASE(name, value, text) \
    case value: \
        return text;
    switch (status) {
        PKN_STATUS_LIST(PKN_STATUS_CASE)
    default:
        return status > 0 ? "the callback's own code" : "unknown status";
    }
#undef PKN_STATUS_CASE
}

#endif
/* ==== src/base/base.h, continued ==== */

#include <stddef.h>
#include <stdint.h>

/* Where the library gets its memory: both functions or neither. Calls may come from several threads at once. */
typedef struct pkern_allocator {
    /* bytes aligned to alignment, a power of two; 0 where there is none */
    void *(*allocate)(size_t bytes, size_t alignment, void *user);
    /* gives back what allocate returned, with the same bytes */
    void (*release)(void *memory, size_t bytes, void *user);
    void *user;
} pkern_allocator;

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/pool.h ==== */
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

/* #include "base/base.h": above */
/* ==== src/base/atomic.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Atomic words. The type keeps plain accesses out, the call's name carries the memory order. The compilers' builtins serve C99 to C23
   and C++ alike, with one layout in all of them, so there is no second path through <stdatomic.h>.
   An explorer or a sanitizer replaces this file's functions and sees every access of the library. */
#ifndef PKN_BASE_ATOMIC_H
#define PKN_BASE_ATOMIC_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

/* One set of functions a type. `suffix` names the type in the calls. */
#define PKN_DEFINE_ATOMIC_WORD(suffix, type) \
    typedef struct pkn_atomic_##suffix { \
        type value PKN_ALIGNED(sizeof(type)); \
    } pkn_atomic_##suffix; \
    PKN_ALWAYS_INLINE type pkn_atomic_load_relaxed_##suffix(const pkn_atomic_##suffix *a) { \
        return __atomic_load_n(&a->value, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_load_acquire_##suffix(const pkn_atomic_##suffix *a) { \
        return __atomic_load_n(&a->value, __ATOMIC_ACQUIRE); \
    } \
    PKN_ALWAYS_INLINE void pkn_atomic_store_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        __atomic_store_n(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE void pkn_atomic_store_release_##suffix(pkn_atomic_##suffix *a, type x) { \
        __atomic_store_n(&a->value, x, __ATOMIC_RELEASE); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_exchange_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_exchange_n(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE int pkn_atomic_cas_relaxed_##suffix(pkn_atomic_##suffix *a, type *expected, type x) { \
        return __atomic_compare_exchange_n(&a->value, expected, x, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE int pkn_atomic_cas_acq_rel_##suffix(pkn_atomic_##suffix *a, type *expected, type x) { \
        return __atomic_compare_exchange_n(&a->value, expected, x, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); \
    } \
    PKN_ALWAYS_INLINE int pkn_atomic_cas_seq_cst_##suffix(pkn_atomic_##suffix *a, type *expected, type x) { \
        return __atomic_compare_exchange_n(&a->value, expected, x, 0, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE); \
    }

/* Arithmetic, for the integer types only. */
#define PKN_DEFINE_ATOMIC_INTEGER(suffix, type) \
    PKN_DEFINE_ATOMIC_WORD(suffix, type) \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_add_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_add(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_add_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_add(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_add_seq_cst_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_add(&a->value, x, __ATOMIC_SEQ_CST); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_sub_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_sub(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_sub_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_sub(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_or_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_or(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_or_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_or(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_and_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_and(&a->value, x, __ATOMIC_ACQ_REL); \
    }

PKN_DEFINE_ATOMIC_INTEGER(u32, uint32_t)
PKN_DEFINE_ATOMIC_INTEGER(u64, uint64_t)
PKN_DEFINE_ATOMIC_INTEGER(size, size_t)
PKN_DEFINE_ATOMIC_WORD(ptr, void *)

/* A full fence. The ThreadSanitizer does not model fences; a read-modify-write on a word that nobody else
   has says the same to the processor, and the sanitizer sees the orders of the accesses around it. */
PKN_ALWAYS_INLINE void pkn_fence_seq_cst(void) {
#if PKN_TSAN || PKN_ARCH_X86
    uint32_t own = 0;
    __atomic_fetch_add(&own, 0, __ATOMIC_SEQ_CST);
    __asm__ volatile("" : : "r"(&own) : "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Keeps the compiler from moving accesses across; the processor may still. */
PKN_ALWAYS_INLINE void pkn_fence_compiler(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Tells the core that this is a waiting loop. */
PKN_ALWAYS_INLINE void pkn_cpu_relax(void) {
#if PKN_ARCH_X86
    __builtin_ia32_pause();
#elif PKN_ARCH_ARM64
    __asm__ volatile("isb" : : : "memory");
#else
    __asm__ volatile("" : : : "memory");
#endif
}

#endif
/* ==== src/pool/pool.h, continued ==== */

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

/* Finishes what was spawned, ends and joins the threads, frees everything. 0 is a no-op. Blocks.
   Errors: PKERN_EDEADLK from one of its own workers, from inside a call on it, or while another thread is in a call on it or stays
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
   none. Errors: as pkern_pool_destroy. */
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
   then on other work of the pool. Nests to any depth. No allocation but for the first joins of a new depth.
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
   as others. Scopes begun inside have to be waited for inside; waits for futures, for idle and for a scope begun outside take anything. Calls on other pools aren't bound: what descends from there may wait
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
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/fork.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Joins: the one of two callbacks, typed join tasks where the compiler sees the user's function, and the owner's fast path of the
   join deque under both. All of it is inline in the user's file: a fork that nobody takes is a few stores and branches.

       PKERN_DEFINE_JOIN_TASK_1(long, fib, long, n) {
           long a, b;
           if (n < 2) {
               return n;
           }
           PKERN_JOIN(a = PKERN_CALL(fib, n - 1), b, fib, n - 2);
           return a + b;
       }
       long f = fib(pool, 35);

   PKERN_DEFINE_JOIN_TASK_n(result type, name, type 1, parameter 1, ...), n = 1 to 4, begins the definition of a task and also defines
   `name(pool, ...)`, which runs it from anywhere (pool 0 as everywhere). Arguments and result together fit in
   PKN_SLOT_PAYLOAD bytes. Inside a task:
   - PKERN_CALL(name, ...) is a plain call of a task;
   - PKERN_JOIN(statement, variable, name, ...) equals { statement; variable = name(...); } where the named task may run on another
     thread while the statement runs here. The statement is an assignment or an expression, with PKERN_CALLs in it.
   Arguments may be evaluated before or after the statement's are. In a forked child a task that another thread had taken runs again
   in line, since that thread is gone.

   The deque: records of 64 bytes, `end` is the first free one. [top, split) is public, [split, end) private: pushing and popping there
   takes no fence and no atomic read-modify-write. A popped record knows by its own flags whether it may have been
   offered; a free record has none, so a push need not say so. See join_deque.h for the public part.
   Source: Blumofe and Leiserson 1999 (work stealing); van Dijk and van de Pol, "Lace", 2014 (split deque);
   Faxen, "Wool", 2008 (records in the deque). */
#ifndef PKN_POOL_FORK_H
#define PKN_POOL_FORK_H

/* #include "pool/pool.h": above */

PKERN_EXTERN_C_BEGIN

typedef struct pkn_member pkn_member;
typedef struct pkn_fork_state pkn_fork_state;
typedef struct pkn_slot pkn_slot;

#define PKN_SLOT_PAYLOAD 40

/* state: the root in the upper half, once the record is public, one of these in the lower; PENDING in a private or free record */
enum { PKN_SLOT_PENDING = 0, PKN_SLOT_DONE = 1, PKN_SLOT_TAKEN_BY = 2 /* + index of the thief */ };
/* flags: perhaps offered to thieves, join_range tells; last of its segment; none at all, so that nothing can be pushed */
enum { PKN_SLOT_PUBLIC = 1, PKN_SLOT_LAST = 2, PKN_SLOT_OVERFLOW = 4 };

/* One offered task. */
struct pkn_slot {
    void (*run)(pkn_fork_state *self, pkn_slot *slot); /* 0: a callback of a pkern_join, see pkn_join_frame */
    pkn_fork_state *owner; /* for good */
    pkn_atomic_u32 state;
    pkn_atomic_u32 flags;  /* any makes a push take the long way */
    uint64_t payload[PKN_SLOT_PAYLOAD / 8]; /* arguments and result */
} PKN_ALIGNED(PKN_CACHE_LINE);

/* The part of a member that forks work on. */
struct pkn_fork_state {
    pkn_atomic_ptr end; /* the first free record */
    pkern_pool *pool;
    /* A thief found nothing: the next push makes old records public. Its own line, since idle threads look at it often. */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 request;
} PKN_ALIGNED(PKN_CACHE_LINE);

/* Where the calling thread is in no pool, every push takes the long way. */
#define PKN_NO_SLOT {0, 0, {0}, {PKN_SLOT_OVERFLOW}, {0, 0, 0, 0, 0}}
#define PKN_FORK_OUTSIDE {{&pkern_internal_no_slot}, 0, {0}}

/* A call's stay in a pool: the member it works as, 0 where it runs serially, and the one to come back to. */
typedef struct pkn_entry {
    pkn_member *member;
    pkn_member *outer;
} pkn_entry;

/* What an entry from outside keeps on the stack. */
typedef struct pkn_fork_call {
    pkn_entry entry;
    pkn_fork_state serial; /* where there is no member: every push fails, so everything runs in line */
    pkn_slot slot;
} pkn_fork_call;

/* The member that the calling thread works as in the innermost task or install; outside of any one that can't be pushed to. */
#ifdef PKERN_STATIC
static pkn_slot pkern_internal_no_slot = PKN_NO_SLOT;
static pkn_fork_state pkern_internal_outside = PKN_FORK_OUTSIDE;
static PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self = &pkern_internal_outside;
#else
extern pkn_fork_state pkern_internal_outside;
extern PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self;
#endif

PKERN_API pkn_fork_state *pkern_internal_fork_enter(pkern_pool *pool, pkn_fork_call *call);
PKERN_API void pkern_internal_fork_leave(pkn_fork_call *call);
PKERN_API pkn_slot *pkern_internal_push_slow(pkn_slot *slot);
PKERN_API int pkern_internal_take_back(pkn_slot *slot);

PKN_ALWAYS_INLINE pkn_slot *pkn_end(const pkn_fork_state *self) {
    return (pkn_slot *)pkn_atomic_load_relaxed_ptr(&self->end);
}

/* release: a thief that sees the end sees the records before it */
PKN_ALWAYS_INLINE void pkn_set_end(pkn_fork_state *self, pkn_slot *end) {
    pkn_atomic_store_release_ptr(&self->end, end);
}

/* Nonzero where a push of this record takes the long way. */
PKN_ALWAYS_INLINE uint32_t pkn_push_is_special(const pkn_fork_state *self, const pkn_slot *slot) {
    return pkn_atomic_load_relaxed_u32(&slot->flags) | pkn_atomic_load_relaxed_u32(&self->request);
}

/* Lets go of the newest record. Nonzero where a thief may have it. */
PKN_ALWAYS_INLINE uint32_t pkn_pop_is_special(pkn_slot *slot) {
    pkn_set_end(slot->owner, slot);
    /* in this order for the compiler; for the processor a thief's barrier on all threads sees to it */
    pkn_fence_compiler();
    return pkn_atomic_load_relaxed_u32(&slot->flags) & PKN_SLOT_PUBLIC;
}

/* Offers the filled record at the end. Returns the new end, or 0 where it could not be queued. */
PKN_ALWAYS_INLINE pkn_slot *pkn_push(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    if (PKN_UNLIKELY(pkn_push_is_special(self, slot))) {
        return pkern_internal_push_slow(slot);
    }
    pkn_set_end(self, slot + 1);
    return slot + 1;
}

/* Takes the newest record back. Nonzero: the caller runs it; 0: a thief has run it. The record says whose it is: a register kept for
   that costs a push and a pop in every call, the shortest ones too. */
PKN_ALWAYS_INLINE int pkn_pop(pkn_slot *slot) {
    return PKN_LIKELY(!pkn_pop_is_special(slot)) ? 1 : pkern_internal_take_back(slot);
}

/* The record of a join of two callbacks. */
typedef struct PKN_MAY_ALIAS pkn_join_frame {
    pkern_task_fn fn;
    void *ctx;
    int status;
} pkn_join_frame;

PKERN_API pkern_status pkern_internal_join_slow(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);
PKERN_API int pkern_internal_join_end(pkn_slot *slot);

PKN_INLINE pkern_status pkern_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    pkn_fork_state *self = pkern_internal_self;
    pkn_slot *slot = pkn_end(self);
    if (PKN_UNLIKELY((pool != 0 && pool != self->pool) || a == 0 || b == 0 || pkn_push_is_special(self, slot))) {
        return pkern_internal_join_slow(pool, a, a_ctx, b, b_ctx);
    }
    pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
    frame->fn = b;
    frame->ctx = b_ctx;
    slot->run = 0;
    pkn_set_end(self, slot + 1);
    int a_status = a(a_ctx);
    int b_status = PKN_LIKELY(!pkn_pop_is_special(slot)) ? b(frame->ctx) : pkern_internal_join_end(slot);
    return a_status != 0 ? a_status : b_status;
}

#define PKERN_CALL(name, ...) name##_task(pkern_end, __VA_ARGS__)

#define PKERN_JOIN(statement, variable, name, ...) \
    do { \
        pkn_slot *const pkn_offered = pkern_end; \
        name##_offer(pkn_offered, __VA_ARGS__); \
        pkern_end = pkn_push(pkn_offered); \
        if (PKN_LIKELY(pkern_end != 0)) { \
            statement; \
            pkern_end = pkn_offered; \
            if (PKN_LIKELY(pkn_pop(pkn_offered) != 0)) { \
                variable = name##_accept(pkn_offered); \
            } else { \
                variable = ((name##_frame *)(void *)pkn_offered->payload)->result; \
            } \
        } else { \
            pkern_end = pkn_offered; \
            variable = name##_accept(pkn_offered); /* first, since the statement may use the record */ \
            statement; \
        } \
    } while (0)

/* parameters: (T1 p1, ...) with types; fields: the same as members; store: statements; arguments: f->p1, ... ; names: p1, ... */
#define PKN_DEFINE_JOIN_TASK(R, name, parameters, offer_parameters, entry_parameters, fields, store, arguments, names) \
    typedef struct PKN_MAY_ALIAS name##_frame { \
        fields R result; \
    } name##_frame; \
    typedef char name##_frame_fits[sizeof(name##_frame) <= PKN_SLOT_PAYLOAD ? 1 : -1]; \
    static R name##_task parameters; \
    PKN_ALWAYS_INLINE R name##_accept(pkn_slot *pkern_slot) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        return name##_task(pkern_slot, arguments); \
    } \
    PKN_INTERNAL void name##_stolen(pkn_fork_state *pkern_self, pkn_slot *pkern_slot) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        f->result = name##_task(pkn_end(pkern_self), arguments); \
    } \
    PKN_ALWAYS_INLINE void name##_offer offer_parameters { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        pkern_slot->run = name##_stolen; \
        store \
    } \
    PKN_INTERNAL R name entry_parameters { \
        pkn_fork_call pkern_call; \
        pkn_fork_state *pkern_self = pkern_internal_fork_enter(pkern_pool_given, &pkern_call); \
        R pkern_result = name##_task(pkn_end(pkern_self), names); \
        pkern_internal_fork_leave(&pkern_call); \
        return pkern_result; \
    } \
    static R name##_task parameters

#define PKN_COMMA ,

#define PKERN_DEFINE_JOIN_TASK_1(R, name, T1, p1) \
    PKN_DEFINE_JOIN_TASK(R, name, (pkn_slot *pkern_end, T1 p1), (pkn_slot *pkern_slot, T1 p1), \
                         (pkern_pool *pkern_pool_given, T1 p1), T1 p1;, f->p1 = p1;, f->p1, p1)
#define PKERN_DEFINE_JOIN_TASK_2(R, name, T1, p1, T2, p2) \
    PKN_DEFINE_JOIN_TASK(R, name, (pkn_slot *pkern_end, T1 p1, T2 p2), \
                         (pkn_slot *pkern_slot, T1 p1, T2 p2), (pkern_pool *pkern_pool_given, T1 p1, T2 p2), T1 p1; T2 p2;, \
                         f->p1 = p1; f->p2 = p2;, f->p1 PKN_COMMA f->p2, p1 PKN_COMMA p2)
#define PKERN_DEFINE_JOIN_TASK_3(R, name, T1, p1, T2, p2, T3, p3) \
    PKN_DEFINE_JOIN_TASK(R, name, (pkn_slot *pkern_end, T1 p1, T2 p2, T3 p3), \
                         (pkn_slot *pkern_slot, T1 p1, T2 p2, T3 p3), \
                         (pkern_pool *pkern_pool_given, T1 p1, T2 p2, T3 p3), T1 p1; T2 p2; T3 p3;, \
                         f->p1 = p1; f->p2 = p2; f->p3 = p3;, f->p1 PKN_COMMA f->p2 PKN_COMMA f->p3, \
                         p1 PKN_COMMA p2 PKN_COMMA p3)
#define PKERN_DEFINE_JOIN_TASK_4(R, name, T1, p1, T2, p2, T3, p3, T4, p4) \
    PKN_DEFINE_JOIN_TASK(R, name, (pkn_slot *pkern_end, T1 p1, T2 p2, T3 p3, T4 p4), \
                         (pkn_slot *pkern_slot, T1 p1, T2 p2, T3 p3, T4 p4), \
                         (pkern_pool *pkern_pool_given, T1 p1, T2 p2, T3 p3, T4 p4), T1 p1; T2 p2; T3 p3; T4 p4;, \
                         f->p1 = p1; f->p2 = p2; f->p3 = p3; f->p4 = p4;, \
                         f->p1 PKN_COMMA f->p2 PKN_COMMA f->p3 PKN_COMMA f->p4, \
                         p1 PKN_COMMA p2 PKN_COMMA p3 PKN_COMMA p4)

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/observe.h ==== */
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

/* #include "pool/pool.h": above */

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
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/simd.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* SIMD kernels over bits and floats: the best code for this CPU, chosen at run time, with the same
   result on all of them.

   Common to all functions here:
   - They take any n (`words`), 0 included, and pointers with their type's own alignment (8 bytes
     for words); an array that starts on a 64-byte line is fastest. Pointers are not looked at
     where n is 0.
   - They read and write the n elements alone, never a byte before or behind them.
   - `out` may be the same array as an input; any other overlap gives meaningless values.
   - They can't fail, allocate nothing, leave errno alone, and any number of threads may call at
     once.
   - Results have the same bits on every instruction set (scalar, AVX2, AVX-512, NEON), at every
     alignment and with every compiler option but -ffast-math and its parts. Two limits: the sign
     and payload of a NaN are unspecified (that a result is NaN is not), and the floating-point
     environment is the caller's (rounding mode, denormals flushed to zero).

   Bit i of a vector of words is bit i % 64 of word i / 64. */
#ifndef PKN_SIMD_SIMD_H
#define PKN_SIMD_SIMD_H

/* #include "base/base.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* The name of the instruction set in use: "scalar", "popcnt" (scalar but for counts of ones),
   "avx2", "avx2_vnni" (with AVX-VNNI), "avx512_base" (F, BW, VL, DQ), "avx512_vnni" (these and
   VNNI), "avx512_vpopcnt" (these and VPOPCNTDQ) or "neon". The best one that CPU and operating system have
   is chosen at the first call of any function here and stays. The environment variable PKERN_ISA,
   read at that moment, forces one of these names, or "avx512" for the best AVX-512 there is; a name
   that is unknown or that this machine lacks is ignored. The text is constant. */
PKERN_API const char *pkern_simd_isa(void);

/* ---- Bits ---- */

/* Exclusive or: for (i = 0; i < words; i++) out[i] = a[i] ^ b[i]; */
PKERN_API void pkern_simd_xor_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out);

/* And: for (i = 0; i < words; i++) out[i] = a[i] & b[i]; */
PKERN_API void pkern_simd_and_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out);

/* Or: for (i = 0; i < words; i++) out[i] = a[i] | b[i]; */
PKERN_API void pkern_simd_or_u64(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);

/* Complement: for (i = 0; i < words; i++) out[i] = ~a[i]; */
PKERN_API void pkern_simd_not_u64(const uint64_t *a, size_t words, uint64_t *out);

/* The number of ones: for (i = 0; i < words; i++) count += popcount(a[i]);
   Source: W. Mula, N. Kurz, D. Lemire, "Faster Population Counts Using AVX2 Instructions", 2018
   (nibble table, Harley-Seal). */
PKERN_API uint64_t pkern_simd_popcount_u64(const uint64_t *a, size_t words);

/* The Hamming distance, the number of bits that differ:
       for (i = 0; i < words; i++) count += popcount(a[i] ^ b[i]); */
PKERN_API uint64_t pkern_simd_hamming_u64(const uint64_t *a, const uint64_t *b, size_t words);

/* Rotates a vector of 64 * words bits: for each bit i, bit (i + shift) mod bits of out is bit i of
   in. Any shift, negative and beyond the length too. In place it takes up to three times as long.
   Source for the exchange in place: D. Gries, H. Mills, "Swapping Sections", 1981. */
PKERN_API void pkern_simd_rotate_u64(const uint64_t *in, size_t words, int64_t shift,
                                     uint64_t *out);

/* Majority of n_rows vectors: bit i of out is 1 where more than n_rows / 2 of the rows have a 1
   there, so a tie is 0, and so is everything where n_rows is 0. rows is [n_rows x words], a row
   every stride_words words (stride_words >= words, which lets a caller do a part of the columns);
   n_rows is at most 2^31. Here out must not overlap the rows. */
PKERN_API void pkern_simd_majority_u64(const uint64_t *rows, size_t n_rows, size_t stride_words,
                                       size_t words, uint64_t *out);

/* ---- Floats ----
   Accuracy, elementwise functions: every operation rounds once, as IEEE 754 says; the result is
   exact to half an ulp. Denormals, infinities, NaN and -0 follow IEEE 754. */

/* Sum of two arrays: for (i = 0; i < n; i++) out[i] = a[i] + b[i]; */
PKERN_API void pkern_simd_add_f32(const float *a, const float *b, size_t n, float *out);
PKERN_API void pkern_simd_add_f64(const double *a, const double *b, size_t n, double *out);

/* Product of two arrays: for (i = 0; i < n; i++) out[i] = a[i] * b[i]; */
PKERN_API void pkern_simd_multiply_f32(const float *a, const float *b, size_t n, float *out);
PKERN_API void pkern_simd_multiply_f64(const double *a, const double *b, size_t n, double *out);

/* Square root: for (i = 0; i < n; i++) out[i] = sqrt(a[i]); below 0 it is NaN, of -0 it is -0. */
PKERN_API void pkern_simd_sqrt_f32(const float *a, size_t n, float *out);
PKERN_API void pkern_simd_sqrt_f64(const double *a, size_t n, double *out);

/* Adds a multiple: for (i = 0; i < n; i++) y[i] = y[i] + alpha * x[i]; the product is rounded, then
   the sum (two roundings, never a fused multiply-add). y may be x. */
PKERN_API void pkern_simd_axpy_f32(float alpha, const float *x, size_t n, float *y);
PKERN_API void pkern_simd_axpy_f64(double alpha, const double *x, size_t n, double *y);

/* The sum of an array, in this order: L accumulators begin as +0 (L = 64 for f32, 32 for f64), and
       for (i = 0; i < n; i++) sums[i % L] += x[i];
       for (half = L / 2; half > 0; half /= 2)
           for (i = 0; i < half; i++) sums[i] += sums[i + half];
       return sums[0];
   Accuracy: the error is at most (ceil(n / L) + log2 L) * u * (the sum of all |x[i]|) to first
   order, with u = 2^-24 for f32 and 2^-53 for f64: L times tighter than a plain loop's bound. n = 0
   gives +0; -0 is never returned. */
PKERN_API float pkern_simd_sum_f32(const float *x, size_t n);
PKERN_API double pkern_simd_sum_f64(const double *x, size_t n);

/* The inner product: each x[i] * y[i] is rounded, then summed in the order of pkern_simd_sum. The
   error bound is that of the sum with one more u: (ceil(n / L) + log2 L + 1) * u * (the sum of all
   |x[i] * y[i]|). */
PKERN_API float pkern_simd_dot_f32(const float *x, const float *y, size_t n);
PKERN_API double pkern_simd_dot_f64(const double *x, const double *y, size_t n);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/par.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Loops, maps, reductions and selection over arrays of any element: the parallel forms of the loops
   that C programs are made of.

   Common to all of them:
   - pool 0 is the pool of the task or install that the caller is in, else the global one. Any
     thread may call, several at once, and from inside another call's callback. A call blocks until
     its work is done; while it waits it works.
   - Callbacks that return int: 0 goes on, anything else stops the call soon and is returned; of
     several failures the one with the lowest index, as the serial loop would. A callback's failure
     beats PKERN_ECANCELED.
   - PKERN_EINVAL and PKERN_EOVERFLOW mean that nothing was written and no callback ran (unless a
     callback returned that value). n = 0 is PKERN_OK, with null arrays too.
   - options 0 is a zeroed pkern_par_options. min_len above a max_len that is not 0 is PKERN_EINVAL.
   - Where a line says "allocates", the memory comes from the pool's allocator and is given back
     before the call returns. */
#ifndef PKN_PAR_PAR_H
#define PKN_PAR_PAR_H

/* #include "base/base.h": above */
/* #include "pool/pool.h": above */

PKERN_EXTERN_C_BEGIN

/* Calls body on disjoint pieces that cover [begin, end). Equals body(begin, end, ctx). Pieces hold
   min_len to max_len items (the last may be shorter); which thread gets which piece, and when, is
   open. Once a failure is known no piece above it is begun, every piece below it is finished, and
   the failure with the lowest begin is returned. options->cancel is asked before every piece,
   options->progress is told items of end - begin. begin > end or body 0 is PKERN_EINVAL. Allocates
   nothing.
   Source: Blumofe, Leiserson, "Scheduling multithreaded computations by work stealing", 1999; the
   flat path is own. */
PKERN_API pkern_status pkern_par_for(pkern_pool *pool, size_t begin, size_t end,
                                     const pkern_par_options *options, pkern_range_fn body,
                                     void *ctx);

/* Computes each out from its in. Equals
       for (i = 0; i < n; i++)
           if ((status = fn(in + i * in_size, out + i * out_size, ctx)) != 0) return status;
   in is [n] elements of in_size bytes, out [n] of out_size. out == in is allowed where in_size ==
   out_size; any other overlap is PKERN_EINVAL, so are a size of 0, fn 0, or an array of 0 where n >
   0. n * size beyond size_t is PKERN_EOVERFLOW. After a failure at item i, items below i are done
   and some above i may be. Deterministic where fn is. Allocates nothing. fn is called through a
   pointer once per item (about 2 ns); PKERN_DEFINE_MAP makes a map whose expression is inlined. */
PKERN_API pkern_status pkern_par_map(pkern_pool *pool, const void *in, size_t in_size, void *out,
                                     size_t out_size, size_t n, const pkern_par_options *options,
                                     int (*fn)(const void *in, void *out, void *ctx), void *ctx);

/* Calls fn once on every run of chunk_len elements. Equals
       for (c = 0; c * chunk_len < n; c++)
           fn(base + c * chunk_len * size, min(chunk_len, n - c * chunk_len), c, ctx);
   base is [n] elements of size bytes; only the last chunk may be shorter. A piece, with min_len and
   max_len in elements, runs the chunks that begin in it. Progress counts elements. chunk_len 0,
   size 0, fn 0, or base 0 where n > 0 is PKERN_EINVAL; n * size beyond size_t is PKERN_EOVERFLOW.
   The failure of the lowest chunk is returned. The cuts depend on n and chunk_len alone. Allocates
   nothing. */
PKERN_API pkern_status pkern_par_chunks(pkern_pool *pool, void *base, size_t n, size_t size,
                                        size_t chunk_len, const pkern_par_options *options,
                                        int (*fn)(void *chunk, size_t len, size_t chunk_index,
                                                  void *ctx),
                                        void *ctx);

/* How to reduce. An accumulator is size bytes, aligned as an array of its type would be (to at most
   64 bytes); it is copied by memcpy and dropped without a call, so it must not own anything. */
typedef struct pkern_reducer {
    size_t size; /* bytes of an accumulator, any but 0 */
    /* sets acc to the value that changes nothing */
    void (*identity)(void *acc, void *ctx);
    /* takes items begin .. end - 1 into acc */
    int (*fold)(void *acc, size_t begin, size_t end, void *ctx);
    /* acc = acc then right; acc is the left one */
    void (*combine)(void *acc, const void *right, void *ctx);
    void *ctx;
} pkern_reducer;

/* Reduces items [begin, end) to one accumulator. Equals
       identity(result); fold(result, begin, end);
   for an associative combine, which need not be commutative.
   Same bits at any number of threads, floats included: the range is cut into leaves of
   clamp(ceil((end - begin) / 512), min_len, max_len) items, each leaf is identity and one fold, and
   leaves are combined in index order by the binary tree whose node of height h covers 2^h
   neighbouring leaves. Cuts and tree depend on the length and on min_len and max_len alone, never
   on costs, threads or timing. Where an item costs a few ns, set min_len to 256 or more: a leaf
   costs three calls through pointers.
   result is [1] accumulator, written only where PKERN_OK is returned. An empty range gives the
   identity. fold's failure with the lowest begin is returned; combine can't fail. Progress counts
   items.
   A null pointer, size 0 or begin > end is PKERN_EINVAL; a scratch size beyond size_t is
   PKERN_EOVERFLOW; PKERN_ENOMEM is returned where scratch could not be had (folds may have run).
   Allocates nothing where accumulators have up to 16 bytes and the pool up to 8 threads. Else at
   most max(128, 16 T) accumulators of up to 64 bytes, or max(16, 8 T) larger ones, and about 6 in
   each thread that takes part.
   Source: Blelloch et al., "Internally deterministic parallel algorithms can be fast", 2012; the
   cuts are own. */
PKERN_API pkern_status pkern_par_reduce(pkern_pool *pool, size_t begin, size_t end,
                                        const pkern_par_options *options,
                                        const pkern_reducer *reducer, void *result);

/* Below 0 where a comes before b, 0 where they are equal, above 0 where a comes after b, as
   qsort's. Called from several threads at once by the functions with par in their name. It should
   be a strict weak order. Where it is not (random, NaN-blind, stateful), every function below still
   ends, stays in bounds, and leaves a permutation; only the order is then undefined. */
typedef int (*pkern_compare_fn)(const void *a, const void *b, void *ctx);

/* Puts the element that a sort would put at nth there, none before it larger, none after it
   smaller. Equals a sort of base of which only element nth is looked at, in O(n) on average and O(n
   log n) at most. base is [n] elements of size bytes, reordered in place, also within the two sides
   (the same way in every run). nth >= n is PKERN_EINVAL, so n = 0 always is: there is no element to
   give. size 0, compare 0 or base 0 too; n * size beyond size_t is PKERN_EOVERFLOW. Runs on the
   caller alone; allocates nothing. Elements of 4, 8 and 16 bytes have code of their own.
   Source: Hoare, "Algorithm 65: find", 1961; Musser, "Introspective sorting and selection
   algorithms", 1997; Peters, "Branchless Lomuto partitioning", 2023. */
PKERN_API pkern_status pkern_select_nth(void *base, size_t n, size_t size, size_t nth,
                                        pkern_compare_fn compare, void *ctx);

/* pkern_select_nth on all threads: about 1.5 comparisons per element for a median, one for a rank
   near an end. Element nth is the same as pkern_select_nth's, up to elements that compare equal;
   the order within the two sides depends on whether the pool has one thread or more, not on how
   many. Arguments as there. Short arrays and pools of one thread take pkern_select_nth's way.
   Allocates nothing.
   Source: Floyd, Rivest, "Expected time bounds for selection", 1975; the parallel partition is own.
   */
PKERN_API pkern_status pkern_par_select_nth(pkern_pool *pool, void *base, size_t n, size_t size,
                                            size_t nth, pkern_compare_fn compare, void *ctx);

/* Finds the indices of the k elements that a stable sort by compare would put first, in that order.
   Equals a stable sort of the indices 0 .. n - 1 by (element, index) cut after k. base is [n]
   elements of size bytes and is not changed; out_indices is [k]. Equal elements: lower index first.
   Where k > n the rest of out_indices is SIZE_MAX. k = 0 is PKERN_OK. O(n) compares plus O(k log
   k): about one per element where k is small. size 0, compare 0, base 0 where n > 0, out_indices 0
   where k > 0, or an out_indices that overlaps base is PKERN_EINVAL; n * size or k * sizeof(size_t)
   beyond size_t is PKERN_EOVERFLOW; PKERN_ENOMEM leaves out_indices as it was. Same result at any
   number of threads. Allocates O(k) words a leaf, at most n words in all and 64 KiB.
   Source: own; the first threshold is taken from a sample as in Floyd and Rivest, 1975. */
PKERN_API pkern_status pkern_par_top_k(pkern_pool *pool, const void *base, size_t n, size_t size,
                                       size_t k, pkern_compare_fn compare, void *ctx,
                                       size_t *out_indices);

/* Appends to indices, from *n_indices on, each i of [begin, end) whose element comes before
   threshold (or_equal: does not come after it; threshold 0: every i), and stops before an i for
   which there may be no room in capacity. Returns where it stopped. */
typedef size_t (*pkern_filter_fn)(const void *base, size_t begin, size_t end, const void *threshold,
                                  int or_equal, size_t *indices, size_t *n_indices, size_t capacity,
                                  void *ctx);

/* pkern_par_top_k with its inner loop given: what PKERN_DEFINE_TOP_K calls. filter must agree with
   compare, which is used for the few that filter lets through. Capacity is at least 16 above
   *n_indices whenever filter is called, and filter then must advance. Everything else as
   pkern_par_top_k; filter 0 is PKERN_EINVAL. */
PKERN_API pkern_status pkern_par_top_k_filter(pkern_pool *pool, const void *base, size_t n,
                                              size_t size, size_t k, pkern_compare_fn compare,
                                              pkern_filter_fn filter, void *ctx,
                                              size_t *out_indices);

PKERN_EXTERN_C_END

/* ==== src/par/typed.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Macros that define a map, reduction or selection for given types, with the user's code inlined
   into the loop. A call through a pointer for each item costs about 2 ns and keeps the compiler
   from using vectors; these loops have none.

   Each macro defines one static function called name (and helpers called name_...); use it at file
   scope, with no semicolon after it. Types must be copyable by assignment. Expressions are pasted
   in as they are: a comma in them must stand inside parentheses, and more than a line of code is
   better off in a function of its own. Arguments are checked and statuses returned as by the
   function of par.h with the same name. */
#ifndef PKN_PAR_TYPED_H
#define PKN_PAR_TYPED_H

/* ==== src/base/bits.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bit counts, checked size arithmetic, overlap of two arrays. */
#ifndef PKN_BASE_BITS_H
#define PKN_BASE_BITS_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

PKN_INLINE unsigned pkn_popcount_u64(uint64_t x) {
    return (unsigned)__builtin_popcountll(x);
}

/* x is not 0 */
PKN_INLINE unsigned pkn_ctz_u64(uint64_t x) {
    return (unsigned)__builtin_ctzll(x);
}

/* x is not 0 */
PKN_INLINE unsigned pkn_clz_u64(uint64_t x) {
    return (unsigned)__builtin_clzll(x);
}

PKN_INLINE uint64_t pkn_rotl_u64(uint64_t x, unsigned count) {
    return x << (count & 63u) | x >> ((64u - count) & 63u);
}

/* 1 where a * b (a + b) does not fit; *out then has no meaning */
PKN_INLINE int pkn_mul_overflows_size(size_t a, size_t b, size_t *out) {
    return __builtin_mul_overflow(a, b, out);
}

PKN_INLINE int pkn_add_overflows_size(size_t a, size_t b, size_t *out) {
    return __builtin_add_overflow(a, b, out);
}

PKN_INLINE size_t pkn_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

PKN_INLINE size_t pkn_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* 1 where the two byte ranges share a byte */
PKN_INLINE int pkn_overlaps(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    uintptr_t a_first = (uintptr_t)a;
    uintptr_t b_first = (uintptr_t)b;
    return a_first < b_first ? b_first - a_first < a_bytes && b_bytes != 0
                             : a_first - b_first < b_bytes && a_bytes != 0;
}

#endif
/* ==== src/par/typed.h, continued ==== */
/* #include "par/par.h": above */
/* ==== src/par/introselect.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Selection in place, as an inline function of the element size and the comparison: with both
   constant the compiler makes a typed select of it, so the generic function and the typed macro
   share one algorithm.

   Tuned for arrays of 10^3 to 10^7 small elements. Invariants, whatever the comparison answers:
   every index is checked against the range and not against a sentinel's value; every round takes at
   least the pivot out of the range; elements only swap places. Of the comparison only "below 0 or
   not" is used. */
#ifndef PKN_PAR_INTROSELECT_H
#define PKN_PAR_INTROSELECT_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <string.h>

typedef int (*pkn_compare)(const void *a, const void *b, void *ctx);

/* Ranges of at most this many elements are sorted by insertion. */
#define PKN_SELECT_SMALL 16
/* The pivot is the middle one of so many samples: odd, and at most PKN_SELECT_SMALL. */
#define PKN_SELECT_SAMPLES 9
/* Rounds that leave more than 7/8 of their range, before selection gives way to a heap sort: with
   good rounds at most 8 n element visits in all, such rounds add at most 8 n. */
#define PKN_SELECT_BAD_ROUNDS 8

/* a == b is fine. Two buffers, since memcpy may not overlap itself. */
PKN_ALWAYS_INLINE void pkn_swap_elements(unsigned char *a, unsigned char *b, size_t size) {
    unsigned char from_a[64];
    unsigned char from_b[64];
    while (size > sizeof from_a) {
        memcpy(from_a, a, sizeof from_a);
        memcpy(from_b, b, sizeof from_b);
        memcpy(a, from_b, sizeof from_a);
        memcpy(b, from_a, sizeof from_a);
        a += sizeof from_a;
        b += sizeof from_a;
        size -= sizeof from_a;
    }
    memcpy(from_a, a, size);
    memcpy(from_b, b, size);
    memcpy(a, from_b, size);
    memcpy(b, from_a, size);
}

PKN_ALWAYS_INLINE void pkn_insertion_sort(unsigned char *base, size_t n, size_t size,
                                          pkn_compare compare, void *ctx) {
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0; j--) {
            unsigned char *right = base + j * size;
            if (compare(right, right - size, ctx) >= 0) {
                break;
            }
            pkn_swap_elements(right, right - size, size);
        }
    }
}

PKN_INLINE void pkn_sift_down(unsigned char *base, size_t root, size_t n, size_t size,
                              pkn_compare compare, void *ctx) {
    while (root < n / 2) {
        size_t child = 2 * root + 1;
        if (child + 1 < n && compare(base + child * size, base + (child + 1) * size, ctx) < 0) {
            child++;
        }
        if (compare(base + root * size, base + child * size, ctx) >= 0) {
            return;
        }
        pkn_swap_elements(base + root * size, base + child * size, size);
        root = child;
    }
}

/* The end of all patience: 2 n log2 n comparisons whatever they answer. Never inlined into the
   typed code. */
PKN_INTERNAL PKN_NOINLINE void pkn_heap_sort(unsigned char *base, size_t n, size_t size,
                                             pkn_compare compare, void *ctx) {
    for (size_t root = n / 2; root-- > 0;) {
        pkn_sift_down(base, root, n, size, compare, ctx);
    }
    for (size_t last = n; last-- > 1;) {
        pkn_swap_elements(base, base + last * size, size);
        pkn_sift_down(base, 0, last, size, compare, ctx);
    }
}

/* Moves the elements below pivot (or_equal: not above pivot) to the front and returns how many;
   pivot lies outside of the range. Elements of up to 16 bytes move without a branch: one is held
   back, the others pass through the hole it leaves. A mispredicted branch costs more than the
   moves, and at a good pivot every second one would be. */
PKN_ALWAYS_INLINE size_t pkn_partition(unsigned char *base, size_t n, size_t size,
                                       const void *pivot, int or_equal, pkn_compare compare,
                                       void *ctx) {
#define PKN_GOES_LOW(x) (or_equal ? !(compare(pivot, (x), ctx) < 0) : compare((x), pivot, ctx) < 0)
    size_t low = 0;
    if (n == 0) {
        return 0;
    }
    if (size <= 16) {
        unsigned char held[16];
        unsigned char first_high[16];
        unsigned char moving[16];
        unsigned char *hole = base;
        int held_goes_low = PKN_GOES_LOW(base);
        memcpy(held, base, size);
        for (size_t i = 1; i < n; i++) {
            unsigned char *element = base + i * size;
            unsigned char *border = base + low * size;
            int goes_low = PKN_GOES_LOW(element);
            memcpy(moving, element, size);
            memcpy(first_high, border, size);
            memcpy(hole, first_high, size);
            memcpy(border, moving, size);
            hole = element;
            low += (size_t)goes_low;
        }
        memcpy(first_high, base + low * size, size);
        memcpy(hole, first_high, size);
        memcpy(base + low * size, held, size);
        return low + (size_t)held_goes_low;
    }
    for (size_t i = 0; i < n; i++) {
        if (PKN_GOES_LOW(base + i * size)) {
            if (low != i) {
                pkn_swap_elements(base + low * size, base + i * size, size);
            }
            low++;
        }
    }
    return low;
#undef PKN_GOES_LOW
}

/* Sorts samples from all over the range to its front and puts the middle one first. */
PKN_ALWAYS_INLINE void pkn_pivot_to_front(unsigned char *base, size_t n, size_t size,
                                          pkn_compare compare, void *ctx) {
    size_t step = n / PKN_SELECT_SAMPLES;
    for (size_t i = 1; i < PKN_SELECT_SAMPLES; i++) {
        pkn_swap_elements(base + i * size, base + (i * step + step / 2) * size, size);
    }
    pkn_insertion_sort(base, PKN_SELECT_SAMPLES, size, compare, ctx);
    pkn_swap_elements(base, base + PKN_SELECT_SAMPLES / 2 * size, size);
}

/* nth < n */
PKN_ALWAYS_INLINE void pkn_introselect(unsigned char *base, size_t n, size_t size, size_t nth,
                                       pkn_compare compare, void *ctx) {
    int bad_rounds = 0;
    while (n > PKN_SELECT_SMALL) {
        /* A copy that never changes can stay in a register where compare is inlined. */
        PKN_ALIGNED(64) unsigned char pivot_copy[64];
        const unsigned char *pivot = base;
        size_t low;
        size_t taken;
        pkn_pivot_to_front(base, n, size, compare, ctx);
        if (size <= sizeof pivot_copy) {
            memcpy(pivot_copy, base, size);
            pivot = pivot_copy;
        }
        low = pkn_partition(base + size, n - 1, size, pivot, 0, compare, ctx);
        pkn_swap_elements(base, base + low * size, size);
        if (nth == low) {
            return;
        }
        if (nth < low) {
            bad_rounds += low > n - n / 8;
            n = low;
        } else {
            unsigned char *rest = base + (low + 1) * size;
            taken = low + 1;
            /* Few below the pivot: many may equal it, and those are done with at once. */
            if (low < n / 8) {
                taken += pkn_partition(rest, n - taken, size, base + low * size, 1, compare, ctx);
                if (nth < taken) {
                    return;
                }
                bad_rounds += taken < n / 8;
            }
            base += taken * size;
            nth -= taken;
            n -= taken;
        }
        if (bad_rounds > PKN_SELECT_BAD_ROUNDS) {
            pkn_heap_sort(base, n, size, compare, ctx);
            return;
        }
    }
    pkn_insertion_sort(base, n, size, compare, ctx);
}

#endif
/* ==== src/par/typed.h, continued ==== */

/* The leaf of a typed reduction where the options leave min_len at 0: 256 items of 1 ns are about
   20 times the leaf's calls. */
#define PKN_TYPED_MIN_LEN 256
/* Elements that a typed filter looks at before its first branch. */
#define PKN_TYPED_FILTER_BLOCK 16

PKN_INLINE pkern_status pkn_map_check(const void *in, size_t in_size, const void *out,
                                      size_t out_size, size_t n) {
    size_t in_bytes;
    size_t out_bytes;
    if (in_size == 0 || out_size == 0 || (n > 0 && (in == 0 || out == 0))) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n, in_size, &in_bytes) ||
        pkn_mul_overflows_size(n, out_size, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    return pkn_overlaps(in, in_bytes, out, out_bytes) && (in != out || in_size != out_size)
               ? PKERN_EINVAL
               : PKERN_OK;
}

PKN_INLINE pkern_status pkn_typed_reduce(pkern_pool *pool, const void *in, size_t in_size, size_t n,
                                         const pkern_par_options *options,
                                         const pkern_reducer *reducer, void *result) {
    pkern_par_options typed_options;
    size_t bytes;
    if (n > 0 && in == 0) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n, in_size, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    memset(&typed_options, 0, sizeof typed_options);
    if (options != 0) {
        typed_options = *options;
    }
    if (typed_options.min_len == 0) {
        typed_options.min_len = PKN_TYPED_MIN_LEN;
        if (typed_options.max_len != 0) {
            typed_options.min_len = pkn_min_size(PKN_TYPED_MIN_LEN, typed_options.max_len);
        }
    }
    return pkern_par_reduce(pool, 0, n, &typed_options, reducer, result);
}

/* Defines
       pkern_status name(pkern_pool *pool, const in_type *in, out_type *out, size_t n,
                         const pkern_par_options *options)
   that sets out[i] to expression, in which x is in[i]. Equals
       for (i = 0; i < n; i++) { const in_type x = in[i]; out[i] = expression; }
   out == in is allowed where both types have one size. For example
       PKERN_DEFINE_MAP(celsius, float, float, (x - 32.0f) * (5.0f / 9.0f))
       status = celsius(0, readings, readings, n, 0); */
#define PKERN_DEFINE_MAP(name, in_type, out_type, expression) \
    typedef struct name##_arrays { \
        const in_type *in; \
        out_type *out; \
    } name##_arrays; \
    PKN_INLINE int name##_range(size_t pkn_begin, size_t pkn_end, void *pkn_ctx) { \
        const in_type *pkn_in = ((const name##_arrays *)pkn_ctx)->in; \
        out_type *pkn_out = ((const name##_arrays *)pkn_ctx)->out; \
        for (size_t pkn_i = pkn_begin; pkn_i < pkn_end; pkn_i++) { \
            const in_type x = pkn_in[pkn_i]; \
            pkn_out[pkn_i] = (expression); \
        } \
        return 0; \
    } \
    PKN_INLINE pkern_status name(pkern_pool *pool, const in_type *in, out_type *out, size_t n, \
                                 const pkern_par_options *options) { \
        name##_arrays pkn_arrays; \
        pkern_status pkn_status = pkn_map_check(in, sizeof(in_type), out, sizeof(out_type), n); \
        if (pkn_status != PKERN_OK) { \
            return pkn_status; \
        } \
        pkn_arrays.in = in; \
        pkn_arrays.out = out; \
        return pkern_par_for(pool, 0, n, options, name##_range, &pkn_arrays); \
    }

/* Defines
       pkern_status name(pkern_pool *pool, const in_type *in, size_t n,
                         const pkern_par_options *options, acc_type *result)
   that combines the mapped elements. map_expression makes an acc_type of x = in[i];
   combine_expression makes one of a and b, where a stands left of b; identity_value is an
   expression that combine changes nothing with. Equals
       acc = identity_value;
       for (i = 0; i < n; i++) { a = acc; x = in[i]; b = map_expression; acc = combine_expression; }
   for an associative combine_expression, which need not be commutative.
   Deterministic as pkern_par_reduce, with leaves of at least 256 elements where min_len is 0.
   Within a leaf four quarters run side by side, which hides the latency of combine; they are
   combined in order, and the cuts are fixed as well. For example
       PKERN_DEFINE_REDUCE(sum_of_squares, double, double, 0.0, x * x, a + b)
       status = sum_of_squares(0, samples, n, 0, &energy); */
#define PKERN_DEFINE_REDUCE(name, in_type, acc_type, identity_value, map_expression, \
                            combine_expression) \
    typedef struct name##_array { \
        const in_type *in; \
    } name##_array; \
    PKN_ALWAYS_INLINE acc_type name##_of(const in_type x) { \
        return (map_expression); \
    } \
    PKN_ALWAYS_INLINE acc_type name##_join(const acc_type a, const acc_type b) { \
        return (combine_expression); \
    } \
    PKN_INLINE void name##_identity(void *pkn_acc, void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        *(acc_type *)pkn_acc = (identity_value); \
    } \
    PKN_INLINE int name##_fold(void *pkn_acc, size_t pkn_begin, size_t pkn_end, void *pkn_ctx) { \
        const in_type *pkn_in = ((const name##_array *)pkn_ctx)->in; \
        const size_t pkn_quarter = (pkn_end - pkn_begin) / 4; \
        acc_type pkn_0 = *(acc_type *)pkn_acc; \
        acc_type pkn_1 = (identity_value); \
        acc_type pkn_2 = pkn_1; \
        acc_type pkn_3 = pkn_1; \
        for (size_t pkn_i = pkn_begin; pkn_i < pkn_begin + pkn_quarter; pkn_i++) { \
            pkn_0 = name##_join(pkn_0, name##_of(pkn_in[pkn_i])); \
            pkn_1 = name##_join(pkn_1, name##_of(pkn_in[pkn_i + pkn_quarter])); \
            pkn_2 = name##_join(pkn_2, name##_of(pkn_in[pkn_i + 2 * pkn_quarter])); \
            pkn_3 = name##_join(pkn_3, name##_of(pkn_in[pkn_i + 3 * pkn_quarter])); \
        } \
        for (size_t pkn_i = pkn_begin + 4 * pkn_quarter; pkn_i < pkn_end; pkn_i++) { \
            pkn_3 = name##_join(pkn_3, name##_of(pkn_in[pkn_i])); \
        } \
        *(acc_type *)pkn_acc = name##_join(name##_join(pkn_0, pkn_1), name##_join(pkn_2, pkn_3)); \
        return 0; \
    } \
    PKN_INLINE void name##_combine(void *pkn_acc, const void *pkn_right, void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        *(acc_type *)pkn_acc = \
            name##_join(*(const acc_type *)pkn_acc, *(const acc_type *)pkn_right); \
    } \
    PKN_DEFINE_TYPED_REDUCE(name, in_type, acc_type)

/* Defines
       pkern_status name(pkern_pool *pool, const in_type *in, size_t n,
                         const pkern_par_options *options, acc_type *result)
   that folds elements into accumulators. fold_statement takes x = in[i] into acc; combine_statement
   takes right into acc, which stands left of it; both may change acc, an lvalue of acc_type. Equals
       acc = identity_value; for (i = 0; i < n; i++) { x = in[i]; fold_statement; }
   where combining is associative and agrees with folding. Bit for bit what pkern_par_reduce makes
   of the same loop, with leaves of at least 256 elements where min_len is 0. For example
       typedef struct { float low, high; } bounds;
       static const bounds nowhere = {INFINITY, -INFINITY};
       PKERN_DEFINE_FOLD(bounds_of, float, bounds, nowhere,
                         if (x < acc.low) acc.low = x; if (x > acc.high) acc.high = x,
                         if (right.low < acc.low) acc.low = right.low;
                         if (right.high > acc.high) acc.high = right.high) */
#define PKERN_DEFINE_FOLD(name, in_type, acc_type, identity_value, fold_statement, \
                          combine_statement) \
    typedef struct name##_array { \
        const in_type *in; \
    } name##_array; \
    PKN_INLINE void name##_identity(void *pkn_acc, void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        *(acc_type *)pkn_acc = (identity_value); \
    } \
    PKN_INLINE int name##_fold(void *pkn_acc, size_t pkn_begin, size_t pkn_end, void *pkn_ctx) { \
        const in_type *pkn_in = ((const name##_array *)pkn_ctx)->in; \
        acc_type acc = *(const acc_type *)pkn_acc; \
        for (size_t pkn_i = pkn_begin; pkn_i < pkn_end; pkn_i++) { \
            const in_type x = pkn_in[pkn_i]; \
            fold_statement; \
        } \
        *(acc_type *)pkn_acc = acc; \
        return 0; \
    } \
    PKN_INLINE void name##_combine(void *pkn_acc, const void *pkn_right, void *pkn_ctx) { \
        const acc_type right = *(const acc_type *)pkn_right; \
        acc_type acc = *(const acc_type *)pkn_acc; \
        PKN_UNUSED(pkn_ctx); \
        combine_statement; \
        *(acc_type *)pkn_acc = acc; \
    } \
    PKN_DEFINE_TYPED_REDUCE(name, in_type, acc_type)

#define PKN_DEFINE_TYPED_REDUCE(name, in_type, acc_type) \
    PKN_INLINE pkern_status name(pkern_pool *pool, const in_type *in, size_t n, \
                                 const pkern_par_options *options, acc_type *result) { \
        name##_array pkn_array; \
        pkern_reducer pkn_reducer; \
        pkn_array.in = in; \
        pkn_reducer.size = sizeof(acc_type); \
        pkn_reducer.identity = name##_identity; \
        pkn_reducer.fold = name##_fold; \
        pkn_reducer.combine = name##_combine; \
        pkn_reducer.ctx = &pkn_array; \
        return pkn_typed_reduce(pool, in, sizeof(in_type), n, options, &pkn_reducer, result); \
    }

/* Defines
       pkern_status name(type *base, size_t n, size_t nth)
   as pkern_select_nth with less(a, b), a function or macro of two values: nonzero where a comes
   before b. For example
       #define DOUBLE_LESS(a, b) ((a) < (b))
       PKERN_DEFINE_SELECT_NTH(select_double, double, DOUBLE_LESS)
       status = select_double(samples, n, n / 2);   median: samples[n / 2] */
#define PKERN_DEFINE_SELECT_NTH(name, type, less) \
    PKN_ALWAYS_INLINE int name##_compare(const void *pkn_a, const void *pkn_b, void *pkn_ctx) { \
        type pkn_left; \
        type pkn_right; \
        memcpy(&pkn_left, pkn_a, sizeof pkn_left); \
        memcpy(&pkn_right, pkn_b, sizeof pkn_right); \
        PKN_UNUSED(pkn_ctx); \
        return -(int)!!(less(pkn_left, pkn_right)); \
    } \
    PKN_INLINE pkern_status name(type *base, size_t n, size_t nth) { \
        if (base == 0 || nth >= n) { \
            return PKERN_EINVAL; \
        } \
        if (n > SIZE_MAX / sizeof(type)) { \
            return PKERN_EOVERFLOW; \
        } \
        pkn_introselect((unsigned char *)base, n, sizeof(type), nth, name##_compare, 0); \
        return PKERN_OK; \
    }

/* Defines
       pkern_status name(pkern_pool *pool, const type *base, size_t n, size_t k, size_t *out_indices)
   as pkern_par_top_k with less(a, b), a function or macro of two values: nonzero where a comes
   before b. For the largest first, let less say greater. For example
       #define SCORE_BETTER(a, b) ((a) > (b))
       PKERN_DEFINE_TOP_K(best_scores, float, SCORE_BETTER)
       status = best_scores(0, scores, n, 10, indices); */
#define PKERN_DEFINE_TOP_K(name, type, less) \
    PKN_INLINE int name##_compare(const void *pkn_a, const void *pkn_b, void *pkn_ctx) { \
        const type pkn_left = *(const type *)pkn_a; \
        const type pkn_right = *(const type *)pkn_b; \
        PKN_UNUSED(pkn_ctx); \
        return (less(pkn_left, pkn_right)) ? -1 : !!(less(pkn_right, pkn_left)); \
    } \
    PKN_ALWAYS_INLINE int name##_passes(const type pkn_x, const type pkn_threshold, \
                                        int pkn_or_equal) { \
        return pkn_or_equal ? !(less(pkn_threshold, pkn_x)) : !!(less(pkn_x, pkn_threshold)); \
    } \
    PKN_ALWAYS_INLINE size_t name##_scan( \
        const type *pkn_base, size_t pkn_i, size_t pkn_end, const type pkn_threshold, \
        int pkn_or_equal, size_t *pkn_indices, size_t *pkn_n, size_t pkn_capacity) { \
        size_t pkn_found = *pkn_n; \
        while (pkn_end - pkn_i >= PKN_TYPED_FILTER_BLOCK && \
               pkn_capacity - pkn_found >= PKN_TYPED_FILTER_BLOCK) { \
            int pkn_any = 0; \
            for (size_t pkn_j = 0; pkn_j < PKN_TYPED_FILTER_BLOCK; pkn_j++) { \
                pkn_any |= name##_passes(pkn_base[pkn_i + pkn_j], pkn_threshold, pkn_or_equal); \
            } \
            for (size_t pkn_j = 0; pkn_any && pkn_j < PKN_TYPED_FILTER_BLOCK; pkn_j++) { \
                pkn_indices[pkn_found] = pkn_i + pkn_j; \
                pkn_found += \
                    (size_t)name##_passes(pkn_base[pkn_i + pkn_j], pkn_threshold, pkn_or_equal); \
            } \
            pkn_i += PKN_TYPED_FILTER_BLOCK; \
        } \
        for (; pkn_i < pkn_end && pkn_found < pkn_capacity; pkn_i++) { \
            pkn_indices[pkn_found] = pkn_i; \
            pkn_found += (size_t)name##_passes(pkn_base[pkn_i], pkn_threshold, pkn_or_equal); \
        } \
        *pkn_n = pkn_found; \
        return pkn_i; \
    } \
    PKN_INLINE size_t name##_filter(const void *pkn_base, size_t pkn_begin, size_t pkn_end, \
                                    const void *pkn_threshold, int pkn_or_equal, \
                                    size_t *pkn_indices, size_t *pkn_n, size_t pkn_capacity, \
                                    void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        if (pkn_threshold == 0) { \
            return pkn_filter_all(pkn_begin, pkn_end, pkn_indices, pkn_n, pkn_capacity); \
        } \
        if (pkn_or_equal) { \
            return name##_scan((const type *)pkn_base, pkn_begin, pkn_end, \
                               *(const type *)pkn_threshold, 1, pkn_indices, pkn_n, pkn_capacity); \
        } \
        return name##_scan((const type *)pkn_base, pkn_begin, pkn_end, \
                           *(const type *)pkn_threshold, 0, pkn_indices, pkn_n, pkn_capacity); \
    } \
    PKN_INLINE pkern_status name(pkern_pool *pool, const type *base, size_t n, size_t k, \
                                 size_t *out_indices) { \
        return pkern_par_top_k_filter(pool, base, n, sizeof(type), k, name##_compare, \
                                      name##_filter, 0, out_indices); \
    }

/* The filter without a threshold. */
PKN_INLINE size_t pkn_filter_all(size_t begin, size_t end, size_t *indices, size_t *n_indices,
                                 size_t capacity) {
    size_t stop = begin + pkn_min_size(end - begin, capacity - *n_indices);
    for (size_t i = begin; i < stop; i++) {
        indices[(*n_indices)++] = i;
    }
    return stop;
}

#endif
/* ==== src/par/par.h, continued ==== */

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/flow.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Parallel work that is no plain range: trees, work that the user knows how to divide, blocks one
   after another, items that a serial source gives; and state that tasks borrow.

   What par.h says of pools, callbacks, failures and memory holds here too. Of the options only
   cancel has a meaning, but for pkern_par_for_blocks, which takes all of them. */
#ifndef PKN_PAR_FLOW_H
#define PKN_PAR_FLOW_H

/* #include "base/base.h": above */
/* #include "par/par.h": above */

PKERN_EXTERN_C_BEGIN

/* ---- blocks ---- */

/* pkern_par_for on one block after another: the next begins when the last has ended. Equals
       for (i = begin; i < end; i += len)
           if ((status = body(i, min(end, i + len), ctx)) != 0) return status;
   with len = block_len, or, where block_len is 0, T, 2 T, 4 T ... for a pool of T threads. Within a
   block, body gets pieces as in pkern_par_for. For searches that should end soon after the first
   hit (body returns a code of its own) and for work that should stay in the caches. No block is
   begun after one that failed. options are those of pkern_par_for; progress counts the items of all
   blocks. begin > end, body 0 or bad options are PKERN_EINVAL. Allocates nothing.
   Source: Rayon's by_uniform_blocks and by_exponential_blocks. */
PKERN_API pkern_status pkern_par_for_blocks(pkern_pool *pool, size_t begin, size_t end,
                                            size_t block_len, const pkern_par_options *options,
                                            pkern_range_fn body, void *ctx);

/* ---- trees ---- */

enum {
    PKERN_WALK_ANY = 0,    /* the fastest; at present as PREFIX */
    PKERN_WALK_PREFIX = 1, /* a node is visited before its children are asked for */
    PKERN_WALK_POSTFIX = 2 /* a node is visited after all nodes below it */
};

/* A walk under way, as children sees it. */
typedef struct pkern_walk pkern_walk;

/* Calls visit(node, ctx) on every node of a tree. Equals, for PKERN_WALK_PREFIX,
       walk(node): visit(node, ctx); children(node, walk, ctx); for each child pushed: walk(child);
   for PKERN_WALK_POSTFIX the visit stands last. children names a node's children by
   pkern_walk_push, first to last, or returns not 0 to fail. A node is a pointer that the library
   never looks behind; root 0 is an empty tree. Trees may be of any shape, and as deep as there is
   memory: the walk does not recurse.
   visit sees what the visits before it in the chosen order wrote on its way to or from the root;
   the order of other nodes is open. Every node is visited once; a node that hangs in two places is
   visited twice, so what is no tree but has no cycle is walked as the tree of its paths.
   The failure that a serial walk would meet first is returned; nodes before it in serial order are
   visited, nodes after it are not begun once it is known. options->cancel is asked before each node.
   children or visit 0, or an unknown order, is PKERN_EINVAL. PKERN_ENOMEM: children could not be
   remembered; nodes may have been visited. Allocates about 1 KiB each time another thread takes a
   part, and 24 bytes a node that waits for its turn where a part has more than 24 of these.
   Source: Rayon's walk_tree; cuts on demand are own. */
PKERN_API pkern_status pkern_walk_tree(pkern_pool *pool, void *root, int order,
                                       const pkern_par_options *options,
                                       int (*children)(void *node, pkern_walk *walk, void *ctx),
                                       int (*visit)(void *node, void *ctx), void *ctx);

/* Names the next child; inside of children only. 0 is no child and is passed over, so that both
   sides of a binary node can be pushed as they are. */
PKERN_API void pkern_walk_push(pkern_walk *walk, void *child);

/* ---- work that the user divides ---- */

/* Runs divisible work. split(work, right, ctx) either moves a part of work, the one that comes
   after the rest, to right (size bytes of raw memory, aligned to 64) and returns not 0, or leaves
   both alone and returns 0: the work can't be divided. leaf(work, ctx) does the work. Equals
       leaf(work, ctx);
   for a split after which doing work, then right, is the whole. A right part is forgotten after its
   leaf, so what it owns leaf must give back; after a failure or a cancel parts are forgotten without
   a leaf.
   How often: the work is cut while a count that starts at T and is halved by each cut is not 0; a
   part that another thread took starts again at T. So about 2 T leaves where all is even, more
   where threads come asking. split is called by the thread that has the part.
   Of several failures of leaf the one of the leftmost part is returned; parts to the left of a
   failure are all done, parts to the right are not begun once it is known. options->cancel is
   asked before each split and leaf. size 0, or work, split or leaf 0, is PKERN_EINVAL; a size near
   SIZE_MAX is PKERN_EOVERFLOW. Which parts there are depends on timing. Allocates only where
   size is above 128: a part for each cut; without memory nothing is cut.
   Source: Rayon's iter::split and its adaptive splitter. */
PKERN_API pkern_status pkern_par_split(pkern_pool *pool, void *work, size_t size,
                                       const pkern_par_options *options,
                                       int (*split)(void *work, void *right, void *ctx),
                                       int (*leaf)(void *work, void *ctx), void *ctx);

/* ---- items of a serial source ---- */

/* Where items come from and what is done with them. */
typedef struct pkern_source {
    size_t item_size; /* bytes of an item, any but 0; items are aligned to 64 */
    size_t window;    /* items in memory at once, 0 = 4 T */
    /* fills item, whose bytes are of any value before. 0: done so, PKERN_EEMPTY: there is no more,
       else a failure */
    int (*next)(void *item, void *ctx);
    /* works on an item, may change it. 0 or a failure */
    int (*body)(void *item, void *ctx);
    /* takes an item after its body, in the order of next; 0 = there is nothing to take. 0 or a
       failure */
    int (*emit)(void *item, void *ctx);
    void *ctx;
} pkern_source;

/* Runs body on the items that a serial source gives: a file's lines, a list, a queue. Equals
       while ((status = next(item, ctx)) == 0)
           if ((status = body(item, ctx)) != 0 || (status = emit(item, ctx)) != 0) return status;
       return status == PKERN_EEMPTY ? PKERN_OK : status;
   next is called by one thread at a time, emit by one thread at a time and in the order of next;
   next, emit and the bodies of several items run at once, on any threads. At most window items are
   between next and the end of their body or emit; without emit at most T, too.
   Callbacks may call pkern. next may take its time: other threads sleep where there is nothing to do.
   Every item that next filled is given to body once. Of several failures the lowest item's is
   returned (that of next counts for the item that it should have filled), the same at any number of
   threads where the callbacks' answers are. After one nothing more is read, items below are
   finished and emitted, items above are not emitted. options->cancel is asked before each call of
   next; what was read is then finished and emitted.
   source, next or body 0, or item_size 0, is PKERN_EINVAL; a window too large for size_t is
   PKERN_EOVERFLOW; PKERN_ENOMEM: nothing was read. An item costs some ten ns where one thread reads
   on and on, and some hundred where threads meet at the source, so it should be a microsecond of
   work or more. Allocates window items, and a few words for each of pkern_pool_num_slots.
   Source: Rayon's par_bridge; bounded and ordered as TBB's pipeline. */
PKERN_API pkern_status pkern_par_from(pkern_pool *pool, const pkern_source *source,
                                      const pkern_par_options *options);

/* ---- state that tasks borrow ---- */

/* States that are expensive to make (scratch memory, a generator, a partial result): about one for
   each thread that is at work, whatever the number of items. */
typedef struct pkern_locals pkern_locals;

/* Makes an empty set. A state is size bytes, aligned to 64 and zeroed, then init(state, ctx) where
   init is not 0; it is made when a thread first needs it and lives until the set is destroyed, when
   fini(state, ctx) is called where fini is not 0. init returns 0, or anything else where it failed.
   The set has to be destroyed before its pool.
   Errors: PKERN_EINVAL (locals is 0, size is 0), PKERN_EOVERFLOW (size is near SIZE_MAX),
   PKERN_ENOMEM; *locals is then 0. Allocates 64 bytes for each of pkern_pool_num_slots. */
PKERN_API pkern_status pkern_locals_create(pkern_pool *pool, size_t size,
                                           int (*init)(void *state, void *ctx),
                                           void (*fini)(void *state, void *ctx), void *ctx,
                                           pkern_locals **locals);

/* Borrows a state that nobody else has until it is released: the one of the calling thread's slot
   in the pool, as it was left, so its memory is near. Where that one is borrowed already, since this
   thread waits in one task and runs another meanwhile, a spare one: a task never sees the state of a
   task it interrupts. A thread that is not inside of the pool gets a spare one, too. Any thread; from
   init, too. 0 where there is no memory or init failed (that state is dropped without fini). Takes no
   lock, but for a spare one.
   Source: own; asked for in Rayon's issues 718 and 941. */
PKERN_API void *pkern_locals_acquire(pkern_locals *locals);

/* Gives a state back; any thread. The next borrower sees what was written to it. 0 is a no-op. */
PKERN_API void pkern_locals_release(pkern_locals *locals, void *state);

/* Calls fn(state, ctx) on every state made so far, in any order, on the caller; the first that is
   not 0 ends it and is returned. While it runs nobody may acquire. Errors: PKERN_EINVAL (locals or
   fn is 0), PKERN_EDEADLK where a state is still borrowed: fn was not called. */
PKERN_API pkern_status pkern_locals_each(pkern_locals *locals, int (*fn)(void *state, void *ctx),
                                         void *ctx);

/* Calls fini on every state and frees everything; 0 is a no-op. Errors: PKERN_EDEADLK where a state
   is still borrowed: nothing was done. */
PKERN_API pkern_status pkern_locals_destroy(pkern_locals *locals);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
#ifndef PKERN_NO_HDC
/* ==== src/hdc/hdc.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Binary hypervectors: bind, bundle, permute, compare and search batches of them, in parallel and
   exactly.

   A vector is `words` 64-bit words, that is 64 * words bits; bit i is bit i % 64 of word i / 64,
   and 1 stands for +1, 0 for -1. A batch of n vectors is n * words words, one row after another.

   Common to all functions here:
   - Any words from 1 to 2^26, any n, 0 included. Arrays need their type's own alignment; 64 bytes
     is fastest.
   - Results are exact and have the same bits for every number of threads, pool and instruction set.
   - Any thread may call, inside tasks too; the call returns when all is done. `pool` 0 is the pool
     of the running task, else the global one. A call whose work is too short to share runs on the
     caller alone, without touching another thread.
   - PKERN_EINVAL: words is 0, a pointer is null though its array has elements, or `out` overlaps an
     input without being the same array of the same shape. PKERN_EOVERFLOW: words > 2^26, or a size
     in bytes is beyond size_t. Both mean that nothing was read or written.
   - Memory is allocated only where it is said; then PKERN_ENOMEM is possible too, and out has no
     meaning.

   Source of the operations: P. Kanerva, "Hyperdimensional Computing", 2009 (binary spatter
   code). */
#ifndef PKN_HDC_HDC_H
#define PKN_HDC_HDC_H

/* #include "base/base.h": above */
/* #include "pool/pool.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Words of a vector of 2048 bits, the size that the kernels are tuned for. */
#define PKERN_HV16_WORDS 32

/* One found vector. Where there is none: {SIZE_MAX, UINT32_MAX, 0}. */
typedef struct pkern_hdc_match {
    size_t index;
    uint32_t distance; /* bits that differ; 2^32 is given as UINT32_MAX */
    float similarity;  /* 1 - distance / bits */
} pkern_hdc_match;

/* A random vector: each bit of out [words] is 1 with probability 1/2, independent of the others.
   Word i depends on (seed, i) alone, so a longer vector of a seed begins with its shorter ones.
   words 0 writes nothing. Source: SplitMix64 as a counter-based generator (Steele, Lea, Flood,
   2014). */
PKERN_API void pkern_hdc_random(uint64_t seed, uint64_t *out, size_t words);

/* Binds each vector with one key: for (i = 0; i < n; i++) out[i] = vectors[i] ^ key, rows of words
   words. Binding with the same key again gives the vectors back. out [n x words] may be vectors (or
   the key, where n is 1). */
PKERN_API pkern_status pkern_hdc_bind(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                      const uint64_t *key, size_t words, uint64_t *out);

/* Binds pairs: for (i = 0; i < n; i++) out[i] = a[i] ^ b[i], rows of words words. out [n x words]
   may be a or b. */
PKERN_API pkern_status pkern_hdc_bind_pairs(pkern_pool *pool, const uint64_t *a, const uint64_t *b,
                                            size_t n, size_t words, uint64_t *out);

/* Similarity of one vector with many: for (i = 0; i < n; i++) out[i] = 1 - hamming(query,
   targets[i]) / (64 * words). 1 is the same vector, 0 its complement, unrelated ones are near 0.5.
   out is [n]. Accuracy: (bits - distance) / bits within one ulp; exact where words is a power of
   two. */
PKERN_API pkern_status pkern_hdc_similarity(pkern_pool *pool, const uint64_t *query,
                                            const uint64_t *targets, size_t n, size_t words,
                                            float *out);

/* All Hamming distances: out[q * n_targets + t] = the number of bits in which queries[q] and
   targets[t] differ, [n_queries x n_targets]. A distance of 2^32 (words = 2^26 and all bits differ)
   is given as UINT32_MAX. Runs in parallel over queries and targets. To find the nearest ones,
   pkern_hdc_top_k needs no such matrix. */
PKERN_API pkern_status pkern_hdc_distances(pkern_pool *pool, const uint64_t *queries,
                                           size_t n_queries, const uint64_t *targets,
                                           size_t n_targets, size_t words, uint32_t *out);

/* Bundles sets of vectors by majority: for each set s and bit i,
       count = how many of the rows [set_offsets[s], set_offsets[s + 1]) of vectors have a 1 at bit
       i bit i of out[s] = count > rows / 2     (rows / 2 exactly, a tie, is 0; no rows give the
       zero vector, one row itself)
   set_offsets is [n_sets + 1] and must not decrease (PKERN_EINVAL); a set has at most 2^31 rows
   (PKERN_EOVERFLOW). out is [n_sets x words]. Runs in parallel over sets, and where these are few,
   over columns and rows of a set. Allocates where a long set is cut into parts, and where out is
   vectors. Source: M. Klarqvist, W. Mula, D. Lemire, "Efficient computation of positional
   population counts using SIMD instructions", 2019; the threshold as the carry of biased counters
   is own. */
PKERN_API pkern_status pkern_hdc_bundle(pkern_pool *pool, const uint64_t *vectors,
                                        const size_t *set_offsets, size_t n_sets, size_t words,
                                        uint64_t *out);

/* Rotates each vector by shift bits: bit i of vectors[r] becomes bit (i + shift) mod (64 * words)
   of out[r], for n rows of words words. Any shift; -shift undoes it. out [n x words] may be
   vectors. */
PKERN_API pkern_status pkern_hdc_permute(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                         size_t words, long shift, uint64_t *out);

/* For each query the nearest vector in memory: out[q] = the match with the smallest distance, among
   equals the one with the lowest index, for memory [n_memory x words] and out [n_queries]. n_memory
   0 gives {SIZE_MAX, UINT32_MAX, 0}. An exact search, in parallel over queries and memory. */
PKERN_API pkern_status pkern_hdc_nearest(pkern_pool *pool, const uint64_t *queries,
                                         size_t n_queries, const uint64_t *memory, size_t n_memory,
                                         size_t words, pkern_hdc_match *out);

/* For each query the k nearest vectors in memory, best first: row q of out [n_queries x k] is what
   a stable sort of memory's indices by distance to queries[q] would put first. Where k > n_memory
   the rest of a row is {SIZE_MAX, UINT32_MAX, 0}; k = 0 writes nothing. An exact search, in
   parallel over queries and memory; distances are never stored for more than a small block.
   Allocates scratch of about 16 * k bytes a query in work where k is above 16 (released on
   return). */
PKERN_API pkern_status pkern_hdc_top_k(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                                       const uint64_t *memory, size_t n_memory, size_t words,
                                       size_t k, pkern_hdc_match *out);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/accumulator.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters behind a bundle: add vectors, take them out again, merge, and cut off to bits.

   What hdc.h says of batches, errors, threads and memory holds here too. An accumulator is plain
   data of the caller's: one thread at a time may change it, any number may read it meanwhile
   unchanged. */
#ifndef PKN_HDC_ACCUMULATOR_H
#define PKN_HDC_ACCUMULATOR_H

/* #include "base/base.h": above */
/* #include "pool/pool.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* What a bit becomes where as many rows have a 1 as have a 0 (or the weights say so). */
enum {
    PKERN_HDC_TIE_ZERO = 0,   /* 0 */
    PKERN_HDC_TIE_FIRST = 1,  /* the bit of the first row */
    PKERN_HDC_TIE_VECTOR = 2, /* the bit of a vector of the caller's */
    PKERN_HDC_TIE_SEEDED = 3  /* the bit of pkern_hdc_random(seed) */
};

/* counts[i], for bit i, is the sum over the added rows of weight * (the row's bit i is 1 ? 1 : -1).
   A program may also fill the fields itself, to go on from counters that it saved. */
typedef struct pkern_hdc_accumulator {
    int32_t *counts; /* [64 * words], the caller's */
    size_t words;
    int64_t weight; /* sum of all weights: rows added less rows removed, where each is 1 or -1 */
    uint64_t seed;  /* of PKERN_HDC_TIE_SEEDED; 0 after init, the caller may set it */
} pkern_hdc_accumulator;

/* Begins on the caller's memory, counts [64 * words], and sets it to 0. PKERN_EINVAL: a null
   pointer, words 0; PKERN_EOVERFLOW: words > 2^26. */
PKERN_API pkern_status pkern_hdc_accumulator_init(pkern_hdc_accumulator *accumulator,
                                                  int32_t *counts, size_t words);

/* Adds n vectors: for (r = 0; r < n; r++) for each bit i
       counts[i] += weights[r] * (bit i of vectors[r] is 1 ? 1 : -1)
   weights [n] may be 0: all are 1; a negative weight takes a vector out again. The sum over the
   call is exact and then added with saturation, so a counter stays at INT32_MAX or INT32_MIN
   instead of wrapping; taking out what was added after that does not restore the count.
   PKERN_EOVERFLOW, and nothing is done, where the weights' magnitudes (or n) sum to more than
   2^31 - 1. PKERN_EINVAL where vectors or weights overlap the counters. Runs in parallel over
   columns, and over rows where there are few columns and many rows; then it allocates 256 * words
   bytes for each of at most 8 parts a thread, and where there is no memory for them one thread does
   it all. Source: as pkern_hdc_bundle. */
PKERN_API pkern_status pkern_hdc_accumulator_add(pkern_pool *pool,
                                                 pkern_hdc_accumulator *accumulator,
                                                 const uint64_t *vectors, size_t n,
                                                 const int32_t *weights);

/* for (i = 0; i < 64 * words; i++) into->counts[i] += from->counts[i], saturating; the weights are
   added too. PKERN_EINVAL where words differ or the counters overlap without being the same. */
PKERN_API pkern_status pkern_hdc_accumulator_merge(pkern_hdc_accumulator *into,
                                                   const pkern_hdc_accumulator *from);

/* The majority as a vector: bit i of out [words] is 1 where counts[i] > 0, 0 where it is below, and
   where it is 0 what tie says (PKERN_HDC_TIE_*). tie_vector [words] is read for
   PKERN_HDC_TIE_VECTOR and PKERN_HDC_TIE_FIRST alone; for the latter it is the first row, which the
   accumulator does not keep. It may be out. PKERN_EINVAL: an unknown tie, a tie_vector that is
   needed and null, out inside the counters. */
PKERN_API pkern_status pkern_hdc_accumulator_threshold(const pkern_hdc_accumulator *accumulator,
                                                       int tie, const uint64_t *tie_vector,
                                                       uint64_t *out);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/codebook.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Codebooks: rows of vectors that stand for symbols, amounts or angles.

   What hdc.h says of batches, errors, threads and memory holds here too. The same arguments give
   the same bits on every machine, for any pool. Below, D is 64 * words. */
#ifndef PKN_HDC_CODEBOOK_H
#define PKN_HDC_CODEBOOK_H

/* #include "base/base.h": above */
/* #include "pool/pool.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* n unrelated vectors for symbols: the bits of pkern_hdc_random(seed, out, n * words), so row 0 is
   pkern_hdc_random(seed, out, words) and a longer codebook begins with the shorter one. Two rows
   differ in D / 2 bits on average, with a standard deviation of sqrt(D) / 2. out is [n x words]. */
PKERN_API pkern_status pkern_hdc_codebook_random(pkern_pool *pool, uint64_t seed, size_t n,
                                                 size_t words, uint64_t *out);

/* n vectors whose bits are 1 with probability density, each independent of the others. The
   probability is exact where density is a multiple of 2^-64 (every double from 2^-11 up is), else
   rounded down to one. PKERN_EINVAL: density below 0, above 1 or NaN. Costs about 7 random words a
   word, fewer where density has few bits (1 for 0.5). Source: own; a comparison of 64 lazily drawn
   binary fractions with density at once, which ends when all are decided. */
PKERN_API pkern_status pkern_hdc_codebook_random_density(pkern_pool *pool, uint64_t seed,
                                                         double density, size_t n, size_t words,
                                                         uint64_t *out);

/* n_levels vectors for amounts, neighbours alike: row i is row 0 with floor(i * D / 2 / (n_levels -
   1)) bits flipped, each level flipping those of the one before and some more, at places drawn
   without repetition. So row i and row j differ in exactly the difference of these numbers, and the
   first and last row in D / 2 bits, as unrelated vectors do. Row 0 is pkern_hdc_random(seed).
   n_levels above 2^31 is PKERN_EOVERFLOW. Allocates 4 * D bytes for the call. Source: A. Rahimi, S.
   Benatti, P. Kanerva, L. Benini, J. Rabaey, "Hyperdimensional biosignal processing", 2016. */
PKERN_API pkern_status pkern_hdc_codebook_level(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                size_t words, uint64_t *out);

/* n_levels vectors without randomness: row i has its lowest floor(i * D / (n_levels - 1)) bits 1,
   the others 0, so distance is difference over the whole range from 0 to D. One level is all 0.
   n_levels above 2^31 is PKERN_EOVERFLOW. */
PKERN_API pkern_status pkern_hdc_codebook_thermometer(pkern_pool *pool, size_t n_levels,
                                                      size_t words, uint64_t *out);

/* n_levels vectors for what goes round, such as hours or angles: with t(i) = floor(i * D /
   n_levels), row i and row j differ in exactly min(d, D - d) bits, d = |t(i) - t(j)|. So the
   distance grows with the way round, up to D / 2 for opposite rows, and the last row is as near to
   the first as neighbours are. Row 0 is pkern_hdc_random(seed). n_levels above 2^31 is
   PKERN_EOVERFLOW. Allocates 4 * D bytes for the call. Source: I. Nunes, M. Heddes, T. Givargis, A.
   Nicolau, "An extension to basis-hypervectors for learning from circular data in hyperdimensional
   computing", 2022; without its restriction to even n_levels. */
PKERN_API pkern_status pkern_hdc_codebook_circular(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                   size_t words, uint64_t *out);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/operations.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* More ways to combine and change batches of vectors: bind whole sets, bind under a mask, bundle
   with weights and a choice for ties, complement, noise, and permutations of bits.

   What hdc.h says of batches, errors, threads and memory holds here too. The inverse of a rotation
   is pkern_hdc_permute with -shift. Below, D is 64 * words. */
#ifndef PKN_HDC_OPERATIONS_H
#define PKN_HDC_OPERATIONS_H

/* #include "base/base.h": above */
/* #include "hdc/accumulator.h": above */
/* #include "pool/pool.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Binds sets of vectors: for each set s, out[s] = the exclusive or of the rows [set_offsets[s],
   set_offsets[s + 1]) of vectors; no rows give the zero vector. set_offsets is [n_sets + 1] and
   must not decrease (PKERN_EINVAL); out is [n_sets x words] and must not overlap vectors or
   set_offsets. Runs in parallel over sets and columns, and over the rows of a long set where these
   are few; then it allocates 8 * words bytes for each of at most 8 parts a thread, and where there
   is no memory for them one thread does the set. */
PKERN_API pkern_status pkern_hdc_multibind(pkern_pool *pool, const uint64_t *vectors,
                                           const size_t *set_offsets, size_t n_sets, size_t words,
                                           uint64_t *out);

/* Binds where mask has a 1: for (i = 0; i < n; i++) out[i] = vectors[i] ^ (key & mask), so bits
   outside of mask stay as they are. The same call again gives the vectors back. out [n x words] may
   be vectors; it must not overlap key or mask, both [words]. */
PKERN_API pkern_status pkern_hdc_bind_masked(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             const uint64_t *key, const uint64_t *mask,
                                             size_t words, uint64_t *out);

/* The complement: for (i = 0; i < n; i++) out[i] = ~vectors[i]. Its similarity to anything is 1
   less that of the vector. out [n x words] may be vectors. */
PKERN_API pkern_status pkern_hdc_negate(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                        size_t words, uint64_t *out);

/* How to bundle; 0 or all zero is what pkern_hdc_bundle does. */
typedef struct pkern_hdc_bundle_options {
    int tie;       /* PKERN_HDC_TIE_* */
    uint64_t seed; /* of PKERN_HDC_TIE_SEEDED: set s takes pkern_hdc_random(seed + s) */
    const uint64_t *tie_vector; /* [words], of PKERN_HDC_TIE_VECTOR */
    const int32_t *weights;     /* one for each row of vectors, 0: all are 1 */
} pkern_hdc_bundle_options;

/* pkern_hdc_bundle with options: bit i of out[s] is 1 where the sum over the set's rows of weight *
   (bit i is 1 ? 1 : -1) is above 0, 0 where it is below, and where it is 0 what options->tie says:
   PKERN_HDC_TIE_FIRST takes the set's own first row. A set without rows gives the zero vector
   whatever tie is. PKERN_EINVAL: an unknown tie, no tie_vector where one is needed, out overlapping
   vectors, set_offsets, tie_vector or weights. PKERN_EOVERFLOW: a set of more than 2^31 - 1 rows or
   weights whose magnitudes sum to more. Runs in parallel over sets and columns, and over the rows
   of a long set where these are few; then it allocates 256 * words bytes, and as much for each of
   at most 8 parts a thread, and where there is no memory for them one thread does the set. */
PKERN_API pkern_status pkern_hdc_bundle_with(pkern_pool *pool, const uint64_t *vectors,
                                             const size_t *set_offsets, size_t n_sets, size_t words,
                                             const pkern_hdc_bundle_options *options,
                                             uint64_t *out);

/* Noise: each bit of the n vectors is flipped with this probability, independent of the others; how
   exact that is and what it costs is said at pkern_hdc_codebook_random_density. Word i of the batch
   depends on (seed, i) alone. out [n x words] may be vectors. PKERN_EINVAL: a probability below 0,
   above 1 or NaN. */
PKERN_API pkern_status pkern_hdc_noise(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                       size_t words, double probability, uint64_t seed,
                                       uint64_t *out);

/* Noise of an exact amount: in each of the n vectors n_flips different bits are flipped, every set
   of bits being as probable as any other. Row i depends on (seed, i) alone. n_flips above D is
   PKERN_EINVAL. out [n x words] must not overlap vectors. Takes about as long as min(n_flips, D -
   n_flips) random numbers. Source: R. Floyd's sampling without repetition, in J. Bentley,
   "Programming pearls", 1987. */
PKERN_API pkern_status pkern_hdc_noise_flips(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             size_t words, size_t n_flips, uint64_t seed,
                                             uint64_t *out);

/* A random permutation of D bits, every one as probable as any other up to the generator's 2^64
   seeds: permutation [64 * words] gets each number below D once. About 3 ns a bit, on the caller.
   Source: R. Durstenfeld, "Algorithm 235: random permutation", 1964. */
PKERN_API pkern_status pkern_hdc_permutation_random(uint64_t seed, size_t words,
                                                    uint32_t *permutation);

/* The inverse permutation: for (i = 0; i < 64 * words; i++) inverse[permutation[i]] = i. Both are
   [64 * words] and must not overlap. PKERN_EINVAL where permutation does not have each number once;
   inverse then has no meaning. */
PKERN_API pkern_status pkern_hdc_permutation_invert(const uint32_t *permutation, size_t words,
                                                    uint32_t *inverse);

/* Permutes the bits of each vector: bit i of out[r] = bit permutation[i] of vectors[r], for n rows
   and permutation [64 * words] (with the inverse permutation, that takes them back). Any table of
   numbers below D will do (else PKERN_EINVAL); out [n x words] must not overlap vectors or
   permutation. Far dearer than a rotation: each bit is fetched by itself, or for all of 64 vectors
   at once where there are at least 8 and words is at most 64. */
PKERN_API pkern_status pkern_hdc_permute_bits(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                              size_t words, const uint32_t *permutation,
                                              uint64_t *out);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/bipolar.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bipolar hypervectors of small integers (MAP: multiply, add, permute): the same operations as on
   bits, for vectors whose elements carry a weight.

   A vector is dims elements of int8_t or int16_t, usually -1 and 1, after bundling any integer. A
   batch of n vectors is n * dims elements, one row after another. Results are clipped to -127 ..
   127 and -32767 .. 32767; inputs may hold -128 and -32768.

   What hdc.h says in common of all functions holds here too, with dims in place of words: dims is 1
   to 2^32, 0 is PKERN_EINVAL, more PKERN_EOVERFLOW. Results are exact.

   Source: R. Gayler, "Multiplicative binding, representation operators and analogy", 1998. */
#ifndef PKN_HDC_BIPOLAR_H
#define PKN_HDC_BIPOLAR_H

/* #include "base/base.h": above */
/* #include "pool/pool.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* One found vector. Where there is none: {SIZE_MAX, INT64_MIN}. */
typedef struct pkern_hdc_map_match {
    size_t index;
    int64_t dot;
} pkern_hdc_map_match;

/* A random vector of -1 and 1: out[i] is 1 where bit i of pkern_hdc_random(seed) is. dims 0 writes
   nothing. */
PKERN_API void pkern_hdc_map_random_i8(uint64_t seed, int8_t *out, size_t dims);
PKERN_API void pkern_hdc_map_random_i16(uint64_t seed, int16_t *out, size_t dims);

/* Binds each vector with one key: out[r][i] = clip(vectors[r][i] * key[i]) for n rows. With a key of
   -1 and 1, binding again gives the vectors back. out [n x dims] may be vectors (or the key, where n
   is 1). */
PKERN_API pkern_status pkern_hdc_map_bind_i8(pkern_pool *pool, const int8_t *vectors, size_t n,
                                             const int8_t *key, size_t dims, int8_t *out);
PKERN_API pkern_status pkern_hdc_map_bind_i16(pkern_pool *pool, const int16_t *vectors, size_t n,
                                              const int16_t *key, size_t dims, int16_t *out);

/* Bundles sets of vectors: out[s][i] = clip(the sum of vectors[r][i] over set_offsets[s] <= r <
   set_offsets[s + 1]). The sum is exact, the clip comes once at the end, so the order of rows does
   not matter. set_offsets is [n_sets + 1] and must not decrease (PKERN_EINVAL); no rows give zeros.
   out is [n_sets x dims] and overlaps nothing. Runs in parallel over sets and columns. */
PKERN_API pkern_status pkern_hdc_map_bundle_i8(pkern_pool *pool, const int8_t *vectors,
                                               const size_t *set_offsets, size_t n_sets,
                                               size_t dims, int8_t *out);
PKERN_API pkern_status pkern_hdc_map_bundle_i16(pkern_pool *pool, const int16_t *vectors,
                                                const size_t *set_offsets, size_t n_sets,
                                                size_t dims, int16_t *out);

/* Rotates each vector: element i of vectors[r] becomes element (i + shift) mod dims of out[r], for n
   rows. Any shift; -shift undoes it. out [n x dims] overlaps nothing. */
PKERN_API pkern_status pkern_hdc_map_permute_i8(pkern_pool *pool, const int8_t *vectors, size_t n,
                                                size_t dims, long shift, int8_t *out);
PKERN_API pkern_status pkern_hdc_map_permute_i16(pkern_pool *pool, const int16_t *vectors,
                                                 size_t n, size_t dims, long shift, int16_t *out);

/* All dot products: out[q * n_targets + t] = the sum of queries[q][i] * targets[t][i] over i, exact.
   Runs in parallel over queries and targets. On CPUs with VNNI by its instructions. 16-bit queries
   whose values reach -32768 are computed element by element on x86. */
PKERN_API pkern_status pkern_hdc_map_dots_i8(pkern_pool *pool, const int8_t *queries,
                                             size_t n_queries, const int8_t *targets,
                                             size_t n_targets, size_t dims, int64_t *out);
PKERN_API pkern_status pkern_hdc_map_dots_i16(pkern_pool *pool, const int16_t *queries,
                                              size_t n_queries, const int16_t *targets,
                                              size_t n_targets, size_t dims, int64_t *out);

/* For each query the k vectors in memory with the largest dot products, best first, ties by lower
   index: row q of out [n_queries x k]. Where k > n_memory the rest of a row is {SIZE_MAX,
   INT64_MIN}; k = 0 writes nothing. An exact search, in parallel over queries and memory. Allocates
   scratch of 24 * k bytes a query, and for few queries some times that. */
PKERN_API pkern_status pkern_hdc_map_top_k_i8(pkern_pool *pool, const int8_t *queries,
                                              size_t n_queries, const int8_t *memory,
                                              size_t n_memory, size_t dims, size_t k,
                                              pkern_hdc_map_match *out);
PKERN_API pkern_status pkern_hdc_map_top_k_i16(pkern_pool *pool, const int16_t *queries,
                                               size_t n_queries, const int16_t *memory,
                                               size_t n_memory, size_t dims, size_t k,
                                               pkern_hdc_map_match *out);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/exact_search.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Exact search with conditions: nearest vectors under a mask and within a radius, all vectors within
   a radius, all close pairs of one set or two; and the matrices of all distances and similarities.

   What is said in hdc.h of arrays, threads, exactness and errors holds here. Nothing here makes a
   matrix but the two functions that are named so.

   Where a radius or the k-th best so far is known, a pair is given up as soon as the bits compared
   so far can't lead below it any more: for the radius of near copies (clean-up, duplicates) most
   pairs cost a quarter of their words or less. Results are the same as without. */
#ifndef PKN_HDC_EXACT_SEARCH_H
#define PKN_HDC_EXACT_SEARCH_H

/* #include "hdc/hdc.h": above */

PKERN_EXTERN_C_BEGIN

enum {
    PKERN_HDC_WITHIN = 1,      /* options.radius holds: targets farther away are not found */
    PKERN_HDC_EXPECT_NEAR = 2, /* see pkern_hdc_top_k_where */
    PKERN_HDC_BY_DISTANCE = 4  /* range search: rows by distance, then index, not by index */
};

/* All zero is the default: no condition. */
typedef struct pkern_hdc_search_options {
    const uint64_t *mask; /* [ceil(n_targets / 64)] words: target t may be found where bit t % 64 of
                             word t / 64 is 1; 0: all may. A predicate is a mask filled by a loop. */
    uint32_t radius;      /* with PKERN_HDC_WITHIN: the largest distance that is found */
    unsigned flags;       /* PKERN_HDC_..., added */
    uint64_t *words_read; /* 0, or gets how many words of targets were compared, over all pairs. It
                             depends on how the work was cut, so on the number of threads. */
} pkern_hdc_search_options;

/* A pair of close vectors: i of the first set, j of the second. */
typedef struct pkern_hdc_pair {
    size_t i, j;
    uint32_t distance;
    float similarity; /* 1 - distance / bits */
} pkern_hdc_pair;

/* The radius of a similarity: the largest distance of vectors of words words that are at least so
   similar, for (d = bits; (float)(1 - d / bits) < similarity; d--); with the float that matches
   hold. PKERN_EINVAL where similarity is NaN or above 1 (nothing is so similar). */
PKERN_API pkern_status pkern_hdc_radius(float similarity, size_t words, uint32_t *radius);

/* All distances as 16-bit numbers: out[q * n_targets + t] = hamming(queries[q], targets[t]),
   [n_queries x n_targets]. PKERN_EOVERFLOW where 64 * words > 65535, that is words > 1023. With 32
   bits it is pkern_hdc_distances. */
PKERN_API pkern_status pkern_hdc_distance_matrix_u16(pkern_pool *pool, const uint64_t *queries,
                                                     size_t n_queries, const uint64_t *targets,
                                                     size_t n_targets, size_t words, uint16_t *out);

/* All similarities: out[q * n_targets + t] = 1 - hamming(queries[q], targets[t]) / (64 * words),
   [n_queries x n_targets], with the accuracy of pkern_hdc_similarity. */
PKERN_API pkern_status pkern_hdc_similarity_matrix(pkern_pool *pool, const uint64_t *queries,
                                                   size_t n_queries, const uint64_t *targets,
                                                   size_t n_targets, size_t words, float *out);

/* pkern_hdc_top_k under conditions: row q of out [n_queries x k] is what a stable sort by distance
   of those targets that the mask allows and the radius reaches would put first; where these are
   fewer than k, the rest of the row is {SIZE_MAX, UINT32_MAX, 0}. options 0 is pkern_hdc_top_k. k 1
   with a radius is the clean-up of noisy vectors.
   PKERN_HDC_EXPECT_NEAR says that most queries have k near targets: then a first pass over the first
   words of all vectors (1/4 of 2048 bits, 1/16 of long ones) finds them, and the pass proper gives
   most other pairs up early. Queries without near targets pay for the first pass.
   Allocates scratch of about 16 * k bytes a query in work where k is above 16, and with
   PKERN_HDC_EXPECT_NEAR 8 bytes a query. Source of the early end of a comparison: C.-D. Bei, R. M. Gray, "An
   improvement of the minimum distortion encoding algorithm for vector quantization", 1985. */
PKERN_API pkern_status pkern_hdc_top_k_where(pkern_pool *pool, const uint64_t *queries,
                                             size_t n_queries, const uint64_t *memory,
                                             size_t n_memory, size_t words, size_t k,
                                             const pkern_hdc_search_options *options,
                                             pkern_hdc_match *out);

/* All targets within a radius of each query: for each q in order, for t = 0, 1, ...: a match where
   hamming(queries[q], memory[t]) <= radius and the mask allows t. Row q has the places [offsets[q],
   offsets[q + 1]) of the list of all matches; offsets is [n_queries + 1]. out gets the list's first
   capacity matches and is not touched behind them, so offsets[n_queries] > capacity tells that there
   are more, and capacity 0 (out may be 0) only counts. PKERN_HDC_BY_DISTANCE orders each row by
   distance, among equals by index; a row that is cut by the capacity then keeps its nearest. The
   radius is the one given here; PKERN_HDC_WITHIN is ignored.
   A query's part of the memory where something was found is compared a second time to write it.
   Allocates at most 1 MiB, and works without it too. */
PKERN_API pkern_status pkern_hdc_range_search(pkern_pool *pool, const uint64_t *queries,
                                              size_t n_queries, const uint64_t *memory,
                                              size_t n_memory, size_t words, uint32_t radius,
                                              const pkern_hdc_search_options *options,
                                              size_t *offsets, pkern_hdc_match *out,
                                              size_t capacity);

/* All close pairs of two sets: for each i in order, for j = 0, 1, ...: a pair where hamming(a[i],
   b[j]) <= radius. out gets the list's first capacity pairs and is not touched behind them; *count
   is how many there are. Work and memory are those of pkern_hdc_range_search. */
PKERN_API pkern_status pkern_hdc_join(pkern_pool *pool, const uint64_t *a, size_t n_a,
                                      const uint64_t *b, size_t n_b, size_t words, uint32_t radius,
                                      pkern_hdc_pair *out, size_t capacity, size_t *count);

/* All close pairs of one set, each once: for each i in order, for j = i + 1, i + 2, ...: a pair
   where hamming(vectors[i], vectors[j]) <= radius. Else as pkern_hdc_join. */
PKERN_API pkern_status pkern_hdc_self_join(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t radius, pkern_hdc_pair *out,
                                           size_t capacity, size_t *count);

/* How many of the nearest an approximate search found: the share, over all rows of exact and found
   [n_queries x k], of exact's matches that have one as near in found:
       hits += min(exact's matches in the row, found's matches no farther than exact's last match)
   divided by the number of exact's matches; 1 where there are none. Matches without an index (the
   rest of short rows) count on neither side; a row of found must not hold a target twice. */
PKERN_API double pkern_hdc_recall(const pkern_hdc_match *exact, const pkern_hdc_match *found,
                                  size_t n_queries, size_t k);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/store.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A store of hypervectors that only grows: rows are appended, never move and never change, so many
   threads search while another one appends, and no reader waits for anything. It is saved to a file
   and loaded from it without a copy.

   A store keeps `words` words a row, and with PKERN_HDC_STORE_IDS a number of the user's beside
   each. Rows lie in a few segments, each at least as long as all before it together. Row i is the
   i-th that was appended.

   Readers (every function that takes a const store) work on the rows there are when they begin;
   appends go on meanwhile, and a row is seen whole or not at all. Statuses are those of hdc.h; also
   PKERN_EINVAL for a store that is null. */
#ifndef PKN_HDC_STORE_H
#define PKN_HDC_STORE_H

/* #include "hdc/hdc.h": above */

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_store pkern_hdc_store;

enum {
    PKERN_HDC_STORE_IDS = 1 /* each row has an id */
};

/* Makes an empty store of rows of words words. flags is 0 or PKERN_HDC_STORE_IDS. allocator 0 is
   malloc; its functions and user pointer must work until the store is destroyed. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_create(size_t words, unsigned flags,
                                              const pkern_allocator *allocator,
                                              pkern_hdc_store **store);

/* Releases a store and unmaps its file; 0 is a no-op. Nobody may use the store any more. */
PKERN_API void pkern_hdc_store_destroy(pkern_hdc_store *store);

/* Appends n rows: vectors [n x words] and ids [n], which must be 0 where the store has none. All of
   them or, on failure, none; readers see none before the call has copied all. *first, where first
   is not 0, is the row that the first one became. Any thread may append; appends wait for each
   other. Amortised O(n). Allocates a segment where the last one is full. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_append(pkern_hdc_store *store, const uint64_t *vectors,
                                              const uint64_t *ids, size_t n, size_t *first);

/* Makes room for n further rows, so that appending them allocates nothing. Of a store that is
   empty and new, the n rows will lie in one segment. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_reserve(pkern_hdc_store *store, size_t n);

/* Rows that can be read now, words of a row, and flags as given to create. */
PKERN_API size_t pkern_hdc_store_count(const pkern_hdc_store *store);
PKERN_API size_t pkern_hdc_store_words(const pkern_hdc_store *store);
PKERN_API unsigned pkern_hdc_store_flags(const pkern_hdc_store *store);

/* The rows from `first` on that lie one after another: *vectors (where vectors is not 0) is row
   first, *ids its id (0 where the store has none), and the result says how many follow, itself
   included; 0 where first is no row. The arrays stay as they are until the store is destroyed. All
   rows in turn, for any function of this library:
       for (i = 0; (n = pkern_hdc_store_rows(store, i, &vectors, 0)) > 0; i += n) ... */
PKERN_API size_t pkern_hdc_store_rows(const pkern_hdc_store *store, size_t first,
                                      const uint64_t **vectors, const uint64_t **ids);

/* pkern_hdc_nearest and pkern_hdc_top_k with all rows of the store as memory; index is a row. The
   store's words count. Allocates scratch for n_queries * k matches where these are more than 256
   and the store has several segments. */
PKERN_API pkern_status pkern_hdc_store_nearest(pkern_pool *pool, const pkern_hdc_store *store,
                                               const uint64_t *queries, size_t n_queries,
                                               pkern_hdc_match *out);
PKERN_API pkern_status pkern_hdc_store_top_k(pkern_pool *pool, const pkern_hdc_store *store,
                                             const uint64_t *queries, size_t n_queries, size_t k,
                                             pkern_hdc_match *out);

/* Saves the rows there are to a file at path, which is replaced when the new one is whole and on
   the disk: an error, a crash or a cut of power before that leaves the old file. A process that
   ends in the middle may leave "<path>.<16 hex digits>.new". A link at path is replaced, too, and
   the new file has the permissions of a new file. Readers and appends may go on. The file holds the
   rows as they are, little-endian, with checksums; a machine of another byte order gets
   PKERN_EFORMAT. PKERN_EIO: the folder is missing, not writable, the disk is full. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_save(const pkern_hdc_store *store, const char *path);

/* Makes a store of a saved file, also of one that an item memory saved. The file is checked as a
   whole, which reads it once, and stays mapped where the system can (else it is read into memory);
   appended rows go into memory behind it. The file must not be changed while it is mapped: to save
   over it is fine, to write into it or cut it is not. Failures leave *store 0:
       PKERN_ENOENT     there is no such file
       PKERN_EIO        the system can't read it
       PKERN_EFORMAT    something else than a file of rows
       PKERN_EVERSION   written by a newer pkern
       PKERN_ECORRUPT   damaged or cut off
       PKERN_ENOMEM */
PKERN_API pkern_status pkern_hdc_store_load(const char *path, const pkern_allocator *allocator,
                                            pkern_hdc_store **store);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/item_memory.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* An item memory: symbols, each with its hypervector, and the way back from a vector that is near
   one of them to its symbol.

   A symbol is any run of bytes: a text without its zero, a number as its 8 bytes, none at all.
   Items stand in rows 0 to count - 1 of one array, in the order in which they were added until one
   is removed: then the last item takes its row.

   Functions that take a const memory may run at the same time in any number of threads; the others
   need the memory to themselves. (For search while another thread adds, see the store.) Statuses
   are those of hdc.h; also PKERN_EINVAL for a memory that is null, or a symbol that is null and has
   bytes, and PKERN_ENOENT for a symbol that isn't there. After any failure the memory is as it
   was. */
#ifndef PKN_HDC_ITEM_MEMORY_H
#define PKN_HDC_ITEM_MEMORY_H

/* #include "hdc/hdc.h": above */

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_item_memory pkern_hdc_item_memory;

/* The vector that a seed gives a symbol: pkern_hdc_random(hash(seed, symbol), out, words), random
   and unrelated for different symbols, the same on every machine. words 0 writes nothing. */
PKERN_API void pkern_hdc_symbol_vector(uint64_t seed, const void *symbol, size_t symbol_bytes,
                                       uint64_t *out, size_t words);

/* Makes an empty memory for vectors of words words. seed makes the vectors that are not given.
   allocator 0 is malloc; its functions and user pointer must work until the memory is destroyed.
   PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_item_memory_create(size_t words, uint64_t seed,
                                                    const pkern_allocator *allocator,
                                                    pkern_hdc_item_memory **memory);

/* Releases a memory; 0 is a no-op. */
PKERN_API void pkern_hdc_item_memory_destroy(pkern_hdc_item_memory *memory);

/* Adds a symbol with a copy of vector [words], or, where vector is 0, with that of
   pkern_hdc_symbol_vector and the memory's seed. A symbol that is there already keeps its vector.
   *row, where row is not 0, is the symbol's row in both cases. vector may be one of the memory's
   own; symbol may not be part of one that is there (PKERN_EINVAL). Amortised O(symbol_bytes +
   words). Allocates where memory is full. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_item_memory_add(pkern_hdc_item_memory *memory, const void *symbol,
                                                 size_t symbol_bytes, const uint64_t *vector,
                                                 size_t *row);

/* Gives a symbol that is there a copy of vector [words], or, where vector is 0, its seed's vector
   again. */
PKERN_API pkern_status pkern_hdc_item_memory_update(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes,
                                                    const uint64_t *vector);

/* Removes a symbol; the last item moves into its row. */
PKERN_API pkern_status pkern_hdc_item_memory_remove(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes);

/* The row of a symbol, SIZE_MAX where it isn't there. O(symbol_bytes). */
PKERN_API size_t pkern_hdc_item_memory_find(const pkern_hdc_item_memory *memory, const void *symbol,
                                            size_t symbol_bytes);

/* Number of items, words of a vector. */
PKERN_API size_t pkern_hdc_item_memory_count(const pkern_hdc_item_memory *memory);
PKERN_API size_t pkern_hdc_item_memory_words(const pkern_hdc_item_memory *memory);

/* All vectors, [count x words], for any function of this library; 0 where there are none. Valid
   until the memory changes. */
PKERN_API const uint64_t *pkern_hdc_item_memory_vectors(const pkern_hdc_item_memory *memory);

/* The symbol in a row below count, *symbol_bytes long, without a zero behind it; 0 and no bytes for
   any other row. Valid until the memory changes. */
PKERN_API const void *pkern_hdc_item_memory_symbol(const pkern_hdc_item_memory *memory, size_t row,
                                                   size_t *symbol_bytes);

/* Cleans up: out[q] [n_queries] is the nearest item (index is its row; ties: the lowest row) where
   at most max_distance bits differ, else {SIZE_MAX, UINT32_MAX, 0}. A similarity s is a distance of
   (1 - s) * 64 * words. An exact search, in parallel over queries and items. */
PKERN_API pkern_status pkern_hdc_item_memory_cleanup(pkern_pool *pool,
                                                     const pkern_hdc_item_memory *memory,
                                                     const uint64_t *queries, size_t n_queries,
                                                     uint32_t max_distance, pkern_hdc_match *out);

/* Saves to a file and loads from it, with the promises and statuses of pkern_hdc_store_save and
   pkern_hdc_store_load. The file is a store's with the symbols beside the rows, so a store can map
   it, too; a store's own file has no symbols and is PKERN_EFORMAT here. A loaded memory is a copy:
   the file may go. */
PKERN_API pkern_status pkern_hdc_item_memory_save(const pkern_hdc_item_memory *memory,
                                                  const char *path);
PKERN_API pkern_status pkern_hdc_item_memory_load(const char *path,
                                                  const pkern_allocator *allocator,
                                                  pkern_hdc_item_memory **memory);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/cluster.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Clusters of vectors, and search that looks at a part of them: an inverted file, approximate, with a
   number that says how much is looked at. */
#ifndef PKN_HDC_CLUSTER_H
#define PKN_HDC_CLUSTER_H

/* #include "hdc/hdc.h": above */

PKERN_EXTERN_C_BEGIN

/* Clusters n vectors around k centroids by Lloyd's algorithm with majorities for means:
       centroids = one vector of each of k equal stretches of vectors, chosen by seed
       assignment[i] = the centroid nearest to vectors[i] (ties: the lowest)
       repeat at most `iterations` times, until no assignment changes:
           centroids[c] = the majority of the vectors that are assigned to c, where a tie takes the
           bit of the first of them; a centroid that has none stays as it is
           assignment[i] = the centroid nearest to vectors[i]
   centroids is [k x words], assignment [n]. Where k > n, n centroids are made; the others are zero and
   are assigned nothing. PKERN_EINVAL where k is 0 and n is not. No step increases the sum of the
   distances. Runs in parallel; allocates a copy of the vectors and k more, and 40 bytes a vector.
   Source: S. Lloyd, "Least squares quantization in PCM", 1982; for binary vectors C. Grana et al., "A
   fast approach for integrating ORB descriptors in the bag of words model", 2013. */
PKERN_API pkern_status pkern_hdc_k_majority(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                            size_t words, size_t k, size_t iterations,
                                            uint64_t seed, uint64_t *centroids, size_t *assignment);

/* An inverted file: vectors in lists, each with those that are nearest to its centroid. */
typedef struct pkern_hdc_ivf pkern_hdc_ivf;

/* Makes an inverted file of vectors [n x words] with n_lists lists (0: the square root of n; more
   than n: n). The centroids come from pkern_hdc_k_majority over at most 64 vectors a list, evenly
   taken. It keeps a copy of the vectors, so these may go: 8 * words + 4 bytes a vector and 8 * words
   + 8 a list, see pkern_hdc_ivf_bytes; while it is made twice that and 24 bytes a vector. n is at
   most 2^32 - 2 (PKERN_EOVERFLOW). On any error *ivf is 0. */
PKERN_API pkern_status pkern_hdc_ivf_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, size_t n_lists, size_t iterations,
                                           uint64_t seed, pkern_hdc_ivf **ivf);

/* The k nearest of each query among the vectors of the n_probe lists whose centroids are nearest to it:
   row q of out [n_queries x k] is what pkern_hdc_top_k would give for these vectors alone, with the
   indices that they had at build time. n_probe >= the number of lists is the exact search, and with
   less the result may lack near vectors: how many is measured by pkern_hdc_recall against an exact
   result of some queries. For vectors without clusters (random ones, queries far from all) the recall
   is about the share of lists that is probed. The work is n_lists + n_probe * n / n_lists pairs a
   query. PKERN_EINVAL where n_probe is 0. Any threads may search at once. Allocates 16 * n_probe
   bytes a query for up to 256 queries, and scratch of 16 * k bytes a thread. */
PKERN_API pkern_status pkern_hdc_ivf_search(const pkern_hdc_ivf *ivf, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries, size_t k,
                                            size_t n_probe, pkern_hdc_match *out);

PKERN_API size_t pkern_hdc_ivf_lists(const pkern_hdc_ivf *ivf); /* the number of lists */
PKERN_API size_t pkern_hdc_ivf_bytes(const pkern_hdc_ivf *ivf); /* the memory that it holds */
PKERN_API void pkern_hdc_ivf_free(pkern_hdc_ivf *ivf);          /* 0 is fine */

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/mih.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Multi-index hashing: all vectors within a radius, exactly, without a look at most of them. */
#ifndef PKN_HDC_MIH_H
#define PKN_HDC_MIH_H

/* #include "hdc/exact_search.h": above */

PKERN_EXTERN_C_BEGIN

/* An index of vectors by pieces of their bits: two vectors that differ in at most r of bits cut into m
   pieces have a piece in which they differ in at most r / m, so it is enough to look at vectors whose
   pieces are, or are nearly, the query's. It pays for duplicates and near copies, where the pieces are
   longer than log2 n bits and r / m is 0 (up to 63 of 2048 bits), less or not at all above, and least
   where the vectors lie in clusters. Unrelated vectors, half of whose bits differ, are out of any such
   index's reach. */
typedef struct pkern_hdc_mih pkern_hdc_mih;

/* Makes an index of vectors [n x words] for searches within radii up to max_radius. The vectors are
   not copied: they must stay, unchanged, while the index is used. key_bits, the length of a piece,
   is 8, 16, 32 or 64; 0 takes the one with the least expected work for random vectors, and makes no
   tables at all where that is more than comparing all. With m = 64 * words / key_bits pieces it
   holds max_radius + 1 tables where max_radius < m, else m; a table has 4 bytes a vector and 4 a
   bucket, of which there are n rounded up to a power of two at most: see pkern_hdc_mih_bytes. n is at
   most 2^32 - 2 (PKERN_EOVERFLOW). Parallel over tables. On any error *mih is 0. Source: M. Norouzi,
   A. Punjani, D. Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014. */
PKERN_API pkern_status pkern_hdc_mih_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t max_radius, unsigned key_bits,
                                           pkern_hdc_mih **mih);

/* What pkern_hdc_range_search gives for the indexed vectors, in the same order and with the same
   options (words_read counts the vectors that were compared). A query that
   would look at more than 64 vectors and a 32nd of all is compared with all of them instead, and so
   are all queries where the probes alone would cost more. Vectors in clusters share more pieces than
   random ones and give more candidates. A query that finds something is searched twice, to count and
   to write. PKERN_EINVAL where radius is above that of the index. Any threads may
   search at once. Parallel over queries; allocates nothing, but for what pkern_hdc_range_search does
   where that takes over. */
PKERN_API pkern_status pkern_hdc_mih_search(const pkern_hdc_mih *mih, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries,
                                            uint32_t radius,
                                            const pkern_hdc_search_options *options,
                                            size_t *offsets, pkern_hdc_match *out, size_t capacity);

PKERN_API size_t pkern_hdc_mih_bytes(const pkern_hdc_mih *mih); /* the memory that it holds */
PKERN_API void pkern_hdc_mih_free(pkern_hdc_mih *mih);          /* 0 is fine */

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern.in.h, continued ==== */
#endif

/* The code. */
#if defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
/* ==== src/pool/cancel.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Cancellation tokens. Without a deadline a look is two loads; with one it reads the clock, too. */
#ifndef PKN_POOL_CANCEL_C
#define PKN_POOL_CANCEL_C

/* #include "pool/pool.h": above */
/* ==== src/pool/deadline.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Deadlines on the monotonic clock, in nanoseconds; 0 = none. */
#ifndef PKN_POOL_DEADLINE_H
#define PKN_POOL_DEADLINE_H

/* ==== src/base/time.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Two clocks: nanoseconds of the system's monotonic clock, and ticks of the core's own counter where it has one. */
#ifndef PKN_BASE_TIME_H
#define PKN_BASE_TIME_H

/* ==== src/base/platform.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The system's headers and the few calls that a strict -std=c99 hides although libc has them. Only base includes them, and
   only the implementation includes this file. */
#ifndef PKN_BASE_PLATFORM_H
#define PKN_BASE_PLATFORM_H

/* #include "base/compiler.h": above */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <errno.h>
#include <signal.h>

#if PKN_THREADS
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

#if (defined(__unix__) || defined(__APPLE__)) && !defined(PKERN_NO_POSIX_FILES)
#define PKN_POSIX_FILES 1
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#else
#define PKN_POSIX_FILES 0
#endif

#if defined(__linux__)
#define PKN_LINUX 1
#include <sys/syscall.h>
#include <unistd.h>
#else
#define PKN_LINUX 0
#endif

/* The user may have included <stdio.h> under -std=c99 before us, and then no feature macro of ours comes in time. C allows
   to declare a function again; C++ compilers on Linux define _GNU_SOURCE and need none of it. */
#if PKN_LINUX && !defined(__cplusplus)
extern long syscall(long number, ...);
#endif
#if PKN_POSIX_FILES && !defined(__cplusplus) && defined(__STRICT_ANSI__)
extern int fileno(FILE *stream);
extern int fsync(int descriptor);
#endif
#if PKN_THREADS && !defined(__cplusplus) && defined(__STRICT_ANSI__)
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif
#ifndef CLOCK_REALTIME
#define CLOCK_REALTIME 0
#endif
extern int clock_gettime(int clock, struct timespec *time);
extern int nanosleep(const struct timespec *time, struct timespec *left);
#endif

/* Of this process; 0 where the system has none. */
PKN_INLINE long pkn_process_number(void) {
#if PKN_THREADS || PKN_LINUX
    return (long)getpid();
#else
    return 0;
#endif
}

#endif
/* ==== src/base/time.h, continued ==== */

PKN_INLINE uint64_t pkn_now_ns(void) {
#if PKN_THREADS
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
#else
    return (uint64_t)clock() * (UINT64_C(1000000000) / CLOCKS_PER_SEC); /* all that a target without POSIX must have */
#endif
}

/* Constant-rate ticks; pkn_ticks_per_ns of the pool converts. Elsewhere a tick is a nanosecond. */
PKN_INLINE uint64_t pkn_ticks(void) {
#if PKN_ARCH_X86
    return __builtin_ia32_rdtsc();
#elif PKN_ARCH_ARM64
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return pkn_now_ns();
#endif
}

#endif
/* ==== src/pool/deadline.h, continued ==== */

/* In timeout_ns from now; none where that is below 0. */
PKN_INLINE uint64_t pkn_deadline_in(int64_t timeout_ns) {
    uint64_t deadline_ns = timeout_ns < 0 ? 0 : pkn_now_ns() + (uint64_t)timeout_ns;
    return timeout_ns >= 0 && deadline_ns == 0 ? 1 : deadline_ns;
}

PKN_INLINE int pkn_deadline_has_passed(uint64_t deadline_ns) {
    return deadline_ns != 0 && pkn_now_ns() >= deadline_ns;
}

#endif
/* ==== src/pool/cancel.c, continued ==== */

PKERN_API void pkern_cancel_request(pkern_cancel *cancel) {
    if (cancel != 0) {
        /* release: who sees the request sees what its author did before */
        pkn_atomic_store_release_u32(&cancel->requested, 1);
    }
}

PKERN_API void pkern_cancel_after(pkern_cancel *cancel, int64_t timeout_ns) {
    if (cancel != 0) {
        pkn_atomic_store_relaxed_u64(&cancel->deadline_ns, pkn_deadline_in(timeout_ns));
    }
}

PKERN_API pkern_status pkern_cancel_status(const pkern_cancel *cancel) {
    if (cancel == 0) {
        return PKERN_OK;
    }
    if (pkn_atomic_load_acquire_u32(&cancel->requested) != 0) {
        return PKERN_ECANCELED;
    }
    return pkn_deadline_has_passed(pkn_atomic_load_relaxed_u64(&cancel->deadline_ns)) ? PKERN_ETIMEDOUT : PKERN_OK;
}

PKERN_API int pkern_cancel_requested(const pkern_cancel *cancel) {
    return pkern_cancel_status(cancel) != PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/join.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Join: the owner's long ways, and the generic join of two callbacks. */
#ifndef PKN_POOL_JOIN_C
#define PKN_POOL_JOIN_C

/* ==== src/pool/guest.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Entering and leaving a pool. A thread that is no worker of the pool becomes a guest: it takes a guest slot for the time of its
   outermost call and works beside the others. Slots are found again by the thread that had them last, so a caller keeps its
   deques and its loop board warm. Without a free slot, and in a forked child, a call runs serially.

   The first guest of a pool keeps its slot: most programs call from one thread, and a locked instruction at the start of a call waits
   for all stores of the work before it, 250 ns in a loop that writes (measured with 1000 binds of 256 bytes). If that thread ends,
   one slot is lost, or inherited by a thread whose state lies at the same place. Only pkern_pool_destroy looks at a kept slot, and a call that starts while the pool is destroyed is an
   error of the program whatever we do. */
#ifndef PKN_POOL_GUEST_H
#define PKN_POOL_GUEST_H

/* ==== src/pool/wait.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Waiting: while a member waits it works, and where there is nothing to do it spins, looks deeper and deeper, and sleeps. */
#ifndef PKN_POOL_WAIT_H
#define PKN_POOL_WAIT_H

/* ==== src/pool/search.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Finding work: one piece of it, of those that a member that waits may take. The waits themselves are in wait.h.

   What a waiting member may take, in this order: its own newest spawn and jobs of the scope or from the thief that it waits for;
   work that descends from the same call (root); anything. A guest stops at its root, since it wants to leave. So does a loop's owner.
   A guest whose thread is a worker of another pool goes on there, with anything.
   Jobs that run on top of waiting ones nest on the stack. Beyond the pool's depth_limit a member takes only tasks of the scope that
   it waits for; not work of the thief that has its join, which may be a whole other tree. A join needs none of it: frames
   wait for jobs that began after them, so no circle of joins can close. A task of a scope can lie in a deque behind one that
   nobody there takes, so after 200 us without progress, twice that for each level more, a member takes anything. */
#ifndef PKN_POOL_SEARCH_H
#define PKN_POOL_SEARCH_H

/* ==== src/pool/join_deque.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The join deque's public part, and its records' segments. The owner's fast path is in fork.h.

   Records have indices 0, 1, 2, ... from the first push on. [0, top) are stolen, [top, split) public, [split, end) private. top
   and split share one word, join_range, so that a steal (top + 1), an exposure (split up) and a taking back (split down) are
   each one compare-and-swap, and none can miss another: there is nothing to order between two words. A version in the same word tells
   a range from one that looks the same later.
   Since joins nest, the owner always waits for its newest record. If that is public and not stolen, it is the last public one:
   the owner takes half of the public part back. If it is stolen, so is everything below it: the owner waits for the
   thief, and the part is empty again at that index.
   A record that is popped and pushed anew at the same index may be claimed by a thief that looked before: it reads the record only
   after its claim, so it runs the new one. A record is not reused before its join is complete, so growth links another segment
   and moves nothing.

   Private records become public when the owner pushes while `request` is set. An owner that does not push for long, since it computes or
   blocks, is robbed instead (pkn_join_steal_hidden). The thief marks the oldest private record PUBLIC, makes every thread pass a full
   fence, and looks whether that record is still there. If it is, the owner will see the mark when it pops it, and ask the range first. If the
   owner has popped it before the fence, or pops or pushes a marked record after it, the range gets a new version and the thief's
   claim fails. So the mark is only a hint to look at the range, and one that a late thief leaves behind costs the owner one long way.
   Whoever clears a mark does so before that change of the range, so that a thief which has seen the change marks anew.
   Source: van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing", 2014. */
#ifndef PKN_POOL_JOIN_DEQUE_H
#define PKN_POOL_JOIN_DEQUE_H

/* ==== src/pool/member.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The scheduler's data: a member is a thread's place in a pool, a worker's for good, a guest's while it is inside a call. All of
   it lives as long as the pool, so a late reader never touches freed memory. Each group of fields that one side writes has its
   own cache lines; a line that crosses cores costs 100 to 200 ns. */
#ifndef PKN_POOL_MEMBER_H
#define PKN_POOL_MEMBER_H

/* #include "pool/fork.h": above */
/* ==== src/pool/tally.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What a member counts of itself, and how long it works and waits.

   Only the member's own thread writes here, by plain loads and stores on lines that nobody else writes, and only where something
   was taken from elsewhere, at a wait, at a sleep, at a wake: a fork that nobody takes is not counted.
   A watch is one word, so that a reader never sees half of a change: stopped, twice the ticks it ran; running, twice the tick at which
   it would have started had it never stood still, plus one.
   A member is away (a guest in its caller's own code), busy (in work it took or in its shared loop) or idle (in a wait that
   finds nothing). A waiting member looks at the clock every few searches anyway; the last of these looks serves as the end of
   its idleness, so that finding work costs no look of its own. */
#ifndef PKN_POOL_TALLY_H
#define PKN_POOL_TALLY_H

/* ==== src/base/count.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters that one thread writes and any thread reads: an addition is a load and a store, no locked instruction. */
#ifndef PKN_BASE_COUNT_H
#define PKN_BASE_COUNT_H

/* #include "base/atomic.h": above */

typedef struct pkn_count {
    pkn_atomic_u64 word;
} pkn_count;

PKN_INLINE uint64_t pkn_count_read(const pkn_count *count) {
    return pkn_atomic_load_relaxed_u64(&count->word);
}

PKN_INLINE void pkn_count_set(pkn_count *count, uint64_t value) {
    pkn_atomic_store_relaxed_u64(&count->word, value);
}

PKN_INLINE void pkn_count_add(pkn_count *count, uint64_t n) {
    pkn_count_set(count, pkn_count_read(count) + n);
}

/* A count of things written: who reads it so sees those things. */
PKN_INLINE void pkn_count_publish(pkn_count *count, uint64_t value) {
    pkn_atomic_store_release_u64(&count->word, value);
}

PKN_INLINE uint64_t pkn_count_read_published(const pkn_count *count) {
    return pkn_atomic_load_acquire_u64(&count->word);
}

#endif
/* ==== src/pool/tally.h, continued ==== */
/* #include "base/time.h": above */

enum {
    PKN_TALLY_JOBS,
    PKN_TALLY_JOBS_STOLEN,
    PKN_TALLY_JOBS_INJECTED,
    PKN_TALLY_JOINS_STOLEN,
    PKN_TALLY_STEALS_FAILED,
    PKN_TALLY_SPAWNS,
    PKN_TALLY_LOOPS_SHARED,
    PKN_TALLY_LOOPS_HELPED,
    PKN_TALLY_UNITS_HELPED,
    PKN_TALLY_BROADCASTS,
    PKN_TALLY_SLEEPS,
    PKN_TALLY_WAKES,
    PKN_TALLY_COUNTS
};
enum { PKN_TALLY_AWAY, PKN_TALLY_BUSY, PKN_TALLY_IDLE, PKN_TALLY_ASLEEP, PKN_TALLY_WATCHES };

#define PKN_TALLY_WORDS (PKN_TALLY_COUNTS + PKN_TALLY_WATCHES)

typedef struct pkn_tally {
    pkn_count count[PKN_TALLY_COUNTS];
    pkn_count watch[PKN_TALLY_WATCHES]; /* AWAY is never read; ASLEEP is a part of IDLE */
    uint64_t clock;                     /* the last look at it while idle */
    int mode;                           /* AWAY, BUSY or IDLE */
    uint32_t from;                      /* where the next job comes from: 0 our own deque, slot + 1, PKN_FROM_QUEUE */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_tally;

#define PKN_FROM_QUEUE UINT32_MAX /* one of the pool's */

PKN_INLINE void pkn_tally_add(pkn_tally *tally, int which, uint64_t n) {
    pkn_count_add(&tally->count[which], n);
}

/* ---- watches ---- */

/* The ticks it has run by `now`, which may be a little before its start, as seen by another core. */
PKN_INLINE uint64_t pkn_watch_read(const pkn_count *watch, uint64_t now) {
    uint64_t word = pkn_count_read(watch);
    if ((word & 1u) == 0) {
        return word >> 1;
    }
    int64_t twice = (int64_t)(2 * now - (word - 1u));
    return twice < 0 ? 0 : (uint64_t)twice >> 1;
}

PKN_INLINE void pkn_watch_start(pkn_count *watch, uint64_t now) {
    pkn_count_set(watch, 2 * (now - pkn_watch_read(watch, now)) + 1u);
}

PKN_INLINE void pkn_watch_stop(pkn_count *watch, uint64_t now) {
    pkn_count_set(watch, 2 * pkn_watch_read(watch, now));
}

/* ---- what the member does ---- */

PKN_INTERNAL PKN_NOINLINE void pkn_tally_change(pkn_tally *tally, int mode, uint64_t now) {
    pkn_watch_stop(&tally->watch[tally->mode], now);
    pkn_watch_start(&tally->watch[mode], now);
    tally->mode = mode;
}

PKN_INLINE void pkn_tally_become(pkn_tally *tally, int mode, uint64_t now) {
    if (tally->mode != mode) {
        pkn_tally_change(tally, mode, now);
    }
}

/* A search found nothing, and the clock says `now`. */
PKN_INLINE void pkn_tally_idle(pkn_tally *tally, uint64_t now) {
    tally->clock = now;
    pkn_tally_become(tally, PKN_TALLY_IDLE, now);
}

/* The same, looking at the clock. */
PKN_INLINE uint64_t pkn_tally_spun(pkn_tally *tally) {
    uint64_t now = pkn_ticks();
    pkn_tally_idle(tally, now);
    return now;
}

/* To a mode, from now on; where that has just been looked up, without another look at the clock. */
PKN_INLINE void pkn_tally_turn(pkn_tally *tally, int mode) {
    if (tally->mode != mode) {
        pkn_tally_change(tally, mode, tally->mode == PKN_TALLY_IDLE ? tally->clock : pkn_ticks());
    }
}

/* After a piece of work. Back to a caller's own code; in a wait the next search says how it goes on. */
PKN_INLINE void pkn_tally_back(pkn_tally *tally, int outer_mode) {
    if (outer_mode == PKN_TALLY_AWAY) {
        pkn_tally_turn(tally, PKN_TALLY_AWAY);
    }
}

#endif
/* ==== src/pool/member.h, continued ==== */
/* #include "base/platform.h": above */
/* ==== src/base/futex.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sleeping until a word changes: a futex on Linux, a mutex and a condition variable elsewhere. Both keep the same promise: a wake
   after the word has changed is never lost. */
#ifndef PKN_BASE_FUTEX_H
#define PKN_BASE_FUTEX_H

/* #include "base/atomic.h": above */
/* ==== src/base/thread.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Threads, mutexes and their failure hook. Only this file and futex.h talk to the system's threads. */
#ifndef PKN_BASE_THREAD_H
#define PKN_BASE_THREAD_H

/* #include "base/platform.h": above */

#if PKN_THREADS

typedef pthread_t pkn_thread;
typedef pthread_mutex_t pkn_mutex;

/* Tests define PKN_THREAD_CREATE_FAILS to an expression that says whether this creation shall fail. */
#ifndef PKN_THREAD_CREATE_FAILS
#define PKN_THREAD_CREATE_FAILS() 0
#endif

/* A new thread inherits the signal mask of its creator. Blocks the signals that the user's own threads should handle; faults, aborts
   and the profiler's tick stay open. Only on Linux, where the calls are reachable from strict C99, too. */
#if PKN_LINUX
enum { PKN_SIG_SETMASK = 2 };

PKN_INTERNAL uint64_t pkn_block_signals(void) {
    static const int open_signals[] = {SIGILL, SIGABRT, SIGFPE, SIGSEGV, 5 /* TRAP */, 7 /* BUS */, 27 /* PROF */, 31 /* SYS */};
    uint64_t mask = UINT64_MAX;
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof open_signals / sizeof open_signals[0]; i++) {
        mask &= ~(UINT64_C(1) << (open_signals[i] - 1));
    }
    (void)syscall(SYS_rt_sigprocmask, PKN_SIG_SETMASK, &mask, &before, sizeof mask);
    return before;
}

PKN_INTERNAL void pkn_restore_signals(uint64_t mask) {
    (void)syscall(SYS_rt_sigprocmask, PKN_SIG_SETMASK, &mask, (void *)0, sizeof mask);
}
#else
PKN_INTERNAL uint64_t pkn_block_signals(void) {
    return 0;
}

PKN_INTERNAL void pkn_restore_signals(uint64_t mask) {
    PKN_UNUSED(mask);
}
#endif

/* From here to pkn_allow_cancellation a request to cancel the calling thread waits: opening a file, a nap and a wait for a thread would
   else end it in the middle of a call, with a lock held. Returns the state before. */
PKN_INTERNAL int pkn_hold_cancellation(void) {
    int before = 0;
#if !defined(__ANDROID__)
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
#endif
    return before;
}

PKN_INTERNAL void pkn_allow_cancellation(int before) {
#if defined(__ANDROID__)
    PKN_UNUSED(before);
#else
    (void)pthread_setcancelstate(before, &before);
#endif
}

/* The least of a default stack: the pool's depth_limit counts on it, and musl's default is 128 KiB. */
#define PKN_LEAST_DEFAULT_STACK ((size_t)1 << 20)
/* glibc takes no less; musl would take 2 KiB, on which no task of ours can run. */
#define PKN_LEAST_STACK ((size_t)16384)

/* 0, or nonzero where the system has no further thread. stack_size 0 is the system's default, but at least 1 MiB; a size it refuses is
   raised to the least that it takes. */
PKN_INTERNAL int pkn_thread_create(pkn_thread *thread, size_t stack_size, void *(*main)(void *), void *argument) {
    if (PKN_THREAD_CREATE_FAILS()) {
        return EAGAIN;
    }
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return ENOMEM;
    }
    if (stack_size != 0) {
        size_t page = 4096;
        size_t rounded = stack_size > SIZE_MAX - page ? SIZE_MAX - page : (stack_size + page - 1) / page * page;
        rounded = rounded < PKN_LEAST_STACK ? PKN_LEAST_STACK : rounded;
        while (rounded < ((size_t)1 << 20) && pthread_attr_setstacksize(&attributes, rounded) != 0) {
            rounded *= 2;
        }
        if (rounded >= ((size_t)1 << 20)) {
            (void)pthread_attr_setstacksize(&attributes, rounded);
        }
    }
    size_t default_size = 0;
    if (stack_size == 0 && pthread_attr_getstacksize(&attributes, &default_size) == 0 && default_size < PKN_LEAST_DEFAULT_STACK) {
        (void)pthread_attr_setstacksize(&attributes, PKN_LEAST_DEFAULT_STACK);
    }
    uint64_t signals = pkn_block_signals();
    int error = pthread_create(thread, &attributes, main, argument);
    pkn_restore_signals(signals);
    pthread_attr_destroy(&attributes);
    return error;
}

PKN_INTERNAL void pkn_thread_join(pkn_thread thread) {
    int cancellation = pkn_hold_cancellation();
    pthread_join(thread, 0);
    pkn_allow_cancellation(cancellation);
}

/* At most 15 characters. */
PKN_INTERNAL void pkn_thread_set_name(const char *name) {
#if PKN_LINUX
    enum { PKN_PR_SET_NAME = 15 };
    (void)syscall(SYS_prctl, PKN_PR_SET_NAME, name, 0, 0, 0);
#else
    PKN_UNUSED(name);
#endif
}

/* The calling thread's CPUs as a bit set; returns its bytes, 0 where the system doesn't say. */
PKN_INTERNAL size_t pkn_thread_get_affinity(unsigned long *mask, size_t bytes) {
#if PKN_LINUX
    long written = syscall(SYS_sched_getaffinity, 0, bytes, mask);
    return written > 0 ? (size_t)written : 0;
#else
    PKN_UNUSED(mask);
    PKN_UNUSED(bytes);
    return 0;
#endif
}

PKN_INTERNAL void pkn_thread_set_affinity(const unsigned long *mask, size_t bytes) {
#if PKN_LINUX
    (void)syscall(SYS_sched_setaffinity, 0, bytes, mask);
#else
    PKN_UNUSED(mask);
    PKN_UNUSED(bytes);
#endif
}

typedef pthread_once_t pkn_once;
#define PKN_ONCE_INIT PTHREAD_ONCE_INIT
#define PKN_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER

PKN_INTERNAL void pkn_call_once(pkn_once *once, void (*fn)(void)) {
    pthread_once(once, fn);
}

PKN_INTERNAL void pkn_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    (void)pthread_atfork(prepare, parent, child);
}

/* A short sleep, for the rare wait that nobody can end by a wake. */
PKN_INTERNAL void pkn_nap(void) {
    struct timespec time = {0, 100000};
    int kept_errno = errno;
    int cancellation = pkn_hold_cancellation();
    nanosleep(&time, 0);
    pkn_allow_cancellation(cancellation);
    errno = kept_errno;
}

PKN_INTERNAL int pkn_mutex_init(pkn_mutex *mutex) {
    return pthread_mutex_init(mutex, 0);
}

PKN_INTERNAL void pkn_mutex_destroy(pkn_mutex *mutex) {
    pthread_mutex_destroy(mutex);
}

PKN_INTERNAL void pkn_mutex_lock(pkn_mutex *mutex) {
    pthread_mutex_lock(mutex);
}

PKN_INTERNAL void pkn_mutex_unlock(pkn_mutex *mutex) {
    pthread_mutex_unlock(mutex);
}

#else

/* Without threads a mutex has nobody to keep out. */
typedef int pkn_mutex;
#define PKN_MUTEX_INIT 0

PKN_INTERNAL int pkn_mutex_init(pkn_mutex *mutex) {
    *mutex = 0;
    return 0;
}

PKN_INTERNAL void pkn_mutex_destroy(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

PKN_INTERNAL void pkn_mutex_lock(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

PKN_INTERNAL void pkn_mutex_unlock(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

#endif

#endif
/* ==== src/base/futex.h, continued ==== */
/* #include "base/time.h": above */

#if PKN_THREADS

#if PKN_LINUX && defined(SYS_futex) && !defined(PKERN_NO_FUTEX)
#define PKN_FUTEX 1
#else
#define PKN_FUTEX 0
#endif

typedef struct pkn_sleeper {
#if PKN_FUTEX
    char unused;
#else
    pthread_mutex_t mutex;
    pthread_cond_t changed;
#endif
} pkn_sleeper;

/* 0, or nonzero where the system has no further condition variable. */
PKN_INTERNAL int pkn_sleeper_init(pkn_sleeper *sleeper) {
#if PKN_FUTEX
    sleeper->unused = 0;
    return 0;
#else
    if (pthread_mutex_init(&sleeper->mutex, 0) != 0) {
        return ENOMEM;
    }
    if (pthread_cond_init(&sleeper->changed, 0) != 0) {
        pthread_mutex_destroy(&sleeper->mutex);
        return ENOMEM;
    }
    return 0;
#endif
}

PKN_INTERNAL void pkn_sleeper_destroy(pkn_sleeper *sleeper) {
#if PKN_FUTEX
    PKN_UNUSED(sleeper);
#else
    pthread_cond_destroy(&sleeper->changed);
    pthread_mutex_destroy(&sleeper->mutex);
#endif
}

/* Returns once *word differs from value. errno is kept. */
PKN_INTERNAL void pkn_sleep_while_equal(pkn_sleeper *sleeper, pkn_atomic_u32 *word, uint32_t value) {
#if PKN_FUTEX
    enum { PKN_FUTEX_WAIT_PRIVATE = 128 };
    int kept_errno = errno;
    PKN_UNUSED(sleeper);
    while (pkn_atomic_load_acquire_u32(word) == value) {
        (void)syscall(SYS_futex, &word->value, PKN_FUTEX_WAIT_PRIVATE, value, (void *)0, (void *)0, 0);
    }
    errno = kept_errno;
#else
    int cancellation = pkn_hold_cancellation();
    pthread_mutex_lock(&sleeper->mutex);
    while (pkn_atomic_load_acquire_u32(word) == value) {
        pthread_cond_wait(&sleeper->changed, &sleeper->mutex);
    }
    pthread_mutex_unlock(&sleeper->mutex);
    pkn_allow_cancellation(cancellation);
#endif
}

/* The same, but returns when pkn_now_ns comes to deadline_ns, too. */
PKN_INTERNAL void pkn_sleep_until(pkn_sleeper *sleeper, pkn_atomic_u32 *word, uint32_t value, uint64_t deadline_ns) {
    int kept_errno = errno;
    uint64_t now_ns;
    while (pkn_atomic_load_acquire_u32(word) == value && (now_ns = pkn_now_ns()) < deadline_ns) {
        uint64_t left_ns = deadline_ns - now_ns;
#if PKN_FUTEX
        enum { PKN_FUTEX_TIMED_WAIT_PRIVATE = 128 };
        left_ns = left_ns < UINT64_C(1000000000000) ? left_ns : UINT64_C(1000000000000);
        /* the kernel's own timespec, whatever libc's is */
        long timeout[2] = {(long)(left_ns / 1000000000), (long)(left_ns % 1000000000)};
        PKN_UNUSED(sleeper);
        (void)syscall(SYS_futex, &word->value, PKN_FUTEX_TIMED_WAIT_PRIVATE, value, timeout, (void *)0, 0);
#else
        /* by the wall clock, which may jump: so in slices */
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        left_ns = (left_ns < 50000000 ? left_ns : 50000000) + (uint64_t)time.tv_nsec;
        time.tv_sec += left_ns >= 1000000000;
        time.tv_nsec = (long)(left_ns % 1000000000);
        pthread_mutex_lock(&sleeper->mutex);
        if (pkn_atomic_load_acquire_u32(word) == value) {
            (void)pthread_cond_timedwait(&sleeper->changed, &sleeper->mutex, &time);
        }
        pthread_mutex_unlock(&sleeper->mutex);
#endif
    }
    errno = kept_errno;
}

/* Wakes the one thread that may sleep on the word. Call it after the word has changed. errno is kept. */
PKN_INTERNAL void pkn_wake_sleeper(pkn_sleeper *sleeper, pkn_atomic_u32 *word) {
#if PKN_FUTEX
    enum { PKN_FUTEX_WAKE_PRIVATE = 129 };
    int kept_errno = errno;
    PKN_UNUSED(sleeper);
    (void)syscall(SYS_futex, &word->value, PKN_FUTEX_WAKE_PRIVATE, 1, (void *)0, (void *)0, 0);
    errno = kept_errno;
#else
    PKN_UNUSED(word);
    pthread_mutex_lock(&sleeper->mutex);
    pthread_cond_broadcast(&sleeper->changed);
    pthread_mutex_unlock(&sleeper->mutex);
#endif
}

#endif

#endif
/* ==== src/pool/member.h, continued ==== */

/* A spawned job: a task of a scope, or detached where scope is 0. */
typedef struct pkn_job {
    pkern_task_fn fn; /* 0: stands for the oldest job in the deque that ctx points to */
    void *ctx;
    pkern_scope *scope;
    uint32_t number; /* of the spawn in its scope */
    uint32_t root;   /* whose call it descends from, PKN_ROOT_NONE for detached jobs */
} pkn_job;

#define PKN_ROOT_NONE 0u
/* 1 .. num_slots are guests' calls, up to here regions, see region.h; this one is a region that can't be told from others */
#define PKN_ROOT_LONELY 0xffffu
#define PKN_REGIONS 32
#define PKN_ROOT_INJECTED UINT32_MAX /* for a wake alone: who waits for work of one root takes nothing from the injector */

/* A job in a spawn deque, word by word: a thief may read while the owner overwrites, and then drops what it read. */
typedef struct pkn_job_cell {
    pkn_atomic_size word[5];
} pkn_job_cell;

typedef struct pkn_job_ring {
    size_t capacity; /* power of two */
    size_t bytes;
    struct pkn_job_ring *older; /* kept until the pool ends, since a thief may still read it */
    pkn_job_cell cell[1];
} pkn_job_ring;

/* See spawn_deque.h: pushed to and popped from at the bottom by one thread, taken from at the top by all. */
typedef struct pkn_job_deque {
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_size top;
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_size bottom;
    pkn_atomic_ptr ring;
} pkn_job_deque;

/* One participant's part of a flat loop. Both words are tagged with the loop's epoch, so nothing is reset between loops. They have
   a line each: the owner waits on done while the participant claims from range. */
typedef struct pkn_loop_slice {
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u64 range; /* epoch 32, next unit 16, end unit 16 */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u64 done;  /* epoch 32, units finished 32 */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_loop_slice;

/* A loop as its helpers see it: one cache line. See loop.c for the protocol. */
typedef struct pkn_loop_board {
    pkn_atomic_u64 ticket;  /* epoch 32, units 16, units of the owner's slice 16; written last */
    pkn_atomic_size body;   /* pkern_range_fn */
    pkn_atomic_size ctx;
    pkn_atomic_size begin;
    pkn_atomic_size end;
    pkn_atomic_size unit;   /* items of a unit */
    pkn_atomic_size extras; /* pkn_loop_extras of the caller, or 0 */
    pkn_atomic_size root_and_grain; /* root 16, units worth a claim 16 */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_loop_board;

/* The lowest failure of a loop. Rarely written, so helpers keep it in their caches. */
typedef struct pkn_failure {
    pkn_atomic_u64 lowest; /* epoch 32, unit 32 */
    pkn_atomic_u32 lock;
    int status;
} pkn_failure;

/* What a loop body cost when it last ran here. */
typedef struct pkn_loop_cost {
    size_t body;
    float item_ns;
} pkn_loop_cost;

struct pkn_trace_lane;
typedef struct pkn_trace pkn_trace;

#define PKN_LOOP_COSTS 32
#define PKN_JOIN_SEGMENTS 15 /* 2^20 records, as many as join_range tells apart */
#define PKN_JOIN_SEGMENT_0 32u

/* A guest slot. The pool's first one is kept for the thread that had it first: that thread alone comes and goes there, by plain stores. */
enum { PKN_GUEST_FREE = 0, PKN_GUEST_BUSY = 1, PKN_GUEST_CLOSED = 2, PKN_GUEST_KEPT = 3, PKN_GUEST_KEPT_BUSY = 4, PKN_GUEST_SPARE = 5, PKN_GUEST_RESTING = 6 };
enum { PKN_AWAKE = 0, PKN_ASLEEP = 1 };
#define PKN_ASLEEP_ABROAD 0x80000000u /* a worker that sleeps as a guest of another pool */
/* A guest for the pool's life, by PKERN_POOL_USE_CURRENT_THREAD; it is just running the jobs that nobody else can run. */
enum { PKN_STAYS_NOT = 0, PKN_STAYS = 1, PKN_STAYS_AND_RUNS = 2 };

/* Where a pinned worker runs: the number of its last cache and of its memory node; 0, 0 where nobody knows. */
typedef struct pkn_cpu_place {
    int cache, node;
} pkn_cpu_place;

struct pkn_member {
    pkn_fork_state fork; /* must be first: typed joins see it alone */

    /* what everybody reads and hardly anybody writes */
    PKN_ALIGNED(PKN_CACHE_LINE) pkern_pool *pool;
    int index;
    int is_worker;
    int is_spare;           /* see spare.h */
    pkn_cpu_place place;
    size_t bytes;           /* of this block */
    pkn_loop_slice *slices; /* [T], allocated by the first loop that is shared */
    uint32_t *seen_epoch;   /* [members] last epoch of each member's loop that had nothing left for us */
    pkn_failure failure;    /* of our loop */

    /* the owner's */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 guest_state;
    const void *kept_by;   /* the thread state of the one that keeps this slot; a later thread at the same place inherits it */
    struct pkn_trace_lane *lane; /* where the pool is traced */
    uint32_t entries;      /* calls this thread is inside, nested ones counted */
    pkn_atomic_u32 root;   /* of the job that runs; thieves look at it */
    uint32_t in_detached;  /* detached jobs and futures that this thread is inside */
    uint32_t depth;        /* jobs of others that run on top of waiting ones */
    uint32_t join_floor;   /* records below it are of other roots than what runs now, and stay public */
    int blocks;            /* waits, and runs nothing meanwhile */
    uint32_t regions;      /* bit i: region_outer[i] is in use */
    pkn_atomic_u32 region_outer[PKN_REGIONS]; /* the root under which it was begun; thieves look at it */
    pkn_member *home;      /* a guest's: where its thread is a worker, in another pool */
    pkn_member *abroad;    /* a worker's: as which guest it sleeps; under the pool's lock */
    uint32_t join_segments;
    uint32_t victim;       /* where the last successful search ended */
    uint32_t seen_broadcast;
    int has_spawned;       /* something was pushed to the spawn deque since the guest came */
    int stays;             /* PKN_STAYS... */
    int is_blocking;       /* inside pkern_blocking */
    int ended;             /* the worker is gone, since the pool is being destroyed; under the pool's lock */
    uint32_t loop_epoch;
    int loop_active;       /* the board is in use */
    pkn_member *next_membership; /* of the same thread, in other pools */
    uint32_t later_owner, later_epoch; /* a loop that was not worth helping, not looked at again before later_ticks */
    uint64_t later_ticks;
    int times_later;
    pkn_loop_cost costs[PKN_LOOP_COSTS];

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_tally tally;

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_ptr join_segment[PKN_JOIN_SEGMENTS];

    uint64_t tally_base[PKN_TALLY_WORDS]; /* tally at the last reset; under the pool's lock */

    /* what thieves read and change */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u64 join_range; /* the public joins, see join_deque.h */
    pkn_job_deque spawns;
    pkn_job_deque fifo; /* detached jobs that start in the order of their spawns, see fifo.h */

    pkn_loop_board board;

    /* what wakes us */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 parked;
    pkn_atomic_ptr waits_for; /* address of what has no owner: a future, the count of detached jobs */
#if PKN_THREADS
    pkn_thread thread;
    pkn_sleeper sleeper;
#endif
};

/* One pkern_broadcast, on its caller's stack, or a spawned one, in memory of its own, without a caller; linked while a worker may
   still have to run it. */
typedef struct pkn_broadcast {
    struct pkn_broadcast *next;
    uint32_t number;
    int count;
    int (*fn)(int index, int count, void *ctx);
    void *ctx;
    pkn_member *caller;
    uint32_t root;
    pkn_atomic_u32 remaining;
    pkn_atomic_u64 failure; /* index 32, code 32; all ones for none */
    pkern_scope *scope;     /* whose task it is, as its number-th spawn */
    uint32_t spawn_number;
} pkn_broadcast;

/* What idle workers look at, in one line. call says what to run in broadcast number `call_number`, while that is not done. */
typedef struct pkn_broadcast_board {
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 number; /* of the newest broadcast */
    pkn_atomic_u32 call_number;
    pkn_atomic_u32 count, root;
    pkn_atomic_size fn;
    pkn_atomic_size ctx;
    pkn_atomic_ptr broadcast;
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_broadcast_board;

/* Jobs first in, first out, under the pool's lock. */
typedef struct pkn_job_queue {
    pkn_atomic_size count;
    pkn_job *jobs; /* [capacity], a ring */
    size_t capacity, head;
} pkn_job_queue;

struct pkern_pool {
    int num_threads; /* T */
    int num_slots;
    uint32_t fork_generation;
    uint32_t depth_limit;
    int is_spread; /* the workers are pinned, at places that differ */
    size_t stack_size;
    uint64_t spin_ticks;
    double ticks_per_ns;
    uint64_t id; /* no two pools of the process share one: when it was made, in ns */
    uint64_t created_ticks; /* at the same moment */
    uint64_t stats_since_ns; /* under lock */
    pkn_trace *trace;
    pkern_status trace_status;
    unsigned flags;
    int has_membarrier; /* a thread can fence all of them: private joins can be stolen */
    pkern_allocator allocator_storage;
    const pkern_allocator *allocator;
    void (*on_thread_start)(int index, void *user);
    void (*on_thread_exit)(int index, void *user);
    int (*start_thread)(const pkern_thread_start *start, void *user);
    void (*join_thread)(int index, void *user);
    void (*on_task_error)(int code, void *ctx, void *user);
    void *user;
    char name[16];
    size_t bytes;
    pkn_atomic_ptr *members; /* [num_slots] pkn_member, guests' made when first needed */
    pkn_mutex starting;     /* held while the workers are made */
    pkn_mutex lock;         /* guest creation, broadcasts, the two queues */

    pkn_broadcast *broadcasts; /* under lock */

    pkn_broadcast_board board; /* beside the list, so that workers come by without the lock */

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 num_members; /* members[0 .. this) exist */
    pkn_atomic_u32 stopping;
    pkn_job_queue injected;          /* see injector.h */
    pkn_job_queue urgent;
    pkn_job_queue of_regions;        /* tasks of regions, see region.h */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_size detached; /* detached jobs and futures that are queued or run */

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 sleepers; /* workers asleep, + PKN_SLEEPING_GUEST for each guest */
    uint32_t helpers; /* T - 1 */
    pkn_atomic_u32 blocking; /* workers in a wait that runs nothing */

    /* see spare.h; changed under lock */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 blocked; /* members inside pkern_blocking */
    pkn_atomic_u32 spares_working;                      /* that don't rest */
    uint32_t num_spares, max_spares;
};

#define PKN_SLEEPING_GUEST 0x10000u

PKN_INLINE uint32_t pkn_root(const pkn_member *member) {
    return pkn_atomic_load_relaxed_u32(&member->root);
}

PKN_INLINE void pkn_set_root(pkn_member *member, uint32_t root) {
    pkn_atomic_store_relaxed_u32(&member->root, root);
}

/* Of an index below num_members, whose release covers the pointer, or of a thief whose claim was seen. */
PKN_INLINE pkn_member *pkn_member_at(const pkern_pool *pool, uint32_t index) {
    return (pkn_member *)pkn_atomic_load_relaxed_ptr(&pool->members[index]);
}

/* One of the pool's own threads, which take any work; the others are guests. */
PKN_INLINE int pkn_is_own_thread(const pkn_member *member) {
    return member->is_worker || member->is_spare;
}

/* 0 where both have the same last cache, or one's place isn't known; 1 in the same memory node; else 2. */
PKN_INLINE int pkn_distance(const pkn_member *a, const pkn_member *b) {
    if (a->place.cache == b->place.cache || a->place.cache == 0 || b->place.cache == 0) {
        return 0;
    }
    return a->place.node == b->place.node ? 1 : 2;
}

/* 1 where a thread that runs work of this root takes nothing else while it waits. */
PKN_INLINE int pkn_is_isolated(const pkern_pool *pool, uint32_t root) {
    return root > (uint32_t)pool->num_slots && root <= PKN_ROOT_LONELY;
}

/* The root that a region was begun under; roots that are no region end the chain by themselves. */
PKN_INLINE uint32_t pkn_outer_root(const pkern_pool *pool, uint32_t root) {
    uint32_t slots = (uint32_t)pool->num_slots;
    if (!pkn_is_isolated(pool, root) || root == PKN_ROOT_LONELY) {
        return root;
    }
    const pkn_member *member = pkn_member_at(pool, (root - 1u) % slots);
    return pkn_atomic_load_relaxed_u32(&member->region_outer[(root - 1u) / slots - 1u]);
}

/* 1 where work of this root is the other's, too. A root that is read before its work is claimed may be an old one of a region that is
   over, so the chain may be anything, and long. */
PKN_INTERNAL int pkn_root_descends(const pkern_pool *pool, uint32_t root, uint32_t from) {
    for (int steps = 0; root != from && steps < 1000; steps++) {
        uint32_t outer = pkn_outer_root(pool, root);
        if (outer == root) {
            return 0;
        }
        root = outer;
    }
    return root == from;
}

/* The call that all of it descends from. */
PKN_INTERNAL uint32_t pkn_top_root(const pkern_pool *pool, uint32_t root) {
    uint32_t outer = pkn_outer_root(pool, root);
    for (int steps = 0; outer != root && steps < 1000; steps++) {
        root = outer;
        outer = pkn_outer_root(pool, root);
    }
    return root;
}

#endif
/* ==== src/pool/join_deque.h, continued ==== */
/* #include "base/bits.h": above */
/* ==== src/base/membarrier.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A full fence on every running thread of the process, asked for by one of them: so that what threads do all the time needs no
   fence, and what is done once in a while pays for both sides. About 0.6 us with one other thread running.
   Source: Linux, membarrier(2), private expedited; Dice, Huang and Yang, "Asymmetric Dekker synchronization", 2001. */
#ifndef PKN_BASE_MEMBARRIER_H
#define PKN_BASE_MEMBARRIER_H

/* #include "base/atomic.h": above */
/* #include "base/thread.h": above */

#if PKN_THREADS && PKN_LINUX && defined(SYS_membarrier) && !defined(PKERN_NO_MEMBARRIER)
#define PKN_MEMBARRIER 1
enum { PKN_MEMBARRIER_EXPEDITED = 8, PKN_MEMBARRIER_REGISTER = 16 };
#else
#define PKN_MEMBARRIER 0
#endif

/* 1 where the system does it. Quick in a process of one thread, about 10 ms once in one that has several. errno is kept. */
PKN_INTERNAL int pkn_membarrier_init(void) {
#if PKN_MEMBARRIER
    int kept_errno = errno;
    int works = syscall(SYS_membarrier, PKN_MEMBARRIER_REGISTER, 0, 0) == 0;
    errno = kept_errno;
    return works;
#else
    return 0;
#endif
}

/* works: what init said; where it is 0, a fence of the calling thread alone. */
PKN_INTERNAL void pkn_fence_all_threads(int works) {
#if PKN_MEMBARRIER
    if (works) {
        int kept_errno = errno;
        (void)syscall(SYS_membarrier, PKN_MEMBARRIER_EXPEDITED, 0, 0);
        errno = kept_errno;
        return;
    }
#endif
    PKN_UNUSED(works);
    pkn_fence_seq_cst();
}

#endif
/* ==== src/pool/join_deque.h, continued ==== */
/* ==== src/pool/spawn_deque.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The spawn deque: Chase and Lev's, public at once. The owner pushes and pops at the bottom, thieves take at the top.

   A job is copied word by word before the compare-and-swap on top claims it. The copy may be torn where the owner overwrites the
   cell, but then top has moved and the claim fails. Growth copies the live jobs into a larger ring; thieves that still read the
   old one find their job there unchanged, and old rings live until the pool ends.
   Orders: push stores the cell, then bottom with release; steal loads bottom with acquire, so it sees the cell. pop stores bottom,
   steal advances top: the full fences between each side's store and its load of the other's word let at least one of them see
   the other, and the last job goes to whoever moves top.
   Source: Chase and Lev, "Dynamic circular work-stealing deque", 2005; Le et al., "Correct and efficient work-stealing
   for weak memory models", 2013. */
#ifndef PKN_POOL_SPAWN_DEQUE_H
#define PKN_POOL_SPAWN_DEQUE_H

/* #include "pool/member.h": above */
/* ==== src/base/alloc.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Memory: the user's allocator or aligned malloc, behind two calls. */
#ifndef PKN_BASE_ALLOC_H
#define PKN_BASE_ALLOC_H

/* #include "base/base.h": above */
/* #include "base/platform.h": above */

/* bytes of memory aligned to alignment (a power of two), 0 where there is none. The pointer that malloc gave stands in front
   of the block, since aligned_alloc is not in C99. */
PKN_INTERNAL void *pkn_allocate(const pkern_allocator *allocator, size_t bytes, size_t alignment) {
    if (allocator != 0 && allocator->allocate != 0) {
        return allocator->allocate(bytes, alignment, allocator->user);
    }
    size_t extra = alignment + sizeof(void *);
    if (bytes > SIZE_MAX - extra) {
        return 0;
    }
    char *base = (char *)malloc(bytes + extra);
    if (base == 0) {
        return 0;
    }
    uintptr_t first = (uintptr_t)base + sizeof(void *);
    char *memory = base + sizeof(void *) + ((alignment - first % alignment) % alignment);
    memcpy(memory - sizeof(void *), &base, sizeof base);
    return memory;
}

PKN_INTERNAL void pkn_release(const pkern_allocator *allocator, void *memory, size_t bytes) {
    if (memory == 0) {
        return;
    }
    if (allocator != 0 && allocator->allocate != 0) {
        allocator->release(memory, bytes, allocator->user);
        return;
    }
    void *base;
    memcpy(&base, (char *)memory - sizeof(void *), sizeof base);
    free(base);
}

#endif
/* ==== src/pool/spawn_deque.h, continued ==== */

#define PKN_JOB_RING_0 32u

/* What a searching member may take. */
typedef struct pkn_filter {
    int by_root;               /* only jobs of this root */
    uint32_t root;
    const pkern_scope *scope; /* only jobs of this scope, where not 0 */
} pkn_filter;

PKN_INLINE int pkn_filter_takes_job(const pkn_filter *filter, const pkn_job *job) {
    return (!filter->by_root || job->root == filter->root) && (filter->scope == 0 || job->scope == filter->scope);
}

PKN_INLINE void pkn_job_store(pkn_job_cell *cell, const pkn_job *job) {
    pkn_atomic_store_relaxed_size(&cell->word[0], (size_t)job->fn);
    pkn_atomic_store_relaxed_size(&cell->word[1], (size_t)job->ctx);
    pkn_atomic_store_relaxed_size(&cell->word[2], (size_t)job->scope);
    pkn_atomic_store_relaxed_size(&cell->word[3], job->number);
    pkn_atomic_store_relaxed_size(&cell->word[4], job->root);
}

PKN_INLINE void pkn_job_load(const pkn_job_cell *cell, pkn_job *job) {
    job->fn = (pkern_task_fn)pkn_atomic_load_relaxed_size(&cell->word[0]);
    job->ctx = (void *)pkn_atomic_load_relaxed_size(&cell->word[1]);
    job->scope = (pkern_scope *)pkn_atomic_load_relaxed_size(&cell->word[2]);
    job->number = (uint32_t)pkn_atomic_load_relaxed_size(&cell->word[3]);
    job->root = (uint32_t)pkn_atomic_load_relaxed_size(&cell->word[4]);
}

PKN_INTERNAL pkn_job_ring *pkn_job_ring_create(const pkern_allocator *allocator, size_t capacity) {
    size_t bytes = sizeof(pkn_job_ring) + (capacity - 1) * sizeof(pkn_job_cell);
    pkn_job_ring *ring = (pkn_job_ring *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (ring != 0) {
        ring->capacity = capacity;
        ring->bytes = bytes;
        ring->older = 0;
    }
    return ring;
}

/* Owner only. A ring twice as large with the jobs [top, bottom); 0 without memory. */
PKN_INTERNAL PKN_COLD pkn_job_ring *pkn_job_ring_grow(pkn_job_deque *deque, const pkern_allocator *allocator, pkn_job_ring *ring,
                                                      size_t top, size_t bottom) {
    pkn_job_ring *larger = pkn_job_ring_create(allocator, ring == 0 ? PKN_JOB_RING_0 : 2 * ring->capacity);
    if (larger == 0) {
        return 0;
    }
    for (size_t i = top; i != bottom; i++) {
        pkn_job job;
        pkn_job_load(&ring->cell[i & (ring->capacity - 1)], &job);
        pkn_job_store(&larger->cell[i & (larger->capacity - 1)], &job);
    }
    larger->older = ring;
    /* release: a thief that finds the ring finds its cells */
    pkn_atomic_store_release_ptr(&deque->ring, larger);
    return larger;
}

/* Owner only. The ring, with room for one job more; 0 without memory. */
PKN_INTERNAL pkn_job_ring *pkn_job_room(pkn_job_deque *deque, const pkern_allocator *allocator) {
    size_t bottom = pkn_atomic_load_relaxed_size(&deque->bottom);
    /* acquire: pairs with the thief's claim, so that its reads of the cell stand before what is stored there now */
    size_t top = pkn_atomic_load_acquire_size(&deque->top);
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_relaxed_ptr(&deque->ring);
    if (PKN_UNLIKELY(ring == 0 || bottom - top >= ring->capacity)) {
        ring = pkn_job_ring_grow(deque, allocator, ring, top, bottom);
    }
    return ring;
}

/* Owner only. 0, or 1 where there is no memory: nothing was queued. */
PKN_INTERNAL int pkn_job_push(pkn_job_deque *deque, const pkern_allocator *allocator, const pkn_job *job) {
    size_t bottom = pkn_atomic_load_relaxed_size(&deque->bottom);
    pkn_job_ring *ring = pkn_job_room(deque, allocator);
    if (ring == 0) {
        return 1;
    }
    pkn_job_store(&ring->cell[bottom & (ring->capacity - 1)], job);
    /* release: pairs with the thief's acquire of bottom */
    pkn_atomic_store_release_size(&deque->bottom, bottom + 1);
    return 0;
}

/* Owner only. 1 and the newest job, if the filter takes it. */
PKN_INTERNAL int pkn_job_pop(pkn_job_deque *deque, const pkn_filter *filter, pkn_job *job) {
    size_t bottom = pkn_atomic_load_relaxed_size(&deque->bottom);
    size_t top = pkn_atomic_load_relaxed_size(&deque->top);
    if ((ptrdiff_t)(bottom - top) <= 0) {
        return 0;
    }
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_relaxed_ptr(&deque->ring);
    bottom--;
    pkn_job_load(&ring->cell[bottom & (ring->capacity - 1)], job);
    if (!pkn_filter_takes_job(filter, job)) {
        return 0;
    }
    /* release, for a thief that reads this bottom sees the cells below it: in C++20 a thread's own later relaxed store no longer
       carries on what push has released */
    pkn_atomic_store_release_size(&deque->bottom, bottom);
    /* orders the store of bottom before the load of top; pairs with the fence in pkn_job_steal */
    pkn_fence_seq_cst();
    top = pkn_atomic_load_relaxed_size(&deque->top);
    if ((ptrdiff_t)(bottom - top) > 0) {
        return 1;
    }
    int taken = 0;
    if (top == bottom) {
        /* the last job: whoever moves top has it */
        taken = pkn_atomic_cas_relaxed_size(&deque->top, &top, top + 1);
    }
    pkn_atomic_store_relaxed_size(&deque->bottom, bottom + 1);
    return taken;
}

/* Any thread. 1 and the oldest job, if there is one that the filter takes and no other thief was faster; with peek, 1 where such a
   job is there, and it stays. */
PKN_INTERNAL int pkn_job_steal(pkn_job_deque *deque, const pkn_filter *filter, int peek, pkn_job *job) {
    size_t top = pkn_atomic_load_relaxed_size(&deque->top);
    if ((ptrdiff_t)(pkn_atomic_load_relaxed_size(&deque->bottom) - top) <= 0) {
        return 0;
    }
    /* orders the load of top before the load of bottom; pairs with the fence in pkn_job_pop */
    pkn_fence_seq_cst();
    /* acquire: pairs with push's release of bottom, so the cell is visible */
    size_t bottom = pkn_atomic_load_acquire_size(&deque->bottom);
    if ((ptrdiff_t)(bottom - top) <= 0) {
        return 0;
    }
    /* acquire: pairs with grow's release of the ring */
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_acquire_ptr(&deque->ring);
    pkn_job_load(&ring->cell[top & (ring->capacity - 1)], job);
    if (!pkn_filter_takes_job(filter, job)) {
        return 0;
    }
    /* release: pairs with push's acquire of top */
    return peek || pkn_atomic_cas_acq_rel_size(&deque->top, &top, top + 1);
}

/* Nobody uses the deque any more. */
PKN_INTERNAL void pkn_job_deque_free(pkn_job_deque *deque, const pkern_allocator *allocator) {
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_relaxed_ptr(&deque->ring);
    while (ring != 0) {
        pkn_job_ring *older = ring->older;
        pkn_release(allocator, ring, ring->bytes);
        ring = older;
    }
}

/* ---- a member's spawns ---- */

PKN_INLINE int pkn_spawn_push(pkn_member *owner, const pkn_job *job) {
    owner->has_spawned = 1;
    int failed = pkn_job_push(&owner->spawns, owner->pool->allocator, job);
    pkn_tally_add(&owner->tally, PKN_TALLY_SPAWNS, !failed);
    return failed;
}

PKN_INLINE int pkn_spawn_pop(pkn_member *owner, const pkn_filter *filter, pkn_job *job) {
    return pkn_job_pop(&owner->spawns, filter, job);
}

PKN_INLINE int pkn_spawn_steal(pkn_member *victim, const pkn_filter *filter, int peek, pkn_job *job) {
    return pkn_job_steal(&victim->spawns, filter, peek, job);
}

#endif
/* ==== src/pool/join_deque.h, continued ==== */

/* join_range: version 24, top 20, split 20 */
#define PKN_JOIN_INDEX_BITS 20
#define PKN_JOIN_INDEX_MASK ((UINT32_C(1) << PKN_JOIN_INDEX_BITS) - 1u)

PKN_INLINE uint32_t pkn_join_top(uint64_t range) {
    return (uint32_t)(range >> PKN_JOIN_INDEX_BITS) & PKN_JOIN_INDEX_MASK;
}

PKN_INLINE uint32_t pkn_join_split(uint64_t range) {
    return (uint32_t)range & PKN_JOIN_INDEX_MASK;
}

/* The range that follows this one. */
PKN_INLINE uint64_t pkn_join_next(uint64_t range, uint32_t top, uint32_t split) {
    uint64_t version = (range >> 2 * PKN_JOIN_INDEX_BITS) + 1u;
    return version << 2 * PKN_JOIN_INDEX_BITS | (uint64_t)top << PKN_JOIN_INDEX_BITS | split;
}

/* Segment k holds PKN_JOIN_SEGMENT_0 * 2^k records; index is in segment floor(log2(index / PKN_JOIN_SEGMENT_0 + 1)). */
PKN_INLINE pkn_slot *pkn_join_slot(const pkn_member *member, uint32_t index) {
    uint32_t segment = 63u - pkn_clz_u64(index / PKN_JOIN_SEGMENT_0 + 1u);
    uint32_t first = ((1u << segment) - 1u) * PKN_JOIN_SEGMENT_0;
    /* relaxed: a thief has the index from join_range or end, and with it what its owner did before */
    pkn_slot *slots = (pkn_slot *)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
    return slots + (index - first);
}

PKN_INTERNAL uint32_t pkn_join_index(const pkn_member *member, const pkn_slot *slot) {
    uint32_t first = 0, length = PKN_JOIN_SEGMENT_0;
    for (uint32_t segment = 0; segment < PKN_JOIN_SEGMENTS; segment++) {
        uintptr_t offset = (uintptr_t)slot - (uintptr_t)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
        if (offset < length * sizeof(pkn_slot)) {
            return first + (uint32_t)(offset / sizeof(pkn_slot));
        }
        first += length;
        length *= 2;
    }
    return first;
}

/* Index of the first free record. Any thread; acquire: what is below is seen. */
PKN_INLINE uint32_t pkn_join_end(const pkn_member *member) {
    return pkn_join_index(member, (const pkn_slot *)pkn_atomic_load_acquire_ptr(&member->fork.end));
}

/* Owner only. Makes the next segment; 0, or 1 without memory. */
PKN_INTERNAL PKN_COLD int pkn_join_add_segment(pkn_member *owner) {
    uint32_t segment = owner->join_segments;
    if (segment == PKN_JOIN_SEGMENTS) {
        return 1;
    }
    uint32_t length = PKN_JOIN_SEGMENT_0 << segment;
    pkn_slot *slots =
        (pkn_slot *)pkn_allocate(owner->pool->allocator, length * sizeof(pkn_slot), PKN_CACHE_LINE);
    if (slots == 0) {
        return 1;
    }
    memset((void *)slots, 0, length * sizeof(pkn_slot));
    for (uint32_t i = 0; i < length; i++) {
        slots[i].owner = &owner->fork;
    }
    pkn_atomic_store_relaxed_u32(&slots[length - 1].flags, PKN_SLOT_LAST);
    pkn_atomic_store_relaxed_ptr(&owner->join_segment[segment], slots);
    owner->join_segments++;
    return 0;
}

/* Owner only. Offers a second side of two callbacks. Its record, or 0 where it could not be queued. */
PKN_INTERNAL pkn_slot *pkn_join_push_callback(pkn_member *owner, pkern_task_fn fn, void *ctx) {
    pkn_slot *slot = pkn_end(&owner->fork);
    pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
    frame->fn = fn;
    frame->ctx = ctx;
    slot->run = 0;
    return pkn_push(slot) != 0 ? slot : 0;
}

PKN_INLINE void pkn_join_mark(pkn_slot *slot) {
    pkn_atomic_store_relaxed_u32(&slot->flags, pkn_atomic_load_relaxed_u32(&slot->flags) | PKN_SLOT_PUBLIC);
}

PKN_INLINE void pkn_join_unmark(pkn_slot *slot) {
    pkn_atomic_store_relaxed_u32(&slot->flags, pkn_atomic_load_relaxed_u32(&slot->flags) & PKN_SLOT_LAST);
}

/* Owner only. Makes the private records below new_split public, as jobs of the owner's present root. Returns how many. */
PKN_INTERNAL uint32_t pkn_join_expose(pkn_member *owner, uint32_t new_split) {
    uint32_t root = pkn_root(owner);
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    for (;;) {
        uint32_t split = pkn_join_split(range);
        if (split >= new_split) {
            return 0;
        }
        for (uint32_t i = split; i < new_split; i++) {
            pkn_slot *slot = pkn_join_slot(owner, i);
            uint32_t state = pkn_atomic_load_relaxed_u32(&slot->state);
            pkn_join_mark(slot);
            if (state >> 16 != root && (state & 0xffffu) == PKN_SLOT_PENDING) {
                /* fails where a thief takes it as a hidden one at this moment; it has named the root */
                (void)pkn_atomic_cas_relaxed_u32(&slot->state, &state, root << 16 | PKN_SLOT_PENDING);
            }
        }
        /* release: pairs with the thief's claim, which then reads the records */
        if (pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, pkn_join_top(range), new_split))) {
            return new_split - split;
        }
    }
}

/* Owner only, the newest record, marked. 1 where it is the owner's again, 0 where a thief has it. */
PKN_INTERNAL int pkn_join_try_take_back(pkn_member *owner, uint32_t index) {
    /* acquire, here and below: the thief may be a guest that is new, whose member the wait then looks at */
    uint64_t range = pkn_atomic_load_acquire_u64(&owner->join_range);
    for (;;) {
        uint32_t top = pkn_join_top(range), split = pkn_join_split(range);
        if (top > index) {
            return 0;
        }
        int is_public = split > index;
        uint32_t half = top + (index - top) / 2;
        uint32_t new_split = !is_public ? split : half > owner->join_floor ? half : owner->join_floor;
        uint32_t first = is_public ? new_split : index;
        for (uint32_t i = first; i <= index; i++) {
            pkn_join_unmark(pkn_join_slot(owner, i));
        }
        if (pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, top, new_split))) {
            return 1;
        }
        /* a thief was faster, and some of these stay public */
        for (uint32_t i = first; i <= index; i++) {
            pkn_join_mark(pkn_join_slot(owner, i));
        }
    }
}

/* Owner only, the newest record: stolen and done, as all below it. It is the first free one again. */
PKN_INTERNAL void pkn_join_forget_stolen(pkn_member *owner, pkn_slot *slot, uint32_t index) {
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    pkn_join_unmark(slot);
    pkn_atomic_store_relaxed_u32(&slot->state, PKN_SLOT_PENDING);
    /* nobody else can change the word; release: the mark is gone for those who see the new range */
    pkn_atomic_store_release_u64(&owner->join_range, pkn_join_next(range, index, index));
}

/* Owner only. A free record was marked by a thief that came too late. */
PKN_INTERNAL PKN_COLD void pkn_join_refuse_mark(pkn_member *owner, pkn_slot *slot) {
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    pkn_join_unmark(slot);
    while (!pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, pkn_join_top(range), pkn_join_split(range)))) {
    }
}

/* Any thread. The oldest public record, claimed, if the filter takes it; 0 else. With peek it is not claimed. */
PKN_INTERNAL pkn_slot *pkn_join_steal(pkn_member *victim, const pkn_filter *filter, int peek) {
    if (filter->scope != 0) {
        return 0;
    }
    /* acquire: pairs with expose; the segment and its root are read before the claim */
    uint64_t range = pkn_atomic_load_acquire_u64(&victim->join_range);
    uint32_t top = pkn_join_top(range);
    if (top >= pkn_join_split(range)) {
        return 0;
    }
    pkn_slot *slot = pkn_join_slot(victim, top);
    if (filter->by_root && !pkn_root_descends(victim->pool, pkn_atomic_load_relaxed_u32(&slot->state) >> 16, filter->root)) {
        return 0;
    }
    if (peek) {
        return slot;
    }
    /* release: pairs with the owner's look, who then looks at our member */
    if (!pkn_atomic_cas_acq_rel_u64(&victim->join_range, &range, pkn_join_next(range, top + 1, pkn_join_split(range)))) {
        return 0;
    }
    return slot;
}

/* Any thread, where the pool has_membarrier. The oldest private record, claimed, where none is public and the filter takes it; *root is its
   root. With peek it is only looked at. */
PKN_INTERNAL pkn_slot *pkn_join_steal_hidden(pkn_member *victim, const pkn_filter *filter, int peek, uint32_t *root) {
    /* acquire: pairs with the owner's changes, before which it cleared marks */
    uint64_t range = pkn_atomic_load_acquire_u64(&victim->join_range);
    uint32_t split = pkn_join_split(range);
    if (pkn_join_top(range) != split || filter->scope != 0 || pkn_join_end(victim) <= split) {
        return 0;
    }
    pkn_slot *slot = pkn_join_slot(victim, split);
    *root = pkn_root(victim);
    if (peek) {
        return filter->by_root && !pkn_root_descends(victim->pool, *root, filter->root) ? 0 : slot;
    }
    pkn_atomic_fetch_or_relaxed_u32(&slot->flags, PKN_SLOT_PUBLIC);
    pkn_fence_all_threads(1);
    /* the owner has its present root since before it pushed, and the claim fails where the record is another by now;
       release: as in pkn_join_steal */
    *root = pkn_root(victim);
    if (pkn_join_end(victim) <= split || (filter->by_root && !pkn_root_descends(victim->pool, *root, filter->root)) ||
        !pkn_atomic_cas_acq_rel_u64(&victim->join_range, &range, pkn_join_next(range, split + 1, split + 1))) {
        return 0;
    }
    return slot;
}

#endif
/* ==== src/pool/search.h, continued ==== */
/* ==== src/pool/region.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Regions: calls whose waits take only what descends from the call, so that a lock that the caller holds can't be asked for by other work
   on top of a wait.

   A region is a root of its own (see member.h): what is forked in it, by whatever thread, has that root, and a thread that runs
   such work takes nothing else while it waits. Regions nest: each knows the root that it was begun under, and work of an inner
   region counts as the outer one's. Why no circle of waits closes: a thread that runs a region's work holds none but the region's frames
   above it, so each record of the region is run by its owner or by a thread that comes to an end in the same way. A task of a region that
   nobody has begun could lie behind others in a deque whose owner waits for the lock; so these tasks go in one queue of the pool,
   where whoever may take them finds them.
   A member can tell PKN_REGIONS regions that it began apart. Beyond these its waits run nothing but tasks of the scope waited for.
   Source: own; TBB's task isolation has the rule, without the queue. */
#ifndef PKN_POOL_REGION_H
#define PKN_POOL_REGION_H

/* ==== src/pool/scope.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Running jobs, and the bookkeeping of the scopes they belong to. */
#ifndef PKN_POOL_SCOPE_H
#define PKN_POOL_SCOPE_H

/* ==== src/pool/sleep.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sleeping and waking.

   A member that finds nothing to do says so, looks once more, and sleeps; a poster makes work visible, then looks for sleepers:

       sleeper: sleepers += 1; parked = ASLEEP; fence; look for work and for its latch; sleep while parked == ASLEEP
       poster:  publish work; fence; if sleepers != 0: turn one member's parked from ASLEEP to AWAKE, sleepers -= 1, wake it

   (ASLEEP also says for which root, where the member would take nothing else: a poster passes over those it can't help.)

   The two fences order each side's store before its load of the other's word, so either the sleeper sees the work or the poster
   sees the sleeper. Whoever turns parked to AWAKE, poster or the sleeper that thinks better of it, also lowers sleepers: so it
   never counts fewer than those that are ASLEEP. A member that was woken and leaves its wait without having found work passes the
   wake on, so none is lost. A poster of several pieces of work wakes as many.
   What a member waits for (a join, a scope, a loop, a future) needs no wait flag of its own: who completes it does so with a
   read-modify-write and then looks at the waiter's parked word. Members live as long as the pool, so that look is safe
   though the frame of the waiter may be gone by then.
   A worker that waits in another pool is asleep in both: there as a guest, on whose word it sleeps, and at home as ASLEEP_ABROAD. A
   poster at home wakes the guest under the lock of the home pool. The thread takes itself off that state under
   the same lock before it goes on, so the other pool's member is there for as long as a waker needs it. */
#ifndef PKN_POOL_SLEEP_H
#define PKN_POOL_SLEEP_H

/* ==== src/pool/process.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What belongs to a process and to a thread, not to a pool: fork's generation, the thread's memberships. */
#ifndef PKN_POOL_PROCESS_H
#define PKN_POOL_PROCESS_H

/* #include "pool/member.h": above */

/* A loop too short to share, called from outside: it runs without a place in the pool unless its body asks for one. */
typedef struct pkn_short_call {
    pkern_pool *pool; /* as the caller gave it */
    pkn_entry entry;
    int is_inside; /* entry holds a place */
} pkn_short_call;

typedef struct pkn_thread_state {
    /* All that a short call touches, in one line: the body that ran short here last, how many of its items are too few to
       share (and too few while all helpers sleep), what they may cost; see loop_cost.h. */
    pkn_short_call *short_call;
    pkn_member *memberships; /* every pool this thread is inside of */
    size_t short_key;
    const pkern_pool *short_pool;
    size_t short_items, short_cold_items;
    uint32_t short_ticks;
    uint32_t short_left; /* calls until its cost is looked at again */
    float short_item_ns;

    float short_ticks_per_ns;
    float cold_ns;           /* shareable time that ran alone while all helpers slept ... */
    uint64_t cold_since;     /* ... from this tick on */
    pkn_member *worker;      /* where this is a pool's own thread */
    pkern_pool *last_pool;   /* the guest slot used last, taken again without a search */
    uint64_t last_pool_id;
    pkn_member *last_guest;
    int last_is_kept; /* the slot is this thread's for the pool's life */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_thread_state;

static PKN_THREAD_LOCAL pkn_thread_state pkn_this_thread;

#ifndef PKERN_STATIC
static pkn_slot pkern_internal_no_slot = PKN_NO_SLOT;
pkn_fork_state pkern_internal_outside = PKN_FORK_OUTSIDE;
PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self = &pkern_internal_outside;
#endif

/* The member of the innermost task or install, 0 outside of any. */
PKN_INLINE pkn_member *pkn_current(void) {
    pkn_fork_state *self = pkern_internal_self;
    return self == &pkern_internal_outside ? 0 : (pkn_member *)(void *)self;
}

PKN_INLINE void pkn_set_current(pkn_member *member) {
    pkern_internal_self = member != 0 ? &member->fork : &pkern_internal_outside;
}

/* How many forks this process descends from. A pool of an older generation has lost its threads. */
static pkn_atomic_u32 pkn_fork_generation;

PKN_INLINE int pkn_is_orphan(const pkern_pool *pool) {
    return pool->fork_generation != pkn_atomic_load_relaxed_u32(&pkn_fork_generation);
}

#if PKN_THREADS
/* Held while the global pool is made or ended, and over a fork, so that the child finds it free. */
static pkn_mutex pkn_global_lock = PKN_MUTEX_INIT;
/* Held while a trace is begun, written or ended. Taken after the other, where both are. */
static pkn_mutex pkn_trace_lock = PKN_MUTEX_INIT;

PKN_INTERNAL void pkn_before_fork(void) {
    pkn_mutex_lock(&pkn_global_lock);
    pkn_mutex_lock(&pkn_trace_lock);
}

PKN_INTERNAL void pkn_forked_parent(void) {
    pkn_mutex_unlock(&pkn_trace_lock);
    pkn_mutex_unlock(&pkn_global_lock);
}

PKN_INTERNAL void pkn_forked_child(void) {
    pkn_atomic_fetch_add_relaxed_u32(&pkn_fork_generation, 1);
    pkn_mutex_unlock(&pkn_trace_lock);
    pkn_mutex_unlock(&pkn_global_lock);
}

static pkn_once pkn_fork_once = PKN_ONCE_INIT;

PKN_INTERNAL void pkn_watch_fork_once(void) {
    pkn_at_fork(pkn_before_fork, pkn_forked_parent, pkn_forked_child);
}

PKN_INTERNAL void pkn_watch_fork(void) {
    pkn_call_once(&pkn_fork_once, pkn_watch_fork_once);
}
#else
static pkn_mutex pkn_global_lock;
static pkn_mutex pkn_trace_lock;

PKN_INTERNAL void pkn_watch_fork(void) {
}
#endif

#endif
/* ==== src/pool/sleep.h, continued ==== */
/* ==== src/pool/trace.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Recording what members do, and the hooks through which the scheduler tells it.

   Each traced member has a lane: events in blocks of PKN_TRACE_BLOCK, allocated when the first is written, at most PKERN_TRACE_EVENTS;
   what comes after that is only counted. An event is written at its end, so slices of one thread nest by themselves. The lane's
   count is published after the event, so the lanes can be written to the file while their threads go on, as at exit.
   Off, lane is 0, and each hook is one branch on a line that its thread has at hand. */
#ifndef PKN_POOL_TRACE_H
#define PKN_POOL_TRACE_H

/* #include "pool/process.h": above */
/* #include "base/alloc.h": above */

/* slices, in pairs with their names in trace.c, then instants */
enum {
    PKN_TRACE_JOIN,
    PKN_TRACE_JOB,
    PKN_TRACE_HELP,
    PKN_TRACE_LOOP,
    PKN_TRACE_ALONE,
    PKN_TRACE_BROADCAST,
    PKN_TRACE_WAIT, /* + kind of the wait, 1 to 7 */
    PKN_TRACE_SLEEP = PKN_TRACE_WAIT + 8,
    PKN_TRACE_CALL,
    PKN_TRACE_WAKE,
    PKN_TRACE_ANNOUNCE,
    PKN_TRACE_KINDS
};

typedef struct pkn_trace_event {
    uint64_t start, end; /* ticks; end is start for an instant */
    uint32_t kind, first, second;
} pkn_trace_event;

#define PKN_TRACE_BLOCK 4096u
#define PKN_TRACE_BLOCKS ((PKERN_TRACE_EVENTS + PKN_TRACE_BLOCK - 1u) / PKN_TRACE_BLOCK)

typedef struct pkn_trace_lane {
    pkn_count recorded;
    pkn_count dropped;
    uint64_t call_start; /* of the guest's outermost call, 0 where that is a loop or a broadcast, which have slices of their own */
    pkn_atomic_ptr block[PKN_TRACE_BLOCKS];
} pkn_trace_lane;

/* A lane, where the pool is traced and there is memory; else 0, and this member leaves no trace. */
PKN_INTERNAL pkn_trace_lane *pkn_trace_make_lane(const pkern_pool *pool) {
    if (pool->trace == 0) {
        return 0;
    }
    pkn_trace_lane *lane = (pkn_trace_lane *)pkn_allocate(pool->allocator, sizeof(pkn_trace_lane), PKN_CACHE_LINE);
    if (lane != 0) {
        memset((void *)lane, 0, sizeof *lane);
    }
    return lane;
}

PKN_INTERNAL void pkn_trace_free_lane(const pkern_pool *pool, pkn_trace_lane *lane) {
    if (lane != 0) {
        for (uint32_t i = 0; i < PKN_TRACE_BLOCKS; i++) {
            pkn_release(pool->allocator, pkn_atomic_load_relaxed_ptr(&lane->block[i]), PKN_TRACE_BLOCK * sizeof(pkn_trace_event));
        }
        pkn_release(pool->allocator, lane, sizeof *lane);
    }
}

PKN_INTERNAL PKN_COLD void pkn_trace_record(const pkn_member *self, uint32_t kind, uint64_t start, uint64_t end, uint32_t first,
                                            uint32_t second) {
    pkn_trace_lane *lane = self->lane;
    uint64_t count = pkn_count_read(&lane->recorded);
    uint64_t at = count % PKN_TRACE_BLOCK;
    pkn_atomic_ptr *place = &lane->block[count / PKN_TRACE_BLOCK < PKN_TRACE_BLOCKS ? count / PKN_TRACE_BLOCK : 0];
    pkn_trace_event *block = (pkn_trace_event *)pkn_atomic_load_relaxed_ptr(place);
    if (count < PKERN_TRACE_EVENTS && block == 0) {
        block = (pkn_trace_event *)pkn_allocate(self->pool->allocator, PKN_TRACE_BLOCK * sizeof(pkn_trace_event), PKN_CACHE_LINE);
        pkn_atomic_store_relaxed_ptr(place, block);
    }
    if (count >= PKERN_TRACE_EVENTS || block == 0) {
        pkn_count_add(&lane->dropped, 1);
        return;
    }
    block[at].start = start;
    block[at].end = end;
    block[at].kind = kind;
    block[at].first = first;
    block[at].second = second;
    pkn_count_publish(&lane->recorded, count + 1);
}

/* Begin and end of a pool's trace, see trace.c. open: a status for pkern_pool_stats.trace. */
PKN_INTERNAL pkern_status pkn_trace_open(pkern_pool *pool, const char *name);
PKN_INTERNAL void pkn_trace_close(pkern_pool *pool);

/* ---- hooks ---- */

/* The time where this member is traced, else 0. */
PKN_INLINE uint64_t pkn_trace_start(const pkn_member *self) {
    return PKN_UNLIKELY(self->lane != 0) ? pkn_ticks() : 0;
}

/* A slice from start to now; nothing where start is 0. */
PKN_INLINE void pkn_trace_end(const pkn_member *self, uint32_t kind, uint64_t start, uint32_t first, uint32_t second) {
    if (PKN_UNLIKELY(start != 0)) {
        pkn_trace_record(self, kind, start, pkn_ticks(), first, second);
    }
}

PKN_INLINE void pkn_trace_instant(const pkn_member *self, uint32_t kind, uint32_t first) {
    if (PKN_UNLIKELY(self->lane != 0)) {
        uint64_t now = pkn_ticks();
        pkn_trace_record(self, kind, now, now, first, 0);
    }
}

/* A call that came from outside begins; pkn_leave_for_good ends it. */
PKN_INLINE void pkn_trace_call(const pkn_member *self) {
    if (PKN_UNLIKELY(self->lane != 0) && self->entries == 1 && !self->is_worker) {
        self->lane->call_start = pkn_ticks();
    }
}

typedef struct pkn_work {
    uint64_t start;
    int outer_mode;
} pkn_work;

/* A piece of work begins: it is counted, and its member is busy. */
PKN_INLINE pkn_work pkn_work_begins(pkn_member *self, int count) {
    pkn_work work;
    pkn_tally_add(&self->tally, count, 1);
    work.outer_mode = self->tally.mode;
    pkn_tally_turn(&self->tally, PKN_TALLY_BUSY);
    work.start = pkn_trace_start(self);
    return work;
}

PKN_INLINE void pkn_work_ends(pkn_member *self, const pkn_work *work, uint32_t kind, uint32_t first) {
    pkn_tally_back(&self->tally, work->outer_mode);
    pkn_trace_end(self, kind, work->start, first, 0);
}

/* The calling thread has woken a member: counted where it is a member of the same pool. */
PKN_INTERNAL PKN_COLD void pkn_trace_wake(const pkn_member *woken) {
    pkn_member *self = pkn_this_thread.memberships;
    while (self != 0 && self->pool != woken->pool) {
        self = self->next_membership;
    }
    if (self != 0) {
        pkn_tally_add(&self->tally, PKN_TALLY_WAKES, 1);
        pkn_trace_instant(self, PKN_TRACE_WAKE, (uint32_t)woken->index);
    }
}

#endif
/* ==== src/pool/sleep.h, continued ==== */

PKN_INLINE uint32_t pkn_sleeping_workers(const pkern_pool *pool) {
    return pkn_atomic_load_relaxed_u32(&pool->sleepers) & (PKN_SLEEPING_GUEST - 1u);
}

PKN_INLINE uint32_t pkn_sleeper_unit(const pkn_member *member) {
    return pkn_is_own_thread(member) ? 1u : PKN_SLEEPING_GUEST;
}

/* parked: awake, or asleep until there is any work, or until there is work of a root. */
PKN_INLINE uint32_t pkn_asleep_for_root(uint32_t root) {
    return PKN_ASLEEP + 1u + root;
}

PKN_INTERNAL int pkn_wake_abroad(pkn_member *worker);

/* 1 where the member slept, as it was seen, and is awake now. */
PKN_INTERNAL int pkn_wake_member_that_is(pkn_member *member, uint32_t parked) {
    if (PKN_UNLIKELY(parked == PKN_ASLEEP_ABROAD)) {
        return pkn_wake_abroad(member);
    }
    /* acq_rel: the count was raised before parked was set, so it is lowered after that */
    if (parked == PKN_AWAKE || !pkn_atomic_cas_acq_rel_u32(&member->parked, &parked, PKN_AWAKE)) {
        return 0;
    }
    pkn_atomic_fetch_sub_relaxed_u32(&member->pool->sleepers, pkn_sleeper_unit(member));
#if PKN_THREADS
    pkn_wake_sleeper(&member->sleeper, &member->parked);
#endif
    pkn_trace_wake(member);
    return 1;
}

PKN_INLINE int pkn_wake_member(pkn_member *member) {
    return pkn_wake_member_that_is(member, pkn_atomic_load_relaxed_u32(&member->parked));
}

/* For the calling thread, which has parked itself as `guest`: its worker at home is asleep, too. */
PKN_INTERNAL PKN_COLD void pkn_sleep_abroad(pkn_member *worker, pkn_member *guest) {
    pkern_pool *pool = worker->pool;
    pkn_mutex_lock(&pool->lock);
    worker->abroad = guest;
    pkn_atomic_fetch_add_relaxed_u32(&pool->sleepers, 1);
    pkn_atomic_store_relaxed_u32(&worker->parked, PKN_ASLEEP_ABROAD); /* who would change it back takes the lock */
    pkn_mutex_unlock(&pool->lock);
}

/* Under the lock. */
PKN_INTERNAL int pkn_leave_sleep_abroad(pkn_member *worker) {
    int was_asleep = pkn_atomic_load_relaxed_u32(&worker->parked) == PKN_ASLEEP_ABROAD;
    if (was_asleep) {
        pkn_atomic_store_relaxed_u32(&worker->parked, PKN_AWAKE);
        pkn_atomic_fetch_sub_relaxed_u32(&worker->pool->sleepers, 1);
    }
    return was_asleep;
}

PKN_INTERNAL PKN_COLD int pkn_wake_abroad(pkn_member *worker) {
    if (pkn_is_orphan(worker->pool)) {
        return 0; /* a thread that is gone may hold the lock */
    }
    pkn_mutex_lock(&worker->pool->lock);
    int was_asleep = pkn_leave_sleep_abroad(worker);
    if (was_asleep) {
        (void)pkn_wake_member(worker->abroad);
    }
    pkn_mutex_unlock(&worker->pool->lock);
    return was_asleep;
}

/* The thread goes on. 1 where it was a poster at home that woke it. */
PKN_INTERNAL PKN_COLD int pkn_awake_from_abroad(pkn_member *worker) {
    pkn_mutex_lock(&worker->pool->lock);
    int was_woken = !pkn_leave_sleep_abroad(worker);
    pkn_mutex_unlock(&worker->pool->lock);
    return was_woken;
}

/* After work was published: wakes one member that can take it. 0 where there is none. */
PKN_INTERNAL PKN_COLD int pkn_wake_one(pkern_pool *pool, uint32_t root) {
    uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
    for (;;) {
        for (uint32_t i = 0; i < count; i++) {
            pkn_member *member = pkn_member_at(pool, i);
            uint32_t parked = pkn_atomic_load_relaxed_u32(&member->parked);
            if ((parked == PKN_ASLEEP || parked == PKN_ASLEEP_ABROAD || parked == pkn_asleep_for_root(root)) &&
                pkn_wake_member_that_is(member, parked)) {
                return 1;
            }
        }
        uint32_t outer = pkn_outer_root(pool, root); /* the caller's own work, so the chain is as it was made */
        if (outer == root) {
            return 0;
        }
        root = outer;
    }
}

/* After `pieces` pieces of work of a root were published. */
PKN_INLINE void pkn_work_posted(pkern_pool *pool, uint32_t root, uint32_t pieces) {
    /* orders the publication before the look at sleepers; pairs with the fence in pkn_sleep */
    pkn_fence_seq_cst();
    if (PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&pool->sleepers) != 0)) {
        while (pieces-- != 0 && pkn_wake_one(pool, root)) {
        }
    }
}

/* After a read-modify-write that completed what this member may wait for. */
PKN_INLINE void pkn_completed(pkn_member *waiter) {
    /* orders the completion before the look at parked; pairs with the fence in pkn_sleep */
    pkn_fence_seq_cst();
    if (PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&waiter->parked) != PKN_AWAKE)) {
        pkn_wake_member(waiter);
    }
}

/* The same, where any members may wait, and have said so by the address of what they wait for. It is only compared: what was there may
   be gone, and a wake too many does no harm. */
PKN_INTERNAL void pkn_wake_waiters_for(pkern_pool *pool, const void *what) {
    pkn_fence_seq_cst();
    if (pkn_atomic_load_relaxed_u32(&pool->sleepers) != 0) {
        uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
        for (uint32_t i = 0; i < count; i++) {
            pkn_member *member = pkn_member_at(pool, i);
            if (pkn_atomic_load_relaxed_ptr(&member->waits_for) == what) {
                pkn_wake_member(member);
            }
        }
    }
}

#endif
/* ==== src/pool/scope.h, continued ==== */
/* ==== src/pool/fifo.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Jobs that start in the order of their spawns: those of one thread in one FIFO scope, or those that one thread spawns detached.

   The jobs lie in a deque of their own that is only pushed to and taken from at the top. For each a marker, a job without a function,
   goes into the spawn deque, where the latest scope's work is found first, as ever. Whoever gets a marker, as owner or thief, runs
   the oldest job of the deque that it names. A job is pushed before its marker, so there are never more markers than jobs, and who
   holds one finds a job for it.
   A scope's deques, one for each thread that spawned, live until its wait is over: then each marker has been taken and its job run.
   Source: Rayon's ScopeFifo. */
#ifndef PKN_POOL_FIFO_H
#define PKN_POOL_FIFO_H

/* #include "pool/spawn_deque.h": above */

/* One thread's jobs of one scope. */
typedef struct pkn_scope_fifo {
    pkn_job_deque jobs;
    struct pkn_scope_fifo *next;
    const pkn_member *owner;
} pkn_scope_fifo;

/* By the holder of a marker. */
PKN_INTERNAL void pkn_fifo_take(pkn_job_deque *jobs, pkn_job *job) {
    pkn_filter anything = {0, 0, 0};
    while (!pkn_job_steal(jobs, &anything, 0, job)) {
        pkn_cpu_relax(); /* another holder was faster, and has moved on */
    }
}

/* Owner only. Queues a job and its marker. 0, or 1 where there is no memory: nothing was queued. */
PKN_INTERNAL int pkn_fifo_push(pkn_member *owner, pkn_job_deque *jobs, const pkn_job *job) {
    pkn_job marker = {0, jobs, job->scope, job->number, job->root};
    if (pkn_job_room(&owner->spawns, owner->pool->allocator) == 0 || pkn_job_push(jobs, owner->pool->allocator, job) != 0) {
        return 1;
    }
    return pkn_spawn_push(owner, &marker); /* there is room */
}

/* The calling member's deque in a FIFO scope; 0 without memory. */
PKN_INTERNAL pkn_job_deque *pkn_scope_fifo_of(pkern_scope *scope, const pkn_member *member) {
    /* acquire: pairs with the release below, so that the other threads' entries can be read */
    void *first = pkn_atomic_load_acquire_ptr(&scope->fifos);
    for (pkn_scope_fifo *fifo = (pkn_scope_fifo *)first; fifo != 0; fifo = fifo->next) {
        if (fifo->owner == member) {
            return &fifo->jobs;
        }
    }
    pkn_scope_fifo *made = (pkn_scope_fifo *)pkn_allocate(member->pool->allocator, sizeof *made, PKN_CACHE_LINE);
    if (made == 0) {
        return 0;
    }
    memset((void *)made, 0, sizeof *made);
    made->owner = member;
    do {
        made->next = (pkn_scope_fifo *)first;
        /* release: who finds the entry can read it */
    } while (!pkn_atomic_cas_acq_rel_ptr(&scope->fifos, &first, made));
    return &made->jobs;
}

/* All tasks of the scope have ended. */
PKN_INTERNAL void pkn_scope_free_fifos(pkern_scope *scope, const pkern_allocator *allocator) {
    /* relaxed: who waited for the tasks has seen what they did */
    pkn_scope_fifo *fifo = (pkn_scope_fifo *)pkn_atomic_load_relaxed_ptr(&scope->fifos);
    while (fifo != 0) {
        pkn_scope_fifo *next = fifo->next;
        pkn_job_deque_free(&fifo->jobs, allocator);
        pkn_release(allocator, fifo, sizeof *fifo);
        fifo = next;
    }
}

#endif
/* ==== src/pool/scope.h, continued ==== */

#define PKN_NO_FAILURE UINT64_MAX

/* What a scope is; no values that memory holds by chance, so that most misuse is seen. */
enum { PKN_SCOPE_OPEN = 0x5c09e01, PKN_SCOPE_WAITED = 0x5c09e02, PKN_SCOPE_FUTURE = 0x5c09e03 };

PKN_INTERNAL void pkn_scope_init(pkern_scope *scope, int is_fifo, uint32_t state) {
    scope->pool = 0;
    scope->member = 0;
    scope->is_fifo = is_fifo;
    scope->state = state;
    scope->thread = 0;
    scope->cancel = 0;
    scope->wait_mode = PKERN_WAIT_STEAL;
    scope->root = PKN_ROOT_NONE;
    pkn_atomic_store_relaxed_size(&scope->pending, 0);
    pkn_atomic_store_relaxed_u32(&scope->spawned, 0);
    pkn_atomic_store_relaxed_u64(&scope->failure, PKN_NO_FAILURE);
    pkn_atomic_store_relaxed_ptr(&scope->fifos, 0);
}

/* Keeps the failure with the lowest number in a word of number 32, code 32. */
PKN_INTERNAL void pkn_keep_lowest_failure(pkn_atomic_u64 *failure, uint32_t number, int code) {
    uint64_t mine = (uint64_t)number << 32 | (uint32_t)code;
    uint64_t lowest = pkn_atomic_load_relaxed_u64(failure);
    while ((lowest == PKN_NO_FAILURE || number < (uint32_t)(lowest >> 32)) &&
           !pkn_atomic_cas_relaxed_u64(failure, &lowest, mine)) {
    }
}

PKN_INLINE int pkn_failure_code(uint64_t failure) {
    return failure == PKN_NO_FAILURE ? PKERN_OK : (int)(uint32_t)failure;
}

/* One task of the scope has ended. The decrement is the last access to the scope: its frame may be gone right after. */
PKN_INTERNAL void pkn_scope_task_ended(pkern_scope *scope, uint32_t number, int code) {
    pkn_member *waiter = (pkn_member *)scope->member;
    pkern_pool *pool = scope->pool;
    if (PKN_UNLIKELY(code != 0)) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    /* acq_rel: the waiter that reads 0 sees what every task did */
    if (pkn_atomic_fetch_sub_acq_rel_size(&scope->pending, 1) == 1) {
        if (waiter != 0) {
            pkn_completed(waiter);
        } else {
            pkn_wake_waiters_for(pool, scope);
        }
    }
}

/* ---- detached jobs ---- */

PKN_INTERNAL void pkn_report_error(const pkern_pool *pool, int code, void *ctx) {
    if (code != 0 && pool->on_task_error != 0) {
        pool->on_task_error(code, ctx, pool->user);
    }
}

PKN_INTERNAL void pkn_detached_ended(pkern_pool *pool) {
    /* acq_rel: who reads 0 sees what every job did */
    if (pkn_atomic_fetch_sub_acq_rel_size(&pool->detached, 1) == 1) {
        pkn_wake_waiters_for(pool, &pool->detached);
    }
}

/* ---- */

PKN_INTERNAL void pkn_run_job(pkn_member *self, const pkn_job *job) {
    pkn_job oldest;
    if (job->fn == 0) {
        pkn_fifo_take((pkn_job_deque *)job->ctx, &oldest);
        job = &oldest;
    }
    pkern_scope *scope = job->scope;
    uint32_t is_detached = scope == 0 || scope->member == 0; /* a future */
    uint32_t outer_root = pkn_root(self);
    uint32_t from = self->tally.from;
    pkn_work work = pkn_work_begins(self, PKN_TALLY_JOBS);
    self->tally.from = 0;
    pkn_set_root(self, job->root);
    self->in_detached += is_detached;
    int code = scope != 0 && pkern_cancel_requested(scope->cancel) ? PKERN_ECANCELED : job->fn(job->ctx);
    self->in_detached -= is_detached;
    pkn_set_root(self, outer_root);
    pkn_work_ends(self, &work, PKN_TRACE_JOB, from == 0 ? (uint32_t)self->index : from - 1u);
    if (scope != 0) {
        pkn_scope_task_ended(scope, job->number, code);
    } else {
        pkn_report_error(self->pool, code, job->ctx);
    }
    if (is_detached) {
        pkn_detached_ended(self->pool);
    }
}

#endif
/* ==== src/pool/region.h, continued ==== */
/* ==== src/pool/injector.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The pool's queues, first in, first out: the injector, of jobs from outside, the urgent jobs, and the tasks of regions. Each is a ring
   under the pool's lock; a count beside it lets everybody who only looks stay off the lock. */
#ifndef PKN_POOL_INJECTOR_H
#define PKN_POOL_INJECTOR_H

/* #include "pool/spawn_deque.h": above */

/* 0, or 1 where there is no memory. */
PKN_INTERNAL int pkn_queue_push(pkern_pool *pool, pkn_job_queue *queue, const pkn_job *job) {
    int failed = 0;
    pkn_mutex_lock(&pool->lock);
    size_t count = pkn_atomic_load_relaxed_size(&queue->count);
    if (count == queue->capacity) {
        size_t capacity = count == 0 ? 32 : 2 * count;
        pkn_job *larger = (pkn_job *)pkn_allocate(pool->allocator, capacity * sizeof(pkn_job), sizeof(void *));
        if (larger == 0) {
            failed = 1;
        } else {
            for (size_t i = 0; i < count; i++) {
                larger[i] = queue->jobs[(queue->head + i) % count];
            }
            pkn_release(pool->allocator, queue->jobs, queue->capacity * sizeof(pkn_job));
            queue->jobs = larger;
            queue->capacity = capacity;
            queue->head = 0;
        }
    }
    if (!failed) {
        queue->jobs[(queue->head + count) % queue->capacity] = *job;
        pkn_atomic_store_relaxed_size(&queue->count, count + 1); /* who sees it takes the lock */
    }
    pkn_mutex_unlock(&pool->lock);
    return failed;
}

/* As pkn_filter_takes_job; regions' jobs are in these queues alone. */
PKN_INLINE int pkn_filter_takes_from(const pkern_pool *pool, const pkn_filter *filter, const pkn_job *job) {
    return (!filter->by_root || pkn_root_descends(pool, job->root, filter->root)) &&
           (filter->scope == 0 || job->scope == filter->scope);
}

/* 1 and the oldest job that the filter takes, 0 where there is none. With peek it stays. */
PKN_INTERNAL int pkn_queue_take(pkern_pool *pool, pkn_job_queue *queue, const pkn_filter *filter, int peek, pkn_job *job) {
    if (pkn_atomic_load_relaxed_size(&queue->count) == 0) {
        return 0;
    }
    pkn_mutex_lock(&pool->lock);
    size_t count = pkn_atomic_load_relaxed_size(&queue->count);
    size_t found = 0;
    while (found < count && !pkn_filter_takes_from(pool, filter, &queue->jobs[(queue->head + found) % queue->capacity])) {
        found++;
    }
    if (found < count && !peek) {
        *job = queue->jobs[(queue->head + found) % queue->capacity];
        for (size_t i = found; i != 0; i--) {
            queue->jobs[(queue->head + i) % queue->capacity] = queue->jobs[(queue->head + i - 1) % queue->capacity];
        }
        queue->head = (queue->head + 1) % queue->capacity;
        pkn_atomic_store_relaxed_size(&queue->count, count - 1);
    }
    pkn_mutex_unlock(&pool->lock);
    return found < count;
}

/* For who ends: under the lock, or to look once more under it. */
PKN_INLINE int pkn_queues_are_empty(const pkern_pool *pool) {
    return pkn_atomic_load_relaxed_size(&pool->injected.count) == 0 && pkn_atomic_load_relaxed_size(&pool->urgent.count) == 0 &&
           pkn_atomic_load_relaxed_size(&pool->of_regions.count) == 0;
}

PKN_INLINE int pkn_inject(pkern_pool *pool, const pkn_job *job) {
    return pkn_queue_push(pool, &pool->injected, job);
}

PKN_INLINE int pkn_take_injected(pkern_pool *pool, pkn_job *job) {
    pkn_filter anything = {0, 0, 0};
    return pkn_queue_take(pool, &pool->injected, &anything, 0, job);
}

#endif
/* ==== src/pool/region.h, continued ==== */
/* #include "base/bits.h": above */

/* Runs (sees) the oldest task of a region that the filter takes. */
PKN_INTERNAL int pkn_region_run(pkn_member *self, const pkn_filter *filter, int peek) {
    pkn_job job;
    if (!pkn_queue_take(self->pool, &self->pool->of_regions, filter, peek, &job)) {
        return 0;
    }
    if (!peek) {
        pkn_run_job(self, &job);
    }
    return 1;
}

/* The root of a new region under the member's present root. */
PKN_INTERNAL uint32_t pkn_region_begin(pkn_member *member) {
    uint32_t slots = (uint32_t)member->pool->num_slots;
    uint32_t level = member->regions == UINT32_MAX ? PKN_REGIONS : (uint32_t)pkn_ctz_u64(~(uint64_t)member->regions);
    uint64_t root = 1u + (uint64_t)(level + 1u) * slots + (uint32_t)member->index;
    if (level >= PKN_REGIONS || root >= PKN_ROOT_LONELY) {
        return PKN_ROOT_LONELY;
    }
    member->regions |= 1u << level;
    pkn_atomic_store_relaxed_u32(&member->region_outer[level], pkn_root(member));
    return (uint32_t)root;
}

/* Everything of the region is done. */
PKN_INTERNAL void pkn_region_end(pkn_member *member, uint32_t root) {
    if (root != PKN_ROOT_LONELY) {
        member->regions &= ~(1u << ((root - 1u) / (uint32_t)member->pool->num_slots - 1u));
    }
}

#endif
/* ==== src/pool/search.h, continued ==== */
/* #include "pool/injector.h": above */
/* ==== src/pool/loop_board.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The shared form of a flat loop: one board a member, on which the owner publishes a loop and from which helpers work.

   A loop is cut into units of items, at most 65,535. Participant 0, the owner, has a slice of them, each other participant too: the same
   slice from call to call, so its data stays in that core's cache. A participant claims units of its own slice from below; when that
   is empty it takes the upper half of what another slice has left and makes that its own. The loop is over when the units
   done, summed over the participants, are all of them.

   Nothing is reset between loops. Every word carries the loop's epoch; a slice whose tag is older than the loop is untouched, and its
   range follows from the board. So the owner writes one cache line to start a loop, and a helper that starts touches that line
   and its own slice. A helper reads the board's fields without a lock: if the owner has moved on meanwhile, all units of the old
   epoch are claimed, so the helper's claim fails and it drops what it read. If a claim succeeds, the loop can't end before the units
   claimed are done, so the fields were the loop's own: the helper's reads come before its report of done, and the owner
   writes the next loop's fields after it has seen that report.
   What a unit touches lies in the cache of the core that ran it last time, and so does the range of a slice: units that
   change sides, and looks at another's range, cost more than a small loop lasts. A participant says in its done word that it has come, so
   who has emptied its slice takes at once from those that have not, but leaves those that have alone for 2 us; then it takes where
   2 us of work is left at the rate that it has seen, and after as long again wherever anything is left.
   The owner waits for units that are claimed, never for a thread that has not shown up.
   Epochs are 32 bits and compared by their signed difference; old tags are refreshed every 2^30 loops, so none is ever
   half a round behind.
   Source: own. The flat dispatch without a queue follows fork_union; stealing halves of ranges follows lazy splitting
   (Tzannes et al. 2010) and pthreadpool. */
#ifndef PKN_POOL_LOOP_BOARD_H
#define PKN_POOL_LOOP_BOARD_H

/* #include "pool/scope.h": above */
/* #include "pool/spawn_deque.h": above */
/* #include "base/bits.h": above */
/* #include "base/alloc.h": above */
/* #include "base/time.h": above */

#define PKN_LOOP_MAX_UNITS 65535u
#define PKN_LOOP_REFRESH_MASK 0x3fffffffu

/* What only some loops need; on the caller's stack. */
typedef struct pkn_loop_extras {
    size_t max_len;
    pkern_cancel *cancel;
    int (*progress)(size_t done, size_t total, void *user);
    void *progress_user;
    size_t total;
    pkn_atomic_size done;      /* items */
    pkn_atomic_u32 stopped;    /* no further piece begins: canceled, by the token or by progress */
    pkn_atomic_u32 reporting;  /* a thread is in the progress callback */
    uint64_t reported_ns;      /* by the thread that reports */
} pkn_loop_extras;

/* A loop as one participant runs it. */
typedef struct pkn_loop_view {
    pkern_range_fn body;
    void *ctx;
    size_t begin, end, unit;
    pkn_loop_extras *extras;
    pkn_failure *failure;
    uint32_t epoch, units, owner_units;
    uint32_t grain; /* units that are worth a claim */
    uint32_t root;
} pkn_loop_view;

PKN_INLINE uint32_t pkn_root_of(size_t root_and_grain) {
    return (uint32_t)root_and_grain & 0xffffu;
}

PKN_INLINE uint32_t pkn_grain_of(size_t root_and_grain) {
    return (uint32_t)root_and_grain >> 16;
}

PKN_INLINE uint64_t pkn_loop_pack(uint32_t epoch, uint32_t next, uint32_t end) {
    return (uint64_t)epoch << 32 | next << 16 | end;
}

/* ---- one piece ---- */

#define PKN_PROGRESS_EVERY_NS UINT64_C(10000000)

PKN_INTERNAL PKN_COLD void pkn_loop_report(pkn_loop_extras *extras, size_t items) {
    size_t done = pkn_atomic_fetch_add_relaxed_size(&extras->done, items) + items;
    uint32_t idle = 0;
    if (done == extras->total || !pkn_atomic_cas_acq_rel_u32(&extras->reporting, &idle, 1)) {
        return; /* the last report is the caller's, at the end */
    }
    uint64_t now_ns = pkn_now_ns();
    if (now_ns - extras->reported_ns >= PKN_PROGRESS_EVERY_NS) {
        extras->reported_ns = now_ns;
        if (extras->progress(done, extras->total, extras->progress_user) != 0) {
            pkn_atomic_store_relaxed_u32(&extras->stopped, 1);
        }
    }
    pkn_atomic_store_release_u32(&extras->reporting, 0);
}

/* 1 where a unit below this one is known to have failed. */
PKN_INLINE int pkn_loop_failed_below(const pkn_loop_view *view, uint32_t unit) {
    uint64_t lowest = pkn_atomic_load_relaxed_u64(&view->failure->lowest);
    return (uint32_t)(lowest >> 32) == view->epoch && (uint32_t)lowest < unit;
}

/* [begin, end) in pieces of at most max_len, with cancel and progress, until a unit below `first` fails (view 0: the loop is not
   shared). PKERN_OK where it was stopped: extras tell. */
PKN_INTERNAL PKN_NOINLINE int pkn_loop_run_with_extras(pkern_range_fn body, void *ctx, size_t begin, size_t end,
                                                       pkn_loop_extras *extras, const pkn_loop_view *view, uint32_t first) {
    while (begin != end && (view == 0 || !pkn_loop_failed_below(view, first))) {
        if (extras->cancel != 0 && pkern_cancel_requested(extras->cancel)) {
            pkn_atomic_store_relaxed_u32(&extras->stopped, 1);
        }
        if (pkn_atomic_load_relaxed_u32(&extras->stopped) != 0) {
            return PKERN_OK;
        }
        size_t length = pkn_min_size(end - begin, extras->max_len);
        int status = body(begin, begin + length, ctx);
        if (status != 0) {
            return status;
        }
        begin += length;
        if (extras->progress != 0) {
            pkn_loop_report(extras, length);
        }
    }
    return PKERN_OK;
}

PKN_INTERNAL PKN_COLD void pkn_loop_failed(const pkn_loop_view *view, uint32_t unit, int status) {
    pkn_failure *failure = view->failure;
    uint32_t unlocked = 0;
    while (!pkn_atomic_cas_acq_rel_u32(&failure->lock, &unlocked, 1)) {
        unlocked = 0;
        pkn_cpu_relax();
    }
    uint64_t lowest = pkn_atomic_load_relaxed_u64(&failure->lowest);
    if ((uint32_t)(lowest >> 32) != view->epoch || unit < (uint32_t)lowest) {
        failure->status = status;
        pkn_atomic_store_relaxed_u64(&failure->lowest, (uint64_t)view->epoch << 32 | unit);
    }
    pkn_atomic_store_release_u32(&failure->lock, 0);
}

/* Units [first, last): skipped if a lower unit is known to have failed. */
PKN_INTERNAL void pkn_loop_run_units(const pkn_loop_view *view, uint32_t first, uint32_t last) {
    if (PKN_UNLIKELY(pkn_loop_failed_below(view, first))) {
        return;
    }
    size_t begin = view->begin + first * view->unit;
    size_t end = last == view->units ? view->end : view->begin + last * view->unit;
    int status = view->extras == 0
                     ? view->body(begin, end, view->ctx)
                     : pkn_loop_run_with_extras(view->body, view->ctx, begin, end, view->extras, view, first);
    if (PKN_UNLIKELY(status != 0)) {
        pkn_loop_failed(view, first, status);
    }
}

/* ---- slices ---- */

/* The participant number of a member in a loop of this owner. Workers come in the order of their indices; the guest that a
   worker's loop belongs to is the last, and no other guest may take part: each number is one thread's. */
PKN_INLINE uint32_t pkn_loop_participant(const pkn_member *owner, const pkn_member *member) {
    if (member == owner) {
        return 0;
    }
    if (!member->is_worker) {
        return (uint32_t)owner->pool->num_threads - 1u;
    }
    return (uint32_t)member->index + (!owner->is_worker || member->index < owner->index ? 1u : 0u);
}

PKN_INLINE uint64_t pkn_loop_first_range(const pkn_loop_view *view, uint32_t participant, uint32_t participants) {
    if (participant == 0) {
        return pkn_loop_pack(view->epoch, 0, view->owner_units);
    }
    uint32_t rest = view->units - view->owner_units;
    uint32_t next = view->owner_units + rest * (participant - 1) / (participants - 1);
    uint32_t end = view->owner_units + rest * participant / (participants - 1);
    return pkn_loop_pack(view->epoch, next, end);
}

/* The range word as this loop sees it: its own tag, or what an untouched slice stands for. 0 where the loop is over. */
PKN_INLINE uint64_t pkn_loop_range(const pkn_loop_view *view, uint64_t word, uint32_t participant, uint32_t participants) {
    uint32_t tag = (uint32_t)(word >> 32);
    if (tag == view->epoch) {
        return word;
    }
    return (int32_t)(tag - view->epoch) < 0 ? pkn_loop_first_range(view, participant, participants) : 0;
}

PKN_INLINE uint32_t pkn_range_next(uint64_t range) {
    return (uint32_t)(range >> 16) & 0xffffu;
}

PKN_INLINE uint32_t pkn_range_end(uint64_t range) {
    return (uint32_t)range & 0xffffu;
}

/* An eighth of what is left, at least a grain, and no crumb left over: few claims, and others find something to take. */
PKN_INLINE uint32_t pkn_loop_claim_size(uint32_t left, uint32_t grain) {
    uint32_t size = (left + 7) / 8;
    size = size < grain ? grain : size;
    return left < size + grain / 2 ? left : size;
}

PKN_INTERNAL int pkn_loop_claim(const pkn_loop_view *view, pkn_loop_slice *slices, uint32_t self, uint32_t participants,
                                uint32_t *first, uint32_t *last) {
    uint64_t word = pkn_atomic_load_relaxed_u64(&slices[self].range);
    for (;;) {
        uint64_t range = pkn_loop_range(view, word, self, participants);
        uint32_t next = pkn_range_next(range);
        uint32_t end = pkn_range_end(range);
        if (next >= end) {
            return 0;
        }
        uint32_t claimed = next + pkn_loop_claim_size(end - next, view->grain);
        /* relaxed: a unit's data come with the ticket, and the reads of the board stand before the report of done */
        if (pkn_atomic_cas_relaxed_u64(&slices[self].range, &word, pkn_loop_pack(view->epoch, claimed, end))) {
            *first = next;
            *last = claimed;
            return 1;
        }
    }
}

#define PKN_LOOP_TAKE_NS 2000.0
#define PKN_LOOP_FROM_ABSENT UINT32_MAX

/* How many units another slice must have left to be worth taking from, if our own ones took this long. */
PKN_INLINE uint32_t pkn_loop_worth_taking(uint32_t units, uint64_t ticks, uint64_t take_ticks) {
    return units == 0 || ticks >= take_ticks * units ? 1u : (uint32_t)(take_ticks * units / (ticks + 1u)) + 1u;
}

PKN_INLINE int pkn_loop_is_absent(const pkn_loop_view *view, const pkn_loop_slice *slices, uint32_t participant) {
    return participant != 0 && (uint32_t)(pkn_atomic_load_relaxed_u64(&slices[participant].done) >> 32) != view->epoch;
}

/* Half of what another slice has left becomes our own, empty slice: of a participant that has not come, or where at least
   `least` units are left (PKN_LOOP_FROM_ABSENT: of nobody else). 0 where there is none. The first piece of it, [first, last), is
   claimed at once: it saves a locked instruction, and no unit can be handed on and on without being run. */
PKN_INTERNAL int pkn_loop_take_half(const pkn_loop_view *view, pkn_loop_slice *slices, uint32_t self, uint32_t participants,
                                    uint32_t least, uint32_t *first, uint32_t *last) {
    for (uint32_t i = 1; i < participants; i++) {
        uint32_t other = (self + i) % participants;
        uint32_t enough = pkn_loop_is_absent(view, slices, other) ? 1u : least;
        if (enough == PKN_LOOP_FROM_ABSENT) {
            continue;
        }
        uint64_t word = pkn_atomic_load_relaxed_u64(&slices[other].range);
        for (;;) {
            uint64_t range = pkn_loop_range(view, word, other, participants);
            uint32_t next = pkn_range_next(range);
            uint32_t end = pkn_range_end(range);
            if (next >= end || end - next < enough) {
                break;
            }
            uint32_t middle = next + (end - next) / 2;
            if (pkn_atomic_cas_relaxed_u64(&slices[other].range, &word, pkn_loop_pack(view->epoch, next, middle))) {
                /* nobody else changes an empty slice */
                *first = middle;
                *last = middle + pkn_loop_claim_size(end - middle, view->grain);
                pkn_atomic_store_relaxed_u64(&slices[self].range, pkn_loop_pack(view->epoch, *last, end));
                return 1;
            }
        }
    }
    return 0;
}

/* Units that helpers have reported. */
PKN_INLINE uint32_t pkn_loop_reported(const pkn_loop_slice *slices, uint32_t participants, uint32_t epoch) {
    uint32_t done = 0;
    for (uint32_t i = 1; i < participants; i++) {
        uint64_t word = pkn_atomic_load_acquire_u64(&slices[i].done);
        done += (uint32_t)(word >> 32) == epoch ? (uint32_t)word : 0;
    }
    return done;
}

/* ---- helpers ---- */

/* The board as a helper reads it; 0 where there is nothing new. */
PKN_INTERNAL int pkn_loop_read_board(pkn_member *owner, uint32_t seen_epoch, pkn_loop_view *view) {
    /* acquire: pairs with the publication; the fields are those of this epoch or newer */
    uint64_t ticket = pkn_atomic_load_acquire_u64(&owner->board.ticket);
    view->epoch = (uint32_t)(ticket >> 32);
    if (view->epoch == seen_epoch) {
        return 0;
    }
    view->units = (uint32_t)(ticket >> 16) & 0xffffu;
    view->owner_units = (uint32_t)ticket & 0xffffu;
    view->body = (pkern_range_fn)pkn_atomic_load_relaxed_size(&owner->board.body);
    view->ctx = (void *)pkn_atomic_load_relaxed_size(&owner->board.ctx);
    view->begin = pkn_atomic_load_relaxed_size(&owner->board.begin);
    view->end = pkn_atomic_load_relaxed_size(&owner->board.end);
    view->unit = pkn_atomic_load_relaxed_size(&owner->board.unit);
    size_t root_and_grain = pkn_atomic_load_relaxed_size(&owner->board.root_and_grain);
    view->root = pkn_root_of(root_and_grain);
    view->grain = pkn_grain_of(root_and_grain);
    view->extras = (pkn_loop_extras *)pkn_atomic_load_relaxed_size(&owner->board.extras);
    view->failure = &owner->failure;
    return 1;
}

/* 1 where a slice has units left. */
PKN_INTERNAL int pkn_loop_has_units(const pkn_loop_view *view, const pkn_loop_slice *slices, uint32_t participants) {
    for (uint32_t i = 0; i < participants; i++) {
        uint64_t range = pkn_loop_range(view, pkn_atomic_load_relaxed_u64(&slices[i].range), i, participants);
        if (pkn_range_next(range) < pkn_range_end(range)) {
            return 1;
        }
    }
    return 0;
}

/* Claims and runs what the participant's own slice has; returns the units. */
PKN_INTERNAL uint32_t pkn_loop_run_slice(const pkn_loop_view *view, pkn_loop_slice *slices, uint32_t self, uint32_t participants) {
    uint32_t first, last, units = 0;
    while (pkn_loop_claim(view, slices, self, participants, &first, &last)) {
        pkn_loop_run_units(view, first, last);
        units += last - first;
    }
    return units;
}

/* Says that the participant has come; what it reports is added to this. 0 where the loop is over. A worker's word is its own, but the
   last participant of a worker's loops is one guest after another: one that is late must not write over what the next has reported. */
PKN_INTERNAL int pkn_loop_arrive(const pkn_loop_view *view, pkn_loop_slice *slice, int is_worker) {
    uint64_t done = pkn_atomic_load_relaxed_u64(&slice->done);
    while ((uint32_t)(done >> 32) != view->epoch) {
        if ((int32_t)((uint32_t)(done >> 32) - view->epoch) > 0) {
            return 0;
        }
        if (is_worker) {
            pkn_atomic_store_relaxed_u64(&slice->done, (uint64_t)view->epoch << 32);
            return 1;
        }
        if (pkn_atomic_cas_relaxed_u64(&slice->done, &done, (uint64_t)view->epoch << 32)) {
            return 1;
        }
    }
    return 1;
}

/* release: the owner that counts these units sees what they did. An exchange, so that the look at the owner comes after it. */
PKN_INTERNAL void pkn_loop_report_done(pkn_member *owner, pkn_loop_slice *slice, uint32_t units) {
    uint64_t done = pkn_atomic_load_relaxed_u64(&slice->done);
    pkn_atomic_exchange_acq_rel_u64(&slice->done, done + units);
    pkn_completed(owner);
}

/* Works on the owner's loop until it has nothing left that is worth taking. 1 where that was something; with peek, 1 where there
   is something. */
PKN_INTERNAL int pkn_loop_help(pkn_member *self, pkn_member *owner, const pkn_filter *filter, int peek) {
    pkn_loop_view view;
    if (!pkn_loop_read_board(owner, self->seen_epoch[owner->index], &view) ||
        (filter->by_root && !pkn_root_descends(self->pool, view.root, filter->root))) {
        return 0;
    }
    /* the root of this epoch or a newer loop's; in that case all units of this epoch are claimed */
    if (!self->is_worker && (!owner->is_worker || pkn_top_root(self->pool, view.root) != (uint32_t)self->index + 1u)) {
        return 0;
    }
    pkn_loop_slice *slices = owner->slices;
    uint32_t participants = (uint32_t)self->pool->num_threads;
    if (peek) {
        return pkn_loop_has_units(&view, slices, participants);
    }
    uint64_t start = pkn_ticks();
    int came_back = self->later_owner == (uint32_t)owner->index && self->later_epoch == view.epoch ? self->times_later : 0;
    if (came_back != 0 && (int64_t)(start - self->later_ticks) < 0) {
        return 0;
    }
    uint64_t take_ticks = (uint64_t)(PKN_LOOP_TAKE_NS * self->pool->ticks_per_ns);
    uint32_t number = pkn_loop_participant(owner, self);
    uint32_t outer_root = pkn_root(self);
    int outer_mode = self->tally.mode;
    uint32_t total = 0, units, least;
    /* the owner has looked at done: its line is asked for first, and written after the claim, whose locked instruction
       would wait for it */
    pkn_prefetch_to_write(&slices[number].done);
    uint32_t first = 0, last = 0;
    (void)pkn_loop_claim(&view, slices, number, participants, &first, &last);
    if (!pkn_loop_arrive(&view, &slices[number], self->is_worker)) {
        return 0;
    }
    pkn_set_root(self, view.root);
    pkn_tally_become(&self->tally, PKN_TALLY_BUSY, start);
    /* a wait inside a piece must not begin another piece of the same loop on top of it: state kept by worker index would clash */
    self->seen_epoch[owner->index] = view.epoch;
    do {
        if (first != last) {
            pkn_loop_run_units(&view, first, last);
        }
        units = last - first + pkn_loop_run_slice(&view, slices, number, participants);
        first = last;
        if (units != 0) {
            pkn_loop_report_done(owner, &slices[number], units);
            total += units;
        }
        least = total == 0 || came_back == 2 ? 1u
                : came_back == 0             ? PKN_LOOP_FROM_ABSENT
                                             : pkn_loop_worth_taking(total, pkn_ticks() - start, take_ticks);
    } while (pkn_loop_take_half(&view, slices, number, participants, least, &first, &last));
    pkn_set_root(self, outer_root);
    pkn_tally_back(&self->tally, outer_mode);
    if (total != 0) {
        pkn_tally_add(&self->tally, PKN_TALLY_LOOPS_HELPED, 1);
        pkn_tally_add(&self->tally, PKN_TALLY_UNITS_HELPED, total);
        pkn_trace_end(self, PKN_TRACE_HELP, self->lane != 0 ? start : 0, (uint32_t)owner->index, total);
    }
    if (least != 1) {
        self->seen_epoch[owner->index] = view.epoch - 1u;
        self->later_owner = (uint32_t)owner->index;
        self->later_epoch = view.epoch;
        self->later_ticks = pkn_ticks() + take_ticks;
        self->times_later = came_back + 1;
    }
    return total != 0;
}

#endif
/* ==== src/pool/search.h, continued ==== */
/* #include "pool/process.h": above */

enum { PKN_WAIT_WORK, PKN_WAIT_ELSEWHERE, PKN_WAIT_JOIN, PKN_WAIT_SCOPE, PKN_WAIT_LOOP, PKN_WAIT_BROADCAST, PKN_WAIT_FUTURE, PKN_WAIT_IDLE, PKN_WAIT_YIELD };

typedef struct pkn_wait {
    int kind;
    const pkn_slot *slot;         /* JOIN */
    const pkern_scope *scope;     /* SCOPE, FUTURE */
    uint32_t epoch, units;        /* LOOP: helpers' units of this epoch */
    const pkn_broadcast *broadcast; /* BROADCAST */
    uint64_t deadline_ns;           /* SCOPE, FUTURE, IDLE: the wait is over then, too */
} pkn_wait;

/* Before a stolen record runs, which may take long: if there are members asleep and the victim has more, two of them are woken, who
   do the same. */
PKN_INTERNAL void pkn_call_for_the_rest(pkn_member *victim) {
    pkern_pool *pool = victim->pool;
    if (pkn_sleeping_workers(pool) == 0) {
        return;
    }
    pkn_atomic_store_relaxed_u32(&victim->fork.request, 1);
    /* either the victim's next push sees the request, or we see what it pushed */
    pkn_fence_all_threads(pool->has_membarrier);
    uint32_t top = pkn_join_top(pkn_atomic_load_relaxed_u64(&victim->join_range));
    uint32_t end = pkn_join_end(victim);
    if (end > top) {
        pkn_work_posted(pool, pkn_root(victim), end - top > 1 ? 2 : 1);
    }
}

/* Runs a stolen record; the exchange is the last access to it. */
PKN_INTERNAL void pkn_run_stolen(pkn_member *self, pkn_member *victim, pkn_slot *slot, uint32_t root) {
    uint32_t outer_root = pkn_root(self);
    pkn_atomic_store_relaxed_u32(&slot->state, root << 16 | (PKN_SLOT_TAKEN_BY + (uint32_t)self->index));
    pkn_set_root(self, root);
    pkn_work work = pkn_work_begins(self, PKN_TALLY_JOINS_STOLEN);
    pkn_call_for_the_rest(victim);
    if (slot->run != 0) {
        slot->run(&self->fork, slot);
    } else {
        pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
        frame->status = frame->fn(frame->ctx);
    }
    pkn_set_root(self, outer_root);
    /* acq_rel: the victim that reads DONE sees the result */
    pkn_atomic_exchange_acq_rel_u32(&slot->state, root << 16 | PKN_SLOT_DONE);
    pkn_completed(victim);
    pkn_work_ends(self, &work, PKN_TRACE_JOIN, (uint32_t)victim->index);
}

/* Runs (or, with peek, sees) one piece of work of this member. */
PKN_INTERNAL int pkn_take_from(pkn_member *self, pkn_member *victim, const pkn_filter *filter, int peek) {
    pkn_job job;
    pkn_slot *slot;
    if (filter->scope == 0 && pkn_loop_help(self, victim, filter, peek)) {
        return 1;
    }
    slot = pkn_join_steal(victim, filter, peek);
    if (slot != 0) {
        if (!peek) {
            pkn_run_stolen(self, victim, slot, pkn_atomic_load_relaxed_u32(&slot->state) >> 16);
        }
        return 1;
    }
    if (pkn_spawn_steal(victim, filter, peek, &job)) {
        if (!peek) {
            pkn_tally_add(&self->tally, PKN_TALLY_JOBS_STOLEN, 1);
            self->tally.from = (uint32_t)victim->index + 1u;
            pkn_run_job(self, &job);
        }
        return 1;
    }
    return 0;
}

/* distance: -1 for any */
PKN_INTERNAL int pkn_take_at_distance(pkn_member *self, const pkn_filter *filter, int peek, int distance) {
    uint32_t count = pkn_atomic_load_acquire_u32(&self->pool->num_members);
    uint32_t i = self->victim < count ? self->victim : 0;
    for (uint32_t tries = 0; tries < count; tries++) {
        pkn_member *victim = pkn_member_at(self->pool, i);
        if (victim != self && (distance < 0 || pkn_distance(self, victim) == distance) &&
            pkn_take_from(self, victim, filter, peek)) {
            self->victim = i;
            return 1;
        }
        i = i + 1 < count ? i + 1 : 0;
    }
    return 0;
}

PKN_INTERNAL int pkn_take_from_any(pkn_member *self, const pkn_filter *filter, int peek) {
    if (PKN_LIKELY(!self->pool->is_spread)) {
        return pkn_take_at_distance(self, filter, peek, -1);
    }
    for (int distance = 0; distance <= 2; distance++) {
        if (pkn_take_at_distance(self, filter, peek, distance)) {
            return 1;
        }
    }
    return 0;
}

/* The same, of what the others' owners have not made public. */
PKN_INTERNAL int pkn_take_hidden_from_any(pkn_member *self, const pkn_filter *filter, int peek) {
    uint32_t count = self->pool->has_membarrier ? pkn_atomic_load_acquire_u32(&self->pool->num_members) : 0;
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *victim = pkn_member_at(self->pool, i);
        uint32_t root;
        pkn_slot *slot = victim != self ? pkn_join_steal_hidden(victim, filter, peek, &root) : 0;
        if (slot != 0) {
            if (!peek) {
                pkn_run_stolen(self, victim, slot, root);
            }
            return 1;
        }
    }
    return 0;
}

/* A guest wants to leave, and a loop's owner to go on, so they take what descends from their own call; but who yields asks for any. */
PKN_INLINE int pkn_wait_stops_at_root(const pkn_member *self, const pkn_wait *wait) {
    return (!pkn_is_own_thread(self) && wait->kind != PKN_WAIT_YIELD) || wait->kind == PKN_WAIT_LOOP;
}

/* The root of urgent jobs that this member may take, and posts. In a pool of one nobody else may run them: the guest's call must
   not end before. */
PKN_INLINE uint32_t pkn_urgent_root(const pkn_member *self, uint32_t root) {
    return self->pool->num_threads == 1 ? (uint32_t)self->index + 1u : root;
}

/* Queues an urgent job. 0, or 1 without memory. */
PKN_INTERNAL int pkn_post_urgent(pkn_member *member, const pkn_job *given) {
    pkern_pool *pool = member->pool;
    pkn_job job = *given;
    job.root = pkn_urgent_root(member, job.root);
    member->has_spawned = 1;
    int failed = pkn_queue_push(pool, &pool->urgent, &job);
    if (!failed) {
        pkn_tally_add(&member->tally, PKN_TALLY_SPAWNS, 1);
        pkn_work_posted(pool, job.root, 1);
    }
    return failed;
}

/* The oldest urgent job that this wait allows: by root or scope, where a wait is bound to these. */
PKN_INTERNAL int pkn_take_urgent(pkn_member *self, const pkn_wait *wait, int shallow, int peek, pkn_job *job) {
    pkern_pool *pool = self->pool;
    if (pkn_atomic_load_relaxed_size(&pool->urgent.count) == 0) {
        return 0;
    }
    pkn_filter of_root = {0, 0, 0}, of_scope = {0, 0, 0};
    of_root.by_root = pool->num_threads == 1 || pkn_wait_stops_at_root(self, wait);
    of_root.root = pkn_urgent_root(self, pkn_root(self));
    of_scope.scope = wait->scope;
    return (shallow && pkn_queue_take(pool, &pool->urgent, &of_root, peek, job)) ||
           (wait->scope != 0 && pkn_queue_take(pool, &pool->urgent, &of_scope, peek, job));
}

PKN_INTERNAL void pkn_serve_broadcasts(pkn_member *self);

PKN_INLINE int pkn_has_broadcast(const pkn_member *worker) {
    return pkn_atomic_load_relaxed_u32(&worker->pool->board.number) != worker->seen_broadcast;
}

PKN_INLINE int pkn_is_shallow(const pkn_member *member) {
    return member->depth < member->pool->depth_limit;
}

/* how: without the depth limit; private joins, too */
enum { PKN_SEARCH_IMPATIENT = 1, PKN_SEARCH_HIDDEN = 2 };

/* 1 where the wait takes only what descends from the region that the member works in. A scope begun outside of it needs what is outside, as
   detached jobs and futures do. */
PKN_INLINE int pkn_wait_is_isolated(const pkn_member *self, const pkn_wait *wait) {
    uint32_t root = pkn_root(self);
    return PKN_UNLIKELY(pkn_is_isolated(self->pool, root)) && wait->kind != PKN_WAIT_IDLE &&
           (wait->scope == 0 || pkn_root_descends(self->pool, wait->scope->root, root));
}

/* In a region: tasks of the scope waited for, then anything of the region. */
PKN_INTERNAL PKN_COLD int pkn_search_region(pkn_member *self, const pkn_wait *wait, int shallow, int how, int peek) {
    pkn_filter filter = {0, 0, wait->scope};
    uint32_t root = pkn_root(self);
    if (self->blocks) {
        return 0;
    }
    if (wait->scope != 0 && pkn_region_run(self, &filter, peek)) {
        return 1;
    }
    if (!shallow || root == PKN_ROOT_LONELY) {
        return 0;
    }
    filter.scope = 0;
    filter.by_root = 1;
    filter.root = root;
    return pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek) ||
           ((how & PKN_SEARCH_HIDDEN) != 0 && pkn_take_hidden_from_any(self, &filter, peek));
}

/* Runs (sees) one piece of work that this wait allows. */
PKN_INTERNAL int pkn_search_now(pkn_member *self, const pkn_wait *wait, int how, int peek) {
    pkern_pool *pool = self->pool;
    pkn_filter filter = {0, 0, 0};
    pkn_job job;
    int shallow = (how & PKN_SEARCH_IMPATIENT) != 0 ||
                  (pkn_is_shallow(self) && (self->home == 0 || pkn_is_shallow(self->home)));
    if (pkn_wait_is_isolated(self, wait)) {
        return pkn_search_region(self, wait, shallow, how, peek);
    }
    if (self->is_worker && pkn_has_broadcast(self)) {
        if (!peek) {
            pkn_serve_broadcasts(self);
        }
        return 1;
    }
    if (pkn_take_urgent(self, wait, shallow, peek, &job)) {
        if (!peek) {
            self->tally.from = PKN_FROM_QUEUE;
            pkn_run_job(self, &job);
        }
        return 1;
    }
    /* what we wait for */
    filter.scope = shallow ? 0 : wait->scope;
    if (peek ? pkn_spawn_steal(self, &filter, 1, &job)
             : (shallow || wait->scope != 0) && pkn_spawn_pop(self, &filter, &job)) {
        if (!peek) {
            pkn_run_job(self, &job);
        }
        return 1;
    }
    if (wait->kind == PKN_WAIT_SCOPE) {
        filter.scope = wait->scope;
        if (pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek)) {
            return 1;
        }
    }
    filter.scope = 0;
    filter.by_root = !pkn_is_own_thread(self);
    filter.root = pkn_root(self);
    if (!shallow) {
        return 0;
    }
    if (wait->kind == PKN_WAIT_JOIN) {
        uint32_t state = pkn_atomic_load_relaxed_u32(&wait->slot->state) & 0xffffu;
        if (state >= PKN_SLOT_TAKEN_BY &&
            pkn_take_from(self, pkn_member_at(pool, state - PKN_SLOT_TAKEN_BY), &filter, peek)) {
            return 1;
        }
    }
    /* what descends from the same call */
    if (wait->kind > PKN_WAIT_ELSEWHERE) {
        filter.by_root = 1;
        if (pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek)) {
            return 1;
        }
        if (pkn_wait_stops_at_root(self, wait)) {
            return (how & PKN_SEARCH_HIDDEN) != 0 && pkn_take_hidden_from_any(self, &filter, peek);
        }
        filter.by_root = 0;
    }
    /* anything */
    if (pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek)) {
        return 1;
    }
    if (peek ? pkn_atomic_load_relaxed_size(&pool->injected.count) != 0 : pkn_take_injected(pool, &job)) {
        if (!peek) {
            pkn_tally_add(&self->tally, PKN_TALLY_JOBS_INJECTED, 1);
            self->tally.from = PKN_FROM_QUEUE;
            pkn_run_job(self, &job);
        }
        return 1;
    }
    return (how & PKN_SEARCH_HIDDEN) != 0 && pkn_take_hidden_from_any(self, &filter, peek);
}

/* Before a wait that is not for the newest record: what is private becomes public, while its root is known. */
PKN_INTERNAL void pkn_join_expose_all(pkn_member *member) {
    uint32_t pieces = member->pool->helpers != 0 ? pkn_join_expose(member, pkn_join_end(member)) : 0;
    if (pieces != 0) {
        pkn_work_posted(member->pool, pkn_root(member), pieces);
    }
}

/* Before work of other roots runs on top: what the member has forked so far becomes public, while its root is known, and is not taken back and
   made public again as theirs. Returns what pkn_join_reopen takes. */
PKN_INTERNAL uint32_t pkn_join_close(pkn_member *member) {
    uint32_t floor = member->join_floor;
    pkn_join_expose_all(member);
    member->join_floor = pkn_join_end(member);
    return floor;
}

PKN_INLINE void pkn_join_reopen(pkn_member *member, uint32_t floor) {
    member->join_floor = floor;
}

/* pkn_search_now in the pool where this thread, which waits as a guest of another one, is a worker. */
PKN_INTERNAL int pkn_search_at_home(pkn_member *worker, int how, int peek) {
    pkn_wait wait = {PKN_WAIT_ELSEWHERE, 0, 0, 0, 0, 0, 0};
    pkn_member *outer = pkn_current();
    uint32_t floor = peek ? worker->join_floor : pkn_join_close(worker);
    pkn_set_current(worker);
    int found = pkn_search_now(worker, &wait, how, peek);
    pkn_set_current(outer);
    pkn_join_reopen(worker, floor);
    return found;
}

PKN_INTERNAL int pkn_search(pkn_member *self, const pkn_wait *wait, int how) {
    pkn_member *home = pkn_wait_is_isolated(self, wait) ? 0 : self->home;
    if (home == 0) {
        self->depth += wait->kind != PKN_WAIT_WORK;
        int found = pkn_search_now(self, wait, how, 0);
        self->depth -= wait->kind != PKN_WAIT_WORK;
        pkn_tally_add(&self->tally, PKN_TALLY_STEALS_FAILED, !found);
        return found;
    }
    self->depth++;
    home->depth++;
    int found = pkn_search_now(self, wait, how, 0) || pkn_search_at_home(home, how, 0);
    home->depth--;
    self->depth--;
    pkn_tally_add(&self->tally, PKN_TALLY_STEALS_FAILED, !found);
    return found;
}

#endif
/* ==== src/pool/wait.h, continued ==== */
/* #include "pool/deadline.h": above */

/* Those waits that a thread without a place in the pool may have, too. */
PKN_INTERNAL int pkn_wait_without_place_is_over(const pkern_pool *pool, const pkn_wait *wait) {
    const pkn_atomic_size *left = wait->scope != 0 ? &wait->scope->pending : &pool->detached;
    return pkn_atomic_load_acquire_size(left) == 0 || pkn_deadline_has_passed(wait->deadline_ns);
}

/* One spare is too many; at the pool's end, when workers that have ended have left it nothing. See spare.h. */
PKN_INTERNAL int pkn_spare_may_rest(const pkern_pool *pool) {
    return pkn_atomic_load_relaxed_u32(&pool->spares_working) > pkn_atomic_load_relaxed_u32(&pool->blocked) &&
           (pkn_atomic_load_relaxed_u32(&pool->stopping) == 0 || pkn_queues_are_empty(pool));
}

/* acquire in each: what was done before is visible after the wait */
PKN_INTERNAL int pkn_wait_is_over(const pkn_member *self, const pkn_wait *wait) {
    switch (wait->kind) {
    case PKN_WAIT_WORK:
        return self->is_spare && pkn_spare_may_rest(self->pool);
    case PKN_WAIT_JOIN:
        return (pkn_atomic_load_acquire_u32(&wait->slot->state) & 0xffffu) == PKN_SLOT_DONE;
    case PKN_WAIT_LOOP:
        return pkn_loop_reported(self->slices, (uint32_t)self->pool->num_threads, wait->epoch) == wait->units;
    case PKN_WAIT_BROADCAST:
        return pkn_atomic_load_acquire_u32(&wait->broadcast->remaining) == 0;
    case PKN_WAIT_SCOPE:
    case PKN_WAIT_FUTURE:
    case PKN_WAIT_IDLE:
        return pkn_wait_without_place_is_over(self->pool, wait);
    default:
        return 0;
    }
}

/* A worker's search for work, at the pool's end. A spare goes on, for what is blocked may still need it. */
PKN_INTERNAL int pkn_wait_stops(const pkn_member *self, const pkn_wait *wait) {
    return wait->kind == PKN_WAIT_WORK && !self->is_spare && pkn_atomic_load_relaxed_u32(&self->pool->stopping) != 0;
}

/* Asks everybody to make private joins public at the next fork. */
PKN_INTERNAL void pkn_request_work(pkn_member *self) {
    uint32_t count = pkn_atomic_load_acquire_u32(&self->pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *member = pkn_member_at(self->pool, i);
        if (member != self && pkn_atomic_load_relaxed_u32(&member->fork.request) == 0) {
            pkn_atomic_store_relaxed_u32(&member->fork.request, 1);
        }
    }
}

/* what pkn_sleep tells: the wake of a poster in this pool, at home was taken */
enum { PKN_WOKEN = 1, PKN_WOKEN_AT_HOME = 2 };

#if PKN_THREADS
/* Until the word changes, or the deadline where that is not 0. */
PKN_INTERNAL void pkn_sleep_on(pkn_member *self, pkn_atomic_u32 *word, uint32_t value, uint64_t deadline_ns) {
    uint64_t start = pkn_ticks();
    pkn_tally_add(&self->tally, PKN_TALLY_SLEEPS, 1);
    pkn_watch_start(&self->tally.watch[PKN_TALLY_ASLEEP], start);
    if (deadline_ns == 0) {
        pkn_sleep_while_equal(&self->sleeper, word, value);
    } else {
        pkn_sleep_until(&self->sleeper, word, value, deadline_ns);
    }
    self->tally.clock = pkn_ticks();
    pkn_watch_stop(&self->tally.watch[PKN_TALLY_ASLEEP], self->tally.clock);
    pkn_trace_end(self, PKN_TRACE_SLEEP, self->lane != 0 ? start : 0, 0, 0);
}
#endif

/* Sleeps until woken, unless there is something to do. See sleep.h. */
PKN_INTERNAL int pkn_sleep(pkn_member *self, const pkn_wait *wait) {
#if PKN_THREADS
    pkern_pool *pool = self->pool;
    int is_isolated = pkn_wait_is_isolated(self, wait);
    int takes_anything = pkn_is_own_thread(self) && wait->kind != PKN_WAIT_LOOP && !is_isolated;
    uint32_t parked = takes_anything ? (uint32_t)PKN_ASLEEP : pkn_asleep_for_root(self->blocks ? PKN_ROOT_LONELY : pkn_root(self));
    pkn_member *home = is_isolated ? 0 : self->home;
    int woken = PKN_WOKEN;
    const int all = PKN_SEARCH_IMPATIENT | PKN_SEARCH_HIDDEN;
    pkn_atomic_fetch_add_relaxed_u32(&pool->sleepers, pkn_sleeper_unit(self));
    /* release: after the count, which is never less than those that are parked. The other way round a waker that is
       fast lowers the count first, and who reads 0 then passes over another sleeper */
    pkn_atomic_store_release_u32(&self->parked, parked);
    if (home != 0) {
        pkn_sleep_abroad(home, self);
        pkn_request_work(home);
    }
    pkn_request_work(self);
    /* orders parked, sleepers and the requests before the looks below; pairs with the fences of posters and completers. Those who push
       joins have none: so it is a fence on their side, too, and either they see the request or we see the join */
    pkn_fence_all_threads(pool->has_membarrier || (home != 0 && home->pool->has_membarrier));
    if (!(pkn_wait_is_over(self, wait) || pkn_search_now(self, wait, all, 1) || (home != 0 && pkn_search_at_home(home, all, 1)) ||
          pkn_wait_stops(self, wait) || pkn_is_orphan(pool))) {
        pkn_sleep_on(self, &self->parked, parked, wait->deadline_ns);
    }
    if (pkn_atomic_cas_relaxed_u32(&self->parked, &parked, PKN_AWAKE)) {
        pkn_atomic_fetch_sub_relaxed_u32(&pool->sleepers, pkn_sleeper_unit(self));
        woken = 0;
    }
    return home != 0 && pkn_awake_from_abroad(home) ? woken | PKN_WOKEN_AT_HOME : woken;
#else
    PKN_UNUSED(self);
    PKN_UNUSED(wait);
    return 0;
#endif
}

/* In a forked child: tasks of our scope that lie in our own deque are still ours to run. 0, or 1 where others are on threads that
   are gone. Nothing here may take a lock, which one of those may have held. */
PKN_INTERNAL PKN_COLD int pkn_finish_alone(pkn_member *self, const pkn_wait *wait) {
    pkn_filter of_scope = {0, 0, 0};
    pkn_job job;
    of_scope.scope = wait->scope;
    while (wait->scope != 0 && !pkn_wait_is_over(self, wait) && pkn_spawn_pop(self, &of_scope, &job)) {
        pkn_run_job(self, &job);
    }
    return !pkn_wait_is_over(self, wait);
}

#define PKN_POLLS_PER_REQUEST 64u
#define PKN_PATIENCE_NS 200000
#define PKN_HIDDEN_AFTER_NS 20000 /* without work; then private joins are looked for */

/* By how many jobs the stack is higher than the depth limit. */
PKN_INTERNAL uint32_t pkn_too_deep(const pkn_member *self) {
    uint32_t here = pkn_is_shallow(self) ? 0 : self->depth - self->pool->depth_limit;
    uint32_t at_home = self->home == 0 ? 0 : pkn_too_deep(self->home);
    return here > at_home ? here : at_home;
}

PKN_INTERNAL int pkn_work_here_until(pkn_member *self, const pkn_wait *wait) {
    pkern_pool *pool = self->pool;
    uint32_t too_deep = pkn_too_deep(self);
    uint64_t patience = (uint64_t)(PKN_PATIENCE_NS * pool->ticks_per_ns) << (too_deep < 20 ? too_deep : 20);
    uint64_t hidden_after = (uint64_t)(PKN_HIDDEN_AFTER_NS * pool->ticks_per_ns);
    uint64_t stuck_since = 0, spinning_since = 0, hidden_at = 0;
    uint32_t polls = 0;
    int was_woken = 0, stuck = 0, hurries = 0, how = 0;
    int outer_mode = self->tally.mode;
    uint64_t start = wait->kind == PKN_WAIT_WORK ? 0 : pkn_trace_start(self);
    if (outer_mode == PKN_TALLY_AWAY) {
        (void)pkn_tally_spun(&self->tally);
    }
    while (!pkn_wait_is_over(self, wait)) {
        if (PKN_UNLIKELY(pkn_is_orphan(pool))) {
            return pkn_finish_alone(self, wait);
        }
        if (pkn_search(self, wait, how)) {
            polls = 0;
            hurries = (how & PKN_SEARCH_HIDDEN) != 0;
            was_woken = stuck = how = 0;
            continue;
        }
        how &= PKN_SEARCH_IMPATIENT;
        if (polls % PKN_POLLS_PER_REQUEST == 0) {
            uint64_t now = pkn_ticks();
            pkn_tally_idle(&self->tally, now);
            stuck_since = stuck ? stuck_since : now;
            hidden_at = stuck ? hidden_at : now + hidden_after;
            spinning_since = polls == 0 ? now : spinning_since;
            stuck = 1;
            how = now - stuck_since >= patience ? PKN_SEARCH_IMPATIENT : 0;
            if (hurries || now >= hidden_at) {
                /* who was woken, or has just taken such a join, need not ask first */
                hurries = 0;
                hidden_at = now + hidden_after;
                how |= PKN_SEARCH_HIDDEN;
            }
            pkn_request_work(self);
            if (pkn_wait_stops(self, wait)) {
                return 0;
            }
        }
        if (polls % 8 == 7 && pkn_tally_spun(&self->tally) - spinning_since >= pool->spin_ticks) {
            was_woken = pkn_sleep(self, wait);
            hurries = 1;
            polls = 0;
            continue;
        }
        polls++;
        pkn_cpu_relax();
    }
    pkn_tally_turn(&self->tally, outer_mode);
    pkn_trace_end(self, PKN_TRACE_WAIT + (uint32_t)wait->kind, start, 0, 0);
    /* somebody meant us to work: another may */
    if ((was_woken & PKN_WOKEN) != 0) {
        pkn_work_posted(pool, pkn_root(self), 1);
    }
    if ((was_woken & PKN_WOKEN_AT_HOME) != 0) {
        pkn_work_posted(self->home->pool, pkn_root(self->home), 1);
    }
    return 0;
}

/* Works until the wait is over; PKN_WAIT_WORK: until the pool stops and nothing is left. 0, or 1 where it can never be over,
   because this is a forked child and the threads are gone. A worker of another pool goes on serving that one. */
PKN_INTERNAL int pkn_work_until(pkn_member *self, const pkn_wait *wait) {
    uint32_t floor = pkn_join_close(self);
    int lost = pkn_work_here_until(self, wait);
    pkn_join_reopen(self, floor);
    return lost;
}

#endif
/* ==== src/pool/guest.h, continued ==== */

PKN_INTERNAL pkn_member *pkn_member_create(pkern_pool *pool, int index, int is_worker) {
    size_t bytes = sizeof(pkn_member) + (size_t)pool->num_slots * sizeof(uint32_t);
    pkn_member *member = (pkn_member *)pkn_allocate(pool->allocator, bytes, PKN_CACHE_LINE);
    if (member == 0) {
        return 0;
    }
    memset((void *)member, 0, bytes);
    member->bytes = bytes;
    member->pool = pool;
    member->fork.pool = pool;
    member->index = index;
    member->is_worker = is_worker;
    member->seen_epoch = (uint32_t *)(void *)(member + 1);
    member->lane = pkn_trace_make_lane(pool);
    if (pkn_join_add_segment(member) != 0) {
        pkn_trace_free_lane(pool, member->lane);
        pkn_release(pool->allocator, member, bytes);
        return 0;
    }
    pkn_set_end(&member->fork, pkn_join_slot(member, 0));
#if PKN_THREADS
    if (pkn_sleeper_init(&member->sleeper) != 0) {
        pkn_trace_free_lane(pool, member->lane);
        pkn_release(pool->allocator, pkn_join_slot(member, 0), PKN_JOIN_SEGMENT_0 * sizeof(pkn_slot));
        pkn_release(pool->allocator, member, bytes);
        return 0;
    }
#endif
    return member;
}

PKN_INTERNAL void pkn_member_destroy(pkn_member *member) {
    pkern_pool *pool = member->pool;
    pkn_job_deque_free(&member->spawns, pool->allocator);
    pkn_job_deque_free(&member->fifo, pool->allocator);
    for (uint32_t i = 0; i < member->join_segments; i++) {
        pkn_release(pool->allocator, pkn_atomic_load_relaxed_ptr(&member->join_segment[i]),
                    (PKN_JOIN_SEGMENT_0 << i) * sizeof(pkn_slot));
    }
    pkn_release(pool->allocator, member->slices, (size_t)pool->num_threads * sizeof(pkn_loop_slice));
    pkn_trace_free_lane(pool, member->lane);
#if PKN_THREADS
    if (!pkn_is_orphan(pool)) {
        pkn_sleeper_destroy(&member->sleeper); /* in a forked child its sleepers are gone, and it would wait for them */
    }
#endif
    pkn_release(pool->allocator, member, member->bytes);
}

PKN_INLINE int pkn_take_guest_slot(pkn_member *member) {
    uint32_t free = PKN_GUEST_FREE;
    /* acquire: what the slot's last guest left behind is visible */
    return pkn_atomic_cas_acq_rel_u32(&member->guest_state, &free, PKN_GUEST_BUSY);
}

/* A free guest slot, made where there is none yet; 0 where all are taken or memory is out. */
PKN_INTERNAL PKN_COLD pkn_member *pkn_find_guest_slot(pkern_pool *pool, const void *thread) {
    pkn_member *found = 0;
    pkn_mutex_lock(&pool->lock);
    uint32_t first = (uint32_t)pool->num_threads - 1u;
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    if (count > first && pkn_member_at(pool, first)->kept_by == thread) {
        found = pkn_member_at(pool, first);
        pkn_atomic_store_relaxed_u32(&found->guest_state, PKN_GUEST_KEPT_BUSY);
    }
    for (uint32_t i = first; i < count && found == 0; i++) {
        pkn_member *member = pkn_member_at(pool, i);
        found = pkn_take_guest_slot(member) ? member : 0;
    }
    /* the last slots are the spares' */
    if (found == 0 && count + pool->max_spares < (uint32_t)pool->num_slots + pool->num_spares) {
        found = pkn_member_create(pool, (int)count, 0);
        if (found != 0) {
            found->kept_by = count == first ? thread : 0;
            pkn_atomic_store_relaxed_u32(&found->guest_state, count == first ? PKN_GUEST_KEPT_BUSY : PKN_GUEST_BUSY);
            pkn_set_root(found, count + 1u);
            /* the first fork is offered at once: those who sleep by now can't ask */
            pkn_atomic_store_relaxed_u32(&found->fork.request, pool->num_threads > 1);
            pkn_atomic_store_relaxed_ptr(&pool->members[count], found);
            /* release: who sees the count sees the pointer and the member */
            pkn_atomic_store_release_u32(&pool->num_members, count + 1u);
        }
    }
    pkn_mutex_unlock(&pool->lock);
    return found;
}

PKN_INTERNAL pkn_member *pkn_become_guest(pkn_thread_state *thread, pkern_pool *pool) {
    pkn_member *member = 0;
    int is_known = thread->last_pool == pool && thread->last_pool_id == pool->id;
    if (is_known && thread->last_is_kept) {
        member = thread->last_guest;
        pkn_atomic_store_relaxed_u32(&member->guest_state, PKN_GUEST_KEPT_BUSY);
    } else if (is_known && pkn_take_guest_slot(thread->last_guest)) {
        member = thread->last_guest;
    } else {
        member = pool->num_slots == 0 ? 0 : pkn_find_guest_slot(pool, thread);
        if (member == 0) {
            return 0;
        }
        thread->last_pool = pool;
        thread->last_pool_id = pool->id;
        thread->last_guest = member;
        thread->last_is_kept = member->kept_by == thread;
    }
    member->home = thread->worker != 0 && !pkn_is_orphan(thread->worker->pool) ? thread->worker : 0;
    member->next_membership = thread->memberships;
    thread->memberships = member;
    return member;
}

PKN_INLINE pkn_member *pkn_membership(const pkn_thread_state *thread, const pkern_pool *pool) {
    pkn_member *member = thread->memberships;
    while (member != 0 && member->pool != pool) {
        member = member->next_membership;
    }
    return member;
}

PKN_INTERNAL PKN_COLD void pkn_settle_short_call(pkn_short_call *call);

/* Before anything that asks where the calling thread is: a short call gets its place now. */
PKN_INLINE pkn_thread_state *pkn_settled_thread(void) {
    pkn_thread_state *thread = &pkn_this_thread;
    if (PKN_UNLIKELY(thread->short_call != 0)) {
        pkn_settle_short_call(thread->short_call);
    }
    return thread;
}

/* Starts a call on a pool (0: the current one). entry->member is 0 where the call has to run serially. */
PKN_INTERNAL pkn_member *pkn_enter(pkern_pool *pool, pkn_entry *entry) {
    pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *member = pkn_current();
    entry->outer = member;
    if (member == 0 || (pool != 0 && member->pool != pool)) {
        pool = pool != 0 ? pool : pkern_pool_global();
        if (PKN_UNLIKELY(pkn_is_orphan(pool))) {
            return entry->member = 0;
        }
        member = pkn_membership(thread, pool);
        if (member == 0) {
            member = pkn_become_guest(thread, pool);
        }
        if (member == 0) {
            return entry->member = 0;
        }
    } else if (PKN_UNLIKELY(pkn_is_orphan(member->pool))) {
        return entry->member = 0;
    }
    member->entries++;
    pkn_set_current(member);
    return entry->member = member;
}

/* Runs what lies in the member's own deque: jobs that only this thread could run. */
PKN_INTERNAL void pkn_run_own_jobs(pkn_member *member) {
    pkn_filter anything = {0, 0, 0};
    pkn_wait for_own = {PKN_WAIT_LOOP, 0, 0, 0, 0, 0, 0};
    pkn_job job;
    while (pkn_take_urgent(member, &for_own, 1, 0, &job) || pkn_spawn_pop(member, &anything, &job)) {
        pkn_run_job(member, &job);
    }
}

/* The outermost call of a guest ends: jobs that only this thread could run are run, and the slot is free again. */
PKN_INTERNAL PKN_NOINLINE void pkn_leave_for_good(pkn_member *member) {
    pkn_thread_state *thread = &pkn_this_thread;
    pkn_set_current(member);
    if (member->has_spawned && !pkn_is_orphan(member->pool)) {
        pkn_run_own_jobs(member);
        member->has_spawned = 0;
    }
    if (PKN_UNLIKELY(member->lane != 0)) {
        pkn_trace_end(member, PKN_TRACE_CALL, member->lane->call_start, 0, 0);
        member->lane->call_start = 0;
    }
    member->stays = PKN_STAYS_NOT;
    member->entries = 0;
    pkn_member **link = &thread->memberships;
    while (*link != member) {
        link = &(*link)->next_membership;
    }
    *link = member->next_membership;
    /* release: pairs with the next guest's acquire, and with destroy's */
    pkn_atomic_store_release_u32(
        &member->guest_state,
        member->kept_by != 0 ? PKN_GUEST_KEPT : PKN_GUEST_FREE);
}

/* The calling thread, which is in no pool, stays in this one until it ends it. 0, or 1 without memory. */
PKN_INTERNAL int pkn_stay(pkern_pool *pool) {
    pkn_member *member = pkn_become_guest(&pkn_this_thread, pool);
    if (member == 0) {
        return 1;
    }
    member->stays = PKN_STAYS;
    member->entries = 1;
    pkn_set_current(member);
    return 0;
}

PKN_INTERNAL void pkn_leave(const pkn_entry *entry) {
    pkn_member *member = entry->member;
    if (member != 0) {
        if (member->entries == 1) {
            pkn_leave_for_good(member);
        } else {
            member->entries--;
        }
        pkn_set_current(entry->outer);
    }
}

PKN_INTERNAL PKN_COLD void pkn_settle_short_call(pkn_short_call *call) {
    pkn_this_thread.short_call = 0;
    call->is_inside = 1;
    pkn_enter(call->pool, &call->entry);
}

/* The pool that a call would run on, for calls that need no place in it. */
PKN_INLINE pkern_pool *pkn_called_pool(pkern_pool *pool) {
    (void)pkn_settled_thread();
    return pool != 0 ? pool : pkn_current() != 0 ? pkn_current()->pool : pkern_pool_global();
}

PKN_INLINE const pkern_pool *pkn_pool_of_call(const pkern_pool *pool) {
    return pool != 0 ? pool : pkn_called_pool(0);
}

/* The allocator of the pool that a call would run on, for scratch memory of the layers above. */
PKN_INTERNAL const pkern_allocator *pkn_pool_allocator(const pkern_pool *pool) {
    return pkn_pool_of_call(pool)->allocator;
}

/* Before a wait of this mode. BLOCK leaves its tasks to others, so one worker at least never blocks: who would be the last waits as
   OWN does. So do spares, and workers at the pool's end, when the others may be gone. */
PKN_INTERNAL void pkn_block_begin(pkn_member *member, int wait_mode) {
    pkern_pool *pool = member->pool;
    if (wait_mode != PKERN_WAIT_BLOCK || pool->helpers == 0 || member->is_spare || pkn_atomic_load_relaxed_u32(&pool->stopping) != 0) {
        return;
    }
    member->blocks = !member->is_worker || pkn_atomic_fetch_add_relaxed_u32(&pool->blocking, 1) + 2u <= pool->helpers;
    if (!member->blocks) {
        pkn_atomic_fetch_sub_relaxed_u32(&pool->blocking, 1);
    }
}

PKN_INTERNAL void pkn_block_end(pkn_member *member) {
    if (member->blocks && member->is_worker) {
        pkn_atomic_fetch_sub_relaxed_u32(&member->pool->blocking, 1);
    }
    member->blocks = 0;
}

/* The calling thread's place in the scope's pool; 0 where spawns run at once. */
PKN_INLINE pkn_member *pkn_scope_member(const pkern_scope *scope) {
    return scope->member == 0 || pkn_is_orphan(scope->pool) ? 0 : pkn_membership(&pkn_this_thread, scope->pool);
}

#endif
/* ==== src/pool/join.c, continued ==== */

/* A push that can't go on in a straight line: the segment ends here, or a thief has asked for work. */
PKERN_API PKN_COLD pkn_slot *pkern_internal_push_slow(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    uint32_t flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    if ((flags & PKN_SLOT_OVERFLOW) != 0) {
        return 0;
    }
    pkn_member *owner = (pkn_member *)(void *)self;
    pkn_slot *next = slot + 1;
    if ((flags & PKN_SLOT_LAST) != 0) {
        uint32_t index = pkn_join_index(owner, slot) + 1;
        if (index == ((1u << owner->join_segments) - 1u) * PKN_JOIN_SEGMENT_0 && pkn_join_add_segment(owner) != 0) {
            return 0;
        }
        next = pkn_join_slot(owner, index);
    }
    if ((flags & PKN_SLOT_PUBLIC) != 0) {
        pkn_join_refuse_mark(owner, slot);
    }
    pkn_set_end(self, next);
    if (pkn_atomic_load_relaxed_u32(&self->request) != 0) {
        pkn_atomic_store_relaxed_u32(&self->request, 0);
        /* the oldest records are the largest pieces; one for each other thread */
        uint32_t split = pkn_join_split(pkn_atomic_load_relaxed_u64(&owner->join_range));
        uint32_t end = pkn_join_index(owner, slot) + 1u;
        uint32_t others = owner->pool->helpers;
        uint32_t exposed = pkn_join_expose(owner, end - split < others ? end : split + others);
        if (exposed != 0) {
            pkn_work_posted(owner->pool, pkn_root(owner), exposed);
        }
    }
    return next;
}

/* The newest record is public. Nonzero: the caller runs it (1), or it is lost in a fork (-1). 0: a thief has run it. */
PKERN_API PKN_COLD int pkern_internal_take_back(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    pkn_member *owner = (pkn_member *)(void *)self;
    uint32_t index = pkn_join_index(owner, slot);
    if (pkn_join_try_take_back(owner, index)) {
        uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
        if (pkn_join_top(range) == pkn_join_split(range) && pkn_sleeping_workers(owner->pool) != 0) {
            pkn_atomic_store_relaxed_u32(&self->request, 1); /* who sleeps can't ask */
        }
        return 1;
    }
    pkn_wait wait = {PKN_WAIT_JOIN, 0, 0, 0, 0, 0, 0};
    wait.slot = slot;
    /* the thief still uses the record: what we run meanwhile pushes behind it */
    pkn_set_end(self, pkn_join_slot(owner, index + 1));
    int lost = pkn_work_until(owner, &wait);
    pkn_set_end(self, slot);
    pkn_join_forget_stolen(owner, slot, index);
    return lost ? -1 : 0;
}

PKERN_API pkn_fork_state *pkern_internal_fork_enter(pkern_pool *pool, pkn_fork_call *call) {
    pkn_member *member = pkn_enter(pool, &call->entry);
    if (member != 0) {
        pkn_trace_call(member);
        return &member->fork;
    }
    memset((void *)&call->slot, 0, sizeof call->slot);
    call->slot.owner = &call->serial;
    pkn_atomic_store_relaxed_u32(&call->slot.flags, PKN_SLOT_OVERFLOW);
    pkn_set_end(&call->serial, &call->slot);
    pkn_atomic_store_relaxed_u32(&call->serial.request, 0);
    return &call->serial;
}

PKERN_API void pkern_internal_fork_leave(pkn_fork_call *call) {
    pkn_leave(&call->entry);
}

/* The status of a side that was made public: run here, or by the thief that has it. */
PKERN_API PKN_COLD int pkern_internal_join_end(pkn_slot *slot) {
    pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
    int taken = pkern_internal_take_back(slot);
    return taken > 0 ? frame->fn(frame->ctx) : taken == 0 ? frame->status : PKERN_ECANCELED;
}

/* A join from outside, or one that has to make room or to make work public first. */
PKERN_API PKN_COLD pkern_status pkern_internal_join_slow(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    pkn_entry entry;
    if (a == 0 || b == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        slot = pkn_join_push_callback(member, b, b_ctx);
    }
    int a_status = a(a_ctx);
    int b_status;
    if (slot != 0) {
        b_status = pkn_pop_is_special(slot) ? pkern_internal_join_end(slot) : b(b_ctx);
    } else {
        b_status = b(b_ctx);
    }
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/join_context.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Joins with more to say: callbacks that are told where they run, waits that take only what is theirs. And the hint whether anybody has
   taken what was offered. */
#ifndef PKN_POOL_JOIN_CONTEXT_C
#define PKN_POOL_JOIN_CONTEXT_C

/* #include "pool/guest.h": above */

typedef struct PKN_MAY_ALIAS pkn_context_frame {
    pkern_context_fn fn;
    void *ctx;
    int status;
} pkn_context_frame;

/* Only a thief runs a record by its function. */
PKN_INTERNAL void pkn_context_migrated(pkn_fork_state *self, pkn_slot *slot) {
    pkn_context_frame *frame = (pkn_context_frame *)(void *)slot->payload;
    PKN_UNUSED(self);
    frame->status = frame->fn(frame->ctx, 1);
}

PKERN_API pkern_status pkern_join_context(pkern_pool *pool, pkern_context_fn a, void *a_ctx, pkern_context_fn b, void *b_ctx) {
    pkn_entry entry;
    if (a == 0 || b == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        slot = pkn_end(&member->fork);
        pkn_context_frame *frame = (pkn_context_frame *)(void *)slot->payload;
        frame->fn = b;
        frame->ctx = b_ctx;
        slot->run = pkn_context_migrated;
        slot = pkn_push(slot) != 0 ? slot : 0;
    }
    int a_status = a(a_ctx, 0);
    int taken = slot != 0 ? pkn_pop(slot) : 1;
    int b_status = taken > 0 ? b(b_ctx, 0) : taken < 0 ? PKERN_ECANCELED : ((pkn_context_frame *)(void *)slot->payload)->status;
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

PKERN_API pkern_status pkern_join_with(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx, int wait_mode) {
    pkn_entry entry;
    if (wait_mode == PKERN_WAIT_STEAL) {
        return pkern_join(pool, a, a_ctx, b, b_ctx);
    }
    if (a == 0 || b == 0 || (wait_mode != PKERN_WAIT_OWN && wait_mode != PKERN_WAIT_BLOCK)) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    uint32_t outer_root = 0, floor = 0, root = 0;
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        outer_root = pkn_root(member);
        floor = pkn_join_close(member);
        root = pkn_region_begin(member);
        pkn_set_root(member, root);
        slot = pkn_join_push_callback(member, b, b_ctx);
    }
    int a_status = a(a_ctx);
    int b_status;
    if (slot != 0 && pkn_pop_is_special(slot)) {
        pkn_block_begin(member, wait_mode);
        int taken = pkern_internal_take_back(slot);
        pkn_block_end(member);
        b_status = taken > 0 ? b(b_ctx) : taken == 0 ? ((pkn_join_frame *)(void *)slot->payload)->status : PKERN_ECANCELED;
    } else {
        b_status = b(b_ctx);
    }
    if (member != 0) {
        pkn_set_root(member, outer_root);
        pkn_region_end(member, root);
        pkn_join_reopen(member, floor);
    }
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

PKERN_API int pkern_worker_has_pending_tasks(const pkern_pool *pool) {
    const pkn_thread_state *thread = pkn_settled_thread();
    const pkn_member *member = thread->memberships == 0 ? 0 : pkn_membership(thread, pkn_pool_of_call(pool));
    if (member == 0) {
        return -1;
    }
    size_t spawned = pkn_atomic_load_relaxed_size(&member->spawns.bottom) - pkn_atomic_load_relaxed_size(&member->spawns.top);
    return (ptrdiff_t)spawned > 0 || pkn_join_end(member) > pkn_join_top(pkn_atomic_load_relaxed_u64(&member->join_range));
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/scope.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scopes. */
#ifndef PKN_POOL_SCOPE_C
#define PKN_POOL_SCOPE_C

/* #include "pool/guest.h": above */

PKN_INTERNAL pkern_status pkn_scope_begin(pkern_scope *scope, pkern_pool *pool, int is_fifo, int wait_mode) {
    pkn_entry entry;
    if (scope == 0 || wait_mode < PKERN_WAIT_STEAL || wait_mode > PKERN_WAIT_BLOCK) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_scope_init(scope, is_fifo, PKN_SCOPE_OPEN);
    if (member != 0) {
        pkn_trace_call(member);
    }
    scope->member = member;
    scope->pool = member != 0 ? member->pool : 0;
    scope->thread = &pkn_this_thread;
    scope->wait_mode = wait_mode;
    scope->root = member == 0 ? PKN_ROOT_NONE : wait_mode == PKERN_WAIT_STEAL ? pkn_root(member) : pkn_region_begin(member);
    /* a scope is no task: calls between begin and wait that name no pool go where they went before */
    pkn_set_current(entry.outer);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_scope_begin(pkern_scope *scope, pkern_pool *pool) {
    return pkn_scope_begin(scope, pool, 0, PKERN_WAIT_STEAL);
}

PKERN_API pkern_status pkern_scope_begin_fifo(pkern_scope *scope, pkern_pool *pool) {
    return pkn_scope_begin(scope, pool, 1, PKERN_WAIT_STEAL);
}

PKERN_API pkern_status pkern_scope_begin_with(pkern_scope *scope, pkern_pool *pool, int wait_mode) {
    return pkn_scope_begin(scope, pool, 0, wait_mode);
}

PKERN_API pkern_status pkern_scope_set_cancel(pkern_scope *scope, const pkern_cancel *cancel) {
    if (scope == 0 || scope->state != PKN_SCOPE_OPEN) {
        return PKERN_EINVAL;
    }
    scope->cancel = cancel;
    return PKERN_OK;
}

/* Queues a task of the scope. 0, or 1 without memory. */
PKN_INTERNAL int pkn_scope_post(pkern_scope *scope, pkn_member *member, const pkn_job *job, int is_urgent) {
    int failed;
    if (is_urgent && !pkn_is_isolated(member->pool, job->root)) {
        return pkn_post_urgent(member, job);
    }
    if (pkn_is_isolated(member->pool, job->root)) {
        failed = pkn_queue_push(member->pool, &member->pool->of_regions, job); /* first in, first out, in any case */
    } else if (scope->is_fifo) {
        pkn_job_deque *fifo = pkn_scope_fifo_of(scope, member);
        failed = fifo == 0 || pkn_fifo_push(member, fifo, job);
    } else {
        failed = pkn_spawn_push(member, job);
    }
    if (!failed) {
        pkn_work_posted(member->pool, job->root, 1);
    }
    return failed;
}

PKN_INTERNAL pkern_status pkn_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx, int is_urgent) {
    if (scope == 0 || fn == 0 || scope->state != PKN_SCOPE_OPEN) {
        return PKERN_EINVAL;
    }
    uint32_t number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
    pkn_member *member = pkn_scope_member(scope);
    if (member != 0) {
        pkn_job job = {fn, ctx, scope, number, scope->root};
        pkn_atomic_fetch_add_relaxed_size(&scope->pending, 1);
        if (pkn_scope_post(scope, member, &job, is_urgent) != 0) {
            uint32_t floor = pkn_join_close(member); /* the scope may be of another root than the task that spawns */
            pkn_run_job(member, &job);
            pkn_join_reopen(member, floor);
        }
        return PKERN_OK;
    }
    int code = pkern_cancel_requested(scope->cancel) ? PKERN_ECANCELED : fn(ctx);
    if (code != 0) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx) {
    return pkn_scope_spawn(scope, fn, ctx, 0);
}

PKERN_API pkern_status pkern_scope_spawn_urgent(pkern_scope *scope, pkern_task_fn fn, void *ctx) {
    return pkn_scope_spawn(scope, fn, ctx, 1);
}

PKERN_API pkern_status pkern_scope_wait(pkern_scope *scope) {
    if (scope == 0 || scope->state != PKN_SCOPE_OPEN || scope->thread != &pkn_this_thread) {
        return PKERN_EINVAL;
    }
    int lost = 0;
    pkn_member *member = (pkn_member *)scope->member;
    if (member != 0) {
        pkn_entry entry;
        pkn_wait wait = {PKN_WAIT_SCOPE, 0, 0, 0, 0, 0, 0};
        wait.scope = scope;
        entry.member = member;
        entry.outer = pkn_current();
        if (!pkn_wait_is_over(member, &wait)) {
            uint32_t outer_root = pkn_root(member);
            pkn_set_current(member);
            pkn_join_expose_all(member);
            if (scope->wait_mode != PKERN_WAIT_STEAL) {
                pkn_set_root(member, scope->root);
                pkn_block_begin(member, scope->wait_mode);
            }
            lost = pkn_work_until(member, &wait);
            pkn_block_end(member);
            pkn_set_root(member, outer_root);
        }
        if (scope->wait_mode != PKERN_WAIT_STEAL) {
            pkn_region_end(member, scope->root);
        }
        pkn_scope_free_fifos(scope, member->pool->allocator);
        pkn_leave(&entry);
        scope->member = 0;
    }
    scope->state = PKN_SCOPE_WAITED;
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&scope->failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/spawn.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Detached spawns, futures, and waiting until none is left. A future is a scope of one task whose owner is whoever waits for it: so it
   has no member that its end could wake, and members that wait say by address for what (see pkn_wake_waiters_for). */
#ifndef PKN_POOL_SPAWN_C
#define PKN_POOL_SPAWN_C

/* #include "pool/guest.h": above */

enum { PKN_SPAWN_PLAIN, PKN_SPAWN_FIFO, PKN_SPAWN_URGENT };

/* Queues a detached job or a future's task. 0, or 1 without memory. */
PKN_INTERNAL int pkn_post_detached(pkn_member *member, const pkn_job *given, int how) {
    pkern_pool *pool = member->pool;
    pkn_job job = *given;
    int failed;
    job.root = PKN_ROOT_NONE;
    pkn_atomic_fetch_add_relaxed_size(&pool->detached, 1);
    if (how == PKN_SPAWN_URGENT) {
        failed = pkn_post_urgent(member, &job);
    } else if (member->is_worker || pool->num_threads == 1) {
        /* alone, a guest runs its jobs before it leaves */
        failed = how == PKN_SPAWN_FIFO ? pkn_fifo_push(member, &member->fifo, &job) : pkn_spawn_push(member, &job);
        if (!failed) {
            pkn_work_posted(pool, PKN_ROOT_NONE, 1);
        }
    } else {
        /* a guest's jobs go to the pool's threads, so that it can leave; first in, first out, in any case */
        failed = pkn_inject(pool, &job);
        if (!failed) {
            pkn_tally_add(&member->tally, PKN_TALLY_SPAWNS, 1);
            pkn_work_posted(pool, PKN_ROOT_INJECTED, 1);
        }
    }
    if (failed) {
        pkn_detached_ended(pool);
    }
    return failed;
}

PKN_INTERNAL pkern_status pkn_spawn_detached(pkern_pool *pool, pkern_task_fn fn, void *ctx, int how) {
    pkn_entry entry;
    pkn_job job = {fn, ctx, 0, 0, PKN_ROOT_NONE};
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    int failed = 0;
    if (pkn_enter(pool, &entry) == 0) {
        pkn_report_error(pkn_pool_of_call(pool), fn(ctx), ctx);
    } else {
        pkn_member *member = entry.member;
        failed = pkn_post_detached(member, &job, how);
        if (member->stays == PKN_STAYS && member->pool->num_threads == 1) {
            member->stays = PKN_STAYS_AND_RUNS; /* so that jobs that spawn don't nest */
            pkn_run_own_jobs(member);
            member->stays = PKN_STAYS;
        }
    }
    pkn_leave(&entry);
    return failed ? PKERN_ENOMEM : PKERN_OK;
}

PKERN_API pkern_status pkern_spawn(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, PKN_SPAWN_PLAIN);
}

PKERN_API pkern_status pkern_spawn_fifo(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, PKN_SPAWN_FIFO);
}

PKERN_API pkern_status pkern_spawn_urgent(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, PKN_SPAWN_URGENT);
}

/* ---- waiting for what has no owner ---- */

/* Works until the wait for what is at this address is over. 0, or 1 where it can never be. */
PKN_INTERNAL int pkn_wait_for(pkn_member *member, const pkn_wait *wait, void *what) {
    void *outer = pkn_atomic_load_relaxed_ptr(&member->waits_for);
    pkn_atomic_store_relaxed_ptr(&member->waits_for, what); /* before the fence in pkn_sleep */
    int lost = pkn_work_until(member, wait);
    pkn_atomic_store_relaxed_ptr(&member->waits_for, outer);
    return lost;
}

/* The same by a thread that has no place in the pool: none is free, or memory is out. */
PKN_INTERNAL PKN_COLD int pkn_wait_outside(pkern_pool *pool, const pkn_wait *wait) {
    while (!pkn_wait_without_place_is_over(pool, wait)) {
        if (pkn_is_orphan(pool)) {
            pkn_member *member = pkn_membership(&pkn_this_thread, pool);
            return member == 0 || pkn_finish_alone(member, wait);
        }
#if PKN_THREADS
        pkn_nap();
#endif
    }
    return 0;
}

/* ---- futures ---- */

PKERN_API pkern_status pkern_future_spawn(pkern_future *future, pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    pkn_entry entry;
    if (future == 0 || fn == 0) {
        return PKERN_EINVAL;
    }
    pkern_scope *task = &future->task;
    pkn_job job = {fn, ctx, task, 0, PKN_ROOT_NONE};
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_scope_init(task, 0, PKN_SCOPE_FUTURE);
    if (member != 0) {
        task->pool = member->pool;
        pkn_atomic_store_relaxed_size(&task->pending, 1);
    }
    if (member == 0 || pkn_post_detached(member, &job, PKN_SPAWN_PLAIN) != 0) {
        int code = fn(ctx);
        if (code != 0) {
            pkn_keep_lowest_failure(&task->failure, 0, code);
        }
        pkn_atomic_store_relaxed_size(&task->pending, 0); /* nobody else knows the future yet */
    }
    pkn_leave(&entry);
    return PKERN_OK;
}

PKERN_API int pkern_future_is_done(const pkern_future *future) {
    return future != 0 && future->task.state == PKN_SCOPE_FUTURE &&
           pkn_atomic_load_acquire_size(&future->task.pending) == 0;
}

PKERN_API pkern_status pkern_future_wait_for(pkern_future *future, int64_t timeout_ns) {
    pkn_entry entry;
    pkn_job job;
    if (future == 0 || future->task.state != PKN_SCOPE_FUTURE) {
        return PKERN_EINVAL;
    }
    if (!pkern_future_is_done(future)) {
        pkern_scope *task = &future->task;
        pkern_pool *pool = task->pool;
        pkn_wait wait = {PKN_WAIT_SCOPE, 0, 0, 0, 0, 0, 0};
        pkn_filter it = {0, 0, 0};
        it.scope = wait.scope = task;
        wait.deadline_ns = pkn_deadline_in(timeout_ns);
        pkn_member *member = pkn_enter(pool, &entry);
        if (timeout_ns >= 0 && entry.outer == 0 && member != 0 && !member->is_worker && member->entries == 1) {
            /* from outside it sleeps, so that it is in time. From inside a task that others may wait for it can't leave the future to them */
            wait.kind = PKN_WAIT_FUTURE;
        } else if (timeout_ns != 0 && member != 0 && !member->is_worker && pkn_queue_take(pool, &pool->injected, &it, 0, &job)) {
            /* nobody has begun it, and a guest has nothing better to do */
            job.root = pkn_root(member);
            pkn_run_job(member, &job);
        }
        int lost = member != 0 ? pkn_wait_for(member, &wait, task) : pkn_wait_outside(pool, &wait);
        pkn_leave(&entry);
        if (!pkern_future_is_done(future)) {
            return lost ? PKERN_ECANCELED : PKERN_ETIMEDOUT;
        }
    }
    return pkn_failure_code(pkn_atomic_load_relaxed_u64(&future->task.failure));
}

PKERN_API pkern_status pkern_future_wait(pkern_future *future) {
    return pkern_future_wait_for(future, -1);
}

/* ---- until none is left ---- */

PKERN_API pkern_status pkern_pool_wait_idle(pkern_pool *pool, int64_t timeout_ns) {
    pkn_entry entry;
    pkn_wait wait = {PKN_WAIT_IDLE, 0, 0, 0, 0, 0, 0};
    wait.deadline_ns = pkn_deadline_in(timeout_ns);
    pkn_member *member = pkn_enter(pool, &entry);
    pool = member != 0 ? member->pool : pkn_called_pool(pool);
    pkern_status status = PKERN_OK;
    if (member != 0 && (pkn_is_own_thread(member) || member->in_detached != 0 || member->depth != 0)) {
        status = PKERN_EDEADLK;
    } else {
        int lost = member != 0 ? pkn_wait_for(member, &wait, &pool->detached) : pkn_wait_outside(pool, &wait);
        /* in a forked child nothing of it will ever run: that is idle */
        int is_late = !lost && pkn_deadline_has_passed(wait.deadline_ns) && pkn_atomic_load_acquire_size(&pool->detached) != 0;
        status = is_late ? PKERN_ETIMEDOUT : PKERN_OK;
    }
    pkn_leave(&entry);
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/broadcast.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Broadcast: one call on each thread. Broadcasts are numbered; each worker runs those newer than the last one it has run, in order, at
   its next look for work. The list is under the pool's lock; a number beside it keeps who only looks off the lock. */
#ifndef PKN_POOL_BROADCAST_C
#define PKN_POOL_BROADCAST_C

/* #include "pool/guest.h": above */

#define PKN_BROADCAST_POLLS 64

/* The oldest broadcast that this worker has not run, or 0. */
PKN_INTERNAL pkn_broadcast *pkn_next_broadcast(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast *next = pool->broadcasts;
    while (next != 0 && (int32_t)(next->number - self->seen_broadcast) <= 0) {
        next = next->next;
    }
    self->seen_broadcast = next != 0 ? next->number : pkn_atomic_load_relaxed_u32(&pool->board.number);
    pkn_mutex_unlock(&pool->lock);
    return next;
}

/* The only broadcast there is. Nobody reads the board now: all workers have run those before. */
PKN_INTERNAL void pkn_put_on_board(pkn_broadcast_board *board, pkn_broadcast *broadcast) {
    pkn_atomic_store_relaxed_size(&board->fn, (size_t)(uintptr_t)broadcast->fn);
    pkn_atomic_store_relaxed_size(&board->ctx, (size_t)(uintptr_t)broadcast->ctx);
    pkn_atomic_store_relaxed_u32(&board->count, (uint32_t)broadcast->count);
    pkn_atomic_store_relaxed_u32(&board->root, broadcast->root);
    pkn_atomic_store_relaxed_ptr(&board->broadcast, broadcast);
    pkn_atomic_store_relaxed_u32(&board->call_number, broadcast->number);
}

PKN_INTERNAL void pkn_announce_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast **link = &pool->broadcasts;
    while (*link != 0) {
        link = &(*link)->next;
    }
    *link = broadcast;
    broadcast->number = pkn_atomic_load_relaxed_u32(&pool->board.number) + 1u;
    if (pool->broadcasts == broadcast && broadcast->caller != 0) {
        pkn_put_on_board(&pool->board, broadcast);
    }
    /* release: who sees the number sees the board */
    pkn_atomic_store_release_u32(&pool->board.number, broadcast->number);
    pkn_mutex_unlock(&pool->lock);
    /* as pkn_work_posted, for all workers */
    pkn_fence_seq_cst();
    for (uint32_t i = 0; pkn_sleeping_workers(pool) != 0 && i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
}

PKN_INTERNAL void pkn_withdraw_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    if (pkn_is_orphan(pool)) {
        return; /* a thread that is gone may hold the lock */
    }
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast **link = &pool->broadcasts;
    while (*link != broadcast) {
        link = &(*link)->next;
    }
    *link = broadcast->next;
    pkn_mutex_unlock(&pool->lock);
}

/* A spawned broadcast has run everywhere. */
PKN_INTERNAL void pkn_end_spawned_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    pkern_scope *scope = broadcast->scope;
    uint32_t number = broadcast->spawn_number;
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&broadcast->failure));
    pkn_withdraw_broadcast(pool, broadcast);
    pkn_release(pool->allocator, broadcast, sizeof *broadcast);
    if (scope != 0) {
        pkn_scope_task_ended(scope, number, code);
    } else {
        pkn_detached_ended(pool);
    }
}

/* After thread `index`'s part: the last access to a broadcast that somebody waits for. Who is last ends one that was spawned. */
PKN_INTERNAL void pkn_broadcast_part_ended(pkern_pool *pool, pkn_broadcast *broadcast, int index, int code) {
    pkn_member *caller = broadcast->caller;
    if (code != 0) {
        pkn_keep_lowest_failure(&broadcast->failure, (uint32_t)index, code);
        if (caller == 0 && broadcast->scope == 0) {
            pkn_report_error(pool, code, broadcast->ctx);
        }
    }
    /* acq_rel: who reads 0 sees what every thread did */
    if (pkn_atomic_fetch_sub_acq_rel_u32(&broadcast->remaining, 1) == 1) {
        if (caller != 0) {
            pkn_completed(caller);
        } else {
            pkn_end_spawned_broadcast(pool, broadcast);
        }
    }
}

PKN_INTERNAL void pkn_run_broadcast(pkern_pool *pool, pkn_broadcast *broadcast, int index) {
    const pkern_scope *scope = broadcast->scope;
    int code = scope != 0 && pkern_cancel_requested(scope->cancel)
                   ? PKERN_ECANCELED
                   : broadcast->fn(index, broadcast->count, broadcast->ctx);
    pkn_broadcast_part_ended(pool, broadcast, index, code);
}

/* Runs the next broadcast if it is the one on the board. What is there stays until this worker has run it too. */
PKN_INTERNAL int pkn_serve_board(pkn_member *self) {
    pkn_broadcast_board *board = &self->pool->board;
    /* acquire: pairs with the announcement */
    uint32_t number = pkn_atomic_load_acquire_u32(&board->number);
    if (number != self->seen_broadcast + 1u || pkn_atomic_load_relaxed_u32(&board->call_number) != number) {
        return 0;
    }
    int (*fn)(int, int, void *) = (int (*)(int, int, void *))(uintptr_t)pkn_atomic_load_relaxed_size(&board->fn);
    void *ctx = (void *)(uintptr_t)pkn_atomic_load_relaxed_size(&board->ctx);
    self->seen_broadcast = number;
    pkn_set_root(self, pkn_atomic_load_relaxed_u32(&board->root));
    pkn_work work = pkn_work_begins(self, PKN_TALLY_BROADCASTS);
    int code = fn(self->index, (int)pkn_atomic_load_relaxed_u32(&board->count), ctx);
    pkn_broadcast_part_ended(self->pool, (pkn_broadcast *)pkn_atomic_load_relaxed_ptr(&board->broadcast), self->index, code);
    pkn_work_ends(self, &work, PKN_TRACE_BROADCAST, 0);
    return 1;
}

PKN_INTERNAL void pkn_serve_broadcasts(pkn_member *self) {
    pkn_member *outer = pkn_current();
    uint32_t outer_root = pkn_root(self), floor = pkn_join_close(self);
    pkn_set_current(self); /* the thread may be a guest elsewhere just now */
    while (pkn_has_broadcast(self)) {
        if (!pkn_serve_board(self)) {
            pkn_broadcast *broadcast = pkn_next_broadcast(self);
            if (broadcast != 0) {
                pkn_set_root(self, broadcast->root);
                pkn_work work = pkn_work_begins(self, PKN_TALLY_BROADCASTS);
                pkn_run_broadcast(self->pool, broadcast, self->index);
                pkn_work_ends(self, &work, PKN_TRACE_BROADCAST, 0);
            }
        }
    }
    pkn_set_current(outer);
    pkn_set_root(self, outer_root);
    pkn_join_reopen(self, floor);
}

/* A spawned job may broadcast while the pool is being destroyed. The caller stands in for workers that had ended before. */
PKN_INTERNAL PKN_COLD void pkn_broadcast_for_the_ended(pkern_pool *pool, pkn_broadcast *broadcast) {
    for (int i = 0; i + 1 < pool->num_threads; i++) {
        pkn_member *worker = pkn_member_at(pool, (uint32_t)i);
        pkn_mutex_lock(&pool->lock);
        int missed = worker->ended && (int32_t)(broadcast->number - worker->seen_broadcast) > 0;
        pkn_mutex_unlock(&pool->lock);
        if (missed) {
            pkn_run_broadcast(pool, broadcast, i);
        }
    }
}

PKERN_API pkern_status pkern_broadcast(pkern_pool *pool, int (*fn)(int index, int count, void *ctx), void *ctx) {
    pkn_entry entry;
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    if (member != 0 && pkn_is_isolated(member->pool, pkn_root(member))) {
        pkn_leave(&entry);
        return PKERN_EDEADLK;
    }
    if (member == 0 || member->pool->num_threads == 1) {
        if (member != 0) {
            pkn_tally_add(&member->tally, PKN_TALLY_BROADCASTS, 1);
        }
        int status = fn(0, 1, ctx);
        pkn_leave(&entry);
        return status;
    }
    int workers = member->pool->num_threads - 1;
    pkn_broadcast broadcast = {0, 0, 0, fn, ctx, member, pkn_root(member), {0}, {PKN_NO_FAILURE}, 0, 0};
    broadcast.count = member->is_worker ? workers : workers + 1;
    pkn_atomic_store_relaxed_u32(&broadcast.remaining, (uint32_t)workers);
    pkn_announce_broadcast(member->pool, &broadcast);
    pkn_trace_instant(member, PKN_TRACE_ANNOUNCE, 0);
    int lost = 0;
    if (member->is_worker) {
        pkn_serve_broadcasts(member);
    } else {
        uint64_t start = pkn_trace_start(member);
        pkn_tally_add(&member->tally, PKN_TALLY_BROADCASTS, 1);
        int code = fn(workers, broadcast.count, ctx);
        pkn_trace_end(member, PKN_TRACE_BROADCAST, start, 0, 0);
        if (code != 0) {
            pkn_keep_lowest_failure(&broadcast.failure, (uint32_t)workers, code);
        }
    }
    /* a worker that had ended before was seen to by the lock, and so was why */
    if (pkn_is_own_thread(member) && pkn_atomic_load_relaxed_u32(&member->pool->stopping) != 0) {
        pkn_broadcast_for_the_ended(member->pool, &broadcast);
    }
    pkn_wait wait = {PKN_WAIT_BROADCAST, 0, 0, 0, 0, 0, 0};
    wait.broadcast = &broadcast;
    /* a short call is over before a search for other work would be */
    for (int i = 0; i < PKN_BROADCAST_POLLS && !pkn_wait_is_over(member, &wait); i++) {
        pkn_cpu_relax();
    }
    if (!pkn_wait_is_over(member, &wait)) {
        lost = pkn_work_until(member, &wait);
    }
    if (!lost) {
        pkn_withdraw_broadcast(member->pool, &broadcast);
    }
    pkn_leave(&entry);
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&broadcast.failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

/* ---- spawned ---- */

/* As the task of a scope, or detached. The pool has workers. */
PKN_INTERNAL pkern_status pkn_spawn_broadcast(pkn_member *member, pkern_scope *scope, int (*fn)(int index, int count, void *ctx),
                                              void *ctx) {
    pkern_pool *pool = member->pool;
    pkn_broadcast *broadcast = (pkn_broadcast *)pkn_allocate(pool->allocator, sizeof *broadcast, PKN_CACHE_LINE);
    if (broadcast == 0) {
        return PKERN_ENOMEM;
    }
    memset((void *)broadcast, 0, sizeof *broadcast);
    broadcast->fn = fn;
    broadcast->ctx = ctx;
    broadcast->count = pool->num_threads - 1;
    broadcast->root = scope != 0 ? pkn_root(member) : PKN_ROOT_NONE;
    broadcast->scope = scope;
    pkn_atomic_store_relaxed_u32(&broadcast->remaining, (uint32_t)broadcast->count + 1u); /* a part is this function's */
    pkn_atomic_store_relaxed_u64(&broadcast->failure, PKN_NO_FAILURE);
    if (scope != 0) {
        broadcast->spawn_number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
        pkn_atomic_fetch_add_relaxed_size(&scope->pending, 1);
    } else {
        pkn_atomic_fetch_add_relaxed_size(&pool->detached, 1);
    }
    pkn_announce_broadcast(pool, broadcast);
    pkn_trace_instant(member, PKN_TRACE_ANNOUNCE, 0);
    if (pkn_is_own_thread(member) && pkn_atomic_load_relaxed_u32(&pool->stopping) != 0) {
        pkn_broadcast_for_the_ended(pool, broadcast);
    }
    pkn_broadcast_part_ended(pool, broadcast, 0, 0);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_spawn_broadcast(pkern_pool *pool, int (*fn)(int index, int count, void *ctx), void *ctx) {
    pkn_entry entry;
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkern_status status = PKERN_OK;
    pkn_member *member = pkn_enter(pool, &entry);
    if (member == 0 || member->pool->num_threads == 1) {
        pkn_report_error(member != 0 ? member->pool : pkn_pool_of_call(pool), fn(0, 1, ctx), ctx);
    } else {
        status = pkn_spawn_broadcast(member, 0, fn, ctx);
    }
    pkn_leave(&entry);
    return status;
}

PKERN_API pkern_status pkern_scope_spawn_broadcast(pkern_scope *scope, int (*fn)(int index, int count, void *ctx), void *ctx) {
    if (scope == 0 || fn == 0 || scope->state != PKN_SCOPE_OPEN) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_scope_member(scope);
    if (member != 0 && pkn_is_isolated(member->pool, scope->root)) {
        return PKERN_EDEADLK;
    }
    if (member != 0 && member->pool->num_threads > 1) {
        return pkn_spawn_broadcast(member, scope, fn, ctx);
    }
    uint32_t number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
    int code = pkern_cancel_requested(scope->cancel) ? PKERN_ECANCELED : fn(0, 1, ctx);
    if (code != 0) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    return PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/yield.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Yield: one piece of work in the middle of a task. */
#ifndef PKN_POOL_YIELD_C
#define PKN_POOL_YIELD_C

/* #include "pool/guest.h": above */

/* One broadcast or job that waits for this thread in particular. */
PKN_INTERNAL int pkn_search_local(pkn_member *self) {
    pkn_filter anything = {0, 0, 0};
    pkn_job job;
    if (self->is_worker && pkn_has_broadcast(self)) {
        pkn_serve_broadcasts(self);
        return 1;
    }
    if (self->depth >= self->pool->depth_limit || !pkn_spawn_pop(self, &anything, &job)) {
        return 0;
    }
    self->depth++;
    pkn_run_job(self, &job);
    self->depth--;
    return 1;
}

PKN_INTERNAL int pkn_yield(const pkern_pool *pool, int is_local) {
    const pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *outer = pkn_current();
    pkn_member *member = pool == 0 ? outer : pkn_membership(thread, pool);
    if (member == 0) {
        return PKERN_YIELD_OUTSIDE;
    }
    if (pkn_is_orphan(member->pool)) {
        return PKERN_YIELD_IDLE;
    }
    pkn_wait wait = {PKN_WAIT_YIELD, 0, 0, 0, 0, 0, 0};
    pkn_set_current(member);
    uint32_t floor = pkn_join_close(member);
    int found = !is_local                                              ? pkn_search(member, &wait, 0)
                : pkn_is_isolated(member->pool, pkn_root(member)) ? 0
                                                                       : pkn_search_local(member);
    pkn_join_reopen(member, floor);
    pkn_set_current(outer);
    return found ? PKERN_YIELD_EXECUTED : PKERN_YIELD_IDLE;
}

PKERN_API int pkern_yield_now(pkern_pool *pool) {
    return pkn_yield(pool, 0);
}

PKERN_API int pkern_yield_local(pkern_pool *pool) {
    return pkn_yield(pool, 1);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/loop.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The flat parallel loop, from the caller's side: alone or shared, and how.

   The rule is that sharing must pay. A hand-over to a spinning thread and back costs 0.2 to 0.5 us, waking a sleeper 3 to 12 us of the
   caller's time. So a loop is shared with threads that are awake where what remains is worth 4 hand-overs, and a sleeper is woken where it is
   worth 30 wakes. What a loop costs is known from the caller's hint or from the last calls of the same body; a body never seen before
   is shared at once, since its first item may be the long one. A body that is thought cheap runs in growing pieces with a look at the
   clock between them, and is shared from where it turns out not to be.
   Many small calls in a row are worth a wake together; see loop_cost.h. */
#ifndef PKN_POOL_LOOP_C
#define PKN_POOL_LOOP_C

/* ==== src/pool/loop_cost.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What is remembered of a loop body's cost: in the member, to decide alone or shared; in the thread, to run the shortest calls
   without a place in the pool. Tuned for programs that call the same few bodies again and again. */
#ifndef PKN_POOL_LOOP_COST_H
#define PKN_POOL_LOOP_COST_H

/* #include "pool/guest.h": above */
/* ==== src/base/rng.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random numbers that depend on (seed, index) alone: the same everywhere, in any order.
   Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 (SplitMix64). */
#ifndef PKN_BASE_RNG_H
#define PKN_BASE_RNG_H

/* #include "base/compiler.h": above */

#include <stdint.h>

PKN_INLINE uint64_t pkn_mix_u64(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Word index of the stream seed. The seed is mixed first, so that neighbouring seeds give unrelated streams. */
PKN_INLINE uint64_t pkn_random_at(uint64_t seed, uint64_t index) {
    uint64_t start = pkn_mix_u64(seed + UINT64_C(0x9e3779b97f4a7c15));
    return pkn_mix_u64(start + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

#endif
/* ==== src/pool/loop_cost.h, continued ==== */

/* ---- cost of a body, as last seen by this member ---- */

/* Each body has two places, and a new one drives out the older. */
PKN_INLINE pkn_loop_cost *pkn_loop_cost_of(pkn_member *member, size_t key) {
    pkn_loop_cost *newer = &member->costs[pkn_mix_u64(key) % (PKN_LOOP_COSTS / 2) * 2];
    pkn_loop_cost *older = newer + 1;
    if (newer->body != key) {
        pkn_loop_cost first = *newer;
        *newer = *older;
        *older = first;
        if (newer->body != key) {
            newer->body = key;
            newer->item_ns = 0;
        }
    }
    return newer;
}

PKN_INLINE void pkn_loop_learn(pkn_loop_cost *cost, double ns, size_t items) {
    if (items != 0) {
        double seen = ns / (double)items;
        seen = seen > 0.01 ? seen : 0.01;
        cost->item_ns = (float)(cost->item_ns > 0 ? 0.5 * ((double)cost->item_ns + seen) : seen);
    }
}

/* ---- many small calls in a row ----

   They are worth a wake together: the shareable time that a thread ran alone while all helpers slept is added up, and when it
   reaches 30 wakes within 5 ms one helper is woken, which then spins while calls keep coming. */

#define PKN_WAKE_WORTH_NS 150000.0
#define PKN_COLD_WINDOW_NS 5e6

/* 1 where a helper should be woken now. */
PKN_INLINE int pkn_loop_count_cold(pkn_thread_state *thread, double work_ns, double ticks_per_ns) {
    uint64_t now = pkn_ticks();
    if ((double)(now - thread->cold_since) > PKN_COLD_WINDOW_NS * ticks_per_ns) {
        thread->cold_since = now;
        thread->cold_ns = 0;
    }
    thread->cold_ns += (float)work_ns;
    return (double)thread->cold_ns >= PKN_WAKE_WORTH_NS;
}

/* ---- short calls ----

   A call from outside that is too short to share needs nothing of the pool, and where the program has been idle for a while
   each line that it touches costs 20 to 100 ns. So the thread remembers the body that ran short last, and runs it on the
   spot while that stays true; one line of data is touched, the thread's own, and as few of code as can be. A body that asks
   for its place in the pool (pkern_worker_index, a call of its own) gets it then. */

#define PKN_SHORT_CALLS 64u
/* below this no helper is worth its hand-over; while all sleep, the rest of the way in costs more than watching the body is worth */
#define PKN_SHARE_NS 1600.0
#define PKN_SHORT_COLD_NS 12000.0

PKN_INLINE int pkn_all_helpers_sleep(const pkern_pool *pool) {
    return pkn_sleeping_workers(pool) >= pool->helpers;
}

PKN_INTERNAL PKN_NOINLINE int pkn_loop_is_short_cold(pkn_thread_state *thread, const pkern_pool *pool, size_t items) {
    double work_ns = (double)thread->short_item_ns * (double)items;
    return pkn_all_helpers_sleep(pool != 0 ? pool : pkern_pool_global()) &&
           !pkn_loop_count_cold(thread, work_ns, (double)thread->short_ticks_per_ns);
}

PKN_INLINE int pkn_loop_is_short(pkn_thread_state *thread, const pkern_pool *pool, size_t items, size_t key) {
    if (thread->short_key != key || thread->short_pool != pool || thread->memberships != 0 || thread->short_call != 0) {
        return 0;
    }
    return PKN_LIKELY(items <= thread->short_items) ||
           (items <= thread->short_cold_items && pkn_loop_is_short_cold(thread, pool, items));
}

PKN_INLINE void pkn_loop_forget_short(pkn_thread_state *thread) {
    thread->short_items = 0;
    thread->short_cold_items = 0;
}

PKN_INLINE int pkn_loop_run_short(pkn_thread_state *thread, pkern_pool *pool, size_t begin, size_t end, pkern_range_fn body,
                                  void *ctx) {
    pkn_short_call call;
    call.pool = pool;
    call.is_inside = 0;
    thread->short_call = &call;
    uint32_t start = (uint32_t)pkn_ticks();
    int status = body(begin, end, ctx);
    uint32_t passed = (uint32_t)pkn_ticks() - start; /* a body of seconds may pass for a short one, 64 times */
    thread->short_call = 0;
    if (PKN_UNLIKELY(call.is_inside)) {
        pkn_leave(&call.entry);
    }
    thread->short_left--;
    if (PKN_UNLIKELY(thread->short_left == 0 || passed > thread->short_ticks)) {
        pkn_loop_forget_short(thread); /* old, or dearer than it was: the next call goes the long way and measures */
    }
    return status;
}

PKN_INLINE void pkn_loop_remember_short(const pkern_pool *pool, size_t key, double item_ns, double ticks_per_ns) {
    pkn_thread_state *thread = &pkn_this_thread;
    thread->short_key = key;
    thread->short_pool = pool;
    thread->short_items = (size_t)(PKN_SHARE_NS / item_ns); /* 0.01 ns at least, see pkn_loop_learn */
    thread->short_cold_items = (size_t)(PKN_SHORT_COLD_NS / item_ns);
    thread->short_ticks = (uint32_t)(2.0 * PKN_SHORT_COLD_NS * ticks_per_ns);
    thread->short_item_ns = (float)item_ns;
    thread->short_ticks_per_ns = (float)ticks_per_ns;
    thread->short_left = PKN_SHORT_CALLS;
}

#endif
/* ==== src/pool/loop.c, continued ==== */

#define PKN_HANDOVER_NS 200.0
/* how finely a loop is cut, and the least work that is worth a claim (its locked instruction waits for the stores of the piece
   before, 100 ns and more) */
#define PKN_UNIT_NS 100.0
#define PKN_CLAIM_NS 2500.0
/* of a body that was cheap when it last ran: what a piece may cost before the clock is looked at, how much of the time may be the
   caches', and how long it must have been dear, about what a wake costs, before a sleeper is woken for it */
#define PKN_UNCHECKED_NS 200.0
#define PKN_WARM_UP_NS 2000.0
#define PKN_SURPRISE_NS 20000.0

typedef struct pkn_loop {
    pkn_member *member;
    pkern_range_fn body;
    void *ctx;
    size_t begin, end;
    size_t min_len, max_len;
    double item_ns; /* 0: not known */
    pkn_loop_extras *extras;
    double short_item_ns; /* of a loop that ran alone to its end and told its cost */
} pkn_loop;

enum { PKN_LOOP_ALONE = -1 }; /* else shared, with so many sleepers to wake */

PKN_INTERNAL int pkn_loop_run_alone(const pkn_loop *loop, size_t begin, size_t end) {
    return loop->extras == 0 ? loop->body(begin, end, loop->ctx)
                             : pkn_loop_run_with_extras(loop->body, loop->ctx, begin, end, loop->extras, 0, 0);
}

/* ---- alone or shared ---- */

/* Members that could help and sleep: workers, and the guest that a worker's loop belongs to. */
PKN_INTERNAL uint32_t pkn_sleeping_helpers(const pkn_member *member) {
    uint32_t asleep = pkn_sleeping_workers(member->pool);
    uint32_t top = member->is_worker ? pkn_top_root(member->pool, pkn_root(member)) : PKN_ROOT_NONE;
    if (top != PKN_ROOT_NONE && top != PKN_ROOT_LONELY &&
        pkn_atomic_load_relaxed_u32(&pkn_member_at(member->pool, top - 1u)->parked) != PKN_AWAKE) {
        asleep++;
    }
    return asleep;
}

/* PKN_LOOP_ALONE, or how many sleepers to wake. count_cold: add the work to the account of time run alone while all slept. */
PKN_INTERNAL int pkn_loop_verdict(pkn_member *member, double work_ns, int count_cold) {
    uint32_t helpers = (uint32_t)member->pool->num_threads - 1u;
    if (work_ns < PKN_SHARE_NS || helpers == 0) {
        return PKN_LOOP_ALONE;
    }
    if (work_ns >= PKN_WAKE_WORTH_NS) {
        /* who sleeps is looked up after the board is published: a helper may fall asleep until then */
        double worth = work_ns / PKN_WAKE_WORTH_NS;
        return worth < helpers ? (int)worth : (int)helpers;
    }
    uint32_t asleep = pkn_sleeping_helpers(member);
    if (asleep < helpers) {
        return 0;
    }
    if (count_cold) {
        pkn_thread_state *thread = &pkn_this_thread;
        if (pkn_loop_count_cold(thread, work_ns, member->pool->ticks_per_ns)) {
            thread->cold_ns = 0;
            return 1;
        }
    }
    return PKN_LOOP_ALONE;
}

/* ---- a loop inside a piece of the same member's loop: its board is taken, so the pieces are joins ---- */

typedef struct pkn_loop_split_frame {
    const pkn_loop_view *view;
    uint32_t first, last, grain;
} pkn_loop_split_frame;

PKN_INTERNAL void pkn_loop_split(pkn_fork_state *self, const pkn_loop_view *view, uint32_t first, uint32_t last, uint32_t grain);

PKN_INTERNAL void pkn_loop_split_stolen(pkn_fork_state *self, pkn_slot *slot) {
    pkn_loop_split_frame *frame = (pkn_loop_split_frame *)(void *)slot->payload;
    pkn_loop_split(self, frame->view, frame->first, frame->last, frame->grain);
}

PKN_INTERNAL void pkn_loop_split(pkn_fork_state *self, const pkn_loop_view *view, uint32_t first, uint32_t last, uint32_t grain) {
    while (last - first > grain) {
        uint32_t middle = first + (last - first) / 2;
        pkn_slot *slot = pkn_end(self);
        pkn_loop_split_frame *frame = (pkn_loop_split_frame *)(void *)slot->payload;
        frame->view = view;
        frame->first = middle;
        frame->last = last;
        frame->grain = grain;
        slot->run = pkn_loop_split_stolen;
        if (pkn_push(slot) == 0) {
            break;
        }
        pkn_loop_split(self, view, first, middle, grain);
        if (pkn_pop(slot) == 0) {
            return;
        }
        first = middle;
    }
    pkn_loop_run_units(view, first, last);
}

/* ---- shared ---- */

/* Items of a unit: at least min_len, few enough units to fit the slices' words. */
PKN_INTERNAL size_t pkn_loop_unit(const pkn_loop *loop) {
    size_t items = loop->end - loop->begin;
    size_t least = items / PKN_LOOP_MAX_UNITS + (items % PKN_LOOP_MAX_UNITS != 0);
    double worth = loop->item_ns > 0 ? PKN_UNIT_NS / loop->item_ns : 1.0;
    size_t unit = worth >= (double)items ? items : (size_t)worth;
    /* a power of two, so that a cost that is measured a little differently each time moves no borders */
    unit = unit > 1 ? (size_t)1 << (63u - pkn_clz_u64(unit)) : unit;
    if (loop->max_len != 0) {
        unit = pkn_min_size(unit, loop->max_len);
    }
    unit = pkn_max_size(pkn_max_size(unit, loop->min_len), pkn_max_size(least, 1));
    if (loop->max_len != 0 && unit > loop->max_len) {
        size_t pieces = unit / loop->max_len + (unit % loop->max_len != 0);
        unit = pieces > SIZE_MAX / loop->max_len ? unit : pieces * loop->max_len;
    }
    return unit;
}

PKN_INTERNAL void pkn_loop_view_of(const pkn_loop *loop, pkn_loop_view *view) {
    size_t items = loop->end - loop->begin;
    view->body = loop->body;
    view->ctx = loop->ctx;
    view->begin = loop->begin;
    view->end = loop->end;
    view->unit = pkn_loop_unit(loop);
    view->units = (uint32_t)(items / view->unit + (items % view->unit != 0));
    view->extras = loop->extras;
    view->root = pkn_root(loop->member);
    if (loop->max_len != 0 && view->unit <= loop->max_len) {
        loop->extras->max_len = loop->max_len / view->unit * view->unit; /* so that no short piece is left inside a claim */
    }
    double grain = loop->item_ns > 0 ? PKN_CLAIM_NS / (loop->item_ns * (double)view->unit) : 1.0;
    view->grain = grain < 1.0 ? 1u : grain > PKN_LOOP_MAX_UNITS ? PKN_LOOP_MAX_UNITS : (uint32_t)grain;
}

/* The owner's part is larger by what a hand-over costs, so that all end together. */
PKN_INTERNAL uint32_t pkn_loop_owner_units(const pkn_loop *loop, const pkn_loop_view *view) {
    uint32_t threads = (uint32_t)loop->member->pool->num_threads;
    double handover = loop->item_ns > 0 ? PKN_HANDOVER_NS / (loop->item_ns * (double)view->unit) : 0.0;
    double units = ((double)view->units + (threads - 1) * handover) / threads;
    uint32_t whole = (uint32_t)(units + 0.999);
    return whole < 1 ? 1 : whole > view->units ? view->units : whole;
}

/* Writes the board; helpers may come from here on. */
PKN_INTERNAL void pkn_loop_publish(pkn_member *owner, const pkn_loop_view *view) {
    pkn_loop_board *board = &owner->board;
    if ((view->epoch & PKN_LOOP_REFRESH_MASK) == 0) {
        for (int i = 0; i < owner->pool->num_threads; i++) {
            pkn_atomic_store_relaxed_u64(&owner->slices[i].range, pkn_loop_pack(view->epoch - 1u, 0, 0));
            pkn_atomic_store_relaxed_u64(&owner->slices[i].done, pkn_loop_pack(view->epoch - 1u, 0, 0));
        }
        pkn_atomic_store_relaxed_u64(&owner->failure.lowest, pkn_loop_pack(view->epoch - 1u, 0, 0));
    }
    if (view->owner_units <= view->grain) {
        /* the owner's only claim, without a locked instruction */
        pkn_atomic_store_relaxed_u64(&owner->slices[0].range, pkn_loop_pack(view->epoch, view->owner_units, view->owner_units));
    }
    pkn_atomic_store_relaxed_size(&board->body, (size_t)view->body);
    pkn_atomic_store_relaxed_size(&board->ctx, (size_t)view->ctx);
    pkn_atomic_store_relaxed_size(&board->begin, view->begin);
    pkn_atomic_store_relaxed_size(&board->end, view->end);
    pkn_atomic_store_relaxed_size(&board->unit, view->unit);
    pkn_atomic_store_relaxed_size(&board->extras, (size_t)view->extras);
    pkn_atomic_store_relaxed_size(&board->root_and_grain, pkn_root(owner) | (size_t)view->grain << 16);
    /* release: a helper that reads this epoch sees the fields, and the slices' array */
    pkn_atomic_store_release_u64(&board->ticket, pkn_loop_pack(view->epoch, view->units, view->owner_units));
}

PKN_INTERNAL int pkn_loop_status(const pkn_loop_view *view, int lost) {
    if ((uint32_t)(pkn_atomic_load_relaxed_u64(&view->failure->lowest) >> 32) == view->epoch) {
        return view->failure->status;
    }
    return lost ? PKERN_ECANCELED : PKERN_OK;
}

/* The owner's side of a shared loop: what it ran, and in which time. */
typedef struct pkn_loop_own {
    uint32_t units;
    uint64_t since;  /* it has been working from this tick on */
    uint64_t worked; /* ticks before that */
} pkn_loop_own;

/* Waits until helpers have reported all other units, or for the time given. 1 where they have. */
PKN_INTERNAL int pkn_loop_await(const pkn_member *owner, const pkn_loop_view *view, pkn_loop_own *own, uint64_t ticks) {
    uint32_t threads = (uint32_t)owner->pool->num_threads;
    uint32_t units = view->units - own->units;
    uint64_t start = pkn_ticks();
    own->worked += start - own->since;
    do {
        if (pkn_loop_reported(owner->slices, threads, view->epoch) == units) {
            return 1;
        }
        pkn_cpu_relax();
        own->since = pkn_ticks();
    } while (own->since - start < ticks);
    return 0;
}

/* The owner's work on its own loop. The units that it didn't run are claimed by helpers by then. */
PKN_INTERNAL void pkn_loop_work_as_owner(const pkn_loop_view *view, pkn_member *owner, pkn_loop_own *own) {
    uint32_t threads = (uint32_t)owner->pool->num_threads;
    uint64_t take_ticks = (uint64_t)(PKN_LOOP_TAKE_NS * owner->pool->ticks_per_ns);
    uint64_t start = own->since;
    /* where one claim is enough, it was made before the board was published, see pkn_loop_publish */
    uint32_t first = 0, last = view->owner_units <= view->grain ? view->owner_units : 0;
    for (;;) {
        if (first != last) {
            pkn_loop_run_units(view, first, last);
            own->units += last - first;
            first = last;
        }
        own->units += pkn_loop_run_slice(view, owner->slices, 0, threads);
        if (pkn_loop_take_half(view, owner->slices, 0, threads, PKN_LOOP_FROM_ABSENT, &first, &last)) {
            continue;
        }
        if (pkn_loop_await(owner, view, own, take_ticks)) {
            return;
        }
        uint32_t least = pkn_loop_worth_taking(own->units, own->since - start, take_ticks);
        if (!pkn_loop_take_half(view, owner->slices, 0, threads, least, &first, &last) &&
            (pkn_loop_await(owner, view, own, take_ticks) ||
             !pkn_loop_take_half(view, owner->slices, 0, threads, 1, &first, &last))) {
            return;
        }
    }
}

PKN_INTERNAL int pkn_loop_run_shared(const pkn_loop *loop, pkn_loop_view *view, int wake, pkn_loop_own *own) {
    pkn_member *owner = loop->member;
    int lost = 0;
    view->epoch = ++owner->loop_epoch;
    view->owner_units = pkn_loop_owner_units(loop, view);
    view->failure = &owner->failure;
    owner->loop_active = 1;
    pkn_loop_publish(owner, view);
    if (wake != 0) {
        pkn_work_posted(owner->pool, pkn_root(owner), (uint32_t)wake);
    }
    own->since = pkn_ticks();
    pkn_loop_work_as_owner(view, owner, own);
    pkn_wait wait = {PKN_WAIT_LOOP, 0, 0, 0, 0, 0, 0};
    wait.epoch = view->epoch;
    wait.units = view->units - own->units;
    if (!pkn_wait_is_over(owner, &wait)) {
        lost = pkn_work_until(owner, &wait);
    }
    owner->loop_active = 0;
    return pkn_loop_status(view, lost);
}

/* 1 where the board can be used. */
PKN_INTERNAL int pkn_loop_board_is_free(pkn_member *member) {
    if (member->slices == 0 && !member->loop_active) {
        size_t bytes = (size_t)member->pool->num_threads * sizeof(pkn_loop_slice);
        member->slices = (pkn_loop_slice *)pkn_allocate(member->pool->allocator, bytes, PKN_CACHE_LINE);
        if (member->slices != 0) {
            memset((void *)member->slices, 0, bytes);
        }
    }
    return member->slices != 0 && !member->loop_active;
}

PKN_INTERNAL int pkn_loop_share(const pkn_loop *loop, int wake, pkn_loop_cost *cost) {
    pkn_loop_view view;
    pkn_loop_view_of(loop, &view);
    if (view.units < 2) {
        return pkn_loop_run_alone(loop, loop->begin, loop->end);
    }
    if (pkn_loop_board_is_free(loop->member)) {
        pkn_prefetch_to_write(&loop->member->board); /* spinning helpers have it */
        pkn_loop_own own = {0, 0, 0};
        pkn_member *owner = loop->member;
        int outer_mode = owner->tally.mode;
        uint64_t start = pkn_ticks();
        pkn_tally_become(&owner->tally, PKN_TALLY_BUSY, start);
        int status = pkn_loop_run_shared(loop, &view, wake, &own);
        uint64_t end = pkn_ticks();
        pkn_tally_become(&owner->tally, outer_mode, end);
        pkn_tally_add(&owner->tally, PKN_TALLY_LOOPS_SHARED, 1);
        if (PKN_UNLIKELY(owner->lane != 0)) {
            pkn_trace_record(owner, PKN_TRACE_LOOP, start, end, view.units, 0);
        }
        if (cost != 0 && status == 0) {
            pkn_loop_learn(cost, (double)own.worked / owner->pool->ticks_per_ns, own.units * view.unit);
        }
        return status;
    }
    pkn_failure failure = {{0}, {0}, 0};
    uint64_t start = cost != 0 ? pkn_ticks() : 0;
    view.epoch = 1;
    view.failure = &failure;
    uint32_t pieces = 8u * (uint32_t)loop->member->pool->num_threads;
    uint32_t grain = loop->item_ns > 0 || view.units <= pieces ? 1 : view.units / pieces;
    pkn_loop_split(&loop->member->fork, &view, 0, view.units, grain);
    int status = pkn_loop_status(&view, 0);
    if (cost != 0 && status == 0) {
        pkn_loop_learn(cost, (double)(pkn_ticks() - start) / loop->member->pool->ticks_per_ns, loop->end - loop->begin);
    }
    return status;
}

/* The length of the next piece of a loop that runs alone: whole pieces of max_len, so that none is short but the last. */
PKN_INLINE size_t pkn_loop_piece(const pkn_loop *loop, size_t wanted) {
    size_t left = loop->end - loop->begin;
    size_t piece = pkn_max_size(wanted, pkn_max_size(loop->min_len, 1));
    if (loop->max_len != 0 && piece > loop->max_len) {
        piece -= piece % loop->max_len;
    }
    return pkn_min_size(piece, left);
}

/* A body that was cheap when it last ran: alone, in growing pieces, as long as that stays true. */
PKN_INTERNAL int pkn_loop_run_watched(pkn_loop *loop, pkn_loop_cost *cost, int counted) {
    pkn_member *member = loop->member;
    size_t begin = loop->begin;
    size_t items = loop->end - begin;
    double unchecked = PKN_UNCHECKED_NS / (double)cost->item_ns;
    size_t wanted = unchecked >= (double)items ? items : (size_t)unchecked;
    uint64_t start = pkn_ticks();
    for (;;) {
        size_t piece = pkn_loop_piece(loop, wanted);
        int status = pkn_loop_run_alone(loop, loop->begin, loop->begin + piece);
        loop->begin += piece;
        uint64_t now = pkn_ticks();
        double passed_ns = (double)(now - start) / member->pool->ticks_per_ns;
        if (status != 0) {
            return status;
        }
        if (loop->begin == loop->end) {
            pkn_loop_learn(cost, passed_ns, items);
            loop->short_item_ns = (double)cost->item_ns;
            if (PKN_UNLIKELY(member->lane != 0)) {
                pkn_trace_record(member, PKN_TRACE_ALONE, start, now, 0, 0);
            }
            return PKERN_OK;
        }
        /* what the first lines cost that have left the caches says nothing about the rest */
        loop->item_ns = (passed_ns > PKN_WARM_UP_NS ? passed_ns - PKN_WARM_UP_NS : 0.0) / (double)(loop->begin - begin);
        double left_ns = loop->item_ns * (double)(loop->end - loop->begin);
        if (left_ns >= PKN_SHARE_NS) {
            if (passed_ns < PKN_SURPRISE_NS && left_ns >= PKN_WAKE_WORTH_NS) {
                left_ns = 0.99 * PKN_WAKE_WORTH_NS;
            }
            int wake = pkn_loop_verdict(member, left_ns, !counted);
            counted = 1;
            if (wake != PKN_LOOP_ALONE) {
                return pkn_loop_share(loop, wake, cost);
            }
        }
        wanted = piece > items / 4 ? items : 4 * piece;
    }
}

PKN_INTERNAL int pkn_loop_run_on(pkn_loop *loop, size_t key) {
    pkn_member *member = loop->member;
    if (member == 0 || member->pool->num_threads == 1) {
        return pkn_loop_run_alone(loop, loop->begin, loop->end);
    }
    pkn_loop_cost *cost = 0;
    if (!(loop->item_ns > 0)) {
        cost = pkn_loop_cost_of(member, key);
        loop->item_ns = (double)cost->item_ns;
    }
    double items = (double)(loop->end - loop->begin);
    double work_ns = loop->item_ns > 0 ? loop->item_ns * items : PKN_WAKE_WORTH_NS * items;
    int wake = items > 1 ? pkn_loop_verdict(member, work_ns, 1) : PKN_LOOP_ALONE;
    if (wake != PKN_LOOP_ALONE) {
        return pkn_loop_share(loop, wake, cost);
    }
    return cost != 0 ? pkn_loop_run_watched(loop, cost, work_ns >= PKN_SHARE_NS)
                     : pkn_loop_run_alone(loop, loop->begin, loop->end);
}

/* ---- the call ---- */

PKN_INTERNAL pkern_status pkn_loop_run_with_options(pkn_loop *loop, const pkern_par_options *options, size_t key) {
    pkn_loop_extras extras;
    memset(&extras, 0, sizeof extras);
    extras.max_len = options->max_len != 0 ? options->max_len : SIZE_MAX;
    extras.cancel = options->cancel;
    extras.progress = options->progress;
    extras.progress_user = options->progress_user;
    extras.total = loop->end - loop->begin;
    extras.reported_ns = options->progress != 0 ? pkn_now_ns() : 0;
    loop->extras = &extras;
    int status = pkn_loop_run_on(loop, key);
    if (status == 0 && pkn_atomic_load_relaxed_u32(&extras.stopped) != 0) {
        return PKERN_ECANCELED;
    }
    if (status == 0 && extras.progress != 0) {
        (void)extras.progress(extras.total, extras.total, extras.progress_user);
    }
    return status;
}

PKN_INTERNAL PKN_NOINLINE pkern_status pkn_loop_run_in_pool(pkern_pool *pool, size_t begin, size_t end,
                                                            const pkern_par_options *options, pkern_range_fn body, void *ctx,
                                                            size_t key) {
    pkn_loop loop = {0, body, ctx, begin, end, 0, 0, 0, 0, 0};
    int plain = 1;
    if (options != 0) {
        if (options->max_len != 0 && options->min_len > options->max_len) {
            return PKERN_EINVAL;
        }
        loop.min_len = options->min_len;
        loop.max_len = options->max_len;
        loop.item_ns = options->item_cost_ns > 0 ? options->item_cost_ns : 0;
        plain = options->cancel == 0 && options->progress == 0 && options->max_len == 0;
    }
    if (begin == end) {
        return PKERN_OK;
    }
    pkn_entry entry;
    loop.member = pkn_enter(pool, &entry);
    int status;
    if (options == 0) {
        status = pkn_loop_run_on(&loop, key);
        if (loop.short_item_ns > 0 && entry.outer == 0) {
            pkn_loop_remember_short(pool, key, loop.short_item_ns, loop.member->pool->ticks_per_ns);
        }
    } else {
        status = plain ? pkn_loop_run_on(&loop, key) : pkn_loop_run_with_options(&loop, options, key);
    }
    pkn_leave(&entry);
    return status;
}

/* body over [begin, end) in pieces; see pkern_par_for. key names the user's code for what is remembered of its cost. */
PKN_INTERNAL pkern_status pkn_loop_run_keyed(pkern_pool *pool, size_t begin, size_t end, const pkern_par_options *options,
                                                     pkern_range_fn body, void *ctx, size_t key) {
    if (body == 0 || begin > end) {
        return PKERN_EINVAL;
    }
    if (options == 0 && begin != end && pkn_loop_is_short(&pkn_this_thread, pool, end - begin, key)) {
        return pkn_loop_run_short(&pkn_this_thread, pool, begin, end, body, ctx);
    }
    return pkn_loop_run_in_pool(pool, begin, end, options, body, ctx, key);
}

PKN_INTERNAL pkern_status pkn_loop_run(pkern_pool *pool, size_t begin, size_t end, const pkern_par_options *options,
                                       pkern_range_fn body, void *ctx) {
    return pkn_loop_run_keyed(pool, begin, end, options, body, ctx, (size_t)body);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/blocking.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Calls that wait for something outside of the pool. */
#ifndef PKN_POOL_BLOCKING_C
#define PKN_POOL_BLOCKING_C

/* ==== src/pool/spare.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Spare threads: for each thread of the pool that is inside pkern_blocking one more works, up to the config's max_spares.

   A spare is a member behind the workers, among the guests, that takes any work. It takes no part in broadcasts and in flat loops, which
   number their threads, and what it spawns goes to the injector. Two counts, changed under the pool's lock, say how many there should
   be: `blocked`, members inside pkern_blocking, and `spares_working`, spares that don't rest. Who begins to block calls
   one that rests, or makes one, where spares_working < blocked. Who ends lowers `blocked`, and nothing else: a spare that finds, between
   two pieces of work, that spares_working > blocked, looks again under the lock and rests, on a word of its own, so that no poster wakes it in
   vain. One that sleeps for lack of work stays asleep and counts as working, so blocking in a loop beside an idle pool costs the lock only.

   The end of the pool: the workers end as ever; who of them is inside pkern_blocking still has its spare. When all have been joined, spares
   rest as soon as nothing is queued and none of them is blocked; when all rest, they end. Where a spare broadcasts then it stands in for the
   workers. */
#ifndef PKN_POOL_SPARE_H
#define PKN_POOL_SPARE_H

/* ==== src/pool/worker.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A worker thread's life. */
#ifndef PKN_POOL_WORKER_H
#define PKN_POOL_WORKER_H

/* #include "pool/guest.h": above */
/* ==== src/pool/distance.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Where the CPUs of pinned workers lie, so that a thief looks at its neighbours first: those with the same last cache, then those of the
   same memory node, then the others. Only where the workers are pinned and differ; guests count as near, since nobody knows where
   they run and most work begins with them. */
#ifndef PKN_POOL_DISTANCE_H
#define PKN_POOL_DISTANCE_H

/* ==== src/pool/topology.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How many CPUs this process may use: the smaller of the affinity mask and the cgroup's quota. */
#ifndef PKN_POOL_TOPOLOGY_H
#define PKN_POOL_TOPOLOGY_H

/* #include "pool/member.h": above */
/* #include "base/bits.h": above */

/* A decimal number at *text, which is moved behind it. 1 where there is one that fits. */
PKN_INTERNAL int pkn_parse_number(const char **text, uint64_t *number) {
    const char *at = *text;
    uint64_t value = 0;
    if (*at < '0' || *at > '9') {
        return 0;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (UINT64_MAX - 9) / 10) {
            return 0;
        }
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *text = at;
    *number = value;
    return 1;
}

/* CPUs that "quota period" (cgroup v2's cpu.max, in us) allows, rounded up; 0 for no limit or text that means nothing. */
PKN_INTERNAL int pkn_cpus_of_quota(const char *text) {
    uint64_t quota, period;
    if (!pkn_parse_number(&text, &quota) || (*text != ' ' && *text != '\n')) {
        return 0;
    }
    text++;
    if (!pkn_parse_number(&text, &period) || period == 0 || quota == 0) {
        return 0;
    }
    uint64_t cpus = quota / period + (quota % period != 0);
    return cpus > PKERN_MAX_THREADS ? PKERN_MAX_THREADS : (int)cpus;
}

/* The threads that the environment asks for; 0 where it says nothing usable. */
PKN_INTERNAL int pkn_threads_of_text(const char *text) {
    uint64_t number;
    if (text == 0 || !pkn_parse_number(&text, &number) || *text != 0 || number > PKERN_MAX_THREADS) {
        return 0;
    }
    return (int)number;
}

#if PKN_LINUX && PKN_THREADS

/* Reads a small file as text; 0 where that fails. */
PKN_INTERNAL size_t pkn_read_text(const char *path, char *text, size_t size) {
    size_t length = 0;
    int cancellation = pkn_hold_cancellation();
    FILE *file = fopen(path, "re");
    if (file != 0) {
        length = fread(text, 1, size - 1, file);
        fclose(file);
        text[length] = 0;
    }
    pkn_allow_cancellation(cancellation);
    return length;
}

/* folder/name, read; 0 where it doesn't fit or isn't there */
PKN_INTERNAL size_t pkn_read_in_folder(const char *folder, size_t folder_length, const char *name, char *text, size_t size) {
    char path[1024];
    size_t name_length = strlen(name);
    if (folder_length + name_length + 1 > sizeof path) {
        return 0;
    }
    memcpy(path, folder, folder_length);
    memcpy(path + folder_length, name, name_length + 1);
    return pkn_read_text(path, text, size);
}

/* The tightest quota of a cgroup folder and its parents, up to the root of length root_length. 0 for none. */
PKN_INTERNAL int pkn_cpus_of_cgroup(char *folder, size_t root_length) {
    char quota[64];
    char period[32]; /* both fit in quota */
    int least = 0;
    for (size_t length = strlen(folder); length >= root_length; length--) {
        if (length != root_length && folder[length] != '/' && folder[length] != 0) {
            continue;
        }
        folder[length] = 0;
        int cpus = 0;
        if (pkn_read_in_folder(folder, length, "/cpu.max", quota, sizeof quota) != 0) {
            cpus = pkn_cpus_of_quota(quota);
        } else if (pkn_read_in_folder(folder, length, "/cpu.cfs_quota_us", quota, 32) != 0 &&
                   pkn_read_in_folder(folder, length, "/cpu.cfs_period_us", period, 32) != 0) {
            size_t end = strcspn(quota, "\n");
            quota[end] = ' ';
            memcpy(quota + end + 1, period, strlen(period) + 1);
            cpus = pkn_cpus_of_quota(quota);
        }
        if (cpus != 0 && (least == 0 || cpus < least)) {
            least = cpus;
        }
    }
    return least;
}

/* The quota that the lines of /proc/self/cgroup lead to below mount_root (normally /sys/fs/cgroup). 0 for none. */
PKN_INTERNAL int pkn_cpus_of_cgroups(const char *lines, const char *mount_root) {
    int least = 0;
    while (*lines != 0) {
        size_t length = strcspn(lines, "\n");
        const char *first_colon = (const char *)memchr(lines, ':', length);
        const char *second_colon =
            first_colon == 0 ? 0 : (const char *)memchr(first_colon + 1, ':', (size_t)(lines + length - first_colon - 1));
        if (second_colon != 0) {
            size_t names = (size_t)(second_colon - first_colon - 1);
            /* v2 has no names; v1's cpu controller is mounted as "cpu", alone or with cpuacct */
            const char *folders[3] = {"", "/cpu", "/cpu,cpuacct"};
            int is_cpu = 0;
            for (size_t i = 0; i + 3 <= names; i++) {
                is_cpu |= strncmp(first_colon + 1 + i, "cpu", 3) == 0 && (i == 0 || first_colon[i] == ',') &&
                          (i + 3 == names || first_colon[i + 4] == ',');
            }
            for (int i = names == 0 ? 0 : 1; i < (names == 0 ? 1 : is_cpu ? 3 : 0); i++) {
                char folder[768];
                size_t root = strlen(mount_root) + strlen(folders[i]);
                size_t path = (size_t)(lines + length - second_colon - 1);
                if (root + path + 1 < sizeof folder) {
                    memcpy(folder, mount_root, strlen(mount_root));
                    memcpy(folder + strlen(mount_root), folders[i], strlen(folders[i]));
                    memcpy(folder + root, second_colon + 1, path);
                    folder[root + path] = 0;
                    int cpus = pkn_cpus_of_cgroup(folder, root);
                    if (cpus != 0 && (least == 0 || cpus < least)) {
                        least = cpus;
                    }
                }
            }
        }
        lines += length + (lines[length] != 0);
    }
    return least;
}

#define PKN_CPU_MASK_WORDS 128

/* The CPUs of the affinity mask, as a bit set; their number, 0 where the system doesn't say. */
PKN_INTERNAL int pkn_affinity(unsigned long mask[PKN_CPU_MASK_WORDS]) {
    memset(mask, 0, PKN_CPU_MASK_WORDS * sizeof mask[0]);
    size_t bytes = pkn_thread_get_affinity(mask, PKN_CPU_MASK_WORDS * sizeof mask[0]);
    int cpus = 0;
    for (size_t i = 0; i < bytes / sizeof mask[0]; i++) {
        cpus += (int)pkn_popcount_u64(mask[i]);
    }
    return cpus;
}

/* The n-th CPU of the affinity mask, counted round; -1 where the system doesn't say. */
PKN_INTERNAL int pkn_nth_cpu(int n) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    int cpus = pkn_affinity(mask);
    int left = cpus == 0 ? 0 : n % cpus;
    for (size_t bit = 0; cpus != 0 && bit < 8 * sizeof mask; bit++) {
        unsigned long word = mask[bit / (8 * sizeof mask[0])];
        if ((word >> bit % (8 * sizeof mask[0]) & 1u) != 0 && left-- == 0) {
            return (int)bit;
        }
    }
    return -1;
}

/* Keeps the calling thread on that CPU. */
PKN_INTERNAL void pkn_pin_this_thread(int n) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    int cpu = pkn_nth_cpu(n);
    if (cpu >= 0) {
        size_t bit = (size_t)cpu;
        memset(mask, 0, sizeof mask);
        mask[bit / (8 * sizeof mask[0])] = 1ul << bit % (8 * sizeof mask[0]);
        pkn_thread_set_affinity(mask, sizeof mask);
    }
}

PKN_INTERNAL int pkn_usable_cpus(void) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    char lines[2048];
    int cpus = pkn_affinity(mask);
    int quota = 0;
    if (pkn_read_text("/proc/self/cgroup", lines, sizeof lines) != 0) {
        quota = pkn_cpus_of_cgroups(lines, "/sys/fs/cgroup");
    }
    if (cpus == 0) {
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    }
    if (quota != 0 && quota < cpus) {
        cpus = quota;
    }
    return cpus < 1 ? 1 : cpus > PKERN_MAX_THREADS ? PKERN_MAX_THREADS : cpus;
}

#else

PKN_INTERNAL void pkn_pin_this_thread(int n) {
    PKN_UNUSED(n);
}

PKN_INTERNAL int pkn_usable_cpus(void) {
#if PKN_THREADS && defined(_SC_NPROCESSORS_ONLN)
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > PKERN_MAX_THREADS ? PKERN_MAX_THREADS : (int)cpus;
#else
    return 1;
#endif
}

#endif

#endif
/* ==== src/pool/distance.h, continued ==== */

/* Where the system tells of CPUs; tests have a folder of their own. */
#ifndef PKN_SYSTEM_DEVICES
#define PKN_SYSTEM_DEVICES "/sys/devices/system"
#endif

#if PKN_LINUX && PKN_THREADS

/* 1 where a list such as "0-3,8" names the CPU; *first is the first one named. */
PKN_INTERNAL int pkn_cpu_list_has(const char *text, uint64_t cpu, int *first) {
    uint64_t low, high;
    int is_named = 0, is_first = 1;
    while (pkn_parse_number(&text, &low)) {
        high = low;
        if (*text == '-') {
            text++;
            if (!pkn_parse_number(&text, &high)) {
                break;
            }
        }
        *first = is_first ? (int)low : *first;
        is_first = 0;
        is_named |= low <= cpu && cpu <= high;
        if (*text++ != ',') {
            break;
        }
    }
    return is_named;
}

/* The place of a CPU by the files below root. What they don't say is 1. */
PKN_INTERNAL pkn_cpu_place pkn_place_of_cpu(const char *root, int cpu) {
    pkn_cpu_place place = {1, 1};
    char name[96], list[512];
    int first = 0, found = 0;
    for (int i = 5; i >= 0 && !found; i--) {
        (void)snprintf(name, sizeof name, "/cpu/cpu%d/cache/index%d/shared_cpu_list", cpu, i);
        found = pkn_read_in_folder(root, strlen(root), name, list, sizeof list) != 0 &&
                pkn_cpu_list_has(list, (uint64_t)cpu, &first);
    }
    place.cache = found ? first + 1 : 1;
    found = 0;
    for (int i = 0; i < 64 && !found; i++) {
        (void)snprintf(name, sizeof name, "/node/node%d/cpulist", i);
        found = pkn_read_in_folder(root, strlen(root), name, list, sizeof list) != 0 &&
                pkn_cpu_list_has(list, (uint64_t)cpu, &first);
        place.node = found ? i + 1 : 1;
    }
    return place;
}

/* Before the workers look for work. Reads a few small files for each. */
PKN_INTERNAL void pkn_place_workers(pkern_pool *pool, int workers, const char *root) {
    for (int i = 0; i < workers; i++) {
        int cpu = pkn_nth_cpu(i + 1);
        pkn_member *member = pkn_member_at(pool, (uint32_t)i);
        if (cpu >= 0) {
            member->place = pkn_place_of_cpu(root, cpu);
        }
        pool->is_spread |= pkn_distance(member, pkn_member_at(pool, 0)) != 0;
    }
}

#else

PKN_INTERNAL void pkn_place_workers(pkern_pool *pool, int workers, const char *root) {
    PKN_UNUSED(pool);
    PKN_UNUSED(workers);
    PKN_UNUSED(root);
}

#endif

#endif
/* ==== src/pool/worker.h, continued ==== */

#if PKN_THREADS

/* prefix-index, at most 15 characters, the index kept whole */
PKN_INTERNAL void pkn_worker_name(const char *prefix, int index, char name[16]) {
    char digits[12];
    size_t count = 0;
    size_t length = 0;
    do {
        digits[count++] = (char)('0' + index % 10);
        index /= 10;
    } while (index != 0);
    while (prefix[length] != 0 && length + count + 1 < 15) {
        name[length] = prefix[length];
        length++;
    }
    name[length++] = '-';
    while (count != 0) {
        name[length++] = digits[--count];
    }
    name[length] = 0;
}

/* 1 where this worker may end: no broadcast waits for it, and later ones will know that it is gone; and no job came from outside between
   its last search and its look at stopping. */
PKN_INTERNAL int pkn_worker_ends(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    self->ended = self->seen_broadcast == pkn_atomic_load_relaxed_u32(&pool->board.number) && pkn_queues_are_empty(pool);
    pkn_mutex_unlock(&pool->lock);
    return self->ended;
}

PKN_INTERNAL int pkn_spare_ends(pkn_member *self);

PKN_INTERNAL void pkn_worker_run(void *argument) {
    pkn_member *self = (pkn_member *)argument;
    pkern_pool *pool = self->pool;
    pkn_wait wait = {PKN_WAIT_WORK, 0, 0, 0, 0, 0, 0};
    /* a thread that the user made may have been in another pool before, and be again */
    pkn_member *outer = pkn_current();
    pkn_member *outer_worker = pkn_this_thread.worker;
    self->next_membership = pkn_this_thread.memberships;
    int cancellation = pkn_hold_cancellation();
    pkn_this_thread.memberships = self;
    pkn_this_thread.worker = self;
    pkn_set_current(self);
    if ((pool->flags & PKERN_POOL_PIN) != 0 && self->is_worker) {
        pkn_pin_this_thread(self->index + 1);
    }
    /* the creator holds this lock until the pool is complete */
    pkn_mutex_lock(&pool->starting);
    pkn_mutex_unlock(&pool->starting);
    if (pool->on_thread_start != 0) {
        pool->on_thread_start(self->index, pool->user);
    }
    while (pkn_work_until(self, &wait) == 0 && !(self->is_spare ? pkn_spare_ends(self) : pkn_worker_ends(self))) {
    }
    if (pool->on_thread_exit != 0) {
        pool->on_thread_exit(self->index, pool->user);
    }
    pkn_this_thread.memberships = self->next_membership;
    pkn_this_thread.worker = outer_worker;
    pkn_set_current(outer);
    pkn_allow_cancellation(cancellation);
}

PKN_INTERNAL void *pkn_worker_main(void *argument) {
    const pkn_member *self = (const pkn_member *)argument;
    char name[16];
    pkn_worker_name(self->pool->name, self->index, name);
    pkn_thread_set_name(name);
    pkn_worker_run(argument);
    return 0;
}

/* 0, or nonzero where there is no further thread. */
PKN_INTERNAL int pkn_start_worker(pkn_member *worker) {
    pkern_pool *pool = worker->pool;
    if (pool->start_thread == 0) {
        return pkn_thread_create(&worker->thread, pool->stack_size, pkn_worker_main, worker);
    }
    char name[16];
    pkn_worker_name(pool->name, worker->index, name);
    pkern_thread_start start = {pkn_worker_run, 0, 0, 0, 0};
    start.argument = worker;
    start.name = name;
    start.stack_size = pool->stack_size;
    start.index = worker->index;
    return pool->start_thread(&start, pool->user);
}

PKN_INTERNAL void pkn_join_worker(const pkn_member *worker) {
    pkern_pool *pool = worker->pool;
    if (pool->join_thread == 0) {
        pkn_thread_join(worker->thread);
    } else {
        pool->join_thread(worker->index, pool->user);
    }
}

#endif

#endif
/* ==== src/pool/spare.h, continued ==== */

#if PKN_THREADS

/* Rests where this spare is one too many, until it is called again. 1 where it is to end. */
PKN_INTERNAL int pkn_spare_ends(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    int rests = pkn_spare_may_rest(pool);
    if (rests) {
        pkn_atomic_store_relaxed_u32(&pool->spares_working, pkn_atomic_load_relaxed_u32(&pool->spares_working) - 1u);
        pkn_atomic_store_relaxed_u32(&self->guest_state, PKN_GUEST_RESTING);
    }
    pkn_mutex_unlock(&pool->lock);
    if (rests) {
        pkn_sleep_on(self, &self->guest_state, PKN_GUEST_RESTING, 0);
    }
    return pkn_atomic_load_relaxed_u32(&self->guest_state) == PKN_GUEST_CLOSED;
}

/* For a spare that rests. Nothing else is told by this: what it finds then it looks for as ever. */
PKN_INTERNAL void pkn_spare_call(pkn_member *spare, uint32_t state) {
    pkn_atomic_store_relaxed_u32(&spare->guest_state, state);
    pkn_wake_sleeper(&spare->sleeper, &spare->guest_state);
}

/* Under the lock. 0, or 1 where there is no memory, thread or slot. */
PKN_INTERNAL int pkn_spare_create(pkern_pool *pool) {
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    pkn_member *spare = pool->num_spares == pool->max_spares ? 0 : pkn_member_create(pool, (int)count, 0);
    if (spare == 0) {
        return 1;
    }
    spare->is_spare = 1;
    spare->entries = 1;
    pkn_atomic_store_relaxed_u32(&spare->guest_state, PKN_GUEST_SPARE);
    pkn_atomic_store_relaxed_ptr(&pool->members[count], spare);
    if (pkn_start_worker(spare) != 0) {
        pkn_member_destroy(spare);
        return 1;
    }
    pool->num_spares++;
    /* release: who sees the count sees the pointer and the member */
    pkn_atomic_store_release_u32(&pool->num_members, count + 1u);
    return 0;
}

/* Under the lock. 0, or 1 where none rests. */
PKN_INTERNAL int pkn_spare_call_any(const pkern_pool *pool) {
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    for (uint32_t i = pool->helpers; i < count; i++) {
        pkn_member *spare = pkn_member_at(pool, i);
        if (pkn_atomic_load_relaxed_u32(&spare->guest_state) == PKN_GUEST_RESTING) {
            pkn_spare_call(spare, PKN_GUEST_SPARE);
            return 0;
        }
    }
    return 1;
}

/* 1 where the member, which may be 0, blocks from now on; 0 where nothing is to be done. */
PKN_INTERNAL int pkn_blocking_begin(pkn_member *member) {
    if (member == 0 || member->pool->max_spares == 0 || member->is_blocking || pkn_is_orphan(member->pool)) {
        return 0;
    }
    pkern_pool *pool = member->pool;
    member->is_blocking = 1;
    pkn_join_expose_all(member); /* for the spare */
    pkn_mutex_lock(&pool->lock);
    uint32_t blocked = pkn_atomic_load_relaxed_u32(&pool->blocked) + 1u;
    uint32_t working = pkn_atomic_load_relaxed_u32(&pool->spares_working);
    pkn_atomic_store_relaxed_u32(&pool->blocked, blocked);
    if (working < blocked && (pkn_spare_call_any(pool) == 0 || pkn_spare_create(pool) == 0)) {
        pkn_atomic_store_relaxed_u32(&pool->spares_working, working + 1u);
    }
    pkn_mutex_unlock(&pool->lock);
    return 1;
}

PKN_INTERNAL void pkn_blocking_end(pkn_member *member) {
    pkern_pool *pool = member->pool;
    member->is_blocking = 0;
    if (!pkn_is_orphan(pool)) { /* in a forked child a thread that is gone may hold the lock */
        pkn_mutex_lock(&pool->lock);
        pkn_atomic_store_relaxed_u32(&pool->blocked, pkn_atomic_load_relaxed_u32(&pool->blocked) - 1u);
        pkn_mutex_unlock(&pool->lock);
    }
}

/* After the workers have ended. */
PKN_INTERNAL void pkn_end_spares(pkern_pool *pool) {
    pkn_mutex_lock(&pool->lock);
    while (pkn_atomic_load_relaxed_u32(&pool->spares_working) != 0) {
        uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
        pkn_mutex_unlock(&pool->lock);
        for (uint32_t i = pool->helpers; i < count; i++) {
            pkn_wake_member(pkn_member_at(pool, i));
        }
        pkn_nap();
        pkn_mutex_lock(&pool->lock);
    }
    pkn_mutex_unlock(&pool->lock);
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members); /* nobody is left who could make more */
    for (uint32_t i = pool->helpers; i < count; i++) {
        pkn_member *spare = pkn_member_at(pool, i);
        if (spare->is_spare) {
            pkn_spare_call(spare, PKN_GUEST_CLOSED);
            pkn_join_worker(spare);
        }
    }
}

#endif

#endif
/* ==== src/pool/blocking.c, continued ==== */

PKERN_API pkern_status pkern_blocking(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    if (fn == 0) {
        return PKERN_EINVAL;
    }
#if PKN_THREADS
    const pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *member = pool == 0 ? pkn_current() : pkn_membership(thread, pool);
    pkn_member *home = member != 0 ? member->home : 0;
    int blocks = pkn_blocking_begin(member);
    int blocks_at_home = pkn_blocking_begin(home);
    int status = fn(ctx);
    if (blocks_at_home) {
        pkn_blocking_end(home);
    }
    if (blocks) {
        pkn_blocking_end(member);
    }
    return status;
#else
    PKN_UNUSED(pool);
    return fn(ctx);
#endif
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/trace.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Writing the trace. The file is complete after each step: it is created as an array of one event, and whatever is added takes the
   place of the closing bracket. So pools may come and go and share a file, and what is there can be opened at any time.

   A process is recognised by its number, so a forked child knows that the traces it inherits are not its own. */
#ifndef PKN_POOL_TRACE_C
#define PKN_POOL_TRACE_C

/* #include "pool/trace.h": above */
/* #include "pool/guest.h": above */

struct pkn_trace {
    pkn_trace *next; /* of the process's traced pools, under pkn_trace_lock */
    pkern_pool *pool;
    long process;
    unsigned number; /* of the pool in the process */
    size_t bytes;
    char file[1];
};

typedef struct pkn_trace_kind {
    const char *name;
    const char *first, *second; /* what the event's numbers are, 0 for none */
} pkn_trace_kind;

static const pkn_trace_kind pkn_trace_kinds[PKN_TRACE_KINDS] = {
    {"stolen join", "from", 0},
    {"job", "from", 0},
    {"help", "owner", "units"},
    {"loop", "units", 0},
    {"loop, not shared", 0, 0},
    {"broadcast", 0, 0},
    {"wait", 0, 0},
    {"wait for join", 0, 0},
    {"wait for scope", 0, 0},
    {"wait for loop", 0, 0},
    {"wait for broadcast", 0, 0},
    {"wait for future", 0, 0},
    {"wait for idle", 0, 0},
    {"yield", 0, 0},
    {"sleep", 0, 0},
    {"call", 0, 0},
    {"wake", "slot", 0},
    {"announce broadcast", 0, 0},
};

static pkn_trace *pkn_traces;
static unsigned pkn_traced_pools;
static int pkn_trace_watches_exit;

/* Which files this process has created, by their names' hashes; where there are more, the oldest is forgotten and begun anew. */
#define PKN_TRACE_FILES 16u
static uint64_t pkn_trace_files[PKN_TRACE_FILES];
static unsigned pkn_trace_file_count;

/* ---- the file ---- */

PKN_INTERNAL uint64_t pkn_trace_hash(const char *file, long process) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)process;
    for (; *file != 0; file++) {
        hash = (hash ^ (unsigned char)*file) * UINT64_C(0x100000001b3);
    }
    return hash | 1u;
}

#define PKN_TRACE_END "\n]\n"

/* The file, positioned where the next event goes, after what stands before it was written; 0 where it can't be had. */
PKN_INTERNAL FILE *pkn_trace_open_file(const pkn_trace *trace) {
    uint64_t hash = pkn_trace_hash(trace->file, trace->process);
    for (unsigned i = 0; i < PKN_TRACE_FILES; i++) {
        FILE *known = pkn_trace_files[i] == hash ? fopen(trace->file, "rb+") : 0;
        char end[sizeof PKN_TRACE_END] = "";
        if (known != 0) {
            if (fseek(known, -(long)(sizeof end - 1), SEEK_END) == 0 && fread(end, 1, sizeof end - 1, known) == sizeof end - 1 &&
                strcmp(end, PKN_TRACE_END) == 0 && fseek(known, -(long)(sizeof end - 1), SEEK_END) == 0 &&
                fputs(",\n", known) >= 0) {
                return known;
            }
            fclose(known);
        }
    }
    FILE *made = fopen(trace->file, "wb");
    if (made != 0) {
        pkn_trace_files[pkn_trace_file_count++ % PKN_TRACE_FILES] = hash;
        if (fputs("[\n", made) < 0) {
            fclose(made);
            return 0;
        }
    }
    return made;
}

PKN_INTERNAL pkern_status pkn_trace_close_file(FILE *file) {
    int failed = fputs(PKN_TRACE_END, file) < 0;
    failed |= ferror(file);
    failed |= fclose(file);
    return failed ? PKERN_EIO : PKERN_OK;
}

/* As a part of a JSON string. */
PKN_INTERNAL void pkn_trace_put_text(FILE *file, const char *text) {
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', file);
        }
        fputc(*text >= ' ' && *text <= '~' ? *text : '?', file);
    }
}

/* ---- a pool's events ---- */

/* Ticks to nanoseconds, by two looks at both clocks. */
typedef struct pkn_trace_clock {
    uint64_t ticks, ns;
    double ns_per_tick;
} pkn_trace_clock;

PKN_INTERNAL uint64_t pkn_trace_ns(const pkn_trace_clock *clock, uint64_t ticks) {
    double passed = (double)(int64_t)(ticks - clock->ticks) * clock->ns_per_tick;
    return passed > 0 ? clock->ns + (uint64_t)passed : clock->ns;
}

PKN_INTERNAL void pkn_trace_put_time(FILE *file, const char *name, uint64_t ns) {
    fprintf(file, ",\"%s\":%llu.%03u", name, (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
}

/* A number of a slot, or -1. */
PKN_INTERNAL void pkn_trace_put_number(FILE *file, const char *name, uint32_t number) {
    if (number == UINT32_MAX) {
        fprintf(file, "\"%s\":-1", name);
    } else {
        fprintf(file, "\"%s\":%lu", name, (unsigned long)number);
    }
}

PKN_INTERNAL void pkn_trace_put_event(FILE *file, const pkn_trace *trace, int slot, const pkn_trace_event *event,
                                      const pkn_trace_clock *clock) {
    const pkn_trace_kind *kind = &pkn_trace_kinds[event->kind];
    int is_instant = event->kind >= PKN_TRACE_WAKE;
    uint64_t start = pkn_trace_ns(clock, event->start);
    fprintf(file, ",\n{\"name\":\"%s\",\"cat\":\"pkern\",\"ph\":\"%s\",\"pid\":%u,\"tid\":%d", kind->name,
            is_instant ? "i\",\"s\":\"t" : "X", trace->number, slot);
    pkn_trace_put_time(file, "ts", start);
    if (!is_instant) {
        pkn_trace_put_time(file, "dur", pkn_trace_ns(clock, event->end) - start);
    }
    if (kind->first != 0) {
        fputs(",\"args\":{", file);
        pkn_trace_put_number(file, kind->first, event->first);
        if (kind->second != 0) {
            fputc(',', file);
            pkn_trace_put_number(file, kind->second, event->second);
        }
        fputc('}', file);
    }
    fputc('}', file);
}

/* The name of a slot's lane, its events, and how many are missing. */
PKN_INTERNAL void pkn_trace_put_lane(FILE *file, const pkn_trace *trace, const pkn_member *member, const pkn_trace_clock *clock) {
    pkn_trace_lane *lane = member->lane;
    const char *prefix = member->is_worker ? trace->pool->name : member->is_spare ? "spare" : "caller";
    int number = member->is_worker ? member->index : member->index - trace->pool->num_threads + 1;
    uint64_t count = pkn_count_read_published(&lane->recorded);
    uint64_t dropped = pkn_count_read(&lane->dropped);
    uint64_t last = clock->ns;
    fprintf(file, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%d,\"args\":{\"name\":\"", trace->number, member->index);
    pkn_trace_put_text(file, prefix);
    fprintf(file, "-%d\"}}", number);
    for (uint64_t i = 0; i < count; i++) {
        const pkn_trace_event *block =
            (const pkn_trace_event *)pkn_atomic_load_relaxed_ptr(&lane->block[i / PKN_TRACE_BLOCK]);
        const pkn_trace_event *event = &block[i % PKN_TRACE_BLOCK];
        last = pkn_trace_ns(clock, event->end);
        pkn_trace_put_event(file, trace, member->index, event, clock);
    }
    if (dropped != 0) {
        fprintf(file, ",\n{\"name\":\"events dropped\",\"cat\":\"pkern\",\"ph\":\"i\",\"s\":\"t\",\"pid\":%u,\"tid\":%d", trace->number,
                member->index);
        pkn_trace_put_time(file, "ts", last);
        fprintf(file, ",\"args\":{\"count\":%llu}}", (unsigned long long)dropped);
    }
}

/* Under pkn_trace_lock. The pool's threads may go on. */
PKN_INTERNAL void pkn_trace_write(const pkn_trace *trace) {
    const pkern_pool *pool = trace->pool;
    uint64_t now_ticks = pkn_ticks();
    pkn_trace_clock clock;
    clock.ticks = pool->created_ticks;
    clock.ns = pool->id;
    clock.ns_per_tick = now_ticks == clock.ticks ? 1.0 : (double)(pkn_now_ns() - clock.ns) / (double)(now_ticks - clock.ticks);
    FILE *file = pkn_trace_open_file(trace);
    if (file == 0) {
        return;
    }
    fprintf(file, "{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":%u,\"tid\":0,\"args\":{\"sort_index\":%u}}", trace->number,
            trace->number);
    /* acquire: pairs with the creation of a guest's slot */
    uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        const pkn_member *member = pkn_member_at(pool, i);
        if (member->lane != 0) {
            pkn_trace_put_lane(file, trace, member, &clock);
        }
    }
    (void)pkn_trace_close_file(file);
}

/* ---- begin and end ---- */

/* The name with %p replaced, and the process's number behind it in a forked child that shows no other difference. */
PKN_INTERNAL void pkn_trace_expand(const char *name, long process, char *file) {
    int has_number = 0;
    for (; *name != 0; name++) {
        if (name[0] == '%' && name[1] == 'p') {
            file += sprintf(file, "%ld", process);
            has_number = 1;
            name++;
        } else {
            *file++ = *name;
        }
    }
    *file = 0;
    if (!has_number && pkn_atomic_load_relaxed_u32(&pkn_fork_generation) != 0) {
        (void)sprintf(file, ".%ld", process);
    }
}

PKN_INTERNAL void pkn_trace_at_exit(void) {
    int kept_errno = errno;
    pkn_mutex_lock(&pkn_trace_lock);
    for (const pkn_trace *trace = pkn_traces; trace != 0; trace = trace->next) {
        if (trace->process == pkn_process_number()) {
            pkn_trace_write(trace);
        }
    }
    pkn_traces = 0;
    pkn_mutex_unlock(&pkn_trace_lock);
    errno = kept_errno;
}

/* Creates the file, or adds the pool's name to it. */
PKN_INTERNAL pkern_status pkn_trace_begin(pkn_trace *trace) {
    FILE *file = pkn_trace_open_file(trace);
    if (file == 0) {
        return PKERN_EIO;
    }
    fprintf(file, "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":0,\"args\":{\"name\":\"pool %u, ", trace->number,
            trace->number);
    pkn_trace_put_text(file, trace->pool->name);
    fprintf(file, ", process %ld\"}}", trace->process);
    return pkn_trace_close_file(file);
}

/* Before the pool has members. */
PKN_INTERNAL pkern_status pkn_trace_open(pkern_pool *pool, const char *name) {
    name = name != 0 ? name : getenv("PKERN_TRACE");
    if (name == 0 || *name == 0) {
        return PKERN_OK;
    }
    int kept_errno = errno;
    /* each "%p" may become 20 digits */
    size_t bytes = sizeof(pkn_trace) + 10 * strlen(name) + 24;
    pkn_trace *trace = (pkn_trace *)pkn_allocate(pool->allocator, bytes, sizeof(void *));
    if (trace == 0) {
        return PKERN_ENOMEM;
    }
    trace->pool = pool;
    trace->process = pkn_process_number();
    trace->bytes = bytes;
    pkn_trace_expand(name, trace->process, trace->file);
    pkn_mutex_lock(&pkn_trace_lock);
    trace->number = ++pkn_traced_pools;
    pkern_status status = pkn_trace_begin(trace);
    if (status == PKERN_OK && !pkn_trace_watches_exit) {
        pkn_trace_watches_exit = atexit(pkn_trace_at_exit) == 0;
    }
    if (status == PKERN_OK) {
        trace->next = pkn_traces;
        pkn_traces = trace;
        pool->trace = trace;
    }
    pkn_mutex_unlock(&pkn_trace_lock);
    if (status != PKERN_OK) {
        pkn_release(pool->allocator, trace, bytes);
    }
    errno = kept_errno;
    return status;
}

/* The pool's threads are gone; its members are not. */
PKN_INTERNAL void pkn_trace_close(pkern_pool *pool) {
    pkn_trace *trace = pool->trace;
    if (trace == 0) {
        return;
    }
    int kept_errno = errno;
    pkn_mutex_lock(&pkn_trace_lock);
    pkn_trace **link = &pkn_traces;
    while (*link != 0 && *link != trace) {
        link = &(*link)->next;
    }
    if (*link != 0) {
        *link = trace->next;
        if (trace->process == pkn_process_number()) {
            pkn_trace_write(trace);
        }
    }
    pkn_mutex_unlock(&pkn_trace_lock);
    pkn_release(pool->allocator, trace, trace->bytes);
    errno = kept_errno;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/pool.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Making and ending pools, the global pool, and what a pool tells of itself. */
#ifndef PKN_POOL_POOL_C
#define PKN_POOL_POOL_C

/* #include "pool/spare.h": above */

#define PKN_DEFAULT_SPIN_NS 50000
#define PKN_STACK_PER_DEPTH 16384u
#define PKN_MAX_DEPTH 64u
#define PKN_MAX_SPARES 256

/* ---- create ---- */

PKN_INTERNAL int pkn_threads_wanted(const pkern_pool_config *config, int usable_cpus) {
    int threads = config->num_threads;
    threads = threads != 0 ? threads : pkn_threads_of_text(getenv("PKERN_NUM_THREADS"));
    threads = threads != 0 ? threads : PKERN_NUM_THREADS;
    return threads > 0 ? threads : usable_cpus;
}

PKN_INTERNAL int pkn_config_is_valid(const pkern_pool_config *config) {
    const pkern_allocator *allocator = config->allocator;
    return config->num_threads >= 0 && config->num_threads <= PKERN_MAX_THREADS &&
           (allocator == 0 || (allocator->allocate != 0) == (allocator->release != 0)) &&
           config->max_spares >= 0 && config->max_spares <= PKN_MAX_SPARES &&
           (config->start_thread != 0) == (config->join_thread != 0) &&
           (config->flags & ~(unsigned)(PKERN_POOL_ALL_THREADS | PKERN_POOL_PIN | PKERN_POOL_USE_CURRENT_THREAD)) == 0;
}

/* Frees everything but running threads. */
PKN_INTERNAL void pkn_pool_free(pkern_pool *pool) {
    pkn_trace_close(pool);
    pkern_allocator storage = pool->allocator_storage;
    const pkern_allocator *allocator = pool->allocator != 0 ? &storage : 0;
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member_destroy(pkn_member_at(pool, i));
    }
    pkn_release(allocator, pool->injected.jobs, pool->injected.capacity * sizeof(pkn_job));
    pkn_release(allocator, pool->urgent.jobs, pool->urgent.capacity * sizeof(pkn_job));
    pkn_release(allocator, pool->of_regions.jobs, pool->of_regions.capacity * sizeof(pkn_job));
    if (!pkn_is_orphan(pool)) {
        pkn_mutex_destroy(&pool->lock);
        pkn_mutex_destroy(&pool->starting);
    }
    pkn_release(allocator, pool, pool->bytes);
}

/* Workers 0, 1, ... until one can't be had. Returns their number. */
PKN_INTERNAL int pkn_start_workers(pkern_pool *pool, int wanted) {
    int started = 0;
#if PKN_THREADS
    while (started < wanted) {
        pkn_member *member = pkn_member_create(pool, started, 1);
        if (member == 0) {
            break;
        }
        member->entries = 1;
        pkn_atomic_store_relaxed_ptr(&pool->members[started], member);
        if (pkn_start_worker(member) != 0) {
            pkn_member_destroy(member);
            break;
        }
        started++;
    }
#else
    PKN_UNUSED(pool);
    PKN_UNUSED(wanted);
#endif
    return started;
}

PKN_INTERNAL void pkn_end_workers(pkern_pool *pool) {
#if PKN_THREADS
    pkn_atomic_store_relaxed_u32(&pool->stopping, 1);
    pkn_fence_seq_cst(); /* orders stopping before the look at parked; pairs with the fence in pkn_sleep */
    for (uint32_t i = 0; i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
    for (uint32_t i = 0; i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_join_worker(pkn_member_at(pool, i));
    }
    pkn_end_spares(pool);
#else
    PKN_UNUSED(pool);
#endif
}

/* The memory of a pool for `threads`, with its fields set; 0 without memory. */
PKN_INTERNAL pkern_pool *pkn_pool_allocate(const pkern_pool_config *config, int threads, int usable_cpus) {
    size_t slots = (size_t)threads - 1 + PKERN_MAX_GUESTS + (size_t)config->max_spares;
    size_t bytes = sizeof(pkern_pool) + slots * sizeof(pkn_atomic_ptr);
    pkern_pool *pool = (pkern_pool *)pkn_allocate(config->allocator, bytes, PKN_CACHE_LINE);
    if (pool == 0) {
        return 0;
    }
    memset((void *)pool, 0, bytes);
    pool->bytes = bytes;
    pool->members = (pkn_atomic_ptr *)(void *)(pool + 1);
    pool->num_slots = (int)slots;
    pool->flags = config->flags;
    pool->fork_generation = pkn_atomic_load_relaxed_u32(&pkn_fork_generation);
    if (config->allocator != 0 && config->allocator->allocate != 0) {
        pool->allocator_storage = *config->allocator;
        pool->allocator = &pool->allocator_storage;
    }
    pool->on_thread_start = config->on_thread_start;
    pool->on_thread_exit = config->on_thread_exit;
    pool->start_thread = config->start_thread;
    pool->join_thread = config->join_thread;
    pool->on_task_error = config->on_task_error;
    pool->user = config->user;
    pool->stack_size = config->stack_size;
    size_t stack = config->stack_size == 0 ? (size_t)PKN_STACK_PER_DEPTH * PKN_MAX_DEPTH : config->stack_size;
    pool->depth_limit = (uint32_t)pkn_max_size(2, pkn_min_size(stack / PKN_STACK_PER_DEPTH, PKN_MAX_DEPTH));
    const char *name = config->name != 0 ? config->name : "pkern";
    for (size_t i = 0; i + 1 < sizeof pool->name && name[i] != 0; i++) {
        pool->name[i] = name[i];
    }
    /* a spinning thread beyond the CPUs would take time from one that works */
    int64_t spin_ns = config->spin_ns != 0 ? config->spin_ns : PKN_DEFAULT_SPIN_NS;
    pool->spin_ticks = spin_ns < 0 || threads > usable_cpus ? 0 : (uint64_t)spin_ns;
    if (pkn_mutex_init(&pool->lock) != 0) {
        pkn_release(config->allocator, pool, bytes);
        return 0;
    }
    if (pkn_mutex_init(&pool->starting) != 0) {
        pkn_mutex_destroy(&pool->lock);
        pkn_release(config->allocator, pool, bytes);
        return 0;
    }
    return pool;
}

PKERN_API pkern_status pkern_pool_create(const pkern_pool_config *config, pkern_pool **pool) {
    pkern_pool_config defaults;
    memset(&defaults, 0, sizeof defaults);
    config = config != 0 ? config : &defaults;
    if (pool == 0) {
        return PKERN_EINVAL;
    }
    *pool = 0;
    int stays = (config->flags & PKERN_POOL_USE_CURRENT_THREAD) != 0;
    if (!pkn_config_is_valid(config) || (stays && pkn_settled_thread()->memberships != 0)) {
        return PKERN_EINVAL;
    }
    pkn_watch_fork();
    uint64_t start_ns = pkn_now_ns();
    uint64_t start_ticks = pkn_ticks();
    int kept_errno = errno;
    int usable_cpus = pkn_usable_cpus();
    errno = kept_errno;
    int threads = pkn_threads_wanted(config, usable_cpus);
    pkern_pool *made = pkn_pool_allocate(config, threads, usable_cpus);
    if (made == 0) {
        return PKERN_ENOMEM;
    }
    made->id = made->stats_since_ns = start_ns;
    made->created_ticks = start_ticks;
    made->trace_status = pkn_trace_open(made, config->trace);
    made->has_membarrier = threads > 1 && pkn_membarrier_init();
    pkn_mutex_lock(&made->starting);
    int started = pkn_start_workers(made, threads - 1);
    made->num_threads = started + 1;
    made->helpers = (uint32_t)started;
    made->max_spares = started != 0 ? (uint32_t)config->max_spares : 0;
    pkn_atomic_store_relaxed_u32(&made->num_members, (uint32_t)started); /* the workers wait for the lock */
    if ((config->flags & PKERN_POOL_PIN) != 0) {
        pkn_place_workers(made, started, PKN_SYSTEM_DEVICES);
        errno = kept_errno;
    }
    /* the start of the threads took long enough to compare the clocks; a pool without threads has no use for ticks */
    uint64_t passed_ns = pkn_now_ns() - start_ns;
    made->ticks_per_ns = passed_ns > 1000 ? (double)(pkn_ticks() - start_ticks) / (double)passed_ns : 1.0;
    made->spin_ticks = (uint64_t)((double)made->spin_ticks * made->ticks_per_ns);
    pkn_mutex_unlock(&made->starting);
    int misses = started + 1 < threads && (config->flags & PKERN_POOL_ALL_THREADS) != 0;
    if (misses || (stays && pkn_stay(made) != 0)) {
        pkn_end_workers(made);
        pkn_pool_free(made);
        return misses ? PKERN_ETHREAD : PKERN_ENOMEM;
    }
    *pool = made;
    return PKERN_OK;
}

/* ---- destroy ---- */

/* Closes every guest slot. 0, or 1 where one is in use: then all are as before. */
PKN_INTERNAL int pkn_close_guest_slots(pkern_pool *pool) {
    uint32_t first = (uint32_t)pool->num_threads - 1u;
    /* acquire: a spare may be made at this moment */
    uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
    for (uint32_t i = first; i < count; i++) {
        uint32_t free = PKN_GUEST_FREE;
        if (pkn_member_at(pool, i)->is_spare) {
            continue;
        }
        /* acquire: pairs with the release of a guest that leaves; the slot is freed after this */
        if (pkn_atomic_load_acquire_u32(&pkn_member_at(pool, i)->guest_state) == PKN_GUEST_KEPT) {
            continue;
        }
        if (!pkn_atomic_cas_relaxed_u32(&pkn_member_at(pool, i)->guest_state, &free, PKN_GUEST_CLOSED)) {
            while (i-- > first) {
                uint32_t closed = PKN_GUEST_CLOSED;
                (void)pkn_atomic_cas_relaxed_u32(&pkn_member_at(pool, i)->guest_state, &closed, PKN_GUEST_FREE);
            }
            return 1;
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_pool_destroy(pkern_pool *pool) {
    if (pool == 0 || pool->num_slots == 0) {
        return PKERN_OK;
    }
    pkn_member *own = pkn_membership(pkn_settled_thread(), pool);
    int stayed = own != 0 && own->stays && own->entries == 1 && pkn_join_end(own) == 0;
    if (stayed) {
        pkn_leave_for_good(own);
        pkn_set_current(0);
    }
    if (!pkn_is_orphan(pool)) {
        if ((own != 0 && !stayed) || pkn_close_guest_slots(pool) != 0) {
            if (stayed) {
                (void)pkn_stay(pool); /* in the slot that it keeps */
            }
            return PKERN_EDEADLK;
        }
        pkn_end_workers(pool);
    }
    pkn_pool_free(pool);
    return PKERN_OK;
}

/* ---- the global pool ---- */

static pkn_atomic_ptr pkn_global_pool;

/* Where no pool can be made: no slots, so that every call runs serially. */
static pkern_pool pkn_serial_pool;

PKN_INTERNAL pkern_status pkn_global_make(const pkern_pool_config *config, int is_init) {
    pkern_status status = PKERN_OK;
    pkern_pool *made = 0;
    pkn_watch_fork();
    pkn_mutex_lock(&pkn_global_lock);
    if (pkn_atomic_load_relaxed_ptr(&pkn_global_pool) != 0) {
        status = is_init ? PKERN_EINVAL : PKERN_OK;
    } else {
        status = pkern_pool_create(config, &made);
        if (status == PKERN_OK) {
            /* release: who reads the pointer sees the pool */
            pkn_atomic_store_release_ptr(&pkn_global_pool, made);
        }
    }
    pkn_mutex_unlock(&pkn_global_lock);
    return status;
}

PKERN_API pkern_pool *pkern_pool_global(void) {
    pkern_pool *pool = (pkern_pool *)pkn_atomic_load_acquire_ptr(&pkn_global_pool);
    if (PKN_UNLIKELY(pool == 0)) {
        (void)pkn_global_make(0, 0);
        pool = (pkern_pool *)pkn_atomic_load_relaxed_ptr(&pkn_global_pool); /* the lock has shown it */
    }
    return pool != 0 ? pool : &pkn_serial_pool;
}

PKERN_API pkern_status pkern_pool_global_init(const pkern_pool_config *config) {
    return pkn_global_make(config, 1);
}

PKERN_API pkern_status pkern_pool_global_shutdown(void) {
    pkn_mutex_lock(&pkn_global_lock);
    pkern_pool *pool = (pkern_pool *)pkn_atomic_load_relaxed_ptr(&pkn_global_pool);
    pkern_status status = pkern_pool_destroy(pool);
    if (status == PKERN_OK) {
        pkn_atomic_store_relaxed_ptr(&pkn_global_pool, 0);
    }
    pkn_mutex_unlock(&pkn_global_lock);
    return status;
}

/* ---- what a pool tells ---- */

PKERN_API int pkern_pool_num_threads(const pkern_pool *pool) {
    const pkern_pool *known = pkn_pool_of_call(pool);
    return known->num_slots == 0 ? 1 : known->num_threads;
}

PKERN_API int pkern_pool_num_slots(const pkern_pool *pool) {
    const pkern_pool *known = pkn_pool_of_call(pool);
    return known->num_slots == 0 ? 1 : known->num_slots;
}

PKERN_API int pkern_worker_index(const pkern_pool *pool) {
    const pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *member = thread->memberships == 0 ? 0 : pkn_membership(thread, pkn_pool_of_call(pool));
    return member == 0 ? -1 : member->index;
}

PKERN_API pkern_status pkern_pool_install(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    pkn_entry entry;
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    if (member != 0) {
        pkn_trace_call(member);
    }
    int status = fn(ctx);
    pkn_leave(&entry);
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/pool/stats.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Statistics: what the members counted, less what they had counted at the last reset. Nobody but a member writes its counts, so a
   reset keeps a copy of them, under the pool's lock, and a look subtracts it. */
#ifndef PKN_POOL_STATS_C
#define PKN_POOL_STATS_C

/* #include "pool/observe.h": above */
/* #include "pool/guest.h": above */

PKN_INTERNAL pkern_pool *pkn_given_or_current(pkern_pool *pool) {
    (void)pkn_settled_thread();
    return pool != 0 ? pool : pkn_current() != 0 ? pkn_current()->pool : pkern_pool_global();
}

/* Where there are no threads left but this one, one of those that are gone may hold the lock. */
PKN_INTERNAL void pkn_stats_lock(pkern_pool *pool) {
    if (!pkn_is_orphan(pool)) {
        pkn_mutex_lock(&pool->lock);
    }
}

PKN_INTERNAL void pkn_stats_unlock(pkern_pool *pool) {
    if (!pkn_is_orphan(pool)) {
        pkn_mutex_unlock(&pool->lock);
    }
}

/* Counts, then ticks on the watches. */
PKN_INTERNAL void pkn_stats_words(const pkn_member *member, uint64_t now, uint64_t *words) {
    for (int i = 0; i < PKN_TALLY_COUNTS; i++) {
        words[i] = pkn_count_read(&member->tally.count[i]);
    }
    for (int i = 0; i < PKN_TALLY_WATCHES; i++) {
        words[PKN_TALLY_COUNTS + i] = pkn_watch_read(&member->tally.watch[i], now);
    }
}

PKN_INTERNAL void pkn_stats_of_words(const uint64_t *words, double ticks_per_ns, pkern_slot_stats *stats) {
    const uint64_t *watch = words + PKN_TALLY_COUNTS;
    stats->jobs = words[PKN_TALLY_JOBS];
    stats->jobs_stolen = words[PKN_TALLY_JOBS_STOLEN];
    stats->jobs_injected = words[PKN_TALLY_JOBS_INJECTED];
    stats->joins_stolen = words[PKN_TALLY_JOINS_STOLEN];
    stats->steals_failed = words[PKN_TALLY_STEALS_FAILED];
    stats->steals_tried = stats->steals_failed + stats->jobs_stolen + stats->jobs_injected + stats->joins_stolen +
                          words[PKN_TALLY_LOOPS_HELPED];
    stats->spawns = words[PKN_TALLY_SPAWNS];
    stats->loops_shared = words[PKN_TALLY_LOOPS_SHARED];
    stats->loops_helped = words[PKN_TALLY_LOOPS_HELPED];
    stats->units_helped = words[PKN_TALLY_UNITS_HELPED];
    stats->broadcasts = words[PKN_TALLY_BROADCASTS];
    stats->sleeps = words[PKN_TALLY_SLEEPS];
    stats->wakes = words[PKN_TALLY_WAKES];
    stats->busy_ns = (uint64_t)((double)watch[PKN_TALLY_BUSY] / ticks_per_ns);
    stats->idle_ns = (uint64_t)((double)watch[PKN_TALLY_IDLE] / ticks_per_ns);
    stats->asleep_ns = (uint64_t)((double)watch[PKN_TALLY_ASLEEP] / ticks_per_ns);
}

/* The pool's own comparison of the clocks took only as long as its threads took to start. */
PKN_INTERNAL double pkn_ticks_per_ns_until(const pkern_pool *pool, uint64_t now_ticks, uint64_t now_ns) {
    uint64_t passed_ns = now_ns - pool->id;
    return passed_ns > 1000000 ? (double)(now_ticks - pool->created_ticks) / (double)passed_ns : pool->ticks_per_ns;
}

PKERN_API pkern_status pkern_pool_get_stats(pkern_pool *pool, pkern_pool_stats *stats, pkern_slot_stats *slots, int capacity) {
    if (stats == 0 || capacity < 0 || (slots == 0 && capacity != 0)) {
        return PKERN_EINVAL;
    }
    memset(stats, 0, sizeof *stats);
    pool = pkn_given_or_current(pool);
    if (pool->num_slots == 0) {
        return PKERN_OK;
    }
    uint64_t sums[PKN_TALLY_WORDS] = {0};
    uint64_t words[PKN_TALLY_WORDS];
    pkn_stats_lock(pool);
    uint64_t now_ticks = pkn_ticks(), now_ns = pkn_now_ns();
    double ticks_per_ns = pkn_ticks_per_ns_until(pool, now_ticks, now_ns);
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members); /* under the lock, or by the only thread */
    for (uint32_t i = 0; i < count; i++) {
        const pkn_member *member = pkn_member_at(pool, i);
        pkn_stats_words(member, now_ticks, words);
        for (int j = 0; j < PKN_TALLY_WORDS; j++) {
            /* a watch that was stopped a moment earlier than a reset saw it running */
            words[j] = words[j] > member->tally_base[j] ? words[j] - member->tally_base[j] : 0;
            sums[j] += words[j];
        }
        if (i < (uint32_t)capacity) {
            pkn_stats_of_words(words, ticks_per_ns, &slots[i]);
        }
        if (member->lane != 0) {
            stats->trace_events += pkn_count_read(&member->lane->recorded);
            stats->trace_dropped += pkn_count_read(&member->lane->dropped);
        }
    }
    stats->elapsed_ns = now_ns - pool->stats_since_ns;
    pkn_stats_unlock(pool);
    pkn_stats_of_words(sums, ticks_per_ns, &stats->total);
    uint64_t tried = stats->total.steals_tried;
    stats->steal_ratio = tried == 0 ? 0.0 : (double)(tried - stats->total.steals_failed) / (double)tried;
    stats->num_slots = (int)count;
    stats->trace = pool->trace_status;
    return PKERN_OK;
}

PKERN_API pkern_status pkern_pool_reset_stats(pkern_pool *pool) {
    pool = pkn_given_or_current(pool);
    if (pool->num_slots == 0) {
        return PKERN_OK;
    }
    pkn_stats_lock(pool);
    uint64_t now = pkn_ticks();
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *member = pkn_member_at(pool, i);
        pkn_stats_words(member, now, member->tally_base);
    }
    pool->stats_since_ns = pkn_now_ns();
    pkn_stats_unlock(pool);
    return PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/cpu.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* CPUID and XGETBV, read once by the dispatcher. */
#ifndef PKN_SIMD_CPU_C
#define PKN_SIMD_CPU_C

/* ==== src/simd/cpu.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the CPU can do, as named bits. One pass of CPUID and XGETBV; on 64-bit ARM, NEON is part of
   the architecture. */
#ifndef PKN_SIMD_CPU_H
#define PKN_SIMD_CPU_H

/* #include "base/compiler.h": above */

#include <stdint.h>

/* The AVX bits are set only where the operating system saves the registers too. */
#define PKN_CPU_POPCNT 0x01u
#define PKN_CPU_AVX2 0x02u
#define PKN_CPU_AVX512F 0x04u
#define PKN_CPU_AVX512BW 0x08u
#define PKN_CPU_AVX512VL 0x10u
#define PKN_CPU_AVX512DQ 0x20u
#define PKN_CPU_AVX512VPOPCNTDQ 0x40u
#define PKN_CPU_NEON 0x80u
#define PKN_CPU_AVX512VNNI 0x100u
#define PKN_CPU_AVXVNNI 0x200u

/* The PKN_CPU_* bits of this machine; asks the CPU each time (some 100 ns, under a hypervisor
   10,000). */
PKN_INTERNAL uint32_t pkn_cpu_features(void);

#endif
/* ==== src/simd/cpu.c, continued ==== */
/* ==== src/simd/intrinsics.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The compilers' intrinsics, included from here alone, and the target features that each
   instruction set's functions carry. */
#ifndef PKN_SIMD_INTRINSICS_H
#define PKN_SIMD_INTRINSICS_H

/* #include "base/compiler.h": above */

#if PKN_ARCH_X86
#include <cpuid.h>
#include <immintrin.h>
#endif
#if PKN_ARCH_ARM64
#include <arm_neon.h>
#endif

/* gcc 12 finds the deliberately undefined operands inside of its own AVX-512 header uninitialised
   (its bug 105593). The files with such kernels stand between these two, which works too where the
   user included the header first. */
#if defined(__clang__)
#define PKN_AVX512_BEGIN
#define PKN_AVX512_END
#else
#define PKN_AVX512_BEGIN \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wuninitialized\"") \
        _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")
#define PKN_AVX512_END _Pragma("GCC diagnostic pop")
#endif

#define PKN_TARGET_POPCNT PKN_TARGET("popcnt")
#define PKN_TARGET_AVX2 PKN_TARGET("avx2,popcnt")
#define PKN_TARGET_AVX512 PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq")
#define PKN_TARGET_AVX2_VNNI PKN_TARGET("avx2,popcnt,avxvnni")
#define PKN_TARGET_AVX512_VNNI PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#define PKN_TARGET_AVX512_VPOPCNT \
    PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq")

#endif
/* ==== src/simd/cpu.c, continued ==== */

#if PKN_ARCH_X86

/* Which register files the operating system saves: bits of XCR0. Only valid where CPUID says
   OSXSAVE. */
PKN_INTERNAL uint32_t pkn_cpu_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

PKN_INTERNAL uint32_t pkn_cpu_features(void) {
    const uint32_t xcr0_ymm = 0x06; /* SSE and AVX halves */
    const uint32_t xcr0_zmm = 0xe6; /* these, the mask registers, and both parts of ZMM */
    uint32_t eax, ebx, ecx, edx, xcr0 = 0, features = 0;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
        return 0;
    }
    features |= ecx >> 23 & 1u ? PKN_CPU_POPCNT : 0;
    if (ecx >> 27 & 1u) { /* OSXSAVE */
        xcr0 = pkn_cpu_xcr0();
    }
    if ((xcr0 & xcr0_ymm) != xcr0_ymm || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return features;
    }
    features |= ebx >> 5 & 1u ? PKN_CPU_AVX2 : 0;
    if ((xcr0 & xcr0_zmm) == xcr0_zmm) {
        features |= ebx >> 16 & 1u ? PKN_CPU_AVX512F : 0;
        features |= ebx >> 17 & 1u ? PKN_CPU_AVX512DQ : 0;
        features |= ebx >> 30 & 1u ? PKN_CPU_AVX512BW : 0;
        features |= ebx >> 31 & 1u ? PKN_CPU_AVX512VL : 0;
        features |= ecx >> 14 & 1u ? PKN_CPU_AVX512VPOPCNTDQ : 0;
        features |= ecx >> 11 & 1u ? PKN_CPU_AVX512VNNI : 0;
    }
    if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
        features |= eax >> 4 & 1u ? PKN_CPU_AVXVNNI : 0;
    }
    return features;
}

#else

PKN_INTERNAL uint32_t pkn_cpu_features(void) {
    return PKN_ARCH_ARM64 ? PKN_CPU_NEON : 0;
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/bits_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels' definition: one word at a time, on any CPU. */
#ifndef PKN_SIMD_BITS_SCALAR_C
#define PKN_SIMD_BITS_SCALAR_C

/* #include "base/bits.h": above */
/* ==== src/simd/kernels.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The list of all SIMD kernels, and the table of function pointers that is made from it.

   This is the only place that names the kernels: the tables of the instruction sets (dispatch.c),
   the loops of the tests and those of the benches are made from it. The scalar kernel is the
   definition of what a kernel does, and simd.h says it in words. docs/adding_a_kernel.md lists the
   steps to a new one. */
#ifndef PKN_SIMD_KERNELS_H
#define PKN_SIMD_KERNELS_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

/* X(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon)

   The last five columns say whose code the table of that set uses: pkn_<name>_<column>. A set that
   has nothing better of its own names a lower one, down to scalar. pkn_<name>_scalar always exists
   and is what the scalar table uses. */
/* clang-format off */
#define PKN_SIMD_KERNELS(X) \
    X(xor_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(xor_rows_u64, void, (const uint64_t *rows, size_t n_rows, const uint64_t *key, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(and_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(or_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(not_u64, void, (const uint64_t *a, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(popcount_u64, uint64_t, (const uint64_t *a, size_t words), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(hamming_u64, uint64_t, (const uint64_t *a, const uint64_t *b, size_t words), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(rotate_u64, void, (const uint64_t *in, size_t words, int64_t shift, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(majority_u64, void, (const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, \
      uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(count_u64, void, (const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
      unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_counts_i32, void, (const uint64_t *planes, unsigned n_planes, size_t plane_stride, size_t words, \
      int32_t weight, int32_t offset, int32_t *counts), \
      scalar, avx2, avx512, avx512, scalar) \
    X(add_weighted_i32, void, (const uint64_t *rows, const int32_t *weights, size_t n_rows, size_t stride_words, \
      size_t words, int32_t *counts), \
      scalar, avx2, avx512, avx512, scalar) \
    X(add_saturated_i32, void, (const int32_t *a, const int32_t *b, size_t n, int32_t *out), \
      scalar, avx2, avx512, avx512, scalar) \
    X(threshold_i32, void, (const int32_t *counts, size_t words, const uint64_t *ties, uint64_t *out), \
      scalar, avx2, avx512, avx512, scalar) \
    X(hamming_tile_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t words, uint32_t *out, size_t out_stride), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(hamming_part_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t stride, size_t words, uint32_t *out, size_t out_stride), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(nearest_tile_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t words, uint32_t first, uint32_t *distances, uint32_t *indices), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(below_u32, size_t, (const uint32_t *values, size_t n, uint32_t threshold, uint32_t first, uint64_t *keys), \
      scalar, avx2, avx512, avx512, neon) \
    X(similarity_u32, void, (const uint32_t *distances, size_t n, uint64_t bits, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_f32, void, (const float *a, const float *b, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_f64, void, (const double *a, const double *b, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_f32, void, (const float *a, const float *b, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_f64, void, (const double *a, const double *b, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(sqrt_f32, void, (const float *a, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(sqrt_f64, void, (const double *a, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(axpy_f32, void, (float alpha, const float *x, size_t n, float *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(axpy_f64, void, (double alpha, const double *x, size_t n, double *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(sum_f32, float, (const float *x, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(sum_f64, double, (const double *x, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_f32, float, (const float *x, const float *y, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_f64, double, (const double *x, const double *y, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_i8, void, (const int8_t *a, const int8_t *b, size_t n, int8_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_i16, void, (const int16_t *a, const int16_t *b, size_t n, int16_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_saturated_i16, void, (const int16_t *x, size_t n, int16_t *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(accumulate_i8, void, (const int8_t *x, size_t n, int32_t *sums), \
      scalar, avx2, avx512, avx512, neon) \
    X(accumulate_i16, void, (const int16_t *x, size_t n, int32_t *sums), \
      scalar, avx2, avx512, avx512, neon)

/* Kernels that the dot product instructions (VNNI) serve: the sets come with and without these.
   X(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, neon) */
#define PKN_SIMD_VNNI_KERNELS(X) \
    X(dot_tile_i8, void, (const int8_t *query, const int8_t *targets, size_t n_targets, size_t n, int64_t *out), \
      avx2, avx2_vnni, avx512, avx512_vnni, neon) \
    X(dot_tile_i16, void, (const int16_t *query, const int16_t *targets, size_t n_targets, size_t n, int64_t *out), \
      avx2, avx2_vnni, avx512, avx512_vnni, neon)
/* clang-format on */

#define PKN_SIMD_MEMBER(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    result(*name) parameters;
#define PKN_SIMD_VNNI_MEMBER(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, neon) \
    result(*name) parameters;

/* The kernels of one instruction set. Their contracts are those of the public functions in simd.h,
   but for one: a table's rotate_u64 takes out == in only for 0 <= shift < 64, where no word leaves
   its place; rotate.c does the rest. */
typedef struct pkn_simd_kernels {
    PKN_SIMD_KERNELS(PKN_SIMD_MEMBER)
    PKN_SIMD_VNNI_KERNELS(PKN_SIMD_VNNI_MEMBER)
} pkn_simd_kernels;

#endif
/* ==== src/simd/bits_scalar.c, continued ==== */
/* ==== src/simd/rotate.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How a rotation of a bit vector splits into two straight pieces.

   Rotating by 64 q + r bits sends the top q words to the bottom and the others up by q; within each
   piece every output word is a funnel of an input word and the one before it:
   in[i] << r | in[i - 1] >> (64 - r). Every instruction set has its own funnel and calls it for
   both pieces. A funnel works from the last word down, so it may write over its input. */
#ifndef PKN_SIMD_ROTATE_H
#define PKN_SIMD_ROTATE_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

typedef struct pkn_rotation {
    const uint64_t *high; /* the top words of the input, which become the bottom ones */
    size_t n_high;        /* q, less than words */
    unsigned bits;        /* r, 0 to 63 */
    uint64_t before_high; /* the input words before the pieces, read before any is written */
    uint64_t before_low;
} pkn_rotation;

/* words is not 0. */
PKN_INLINE pkn_rotation pkn_rotation_of(const uint64_t *in, size_t words, int64_t shift) {
    pkn_rotation rotation;
    int64_t bits = (int64_t)((uint64_t)shift & 63u);
    int64_t word_shift = (shift - bits) / 64; /* exact: rounds down for negative shifts too */
    /* usually false, which spares the division */
    if (word_shift >= (int64_t)words || -word_shift > (int64_t)words) {
        word_shift %= (int64_t)words;
    }
    rotation.n_high = (size_t)(word_shift < 0 ? word_shift + (int64_t)words : word_shift);
    rotation.high = in + (words - rotation.n_high);
    rotation.bits = (unsigned)bits;
    rotation.before_high = in[words - rotation.n_high - 1];
    rotation.before_low = in[words - 1];
    return rotation;
}

PKN_ALWAYS_INLINE uint64_t pkn_funnel_word(uint64_t word, uint64_t before, unsigned bits) {
    return word << bits | before >> 1 >> (63u - bits); /* two steps, since >> 64 is undefined */
}

/* out[i] = word i of in, shifted up by bits, with the top bits of the word before. bits < 64; out
   may be in. */
PKN_INLINE void pkn_funnel_scalar(const uint64_t *in, size_t words, unsigned bits, uint64_t before,
                                  uint64_t *out) {
    if (words == 0) {
        return;
    }
    for (size_t i = words - 1; i > 0; i--) {
        out[i] = pkn_funnel_word(in[i], in[i - 1], bits);
    }
    out[0] = pkn_funnel_word(in[0], before, bits);
}

#endif
/* ==== src/simd/bits_scalar.c, continued ==== */

PKN_INTERNAL void pkn_xor_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                     uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] ^ b[i];
    }
}

/* out[r] = rows[r] ^ key, for n_rows rows of words words. out may be rows. */
PKN_INTERNAL void pkn_xor_rows_u64_scalar(const uint64_t *rows, size_t n_rows, const uint64_t *key,
                                          size_t words, uint64_t *out) {
    for (size_t row = 0; row < n_rows; row++) {
        pkn_xor_u64_scalar(rows + row * words, key, words, out + row * words);
    }
}

PKN_INTERNAL void pkn_and_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                     uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] & b[i];
    }
}

PKN_INTERNAL void pkn_or_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                    uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] | b[i];
    }
}

PKN_INTERNAL void pkn_not_u64_scalar(const uint64_t *a, size_t words, uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = ~a[i];
    }
}

PKN_INTERNAL uint64_t pkn_popcount_u64_scalar(const uint64_t *a, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += pkn_popcount_u64(a[i]);
    }
    return count;
}

PKN_INTERNAL uint64_t pkn_hamming_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += pkn_popcount_u64(a[i] ^ b[i]);
    }
    return count;
}

PKN_INTERNAL void pkn_rotate_u64_scalar(const uint64_t *in, size_t words, int64_t shift,
                                        uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_scalar(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_scalar(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                      out + rotation.n_high);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/bits_popcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counts of ones with the POPCNT instruction alone, for x86 CPUs without AVX2: one word a cycle on Intel's, up to four on AMD's.
   Without it a compiler counts by arithmetic, about 12 operations a word. */
#ifndef PKN_SIMD_BITS_POPCNT_C
#define PKN_SIMD_BITS_POPCNT_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */

#if PKN_ARCH_X86

PKN_TARGET_POPCNT PKN_INTERNAL uint64_t pkn_popcount_u64_popcnt(const uint64_t *a, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (uint64_t)__builtin_popcountll(a[i]);
    }
    return count;
}

PKN_TARGET_POPCNT PKN_INTERNAL uint64_t pkn_hamming_u64_popcnt(const uint64_t *a, const uint64_t *b,
                                                               size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (uint64_t)__builtin_popcountll(a[i] ^ b[i]);
    }
    return count;
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/bits_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for AVX2.

   xor, and, or, not: one 32-byte store a cycle is the bound, as for memcpy.
   Counts: a byte's ones are looked up by its two halves (pshufb), 7 operations a 32-byte register.
   From 1 KiB on, Harley-Seal carry-save adders first reduce 16 registers to one: 15 adders of 5
   operations and 1/16 of a lookup, 5.2 operations a register. */
#ifndef PKN_SIMD_BITS_AVX2_C
#define PKN_SIMD_BITS_AVX2_C

/* #include "base/bits.h": above */
/* ==== src/simd/align.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Where a long output's stores become aligned. A store that crosses a 64-byte line takes twice as
   long; unaligned loads cost less and are left alone. */
#ifndef PKN_SIMD_ALIGN_H
#define PKN_SIMD_ALIGN_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

/* Shorter outputs are written as they lie: there an extra step costs more than the crossings. */
#define PKN_ALIGN_FROM_BYTES 512

/* How many of the n elements of size bytes at p lie before the first multiple of `alignment` bytes.
 */
PKN_ALWAYS_INLINE size_t pkn_align_head(const void *p, size_t size, size_t n, size_t alignment) {
    return n * size < PKN_ALIGN_FROM_BYTES
               ? 0
               : ((size_t)0 - (size_t)(uintptr_t)p / size) & (alignment / size - 1);
}

#endif
/* ==== src/simd/bits_avx2.c, continued ==== */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */
/* #include "simd/rotate.h": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_avx2(const uint64_t *words) {
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_store_avx2(uint64_t *words, __m256i value) {
    _mm256_storeu_si256((__m256i *)(void *)words, value);
}

#define PKN_DEFINE_BITWISE_AVX2(name, operation_u64x4, operator) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_##name##_u64_avx2(const uint64_t *a, const uint64_t *b, \
                                                            size_t words, uint64_t *out) { \
        const size_t head = pkn_align_head(out, 8, words, 32); \
        size_t i = 0; \
        for (; i < head; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
        for (; i + 8 <= words; i += 8) { \
            __m256i low = operation_u64x4(pkn_load_avx2(a + i), pkn_load_avx2(b + i)); \
            __m256i high = operation_u64x4(pkn_load_avx2(a + i + 4), pkn_load_avx2(b + i + 4)); \
            pkn_store_avx2(out + i, low); \
            pkn_store_avx2(out + i + 4, high); \
        } \
        for (; i < words; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
    }

PKN_DEFINE_BITWISE_AVX2(xor, _mm256_xor_si256, ^)
/* 32 words of the key stay in registers for all rows. */
PKN_INTERNAL PKN_TARGET_AVX2 void pkn_xor_rows_u64_avx2(const uint64_t *rows, size_t n_rows,
                                                        const uint64_t *key, size_t words,
                                                        uint64_t *out) {
    size_t word = 0;
    for (; words - word >= 32; word += 32) {
        __m256i keys[8];
        for (size_t i = 0; i < 8; i++) {
            keys[i] = pkn_load_avx2(key + word + 4 * i);
        }
        for (size_t row = 0; row < n_rows; row++) {
            const uint64_t *in = rows + row * words + word;
            uint64_t *to = out + row * words + word;
            for (size_t i = 0; i < 8; i++) {
                pkn_store_avx2(to + 4 * i, _mm256_xor_si256(keys[i], pkn_load_avx2(in + 4 * i)));
            }
        }
    }
    for (size_t row = 0; row < n_rows && word < words; row++) {
        pkn_xor_u64_avx2(rows + row * words + word, key + word, words - word,
                         out + row * words + word);
    }
}

PKN_DEFINE_BITWISE_AVX2(and, _mm256_and_si256, &)
PKN_DEFINE_BITWISE_AVX2(or, _mm256_or_si256, |)

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_not_u64_avx2(const uint64_t *a, size_t words, uint64_t *out) {
    const __m256i ones = _mm256_set1_epi64x(-1);
    const size_t head = pkn_align_head(out, 8, words, 32);
    size_t i = 0;
    for (; i < head; i++) {
        out[i] = ~a[i];
    }
    for (; i + 8 <= words; i += 8) {
        __m256i low = _mm256_xor_si256(pkn_load_avx2(a + i), ones);
        __m256i high = _mm256_xor_si256(pkn_load_avx2(a + i + 4), ones);
        pkn_store_avx2(out + i, low);
        pkn_store_avx2(out + i + 4, high);
    }
    for (; i < words; i++) {
        out[i] = ~a[i];
    }
}

/* The ones of each byte. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_popcount_u8x32_avx2(__m256i x) {
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, half));
    __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
    return _mm256_add_epi8(low, high);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_popcount_u64x4_avx2(__m256i x) {
    return _mm256_sad_epu8(pkn_popcount_u8x32_avx2(x), _mm256_setzero_si256());
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_sum_u64x4_avx2(__m256i x) {
    __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
}

/* Words i to i + 3 of a, or of a ^ b where b is not 0: the counts below serve popcount and hamming
   alike. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_difference_avx2(const uint64_t *a, const uint64_t *b,
                                                              size_t i) {
    return b ? _mm256_xor_si256(pkn_load_avx2(a + i), pkn_load_avx2(b + i)) : pkn_load_avx2(a + i);
}

/* A full adder in each bit: *sum becomes *sum + a + b, and the carry is returned. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add_avx2(__m256i *sum, __m256i a, __m256i b) {
    __m256i either = _mm256_xor_si256(a, b); /* first, since *sum is late */
    __m256i carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(either, *sum));
    *sum = _mm256_xor_si256(*sum, either);
    return carry;
}

/* Adds 4 (8) registers into the binary counter planes[0], planes[1] (planes[2]) and returns what
   carries out of it. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add4_avx2(__m256i *planes, const uint64_t *a,
                                                             const uint64_t *b, size_t i) {
    __m256i two =
        pkn_full_add_avx2(planes, pkn_difference_avx2(a, b, i), pkn_difference_avx2(a, b, i + 4));
    __m256i too = pkn_full_add_avx2(planes, pkn_difference_avx2(a, b, i + 8),
                                    pkn_difference_avx2(a, b, i + 12));
    return pkn_full_add_avx2(planes + 1, two, too);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add8_avx2(__m256i *planes, const uint64_t *a,
                                                             const uint64_t *b, size_t i) {
    __m256i four = pkn_full_add4_avx2(planes, a, b, i);
    return pkn_full_add_avx2(planes + 2, four, pkn_full_add4_avx2(planes, a, b, i + 16));
}

/* The ones of the first words / 64 * 64 words by Harley-Seal. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_count_blocks_avx2(const uint64_t *a,
                                                                 const uint64_t *b, size_t words) {
    __m256i zero = _mm256_setzero_si256();
    __m256i planes[4] = {zero, zero, zero, zero};
    __m256i sum_u64x4 = zero;
    for (size_t i = 0; i + 64 <= words; i += 64) {
        __m256i eight = pkn_full_add8_avx2(planes, a, b, i);
        __m256i sixteen =
            pkn_full_add_avx2(planes + 3, eight, pkn_full_add8_avx2(planes, a, b, i + 32));
        sum_u64x4 = _mm256_add_epi64(sum_u64x4, pkn_popcount_u64x4_avx2(sixteen));
    }
    for (int plane = 3; plane >= 0; plane--) {
        sum_u64x4 = _mm256_add_epi64(_mm256_slli_epi64(sum_u64x4, 1),
                                     pkn_popcount_u64x4_avx2(planes[plane]));
    }
    return pkn_sum_u64x4_avx2(sum_u64x4);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_count_avx2(const uint64_t *a, const uint64_t *b,
                                                          size_t words) {
    __m256i sum_u8x32 = _mm256_setzero_si256();
    uint64_t count = 0;
    size_t i = 0;
    if (words >= 128) {
        count = pkn_count_blocks_avx2(a, b, words);
        i = words / 64 * 64;
    }
    for (; i + 4 <= words; i += 4) { /* at most 31 times, so a byte holds at most 248 */
        sum_u8x32 =
            _mm256_add_epi8(sum_u8x32, pkn_popcount_u8x32_avx2(pkn_difference_avx2(a, b, i)));
    }
    count += pkn_sum_u64x4_avx2(_mm256_sad_epu8(sum_u8x32, _mm256_setzero_si256()));
    for (; i < words; i++) {
        count += pkn_popcount_u64(b ? a[i] ^ b[i] : a[i]);
    }
    return count;
}

PKN_INTERNAL PKN_TARGET_AVX2 uint64_t pkn_popcount_u64_avx2(const uint64_t *a, size_t words) {
    return pkn_count_avx2(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX2 uint64_t pkn_hamming_u64_avx2(const uint64_t *a, const uint64_t *b,
                                                           size_t words) {
    return b ? pkn_count_avx2(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

/* The four words that end before `end`, shifted up with the top bits of the words before them. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_funnel_u64x4(const uint64_t *end, __m128i left,
                                                           __m128i right) {
    return _mm256_or_si256(_mm256_sll_epi64(pkn_load_avx2(end - 4), left),
                           _mm256_srl_epi64(pkn_load_avx2(end - 5), right));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void
pkn_funnel_avx2(const uint64_t *in, size_t words, unsigned bits, uint64_t before, uint64_t *out) {
    const __m128i left = _mm_cvtsi32_si128((int)bits);
    const __m128i right = _mm_cvtsi32_si128(64 - (int)bits); /* a shift by 64 gives 0 */
    size_t i = words;
    if (words * 8 >= PKN_ALIGN_FROM_BYTES) {
        for (; (uintptr_t)(out + i) % 32 != 0; i--) {
            out[i - 1] = pkn_funnel_word(in[i - 1], in[i - 2], bits);
        }
    }
    for (; i >= 9; i -= 8) {
        __m256i top = pkn_funnel_u64x4(in + i, left, right);
        __m256i below = pkn_funnel_u64x4(in + i - 4, left, right);
        pkn_store_avx2(out + i - 4, top);
        pkn_store_avx2(out + i - 8, below);
    }
    for (; i >= 5; i -= 4) {
        pkn_store_avx2(out + i - 4, pkn_funnel_u64x4(in + i, left, right));
    }
    pkn_funnel_scalar(in, i, bits, before, out);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_rotate_u64_avx2(const uint64_t *in, size_t words,
                                                      int64_t shift, uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_avx2(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_avx2(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                    out + rotation.n_high);
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/bits_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for AVX-512 without VPOPCNTDQ (F, BW, VL, DQ). Rests shorter than a register are
   masked.

   xor, and, or, not: one 64-byte store a cycle is the bound (two cycles where the CPU splits it, as
   Zen 4 does), as for memcpy; a store that crosses a line costs twice that, so long outputs begin
   with a masked step up to a line. Counts: a full adder is two VPTERNLOG here, so Harley-Seal from
   1 KiB on costs 15 adders of 2 operations and 1/16 of an 8-operation lookup, 2.4 operations a
   register; below, the lookup by half bytes alone. */
#ifndef PKN_SIMD_BITS_AVX512_C
#define PKN_SIMD_BITS_AVX512_C

/* #include "simd/align.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */
/* #include "simd/rotate.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The mask of the first n lanes of 8; n < 8. */
PKN_ALWAYS_INLINE __mmask8 pkn_first_lanes_u64x8(size_t n) {
    return (__mmask8)((1u << n) - 1u);
}

#define PKN_DEFINE_BITWISE_AVX512(name, operation_u64x8) \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_##name##_u64_avx512( \
        const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out) { \
        size_t i = pkn_align_head(out, 8, words, 64); \
        __mmask8 mask = pkn_first_lanes_u64x8(i); \
        if (i > 0) { \
            _mm512_mask_storeu_epi64(out, mask, \
                                     operation_u64x8(_mm512_maskz_loadu_epi64(mask, a), \
                                                     _mm512_maskz_loadu_epi64(mask, b))); \
        } \
        for (; i + 8 <= words; i += 8) { \
            _mm512_storeu_si512( \
                out + i, operation_u64x8(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i))); \
        } \
        if (i < words) { \
            mask = pkn_first_lanes_u64x8(words - i); \
            _mm512_mask_storeu_epi64(out + i, mask, \
                                     operation_u64x8(_mm512_maskz_loadu_epi64(mask, a + i), \
                                                     _mm512_maskz_loadu_epi64(mask, b + i))); \
        } \
    }

PKN_DEFINE_BITWISE_AVX512(xor, _mm512_xor_si512)
/* 32 words of the key stay in registers for all rows. */
PKN_INTERNAL PKN_TARGET_AVX512 void pkn_xor_rows_u64_avx512(const uint64_t *rows, size_t n_rows,
                                                            const uint64_t *key, size_t words,
                                                            uint64_t *out) {
    size_t word = 0;
    for (; words - word >= 32; word += 32) {
        __m512i k0 = _mm512_loadu_si512(key + word), k1 = _mm512_loadu_si512(key + word + 8);
        __m512i k2 = _mm512_loadu_si512(key + word + 16), k3 = _mm512_loadu_si512(key + word + 24);
        const uint64_t *in = rows + word;
        uint64_t *to = out + word;
        for (size_t row = 0; row < n_rows; row++) {
            _mm512_storeu_si512(to, _mm512_xor_si512(k0, _mm512_loadu_si512(in)));
            _mm512_storeu_si512(to + 8, _mm512_xor_si512(k1, _mm512_loadu_si512(in + 8)));
            _mm512_storeu_si512(to + 16, _mm512_xor_si512(k2, _mm512_loadu_si512(in + 16)));
            _mm512_storeu_si512(to + 24, _mm512_xor_si512(k3, _mm512_loadu_si512(in + 24)));
            in += words;
            to += words;
        }
    }
    for (size_t row = 0; row < n_rows && word < words; row++) {
        pkn_xor_u64_avx512(rows + row * words + word, key + word, words - word,
                           out + row * words + word);
    }
}

PKN_DEFINE_BITWISE_AVX512(and, _mm512_and_si512)
PKN_DEFINE_BITWISE_AVX512(or, _mm512_or_si512)

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_not_u64_avx512(const uint64_t *a, size_t words,
                                                       uint64_t *out) {
    const __m512i ones = _mm512_set1_epi64(-1);
    size_t i = pkn_align_head(out, 8, words, 64);
    __mmask8 mask = pkn_first_lanes_u64x8(i);
    if (i > 0) {
        _mm512_mask_storeu_epi64(out, mask,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, a), ones));
    }
    for (; i + 8 <= words; i += 8) {
        _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_loadu_si512(a + i), ones));
    }
    if (i < words) {
        mask = pkn_first_lanes_u64x8(words - i);
        _mm512_mask_storeu_epi64(out + i, mask,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, a + i), ones));
    }
}

/* The ones of each 64-bit lane. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_popcount_u64x8_avx512(__m512i x) {
    const __m512i counts = _mm512_set4_epi32(0x04030302, 0x03020201, 0x03020201, 0x02010100);
    const __m512i half = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(counts, _mm512_and_si512(x, half));
    __m512i high = _mm512_shuffle_epi8(counts, _mm512_and_si512(_mm512_srli_epi16(x, 4), half));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

/* Words i to i + 7 of a, or of a ^ b where b is not 0: the counts below serve popcount and hamming
   alike. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_difference_avx512(const uint64_t *a,
                                                                  const uint64_t *b, size_t i) {
    __m512i a_u64x8 = _mm512_loadu_si512(a + i);
    return b ? _mm512_xor_si512(a_u64x8, _mm512_loadu_si512(b + i)) : a_u64x8;
}

/* The same for the lanes of the mask; the others are 0. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_difference_rest_avx512(const uint64_t *a,
                                                                       const uint64_t *b, size_t i,
                                                                       size_t words) {
    __mmask8 mask = pkn_first_lanes_u64x8(words - i);
    __m512i a_u64x8 = _mm512_maskz_loadu_epi64(mask, a + i);
    return b ? _mm512_xor_si512(a_u64x8, _mm512_maskz_loadu_epi64(mask, b + i)) : a_u64x8;
}

/* A full adder in each bit: *sum becomes *sum + a + b, and the carry is returned. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add_avx512(__m512i *sum, __m512i a,
                                                                __m512i b) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, a, b, 0xe8); /* two of three */
    *sum = _mm512_ternarylogic_epi64(*sum, a, b, 0x96);          /* exclusive or of three */
    return carry;
}

/* Adds 4 (8) registers into the binary counter planes[0], planes[1] (planes[2]) and returns what
   carries out of it. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add4_avx512(__m512i *planes, const uint64_t *a,
                                                                 const uint64_t *b, size_t i) {
    __m512i two = pkn_full_add_avx512(planes, pkn_difference_avx512(a, b, i),
                                      pkn_difference_avx512(a, b, i + 8));
    __m512i too = pkn_full_add_avx512(planes, pkn_difference_avx512(a, b, i + 16),
                                      pkn_difference_avx512(a, b, i + 24));
    return pkn_full_add_avx512(planes + 1, two, too);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add8_avx512(__m512i *planes, const uint64_t *a,
                                                                 const uint64_t *b, size_t i) {
    __m512i four = pkn_full_add4_avx512(planes, a, b, i);
    return pkn_full_add_avx512(planes + 2, four, pkn_full_add4_avx512(planes, a, b, i + 32));
}

/* The ones, in each lane, of the first words / 128 * 128 words by Harley-Seal. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_count_blocks_avx512(const uint64_t *a,
                                                                    const uint64_t *b,
                                                                    size_t words) {
    __m512i zero = _mm512_setzero_si512();
    __m512i planes[4] = {zero, zero, zero, zero};
    __m512i sum_u64x8 = zero;
    for (size_t i = 0; i + 128 <= words; i += 128) {
        __m512i eight = pkn_full_add8_avx512(planes, a, b, i);
        __m512i sixteen =
            pkn_full_add_avx512(planes + 3, eight, pkn_full_add8_avx512(planes, a, b, i + 64));
        sum_u64x8 = _mm512_add_epi64(sum_u64x8, pkn_popcount_u64x8_avx512(sixteen));
    }
    for (int plane = 3; plane >= 0; plane--) {
        sum_u64x8 = _mm512_add_epi64(_mm512_add_epi64(sum_u64x8, sum_u64x8),
                                     pkn_popcount_u64x8_avx512(planes[plane]));
    }
    return sum_u64x8;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 uint64_t pkn_count_avx512(const uint64_t *a, const uint64_t *b,
                                                              size_t words) {
    __m512i sum_u64x8 = _mm512_setzero_si512();
    size_t i = 0;
    if (words >= 128) {
        sum_u64x8 = pkn_count_blocks_avx512(a, b, words);
        i = words / 128 * 128;
    }
    for (; i + 8 <= words; i += 8) {
        sum_u64x8 =
            _mm512_add_epi64(sum_u64x8, pkn_popcount_u64x8_avx512(pkn_difference_avx512(a, b, i)));
    }
    if (i < words) {
        sum_u64x8 = _mm512_add_epi64(
            sum_u64x8, pkn_popcount_u64x8_avx512(pkn_difference_rest_avx512(a, b, i, words)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(sum_u64x8);
}

PKN_INTERNAL PKN_TARGET_AVX512 uint64_t pkn_popcount_u64_avx512(const uint64_t *a, size_t words) {
    return pkn_count_avx512(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX512 uint64_t pkn_hamming_u64_avx512(const uint64_t *a, const uint64_t *b,
                                                               size_t words) {
    return b ? pkn_count_avx512(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

/* in << left | before >> right in each lane. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_funnel_u64x8(__m512i in, __m512i before,
                                                             __m128i left, __m128i right) {
    return _mm512_or_si512(_mm512_sll_epi64(in, left), _mm512_srl_epi64(before, right));
}

/* The words from the last down, until at most 15 are left; returns how many. Stores are aligned,
   and a register's low words serve as the next one's words before, so each word is loaded once: 2.5
   cycles per 64 bytes instead of 3.6 with two loads. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 size_t pkn_funnel_long_avx512(const uint64_t *in, size_t words,
                                                                  __m128i left, __m128i right,
                                                                  uint64_t *out) {
    size_t top = (uintptr_t)(out + words) / 8 & 7u; /* words behind the last line's begin */
    size_t i = words - top;
    __m512i current = _mm512_loadu_si512(in + i - 8);
    if (top > 0) {
        __mmask8 mask = pkn_first_lanes_u64x8(top);
        __m512i words_u64x8 = _mm512_maskz_loadu_epi64(mask, in + i);
        __m512i before_u64x8 = _mm512_alignr_epi64(words_u64x8, current, 7);
        _mm512_mask_storeu_epi64(out + i, mask,
                                 pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
    for (; i >= 16; i -= 8) {
        __m512i below = _mm512_loadu_si512(in + i - 16);
        __m512i before_u64x8 = _mm512_alignr_epi64(current, below, 7);
        _mm512_storeu_si512(out + i - 8, pkn_funnel_u64x8(current, before_u64x8, left, right));
        current = below;
    }
    return i;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void
pkn_funnel_avx512(const uint64_t *in, size_t words, unsigned bits, uint64_t before, uint64_t *out) {
    const __m128i left = _mm_cvtsi32_si128((int)bits);
    const __m128i right = _mm_cvtsi32_si128(64 - (int)bits); /* a shift by 64 gives 0 */
    size_t i = words * 8 < PKN_ALIGN_FROM_BYTES
                   ? words
                   : pkn_funnel_long_avx512(in, words, left, right, out);
    for (; i >= 9; i -= 8) {
        __m512i words_u64x8 = _mm512_loadu_si512(in + i - 8);
        __m512i before_u64x8 = _mm512_loadu_si512(in + i - 9);
        _mm512_storeu_si512(out + i - 8, pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
    if (i > 0) { /* the first 1 to 8 words */
        __mmask8 mask = (__mmask8)(0xffu >> (8 - i));
        __m512i words_u64x8 = _mm512_maskz_loadu_epi64(mask, in);
        __m512i before_u64x8 =
            _mm512_alignr_epi64(words_u64x8, _mm512_set1_epi64((long long)before), 7);
        _mm512_mask_storeu_epi64(out, mask,
                                 pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_rotate_u64_avx512(const uint64_t *in, size_t words,
                                                          int64_t shift, uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_avx512(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_avx512(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                      out + rotation.n_high);
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/bits_avx512_vpopcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The counts for AVX-512 with VPOPCNTDQ: one instruction counts 8 words, so loads are the bound: a
   64-byte load a cycle on Zen 4 (two on Intel), 1 cycle per 64 bytes for popcount and 2 for
   hamming, which reads both rows. */
#ifndef PKN_SIMD_BITS_AVX512_VPOPCNT_C
#define PKN_SIMD_BITS_AVX512_VPOPCNT_C

/* #include "simd/bits_avx512.c": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* As pkn_difference_avx512: a ^ b, or a where b is 0. Four sums, so that no addition waits for the
   one before. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_count_avx512_vpopcnt(const uint64_t *a,
                                                                              const uint64_t *b,
                                                                              size_t words) {
    __m512i sum0 = _mm512_setzero_si512();
    __m512i sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;
    for (; i + 32 <= words; i += 32) {
        sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i)));
        sum1 = _mm512_add_epi64(sum1, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 8)));
        sum2 = _mm512_add_epi64(sum2, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 16)));
        sum3 = _mm512_add_epi64(sum3, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 24)));
    }
    for (; i + 8 <= words; i += 8) {
        sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i)));
    }
    if (i < words) {
        sum1 =
            _mm512_add_epi64(sum1, _mm512_popcnt_epi64(pkn_difference_rest_avx512(a, b, i, words)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_add_epi64(sum0, sum1), _mm512_add_epi64(sum2, sum3)));
}

PKN_INTERNAL PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_popcount_u64_avx512_vpopcnt(const uint64_t *a,
                                                                                size_t words) {
    return pkn_count_avx512_vpopcnt(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_hamming_u64_avx512_vpopcnt(const uint64_t *a,
                                                                               const uint64_t *b,
                                                                               size_t words) {
    return b ? pkn_count_avx512_vpopcnt(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/bits_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for NEON (64-bit ARM).

   xor, and, or, not: bound by loads and stores, as memcpy is. Counts: CNT gives the ones of each
   byte, bytes add up for at most 31 registers (31 * 8 = 248), then UADALP widens: 3 operations a
   16-byte register for hamming, 2 for popcount. */
#ifndef PKN_SIMD_BITS_NEON_C
#define PKN_SIMD_BITS_NEON_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */
/* #include "simd/rotate.h": above */

#if PKN_ARCH_ARM64

#define PKN_DEFINE_BITWISE_NEON(name, operation_u64x2, operator) \
    PKN_INTERNAL void pkn_##name##_u64_neon(const uint64_t *a, const uint64_t *b, size_t words, \
                                            uint64_t *out) { \
        size_t i = 0; \
        for (; i + 4 <= words; i += 4) { \
            uint64x2_t low = operation_u64x2(vld1q_u64(a + i), vld1q_u64(b + i)); \
            uint64x2_t high = operation_u64x2(vld1q_u64(a + i + 2), vld1q_u64(b + i + 2)); \
            vst1q_u64(out + i, low); \
            vst1q_u64(out + i + 2, high); \
        } \
        for (; i < words; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
    }

PKN_DEFINE_BITWISE_NEON(xor, veorq_u64, ^)
PKN_INTERNAL void pkn_xor_rows_u64_neon(const uint64_t *rows, size_t n_rows, const uint64_t *key,
                                        size_t words, uint64_t *out) {
    for (size_t row = 0; row < n_rows; row++) {
        pkn_xor_u64_neon(rows + row * words, key, words, out + row * words);
    }
}

PKN_DEFINE_BITWISE_NEON(and, vandq_u64, &)
PKN_DEFINE_BITWISE_NEON(or, vorrq_u64, |)

PKN_INTERNAL void pkn_not_u64_neon(const uint64_t *a, size_t words, uint64_t *out) {
    const uint64x2_t ones = vdupq_n_u64(~(uint64_t)0);
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        uint64x2_t low = veorq_u64(vld1q_u64(a + i), ones);
        uint64x2_t high = veorq_u64(vld1q_u64(a + i + 2), ones);
        vst1q_u64(out + i, low);
        vst1q_u64(out + i + 2, high);
    }
    for (; i < words; i++) {
        out[i] = ~a[i];
    }
}

/* The ones of each byte of words i and i + 1 of a, or of a ^ b where b is not 0: the count serves
   popcount and hamming. */
PKN_ALWAYS_INLINE uint8x16_t pkn_popcount_u8x16_neon(const uint64_t *a, const uint64_t *b,
                                                     size_t i) {
    uint64x2_t x = b ? veorq_u64(vld1q_u64(a + i), vld1q_u64(b + i)) : vld1q_u64(a + i);
    return vcntq_u8(vreinterpretq_u8_u64(x));
}

PKN_ALWAYS_INLINE uint64_t pkn_count_neon(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64x2_t sum_u64x2 = vdupq_n_u64(0);
    uint64_t count = 0;
    size_t i = 0;
    while (i + 2 <= words) {
        size_t end = i + pkn_min_size((words - i) / 2, 62) *
                             2; /* 62 registers, half of them in each byte sum */
        uint8x16_t even_u8x16 = vdupq_n_u8(0);
        uint8x16_t odd_u8x16 = even_u8x16;
        for (; i + 4 <= end; i += 4) {
            even_u8x16 = vaddq_u8(even_u8x16, pkn_popcount_u8x16_neon(a, b, i));
            odd_u8x16 = vaddq_u8(odd_u8x16, pkn_popcount_u8x16_neon(a, b, i + 2));
        }
        if (i < end) {
            even_u8x16 = vaddq_u8(even_u8x16, pkn_popcount_u8x16_neon(a, b, i));
            i += 2;
        }
        sum_u64x2 =
            vpadalq_u32(sum_u64x2, vpaddlq_u16(vpadalq_u8(vpaddlq_u8(even_u8x16), odd_u8x16)));
    }
    if (i < words) {
        count = pkn_popcount_u64(b ? a[i] ^ b[i] : a[i]);
    }
    return count + vaddvq_u64(sum_u64x2);
}

PKN_INTERNAL uint64_t pkn_popcount_u64_neon(const uint64_t *a, size_t words) {
    return pkn_count_neon(a, 0, words);
}

PKN_INTERNAL uint64_t pkn_hamming_u64_neon(const uint64_t *a, const uint64_t *b, size_t words) {
    return b ? pkn_count_neon(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

PKN_ALWAYS_INLINE void pkn_funnel_neon(const uint64_t *in, size_t words, unsigned bits,
                                       uint64_t before, uint64_t *out) {
    const int64x2_t left = vdupq_n_s64((int64_t)bits);
    const int64x2_t right =
        vdupq_n_s64((int64_t)bits - 64); /* negative counts shift right, by 64 gives 0 */
    size_t i = words;
    for (; i >= 3; i -= 2) {
        uint64x2_t high = vshlq_u64(vld1q_u64(in + i - 2), left);
        uint64x2_t low = vshlq_u64(vld1q_u64(in + i - 3), right);
        vst1q_u64(out + i - 2, vorrq_u64(high, low));
    }
    pkn_funnel_scalar(in, i, bits, before, out);
}

PKN_INTERNAL void pkn_rotate_u64_neon(const uint64_t *in, size_t words, int64_t shift,
                                      uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_neon(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_neon(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                    out + rotation.n_high);
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/majority_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts, one word of 64 columns at a time, on any CPU. */
#ifndef PKN_SIMD_MAJORITY_SCALAR_C
#define PKN_SIMD_MAJORITY_SCALAR_C

/* ==== src/simd/majority.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counting ones per bit column over many rows with bit-sliced counters: the algorithm, for any
   vector type.

   A vector column (LANES words wide) keeps plane k of its counters, bit 2^k of each count, in one
   register. A full adder (carry-save adder) takes three vectors of equal weight to a sum of that
   weight and a carry of twice the weight, so n rows cost about n full adders: two a pair of rows at
   weight 1, half as many at weight 2, and so on. 64 rows leave the six low planes in registers and
   give one carry of weight 64. Carries of weight 64 and more are paired too: every second one finds
   an earlier one pending at its level and goes up with it, like a binary counter of the groups
   done, so the high planes in memory cost two additions in 64 rows however many planes there are.

   Majority needs no comparison: counters that begin at 2^p - 1 - floor(n / 2), with 2^p > floor(n /
   2), have plane p set at the end exactly where the count is above floor(n / 2), and never reach
   plane p + 1.

   A file of an instruction set defines, with its suffix,
       pkn_count_vector_*     the vector type
       pkn_count_load_*       (p, lanes)     the first `lanes` words at p, the rest 0
       pkn_count_store_*      (p, lanes, v)  the first `lanes` words only
       pkn_count_fill_*       (bit)          all ones or all zeros
       pkn_count_full_*       (sum, b, c)    full adder: *sum = *sum ^ b ^ c, returns the carry
       pkn_count_half_*       (sum, b)       half adder: *sum = *sum ^ b, returns the carry
       pkn_count_or_*         (a, b)
   and lets PKN_DEFINE_MAJORITY make the kernels. */
#ifndef PKN_SIMD_MAJORITY_H
#define PKN_SIMD_MAJORITY_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

/* Planes in registers, and those above: counts up to 2^31 and the carry out of them. */
#define PKN_COUNT_LOW_PLANES 6
#define PKN_COUNT_HIGH_PLANES 26
/* Rows that the low planes take before they carry. */
#define PKN_COUNT_GROUP_ROWS 64
/* Many rows are counted in this many columns of 64 bytes at once, so that a row's lines are read
   together. */
#define PKN_COUNT_COLUMNS_BYTES 256

/* Number of the carry plane of a majority of n rows: the smallest p with 2^p > floor(n / 2). */
PKN_INLINE unsigned pkn_majority_plane(size_t n_rows) {
    return n_rows < 2 ? 0 : 64 - pkn_clz_u64((uint64_t)(n_rows / 2));
}

PKN_INLINE uint64_t pkn_majority_bias(size_t n_rows) {
    return (UINT64_C(1) << pkn_majority_plane(n_rows)) - 1 - (uint64_t)(n_rows / 2);
}

#define PKN_DEFINE_MAJORITY(isa, TARGET, LANES) \
    /* What a column has counted: low planes, high planes, carries that wait for a second one. */ \
    typedef struct pkn_count_column_##isa { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES]; \
        pkn_count_vector_##isa high[PKN_COUNT_HIGH_PLANES], pending[PKN_COUNT_HIGH_PLANES]; \
    } pkn_count_column_##isa; \
\
    /* The next two rows into plane 0; the carry has weight 2. Then twice as many each. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_2_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        const uint64_t *row = *rows; \
        *rows += 2 * stride; \
        return pkn_count_full_##isa(&low[0], pkn_count_load_##isa(row, lanes), \
                                    pkn_count_load_##isa(row + stride, lanes)); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_4_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_2_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_2_##isa(rows, stride, lanes, low); \
        /* gcc would compute the addresses of all rows beforehand and keep them in memory */ \
        __asm__("" : "+r"(*rows)); \
        return pkn_count_full_##isa(&low[1], a, b); \
    } \
    PKN_DEFINE_COUNT(isa, TARGET, 8, 4, 2) \
    PKN_DEFINE_COUNT(isa, TARGET, 16, 8, 3) \
    PKN_DEFINE_COUNT(isa, TARGET, 32, 16, 4) \
    PKN_DEFINE_COUNT(isa, TARGET, 64, 32, 5) \
\
    /* A carry into the planes from this one to `last`; returns what they carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_ripple_##isa( \
        pkn_count_vector_##isa *low, int plane, int last, pkn_count_vector_##isa carry) { \
        PKN_COUNT_RIPPLE(isa, 0) \
        PKN_COUNT_RIPPLE(isa, 1) \
        PKN_COUNT_RIPPLE(isa, 2) \
        PKN_COUNT_RIPPLE(isa, 3) \
        PKN_COUNT_RIPPLE(isa, 4) \
        PKN_COUNT_RIPPLE(isa, 5) \
        return carry; \
    } \
\
    /* Less than 2^(last + 1) rows; returns what the planes up to `last` carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_rest_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, int last, \
        pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa out = pkn_count_fill_##isa(0); \
        PKN_COUNT_REST(isa, 32, 5) \
        PKN_COUNT_REST(isa, 16, 4) \
        PKN_COUNT_REST(isa, 8, 3) \
        PKN_COUNT_REST(isa, 4, 2) \
        PKN_COUNT_REST(isa, 2, 1) \
        if (n_rows & 1) { \
            out = pkn_count_or_##isa( \
                out, pkn_count_ripple_##isa(low, 0, last, pkn_count_load_##isa(rows, lanes))); \
        } \
        return out; \
    } \
\
    /* A group of rows, after groups_done earlier ones. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_group_##isa(const uint64_t *rows, size_t groups_done, \
                                                        size_t stride, size_t lanes, \
                                                        pkn_count_column_##isa *column) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES], carry; \
        unsigned level = 0; \
        PKN_COUNT_COPY(low, column->low) \
        carry = pkn_count_64_##isa(&rows, stride, lanes, low); \
        for (; groups_done & 1; groups_done >>= 1, level++) { \
            carry = pkn_count_full_##isa(&column->high[level], column->pending[level], carry); \
        } \
        column->pending[level] = carry; \
        PKN_COUNT_COPY(column->low, low) \
    } \
\
    /* The last rows, less than a group, and all that is pending; then n_planes planes go to out. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_finish_##isa( \
        const uint64_t *rows, size_t n_rows, size_t groups_done, size_t stride, size_t lanes, \
        pkn_count_column_##isa *column, unsigned first, unsigned n_planes, size_t out_stride, \
        uint64_t *out) { \
        pkn_count_vector_##isa carry = \
            pkn_count_rest_##isa(rows, n_rows, stride, lanes, 5, column->low); \
        for (unsigned plane = 0; plane < first + n_planes; plane++) { \
            pkn_count_vector_##isa *place = plane < PKN_COUNT_LOW_PLANES \
                                                ? &column->low[plane] \
                                                : &column->high[plane - PKN_COUNT_LOW_PLANES]; \
            if (plane >= PKN_COUNT_LOW_PLANES) { \
                carry = groups_done >> (plane - PKN_COUNT_LOW_PLANES) & 1 \
                            ? pkn_count_full_##isa( \
                                  place, column->pending[plane - PKN_COUNT_LOW_PLANES], carry) \
                            : pkn_count_half_##isa(place, carry); \
            } \
            if (plane >= first) { \
                pkn_count_store_##isa(out + (plane - first) * out_stride, lanes, *place); \
            } \
        } \
    } \
\
    /* The column that begins at word `word` of a row, whole or not, begins, goes on and ends. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_begin_##isa(pkn_count_column_##isa *column, \
                                                        uint64_t bias, unsigned n_planes) { \
        PKN_COUNT_FILL(isa, column->low, bias) \
        for (unsigned k = PKN_COUNT_LOW_PLANES; k < n_planes; k++) { \
            column->high[k - PKN_COUNT_LOW_PLANES] = \
                pkn_count_fill_##isa((unsigned)(bias >> k & 1)); \
        } \
    } \
\
    TARGET PKN_INTERNAL void pkn_count_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
        unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out) { \
        enum { COLUMNS = PKN_COUNT_COLUMNS_BYTES / 8 / LANES }; \
        pkn_count_column_##isa columns[COLUMNS]; \
        size_t n_groups = n_rows / PKN_COUNT_GROUP_ROWS; \
        size_t n_rest = n_rows % PKN_COUNT_GROUP_ROWS; \
        for (size_t word = 0; word < words; word += COLUMNS * LANES) { \
            size_t n_whole = pkn_min_size((words - word) / LANES, COLUMNS); \
            size_t lanes = n_whole < COLUMNS ? (words - word) % LANES : 0; \
            const uint64_t *place = rows + word; \
            for (size_t c = 0; c < n_whole + (lanes != 0); c++) { \
                pkn_count_begin_##isa(&columns[c], bias, first_plane + n_planes); \
            } \
            for (size_t group = 0; group < n_groups; group++) { \
                for (size_t c = 0; c < n_whole; c++) { \
                    pkn_count_group_##isa(place + c * LANES, group, stride_words, LANES, \
                                          &columns[c]); \
                } \
                if (lanes != 0) { \
                    pkn_count_group_##isa(place + n_whole * LANES, group, stride_words, lanes, \
                                          &columns[n_whole]); \
                } \
                place += PKN_COUNT_GROUP_ROWS * stride_words; \
            } \
            for (size_t c = 0; c < n_whole; c++) { \
                pkn_count_finish_##isa(place + c * LANES, n_rest, n_groups, stride_words, LANES, \
                                       &columns[c], first_plane, n_planes, out_stride, \
                                       out + word + c * LANES); \
            } \
            if (lanes != 0) { \
                pkn_count_finish_##isa(place + n_whole * LANES, n_rest, n_groups, stride_words, \
                                       lanes, &columns[n_whole], first_plane, n_planes, \
                                       out_stride, out + word + n_whole * LANES); \
            } \
        } \
    } \
\
    /* Less than 16, and less than 128 rows stay in registers altogether. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_16_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES]; \
        PKN_COUNT_FILL(isa, low, bias) \
        (void)pkn_count_rest_##isa(rows, n_rows, stride, lanes, 3, low); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 2   ? low[3] \
                              : plane > 1 ? low[2] \
                              : plane > 0 ? low[1] \
                                          : low[0]); \
    } \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_128_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES], top = pkn_count_fill_##isa(0); \
        PKN_COUNT_FILL(isa, low, bias) \
        if (n_rows >= PKN_COUNT_GROUP_ROWS) { \
            top = pkn_count_64_##isa(&rows, stride, lanes, low); \
        } \
        top = pkn_count_or_##isa(top, pkn_count_rest_##isa(rows, n_rows % PKN_COUNT_GROUP_ROWS, \
                                                           stride, lanes, 5, low)); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 5   ? top \
                              : plane > 4 ? low[5] \
                              : plane > 3 ? low[4] \
                                          : low[3]); \
    } \
\
    TARGET PKN_INTERNAL void pkn_majority_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t *out) { \
        unsigned plane = pkn_majority_plane(n_rows); \
        uint64_t bias = pkn_majority_bias(n_rows); \
        size_t word = 0; \
        if (n_rows >= 2 * PKN_COUNT_GROUP_ROWS) { \
            pkn_count_u64_##isa(rows, n_rows, stride_words, words, bias, plane, 1, words, out); \
            return; \
        } \
        if (n_rows < 16) { \
            PKN_MAJORITY_COLUMNS(pkn_majority_16_##isa, LANES) \
        } else { \
            PKN_MAJORITY_COLUMNS(pkn_majority_128_##isa, LANES) \
        } \
    }

#define PKN_MAJORITY_COLUMNS(majority, LANES) \
    for (; words - word >= LANES; word += LANES) { \
        majority(rows + word, n_rows, stride_words, LANES, bias, plane, out + word); \
    } \
    if (word < words) { \
        majority(rows + word, n_rows, stride_words, words - word, bias, plane, out + word); \
    }

/* Written out: a loop would keep the planes in memory with gcc. */
#define PKN_COUNT_COPY(to, from) \
    to[0] = from[0], to[1] = from[1], to[2] = from[2]; \
    to[3] = from[3], to[4] = from[4], to[5] = from[5];
#define PKN_COUNT_FILL(isa, planes, bias) \
    planes[0] = pkn_count_fill_##isa((unsigned)(bias & 1)); \
    planes[1] = pkn_count_fill_##isa((unsigned)(bias >> 1 & 1)); \
    planes[2] = pkn_count_fill_##isa((unsigned)(bias >> 2 & 1)); \
    planes[3] = pkn_count_fill_##isa((unsigned)(bias >> 3 & 1)); \
    planes[4] = pkn_count_fill_##isa((unsigned)(bias >> 4 & 1)); \
    planes[5] = pkn_count_fill_##isa((unsigned)(bias >> 5 & 1));

/* n rows, twice n_half, into the planes up to `plane`; the carry has weight n. */
#define PKN_DEFINE_COUNT(isa, TARGET, n, n_half, plane) \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_##n##_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_##n_half##_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_##n_half##_##isa(rows, stride, lanes, low); \
        return pkn_count_full_##isa(&low[plane], a, b); \
    }

#define PKN_COUNT_RIPPLE(isa, k) \
    if (plane <= k && k <= last) { \
        carry = pkn_count_half_##isa(&low[k], carry); \
    }

/* n rows, if the number of rows has that bit. */
#define PKN_COUNT_REST(isa, n, plane) \
    if (plane <= last && (n_rows & n) != 0) { \
        out = pkn_count_or_##isa( \
            out, pkn_count_ripple_##isa(low, plane, last, \
                                        pkn_count_##n##_##isa(&rows, stride, lanes, low))); \
    }

#endif
/* ==== src/simd/majority_scalar.c, continued ==== */

typedef uint64_t pkn_count_vector_scalar;

PKN_ALWAYS_INLINE uint64_t pkn_count_load_scalar(const uint64_t *p, size_t lanes) {
    PKN_UNUSED(lanes);
    return *p;
}

PKN_ALWAYS_INLINE void pkn_count_store_scalar(uint64_t *p, size_t lanes, uint64_t v) {
    PKN_UNUSED(lanes);
    *p = v;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_fill_scalar(unsigned bit) {
    return 0 - (uint64_t)bit;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_full_scalar(uint64_t *sum, uint64_t b, uint64_t c) {
    uint64_t a = *sum;
    uint64_t differ = a ^ b;
    *sum = differ ^ c;
    return (a & b) | (differ & c);
}

PKN_ALWAYS_INLINE uint64_t pkn_count_half_scalar(uint64_t *sum, uint64_t b) {
    uint64_t a = *sum;
    *sum = a ^ b;
    return a & b;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_or_scalar(uint64_t a, uint64_t b) {
    return a | b;
}

#define PKN_COUNT_ANY_TARGET
PKN_DEFINE_MAJORITY(scalar, PKN_COUNT_ANY_TARGET, 1)

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/majority_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 256-bit columns. */
#ifndef PKN_SIMD_MAJORITY_AVX2_C
#define PKN_SIMD_MAJORITY_AVX2_C

/* #include "simd/majority.h": above */

#if PKN_ARCH_X86

typedef __m256i pkn_count_vector_avx2;

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_mask_avx2(size_t lanes) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)lanes), _mm256_setr_epi64x(0, 1, 2, 3));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_load_avx2(const uint64_t *p, size_t lanes) {
    return lanes >= 4 ? _mm256_loadu_si256((const __m256i *)(const void *)p)
                      : _mm256_maskload_epi64((const long long *)(const void *)p,
                                              pkn_count_mask_avx2(lanes));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_count_store_avx2(uint64_t *p, size_t lanes, __m256i v) {
    if (lanes >= 4) {
        _mm256_storeu_si256((__m256i *)(void *)p, v);
    } else {
        _mm256_maskstore_epi64((long long *)(void *)p, pkn_count_mask_avx2(lanes), v);
    }
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_fill_avx2(unsigned bit) {
    return _mm256_set1_epi64x(-(long long)bit);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_full_avx2(__m256i *sum, __m256i b, __m256i c) {
    __m256i a = *sum;
    __m256i differ = _mm256_xor_si256(a, b);
    *sum = _mm256_xor_si256(differ, c);
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(differ, c));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_half_avx2(__m256i *sum, __m256i b) {
    __m256i carry = _mm256_and_si256(*sum, b);
    *sum = _mm256_xor_si256(*sum, b);
    return carry;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_or_avx2(__m256i a, __m256i b) {
    return _mm256_or_si256(a, b);
}

PKN_DEFINE_MAJORITY(avx2, PKN_TARGET_AVX2, 4)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/majority_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 512-bit columns; a full adder is two VPTERNLOGs. */
#ifndef PKN_SIMD_MAJORITY_AVX512_C
#define PKN_SIMD_MAJORITY_AVX512_C

/* #include "simd/majority.h": above */

#if PKN_ARCH_X86

typedef __m512i pkn_count_vector_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_load_avx512(const uint64_t *p, size_t lanes) {
    __m512i v = lanes >= 8 ? _mm512_loadu_si512(p)
                           : _mm512_maskz_loadu_epi64((__mmask8)((1u << lanes) - 1), p);
    /* gcc would load it twice, once for each VPTERNLOG, and loads are what limits this kernel */
    __asm__("" : "+v"(v));
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_count_store_avx512(uint64_t *p, size_t lanes,
                                                                __m512i v) {
    if (lanes >= 8) {
        _mm512_storeu_si512(p, v);
    } else {
        _mm512_mask_storeu_epi64(p, (__mmask8)((1u << lanes) - 1), v);
    }
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_fill_avx512(unsigned bit) {
    return _mm512_set1_epi64(-(long long)bit);
}

/* 0x96 is the parity of three bits, 0xe8 their majority. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_full_avx512(__m512i *sum, __m512i b,
                                                                  __m512i c) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, b, c, 0xe8);
    *sum = _mm512_ternarylogic_epi64(*sum, b, c, 0x96);
    return carry;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_half_avx512(__m512i *sum, __m512i b) {
    __m512i carry = _mm512_and_si512(*sum, b);
    *sum = _mm512_xor_si512(*sum, b);
    return carry;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_or_avx512(__m512i a, __m512i b) {
    return _mm512_or_si512(a, b);
}

PKN_DEFINE_MAJORITY(avx512, PKN_TARGET_AVX512, 8)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/majority_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 128-bit columns; the carry of a full adder is a bit select. */
#ifndef PKN_SIMD_MAJORITY_NEON_C
#define PKN_SIMD_MAJORITY_NEON_C

/* #include "simd/majority.h": above */

#if PKN_ARCH_ARM64

typedef uint64x2_t pkn_count_vector_neon;

PKN_ALWAYS_INLINE uint64x2_t pkn_count_load_neon(const uint64_t *p, size_t lanes) {
    return lanes >= 2 ? vld1q_u64(p) : vcombine_u64(vld1_u64(p), vdup_n_u64(0));
}

PKN_ALWAYS_INLINE void pkn_count_store_neon(uint64_t *p, size_t lanes, uint64x2_t v) {
    if (lanes >= 2) {
        vst1q_u64(p, v);
    } else {
        vst1_u64(p, vget_low_u64(v));
    }
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_fill_neon(unsigned bit) {
    return vdupq_n_u64(0 - (uint64_t)bit);
}

/* Where a and b differ the carry is c, else it is a. */
PKN_ALWAYS_INLINE uint64x2_t pkn_count_full_neon(uint64x2_t *sum, uint64x2_t b, uint64x2_t c) {
    uint64x2_t a = *sum;
    uint64x2_t differ = veorq_u64(a, b);
    *sum = veorq_u64(differ, c);
    return vbslq_u64(differ, c, a);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_half_neon(uint64x2_t *sum, uint64x2_t b) {
    uint64x2_t carry = vandq_u64(*sum, b);
    *sum = veorq_u64(*sum, b);
    return carry;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_or_neon(uint64x2_t a, uint64x2_t b) {
    return vorrq_u64(a, b);
}

#define PKN_COUNT_NEON_TARGET
PKN_DEFINE_MAJORITY(neon, PKN_COUNT_NEON_TARGET, 2)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/counters_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The counters' definition: one counter at a time, on any CPU. */
#ifndef PKN_SIMD_COUNTERS_SCALAR_C
#define PKN_SIMD_COUNTERS_SCALAR_C

/* ==== src/simd/counters.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters of 32 bits, one for each bit of a vector: the kernels' contracts. Counter i belongs to
   bit i % 64 of word i / 64.

   add_counts_i32     for each bit i of `words` words: counts[i] = clamp(counts[i] + 2 * weight * c +
                      offset), where c is the number whose binary digit k is bit i of
                      planes[k * plane_stride ..], k < n_planes <= 32
   add_weighted_i32   for each bit i: counts[i] = clamp(counts[i] + the sum over r < n_rows of
                      weights[r] * (bit i of row r is 1 ? 1 : -1))
   add_saturated_i32  out[i] = clamp(a[i] + b[i]), i < n; out may be a or b
   threshold_i32      bit i of out [words] = counts[i] > 0, or, where counts[i] is 0, bit i of ties,
                      which may be 0 for zeros, and may be out

   clamp is to the range of int32_t. What is added is taken modulo 2^32, so the caller sees to it
   that it fits: n_rows and the sum of the weights' magnitudes stay below 2^31. */
#ifndef PKN_SIMD_COUNTERS_H
#define PKN_SIMD_COUNTERS_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number with these bits: a conversion of a large unsigned value is the compiler's choice. */
PKN_ALWAYS_INLINE int32_t pkn_as_i32(uint32_t bits) {
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

PKN_ALWAYS_INLINE int32_t pkn_add_clamped_i32(int32_t a, int32_t b) {
    int64_t sum = (int64_t)a + b;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}

#endif
/* ==== src/simd/counters_scalar.c, continued ==== */

PKN_INTERNAL void pkn_add_counts_i32_scalar(const uint64_t *planes, unsigned n_planes,
                                            size_t plane_stride, size_t words, int32_t weight,
                                            int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++) {
        uint32_t added[64];
        for (unsigned bit = 0; bit < 64; bit++) {
            added[bit] = (uint32_t)offset;
        }
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + word];
            uint32_t step = (uint32_t)weight * 2 << k;
            for (unsigned bit = 0; bit < 64; bit++) {
                added[bit] += (0 - (uint32_t)(plane >> bit & 1)) & step;
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t *count = &counts[word * 64 + bit];
            *count = pkn_add_clamped_i32(*count, pkn_as_i32(added[bit]));
        }
    }
}

PKN_INTERNAL void pkn_add_weighted_i32_scalar(const uint64_t *rows, const int32_t *weights,
                                              size_t n_rows, size_t stride_words, size_t words,
                                              int32_t *counts) {
    for (size_t word = 0; word < words; word++) {
        uint32_t added[64] = {0};
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + word];
            uint32_t weight = (uint32_t)weights[row];
            for (unsigned bit = 0; bit < 64; bit++) {
                uint32_t zero = (uint32_t)(bits >> bit & 1) - 1; /* all ones where the bit is 0 */
                added[bit] += (weight ^ zero) - zero;
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t *count = &counts[word * 64 + bit];
            *count = pkn_add_clamped_i32(*count, pkn_as_i32(added[bit]));
        }
    }
}

PKN_INTERNAL void pkn_add_saturated_i32_scalar(const int32_t *a, const int32_t *b, size_t n,
                                               int32_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_add_clamped_i32(a[i], b[i]);
    }
}

PKN_INTERNAL void pkn_threshold_i32_scalar(const int32_t *counts, size_t words,
                                           const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++) {
        uint64_t above = 0, equal = 0;
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t count = counts[word * 64 + bit];
            above |= (uint64_t)(count > 0) << bit;
            equal |= (uint64_t)(count == 0) << bit;
        }
        out[word] = above | (ties ? equal & ties[word] : 0);
    }
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/counters_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters 8 at a time. A byte of a word is spread over 8 lanes by shifting lane i left by 31 - i:
   then the lane's sign is its bit.

   Bounds: a row (plane) takes 4 operations for each 8 counters: shift, spread of the sign, and,
   add; at 3 vector ports 11 cycles a word and row. */
#ifndef PKN_SIMD_COUNTERS_AVX2_C
#define PKN_SIMD_COUNTERS_AVX2_C

/* #include "simd/counters.h": above */
/* #include "simd/counters_scalar.c": above */
/* #include "simd/intrinsics.h": above */

#if PKN_ARCH_X86

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_add_clamped_avx2(__m256i a, __m256i b) {
    __m256i sum = _mm256_add_epi32(a, b);
    __m256i outside = _mm256_andnot_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(a, sum));
    __m256i limit = _mm256_xor_si256(_mm256_srai_epi32(a, 31), _mm256_set1_epi32(INT32_MAX));
    return _mm256_castps_si256(_mm256_blendv_ps(
        _mm256_castsi256_ps(sum), _mm256_castsi256_ps(limit), _mm256_castsi256_ps(outside)));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_load_i32_avx2(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_add_clamped_to_avx2(int32_t *counts, __m256i added) {
    _mm256_storeu_si256((__m256i *)(void *)counts,
                        pkn_add_clamped_avx2(pkn_load_i32_avx2(counts), added));
}

/* Of half a word, all ones in lane i where bit 8 * byte + i is 1. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_spread_avx2(__m256i half, int byte) {
    __m256i shifts = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    shifts = _mm256_sub_epi32(shifts, _mm256_set1_epi32(8 * byte));
    return _mm256_srai_epi32(_mm256_sllv_epi32(half, shifts), 31);
}

/* Counters of half a word: step is added where the bit is 1. */
typedef struct pkn_half_avx2 {
    __m256i a, b, c, d;
} pkn_half_avx2;

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_half_add_avx2(pkn_half_avx2 *sums, uint32_t bits,
                                                         __m256i step) {
    __m256i half = _mm256_set1_epi32(pkn_as_i32(bits));
    sums->a = _mm256_add_epi32(sums->a, _mm256_and_si256(pkn_spread_avx2(half, 0), step));
    sums->b = _mm256_add_epi32(sums->b, _mm256_and_si256(pkn_spread_avx2(half, 1), step));
    sums->c = _mm256_add_epi32(sums->c, _mm256_and_si256(pkn_spread_avx2(half, 2), step));
    sums->d = _mm256_add_epi32(sums->d, _mm256_and_si256(pkn_spread_avx2(half, 3), step));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE pkn_half_avx2 pkn_half_begin_avx2(int32_t offset) {
    pkn_half_avx2 sums;
    sums.a = sums.b = sums.c = sums.d = _mm256_set1_epi32(offset);
    return sums;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_half_end_avx2(const pkn_half_avx2 *sums,
                                                         int32_t *counts) {
    pkn_add_clamped_to_avx2(counts, sums->a);
    pkn_add_clamped_to_avx2(counts + 8, sums->b);
    pkn_add_clamped_to_avx2(counts + 16, sums->c);
    pkn_add_clamped_to_avx2(counts + 24, sums->d);
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_counts_i32_avx2(const uint64_t *planes, unsigned n_planes,
                                                          size_t plane_stride, size_t words,
                                                          int32_t weight, int32_t offset,
                                                          int32_t *counts) {
    for (size_t half = 0; half < 2 * words; half++, counts += 32) {
        __m256i step = _mm256_set1_epi32(pkn_as_i32((uint32_t)weight * 2));
        pkn_half_avx2 sums = pkn_half_begin_avx2(offset);
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + half / 2];
            pkn_half_add_avx2(&sums, (uint32_t)(plane >> (half % 2 * 32)), step);
            step = _mm256_add_epi32(step, step);
        }
        pkn_half_end_avx2(&sums, counts);
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_weighted_i32_avx2(const uint64_t *rows,
                                                            const int32_t *weights, size_t n_rows,
                                                            size_t stride_words, size_t words,
                                                            int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t half = 0; half < 2 * words; half++, counts += 32) {
        pkn_half_avx2 sums = pkn_half_begin_avx2(pkn_as_i32(0 - all));
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + half / 2];
            pkn_half_add_avx2(&sums, (uint32_t)(bits >> (half % 2 * 32)),
                              _mm256_set1_epi32(pkn_as_i32((uint32_t)weights[row] * 2)));
        }
        pkn_half_end_avx2(&sums, counts);
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_saturated_i32_avx2(const int32_t *a, const int32_t *b,
                                                             size_t n, int32_t *out) {
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i sum = pkn_add_clamped_avx2(pkn_load_i32_avx2(a + i), pkn_load_i32_avx2(b + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), sum);
    }
    pkn_add_saturated_i32_scalar(a + i, b + i, n - i, out + i);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE uint64_t pkn_signs_avx2(__m256i values) {
    return (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(values));
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_threshold_i32_avx2(const int32_t *counts, size_t words,
                                                         const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        uint64_t above = 0, equal = 0;
        for (int byte = 0; byte < 8; byte++) {
            __m256i values = pkn_load_i32_avx2(counts + 8 * byte), zero = _mm256_setzero_si256();
            above |= pkn_signs_avx2(_mm256_cmpgt_epi32(values, zero)) << (8 * byte);
            equal |= pkn_signs_avx2(_mm256_cmpeq_epi32(values, zero)) << (8 * byte);
        }
        out[word] = above | (ties ? equal & ties[word] : 0);
    }
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/counters_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters 16 at a time: a quarter of a word is the mask under which its counters are added to.

   Bounds: add_weighted_i32 takes 4 masked additions a word and row, 2 cycles on two 512-bit ports.
   add_counts_i32 takes 4 a word and plane, and at the end 6 operations, a load and a store for each
   16 counters. */
#ifndef PKN_SIMD_COUNTERS_AVX512_C
#define PKN_SIMD_COUNTERS_AVX512_C

/* #include "simd/counters.h": above */
/* #include "simd/counters_scalar.c": above */
/* #include "simd/intrinsics.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* Where both have the sign that the sum has not, it is out of range on a's side. 0x42: a and b
   agree, and differ from the sum. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_clamped_avx512(__m512i a, __m512i b) {
    __m512i sum = _mm512_add_epi32(a, b);
    __mmask16 outside = _mm512_movepi32_mask(_mm512_ternarylogic_epi32(a, b, sum, 0x42));
    __m512i limit = _mm512_xor_si512(_mm512_srai_epi32(a, 31), _mm512_set1_epi32(INT32_MAX));
    return _mm512_mask_mov_epi32(sum, outside, limit);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_add_clamped_to_avx512(int32_t *counts, __m512i added) {
    _mm512_storeu_si512(counts, pkn_add_clamped_avx512(_mm512_loadu_si512(counts), added));
}

typedef uint16_t PKN_MAY_ALIAS pkn_quarter_avx512;

/* sums + added where the quarter's bits are 1. The mask comes straight from memory: from a general
   register, which compilers prefer, it takes twice as long. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_masked_avx512(__m512i sums,
                                                                  const uint64_t *word, int quarter,
                                                                  __m512i added) {
    const pkn_quarter_avx512 *bits = (const pkn_quarter_avx512 *)(const void *)word + quarter;
    __mmask16 mask;
    __asm__("kmovw %1, %0" : "=k"(mask) : "m"(*bits));
    return _mm512_mask_add_epi32(sums, mask, sums, added);
}

/* The counters of a word. */
typedef struct pkn_sums_avx512 {
    __m512i a, b, c, d;
} pkn_sums_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_sums_add_avx512(pkn_sums_avx512 *sums,
                                                             const uint64_t *word, __m512i added) {
    sums->a = pkn_add_masked_avx512(sums->a, word, 0, added);
    sums->b = pkn_add_masked_avx512(sums->b, word, 1, added);
    sums->c = pkn_add_masked_avx512(sums->c, word, 2, added);
    sums->d = pkn_add_masked_avx512(sums->d, word, 3, added);
}

/* Twice the sums and offset into the counters. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_sums_end_avx512(const pkn_sums_avx512 *sums,
                                                             __m512i offset, int32_t *counts) {
    pkn_add_clamped_to_avx512(counts, _mm512_add_epi32(_mm512_add_epi32(sums->a, sums->a), offset));
    pkn_add_clamped_to_avx512(counts + 16,
                              _mm512_add_epi32(_mm512_add_epi32(sums->b, sums->b), offset));
    pkn_add_clamped_to_avx512(counts + 32,
                              _mm512_add_epi32(_mm512_add_epi32(sums->c, sums->c), offset));
    pkn_add_clamped_to_avx512(counts + 48,
                              _mm512_add_epi32(_mm512_add_epi32(sums->d, sums->d), offset));
}

PKN_TARGET_AVX512 PKN_INTERNAL void
pkn_add_counts_i32_avx512(const uint64_t *planes, unsigned n_planes, size_t plane_stride,
                          size_t words, int32_t weight, int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        __m512i step = _mm512_set1_epi32(weight);
        pkn_sums_avx512 sums;
        sums.a = sums.b = sums.c = sums.d = _mm512_setzero_si512();
        for (unsigned k = 0; k < n_planes; k++) {
            pkn_sums_add_avx512(&sums, planes + k * plane_stride + word, step);
            step = _mm512_add_epi32(step, step);
        }
        pkn_sums_end_avx512(&sums, _mm512_set1_epi32(offset), counts);
    }
}

/* Twice the weight where the bit is 1, less all weights. */
PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_weighted_i32_avx512(const uint64_t *rows,
                                                                const int32_t *weights,
                                                                size_t n_rows, size_t stride_words,
                                                                size_t words, int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t word = 0; word < words; word++, counts += 64) {
        pkn_sums_avx512 sums;
        sums.a = sums.b = sums.c = sums.d = _mm512_setzero_si512();
        for (size_t row = 0; row < n_rows; row++) {
            pkn_sums_add_avx512(&sums, rows + row * stride_words + word,
                                _mm512_set1_epi32(weights[row]));
        }
        pkn_sums_end_avx512(&sums, _mm512_set1_epi32(pkn_as_i32(0 - all)), counts);
    }
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_saturated_i32_avx512(const int32_t *a, const int32_t *b,
                                                                 size_t n, int32_t *out) {
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        _mm512_storeu_si512(
            out + i, pkn_add_clamped_avx512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i)));
    }
    pkn_add_saturated_i32_scalar(a + i, b + i, n - i, out + i);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_above_avx512(const int32_t *counts,
                                                              uint64_t *equal) {
    __m512i values = _mm512_loadu_si512(counts);
    *equal = (uint64_t)_mm512_testn_epi32_mask(values, values);
    return (uint64_t)_mm512_cmpgt_epi32_mask(values, _mm512_setzero_si512());
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_threshold_i32_avx512(const int32_t *counts, size_t words,
                                                             const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        uint64_t equal[4];
        uint64_t above = pkn_above_avx512(counts, &equal[0]);
        above |= pkn_above_avx512(counts + 16, &equal[1]) << 16;
        above |= pkn_above_avx512(counts + 32, &equal[2]) << 32;
        above |= pkn_above_avx512(counts + 48, &equal[3]) << 48;
        if (ties) {
            above |= (equal[0] | equal[1] << 16 | equal[2] << 32 | equal[3] << 48) & ties[word];
        }
        out[word] = above;
    }
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/tile_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels for comparing many vectors with many: a block of Hamming distances,
   the search for small ones among them, and similarities from them. */
#ifndef PKN_SIMD_TILE_SCALAR_C
#define PKN_SIMD_TILE_SCALAR_C

/* #include "base/bits.h": above */
/* ==== src/simd/tile.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Arithmetic that all tile kernels share. */
#ifndef PKN_SIMD_TILE_H
#define PKN_SIMD_TILE_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

/* One product of exact operands, no sum that a compiler could fuse: the same bits everywhere. scale
   = 1 / bits. */
PKN_ALWAYS_INLINE float pkn_similarity_of(uint32_t distance, uint64_t bits, double scale) {
    return (float)((double)(int64_t)(bits - distance) * scale);
}

/* Sum of two counts, 2^32 given as the largest: a vector has at most 2^32 bits, so only the very
   last sum can get there. */
PKN_ALWAYS_INLINE uint32_t pkn_add_counts(uint32_t a, uint32_t b) {
    uint32_t sum = a + b;
    return sum < a ? UINT32_MAX : sum;
}

/* A query's nearest target so far is kept in this many candidates, candidate t % 4 for target t: a
   tile updates them without a look at what is in them. */
#define PKN_NEAREST_LANES 4

/* Where a set has no tile of its own for it, distances of this many targets are made, then looked
   at. */
#define PKN_NEAREST_BLOCK 64

/* Takes distances [n] of targets first, first + 1, ... into a query's candidates. */
PKN_ALWAYS_INLINE void pkn_nearest_update(const uint32_t *from, size_t n, uint32_t first,
                                          uint32_t *distances, uint32_t *indices) {
    for (size_t i = 0; i < n; i++) {
        if (from[i] < distances[i % PKN_NEAREST_LANES]) {
            distances[i % PKN_NEAREST_LANES] = from[i];
            indices[i % PKN_NEAREST_LANES] = first + (uint32_t)i;
        }
    }
}

#endif
/* ==== src/simd/tile_scalar.c, continued ==== */

/* out[q * out_stride + t] = hamming(row q of queries, row t of targets), 2^32 as UINT32_MAX; of
   rows that are stride words apart the first words are compared. */
PKN_INTERNAL void pkn_hamming_part_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t stride, size_t words, uint32_t *out,
                                              size_t out_stride) {
    for (size_t q = 0; q < n_queries; q++) {
        for (size_t t = 0; t < n_targets; t++) {
            const uint64_t *query = queries + q * stride;
            const uint64_t *target = targets + t * stride;
            uint64_t count = 0;
            for (size_t i = 0; i < words; i++) {
                count += pkn_popcount_u64(query[i] ^ target[i]);
            }
            out[q * out_stride + t] = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_INTERNAL void pkn_hamming_tile_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_scalar(queries, n_queries, targets, n_targets, words, words, out,
                                out_stride);
}

/* Keeps each query's nearest targets. For targets t ascending and each query q, with lane = 4 * q +
   t % 4: if hamming(q, t) < distances[lane], then distances[lane] becomes it and indices[lane] =
   first + t. At most 4 queries. */
PKN_INTERNAL void pkn_nearest_tile_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t words, uint32_t first, uint32_t *distances,
                                              uint32_t *indices) {
    for (size_t t = 0; t < n_targets; t++) {
        for (size_t q = 0; q < n_queries; q++) {
            size_t lane = q * PKN_NEAREST_LANES + t % PKN_NEAREST_LANES;
            uint32_t distance;
            pkn_hamming_tile_u64_scalar(queries + q * words, 1, targets + t * words, 1, words,
                                        &distance, 0);
            pkn_nearest_update(&distance, 1, first + (uint32_t)t, distances + lane, indices + lane);
        }
    }
}

/* Appends the key value << 32 | (first + i) of every values[i] < threshold to keys, i ascending,
   and returns how many. keys has room for n, all of which may be written. */
PKN_INTERNAL size_t pkn_below_u32_scalar(const uint32_t *values, size_t n, uint32_t threshold,
                                         uint32_t first, uint64_t *keys) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        keys[count] = (uint64_t)values[i] << 32 | (first + (uint32_t)i);
        count += values[i] < threshold;
    }
    return count;
}

/* out[i] = (bits - distances[i]) / bits. bits is a multiple of 64, at most 2^32, and no distance is
   larger. */
PKN_INTERNAL void pkn_similarity_u32_scalar(const uint32_t *distances, size_t n, uint64_t bits,
                                            float *out) {
    double scale = 1.0 / (double)bits;
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/tile_popcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of POPCNT: 1 query x 2 targets, so that a query's word is loaded once for two. */
#ifndef PKN_SIMD_TILE_POPCNT_C
#define PKN_SIMD_TILE_POPCNT_C

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE uint32_t pkn_count_of_u32(uint64_t count) {
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_hamming_part_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t stride, size_t words, uint32_t *out,
                            size_t out_stride) {
    for (size_t t = 0; t < n_targets; t += 2) {
        const uint64_t *even = targets + t * stride;
        const uint64_t *odd = t + 1 < n_targets ? even + stride : even;
        for (size_t q = 0; q < n_queries; q++) {
            const uint64_t *query = queries + q * stride;
            uint32_t *place = out + q * out_stride + t;
            uint64_t n_even = 0, n_odd = 0;
            for (size_t i = 0; i < words; i++) {
                n_even += (uint64_t)__builtin_popcountll(query[i] ^ even[i]);
                n_odd += (uint64_t)__builtin_popcountll(query[i] ^ odd[i]);
            }
            place[0] = pkn_count_of_u32(n_even);
            if (odd != even) {
                place[1] = pkn_count_of_u32(n_odd);
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_hamming_tile_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_popcnt(queries, n_queries, targets, n_targets, words, words, out,
                                out_stride);
}

PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_nearest_tile_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t words, uint32_t first, uint32_t *distances,
                            uint32_t *indices) {
    uint32_t block[PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            pkn_hamming_tile_u64_popcnt(queries + q * words, 1, targets + i * words, n, words,
                                        block, 0);
            pkn_nearest_update(block, n, first + (uint32_t)i, distances + q * PKN_NEAREST_LANES,
                               indices + q * PKN_NEAREST_LANES);
        }
    }
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/tile_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX2: 1 query x 4 targets, ones counted by nibble table into bytes, which are summed
   up once a pair. Rows are cut at 124 words, after which a byte could overflow (31 blocks of at
   most 8). */
#ifndef PKN_SIMD_TILE_AVX2_C
#define PKN_SIMD_TILE_AVX2_C

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_X86

#define PKN_TILE_AVX2_WORDS 124

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_tile_load_avx2(const uint64_t *p, size_t words) {
    __m256i lanes;
    if (words >= 4) {
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    }
    lanes =
        _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)words), _mm256_setr_epi64x(0, 1, 2, 3));
    return _mm256_maskload_epi64((const long long *)(const void *)p, lanes);
}

/* The ones of each byte. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_tile_count_avx2(__m256i x) {
    __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_add_epi8(low, high);
}

/* Distances of one query to 4 targets. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m128i pkn_tile_1x4_avx2(const uint64_t *query,
                                                            const uint64_t *const *targets,
                                                            size_t words) {
    const uint64_t *t0 = targets[0], *t1 = targets[1], *t2 = targets[2], *t3 = targets[3];
    __m256i zero = _mm256_setzero_si256();
    __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero, s0123;
    for (size_t word = 0; word < words; word += 4) {
        size_t n = words - word;
        __m256i q = pkn_tile_load_avx2(query + word, n);
        s0 = _mm256_add_epi8(
            s0, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t0 + word, n))));
        s1 = _mm256_add_epi8(
            s1, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t1 + word, n))));
        s2 = _mm256_add_epi8(
            s2, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t2 + word, n))));
        s3 = _mm256_add_epi8(
            s3, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t3 + word, n))));
    }
    s0 = _mm256_packus_epi32(_mm256_sad_epu8(s0, zero), _mm256_sad_epu8(s1, zero));
    s2 = _mm256_packus_epi32(_mm256_sad_epu8(s2, zero), _mm256_sad_epu8(s3, zero));
    s0123 = _mm256_packus_epi32(s0, s2);
    return _mm_madd_epi16(
        _mm_add_epi16(_mm256_castsi256_si128(s0123), _mm256_extracti128_si256(s0123, 1)),
        _mm_set1_epi16(1));
}

PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_hamming_part_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t stride, size_t words, uint32_t *out,
                          size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_AVX2_WORDS) {
        size_t n_words = pkn_min_size(words - word, PKN_TILE_AVX2_WORDS);
        for (size_t t = 0; t < n_targets; t += 4) {
            size_t n = pkn_min_size(n_targets - t, 4);
            const uint64_t *rows[4];
            for (size_t i = 0; i < 4; i++) {
                rows[i] = targets + (t + (i < n ? i : n - 1)) * stride + word;
            }
            for (size_t q = 0; q < n_queries; q++) {
                __m128i counts = pkn_tile_1x4_avx2(queries + q * stride + word, rows, n_words);
                uint32_t *place = out + q * out_stride + t;
                if (n == 4 && word == 0) {
                    _mm_storeu_si128((__m128i *)(void *)place, counts);
                } else {
                    uint32_t part[4];
                    _mm_storeu_si128((__m128i *)(void *)part, counts);
                    for (size_t i = 0; i < n; i++) {
                        place[i] = word == 0 ? part[i] : pkn_add_counts(place[i], part[i]);
                    }
                }
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_hamming_tile_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_avx2(queries, n_queries, targets, n_targets, words, words, out,
                              out_stride);
}

PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_nearest_tile_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t words, uint32_t first, uint32_t *distances,
                          uint32_t *indices) {
    uint32_t block[4 * PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        pkn_hamming_tile_u64_avx2(queries, n_queries, targets + i * words, n, words, block,
                                  PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            const uint32_t *from = block + q * PKN_NEAREST_BLOCK;
            __m128i *best_place = (__m128i *)(void *)(distances + q * PKN_NEAREST_LANES);
            __m128i *place_place = (__m128i *)(void *)(indices + q * PKN_NEAREST_LANES);
            __m128i best = _mm_loadu_si128(best_place), place = _mm_loadu_si128(place_place);
            __m128i now = _mm_add_epi32(_mm_set1_epi32((int)(first + (uint32_t)i)),
                                        _mm_setr_epi32(0, 1, 2, 3));
            size_t t = 0;
            for (; n - t >= 4; t += 4) {
                __m128i counts = _mm_loadu_si128((const __m128i *)(const void *)(from + t));
                __m128i not_nearer = _mm_cmpeq_epi32(_mm_max_epu32(counts, best), counts);
                best = _mm_min_epu32(counts, best);
                place = _mm_blendv_epi8(now, place, not_nearer);
                now = _mm_add_epi32(now, _mm_set1_epi32(4));
            }
            _mm_storeu_si128(best_place, best);
            _mm_storeu_si128(place_place, place);
            pkn_nearest_update(from + t, n - t, first + (uint32_t)(i + t),
                               distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES);
        }
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_below_u32_avx2(const uint32_t *values, size_t n,
                                                       uint32_t threshold, uint32_t first,
                                                       uint64_t *keys) {
    /* AVX2 compares signed numbers only. */
    __m256i sign = _mm256_set1_epi32(INT32_MIN);
    __m256i threshold_i32x8 = _mm256_xor_si256(_mm256_set1_epi32((int)threshold), sign);
    size_t count = 0, i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i values_i32x8 =
            _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(values + i)), sign);
        __m256i below_i32x8 = _mm256_cmpgt_epi32(threshold_i32x8, values_i32x8);
        unsigned below = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(below_i32x8));
        for (; PKN_UNLIKELY(below != 0); below &= below - 1) {
            size_t place = i + (size_t)__builtin_ctz(below);
            keys[count++] = (uint64_t)values[place] << 32 | (first + (uint32_t)place);
        }
    }
    for (; i < n; i++) {
        if (values[i] < threshold) {
            keys[count++] = (uint64_t)values[i] << 32 | (first + (uint32_t)i);
        }
    }
    return count;
}

/* bits - distance as a double: both are exact, and so is their difference. */
PKN_TARGET_AVX2 PKN_INTERNAL void pkn_similarity_u32_avx2(const uint32_t *distances, size_t n,
                                                          uint64_t bits, float *out) {
    double scale = 1.0 / (double)bits;
    size_t i = 0;
    if (bits < (UINT64_C(1) << 31)) {
        __m256d scale_f64x4 = _mm256_set1_pd(scale);
        __m128i bits_i32x4 = _mm_set1_epi32((int)bits);
        for (; n - i >= 4; i += 4) {
            __m128i distances_i32x4 =
                _mm_loadu_si128((const __m128i *)(const void *)(distances + i));
            __m256d same_f64x4 = _mm256_cvtepi32_pd(_mm_sub_epi32(bits_i32x4, distances_i32x4));
            _mm_storeu_ps(out + i, _mm256_cvtpd_ps(_mm256_mul_pd(same_f64x4, scale_f64x4)));
        }
    }
    for (; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/tile_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX-512 without VPOPCNTDQ, and the search of their results. */
#ifndef PKN_SIMD_TILE_AVX512_C
#define PKN_SIMD_TILE_AVX512_C

/* ==== src/simd/tile_avx512.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The register tiles of AVX-512, for any way to count the ones in the lanes of a register.

   Tuned for rows of 2048 bits (4 registers) on a CPU with two 512-bit or four 256-bit pipes. A tile
   is 4 queries x 4 targets: 16 counters of 8 lanes stay in registers while the rows go by, 8 loads
   for 48 other operations. At the end 22 operations bring the 16 x 8 lanes to 16 counts: packing to
   16 bits puts four counters side by side, so most of the sums are done for four pairs at once. A
   pair of 2048 bits takes (4 + 4 + 3) + 22 / 16 = 12.4 operations, that is 6.2 cycles. A single
   query meets one target after another, so that memory is read in its order, and lines are asked
   for before their turn: 13 operations and 4 loads a pair, little slower than reading alone where
   the targets come from L2 or farther off. Rows are cut at PKN_TILE_AVX512_WORDS, up to which a count fits in 15 bits in any part of that
   sum. The addresses of a tile's rows are computed in it; through a table in memory the tile took a
   fifth longer. */
#ifndef PKN_SIMD_TILE_AVX512_H
#define PKN_SIMD_TILE_AVX512_H

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_X86

#define PKN_TILE_AVX512_WORDS 1016
/* The line 4 KiB ahead into L2. In the order of the addresses: out of order it cost a fifth of the
   bandwidth. */
#define PKN_TILE_PREFETCH(p) _mm_prefetch((const char *)((p) + 512), _MM_HINT_T1)

/* Masks of ones here and below cost nothing; without them gcc 12 warns of the intrinsics' own unset
   operands. */
#define PKN_TILE_LANES(a, b, selection) _mm512_maskz_shuffle_i32x4(0xffff, a, b, selection)

/* Distances of 4 queries to 4 targets, query major; rows are stride words apart. Of the targets n
   are there, 1 to 4; the rest of a row of the result repeats the last one's. */
typedef __m512i (*pkn_tile_avx512_fn)(const uint64_t *queries, const uint64_t *targets,
                                      size_t stride, size_t n, size_t words);

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_pack_avx512(__m512i a, __m512i b, __m512i c,
                                                                 __m512i d) {
    return _mm512_packus_epi32(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
}

/* In a.., 128-bit lane l holds two partial counts (16 bits) of each of 4 pairs; sums over lanes and
   halves: 16 counts of 32 bits. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_sum_avx512(__m512i a, __m512i b, __m512i c,
                                                                __m512i d) {
    __m512i ab = _mm512_add_epi16(PKN_TILE_LANES(a, b, 0x88), PKN_TILE_LANES(a, b, 0xdd));
    __m512i cd = _mm512_add_epi16(PKN_TILE_LANES(c, d, 0x88), PKN_TILE_LANES(c, d, 0xdd));
    __m512i abcd = _mm512_add_epi16(PKN_TILE_LANES(ab, cd, 0x88), PKN_TILE_LANES(ab, cd, 0xdd));
    return _mm512_madd_epi16(abcd, _mm512_set1_epi16(1));
}

#define PKN_TILE_LOAD(p) _mm512_loadu_si512(p)
#define PKN_TILE_LOAD_TAIL(p) _mm512_maskz_loadu_epi64(tail, p)

/* The counters of 4 queries for a register of one target; `first` sets them, `next` adds. */
#define PKN_TILE_FIRST(COUNT, sum, x, y) sum = COUNT(_mm512_xor_si512(x, y))
#define PKN_TILE_NEXT(COUNT, sum, x, y) sum = _mm512_add_epi64(sum, COUNT(_mm512_xor_si512(x, y)))
#define PKN_TILE_4X1(STEP, COUNT, target, s0, s1, s2, s3) \
    t = target; \
    STEP(COUNT, s0, q0, t); \
    STEP(COUNT, s1, q1, t); \
    STEP(COUNT, s2, q2, t); \
    STEP(COUNT, s3, q3, t)
#define PKN_TILE_4X4(STEP, COUNT, LOAD) \
    do { \
        __m512i q0 = LOAD(r0 + word), q1 = LOAD(r1 + word), q2 = LOAD(r2 + word), \
                q3 = LOAD(r3 + word), t; \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t0 + word), s0, s4, s8, s12); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t1 + word), s1, s5, s9, s13); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t2 + word), s2, s6, s10, s14); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t3 + word), s3, s7, s11, s15); \
    } while (0)
/* All words of the rows through SHAPE. */
#define PKN_TILE_ROWS(SHAPE, COUNT) \
    do { \
        __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
        size_t word = 0; \
        if (PKN_LIKELY(words >= 8)) { \
            SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD); \
            for (word = 8; words - word >= 8; word += 8) { \
                SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD); \
            } \
            if (PKN_UNLIKELY(tail)) { \
                SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD_TAIL); \
            } \
        } else { \
            SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD_TAIL); \
        } \
    } while (0)

/* COUNT(x): the ones of each 64-bit lane. */
#define PKN_DEFINE_TILES_AVX512(isa, TARGET, COUNT) \
    TARGET PKN_NOINLINE PKN_INTERNAL __m512i pkn_tile_4x4_##isa( \
        const uint64_t *queries, const uint64_t *targets, size_t stride, size_t n, size_t words) { \
        const uint64_t *r0 = queries, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride; \
        const uint64_t *t0 = targets, *t1 = n > 1 ? t0 + stride : t0, \
                       *t2 = n > 2 ? t1 + stride : t1; \
        const uint64_t *t3 = n > 3 ? t2 + stride : t2; \
        __m512i s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15; \
        PKN_TILE_ROWS(PKN_TILE_4X4, COUNT); \
        return pkn_tile_sum_avx512( \
            pkn_tile_pack_avx512(s0, s1, s2, s3), pkn_tile_pack_avx512(s4, s5, s6, s7), \
            pkn_tile_pack_avx512(s8, s9, s10, s11), pkn_tile_pack_avx512(s12, s13, s14, s15)); \
    } \
    /* Counters of 8 words of 1 query and 1 target. */ \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_8_words_##isa(const uint64_t *query, \
                                                            const uint64_t *target) { \
        return COUNT(_mm512_xor_si512(_mm512_loadu_si512(query), _mm512_loadu_si512(target))); \
    } \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_1x1_##isa(const uint64_t *query, \
                                                        const uint64_t *target, size_t words) { \
        __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
        __m512i even = _mm512_setzero_si512(), odd = even; \
        size_t word = 0; \
        for (; words - word >= 16; word += 16) { \
            PKN_TILE_PREFETCH(target + word); \
            PKN_TILE_PREFETCH(target + word + 8); \
            even = _mm512_add_epi64(even, pkn_tile_8_words_##isa(query + word, target + word)); \
            odd = _mm512_add_epi64(odd, \
                                   pkn_tile_8_words_##isa(query + word + 8, target + word + 8)); \
        } \
        if (words - word >= 8) { \
            PKN_TILE_PREFETCH(target + word); \
            even = _mm512_add_epi64(even, pkn_tile_8_words_##isa(query + word, target + word)); \
            word += 8; \
        } \
        if (PKN_UNLIKELY(tail)) { \
            odd = _mm512_add_epi64( \
                odd, COUNT(_mm512_xor_si512(_mm512_maskz_loadu_epi64(tail, query + word), \
                                            _mm512_maskz_loadu_epi64(tail, target + word)))); \
        } \
        return _mm512_add_epi64(even, odd); \
    } \
    /* The same for 32 words, so that the query stays in registers. */ \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_1x1_of_32_##isa(const uint64_t *query, \
                                                              const uint64_t *target) { \
        return _mm512_add_epi64( \
            _mm512_add_epi64(pkn_tile_8_words_##isa(query, target), \
                             pkn_tile_8_words_##isa(query + 8, target + 8)), \
            _mm512_add_epi64(pkn_tile_8_words_##isa(query + 16, target + 16), \
                             pkn_tile_8_words_##isa(query + 24, target + 24))); \
    } \
    /* 1 query with 4 targets; n as above. */ \
    TARGET PKN_ALWAYS_INLINE __m128i pkn_tile_1x4_##isa( \
        const uint64_t *query, const uint64_t *targets, size_t stride, size_t n, size_t words) { \
        const uint64_t *t1 = n > 1 ? targets + stride : targets; \
        const uint64_t *t2 = n > 2 ? t1 + stride : t1, *t3 = n > 3 ? t2 + stride : t2; \
        __m512i s0, s1, s2, s3; \
        if (PKN_LIKELY(words == 32)) { \
            s0 = pkn_tile_1x1_of_32_##isa(query, targets); \
            s1 = pkn_tile_1x1_of_32_##isa(query, t1); \
            s2 = pkn_tile_1x1_of_32_##isa(query, t2); \
            s3 = pkn_tile_1x1_of_32_##isa(query, t3); \
        } else { \
            s0 = pkn_tile_1x1_##isa(query, targets, words); \
            s1 = pkn_tile_1x1_##isa(query, t1, words); \
            s2 = pkn_tile_1x1_##isa(query, t2, words); \
            s3 = pkn_tile_1x1_##isa(query, t3, words); \
        } \
        return pkn_tile_sum_row_avx512(pkn_tile_pack_avx512(s0, s1, s2, s3)); \
    } \
    TARGET PKN_INTERNAL void pkn_tile_row_##isa(const uint64_t *query, const uint64_t *targets, \
                                                size_t n_targets, size_t stride, size_t words, \
                                                int add, uint32_t *out) { \
        for (size_t i = 0; i < n_targets; i += 4) { \
            size_t n = n_targets - i; \
            pkn_tile_store_avx512( \
                pkn_tile_1x4_##isa(query, targets + i * stride, stride, n, words), n, add, \
                out + i); \
        } \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_part_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t stride, size_t words, uint32_t *out, size_t out_stride) { \
        for (size_t word = 0; word < words; word += PKN_TILE_AVX512_WORDS) { \
            size_t n = pkn_min_size(words - word, PKN_TILE_AVX512_WORDS); \
            size_t q = 0; \
            for (; n_queries - q >= 4; q += 4) { \
                pkn_tile_panel_avx512(pkn_tile_4x4_##isa, queries + q * stride + word, \
                                      targets + word, n_targets, stride, n, word > 0, \
                                      out + q * out_stride, out_stride); \
            } \
            for (; q < n_queries; q++) { \
                pkn_tile_row_##isa(queries + q * stride + word, targets + word, n_targets, stride, \
                                   n, word > 0, out + q * out_stride); \
            } \
        } \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_tile_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t words, uint32_t *out, size_t out_stride) { \
        pkn_hamming_part_u64_##isa(queries, n_queries, targets, n_targets, words, words, out, \
                                   out_stride); \
    } \
    TARGET PKN_INTERNAL void pkn_nearest_tile_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t words, uint32_t first, uint32_t *distances, uint32_t *indices) { \
        if (n_queries == 4 && words <= PKN_TILE_AVX512_WORDS) { \
            pkn_tile_nearest_avx512(pkn_tile_4x4_##isa, queries, targets, n_targets, words, first, \
                                    distances, indices); \
            return; \
        } \
        for (size_t q = 0; q < n_queries && words <= PKN_TILE_AVX512_WORDS; q++) { \
            pkn_tile_nearest_row_avx512( \
                pkn_tile_1x4_##isa, queries + q * words, targets, n_targets, words, first, \
                distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES); \
        } \
        if (words > PKN_TILE_AVX512_WORDS) { \
            pkn_tile_nearest_long_avx512(pkn_hamming_tile_u64_##isa, queries, n_queries, targets, \
                                         n_targets, words, first, distances, indices); \
        } \
    }

/* The same for one such register: 4 counts. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m128i pkn_tile_sum_row_avx512(__m512i a) {
    __m256i half = _mm256_add_epi16(_mm512_maskz_extracti64x4_epi64(0xf, a, 0),
                                    _mm512_maskz_extracti64x4_epi64(0xf, a, 1));
    __m128i quarter =
        _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    return _mm_madd_epi16(quarter, _mm_set1_epi16(1));
}

/* The first n of 4 counts, which are distances or (add) those of a further part of long rows. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_tile_store_avx512(__m128i counts, size_t n, int add,
                                                               uint32_t *out) {
    if (PKN_LIKELY(n >= 4 && !add)) {
        _mm_storeu_si128((__m128i *)(void *)out, counts);
    } else {
        __mmask8 mask = (__mmask8)(n >= 4 ? 15 : (1u << n) - 1);
        __m128i before = _mm_maskz_loadu_epi32((__mmask8)(add ? mask : 0), out);
        __m128i sum = _mm_add_epi32(counts, before);
        sum = _mm_mask_set1_epi32(sum, _mm_cmplt_epu32_mask(sum, before), -1);
        _mm_mask_storeu_epi32(out, mask, sum);
    }
}

/* 4 queries with n_targets targets. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_panel_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries, const uint64_t *targets,
                      size_t n_targets, size_t stride, size_t words, int add, uint32_t *out,
                      size_t out_stride) {
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        uint32_t *place = out + i;
        __m512i counts = tile_4x4(queries, targets + i * stride, stride, n, words);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 0), n, add, place);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 1), n, add,
                              place + out_stride);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 2), n, add,
                              place + 2 * out_stride);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 3), n, add,
                              place + 3 * out_stride);
    }
}

/* The nearest of 4 queries: a tile's 16 distances are 4 candidates of each query. Lanes that repeat
   the last target (n < 4) are masked. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_nearest_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries,
                        const uint64_t *targets, size_t n_targets, size_t words, uint32_t first,
                        uint32_t *distances, uint32_t *indices) {
    __m512i best = _mm512_loadu_si512(distances);
    __m512i place = _mm512_loadu_si512(indices);
    __m512i now =
        _mm512_add_epi32(_mm512_set1_epi32((int)first),
                         _mm512_maskz_broadcast_i32x4(0xffff, _mm_setr_epi32(0, 1, 2, 3)));
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        __m512i counts = tile_4x4(queries, targets + i * words, words, n, words);
        __mmask16 lanes = (__mmask16)(n >= 4 ? 0xffff : ((1u << n) - 1) * 0x1111u);
        __mmask16 nearer = _mm512_mask_cmplt_epu32_mask(lanes, counts, best);
        best = _mm512_mask_mov_epi32(best, nearer, counts);
        place = _mm512_mask_mov_epi32(place, nearer, now);
        now = _mm512_add_epi32(now, _mm512_set1_epi32(4));
    }
    _mm512_storeu_si512(distances, best);
    _mm512_storeu_si512(indices, place);
}

typedef __m128i (*pkn_tile_row_avx512_fn)(const uint64_t *query, const uint64_t *targets,
                                          size_t stride, size_t n, size_t words);

/* The same for one query. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_nearest_row_avx512(pkn_tile_row_avx512_fn tile_1x4, const uint64_t *query,
                            const uint64_t *targets, size_t n_targets, size_t words, uint32_t first,
                            uint32_t *distances, uint32_t *indices) {
    __m128i best = _mm_loadu_si128((const __m128i *)(const void *)distances);
    __m128i place = _mm_loadu_si128((const __m128i *)(const void *)indices);
    __m128i now = _mm_add_epi32(_mm_set1_epi32((int)first), _mm_setr_epi32(0, 1, 2, 3));
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        __m128i counts = tile_1x4(query, targets + i * words, words, n, words);
        __mmask8 lanes = (__mmask8)(n >= 4 ? 15 : (1u << n) - 1);
        __mmask8 nearer = _mm_mask_cmplt_epu32_mask(lanes, counts, best);
        best = _mm_mask_mov_epi32(best, nearer, counts);
        place = _mm_mask_mov_epi32(place, nearer, now);
        now = _mm_add_epi32(now, _mm_set1_epi32(4));
    }
    _mm_storeu_si128((__m128i *)(void *)distances, best);
    _mm_storeu_si128((__m128i *)(void *)indices, place);
}

typedef void (*pkn_hamming_tile_fn)(const uint64_t *queries, size_t n_queries,
                                    const uint64_t *targets, size_t n_targets, size_t words,
                                    uint32_t *out, size_t out_stride);

/* Rows so long that a distance is a sum over parts. */
PKN_INTERNAL void pkn_tile_nearest_long_avx512(pkn_hamming_tile_fn hamming, const uint64_t *queries,
                                               size_t n_queries, const uint64_t *targets,
                                               size_t n_targets, size_t words, uint32_t first,
                                               uint32_t *distances, uint32_t *indices) {
    uint32_t block[PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            hamming(queries + q * words, 1, targets + i * words, n, words, block, 0);
            pkn_nearest_update(block, n, first + (uint32_t)i, distances + q * PKN_NEAREST_LANES,
                               indices + q * PKN_NEAREST_LANES);
        }
    }
}

#endif

#endif
/* ==== src/simd/tile_avx512.c, continued ==== */

#if PKN_ARCH_X86

/* Ones of each nibble from a table, summed over the 8 bytes of a lane. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_count_avx512(__m512i x) {
    /* with a mask of ones, since gcc 12 warns of the plain form's unset operand */
    __m512i table = _mm512_maskz_broadcast_i32x4(
        0xffff, _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m512i nibble = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, nibble));
    __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

PKN_DEFINE_TILES_AVX512(avx512, PKN_TARGET_AVX512, pkn_tile_count_avx512)

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_below_u32_avx512(const uint32_t *values, size_t n,
                                                           uint32_t threshold, uint32_t first,
                                                           uint64_t *keys) {
    __m512i threshold_u32x16 = _mm512_set1_epi32((int)threshold);
    size_t count = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512i values_u32x16 = _mm512_maskz_loadu_epi32(mask, values + i);
        unsigned below = _mm512_mask_cmplt_epu32_mask(mask, values_u32x16, threshold_u32x16);
        for (; PKN_UNLIKELY(below != 0); below &= below - 1) {
            size_t place = i + (size_t)__builtin_ctz(below);
            keys[count++] = (uint64_t)values[place] << 32 | (first + (uint32_t)place);
        }
    }
    return count;
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_similarity_u32_avx512(const uint32_t *distances, size_t n,
                                                              uint64_t bits, float *out) {
    __m512d scale_f64x8 = _mm512_set1_pd(1.0 / (double)bits);
    __m512i bits_u64x8 = _mm512_set1_epi64((long long)bits);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 mask = (__mmask8)(n - i >= 8 ? 0xff : (1u << (n - i)) - 1);
        __m512i distances_u64x8 =
            _mm512_maskz_cvtepu32_epi64(mask, _mm256_maskz_loadu_epi32(mask, distances + i));
        __m512d same_f64x8 =
            _mm512_maskz_cvtepi64_pd(mask, _mm512_sub_epi64(bits_u64x8, distances_u64x8));
        _mm256_mask_storeu_ps(out + i, mask,
                              _mm512_maskz_cvtpd_ps(mask, _mm512_mul_pd(same_f64x8, scale_f64x8)));
    }
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/tile_avx512_vpopcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles where the CPU counts the ones of 64-bit lanes by itself. */
#ifndef PKN_SIMD_TILE_AVX512_VPOPCNT_C
#define PKN_SIMD_TILE_AVX512_VPOPCNT_C

/* #include "simd/tile_avx512.h": above */

#if PKN_ARCH_X86

PKN_DEFINE_TILES_AVX512(avx512_vpopcnt, PKN_TARGET_AVX512_VPOPCNT, _mm512_popcnt_epi64)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/tile_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of NEON: 2 queries x 4 targets, ones counted into bytes, which are summed up once a
   pair. Rows are cut at 62 words, after which a byte could overflow (31 blocks of at most 8). */
#ifndef PKN_SIMD_TILE_NEON_C
#define PKN_SIMD_TILE_NEON_C

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_ARM64

#define PKN_TILE_NEON_WORDS 62

PKN_ALWAYS_INLINE uint8x16_t pkn_tile_load_neon(const uint64_t *p, size_t words) {
    return vreinterpretq_u8_u64(words >= 2 ? vld1q_u64(p)
                                           : vcombine_u64(vld1_u64(p), vdup_n_u64(0)));
}

PKN_ALWAYS_INLINE uint8x16_t pkn_tile_step_neon(uint8x16_t sum, uint8x16_t a, uint8x16_t b) {
    return vaddq_u8(sum, vcntq_u8(veorq_u8(a, b)));
}

/* Distances of queries q0 and q1 to 4 targets: counts[0 .. 3] and counts[4 .. 7]. */
PKN_ALWAYS_INLINE void pkn_tile_2x4_neon(const uint64_t *q0, const uint64_t *q1,
                                         const uint64_t *const *targets, size_t words,
                                         uint32_t *counts) {
    const uint64_t *t0 = targets[0], *t1 = targets[1], *t2 = targets[2], *t3 = targets[3];
    uint8x16_t zero = vdupq_n_u8(0);
    uint8x16_t a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero,
               b3 = zero;
    for (size_t word = 0; word < words; word += 2) {
        size_t n = words - word;
        uint8x16_t a = pkn_tile_load_neon(q0 + word, n), b = pkn_tile_load_neon(q1 + word, n);
        uint8x16_t t = pkn_tile_load_neon(t0 + word, n);
        a0 = pkn_tile_step_neon(a0, a, t);
        b0 = pkn_tile_step_neon(b0, b, t);
        t = pkn_tile_load_neon(t1 + word, n);
        a1 = pkn_tile_step_neon(a1, a, t);
        b1 = pkn_tile_step_neon(b1, b, t);
        t = pkn_tile_load_neon(t2 + word, n);
        a2 = pkn_tile_step_neon(a2, a, t);
        b2 = pkn_tile_step_neon(b2, b, t);
        t = pkn_tile_load_neon(t3 + word, n);
        a3 = pkn_tile_step_neon(a3, a, t);
        b3 = pkn_tile_step_neon(b3, b, t);
    }
    counts[0] = vaddlvq_u8(a0);
    counts[1] = vaddlvq_u8(a1);
    counts[2] = vaddlvq_u8(a2);
    counts[3] = vaddlvq_u8(a3);
    counts[4] = vaddlvq_u8(b0);
    counts[5] = vaddlvq_u8(b1);
    counts[6] = vaddlvq_u8(b2);
    counts[7] = vaddlvq_u8(b3);
}

PKN_INTERNAL void pkn_hamming_part_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets,
                                            size_t stride, size_t words, uint32_t *out,
                                            size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_NEON_WORDS) {
        size_t n_words = pkn_min_size(words - word, PKN_TILE_NEON_WORDS);
        for (size_t t = 0; t < n_targets; t += 4) {
            size_t n = pkn_min_size(n_targets - t, 4);
            const uint64_t *rows[4];
            for (size_t i = 0; i < 4; i++) {
                rows[i] = targets + (t + (i < n ? i : n - 1)) * stride + word;
            }
            for (size_t q = 0; q < n_queries; q += 2) {
                size_t second = q + 1 < n_queries ? q + 1 : q;
                uint32_t counts[8];
                pkn_tile_2x4_neon(queries + q * stride + word, queries + second * stride + word,
                                  rows, n_words, counts);
                for (size_t row = q; row <= second; row++) {
                    uint32_t *place = out + row * out_stride + t;
                    const uint32_t *part = counts + (row - q) * 4;
                    for (size_t i = 0; i < n; i++) {
                        place[i] = word == 0 ? part[i] : pkn_add_counts(place[i], part[i]);
                    }
                }
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_INTERNAL void pkn_hamming_tile_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets, size_t words,
                                            uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_neon(queries, n_queries, targets, n_targets, words, words, out,
                              out_stride);
}

PKN_INTERNAL void pkn_nearest_tile_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets, size_t words,
                                            uint32_t first, uint32_t *distances,
                                            uint32_t *indices) {
    static const uint32_t steps[4] = {0, 1, 2, 3};
    uint32_t block[4 * PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        pkn_hamming_tile_u64_neon(queries, n_queries, targets + i * words, n, words, block,
                                  PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            const uint32_t *from = block + q * PKN_NEAREST_BLOCK;
            uint32x4_t best = vld1q_u32(distances + q * PKN_NEAREST_LANES);
            uint32x4_t place = vld1q_u32(indices + q * PKN_NEAREST_LANES);
            uint32x4_t now = vaddq_u32(vdupq_n_u32(first + (uint32_t)i), vld1q_u32(steps));
            size_t t = 0;
            for (; n - t >= 4; t += 4) {
                uint32x4_t counts = vld1q_u32(from + t);
                place = vbslq_u32(vcltq_u32(counts, best), now, place);
                best = vminq_u32(counts, best);
                now = vaddq_u32(now, vdupq_n_u32(4));
            }
            vst1q_u32(distances + q * PKN_NEAREST_LANES, best);
            vst1q_u32(indices + q * PKN_NEAREST_LANES, place);
            pkn_nearest_update(from + t, n - t, first + (uint32_t)(i + t),
                               distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES);
        }
    }
}

PKN_INTERNAL size_t pkn_below_u32_neon(const uint32_t *values, size_t n, uint32_t threshold,
                                       uint32_t first, uint64_t *keys) {
    uint32x4_t threshold_u32x4 = vdupq_n_u32(threshold);
    size_t count = 0, i = 0;
    for (; i < n; i += 16) {
        size_t end = pkn_min_size(i + 16, n);
        if (n - i >= 16) {
            uint32x4_t low = vminq_u32(vld1q_u32(values + i), vld1q_u32(values + i + 4));
            uint32x4_t high = vminq_u32(vld1q_u32(values + i + 8), vld1q_u32(values + i + 12));
            if (PKN_LIKELY(vmaxvq_u32(vcltq_u32(vminq_u32(low, high), threshold_u32x4)) == 0)) {
                continue;
            }
        }
        for (size_t j = i; j < end; j++) {
            if (values[j] < threshold) {
                keys[count++] = (uint64_t)values[j] << 32 | (first + (uint32_t)j);
            }
        }
    }
    return count;
}

PKN_INTERNAL void pkn_similarity_u32_neon(const uint32_t *distances, size_t n, uint64_t bits,
                                          float *out) {
    double scale = 1.0 / (double)bits;
    uint64x2_t bits_u64x2 = vdupq_n_u64(bits);
    size_t i = 0;
    for (; n - i >= 2; i += 2) {
        uint64x2_t same_u64x2 = vsubq_u64(bits_u64x2, vmovl_u32(vld1_u32(distances + i)));
        vst1_f32(out + i, vcvt_f32_f64(vmulq_n_f64(vcvtq_f64_u64(same_u64x2), scale)));
    }
    for (; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/float_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels' definition: one element at a time, sums in the fixed order of simd.h. */
#ifndef PKN_SIMD_FLOAT_SCALAR_C
#define PKN_SIMD_FLOAT_SCALAR_C

/* ==== src/simd/exact.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Float arithmetic that the compiler leaves as written, so that every instruction set gives the
   same bits.

   gcc fuses a * b + c into one rounding wherever the target has FMA (-march=native, arm64), across
   intrinsics too, and neither a pragma nor an attribute stops it in gcc and clang alike. An empty
   asm statement between product and sum does, and costs no instruction. */
#ifndef PKN_SIMD_EXACT_H
#define PKN_SIMD_EXACT_H

/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

/* The value (float, double or a vector of them) is rounded here, whatever is done with it
   afterwards. */
#if PKN_ARCH_X86
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+v"(value))
#elif PKN_ARCH_ARM64
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+w"(value))
#else
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+m"(value))
#endif

PKN_ALWAYS_INLINE float pkn_product_f32(float a, float b) {
    float product = a * b;
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE double pkn_product_f64(double a, double b) {
    double product = a * b;
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* Square root without libm: sqrtf as a function sets errno and needs -lm. */
#if PKN_ARCH_X86
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    __m128d x_f64x2 = _mm_set_sd(x);
    return _mm_cvtsd_f64(_mm_sqrt_sd(x_f64x2, x_f64x2));
}
#elif PKN_ARCH_ARM64
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    return vget_lane_f64(vsqrt_f64(vdup_n_f64(x)), 0);
}
#else
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return __builtin_sqrtf(x);
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    return __builtin_sqrt(x);
}
#endif

/* Sums run in this many accumulators: element i goes to accumulator i mod PKN_SUM_LANES_*. 256
   bytes either way: 4 registers of 64 bytes, 8 of 32 or 16 of 16, enough to hide an addition's
   latency (3 to 4 cycles, 2 a cycle). */
#define PKN_SUM_LANES_F32 64
#define PKN_SUM_LANES_F64 32

#endif
/* ==== src/simd/float_scalar.c, continued ==== */
/* #include "simd/kernels.h": above */

/* The accumulators fold in half until one is left. */
#define PKN_DEFINE_FOLD_SCALAR(suffix, type, lanes) \
    PKN_INTERNAL type pkn_fold_##suffix##_scalar(type *sums) { \
        for (unsigned half = (lanes) / 2; half > 0; half /= 2) { \
            for (unsigned i = 0; i < half; i++) { \
                sums[i] += sums[i + half]; \
            } \
        } \
        return sums[0]; \
    }

#define PKN_DEFINE_FLOAT_SCALAR(suffix, type, lanes) \
    PKN_DEFINE_FOLD_SCALAR(suffix, type, lanes) \
    PKN_INTERNAL void pkn_add_##suffix##_scalar(const type *a, const type *b, size_t n, \
                                                type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = a[i] + b[i]; \
        } \
    } \
    PKN_INTERNAL void pkn_multiply_##suffix##_scalar(const type *a, const type *b, size_t n, \
                                                     type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = a[i] * b[i]; \
        } \
    } \
    PKN_INTERNAL void pkn_sqrt_##suffix##_scalar(const type *a, size_t n, type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = pkn_sqrt_one_##suffix(a[i]); \
        } \
    } \
    PKN_INTERNAL void pkn_axpy_##suffix##_scalar(type alpha, const type *x, size_t n, type *y) { \
        for (size_t i = 0; i < n; i++) { \
            y[i] += pkn_product_##suffix(alpha, x[i]); \
        } \
    } \
    PKN_INTERNAL type pkn_sum_##suffix##_scalar(const type *x, size_t n) { \
        type sums[lanes] = {0}; \
        for (size_t i = 0; i < n; i++) { \
            sums[i % (lanes)] += x[i]; \
        } \
        return pkn_fold_##suffix##_scalar(sums); \
    } \
    PKN_INTERNAL type pkn_dot_##suffix##_scalar(const type *x, const type *y, size_t n) { \
        type sums[lanes] = {0}; \
        for (size_t i = 0; i < n; i++) { \
            sums[i % (lanes)] += pkn_product_##suffix(x[i], y[i]); \
        } \
        return pkn_fold_##suffix##_scalar(sums); \
    }

PKN_DEFINE_FLOAT_SCALAR(f32, float, PKN_SUM_LANES_F32)
PKN_DEFINE_FLOAT_SCALAR(f64, double, PKN_SUM_LANES_F64)

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/float_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for AVX2, with the bits of float_scalar.c.

   add, multiply, axpy: two loads and a store per 32 bytes, one cycle. sum: a load per 32 bytes,
   half a cycle; dot: two, one cycle; eight sums in flight cover the addition's latency of 3 to 4
   cycles. sqrt: bound by the divider. The rest of a sum is masked: a masked lane adds +0, which
   changes no sum, since one that began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_AVX2_C
#define PKN_SIMD_FLOAT_AVX2_C

/* #include "simd/align.h": above */
/* #include "simd/exact.h": above */
/* #include "simd/float_scalar.c": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256 pkn_product_f32x8(__m256 a, __m256 b) {
    __m256 product = _mm256_mul_ps(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256d pkn_product_f64x4(__m256d a, __m256d b) {
    __m256d product = _mm256_mul_pd(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The first n elements; the other lanes are 0 and not read. n may be 0 or less, or more than there
   are lanes. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256 pkn_load_first_f32x8(const float *x, int n) {
    return _mm256_maskload_ps(
        x, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256d pkn_load_first_f64x4(const double *x, int n) {
    return _mm256_maskload_pd(
        x, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)));
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 float pkn_fold_f32x8(__m256 sum) {
    __m128 sum_f32x4 = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
    return _mm_cvtss_f32(_mm_add_ss(sum_f32x4, _mm_shuffle_ps(sum_f32x4, sum_f32x4, 1)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 double pkn_fold_f64x4(__m256d sum) {
    __m128d sum_f64x2 = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sum_f64x2, _mm_unpackhi_pd(sum_f64x2, sum_f64x2)));
}

/* The elementwise kernels: the scalar kernel up to the first aligned output and for the rest, whole
   registers between; two a turn, since a loop of one cycle needs luck with its place in the
   instruction cache. */
#define PKN_DEFINE_PAIRWISE_AVX2(name, operation, suffix, type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_##name##_##suffix##_avx2(const type *a, const type *b, \
                                                                   size_t n, type *out) { \
        size_t i = pkn_align_head(out, sizeof(type), n, 32); \
        if (i > 0) { \
            pkn_##name##_##suffix##_scalar(a, b, i, out); \
        } \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) { \
            const size_t j = i + (lanes); \
            _mm256_storeu_##ps(out + i, \
                               operation(_mm256_loadu_##ps(a + i), _mm256_loadu_##ps(b + i))); \
            _mm256_storeu_##ps(out + j, \
                               operation(_mm256_loadu_##ps(a + j), _mm256_loadu_##ps(b + j))); \
        } \
        if (i < n) { \
            pkn_##name##_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    }

#define PKN_DEFINE_ELEMENTWISE_AVX2(suffix, type, vector, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX2(add, _mm256_add_##ps, suffix, type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX2(multiply, _mm256_mul_##ps, suffix, type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_sqrt_##suffix##_avx2(const type *a, size_t n, \
                                                               type *out) { \
        size_t i = 0; /* the divider is slower than any store */ \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm256_storeu_##ps(out + i, _mm256_sqrt_##ps(_mm256_loadu_##ps(a + i))); \
        } \
        if (i < n) { \
            pkn_sqrt_##suffix##_scalar(a + i, n - i, out + i); \
        } \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_axpy_one_##suffix##_avx2(vector alphas, \
                                                                        const type *x, type *y) { \
        vector product = pkn_product_##suffix##x##lanes(alphas, _mm256_loadu_##ps(x)); \
        _mm256_storeu_##ps(y, _mm256_add_##ps(_mm256_loadu_##ps(y), product)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_axpy_##suffix##_avx2(type alpha, const type *x, \
                                                               size_t n, type *y) { \
        const vector alphas = _mm256_set1_##ps(alpha); \
        size_t i = pkn_align_head(y, sizeof(type), n, 32); \
        if (i > 0) { \
            pkn_axpy_##suffix##_scalar(alpha, x, i, y); \
        } \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) { \
            pkn_axpy_one_##suffix##_avx2(alphas, x + i, y + i); \
            pkn_axpy_one_##suffix##_avx2(alphas, x + i + (lanes), y + i + (lanes)); \
        } \
        if (i < n) { \
            pkn_axpy_##suffix##_scalar(alpha, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_AVX2(f32, float, __m256, ps, 8)
PKN_DEFINE_ELEMENTWISE_AVX2(f64, double, __m256d, pd, 4)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the eight holds the
   accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. */
#define PKN_ADD_TERM_AVX2(k, suffix, ps, lanes) \
    sum##k = _mm256_add_##ps(sum##k, pkn_term_##suffix##_avx2(x, y, i + (k) * (lanes)))
#define PKN_ADD_REST_AVX2(k, suffix, ps, lanes) \
    sum##k = _mm256_add_##ps( \
        sum##k, pkn_rest_##suffix##_avx2(x, y, i + (k) * (lanes), rest - (k) * (lanes)))
#define PKN_ADD_EIGHT_AVX2(add, suffix, ps, lanes) \
    add(0, suffix, ps, lanes); \
    add(1, suffix, ps, lanes); \
    add(2, suffix, ps, lanes); \
    add(3, suffix, ps, lanes); \
    add(4, suffix, ps, lanes); \
    add(5, suffix, ps, lanes); \
    add(6, suffix, ps, lanes); \
    add(7, suffix, ps, lanes)

#define PKN_DEFINE_REDUCTION_AVX2(suffix, type, vector, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 vector pkn_term_##suffix##_avx2(const type *x, \
                                                                      const type *y, size_t i) { \
        vector term = _mm256_loadu_##ps(x + i); \
        return y ? pkn_product_##suffix##x##lanes(term, _mm256_loadu_##ps(y + i)) : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 vector pkn_rest_##suffix##_avx2( \
        const type *x, const type *y, size_t i, int n) { \
        vector term = pkn_load_first_##suffix##x##lanes(x + i, n); \
        return y ? pkn_product_##suffix##x##lanes(term, \
                                                  pkn_load_first_##suffix##x##lanes(y + i, n)) \
                 : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 type pkn_reduce_##suffix##_avx2(const type *x, \
                                                                      const type *y, size_t n) { \
        vector sum0 = _mm256_setzero_##ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0; \
        vector sum4 = sum0, sum5 = sum0, sum6 = sum0, sum7 = sum0; \
        size_t i = 0; \
        for (; i + 8 * (lanes) <= n; i += 8 * (lanes)) { \
            PKN_ADD_EIGHT_AVX2(PKN_ADD_TERM_AVX2, suffix, ps, lanes); \
        } \
        if (i < n) { \
            int rest = (int)(n - i); \
            PKN_ADD_EIGHT_AVX2(PKN_ADD_REST_AVX2, suffix, ps, lanes); \
        } \
        sum0 = _mm256_add_##ps(_mm256_add_##ps(sum0, sum4), _mm256_add_##ps(sum2, sum6)); \
        sum1 = _mm256_add_##ps(_mm256_add_##ps(sum1, sum5), _mm256_add_##ps(sum3, sum7)); \
        return pkn_fold_##suffix##x##lanes(_mm256_add_##ps(sum0, sum1)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 type pkn_sum_##suffix##_avx2(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_avx2(x, 0, n); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 type pkn_dot_##suffix##_avx2(const type *x, const type *y, \
                                                              size_t n) { \
        return y ? pkn_reduce_##suffix##_avx2(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_AVX2(f32, float, __m256, ps, 8)
PKN_DEFINE_REDUCTION_AVX2(f64, double, __m256d, pd, 4)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/float_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for AVX-512, with the bits of float_scalar.c.

   add, multiply, axpy: two loads and a store per 64 bytes, two cycles where the CPU splits them
   (Zen 4), one elsewhere. sum: a load per 64 bytes, dot: two; four sums in flight. sqrt: bound by
   the divider. Rests are masked; in a sum a masked lane adds +0, which changes nothing, since a sum
   that began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_AVX512_C
#define PKN_SIMD_FLOAT_AVX512_C

/* #include "simd/align.h": above */
/* #include "simd/exact.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512 pkn_product_f32x16(__m512 a, __m512 b) {
    __m512 product = _mm512_mul_ps(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512d pkn_product_f64x8(__m512d a, __m512d b) {
    __m512d product = _mm512_mul_pd(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 float pkn_fold_f32x16(__m512 sum) {
    __m256 sum_f32x8 = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    __m128 sum_f32x4 =
        _mm_add_ps(_mm256_castps256_ps128(sum_f32x8), _mm256_extractf128_ps(sum_f32x8, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
    return _mm_cvtss_f32(_mm_add_ss(sum_f32x4, _mm_shuffle_ps(sum_f32x4, sum_f32x4, 1)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 double pkn_fold_f64x8(__m512d sum) {
    __m256d sum_f64x4 = _mm256_add_pd(_mm512_castpd512_pd256(sum), _mm512_extractf64x4_pd(sum, 1));
    __m128d sum_f64x2 =
        _mm_add_pd(_mm256_castpd256_pd128(sum_f64x4), _mm256_extractf128_pd(sum_f64x4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sum_f64x2, _mm_unpackhi_pd(sum_f64x2, sum_f64x2)));
}

/* The elementwise kernels: a masked register up to the first aligned output and for the rest, whole
   registers between. */
#define PKN_DEFINE_PAIRWISE_AVX512(name, operation, suffix, type, mask_type, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_##name##_part_##suffix##_avx512( \
        const type *a, const type *b, size_t n, type *out) { \
        mask_type mask = (mask_type)((1u << n) - 1u); \
        _mm512_mask_storeu_##ps( \
            out, mask, \
            operation(_mm512_maskz_loadu_##ps(mask, a), _mm512_maskz_loadu_##ps(mask, b))); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_##name##_##suffix##_avx512( \
        const type *a, const type *b, size_t n, type *out) { \
        size_t i = pkn_align_head(out, sizeof(type), n, 64); \
        if (i > 0) { \
            pkn_##name##_part_##suffix##_avx512(a, b, i, out); \
        } \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm512_storeu_##ps(out + i, \
                               operation(_mm512_loadu_##ps(a + i), _mm512_loadu_##ps(b + i))); \
        } \
        if (i < n) { \
            pkn_##name##_part_##suffix##_avx512(a + i, b + i, n - i, out + i); \
        } \
    }

#define PKN_DEFINE_ELEMENTWISE_AVX512(suffix, type, vector, mask_type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX512(add, _mm512_add_##ps, suffix, type, mask_type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX512(multiply, _mm512_mul_##ps, suffix, type, mask_type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_sqrt_##suffix##_avx512(const type *a, size_t n, \
                                                                   type *out) { \
        size_t i = 0; /* the divider is slower than any store */ \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm512_storeu_##ps(out + i, _mm512_sqrt_##ps(_mm512_loadu_##ps(a + i))); \
        } \
        if (i < n) { \
            mask_type mask = (mask_type)((1u << (n - i)) - 1u); \
            _mm512_mask_storeu_##ps(out + i, mask, \
                                    _mm512_sqrt_##ps(_mm512_maskz_loadu_##ps(mask, a + i))); \
        } \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_axpy_part_##suffix##_avx512( \
        vector alphas, const type *x, size_t n, type *y) { \
        mask_type mask = (mask_type)((1u << n) - 1u); \
        vector product = pkn_product_##suffix##x##lanes(alphas, _mm512_maskz_loadu_##ps(mask, x)); \
        _mm512_mask_storeu_##ps(y, mask, \
                                _mm512_add_##ps(_mm512_maskz_loadu_##ps(mask, y), product)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_axpy_##suffix##_avx512(type alpha, const type *x, \
                                                                   size_t n, type *y) { \
        const vector alphas = _mm512_set1_##ps(alpha); \
        size_t i = pkn_align_head(y, sizeof(type), n, 64); \
        if (i > 0) { \
            pkn_axpy_part_##suffix##_avx512(alphas, x, i, y); \
        } \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vector product = pkn_product_##suffix##x##lanes(alphas, _mm512_loadu_##ps(x + i)); \
            _mm512_storeu_##ps(y + i, _mm512_add_##ps(_mm512_loadu_##ps(y + i), product)); \
        } \
        if (i < n) { \
            pkn_axpy_part_##suffix##_avx512(alphas, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_AVX512(f32, float, __m512, __mmask16, ps, 16)
PKN_DEFINE_ELEMENTWISE_AVX512(f64, double, __m512d, __mmask8, pd, 8)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the four holds the
   accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. */
#define PKN_DEFINE_REDUCTION_AVX512(suffix, type, vector, mask_type, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 vector pkn_term_##suffix##_avx512( \
        const type *x, const type *y, size_t i) { \
        vector term = _mm512_loadu_##ps(x + i); \
        return y ? pkn_product_##suffix##x##lanes(term, _mm512_loadu_##ps(y + i)) : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 vector pkn_rest_##suffix##_avx512( \
        const type *x, const type *y, size_t i, uint64_t lanes_left) { \
        vector term = _mm512_maskz_loadu_##ps((mask_type)lanes_left, x + i); \
        return y ? pkn_product_##suffix##x##lanes( \
                       term, _mm512_maskz_loadu_##ps((mask_type)lanes_left, y + i)) \
                 : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 type pkn_reduce_##suffix##_avx512( \
        const type *x, const type *y, size_t n) { \
        vector sum0 = _mm512_setzero_##ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0; \
        size_t i = 0; \
        for (; i + 4 * (lanes) <= n; i += 4 * (lanes)) { \
            sum0 = _mm512_add_##ps(sum0, pkn_term_##suffix##_avx512(x, y, i)); \
            sum1 = _mm512_add_##ps(sum1, pkn_term_##suffix##_avx512(x, y, i + (lanes))); \
            sum2 = _mm512_add_##ps(sum2, pkn_term_##suffix##_avx512(x, y, i + 2 * (lanes))); \
            sum3 = _mm512_add_##ps(sum3, pkn_term_##suffix##_avx512(x, y, i + 3 * (lanes))); \
        } \
        if (i < n) { \
            uint64_t left = ((uint64_t)1 << (n - i)) - 1u; \
            sum0 = _mm512_add_##ps(sum0, pkn_rest_##suffix##_avx512(x, y, i, left)); \
            sum1 = _mm512_add_##ps( \
                sum1, pkn_rest_##suffix##_avx512(x, y, i + (lanes), left >> (lanes))); \
            sum2 = _mm512_add_##ps( \
                sum2, pkn_rest_##suffix##_avx512(x, y, i + 2 * (lanes), left >> 2 * (lanes))); \
            sum3 = _mm512_add_##ps( \
                sum3, pkn_rest_##suffix##_avx512(x, y, i + 3 * (lanes), left >> 3 * (lanes))); \
        } \
        sum0 = _mm512_add_##ps(_mm512_add_##ps(sum0, sum2), _mm512_add_##ps(sum1, sum3)); \
        return pkn_fold_##suffix##x##lanes(sum0); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 type pkn_sum_##suffix##_avx512(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_avx512(x, 0, n); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 type pkn_dot_##suffix##_avx512(const type *x, const type *y, \
                                                                  size_t n) { \
        return y ? pkn_reduce_##suffix##_avx512(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_AVX512(f32, float, __m512, __mmask16, ps, 16)
PKN_DEFINE_REDUCTION_AVX512(f64, double, __m512d, __mmask8, pd, 8)

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/float_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for NEON (64-bit ARM), with the bits of float_scalar.c.

   Elementwise kernels and sums are bound by loads and stores; sixteen sums in flight, half of the
   registers. The rest of a sum is copied into a block of zeros: +0 changes no sum, since one that
   began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_NEON_C
#define PKN_SIMD_FLOAT_NEON_C

/* #include "base/platform.h": above */
/* #include "simd/exact.h": above */
/* #include "simd/float_scalar.c": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_ARM64

PKN_ALWAYS_INLINE float32x4_t pkn_product_f32x4(float32x4_t a, float32x4_t b) {
    float32x4_t product = vmulq_f32(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE float64x2_t pkn_product_f64x2(float64x2_t a, float64x2_t b) {
    float64x2_t product = vmulq_f64(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE float pkn_fold_f32x4(float32x4_t sum) {
    float32x2_t sum_f32x2 = vadd_f32(vget_low_f32(sum), vget_high_f32(sum));
    return vget_lane_f32(sum_f32x2, 0) + vget_lane_f32(sum_f32x2, 1);
}

PKN_ALWAYS_INLINE double pkn_fold_f64x2(float64x2_t sum) {
    return vgetq_lane_f64(sum, 0) + vgetq_lane_f64(sum, 1);
}

/* The elementwise kernels: whole registers, then the scalar kernel for the rest. */
#define PKN_DEFINE_ELEMENTWISE_NEON(suffix, type, vector, lanes) \
    PKN_INTERNAL void pkn_add_##suffix##_neon(const type *a, const type *b, size_t n, type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vaddq_##suffix(vld1q_##suffix(a + i), vld1q_##suffix(b + i))); \
        } \
        if (i < n) { \
            pkn_add_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_multiply_##suffix##_neon(const type *a, const type *b, size_t n, \
                                                   type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vmulq_##suffix(vld1q_##suffix(a + i), vld1q_##suffix(b + i))); \
        } \
        if (i < n) { \
            pkn_multiply_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_sqrt_##suffix##_neon(const type *a, size_t n, type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vsqrtq_##suffix(vld1q_##suffix(a + i))); \
        } \
        if (i < n) { \
            pkn_sqrt_##suffix##_scalar(a + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_axpy_##suffix##_neon(type alpha, const type *x, size_t n, type *y) { \
        const vector alphas = vdupq_n_##suffix(alpha); \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vector product = pkn_product_##suffix##x##lanes(alphas, vld1q_##suffix(x + i)); \
            vst1q_##suffix(y + i, vaddq_##suffix(vld1q_##suffix(y + i), product)); \
        } \
        if (i < n) { \
            pkn_axpy_##suffix##_scalar(alpha, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_NEON(f32, float, float32x4_t, 4)
PKN_DEFINE_ELEMENTWISE_NEON(f64, double, float64x2_t, 2)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the sixteen holds
   the accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. The loops over k have a constant
   end and unroll. */
#define PKN_DEFINE_REDUCTION_NEON(suffix, type, vector, lanes) \
    PKN_ALWAYS_INLINE void pkn_add_terms_##suffix##_neon(vector *sums, const type *x, \
                                                         const type *y) { \
        _Pragma("GCC unroll 16") for (size_t k = 0; k < 16; k++) { \
            vector term = vld1q_##suffix(x + k * (lanes)); \
            if (y) { \
                term = pkn_product_##suffix##x##lanes(term, vld1q_##suffix(y + k * (lanes))); \
            } \
            sums[k] = vaddq_##suffix(sums[k], term); \
        } \
    } \
    PKN_ALWAYS_INLINE type pkn_reduce_##suffix##_neon(const type *x, const type *y, size_t n) { \
        vector sums[16]; \
        size_t i = 0; \
        _Pragma("GCC unroll 16") for (size_t k = 0; k < 16; k++) { \
            sums[k] = vdupq_n_##suffix(0); \
        } \
        for (; i + 16 * (lanes) <= n; i += 16 * (lanes)) { \
            pkn_add_terms_##suffix##_neon(sums, x + i, y ? y + i : 0); \
        } \
        if (i < n) { \
            type last_x[16 * (lanes)] = {0}; \
            type last_y[16 * (lanes)] = {0}; \
            memcpy(last_x, x + i, (n - i) * sizeof(type)); \
            if (y) { \
                memcpy(last_y, y + i, (n - i) * sizeof(type)); \
            } \
            pkn_add_terms_##suffix##_neon(sums, last_x, y ? last_y : 0); \
        } \
        _Pragma("GCC unroll 4") for (size_t half = 8; half > 0; half /= 2) { \
            _Pragma("GCC unroll 8") for (size_t k = 0; k < half; k++) { \
                sums[k] = vaddq_##suffix(sums[k], sums[k + half]); \
            } \
        } \
        return pkn_fold_##suffix##x##lanes(sums[0]); \
    } \
    PKN_INTERNAL type pkn_sum_##suffix##_neon(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_neon(x, 0, n); \
    } \
    PKN_INTERNAL type pkn_dot_##suffix##_neon(const type *x, const type *y, size_t n) { \
        return y ? pkn_reduce_##suffix##_neon(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_NEON(f32, float, float32x4_t, 4)
PKN_DEFINE_REDUCTION_NEON(f64, double, float64x2_t, 2)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/integer_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels over 8- and 16-bit integers. */
#ifndef PKN_SIMD_INTEGER_SCALAR_C
#define PKN_SIMD_INTEGER_SCALAR_C

/* ==== src/simd/integer.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the kernels over 8- and 16-bit integers share: the clip, and the loop of dot products over
   four targets at a time.

   Values are clipped to -127 .. 127 and -32767 .. 32767, the same on both sides, so that a negated
   vector gives negated results. Inputs may hold -128 and -32768 nevertheless, and every sum is
   exact. */
#ifndef PKN_SIMD_INTEGER_H
#define PKN_SIMD_INTEGER_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

PKN_ALWAYS_INLINE int8_t pkn_clip_i8(int32_t x) {
    return (int8_t)(x > 127 ? 127 : x < -127 ? -127 : x);
}

PKN_ALWAYS_INLINE int16_t pkn_clip_i16(int32_t x) {
    return (int16_t)(x > 32767 ? 32767 : x < -32767 ? -32767 : x);
}

/* The largest |x[i]|. Blocks of constant length are what gcc's -O2 makes vectors of. */
PKN_INLINE uint32_t pkn_magnitude_i16(const int16_t *x, size_t n) {
    enum { BLOCK = 32 };
    int16_t low[BLOCK] = {0}, high[BLOCK] = {0};
    int32_t min = 0, max = 0;
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        for (size_t j = 0; j < BLOCK; j++) {
            low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
            high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
        }
    }
    for (size_t j = 0; j < BLOCK; j++) {
        min = low[j] < min ? low[j] : min;
        max = high[j] > max ? high[j] : max;
    }
    for (; i < n; i++) {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
    }
    return (uint32_t)(max > -min ? max : -min);
}

/* Elements whose products a 32-bit lane can sum up, a multiple of lanes. Bytes: a step adds at most
   4 * 255 * 128 < 2^17 to a lane. 16 bits: at most 2 * 32768 times the query's largest magnitude,
   0 where that is too much at once. */
PKN_INLINE size_t pkn_dot_chunk_i8(const int8_t *query, size_t n, size_t lanes) {
    PKN_UNUSED(query);
    PKN_UNUSED(n);
    return ((size_t)1 << 13) * lanes;
}

PKN_INLINE size_t pkn_dot_chunk_i16(const int16_t *query, size_t n, size_t lanes) {
    uint32_t magnitude = pkn_magnitude_i16(query, n);
    uint32_t steps = magnitude < 32 ? 1024 : (uint32_t)INT32_MAX / (65536u * magnitude);
    return magnitude > 32767 ? 0 : (size_t)steps * lanes;
}

/* Defines pkn_dot_tile_<type>_<isa>, LANES elements a step, from
       pkn_dot_load_<type>_<isa>(const T *query, size_t n)           the first n <= LANES elements
       pkn_dot_step_<type>_<isa>(sum, query, const T *target, n)     sum + products, 32-bit lanes
       pkn_dot_sum_<isa>(sum)                                        the lanes' sum as int64_t
       pkn_dot_excess_<type>_<isa>(query, n)     what the steps give above the dot product
   and, for queries whose products don't fit, the scalar kernel. */
#define PKN_DEFINE_DOT_TILE(isa, type, T, vector, LANES, TARGET) \
    TARGET PKN_ALWAYS_INLINE void pkn_dot_4_##type##_##isa( \
        const T *query, const T *const *targets, size_t begin, size_t end, int64_t *sums) { \
        vector s0 = pkn_dot_zero_##isa(), s1 = s0, s2 = s0, s3 = s0; \
        for (size_t i = begin; i < end; i += (LANES)) { \
            size_t n = pkn_min_size(end - i, (LANES)); \
            vector q = pkn_dot_load_##type##_##isa(query + i, n); \
            s0 = pkn_dot_step_##type##_##isa(s0, q, targets[0] + i, n); \
            s1 = pkn_dot_step_##type##_##isa(s1, q, targets[1] + i, n); \
            s2 = pkn_dot_step_##type##_##isa(s2, q, targets[2] + i, n); \
            s3 = pkn_dot_step_##type##_##isa(s3, q, targets[3] + i, n); \
        } \
        sums[0] += pkn_dot_sum_##isa(s0); \
        sums[1] += pkn_dot_sum_##isa(s1); \
        sums[2] += pkn_dot_sum_##isa(s2); \
        sums[3] += pkn_dot_sum_##isa(s3); \
    } \
\
    TARGET PKN_INTERNAL void pkn_dot_tile_##type##_##isa( \
        const T *query, const T *targets, size_t n_targets, size_t n, int64_t *out) { \
        size_t chunk = pkn_dot_chunk_##type(query, n, (LANES)); \
        size_t whole = n / (LANES) * (LANES); \
        int64_t excess; \
        if (chunk == 0) { \
            pkn_dot_tile_##type##_scalar(query, targets, n_targets, n, out); \
            return; \
        } \
        excess = pkn_dot_excess_##type##_##isa(query, n); \
        for (size_t t = 0; t < n_targets; t += 4) { \
            size_t left = pkn_min_size(n_targets - t, 4); \
            const T *rows[4]; \
            int64_t sums[4]; \
            for (size_t k = 0; k < 4; k++) { \
                rows[k] = targets + (t + pkn_min_size(k, left - 1)) * n; \
                sums[k] = -excess; \
            } \
            for (size_t i = 0; i < whole; i += chunk) { \
                pkn_dot_4_##type##_##isa(query, rows, i, i + pkn_min_size(chunk, whole - i), \
                                         sums); \
            } \
            if (whole < n) { \
                pkn_dot_4_##type##_##isa(query, rows, whole, n, sums); \
            } \
            for (size_t k = 0; k < left; k++) { \
                out[t + k] = sums[k]; \
            } \
        } \
    }

#endif
/* ==== src/simd/integer_scalar.c, continued ==== */

/* out[i] = clip(a[i] * b[i]). out may be a or b. */
PKN_INTERNAL void pkn_multiply_i8_scalar(const int8_t *a, const int8_t *b, size_t n, int8_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_clip_i8(a[i] * b[i]);
    }
}

PKN_INTERNAL void pkn_multiply_i16_scalar(const int16_t *a, const int16_t *b, size_t n,
                                          int16_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_clip_i16(a[i] * b[i]);
    }
}

/* y[i] = clip(y[i] + x[i]). */
PKN_INTERNAL void pkn_add_saturated_i16_scalar(const int16_t *x, size_t n, int16_t *y) {
    for (size_t i = 0; i < n; i++) {
        y[i] = pkn_clip_i16(y[i] + x[i]);
    }
}

/* sums[i] += x[i]; the sums have to fit. */
PKN_INTERNAL void pkn_accumulate_i8_scalar(const int8_t *x, size_t n, int32_t *sums) {
    for (size_t i = 0; i < n; i++) {
        sums[i] += x[i];
    }
}

PKN_INTERNAL void pkn_accumulate_i16_scalar(const int16_t *x, size_t n, int32_t *sums) {
    for (size_t i = 0; i < n; i++) {
        sums[i] += x[i];
    }
}

/* out[t] = the sum of query[i] * targets[t * n + i] over i < n, for t < n_targets. */
PKN_INTERNAL void pkn_dot_tile_i8_scalar(const int8_t *query, const int8_t *targets,
                                         size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += query[i] * targets[t * n + i];
        }
        out[t] = sum;
    }
}

PKN_INTERNAL void pkn_dot_tile_i16_scalar(const int16_t *query, const int16_t *targets,
                                          size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += query[i] * targets[t * n + i];
        }
        out[t] = sum;
    }
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/integer_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of AVX2. Rests shorter than a register go to the scalar kernel.

   Dot products of 32 bytes: two sign extensions of the target, two multiply-adds, two adds (the
   query's extensions are shared by four targets), 6 to 7 operations; of 16 16-bit values: a
   multiply-add and an add. The clips of packs are to -128 and -32768, so a maximum goes before. */
#ifndef PKN_SIMD_INTEGER_AVX2_C
#define PKN_SIMD_INTEGER_AVX2_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i8x16_avx2(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i16x8_avx2(const int16_t *p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i32x8_avx2(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_multiply_i8_avx2(const int8_t *a, const int8_t *b, size_t n,
                                                       int8_t *out) {
    const __m256i least = _mm256_set1_epi16(-127);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i product_i16x16 =
            _mm256_mullo_epi16(pkn_load_i8x16_avx2(a + i), pkn_load_i8x16_avx2(b + i));
        product_i16x16 = _mm256_max_epi16(product_i16x16, least);
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm_packs_epi16(_mm256_castsi256_si128(product_i16x16),
                                         _mm256_extracti128_si256(product_i16x16, 1)));
    }
    pkn_multiply_i8_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_multiply_i16_avx2(const int16_t *a, const int16_t *b,
                                                        size_t n, int16_t *out) {
    const __m256i least = _mm256_set1_epi32(-32767);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i product_i32x8 =
            _mm256_mullo_epi32(pkn_load_i16x8_avx2(a + i), pkn_load_i16x8_avx2(b + i));
        product_i32x8 = _mm256_max_epi32(product_i32x8, least);
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm_packs_epi32(_mm256_castsi256_si128(product_i32x8),
                                         _mm256_extracti128_si256(product_i32x8, 1)));
    }
    pkn_multiply_i16_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_add_saturated_i16_avx2(const int16_t *x, size_t n,
                                                             int16_t *y) {
    const __m256i least = _mm256_set1_epi16(-32767);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i *place = (__m256i *)(void *)(y + i);
        __m256i sum_i16x16 =
            _mm256_adds_epi16(_mm256_loadu_si256(place),
                              _mm256_loadu_si256((const __m256i *)(const void *)(x + i)));
        _mm256_storeu_si256(place, _mm256_max_epi16(sum_i16x16, least));
    }
    pkn_add_saturated_i16_scalar(x + i, n - i, y + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_accumulate_i8_avx2(const int8_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i x_i32x8 =
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(x + i)));
        _mm256_storeu_si256((__m256i *)(void *)(sums + i),
                            _mm256_add_epi32(pkn_load_i32x8_avx2(sums + i), x_i32x8));
    }
    pkn_accumulate_i8_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_accumulate_i16_avx2(const int16_t *x, size_t n,
                                                          int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_si256(
            (__m256i *)(void *)(sums + i),
            _mm256_add_epi32(pkn_load_i32x8_avx2(sums + i), pkn_load_i16x8_avx2(x + i)));
    }
    pkn_accumulate_i16_scalar(x + i, n - i, sums + i);
}

/* ---- dot products */

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_zero_avx2(void) {
    return _mm256_setzero_si256();
}

/* Rests come from a padded copy. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_load_i8_avx2(const int8_t *p, size_t n) {
    int8_t rest[16] = {0};
    if (n == 16) {
        return pkn_load_i8x16_avx2(p);
    }
    for (size_t i = 0; i < n; i++) {
        rest[i] = p[i];
    }
    return pkn_load_i8x16_avx2(rest);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_load_i16_avx2(const int16_t *p, size_t n) {
    int16_t rest[16] = {0};
    if (n == 16) {
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    }
    for (size_t i = 0; i < n; i++) {
        rest[i] = p[i];
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)rest);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_i8_avx2(__m256i sum, __m256i query,
                                                               const int8_t *target, size_t n) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(query, pkn_dot_load_i8_avx2(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_i16_avx2(__m256i sum, __m256i query,
                                                                const int16_t *target, size_t n) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(query, pkn_dot_load_i16_avx2(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 int64_t pkn_dot_sum_avx2(__m256i sum) {
    __m256i sum_i64x4 =
        _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum)),
                         _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1)));
    __m128i sum_i64x2 = _mm_add_epi64(_mm256_castsi256_si128(sum_i64x4),
                                      _mm256_extracti128_si256(sum_i64x4, 1));
    return _mm_cvtsi128_si64(_mm_add_epi64(sum_i64x2, _mm_unpackhi_epi64(sum_i64x2, sum_i64x2)));
}

#define pkn_dot_excess_i8_avx2(query, n) 0
#define pkn_dot_excess_i16_avx2(query, n) 0

PKN_DEFINE_DOT_TILE(avx2, i8, int8_t, __m256i, 16, PKN_TARGET_AVX2)
PKN_DEFINE_DOT_TILE(avx2, i16, int16_t, __m256i, 16, PKN_TARGET_AVX2)

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/integer_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of AVX-512 (F, BW, VL, DQ). Rests shorter than a register are masked. The
   operations are those of AVX2, on twice the lanes. */
#ifndef PKN_SIMD_INTEGER_AVX512_C
#define PKN_SIMD_INTEGER_AVX512_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The mask of the first n lanes of 32, or all. */
PKN_ALWAYS_INLINE __mmask32 pkn_first_lanes_x32(size_t n) {
    return (__mmask32)(n >= 32 ? 0xffffffffu : (1u << n) - 1u);
}

PKN_ALWAYS_INLINE __mmask16 pkn_first_lanes_x16(size_t n) {
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_multiply_i8_avx512(const int8_t *a, const int8_t *b,
                                                           size_t n, int8_t *out) {
    const __m512i least = _mm512_set1_epi16(-127);
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 mask = pkn_first_lanes_x32(n - i);
        __m512i product_i16x32 =
            _mm512_mullo_epi16(_mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, a + i)),
                               _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, b + i)));
        product_i16x32 = _mm512_max_epi16(product_i16x32, least);
        _mm256_mask_storeu_epi8(out + i, mask, _mm512_cvtsepi16_epi8(product_i16x32));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_multiply_i16_avx512(const int16_t *a, const int16_t *b,
                                                            size_t n, int16_t *out) {
    const __m512i least = _mm512_set1_epi32(-32767);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i product_i32x16 =
            _mm512_mullo_epi32(_mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, a + i)),
                               _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, b + i)));
        product_i32x16 = _mm512_max_epi32(product_i32x16, least);
        _mm256_mask_storeu_epi16(out + i, mask, _mm512_cvtsepi32_epi16(product_i32x16));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_add_saturated_i16_avx512(const int16_t *x, size_t n,
                                                                 int16_t *y) {
    const __m512i least = _mm512_set1_epi16(-32767);
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 mask = pkn_first_lanes_x32(n - i);
        __m512i sum_i16x32 = _mm512_adds_epi16(_mm512_maskz_loadu_epi16(mask, y + i),
                                               _mm512_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi16(y + i, mask, _mm512_max_epi16(sum_i16x32, least));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_accumulate_i8_avx512(const int8_t *x, size_t n,
                                                             int32_t *sums) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i x_i32x16 = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x + i));
        _mm512_mask_storeu_epi32(
            sums + i, mask,
            _mm512_add_epi32(_mm512_maskz_loadu_epi32(mask, sums + i), x_i32x16));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_accumulate_i16_avx512(const int16_t *x, size_t n,
                                                              int32_t *sums) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i x_i32x16 = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi32(
            sums + i, mask,
            _mm512_add_epi32(_mm512_maskz_loadu_epi32(mask, sums + i), x_i32x16));
    }
}

/* ---- dot products */

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_zero_avx512(void) {
    return _mm512_setzero_si512();
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_load_i8_avx512(const int8_t *p, size_t n) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(pkn_first_lanes_x32(n), p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_load_i16_avx512(const int16_t *p, size_t n) {
    return _mm512_maskz_loadu_epi16(pkn_first_lanes_x32(n), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_i8_avx512(__m512i sum, __m512i query,
                                                                   const int8_t *target,
                                                                   size_t n) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(query, pkn_dot_load_i8_avx512(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_i16_avx512(__m512i sum, __m512i query,
                                                                    const int16_t *target,
                                                                    size_t n) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(query, pkn_dot_load_i16_avx512(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 int64_t pkn_dot_sum_avx512(__m512i sum) {
    return _mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)),
                         _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1))));
}

#define pkn_dot_excess_i8_avx512(query, n) 0
#define pkn_dot_excess_i16_avx512(query, n) 0

PKN_DEFINE_DOT_TILE(avx512, i8, int8_t, __m512i, 32, PKN_TARGET_AVX512)
PKN_DEFINE_DOT_TILE(avx512, i16, int16_t, __m512i, 32, PKN_TARGET_AVX512)

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/integer_vnni.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Dot products by the instructions made for them: VNNI, in its AVX-512 and its AVX encoding.

   VPDPBUSD adds four products of an unsigned and a signed byte to a 32-bit lane. The targets are
   made unsigned by adding 128 (a xor), which gives 128 times the sum of the query too much; that
   sum is taken once a query. A step of a target is a load, a xor and a VPDPBUSD, 64 bytes (32) at a
   time, half of what AVX2 needs for 16. VPDPWSSD is a multiply-add and an add in one. */
#ifndef PKN_SIMD_INTEGER_VNNI_C
#define PKN_SIMD_INTEGER_VNNI_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_avx2.c": above */
/* #include "simd/integer_avx512.c": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* ---- 512 bits */

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_zero_avx512_vnni(void) {
    return _mm512_setzero_si512();
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_load_i8_avx512_vnni(const int8_t *p,
                                                                             size_t n) {
    return n == 64 ? _mm512_loadu_si512(p)
                   : _mm512_maskz_loadu_epi8((__mmask64)((UINT64_C(1) << n) - 1), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_load_i16_avx512_vnni(const int16_t *p,
                                                                              size_t n) {
    return n == 32 ? _mm512_loadu_si512(p)
                   : _mm512_maskz_loadu_epi16((__mmask32)((UINT32_C(1) << n) - 1), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_step_i8_avx512_vnni(__m512i sum,
                                                                             __m512i query,
                                                                             const int8_t *target,
                                                                             size_t n) {
    __m512i target_u8x64 =
        _mm512_xor_si512(pkn_dot_load_i8_avx512_vnni(target, n), _mm512_set1_epi8(-128));
    return _mm512_dpbusd_epi32(sum, target_u8x64, query);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i
pkn_dot_step_i16_avx512_vnni(__m512i sum, __m512i query, const int16_t *target, size_t n) {
    return _mm512_dpwssd_epi32(sum, query, pkn_dot_load_i16_avx512_vnni(target, n));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI int64_t pkn_dot_sum_avx512_vnni(__m512i sum) {
    return pkn_dot_sum_avx512(sum);
}

/* 128 times the sum of the query. Its bytes plus 128 are summed up; a rest's padding adds 128 each. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI int64_t pkn_dot_excess_i8_avx512_vnni(const int8_t *query,
                                                                               size_t n) {
    const __m512i zero = _mm512_setzero_si512(), offset = _mm512_set1_epi8(-128);
    __m512i sum_u64x8 = zero;
    size_t i = 0;
    for (; i < n; i += 64) {
        __m512i query_i8x64 = pkn_dot_load_i8_avx512_vnni(query + i, pkn_min_size(n - i, 64));
        sum_u64x8 = _mm512_add_epi64(sum_u64x8,
                                     _mm512_sad_epu8(_mm512_xor_si512(query_i8x64, offset), zero));
    }
    return (_mm512_reduce_add_epi64(sum_u64x8) - (int64_t)i * 128) * 128;
}

#define pkn_dot_excess_i16_avx512_vnni(query, n) 0

PKN_DEFINE_DOT_TILE(avx512_vnni, i8, int8_t, __m512i, 64, PKN_TARGET_AVX512_VNNI)
PKN_DEFINE_DOT_TILE(avx512_vnni, i16, int16_t, __m512i, 32, PKN_TARGET_AVX512_VNNI)

/* ---- 256 bits. A macro over the two intrinsics, so that a CPU with either encoding can test it. */

#define PKN_DEFINE_DOT_TILES_256(isa, TARGET, dpbusd, dpwssd) \
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_zero_##isa(void) { \
        return _mm256_setzero_si256(); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_load_i8_##isa(const int8_t *p, size_t n) { \
        int8_t rest[32] = {0}; \
        if (n == 32) { \
            return _mm256_loadu_si256((const __m256i *)(const void *)p); \
        } \
        for (size_t i = 0; i < n; i++) { \
            rest[i] = p[i]; \
        } \
        return _mm256_loadu_si256((const __m256i *)(const void *)rest); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_load_i16_##isa(const int16_t *p, size_t n) { \
        return pkn_dot_load_i16_avx2(p, n); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_step_i8_##isa(__m256i sum, __m256i query, \
                                                           const int8_t *target, size_t n) { \
        __m256i target_u8x32 = \
            _mm256_xor_si256(pkn_dot_load_i8_##isa(target, n), _mm256_set1_epi8(-128)); \
        return dpbusd(sum, target_u8x32, query); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_step_i16_##isa(__m256i sum, __m256i query, \
                                                            const int16_t *target, size_t n) { \
        return dpwssd(sum, query, pkn_dot_load_i16_avx2(target, n)); \
    } \
\
    TARGET PKN_ALWAYS_INLINE int64_t pkn_dot_sum_##isa(__m256i sum) { \
        return pkn_dot_sum_avx2(sum); \
    } \
\
    TARGET PKN_ALWAYS_INLINE int64_t pkn_dot_excess_i8_##isa(const int8_t *query, size_t n) { \
        const __m256i zero = _mm256_setzero_si256(), offset = _mm256_set1_epi8(-128); \
        __m256i sum_u64x4 = zero; \
        __m128i sum_u64x2; \
        size_t i = 0; \
        for (; i < n; i += 32) { \
            __m256i query_i8x32 = pkn_dot_load_i8_##isa(query + i, pkn_min_size(n - i, 32)); \
            sum_u64x4 = _mm256_add_epi64( \
                sum_u64x4, _mm256_sad_epu8(_mm256_xor_si256(query_i8x32, offset), zero)); \
        } \
        sum_u64x2 = _mm_add_epi64(_mm256_castsi256_si128(sum_u64x4), \
                                  _mm256_extracti128_si256(sum_u64x4, 1)); \
        sum_u64x2 = _mm_add_epi64(sum_u64x2, _mm_unpackhi_epi64(sum_u64x2, sum_u64x2)); \
        return (_mm_cvtsi128_si64(sum_u64x2) - (int64_t)i * 128) * 128; \
    } \
\
    PKN_DEFINE_DOT_TILE(isa, i8, int8_t, __m256i, 32, TARGET) \
    PKN_DEFINE_DOT_TILE(isa, i16, int16_t, __m256i, 16, TARGET)

#define pkn_dot_excess_i16_avx2_vnni(query, n) 0

PKN_DEFINE_DOT_TILES_256(avx2_vnni, PKN_TARGET_AVX2_VNNI, _mm256_dpbusd_avx_epi32,
                         _mm256_dpwssd_avx_epi32)

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/integer_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of NEON. Rests shorter than a register go to the scalar kernel, those of dot
   products through a padded copy. 16-bit products are added pairwise into 64-bit lanes, so that no
   magnitude is too much. */
#ifndef PKN_SIMD_INTEGER_NEON_C
#define PKN_SIMD_INTEGER_NEON_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_ARM64

PKN_INTERNAL void pkn_multiply_i8_neon(const int8_t *a, const int8_t *b, size_t n, int8_t *out) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x8_t product = vmaxq_s16(vmull_s8(vld1_s8(a + i), vld1_s8(b + i)), vdupq_n_s16(-127));
        vst1_s8(out + i, vqmovn_s16(product));
    }
    pkn_multiply_i8_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL void pkn_multiply_i16_neon(const int16_t *a, const int16_t *b, size_t n,
                                        int16_t *out) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        int32x4_t product =
            vmaxq_s32(vmull_s16(vld1_s16(a + i), vld1_s16(b + i)), vdupq_n_s32(-32767));
        vst1_s16(out + i, vqmovn_s32(product));
    }
    pkn_multiply_i16_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL void pkn_add_saturated_i16_neon(const int16_t *x, size_t n, int16_t *y) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        vst1q_s16(y + i,
                  vmaxq_s16(vqaddq_s16(vld1q_s16(y + i), vld1q_s16(x + i)), vdupq_n_s16(-32767)));
    }
    pkn_add_saturated_i16_scalar(x + i, n - i, y + i);
}

PKN_INTERNAL void pkn_accumulate_i8_neon(const int8_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x8_t wide = vmovl_s8(vld1_s8(x + i));
        vst1q_s32(sums + i, vaddw_s16(vld1q_s32(sums + i), vget_low_s16(wide)));
        vst1q_s32(sums + i + 4, vaddw_s16(vld1q_s32(sums + i + 4), vget_high_s16(wide)));
    }
    pkn_accumulate_i8_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL void pkn_accumulate_i16_neon(const int16_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        vst1q_s32(sums + i, vaddw_s16(vld1q_s32(sums + i), vld1_s16(x + i)));
    }
    pkn_accumulate_i16_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL void pkn_dot_tile_i8_neon(const int8_t *query, const int8_t *targets, size_t n_targets,
                                       size_t n, int64_t *out) {
    enum { CHUNK = 1 << 16 }; /* a lane adds 4 products of at most 2^14 a step: 2^28 */
    for (size_t t = 0; t < n_targets; t++) {
        const int8_t *target = targets + t * n;
        int64_t rest;
        size_t i = 0;
        out[t] = 0;
        while (i + 16 <= n) {
            size_t end = i + pkn_min_size((n - i) / 16 * 16, CHUNK);
            int32x4_t sum = vdupq_n_s32(0);
            for (; i < end; i += 16) {
                int8x16_t q = vld1q_s8(query + i), x = vld1q_s8(target + i);
                sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(q), vget_low_s8(x)));
                sum = vpadalq_s16(sum, vmull_high_s8(q, x));
            }
            out[t] += vaddlvq_s32(sum);
        }
        pkn_dot_tile_i8_scalar(query + i, target + i, 1, n - i, &rest);
        out[t] += rest;
    }
}

PKN_INTERNAL void pkn_dot_tile_i16_neon(const int16_t *query, const int16_t *targets,
                                        size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        const int16_t *target = targets + t * n;
        int64x2_t sum = vdupq_n_s64(0);
        int64_t rest;
        size_t i = 0;
        for (; i + 8 <= n; i += 8) {
            int16x8_t q = vld1q_s16(query + i), x = vld1q_s16(target + i);
            sum = vpadalq_s32(sum, vmull_s16(vget_low_s16(q), vget_low_s16(x)));
            sum = vpadalq_s32(sum, vmull_high_s16(q, x));
        }
        pkn_dot_tile_i16_scalar(query + i, target + i, 1, n - i, &rest);
        out[t] = vaddvq_s64(sum) + rest;
    }
}

#endif

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/dispatch.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tables of the instruction sets, the choice between them, and the public functions that go
   through it. */
#ifndef PKN_SIMD_DISPATCH_C
#define PKN_SIMD_DISPATCH_C

/* #include "base/platform.h": above */
/* #include "simd/bits_avx2.c": above */
/* #include "simd/bits_avx512.c": above */
/* #include "simd/bits_avx512_vpopcnt.c": above */
/* #include "simd/bits_neon.c": above */
/* #include "simd/bits_popcnt.c": above */
/* #include "simd/bits_scalar.c": above */
/* #include "simd/counters_avx2.c": above */
/* #include "simd/counters_avx512.c": above */
/* #include "simd/counters_scalar.c": above */
/* #include "simd/cpu.c": above */
/* ==== src/simd/dispatch.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The kernel table in use. Layers above call kernels through it: pkn_simd()->hamming_u64(a, b,
   words). */
#ifndef PKN_SIMD_DISPATCH_H
#define PKN_SIMD_DISPATCH_H

/* #include "base/atomic.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/kernels.h": above */

#include <stddef.h>
#include <stdint.h>

/* An instruction set: its names, what it needs, its kernels. */
typedef struct pkn_simd_set {
    const char *name;   /* what PKERN_ISA and pkern_simd_isa call it */
    const char *family; /* PKERN_ISA may also name the family: its best set */
    uint32_t features;  /* PKN_CPU_* bits, all of which it needs */
    pkn_simd_kernels kernels;
} pkn_simd_set;

/* The set in use, 0 before the first call. All sets are constants, so the pointer publishes nothing
   but itself. */
static pkn_atomic_ptr pkn_simd_active = {0};

/* All sets of this architecture, best first; the last one is scalar. */
PKN_INTERNAL const pkn_simd_set *pkn_simd_sets(size_t *n_sets);

/* The best set that features allow, or the best of those called `wanted` (a name or a family; may
   be 0). */
PKN_INTERNAL const pkn_simd_set *pkn_simd_choose(uint32_t features, const char *wanted);

/* Chooses by CPU and environment and remembers it. Threads that come here at once choose the same.
 */
PKN_INTERNAL const pkn_simd_set *pkn_simd_resolve(void);

PKN_INLINE const pkn_simd_set *pkn_simd_current(void) {
    const pkn_simd_set *set = (const pkn_simd_set *)pkn_atomic_load_relaxed_ptr(&pkn_simd_active);
    return PKN_LIKELY(set != 0) ? set : pkn_simd_resolve();
}

PKN_INLINE const pkn_simd_kernels *pkn_simd(void) {
    return &pkn_simd_current()->kernels;
}

#endif
/* ==== src/simd/dispatch.c, continued ==== */
/* #include "simd/float_avx2.c": above */
/* #include "simd/float_avx512.c": above */
/* #include "simd/float_neon.c": above */
/* #include "simd/float_scalar.c": above */
/* #include "simd/integer_avx2.c": above */
/* #include "simd/integer_avx512.c": above */
/* #include "simd/integer_neon.c": above */
/* #include "simd/integer_scalar.c": above */
/* #include "simd/integer_vnni.c": above */
/* #include "simd/kernels.h": above */
/* #include "simd/majority_avx2.c": above */
/* #include "simd/majority_avx512.c": above */
/* #include "simd/majority_neon.c": above */
/* #include "simd/majority_scalar.c": above */
/* #include "simd/simd.h": above */
/* #include "simd/tile_avx2.c": above */
/* #include "simd/tile_avx512.c": above */
/* #include "simd/tile_avx512_vpopcnt.c": above */
/* #include "simd/tile_neon.c": above */
/* #include "simd/tile_popcnt.c": above */
/* #include "simd/tile_scalar.c": above */

#define PKN_SIMD_USE_SCALAR(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_scalar,
#define PKN_SIMD_USE_POPCNT(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##popcnt,
#define PKN_SIMD_USE_AVX2(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx2,
#define PKN_SIMD_USE_AVX512(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx512,
#define PKN_SIMD_USE_AVX512_VPOPCNT(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx512_vpopcnt,
#define PKN_SIMD_USE_NEON(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##neon,

#define PKN_SIMD_USE_VNNI_SCALAR(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    pkn_##name##_scalar,
#define PKN_SIMD_USE_VNNI_AVX2(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                               neon) \
    pkn_##name##_##avx2,
#define PKN_SIMD_USE_VNNI_AVX2_VNNI(name, result, parameters, avx2, avx2_vnni, avx512, \
                                    avx512_vnni, neon) \
    pkn_##name##_##avx2_vnni,
#define PKN_SIMD_USE_VNNI_AVX512(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    pkn_##name##_##avx512,
#define PKN_SIMD_USE_VNNI_AVX512_VNNI(name, result, parameters, avx2, avx2_vnni, avx512, \
                                      avx512_vnni, neon) \
    pkn_##name##_##avx512_vnni,
#define PKN_SIMD_USE_VNNI_NEON(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                               neon) \
    pkn_##name##_##neon,

#define PKN_CPU_NEEDS_AVX2 (PKN_CPU_AVX2 | PKN_CPU_POPCNT)
#define PKN_CPU_NEEDS_AVX512 \
    (PKN_CPU_NEEDS_AVX2 | PKN_CPU_AVX512F | PKN_CPU_AVX512BW | PKN_CPU_AVX512VL | PKN_CPU_AVX512DQ)

static const pkn_simd_set pkn_simd_all_sets[] = {
#if PKN_ARCH_X86
    /* no CPU has VPOPCNTDQ and BW without VNNI */
    {"avx512_vpopcnt",
     "avx512",
     PKN_CPU_NEEDS_AVX512 | PKN_CPU_AVX512VPOPCNTDQ | PKN_CPU_AVX512VNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512_VPOPCNT)
          PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512_VNNI)}},
    {"avx512_vnni",
     "avx512",
     PKN_CPU_NEEDS_AVX512 | PKN_CPU_AVX512VNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512_VNNI)}},
    {"avx512_base",
     "avx512",
     PKN_CPU_NEEDS_AVX512,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512)}},
    {"avx2_vnni",
     "avx2_vnni",
     PKN_CPU_NEEDS_AVX2 | PKN_CPU_AVXVNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX2) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX2_VNNI)}},
    {"avx2",
     "avx2",
     PKN_CPU_NEEDS_AVX2,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX2) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX2)}},
    {"popcnt",
     "popcnt",
     PKN_CPU_POPCNT,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_POPCNT) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_SCALAR)}},
#elif PKN_ARCH_ARM64
    {"neon",
     "neon",
     PKN_CPU_NEON,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_NEON) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_NEON)}},
#endif
    {"scalar",
     "scalar",
     0,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_SCALAR) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_SCALAR)}},
};

PKN_INTERNAL const pkn_simd_set *pkn_simd_sets(size_t *n_sets) {
    *n_sets = sizeof pkn_simd_all_sets / sizeof pkn_simd_all_sets[0];
    return pkn_simd_all_sets;
}

PKN_INTERNAL const pkn_simd_set *pkn_simd_choose(uint32_t features, const char *wanted) {
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    const pkn_simd_set *best = 0;
    for (size_t i = 0; i < n_sets; i++) {
        if ((sets[i].features & ~features) != 0) {
            continue;
        }
        if (wanted && (strcmp(wanted, sets[i].name) == 0 || strcmp(wanted, sets[i].family) == 0)) {
            return &sets[i];
        }
        if (!best) {
            best = &sets[i];
        }
    }
    return best;
}

PKN_INTERNAL PKN_COLD const pkn_simd_set *pkn_simd_resolve(void) {
    const pkn_simd_set *set = pkn_simd_choose(pkn_cpu_features(), getenv("PKERN_ISA"));
    void *value;
    memcpy(&value, &set, sizeof value);
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, value);
    return set;
}

PKERN_API const char *pkern_simd_isa(void) {
    return pkn_simd_current()->name;
}

PKERN_API void pkern_simd_xor_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out) {
    pkn_simd()->xor_u64(a, b, words, out);
}

PKERN_API void pkern_simd_and_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out) {
    pkn_simd()->and_u64(a, b, words, out);
}

PKERN_API void pkern_simd_or_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                 uint64_t *out) {
    pkn_simd()->or_u64(a, b, words, out);
}

PKERN_API void pkern_simd_not_u64(const uint64_t *a, size_t words, uint64_t *out) {
    pkn_simd()->not_u64(a, words, out);
}

PKERN_API uint64_t pkern_simd_popcount_u64(const uint64_t *a, size_t words) {
    return pkn_simd()->popcount_u64(a, words);
}

PKERN_API uint64_t pkern_simd_hamming_u64(const uint64_t *a, const uint64_t *b, size_t words) {
    return pkn_simd()->hamming_u64(a, b, words);
}

PKERN_API void pkern_simd_majority_u64(const uint64_t *rows, size_t n_rows, size_t stride_words,
                                       size_t words, uint64_t *out) {
    pkn_simd()->majority_u64(rows, n_rows, stride_words, words, out);
}

#define PKN_DEFINE_SIMD_FLOAT(suffix, type) \
    PKERN_API void pkern_simd_add_##suffix(const type *a, const type *b, size_t n, type *out) { \
        pkn_simd()->add_##suffix(a, b, n, out); \
    } \
    PKERN_API void pkern_simd_multiply_##suffix(const type *a, const type *b, size_t n, \
                                                type *out) { \
        pkn_simd()->multiply_##suffix(a, b, n, out); \
    } \
    PKERN_API void pkern_simd_sqrt_##suffix(const type *a, size_t n, type *out) { \
        pkn_simd()->sqrt_##suffix(a, n, out); \
    } \
    PKERN_API void pkern_simd_axpy_##suffix(type alpha, const type *x, size_t n, type *y) { \
        pkn_simd()->axpy_##suffix(alpha, x, n, y); \
    } \
    PKERN_API type pkern_simd_sum_##suffix(const type *x, size_t n) { \
        return pkn_simd()->sum_##suffix(x, n); \
    } \
    PKERN_API type pkern_simd_dot_##suffix(const type *x, const type *y, size_t n) { \
        return pkn_simd()->dot_##suffix(x, y, n); \
    }

PKN_DEFINE_SIMD_FLOAT(f32, float)
PKN_DEFINE_SIMD_FLOAT(f64, double)

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/simd/rotate.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Rotation in place. Short vectors go through a copy on the stack; in long ones the bits are
   shifted within the words first, then the words change places block by block, so no memory is
   allocated. */
#ifndef PKN_SIMD_ROTATE_C
#define PKN_SIMD_ROTATE_C

/* #include "base/bits.h": above */
/* #include "base/platform.h": above */
/* #include "simd/dispatch.h": above */
/* #include "simd/rotate.h": above */
/* #include "simd/simd.h": above */

/* 1 KiB of stack: up to 8,192 bits are rotated by copy and one pass. */
#define PKN_ROTATE_BUFFER_WORDS 128

PKN_INTERNAL void pkn_swap_words(uint64_t *a, uint64_t *b, size_t words, uint64_t *buffer) {
    while (words > 0) {
        size_t n = pkn_min_size(words, PKN_ROTATE_BUFFER_WORDS);
        memcpy(buffer, a, n * 8);
        memcpy(a, b, n * 8);
        memcpy(b, buffer, n * 8);
        a += n;
        b += n;
        words -= n;
    }
}

/* [low high] becomes [high low]. While both are long, the shorter one is swapped to its place
   against an equal part of the other, which leaves a smaller problem of the same kind (Gries and
   Mills). */
PKN_INTERNAL void pkn_exchange_blocks(uint64_t *words, size_t n_low, size_t n_high,
                                      uint64_t *buffer) {
    while (pkn_min_size(n_low, n_high) > PKN_ROTATE_BUFFER_WORDS) {
        if (n_low <= n_high) {
            pkn_swap_words(words, words + n_low, n_low, buffer);
            words += n_low;
            n_high -= n_low;
        } else {
            n_low -= n_high;
            pkn_swap_words(words + n_low, words + n_low + n_high, n_high, buffer);
        }
    }
    if (n_low <= n_high) {
        memcpy(buffer, words, n_low * 8);
        memmove(words, words + n_low, n_high * 8);
        memcpy(words + n_high, buffer, n_low * 8);
    } else {
        memcpy(buffer, words + n_low, n_high * 8);
        memmove(words + n_high, words, n_low * 8);
        memcpy(words, buffer, n_high * 8);
    }
}

PKERN_API void pkern_simd_rotate_u64(const uint64_t *in, size_t words, int64_t shift,
                                     uint64_t *out) {
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t buffer[PKN_ROTATE_BUFFER_WORDS];
    pkn_rotation rotation;
    if (words == 0) {
        return;
    }
    if (in != out) {
        kernels->rotate_u64(in, words, shift, out);
        return;
    }
    if (words <= PKN_ROTATE_BUFFER_WORDS) {
        kernels->rotate_u64(in, words, shift, buffer);
        memcpy(out, buffer, words * 8);
        return;
    }
    rotation = pkn_rotation_of(in, words, shift);
    if (rotation.bits != 0) {
        kernels->rotate_u64(in, words, (int64_t)rotation.bits, out);
    }
    if (rotation.n_high != 0) {
        pkn_exchange_blocks(out, words - rotation.n_high, rotation.n_high, buffer);
    }
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/for.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The loop itself belongs to the pool; this is its public edge. */
#ifndef PKN_PAR_FOR_C
#define PKN_PAR_FOR_C

/* #include "par/par.h": above */
/* ==== src/par/units.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A loop over fixed runs of items ("units"), given to the pool as a loop over the items: what it
   learns of an item's cost then holds for every length, and progress counts items. A piece runs the
   units that begin in it: with pkn_unit_count, from pkn_unit_count(begin, unit_len) up to
   pkn_unit_count(end, unit_len). So pieces need not meet the units' borders, and units keep the
   order of their pieces, so that the lowest failure is the lowest unit's. */
#ifndef PKN_PAR_UNITS_H
#define PKN_PAR_UNITS_H

/* #include "base/bits.h": above */
/* #include "par/par.h": above */
/* #include "pool/loop.c": above */

PKN_INLINE int pkn_options_valid(const pkern_par_options *options) {
    return options == 0 || options->max_len == 0 || options->min_len <= options->max_len;
}

/* How many runs of len cover n, which is also how many units begin below item n. len > 0 */
PKN_INLINE size_t pkn_unit_count(size_t n, size_t len) {
    return n / len + (n % len != 0);
}

/* unit_len > 0, options are valid. key names the user's code for what is remembered of its cost. */
PKN_INTERNAL pkern_status pkn_units_run(pkern_pool *pool, size_t n, size_t unit_len,
                                        const pkern_par_options *options, pkern_range_fn body,
                                        void *ctx, size_t key) {
    pkern_par_options unit_options;
    memset(&unit_options, 0, sizeof unit_options);
    if (options != 0) {
        unit_options = *options;
    }
    unit_options.min_len = pkn_max_size(unit_options.min_len, unit_len);
    if (unit_options.max_len != 0) {
        unit_options.min_len = pkn_min_size(unit_options.min_len, unit_options.max_len);
    }
    return pkn_loop_run_keyed(pool, 0, n, &unit_options, body, ctx, key);
}

#endif
/* ==== src/par/for.c, continued ==== */

PKERN_API pkern_status pkern_par_for(pkern_pool *pool, size_t begin, size_t end,
                                     const pkern_par_options *options, pkern_range_fn body,
                                     void *ctx) {
    if (begin > end || body == 0 || !pkn_options_valid(options)) {
        return PKERN_EINVAL;
    }
    return begin == end ? PKERN_OK : pkn_loop_run(pool, begin, end, options, body, ctx);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/map.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A map over two arrays of any element sizes. */
#ifndef PKN_PAR_MAP_C
#define PKN_PAR_MAP_C

/* #include "par/par.h": above */
/* #include "par/units.h": above */

typedef struct pkn_map {
    const unsigned char *in;
    unsigned char *out;
    size_t in_size;
    size_t out_size;
    int (*fn)(const void *in, void *out, void *ctx);
    void *ctx;
} pkn_map;

PKN_INTERNAL int pkn_map_range(size_t begin, size_t end, void *context) {
    const pkn_map map = *(const pkn_map *)context; /* a copy, which fn can't change: it stays in registers */
    const unsigned char *in = map.in + begin * map.in_size;
    unsigned char *out = map.out + begin * map.out_size;
    for (size_t left = end - begin; left != 0; left--) {
        int status = map.fn(in, out, map.ctx);
        if (status != 0) {
            return status;
        }
        in += map.in_size;
        out += map.out_size;
    }
    return 0;
}

PKERN_API pkern_status pkern_par_map(pkern_pool *pool, const void *in, size_t in_size, void *out,
                                     size_t out_size, size_t n, const pkern_par_options *options,
                                     int (*fn)(const void *in, void *out, void *ctx), void *ctx) {
    pkn_map map;
    pkern_status status = pkn_map_check(in, in_size, out, out_size, n);
    if (fn == 0 || !pkn_options_valid(options)) {
        return PKERN_EINVAL;
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    map.in = (const unsigned char *)in;
    map.out = (unsigned char *)out;
    map.in_size = in_size;
    map.out_size = out_size;
    map.fn = fn;
    map.ctx = ctx;
    return pkn_loop_run_keyed(pool, 0, n, options, pkn_map_range, &map, (size_t)fn);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/chunks.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A loop over runs of a fixed number of elements. */
#ifndef PKN_PAR_CHUNKS_C
#define PKN_PAR_CHUNKS_C

/* #include "par/par.h": above */
/* #include "par/units.h": above */

typedef struct pkn_chunks {
    unsigned char *base;
    size_t n;
    size_t size;
    size_t chunk_len;
    int (*fn)(void *chunk, size_t len, size_t chunk_index, void *ctx);
    void *ctx;
} pkn_chunks;

PKN_INTERNAL int pkn_chunks_range(size_t begin, size_t end, void *context) {
    const pkn_chunks *chunks = (const pkn_chunks *)context;
    size_t last = pkn_unit_count(end, chunks->chunk_len);
    for (size_t c = pkn_unit_count(begin, chunks->chunk_len); c < last; c++) {
        size_t first = c * chunks->chunk_len;
        size_t len = pkn_min_size(chunks->chunk_len, chunks->n - first);
        int status = chunks->fn(chunks->base + first * chunks->size, len, c, chunks->ctx);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_par_chunks(pkern_pool *pool, void *base, size_t n, size_t size,
                                        size_t chunk_len, const pkern_par_options *options,
                                        int (*fn)(void *chunk, size_t len, size_t chunk_index,
                                                  void *ctx),
                                        void *ctx) {
    pkn_chunks chunks;
    size_t bytes;
    if (chunk_len == 0 || size == 0 || fn == 0 || !pkn_options_valid(options) ||
        (n > 0 && base == 0)) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n, size, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    chunks.base = (unsigned char *)base;
    chunks.n = n;
    chunks.size = size;
    chunks.chunk_len = chunk_len;
    chunks.fn = fn;
    chunks.ctx = ctx;
    return pkn_units_run(pool, n, chunk_len, options, pkn_chunks_range, &chunks, (size_t)fn);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/reduce.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Reduction with the same bits at any number of threads.

   The tree over the leaves is fixed: the node of height h and number j covers leaves j * 2^h .. (j
   + 1) * 2^h - 1, as far as they exist, and is the left child's value combined with the right's, or
   the left child's alone where there is no right. A unit of the loop is a subtree of one height;
   how high is chosen by memory and threads, which the result can't show, since every unit and the
   nodes above them are nodes of that tree. A unit runs its leaves from left to right with a stack
   of finished subtrees (a binary counter), so it needs height + 1 accumulators. */
#ifndef PKN_PAR_REDUCE_C
#define PKN_PAR_REDUCE_C

/* #include "base/alloc.h": above */
/* #include "par/par.h": above */
/* #include "par/units.h": above */

#define PKN_REDUCE_LEAVES 512
/* Bytes of scratch on the caller's stack for units, and on each thread's for a unit's own
   accumulators. */
#define PKN_REDUCE_CALLER_BYTES 2048
#define PKN_REDUCE_UNIT_BYTES 1024

typedef struct pkn_reduction {
    const pkern_reducer *reducer;
    const pkern_allocator *allocator;
    size_t begin;
    size_t n;
    size_t leaf_len;
    size_t n_leaves;
    unsigned height;      /* of a unit */
    size_t scratch_bytes; /* of a unit */
    unsigned char *units; /* [n_units] accumulators */
} pkn_reduction;

/* Subtree number unit, into scratch's first accumulator. */
PKN_INTERNAL int pkn_reduce_unit(const pkn_reduction *reduction, size_t unit,
                                 unsigned char *scratch) {
    const pkern_reducer *reducer = reduction->reducer;
    size_t size = reducer->size;
    size_t leaf = unit << reduction->height;
    size_t leaf_end =
        leaf + pkn_min_size((size_t)1 << reduction->height, reduction->n_leaves - leaf);
    unsigned char *top = scratch; /* one past the finished subtrees */
    for (size_t count = 1; leaf < leaf_end; leaf++, count++) {
        size_t first = leaf * reduction->leaf_len;
        size_t len = pkn_min_size(reduction->leaf_len, reduction->n - first);
        int status;
        reducer->identity(top, reducer->ctx);
        status = reducer->fold(top, reduction->begin + first, reduction->begin + first + len,
                               reducer->ctx);
        if (status != 0) {
            return status;
        }
        top += size;
        for (size_t finished = count; (finished & 1) == 0; finished >>= 1) {
            top -= size;
            reducer->combine(top - size, top, reducer->ctx);
        }
    }
    while (top > scratch + size) {
        top -= size;
        reducer->combine(top - size, top, reducer->ctx);
    }
    return 0;
}

PKN_INTERNAL int pkn_reduce_range(size_t begin, size_t end, void *context) {
    const pkn_reduction *reduction = (const pkn_reduction *)context;
    PKN_ALIGNED(64) unsigned char local[PKN_REDUCE_UNIT_BYTES];
    unsigned char *scratch = local;
    size_t size = reduction->reducer->size;
    size_t unit = pkn_unit_count(begin, reduction->leaf_len << reduction->height);
    size_t last = pkn_unit_count(end, reduction->leaf_len << reduction->height);
    int status = 0;
    if (unit == last) {
        return 0;
    }
    if (reduction->scratch_bytes > sizeof local) {
        scratch = (unsigned char *)pkn_allocate(reduction->allocator, reduction->scratch_bytes,
                                                PKN_CACHE_LINE);
        if (scratch == 0) {
            return PKERN_ENOMEM;
        }
    }
    for (; unit < last && status == 0; unit++) {
        status = pkn_reduce_unit(reduction, unit, scratch);
        if (status == 0) {
            memcpy(reduction->units + unit * size, scratch, size);
        }
    }
    if (scratch != local) {
        pkn_release(reduction->allocator, scratch, reduction->scratch_bytes);
    }
    return status;
}

/* The leaves of the range and the height of a unit: as many units as are good for balance, few
   where accumulators are large. */
PKN_INTERNAL void pkn_reduce_cut(pkn_reduction *reduction, const pkern_par_options *options,
                                 size_t n_threads) {
    size_t size = reduction->reducer->size;
    size_t max_units =
        size <= 64 ? pkn_max_size(128, 16 * n_threads) : pkn_max_size(16, 8 * n_threads);
    reduction->leaf_len = pkn_unit_count(reduction->n, PKN_REDUCE_LEAVES);
    if (options != 0) {
        reduction->leaf_len = pkn_max_size(reduction->leaf_len, options->min_len);
        if (options->max_len != 0) {
            reduction->leaf_len = pkn_min_size(reduction->leaf_len, options->max_len);
        }
    }
    reduction->leaf_len = pkn_min_size(reduction->leaf_len, reduction->n);
    reduction->n_leaves = pkn_unit_count(reduction->n, reduction->leaf_len);
    reduction->height = 0;
    while (((reduction->n_leaves - 1) >> reduction->height) + 1 > max_units) {
        reduction->height++;
    }
}

PKN_INTERNAL pkern_status pkn_reduce_run(pkern_pool *pool, pkn_reduction *reduction, size_t n_units,
                                         const pkern_par_options *options) {
    const pkern_reducer *reducer = reduction->reducer;
    size_t size = reducer->size;
    pkern_par_options unit_options;
    pkern_status status;
    if (options != 0) {
        unit_options = *options;
        unit_options.min_len = 0; /* the leaves have them already */
        unit_options.max_len = 0;
        options = &unit_options;
    }
    status = pkn_units_run(pool, reduction->n, reduction->leaf_len << reduction->height, options,
                           pkn_reduce_range, reduction, (size_t)reducer->fold);
    if (status != PKERN_OK) {
        return status;
    }
    for (size_t step = 1; step < n_units; step *= 2) {
        for (size_t unit = 0; unit + step < n_units; unit += 2 * step) {
            reducer->combine(reduction->units + unit * size,
                             reduction->units + (unit + step) * size, reducer->ctx);
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_par_reduce(pkern_pool *pool, size_t begin, size_t end,
                                        const pkern_par_options *options,
                                        const pkern_reducer *reducer, void *result) {
    PKN_ALIGNED(64) unsigned char local[PKN_REDUCE_CALLER_BYTES];
    pkn_reduction reduction;
    size_t n_units;
    size_t bytes;
    pkern_status status;
    if (begin > end || reducer == 0 || result == 0 || !pkn_options_valid(options) ||
        reducer->size == 0 || reducer->identity == 0 || reducer->fold == 0 ||
        reducer->combine == 0) {
        return PKERN_EINVAL;
    }
    reduction.reducer = reducer;
    reduction.allocator = pkn_pool_allocator(pool);
    reduction.begin = begin;
    reduction.n = end - begin;
    reduction.units = local;
    if (reduction.n == 0) {
        reducer->identity(result, reducer->ctx);
        return PKERN_OK;
    }
    pkn_reduce_cut(&reduction, options, (size_t)pkern_pool_num_threads(pool));
    n_units = ((reduction.n_leaves - 1) >> reduction.height) + 1;
    if (pkn_mul_overflows_size(n_units, reducer->size, &bytes) ||
        pkn_mul_overflows_size(reduction.height + 1, reducer->size, &reduction.scratch_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (bytes > sizeof local) {
        reduction.units = (unsigned char *)pkn_allocate(reduction.allocator, bytes, PKN_CACHE_LINE);
        if (reduction.units == 0) {
            return PKERN_ENOMEM;
        }
    }
    status = pkn_reduce_run(pool, &reduction, n_units, options);
    if (status == PKERN_OK) {
        memcpy(result, reduction.units, reducer->size);
    }
    if (reduction.units != local) {
        pkn_release(reduction.allocator, reduction.units, bytes);
    }
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/select.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Selection in place on the caller: introselect.h with the sizes that most elements have as
   constants. */
#ifndef PKN_PAR_SELECT_C
#define PKN_PAR_SELECT_C

/* #include "base/bits.h": above */
/* #include "par/introselect.h": above */
/* #include "par/par.h": above */

/* nth < n. One function for each size, since each is a copy of the whole algorithm. */
PKN_INTERNAL PKN_NOINLINE void pkn_select_4(unsigned char *base, size_t n, size_t nth,
                                            pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, 4, nth, compare, ctx);
}

PKN_INTERNAL PKN_NOINLINE void pkn_select_8(unsigned char *base, size_t n, size_t nth,
                                            pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, 8, nth, compare, ctx);
}

PKN_INTERNAL PKN_NOINLINE void pkn_select_16(unsigned char *base, size_t n, size_t nth,
                                             pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, 16, nth, compare, ctx);
}

PKN_INTERNAL PKN_NOINLINE void pkn_select_any(unsigned char *base, size_t n, size_t size,
                                              size_t nth, pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, size, nth, compare, ctx);
}

PKN_INTERNAL void pkn_select(unsigned char *base, size_t n, size_t size, size_t nth,
                             pkern_compare_fn compare, void *ctx) {
    switch (size) {
    case 4:
        pkn_select_4(base, n, nth, compare, ctx);
        break;
    case 8:
        pkn_select_8(base, n, nth, compare, ctx);
        break;
    case 16:
        pkn_select_16(base, n, nth, compare, ctx);
        break;
    default:
        pkn_select_any(base, n, size, nth, compare, ctx);
        break;
    }
}

PKN_INTERNAL pkern_status pkn_select_check(const void *base, size_t n, size_t size, size_t nth,
                                           pkern_compare_fn compare) {
    size_t bytes;
    if (base == 0 || size == 0 || compare == 0 || nth >= n) {
        return PKERN_EINVAL;
    }
    return pkn_mul_overflows_size(n, size, &bytes) ? PKERN_EOVERFLOW : PKERN_OK;
}

PKERN_API pkern_status pkern_select_nth(void *base, size_t n, size_t size, size_t nth,
                                        pkern_compare_fn compare, void *ctx) {
    pkern_status status = pkn_select_check(base, n, size, nth, compare);
    if (status == PKERN_OK) {
        pkn_select((unsigned char *)base, n, size, nth, compare, ctx);
    }
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/par_select.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Selection on all threads, in place. Each round takes a pivot from a sample, a little to the side
   of the wanted rank where more elements lie, and so cuts most of that side off: about 1.5 n
   comparisons for a median, n for an end.

   Tuned for 10^5 elements and more. A round partitions blocks, each on its own; then the high runs
   that lie where lows belong change places with as many lows beyond. Cuts depend on n alone, so the
   result is the same at any number of threads above one. Invariants, whatever the comparison
   answers: elements only swap places, a block's count is what its partition returned, and every
   round takes at least the pivot out of the range. */
#ifndef PKN_PAR_PAR_SELECT_C
#define PKN_PAR_PAR_SELECT_C

/* #include "base/bits.h": above */
/* #include "par/par.h": above */
/* ==== src/par/sample.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Which elements to look at for an estimate of a rank, and how far off it may be. */
#ifndef PKN_PAR_SAMPLE_H
#define PKN_PAR_SAMPLE_H

/* #include "base/bits.h": above */
/* #include "base/rng.h": above */

/* floor(log2(n)), n > 0 */
PKN_INLINE unsigned pkn_log2_size(size_t n) {
    return 63u - pkn_clz_u64((uint64_t)n);
}

/* sqrt(n) to the next integer or one more, n > 0; Newton's steps from above. */
PKN_INLINE size_t pkn_root_size(size_t n) {
    size_t root = (size_t)1 << (pkn_log2_size(n) / 2 + 1);
    for (int i = 0; i < 5; i++) {
        root = (root + n / root + 1) / 2;
    }
    return root;
}

/* Four to six times sqrt(n): the rank of a sample is then off by 1 % of n at 10^6, for 1 % of the
   cost of a pass over the array. */
PKN_INLINE size_t pkn_sample_count(size_t n) {
    return (size_t)1 << (pkn_log2_size(n) + 5) / 2;
}

/* The index of sample i, one from each run of step, by a fixed stream: data with a period must not
   meet a sample with one. */
PKN_INLINE size_t pkn_sample_at(size_t i, size_t step) {
    uint64_t fraction = pkn_mix_u64(i + 1) >> 32;
    return i * step + (size_t)((fraction * (uint64_t)pkn_min_size(step, UINT32_MAX)) >> 32);
}

#endif
/* ==== src/par/par_select.c, continued ==== */
/* #include "par/select.c": above */
/* #include "par/units.h": above */

/* From here on a pass is worth waking a thread for. */
#define PKN_PAR_SELECT_MIN 131072
/* Below this the rest is selected by one thread, in about 0.1 ms. */
#define PKN_PAR_SELECT_LEAST 32768
/* Of the range that is left; a good round leaves an eighth or, at a median's first, a half. */
#define PKN_PAR_SELECT_ROUNDS 6
#define PKN_PAR_SELECT_BLOCKS 64

typedef struct pkn_blocks {
    unsigned char *base;
    size_t n;
    size_t size;
    size_t block_len;
    size_t n_blocks;
    size_t n_low;
    size_t lows[PKN_PAR_SELECT_BLOCKS]; /* each block has its lows in front */
    const unsigned char *pivot;
    int or_equal;
    pkern_compare_fn compare;
    void *ctx;
} pkn_blocks;

PKN_INLINE size_t pkn_block_len(const pkn_blocks *blocks, size_t block) {
    return pkn_min_size(blocks->block_len, blocks->n - block * blocks->block_len);
}

PKN_ALWAYS_INLINE size_t pkn_block_partition(const pkn_blocks *blocks, size_t block, size_t size) {
    unsigned char *base = blocks->base + block * blocks->block_len * size;
    size_t len = pkn_block_len(blocks, block);
    return blocks->or_equal
               ? pkn_partition(base, len, size, blocks->pivot, 1, blocks->compare, blocks->ctx)
               : pkn_partition(base, len, size, blocks->pivot, 0, blocks->compare, blocks->ctx);
}

PKN_INTERNAL int pkn_blocks_partition(size_t begin, size_t end, void *ctx) {
    pkn_blocks *blocks = (pkn_blocks *)ctx;
    size_t last = pkn_unit_count(end, blocks->block_len);
    for (size_t block = pkn_unit_count(begin, blocks->block_len); block < last; block++) {
        switch (blocks->size) {
        case 4:
            blocks->lows[block] = pkn_block_partition(blocks, block, 4);
            break;
        case 8:
            blocks->lows[block] = pkn_block_partition(blocks, block, 8);
            break;
        case 16:
            blocks->lows[block] = pkn_block_partition(blocks, block, 16);
            break;
        default:
            blocks->lows[block] = pkn_block_partition(blocks, block, blocks->size);
            break;
        }
    }
    return 0;
}

/* The part of the block that must move: its highs below n_low (high 1) or its lows from n_low on
   (high 0). */
PKN_INLINE size_t pkn_block_misplaced(const pkn_blocks *blocks, size_t block, int high,
                                      size_t *first) {
    size_t begin = block * blocks->block_len;
    size_t middle = begin + blocks->lows[block];
    size_t end = begin + pkn_block_len(blocks, block);
    if (high) {
        *first = middle;
        return pkn_min_size(end, pkn_max_size(middle, blocks->n_low)) - middle;
    }
    *first = pkn_max_size(begin, pkn_min_size(middle, blocks->n_low));
    return middle - *first;
}

/* Where in the array the misplaced element number rank is, and how many follow it in one run
   (itself included). */
PKN_INTERNAL size_t pkn_blocks_find(const pkn_blocks *blocks, int high, size_t rank,
                                    size_t *position) {
    for (size_t block = 0;; block++) {
        size_t first;
        size_t len = pkn_block_misplaced(blocks, block, high, &first);
        if (rank < len) {
            *position = first + rank;
            return len - rank;
        }
        rank -= len;
    }
}

/* Misplaced highs number begin .. end - 1 change places with the lows of the same numbers. */
PKN_INTERNAL int pkn_blocks_exchange(size_t begin, size_t end, void *ctx) {
    const pkn_blocks *blocks = (const pkn_blocks *)ctx;
    while (begin < end) {
        size_t high;
        size_t low;
        size_t len = pkn_min_size(pkn_blocks_find(blocks, 1, begin, &high),
                                  pkn_blocks_find(blocks, 0, begin, &low));
        len = pkn_min_size(len, end - begin);
        pkn_swap_elements(blocks->base + high * blocks->size, blocks->base + low * blocks->size,
                          len * blocks->size);
        begin += len;
    }
    return 0;
}

/* pkn_partition of [base, base + n) on all threads. */
PKN_INTERNAL size_t pkn_par_partition(pkern_pool *pool, pkn_blocks *blocks, unsigned char *base,
                                      size_t n, int or_equal) {
    pkern_par_options options;
    size_t n_misplaced = 0;
    if (n == 0) {
        return 0;
    }
    blocks->base = base;
    blocks->n = n;
    blocks->or_equal = or_equal;
    blocks->block_len = pkn_unit_count(n, PKN_PAR_SELECT_BLOCKS);
    blocks->n_blocks = pkn_unit_count(n, blocks->block_len);
    blocks->n_low = 0;
    /* The loops can't fail: their bodies don't and nobody can cancel them. */
    (void)pkn_units_run(pool, n, blocks->block_len, 0, pkn_blocks_partition, blocks,
                        (size_t)blocks->compare);
    for (size_t block = 0; block < blocks->n_blocks; block++) {
        blocks->n_low += blocks->lows[block];
    }
    for (size_t block = 0; block < blocks->n_blocks; block++) {
        size_t first;
        n_misplaced += pkn_block_misplaced(blocks, block, 1, &first);
    }
    if (n_misplaced > 0) {
        memset(&options, 0, sizeof options);
        options.min_len = 4096;
        options.item_cost_ns = 0.05 * (double)blocks->size + 0.2;
        (void)pkn_loop_run(pool, 0, n_misplaced, &options, pkn_blocks_exchange, blocks);
    }
    return blocks->n_low;
}

/* What a sample says of element nth. */
enum {
    PKN_NTH_IS_UNKNOWN,
    PKN_NTH_IS_BELOW_OR_PIVOT, /* most likely: the pivot was taken above it */
    PKN_NTH_IS_PIVOT           /* most likely: the sample has one value only around it */
};

/* Puts a pivot first: from the sorted sample's place for nth three standard deviations of its error
   further on the side where more elements lie. The sample is moved to the front, which needs no
   memory. */
PKN_INTERNAL int pkn_par_select_pivot(const pkn_blocks *blocks, unsigned char *base, size_t n,
                                      size_t nth) {
    size_t size = blocks->size;
    size_t n_samples = pkn_sample_count(n);
    size_t step = n / n_samples;
    size_t rank = pkn_min_size(nth / step, n_samples - 1);
    /* sqrt(rank (1 - rank / n_samples)), or a little more */
    size_t deviation =
        pkn_root_size(pkn_min_size(pkn_min_size(rank, n_samples - 1 - rank) + 1, n_samples / 4));
    size_t margin = 3 * deviation + 2;
    size_t low = rank - pkn_min_size(margin, rank);
    size_t high = pkn_min_size(rank + margin, n_samples - 1);
    int take_high = nth < n / 2;
    int is_pivot;
    for (size_t i = 0; i < n_samples; i++) {
        pkn_swap_elements(base + i * size, base + pkn_sample_at(i, step) * size, size);
    }
    pkn_select(base, n_samples, size, high, blocks->compare, blocks->ctx);
    if (low < high) {
        pkn_select(base, high, size, low, blocks->compare, blocks->ctx);
    }
    is_pivot = !(blocks->compare(base + low * size, base + high * size, blocks->ctx) < 0);
    pkn_swap_elements(base, base + (take_high ? high : low) * size, size);
    return is_pivot ? PKN_NTH_IS_PIVOT : take_high ? PKN_NTH_IS_BELOW_OR_PIVOT : PKN_NTH_IS_UNKNOWN;
}

PKN_INTERNAL void pkn_par_select_run(pkern_pool *pool, unsigned char *base, size_t n, size_t size,
                                     size_t nth, pkern_compare_fn compare, void *ctx) {
    pkn_blocks blocks;
    blocks.size = size;
    blocks.compare = compare;
    blocks.ctx = ctx;
    for (int round = 0; round < PKN_PAR_SELECT_ROUNDS && n >= PKN_PAR_SELECT_LEAST; round++) {
        int guess = pkn_par_select_pivot(&blocks, base, n, nth);
        int no_larger = guess == PKN_NTH_IS_PIVOT && nth < n / 2;
        size_t taken;
        size_t low;
        blocks.pivot = base;
        /* Where nth is most likely one of many equal to the pivot, the larger side goes first. */
        if (no_larger) {
            taken = 1 + pkn_par_partition(pool, &blocks, base + size, n - 1, 1);
            if (nth >= taken) {
                base += taken * size;
                nth -= taken;
                n -= taken;
                continue;
            }
            n = taken;
        }
        low = pkn_par_partition(pool, &blocks, base + size, n - 1, 0);
        pkn_swap_elements(base, base + low * size, size);
        if (nth < low) {
            n = low;
            continue;
        }
        if (nth == low || no_larger) {
            return;
        }
        taken = low + 1;
        if (guess != PKN_NTH_IS_UNKNOWN || low < n / 8) {
            blocks.pivot = base + low * size;
            taken += pkn_par_partition(pool, &blocks, base + taken * size, n - taken, 1);
            if (nth < taken) {
                return;
            }
        }
        base += taken * size;
        nth -= taken;
        n -= taken;
    }
    pkn_select(base, n, size, nth, compare, ctx);
}

PKERN_API pkern_status pkern_par_select_nth(pkern_pool *pool, void *base, size_t n, size_t size,
                                            size_t nth, pkern_compare_fn compare, void *ctx) {
    pkern_status status = pkn_select_check(base, n, size, nth, compare);
    if (status != PKERN_OK) {
        return status;
    }
    if (n < PKN_PAR_SELECT_MIN || pkern_pool_num_threads(pool) == 1) {
        pkn_select((unsigned char *)base, n, size, nth, compare, ctx);
    } else {
        pkn_par_select_run(pool, (unsigned char *)base, n, size, nth, compare, ctx);
    }
    return PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/top_k.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The first k of n, tuned for k far below n: one comparison per element with a threshold that few
   elements pass.

   Every leaf filters its elements into a buffer of its own. When the buffer is full, the best k of
   it stay and the worst of those is the new threshold; elements after it in the array that equal it
   are out, since ties go to the lower index. The leaves start from one threshold, taken from a
   sample a little above the rank k, so that few more than k elements pass. Should fewer than k pass
   (the sample was unlucky, or the comparison contradicts itself), the leaves run again without.
   What they keep is merged by one selection and a sort of k indices.

   Invariants, whatever the comparison answers: a buffer holds distinct indices of its leaf; a leaf
   without a starting threshold keeps min(k, its length) of them at least. */
#ifndef PKN_PAR_TOP_K_C
#define PKN_PAR_TOP_K_C

/* #include "base/alloc.h": above */
/* #include "par/introselect.h": above */
/* #include "par/par.h": above */
/* #include "par/sample.h": above */
/* #include "par/units.h": above */

#define PKN_TOP_K_LEAVES 64
/* A leaf is worth about 6 us of comparisons, and 8 k elements, so that all buffers together hold n
   / 4 indices at most. */
#define PKN_TOP_K_MIN_LEAF 4096
/* Room in a buffer above 2 k, so that a small k isn't compacted all the time. */
#define PKN_TOP_K_ROOM 64
#define PKN_TOP_K_RUN 8
#define PKN_TOP_K_LOCAL_WORDS 256

/* Orders indices by (element, index), as a stable sort would: no two are equal. */
typedef struct pkn_index_order {
    const unsigned char *base;
    size_t size;
    pkern_compare_fn compare;
    void *ctx;
} pkn_index_order;

typedef struct pkn_top_k {
    pkn_index_order order;
    pkern_filter_fn filter;
    void *filter_ctx;
    size_t n;
    size_t k; /* <= n */
    size_t leaf_len;
    size_t n_leaves;
    size_t capacity; /* indices in a leaf's buffer */
    size_t *buffers; /* [n_leaves x capacity], or the sample before that */
    size_t *counts;  /* [n_leaves] */
    int has_threshold;
    size_t threshold; /* index of the element that the leaves start from */
} pkn_top_k;

PKN_ALWAYS_INLINE int pkn_index_compare(const void *a, const void *b, void *ctx) {
    const pkn_index_order *order = (const pkn_index_order *)ctx;
    size_t left;
    size_t right;
    int sign;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    sign = order->compare(order->base + left * order->size, order->base + right * order->size,
                          order->ctx);
    return sign != 0 ? sign : left < right ? -1 : 1;
}

/* Puts the index of rank nth at nth, those before it in front of it. */
PKN_INTERNAL void pkn_index_select(pkn_index_order *order, size_t *indices, size_t n, size_t nth) {
    pkn_introselect((unsigned char *)indices, n, sizeof *indices, nth, pkn_index_compare, order);
}

/* Four comparisons between branches: the sign of their "or" says whether any was below 0, that of
   their "and" whether all were. */
PKN_ALWAYS_INLINE size_t pkn_top_k_scan(const pkn_index_order *order, size_t i, size_t end,
                                        const void *threshold, int or_equal, size_t *indices,
                                        size_t *n_indices, size_t capacity) {
    pkern_compare_fn compare = order->compare;
    void *ctx = order->ctx;
    size_t size = order->size;
    const unsigned char *x = order->base + i * size;
    size_t found = *n_indices;
#define PKN_SIGN(j) \
    (or_equal ? compare(threshold, x + (j)*size, ctx) : compare(x + (j)*size, threshold, ctx))
    while (end - i >= 4 && capacity - found >= 4) {
        int sign[4];
        sign[0] = PKN_SIGN(0);
        sign[1] = PKN_SIGN(1);
        sign[2] = PKN_SIGN(2);
        sign[3] = PKN_SIGN(3);
        if (PKN_UNLIKELY(or_equal ? (sign[0] & sign[1] & sign[2] & sign[3]) >= 0
                                  : (sign[0] | sign[1] | sign[2] | sign[3]) < 0)) {
            for (size_t j = 0; j < 4; j++) {
                indices[found] = i + j;
                found += (size_t)((sign[j] < 0) != or_equal);
            }
        }
        i += 4;
        x += 4 * size;
    }
    for (; i < end && found < capacity; i++, x += size) {
        indices[found] = i;
        found += (size_t)((PKN_SIGN(0) < 0) != or_equal);
    }
#undef PKN_SIGN
    *n_indices = found;
    return i;
}

PKN_INTERNAL size_t pkn_top_k_filter(const void *base, size_t begin, size_t end,
                                     const void *threshold, int or_equal, size_t *indices,
                                     size_t *n_indices, size_t capacity, void *ctx) {
    const pkn_index_order *order = (const pkn_index_order *)ctx;
    PKN_UNUSED(base);
    if (threshold == 0) {
        return pkn_filter_all(begin, end, indices, n_indices, capacity);
    }
    return or_equal ? pkn_top_k_scan(order, begin, end, threshold, 1, indices, n_indices, capacity)
                    : pkn_top_k_scan(order, begin, end, threshold, 0, indices, n_indices, capacity);
}

/* Keeps the best k of found indices and returns the worst of them. found > k > 0 */
PKN_INTERNAL const void *pkn_top_k_compact(pkn_top_k *top, size_t *indices, size_t *found) {
    pkn_index_select(&top->order, indices, *found, top->k - 1);
    *found = top->k;
    return top->order.base + indices[top->k - 1] * top->order.size;
}

PKN_INTERNAL size_t pkn_top_k_leaf(pkn_top_k *top, size_t begin, size_t end, size_t *indices) {
    const void *threshold =
        top->has_threshold ? top->order.base + top->threshold * top->order.size : 0;
    /* Up to the threshold's own index an equal element comes before it; a threshold from the buffer
       lies behind us. */
    size_t or_equal_end = top->has_threshold ? top->threshold + 1 : 0;
    size_t found = 0;
    for (size_t i = begin; i < end;) {
        int or_equal = i < or_equal_end;
        size_t stop = or_equal ? pkn_min_size(end, or_equal_end) : end;
        i = top->filter(top->order.base, i, stop, threshold, or_equal, indices, &found,
                        top->capacity, top->filter_ctx);
        if (i < stop) {
            threshold = pkn_top_k_compact(top, indices, &found);
            or_equal_end = 0;
        }
    }
    if (found > top->k + top->k / 2) {
        pkn_top_k_compact(top, indices, &found);
    }
    return found;
}

PKN_INTERNAL int pkn_top_k_range(size_t begin, size_t end, void *ctx) {
    pkn_top_k *top = (pkn_top_k *)ctx;
    size_t last = pkn_unit_count(end, top->leaf_len);
    for (size_t leaf = pkn_unit_count(begin, top->leaf_len); leaf < last; leaf++) {
        size_t first = leaf * top->leaf_len;
        size_t len = pkn_min_size(top->leaf_len, top->n - first);
        top->counts[leaf] =
            pkn_top_k_leaf(top, first, first + len, top->buffers + leaf * top->capacity);
    }
    return 0;
}

/* Takes the starting threshold from a sample, where that pays. About mean = k / n * n_samples of
   the samples are among the best k, with a standard deviation of sqrt(mean); more than rank of
   them, four deviations and two above, less than once in 10^4 calls. */
PKN_INTERNAL void pkn_top_k_sample(pkn_top_k *top) {
    size_t n_samples = pkn_sample_count(top->n);
    size_t mean = top->k / pkn_max_size(top->n / n_samples, 1) + 1;
    size_t rank = mean + 4 * pkn_root_size(mean) + 2;
    top->has_threshold = top->n_leaves > 1 && n_samples <= top->n / 16 && rank < n_samples / 4;
    if (top->has_threshold) {
        for (size_t i = 0; i < n_samples; i++) {
            top->buffers[i] = pkn_sample_at(i, top->n / n_samples);
        }
        pkn_index_select(&top->order, top->buffers, n_samples, rank);
        top->threshold = top->buffers[rank];
    }
}

/* Sorts n indices of from by merging runs; the result is in to. */
PKN_INTERNAL void pkn_top_k_sort(pkn_index_order *order, size_t *from, size_t *to, size_t n) {
    size_t *source = from;
    size_t *target = to;
    for (size_t first = 0; first < n; first += PKN_TOP_K_RUN) {
        pkn_insertion_sort((unsigned char *)(from + first), pkn_min_size(PKN_TOP_K_RUN, n - first),
                           sizeof *from, pkn_index_compare, order);
    }
    for (size_t width = PKN_TOP_K_RUN; width < n; width *= 2) {
        size_t *merged = target;
        for (size_t first = 0; first < n; first += 2 * width) {
            size_t left = first;
            size_t middle = first + pkn_min_size(width, n - first);
            size_t right = middle;
            size_t end = middle + pkn_min_size(width, n - middle);
            for (size_t i = first; i < end; i++) {
                int take_left =
                    right == end ||
                    (left < middle && pkn_index_compare(source + left, source + right, order) < 0);
                target[i] = take_left ? source[left++] : source[right++];
            }
        }
        target = source;
        source = merged;
    }
    if (source != to) {
        memcpy(to, source, n * sizeof *to);
    }
}

/* Runs the leaves and moves what they kept to the front of the buffers; returns how many. */
PKN_INTERNAL size_t pkn_top_k_leaves(pkern_pool *pool, pkn_top_k *top) {
    size_t total = 0;
    if (top->n_leaves == 1) {
        pkn_top_k_range(0, top->n, top);
    } else {
        /* Can't fail: the body doesn't and nobody can cancel it. */
        (void)pkn_units_run(pool, top->n, top->leaf_len, 0, pkn_top_k_range, top,
                            (size_t)top->order.compare + (size_t)top->filter);
    }
    for (size_t leaf = 0; leaf < top->n_leaves; leaf++) {
        memmove(top->buffers + total, top->buffers + leaf * top->capacity,
                top->counts[leaf] * sizeof *top->buffers);
        total += top->counts[leaf];
    }
    return total;
}

PKN_INTERNAL void pkn_top_k_run(pkern_pool *pool, pkn_top_k *top, size_t *out_indices) {
    size_t found;
    pkn_top_k_sample(top);
    found = pkn_top_k_leaves(pool, top);
    if (found < top->k) {
        top->has_threshold = 0;
        found = pkn_top_k_leaves(pool, top);
    }
    if (found > top->k) {
        pkn_index_select(&top->order, top->buffers, found, top->k - 1);
    }
    pkn_top_k_sort(&top->order, top->buffers, out_indices, top->k);
}

/* leaf_len, n_leaves and capacity follow from n and k alone. Returns the words of scratch, 0 where
   they don't fit. */
PKN_INTERNAL size_t pkn_top_k_cut(pkn_top_k *top) {
    size_t words;
    size_t bytes;
    top->leaf_len = top->n;
    top->n_leaves = 1;
    if (top->k <= top->n / 8) {
        top->leaf_len = pkn_max_size(pkn_unit_count(top->n, PKN_TOP_K_LEAVES),
                                     pkn_max_size(PKN_TOP_K_MIN_LEAF, 8 * top->k));
        top->leaf_len = pkn_min_size(top->leaf_len, top->n);
        top->n_leaves = pkn_unit_count(top->n, top->leaf_len);
    }
    /* A whole leaf and the 16 words that a filter may count on, where that is less. */
    top->capacity = top->k > top->leaf_len / 2 ? top->leaf_len : 2 * top->k;
    if (pkn_add_overflows_size(top->capacity, PKN_TOP_K_ROOM, &top->capacity) ||
        pkn_add_overflows_size(top->capacity, 1, &words) ||
        pkn_mul_overflows_size(words, top->n_leaves, &words) ||
        pkn_mul_overflows_size(words, sizeof(size_t), &bytes)) {
        return 0;
    }
    return top->n_leaves > 1 ? pkn_max_size(words, pkn_sample_count(top->n)) : words;
}

PKN_INTERNAL pkern_status pkn_top_k_check(const pkn_top_k *top, size_t k,
                                          const size_t *out_indices) {
    size_t bytes;
    size_t out_bytes;
    if (top->order.size == 0 || top->order.compare == 0 || top->filter == 0 ||
        (top->n > 0 && top->order.base == 0) || (k > 0 && out_indices == 0)) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(top->n, top->order.size, &bytes) ||
        pkn_mul_overflows_size(k, sizeof *out_indices, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    return pkn_overlaps(top->order.base, bytes, out_indices, out_bytes) ? PKERN_EINVAL : PKERN_OK;
}

/* top has its order, filter, filter_ctx and n. */
PKN_INTERNAL pkern_status pkn_top_k_start(pkern_pool *pool, pkn_top_k *top, size_t k,
                                          size_t *out_indices) {
    size_t local[PKN_TOP_K_LOCAL_WORDS];
    size_t words;
    const pkern_allocator *allocator = 0;
    pkern_status status = pkn_top_k_check(top, k, out_indices);
    if (status != PKERN_OK) {
        return status;
    }
    top->k = pkn_min_size(k, top->n);
    if (top->k > 0) {
        words = pkn_top_k_cut(top);
        if (words == 0) {
            return PKERN_EOVERFLOW;
        }
        top->buffers = local;
        if (words > PKN_TOP_K_LOCAL_WORDS) {
            allocator = pkn_pool_allocator(pool);
            top->buffers =
                (size_t *)pkn_allocate(allocator, words * sizeof(size_t), PKN_CACHE_LINE);
            if (top->buffers == 0) {
                return PKERN_ENOMEM;
            }
        }
        top->counts = top->buffers + top->n_leaves * top->capacity;
        pkn_top_k_run(pool, top, out_indices);
        if (top->buffers != local) {
            pkn_release(allocator, top->buffers, words * sizeof(size_t));
        }
    }
    for (size_t i = top->k; i < k; i++) {
        out_indices[i] = SIZE_MAX;
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_par_top_k_filter(pkern_pool *pool, const void *base, size_t n,
                                              size_t size, size_t k, pkern_compare_fn compare,
                                              pkern_filter_fn filter, void *ctx,
                                              size_t *out_indices) {
    pkn_top_k top;
    top.order.base = (const unsigned char *)base;
    top.order.size = size;
    top.order.compare = compare;
    top.order.ctx = ctx;
    top.filter = filter;
    top.filter_ctx = ctx;
    top.n = n;
    return pkn_top_k_start(pool, &top, k, out_indices);
}

PKERN_API pkern_status pkern_par_top_k(pkern_pool *pool, const void *base, size_t n, size_t size,
                                       size_t k, pkern_compare_fn compare, void *ctx,
                                       size_t *out_indices) {
    pkn_top_k top;
    top.order.base = (const unsigned char *)base;
    top.order.size = size;
    top.order.compare = compare;
    top.order.ctx = ctx;
    top.filter = pkn_top_k_filter;
    top.filter_ctx = &top.order;
    top.n = n;
    return pkn_top_k_start(pool, &top, k, out_indices);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/blocks.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Blocks one after another, each a parallel loop. */
#ifndef PKN_PAR_BLOCKS_C
#define PKN_PAR_BLOCKS_C

/* #include "base/time.h": above */
/* #include "par/flow.h": above */
/* #include "par/units.h": above */

#define PKN_BLOCKS_PROGRESS_NS 10000000 /* as in a single loop */

/* The user's progress over all blocks. A loop's own reports are serialized, and so are the loops. */
typedef struct pkn_blocks_progress {
    int (*fn)(size_t done, size_t total, void *user);
    void *user;
    size_t before; /* items of the blocks that have ended */
    size_t total;
    uint64_t reported_ns;
    int stopped;
} pkn_blocks_progress;

PKN_INTERNAL int pkn_blocks_report(size_t done, size_t total, void *user) {
    pkn_blocks_progress *progress = (pkn_blocks_progress *)user;
    uint64_t now_ns = pkn_now_ns();
    PKN_UNUSED(total);
    done += progress->before;
    if (done == progress->total || now_ns - progress->reported_ns >= PKN_BLOCKS_PROGRESS_NS) {
        progress->reported_ns = now_ns;
        progress->stopped = progress->fn(done, progress->total, progress->user) != 0;
    }
    return progress->stopped;
}

PKERN_API pkern_status pkern_par_for_blocks(pkern_pool *pool, size_t begin, size_t end,
                                            size_t block_len, const pkern_par_options *options,
                                            pkern_range_fn body, void *ctx) {
    pkn_blocks_progress progress = {0, 0, 0, 0, 0, 0};
    pkern_par_options inner;
    size_t len = block_len;
    if (begin > end || body == 0 || !pkn_options_valid(options)) {
        return PKERN_EINVAL;
    }
    if (options != 0 && options->progress != 0) {
        inner = *options;
        inner.progress = pkn_blocks_report;
        inner.progress_user = &progress;
        progress.fn = options->progress;
        progress.user = options->progress_user;
        progress.total = end - begin;
        progress.reported_ns = pkn_now_ns();
        options = &inner;
    }
    if (block_len == 0) {
        len = (size_t)pkern_pool_num_threads(pool);
    }
    while (begin < end) {
        size_t block = pkn_min_size(len, end - begin);
        pkern_status status = pkern_par_for(pool, begin, begin + block, options, body, ctx);
        if (status != PKERN_OK) {
            return status;
        }
        begin += block;
        progress.before += block;
        if (progress.stopped && begin < end) {
            return PKERN_ECANCELED;
        }
        if (block_len == 0 && len <= SIZE_MAX / 2) {
            len *= 2;
        }
    }
    return PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/walk.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The walk over a tree. A piece of the walk is a stack of nodes that are still to be visited, the
   next one on top; its thread goes on with it in a loop, so a tree may be as deep as memory. Where
   fewer pieces are on offer than there are threads, a part of the lowest level of the stack, the
   largest subtrees, becomes a piece of its own and a task: cuts follow demand, one load a node says
   that there is none.

   On the way back (PKERN_WALK_POSTFIX) a node stays in the stack under its children, as a mark that
   holds the pieces cut from them. The thread that gets there first, the one with the mark or the
   one that ends such a piece, leaves it to the other: each exchanges the piece's state once, and who
   finds that the other was there goes on. So no thread ever waits.

   Lifetime: a piece is held by itself, by each piece cut from it, and by the mark. */
#ifndef PKN_PAR_WALK_C
#define PKN_PAR_WALK_C

/* #include "base/alloc.h": above */
/* #include "base/bits.h": above */
/* #include "par/flow.h": above */
/* ==== src/par/serial_order.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Which piece of a tree of cuts comes first in serial order, so that of several failures the first
   is returned and what comes after it ends.

   A piece is cut again and again; each cut takes from its end. So the pieces cut from a piece come
   after what is left of it, the last cut first. A failure in a piece ends that piece, all that were
   cut from it, and for each piece on the way to the first one those that were cut from it before the
   way turned off. Whoever is not ended by the failures known so far comes before all of them. */
#ifndef PKN_PAR_SERIAL_ORDER_H
#define PKN_PAR_SERIAL_ORDER_H

/* #include "base/atomic.h": above */
/* #include "base/platform.h": above */
/* #include "pool/pool.h": above */

#define PKN_PLACE_ENDED UINT64_MAX

typedef struct pkn_place {
    struct pkn_place *parent;  /* what this piece was cut from, 0 for the first */
    uint64_t number;           /* of this cut among the parent's */
    uint64_t cuts;             /* made from this piece so far; its owner's */
    pkn_atomic_u64 stop_below; /* cuts with a lower number have to end; all ones: this piece too */
} pkn_place;

/* What the pieces of a call share. */
typedef struct pkn_course {
    pkern_cancel *cancel;
    pkn_atomic_u32 canceled; /* a piece has ended because of cancel */
    pkn_atomic_u32 failed;
    pkn_atomic_u32 lock; /* of status and stop_below */
    int status;          /* of the first failure in serial order */
} pkn_course;

PKN_INTERNAL void pkn_course_begin(pkn_course *course, const pkern_par_options *options) {
    memset(course, 0, sizeof *course);
    course->cancel = options != 0 ? options->cancel : 0;
}

PKN_INTERNAL void pkn_place_begin(pkn_place *place, pkn_place *parent) {
    place->parent = parent;
    place->number = parent != 0 ? parent->cuts++ : 0;
    place->cuts = 0;
    pkn_atomic_store_relaxed_u64(&place->stop_below, 0);
}

PKN_INTERNAL int pkn_place_ended(const pkn_place *place) {
    uint64_t number = PKN_PLACE_ENDED - 1;
    for (; place != 0; place = place->parent) {
        if (number < pkn_atomic_load_relaxed_u64(&place->stop_below)) {
            return 1;
        }
        number = place->number;
    }
    return 0;
}

/* 1 where the piece has nothing more to do: the call is cancelled, or it failed before. */
PKN_INLINE int pkn_must_end(pkn_course *course, const pkn_place *place) {
    if (PKN_UNLIKELY(pkern_cancel_requested(course->cancel))) {
        pkn_atomic_store_relaxed_u32(&course->canceled, 1);
        return 1;
    }
    return PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&course->failed) != 0) &&
           pkn_place_ended(place);
}

/* A callback failed in this piece. */
PKN_INTERNAL PKN_COLD void pkn_course_fail(pkn_course *course, pkn_place *place, int status) {
    uint32_t unlocked = 0;
    while (!pkn_atomic_cas_acq_rel_u32(&course->lock, &unlocked, 1)) {
        unlocked = 0;
        pkn_cpu_relax();
    }
    if (!pkn_place_ended(place)) {
        course->status = status;
        pkn_atomic_store_relaxed_u64(&place->stop_below, PKN_PLACE_ENDED);
        for (; place->parent != 0; place = place->parent) {
            pkn_atomic_u64 *stop_below = &place->parent->stop_below;
            if (pkn_atomic_load_relaxed_u64(stop_below) < place->number) {
                pkn_atomic_store_relaxed_u64(stop_below, place->number);
            }
        }
        pkn_atomic_store_relaxed_u32(&course->failed, 1);
    }
    /* release: the next one that fails sees our marks */
    pkn_atomic_store_release_u32(&course->lock, 0);
}

/* After all pieces have ended. */
PKN_INTERNAL pkern_status pkn_course_status(const pkn_course *course) {
    if (pkn_atomic_load_relaxed_u32(&course->failed) != 0) {
        return course->status;
    }
    return pkn_atomic_load_relaxed_u32(&course->canceled) != 0 ? PKERN_ECANCELED : PKERN_OK;
}

#endif
/* ==== src/par/walk.c, continued ==== */
/* #include "pool/guest.h": above */

#define PKN_WALK_NEAR 24 /* nodes of a stack before it needs memory of its own */

enum { PKN_WALK_RUNS = 0, PKN_WALK_ENDED = 1, PKN_WALK_AWAITED = 2 };

typedef struct pkn_walk_entry {
    void *node;       /* 0 in the mark at the bottom of a piece */
    pkern_walk *cut;  /* a mark's: the last piece cut from its children, then ->cut_before */
    uint32_t level;   /* same in neighbours: children of one node */
    uint32_t is_mark; /* the node is visited once all above is done */
} pkn_walk_entry;

typedef struct pkn_walk_call {
    pkn_course course;
    pkern_pool *pool;
    const pkern_allocator *allocator;
    pkern_scope scope;
    void *root;
    int order;
    int (*children)(void *node, pkern_walk *walk, void *ctx);
    int (*visit)(void *node, void *ctx);
    void *ctx;
    uint32_t most_offered;
    pkn_atomic_u32 offered; /* pieces that no thread has begun */
} pkn_walk_call;

struct pkern_walk {
    pkn_place place; /* must be first: place.parent is a pkern_walk, too */
    pkn_walk_call *call;
    pkern_walk *cut_before;
    pkn_atomic_u32 holders;
    pkn_atomic_u32 state;
    pkn_atomic_ptr offering; /* the thread that is handing a piece of this one to the pool, else 0 */
    int is_inline;           /* the pool had no memory and runs this inside of the hand-over */
    int ended_early;
    int push_failed;
    uint32_t push_level;
    size_t low; /* below are marks only */
    size_t count;
    size_t capacity;
    pkn_walk_entry *entries;
    pkn_walk_entry near_entries[PKN_WALK_NEAR];
};

PKN_INTERNAL int pkn_walk_run(void *context);

/* ---- pieces and their stacks ---- */

PKN_INTERNAL void pkn_walk_init(pkern_walk *piece, pkn_walk_call *call, pkern_walk *parent) {
    pkn_place_begin(&piece->place, parent != 0 ? &parent->place : 0);
    piece->call = call;
    piece->cut_before = 0;
    pkn_atomic_store_relaxed_u32(&piece->holders, 1);
    pkn_atomic_store_relaxed_u32(&piece->state, PKN_WALK_RUNS);
    pkn_atomic_store_relaxed_ptr(&piece->offering, 0);
    piece->is_inline = 0;
    piece->ended_early = 0;
    piece->push_failed = 0;
    piece->push_level = 0;
    piece->low = 0;
    piece->count = 0;
    piece->capacity = PKN_WALK_NEAR;
    piece->entries = piece->near_entries;
}

PKN_INTERNAL void pkn_walk_free_entries(pkern_walk *piece) {
    if (piece->entries != piece->near_entries) {
        pkn_release(piece->call->allocator, piece->entries,
                    piece->capacity * sizeof *piece->entries);
    }
}

PKN_INTERNAL void pkn_walk_drop(pkern_walk *piece) {
    /* acq_rel: the last holder sees what the others did to the piece */
    while (piece != 0 && pkn_atomic_fetch_sub_acq_rel_u32(&piece->holders, 1) == 1) {
        pkern_walk *parent = (pkern_walk *)(void *)piece->place.parent;
        pkn_walk_free_entries(piece);
        pkn_release(piece->call->allocator, piece, sizeof *piece);
        piece = parent;
    }
}

/* Room for this many entries. 1 without memory. */
PKN_INTERNAL int pkn_walk_reserve(pkern_walk *piece, size_t count) {
    size_t bytes;
    size_t capacity = piece->capacity;
    if (count <= capacity) {
        return 0;
    }
    capacity = pkn_max_size(count, capacity < SIZE_MAX / 2 ? 2 * capacity : SIZE_MAX);
    if (pkn_mul_overflows_size(capacity, sizeof(pkn_walk_entry), &bytes)) {
        return 1;
    }
    pkn_walk_entry *entries =
        (pkn_walk_entry *)pkn_allocate(piece->call->allocator, bytes, sizeof(void *));
    if (entries == 0) {
        return 1;
    }
    memcpy(entries, piece->entries, piece->count * sizeof *entries);
    pkn_walk_free_entries(piece);
    piece->entries = entries;
    piece->capacity = capacity;
    return 0;
}

/* There is room. */
PKN_INLINE void pkn_walk_append(pkern_walk *piece, void *node, uint32_t level, uint32_t is_mark) {
    pkn_walk_entry *entry = &piece->entries[piece->count++];
    entry->node = node;
    entry->cut = 0;
    entry->level = level;
    entry->is_mark = is_mark;
}

PKN_INLINE void pkn_walk_pop(pkern_walk *piece) {
    piece->count--;
    piece->low = pkn_min_size(piece->low, piece->count);
}

PKERN_API void pkern_walk_push(pkern_walk *walk, void *child) {
    if (child == 0) {
        return;
    }
    if (PKN_UNLIKELY(walk->count == walk->capacity) &&
        pkn_walk_reserve(walk, walk->count + 1) != 0) {
        walk->push_failed = 1;
        return;
    }
    pkn_walk_append(walk, child, walk->push_level, 0);
}

/* ---- cuts ---- */

/* How many entries from piece->low on are worth a piece of their own: half of the lowest level, or
   all of it where it is a single node and there is more above. */
PKN_INTERNAL size_t pkn_walk_cuttable(pkern_walk *piece) {
    const pkn_walk_entry *entries = piece->entries;
    while (piece->low < piece->count && entries[piece->low].is_mark) {
        piece->low++;
    }
    size_t end = piece->low;
    while (end < piece->count && !entries[end].is_mark &&
           entries[end].level == entries[piece->low].level) {
        end++;
    }
    size_t n = end - piece->low;
    return n == 1 ? end < piece->count : n / 2;
}

/* A piece of its own from n entries; 0 without memory. */
PKN_INTERNAL pkern_walk *pkn_walk_cut(pkern_walk *piece, size_t n) {
    pkn_walk_call *call = piece->call;
    pkn_walk_entry *first = piece->entries + piece->low;
    pkern_walk *cut = (pkern_walk *)pkn_allocate(call->allocator, sizeof *cut, PKN_CACHE_LINE);
    if (cut == 0) {
        return 0;
    }
    cut->call = call;
    cut->count = 0;
    cut->capacity = PKN_WALK_NEAR;
    cut->entries = cut->near_entries;
    if (pkn_walk_reserve(cut, n + 1) != 0) {
        pkn_release(call->allocator, cut, sizeof *cut);
        return 0;
    }
    pkn_walk_entry *entries = cut->entries;
    size_t capacity = cut->capacity;
    pkn_walk_init(cut, call, piece);
    cut->entries = entries;
    cut->capacity = capacity;
    if (call->order == PKERN_WALK_POSTFIX) {
        pkn_walk_append(cut, 0, 0, 1);
        pkn_walk_entry *mark = first - 1;
        cut->cut_before = mark->cut;
        mark->cut = cut;
        pkn_atomic_store_relaxed_u32(&cut->holders, 2);
    }
    memcpy(cut->entries + cut->count, first, n * sizeof *first);
    cut->count += n;
    piece->count -= n;
    memmove(first, first + n, (piece->count - piece->low) * sizeof *first);
    pkn_atomic_fetch_add_relaxed_u32(&piece->holders, 1);
    return cut;
}

PKN_INTERNAL PKN_NOINLINE void pkn_walk_offer(pkern_walk *piece) {
    pkn_walk_call *call = piece->call;
    size_t n = pkn_walk_cuttable(piece);
    pkern_walk *cut = n != 0 ? pkn_walk_cut(piece, n) : 0;
    if (cut != 0) {
        pkn_atomic_fetch_add_relaxed_u32(&call->offered, 1);
        pkn_atomic_store_relaxed_ptr(&piece->offering, &pkn_this_thread);
        (void)pkern_scope_spawn(&call->scope, pkn_walk_run, cut);
        pkn_atomic_store_relaxed_ptr(&piece->offering, 0);
    }
}

/* ---- a piece's thread ---- */

PKN_INTERNAL void pkn_walk_fail(pkern_walk *piece, int status) {
    pkn_course_fail(&piece->call->course, &piece->place, status);
}

/* What is left of the piece is not visited. */
PKN_INTERNAL PKN_COLD void pkn_walk_abandon(pkern_walk *piece) {
    piece->ended_early = 1;
    for (; piece->count != 0; pkn_walk_pop(piece)) {
        pkern_walk *cut = piece->entries[piece->count - 1].cut;
        while (cut != 0) {
            pkern_walk *before = cut->cut_before;
            pkn_walk_drop(cut);
            cut = before;
        }
    }
}

/* A node from above. 1 where it failed. */
PKN_INTERNAL int pkn_walk_enter_node(pkern_walk *piece) {
    pkn_walk_call *call = piece->call;
    pkn_walk_entry *top = &piece->entries[piece->count - 1];
    void *node = top->node;
    int status = 0;
    piece->push_level = top->level + 1;
    if (call->order == PKERN_WALK_POSTFIX) {
        top->is_mark = 1;
    } else {
        pkn_walk_pop(piece);
        status = call->visit(node, call->ctx);
    }
    size_t first = piece->count;
    if (status == 0) {
        status = call->children(node, piece, call->ctx);
    }
    if (PKN_UNLIKELY(status != 0 || piece->push_failed)) {
        pkn_walk_fail(piece, status != 0 ? status : PKERN_ENOMEM);
        return 1;
    }
    for (size_t last = piece->count; first + 1 < last; first++) {
        last--; /* the first child on top */
        pkn_walk_entry entry = piece->entries[first];
        piece->entries[first] = piece->entries[last];
        piece->entries[last] = entry;
    }
    return 0;
}

enum { PKN_WALK_READY = 0, PKN_WALK_SUSPENDED = 1, PKN_WALK_CUT_FAILED = 2 };

/* Takes the ended pieces off the mark on top. Suspended: the piece belongs to the thread that ends
   the cut piece, and must not be touched. */
PKN_INTERNAL int pkn_walk_collect(pkn_walk_entry *mark) {
    while (mark->cut != 0) {
        pkern_walk *cut = mark->cut;
        /* acq_rel: we see what the piece did, or its last thread sees our stack */
        if (pkn_atomic_exchange_acq_rel_u32(&cut->state, PKN_WALK_AWAITED) == PKN_WALK_RUNS) {
            return PKN_WALK_SUSPENDED;
        }
        int ended_early = cut->ended_early;
        mark->cut = cut->cut_before;
        pkn_walk_drop(cut);
        if (ended_early) {
            return PKN_WALK_CUT_FAILED;
        }
    }
    return PKN_WALK_READY;
}

/* Goes on to the end of the piece, 1, or to a mark whose pieces are still at work, 0. */
PKN_INTERNAL int pkn_walk_go_on(pkern_walk *piece) {
    pkn_walk_call *call = piece->call;
    while (piece->count != 0 && !pkn_must_end(&call->course, &piece->place)) {
        pkn_walk_entry *top = &piece->entries[piece->count - 1];
        if (top->is_mark) {
            void *node = top->node;
            int collected = pkn_walk_collect(top);
            if (collected == PKN_WALK_SUSPENDED) {
                return 0;
            }
            if (collected == PKN_WALK_CUT_FAILED) {
                break;
            }
            pkn_walk_pop(piece);
            int status = node != 0 ? call->visit(node, call->ctx) : 0;
            if (status != 0) {
                pkn_walk_fail(piece, status);
                break;
            }
        } else {
            if (pkn_walk_enter_node(piece) != 0) {
                break;
            }
            if (pkn_atomic_load_relaxed_u32(&call->offered) < call->most_offered &&
                !piece->is_inline) {
                pkn_walk_offer(piece);
            }
        }
    }
    if (piece->count != 0) {
        pkn_walk_abandon(piece);
    }
    return 1;
}

PKN_INTERNAL void pkn_walk_go_on_and_up(pkern_walk *piece) {
    while (piece != 0 && pkn_walk_go_on(piece)) {
        pkern_walk *parent = (pkern_walk *)(void *)piece->place.parent;
        /* acq_rel: the thread at the mark sees what we did, or we see its stack */
        uint32_t state = pkn_atomic_exchange_acq_rel_u32(&piece->state, PKN_WALK_ENDED);
        pkn_walk_drop(piece);
        piece = state == PKN_WALK_AWAITED ? parent : 0;
    }
}

/* The task of a cut piece. */
PKN_INTERNAL int pkn_walk_run(void *context) {
    pkern_walk *piece = (pkern_walk *)context;
    pkern_walk *parent = (pkern_walk *)(void *)piece->place.parent;
    pkn_atomic_fetch_sub_relaxed_u32(&piece->call->offered, 1);
    piece->is_inline = pkn_atomic_load_relaxed_ptr(&parent->offering) == (void *)&pkn_this_thread;
    pkn_walk_go_on_and_up(piece);
    return 0;
}

/* ---- the call ---- */

PKN_INTERNAL int pkn_walk_main(void *context) {
    pkn_walk_call *call = (pkn_walk_call *)context;
    int threads = pkern_pool_num_threads(call->pool);
    pkern_walk whole;
    pkn_walk_init(&whole, call, 0);
    pkn_atomic_store_relaxed_u32(&whole.holders, 2); /* it lies on the stack */
    if (call->order == PKERN_WALK_POSTFIX) {
        pkn_walk_append(&whole, 0, 0, 1);
    }
    pkn_walk_append(&whole, call->root, 0, 0);
    /* a call that got no place in the pool runs alone */
    call->most_offered =
        threads > 1 && pkern_worker_index(call->pool) >= 0 ? (uint32_t)threads : 0;
    (void)pkern_scope_begin(&call->scope, call->pool);
    pkn_walk_go_on_and_up(&whole);
    pkern_status status = pkern_scope_wait(&call->scope);
    pkn_walk_free_entries(&whole);
    return status;
}

PKERN_API pkern_status pkern_walk_tree(pkern_pool *pool, void *root, int order,
                                       const pkern_par_options *options,
                                       int (*children)(void *node, pkern_walk *walk, void *ctx),
                                       int (*visit)(void *node, void *ctx), void *ctx) {
    pkn_walk_call call;
    if (children == 0 || visit == 0 || order < PKERN_WALK_ANY || order > PKERN_WALK_POSTFIX) {
        return PKERN_EINVAL;
    }
    if (root == 0) {
        return PKERN_OK;
    }
    memset((void *)&call, 0, sizeof call);
    pkn_course_begin(&call.course, options);
    call.pool = pool;
    call.allocator = pkn_pool_allocator(pool);
    call.root = root;
    call.order = order;
    call.children = children;
    call.visit = visit;
    call.ctx = ctx;
    pkern_status status = pkern_pool_install(pool, pkn_walk_main, &call);
    pkern_status outcome = pkn_course_status(&call.course);
    return outcome != PKERN_OK ? outcome : status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/split.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Work that the user divides: cut in two as long as a count says so, both sides of a cut as a join.
   A part that is run by another thread than the one that cut it off shows that threads are idle, so
   its count starts anew. */
#ifndef PKN_PAR_SPLIT_C
#define PKN_PAR_SPLIT_C

/* #include "base/alloc.h": above */
/* #include "par/flow.h": above */
/* #include "par/serial_order.h": above */
/* #include "pool/guest.h": above */

#define PKN_SPLIT_NEAR 128 /* bytes of work that are kept on the stack */

typedef struct pkn_split {
    pkn_course course;
    pkern_pool *pool;
    size_t size;
    int (*split)(void *work, void *right, void *ctx);
    int (*leaf)(void *work, void *ctx);
    void *ctx;
} pkn_split;

typedef struct pkn_split_part {
    pkn_place place;
    pkn_split *call;
    void *work;
    uint32_t cuts_left;
    int cutter; /* worker index of the thread that cut it off */
} pkn_split_part;

PKN_INTERNAL int pkn_split_run(void *context);

/* The join's second side. */
PKN_INTERNAL int pkn_split_run_right(void *context) {
    pkn_split_part *part = (pkn_split_part *)context;
    if (pkern_worker_index(part->call->pool) != part->cutter) {
        uint32_t threads = (uint32_t)pkern_pool_num_threads(part->call->pool);
        part->cuts_left = part->cuts_left > threads ? part->cuts_left : threads;
    }
    return pkn_split_run(part);
}

/* 1 where the part was cut and both sides are done. memory: room for the right side */
PKN_INTERNAL int pkn_split_cut(pkn_split_part *part, void *memory) {
    pkn_split *call = part->call;
    pkn_split_part right;
    if (memory == 0 || call->split(part->work, memory, call->ctx) == 0) {
        return 0;
    }
    part->cuts_left /= 2;
    pkn_place_begin(&right.place, &part->place);
    right.call = call;
    right.work = memory;
    right.cuts_left = part->cuts_left;
    right.cutter = pkern_worker_index(call->pool);
    int status = pkern_join(call->pool, pkn_split_run, part, pkn_split_run_right, &right);
    if (status != 0) {
        pkn_course_fail(&call->course, &part->place, status); /* lost in a fork */
    }
    return 1;
}

PKN_INTERNAL PKN_NOINLINE int pkn_split_cut_near(pkn_split_part *part) {
    PKN_ALIGNED(PKN_CACHE_LINE) unsigned char memory[PKN_SPLIT_NEAR];
    return pkn_split_cut(part, memory);
}

PKN_INTERNAL PKN_NOINLINE int pkn_split_cut_far(pkn_split_part *part) {
    const pkern_allocator *allocator = pkn_pool_allocator(part->call->pool);
    void *memory = pkn_allocate(allocator, part->call->size, PKN_CACHE_LINE);
    int was_cut = pkn_split_cut(part, memory);
    pkn_release(allocator, memory, part->call->size);
    return was_cut;
}

PKN_INTERNAL int pkn_split_run(void *context) {
    pkn_split_part *part = (pkn_split_part *)context;
    pkn_split *call = part->call;
    if (pkn_must_end(&call->course, &part->place)) {
        return 0;
    }
    if (part->cuts_left != 0 && (call->size <= PKN_SPLIT_NEAR ? pkn_split_cut_near(part)
                                                              : pkn_split_cut_far(part))) {
        return 0;
    }
    int status = call->leaf(part->work, call->ctx);
    if (status != 0) {
        pkn_course_fail(&call->course, &part->place, status);
    }
    return 0;
}

PKERN_API pkern_status pkern_par_split(pkern_pool *pool, void *work, size_t size,
                                       const pkern_par_options *options,
                                       int (*split)(void *work, void *right, void *ctx),
                                       int (*leaf)(void *work, void *ctx), void *ctx) {
    pkn_split call;
    pkn_split_part whole;
    if (work == 0 || size == 0 || split == 0 || leaf == 0) {
        return PKERN_EINVAL;
    }
    if (size > SIZE_MAX / 2) {
        return PKERN_EOVERFLOW;
    }
    pkn_course_begin(&call.course, options);
    call.pool = pool;
    call.size = size;
    call.split = split;
    call.leaf = leaf;
    call.ctx = ctx;
    pkn_place_begin(&whole.place, 0);
    whole.call = &call;
    whole.work = work;
    whole.cuts_left = (uint32_t)pkern_pool_num_threads(pool);
    whole.cutter = -1;
    /* inside of the pool, so that the caller's index stays the same and callbacks find the pool */
    pkern_status status = pkern_pool_install(pool, pkn_split_run, &whole);
    return status != PKERN_OK ? status : pkn_course_status(&call.course);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/from.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Parallel work on the items of a serial source. Up to T runners take turns: one reads an item while
   nobody else reads, then works on it, while another reads the next.

   No callback runs under the lock, and no runner waits for another. A runner that finds the source
   in use or no room leaves; whoever it would have waited for (the one that reads, or one that has an
   item) comes back to the source later, and each item that is read brings a further runner where
   there is room for one. So a callback may itself call pkern, and what its thread runs meanwhile,
   another runner of the same call too, can't block it.

   A runner on top of a callback of the same call does one item at a time, so that the callback
   gets its thread back, and two on top of each other bring no others, so that the stack stays small
   where the pool has no memory and runs a new runner at once. */
#ifndef PKN_PAR_FROM_C
#define PKN_PAR_FROM_C

/* #include "base/alloc.h": above */
/* #include "base/bits.h": above */
/* #include "base/thread.h": above */
/* #include "par/flow.h": above */
/* #include "pool/guest.h": above */

#define PKN_FROM_NO_FAILURE UINT64_MAX

typedef struct pkn_from {
    const pkern_source *source;
    pkern_pool *pool;
    pkern_cancel *cancel;
    pkern_scope scope;
    size_t window;
    size_t stride;        /* bytes from item to item */
    unsigned char *items; /* [window] */
    size_t *free_places;  /* [window] a stack, without emit */
    unsigned char *done;  /* [window] item waits for its turn to be emitted */
    int *depth;           /* [1 + slots] runners on top of each other, for each thread in the pool */
    pkn_mutex lock;       /* of all below */
    size_t n_free;
    uint64_t n_read;
    uint64_t n_emitted; /* and dropped */
    int is_reading;
    int is_emitting;
    int is_over; /* nothing more is read */
    int is_canceled;
    int runners;
    int most_runners;
    uint64_t failed_item; /* the lowest */
    int status;
} pkn_from;

typedef struct pkn_from_item {
    uint64_t number;
    size_t place;
} pkn_from_item;

PKN_INLINE void *pkn_from_memory(const pkn_from *from, size_t place) {
    return from->items + place * from->stride;
}

/* ---- under the lock ---- */

PKN_INTERNAL int pkn_from_has_room(const pkn_from *from) {
    return from->source->emit != 0 ? from->n_read - from->n_emitted < from->window
                                   : from->n_free != 0;
}

PKN_INTERNAL void pkn_from_fail(pkn_from *from, uint64_t item, int status) {
    if (item < from->failed_item) {
        from->failed_item = item;
        from->status = status;
    }
    from->is_over = 1;
}

/* Emits what is next in order, if no other thread is at it. Lets go of the lock meanwhile. */
PKN_INTERNAL void pkn_from_emit(pkn_from *from) {
    if (from->is_emitting) {
        return;
    }
    from->is_emitting = 1;
    while (from->n_emitted < from->n_read) {
        uint64_t number = from->n_emitted;
        size_t place = (size_t)(number % from->window);
        if (!from->done[place]) {
            break;
        }
        if (number < from->failed_item) {
            pkn_mutex_unlock(&from->lock);
            int status = from->source->emit(pkn_from_memory(from, place), from->source->ctx);
            pkn_mutex_lock(&from->lock);
            if (status != 0) {
                pkn_from_fail(from, number, status);
            }
        }
        from->done[place] = 0;
        from->n_emitted++;
    }
    from->is_emitting = 0;
}

/* 1 where the calling runner may read. */
PKN_INTERNAL int pkn_from_may_read(pkn_from *from) {
    if (from->is_over || from->is_reading || !pkn_from_has_room(from)) {
        return 0;
    }
    if (pkern_cancel_requested(from->cancel)) {
        from->is_over = 1;
        from->is_canceled = 1;
        return 0;
    }
    return 1;
}

/* ---- runners ---- */

/* Reads an item. 0: there is none for this runner, which is counted off. *more: in, whether the
   runner may bring another; out, whether another was counted in. */
PKN_INTERNAL int pkn_from_read(pkn_from *from, pkn_from_item *item, int *more) {
    const pkern_source *source = from->source;
    int status = PKERN_EEMPTY;
    pkn_mutex_lock(&from->lock);
    if (pkn_from_may_read(from)) {
        from->is_reading = 1;
        item->number = from->n_read;
        item->place = source->emit != 0 ? (size_t)(item->number % from->window)
                                        : from->free_places[--from->n_free];
        pkn_mutex_unlock(&from->lock);
        status = source->next(pkn_from_memory(from, item->place), source->ctx);
        pkn_mutex_lock(&from->lock);
        from->is_reading = 0;
        if (status == PKERN_EEMPTY) {
            from->is_over = 1;
        } else if (status != 0) {
            pkn_from_fail(from, item->number, status);
        } else {
            from->n_read++;
        }
    }
    if (status != 0) {
        from->runners--;
    }
    *more = *more && status == 0 && !from->is_over && from->runners < from->most_runners &&
            pkn_from_has_room(from);
    from->runners += *more;
    pkn_mutex_unlock(&from->lock);
    return status == 0;
}

/* Works on an item. leaves: the runner is counted off. */
PKN_INTERNAL void pkn_from_work(pkn_from *from, const pkn_from_item *item, int leaves) {
    const pkern_source *source = from->source;
    int status = source->body(pkn_from_memory(from, item->place), source->ctx);
    pkn_mutex_lock(&from->lock);
    if (status != 0) {
        pkn_from_fail(from, item->number, status);
    }
    if (source->emit != 0) {
        from->done[item->place] = 1;
        pkn_from_emit(from);
    } else {
        from->free_places[from->n_free++] = item->place;
    }
    from->runners -= leaves;
    pkn_mutex_unlock(&from->lock);
}

PKN_INTERNAL int pkn_from_run(void *context) {
    pkn_from *from = (pkn_from *)context;
    int *depth = &from->depth[pkern_worker_index(from->pool) + 1];
    int is_nested = *depth > 0;
    int brings_more = *depth < 2;
    pkn_from_item item = {0, 0};
    int goes_on = 1;
    ++*depth;
    while (goes_on) {
        int more = brings_more;
        goes_on = pkn_from_read(from, &item, &more);
        if (more) {
            (void)pkern_scope_spawn(&from->scope, pkn_from_run, from);
        }
        if (goes_on) {
            pkn_from_work(from, &item, is_nested);
            goes_on = !is_nested;
        }
    }
    --*depth;
    return 0;
}

/* ---- the call ---- */

PKN_INTERNAL int pkn_from_main(void *context) {
    pkn_from *from = (pkn_from *)context;
    /* a call that got no place in the pool runs alone */
    from->most_runners =
        pkern_worker_index(from->pool) >= 0 ? pkern_pool_num_threads(from->pool) : 1;
    from->runners = 1;
    (void)pkern_scope_begin(&from->scope, from->pool);
    (void)pkn_from_run(from);
    return pkern_scope_wait(&from->scope);
}

PKERN_API pkern_status pkern_par_from(pkern_pool *pool, const pkern_source *source,
                                      const pkern_par_options *options) {
    pkn_from from;
    size_t bytes;
    if (source == 0 || source->next == 0 || source->body == 0 || source->item_size == 0) {
        return PKERN_EINVAL;
    }
    memset((void *)&from, 0, sizeof from);
    from.source = source;
    from.pool = pool;
    from.cancel = options != 0 ? options->cancel : 0;
    from.failed_item = PKN_FROM_NO_FAILURE;
    from.window =
        source->window != 0 ? source->window : 4 * (size_t)pkern_pool_num_threads(pool);
    if (source->emit == 0) {
        /* a runner has one item at a time */
        from.window = pkn_min_size(from.window, (size_t)pkern_pool_num_threads(pool));
    }
    if (source->item_size > SIZE_MAX / 4) {
        return PKERN_EOVERFLOW;
    }
    from.stride = (source->item_size + PKN_CACHE_LINE - 1) / PKN_CACHE_LINE * PKN_CACHE_LINE;
    size_t n_depths = (size_t)pkern_pool_num_slots(pool) + 1;
    if (pkn_mul_overflows_size(from.window, from.stride + sizeof(size_t) + 1, &bytes) ||
        bytes > SIZE_MAX / 2) {
        return PKERN_EOVERFLOW;
    }
    bytes += n_depths * sizeof(int);
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    from.items = (unsigned char *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (from.items == 0 || pkn_mutex_init(&from.lock) != 0) {
        pkn_release(allocator, from.items, bytes);
        return PKERN_ENOMEM;
    }
    from.free_places = (size_t *)(void *)(from.items + from.window * from.stride);
    from.depth = (int *)(void *)(from.free_places + from.window);
    from.done = (unsigned char *)(from.depth + n_depths);
    for (from.n_free = 0; from.n_free < from.window; from.n_free++) {
        from.free_places[from.n_free] = from.n_free;
        from.done[from.n_free] = 0;
    }
    memset(from.depth, 0, n_depths * sizeof *from.depth);
    pkern_status status = pkern_pool_install(pool, pkn_from_main, &from);
    pkn_mutex_destroy(&from.lock);
    pkn_release(allocator, from.items, bytes);
    return from.failed_item != PKN_FROM_NO_FAILURE ? from.status
           : from.is_canceled                      ? PKERN_ECANCELED
                                                   : status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/par/locals.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* States that tasks borrow: one a slot of the pool, and spare ones for a thread that is in a second
   task on top of a first. Only the thread that has a slot looks for its state, so the way in is a
   load and a store; a state may be given back by any thread. */
#ifndef PKN_PAR_LOCALS_C
#define PKN_PAR_LOCALS_C

/* #include "base/alloc.h": above */
/* #include "base/bits.h": above */
/* #include "base/thread.h": above */
/* #include "par/flow.h": above */
/* #include "pool/guest.h": above */

/* Stands in front of each state, one cache line long. */
typedef struct pkn_local {
    struct pkn_local *next_made;  /* of all */
    struct pkn_local *next_spare; /* of those that are free */
    pkn_atomic_u32 *borrowed;     /* the slot's mark, 0 for a spare one */
} pkn_local;

typedef struct pkn_local_slot {
    pkn_local *local;
    pkn_atomic_u32 borrowed;
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_local_slot;

struct pkern_locals {
    pkern_pool *pool;
    pkern_allocator allocator;
    size_t bytes; /* of a state and what is in front of it */
    int (*init)(void *state, void *ctx);
    void (*fini)(void *state, void *ctx);
    void *ctx;
    pkn_mutex lock; /* of the lists */
    pkn_local *made;
    pkn_local *spare;
    size_t n_spare_borrowed;
    size_t n_slots; /* their array stands behind this */
} PKN_ALIGNED(PKN_CACHE_LINE);

PKN_INLINE pkn_local_slot *pkn_local_slots(pkern_locals *locals) {
    return (pkn_local_slot *)(void *)(locals + 1);
}

PKN_INLINE void *pkn_local_state(pkn_local *local) {
    return (unsigned char *)local + PKN_CACHE_LINE;
}

PKERN_API pkern_status pkern_locals_create(pkern_pool *pool, size_t size,
                                           int (*init)(void *state, void *ctx),
                                           void (*fini)(void *state, void *ctx), void *ctx,
                                           pkern_locals **locals) {
    if (locals == 0) {
        return PKERN_EINVAL;
    }
    *locals = 0;
    if (size == 0) {
        return PKERN_EINVAL;
    }
    if (size > SIZE_MAX / 2) {
        return PKERN_EOVERFLOW;
    }
    const pkern_pool *used = pkn_pool_of_call(pool);
    size_t n_slots = (size_t)pkern_pool_num_slots(used);
    size_t bytes = sizeof(pkern_locals) + n_slots * sizeof(pkn_local_slot);
    pkern_locals *made = (pkern_locals *)pkn_allocate(used->allocator, bytes, PKN_CACHE_LINE);
    if (made == 0) {
        return PKERN_ENOMEM;
    }
    memset((void *)made, 0, bytes);
    if (pkn_mutex_init(&made->lock) != 0) {
        pkn_release(used->allocator, made, bytes);
        return PKERN_ENOMEM;
    }
    made->pool = pool != 0 ? pool : (pkern_pool *)(uintptr_t)used;
    if (used->allocator != 0) {
        made->allocator = *used->allocator;
    }
    made->bytes = PKN_CACHE_LINE + size;
    made->init = init;
    made->fini = fini;
    made->ctx = ctx;
    made->n_slots = n_slots;
    *locals = made;
    return PKERN_OK;
}

/* A new state, in the list of all; 0 without memory or where init fails. */
PKN_INTERNAL pkn_local *pkn_local_make(pkern_locals *locals, pkn_atomic_u32 *borrowed) {
    pkn_local *local =
        (pkn_local *)pkn_allocate(&locals->allocator, locals->bytes, PKN_CACHE_LINE);
    if (local == 0) {
        return 0;
    }
    memset((void *)local, 0, locals->bytes);
    local->borrowed = borrowed;
    if (locals->init != 0 && locals->init(pkn_local_state(local), locals->ctx) != 0) {
        pkn_release(&locals->allocator, local, locals->bytes);
        return 0;
    }
    pkn_mutex_lock(&locals->lock);
    local->next_made = locals->made;
    locals->made = local;
    pkn_mutex_unlock(&locals->lock);
    return local;
}

PKN_INTERNAL pkn_local *pkn_local_acquire_spare(pkern_locals *locals) {
    pkn_mutex_lock(&locals->lock);
    pkn_local *local = locals->spare;
    if (local != 0) {
        locals->spare = local->next_spare;
    }
    locals->n_spare_borrowed++;
    pkn_mutex_unlock(&locals->lock);
    if (local == 0) {
        local = pkn_local_make(locals, 0);
        if (local == 0) {
            pkn_mutex_lock(&locals->lock);
            locals->n_spare_borrowed--;
            pkn_mutex_unlock(&locals->lock);
        }
    }
    return local;
}

PKERN_API void *pkern_locals_acquire(pkern_locals *locals) {
    int index = pkern_worker_index(locals->pool);
    pkn_local_slot *slot = index >= 0 ? pkn_local_slots(locals) + index : 0;
    /* acquire: whoever gave the state back may have been another thread */
    if (slot == 0 || pkn_atomic_load_acquire_u32(&slot->borrowed) != 0) {
        pkn_local *local = pkn_local_acquire_spare(locals);
        return local != 0 ? pkn_local_state(local) : 0;
    }
    pkn_atomic_store_relaxed_u32(&slot->borrowed, 1); /* before init, which may acquire, too */
    if (slot->local == 0) {
        slot->local = pkn_local_make(locals, &slot->borrowed);
        if (slot->local == 0) {
            pkn_atomic_store_release_u32(&slot->borrowed, 0);
            return 0;
        }
    }
    return pkn_local_state(slot->local);
}

PKERN_API void pkern_locals_release(pkern_locals *locals, void *state) {
    if (state == 0) {
        return;
    }
    pkn_local *local = (pkn_local *)(void *)((unsigned char *)state - PKN_CACHE_LINE);
    if (local->borrowed != 0) {
        /* release: the slot's next borrower sees the state as it is now */
        pkn_atomic_store_release_u32(local->borrowed, 0);
        return;
    }
    pkn_mutex_lock(&locals->lock);
    local->next_spare = locals->spare;
    locals->spare = local;
    locals->n_spare_borrowed--;
    pkn_mutex_unlock(&locals->lock);
}

PKN_INTERNAL int pkn_locals_borrowed(pkern_locals *locals) {
    pkn_mutex_lock(&locals->lock);
    int borrowed = locals->n_spare_borrowed != 0;
    pkn_mutex_unlock(&locals->lock);
    for (size_t i = 0; i < locals->n_slots; i++) {
        borrowed |= pkn_atomic_load_acquire_u32(&pkn_local_slots(locals)[i].borrowed) != 0;
    }
    return borrowed;
}

PKERN_API pkern_status pkern_locals_each(pkern_locals *locals, int (*fn)(void *state, void *ctx),
                                         void *ctx) {
    if (locals == 0 || fn == 0) {
        return PKERN_EINVAL;
    }
    if (pkn_locals_borrowed(locals)) {
        return PKERN_EDEADLK;
    }
    for (pkn_local *local = locals->made; local != 0; local = local->next_made) {
        int status = fn(pkn_local_state(local), ctx);
        if (status != 0) {
            return status;
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_locals_destroy(pkern_locals *locals) {
    if (locals == 0) {
        return PKERN_OK;
    }
    if (pkn_locals_borrowed(locals)) {
        return PKERN_EDEADLK;
    }
    pkern_allocator allocator = locals->allocator;
    for (pkn_local *local = locals->made; local != 0;) {
        pkn_local *next = local->next_made;
        if (locals->fini != 0) {
            locals->fini(pkn_local_state(local), locals->ctx);
        }
        pkn_release(&allocator, local, locals->bytes);
        local = next;
    }
    pkn_mutex_destroy(&locals->lock);
    pkn_release(&allocator, locals,
                sizeof *locals + locals->n_slots * sizeof(pkn_local_slot));
    return PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
#ifndef PKERN_NO_HDC
/* ==== src/hdc/hdc_random.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random hypervectors. */
#ifndef PKN_HDC_HDC_RANDOM_C
#define PKN_HDC_HDC_RANDOM_C

/* #include "base/rng.h": above */
/* #include "hdc/hdc.h": above */

PKERN_API void pkern_hdc_random(uint64_t seed, uint64_t *out, size_t words) {
    for (size_t i = 0; i < words; i++) {
        out[i] = pkn_random_at(seed, i);
    }
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/bind.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Binding, a xor at memory speed. Short rows are bound several at a time with a key repeated on the
   stack, long ones are cut, so that a kernel call always has between 128 bytes and 32 KiB to do. */
#ifndef PKN_HDC_BIND_C
#define PKN_HDC_BIND_C

/* #include "hdc/hdc.h": above */
/* ==== src/hdc/hdc_run.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What every hypervector function does around its kernel: check the arguments, then run at once or
   share.

   The costs are nanoseconds per word or pair with data in L1 or L2, the fastest case, so that a
   call is shared only where it pays in that case too. They were measured for 32 words on one thread
   of a 3.7 GHz Zen 4, minimum of 200 calls: bind 1000, nearest 100 x 1000, a bundle of 1000 rows;
   the other instruction sets by the same calls with PKERN_ISA. NEON was not measured and counts as
   AVX2. */
#ifndef PKN_HDC_HDC_RUN_H
#define PKN_HDC_HDC_RUN_H

/* #include "base/bits.h": above */
/* #include "base/platform.h": above */
/* #include "pool/loop.c": above */
/* #include "pool/pool.h": above */
/* #include "simd/cpu.h": above */
/* #include "simd/dispatch.h": above */

#define PKN_HDC_MAX_WORDS ((size_t)1 << 26)

/* xor and rotate: 256 bytes in 4 ns, in 6.4 ns where the arrays exceed the caches of one core */
#define PKN_HDC_MOVE_NS_PER_WORD 0.125
#define PKN_HDC_MOVE_FAR_NS_PER_WORD 0.2
#define PKN_HDC_FAR_BYTES ((size_t)2 << 20)
/* two vectors compared: 1.9 ns, of which about 0.4 don't depend on the words */
#define PKN_HDC_PAIR_NS_PER_WORD 0.047
#define PKN_HDC_PAIR_NS 0.4
/* one row added to a majority: 2.4 ns */
#define PKN_HDC_COUNT_NS_PER_WORD 0.075

PKN_INLINE double pkn_hdc_pair_cost(size_t words) {
    uint32_t features = pkn_simd_current()->features;
    double slowness = features & PKN_CPU_AVX512VPOPCNTDQ ? 1
                      : features & PKN_CPU_AVX512F       ? 3.1
                      : features != 0                    ? 3.7
                                                         : 29;
    return (PKN_HDC_PAIR_NS + PKN_HDC_PAIR_NS_PER_WORD * (double)words) * slowness;
}

/* Of an item of so many words, in a call that moves so many bytes. */
PKN_INLINE double pkn_hdc_move_cost(size_t words, size_t bytes) {
    return (bytes < PKN_HDC_FAR_BYTES ? PKN_HDC_MOVE_NS_PER_WORD : PKN_HDC_MOVE_FAR_NS_PER_WORD) *
           (double)words;
}

/* Per word of a row. */
PKN_INLINE double pkn_hdc_count_cost(void) {
    uint32_t features = pkn_simd_current()->features;
    double slowness = features & PKN_CPU_AVX512F ? 1 : features != 0 ? 1.6 : 7;
    return PKN_HDC_COUNT_NS_PER_WORD * slowness;
}

/* The bytes of n rows, or a status. */
PKN_INLINE pkern_status pkn_hdc_check_rows(size_t n, size_t words, size_t *bytes) {
    if (words == 0) {
        return PKERN_EINVAL;
    }
    if (words > PKN_HDC_MAX_WORDS || pkn_mul_overflows_size(n, words * 8, bytes)) {
        return PKERN_EOVERFLOW;
    }
    return PKERN_OK;
}

/* 1 where out overlaps an input and is not the same array. */
PKN_INLINE int pkn_hdc_clashes(const void *input, size_t input_bytes, const void *out,
                               size_t out_bytes) {
    return (input != out || input_bytes != out_bytes) &&
           pkn_overlaps(input, input_bytes, out, out_bytes);
}

/* Below this a call can't gain from a second thread: handing over and back takes 300 to 500 ns. */
#define PKN_HDC_DIRECT_NS 1000.0

/* body over [0, n), items of item_cost_ns each, in pieces of at least min_len items. */
PKN_INLINE pkern_status pkn_hdc_run(pkern_pool *pool, size_t n, size_t min_len, double item_cost_ns,
                                    pkern_range_fn body, void *ctx) {
    pkern_par_options options;
    if (item_cost_ns * (double)n < PKN_HDC_DIRECT_NS) {
        return body(0, n, ctx);
    }
    memset(&options, 0, sizeof options);
    options.min_len = min_len;
    options.item_cost_ns = item_cost_ns;
    return pkn_loop_run(pool, 0, n, &options, body, ctx);
}

#endif
/* ==== src/hdc/bind.c, continued ==== */

/* Words of the repeated key; from half of it on a row is long enough for a call of its own. */
#define PKN_BIND_KEY_WORDS 32
/* Up to this many words a row, a part of the key stays in registers for all rows; beyond, a row's neighbours would be too far off. */
#define PKN_BIND_ROWS_WORDS 512
/* Words of a piece of a long row. */
#define PKN_BIND_PIECE_WORDS 4096

typedef struct pkn_bind {
    const uint64_t *vectors, *key; /* key 0: the second operand is `pairs` */
    const uint64_t *pairs;
    uint64_t *out;
    size_t n, words;
    size_t n_pieces; /* of a row */
} pkn_bind;

PKN_INTERNAL int pkn_bind_short_rows(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t keys[PKN_BIND_KEY_WORDS];
    size_t words = bind->words;
    size_t n_keys = pkn_min_size(PKN_BIND_KEY_WORDS / words, end - begin);
    for (size_t i = 0; i < n_keys; i++) {
        memcpy(keys + i * words, bind->key, words * 8);
    }
    for (size_t row = begin; row < end; row += n_keys) {
        size_t n = pkn_min_size(n_keys, end - row);
        kernels->xor_u64(bind->vectors + row * words, keys, n * words, bind->out + row * words);
    }
    return 0;
}

PKN_INTERNAL int pkn_bind_rows(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = bind->words, first = begin * words;
    if (words <= PKN_BIND_ROWS_WORDS) {
        kernels->xor_rows_u64(bind->vectors + first, end - begin, bind->key, words,
                              bind->out + first);
        return 0;
    }
    for (; first < end * words; first += words) {
        kernels->xor_u64(bind->vectors + first, bind->key, words, bind->out + first);
    }
    return 0;
}

/* Items are pieces of rows. */
PKN_INTERNAL int pkn_bind_row_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    for (size_t item = begin; item < end; item++) {
        size_t row = item / bind->n_pieces;
        size_t column = item % bind->n_pieces * PKN_BIND_PIECE_WORDS;
        size_t first = row * bind->words + column;
        size_t words = pkn_min_size(PKN_BIND_PIECE_WORDS, bind->words - column);
        pkn_simd()->xor_u64(bind->vectors + first, bind->key + column, words, bind->out + first);
    }
    return 0;
}

/* Items are pieces of the whole arrays. */
PKN_INTERNAL int pkn_bind_pair_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    size_t first = begin * PKN_BIND_KEY_WORDS;
    size_t last = pkn_min_size(end * PKN_BIND_KEY_WORDS, bind->words);
    pkn_simd()->xor_u64(bind->vectors + first, bind->pairs + first, last - first,
                        bind->out + first);
    return 0;
}

PKERN_API pkern_status pkern_hdc_bind(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                      const uint64_t *key, size_t words, uint64_t *out) {
    pkn_bind bind;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !key || !out || pkn_hdc_clashes(vectors, bytes, out, bytes) ||
        pkn_hdc_clashes(key, words * 8, out, bytes)) {
        return PKERN_EINVAL;
    }
    bind.vectors = vectors;
    bind.key = key;
    bind.pairs = 0;
    bind.out = out;
    bind.n = n;
    bind.words = words;
    bind.n_pieces = (words + PKN_BIND_PIECE_WORDS - 1) / PKN_BIND_PIECE_WORDS;
    if (bind.n_pieces > 1) {
        return pkn_hdc_run(pool, n * bind.n_pieces, 1,
                           pkn_hdc_move_cost(PKN_BIND_PIECE_WORDS, bytes), pkn_bind_row_pieces,
                           &bind);
    }
    return pkn_hdc_run(pool, n, 1, pkn_hdc_move_cost(words, bytes),
                       words <= PKN_BIND_KEY_WORDS / 2 ? pkn_bind_short_rows : pkn_bind_rows,
                       &bind);
}

PKERN_API pkern_status pkern_hdc_bind_pairs(pkern_pool *pool, const uint64_t *a, const uint64_t *b,
                                            size_t n, size_t words, uint64_t *out) {
    pkn_bind bind;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!a || !b || !out || pkn_hdc_clashes(a, bytes, out, bytes) ||
        pkn_hdc_clashes(b, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    memset(&bind, 0, sizeof bind);
    bind.vectors = a;
    bind.pairs = b;
    bind.out = out;
    bind.words = n * words;
    return pkn_hdc_run(pool, (bind.words + PKN_BIND_KEY_WORDS - 1) / PKN_BIND_KEY_WORDS, 1,
                       pkn_hdc_move_cost(PKN_BIND_KEY_WORDS, bytes), pkn_bind_pair_pieces, &bind);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/permute.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Rotation of every row. In place is the kernel's business and needs no memory. */
#ifndef PKN_HDC_PERMUTE_C
#define PKN_HDC_PERMUTE_C

/* #include "hdc/hdc.h": above */
/* #include "hdc/hdc_run.h": above */
/* #include "simd/simd.h": above */

typedef struct pkn_permute {
    const uint64_t *vectors;
    uint64_t *out;
    size_t words;
    int64_t shift;
} pkn_permute;

PKN_INTERNAL int pkn_permute_rows(size_t begin, size_t end, void *ctx) {
    const pkn_permute *permute = (const pkn_permute *)ctx;
    size_t words = permute->words;
    for (size_t row = begin; row < end; row++) {
        pkern_simd_rotate_u64(permute->vectors + row * words, words, permute->shift,
                              permute->out + row * words);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_permute(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                         size_t words, long shift, uint64_t *out) {
    pkn_permute permute;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_hdc_clashes(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    permute.vectors = vectors;
    permute.out = out;
    permute.words = words;
    permute.shift = shift;
    return pkn_hdc_run(pool, n, 1, pkn_hdc_move_cost(words, bytes) + 4, pkn_permute_rows, &permute);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/bundle.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bundling by majority. Usually an item of the parallel loop is a set, or some columns of one.
   Where that gives too few items for the threads and sets are long, each set's rows are cut into
   chunks; a chunk's column counts stay bit-sliced, and adding the chunks up is a few hundred
   operations a column word. Counts are exact, so cuts don't change the result. */
#ifndef PKN_HDC_BUNDLE_C
#define PKN_HDC_BUNDLE_C

/* #include "base/alloc.h": above */
/* #include "hdc/hdc.h": above */
/* #include "hdc/hdc_run.h": above */
/* #include "simd/majority.h": above */

#define PKN_BUNDLE_MAX_ROWS ((size_t)1 << 31)
/* Columns of an item, in words: four lines a row, what the kernel takes at a time. */
#define PKN_BUNDLE_PIECE_WORDS 32
/* With fewer items than this a thread, a set with twice PKN_BUNDLE_CHUNK_ROWS rows is cut by rows
   too. */
#define PKN_BUNDLE_ITEMS_PER_THREAD 4
/* A chunk's share of the sum at the end is about 200 operations a word, its rows take 2 a word. */
#define PKN_BUNDLE_CHUNK_ROWS 2048
#define PKN_BUNDLE_MAX_PLANES 32

typedef struct pkn_bundle {
    const uint64_t *vectors;
    const size_t *set_offsets;
    size_t n_sets, words;
    size_t n_pieces; /* of a set's columns */
    uint64_t *out;
} pkn_bundle;

/* Items are pieces of sets. */
PKN_INTERNAL int pkn_bundle_items(size_t begin, size_t end, void *ctx) {
    const pkn_bundle *bundle = (const pkn_bundle *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    for (size_t item = begin; item < end; item++) {
        size_t set = item / bundle->n_pieces;
        size_t word = item % bundle->n_pieces * PKN_BUNDLE_PIECE_WORDS;
        size_t n_words = bundle->n_pieces == 1
                             ? bundle->words
                             : pkn_min_size(bundle->words - word, PKN_BUNDLE_PIECE_WORDS);
        size_t first = bundle->set_offsets[set];
        kernels->majority_u64(bundle->vectors + first * bundle->words + word,
                              bundle->set_offsets[set + 1] - first, bundle->words, n_words,
                              bundle->out + set * bundle->words + word);
    }
    return 0;
}

/* One set cut into chunks of rows. */
typedef struct pkn_bundle_set {
    const uint64_t *rows;
    size_t n_rows, words;
    size_t chunk_rows;
    unsigned n_planes;
    uint64_t *planes; /* [n_chunks x n_planes x words] */
} pkn_bundle_set;

PKN_INTERNAL int pkn_bundle_chunks(size_t begin, size_t end, void *ctx) {
    const pkn_bundle_set *set = (const pkn_bundle_set *)ctx;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t row = chunk * set->chunk_rows;
        pkn_simd()->count_u64(set->rows + row * set->words,
                              pkn_min_size(set->chunk_rows, set->n_rows - row), set->words,
                              set->words, 0, 0, set->n_planes, set->words,
                              set->planes + chunk * set->n_planes * set->words);
    }
    return 0;
}

/* Adds the chunks' counts to the majority's bias; its carry plane is the result. */
PKN_INTERNAL void pkn_bundle_add_chunks(const pkn_bundle_set *set, size_t n_chunks, uint64_t *out) {
    unsigned top = pkn_majority_plane(set->n_rows);
    uint64_t bias = pkn_majority_bias(set->n_rows);
    for (size_t word = 0; word < set->words; word++) {
        uint64_t sums[PKN_BUNDLE_MAX_PLANES];
        for (unsigned k = 0; k <= top; k++) {
            sums[k] = 0 - (bias >> k & 1);
        }
        for (size_t chunk = 0; chunk < n_chunks; chunk++) {
            uint64_t carry = 0;
            for (unsigned k = 0; k <= top; k++) {
                uint64_t a = sums[k];
                uint64_t b = k < set->n_planes
                                 ? set->planes[(chunk * set->n_planes + k) * set->words + word]
                                 : 0;
                sums[k] = a ^ b ^ carry;
                carry = (a & b) | ((a ^ b) & carry);
            }
        }
        out[word] = sums[top];
    }
}

/* One long set. Where there is no memory for the counts the caller does it alone. */
PKN_INTERNAL pkern_status pkn_bundle_long_set(const pkn_bundle *bundle, pkern_pool *pool,
                                              size_t index, size_t n_threads) {
    pkn_bundle_set set;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t n_chunks, bytes;
    pkern_status status;
    set.rows = bundle->vectors + bundle->set_offsets[index] * bundle->words;
    set.n_rows = bundle->set_offsets[index + 1] - bundle->set_offsets[index];
    set.words = bundle->words;
    set.chunk_rows = pkn_max_size(set.n_rows / (n_threads * 8) + 1, PKN_BUNDLE_CHUNK_ROWS);
    n_chunks = (set.n_rows + set.chunk_rows - 1) / set.chunk_rows;
    set.n_planes = 64 - pkn_clz_u64((uint64_t)set.chunk_rows);
    bytes = n_chunks * set.n_planes * set.words *
            sizeof(uint64_t); /* less than the rows themselves have */
    set.planes = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!set.planes) {
        return pkn_bundle_items(index * bundle->n_pieces, (index + 1) * bundle->n_pieces,
                                (void *)(uintptr_t)bundle);
    }
    status = pkn_hdc_run(pool, n_chunks, 1,
                         pkn_hdc_count_cost() * (double)set.words * (double)set.chunk_rows,
                         pkn_bundle_chunks, &set);
    if (status == PKERN_OK) {
        pkn_bundle_add_chunks(&set, n_chunks, bundle->out + index * set.words);
    }
    pkn_release(allocator, set.planes, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_bundle_run(pkn_bundle *bundle, pkern_pool *pool) {
    size_t n_rows = bundle->set_offsets[bundle->n_sets] - bundle->set_offsets[0];
    double words = (double)n_rows + 2.0 * (double)bundle->n_sets;
    double cost = pkn_hdc_count_cost() * words * (double)bundle->words;
    size_t few;
    bundle->n_pieces = 1;
    if (cost < PKN_HDC_DIRECT_NS) {
        return pkn_bundle_items(0, bundle->n_sets, bundle);
    }
    few = (size_t)pkern_pool_num_threads(pool) * PKN_BUNDLE_ITEMS_PER_THREAD;
    if (bundle->n_sets < few) {
        bundle->n_pieces = (bundle->words + PKN_BUNDLE_PIECE_WORDS - 1) / PKN_BUNDLE_PIECE_WORDS;
    }
    if (few > PKN_BUNDLE_ITEMS_PER_THREAD && bundle->n_sets * bundle->n_pieces < few &&
        n_rows / bundle->n_sets >= 2 * PKN_BUNDLE_CHUNK_ROWS) {
        for (size_t set = 0; set < bundle->n_sets; set++) {
            pkern_status status;
            if (bundle->set_offsets[set + 1] - bundle->set_offsets[set] >=
                2 * PKN_BUNDLE_CHUNK_ROWS) {
                status = pkn_bundle_long_set(bundle, pool, set, few / PKN_BUNDLE_ITEMS_PER_THREAD);
            } else {
                status =
                    pkn_bundle_items(set * bundle->n_pieces, (set + 1) * bundle->n_pieces, bundle);
            }
            if (status != PKERN_OK) {
                return status;
            }
        }
        return PKERN_OK;
    }
    return pkn_hdc_run(pool, bundle->n_sets * bundle->n_pieces, 1,
                       cost / (double)(bundle->n_sets * bundle->n_pieces), pkn_bundle_items,
                       bundle);
}

/* out is the array of the rows: sets may read what others write, so they write elsewhere first. */
PKN_INTERNAL pkern_status pkn_bundle_in_place(pkn_bundle *bundle, pkern_pool *pool) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t bytes = bundle->n_sets * bundle->words * sizeof(uint64_t);
    uint64_t *out = bundle->out;
    pkern_status status;
    bundle->out = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!bundle->out) {
        return PKERN_ENOMEM;
    }
    status = pkn_bundle_run(bundle, pool);
    if (status == PKERN_OK) {
        memcpy(out, bundle->out, bytes);
    }
    pkn_release(allocator, bundle->out, bytes);
    return status;
}

/* 0 or a status; *bytes is that of the rows from set_offsets[0] on. */
PKN_INTERNAL pkern_status pkn_bundle_check_sets(const size_t *set_offsets, size_t n_sets,
                                                size_t words, size_t *bytes) {
    size_t longest = 0;
    for (size_t set = 0; set < n_sets; set++) {
        if (set_offsets[set + 1] < set_offsets[set]) {
            return PKERN_EINVAL;
        }
        longest = pkn_max_size(longest, set_offsets[set + 1] - set_offsets[set]);
    }
    if (longest > PKN_BUNDLE_MAX_ROWS ||
        pkn_hdc_check_rows(set_offsets[n_sets], words, bytes) != PKERN_OK) {
        return PKERN_EOVERFLOW;
    }
    *bytes = (set_offsets[n_sets] - set_offsets[0]) * words * sizeof(uint64_t);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_bundle(pkern_pool *pool, const uint64_t *vectors,
                                        const size_t *set_offsets, size_t n_sets, size_t words,
                                        uint64_t *out) {
    pkn_bundle bundle;
    const uint64_t *rows;
    size_t bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_sets, words, &out_bytes);
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    status = pkn_bundle_check_sets(set_offsets, n_sets, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!vectors && bytes > 0) {
        return PKERN_EINVAL;
    }
    rows = bytes > 0 ? vectors + set_offsets[0] * words : out;
    if (pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes) ||
        (bytes > 0 && pkn_hdc_clashes(rows, bytes, out, out_bytes))) {
        return PKERN_EINVAL;
    }
    bundle.vectors = vectors;
    bundle.set_offsets = set_offsets;
    bundle.n_sets = n_sets;
    bundle.words = words;
    bundle.out = out;
    return bytes > 0 && rows == out ? pkn_bundle_in_place(&bundle, pool)
                                    : pkn_bundle_run(&bundle, pool);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/similarity.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Similarities of one vector with many, and the matrix of all distances. */
#ifndef PKN_HDC_SIMILARITY_C
#define PKN_HDC_SIMILARITY_C

/* #include "hdc/hdc.h": above */
/* #include "hdc/hdc_run.h": above */
/* ==== src/hdc/tiles.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How a comparison of all queries with all targets is cut.

   Work is a grid of panels of 4 queries (what a tile keeps in registers) times splits of the
   targets. A grid point is an item of the parallel loop; items that follow one another share the
   split, so a thread stays with its part of the targets. Inside, targets are taken in blocks that
   fit in half of L1 and meet all queries at hand before the next block. Results don't depend on the
   cut. */
#ifndef PKN_HDC_TILES_H
#define PKN_HDC_TILES_H

/* #include "hdc/hdc_run.h": above */

#define PKN_PANEL_QUERIES 4
#define PKN_BLOCK_WORDS 2048 /* 16 KiB */
#define PKN_BLOCK_MAX_TARGETS 128
#define PKN_BLOCK_MIN_TARGETS 16
/* An item of less than 2 us is not worth a hand-over; 32 items a thread leave at most 1/32 of the
   time to imbalance. */
#define PKN_TILES_ITEM_NS 2000.0
#define PKN_TILES_ITEMS_PER_THREAD 32

typedef struct pkn_tiles {
    const uint64_t *queries, *targets;
    size_t n_queries, n_targets, words;
    size_t n_panels;
    size_t n_splits, split_len; /* the last split may be shorter */
    size_t block_len;
    double item_cost_ns;
} pkn_tiles;

/* max_splits bounds what a caller can merge. */
PKN_INLINE void pkn_tiles_cut(pkn_tiles *tiles, size_t n_threads, size_t max_splits) {
    double cost = pkn_hdc_pair_cost(tiles->words) * (double)tiles->n_targets;
    double worthwhile;
    size_t wanted;
    tiles->n_panels = (tiles->n_queries + PKN_PANEL_QUERIES - 1) / PKN_PANEL_QUERIES;
    cost = cost * (double)tiles->n_queries / (double)tiles->n_panels;
    worthwhile = cost / PKN_TILES_ITEM_NS;
    wanted = n_threads > 1
                 ? (n_threads * PKN_TILES_ITEMS_PER_THREAD + tiles->n_panels - 1) / tiles->n_panels
                 : 1;
    wanted = worthwhile < (double)wanted ? (size_t)worthwhile : wanted;
    wanted = pkn_max_size(pkn_min_size(wanted, max_splits), 1);
    tiles->split_len = (tiles->n_targets + wanted - 1) / wanted;
    tiles->n_splits = (tiles->n_targets + tiles->split_len - 1) / tiles->split_len;
    tiles->block_len = pkn_min_size(PKN_BLOCK_WORDS / tiles->words, PKN_BLOCK_MAX_TARGETS);
    tiles->block_len = pkn_max_size(tiles->block_len, PKN_BLOCK_MIN_TARGETS);
    tiles->item_cost_ns = cost / (double)tiles->n_splits;
}

/* Part of the grid: queries [query, query_end) with targets [target, target_end), inside one
   split. */
typedef struct pkn_tiles_part {
    size_t split;
    size_t query, query_end;
    size_t target, target_end;
} pkn_tiles_part;

/* The part that items [item, end) begin with: of one split, of at most max_panels panels. Returns
   the first item behind it. */
PKN_INLINE size_t pkn_tiles_next(const pkn_tiles *tiles, size_t item, size_t end, size_t max_panels,
                                 pkn_tiles_part *part) {
    size_t panel = item % tiles->n_panels;
    size_t n = pkn_min_size(pkn_min_size(tiles->n_panels - panel, end - item), max_panels);
    part->split = item / tiles->n_panels;
    part->query = panel * PKN_PANEL_QUERIES;
    part->query_end = pkn_min_size((panel + n) * PKN_PANEL_QUERIES, tiles->n_queries);
    part->target = part->split * tiles->split_len;
    part->target_end = pkn_min_size(part->target + tiles->split_len, tiles->n_targets);
    return item + n;
}

PKN_INLINE pkern_status pkn_tiles_run(const pkn_tiles *tiles, pkern_pool *pool, pkern_range_fn body,
                                      void *ctx) {
    return pkn_hdc_run(pool, tiles->n_panels * tiles->n_splits, 1, tiles->item_cost_ns, body, ctx);
}

/* Threads that could help: not asked for, and so no pool made, where the work is short. */
PKN_INLINE size_t pkn_tiles_threads(const pkn_tiles *tiles, pkern_pool *pool) {
    double cost =
        pkn_hdc_pair_cost(tiles->words) * (double)tiles->n_queries * (double)tiles->n_targets;
    return cost < 2 * PKN_TILES_ITEM_NS ? 1 : (size_t)pkern_pool_num_threads(pool);
}

#endif
/* ==== src/hdc/similarity.c, continued ==== */

/* Distances wait on the stack for their conversion: 1 KiB. */
#define PKN_SIMILARITY_BLOCK 256

typedef struct pkn_similarity {
    const uint64_t *query, *targets;
    size_t words;
    float *out;
} pkn_similarity;

PKN_INTERNAL int pkn_similarity_rows(size_t begin, size_t end, void *ctx) {
    const pkn_similarity *similarity = (const pkn_similarity *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = similarity->words;
    uint32_t distances[PKN_SIMILARITY_BLOCK];
    while (begin < end) {
        size_t n = pkn_min_size(end - begin, PKN_SIMILARITY_BLOCK);
        kernels->hamming_tile_u64(similarity->query, 1, similarity->targets + begin * words, n,
                                  words, distances, 0);
        kernels->similarity_u32(distances, n, (uint64_t)words * 64, similarity->out + begin);
        begin += n;
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_similarity(pkern_pool *pool, const uint64_t *query,
                                            const uint64_t *targets, size_t n, size_t words,
                                            float *out) {
    pkn_similarity similarity;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!query || !targets || !out || pkn_overlaps(query, words * 8, out, n * sizeof *out) ||
        pkn_overlaps(targets, bytes, out, n * sizeof *out)) {
        return PKERN_EINVAL;
    }
    similarity.query = query;
    similarity.targets = targets;
    similarity.words = words;
    similarity.out = out;
    return pkn_hdc_run(pool, n, 16, pkn_hdc_pair_cost(words), pkn_similarity_rows, &similarity);
}

typedef struct pkn_distances {
    pkn_tiles tiles;
    uint32_t *out;
} pkn_distances;

PKN_INTERNAL int pkn_distances_items(size_t begin, size_t end, void *ctx) {
    const pkn_distances *distances = (const pkn_distances *)ctx;
    const pkn_tiles *tiles = &distances->tiles;
    const pkn_simd_kernels *kernels = pkn_simd();
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, SIZE_MAX, &part);
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            kernels->hamming_tile_u64(
                tiles->queries + part.query * tiles->words, part.query_end - part.query,
                tiles->targets + t * tiles->words,
                pkn_min_size(tiles->block_len, part.target_end - t), tiles->words,
                distances->out + part.query * tiles->n_targets + t, tiles->n_targets);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_distances(pkern_pool *pool, const uint64_t *queries,
                                           size_t n_queries, const uint64_t *targets,
                                           size_t n_targets, size_t words, uint32_t *out) {
    pkn_distances distances;
    size_t query_bytes, target_bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_queries, words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n_targets, words, &target_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n_queries, n_targets, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((!queries && n_queries > 0) || (!targets && n_targets > 0) || (!out && out_bytes > 0)) {
        return PKERN_EINVAL;
    }
    if (out_bytes == 0) {
        return PKERN_OK;
    }
    if (pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        pkn_overlaps(targets, target_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    distances.tiles.queries = queries;
    distances.tiles.n_queries = n_queries;
    distances.tiles.targets = targets;
    distances.tiles.n_targets = n_targets;
    distances.tiles.words = words;
    distances.out = out;
    pkn_tiles_cut(&distances.tiles, pkn_tiles_threads(&distances.tiles, pool), n_targets);
    return pkn_tiles_run(&distances.tiles, pool, pkn_distances_items, &distances);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/accumulator.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Adding rows into integer counters. Rows of one weight are counted bit-sliced over the whole call
   and the count is spread over the counters once; rows of different weights are added under masks,
   a tile that stays in L1 at a time. An item of the parallel loop is some columns, and where that
   gives too few items, some columns of some rows, whose sums are added up at the end. Sums are
   exact modulo 2^32 and the call's total fits, so cuts don't change the result. */
#ifndef PKN_HDC_ACCUMULATOR_C
#define PKN_HDC_ACCUMULATOR_C

/* #include "base/alloc.h": above */
/* #include "base/rng.h": above */
/* #include "hdc/accumulator.h": above */
/* #include "hdc/hdc.h": above */
/* #include "hdc/hdc_run.h": above */
/* #include "simd/counters.h": above */

#define PKN_ACCUMULATOR_MAX_WEIGHT ((uint64_t)INT32_MAX)
/* Columns of an item, in words: four lines a row, what the counting kernel takes at a time. */
#define PKN_ACCUMULATOR_PIECE_WORDS 32
/* Weighted rows of a tile: 16 KiB at PIECE_WORDS. */
#define PKN_ACCUMULATOR_TILE_ROWS 64
/* With fewer items than this a thread, rows are cut too, where there are twice CHUNK_ROWS. A
   chunk's sums take as long as about 200 rows to be written and added up. */
#define PKN_ACCUMULATOR_ITEMS_PER_THREAD 4
#define PKN_ACCUMULATOR_CHUNK_ROWS 2048
#define PKN_ACCUMULATOR_CHUNKS_PER_THREAD 8
/* Per word, measured as in hdc_run.h: adding to the counters, and spreading a plane before; a row
   with a weight of its own. */
#define PKN_ACCUMULATOR_COUNTER_NS 5.0
#define PKN_ACCUMULATOR_PLANE_NS 1.5
#define PKN_ACCUMULATOR_WEIGHTED_NS 1.2

typedef struct pkn_accumulate {
    const uint64_t *vectors;
    const int32_t *weights; /* 0: all are `weight` */
    int32_t weight;
    size_t n, words;
    size_t n_pieces;             /* of the columns */
    size_t n_chunks, chunk_rows; /* of the rows */
    int32_t *counts;             /* [n_chunks x 64 * words]; the counters, where n_chunks is 1 */
} pkn_accumulate;

/* Rows of one weight, into the counters of these columns. */
PKN_INTERNAL void pkn_accumulate_alike(const uint64_t *rows, size_t n, size_t stride, size_t words,
                                       int32_t weight, int32_t *counts) {
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t planes[32 * PKN_ACCUMULATOR_PIECE_WORDS];
    unsigned n_planes = 64 - pkn_clz_u64((uint64_t)n);
    int32_t offset = pkn_as_i32(0 - (uint32_t)weight * (uint32_t)n);
    if (n == 1) {
        kernels->add_counts_i32(rows, 1, words, words, weight, offset, counts);
        return;
    }
    kernels->count_u64(rows, n, stride, words, 0, 0, n_planes, words, planes);
    kernels->add_counts_i32(planes, n_planes, words, words, weight, offset, counts);
}

/* Rows of different weights. Only the call's total may meet the limits of the counters, so more
   than one tile is summed up aside. */
PKN_INTERNAL void pkn_accumulate_weighted(const uint64_t *rows, const int32_t *weights, size_t n,
                                          size_t stride, size_t words, int32_t *counts) {
    const pkn_simd_kernels *kernels = pkn_simd();
    int32_t sums[64 * PKN_ACCUMULATOR_PIECE_WORDS];
    if (n <= PKN_ACCUMULATOR_TILE_ROWS) {
        kernels->add_weighted_i32(rows, weights, n, stride, words, counts);
        return;
    }
    memset(sums, 0, 64 * words * sizeof *sums);
    for (size_t row = 0; row < n; row += PKN_ACCUMULATOR_TILE_ROWS) {
        kernels->add_weighted_i32(rows + row * stride, weights + row,
                                  pkn_min_size(n - row, PKN_ACCUMULATOR_TILE_ROWS), stride, words,
                                  sums);
    }
    kernels->add_saturated_i32(counts, sums, 64 * words, counts);
}

/* Items are pieces of columns of chunks of rows. */
PKN_INTERNAL int pkn_accumulate_items(size_t begin, size_t end, void *ctx) {
    const pkn_accumulate *call = (const pkn_accumulate *)ctx;
    for (size_t item = begin; item < end; item++) {
        size_t chunk = item / call->n_pieces;
        size_t row = chunk * call->chunk_rows;
        size_t word = item % call->n_pieces * PKN_ACCUMULATOR_PIECE_WORDS;
        size_t n = pkn_min_size(call->chunk_rows, call->n - row);
        size_t words = pkn_min_size(call->words - word, PKN_ACCUMULATOR_PIECE_WORDS);
        const uint64_t *rows = call->vectors + row * call->words + word;
        int32_t *counts = call->counts + (chunk * call->words + word) * 64;
        if (call->weights) {
            pkn_accumulate_weighted(rows, call->weights + row, n, call->words, words, counts);
        } else {
            pkn_accumulate_alike(rows, n, call->words, words, call->weight, counts);
        }
    }
    return 0;
}

PKN_INTERNAL double pkn_accumulate_item_cost(const pkn_accumulate *call) {
    double slowness = pkn_hdc_count_cost() / PKN_HDC_COUNT_NS_PER_WORD;
    double planes = 64 - pkn_clz_u64((uint64_t)call->chunk_rows);
    double rows = (double)call->chunk_rows;
    double word = call->weights
                      ? PKN_ACCUMULATOR_WEIGHTED_NS * rows
                      : PKN_HDC_COUNT_NS_PER_WORD * rows + PKN_ACCUMULATOR_PLANE_NS * planes;
    return (word + PKN_ACCUMULATOR_COUNTER_NS) * slowness * (double)call->words /
           (double)call->n_pieces;
}

/* The rows in chunks, each with sums of its own; 0 where there is no memory for them. */
PKN_INTERNAL int pkn_accumulate_in_chunks(pkn_accumulate *call, pkern_pool *pool, size_t n_threads,
                                          pkern_status *status) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    int32_t *counts = call->counts;
    size_t n_counts = 64 * call->words, bytes;
    size_t n_chunks = n_threads * PKN_ACCUMULATOR_CHUNKS_PER_THREAD;
    size_t chunk_rows = pkn_max_size(call->n / n_chunks + 1, PKN_ACCUMULATOR_CHUNK_ROWS);
    n_chunks = (call->n + chunk_rows - 1) / chunk_rows;
    bytes = n_chunks * n_counts * sizeof *counts; /* less than the rows have */
    call->counts = (int32_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!call->counts) {
        call->counts = counts;
        return 0;
    }
    memset(call->counts, 0, bytes);
    call->chunk_rows = chunk_rows;
    call->n_chunks = n_chunks;
    *status = pkn_hdc_run(pool, call->n_pieces * n_chunks, 1, pkn_accumulate_item_cost(call),
                          pkn_accumulate_items, call);
    if (*status == PKERN_OK) {
        for (size_t chunk = 1; chunk < n_chunks; chunk++) {
            pkn_simd()->add_saturated_i32(call->counts, call->counts + chunk * n_counts, n_counts,
                                          call->counts);
        }
        pkn_simd()->add_saturated_i32(counts, call->counts, n_counts, counts);
    }
    pkn_release(allocator, call->counts, bytes);
    return 1;
}

PKN_INTERNAL pkern_status pkn_accumulate_run(pkn_accumulate *call, pkern_pool *pool) {
    double cost;
    pkern_status status = PKERN_OK;
    call->n_pieces = (call->words + PKN_ACCUMULATOR_PIECE_WORDS - 1) / PKN_ACCUMULATOR_PIECE_WORDS;
    call->n_chunks = 1;
    call->chunk_rows = call->n;
    cost = pkn_accumulate_item_cost(call);
    if (call->n >= 2 * PKN_ACCUMULATOR_CHUNK_ROWS) {
        size_t n_threads = (size_t)pkern_pool_num_threads(pool);
        if (n_threads > 1 && call->n_pieces < n_threads * PKN_ACCUMULATOR_ITEMS_PER_THREAD &&
            pkn_accumulate_in_chunks(call, pool, n_threads, &status)) {
            return status;
        }
    }
    return pkn_hdc_run(pool, call->n_pieces, 1, cost, pkn_accumulate_items, call);
}

/* The sum of the weights, or a status. One weight for all rows becomes call->weight. */
PKN_INTERNAL pkern_status pkn_accumulate_weigh(pkn_accumulate *call, const int32_t *weights,
                                               int64_t *sum) {
    uint64_t size = 0;
    int differ = 0;
    call->weights = 0;
    call->weight = weights ? weights[0] : 1;
    *sum = (int64_t)call->n;
    if (!weights) {
        return PKERN_OK;
    }
    *sum = 0;
    for (size_t row = 0; row < call->n; row++) {
        int64_t weight = weights[row];
        *sum += weight;
        size += (uint64_t)(weight < 0 ? -weight : weight);
        differ |= weights[row] != call->weight;
    }
    call->weights = differ ? weights : 0;
    return size > PKN_ACCUMULATOR_MAX_WEIGHT ? PKERN_EOVERFLOW : PKERN_OK;
}

PKN_INTERNAL int64_t pkn_add_clamped_i64(int64_t a, int64_t b) {
    return b > 0 && a > INT64_MAX - b ? INT64_MAX : b < 0 && a < INT64_MIN - b ? INT64_MIN : a + b;
}

PKN_INTERNAL pkern_status pkn_accumulator_check(const pkern_hdc_accumulator *accumulator,
                                                size_t *bytes) {
    if (!accumulator || !accumulator->counts || accumulator->words == 0) {
        return PKERN_EINVAL;
    }
    return pkn_hdc_check_rows(32, accumulator->words, bytes); /* 4 bytes a bit */
}

PKERN_API pkern_status pkern_hdc_accumulator_init(pkern_hdc_accumulator *accumulator,
                                                  int32_t *counts, size_t words) {
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(32, words, &bytes);
    if (!accumulator || !counts) {
        return PKERN_EINVAL;
    }
    if (status != PKERN_OK) {
        return status;
    }
    accumulator->counts = counts;
    accumulator->words = words;
    accumulator->weight = 0;
    accumulator->seed = 0;
    memset(counts, 0, bytes);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_accumulator_add(pkern_pool *pool,
                                                 pkern_hdc_accumulator *accumulator,
                                                 const uint64_t *vectors, size_t n,
                                                 const int32_t *weights) {
    pkn_accumulate call;
    size_t bytes, count_bytes;
    int64_t sum;
    pkern_status status = pkn_accumulator_check(accumulator, &count_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    status = pkn_hdc_check_rows(n, accumulator->words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (n > PKN_ACCUMULATOR_MAX_WEIGHT) {
        return PKERN_EOVERFLOW;
    }
    if (!vectors || pkn_overlaps(vectors, bytes, accumulator->counts, count_bytes) ||
        (weights && pkn_overlaps(weights, n * sizeof *weights, accumulator->counts, count_bytes))) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.n = n;
    call.words = accumulator->words;
    call.counts = accumulator->counts;
    status = pkn_accumulate_weigh(&call, weights, &sum);
    if (status == PKERN_OK) {
        status = pkn_accumulate_run(&call, pool);
    }
    if (status == PKERN_OK) {
        accumulator->weight = pkn_add_clamped_i64(accumulator->weight, sum);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_accumulator_merge(pkern_hdc_accumulator *into,
                                                   const pkern_hdc_accumulator *from) {
    size_t bytes, from_bytes;
    pkern_status status = pkn_accumulator_check(into, &bytes);
    if (status == PKERN_OK) {
        status = pkn_accumulator_check(from, &from_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (into->words != from->words || pkn_hdc_clashes(from->counts, bytes, into->counts, bytes)) {
        return PKERN_EINVAL;
    }
    pkn_simd()->add_saturated_i32(into->counts, from->counts, 64 * into->words, into->counts);
    into->weight = pkn_add_clamped_i64(into->weight, from->weight);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_accumulator_threshold(const pkern_hdc_accumulator *accumulator,
                                                       int tie, const uint64_t *tie_vector,
                                                       uint64_t *out) {
    uint64_t ties[PKN_ACCUMULATOR_PIECE_WORDS];
    size_t bytes, words;
    int is_given = tie == PKERN_HDC_TIE_VECTOR || tie == PKERN_HDC_TIE_FIRST;
    pkern_status status = pkn_accumulator_check(accumulator, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    words = accumulator->words;
    if (!out || tie < PKERN_HDC_TIE_ZERO || tie > PKERN_HDC_TIE_SEEDED ||
        (is_given && (!tie_vector || pkn_hdc_clashes(tie_vector, words * 8, out, words * 8))) ||
        pkn_overlaps(accumulator->counts, bytes, out, words * 8)) {
        return PKERN_EINVAL;
    }
    if (tie != PKERN_HDC_TIE_SEEDED) {
        pkn_simd()->threshold_i32(accumulator->counts, words, is_given ? tie_vector : 0, out);
        return PKERN_OK;
    }
    for (size_t word = 0; word < words; word += PKN_ACCUMULATOR_PIECE_WORDS) {
        size_t n = pkn_min_size(words - word, PKN_ACCUMULATOR_PIECE_WORDS);
        for (size_t i = 0; i < n; i++) {
            ties[i] = pkn_random_at(accumulator->seed, word + i);
        }
        pkn_simd()->threshold_i32(accumulator->counts + word * 64, n, ties, out + word);
    }
    return PKERN_OK;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/codebook.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Codebooks. Levels and circles are rows of one kind: row 0 with the places [low, high) of a random
   order of bits flipped, where low and high never fall from row to row. A piece of rows makes its
   first one from row 0 and each other from the one before. */
#ifndef PKN_HDC_CODEBOOK_C
#define PKN_HDC_CODEBOOK_C

/* #include "base/alloc.h": above */
/* #include "hdc/codebook.h": above */
/* #include "hdc/hdc.h": above */
/* ==== src/hdc/hdc_chance.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Chance by counters: words of biased bits, numbers below a bound, orders of bits. All depend on
   (seed, index) alone. */
#ifndef PKN_HDC_HDC_CHANCE_H
#define PKN_HDC_HDC_CHANCE_H

/* #include "base/bits.h": above */
/* #include "base/rng.h": above */

#include <stddef.h>
#include <stdint.h>

/* Streams of one seed that must not meet those of pkern_hdc_random. */
#define PKN_CHANCE_ORDER UINT64_C(0x6f72646572206f66)
#define PKN_CHANCE_BIASED UINT64_C(0x6269617365642062)

/* A number below bound <= 2^32, each as probable as the others up to 2^-32. */
PKN_INLINE uint64_t pkn_chance_below(uint64_t seed, uint64_t index, uint64_t bound) {
    uint64_t random = pkn_random_at(seed, index);
    return ((random >> 32) * bound + ((random & UINT32_MAX) * bound >> 32)) >> 32;
}

/* The first n_drawn places of order [n] become a random draw without repetition from 0 .. n - 1, in
   random order; the others keep the rest. Fisher and Yates's shuffle. */
PKN_INLINE void pkn_chance_order(uint64_t seed, uint64_t n, uint64_t n_drawn, uint32_t *order) {
    for (uint64_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
    }
    for (uint64_t i = 0; i < n_drawn; i++) {
        uint64_t other = i + pkn_chance_below(seed, i, n - i);
        uint32_t drawn = order[other];
        order[other] = order[i];
        order[i] = drawn;
    }
}

/* A probability as a number of 2^-64ths; `always` where that is 2^64. */
typedef struct pkn_chance {
    uint64_t share;
    int always;
} pkn_chance;

PKN_INLINE pkn_chance pkn_chance_of(double probability) {
    pkn_chance chance;
    chance.always = probability >= 1;
    chance.share = chance.always ? 0 : (uint64_t)(probability * 18446744073709551616.0);
    return chance;
}

/* Measured like the costs in hdc_run.h: a random word; that the number of draws is not foreseen. */
#define PKN_CHANCE_WORD_NS 1.8
#define PKN_CHANCE_SURPRISE_NS 15.0

/* Of a biased word in ns: as many draws as the share has digits, or as 64 lanes need on average
   until all are decided. */
PKN_INLINE double pkn_chance_cost(pkn_chance chance) {
    unsigned digits = chance.share == 0 ? 0 : 64 - pkn_ctz_u64(chance.share);
    return digits < 7 ? PKN_CHANCE_WORD_NS * (digits + 0.2)
                      : PKN_CHANCE_WORD_NS * 7.3 + PKN_CHANCE_SURPRISE_NS;
}

/* Word index of a stream of bits that are 1 with that probability. Each lane compares a random
   binary fraction with share, highest digit first, and is done where they differ; after j digits
   2^-j of the lanes are still open. */
PKN_INLINE uint64_t pkn_chance_word(pkn_chance chance, uint64_t seed, uint64_t index) {
    uint64_t ones = 0, open = ~(uint64_t)0, digits = chance.share;
    if (chance.always) {
        return open;
    }
    for (uint64_t draw = index * 64; digits != 0 && open != 0; draw++, digits <<= 1) {
        uint64_t random = pkn_random_at(seed, draw);
        if (digits >> 63) {
            ones |= open & ~random;
            open &= random;
        } else {
            open &= ~random;
        }
    }
    return ones;
}

#endif
/* ==== src/hdc/codebook.c, continued ==== */
/* #include "hdc/hdc_run.h": above */

#define PKN_CODEBOOK_MAX_LEVELS ((size_t)1 << 31)
/* measured like the costs in hdc_run.h */
#define PKN_FLIP_NS 1.0

typedef struct pkn_codebook {
    uint64_t seed;
    pkn_chance chance;
    size_t words;
    uint64_t *out;
} pkn_codebook;

PKN_INTERNAL int pkn_codebook_random_words(size_t begin, size_t end, void *ctx) {
    const pkn_codebook *codebook = (const pkn_codebook *)ctx;
    for (size_t i = begin; i < end; i++) {
        codebook->out[i] = pkn_random_at(codebook->seed, i);
    }
    return 0;
}

PKN_INTERNAL int pkn_codebook_biased_words(size_t begin, size_t end, void *ctx) {
    const pkn_codebook *codebook = (const pkn_codebook *)ctx;
    for (size_t i = begin; i < end; i++) {
        codebook->out[i] = pkn_chance_word(codebook->chance, codebook->seed, i);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_codebook_random(pkern_pool *pool, uint64_t seed, size_t n,
                                                 size_t words, uint64_t *out) {
    pkn_codebook codebook;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    memset(&codebook, 0, sizeof codebook);
    codebook.seed = seed;
    codebook.out = out;
    return pkn_hdc_run(pool, n * words, 16, PKN_CHANCE_WORD_NS, pkn_codebook_random_words,
                       &codebook);
}

PKERN_API pkern_status pkern_hdc_codebook_random_density(pkern_pool *pool, uint64_t seed,
                                                         double density, size_t n, size_t words,
                                                         uint64_t *out) {
    pkn_codebook codebook;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!(density >= 0 && density <= 1)) {
        return PKERN_EINVAL;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    codebook.seed = seed ^ PKN_CHANCE_BIASED;
    codebook.chance = pkn_chance_of(density);
    codebook.words = words;
    codebook.out = out;
    return pkn_hdc_run(pool, n * words, 16, pkn_chance_cost(codebook.chance),
                       pkn_codebook_biased_words, &codebook);
}

typedef struct pkn_level_book {
    const uint32_t *order; /* [half]: bits in the order of their flips */
    uint64_t half, n_levels;
    size_t words;
    int is_circular;
    uint64_t *out;
} pkn_level_book;

typedef struct pkn_level {
    uint64_t low, high; /* places of the order that are flipped */
} pkn_level;

PKN_INTERNAL pkn_level pkn_level_at(const pkn_level_book *book, uint64_t row) {
    pkn_level level;
    uint64_t flips = book->is_circular     ? row * 2 * book->half / book->n_levels
                     : book->n_levels == 1 ? 0
                                           : row * book->half / (book->n_levels - 1);
    level.high = flips < book->half ? flips : book->half;
    level.low = flips - level.high;
    return level;
}

PKN_INTERNAL void pkn_level_flip(const pkn_level_book *book, uint64_t begin, uint64_t end,
                                 uint64_t *row) {
    for (uint64_t i = begin; i < end; i++) {
        row[book->order[i] / 64] ^= (uint64_t)1 << (book->order[i] % 64);
    }
}

/* Item i is row i + 1. */
PKN_INTERNAL int pkn_level_rows(size_t begin, size_t end, void *ctx) {
    const pkn_level_book *book = (const pkn_level_book *)ctx;
    const uint64_t *before = book->out;
    pkn_level last = {0, 0};
    for (size_t i = begin + 1; i < end + 1; i++) {
        uint64_t *row = book->out + i * book->words;
        pkn_level level = pkn_level_at(book, i);
        memcpy(row, before, book->words * sizeof *row);
        if (level.low < last.high) {
            pkn_level_flip(book, last.low, level.low, row);
            pkn_level_flip(book, last.high, level.high, row);
        } else {
            pkn_level_flip(book, last.low, last.high, row);
            pkn_level_flip(book, level.low, level.high, row);
        }
        before = row;
        last = level;
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_level_book_make(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                              size_t words, int is_circular, uint64_t *out) {
    pkn_level_book book;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    uint64_t bits = (uint64_t)words * 64;
    size_t bytes, min_len;
    uint32_t *order;
    double cost;
    pkern_status status = pkn_hdc_check_rows(n_levels, words, &bytes);
    if (status != PKERN_OK || n_levels == 0) {
        return status;
    }
    if (n_levels > PKN_CODEBOOK_MAX_LEVELS) {
        return PKERN_EOVERFLOW;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    order = (uint32_t *)pkn_allocate(allocator, (size_t)bits * sizeof *order, PKN_CACHE_LINE);
    if (!order) {
        return PKERN_ENOMEM;
    }
    pkn_chance_order(seed ^ PKN_CHANCE_ORDER, bits, bits / 2, order);
    pkern_hdc_random(seed, out, words);
    book.order = order;
    book.half = bits / 2;
    book.n_levels = n_levels;
    book.words = words;
    book.is_circular = is_circular;
    book.out = out;
    /* a piece begins with up to half of the bits to flip: its rows should be worth 8 times that */
    cost = pkn_hdc_move_cost(words, bytes) + PKN_FLIP_NS * (double)bits / (double)n_levels;
    min_len = (size_t)(8 * PKN_FLIP_NS * (double)book.half / cost) + 1;
    if (n_levels > 1) {
        status = pkn_hdc_run(pool, n_levels - 1, min_len, cost, pkn_level_rows, &book);
    }
    pkn_release(allocator, order, (size_t)bits * sizeof *order);
    return status;
}

PKERN_API pkern_status pkern_hdc_codebook_level(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                size_t words, uint64_t *out) {
    return pkn_level_book_make(pool, seed, n_levels, words, 0, out);
}

PKERN_API pkern_status pkern_hdc_codebook_circular(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                   size_t words, uint64_t *out) {
    return pkn_level_book_make(pool, seed, n_levels, words, 1, out);
}

PKN_INTERNAL int pkn_thermometer_rows(size_t begin, size_t end, void *ctx) {
    const pkn_level_book *book = (const pkn_level_book *)ctx;
    for (size_t i = begin; i < end; i++) {
        uint64_t *row = book->out + i * book->words;
        uint64_t ones = book->n_levels == 1 ? 0 : i * 2 * book->half / (book->n_levels - 1);
        size_t full = (size_t)(ones / 64);
        memset(row, 0xff, full * sizeof *row);
        memset(row + full, 0, (book->words - full) * sizeof *row);
        if (ones % 64 != 0) {
            row[full] = ((uint64_t)1 << (ones % 64)) - 1;
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_codebook_thermometer(pkern_pool *pool, size_t n_levels,
                                                      size_t words, uint64_t *out) {
    pkn_level_book book;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n_levels, words, &bytes);
    if (status != PKERN_OK || n_levels == 0) {
        return status;
    }
    if (n_levels > PKN_CODEBOOK_MAX_LEVELS) {
        return PKERN_EOVERFLOW;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    memset(&book, 0, sizeof book);
    book.half = (uint64_t)words * 32;
    book.n_levels = n_levels;
    book.words = words;
    book.out = out;
    return pkn_hdc_run(pool, n_levels, 1, pkn_hdc_move_cost(words, bytes) + 2, pkn_thermometer_rows,
                       &book);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/multibind.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Binding sets, binding under a mask, complements. A set is cut like a bundle's: by columns, and by
   rows where that gives too few items; xor doesn't mind the cuts. */
#ifndef PKN_HDC_MULTIBIND_C
#define PKN_HDC_MULTIBIND_C

/* #include "base/alloc.h": above */
/* #include "hdc/bind.c": above */
/* #include "hdc/bundle.c": above */
/* #include "hdc/hdc_run.h": above */
/* #include "hdc/operations.h": above */

/* Columns of an item, in words: 4 KiB of the result stay in L1, where each row is xored to it: 7 ns
   for 256 bytes. */
#define PKN_MULTIBIND_PIECE_WORDS 512
#define PKN_MULTIBIND_CHUNK_ROWS 2048

typedef struct pkn_multibind {
    const uint64_t *vectors;
    const size_t *set_offsets; /* 0: one set, of n_rows rows in chunks of chunk_rows */
    size_t n_rows, chunk_rows;
    size_t words, n_pieces;
    uint64_t *out;
} pkn_multibind;

/* Items are pieces of sets, or of chunks of the one set. */
PKN_INTERNAL int pkn_multibind_items(size_t begin, size_t end, void *ctx) {
    const pkn_multibind *call = (const pkn_multibind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    for (size_t item = begin; item < end; item++) {
        size_t set = item / call->n_pieces;
        size_t word = item % call->n_pieces * PKN_MULTIBIND_PIECE_WORDS;
        size_t words = pkn_min_size(call->words - word, PKN_MULTIBIND_PIECE_WORDS);
        size_t row = call->set_offsets ? call->set_offsets[set] : set * call->chunk_rows;
        size_t last = call->set_offsets ? call->set_offsets[set + 1]
                                        : pkn_min_size(row + call->chunk_rows, call->n_rows);
        const uint64_t *rows = call->vectors + word;
        uint64_t *out = call->out + set * call->words + word;
        if (row == last) {
            memset(out, 0, words * sizeof *out);
        } else if (row + 1 == last) {
            memcpy(out, rows + row * call->words, words * sizeof *out);
        } else {
            kernels->xor_u64(rows + row * call->words, rows + (row + 1) * call->words, words, out);
            for (row += 2; row < last; row++) {
                kernels->xor_u64(out, rows + row * call->words, words, out);
            }
        }
    }
    return 0;
}

/* One long set, alone where there is no memory for parts. */
PKN_INTERNAL pkern_status pkn_multibind_long_set(const pkn_multibind *call, pkern_pool *pool,
                                                 size_t set, size_t n_threads) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    pkn_multibind parts = *call;
    size_t first = call->set_offsets[set], n_chunks, bytes;
    pkern_status status;
    parts.set_offsets = 0;
    parts.vectors = call->vectors + first * call->words;
    parts.n_rows = call->set_offsets[set + 1] - first;
    parts.chunk_rows = pkn_max_size(parts.n_rows / (n_threads * 8) + 1, PKN_MULTIBIND_CHUNK_ROWS);
    n_chunks = (parts.n_rows + parts.chunk_rows - 1) / parts.chunk_rows;
    bytes = n_chunks * call->words * sizeof *parts.out;
    parts.out = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!parts.out) {
        return pkn_multibind_items(set * call->n_pieces, (set + 1) * call->n_pieces,
                                   (void *)(uintptr_t)call);
    }
    status = pkn_hdc_run(pool, n_chunks * call->n_pieces, 1,
                         1.5 * pkn_hdc_move_cost(call->words, parts.n_rows * call->words * 8) *
                             (double)parts.chunk_rows / (double)call->n_pieces,
                         pkn_multibind_items, &parts);
    if (status == PKERN_OK) {
        pkn_multibind sum = parts;
        sum.vectors = parts.out;
        sum.n_rows = sum.chunk_rows = n_chunks;
        sum.out = call->out + set * call->words;
        status = pkn_multibind_items(0, call->n_pieces, &sum);
    }
    pkn_release(allocator, parts.out, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_multibind_run(const pkn_multibind *call, pkern_pool *pool,
                                            size_t n_sets) {
    size_t n_rows = call->set_offsets[n_sets] - call->set_offsets[0];
    size_t n_items = n_sets * call->n_pieces;
    double cost = (1.5 * pkn_hdc_move_cost(call->words, n_rows * call->words * 8) + 2) *
                  ((double)n_rows + (double)n_sets);
    if (n_rows / n_sets >= 2 * PKN_MULTIBIND_CHUNK_ROWS) {
        size_t n_threads = (size_t)pkern_pool_num_threads(pool);
        if (n_threads > 1 && n_items < n_threads * PKN_BUNDLE_ITEMS_PER_THREAD) {
            pkern_status status = PKERN_OK;
            for (size_t set = 0; set < n_sets && status == PKERN_OK; set++) {
                status = pkn_multibind_long_set(call, pool, set, n_threads);
            }
            return status;
        }
    }
    return pkn_hdc_run(pool, n_items, 1, cost / (double)n_items, pkn_multibind_items,
                       (void *)(uintptr_t)call);
}

PKERN_API pkern_status pkern_hdc_multibind(pkern_pool *pool, const uint64_t *vectors,
                                           const size_t *set_offsets, size_t n_sets, size_t words,
                                           uint64_t *out) {
    pkn_multibind call;
    size_t bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_sets, words, &out_bytes);
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    for (size_t set = 0; set < n_sets; set++) {
        if (set_offsets[set + 1] < set_offsets[set]) {
            return PKERN_EINVAL;
        }
    }
    status = pkn_hdc_check_rows(set_offsets[n_sets], words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    bytes = (set_offsets[n_sets] - set_offsets[0]) * words * sizeof *vectors;
    if ((bytes > 0 &&
         (!vectors || pkn_overlaps(vectors + set_offsets[0] * words, bytes, out, out_bytes))) ||
        pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    memset(&call, 0, sizeof call);
    call.vectors = vectors;
    call.set_offsets = set_offsets;
    call.words = words;
    call.n_pieces = (words + PKN_MULTIBIND_PIECE_WORDS - 1) / PKN_MULTIBIND_PIECE_WORDS;
    call.out = out;
    return pkn_multibind_run(&call, pool, n_sets);
}

typedef struct pkn_bind_masked {
    const uint64_t *vectors, *key, *mask;
    size_t words, n_pieces;
    uint64_t *out;
} pkn_bind_masked;

/* Items are pieces of long rows. */
PKN_INTERNAL int pkn_bind_masked_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bind_masked *call = (const pkn_bind_masked *)ctx;
    uint64_t key[PKN_MULTIBIND_PIECE_WORDS];
    for (size_t item = begin; item < end; item++) {
        size_t word = item % call->n_pieces * PKN_MULTIBIND_PIECE_WORDS;
        size_t words = pkn_min_size(call->words - word, PKN_MULTIBIND_PIECE_WORDS);
        size_t first = item / call->n_pieces * call->words + word;
        pkn_simd()->and_u64(call->key + word, call->mask + word, words, key);
        pkn_simd()->xor_u64(call->vectors + first, key, words, call->out + first);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_bind_masked(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             const uint64_t *key, const uint64_t *mask,
                                             size_t words, uint64_t *out) {
    pkn_bind_masked call;
    uint64_t masked[PKN_MULTIBIND_PIECE_WORDS];
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !key || !mask || !out || pkn_hdc_clashes(vectors, bytes, out, bytes) ||
        pkn_overlaps(key, words * 8, out, bytes) || pkn_overlaps(mask, words * 8, out, bytes)) {
        return PKERN_EINVAL;
    }
    if (words <= PKN_MULTIBIND_PIECE_WORDS) {
        pkn_simd()->and_u64(key, mask, words, masked);
        return pkern_hdc_bind(pool, vectors, n, masked, words, out);
    }
    call.vectors = vectors;
    call.key = key;
    call.mask = mask;
    call.words = words;
    call.n_pieces = (words + PKN_MULTIBIND_PIECE_WORDS - 1) / PKN_MULTIBIND_PIECE_WORDS;
    call.out = out;
    return pkn_hdc_run(pool, n * call.n_pieces, 1,
                       1.5 * pkn_hdc_move_cost(PKN_MULTIBIND_PIECE_WORDS, bytes),
                       pkn_bind_masked_pieces, &call);
}

typedef struct pkn_negate {
    const uint64_t *vectors;
    size_t words; /* of all vectors */
    uint64_t *out;
} pkn_negate;

/* Items are pieces of the whole array. */
PKN_INTERNAL int pkn_negate_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_negate *call = (const pkn_negate *)ctx;
    size_t first = begin * PKN_BIND_KEY_WORDS;
    size_t last = pkn_min_size(end * PKN_BIND_KEY_WORDS, call->words);
    pkn_simd()->not_u64(call->vectors + first, last - first, call->out + first);
    return 0;
}

PKERN_API pkern_status pkern_hdc_negate(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                        size_t words, uint64_t *out) {
    pkn_negate call;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_hdc_clashes(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.words = n * words;
    call.out = out;
    return pkn_hdc_run(pool, (call.words + PKN_BIND_KEY_WORDS - 1) / PKN_BIND_KEY_WORDS, 1,
                       pkn_hdc_move_cost(PKN_BIND_KEY_WORDS, bytes), pkn_negate_pieces, &call);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/bundle_with.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bundling with weights and a choice for ties.

   Without weights a piece of a set is counted bit-sliced from the majority's bias on, plane 0 to
   plane p: plane p is the majority, and a count that is a tie has all lower planes 1 and plane p 0,
   since it is one short of the carry. With weights a piece is summed up in integers. */
#ifndef PKN_HDC_BUNDLE_WITH_C
#define PKN_HDC_BUNDLE_WITH_C

/* #include "base/alloc.h": above */
/* #include "base/rng.h": above */
/* #include "hdc/accumulator.c": above */
/* #include "hdc/bundle.c": above */
/* #include "hdc/hdc_run.h": above */
/* #include "hdc/operations.h": above */
/* #include "simd/majority.h": above */

#define PKN_BUNDLE_WITH_WORDS PKN_ACCUMULATOR_PIECE_WORDS

typedef struct pkn_bundle_with {
    const uint64_t *vectors;
    const size_t *set_offsets;
    size_t n_sets, words, n_pieces;
    pkern_hdc_bundle_options options;
    uint64_t *out;
} pkn_bundle_with;

/* What ties become in words [word, word + n) of a set with rows; 0 for zeros. */
PKN_INTERNAL const uint64_t *pkn_bundle_ties(const pkn_bundle_with *call, size_t set, size_t word,
                                             size_t n, uint64_t *seeded) {
    switch (call->options.tie) {
    case PKERN_HDC_TIE_FIRST:
        return call->vectors + call->set_offsets[set] * call->words + word;
    case PKERN_HDC_TIE_VECTOR:
        return call->options.tie_vector + word;
    case PKERN_HDC_TIE_SEEDED:
        for (size_t i = 0; i < n; i++) {
            seeded[i] = pkn_random_at(call->options.seed + set, word + i);
        }
        return seeded;
    default:
        return 0;
    }
}

PKN_INTERNAL void pkn_bundle_alike(const uint64_t *rows, size_t n, size_t stride, size_t words,
                                   const uint64_t *ties, uint64_t *out) {
    uint64_t planes[33 * PKN_BUNDLE_WITH_WORDS];
    unsigned top = pkn_majority_plane(n);
    pkn_simd()->count_u64(rows, n, stride, words, pkn_majority_bias(n), 0, top + 1, words, planes);
    for (unsigned k = 1; k < top; k++) {
        pkn_simd()->and_u64(planes, planes + k * words, words, planes);
    }
    for (size_t i = 0; i < words; i++) {
        uint64_t above = planes[top * words + i];
        out[i] = above | (planes[i] & ~above & ties[i]);
    }
}

PKN_INTERNAL void pkn_bundle_weighted(const uint64_t *rows, const int32_t *weights, size_t n,
                                      size_t stride, size_t words, const uint64_t *ties,
                                      uint64_t *out) {
    int32_t counts[64 * PKN_BUNDLE_WITH_WORDS];
    memset(counts, 0, 64 * words * sizeof *counts);
    pkn_accumulate_weighted(rows, weights, n, stride, words, counts);
    pkn_simd()->threshold_i32(counts, words, ties, out);
}

/* Items are pieces of sets. */
PKN_INTERNAL int pkn_bundle_with_items(size_t begin, size_t end, void *ctx) {
    const pkn_bundle_with *call = (const pkn_bundle_with *)ctx;
    uint64_t seeded[PKN_BUNDLE_WITH_WORDS];
    for (size_t item = begin; item < end; item++) {
        size_t set = item / call->n_pieces;
        size_t word = item % call->n_pieces * PKN_BUNDLE_WITH_WORDS;
        size_t words = pkn_min_size(call->words - word, PKN_BUNDLE_WITH_WORDS);
        size_t first = call->set_offsets[set], n = call->set_offsets[set + 1] - first;
        const uint64_t *rows = call->vectors + first * call->words + word;
        uint64_t *out = call->out + set * call->words + word;
        if (n == 0) {
            memset(out, 0, words * sizeof *out);
        } else if (call->options.weights) {
            pkn_bundle_weighted(rows, call->options.weights + first, n, call->words, words,
                                pkn_bundle_ties(call, set, word, words, seeded), out);
        } else if (n % 2 == 1) { /* no ties */
            pkn_simd()->majority_u64(rows, n, call->words, words, out);
        } else {
            pkn_bundle_alike(rows, n, call->words, words,
                             pkn_bundle_ties(call, set, word, words, seeded), out);
        }
    }
    return 0;
}

/* One long set by an accumulator, or alone where there is no memory for one. */
PKN_INTERNAL pkern_status pkn_bundle_with_long_set(const pkn_bundle_with *call, pkern_pool *pool,
                                                   size_t set) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    pkern_hdc_accumulator sum;
    size_t first = call->set_offsets[set], n = call->set_offsets[set + 1] - first;
    size_t bytes = 256 * call->words; /* less than the rows have */
    int tie = call->options.tie;
    const uint64_t *rows = call->vectors + first * call->words;
    int32_t *counts = (int32_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    pkern_status status;
    if (!counts) {
        return pkn_bundle_with_items(set * call->n_pieces, (set + 1) * call->n_pieces,
                                     (void *)(uintptr_t)call);
    }
    (void)pkern_hdc_accumulator_init(&sum, counts, call->words);
    sum.seed = call->options.seed + set;
    status = pkern_hdc_accumulator_add(pool, &sum, rows, n,
                                       call->options.weights ? call->options.weights + first : 0);
    if (status == PKERN_OK) {
        status = pkern_hdc_accumulator_threshold(
            &sum, tie, tie == PKERN_HDC_TIE_FIRST ? rows : call->options.tie_vector,
            call->out + set * call->words);
    }
    pkn_release(allocator, counts, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_bundle_with_run(const pkn_bundle_with *call, pkern_pool *pool) {
    size_t n_rows = call->set_offsets[call->n_sets] - call->set_offsets[0];
    size_t n_items = call->n_sets * call->n_pieces;
    double row = call->options.weights ? PKN_ACCUMULATOR_WEIGHTED_NS : PKN_HDC_COUNT_NS_PER_WORD;
    double set = call->options.weights                       ? PKN_ACCUMULATOR_COUNTER_NS
                 : call->options.tie == PKERN_HDC_TIE_SEEDED ? 4.0
                                                             : 2.5;
    double cost = pkn_hdc_count_cost() / PKN_HDC_COUNT_NS_PER_WORD * (double)call->words *
                  (row * (double)n_rows + set * (double)call->n_sets);
    if (n_rows / call->n_sets >= 2 * PKN_ACCUMULATOR_CHUNK_ROWS) {
        size_t n_threads = (size_t)pkern_pool_num_threads(pool);
        if (n_threads > 1 && n_items < n_threads * PKN_ACCUMULATOR_ITEMS_PER_THREAD) {
            pkern_status status = PKERN_OK;
            for (size_t i = 0; i < call->n_sets && status == PKERN_OK; i++) {
                status = call->set_offsets[i] == call->set_offsets[i + 1]
                             ? pkn_bundle_with_items(i * call->n_pieces, (i + 1) * call->n_pieces,
                                                     (void *)(uintptr_t)call)
                             : pkn_bundle_with_long_set(call, pool, i);
            }
            return status;
        }
    }
    return pkn_hdc_run(pool, n_items, 1, cost / (double)n_items, pkn_bundle_with_items,
                       (void *)(uintptr_t)call);
}

/* Each set's weights sum to what a counter holds. */
PKN_INTERNAL pkern_status pkn_bundle_with_check_weights(const size_t *set_offsets, size_t n_sets,
                                                        const int32_t *weights) {
    for (size_t set = 0; set < n_sets; set++) {
        uint64_t size = set_offsets[set + 1] - set_offsets[set];
        if (weights && size <= PKN_ACCUMULATOR_MAX_WEIGHT) {
            size = 0;
            for (size_t row = set_offsets[set]; row < set_offsets[set + 1]; row++) {
                int64_t weight = weights[row];
                size += (uint64_t)(weight < 0 ? -weight : weight);
            }
        }
        if (size > PKN_ACCUMULATOR_MAX_WEIGHT) {
            return PKERN_EOVERFLOW;
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_bundle_with(pkern_pool *pool, const uint64_t *vectors,
                                             const size_t *set_offsets, size_t n_sets, size_t words,
                                             const pkern_hdc_bundle_options *options,
                                             uint64_t *out) {
    pkn_bundle_with call;
    size_t bytes, out_bytes;
    const int32_t *weights = options ? options->weights : 0;
    int tie = options ? options->tie : PKERN_HDC_TIE_ZERO;
    pkern_status status = pkn_hdc_check_rows(n_sets, words, &out_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (tie < PKERN_HDC_TIE_ZERO || tie > PKERN_HDC_TIE_SEEDED ||
        (tie == PKERN_HDC_TIE_VECTOR && !options->tie_vector)) {
        return PKERN_EINVAL;
    }
    if (!weights && tie == PKERN_HDC_TIE_ZERO) {
        return pkern_hdc_bundle(pool, vectors, set_offsets, n_sets, words, out);
    }
    if (n_sets == 0) {
        return PKERN_OK;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    status = pkn_bundle_check_sets(set_offsets, n_sets, words, &bytes);
    if (status == PKERN_OK) {
        status = pkn_bundle_with_check_weights(set_offsets, n_sets, weights);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if ((bytes > 0 &&
         (!vectors || pkn_overlaps(vectors + set_offsets[0] * words, bytes, out, out_bytes))) ||
        pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes) ||
        (tie == PKERN_HDC_TIE_VECTOR &&
         pkn_overlaps(options->tie_vector, words * 8, out, out_bytes)) ||
        (weights && pkn_overlaps(weights, set_offsets[n_sets] * sizeof *weights, out, out_bytes))) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.set_offsets = set_offsets;
    call.n_sets = n_sets;
    call.words = words;
    call.n_pieces = (words + PKN_BUNDLE_WITH_WORDS - 1) / PKN_BUNDLE_WITH_WORDS;
    call.options = *options;
    call.out = out;
    return pkn_bundle_with_run(&call, pool);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/noise.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Noise of a given probability and of a given amount. */
#ifndef PKN_HDC_NOISE_C
#define PKN_HDC_NOISE_C

/* #include "hdc/hdc_chance.h": above */
/* #include "hdc/hdc_run.h": above */
/* #include "hdc/operations.h": above */

/* Streams of a seed that must not meet those of other functions with the same seed. */
#define PKN_NOISE_STREAM UINT64_C(0x6e6f697365206f66)
#define PKN_FLIPS_STREAM UINT64_C(0x666c697073206f66)
/* measured like the costs in hdc_run.h: one flip */
#define PKN_NOISE_FLIP_NS 3.0

typedef struct pkn_noise {
    const uint64_t *vectors;
    uint64_t seed;
    pkn_chance chance;
    size_t words, n_flips;
    uint64_t *out;
} pkn_noise;

PKN_INTERNAL int pkn_noise_words(size_t begin, size_t end, void *ctx) {
    const pkn_noise *noise = (const pkn_noise *)ctx;
    for (size_t i = begin; i < end; i++) {
        noise->out[i] = noise->vectors[i] ^ pkn_chance_word(noise->chance, noise->seed, i);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_noise(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                       size_t words, double probability, uint64_t seed,
                                       uint64_t *out) {
    pkn_noise noise;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!(probability >= 0 && probability <= 1)) {
        return PKERN_EINVAL;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (!vectors || !out || pkn_hdc_clashes(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    memset(&noise, 0, sizeof noise);
    noise.vectors = vectors;
    noise.seed = seed ^ PKN_NOISE_STREAM;
    noise.chance = pkn_chance_of(probability);
    noise.out = out;
    return pkn_hdc_run(pool, n * words, 16, pkn_chance_cost(noise.chance), pkn_noise_words, &noise);
}

/* Floyd's sample: of 0 .. last one is drawn, and if it has been already, last itself is taken, for
   `last` up to the largest number. What has been drawn is what differs from the start. */
PKN_INTERNAL int pkn_noise_flip_rows(size_t begin, size_t end, void *ctx) {
    const pkn_noise *noise = (const pkn_noise *)ctx;
    uint64_t bits = (uint64_t)noise->words * 64;
    int is_most = noise->n_flips > bits / 2;
    uint64_t base = 0 - (uint64_t)is_most;
    uint64_t n = is_most ? bits - noise->n_flips : noise->n_flips;
    for (size_t r = begin; r < end; r++) {
        const uint64_t *vector = noise->vectors + r * noise->words;
        uint64_t *out = noise->out + r * noise->words;
        uint64_t seed = pkn_random_at(noise->seed, r);
        for (size_t i = 0; i < noise->words; i++) {
            out[i] = vector[i] ^ base;
        }
        for (uint64_t last = bits - n; last < bits; last++) {
            uint64_t bit = pkn_chance_below(seed, last, last + 1);
            if ((vector[bit / 64] ^ base ^ out[bit / 64]) >> (bit % 64) & 1) {
                bit = last;
            }
            out[bit / 64] ^= (uint64_t)1 << (bit % 64);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_noise_flips(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             size_t words, size_t n_flips, uint64_t seed,
                                             uint64_t *out) {
    pkn_noise noise;
    size_t bytes;
    double flips;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (n_flips > words * 64) {
        return PKERN_EINVAL;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (!vectors || !out || pkn_overlaps(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    memset(&noise, 0, sizeof noise);
    noise.vectors = vectors;
    noise.seed = seed ^ PKN_FLIPS_STREAM;
    noise.words = words;
    noise.n_flips = n_flips;
    noise.out = out;
    flips = (double)pkn_min_size(n_flips, words * 64 - n_flips);
    return pkn_hdc_run(pool, n, 1, (double)words * 0.4 + flips * PKN_NOISE_FLIP_NS,
                       pkn_noise_flip_rows, &noise);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/permutation.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Fixed random permutations of bits. Of 64 vectors at a time the bits are transposed, so that each
   of them is one word of 64 vectors, which moves as a whole; then they are transposed back. */
#ifndef PKN_HDC_PERMUTATION_C
#define PKN_HDC_PERMUTATION_C

/* #include "hdc/hdc_chance.h": above */
/* #include "hdc/hdc_run.h": above */
/* #include "hdc/operations.h": above */

/* Rows with more words are permuted one by one: 64 transposed ones take 32 KiB of the stack. */
#define PKN_PERMUTATION_BLOCK_WORDS 64
/* Fewer rows than this are faster one by one. */
#define PKN_PERMUTATION_BLOCK_ROWS 8
#define PKN_PERMUTATION_STREAM UINT64_C(0x7065726d75746520)
/* measured like the costs in hdc_run.h, for a word of a row: one by one, in blocks of 64 */
#define PKN_PERMUTATION_NS_PER_WORD 45.0
#define PKN_PERMUTATION_BLOCK_NS_PER_WORD 6.0

typedef struct pkn_permutation {
    const uint64_t *vectors;
    const uint32_t *permutation;
    size_t n, words;
    uint64_t *out;
} pkn_permutation;

PKN_INTERNAL void pkn_permutation_row(const pkn_permutation *call, size_t row) {
    const uint64_t *vector = call->vectors + row * call->words;
    uint64_t *out = call->out + row * call->words;
    for (size_t word = 0; word < call->words; word++) {
        const uint32_t *from = call->permutation + word * 64;
        uint64_t bits = 0;
        for (unsigned bit = 0; bit < 64; bit++) {
            bits |= (vector[from[bit] / 64] >> (from[bit] % 64) & 1) << bit;
        }
        out[word] = bits;
    }
}

/* Bit j of word i and bit i of word j change places: blocks of 32 by 32, in them blocks of 16 by
   16, and so on. Source: H. Warren, "Hacker's delight", 2002, section 7-3. */
PKN_INTERNAL void pkn_transpose_64(uint64_t *words) {
    uint64_t mask = UINT64_C(0x00000000ffffffff);
    for (unsigned size = 32; size != 0; size >>= 1, mask ^= mask << size) {
        for (unsigned first = 0; first < 64; first += 2 * size) {
            for (unsigned i = first; i < first + size; i++) {
                uint64_t differ = ((words[i] >> size) ^ words[i + size]) & mask;
                words[i] ^= differ << size;
                words[i + size] ^= differ;
            }
        }
    }
}

/* Rows [row, row + n), n up to 64. */
PKN_INTERNAL void pkn_permutation_block(const pkn_permutation *call, size_t row, size_t n) {
    uint64_t columns[PKN_PERMUTATION_BLOCK_WORDS * 64], moved[64];
    const uint64_t *vectors = call->vectors + row * call->words;
    uint64_t *out = call->out + row * call->words;
    for (size_t word = 0; word < call->words; word++) {
        for (size_t r = 0; r < 64; r++) {
            columns[word * 64 + r] = r < n ? vectors[r * call->words + word] : 0;
        }
        pkn_transpose_64(columns + word * 64);
    }
    for (size_t word = 0; word < call->words; word++) {
        for (size_t bit = 0; bit < 64; bit++) {
            moved[bit] = columns[call->permutation[word * 64 + bit]];
        }
        pkn_transpose_64(moved);
        for (size_t r = 0; r < n; r++) {
            out[r * call->words + word] = moved[r];
        }
    }
}

/* Items are rows, or blocks of 64 rows. */
PKN_INTERNAL int pkn_permutation_rows(size_t begin, size_t end, void *ctx) {
    const pkn_permutation *call = (const pkn_permutation *)ctx;
    for (size_t row = begin; row < end; row++) {
        pkn_permutation_row(call, row);
    }
    return 0;
}

PKN_INTERNAL int pkn_permutation_blocks(size_t begin, size_t end, void *ctx) {
    const pkn_permutation *call = (const pkn_permutation *)ctx;
    for (size_t block = begin; block < end; block++) {
        size_t n = pkn_min_size(call->n - block * 64, 64);
        if (n < PKN_PERMUTATION_BLOCK_ROWS) {
            pkn_permutation_rows(block * 64, block * 64 + n, ctx);
        } else {
            pkn_permutation_block(call, block * 64, n);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_permutation_random(uint64_t seed, size_t words,
                                                    uint32_t *permutation) {
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(32, words, &bytes); /* 4 bytes a bit */
    if (status != PKERN_OK) {
        return status;
    }
    if (!permutation) {
        return PKERN_EINVAL;
    }
    pkn_chance_order(seed ^ PKN_PERMUTATION_STREAM, (uint64_t)words * 64, (uint64_t)words * 64,
                     permutation);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_permutation_invert(const uint32_t *permutation, size_t words,
                                                    uint32_t *inverse) {
    size_t bytes, n_bits = words * 64;
    uint32_t is_missing = 0;
    pkern_status status = pkn_hdc_check_rows(32, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!permutation || !inverse || pkn_overlaps(permutation, bytes, inverse, bytes)) {
        return PKERN_EINVAL;
    }
    memset(inverse, 0, bytes);
    for (size_t i = 0; i < n_bits; i++) {
        if (permutation[i] >= n_bits) {
            return PKERN_EINVAL;
        }
        inverse[permutation[i]] = (uint32_t)i;
    }
    for (size_t i = 0; i < n_bits; i++) { /* of two that go to one place the first is not found */
        is_missing |= inverse[permutation[i]] ^ (uint32_t)i;
    }
    return is_missing ? PKERN_EINVAL : PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_permute_bits(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                              size_t words, const uint32_t *permutation,
                                              uint64_t *out) {
    pkn_permutation call;
    size_t bytes;
    uint64_t n_bits = (uint64_t)words * 64;
    uint32_t largest = 0;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !permutation || !out || pkn_overlaps(vectors, bytes, out, bytes) ||
        pkn_overlaps(permutation, words * 64 * sizeof *permutation, out, bytes)) {
        return PKERN_EINVAL;
    }
    for (uint64_t i = 0; i < n_bits; i++) {
        largest = permutation[i] > largest ? permutation[i] : largest;
    }
    if (largest >= n_bits) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.permutation = permutation;
    call.n = n;
    call.words = words;
    call.out = out;
    if (words > PKN_PERMUTATION_BLOCK_WORDS || n < PKN_PERMUTATION_BLOCK_ROWS) {
        return pkn_hdc_run(pool, n, 1, PKN_PERMUTATION_NS_PER_WORD * (double)words,
                           pkn_permutation_rows, &call);
    }
    return pkn_hdc_run(pool, (n + 63) / 64, 1,
                       PKN_PERMUTATION_BLOCK_NS_PER_WORD * 64 * (double)words,
                       pkn_permutation_blocks, &call);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/nearest.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Exact nearest and top-k search, selection fused into the tiles: a block of distances is looked at
   while it is in L1 and mostly thrown away at once, since after the first few blocks hardly any
   distance is below a query's k-th best.

   A query's list is of keys (keys.h). Up to PKN_NEAREST_SORTED keys it is kept sorted, by
   insertion. Above, keys are appended to a buffer of 2 k; when it is full, a selection halves it:
   amortised O(1) a key for any k. It counts distances, or compares keys where the distances span
   too much. Where the targets are split, each split makes a list of its own and the caller merges
   them; keys hold a target's place in its split, so 32 bits are enough. */
#ifndef PKN_HDC_NEAREST_C
#define PKN_HDC_NEAREST_C

/* #include "base/alloc.h": above */
/* ==== src/hdc/bounded.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A block of comparisons of which only those below a limit are wanted: it yields keys (keys.h).

   A first step compares the first words of every pair as a tile; of pairs that are below the limit
   then, which are few, the rest is compared one by one. Unrelated vectors differ in half of their
   bits, w words in 32 w +- 4 sqrt(w), so the step is as many words as bring that, less three
   standard deviations, up to the limit; where that is most of a row, the step is the row. Vectors
   that are alike make the step useless: where a quarter of a block gets over it, the next blocks
   are compared whole. The keys are the same in any case. */
#ifndef PKN_HDC_BOUNDED_H
#define PKN_HDC_BOUNDED_H

/* #include "hdc/tiles.h": above */
/* #include "simd/tile.h": above */

/* one line, and a register of AVX-512 */
#define PKN_BOUNDED_STEP_WORDS 8
#define PKN_BOUNDED_WHOLE_BLOCKS 16
/* A limit that every distance is below. */
#define PKN_BOUNDED_ALL ((uint64_t)UINT32_MAX + 1)

typedef struct pkn_bounded {
    const uint64_t *targets;
    const uint64_t *mask; /* 0: all targets */
    size_t stride, words; /* of a row; of it compared */
    size_t step;          /* of step_limit */
    uint64_t step_limit;
    unsigned n_whole; /* blocks to compare whole */
    uint64_t read;    /* words compared */
} pkn_bounded;

PKN_INLINE void pkn_bounded_init(pkn_bounded *bounded, const pkn_tiles *tiles, const uint64_t *mask,
                                 size_t words) {
    bounded->targets = tiles->targets;
    bounded->mask = mask;
    bounded->stride = tiles->words;
    bounded->words = words;
    bounded->step = words;
    bounded->step_limit = PKN_BOUNDED_ALL;
    bounded->n_whole = 0;
    bounded->read = 0;
}

PKN_INTERNAL size_t pkn_bounded_step(uint64_t limit, size_t words) {
    for (uint64_t step = PKN_BOUNDED_STEP_WORDS; step + step / 4 < words;
         step +=
         step / 8 / PKN_BOUNDED_STEP_WORDS * PKN_BOUNDED_STEP_WORDS + PKN_BOUNDED_STEP_WORDS) {
        uint64_t mean = step * 32;
        if (mean > limit && (mean - limit) * (mean - limit) >= 144 * step) {
            return (size_t)step;
        }
    }
    return words;
}

PKN_INLINE int pkn_bounded_allows(const uint64_t *mask, size_t target) {
    return (int)(mask[target / 64] >> (target % 64) & 1);
}

PKN_INLINE size_t pkn_bounded_count_allowed(const uint64_t *mask, size_t t, size_t n) {
    size_t count = 0;
    for (size_t end = t + n; t < end;) {
        size_t len = pkn_min_size(64 - t % 64, end - t);
        uint64_t bits = mask[t / 64] >> (t % 64);
        count += (size_t)pkn_popcount_u64(len < 64 ? bits & (((uint64_t)1 << len) - 1) : bits);
        t += len;
    }
    return count;
}

/* Few targets are allowed: those alone, whole. */
PKN_INTERNAL void pkn_bounded_sparse(pkn_bounded *bounded, const uint64_t *queries,
                                     size_t n_queries, size_t t, size_t n, const uint64_t *limits,
                                     uint32_t first, uint64_t *keys, size_t *counts) {
    for (size_t i = 0; i < n; i++) {
        uint32_t distances[PKN_PANEL_QUERIES];
        if (!pkn_bounded_allows(bounded->mask, t + i)) {
            continue;
        }
        pkn_simd()->hamming_part_u64(queries, n_queries,
                                     bounded->targets + (t + i) * bounded->stride, 1,
                                     bounded->stride, bounded->words, distances, 1);
        bounded->read += n_queries * bounded->words;
        for (size_t q = 0; q < n_queries; q++) {
            keys[q * PKN_BLOCK_MAX_TARGETS + counts[q]] =
                (uint64_t)distances[q] << 32 | (first + (uint32_t)i);
            counts[q] += distances[q] < limits[q];
        }
    }
}

/* Keeps of keys [n], which hold places from first on, those that are allowed. */
PKN_INLINE size_t pkn_bounded_filter(const uint64_t *mask, size_t t, uint32_t first, uint64_t *keys,
                                     size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        keys[count] = key;
        count += (size_t)pkn_bounded_allows(mask, t + (size_t)((uint32_t)key - first));
    }
    return count;
}

/* Compares the rest of the pairs whose keys [n] the first step left. */
PKN_INTERNAL size_t pkn_bounded_finish(pkn_bounded *bounded, const uint64_t *query, size_t t,
                                       uint64_t limit, uint32_t first, size_t step, uint64_t *keys,
                                       size_t n) {
    size_t count = 0;
    bounded->read += n * (bounded->words - step);
    for (size_t i = 0; i < n; i++) {
        uint32_t place = (uint32_t)keys[i];
        const uint64_t *target = bounded->targets + (t + (size_t)(place - first)) * bounded->stride;
        uint64_t rest = pkn_simd()->hamming_u64(query + step, target + step, bounded->words - step);
        uint64_t distance = (keys[i] >> 32) + rest;
        distance = distance > UINT32_MAX ? UINT32_MAX : distance;
        keys[count] = distance << 32 | place;
        count += distance < limit;
    }
    return count;
}

/* Up to 4 queries with targets [t, t + n), n up to PKN_BLOCK_MAX_TARGETS. For each query q: keys [q
   x PKN_BLOCK_MAX_TARGETS] gets the counts[q] keys of allowed targets whose distance is below
   limits[q], ascending by place; target t has the place first. */
PKN_INTERNAL void pkn_bounded_block(pkn_bounded *bounded, const uint64_t *queries, size_t n_queries,
                                    size_t t, size_t n, const uint64_t *limits, uint32_t first,
                                    uint64_t *keys, size_t *counts) {
    uint32_t distances[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    size_t step, n_left = 0;
    uint64_t limit = 0;
    for (size_t q = 0; q < n_queries; q++) {
        counts[q] = 0;
        limit = limits[q] > limit ? limits[q] : limit;
    }
    if (bounded->mask) {
        size_t n_allowed = pkn_bounded_count_allowed(bounded->mask, t, n);
        if (n_allowed * 2 < n) {
            if (n_allowed > 0) {
                pkn_bounded_sparse(bounded, queries, n_queries, t, n, limits, first, keys, counts);
            }
            return;
        }
    }
    if (limit != bounded->step_limit) {
        bounded->step_limit = limit;
        bounded->step = pkn_bounded_step(limit, bounded->words);
    }
    step = bounded->n_whole > 0 ? bounded->words : bounded->step;
    bounded->n_whole -= bounded->n_whole > 0;
    pkn_simd()->hamming_part_u64(queries, n_queries, bounded->targets + t * bounded->stride, n,
                                 bounded->stride, step, distances, PKN_BLOCK_MAX_TARGETS);
    bounded->read += n_queries * n * step;
    for (size_t q = 0; q < n_queries; q++) {
        const uint32_t *from = distances + q * PKN_BLOCK_MAX_TARGETS;
        uint64_t *to = keys + q * PKN_BLOCK_MAX_TARGETS;
        size_t count = n;
        if (limits[q] > UINT32_MAX) {
            for (size_t i = 0; i < n; i++) {
                to[i] = (uint64_t)from[i] << 32 | (first + (uint32_t)i);
            }
        } else {
            count = pkn_simd()->below_u32(from, n, (uint32_t)limits[q], first, to);
        }
        if (bounded->mask) {
            count = pkn_bounded_filter(bounded->mask, t, first, to, count);
        }
        if (step < bounded->words) {
            n_left += count;
            count = pkn_bounded_finish(bounded, queries + q * bounded->stride, t, limits[q], first,
                                       step, to, count);
        }
        counts[q] = count;
    }
    if (n_left * 4 > n * n_queries) {
        bounded->n_whole = PKN_BOUNDED_WHOLE_BLOCKS;
    }
}

#endif
/* ==== src/hdc/nearest.c, continued ==== */
/* #include "hdc/hdc.h": above */
/* #include "hdc/hdc_run.h": above */
/* ==== src/hdc/keys.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The k smallest of a stream of keys. A key is distance << 32 | index, so that the order of keys is
   by distance and then by index, all keys differ, and which k are the smallest depends on nothing
   else. */
#ifndef PKN_HDC_KEYS_H
#define PKN_HDC_KEYS_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* "no key"; greater than all, since an index is at most 2^32 - 2 */
#define PKN_NO_KEY UINT64_MAX

PKN_INLINE void pkn_keys_swap(uint64_t *a, uint64_t *b) {
    uint64_t key = *a;
    *a = *b;
    *b = key;
}

/* Inserts key into the sorted keys [k], where it is smaller than the last one, which drops out. */
PKN_INLINE void pkn_keys_insert(uint64_t *keys, size_t k, uint64_t key) {
    size_t i = k - 1;
    for (; i > 0 && keys[i - 1] > key; i--) {
        keys[i] = keys[i - 1];
    }
    keys[i] = key;
}

PKN_INLINE void pkn_keys_insertion_sort(uint64_t *keys, size_t n) {
    for (size_t i = 1; i < n; i++) {
        pkn_keys_insert(keys, i + 1, keys[i]);
    }
}

PKN_INLINE void pkn_keys_sift(uint64_t *keys, size_t n, size_t root) {
    uint64_t key = keys[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        child += child + 1 < n && keys[child + 1] > keys[child];
        if (keys[child] <= key) {
            break;
        }
        keys[root] = keys[child];
        root = child;
    }
    keys[root] = key;
}

PKN_INTERNAL void pkn_keys_heap_sort(uint64_t *keys, size_t n) {
    for (size_t root = n / 2; root > 0; root--) {
        pkn_keys_sift(keys, n, root - 1);
    }
    for (size_t last = n; last > 1; last--) {
        pkn_keys_swap(keys, keys + last - 1);
        pkn_keys_sift(keys, last - 1, 0);
    }
}

/* Splits keys [n], n >= 3, by the median of three: all before the result are at most keys[result],
   all behind at least. The loop is without branches on data: keys below the pivot are swapped to
   the front one after another. */
PKN_INLINE size_t pkn_keys_partition(uint64_t *keys, size_t n) {
    size_t front = 0;
    uint64_t pivot;
    if (keys[n / 2] < keys[0]) {
        pkn_keys_swap(keys, keys + n / 2);
    }
    if (keys[n - 1] < keys[n / 2]) {
        pkn_keys_swap(keys + n / 2, keys + n - 1);
        if (keys[n / 2] < keys[0]) {
            pkn_keys_swap(keys, keys + n / 2);
        }
    }
    pkn_keys_swap(keys + n / 2, keys + n - 1);
    pivot = keys[n - 1];
    for (size_t i = 0; i < n - 1; i++) {
        uint64_t key = keys[i];
        keys[i] = keys[front];
        keys[front] = key;
        front += key < pivot;
    }
    pkn_keys_swap(keys + front, keys + n - 1);
    return front;
}

/* Moves the k smallest of keys [n] to the front, in any order; k < n. Expected O(n); a bad run of
   pivots ends in a sort. */
PKN_INTERNAL void pkn_keys_select(uint64_t *keys, size_t n, size_t k) {
    for (int rounds = 0; n > 16; rounds++) {
        size_t middle;
        if (rounds == 64) {
            pkn_keys_heap_sort(keys, n);
            return;
        }
        middle = pkn_keys_partition(keys, n);
        if (k <= middle) {
            n = middle;
        } else {
            keys += middle + 1;
            n -= middle + 1;
            k -= middle + 1;
        }
        if (k == 0 || k == n) {
            return;
        }
    }
    pkn_keys_insertion_sort(keys, n);
}

/* Quicksort whose larger parts wait on a stack of their own (at most log2 n of them). Partitions
   that have cost 64 passes over all keys came from bad pivots; heap sort does the rest. */
PKN_INTERNAL void pkn_keys_sort(uint64_t *keys, size_t n) {
    size_t waiting_n[64];
    uint64_t *waiting[64];
    int depth = 0;
    uint64_t budget = (uint64_t)n * 64;
    for (;;) {
        while (n > 24 && budget >= n) {
            size_t middle = pkn_keys_partition(keys, n);
            size_t right = n - middle - 1;
            budget -= n;
            if (middle > right) {
                waiting[depth] = keys;
                waiting_n[depth++] = middle;
                keys += middle + 1;
                n = right;
            } else {
                waiting[depth] = keys + middle + 1;
                waiting_n[depth++] = right;
                n = middle;
            }
        }
        if (n > 24) {
            pkn_keys_heap_sort(keys, n);
        } else {
            pkn_keys_insertion_sort(keys, n);
        }
        if (depth == 0) {
            return;
        }
        keys = waiting[--depth];
        n = waiting_n[depth];
    }
}

/* Distances of the same memory are close together, so counting them is faster than comparing keys:
   a few operations a key without a branch on data. counts[d - lowest] is the number of keys of
   distance d; 0 where the distances span too much. */
#define PKN_KEYS_SPAN 1024

/* Returns how many distances there are from the lowest to the highest, 0 where they are too many or none. */
PKN_INLINE size_t pkn_keys_count(const uint64_t *keys, size_t n, uint32_t *counts,
                                 uint64_t *lowest) {
    uint64_t low = UINT64_MAX, high = 0;
    size_t span;
    for (size_t i = 0; i < n; i++) {
        low = keys[i] < low ? keys[i] : low;
        high = keys[i] > high ? keys[i] : high;
    }
    *lowest = low >> 32;
    if (n == 0 || n > UINT32_MAX || (high >> 32) - (low >> 32) >= PKN_KEYS_SPAN) {
        return 0;
    }
    span = (size_t)((high >> 32) - (low >> 32)) + 1;
    memset(counts, 0, span * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        counts[(keys[i] >> 32) - *lowest]++;
    }
    return span;
}

/* Moves the k smallest of keys [n] to the front, in their order; k < n, keys of equal distance
   ascend. Returns the distance of the largest of them, or -1 where the distances span too much and
   nothing was moved. */
PKN_INTERNAL int64_t pkn_keys_select_by_count(uint64_t *keys, size_t n, size_t k) {
    uint32_t counts[PKN_KEYS_SPAN];
    uint64_t lowest, last, largest;
    size_t rest = k, front = 0, distance = 0;
    if (!pkn_keys_count(keys, n, counts, &lowest)) {
        return -1;
    }
    while (counts[distance] < rest) {
        rest -= counts[distance++];
    }
    last = lowest + distance;
    largest = last << 32 | UINT32_MAX;
    if (rest < counts[distance]) {
        for (size_t i = 0; rest > 0; i++) {
            if (keys[i] >> 32 == last) {
                largest = keys[i];
                rest--;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        keys[front] = key;
        front += key <= largest;
    }
    return (int64_t)last;
}

/* Sorts keys [n], of which those of equal distance ascend already, with room for as many at
   scratch. 0 where the distances span too much and nothing was done. */
PKN_INTERNAL int pkn_keys_sort_by_count(uint64_t *keys, size_t n, uint64_t *scratch) {
    uint32_t counts[PKN_KEYS_SPAN];
    uint64_t lowest;
    uint32_t place = 0;
    size_t span = pkn_keys_count(keys, n, counts, &lowest);
    if (span == 0) {
        return 0;
    }
    for (size_t i = 0; i < span; i++) {
        uint32_t count = counts[i];
        counts[i] = place;
        place += count;
    }
    for (size_t i = 0; i < n; i++) {
        scratch[counts[(keys[i] >> 32) - lowest]++] = keys[i];
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = scratch[i];
    }
    return 1;
}

#endif
/* ==== src/hdc/nearest.c, continued ==== */
/* #include "hdc/tiles.h": above */
/* #include "simd/tile.h": above */

#define PKN_NEAREST_SORTED 16
/* From here on counting, which first clears a counter for each distance in between, beats comparing. */
#define PKN_NEAREST_COUNTED 32
/* Keys of all lists of a group of queries that pass over the targets together: 8 KiB of stack, and
   64 queries at most. */
#define PKN_NEAREST_STACK_KEYS 1024
#define PKN_NEAREST_GROUP 64
/* Keys of the splits' lists of a small call: 4 KiB of stack. */
#define PKN_NEAREST_STACK_PARTIAL 512
/* The heap may be larger: as much as leaves room for a block in a quarter of L2. */
#define PKN_NEAREST_HEAP_KEYS 32768
#define PKN_NEAREST_MAX_SPLITS 256
/* Places in a split fit in 32 bits, and UINT32_MAX stays free for PKN_NO_KEY. */
#define PKN_NEAREST_MAX_SPLIT_LEN ((size_t)1 << 31)

/* Conditions on what is found. */
typedef struct pkn_nearest_where {
    const uint64_t *mask;   /* 0: all targets */
    const uint64_t *limits; /* 0, or [n_queries]: distances from here on are not found */
    uint64_t limit;         /* where limits is 0 */
    size_t words;           /* of each vector compared, from its first on */
    pkn_atomic_u64 read;    /* words compared */
} pkn_nearest_where;

typedef struct pkn_nearest {
    pkn_tiles tiles;
    pkn_nearest_where *where; /* 0: no conditions */
    size_t k;                 /* at most n_targets */
    size_t row;               /* matches of a row of out, at least k */
    uint64_t *partial;        /* 0, or [n_queries x n_splits x k]: what the splits found */
    pkern_hdc_match *out;
    pkern_pool *pool;
    double scale; /* 1 / bits */
} pkn_nearest;

/* The list of one query. */
typedef struct pkn_nearest_list {
    uint64_t *keys;
    size_t count;
    uint64_t limit; /* distances from here on can't get in; 2^32 while all can */
    int mixed;      /* the keys of a buffer are not by ascending index any more */
} pkn_nearest_list;

PKN_INTERNAL void pkn_nearest_write_none(pkern_hdc_match *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i].index = SIZE_MAX;
        out[i].distance = UINT32_MAX;
        out[i].similarity = 0;
    }
}

PKN_INTERNAL void pkn_nearest_write(const pkn_nearest *search, const uint64_t *keys,
                                    pkern_hdc_match *out) {
    uint64_t bits = (uint64_t)search->tiles.words * 64;
    for (size_t i = 0; i < search->k; i++) {
        if (keys[i] == PKN_NO_KEY) {
            pkn_nearest_write_none(out + i, search->k - i);
            return;
        }
        out[i].index = (size_t)(keys[i] & UINT32_MAX);
        out[i].distance = (uint32_t)(keys[i] >> 32);
        out[i].similarity = pkn_similarity_of(out[i].distance, bits, search->scale);
    }
}

/* keys [n] ascend by index, so of two with the same distance the one in the list stays: below the
   limit is exact. */
PKN_INLINE void pkn_nearest_insert(pkn_nearest_list *list, size_t k, const uint64_t *keys,
                                   size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (keys[i] < list->keys[k - 1]) {
            pkn_keys_insert(list->keys, k, keys[i]);
        }
    }
    if (list->keys[k - 1] != PKN_NO_KEY) {
        list->limit = list->keys[k - 1] >> 32;
    }
}

/* All distances as keys, for a list that is not full yet. */
PKN_INLINE void pkn_nearest_all(const uint32_t *distances, size_t n, uint32_t first,
                                uint64_t *keys) {
    for (size_t i = 0; i < n; i++) {
        keys[i] = (uint64_t)distances[i] << 32 | (first + (uint32_t)i);
    }
}

PKN_INLINE void pkn_nearest_look_sorted(const pkn_nearest *search, pkn_nearest_list *list,
                                        const uint32_t *distances, size_t n, uint32_t first) {
    uint64_t keys[PKN_BLOCK_MAX_TARGETS];
    while (list->limit > UINT32_MAX && n > 0) {
        size_t head = pkn_min_size(n, search->k);
        pkn_nearest_all(distances, head, first, keys);
        pkn_nearest_insert(list, search->k, keys, head);
        distances += head;
        first += (uint32_t)head;
        n -= head;
    }
    if (n > 0) {
        size_t count = pkn_simd()->below_u32(distances, n, (uint32_t)list->limit, first, keys);
        if (PKN_UNLIKELY(count > 0)) {
            pkn_nearest_insert(list, search->k, keys, count);
        }
    }
}

/* Keys come in by ascending index and keep that order until a selection by comparisons mixes
   them. */
PKN_INTERNAL void pkn_nearest_shrink(pkn_nearest_list *list, size_t k) {
    int64_t last = list->mixed || k < PKN_NEAREST_COUNTED
                       ? -1
                       : pkn_keys_select_by_count(list->keys, list->count, k);
    if (last >= 0) {
        list->count = k;
        list->limit = (uint64_t)last;
        return;
    }
    pkn_keys_select(list->keys, list->count, k);
    list->mixed = 1;
    list->count = k;
    list->limit = 0;
    for (size_t i = 0; i < k; i++) {
        list->limit = list->keys[i] >> 32 > list->limit ? list->keys[i] >> 32 : list->limit;
    }
}

PKN_INLINE void pkn_nearest_look_buffered(const pkn_nearest *search, pkn_nearest_list *list,
                                          const uint32_t *distances, size_t n, uint32_t first) {
    if (list->limit > UINT32_MAX) {
        pkn_nearest_all(distances, n, first, list->keys + list->count);
        list->count += n;
    } else {
        list->count += pkn_simd()->below_u32(distances, n, (uint32_t)list->limit, first,
                                             list->keys + list->count);
    }
    if (list->count >= 2 * search->k) {
        pkn_nearest_shrink(list, search->k);
    }
}

/* The list's k keys, sorted, PKN_NO_KEY behind them where it has fewer. */
PKN_INTERNAL void pkn_nearest_finish(const pkn_nearest *search, pkn_nearest_list *list) {
    if (search->k <= PKN_NEAREST_SORTED) {
        return;
    }
    if (list->count > search->k) {
        pkn_nearest_shrink(list, search->k);
    }
    if (list->mixed || search->k < PKN_NEAREST_COUNTED ||
        !pkn_keys_sort_by_count(list->keys, list->count, list->keys + search->k)) {
        pkn_keys_sort(list->keys, list->count);
    }
    for (size_t i = list->count; i < search->k; i++) {
        list->keys[i] = PKN_NO_KEY;
    }
}

/* pkn_nearest_scan under conditions. */
PKN_INTERNAL void pkn_nearest_scan_where(const pkn_nearest *search, const pkn_tiles_part *part,
                                         pkn_nearest_list *lists) {
    const pkn_tiles *tiles = &search->tiles;
    uint64_t keys[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    pkn_bounded bounded;
    pkn_bounded_init(&bounded, tiles, search->where->mask, search->where->words);
    for (size_t t = part->target; t < part->target_end; t += tiles->block_len) {
        size_t n = pkn_min_size(tiles->block_len, part->target_end - t);
        for (size_t q = part->query; q < part->query_end; q += PKN_PANEL_QUERIES) {
            size_t n_queries = pkn_min_size(PKN_PANEL_QUERIES, part->query_end - q);
            uint64_t limits[PKN_PANEL_QUERIES];
            size_t counts[PKN_PANEL_QUERIES];
            for (size_t i = 0; i < n_queries; i++) {
                limits[i] = lists[q - part->query + i].limit;
            }
            pkn_bounded_block(&bounded, tiles->queries + q * tiles->words, n_queries, t, n, limits,
                              (uint32_t)(t - part->target), keys, counts);
            for (size_t i = 0; i < n_queries; i++) {
                pkn_nearest_list *list = &lists[q - part->query + i];
                const uint64_t *found = keys + i * PKN_BLOCK_MAX_TARGETS;
                if (search->k <= PKN_NEAREST_SORTED) {
                    pkn_nearest_insert(list, search->k, found, counts[i]);
                    continue;
                }
                memcpy(list->keys + list->count, found, counts[i] * sizeof(uint64_t));
                list->count += counts[i];
                if (list->count >= 2 * search->k) {
                    pkn_nearest_shrink(list, search->k);
                }
            }
        }
    }
    (void)pkn_atomic_fetch_add_relaxed_u64(&search->where->read, bounded.read);
}

/* Runs a group's lists over the part's targets. */
PKN_INTERNAL void pkn_nearest_scan(const pkn_nearest *search, const pkn_tiles_part *part,
                                   pkn_nearest_list *lists) {
    const pkn_tiles *tiles = &search->tiles;
    uint32_t distances[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    if (search->where) {
        pkn_nearest_scan_where(search, part, lists);
        return;
    }
    for (size_t t = part->target; t < part->target_end; t += tiles->block_len) {
        size_t n = pkn_min_size(tiles->block_len, part->target_end - t);
        uint32_t first = (uint32_t)(t - part->target);
        for (size_t q = part->query; q < part->query_end; q += PKN_PANEL_QUERIES) {
            size_t n_queries = pkn_min_size(PKN_PANEL_QUERIES, part->query_end - q);
            pkn_simd()->hamming_tile_u64(tiles->queries + q * tiles->words, n_queries,
                                         tiles->targets + t * tiles->words, n, tiles->words,
                                         distances, PKN_BLOCK_MAX_TARGETS);
            for (size_t i = 0; i < n_queries; i++) {
                pkn_nearest_list *list = &lists[q - part->query + i];
                if (search->k <= PKN_NEAREST_SORTED) {
                    pkn_nearest_look_sorted(search, list, distances + i * PKN_BLOCK_MAX_TARGETS, n,
                                            first);
                } else {
                    pkn_nearest_look_buffered(search, list, distances + i * PKN_BLOCK_MAX_TARGETS,
                                              n, first);
                }
            }
        }
    }
}

/* Keys that a list needs room for. */
PKN_INLINE size_t pkn_nearest_room(const pkn_nearest *search) {
    return search->k <= PKN_NEAREST_SORTED ? search->k : 2 * search->k + search->tiles.block_len;
}

PKN_INLINE uint64_t pkn_nearest_first_limit(const pkn_nearest *search, size_t query) {
    return search->where == 0           ? PKN_BOUNDED_ALL
           : search->where->limits != 0 ? search->where->limits[query]
                                        : search->where->limit;
}

PKN_INTERNAL void pkn_nearest_groups(const pkn_nearest *search, size_t begin, size_t end,
                                     uint64_t *keys, size_t n_keys) {
    size_t room = pkn_nearest_room(search);
    size_t group = pkn_min_size(n_keys / room, PKN_NEAREST_GROUP) / PKN_PANEL_QUERIES;
    pkn_nearest_list lists[PKN_NEAREST_GROUP];
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(&search->tiles, begin, end, group, &part);
        for (size_t i = 0; i < part.query_end - part.query; i++) {
            lists[i].keys = keys + i * room;
            lists[i].count = 0;
            lists[i].mixed = 0;
            lists[i].limit = pkn_nearest_first_limit(search, part.query + i);
            for (size_t j = 0; j < search->k && search->k <= PKN_NEAREST_SORTED; j++) {
                lists[i].keys[j] = PKN_NO_KEY;
            }
        }
        pkn_nearest_scan(search, &part, lists);
        for (size_t i = 0; i < part.query_end - part.query; i++) {
            size_t query = part.query + i;
            pkn_nearest_finish(search, &lists[i]);
            if (search->partial) {
                memcpy(search->partial + (query * search->tiles.n_splits + part.split) * search->k,
                       lists[i].keys, search->k * sizeof(uint64_t));
            } else {
                pkn_nearest_write(search, lists[i].keys, search->out + query * search->row);
            }
        }
    }
}

/* k = 1: the kernel keeps a few candidates a query, and no list is needed. */
PKN_INTERNAL void pkn_nearest_groups_of_one(const pkn_nearest *search, size_t begin, size_t end) {
    const pkn_tiles *tiles = &search->tiles;
    uint32_t distances[PKN_NEAREST_GROUP * PKN_NEAREST_LANES],
        indices[PKN_NEAREST_GROUP * PKN_NEAREST_LANES];
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, PKN_NEAREST_GROUP / PKN_PANEL_QUERIES, &part);
        /* Where all distances are UINT32_MAX, none is below it, and the first target is the
           nearest. */
        memset(distances, 0xff, sizeof distances);
        memset(indices, 0, sizeof indices);
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            size_t n = pkn_min_size(tiles->block_len, part.target_end - t);
            for (size_t q = part.query; q < part.query_end; q += PKN_PANEL_QUERIES) {
                size_t lane = (q - part.query) * PKN_NEAREST_LANES;
                pkn_simd()->nearest_tile_u64(tiles->queries + q * tiles->words,
                                             pkn_min_size(PKN_PANEL_QUERIES, part.query_end - q),
                                             tiles->targets + t * tiles->words, n, tiles->words,
                                             (uint32_t)(t - part.target), distances + lane,
                                             indices + lane);
            }
        }
        for (size_t q = part.query; q < part.query_end; q++) {
            uint64_t key = PKN_NO_KEY;
            for (size_t i = 0; i < PKN_NEAREST_LANES; i++) {
                size_t lane = (q - part.query) * PKN_NEAREST_LANES + i;
                uint64_t candidate = (uint64_t)distances[lane] << 32 | indices[lane];
                key = candidate < key ? candidate : key;
            }
            if (search->partial) {
                search->partial[q * tiles->n_splits + part.split] = key;
            } else {
                pkn_nearest_write(search, &key, search->out + q * search->row);
            }
        }
    }
}

PKN_INTERNAL int pkn_nearest_items(size_t begin, size_t end, void *ctx) {
    const pkn_nearest *search = (const pkn_nearest *)ctx;
    size_t room = pkn_nearest_room(search);
    if (search->k == 1 && !search->where) {
        pkn_nearest_groups_of_one(search, begin, end);
    } else if (room <= PKN_NEAREST_STACK_KEYS / PKN_PANEL_QUERIES) {
        uint64_t stack_keys[PKN_NEAREST_STACK_KEYS];
        pkn_nearest_groups(search, begin, end, stack_keys, PKN_NEAREST_STACK_KEYS);
    } else {
        const pkern_allocator *allocator = pkn_pool_allocator(search->pool);
        size_t n_keys = pkn_max_size(PKN_NEAREST_HEAP_KEYS, room * PKN_PANEL_QUERIES);
        uint64_t *heap_keys =
            (uint64_t *)pkn_allocate(allocator, n_keys * sizeof(uint64_t), PKN_CACHE_LINE);
        if (!heap_keys) {
            return PKERN_ENOMEM;
        }
        pkn_nearest_groups(search, begin, end, heap_keys, n_keys);
        pkn_release(allocator, heap_keys, n_keys * sizeof(uint64_t));
    }
    return 0;
}

/* Merges the lists of the splits, queries [begin, end): the smallest head next, among equal
   distances that of the first split. */
PKN_INTERNAL int pkn_nearest_merge(size_t begin, size_t end, void *ctx) {
    const pkn_nearest *search = (const pkn_nearest *)ctx;
    size_t n_splits = search->tiles.n_splits;
    for (size_t query = begin; query < end; query++) {
        const uint64_t *heads[PKN_NEAREST_MAX_SPLITS];
        size_t left[PKN_NEAREST_MAX_SPLITS];
        pkern_hdc_match *out = search->out + query * search->row;
        for (size_t split = 0; split < n_splits; split++) {
            heads[split] = search->partial + (query * n_splits + split) * search->k;
            left[split] = search->k;
        }
        for (size_t i = 0; i < search->k; i++) {
            uint64_t best = PKN_NO_KEY;
            size_t from = 0;
            for (size_t split = 0; split < n_splits; split++) {
                if (left[split] > 0 && (*heads[split] >> 32 < best >> 32 ||
                                        (best == PKN_NO_KEY && *heads[split] != best))) {
                    best = *heads[split];
                    from = split;
                }
            }
            if (best == PKN_NO_KEY) {
                pkn_nearest_write_none(out + i, search->k - i);
                break;
            }
            heads[from]++;
            left[from]--;
            out[i].index = from * search->tiles.split_len + (size_t)(best & UINT32_MAX);
            out[i].distance = (uint32_t)(best >> 32);
            out[i].similarity = pkn_similarity_of(
                out[i].distance, (uint64_t)search->tiles.words * 64, search->scale);
        }
    }
    return 0;
}

/* A split's list costs k insertions and a merge of k keys, so a split should have several times as
   many targets, and many times where panels alone keep all threads busy. */
PKN_INTERNAL size_t pkn_nearest_max_splits(const pkn_nearest *search, size_t n_threads) {
    size_t enough = n_threads * PKN_PANEL_QUERIES * 4;
    size_t by_k = search->tiles.n_targets / search->k / (search->tiles.n_queries < enough ? 8 : 64);
    return pkn_max_size(pkn_min_size(by_k, PKN_NEAREST_MAX_SPLITS), 1);
}

/* stack_partial has room for PKN_NEAREST_STACK_PARTIAL keys. */
PKN_INTERNAL pkern_status pkn_nearest_run(pkn_nearest *search, pkern_pool *pool,
                                          uint64_t *stack_partial) {
    pkn_tiles *tiles = &search->tiles;
    size_t n_threads = pkn_tiles_threads(tiles, pool);
    size_t forced = (tiles->n_targets - 1) / PKN_NEAREST_MAX_SPLIT_LEN + 1;
    size_t bytes = 0;
    pkern_status status;
    search->partial = 0;
    pkn_tiles_cut(tiles, n_threads, pkn_nearest_max_splits(search, n_threads));
    if (tiles->n_splits < forced) {
        tiles->split_len = PKN_NEAREST_MAX_SPLIT_LEN;
        tiles->n_splits = forced;
    }
    if (tiles->n_splits > 1) {
        if (pkn_mul_overflows_size(tiles->n_queries * tiles->n_splits * sizeof(uint64_t), search->k,
                                   &bytes)) {
            bytes = SIZE_MAX;
        }
        if (bytes <= PKN_NEAREST_STACK_PARTIAL * sizeof(uint64_t)) {
            search->partial = stack_partial;
        } else {
            search->partial =
                (uint64_t *)pkn_allocate(pkn_pool_allocator(pool), bytes, PKN_CACHE_LINE);
        }
        if (!search->partial && forced > 1) {
            return PKERN_ENOMEM;
        }
        if (!search->partial) {
            pkn_tiles_cut(tiles, 1, 1);
        }
    }
    status = pkn_tiles_run(tiles, pool, pkn_nearest_items, search);
    if (search->partial) {
        if (status == PKERN_OK) {
            status =
                pkn_hdc_run(pool, tiles->n_queries, 1, 2.0 * (double)(search->k * tiles->n_splits),
                            pkn_nearest_merge, search);
        }
        if (search->partial != stack_partial) {
            pkn_release(pkn_pool_allocator(pool), search->partial, bytes);
        }
    }
    return status;
}

PKN_INTERNAL pkern_status pkn_nearest_checked(pkern_pool *pool, const uint64_t *queries,
                                              size_t n_queries, const uint64_t *memory,
                                              size_t n_memory, size_t words, size_t k,
                                              pkn_nearest_where *where, pkern_hdc_match *out) {
    pkn_nearest search;
    uint64_t stack_partial[PKN_NEAREST_STACK_PARTIAL];
    pkern_status status = PKERN_OK;
    search.k = pkn_min_size(k, n_memory);
    if (search.k > 0) {
        search.tiles.queries = queries;
        search.tiles.n_queries = n_queries;
        search.tiles.targets = memory;
        search.tiles.n_targets = n_memory;
        search.tiles.words = words;
        search.where = where;
        search.row = k;
        search.out = out;
        search.pool = pool;
        search.scale = 1.0 / ((double)words * 64);
        status = pkn_nearest_run(&search, pool, stack_partial);
    }
    for (size_t query = 0; search.k < k && query < n_queries; query++) {
        pkn_nearest_write_none(out + query * k + search.k, k - search.k);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_top_k(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                                       const uint64_t *memory, size_t n_memory, size_t words,
                                       size_t k, pkern_hdc_match *out) {
    size_t query_bytes, memory_bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_queries, words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n_memory, words, &memory_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n_queries, k, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((!queries && n_queries > 0) || (!memory && n_memory > 0) || (!out && out_bytes > 0)) {
        return PKERN_EINVAL;
    }
    if (out_bytes == 0) {
        return PKERN_OK;
    }
    if (pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        pkn_overlaps(memory, memory_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    return pkn_nearest_checked(pool, queries, n_queries, memory, n_memory, words, k, 0, out);
}

PKERN_API pkern_status pkern_hdc_nearest(pkern_pool *pool, const uint64_t *queries,
                                         size_t n_queries, const uint64_t *memory, size_t n_memory,
                                         size_t words, pkern_hdc_match *out) {
    return pkern_hdc_top_k(pool, queries, n_queries, memory, n_memory, words, 1, out);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/bipolar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Making, binding, bundling and rotating bipolar vectors. Both element types go the same way; size
   is an element's bytes. */
#ifndef PKN_HDC_BIPOLAR_C
#define PKN_HDC_BIPOLAR_C

/* #include "base/rng.h": above */
/* #include "hdc/bipolar.h": above */
/* #include "hdc/hdc_run.h": above */

/* Columns summed up at a time: 6 KiB of stack. */
#define PKN_BIPOLAR_COLUMNS 512
/* Rows whose sum of 16-bit values fits in 32 bits. */
#define PKN_BIPOLAR_ROWS ((size_t)1 << 15)
/* Elements of a piece of a long row. */
#define PKN_BIPOLAR_PIECE 16384

/* Nanoseconds an element of a bind, of a row of a bundle, of a rotation. */
#define PKN_BIPOLAR_MOVE_NS 0.04

/* The bytes of n rows, or a status. */
PKN_INLINE pkern_status pkn_bipolar_check(size_t n, size_t dims, size_t size, size_t *bytes) {
    if (dims == 0) {
        return PKERN_EINVAL;
    }
    if (dims > PKN_HDC_MAX_WORDS * 64 || pkn_mul_overflows_size(n, dims * size, bytes)) {
        return PKERN_EOVERFLOW;
    }
    return PKERN_OK;
}

PKERN_API void pkern_hdc_map_random_i8(uint64_t seed, int8_t *out, size_t dims) {
    for (size_t i = 0; i < dims; i++) {
        out[i] = pkn_random_at(seed, i / 64) >> i % 64 & 1 ? 1 : -1;
    }
}

PKERN_API void pkern_hdc_map_random_i16(uint64_t seed, int16_t *out, size_t dims) {
    for (size_t i = 0; i < dims; i++) {
        out[i] = pkn_random_at(seed, i / 64) >> i % 64 & 1 ? 1 : -1;
    }
}

/* ---- bind */

typedef struct pkn_bipolar_bind {
    const char *vectors, *key;
    char *out;
    size_t dims, size, n_pieces;
} pkn_bipolar_bind;

PKN_INTERNAL int pkn_bipolar_bind_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_bind *bind = (const pkn_bipolar_bind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    for (size_t item = begin; item < end; item++) {
        size_t first = item % bind->n_pieces * PKN_BIPOLAR_PIECE;
        size_t n = pkn_min_size(bind->dims - first, PKN_BIPOLAR_PIECE);
        size_t at = (item / bind->n_pieces * bind->dims + first) * bind->size;
        const char *key = bind->key + first * bind->size;
        if (bind->size == 1) {
            kernels->multiply_i8((const int8_t *)(bind->vectors + at), (const int8_t *)key, n,
                                 (int8_t *)(bind->out + at));
        } else {
            kernels->multiply_i16((const int16_t *)(const void *)(bind->vectors + at),
                                  (const int16_t *)(const void *)key, n,
                                  (int16_t *)(void *)(bind->out + at));
        }
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_bipolar_bind_all(pkern_pool *pool, const void *vectors, size_t n,
                                               const void *key, size_t dims, size_t size,
                                               void *out) {
    pkn_bipolar_bind bind;
    size_t bytes;
    pkern_status status = pkn_bipolar_check(n, dims, size, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !key || !out || pkn_hdc_clashes(vectors, bytes, out, bytes) ||
        pkn_hdc_clashes(key, dims * size, out, bytes)) {
        return PKERN_EINVAL;
    }
    bind.vectors = (const char *)vectors;
    bind.key = (const char *)key;
    bind.out = (char *)out;
    bind.dims = dims;
    bind.size = size;
    bind.n_pieces = (dims + PKN_BIPOLAR_PIECE - 1) / PKN_BIPOLAR_PIECE;
    return pkn_hdc_run(pool, n * bind.n_pieces, 1,
                       PKN_BIPOLAR_MOVE_NS * (double)pkn_min_size(dims, PKN_BIPOLAR_PIECE),
                       pkn_bipolar_bind_pieces, &bind);
}

/* ---- bundle */

typedef struct pkn_bipolar_bundle {
    const char *vectors;
    const size_t *set_offsets;
    char *out;
    size_t dims, size, n_pieces;
} pkn_bipolar_bundle;

/* Adds n elements of the rows [begin, end) to totals. */
PKN_INTERNAL void pkn_bipolar_add_rows(const pkn_bipolar_bundle *bundle, size_t begin, size_t end,
                                       size_t first, size_t n, int64_t *totals) {
    const pkn_simd_kernels *kernels = pkn_simd();
    int32_t sums[PKN_BIPOLAR_COLUMNS];
    memset(sums, 0, sizeof sums);
    for (size_t row = begin; row < end; row++) {
        const char *x = bundle->vectors + (row * bundle->dims + first) * bundle->size;
        if (bundle->size == 1) {
            kernels->accumulate_i8((const int8_t *)x, n, sums);
        } else {
            kernels->accumulate_i16((const int16_t *)(const void *)x, n, sums);
        }
    }
    for (size_t i = 0; i < n; i++) {
        totals[i] += sums[i];
    }
}

PKN_INTERNAL int pkn_bipolar_bundle_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_bundle *bundle = (const pkn_bipolar_bundle *)ctx;
    int64_t limit = bundle->size == 1 ? 127 : 32767;
    for (size_t item = begin; item < end; item++) {
        int64_t totals[PKN_BIPOLAR_COLUMNS];
        size_t set = item / bundle->n_pieces;
        size_t first = item % bundle->n_pieces * PKN_BIPOLAR_COLUMNS;
        size_t n = pkn_min_size(bundle->dims - first, PKN_BIPOLAR_COLUMNS);
        size_t last_row = bundle->set_offsets[set + 1];
        memset(totals, 0, sizeof totals);
        for (size_t row = bundle->set_offsets[set]; row < last_row;) {
            size_t end_row = row + pkn_min_size(last_row - row, PKN_BIPOLAR_ROWS);
            pkn_bipolar_add_rows(bundle, row, end_row, first, n, totals);
            row = end_row;
        }
        for (size_t i = 0; i < n; i++) {
            int64_t sum = totals[i] > limit ? limit : totals[i] < -limit ? -limit : totals[i];
            char *place = bundle->out + (set * bundle->dims + first + i) * bundle->size;
            if (bundle->size == 1) {
                *(int8_t *)place = (int8_t)sum;
            } else {
                *(int16_t *)(void *)place = (int16_t)sum;
            }
        }
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_bipolar_bundle_all(pkern_pool *pool, const void *vectors,
                                                 const size_t *set_offsets, size_t n_sets,
                                                 size_t dims, size_t size, void *out) {
    pkn_bipolar_bundle bundle;
    size_t out_bytes, bytes, n_rows;
    double rows_a_set;
    pkern_status status = pkn_bipolar_check(n_sets, dims, size, &out_bytes);
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    for (size_t set = 0; set < n_sets; set++) {
        if (set_offsets[set + 1] < set_offsets[set]) {
            return PKERN_EINVAL;
        }
    }
    status = pkn_bipolar_check(set_offsets[n_sets], dims, size, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    n_rows = set_offsets[n_sets] - set_offsets[0];
    if ((!vectors && n_rows > 0) ||
        pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes) ||
        (n_rows > 0 && pkn_overlaps((const char *)vectors + set_offsets[0] * dims * size,
                                    n_rows * dims * size, out, out_bytes))) {
        return PKERN_EINVAL;
    }
    bundle.vectors = (const char *)vectors;
    bundle.set_offsets = set_offsets;
    bundle.out = (char *)out;
    bundle.dims = dims;
    bundle.size = size;
    bundle.n_pieces = (dims + PKN_BIPOLAR_COLUMNS - 1) / PKN_BIPOLAR_COLUMNS;
    rows_a_set = (double)n_rows / (double)n_sets + 8;
    return pkn_hdc_run(pool, n_sets * bundle.n_pieces, 1,
                       PKN_BIPOLAR_MOVE_NS * rows_a_set *
                           (double)pkn_min_size(dims, PKN_BIPOLAR_COLUMNS),
                       pkn_bipolar_bundle_pieces, &bundle);
}

/* ---- permute */

typedef struct pkn_bipolar_permute {
    const char *vectors;
    char *out;
    size_t row_bytes, shift_bytes;
} pkn_bipolar_permute;

PKN_INTERNAL int pkn_bipolar_permute_rows(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_permute *permute = (const pkn_bipolar_permute *)ctx;
    size_t stay = permute->row_bytes - permute->shift_bytes;
    for (size_t row = begin; row < end; row++) {
        const char *in = permute->vectors + row * permute->row_bytes;
        char *out = permute->out + row * permute->row_bytes;
        memcpy(out + permute->shift_bytes, in, stay);
        memcpy(out, in + stay, permute->shift_bytes);
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_bipolar_permute_all(pkern_pool *pool, const void *vectors, size_t n,
                                                  size_t dims, size_t size, long shift,
                                                  void *out) {
    pkn_bipolar_permute permute;
    size_t bytes;
    int64_t rest;
    pkern_status status = pkn_bipolar_check(n, dims, size, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_overlaps(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    rest = (int64_t)shift % (int64_t)dims;
    permute.vectors = (const char *)vectors;
    permute.out = (char *)out;
    permute.row_bytes = dims * size;
    permute.shift_bytes = (size_t)(rest < 0 ? rest + (int64_t)dims : rest) * size;
    return pkn_hdc_run(pool, n, 1, PKN_BIPOLAR_MOVE_NS * (double)dims, pkn_bipolar_permute_rows,
                       &permute);
}

#define PKN_DEFINE_BIPOLAR(suffix, type) \
    PKERN_API pkern_status pkern_hdc_map_bind_##suffix(pkern_pool *pool, const type *vectors, \
                                                       size_t n, const type *key, size_t dims, \
                                                       type *out) { \
        return pkn_bipolar_bind_all(pool, vectors, n, key, dims, sizeof(type), out); \
    } \
    PKERN_API pkern_status pkern_hdc_map_bundle_##suffix( \
        pkern_pool *pool, const type *vectors, const size_t *set_offsets, size_t n_sets, \
        size_t dims, type *out) { \
        return pkn_bipolar_bundle_all(pool, vectors, set_offsets, n_sets, dims, sizeof(type), \
                                      out); \
    } \
    PKERN_API pkern_status pkern_hdc_map_permute_##suffix(pkern_pool *pool, const type *vectors, \
                                                          size_t n, size_t dims, long shift, \
                                                          type *out) { \
        return pkn_bipolar_permute_all(pool, vectors, n, dims, sizeof(type), shift, out); \
    }

PKN_DEFINE_BIPOLAR(i8, int8_t)
PKN_DEFINE_BIPOLAR(i16, int16_t)

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/bipolar_search.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Dot products of all queries with all targets, and the search for the largest. Work is a grid of
   groups of queries times splits of the targets; inside, targets are taken in blocks that fit in
   half of L1 and meet all queries of the group before the next block. A split keeps a list of its
   own for each query; results don't depend on the cut. */
#ifndef PKN_HDC_BIPOLAR_SEARCH_C
#define PKN_HDC_BIPOLAR_SEARCH_C

/* #include "base/alloc.h": above */
/* ==== src/hdc/best.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The k best of a stream of scored candidates: the larger rank first, among equals the lower id. No
   two candidates have both alike, so which ones are the best depends on nothing else. A heap whose
   root is the worst that is still in: a candidate that gets in costs O(log k), any other one
   comparison. */
#ifndef PKN_HDC_BEST_H
#define PKN_HDC_BEST_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "base/platform.h": above */

#include <stddef.h>
#include <stdint.h>

typedef struct pkn_best_entry {
    uint64_t rank;
    uint64_t id;
    size_t place;
} pkn_best_entry;

typedef struct pkn_best {
    pkn_best_entry *entries; /* [k] */
    size_t count, k;
} pkn_best;

/* Ranks in the order of the scores. */
PKN_INLINE uint64_t pkn_rank_of_i64(int64_t score) {
    return (uint64_t)score ^ UINT64_C(1) << 63;
}

PKN_INLINE int64_t pkn_i64_of_rank(uint64_t rank) {
    return (int64_t)(rank ^ UINT64_C(1) << 63);
}

/* The score is a number; -0 counts as 0. */
PKN_INLINE uint64_t pkn_rank_of_f64(double score) {
    uint64_t bits;
    score += 0.0;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

PKN_INLINE double pkn_f64_of_rank(uint64_t rank) {
    uint64_t bits = rank >> 63 ? rank & ~(UINT64_C(1) << 63) : ~rank;
    double score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

PKN_INLINE int pkn_best_before(const pkn_best_entry *a, const pkn_best_entry *b) {
    return a->rank != b->rank ? a->rank > b->rank : a->id < b->id;
}

/* Puts entry where the root was. */
PKN_INLINE void pkn_best_sift(pkn_best_entry *entries, size_t n, pkn_best_entry entry) {
    size_t root = 0;
    for (size_t child = 1; child < n; child = 2 * root + 1) {
        child += child + 1 < n && pkn_best_before(&entries[child], &entries[child + 1]);
        if (!pkn_best_before(&entry, &entries[child])) {
            break;
        }
        entries[root] = entries[child];
        root = child;
    }
    entries[root] = entry;
}

PKN_INLINE void pkn_best_offer(pkn_best *best, uint64_t rank, uint64_t id, size_t place) {
    pkn_best_entry entry;
    entry.rank = rank;
    entry.id = id;
    entry.place = place;
    if (best->count < best->k) {
        size_t i = best->count++;
        while (i > 0 && pkn_best_before(&best->entries[(i - 1) / 2], &entry)) {
            best->entries[i] = best->entries[(i - 1) / 2];
            i = (i - 1) / 2;
        }
        best->entries[i] = entry;
    } else if (best->k > 0 && pkn_best_before(&entry, &best->entries[0])) {
        pkn_best_sift(best->entries, best->k, entry);
    }
}

/* Sorts what is in, the best first; the list is no heap any more. */
PKN_INLINE void pkn_best_sort(pkn_best *best) {
    for (size_t n = best->count; n > 1; n--) {
        pkn_best_entry last = best->entries[n - 1];
        best->entries[n - 1] = best->entries[0];
        pkn_best_sift(best->entries, n - 1, last);
    }
}

#endif
/* ==== src/hdc/bipolar_search.c, continued ==== */
/* #include "hdc/bipolar.h": above */
/* #include "hdc/bipolar.c": above */
/* #include "hdc/hdc_run.h": above */

#define PKN_BIPOLAR_GROUP 16
#define PKN_BIPOLAR_BLOCK_BYTES 16384
#define PKN_BIPOLAR_MAX_BLOCK 128
#define PKN_BIPOLAR_ITEMS_PER_THREAD 8

/* A pair takes so long, and so long a byte with VNNI. */
#define PKN_BIPOLAR_DOT_NS 3.0
#define PKN_BIPOLAR_DOT_NS_PER_BYTE 0.012

typedef struct pkn_bipolar_search {
    const char *queries, *targets;
    size_t n_queries, n_targets, dims, size;
    size_t n_groups, n_splits, split_len, block_len;
    double item_cost_ns;
    int64_t *dots; /* 0, or [n_queries x n_targets] */
    size_t k, row;           /* matches found and matches of a row of out, k <= row */
    pkn_best_entry *entries; /* [n_splits x n_queries x k] */
    size_t *counts;          /* [n_splits x n_queries] */
    pkern_hdc_map_match *out;
} pkn_bipolar_search;

/* Of a pair, in nanoseconds. */
PKN_INLINE double pkn_bipolar_pair_cost(size_t dims, size_t size) {
    uint32_t features = pkn_simd_current()->features;
    double byte_ns = features & PKN_CPU_AVX512VNNI ? PKN_BIPOLAR_DOT_NS_PER_BYTE
                     : features & PKN_CPU_AVX2     ? PKN_BIPOLAR_DOT_NS_PER_BYTE * 2
                     : features & PKN_CPU_NEON     ? PKN_BIPOLAR_DOT_NS_PER_BYTE * 2
                                                   : PKN_BIPOLAR_DOT_NS_PER_BYTE * 80;
    return PKN_BIPOLAR_DOT_NS + byte_ns * (double)(dims * size);
}

/* 0 splits count as 1. */
PKN_INTERNAL void pkn_bipolar_cut(pkn_bipolar_search *search, pkern_pool *pool,
                                  size_t max_splits) {
    double cost = pkn_bipolar_pair_cost(search->dims, search->size) * (double)search->n_targets;
    double worth = cost * (double)search->n_queries / 4000.0;
    size_t wanted = 1;
    search->n_groups = (search->n_queries + PKN_BIPOLAR_GROUP - 1) / PKN_BIPOLAR_GROUP;
    cost = cost * (double)search->n_queries / (double)search->n_groups;
    if (worth >= 1) {
        wanted = ((size_t)pkern_pool_num_threads(pool) * PKN_BIPOLAR_ITEMS_PER_THREAD +
                  search->n_groups - 1) /
                 search->n_groups;
        wanted = worth < (double)wanted ? (size_t)worth : wanted;
        wanted = pkn_max_size(pkn_min_size(wanted, max_splits), 1);
    }
    search->split_len = (search->n_targets + wanted - 1) / wanted;
    search->n_splits = (search->n_targets + search->split_len - 1) / search->split_len;
    search->block_len =
        pkn_min_size(PKN_BIPOLAR_BLOCK_BYTES / (search->dims * search->size), PKN_BIPOLAR_MAX_BLOCK);
    search->block_len = pkn_max_size(search->block_len / 4 * 4, 4);
    search->item_cost_ns = cost / (double)search->n_splits;
}

PKN_INTERNAL void pkn_bipolar_dots(const pkn_bipolar_search *search, size_t query, size_t target,
                                   size_t n_targets, int64_t *out) {
    size_t row_bytes = search->dims * search->size;
    const void *q = search->queries + query * row_bytes;
    const void *t = search->targets + target * row_bytes;
    if (search->size == 1) {
        pkn_simd()->dot_tile_i8((const int8_t *)q, (const int8_t *)t, n_targets, search->dims, out);
    } else {
        pkn_simd()->dot_tile_i16((const int16_t *)q, (const int16_t *)t, n_targets, search->dims,
                                 out);
    }
}

/* One query with one block of the split's targets. */
PKN_INTERNAL void pkn_bipolar_block(const pkn_bipolar_search *search, size_t split, size_t query,
                                    size_t target, size_t n_targets) {
    int64_t dots[PKN_BIPOLAR_MAX_BLOCK];
    size_t list = split * search->n_queries + query;
    pkn_best best;
    if (search->dots) {
        pkn_bipolar_dots(search, query, target, n_targets,
                         search->dots + query * search->n_targets + target);
        return;
    }
    pkn_bipolar_dots(search, query, target, n_targets, dots);
    best.entries = search->entries + list * search->k;
    best.count = search->counts[list];
    best.k = search->k;
    for (size_t i = 0; i < n_targets; i++) {
        pkn_best_offer(&best, pkn_rank_of_i64(dots[i]), target + i, target + i);
    }
    search->counts[list] = best.count;
}

PKN_INTERNAL int pkn_bipolar_search_items(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_search *search = (const pkn_bipolar_search *)ctx;
    for (size_t item = begin; item < end; item++) {
        size_t split = item / search->n_groups;
        size_t first = item % search->n_groups * PKN_BIPOLAR_GROUP;
        size_t last = pkn_min_size(first + PKN_BIPOLAR_GROUP, search->n_queries);
        size_t target_end = pkn_min_size((split + 1) * search->split_len, search->n_targets);
        for (size_t t = split * search->split_len; t < target_end; t += search->block_len) {
            for (size_t q = first; q < last; q++) {
                pkn_bipolar_block(search, split, q, t,
                                  pkn_min_size(search->block_len, target_end - t));
            }
        }
    }
    return 0;
}

/* Takes the lists of the other splits into the first split's, for queries [begin, end). */
PKN_INTERNAL int pkn_bipolar_merge(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_search *search = (const pkn_bipolar_search *)ctx;
    for (size_t query = begin; query < end; query++) {
        pkern_hdc_map_match *out = search->out + query * search->row;
        pkn_best best;
        best.entries = search->entries + query * search->k;
        best.count = search->counts[query];
        best.k = search->k;
        for (size_t split = 1; split < search->n_splits; split++) {
            size_t list = split * search->n_queries + query;
            const pkn_best_entry *from = search->entries + list * search->k;
            for (size_t i = 0; i < search->counts[list]; i++) {
                pkn_best_offer(&best, from[i].rank, from[i].id, from[i].place);
            }
        }
        pkn_best_sort(&best);
        for (size_t i = 0; i < search->row; i++) {
            out[i].index = i < best.count ? best.entries[i].place : SIZE_MAX;
            out[i].dot = i < best.count ? pkn_i64_of_rank(best.entries[i].rank) : INT64_MIN;
        }
    }
    return 0;
}

/* Bytes of the splits' lists, 0 where they don't fit in a size_t. */
PKN_INTERNAL size_t pkn_bipolar_lists_bytes(const pkn_bipolar_search *search) {
    size_t lists, bytes;
    if (pkn_mul_overflows_size(search->n_queries, search->n_splits, &lists) ||
        pkn_mul_overflows_size(search->k, sizeof(pkn_best_entry), &bytes) ||
        pkn_add_overflows_size(bytes, sizeof(size_t), &bytes) ||
        pkn_mul_overflows_size(bytes, lists, &bytes)) {
        return 0;
    }
    return bytes;
}

PKN_INTERNAL pkern_status pkn_bipolar_find(pkn_bipolar_search *search, pkern_pool *pool) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t bytes, n_lists;
    pkern_status status;
    void *memory;
    pkn_bipolar_cut(search, pool, search->n_targets / search->k / 8);
    bytes = pkn_bipolar_lists_bytes(search);
    memory = bytes > 0 ? pkn_allocate(allocator, bytes, PKN_CACHE_LINE) : 0;
    if (!memory) {
        return PKERN_ENOMEM;
    }
    n_lists = search->n_queries * search->n_splits;
    search->entries = (pkn_best_entry *)memory;
    search->counts = (size_t *)(void *)(search->entries + n_lists * search->k);
    memset(search->counts, 0, n_lists * sizeof *search->counts);
    status = pkn_hdc_run(pool, search->n_groups * search->n_splits, 1, search->item_cost_ns,
                         pkn_bipolar_search_items, search);
    if (status == PKERN_OK) {
        status = pkn_hdc_run(pool, search->n_queries, 1,
                             20.0 * (double)search->k * (double)search->n_splits,
                             pkn_bipolar_merge, search);
    }
    pkn_release(allocator, memory, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_bipolar_check_search(pkn_bipolar_search *search, const void *queries,
                                                   size_t n_queries, const void *targets,
                                                   size_t n_targets, size_t dims, size_t size,
                                                   const void *out, size_t row, size_t out_size) {
    size_t query_bytes, target_bytes, out_bytes;
    pkern_status status = pkn_bipolar_check(n_queries, dims, size, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_bipolar_check(n_targets, dims, size, &target_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n_queries, row, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, out_size, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((!queries && n_queries > 0) || (!targets && n_targets > 0) || (!out && out_bytes > 0) ||
        pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        pkn_overlaps(targets, target_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    memset(search, 0, sizeof *search);
    search->queries = (const char *)queries;
    search->targets = (const char *)targets;
    search->n_queries = n_queries;
    search->n_targets = n_targets;
    search->dims = dims;
    search->size = size;
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_bipolar_all_dots(pkern_pool *pool, const void *queries,
                                               size_t n_queries, const void *targets,
                                               size_t n_targets, size_t dims, size_t size,
                                               int64_t *out) {
    pkn_bipolar_search search;
    pkern_status status = pkn_bipolar_check_search(&search, queries, n_queries, targets, n_targets,
                                                   dims, size, out, n_targets, sizeof *out);
    if (status != PKERN_OK || n_queries == 0 || n_targets == 0) {
        return status;
    }
    search.dots = out;
    pkn_bipolar_cut(&search, pool, n_targets);
    return pkn_hdc_run(pool, search.n_groups * search.n_splits, 1, search.item_cost_ns,
                       pkn_bipolar_search_items, &search);
}

PKN_INTERNAL pkern_status pkn_bipolar_top_k(pkern_pool *pool, const void *queries, size_t n_queries,
                                            const void *memory, size_t n_memory, size_t dims,
                                            size_t size, size_t k, pkern_hdc_map_match *out) {
    pkn_bipolar_search search;
    pkern_status status = pkn_bipolar_check_search(&search, queries, n_queries, memory, n_memory,
                                                   dims, size, out, k, sizeof *out);
    if (status != PKERN_OK || n_queries == 0 || k == 0) {
        return status;
    }
    for (size_t i = 0; n_memory == 0 && i < n_queries * k; i++) {
        out[i].index = SIZE_MAX;
        out[i].dot = INT64_MIN;
    }
    if (n_memory == 0) {
        return PKERN_OK;
    }
    search.out = out;
    search.row = k;
    search.k = pkn_min_size(k, n_memory);
    return pkn_bipolar_find(&search, pool);
}

#define PKN_DEFINE_BIPOLAR_SEARCH(suffix, type) \
    PKERN_API pkern_status pkern_hdc_map_dots_##suffix( \
        pkern_pool *pool, const type *queries, size_t n_queries, const type *targets, \
        size_t n_targets, size_t dims, int64_t *out) { \
        return pkn_bipolar_all_dots(pool, queries, n_queries, targets, n_targets, dims, \
                                    sizeof(type), out); \
    } \
    PKERN_API pkern_status pkern_hdc_map_top_k_##suffix( \
        pkern_pool *pool, const type *queries, size_t n_queries, const type *memory, \
        size_t n_memory, size_t dims, size_t k, pkern_hdc_map_match *out) { \
        return pkn_bipolar_top_k(pool, queries, n_queries, memory, n_memory, dims, sizeof(type), \
                                 k, out); \
    }

PKN_DEFINE_BIPOLAR_SEARCH(i8, int8_t)
PKN_DEFINE_BIPOLAR_SEARCH(i16, int16_t)

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/distance_matrix.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Matrices of all distances in 16 bits and of all similarities: blocks of 32-bit distances are made
   on the stack and converted while they are in L1. */
#ifndef PKN_HDC_DISTANCE_MATRIX_C
#define PKN_HDC_DISTANCE_MATRIX_C

/* #include "hdc/exact_search.h": above */
/* ==== src/hdc/search_check.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the searches of exact_search.h check before they run. */
#ifndef PKN_HDC_SEARCH_CHECK_H
#define PKN_HDC_SEARCH_CHECK_H

/* #include "hdc/tiles.h": above */

PKN_INLINE void pkn_search_tiles(pkn_tiles *tiles, const uint64_t *queries, size_t n_queries,
                                 const uint64_t *targets, size_t n_targets, size_t words) {
    tiles->queries = queries;
    tiles->n_queries = n_queries;
    tiles->targets = targets;
    tiles->n_targets = n_targets;
    tiles->words = words;
}

/* Checks shapes, null pointers, and that out [out_bytes] overlaps no input. */
PKN_INTERNAL pkern_status pkn_search_check(const pkn_tiles *tiles, const void *out,
                                           size_t out_bytes) {
    size_t query_bytes, target_bytes;
    pkern_status status = pkn_hdc_check_rows(tiles->n_queries, tiles->words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(tiles->n_targets, tiles->words, &target_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if ((!tiles->queries && query_bytes > 0) || (!tiles->targets && target_bytes > 0) ||
        (!out && out_bytes > 0) ||
        (out_bytes > 0 && (pkn_overlaps(tiles->queries, query_bytes, out, out_bytes) ||
                           pkn_overlaps(tiles->targets, target_bytes, out, out_bytes)))) {
        return PKERN_EINVAL;
    }
    return PKERN_OK;
}

/* 1 where out overlaps no word of the mask. */
PKN_INLINE int pkn_search_mask_is_apart(const uint64_t *mask, size_t n_targets, const void *out,
                                        size_t out_bytes) {
    size_t mask_bytes = (n_targets / 64 + (n_targets % 64 > 0)) * sizeof *mask;
    return !mask || out_bytes == 0 || !pkn_overlaps(mask, mask_bytes, out, out_bytes);
}

#endif
/* ==== src/hdc/distance_matrix.c, continued ==== */
/* #include "hdc/tiles.h": above */

#define PKN_MATRIX_MAX_WORDS_U16 1023

typedef struct pkn_matrix {
    pkn_tiles tiles;
    uint16_t *distances; /* one of the two */
    float *similarities;
} pkn_matrix;

/* By eights, which compilers turn into vector code at -O2 too. */
PKN_INLINE void pkn_matrix_narrow(const uint32_t *in, size_t n, uint16_t *out) {
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            out[i + j] = (uint16_t)in[i + j];
        }
    }
    for (; i < n; i++) {
        out[i] = (uint16_t)in[i];
    }
}

PKN_INTERNAL int pkn_matrix_items(size_t begin, size_t end, void *ctx) {
    const pkn_matrix *matrix = (const pkn_matrix *)ctx;
    const pkn_tiles *tiles = &matrix->tiles;
    const pkn_simd_kernels *kernels = pkn_simd();
    uint32_t distances[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, SIZE_MAX, &part);
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            size_t n = pkn_min_size(tiles->block_len, part.target_end - t);
            for (size_t q = part.query; q < part.query_end; q++) {
                size_t row = (q - part.query) % PKN_PANEL_QUERIES;
                const uint32_t *from = distances + row * PKN_BLOCK_MAX_TARGETS;
                size_t place = q * tiles->n_targets + t;
                if (row == 0) {
                    kernels->hamming_tile_u64(tiles->queries + q * tiles->words,
                                              pkn_min_size(PKN_PANEL_QUERIES, part.query_end - q),
                                              tiles->targets + t * tiles->words, n, tiles->words,
                                              distances, PKN_BLOCK_MAX_TARGETS);
                }
                if (matrix->distances) {
                    pkn_matrix_narrow(from, n, matrix->distances + place);
                } else {
                    kernels->similarity_u32(from, n, (uint64_t)tiles->words * 64,
                                            matrix->similarities + place);
                }
            }
        }
    }
    return 0;
}

/* out: that of matrix, with elements of size bytes. */
PKN_INTERNAL pkern_status pkn_matrix_run(pkn_matrix *matrix, pkern_pool *pool, const void *out,
                                         size_t size) {
    pkn_tiles *tiles = &matrix->tiles;
    size_t bytes;
    pkern_status status;
    if (pkn_mul_overflows_size(tiles->n_queries, tiles->n_targets, &bytes) ||
        pkn_mul_overflows_size(bytes, size, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    status = pkn_search_check(tiles, out, bytes);
    if (status != PKERN_OK || bytes == 0) {
        return status;
    }
    pkn_tiles_cut(tiles, pkn_tiles_threads(tiles, pool), tiles->n_targets);
    return pkn_tiles_run(tiles, pool, pkn_matrix_items, matrix);
}

PKERN_API pkern_status pkern_hdc_distance_matrix_u16(pkern_pool *pool, const uint64_t *queries,
                                                     size_t n_queries, const uint64_t *targets,
                                                     size_t n_targets, size_t words,
                                                     uint16_t *out) {
    pkn_matrix matrix;
    if (words > PKN_MATRIX_MAX_WORDS_U16) {
        return PKERN_EOVERFLOW;
    }
    matrix.distances = out;
    matrix.similarities = 0;
    pkn_search_tiles(&matrix.tiles, queries, n_queries, targets, n_targets, words);
    return pkn_matrix_run(&matrix, pool, out, sizeof *out);
}

PKERN_API pkern_status pkern_hdc_similarity_matrix(pkern_pool *pool, const uint64_t *queries,
                                                   size_t n_queries, const uint64_t *targets,
                                                   size_t n_targets, size_t words, float *out) {
    pkn_matrix matrix;
    matrix.distances = 0;
    matrix.similarities = out;
    pkn_search_tiles(&matrix.tiles, queries, n_queries, targets, n_targets, words);
    return pkn_matrix_run(&matrix, pool, out, sizeof *out);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/top_k_where.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Nearest vectors under conditions, the radius of a similarity, and the share that an approximate
   search found. The search is that of nearest.c with a mask and first limits. */
#ifndef PKN_HDC_TOP_K_WHERE_C
#define PKN_HDC_TOP_K_WHERE_C

/* #include "hdc/nearest.c": above */
/* #include "hdc/exact_search.h": above */
/* #include "hdc/search_check.h": above */

/* The first pass for queries that expect near targets compares 1 / 16 of the words, 8 at least (512
   bits tell a near vector from others), and is left out where that is more than a quarter. */
#define PKN_WHERE_PREFIX_MIN 8
#define PKN_WHERE_PREFIX_SHARE 16

typedef struct pkn_where_call {
    const uint64_t *queries, *memory;
    size_t n_queries, n_memory, words, k;
    pkern_hdc_match *out;
    uint64_t *limits;
} pkn_where_call;

/* The candidates of the first pass bound the k-th distance from above. */
PKN_INTERNAL int pkn_where_limits(size_t begin, size_t end, void *ctx) {
    const pkn_where_call *call = (const pkn_where_call *)ctx;
    for (size_t query = begin; query < end; query++) {
        const pkern_hdc_match *row = call->out + query * call->k;
        uint64_t farthest = 0;
        for (size_t i = 0; i < call->k && farthest <= UINT32_MAX; i++) {
            uint64_t distance = row[i].index == SIZE_MAX
                                    ? PKN_BOUNDED_ALL
                                    : pkn_simd()->hamming_u64(
                                          call->queries + query * call->words,
                                          call->memory + row[i].index * call->words, call->words);
            farthest = distance > farthest ? distance : farthest;
        }
        farthest++;
        call->limits[query] = farthest < call->limits[query] ? farthest : call->limits[query];
    }
    return 0;
}

/* Gives each query its first limit by a search over the first words of all vectors, with out as
   scratch. */
PKN_INTERNAL pkern_status pkn_where_first_pass(const pkn_where_call *call, pkern_pool *pool,
                                               pkn_nearest_where *where) {
    size_t words =
        call->words / PKN_WHERE_PREFIX_SHARE / PKN_BOUNDED_STEP_WORDS * PKN_BOUNDED_STEP_WORDS;
    pkern_status status;
    where->words = pkn_max_size(words, PKN_WHERE_PREFIX_MIN);
    status = pkn_nearest_checked(pool, call->queries, call->n_queries, call->memory, call->n_memory,
                                 call->words, call->k, where, call->out);
    where->words = call->words;
    if (status != PKERN_OK) {
        return status;
    }
    for (size_t query = 0; query < call->n_queries; query++) {
        call->limits[query] = where->limit;
    }
    where->limits = call->limits;
    return pkn_hdc_run(pool, call->n_queries, 1, pkn_hdc_pair_cost(call->words) * (double)call->k,
                       pkn_where_limits, (void *)(uintptr_t)call);
}

PKN_INTERNAL pkern_status pkn_where_run(pkn_where_call *call, pkern_pool *pool,
                                        const pkern_hdc_search_options *options) {
    const pkern_allocator *allocator = 0;
    pkn_nearest_where where;
    pkern_status status = PKERN_OK;
    where.mask = options->mask;
    where.limits = 0;
    where.limit =
        options->flags & PKERN_HDC_WITHIN ? (uint64_t)options->radius + 1 : PKN_BOUNDED_ALL;
    where.words = call->words;
    pkn_atomic_store_relaxed_u64(&where.read, 0);
    call->limits = 0;
    if ((options->flags & PKERN_HDC_EXPECT_NEAR) && call->words >= 4 * PKN_WHERE_PREFIX_MIN &&
        call->k < call->n_memory) {
        allocator = pkn_pool_allocator(pool);
        call->limits =
            (uint64_t *)pkn_allocate(allocator, call->n_queries * sizeof(uint64_t), PKN_CACHE_LINE);
        status = call->limits ? pkn_where_first_pass(call, pool, &where) : PKERN_ENOMEM;
    }
    if (status == PKERN_OK) {
        status = pkn_nearest_checked(pool, call->queries, call->n_queries, call->memory,
                                     call->n_memory, call->words, call->k, &where, call->out);
    }
    if (options->words_read) {
        *options->words_read = pkn_atomic_load_relaxed_u64(&where.read);
    }
    pkn_release(allocator, call->limits, call->n_queries * sizeof(uint64_t));
    return status;
}

PKERN_API pkern_status pkern_hdc_top_k_where(pkern_pool *pool, const uint64_t *queries,
                                             size_t n_queries, const uint64_t *memory,
                                             size_t n_memory, size_t words, size_t k,
                                             const pkern_hdc_search_options *options,
                                             pkern_hdc_match *out) {
    pkn_where_call call;
    pkn_tiles tiles;
    size_t out_bytes;
    pkern_status status;
    if (!options) {
        return pkern_hdc_top_k(pool, queries, n_queries, memory, n_memory, words, k, out);
    }
    if (pkn_mul_overflows_size(n_queries, k, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    pkn_search_tiles(&tiles, queries, n_queries, memory, n_memory, words);
    status = pkn_search_check(&tiles, out, out_bytes);
    if (status == PKERN_OK && !pkn_search_mask_is_apart(options->mask, n_memory, out, out_bytes)) {
        status = PKERN_EINVAL;
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (options->words_read) {
        *options->words_read = 0;
    }
    if (out_bytes == 0) {
        return PKERN_OK;
    }
    call.queries = queries;
    call.n_queries = n_queries;
    call.memory = memory;
    call.n_memory = n_memory;
    call.words = words;
    call.k = k;
    call.out = out;
    return pkn_where_run(&call, pool, options);
}

/* The division gives a place near the edge, where the float that matches hold decides. */
PKERN_API pkern_status pkern_hdc_radius(float similarity, size_t words, uint32_t *radius) {
    uint64_t bits = (uint64_t)words * 64, distance;
    double scale = 1.0 / (double)bits, guess;
    if (words == 0 || !radius || !(similarity <= 1)) {
        return PKERN_EINVAL;
    }
    if (words > PKN_HDC_MAX_WORDS) {
        return PKERN_EOVERFLOW;
    }
    if (similarity <= 0) {
        *radius = bits > UINT32_MAX ? UINT32_MAX : (uint32_t)bits;
        return PKERN_OK;
    }
    guess = (1 - (double)similarity) * (double)bits;
    distance = (uint64_t)guess;
    while (distance < bits && distance < UINT32_MAX &&
           pkn_similarity_of((uint32_t)distance + 1, bits, scale) >= similarity) {
        distance++;
    }
    while (distance > 0 && pkn_similarity_of((uint32_t)distance, bits, scale) < similarity) {
        distance--;
    }
    *radius = (uint32_t)distance;
    return PKERN_OK;
}

PKERN_API double pkern_hdc_recall(const pkern_hdc_match *exact, const pkern_hdc_match *found,
                                  size_t n_queries, size_t k) {
    uint64_t hits = 0, all = 0;
    for (size_t row = 0; row < n_queries; row++) {
        size_t n_exact = 0, n_found = 0;
        while (n_exact < k && exact[row * k + n_exact].index != SIZE_MAX) {
            n_exact++;
        }
        for (size_t i = 0; n_exact > 0 && i < k; i++) {
            n_found += found[row * k + i].index != SIZE_MAX &&
                       found[row * k + i].distance <= exact[row * k + n_exact - 1].distance;
        }
        hits += pkn_min_size(n_found, n_exact);
        all += n_exact;
    }
    return all == 0 ? 1 : (double)hits / (double)all;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/range.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Range search and joins: everything within a radius, listed in order though threads find it in any
   order. The grid of queries and splits of the targets is first counted, cell by cell; the sums tell
   where each cell's results go, and cells with results are compared again and written. In the usual
   case, a few results, that is next to nothing, and it needs memory for the counts alone. Queries
   are taken in stripes whose counts fit in 1 MiB, or on the stack. */
#ifndef PKN_HDC_RANGE_C
#define PKN_HDC_RANGE_C

/* #include "base/alloc.h": above */
/* #include "hdc/bounded.h": above */
/* ==== src/hdc/match_heap.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A row of matches that keeps the first `room` of all that are put in, in an order that says which
   of two comes first: a heap with the last one on top, sorted in the end. */
#ifndef PKN_HDC_MATCH_HEAP_H
#define PKN_HDC_MATCH_HEAP_H

/* #include "hdc/hdc.h": above */

typedef struct pkn_match_heap {
    pkern_hdc_match *matches;
    size_t count, room;
    int by_distance; /* then index; else by index */
} pkn_match_heap;

PKN_INLINE int pkn_match_before(const pkern_hdc_match *a, const pkern_hdc_match *b,
                                int by_distance) {
    return by_distance && a->distance != b->distance ? a->distance < b->distance
                                                     : a->index < b->index;
}

PKN_INTERNAL void pkn_match_heap_sift(pkn_match_heap *heap, size_t root, size_t n) {
    pkern_hdc_match match = heap->matches[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        child += child + 1 < n && pkn_match_before(&heap->matches[child], &heap->matches[child + 1],
                                                   heap->by_distance);
        if (pkn_match_before(&heap->matches[child], &match, heap->by_distance)) {
            break;
        }
        heap->matches[root] = heap->matches[child];
        root = child;
    }
    heap->matches[root] = match;
}

PKN_INTERNAL void pkn_match_heap_put(pkn_match_heap *heap, const pkern_hdc_match *match) {
    if (heap->count < heap->room) {
        heap->matches[heap->count++] = *match;
        if (heap->count == heap->room) {
            for (size_t root = heap->room / 2; root > 0; root--) {
                pkn_match_heap_sift(heap, root - 1, heap->room);
            }
        }
    } else if (heap->room > 0 && pkn_match_before(match, &heap->matches[0], heap->by_distance)) {
        heap->matches[0] = *match;
        pkn_match_heap_sift(heap, 0, heap->room);
    }
}

/* The matches in order. Only a full heap is one, so a row of `room` matches is expected. */
PKN_INTERNAL void pkn_match_heap_sort(pkn_match_heap *heap) {
    for (size_t last = heap->count; last > 1; last--) {
        pkern_hdc_match match = heap->matches[0];
        heap->matches[0] = heap->matches[last - 1];
        heap->matches[last - 1] = match;
        pkn_match_heap_sift(heap, 0, last - 1);
    }
}

#endif
/* ==== src/hdc/range.c, continued ==== */
/* #include "hdc/exact_search.h": above */
/* #include "hdc/search_check.h": above */

#define PKN_RANGE_MAX_SPLITS 64
#define PKN_RANGE_SPLIT_LEN 1024
#define PKN_RANGE_STACK_CELLS 512
#define PKN_RANGE_HEAP_CELLS ((size_t)1 << 17)

typedef struct pkn_range {
    pkn_tiles tiles; /* with the queries of the stripe */
    size_t first;    /* the stripe's first query */
    const uint64_t *mask;
    uint64_t limit;
    int self; /* a join of a set with itself: targets behind the query only */
    int by_distance;
    size_t *cells; /* [n_queries x n_splits + 1]: counts, then where in the list they begin */
    pkern_hdc_match *matches; /* one of the two */
    pkern_hdc_pair *pairs;
    size_t capacity;
    double scale; /* 1 / bits */
    pkn_atomic_u64 read;
} pkn_range;

/* Keys of up to 4 queries from query on with targets [t, t + n); places are relative to first. */
PKN_INTERNAL void pkn_range_block(const pkn_range *range, pkn_bounded *bounded, size_t query,
                                  size_t n_queries, size_t t, size_t n, size_t first,
                                  uint64_t *keys, size_t *counts) {
    uint64_t limits[PKN_PANEL_QUERIES];
    for (size_t i = 0; i < PKN_PANEL_QUERIES; i++) {
        limits[i] = range->limit;
    }
    pkn_bounded_block(bounded, range->tiles.queries + query * range->tiles.words, n_queries, t, n,
                      limits, (uint32_t)(t - first), keys, counts);
    for (size_t i = 0; range->self && i < n_queries; i++) {
        uint64_t *row = keys + i * PKN_BLOCK_MAX_TARGETS;
        size_t skip = 0;
        while (skip < counts[i] &&
               first + (size_t)(row[skip] & UINT32_MAX) <= range->first + query + i) {
            skip++;
        }
        counts[i] -= skip;
        memmove(row, row + skip, counts[i] * sizeof *row);
    }
}

PKN_INTERNAL int pkn_range_count(size_t begin, size_t end, void *ctx) {
    pkn_range *range = (pkn_range *)ctx;
    const pkn_tiles *tiles = &range->tiles;
    pkn_bounded bounded;
    pkn_bounded_init(&bounded, tiles, range->mask, tiles->words);
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, SIZE_MAX, &part);
        for (size_t q = part.query; q < part.query_end; q++) {
            range->cells[q * tiles->n_splits + part.split] = 0;
        }
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            size_t n = pkn_min_size(tiles->block_len, part.target_end - t);
            for (size_t q = part.query; q < part.query_end; q += PKN_PANEL_QUERIES) {
                size_t n_queries = pkn_min_size(PKN_PANEL_QUERIES, part.query_end - q);
                uint64_t keys[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
                size_t counts[PKN_PANEL_QUERIES];
                if (range->self && t + n <= range->first + q + 1) {
                    break;
                }
                pkn_range_block(range, &bounded, q, n_queries, t, n, part.target, keys, counts);
                for (size_t i = 0; i < n_queries; i++) {
                    range->cells[(q + i) * tiles->n_splits + part.split] += counts[i];
                }
            }
        }
    }
    (void)pkn_atomic_fetch_add_relaxed_u64(&range->read, bounded.read);
    return 0;
}

PKN_INTERNAL void pkn_range_put(const pkn_range *range, pkn_match_heap *row, size_t place,
                                size_t query, size_t index, uint32_t distance) {
    pkern_hdc_match match;
    match.index = index;
    match.distance = distance;
    match.similarity = pkn_similarity_of(distance, (uint64_t)range->tiles.words * 64, range->scale);
    if (range->by_distance) {
        pkn_match_heap_put(row, &match);
    } else if (place < range->capacity && range->pairs) {
        pkern_hdc_pair *pair = &range->pairs[place];
        pair->i = range->first + query;
        pair->j = index;
        pair->distance = distance;
        pair->similarity = match.similarity;
    } else if (place < range->capacity) {
        range->matches[place] = match;
    }
}

/* Writes the results of queries [begin, end). */
PKN_INTERNAL int pkn_range_fill(size_t begin, size_t end, void *ctx) {
    pkn_range *range = (pkn_range *)ctx;
    const pkn_tiles *tiles = &range->tiles;
    pkn_bounded bounded;
    pkn_bounded_init(&bounded, tiles, range->mask, tiles->words);
    for (size_t q = begin; q < end; q++) {
        const size_t *cells = range->cells + q * tiles->n_splits;
        size_t row_begin = pkn_min_size(cells[0], range->capacity);
        pkn_match_heap row;
        row.matches = range->matches ? range->matches + row_begin : 0;
        row.count = 0;
        row.room = pkn_min_size(cells[tiles->n_splits], range->capacity) - row_begin;
        row.by_distance = 1;
        for (size_t split = 0; split < tiles->n_splits && row.room > 0; split++) {
            size_t place = cells[split];
            size_t target = split * tiles->split_len;
            size_t target_end = pkn_min_size(target + tiles->split_len, tiles->n_targets);
            if (place == cells[split + 1] || (!range->by_distance && place >= range->capacity)) {
                continue;
            }
            for (size_t t = target; t < target_end; t += tiles->block_len) {
                uint64_t keys[PKN_BLOCK_MAX_TARGETS];
                size_t count;
                pkn_range_block(range, &bounded, q, 1, t,
                                pkn_min_size(tiles->block_len, target_end - t), target, keys,
                                &count);
                for (size_t i = 0; i < count; i++) {
                    pkn_range_put(range, &row, place++, q, target + (size_t)(keys[i] & UINT32_MAX),
                                  (uint32_t)(keys[i] >> 32));
                }
            }
        }
        if (range->by_distance) {
            pkn_match_heap_sort(&row);
        }
    }
    (void)pkn_atomic_fetch_add_relaxed_u64(&range->read, bounded.read);
    return 0;
}

/* Makes the stripe's counts places in the list, of which *total were before; returns how many of its
   cells have results that are to be written. */
PKN_INTERNAL size_t pkn_range_sum(pkn_range *range, size_t *total) {
    size_t n_cells = range->tiles.n_queries * range->tiles.n_splits, wanted = 0;
    for (size_t i = 0; i < n_cells; i++) {
        size_t count = range->cells[i];
        wanted += count > 0 && *total < range->capacity;
        range->cells[i] = *total;
        *total += count;
    }
    range->cells[n_cells] = *total;
    return wanted;
}

/* The queries of range in stripes of at most n_cells cells. offsets: 0, or that of a range
   search. */
PKN_INTERNAL pkern_status pkn_range_stripes(pkn_range *range, pkern_pool *pool, size_t n_cells,
                                            size_t *offsets, size_t *total) {
    const uint64_t *queries = range->tiles.queries;
    size_t n_queries = range->tiles.n_queries;
    size_t stripe = (n_cells - 1) / range->tiles.n_splits;
    double item_cost_ns = range->tiles.item_cost_ns;
    pkern_status status = PKERN_OK;
    stripe = stripe > PKN_PANEL_QUERIES ? stripe / PKN_PANEL_QUERIES * PKN_PANEL_QUERIES : stripe;
    for (size_t first = 0; first < n_queries && status == PKERN_OK; first += stripe) {
        pkn_tiles *tiles = &range->tiles;
        size_t wanted;
        range->first = first;
        tiles->queries = queries + first * tiles->words;
        tiles->n_queries = pkn_min_size(stripe, n_queries - first);
        tiles->n_panels = (tiles->n_queries + PKN_PANEL_QUERIES - 1) / PKN_PANEL_QUERIES;
        tiles->item_cost_ns = item_cost_ns;
        status = pkn_tiles_run(tiles, pool, pkn_range_count, range);
        wanted = pkn_range_sum(range, total);
        if (status == PKERN_OK && wanted > 0) {
            double cost = pkn_hdc_pair_cost(tiles->words) * (double)tiles->split_len;
            status = pkn_hdc_run(pool, tiles->n_queries, 1,
                                 cost * (double)wanted / (double)tiles->n_queries, pkn_range_fill,
                                 range);
        }
        for (size_t q = 0; offsets && q < tiles->n_queries; q++) {
            offsets[first + q + 1] = range->cells[(q + 1) * tiles->n_splits];
        }
    }
    return status;
}

/* Neither queries nor targets are empty. */
PKN_INTERNAL pkern_status pkn_range_run(pkn_range *range, pkern_pool *pool, size_t *offsets,
                                        size_t *total) {
    pkn_tiles *tiles = &range->tiles;
    size_t stack_cells[PKN_RANGE_STACK_CELLS];
    size_t *heap_cells = 0;
    size_t n_cells = PKN_RANGE_STACK_CELLS, bytes = 0;
    const pkern_allocator *allocator = 0;
    pkern_status status;
    range->scale = 1.0 / ((double)tiles->words * 64);
    pkn_atomic_store_relaxed_u64(&range->read, 0);
    pkn_tiles_cut(tiles, 1, 1);
    tiles->split_len =
        pkn_max_size(PKN_RANGE_SPLIT_LEN, tiles->n_targets / PKN_RANGE_MAX_SPLITS + 1);
    tiles->n_splits = (tiles->n_targets + tiles->split_len - 1) / tiles->split_len;
    tiles->item_cost_ns /= (double)tiles->n_splits * (range->self ? 2 : 1);
    if (tiles->n_queries > (n_cells - 1) / tiles->n_splits) {
        n_cells = PKN_RANGE_HEAP_CELLS;
        if (tiles->n_queries <= n_cells / tiles->n_splits - 1) {
            n_cells = tiles->n_queries * tiles->n_splits + 1;
        }
        bytes = n_cells * sizeof(size_t);
        allocator = pkn_pool_allocator(pool);
        heap_cells = (size_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
        n_cells = heap_cells ? n_cells : PKN_RANGE_STACK_CELLS;
    }
    range->cells = heap_cells ? heap_cells : stack_cells;
    status = pkn_range_stripes(range, pool, n_cells, offsets, total);
    pkn_release(allocator, heap_cells, bytes);
    return status;
}

/* Checks the arguments of a search that lists all within a radius. */
PKN_INTERNAL pkern_status pkn_range_check(const pkn_tiles *tiles, const uint64_t *mask,
                                          const size_t *offsets, const pkern_hdc_match *out,
                                          size_t capacity) {
    size_t out_bytes, offset_bytes;
    pkern_status status;
    if (pkn_mul_overflows_size(capacity, sizeof *out, &out_bytes) || tiles->n_queries == SIZE_MAX ||
        pkn_mul_overflows_size(tiles->n_queries + 1, sizeof *offsets, &offset_bytes)) {
        return PKERN_EOVERFLOW;
    }
    status = pkn_search_check(tiles, out, out_bytes);
    if (status == PKERN_OK) {
        status = pkn_search_check(tiles, offsets, offset_bytes);
    }
    if (status == PKERN_OK &&
        (pkn_overlaps(out, out_bytes, offsets, offset_bytes) ||
         !pkn_search_mask_is_apart(mask, tiles->n_targets, out, out_bytes) ||
         !pkn_search_mask_is_apart(mask, tiles->n_targets, offsets, offset_bytes))) {
        status = PKERN_EINVAL;
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_range_search(pkern_pool *pool, const uint64_t *queries,
                                              size_t n_queries, const uint64_t *memory,
                                              size_t n_memory, size_t words, uint32_t radius,
                                              const pkern_hdc_search_options *options,
                                              size_t *offsets, pkern_hdc_match *out,
                                              size_t capacity) {
    pkn_range range;
    size_t total = 0;
    pkern_status status;
    memset(&range, 0, sizeof range);
    pkn_search_tiles(&range.tiles, queries, n_queries, memory, n_memory, words);
    range.mask = options ? options->mask : 0;
    status = pkn_range_check(&range.tiles, range.mask, offsets, out, capacity);
    if (status != PKERN_OK) {
        return status;
    }
    range.limit = (uint64_t)radius + 1;
    range.by_distance = options && (options->flags & PKERN_HDC_BY_DISTANCE);
    range.matches = out;
    range.capacity = capacity;
    memset(offsets, 0, (n_queries + 1) * sizeof *offsets);
    if (n_queries > 0 && n_memory > 0) {
        status = pkn_range_run(&range, pool, offsets, &total);
    }
    if (options && options->words_read) {
        *options->words_read = pkn_atomic_load_relaxed_u64(&range.read);
    }
    return status;
}

PKN_INTERNAL pkern_status pkn_range_join(pkn_range *range, pkern_pool *pool, uint32_t radius,
                                         pkern_hdc_pair *out, size_t capacity, size_t *count) {
    size_t out_bytes;
    pkern_status status;
    if (pkn_mul_overflows_size(capacity, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    status = pkn_search_check(&range->tiles, out, out_bytes);
    if (status != PKERN_OK || !count) {
        return status != PKERN_OK ? status : PKERN_EINVAL;
    }
    *count = 0;
    if (range->tiles.n_queries == 0 || range->tiles.n_targets == 0) {
        return PKERN_OK;
    }
    range->limit = (uint64_t)radius + 1;
    range->pairs = out;
    range->capacity = capacity;
    return pkn_range_run(range, pool, 0, count);
}

PKERN_API pkern_status pkern_hdc_join(pkern_pool *pool, const uint64_t *a, size_t n_a,
                                      const uint64_t *b, size_t n_b, size_t words, uint32_t radius,
                                      pkern_hdc_pair *out, size_t capacity, size_t *count) {
    pkn_range range;
    memset(&range, 0, sizeof range);
    pkn_search_tiles(&range.tiles, a, n_a, b, n_b, words);
    return pkn_range_join(&range, pool, radius, out, capacity, count);
}

PKERN_API pkern_status pkern_hdc_self_join(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t radius, pkern_hdc_pair *out,
                                           size_t capacity, size_t *count) {
    pkn_range range;
    memset(&range, 0, sizeof range);
    range.self = 1;
    pkn_search_tiles(&range.tiles, vectors, n, vectors, n, words);
    return pkn_range_join(&range, pool, radius, out, capacity, count);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/store.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Stores: making, appending, reading. */
#ifndef PKN_HDC_STORE_C
#define PKN_HDC_STORE_C

/* #include "hdc/hdc_run.h": above */
/* #include "hdc/store.h": above */
/* ==== src/hdc/store_rows.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The inside of a store: segments that never move, and a count that publishes.

   Who appends holds the mutex, fills rows behind the count, makes segments where needed, and stores
   the count with release. Who reads loads the count with acquire; it has then everything that lies
   before it, the entries of those segments included, and touches nothing behind it. So entries are
   plain words although a further one may be written at the same time.

   A new segment is as long as all before it, so 64 entries are enough for any count, and at most
   half of the room is empty. */
#ifndef PKN_HDC_STORE_ROWS_H
#define PKN_HDC_STORE_ROWS_H

/* #include "base/alloc.h": above */
/* #include "base/atomic.h": above */
/* #include "base/thread.h": above */
/* ==== src/hdc/file_read.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Loading a file, see file.h. It is mapped where the system can, else read into memory. Nothing in
   it is believed: not a byte is asked for beyond what the file has, and no size in it decides what
   is allocated. */
#ifndef PKN_HDC_FILE_READ_H
#define PKN_HDC_FILE_READ_H

/* #include "base/alloc.h": above */
/* ==== src/hdc/file.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The format of every file that pkern saves: named arrays behind a header, each with a checksum,
   each at a multiple of 64 bytes, so that a mapped file can be used as it lies.

       header     64 bytes, the same in all versions
       table      64 bytes a section
       sections   in the table's order, without gaps, each filled with zeros to a multiple of 64

   Numbers are little-endian. Every byte is under one of three kinds of checksum (header's,
   table's, a section's), so each byte that changes and each that is missing is noticed. A reader
   takes sections by name and leaves alone those it doesn't know; what an old reader would get
   wrong raises the kind's version.

   Saving (file_write.h): everything goes to a new file beside the target, which takes the target's
   name when it is whole and on the disk. Whatever interrupts a save leaves the old file as it was;
   a process that is killed may leave the new one, "<path>.<16 hex digits>.new".

       pkn_file_writer writer;
       pkn_file_create(&writer, path, "kind", version, n_sections, allocator);
       pkn_file_section(&writer, "counts", sizeof *counts, n_counts);     what the next bytes are
       pkn_file_write(&writer, counts, n_counts * sizeof *counts);        in one or more pieces
       pkn_file_put(&writer, "labels", labels, sizeof *labels, n_labels); both at once
       status = pkn_file_commit(&writer);                                 the first error of all

   Loading (file_read.h): everything is checked before the first section is handed out.

       pkn_file file;
       status = pkn_file_open(&file, path, "kind", newest_version, allocator);
       counts = (const int32_t *)pkn_file_get(&file, "counts", sizeof *counts, &n_counts);
                                                                          0: no such section
       pkn_file_close(&file);                                             after which counts is gone

   Status of a load: PKERN_ENOENT no such file; PKERN_EIO the system can't read it; PKERN_EFORMAT
   it isn't pkern's, or not of this kind; PKERN_EVERSION a newer pkern wrote it; PKERN_ECORRUPT it
   is damaged or cut off; PKERN_ENOMEM. That a file's checksums are right says nothing of its
   contents: the caller checks sizes and values, and gives PKERN_ECORRUPT where they can't be.

   A machine that isn't little-endian can neither save nor load (PKERN_EFORMAT). Nothing here is
   for writing and reading one file at the same time, but a save replaces the name only, so a
   mapped file stays whole under its readers. */
#ifndef PKN_HDC_FILE_H
#define PKN_HDC_FILE_H

/* ==== src/base/disk.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Files: the C library's streams, and the few POSIX calls beside them. Without POSIX (PKERN_NO_POSIX_FILES) nothing is mapped, and
   what is written reaches the disk when the system likes. */
#ifndef PKN_BASE_DISK_H
#define PKN_BASE_DISK_H

/* #include "base/platform.h": above */
/* #include "base/thread.h": above */

/* Tests define it to make a step of writing a file fail, or to end the process there. */
#ifndef PKN_DISK_STEP_FAILS
#define PKN_DISK_STEP_FAILS(step) 0
#endif

/* What calls of the system change in the calling thread and a call of the library must leave as it was. */
typedef struct pkn_disk_guard {
    int kept_errno, cancellation;
} pkn_disk_guard;

PKN_INLINE pkn_disk_guard pkn_disk_begin(void) {
    pkn_disk_guard guard;
    guard.kept_errno = errno;
#if PKN_THREADS
    guard.cancellation = pkn_hold_cancellation();
#else
    guard.cancellation = 0;
#endif
    return guard;
}

PKN_INLINE void pkn_disk_end(pkn_disk_guard guard) {
#if PKN_THREADS
    pkn_allow_cancellation(guard.cancellation);
#endif
    errno = guard.kept_errno;
}

/* A new file at path, 0 where it can't be made or, with POSIX, exists already. */
PKN_INTERNAL FILE *pkn_disk_create(const char *path) {
    if (PKN_DISK_STEP_FAILS("create")) {
        return 0;
    }
#if PKN_POSIX_FILES
    return fopen(path, "wbx");
#else
    return fopen(path, "wb");
#endif
}

/* 1 where the bytes are with the system now. */
PKN_INTERNAL int pkn_disk_write(FILE *stream, const void *data, size_t bytes) {
    return !PKN_DISK_STEP_FAILS("write") && fwrite(data, 1, bytes, stream) == bytes;
}

/* 1 where all that was written is on the disk now. */
PKN_INTERNAL int pkn_disk_sync(FILE *stream) {
    if (PKN_DISK_STEP_FAILS("sync") || fflush(stream) != 0) {
        return 0;
    }
#if PKN_POSIX_FILES
    return fsync(fileno(stream)) == 0;
#else
    return 1;
#endif
}

/* Gives the file at `from` the name `to`, in one step as far as anyone can see. 1 where it worked. */
PKN_INTERNAL int pkn_disk_rename(const char *from, const char *to) {
    return !PKN_DISK_STEP_FAILS("rename") && rename(from, to) == 0;
}

/* Waits until the names in a folder are on the disk, where the system can. */
PKN_INTERNAL void pkn_disk_sync_folder(const char *path) {
#if PKN_POSIX_FILES
    int descriptor = open(path, O_RDONLY);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        (void)close(descriptor);
    }
#else
    PKN_UNUSED(path);
#endif
}

/* Bytes of an open file; 0 also where the system doesn't say. The stream stands at its end then. */
PKN_INTERNAL size_t pkn_disk_size(FILE *stream) {
    long size = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : 0;
    return size > 0 ? (size_t)size : 0;
}

/* The file's first `bytes` bytes, read-only, at a page's start; 0 where it can't be mapped. */
PKN_INTERNAL void *pkn_disk_map(FILE *stream, size_t bytes) {
#if PKN_POSIX_FILES
    void *memory = mmap(0, bytes, PROT_READ, MAP_PRIVATE, fileno(stream), 0);
    return memory == MAP_FAILED ? 0 : memory;
#else
    PKN_UNUSED(stream);
    PKN_UNUSED(bytes);
    return 0;
#endif
}

PKN_INTERNAL void pkn_disk_unmap(void *memory, size_t bytes) {
#if PKN_POSIX_FILES
    (void)munmap(memory, bytes);
#else
    PKN_UNUSED(memory);
    PKN_UNUSED(bytes);
#endif
}

#endif
/* ==== src/hdc/file.h, continued ==== */
/* ==== src/hdc/checksum.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A 64-bit checksum of bytes, for files and for tables of symbols; not against people who want a
   collision.

   Four lanes take every fourth word: lane = rotl((lane ^ word) * odd, 29). For a given word each
   step maps lanes one to one, and for a given lane words, so a change within one word always
   changes the sum; any other change goes unseen with a chance of about 2^-64. The last, short
   words are filled with zeros, and the length goes in at the end. Words are little-endian. Source:
   the lanes are those of Y. Collet's xxHash64, 2014; constants and end are own. */
#ifndef PKN_HDC_CHECKSUM_H
#define PKN_HDC_CHECKSUM_H

/* #include "base/bits.h": above */
/* #include "base/rng.h": above */

#include <string.h>

#define PKN_CHECKSUM_LANES 4
#define PKN_CHECKSUM_BLOCK (8 * PKN_CHECKSUM_LANES)

typedef struct pkn_checksum {
    uint64_t lanes[PKN_CHECKSUM_LANES];
    uint64_t bytes;                            /* so far */
    unsigned char waiting[PKN_CHECKSUM_BLOCK]; /* the last bytes % PKN_CHECKSUM_BLOCK of them */
} pkn_checksum;

PKN_INLINE uint64_t pkn_load_le_u64(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

PKN_INLINE void pkn_checksum_begin(pkn_checksum *sum, uint64_t seed) {
    for (size_t i = 0; i < PKN_CHECKSUM_LANES; i++) {
        sum->lanes[i] = pkn_random_at(seed, i);
    }
    sum->bytes = 0;
}

PKN_INLINE void pkn_checksum_blocks(pkn_checksum *sum, const unsigned char *data, size_t n_blocks) {
    uint64_t a = sum->lanes[0], b = sum->lanes[1], c = sum->lanes[2], d = sum->lanes[3];
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    for (; n_blocks > 0; n_blocks--, data += PKN_CHECKSUM_BLOCK) {
        a = pkn_rotl_u64((a ^ pkn_load_le_u64(data)) * odd, 29);
        b = pkn_rotl_u64((b ^ pkn_load_le_u64(data + 8)) * odd, 29);
        c = pkn_rotl_u64((c ^ pkn_load_le_u64(data + 16)) * odd, 29);
        d = pkn_rotl_u64((d ^ pkn_load_le_u64(data + 24)) * odd, 29);
    }
    sum->lanes[0] = a;
    sum->lanes[1] = b;
    sum->lanes[2] = c;
    sum->lanes[3] = d;
}

/* Adds bytes; pieces of any size give what one piece would. */
PKN_INTERNAL void pkn_checksum_add(pkn_checksum *sum, const void *data, size_t bytes) {
    const unsigned char *next = (const unsigned char *)data;
    size_t n_waiting = (size_t)(sum->bytes % PKN_CHECKSUM_BLOCK);
    sum->bytes += bytes;
    if (n_waiting > 0) {
        size_t n = pkn_min_size(bytes, PKN_CHECKSUM_BLOCK - n_waiting);
        memcpy(sum->waiting + n_waiting, next, n);
        if (n_waiting + n < PKN_CHECKSUM_BLOCK) {
            return;
        }
        pkn_checksum_blocks(sum, sum->waiting, 1);
        next += n;
        bytes -= n;
    }
    pkn_checksum_blocks(sum, next, bytes / PKN_CHECKSUM_BLOCK);
    if (bytes % PKN_CHECKSUM_BLOCK > 0) {
        memcpy(sum->waiting, next + bytes / PKN_CHECKSUM_BLOCK * PKN_CHECKSUM_BLOCK,
               bytes % PKN_CHECKSUM_BLOCK);
    }
}

PKN_INTERNAL uint64_t pkn_checksum_end(pkn_checksum *sum) {
    size_t n_waiting = (size_t)(sum->bytes % PKN_CHECKSUM_BLOCK);
    uint64_t result = sum->bytes;
    if (n_waiting > 0) {
        memset(sum->waiting + n_waiting, 0, PKN_CHECKSUM_BLOCK - n_waiting);
        pkn_checksum_blocks(sum, sum->waiting, 1);
    }
    for (size_t i = 0; i < PKN_CHECKSUM_LANES; i++) {
        result = pkn_mix_u64(result ^ sum->lanes[i]) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return result;
}

PKN_INLINE uint64_t pkn_checksum_of(uint64_t seed, const void *data, size_t bytes) {
    pkn_checksum sum;
    pkn_checksum_begin(&sum, seed);
    pkn_checksum_add(&sum, data, bytes);
    return pkn_checksum_end(&sum);
}

#endif
/* ==== src/hdc/file.h, continued ==== */

#define PKN_FILE_FORMAT 1
#define PKN_FILE_ALIGNMENT 64
#define PKN_FILE_NAME 24
/* Of a table that a writer makes; readers take any. */
#define PKN_FILE_MAX_SECTIONS 16

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PKN_FILE_ORDER_FITS 1
#else
#define PKN_FILE_ORDER_FITS 0
#endif

/* Line ends and the eighth bit, which transfers as text would change. */
static const unsigned char pkn_file_magic[8] = {0x89, 'P', 'K', 'N', 0x0d, 0x0a, 0x1a, 0x0a};

typedef struct pkn_file_header {
    unsigned char magic[8];
    char kind[8]; /* zeros behind the text */
    uint32_t format, version;
    uint64_t n_sections, file_bytes;
    uint64_t spare;
    uint64_t table_checksum;
    uint64_t header_checksum; /* of all above */
} pkn_file_header;

typedef struct pkn_file_entry {
    char name[PKN_FILE_NAME]; /* zeros behind the text */
    uint64_t element_bytes, count, offset;
    uint64_t spare;
    uint64_t checksum; /* of the section with its filling */
} pkn_file_entry;

typedef char pkn_file_header_has_64_bytes[sizeof(pkn_file_header) == 64 ? 1 : -1];
typedef char pkn_file_entry_has_64_bytes[sizeof(pkn_file_entry) == 64 ? 1 : -1];

PKN_INLINE uint64_t pkn_file_header_checksum(const pkn_file_header *header) {
    return pkn_checksum_of(0, header, offsetof(pkn_file_header, header_checksum));
}

/* A text into a field of fixed size; 0 where it doesn't fit. */
PKN_INLINE int pkn_file_set_name(char *field, size_t field_bytes, const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length > field_bytes) {
        return 0;
    }
    memset(field, 0, field_bytes);
    memcpy(field, name, length);
    return 1;
}

#endif
/* ==== src/hdc/file_read.h, continued ==== */

/* Where the bytes of a file are. */
enum { PKN_FILE_BORROWED = 0, PKN_FILE_MAPPED = 1, PKN_FILE_COPIED = 2 };

typedef struct pkn_file {
    const unsigned char *bytes; /* aligned to 8 at least, to 64 where mapped or copied */
    size_t n_bytes;
    size_t n_sections;
    uint32_t version; /* of the kind */
    int where;
    const pkern_allocator *allocator;
} pkn_file;

/* The first bytes, as many of the header's 64 as the file has. */
PKN_INTERNAL pkern_status pkn_file_check_header(const void *bytes, size_t n_bytes, const char *kind,
                                                uint32_t newest_version, pkn_file_header *header) {
    char wanted[sizeof header->kind];
    if (n_bytes == 0) {
        return PKERN_ECORRUPT;
    }
    if (!PKN_FILE_ORDER_FITS ||
        memcmp(bytes, pkn_file_magic, pkn_min_size(n_bytes, sizeof pkn_file_magic)) != 0) {
        return PKERN_EFORMAT;
    }
    if (n_bytes < sizeof *header) {
        return PKERN_ECORRUPT;
    }
    memcpy(header, bytes, sizeof *header);
    if (header->header_checksum != pkn_file_header_checksum(header)) {
        return PKERN_ECORRUPT;
    }
    if (!pkn_file_set_name(wanted, sizeof wanted, kind) ||
        memcmp(wanted, header->kind, sizeof wanted) != 0) {
        return PKERN_EFORMAT;
    }
    return header->format > PKN_FILE_FORMAT || header->version > newest_version ? PKERN_EVERSION
                                                                                : PKERN_OK;
}

PKN_INLINE void pkn_file_entry_at(const pkn_file *file, size_t section, pkn_file_entry *entry) {
    memcpy(entry, file->bytes + sizeof(pkn_file_header) + section * sizeof *entry, sizeof *entry);
}

/* Of one section, which begins at *end and moves it behind the filling. */
PKN_INTERNAL pkern_status pkn_file_check_section(const pkn_file *file, const pkn_file_entry *entry,
                                                 size_t *end) {
    size_t left = file->n_bytes - *end, bytes;
    if (entry->offset != *end || entry->element_bytes == 0 || entry->element_bytes > SIZE_MAX ||
        entry->count > SIZE_MAX ||
        pkn_mul_overflows_size((size_t)entry->element_bytes, (size_t)entry->count, &bytes) ||
        bytes > left) {
        return PKERN_ECORRUPT;
    }
    /* the file's end is a multiple of the alignment, so the filling is inside, too */
    bytes = (bytes + PKN_FILE_ALIGNMENT - 1) / PKN_FILE_ALIGNMENT * PKN_FILE_ALIGNMENT;
    if (entry->checksum != pkn_checksum_of(0, file->bytes + *end, bytes)) {
        return PKERN_ECORRUPT;
    }
    *end += bytes;
    return PKERN_OK;
}

/* Everything behind the header, of a file whose bytes are all there. */
PKN_INTERNAL pkern_status pkn_file_check_sections(pkn_file *file, const pkn_file_header *header) {
    size_t end = sizeof *header, table_bytes;
    if (header->file_bytes != file->n_bytes || file->n_bytes % PKN_FILE_ALIGNMENT != 0 ||
        header->n_sections > (file->n_bytes - end) / sizeof(pkn_file_entry)) {
        return PKERN_ECORRUPT;
    }
    file->n_sections = (size_t)header->n_sections;
    file->version = header->version;
    table_bytes = file->n_sections * sizeof(pkn_file_entry);
    if (header->table_checksum != pkn_checksum_of(0, file->bytes + end, table_bytes)) {
        return PKERN_ECORRUPT;
    }
    end += table_bytes;
    for (size_t i = 0; i < file->n_sections; i++) {
        pkn_file_entry entry;
        pkern_status status;
        pkn_file_entry_at(file, i, &entry);
        status = pkn_file_check_section(file, &entry, &end);
        if (status != PKERN_OK) {
            return status;
        }
    }
    return end == file->n_bytes ? PKERN_OK : PKERN_ECORRUPT;
}

/* A file that lies in memory, aligned to 8 and unchanged until the close. */
PKN_INTERNAL pkern_status pkn_file_open_memory(pkn_file *file, const void *bytes, size_t n_bytes,
                                               const char *kind, uint32_t newest_version) {
    pkn_file_header header;
    pkern_status status = pkn_file_check_header(bytes, n_bytes, kind, newest_version, &header);
    memset(file, 0, sizeof *file);
    file->bytes = (const unsigned char *)bytes;
    file->n_bytes = n_bytes;
    return status != PKERN_OK ? status : pkn_file_check_sections(file, &header);
}

PKN_INTERNAL void pkn_file_close(pkn_file *file) {
    void *memory;
    memcpy(&memory, &file->bytes, sizeof memory);
    if (file->where == PKN_FILE_MAPPED) {
        pkn_disk_unmap(memory, file->n_bytes);
    } else if (file->where == PKN_FILE_COPIED) {
        pkn_release(file->allocator, memory, file->n_bytes);
    }
    memset(file, 0, sizeof *file);
}

/* The stream's bytes, mapped or read. */
PKN_INTERNAL pkern_status pkn_file_fetch(pkn_file *file, FILE *stream) {
    void *memory = pkn_disk_map(stream, file->n_bytes);
    if (memory) {
        file->where = PKN_FILE_MAPPED;
    } else {
        memory = pkn_allocate(file->allocator, file->n_bytes, PKN_CACHE_LINE);
        if (!memory) {
            return PKERN_ENOMEM;
        }
        file->where = PKN_FILE_COPIED;
    }
    file->bytes = (const unsigned char *)memory;
    if (file->where == PKN_FILE_COPIED &&
        (fseek(stream, 0, SEEK_SET) != 0 ||
         fread(memory, 1, file->n_bytes, stream) != file->n_bytes)) {
        return PKERN_EIO;
    }
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_file_open_stream(pkn_file *file, FILE *stream, const char *kind,
                                               uint32_t newest_version) {
    unsigned char front[sizeof(pkn_file_header)];
    pkn_file_header header;
    size_t n_front = fread(front, 1, sizeof front, stream);
    pkern_status status;
    if (ferror(stream)) {
        return PKERN_EIO;
    }
    status = pkn_file_check_header(front, n_front, kind, newest_version, &header);
    if (status != PKERN_OK) {
        return status;
    }
    file->n_bytes = pkn_disk_size(stream);
    if (file->n_bytes != header.file_bytes) {
        return PKERN_ECORRUPT;
    }
    status = pkn_file_fetch(file, stream);
    return status != PKERN_OK ? status : pkn_file_check_sections(file, &header);
}

/* Opens and checks the file at path; see file.h for the status. Close it only where that is
   PKERN_OK. allocator, 0 = malloc, must live until the close. */
PKN_INTERNAL pkern_status pkn_file_open(pkn_file *file, const char *path, const char *kind,
                                        uint32_t newest_version, const pkern_allocator *allocator) {
    pkn_disk_guard guard = pkn_disk_begin();
    pkern_status status;
    FILE *stream = path ? fopen(path, "rb") : 0;
    memset(file, 0, sizeof *file);
    file->allocator = allocator;
    if (stream) {
        status = pkn_file_open_stream(file, stream, kind, newest_version);
        (void)fclose(stream);
    } else {
        status = !path ? PKERN_EINVAL : errno == ENOENT ? PKERN_ENOENT : PKERN_EIO;
    }
    if (status != PKERN_OK) {
        pkn_file_close(file);
    }
    pkn_disk_end(guard);
    return status;
}

/* The section of that name and size of elements, with its count; 0 where there is none. Of one
   without elements the pointer is valid but has nothing to read. */
PKN_INTERNAL const void *pkn_file_get(const pkn_file *file, const char *name, size_t element_bytes,
                                      size_t *count) {
    char wanted[PKN_FILE_NAME];
    *count = 0;
    if (!pkn_file_set_name(wanted, sizeof wanted, name)) {
        return 0;
    }
    for (size_t i = 0; i < file->n_sections; i++) {
        pkn_file_entry entry;
        pkn_file_entry_at(file, i, &entry);
        if (memcmp(entry.name, wanted, sizeof wanted) == 0 &&
            entry.element_bytes == element_bytes) {
            *count = (size_t)entry.count;
            return file->bytes + (size_t)entry.offset;
        }
    }
    return 0;
}

#endif
/* ==== src/hdc/store_rows.h, continued ==== */
/* #include "hdc/store.h": above */

#define PKN_STORE_MAX_SEGMENTS 64
#define PKN_STORE_FIRST_BYTES 65536

typedef struct pkn_store_segment {
    const uint64_t *rows, *ids;
    size_t first, end; /* rows that it has room for */
    uint64_t *memory;  /* 0 for the file's */
    size_t bytes;
} pkn_store_segment;

struct pkern_hdc_store {
    pkn_atomic_size count;
    char padding[PKN_CACHE_LINE - sizeof(pkn_atomic_size)];
    size_t words;
    unsigned flags;
    pkn_file file; /* of the first segment, where the store was loaded */
    pkern_allocator allocator;
    pkn_mutex appending; /* and all below is changed under it */
    size_t n_segments;
    pkn_store_segment segments[PKN_STORE_MAX_SEGMENTS];
};

/* The segment that has row, which is below a count that was loaded with acquire. */
PKN_INLINE const pkn_store_segment *pkn_store_segment_of(const pkern_hdc_store *store, size_t row) {
    const pkn_store_segment *segment = store->segments;
    while (row >= segment->end) {
        segment++;
    }
    return segment;
}

/* Rows [first, ...) of one segment, below count; 0 where there are none. */
PKN_INLINE size_t pkn_store_rows_below(const pkern_hdc_store *store, size_t first, size_t count,
                                       const uint64_t **vectors, const uint64_t **ids) {
    const pkn_store_segment *segment;
    if (first >= count) {
        return 0;
    }
    segment = pkn_store_segment_of(store, first);
    if (vectors) {
        *vectors = segment->rows + (first - segment->first) * store->words;
    }
    if (ids) {
        *ids = segment->ids ? segment->ids + (first - segment->first) : 0;
    }
    return pkn_min_size(segment->end, count) - first;
}

#endif
/* ==== src/hdc/store.c, continued ==== */

PKERN_API pkern_status pkern_hdc_store_create(size_t words, unsigned flags,
                                              const pkern_allocator *allocator,
                                              pkern_hdc_store **store) {
    pkern_hdc_store *made;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(1, words, &bytes);
    if (!store) {
        return PKERN_EINVAL;
    }
    *store = 0;
    if (status != PKERN_OK) {
        return status;
    }
    if ((flags & ~(unsigned)PKERN_HDC_STORE_IDS) != 0 ||
        (allocator && !allocator->allocate != !allocator->release)) {
        return PKERN_EINVAL;
    }
    made = (pkern_hdc_store *)pkn_allocate(allocator, sizeof *made, PKN_CACHE_LINE);
    if (!made) {
        return PKERN_ENOMEM;
    }
    memset(made, 0, sizeof *made);
    made->words = words;
    made->flags = flags;
    if (allocator) {
        made->allocator = *allocator;
    }
    if (pkn_mutex_init(&made->appending) != 0) {
        pkn_release(allocator, made, sizeof *made);
        return PKERN_ENOMEM;
    }
    *store = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_store_destroy(pkern_hdc_store *store) {
    pkern_allocator allocator;
    if (!store) {
        return;
    }
    allocator = store->allocator;
    for (size_t i = 0; i < store->n_segments; i++) {
        pkn_release(&allocator, store->segments[i].memory, store->segments[i].bytes);
    }
    pkn_file_close(&store->file);
    pkn_mutex_destroy(&store->appending);
    pkn_release(&allocator, store, sizeof *store);
}

/* Under the mutex: room for n rows behind the count. */
PKN_INTERNAL pkern_status pkn_store_make_room(pkern_hdc_store *store, size_t n) {
    size_t count = pkn_atomic_load_relaxed_size(&store->count);
    size_t capacity = store->n_segments > 0 ? store->segments[store->n_segments - 1].end : 0;
    size_t row_bytes = (store->words + (store->flags & PKERN_HDC_STORE_IDS)) * 8;
    pkn_store_segment *segment = &store->segments[store->n_segments];
    size_t rows;
    if (n <= capacity - count) {
        return PKERN_OK;
    }
    rows = pkn_max_size(n - (capacity - count), PKN_STORE_FIRST_BYTES / row_bytes);
    rows = pkn_max_size(rows, capacity);
    if (pkn_mul_overflows_size(rows, row_bytes, &segment->bytes) || capacity + rows < rows ||
        store->n_segments == PKN_STORE_MAX_SEGMENTS) {
        return PKERN_EOVERFLOW;
    }
    segment->memory = (uint64_t *)pkn_allocate(&store->allocator, segment->bytes, PKN_CACHE_LINE);
    if (!segment->memory) {
        return PKERN_ENOMEM;
    }
    segment->rows = segment->memory;
    segment->ids = store->flags & PKERN_HDC_STORE_IDS ? segment->memory + rows * store->words : 0;
    segment->first = capacity;
    segment->end = capacity + rows;
    store->n_segments++;
    return PKERN_OK;
}

/* Under the mutex: into room that is there. */
PKN_INTERNAL void pkn_store_copy_in(pkern_hdc_store *store, const uint64_t *vectors,
                                    const uint64_t *ids, size_t n) {
    size_t words = store->words;
    size_t row = pkn_atomic_load_relaxed_size(&store->count);
    while (n > 0) {
        const pkn_store_segment *segment = pkn_store_segment_of(store, row);
        size_t part = pkn_min_size(n, segment->end - row);
        memcpy(segment->memory + (row - segment->first) * words, vectors, part * words * 8);
        if (ids) {
            memcpy(segment->memory + (segment->end - segment->first) * words +
                       (row - segment->first),
                   ids, part * 8);
            ids += part;
        }
        vectors += part * words;
        row += part;
        n -= part;
    }
    /* pairs with the acquire of readers: these rows and their segments */
    pkn_atomic_store_release_size(&store->count, row);
}

PKERN_API pkern_status pkern_hdc_store_append(pkern_hdc_store *store, const uint64_t *vectors,
                                              const uint64_t *ids, size_t n, size_t *first) {
    size_t bytes;
    pkern_status status;
    if (!store) {
        return PKERN_EINVAL;
    }
    status = pkn_hdc_check_rows(n, store->words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (n > 0 && (!vectors || !ids != !(store->flags & PKERN_HDC_STORE_IDS))) {
        return PKERN_EINVAL;
    }
    pkn_mutex_lock(&store->appending);
    status = pkn_store_make_room(store, n);
    if (status == PKERN_OK) {
        if (first) {
            *first = pkn_atomic_load_relaxed_size(&store->count);
        }
        pkn_store_copy_in(store, vectors, ids, n);
    }
    pkn_mutex_unlock(&store->appending);
    return status;
}

PKERN_API pkern_status pkern_hdc_store_reserve(pkern_hdc_store *store, size_t n) {
    pkern_status status;
    if (!store) {
        return PKERN_EINVAL;
    }
    pkn_mutex_lock(&store->appending);
    status = pkn_store_make_room(store, n);
    pkn_mutex_unlock(&store->appending);
    return status;
}

PKERN_API size_t pkern_hdc_store_count(const pkern_hdc_store *store) {
    return store ? pkn_atomic_load_acquire_size(&store->count) : 0;
}

PKERN_API size_t pkern_hdc_store_words(const pkern_hdc_store *store) {
    return store ? store->words : 0;
}

PKERN_API unsigned pkern_hdc_store_flags(const pkern_hdc_store *store) {
    return store ? store->flags : 0;
}

PKERN_API size_t pkern_hdc_store_rows(const pkern_hdc_store *store, size_t first,
                                      const uint64_t **vectors, const uint64_t **ids) {
    return store ? pkn_store_rows_below(store, first, pkern_hdc_store_count(store), vectors, ids)
                 : 0;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/store_search.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Search in a store: segment after segment by the flat search, the lists merged as they come. Most
   of the rows are in the last segments, so there is little of the rest to lose time with. */
#ifndef PKN_HDC_STORE_SEARCH_C
#define PKN_HDC_STORE_SEARCH_C

/* #include "hdc/hdc_run.h": above */
/* #include "hdc/store.h": above */
/* #include "hdc/store_rows.h": above */

/* One match of two lists taken, and one put in its place. */
#define PKN_STORE_MERGE_NS 4.0
/* Matches of a segment that may wait on the stack: 6 KiB. */
#define PKN_STORE_STACK_MATCHES 256

typedef struct pkn_store_merge {
    pkern_hdc_match *out;   /* [n_queries x k], the best of the segments before */
    pkern_hdc_match *found; /* [n_queries x k], of a segment that begins at row first */
    size_t k, first;
} pkn_store_merge;

PKN_INLINE int pkn_store_better(const pkern_hdc_match *a, const pkern_hdc_match *b) {
    return a->distance < b->distance || (a->distance == b->distance && a->index < b->index);
}

/* How many of out's k are among the k best of out and found, both sorted; then these from the back,
   which never overwrites one that is still to come. */
PKN_INTERNAL void pkn_store_merge_lists(pkern_hdc_match *out, const pkern_hdc_match *found,
                                        size_t k) {
    size_t n_out = 0, n_found = 0;
    while (n_out + n_found < k) {
        if (pkn_store_better(&found[n_found], &out[n_out])) {
            n_found++;
        } else {
            n_out++;
        }
    }
    while (n_found > 0) {
        if (n_out > 0 && pkn_store_better(&found[n_found - 1], &out[n_out - 1])) {
            out[n_out + n_found - 1] = out[n_out - 1];
            n_out--;
        } else {
            out[n_out + n_found - 1] = found[n_found - 1];
            n_found--;
        }
    }
}

PKN_INTERNAL int pkn_store_merge_queries(size_t begin, size_t end, void *ctx) {
    const pkn_store_merge *merge = (const pkn_store_merge *)ctx;
    for (size_t query = begin; query < end; query++) {
        pkern_hdc_match *found = merge->found + query * merge->k;
        for (size_t i = 0; i < merge->k && found[i].index != SIZE_MAX; i++) {
            found[i].index += merge->first;
        }
        pkn_store_merge_lists(merge->out + query * merge->k, found, merge->k);
    }
    return 0;
}

/* The rest of a search whose first segment is in out already. */
PKN_INTERNAL pkern_status pkn_store_search_on(pkern_pool *pool, const pkern_hdc_store *store,
                                              const uint64_t *queries, size_t n_queries, size_t k,
                                              size_t first, size_t count, pkern_hdc_match *out) {
    pkn_store_merge merge;
    pkern_hdc_match stack_found[PKN_STORE_STACK_MATCHES];
    size_t bytes = n_queries * k * sizeof *out; /* fits, as out does */
    const uint64_t *rows;
    pkern_status status = PKERN_OK;
    merge.out = out;
    merge.found =
        bytes <= sizeof stack_found
            ? stack_found
            : (pkern_hdc_match *)pkn_allocate(pkn_pool_allocator(pool), bytes, PKN_CACHE_LINE);
    merge.k = k;
    if (!merge.found) {
        return PKERN_ENOMEM;
    }
    for (size_t n;
         status == PKERN_OK && (n = pkn_store_rows_below(store, first, count, &rows, 0)) > 0;
         first += n) {
        merge.first = first;
        status = pkern_hdc_top_k(pool, queries, n_queries, rows, n, store->words, k, merge.found);
        if (status == PKERN_OK) {
            status = pkn_hdc_run(pool, n_queries, 1, PKN_STORE_MERGE_NS * (double)k,
                                 pkn_store_merge_queries, &merge);
        }
    }
    if (merge.found != stack_found) {
        pkn_release(pkn_pool_allocator(pool), merge.found, bytes);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_store_top_k(pkern_pool *pool, const pkern_hdc_store *store,
                                             const uint64_t *queries, size_t n_queries, size_t k,
                                             pkern_hdc_match *out) {
    const uint64_t *rows = 0;
    size_t count, n;
    pkern_status status;
    if (!store) {
        return PKERN_EINVAL;
    }
    count = pkern_hdc_store_count(store);
    n = pkn_store_rows_below(store, 0, count, &rows, 0);
    status = pkern_hdc_top_k(pool, queries, n_queries, rows, n, store->words, k, out);
    if (status != PKERN_OK || n == count || n_queries == 0 || k == 0) {
        return status;
    }
    return pkn_store_search_on(pool, store, queries, n_queries, k, n, count, out);
}

PKERN_API pkern_status pkern_hdc_store_nearest(pkern_pool *pool, const pkern_hdc_store *store,
                                               const uint64_t *queries, size_t n_queries,
                                               pkern_hdc_match *out) {
    return pkern_hdc_store_top_k(pool, store, queries, n_queries, 1, out);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/store_file.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Stores to and from files: the sections "shape" {words}, "vectors" and, where the store has them,
   "ids". Files of the same kind may have more, which a store leaves alone. */
#ifndef PKN_HDC_STORE_FILE_C
#define PKN_HDC_STORE_FILE_C

/* #include "hdc/file_read.h": above */
/* ==== src/hdc/file_write.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Saving a file, see file.h. The first failure is kept and makes the further calls do nothing, so
   a saver asks for the status once, at the end. Whoever has created a writer commits it;
   pkn_file_fail makes commit fail. */
#ifndef PKN_HDC_FILE_WRITE_H
#define PKN_HDC_FILE_WRITE_H

/* #include "base/alloc.h": above */
/* #include "base/time.h": above */
/* #include "hdc/file.h": above */

typedef struct pkn_file_writer {
    FILE *stream;
    char *path; /* the target's, then the new file's, each with its zero */
    size_t path_bytes;
    const pkern_allocator *allocator;
    pkn_disk_guard guard;
    pkern_status status;
    pkn_file_header header;
    pkn_file_entry table[PKN_FILE_MAX_SECTIONS];
    size_t n_sections; /* begun */
    uint64_t left;     /* bytes of the current section still to come */
    uint64_t end;      /* of the file so far */
    pkn_checksum checksum;
} pkn_file_writer;

#define PKN_FILE_SUFFIX 21 /* ".0123456789abcdef.new" */

PKN_INLINE void pkn_file_fail(pkn_file_writer *writer, pkern_status status) {
    writer->status = writer->status == PKERN_OK ? status : writer->status;
}

PKN_INTERNAL void pkn_file_raw_write(pkn_file_writer *writer, const void *data, size_t bytes) {
    if (writer->status == PKERN_OK && bytes > 0 && !pkn_disk_write(writer->stream, data, bytes)) {
        writer->status = PKERN_EIO;
    }
}

/* The new file's name: no other writer, thread or process has the same clock, number and address.
   */
PKN_INTERNAL const char *pkn_file_name(pkn_file_writer *writer, const char *path) {
    size_t length = strlen(path);
    uint64_t number = pkn_mix_u64(pkn_now_ns() ^ (uint64_t)(uintptr_t)writer);
    char *name;
    number = pkn_mix_u64(number + (uint64_t)pkn_process_number());
    writer->path_bytes = 2 * (length + 1) + PKN_FILE_SUFFIX;
    writer->path = (char *)pkn_allocate(writer->allocator, writer->path_bytes, 1);
    if (!writer->path) {
        return 0;
    }
    name = writer->path + length + 1;
    memcpy(writer->path, path, length + 1);
    memcpy(name, path, length);
    name[length] = '.';
    for (size_t i = 0; i < 16; i++) {
        name[length + 1 + i] = "0123456789abcdef"[number >> (4 * i) & 15];
    }
    memcpy(name + length + 17, ".new", 5);
    return name;
}

/* Begins a file of at most n_sections <= PKN_FILE_MAX_SECTIONS sections. allocator, 0 = malloc,
   must live until commit. */
PKN_INTERNAL void pkn_file_create(pkn_file_writer *writer, const char *path, const char *kind,
                                  uint32_t version, size_t n_sections,
                                  const pkern_allocator *allocator) {
    const char *name;
    memset(writer, 0, sizeof *writer);
    writer->guard = pkn_disk_begin();
    writer->allocator = allocator;
    memcpy(writer->header.magic, pkn_file_magic, sizeof writer->header.magic);
    writer->header.format = PKN_FILE_FORMAT;
    writer->header.version = version;
    writer->header.n_sections = n_sections;
    writer->end = sizeof(pkn_file_header) + n_sections * sizeof(pkn_file_entry);
    if (!PKN_FILE_ORDER_FITS) {
        writer->status = PKERN_EFORMAT;
    } else if (!path || n_sections > PKN_FILE_MAX_SECTIONS ||
               !pkn_file_set_name(writer->header.kind, sizeof writer->header.kind, kind)) {
        writer->status = PKERN_EINVAL;
    } else if ((name = pkn_file_name(writer, path)) == 0) {
        writer->status = PKERN_ENOMEM;
    } else if ((writer->stream = pkn_disk_create(name)) == 0) {
        writer->status = PKERN_EIO;
    }
    /* zeros, until commit knows what to put there */
    pkn_file_raw_write(writer, writer->table, sizeof(pkn_file_header));
    pkn_file_raw_write(writer, writer->table, n_sections * sizeof(pkn_file_entry));
}

/* Fills the current section up and notes its checksum. */
PKN_INTERNAL void pkn_file_end_section(pkn_file_writer *writer) {
    static const unsigned char zeros[PKN_FILE_ALIGNMENT] = {0};
    size_t filling = (size_t)(0 - writer->end) % PKN_FILE_ALIGNMENT;
    if (writer->left > 0) {
        pkn_file_fail(writer, PKERN_EINVAL);
    }
    if (writer->n_sections > 0 && writer->status == PKERN_OK) {
        pkn_checksum_add(&writer->checksum, zeros, filling);
        pkn_file_raw_write(writer, zeros, filling);
        writer->end += filling;
        writer->table[writer->n_sections - 1].checksum = pkn_checksum_end(&writer->checksum);
    }
}

/* Begins a section of count elements; name has 1 to 24 characters. */
PKN_INTERNAL void pkn_file_section(pkn_file_writer *writer, const char *name, size_t element_bytes,
                                   size_t count) {
    pkn_file_entry *entry = &writer->table[writer->n_sections];
    size_t bytes;
    pkn_file_end_section(writer);
    if (writer->status != PKERN_OK) {
        return;
    }
    if (writer->n_sections == writer->header.n_sections || element_bytes == 0 ||
        pkn_mul_overflows_size(element_bytes, count, &bytes) ||
        !pkn_file_set_name(entry->name, sizeof entry->name, name)) {
        pkn_file_fail(writer, PKERN_EINVAL);
        return;
    }
    entry->element_bytes = element_bytes;
    entry->count = count;
    entry->offset = writer->end;
    writer->left = bytes;
    writer->n_sections++;
    pkn_checksum_begin(&writer->checksum, 0);
}

/* The section's next bytes. */
PKN_INTERNAL void pkn_file_write(pkn_file_writer *writer, const void *data, size_t bytes) {
    if (bytes > writer->left) {
        pkn_file_fail(writer, PKERN_EINVAL);
    }
    if (writer->status != PKERN_OK || bytes == 0) {
        return;
    }
    pkn_checksum_add(&writer->checksum, data, bytes);
    pkn_file_raw_write(writer, data, bytes);
    writer->left -= bytes;
    writer->end += bytes;
}

/* A whole section. */
PKN_INTERNAL void pkn_file_put(pkn_file_writer *writer, const char *name, const void *data,
                               size_t element_bytes, size_t count) {
    pkn_file_section(writer, name, element_bytes, count);
    pkn_file_write(writer, data, element_bytes * count);
}

/* Header and table, now that all is known. */
PKN_INTERNAL void pkn_file_write_front(pkn_file_writer *writer) {
    pkn_file_header *header = &writer->header;
    size_t table_bytes = writer->n_sections * sizeof(pkn_file_entry);
    header->file_bytes = writer->end;
    header->table_checksum = pkn_checksum_of(0, writer->table, table_bytes);
    header->header_checksum = pkn_file_header_checksum(header);
    if (writer->status == PKERN_OK && fseek(writer->stream, 0, SEEK_SET) != 0) {
        writer->status = PKERN_EIO;
    }
    pkn_file_raw_write(writer, header, sizeof *header);
    pkn_file_raw_write(writer, writer->table, table_bytes);
    if (writer->status == PKERN_OK && !pkn_disk_sync(writer->stream)) {
        writer->status = PKERN_EIO;
    }
}

/* The folder of the file that has got its name; the text of path is used up. */
PKN_INTERNAL void pkn_file_sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash) {
        pkn_disk_sync_folder(".");
        return;
    }
    slash[slash == path] = 0;
    pkn_disk_sync_folder(path);
}

/* Puts the file in the target's place, unless something failed: then the target is as it was, and
   nothing of the new file is left. Returns the first error. */
PKN_INTERNAL pkern_status pkn_file_commit(pkn_file_writer *writer) {
    const char *name = writer->path ? writer->path + strlen(writer->path) + 1 : 0;
    pkn_file_end_section(writer);
    if (writer->n_sections != writer->header.n_sections) {
        pkn_file_fail(writer, PKERN_EINVAL);
    }
    pkn_file_write_front(writer);
    if (writer->stream) {
        if (fclose(writer->stream) != 0) {
            pkn_file_fail(writer, PKERN_EIO);
        }
        if (writer->status == PKERN_OK && !pkn_disk_rename(name, writer->path)) {
            writer->status = PKERN_EIO;
        }
        if (writer->status == PKERN_OK) {
            pkn_file_sync_folder(writer->path);
        } else {
            (void)remove(name);
        }
    }
    pkn_release(writer->allocator, writer->path, writer->path_bytes);
    pkn_disk_end(writer->guard);
    return writer->status;
}

#endif
/* ==== src/hdc/store_file.c, continued ==== */
/* #include "hdc/hdc_run.h": above */
/* #include "hdc/store.h": above */
/* #include "hdc/store_rows.h": above */

#define PKN_STORE_KIND "vectors"
#define PKN_STORE_VERSION 1

PKERN_API pkern_status pkern_hdc_store_save(const pkern_hdc_store *store, const char *path) {
    pkn_file_writer writer;
    uint64_t shape[1];
    size_t count, n, with_ids;
    const uint64_t *rows, *ids;
    if (!store || !path) {
        return PKERN_EINVAL;
    }
    count = pkern_hdc_store_count(store);
    with_ids = store->flags & PKERN_HDC_STORE_IDS;
    shape[0] = store->words;
    pkn_file_create(&writer, path, PKN_STORE_KIND, PKN_STORE_VERSION, 2 + with_ids,
                    &store->allocator);
    pkn_file_put(&writer, "shape", shape, 8, 1);
    pkn_file_section(&writer, "vectors", 8, count * store->words);
    for (size_t i = 0; (n = pkn_store_rows_below(store, i, count, &rows, 0)) > 0; i += n) {
        pkn_file_write(&writer, rows, n * store->words * 8);
    }
    if (with_ids) {
        pkn_file_section(&writer, "ids", 8, count);
        for (size_t i = 0; (n = pkn_store_rows_below(store, i, count, 0, &ids)) > 0; i += n) {
            pkn_file_write(&writer, ids, n * 8);
        }
    }
    return pkn_file_commit(&writer);
}

/* The rows of a file of kind PKN_STORE_KIND, [*n x *words]; *ids is 0 where it has none. */
PKN_INTERNAL pkern_status pkn_store_rows_of_file(const pkn_file *file, const uint64_t **rows,
                                                 const uint64_t **ids, size_t *n, size_t *words) {
    size_t n_shape, n_words, n_ids, bytes;
    const uint64_t *shape = (const uint64_t *)pkn_file_get(file, "shape", 8, &n_shape);
    *rows = (const uint64_t *)pkn_file_get(file, "vectors", 8, &n_words);
    *ids = (const uint64_t *)pkn_file_get(file, "ids", 8, &n_ids);
    if (!shape || n_shape < 1 || !*rows || shape[0] > PKN_HDC_MAX_WORDS ||
        pkn_hdc_check_rows(1, (size_t)shape[0], &bytes) != PKERN_OK) {
        return PKERN_ECORRUPT;
    }
    *words = (size_t)shape[0];
    *n = n_words / *words;
    return n_words % *words != 0 || (*ids && n_ids != *n) ? PKERN_ECORRUPT : PKERN_OK;
}

/* A store around an open file, which it closes in the end, at once where it fails. */
PKN_INTERNAL pkern_status pkn_store_of_file(pkn_file *file, const pkern_allocator *allocator,
                                            pkern_hdc_store **store) {
    const uint64_t *rows, *ids;
    size_t n = 0, words = 0;
    pkern_status status = pkn_store_rows_of_file(file, &rows, &ids, &n, &words);
    if (status == PKERN_OK) {
        status = pkern_hdc_store_create(words, ids ? PKERN_HDC_STORE_IDS : 0, allocator, store);
    }
    if (status != PKERN_OK) {
        pkn_file_close(file);
        return status;
    }
    (*store)->file = *file;
    (*store)->file.allocator = &(*store)->allocator;
    if (n > 0) {
        pkn_store_segment *segment = &(*store)->segments[(*store)->n_segments++];
        segment->rows = rows;
        segment->ids = ids;
        segment->end = n;
        pkn_atomic_store_release_size(&(*store)->count, n);
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_store_load(const char *path, const pkern_allocator *allocator,
                                            pkern_hdc_store **store) {
    pkn_file file;
    pkern_status status;
    if (!path || !store || (allocator && !allocator->allocate != !allocator->release)) {
        return PKERN_EINVAL;
    }
    *store = 0;
    status = pkn_file_open(&file, path, PKN_STORE_KIND, PKN_STORE_VERSION, allocator);
    return status != PKERN_OK ? status : pkn_store_of_file(&file, allocator, store);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/item_memory.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Item memories: making, changing, asking. */
#ifndef PKN_HDC_ITEM_MEMORY_C
#define PKN_HDC_ITEM_MEMORY_C

/* #include "hdc/hdc_run.h": above */
/* #include "hdc/item_memory.h": above */
/* ==== src/hdc/item_table.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The inside of an item memory: parallel arrays of rows, a hash table from symbols to rows, and
   the symbols' bytes.

   The table has twice as many slots as there is room for rows, a power of two; a slot holds row +
   1, 0 is empty, and a symbol is in the first free slot from its hash on. Removal moves later
   entries of the run forward, so there are no marks of removed ones and a search ends at the first
   empty slot. Bytes of removed symbols stay until the bytes are full and are copied. */
#ifndef PKN_HDC_ITEM_TABLE_H
#define PKN_HDC_ITEM_TABLE_H

/* #include "base/alloc.h": above */
/* #include "hdc/checksum.h": above */
/* #include "hdc/item_memory.h": above */

#define PKN_ITEMS_FIRST_ROWS 16
#define PKN_ITEMS_FIRST_BYTES 256

typedef struct pkn_item {
    uint64_t hash;
    size_t start, bytes; /* of the symbol */
} pkn_item;

/* One block of memory: vectors, items, slots. */
typedef struct pkn_item_rows {
    uint64_t *vectors;
    pkn_item *items;
    size_t *slots;
    size_t capacity; /* 0 or a power of two; slots are twice as many */
    size_t bytes;
} pkn_item_rows;

struct pkern_hdc_item_memory {
    size_t words, count;
    uint64_t seed;
    pkn_item_rows rows;
    unsigned char *symbols;
    size_t symbols_capacity, symbols_end; /* end: where the next symbol goes */
    size_t symbols_used;                  /* of those that are there */
    pkern_allocator allocator;
};

/* Of an item that is there; one without bytes has its own place, too. */
PKN_INLINE const void *pkn_items_symbol(const pkern_hdc_item_memory *memory, const pkn_item *item) {
    return item->bytes > 0 ? (const void *)(memory->symbols + item->start) : (const void *)"";
}

PKN_INLINE size_t pkn_items_next_slot(const pkn_item_rows *rows, size_t slot) {
    return (slot + 1) & (2 * rows->capacity - 1);
}

/* The symbol's slot, or the empty one where it would be; there must be slots. */
PKN_INTERNAL size_t pkn_items_slot(const pkern_hdc_item_memory *memory, uint64_t hash,
                                   const void *symbol, size_t bytes) {
    const pkn_item_rows *rows = &memory->rows;
    size_t slot = (size_t)hash & (2 * rows->capacity - 1);
    for (; rows->slots[slot] != 0; slot = pkn_items_next_slot(rows, slot)) {
        const pkn_item *item = &rows->items[rows->slots[slot] - 1];
        if (item->hash == hash && item->bytes == bytes &&
            (bytes == 0 || memcmp(pkn_items_symbol(memory, item), symbol, bytes) == 0)) {
            break;
        }
    }
    return slot;
}

/* Empties a slot and moves the run behind it together: an entry may go forward into the gap unless
   its own first slot lies between gap and entry. */
PKN_INTERNAL void pkn_items_clear_slot(pkn_item_rows *rows, size_t gap) {
    size_t mask = 2 * rows->capacity - 1;
    for (size_t slot = pkn_items_next_slot(rows, gap); rows->slots[slot] != 0;
         slot = pkn_items_next_slot(rows, slot)) {
        size_t wanted = (size_t)rows->items[rows->slots[slot] - 1].hash & mask;
        if (((slot - wanted) & mask) >= ((slot - gap) & mask)) {
            rows->slots[gap] = rows->slots[slot];
            gap = slot;
        }
    }
    rows->slots[gap] = 0;
}

/* Sets the slots of all rows, which have different symbols. */
PKN_INTERNAL void pkn_items_fill_slots(pkn_item_rows *rows, size_t count) {
    size_t mask = 2 * rows->capacity - 1;
    memset(rows->slots, 0, 2 * rows->capacity * sizeof *rows->slots);
    for (size_t row = 0; row < count; row++) {
        size_t slot = (size_t)rows->items[row].hash & mask;
        while (rows->slots[slot] != 0) {
            slot = pkn_items_next_slot(rows, slot);
        }
        rows->slots[slot] = row + 1;
    }
}

/* Room for n rows. */
PKN_INTERNAL pkern_status pkn_items_reserve_rows(pkern_hdc_item_memory *memory, size_t n) {
    pkn_item_rows *old = &memory->rows, rows;
    size_t words = memory->words;
    size_t per_row = words * 8 + sizeof(pkn_item) + 2 * sizeof *rows.slots;
    size_t capacity = pkn_max_size(old->capacity, PKN_ITEMS_FIRST_ROWS);
    if (n <= old->capacity) {
        return PKERN_OK;
    }
    while (capacity < n && capacity <= SIZE_MAX / 4) {
        capacity *= 2;
    }
    if (capacity < n || pkn_mul_overflows_size(capacity, per_row, &rows.bytes)) {
        return PKERN_EOVERFLOW;
    }
    rows.capacity = capacity;
    rows.vectors = (uint64_t *)pkn_allocate(&memory->allocator, rows.bytes, PKN_CACHE_LINE);
    if (!rows.vectors) {
        return PKERN_ENOMEM;
    }
    /* all three are of 8 bytes' alignment at most, and whole multiples of it */
    rows.items = (pkn_item *)(void *)(rows.vectors + capacity * words);
    rows.slots = (size_t *)(void *)(rows.items + capacity);
    if (memory->count > 0) {
        memcpy(rows.vectors, old->vectors, memory->count * words * 8);
        memcpy(rows.items, old->items, memory->count * sizeof(pkn_item));
    }
    pkn_items_fill_slots(&rows, memory->count);
    pkn_release(&memory->allocator, old->vectors, old->bytes);
    *old = rows;
    return PKERN_OK;
}

/* Room for a symbol of n bytes. Where there is none, what is used moves to a block of at least
   twice its size, so a byte is moved O(1) times a byte that was added. */
PKN_INTERNAL pkern_status pkn_items_reserve_bytes(pkern_hdc_item_memory *memory, size_t n) {
    size_t capacity, end = 0;
    unsigned char *symbols;
    if (n <= memory->symbols_capacity - memory->symbols_end) {
        return PKERN_OK;
    }
    if (pkn_add_overflows_size(memory->symbols_used, n, &capacity) ||
        pkn_mul_overflows_size(capacity, 2, &capacity)) {
        return PKERN_EOVERFLOW;
    }
    capacity = pkn_max_size(capacity, PKN_ITEMS_FIRST_BYTES);
    symbols = (unsigned char *)pkn_allocate(&memory->allocator, capacity, 8);
    if (!symbols) {
        return PKERN_ENOMEM;
    }
    for (size_t row = 0; row < memory->count; row++) {
        pkn_item *item = &memory->rows.items[row];
        if (item->bytes > 0) {
            memcpy(symbols + end, memory->symbols + item->start, item->bytes);
        }
        item->start = end;
        end += item->bytes;
    }
    pkn_release(&memory->allocator, memory->symbols, memory->symbols_capacity);
    memory->symbols = symbols;
    memory->symbols_capacity = capacity;
    memory->symbols_end = end;
    return PKERN_OK;
}

#endif
/* ==== src/hdc/item_memory.c, continued ==== */

PKERN_API void pkern_hdc_symbol_vector(uint64_t seed, const void *symbol, size_t symbol_bytes,
                                       uint64_t *out, size_t words) {
    pkern_hdc_random(pkn_checksum_of(seed, symbol, symbol_bytes), out, words);
}

PKERN_API pkern_status pkern_hdc_item_memory_create(size_t words, uint64_t seed,
                                                    const pkern_allocator *allocator,
                                                    pkern_hdc_item_memory **memory) {
    pkern_hdc_item_memory *made;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(1, words, &bytes);
    if (!memory) {
        return PKERN_EINVAL;
    }
    *memory = 0;
    if (status != PKERN_OK) {
        return status;
    }
    if (allocator && !allocator->allocate != !allocator->release) {
        return PKERN_EINVAL;
    }
    made = (pkern_hdc_item_memory *)pkn_allocate(allocator, sizeof *made, PKN_CACHE_LINE);
    if (!made) {
        return PKERN_ENOMEM;
    }
    memset(made, 0, sizeof *made);
    made->words = words;
    made->seed = seed;
    if (allocator) {
        made->allocator = *allocator;
    }
    *memory = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_item_memory_destroy(pkern_hdc_item_memory *memory) {
    pkern_allocator allocator;
    if (!memory) {
        return;
    }
    allocator = memory->allocator;
    pkn_release(&allocator, memory->rows.vectors, memory->rows.bytes);
    pkn_release(&allocator, memory->symbols, memory->symbols_capacity);
    pkn_release(&allocator, memory, sizeof *memory);
}

PKN_INLINE uint64_t pkn_items_hash(const pkern_hdc_item_memory *memory, const void *symbol,
                                   size_t symbol_bytes) {
    return pkn_checksum_of(memory->seed, symbol, symbol_bytes);
}

/* vector, or the seed's */
PKN_INLINE void pkn_items_set(pkern_hdc_item_memory *memory, size_t row, const uint64_t *vector) {
    uint64_t *out = memory->rows.vectors + row * memory->words;
    if (vector) {
        memmove(out, vector, memory->words * 8);
    } else {
        /* the hash is made of the same seed, so this is pkern_hdc_symbol_vector */
        pkern_hdc_random(memory->rows.items[row].hash, out, memory->words);
    }
}

/* A symbol that is not there, with room made for it. */
PKN_INTERNAL void pkn_items_put(pkern_hdc_item_memory *memory, uint64_t hash, const void *symbol,
                                size_t symbol_bytes, const uint64_t *vector) {
    size_t row = memory->count;
    pkn_item *item = &memory->rows.items[row];
    memory->rows.slots[pkn_items_slot(memory, hash, symbol, symbol_bytes)] = row + 1;
    item->hash = hash;
    item->start = memory->symbols_end;
    item->bytes = symbol_bytes;
    if (symbol_bytes > 0) {
        memcpy(memory->symbols + item->start, symbol, symbol_bytes);
    }
    memory->symbols_end += symbol_bytes;
    memory->symbols_used += symbol_bytes;
    memory->count++;
    pkn_items_set(memory, row, vector);
}

/* Room for one item more. *vector may be one of the memory's own, and stays so. */
PKN_INTERNAL pkern_status pkn_items_reserve(pkern_hdc_item_memory *memory, size_t symbol_bytes,
                                            const uint64_t **vector) {
    size_t from = (size_t)((uintptr_t)*vector - (uintptr_t)memory->rows.vectors) / 8;
    int own = *vector != 0 && from < memory->count * memory->words;
    pkern_status status = pkn_items_reserve_bytes(memory, symbol_bytes);
    if (status == PKERN_OK) {
        status = pkn_items_reserve_rows(memory, memory->count + 1);
    }
    if (own) {
        *vector = memory->rows.vectors + from;
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_item_memory_add(pkern_hdc_item_memory *memory, const void *symbol,
                                                 size_t symbol_bytes, const uint64_t *vector,
                                                 size_t *row) {
    size_t found;
    pkern_status status;
    if (!memory || (!symbol && symbol_bytes > 0)) {
        return PKERN_EINVAL;
    }
    found = pkern_hdc_item_memory_find(memory, symbol, symbol_bytes);
    if (found == SIZE_MAX) {
        if (pkn_overlaps(memory->symbols, memory->symbols_capacity, symbol, symbol_bytes)) {
            return PKERN_EINVAL;
        }
        status = pkn_items_reserve(memory, symbol_bytes, &vector);
        if (status != PKERN_OK) {
            return status;
        }
        found = memory->count;
        pkn_items_put(memory, pkn_items_hash(memory, symbol, symbol_bytes), symbol, symbol_bytes,
                      vector);
    }
    if (row) {
        *row = found;
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_item_memory_update(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes,
                                                    const uint64_t *vector) {
    size_t row;
    if (!memory || (!symbol && symbol_bytes > 0)) {
        return PKERN_EINVAL;
    }
    row = pkern_hdc_item_memory_find(memory, symbol, symbol_bytes);
    if (row == SIZE_MAX) {
        return PKERN_ENOENT;
    }
    pkn_items_set(memory, row, vector);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_item_memory_remove(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes) {
    size_t slot, row, last;
    pkn_item_rows *rows;
    if (!memory || (!symbol && symbol_bytes > 0)) {
        return PKERN_EINVAL;
    }
    rows = &memory->rows;
    if (memory->count == 0) {
        return PKERN_ENOENT;
    }
    slot =
        pkn_items_slot(memory, pkn_items_hash(memory, symbol, symbol_bytes), symbol, symbol_bytes);
    if (rows->slots[slot] == 0) {
        return PKERN_ENOENT;
    }
    row = rows->slots[slot] - 1;
    last = memory->count - 1;
    memory->symbols_used -= rows->items[row].bytes;
    pkn_items_clear_slot(rows, slot);
    if (row != last) {
        const pkn_item *item = &rows->items[last];
        slot = pkn_items_slot(memory, item->hash, pkn_items_symbol(memory, item), item->bytes);
        rows->slots[slot] = row + 1;
        rows->items[row] = *item;
        memcpy(rows->vectors + row * memory->words, rows->vectors + last * memory->words,
               memory->words * 8);
    }
    memory->count = last;
    return PKERN_OK;
}

PKERN_API size_t pkern_hdc_item_memory_find(const pkern_hdc_item_memory *memory, const void *symbol,
                                            size_t symbol_bytes) {
    if (!memory || memory->count == 0 || (!symbol && symbol_bytes > 0)) {
        return SIZE_MAX;
    }
    /* an empty slot holds 0, and 0 - 1 is SIZE_MAX */
    return memory->rows.slots[pkn_items_slot(memory, pkn_items_hash(memory, symbol, symbol_bytes),
                                             symbol, symbol_bytes)] -
           1;
}

PKERN_API size_t pkern_hdc_item_memory_count(const pkern_hdc_item_memory *memory) {
    return memory ? memory->count : 0;
}

PKERN_API size_t pkern_hdc_item_memory_words(const pkern_hdc_item_memory *memory) {
    return memory ? memory->words : 0;
}

PKERN_API const uint64_t *pkern_hdc_item_memory_vectors(const pkern_hdc_item_memory *memory) {
    return memory && memory->count > 0 ? memory->rows.vectors : 0;
}

PKERN_API const void *pkern_hdc_item_memory_symbol(const pkern_hdc_item_memory *memory, size_t row,
                                                   size_t *symbol_bytes) {
    int there = memory && row < memory->count;
    if (symbol_bytes) {
        *symbol_bytes = there ? memory->rows.items[row].bytes : 0;
    }
    return there ? pkn_items_symbol(memory, &memory->rows.items[row]) : 0;
}

PKERN_API pkern_status pkern_hdc_item_memory_cleanup(pkern_pool *pool,
                                                     const pkern_hdc_item_memory *memory,
                                                     const uint64_t *queries, size_t n_queries,
                                                     uint32_t max_distance, pkern_hdc_match *out) {
    pkern_status status;
    if (!memory) {
        return PKERN_EINVAL;
    }
    status = pkern_hdc_nearest(pool, queries, n_queries, pkern_hdc_item_memory_vectors(memory),
                               memory->count, memory->words, out);
    for (size_t i = 0; status == PKERN_OK && i < n_queries; i++) {
        if (out[i].distance > max_distance) {
            out[i].index = SIZE_MAX;
            out[i].distance = UINT32_MAX;
            out[i].similarity = 0;
        }
    }
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/item_memory_file.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Item memories to and from files: those of a store, with the sections "seed" {seed}, "lengths"
   [count] and "symbols", the bytes of all symbols in the rows' order. */
#ifndef PKN_HDC_ITEM_MEMORY_FILE_C
#define PKN_HDC_ITEM_MEMORY_FILE_C

/* #include "hdc/item_memory.c": above */
/* #include "hdc/store_file.c": above */

PKERN_API pkern_status pkern_hdc_item_memory_save(const pkern_hdc_item_memory *memory,
                                                  const char *path) {
    pkn_file_writer writer;
    uint64_t shape[1];
    const pkn_item *items;
    if (!memory || !path) {
        return PKERN_EINVAL;
    }
    shape[0] = memory->words;
    items = memory->rows.items;
    pkn_file_create(&writer, path, PKN_STORE_KIND, PKN_STORE_VERSION, 5, &memory->allocator);
    pkn_file_put(&writer, "shape", shape, 8, 1);
    pkn_file_put(&writer, "vectors", memory->rows.vectors, 8, memory->count * memory->words);
    pkn_file_put(&writer, "seed", &memory->seed, 8, 1);
    pkn_file_section(&writer, "lengths", 8, memory->count);
    for (size_t row = 0; row < memory->count; row++) {
        uint64_t bytes = items[row].bytes;
        pkn_file_write(&writer, &bytes, 8);
    }
    pkn_file_section(&writer, "symbols", 1, memory->symbols_used);
    for (size_t row = 0; row < memory->count; row++) {
        pkn_file_write(&writer, pkn_items_symbol(memory, &items[row]), items[row].bytes);
    }
    return pkn_file_commit(&writer);
}

/* What a file has beside a store's rows. */
typedef struct pkn_item_sections {
    const uint64_t *rows, *lengths;
    const unsigned char *symbols;
    size_t n, n_bytes;
} pkn_item_sections;

/* The items of a file into a memory that has none. */
PKN_INTERNAL pkern_status pkn_items_read(pkern_hdc_item_memory *memory,
                                         const pkn_item_sections *from) {
    const unsigned char *symbol = from->symbols;
    size_t left = from->n_bytes;
    pkern_status status = pkn_items_reserve_rows(memory, from->n);
    if (status == PKERN_OK) {
        status = pkn_items_reserve_bytes(memory, left);
    }
    for (size_t row = 0; status == PKERN_OK && row < from->n; row++) {
        size_t bytes = (size_t)from->lengths[row];
        if (from->lengths[row] > left ||
            pkern_hdc_item_memory_find(memory, symbol, bytes) != SIZE_MAX) {
            return PKERN_ECORRUPT;
        }
        pkn_items_put(memory, pkn_items_hash(memory, symbol, bytes), symbol, bytes,
                      from->rows + row * memory->words);
        symbol += bytes;
        left -= bytes;
    }
    return status == PKERN_OK && left > 0 ? PKERN_ECORRUPT : status;
}

/* The memory that an open file holds. */
PKN_INTERNAL pkern_status pkn_items_of_file(const pkn_file *file, const pkern_allocator *allocator,
                                            pkern_hdc_item_memory **memory) {
    pkn_item_sections from;
    size_t words = 0, n_lengths, n_seed;
    const uint64_t *ids, *seed = (const uint64_t *)pkn_file_get(file, "seed", 8, &n_seed);
    pkern_status status = pkn_store_rows_of_file(file, &from.rows, &ids, &from.n, &words);
    from.lengths = (const uint64_t *)pkn_file_get(file, "lengths", 8, &n_lengths);
    from.symbols = (const unsigned char *)pkn_file_get(file, "symbols", 1, &from.n_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!seed || n_seed < 1 || !from.lengths || !from.symbols) {
        return PKERN_EFORMAT;
    }
    if (n_lengths != from.n) {
        return PKERN_ECORRUPT;
    }
    status = pkern_hdc_item_memory_create(words, seed[0], allocator, memory);
    if (status != PKERN_OK) {
        return status;
    }
    status = pkn_items_read(*memory, &from);
    if (status != PKERN_OK) {
        pkern_hdc_item_memory_destroy(*memory);
        *memory = 0;
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_item_memory_load(const char *path,
                                                  const pkern_allocator *allocator,
                                                  pkern_hdc_item_memory **memory) {
    pkn_file file;
    pkern_status status;
    if (!path || !memory || (allocator && !allocator->allocate != !allocator->release)) {
        return PKERN_EINVAL;
    }
    *memory = 0;
    status = pkn_file_open(&file, path, PKN_STORE_KIND, PKN_STORE_VERSION, allocator);
    if (status == PKERN_OK) {
        status = pkn_items_of_file(&file, allocator, memory);
        pkn_file_close(&file);
    }
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/k_majority.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Clustering. The members of each cluster are copied side by side, so that the kernels of nearest.c
   and bundle.c do all the work; a pass over the vectors costs little beside k comparisons each. */
#ifndef PKN_HDC_K_MAJORITY_C
#define PKN_HDC_K_MAJORITY_C

/* #include "base/alloc.h": above */
/* #include "base/rng.h": above */
/* #include "hdc/bundle.c": above */
/* #include "hdc/cluster.h": above */
/* #include "hdc/hdc_run.h": above */
/* #include "hdc/nearest.c": above */

typedef struct pkn_clusters {
    pkern_pool *pool;
    const uint64_t *vectors;
    size_t n, words, k;
    uint64_t *centroids;
    size_t *assignment;
    pkern_hdc_match *nearest; /* [n] */
    size_t *offsets;          /* [k + 1] rows of each cluster */
    size_t *ends;             /* [k] ends of its members */
    size_t *sources;          /* [n + k] a row is that vector, or from n on a centroid */
    uint64_t *rows;           /* [(n + k) x words] */
} pkn_clusters;

PKN_INTERNAL int pkn_clusters_gather(size_t begin, size_t end, void *ctx) {
    const pkn_clusters *clusters = (const pkn_clusters *)ctx;
    size_t words = clusters->words;
    for (size_t row = begin; row < end; row++) {
        size_t source = clusters->sources[row];
        memcpy(clusters->rows + row * words,
               source < clusters->n ? clusters->vectors + source * words
                                    : clusters->centroids + (source - clusters->n) * words,
               words * sizeof(uint64_t));
    }
    return 0;
}

/* Lays out the rows: members by index; a cluster without any gets its centroid, one with an even
   number its first once more, which decides ties. */
PKN_INTERNAL void pkn_clusters_order(pkn_clusters *clusters) {
    size_t *offsets = clusters->offsets, *ends = clusters->ends;
    size_t begin = 0;
    memset(ends, 0, clusters->k * sizeof *ends);
    for (size_t i = 0; i < clusters->n; i++) {
        ends[clusters->assignment[i]]++;
    }
    for (size_t c = 0; c < clusters->k; c++) {
        offsets[c] = begin;
        begin += ends[c] + (ends[c] % 2 == 0);
        ends[c] = offsets[c];
    }
    offsets[clusters->k] = begin;
    for (size_t i = 0; i < clusters->n; i++) {
        clusters->sources[ends[clusters->assignment[i]]++] = i;
    }
    for (size_t c = 0; c < clusters->k; c++) {
        if (ends[c] < offsets[c + 1]) {
            clusters->sources[ends[c]] =
                ends[c] == offsets[c] ? clusters->n + c : clusters->sources[offsets[c]];
        }
    }
}

PKN_INTERNAL pkern_status pkn_clusters_update(pkn_clusters *clusters) {
    size_t n_rows;
    pkern_status status;
    pkn_clusters_order(clusters);
    n_rows = clusters->offsets[clusters->k];
    status = pkn_hdc_run(clusters->pool, n_rows, 16,
                         pkn_hdc_move_cost(clusters->words, n_rows * clusters->words * 16),
                         pkn_clusters_gather, clusters);
    return status != PKERN_OK ? status
                              : pkern_hdc_bundle(clusters->pool, clusters->rows, clusters->offsets,
                                                 clusters->k, clusters->words, clusters->centroids);
}

PKN_INTERNAL pkern_status pkn_clusters_assign(pkn_clusters *clusters, int *changed) {
    pkern_status status =
        pkern_hdc_nearest(clusters->pool, clusters->vectors, clusters->n, clusters->centroids,
                          clusters->k, clusters->words, clusters->nearest);
    *changed = 0;
    for (size_t i = 0; status == PKERN_OK && i < clusters->n; i++) {
        *changed |= clusters->assignment[i] != clusters->nearest[i].index;
        clusters->assignment[i] = clusters->nearest[i].index;
    }
    return status;
}

PKN_INTERNAL pkern_status pkn_clusters_run(pkn_clusters *clusters, size_t iterations,
                                           uint64_t seed) {
    size_t n = clusters->n, k = clusters->k, words = clusters->words;
    int changed;
    pkern_status status;
    for (size_t c = 0; c < k; c++) {
        /* stretch c has len or len + 1 vectors */
        size_t len = n / k, longer = n % k;
        size_t first = c * len + pkn_min_size(c, longer);
        size_t chosen = first + (size_t)(pkn_random_at(seed, c) % (len + (c < longer)));
        memcpy(clusters->centroids + c * words, clusters->vectors + chosen * words,
               words * sizeof(uint64_t));
    }
    status = pkn_clusters_assign(clusters, &changed);
    changed = 1;
    for (size_t i = 0; i < iterations && changed && status == PKERN_OK; i++) {
        status = pkn_clusters_update(clusters);
        if (status == PKERN_OK) {
            status = pkn_clusters_assign(clusters, &changed);
        }
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_k_majority(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                            size_t words, size_t k, size_t iterations,
                                            uint64_t seed, uint64_t *centroids,
                                            size_t *assignment) {
    pkn_clusters clusters;
    const pkern_allocator *allocator;
    size_t vector_bytes, centroid_bytes, rows_bytes, bytes, n_rows;
    unsigned char *memory;
    pkern_status status = pkn_hdc_check_rows(n, words, &vector_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(k, words, &centroid_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if ((k == 0 && n > 0) || (!vectors && n > 0) || (!centroids && k > 0) ||
        (!assignment && n > 0) || pkn_overlaps(vectors, vector_bytes, centroids, centroid_bytes) ||
        pkn_overlaps(vectors, vector_bytes, assignment, n * sizeof *assignment) ||
        pkn_overlaps(centroids, centroid_bytes, assignment, n * sizeof *assignment)) {
        return PKERN_EINVAL;
    }
    clusters.k = pkn_min_size(k, n);
    if (k > clusters.k) {
        memset(centroids + clusters.k * words, 0, (k - clusters.k) * words * sizeof(uint64_t));
    }
    if (n == 0) {
        return PKERN_OK;
    }
    n_rows = n + clusters.k;
    if (pkn_mul_overflows_size(n_rows, words * 8 + 64, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    rows_bytes = n_rows * words * 8;
    bytes =
        rows_bytes + n * sizeof *clusters.nearest + (n_rows + 2 * clusters.k + 1) * sizeof(size_t);
    allocator = pkn_pool_allocator(pool);
    memory = (unsigned char *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!memory) {
        return PKERN_ENOMEM;
    }
    clusters.pool = pool;
    clusters.vectors = vectors;
    clusters.n = n;
    clusters.words = words;
    clusters.centroids = centroids;
    clusters.assignment = assignment;
    clusters.rows = (uint64_t *)(void *)memory;
    clusters.nearest = (pkern_hdc_match *)(void *)(memory + rows_bytes);
    clusters.sources = (size_t *)(void *)(clusters.nearest + n);
    clusters.ends = clusters.sources + n_rows;
    clusters.offsets = clusters.ends + clusters.k;
    status = pkn_clusters_run(&clusters, iterations, seed);
    pkn_release(allocator, memory, bytes);
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/ivf.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The inverted file. Lists lie one after another in one array, members by ascending index, so that a
   list is scanned by tiles. A key (keys.h) holds a distance and the index at build time: the order of
   keys is the order of results, whatever lists they come from. Everything is one block of memory. */
#ifndef PKN_HDC_IVF_C
#define PKN_HDC_IVF_C

/* #include "base/alloc.h": above */
/* #include "hdc/cluster.h": above */
/* #include "hdc/k_majority.c": above */
/* #include "hdc/keys.h": above */
/* #include "hdc/nearest.c": above */
/* #include "hdc/search_check.h": above */

#define PKN_IVF_TRAINING_PER_LIST 64
#define PKN_IVF_QUERIES 256
#define PKN_IVF_STACK_KEYS 512
#define PKN_IVF_BLOCK 128

struct pkern_hdc_ivf {
    pkern_allocator allocator;
    size_t n, words, n_lists, bytes;
    size_t *offsets;     /* [n_lists + 1] */
    uint64_t *centroids; /* [n_lists x words] */
    uint64_t *rows;      /* [n x words] */
    uint32_t *ids;       /* [n] */
};

/* ---- build ---- */

typedef struct pkn_ivf_copy {
    const uint64_t *from;
    const uint32_t *ids; /* 0: evenly taken, row i is i * n_from / n */
    size_t n_from, n, words;
    uint64_t *to;
} pkn_ivf_copy;

PKN_INTERNAL int pkn_ivf_copy_rows(size_t begin, size_t end, void *ctx) {
    const pkn_ivf_copy *copy = (const pkn_ivf_copy *)ctx;
    size_t whole = copy->n_from / copy->n, rest = copy->n_from % copy->n;
    for (size_t i = begin; i < end; i++) {
        size_t from = copy->ids ? copy->ids[i] : i * whole + i * rest / copy->n;
        memcpy(copy->to + i * copy->words, copy->from + from * copy->words,
               copy->words * sizeof(uint64_t));
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_ivf_copy_run(pkern_pool *pool, pkn_ivf_copy *copy) {
    return pkn_hdc_run(pool, copy->n, 16,
                       pkn_hdc_move_cost(copy->words, copy->n * copy->words * 16),
                       pkn_ivf_copy_rows, copy);
}

/* The nearest centroid of all vectors, in stripes whose matches are on the stack. */
PKN_INTERNAL pkern_status pkn_ivf_assign(const pkern_hdc_ivf *ivf, pkern_pool *pool,
                                         const uint64_t *vectors, size_t *assignment) {
    pkern_hdc_match nearest[PKN_IVF_QUERIES];
    for (size_t first = 0; first < ivf->n; first += PKN_IVF_QUERIES) {
        size_t n = pkn_min_size(PKN_IVF_QUERIES, ivf->n - first);
        pkern_status status = pkern_hdc_nearest(pool, vectors + first * ivf->words, n,
                                                ivf->centroids, ivf->n_lists, ivf->words, nearest);
        if (status != PKERN_OK) {
            return status;
        }
        for (size_t i = 0; i < n; i++) {
            assignment[first + i] = nearest[i].index;
        }
    }
    return PKERN_OK;
}

/* Lists by counting; assignment [n]. */
PKN_INTERNAL void pkn_ivf_fill_lists(pkern_hdc_ivf *ivf, const size_t *assignment) {
    size_t *offsets = ivf->offsets, begin = 0;
    memset(offsets, 0, (ivf->n_lists + 1) * sizeof *offsets);
    for (size_t i = 0; i < ivf->n; i++) {
        offsets[assignment[i]]++;
    }
    for (size_t list = 0; list < ivf->n_lists; list++) {
        size_t len = offsets[list];
        offsets[list] = begin;
        begin += len;
    }
    for (size_t i = 0; i < ivf->n; i++) {
        ivf->ids[offsets[assignment[i]]++] = (uint32_t)i;
    }
    /* each begin is now its end */
    memmove(offsets + 1, offsets, ivf->n_lists * sizeof *offsets);
    offsets[0] = 0;
}

/* Centroids from a part of the vectors, then the lists of all. The training rows are laid out where
   the lists' rows go later. */
PKN_INTERNAL pkern_status pkn_ivf_train(pkern_hdc_ivf *ivf, pkern_pool *pool,
                                        const uint64_t *vectors, size_t iterations, uint64_t seed,
                                        size_t *assignment) {
    pkn_ivf_copy copy;
    pkern_status status;
    memset(&copy, 0, sizeof copy);
    copy.from = vectors;
    copy.n_from = ivf->n;
    copy.n = ivf->n / PKN_IVF_TRAINING_PER_LIST < ivf->n_lists
                 ? ivf->n
                 : ivf->n_lists * PKN_IVF_TRAINING_PER_LIST;
    copy.words = ivf->words;
    copy.to = ivf->rows;
    status = pkn_ivf_copy_run(pool, &copy);
    if (status == PKERN_OK) {
        status = pkern_hdc_k_majority(pool, ivf->rows, copy.n, ivf->words, ivf->n_lists, iterations,
                                      seed, ivf->centroids, assignment);
    }
    if (status == PKERN_OK && copy.n < ivf->n) {
        status = pkn_ivf_assign(ivf, pool, vectors, assignment);
    }
    if (status == PKERN_OK) {
        pkn_ivf_fill_lists(ivf, assignment);
        copy.n = ivf->n;
        copy.ids = ivf->ids;
        status = pkn_ivf_copy_run(pool, &copy);
    }
    return status;
}

PKN_INTERNAL size_t pkn_ivf_root(size_t n) {
    size_t root = 1;
    while (root < n / root + (n % root > 0)) {
        root++;
    }
    return root;
}

PKERN_API pkern_status pkern_hdc_ivf_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, size_t n_lists, size_t iterations,
                                           uint64_t seed, pkern_hdc_ivf **out) {
    const pkern_allocator *allocator;
    pkern_hdc_ivf *ivf;
    size_t bytes, row_bytes, assignment_bytes, *assignment;
    size_t head = (sizeof *ivf + PKN_CACHE_LINE - 1) / PKN_CACHE_LINE * PKN_CACHE_LINE;
    pkern_status status;
    if (!out) {
        return PKERN_EINVAL;
    }
    *out = 0;
    status = pkn_hdc_check_rows(n, words, &row_bytes);
    if (status != PKERN_OK || (!vectors && n > 0)) {
        return status != PKERN_OK ? status : PKERN_EINVAL;
    }
    if (n >= UINT32_MAX) {
        return PKERN_EOVERFLOW;
    }
    n_lists = pkn_min_size(n_lists == 0 ? pkn_ivf_root(n) : n_lists, n);
    if (row_bytes > SIZE_MAX / 4) {
        return PKERN_EOVERFLOW;
    }
    bytes = head + (n + n_lists) * words * 8 + (n_lists + 1) * sizeof(size_t) + n * 4;
    assignment_bytes = n * sizeof *assignment;
    allocator = pkn_pool_allocator(pool);
    ivf = (pkern_hdc_ivf *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    assignment = (size_t *)pkn_allocate(allocator, assignment_bytes + 1, PKN_CACHE_LINE);
    if (ivf && assignment) {
        memset(ivf, 0, sizeof *ivf);
        if (allocator) {
            ivf->allocator = *allocator;
        }
        ivf->n = n;
        ivf->words = words;
        ivf->n_lists = n_lists;
        ivf->bytes = bytes;
        ivf->rows = (uint64_t *)(void *)((unsigned char *)ivf + head);
        ivf->centroids = ivf->rows + n * words;
        ivf->offsets = (size_t *)(void *)(ivf->centroids + n_lists * words);
        ivf->ids = (uint32_t *)(void *)(ivf->offsets + n_lists + 1);
        ivf->offsets[0] = 0;
        status = n > 0 ? pkn_ivf_train(ivf, pool, vectors, iterations, seed, assignment) : PKERN_OK;
    } else {
        status = PKERN_ENOMEM;
    }
    pkn_release(allocator, assignment, assignment_bytes + 1);
    if (status != PKERN_OK) {
        pkn_release(allocator, ivf, bytes);
        return status;
    }
    *out = ivf;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_ivf_free(pkern_hdc_ivf *ivf) {
    if (ivf) {
        pkern_allocator allocator = ivf->allocator;
        pkn_release(&allocator, ivf, ivf->bytes);
    }
}

PKERN_API size_t pkern_hdc_ivf_lists(const pkern_hdc_ivf *ivf) {
    return ivf->n_lists;
}

PKERN_API size_t pkern_hdc_ivf_bytes(const pkern_hdc_ivf *ivf) {
    return ivf->bytes;
}

/* ---- search ---- */

typedef struct pkn_ivf_search {
    const pkern_hdc_ivf *ivf;
    const uint64_t *queries;       /* of the stripe, as all below */
    size_t k, row, n_probe;        /* k found of a row of out */
    const pkern_hdc_match *probes; /* [n x n_probe], 0: all lists */
    pkern_hdc_match *out;
    pkern_pool *pool;
} pkn_ivf_search;

/* The smallest keys so far, in any order, and a bound: keys from it on can't get in. */
typedef struct pkn_ivf_list {
    uint64_t *keys; /* [2 * k + PKN_IVF_BLOCK] */
    size_t count, k;
    uint64_t bound;
} pkn_ivf_list;

PKN_INTERNAL void pkn_ivf_shrink(pkn_ivf_list *list) {
    pkn_keys_select(list->keys, list->count, list->k);
    list->count = list->k;
    list->bound = 0;
    for (size_t i = 0; i < list->k; i++) {
        list->bound = list->keys[i] > list->bound ? list->keys[i] : list->bound;
    }
}

/* Rows [row, row + n) of the file, n up to PKN_IVF_BLOCK. */
PKN_INTERNAL void pkn_ivf_block(const pkern_hdc_ivf *ivf, const uint64_t *query, size_t row,
                                size_t n, pkn_ivf_list *list) {
    uint32_t distances[PKN_IVF_BLOCK];
    uint64_t keys[PKN_IVF_BLOCK];
    /* equal distances may have a lower index */
    uint64_t limit = list->bound == PKN_NO_KEY ? UINT32_MAX : (list->bound >> 32) + 1;
    size_t count = n;
    pkn_simd()->hamming_tile_u64(query, 1, ivf->rows + row * ivf->words, n, ivf->words, distances,
                                 0);
    if (limit < UINT32_MAX) {
        count = pkn_simd()->below_u32(distances, n, (uint32_t)limit, 0, keys);
    } else {
        for (size_t i = 0; i < n; i++) {
            keys[i] = (uint64_t)distances[i] << 32 | i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t key = (keys[i] >> 32) << 32 | ivf->ids[row + (size_t)(keys[i] & UINT32_MAX)];
        list->keys[list->count] = key;
        list->count += key < list->bound;
    }
    if (list->count >= 2 * list->k) {
        pkn_ivf_shrink(list);
    }
}

PKN_INTERNAL void pkn_ivf_write(const pkern_hdc_ivf *ivf, pkn_ivf_list *list,
                                pkern_hdc_match *out) {
    uint64_t bits = (uint64_t)ivf->words * 64;
    double scale = 1.0 / (double)bits;
    if (list->count > list->k) {
        pkn_ivf_shrink(list);
    }
    pkn_keys_sort(list->keys, list->count);
    for (size_t i = 0; i < list->count; i++) {
        out[i].index = (size_t)(list->keys[i] & UINT32_MAX);
        out[i].distance = (uint32_t)(list->keys[i] >> 32);
        out[i].similarity = pkn_similarity_of(out[i].distance, bits, scale);
    }
}

PKN_INTERNAL void pkn_ivf_queries(const pkn_ivf_search *search, size_t begin, size_t end,
                                  uint64_t *keys) {
    const pkern_hdc_ivf *ivf = search->ivf;
    for (size_t query = begin; query < end; query++) {
        pkern_hdc_match *out = search->out + query * search->row;
        pkn_ivf_list list;
        list.keys = keys;
        list.count = 0;
        list.k = search->k;
        list.bound = PKN_NO_KEY;
        for (size_t i = 0; i < search->n_probe; i++) {
            size_t probe = search->probes ? search->probes[query * search->n_probe + i].index : i;
            size_t last = ivf->offsets[probe + 1];
            for (size_t row = ivf->offsets[probe]; row < last; row += PKN_IVF_BLOCK) {
                pkn_ivf_block(ivf, search->queries + query * ivf->words, row,
                              pkn_min_size(PKN_IVF_BLOCK, last - row), &list);
            }
        }
        pkn_ivf_write(ivf, &list, out);
        pkn_nearest_write_none(out + list.count, search->row - list.count);
    }
}

PKN_INTERNAL int pkn_ivf_items(size_t begin, size_t end, void *ctx) {
    const pkn_ivf_search *search = (const pkn_ivf_search *)ctx;
    size_t n_keys = 2 * search->k + PKN_IVF_BLOCK;
    if (n_keys <= PKN_IVF_STACK_KEYS) {
        uint64_t keys[PKN_IVF_STACK_KEYS];
        pkn_ivf_queries(search, begin, end, keys);
    } else {
        const pkern_allocator *allocator = pkn_pool_allocator(search->pool);
        uint64_t *keys =
            (uint64_t *)pkn_allocate(allocator, n_keys * sizeof(uint64_t), PKN_CACHE_LINE);
        if (!keys) {
            return PKERN_ENOMEM;
        }
        pkn_ivf_queries(search, begin, end, keys);
        pkn_release(allocator, keys, n_keys * sizeof(uint64_t));
    }
    return 0;
}

/* search: all but the stripe's members is set. */
PKN_INTERNAL pkern_status pkn_ivf_run(pkn_ivf_search *search, pkern_pool *pool, size_t n_queries) {
    const pkern_hdc_ivf *ivf = search->ivf;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    const uint64_t *queries = search->queries;
    pkern_hdc_match *out = search->out, *probes = 0;
    size_t bytes = pkn_min_size(n_queries, PKN_IVF_QUERIES) * search->n_probe * sizeof *probes;
    double cost = pkn_hdc_pair_cost(ivf->words) * (double)ivf->n * (double)search->n_probe /
                  (double)ivf->n_lists;
    pkern_status status = PKERN_OK;
    if (search->n_probe < ivf->n_lists) {
        probes = (pkern_hdc_match *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
        if (!probes) {
            return PKERN_ENOMEM;
        }
    }
    search->probes = probes;
    for (size_t first = 0; first < n_queries && status == PKERN_OK; first += PKN_IVF_QUERIES) {
        size_t n = pkn_min_size(PKN_IVF_QUERIES, n_queries - first);
        search->queries = queries + first * ivf->words;
        search->out = out + first * search->row;
        if (probes) {
            status = pkern_hdc_top_k(pool, search->queries, n, ivf->centroids, ivf->n_lists,
                                     ivf->words, search->n_probe, probes);
        }
        if (status == PKERN_OK) {
            status = pkn_hdc_run(pool, n, 1, cost, pkn_ivf_items, search);
        }
    }
    pkn_release(allocator, probes, bytes);
    return status;
}

PKERN_API pkern_status pkern_hdc_ivf_search(const pkern_hdc_ivf *ivf, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries, size_t k,
                                            size_t n_probe, pkern_hdc_match *out) {
    pkn_ivf_search search;
    pkn_tiles tiles;
    size_t out_bytes;
    pkern_status status;
    if (!ivf || n_probe == 0) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n_queries, k, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    pkn_search_tiles(&tiles, queries, n_queries, ivf->rows, ivf->n, ivf->words);
    status = pkn_search_check(&tiles, out, out_bytes);
    if (status != PKERN_OK || out_bytes == 0) {
        return status;
    }
    if (ivf->n == 0) {
        pkn_nearest_write_none(out, n_queries * k);
        return PKERN_OK;
    }
    search.ivf = ivf;
    search.queries = queries;
    search.k = pkn_min_size(k, ivf->n);
    search.row = k;
    search.n_probe = pkn_min_size(n_probe, ivf->n_lists);
    search.out = out;
    search.pool = pool;
    return pkn_ivf_run(&search, pool, n_queries);
}

#endif
/* ==== src/pkern.in.h, continued ==== */
/* ==== src/hdc/mih.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Multi-index hashing. A table lists the vectors by a hash of one piece; buckets are ranges of one
   array of indices. For a radius r = m * a + b, the first b + 1 tables are probed for pieces within a
   bits of the query's and the others within a - 1 (none where a is 0): a vector that is in none of
   those differs in (b + 1)(a + 1) + (m - b - 1) a > r bits at least.

   A vector may be met in several tables. It counts in the first one that must have it, which its
   pieces tell, so nothing has to be remembered. Everything is one block of memory. */
#ifndef PKN_HDC_MIH_C
#define PKN_HDC_MIH_C

/* #include "base/alloc.h": above */
/* #include "base/rng.h": above */
/* #include "hdc/match_heap.h": above */
/* #include "hdc/mih.h": above */
/* #include "hdc/range.c": above */

/* A probe is a miss or two of the caches, a candidate one more and a comparison. */
#define PKN_MIH_PROBE_NS 20.0
#define PKN_MIH_CANDIDATE_NS 60.0
/* A query gives up after 64 candidates and a 32nd of all, about when it has cost what comparing all
   does. */
#define PKN_MIH_FEW_CANDIDATES 64
#define PKN_MIH_CANDIDATE_SHARE 32

struct pkern_hdc_mih {
    pkern_allocator allocator;
    const uint64_t *vectors;
    size_t n, words, bytes;
    uint32_t max_radius;
    unsigned key_bits, bucket_bits;
    size_t n_pieces, n_tables;
    uint32_t *starts; /* [n_tables x (2^bucket_bits + 1)] */
    uint32_t *ids;    /* [n_tables x n] */
};

PKN_INLINE uint64_t pkn_mih_key(const uint64_t *vector, size_t piece, unsigned key_bits) {
    size_t per_word = 64 / key_bits;
    uint64_t bits = vector[piece / per_word] >> (piece % per_word * key_bits);
    return bits & (UINT64_MAX >> (64 - key_bits));
}

/* No distance is larger than the bits; all of 2^26 words are one more than a radius can be. */
PKN_INLINE uint32_t pkn_mih_radius(uint32_t radius, size_t words) {
    return (uint64_t)words * 64 < radius ? (uint32_t)words * 64 : radius;
}

PKN_INLINE size_t pkn_mih_bucket(const pkern_hdc_mih *mih, uint64_t key) {
    return (size_t)(mih->bucket_bits == mih->key_bits
                        ? key
                        : pkn_mix_u64(key) >> (64 - mih->bucket_bits));
}

/* In how many bits table `piece` is probed, -1 not at all. */
PKN_INLINE int pkn_mih_flips(size_t n_pieces, uint32_t radius, size_t piece) {
    return (int)(radius / n_pieces) - (piece > radius % n_pieces);
}

/* ---- build ---- */

/* The number of keys within `flips` bits of one. */
PKN_INTERNAL double pkn_mih_ball(unsigned key_bits, int flips) {
    double count = 0, of_weight = 1;
    for (int weight = 0; weight <= flips && weight <= (int)key_bits; weight++) {
        count += of_weight;
        of_weight = of_weight * (double)((int)key_bits - weight) / (double)(weight + 1);
    }
    return count;
}

/* What a query costs in ns: probes, and candidates as there are for random vectors. */
PKN_INTERNAL double pkn_mih_cost(size_t n, size_t words, unsigned key_bits, uint32_t radius) {
    size_t n_pieces = words * 64 / key_bits;
    size_t n_full = radius % n_pieces + 1;
    int flips = pkn_mih_flips(n_pieces, radius, 0);
    double probes = (double)n_full * pkn_mih_ball(key_bits, flips) +
                    (double)(n_pieces - n_full) * pkn_mih_ball(key_bits, flips - 1);
    double keys = (double)(UINT64_MAX >> (64 - key_bits)) + 1;
    return probes * (PKN_MIH_PROBE_NS + PKN_MIH_CANDIDATE_NS * (double)n / keys);
}

/* What comparing a query with all costs: most pairs end at the first step. */
PKN_INTERNAL double pkn_mih_scan_cost(size_t n, size_t words, uint32_t radius) {
    return pkn_hdc_pair_cost(pkn_bounded_step((uint64_t)radius + 1, words)) * (double)n;
}

/* 0 where comparing all is cheaper than any. */
PKN_INTERNAL unsigned pkn_mih_choose(size_t n, size_t words, uint32_t radius) {
    double least = pkn_mih_scan_cost(n, words, radius);
    unsigned chosen = 0;
    for (unsigned key_bits = 8; key_bits <= 64; key_bits *= 2) {
        double cost = pkn_mih_cost(n, words, key_bits, radius);
        if (cost < least) {
            least = cost;
            chosen = key_bits;
        }
    }
    return chosen;
}

PKN_INTERNAL int pkn_mih_fill_tables(size_t begin, size_t end, void *ctx) {
    const pkern_hdc_mih *mih = (const pkern_hdc_mih *)ctx;
    size_t n_buckets = (size_t)1 << mih->bucket_bits;
    for (size_t table = begin; table < end; table++) {
        uint32_t *starts = mih->starts + table * (n_buckets + 1);
        uint32_t *ids = mih->ids + table * mih->n;
        uint32_t place = 0;
        memset(starts, 0, (n_buckets + 1) * sizeof *starts);
        for (size_t i = 0; i < mih->n; i++) {
            starts[pkn_mih_bucket(
                mih, pkn_mih_key(mih->vectors + i * mih->words, table, mih->key_bits))]++;
        }
        for (size_t bucket = 0; bucket < n_buckets; bucket++) {
            uint32_t count = starts[bucket];
            starts[bucket] = place;
            place += count;
        }
        for (size_t i = 0; i < mih->n; i++) {
            size_t bucket = pkn_mih_bucket(
                mih, pkn_mih_key(mih->vectors + i * mih->words, table, mih->key_bits));
            ids[starts[bucket]++] = (uint32_t)i;
        }
        /* each begin is now its end */
        memmove(starts + 1, starts, n_buckets * sizeof *starts);
        starts[0] = 0;
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_mih_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t max_radius, unsigned key_bits,
                                           pkern_hdc_mih **out) {
    pkern_hdc_mih mih, *made;
    const pkern_allocator *allocator;
    size_t row_bytes, table_bytes;
    pkern_status status;
    if (!out) {
        return PKERN_EINVAL;
    }
    *out = 0;
    status = pkn_hdc_check_rows(n, words, &row_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if ((!vectors && n > 0) ||
        (key_bits != 0 && key_bits != 8 && key_bits != 16 && key_bits != 32 && key_bits != 64)) {
        return PKERN_EINVAL;
    }
    if (n >= UINT32_MAX) {
        return PKERN_EOVERFLOW;
    }
    memset(&mih, 0, sizeof mih);
    mih.vectors = vectors;
    mih.n = n;
    mih.words = words;
    max_radius = pkn_mih_radius(max_radius, words);
    mih.max_radius = max_radius;
    mih.key_bits = key_bits != 0 ? key_bits : pkn_mih_choose(n, words, max_radius);
    if (mih.key_bits != 0) {
        mih.n_pieces = words * 64 / mih.key_bits;
        mih.n_tables = max_radius < mih.n_pieces ? (size_t)max_radius + 1 : mih.n_pieces;
        mih.bucket_bits = 1;
        while (mih.bucket_bits < mih.key_bits && (uint64_t)1 << mih.bucket_bits < n) {
            mih.bucket_bits++;
        }
    }
    table_bytes = (((size_t)1 << mih.bucket_bits) + 1 + n) * sizeof(uint32_t);
    if (pkn_mul_overflows_size(mih.n_tables, table_bytes, &mih.bytes) ||
        mih.bytes > SIZE_MAX - sizeof mih) {
        return PKERN_EOVERFLOW;
    }
    mih.bytes += sizeof mih;
    allocator = pkn_pool_allocator(pool);
    if (allocator) {
        mih.allocator = *allocator;
    }
    made = (pkern_hdc_mih *)pkn_allocate(allocator, mih.bytes, PKN_CACHE_LINE);
    if (!made) {
        return PKERN_ENOMEM;
    }
    mih.starts = (uint32_t *)(void *)(made + 1);
    mih.ids = mih.starts + mih.n_tables * (((size_t)1 << mih.bucket_bits) + 1);
    *made = mih;
    status = pkn_hdc_run(pool, mih.n_tables, 1, 20.0 * (double)n, pkn_mih_fill_tables, made);
    if (status != PKERN_OK) {
        pkn_release(allocator, made, mih.bytes);
        return status;
    }
    *out = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_mih_free(pkern_hdc_mih *mih) {
    if (mih) {
        pkern_allocator allocator = mih->allocator;
        pkn_release(&allocator, mih, mih->bytes);
    }
}

PKERN_API size_t pkern_hdc_mih_bytes(const pkern_hdc_mih *mih) {
    return mih->bytes;
}

/* ---- search ---- */

typedef struct pkn_mih_search {
    const pkern_hdc_mih *mih;
    const uint64_t *queries;
    uint32_t radius;
    const uint64_t *mask;
    int by_distance;
    size_t *offsets; /* while counting: query q's count at q + 1 */
    pkern_hdc_match *out;
    size_t capacity;
    double scale;
    pkn_atomic_u64 read;
} pkn_mih_search;

/* One query's search. */
typedef struct pkn_mih_visit {
    const uint64_t *query;
    pkn_match_heap *heap; /* 0: only count */
    size_t count;         /* found */
    size_t n_compared, max_compared;
} pkn_mih_visit;

PKN_INLINE void pkn_mih_found(const pkn_mih_search *search, pkn_mih_visit *visit, size_t index,
                              uint32_t distance) {
    visit->count++;
    if (visit->heap) {
        pkern_hdc_match match;
        match.index = index;
        match.distance = distance;
        match.similarity =
            pkn_similarity_of(distance, (uint64_t)search->mih->words * 64, search->scale);
        pkn_match_heap_put(visit->heap, &match);
    }
}

/* 1 where a table before this one has the vector among its candidates. */
PKN_INTERNAL int pkn_mih_met_before(const pkn_mih_search *search, const uint64_t *query,
                                    const uint64_t *vector, size_t table) {
    const pkern_hdc_mih *mih = search->mih;
    for (size_t piece = 0; piece < table; piece++) {
        uint64_t difference =
            pkn_mih_key(query, piece, mih->key_bits) ^ pkn_mih_key(vector, piece, mih->key_bits);
        if ((int)pkn_popcount_u64(difference) <=
            pkn_mih_flips(mih->n_pieces, search->radius, piece)) {
            return 1;
        }
    }
    return 0;
}

/* All candidates with this key; 0 where they become too many. */
PKN_INTERNAL int pkn_mih_probe(const pkn_mih_search *search, pkn_mih_visit *visit, size_t table,
                               uint64_t key) {
    const pkern_hdc_mih *mih = search->mih;
    const uint32_t *starts =
        mih->starts + table * (((size_t)1 << mih->bucket_bits) + 1) + pkn_mih_bucket(mih, key);
    const uint32_t *ids = mih->ids + table * mih->n;
    if (starts[1] - starts[0] > visit->max_compared - visit->n_compared) {
        return 0;
    }
    visit->n_compared += starts[1] - starts[0];
    for (uint32_t i = starts[0]; i < starts[1]; i++) {
        size_t index = ids[i];
        const uint64_t *vector = mih->vectors + index * mih->words;
        uint64_t distance;
        if (pkn_mih_key(vector, table, mih->key_bits) != key ||
            (search->mask && !pkn_bounded_allows(search->mask, index))) {
            continue;
        }
        distance = pkn_simd()->hamming_u64(visit->query, vector, mih->words);
        distance = distance > UINT32_MAX ? UINT32_MAX : distance;
        if (distance <= search->radius &&
            !pkn_mih_met_before(search, visit->query, vector, table)) {
            pkn_mih_found(search, visit, index, (uint32_t)distance);
        }
    }
    return 1;
}

/* The next larger number with as many ones below bit key_bits; 0 after the last (Gosper). */
PKN_INLINE uint64_t pkn_mih_next_mask(uint64_t mask, unsigned key_bits) {
    uint64_t lowest = mask & (0 - mask), ripple = mask + lowest;
    if (mask == 0 || ripple < mask) {
        return 0;
    }
    mask = ((mask ^ ripple) >> 2) / lowest | ripple;
    return key_bits < 64 && mask >> key_bits != 0 ? 0 : mask;
}

/* All tables; 0 where the candidates become too many. */
PKN_INTERNAL int pkn_mih_tables(const pkn_mih_search *search, pkn_mih_visit *visit) {
    const pkern_hdc_mih *mih = search->mih;
    for (size_t table = 0; table < mih->n_tables; table++) {
        uint64_t key = pkn_mih_key(visit->query, table, mih->key_bits);
        int flips = pkn_mih_flips(mih->n_pieces, search->radius, table);
        for (int weight = 0; weight <= flips && weight <= (int)mih->key_bits; weight++) {
            uint64_t mask = weight == 0 ? 0 : UINT64_MAX >> (64 - weight);
            do {
                if (!pkn_mih_probe(search, visit, table, key ^ mask)) {
                    return 0;
                }
                mask = pkn_mih_next_mask(mask, mih->key_bits);
            } while (mask != 0);
        }
    }
    return 1;
}

PKN_INTERNAL void pkn_mih_compare_all(const pkn_mih_search *search, pkn_mih_visit *visit,
                                      pkn_bounded *bounded) {
    const pkern_hdc_mih *mih = search->mih;
    uint64_t limit = (uint64_t)search->radius + 1;
    for (size_t t = 0; t < mih->n; t += PKN_BLOCK_MIN_TARGETS) {
        uint64_t keys[PKN_BLOCK_MAX_TARGETS];
        size_t count;
        pkn_bounded_block(bounded, visit->query, 1, t,
                          pkn_min_size(PKN_BLOCK_MIN_TARGETS, mih->n - t), &limit, (uint32_t)t,
                          keys, &count);
        for (size_t i = 0; i < count; i++) {
            pkn_mih_found(search, visit, (size_t)(keys[i] & UINT32_MAX), (uint32_t)(keys[i] >> 32));
        }
    }
}

/* Returns how many were found; heap 0 only counts. */
PKN_INTERNAL size_t pkn_mih_query(pkn_mih_search *search, const uint64_t *query,
                                  pkn_match_heap *heap) {
    const pkern_hdc_mih *mih = search->mih;
    uint64_t read;
    pkn_mih_visit visit;
    visit.query = query;
    visit.heap = heap;
    visit.count = 0;
    visit.n_compared = 0;
    visit.max_compared = mih->n / PKN_MIH_CANDIDATE_SHARE + PKN_MIH_FEW_CANDIDATES;
    if (!pkn_mih_tables(search, &visit)) {
        pkn_tiles tiles;
        pkn_bounded bounded;
        pkn_search_tiles(&tiles, query, 1, mih->vectors, mih->n, mih->words);
        pkn_bounded_init(&bounded, &tiles, search->mask, mih->words);
        visit.count = 0;
        if (heap) {
            heap->count = 0;
        }
        pkn_mih_compare_all(search, &visit, &bounded);
        visit.n_compared += (size_t)(bounded.read / mih->words);
    }
    read = (uint64_t)visit.n_compared * mih->words;
    (void)pkn_atomic_fetch_add_relaxed_u64(&search->read, read);
    return visit.count;
}

PKN_INTERNAL int pkn_mih_count(size_t begin, size_t end, void *ctx) {
    pkn_mih_search *search = (pkn_mih_search *)ctx;
    for (size_t q = begin; q < end; q++) {
        search->offsets[q + 1] = pkn_mih_query(search, search->queries + q * search->mih->words, 0);
    }
    return 0;
}

PKN_INTERNAL int pkn_mih_fill(size_t begin, size_t end, void *ctx) {
    pkn_mih_search *search = (pkn_mih_search *)ctx;
    for (size_t q = begin; q < end; q++) {
        size_t first = pkn_min_size(search->offsets[q], search->capacity);
        pkn_match_heap heap;
        heap.matches = search->out ? search->out + first : 0;
        heap.count = 0;
        heap.room = pkn_min_size(search->offsets[q + 1], search->capacity) - first;
        heap.by_distance = search->by_distance;
        if (heap.room > 0) {
            (void)pkn_mih_query(search, search->queries + q * search->mih->words, &heap);
            pkn_match_heap_sort(&heap);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_mih_search(const pkern_hdc_mih *mih, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries,
                                            uint32_t radius,
                                            const pkern_hdc_search_options *options,
                                            size_t *offsets, pkern_hdc_match *out,
                                            size_t capacity) {
    pkn_mih_search search;
    pkn_tiles tiles;
    double cost;
    pkern_status status;
    if (!mih || pkn_mih_radius(radius, mih->words) > mih->max_radius) {
        return PKERN_EINVAL;
    }
    radius = pkn_mih_radius(radius, mih->words);
    cost = mih->n_tables > 0 ? pkn_mih_cost(mih->n, mih->words, mih->key_bits, radius) : 0;
    if (mih->n_tables == 0 || cost > pkn_mih_scan_cost(mih->n, mih->words, radius)) {
        return pkern_hdc_range_search(pool, queries, n_queries, mih->vectors, mih->n, mih->words,
                                      radius, options, offsets, out, capacity);
    }
    memset(&search, 0, sizeof search);
    search.mih = mih;
    search.queries = queries;
    search.radius = radius;
    search.mask = options ? options->mask : 0;
    search.by_distance = options && (options->flags & PKERN_HDC_BY_DISTANCE);
    search.offsets = offsets;
    search.out = out;
    search.capacity = capacity;
    search.scale = 1.0 / ((double)mih->words * 64);
    pkn_search_tiles(&tiles, queries, n_queries, mih->vectors, mih->n, mih->words);
    status = pkn_range_check(&tiles, search.mask, offsets, out, capacity);
    if (status != PKERN_OK) {
        return status;
    }
    offsets[0] = 0;
    status = pkn_hdc_run(pool, n_queries, 1, cost, pkn_mih_count, &search);
    for (size_t q = 0; q < n_queries && status == PKERN_OK; q++) {
        offsets[q + 1] += offsets[q];
    }
    if (status == PKERN_OK && capacity > 0 && offsets[n_queries] > 0) {
        status = pkn_hdc_run(pool, n_queries, 1, cost, pkn_mih_fill, &search);
    }
    if (options && options->words_read) {
        *options->words_read = pkn_atomic_load_relaxed_u64(&search.read);
    }
    return status;
}

#endif
/* ==== src/pkern.in.h, continued ==== */
#endif
#endif
