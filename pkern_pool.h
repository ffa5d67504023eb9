/* GENERATED from src/pkern_pool.in.h, do not edit: change the files under src/, then run
   `make headers`.  vi: set readonly: -*- mode: c; buffer-read-only: t -*- */
#if defined(PKERN_SOURCE_ID) && PKERN_SOURCE_ID != 0x60acaf2100dd79a6u
#error "two different versions of pkern in one translation unit"
#endif
#undef PKERN_SOURCE_ID
#define PKERN_SOURCE_ID 0x60acaf2100dd79a6u /* a hash of the sources */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern_pool: the scheduler of pkern alone: a work-stealing pool with joins, scopes, detached
   spawns and broadcasts.

   Do this:
       #define PKERN_POOL_IMPLEMENTATION
       #include "pkern_pool.h"
   in exactly one C or C++ file, and plainly #include "pkern_pool.h" wherever else it is used. It
   may stand beside pkern_simd.h and pkern.h, in any order; PKERN_IMPLEMENTATION stands for the
   code of all of them. Build with -O2 -pthread.

   Twenty lines:
       #include <stdio.h>

       PKERN_DEFINE_JOIN_TASK_1(long, fib, long, n) {
           long a, b;
           if (n < 2) return n;
           PKERN_JOIN(a = PKERN_CALL(fib, n - 1), b, fib, n - 2);   both at once
           return a + b;
       }

       static int hello(int index, int count, void *ctx) {
           (void)ctx;
           printf("thread %d of %d\n", index, count);
           return 0;
       }

       int main(void) {
           printf("%ld\n", fib(0, 30));                            0: the global pool
           return pkern_broadcast(0, hello, 0);
       }

   Threads: every function may be called from any thread at any time unless its comment says
   otherwise; the caller works beside the pool's threads. A pool argument of 0 is the pool of the
   task that is running, else the global one. PKERN_NUM_THREADS in the environment sets its size.

   Options: PKERN_POOL_IMPLEMENTATION, PKERN_STATIC (all functions static in this file, with the
   code), PKERN_NO_THREADS (everything runs on the calling thread), PKERN_NUM_THREADS (threads of a
   pool where neither config nor environment names a number), PKERN_DEBUG (1 checks the library's
   own assumptions while it runs). They have to be the same in every file of a program.

   Errors: functions return a pkern_status, 0 for success. Nothing prints, aborts or sets errno. */

/* Public headers. */
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
#ifndef PKN_ALWAYS_INLINE /* make coverage has its own: one copy of each, whose branches can be counted */
#define PKN_ALWAYS_INLINE static inline __attribute__((unused, always_inline))
#endif
#define PKN_NOINLINE __attribute__((noinline))
#define PKN_COLD __attribute__((noinline, cold))
#define PKN_MAYBE_UNUSED __attribute__((unused))
#define PKN_ASSUME(x) ((x) ? (void)0 : __builtin_unreachable())
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

/* Where the library gets its memory: both functions or neither, else who takes it says PKERN_EINVAL. Calls may come from several threads at once. */
typedef struct pkern_allocator {
    /* bytes aligned to alignment, a power of two; 0 where there is none */
    void *(*allocate)(size_t bytes, size_t alignment, void *user);
    /* gives back what allocate returned, with the same bytes */
    void (*release)(void *memory, size_t bytes, void *user);
    void *user;
} pkern_allocator;

/* One function without the other: every function that takes an allocator refuses it. */
PKN_INLINE int pkn_allocator_is_half(const pkern_allocator *allocator) {
    return allocator != 0 && (allocator->allocate != 0) != (allocator->release != 0);
}

#endif
/* ==== src/pkern_pool.in.h, continued ==== */
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

/* Orders that a fence or a barrier on all threads makes needless. The ThreadSanitizer sees neither, and is told of them here. */
#if PKN_TSAN
#define PKN_FENCED_LOAD __ATOMIC_ACQUIRE
#define PKN_FENCED_CAS __ATOMIC_ACQ_REL
#else
#define PKN_FENCED_LOAD __ATOMIC_RELAXED
#define PKN_FENCED_CAS __ATOMIC_RELAXED
#endif

/* Relaxed: a fence stands between it and what its value promises. */
PKN_ALWAYS_INLINE uint32_t pkn_atomic_load_fenced_u32(const pkn_atomic_u32 *a) {
    return __atomic_load_n(&a->value, PKN_FENCED_LOAD);
}

/* Relaxed: a barrier on all threads stands between it and what it promises. */
PKN_ALWAYS_INLINE int pkn_atomic_cas_fenced_u64(pkn_atomic_u64 *a, uint64_t *expected, uint64_t x) {
    return __atomic_compare_exchange_n(&a->value, expected, x, 0, PKN_FENCED_CAS, __ATOMIC_RELAXED);
}

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
/* ==== src/pkern_pool.in.h, continued ==== */
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
   The named task's arguments are evaluated before or after the whole statement, so they must not read what it changes. In a forked child a task that
   another thread had taken runs again in line, since that thread is gone. A call that finds no place in its pool runs serially; inside of a task
   of another pool, that pool may take part.

   The deque: records of 64 bytes, `end` is the first free one. [top, split) is public, [split, end) private: pushing and popping there
   takes no fence and no atomic read-modify-write. A popped record knows by its own flags whether it may have been
   offered; a free record has none, so a push need not say so. See join_deque.h for the public part.

   In line: a join that is likely over soon (pkern_internal_room) runs as plain calls, and so do those inside of it. A typed task is compiled again
   for that, as plain recursive functions, which the compiler treats as any other. Should the guess be wrong, who finds no work for
   some time counts `hunger` up, and what began to run in line before calls tasks again where the turns of second sides come that look.
   Source: Blumofe and Leiserson 1999 (work stealing); van Dijk and van de Pol, "Lace", 2014 (split deque);
   Faxen, "Wool", 2008 (records in the deque); Duran, Corbalan and Ayguade, "An adaptive cut-off for task parallelism", 2008, and Acar,
   Chargueraud and Rainey, "Oracle scheduling", 2011 (calls instead of tasks where these would be short). */
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
/* flags: perhaps offered to thieves, join_range tells; behind the last of its segment, stands for the first of the next; none at all, so
   that nothing can be pushed */
enum { PKN_SLOT_PUBLIC = 1, PKN_SLOT_BEHIND = 2, PKN_SLOT_OVERFLOW = 4 };

/* One offered task. */
struct pkn_slot {
    void (*run)(pkn_fork_state *self, pkn_slot *slot); /* 0: a callback of a pkern_join, see pkn_join_frame */
    pkn_fork_state *owner; /* for good */
    pkn_atomic_u32 state;
    pkn_atomic_u32 flags;  /* any makes a fork take the long way */
    uint64_t payload[PKN_SLOT_PAYLOAD / 8]; /* arguments and result */
} PKN_ALIGNED(PKN_CACHE_LINE);

/* Hunger is even. */
enum { PKN_HUNGER_STEP = 2, PKN_NOT_IN_LINE = 1 };

/* The part of a member that forks work on. */
struct pkn_fork_state {
    pkn_atomic_ptr end; /* the first free record */
    pkern_pool *pool;
    uint32_t in_line_at;    /* of pkern_join: runs in line as long as hunger is that */
    uint32_t in_line_depth; /* so many joins that run in line are under way, inside each other */
    /* A thief found nothing: the next push makes old records public. Its own line, since idle threads look at it often. */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 request;
    pkn_atomic_u32 hunger; /* counted up, in steps, by thieves that went on finding nothing */
} PKN_ALIGNED(PKN_CACHE_LINE);

/* Where the calling thread is in no pool, every push takes the long way. */
#define PKN_NO_SLOT {0, 0, {0}, {PKN_SLOT_OVERFLOW}, {0, 0, 0, 0, 0}}
#define PKN_FORK_OUTSIDE {{&pkern_internal_no_slot}, 0, PKN_NOT_IN_LINE, 0, {0}, {0}}

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
PKERN_API pkn_slot *pkern_internal_room(pkn_slot *end, uintptr_t what);
PKERN_API uint32_t pkern_internal_in_line_begin(void);
PKERN_API void pkern_internal_in_line_end(void);
PKERN_API void pkern_internal_share(pkn_slot *slot);
PKERN_API int pkern_internal_take_back(pkn_slot *slot);

PKN_ALWAYS_INLINE pkn_slot *pkn_end(const pkn_fork_state *self) {
    return (pkn_slot *)pkn_atomic_load_relaxed_ptr(&self->end);
}

/* release: a thief that sees the end sees the records before it */
PKN_ALWAYS_INLINE void pkn_set_end(pkn_fork_state *self, pkn_slot *end) {
    pkn_atomic_store_release_ptr(&self->end, end);
}

/* Nonzero where what began to run in line at that hunger goes on so. */
PKN_ALWAYS_INLINE int pkn_goes_on_in_line(const pkn_fork_state *self, uint32_t in_line_at) {
    return pkn_atomic_load_relaxed_u32(&self->hunger) == in_line_at;
}

/* The filled record becomes the newest one, for who has asked for work too. The record says whose it is: a register kept for that costs a
   push and a pop in every call, the shortest ones too. */
PKN_ALWAYS_INLINE void pkn_push(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    pkn_set_end(self, slot + 1);
    /* Who asks sets the request, has a barrier run on all threads, and then looks for records. So one of the two sees the other; the
       other way round an owner that is stopped in between would offer a record that nobody looks for any more. */
    pkn_fence_compiler();
    if (PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&self->request) != 0)) {
        pkern_internal_share(slot);
    }
}

/* Lets go of the newest record. Nonzero where a thief may have it. */
PKN_ALWAYS_INLINE uint32_t pkn_pop_is_special(pkn_slot *slot) {
    pkn_set_end(slot->owner, slot);
    /* in this order for the compiler; for the processor a thief's barrier on all threads sees to it */
    pkn_fence_compiler();
    return pkn_atomic_load_relaxed_u32(&slot->flags) & PKN_SLOT_PUBLIC;
}

/* Takes the newest record back. Nonzero: the caller runs it; 0: a thief has run it. */
PKN_ALWAYS_INLINE int pkn_pop(pkn_slot *slot) {
    return PKN_LIKELY(!pkn_pop_is_special(slot)) ? 1 : pkern_internal_take_back(slot);
}

PKERN_API pkern_status pkern_internal_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);

PKN_INLINE pkern_status pkern_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    const pkn_fork_state *self = pkern_internal_self;
    if (PKN_UNLIKELY(!pkn_goes_on_in_line(self, self->in_line_at) || (pool != 0 && pool != self->pool) || a == 0 || b == 0)) {
        return pkern_internal_join(pool, a, a_ctx, b, b_ctx);
    }
    int a_status = a(a_ctx), b_status = b(b_ctx);
    return a_status != 0 ? a_status : b_status;
}

/* How a body is compiled: as a task; in line, where a second side looks whether it goes on so; and in line without that look, one or two levels down. Of
   these a compiler makes one function where the body is small, which is entered, and looks, once in some nodes. gcc inlines that into itself as well;
   clang never does so, and gets a level more. */
enum { PKN_AS_TASK, PKN_IN_LINE, PKN_IN_LINE_INSIDE, PKN_IN_LINE_INNERMOST };

#if defined(__clang__)
#define PKN_IN_LINE_LEVELS 3
#else
#define PKN_IN_LINE_LEVELS 2
#endif

/* How the sides of a join are called: joins alone go a level down, so that of those inside each other one in so many looks. */
PKN_ALWAYS_INLINE int pkn_way_of_sides(int way) {
    return way == PKN_IN_LINE ? PKN_IN_LINE_INSIDE : way == PKN_IN_LINE_INSIDE && PKN_IN_LINE_LEVELS > 2 ? PKN_IN_LINE_INNERMOST : PKN_IN_LINE;
}

#define PKERN_CALL(name, ...) name##_call(pkern_end, pkern_way_of_calls, pkern_in_line, __VA_ARGS__)

#define PKERN_JOIN(statement, variable, name, ...) \
    do { \
        pkn_slot *const pkn_before = pkern_end; \
        pkern_way_of_calls = pkn_way_of_sides(pkern_way); \
        if (pkn_before != 0) { \
            pkn_slot *const pkn_offered = name##_room(pkn_before); \
            if (pkn_offered != 0) { \
                name##_offer(pkn_offered, __VA_ARGS__); \
                pkern_end = pkn_offered + 1; \
            } else { \
                pkern_end = 0; \
                pkern_in_line = pkern_internal_in_line_begin(); \
            } \
            statement; \
            if (pkn_offered != 0) { \
                variable = name##_take(pkn_offered); \
            } else { \
                variable = name##_call_in_line(pkern_way, pkern_in_line, __VA_ARGS__); \
                pkern_internal_in_line_end(); \
            } \
            pkern_end = pkn_before; \
        } else { \
            statement; \
            variable = name##_call_in_line(pkern_way, pkern_in_line, __VA_ARGS__); \
        } \
        pkern_way_of_calls = pkern_way; \
    } while (0)

/* given: T1 p1, ... ; fields: T1 p1; ... ; store: f->p1 = p1; ... ; stored: f->p1, ... ; names: p1, ...
   In the body pkern_way is a constant, and that of its calls, too; pkern_end is a record or, in line, 0; pkern_in_line is the hunger that this began at. */
#define PKN_DEFINE_JOIN_TASK(R, name, given, fields, store, stored, names) \
    typedef struct PKN_MAY_ALIAS name##_frame { \
        fields R result; \
    } name##_frame; \
    typedef char name##_frame_fits[sizeof(name##_frame) <= PKN_SLOT_PAYLOAD ? 1 : -1]; \
    PKN_ALWAYS_INLINE R name##_body(pkn_slot *pkern_end, int pkern_way, int pkern_way_of_calls, uint32_t pkern_in_line, given); \
    PKN_INTERNAL R name##_task(pkn_slot *pkern_end, given) { \
        PKN_ASSUME(pkern_end != 0); \
        return name##_body(pkern_end, PKN_AS_TASK, PKN_AS_TASK, 0, names); \
    } \
    PKN_INLINE R name##_in_line(uint32_t pkern_in_line, given) { \
        return name##_body(0, PKN_IN_LINE, PKN_IN_LINE, pkern_in_line, names); \
    } \
    PKN_INLINE R name##_inside(uint32_t pkern_in_line, given) { \
        return name##_body(0, PKN_IN_LINE_INSIDE, PKN_IN_LINE_INSIDE, pkern_in_line, names); \
    } \
    PKN_INLINE R name##_innermost(uint32_t pkern_in_line, given) { \
        return name##_body(0, PKN_IN_LINE_INNERMOST, PKN_IN_LINE_INNERMOST, pkern_in_line, names); \
    } \
    PKN_ALWAYS_INLINE R name##_call(pkn_slot *pkern_end, int pkern_way, uint32_t pkern_in_line, given) { \
        return pkern_end != 0                        ? name##_task(pkern_end, names) \
               : pkern_way == PKN_IN_LINE_INSIDE    ? name##_inside(pkern_in_line, names) \
               : pkern_way == PKN_IN_LINE_INNERMOST ? name##_innermost(pkern_in_line, names) \
                                                     : name##_in_line(pkern_in_line, names); \
    } \
    PKN_ALWAYS_INLINE R name##_call_in_line(int pkern_way, uint32_t pkern_in_line, given) { \
        const pkn_fork_state *pkern_self = pkern_internal_self; \
        return pkern_way > PKN_IN_LINE || PKN_LIKELY(pkn_goes_on_in_line(pkern_self, pkern_in_line)) ? \
                   name##_call(0, pkn_way_of_sides(pkern_way), pkern_in_line, names) : \
                   name##_task(pkn_end(pkern_self), names); \
    } \
    PKN_INTERNAL void name##_stolen(pkn_fork_state *pkern_self, pkn_slot *pkern_slot) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        f->result = name##_task(pkn_end(pkern_self), stored); \
    } \
    PKN_ALWAYS_INLINE pkn_slot *name##_room(pkn_slot *pkern_end) { \
        return pkern_internal_room(pkern_end, (uintptr_t)name##_stolen); \
    } \
    PKN_ALWAYS_INLINE void name##_offer(pkn_slot *pkern_slot, given) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        pkern_slot->run = name##_stolen; \
        store pkn_push(pkern_slot); \
    } \
    PKN_ALWAYS_INLINE R name##_take(pkn_slot *pkern_slot) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        return PKN_LIKELY(pkn_pop(pkern_slot) != 0) ? name##_task(pkern_slot, stored) : f->result; \
    } \
    PKN_INTERNAL R name(pkern_pool *pkern_pool_given, given) { \
        pkn_fork_call pkern_call; \
        pkn_fork_state *pkern_self = pkern_internal_fork_enter(pkern_pool_given, &pkern_call); \
        R pkern_result = name##_task(pkn_end(pkern_self), names); \
        pkern_internal_fork_leave(&pkern_call); \
        return pkern_result; \
    } \
    PKN_ALWAYS_INLINE R name##_body(pkn_slot *pkern_end PKN_MAYBE_UNUSED, int pkern_way PKN_MAYBE_UNUSED, int pkern_way_of_calls PKN_MAYBE_UNUSED, \
                                       uint32_t pkern_in_line PKN_MAYBE_UNUSED, given)

#define PKN_COMMA ,

#define PKERN_DEFINE_JOIN_TASK_1(R, name, T1, p1) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1, \
                         T1 p1;, \
                         f->p1 = p1;, \
                         f->p1, p1)
#define PKERN_DEFINE_JOIN_TASK_2(R, name, T1, p1, T2, p2) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1 PKN_COMMA T2 p2, \
                         T1 p1; T2 p2;, \
                         f->p1 = p1; f->p2 = p2;, \
                         f->p1 PKN_COMMA f->p2, p1 PKN_COMMA p2)
#define PKERN_DEFINE_JOIN_TASK_3(R, name, T1, p1, T2, p2, T3, p3) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1 PKN_COMMA T2 p2 PKN_COMMA T3 p3, \
                         T1 p1; T2 p2; T3 p3;, \
                         f->p1 = p1; f->p2 = p2; f->p3 = p3;, \
                         f->p1 PKN_COMMA f->p2 PKN_COMMA f->p3, p1 PKN_COMMA p2 PKN_COMMA p3)
#define PKERN_DEFINE_JOIN_TASK_4(R, name, T1, p1, T2, p2, T3, p3, T4, p4) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1 PKN_COMMA T2 p2 PKN_COMMA T3 p3 PKN_COMMA T4 p4, \
                         T1 p1; T2 p2; T3 p3; T4 p4;, \
                         f->p1 = p1; f->p2 = p2; f->p3 = p3; f->p4 = p4;, \
                         f->p1 PKN_COMMA f->p2 PKN_COMMA f->p3 PKN_COMMA f->p4, p1 PKN_COMMA p2 PKN_COMMA p3 PKN_COMMA p4)

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern_pool.in.h, continued ==== */
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
/* ==== src/pkern_pool.in.h, continued ==== */

/* The code. */
#if defined(PKERN_POOL_IMPLEMENTATION) || defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
#define PKN_JOIN_SEGMENTS 15 /* 2^20 - 32 records; join_range tells 2^20 indices apart */
#define PKN_JOIN_SEGMENT_0 32u
#define PKN_JOIN_TIMES 32u
#define PKN_THEFT_NS 1000 /* about what one costs both sides */

/* When a member last asked for room for this function at this index. */
typedef struct pkn_join_time {
    uintptr_t what;
    uint32_t index;
    uint64_t ticks;
} pkn_join_time;

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
    uint64_t stuck_since;  /* the last timed wait ended in vain, and had found no work since then; ticks */
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
    pkn_join_time join_times[PKN_JOIN_TIMES];

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
    struct pkn_broadcast *next_spawned;
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
    uint64_t theft_ticks;
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
    pkn_broadcast *spawned_broadcasts; /* under lock; whose memory a forked child frees */

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
    int one_begins_in_other = (b_first - a_first < a_bytes) | (a_first - b_first < b_bytes);
    return one_begins_in_other & (a_bytes != 0) & (b_bytes != 0);
}

#endif
/* ==== src/pool/join_deque.h, continued ==== */
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

/* Segment k holds PKN_JOIN_SEGMENT_0 * 2^k records; index is in segment floor(log2(index / PKN_JOIN_SEGMENT_0 + 1)). A record more, which
   is never filled, lies behind them: as the end of the deque it stands for the first one of the next segment, and has its index. */
PKN_INLINE uint32_t pkn_join_segment_first(uint32_t segment) {
    return ((1u << segment) - 1u) * PKN_JOIN_SEGMENT_0;
}

PKN_INLINE size_t pkn_join_segment_bytes(uint32_t segment) {
    return (((size_t)PKN_JOIN_SEGMENT_0 << segment) + 1u) * sizeof(pkn_slot);
}

PKN_INLINE pkn_slot *pkn_join_slot(const pkn_member *member, uint32_t index) {
    uint32_t segment = 63u - pkn_clz_u64(index / PKN_JOIN_SEGMENT_0 + 1u);
    uint32_t first = pkn_join_segment_first(segment);
    /* relaxed: a thief has the index from join_range or end, and with it what its owner did before */
    pkn_slot *slots = (pkn_slot *)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
    return slots + (index - first);
}

PKN_INTERNAL uint32_t pkn_join_index(const pkn_member *member, const pkn_slot *slot) {
    uint32_t first = 0, length = PKN_JOIN_SEGMENT_0;
    for (uint32_t segment = 0; segment < PKN_JOIN_SEGMENTS; segment++) {
        uintptr_t offset = (uintptr_t)slot - (uintptr_t)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
        if (offset <= length * sizeof(pkn_slot)) {
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
    size_t bytes = pkn_join_segment_bytes(segment);
    pkn_slot *slots = (pkn_slot *)pkn_allocate(owner->pool->allocator, bytes, PKN_CACHE_LINE);
    if (slots == 0) {
        return 1;
    }
    memset((void *)slots, 0, bytes);
    for (uint32_t i = 0; i <= length; i++) {
        slots[i].owner = &owner->fork;
    }
    pkn_atomic_store_relaxed_u32(&slots[length].flags, PKN_SLOT_BEHIND);
    pkn_atomic_store_relaxed_ptr(&owner->join_segment[segment], slots);
    owner->join_segments++;
    return 0;
}

/* The record of a join of two callbacks. */
typedef struct PKN_MAY_ALIAS pkn_join_frame {
    pkern_task_fn fn;
    void *ctx;
    int status;
} pkn_join_frame;

/* Owner only. Offers a second side of two callbacks, where there is room for it. */
PKN_INTERNAL pkn_slot *pkn_join_fill(pkn_slot *slot, pkern_task_fn fn, void *ctx) {
    if (slot != 0) {
        pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
        frame->fn = fn;
        frame->ctx = ctx;
        slot->run = 0;
        pkn_push(slot);
    }
    return slot;
}

PKN_INLINE void pkn_join_mark(pkn_slot *slot) {
    pkn_atomic_store_relaxed_u32(&slot->flags, pkn_atomic_load_relaxed_u32(&slot->flags) | PKN_SLOT_PUBLIC);
}

PKN_INLINE void pkn_join_unmark(pkn_slot *slot) {
    pkn_atomic_store_relaxed_u32(&slot->flags, pkn_atomic_load_relaxed_u32(&slot->flags) & ~(uint32_t)PKN_SLOT_PUBLIC);
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

/* Owner only. The segment ends here, or a thief has marked the record too late. */
PKN_INTERNAL PKN_COLD pkn_slot *pkn_make_room(pkn_slot *slot) {
    uint32_t flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    if ((flags & PKN_SLOT_BEHIND) != 0) {
        uint32_t index = pkn_join_index(owner, slot);
        if (index == pkn_join_segment_first(owner->join_segments) && pkn_join_add_segment(owner) != 0) {
            return 0;
        }
        slot = pkn_join_slot(owner, index);
        flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    }
    if ((flags & PKN_SLOT_PUBLIC) != 0) {
        pkn_join_refuse_mark(owner, slot);
    }
    return slot;
}

/* Owner only. The record that a second side is to be filled into where `end` is the first free one; 0 without memory. */
PKN_INLINE pkn_slot *pkn_room(pkn_slot *end) {
    return PKN_LIKELY(pkn_atomic_load_relaxed_u32(&end->flags) == 0) ? end : pkn_make_room(end);
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
    /* the owner has its present root since before it pushed, and the claim fails where the record is another by now. The barrier has shown
       us the record, and the owner our member */
    *root = pkn_root(victim);
    if (pkn_join_end(victim) <= split || (filter->by_root && !pkn_root_descends(victim->pool, *root, filter->root)) ||
        !pkn_atomic_cas_fenced_u64(&victim->join_range, &range, pkn_join_next(range, split + 1, split + 1))) {
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
            /* what is freed is not in the pool any more: a child that another thread forks here frees what is in it */
            pkn_job *smaller = queue->jobs;
            queue->jobs = larger;
            queue->capacity = capacity;
            queue->head = 0;
            pkn_release(pool->allocator, smaller, count * sizeof(pkn_job));
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

enum { PKN_WAIT_WORK, PKN_WAIT_ELSEWHERE, PKN_WAIT_JOIN, PKN_WAIT_SCOPE, PKN_WAIT_LOOP, PKN_WAIT_BROADCAST, PKN_WAIT_FUTURE, PKN_WAIT_IDLE, PKN_WAIT_YIELD, PKN_WAIT_END };

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

typedef struct pkn_join_place {
    uint32_t floor;
    uint32_t in_line_at, in_line_depth;
} pkn_join_place;

/* Before work of other roots runs on top: what the member has forked so far becomes public, while its root is known, and is not taken back and
   made public again as theirs. What runs on top begins as at the bottom. Returns what pkn_join_reopen takes. */
PKN_INTERNAL pkn_join_place pkn_join_close(pkn_member *member) {
    pkn_join_place place = {member->join_floor, member->fork.in_line_at, member->fork.in_line_depth};
    pkn_join_expose_all(member);
    member->join_floor = pkn_join_end(member);
    member->fork.in_line_at = PKN_NOT_IN_LINE;
    member->fork.in_line_depth = 0;
    return place;
}

PKN_INLINE void pkn_join_reopen(pkn_member *member, pkn_join_place place) {
    member->join_floor = place.floor;
    member->fork.in_line_at = place.in_line_at;
    member->fork.in_line_depth = place.in_line_depth;
}

/* pkn_search_now in the pool where this thread, which waits as a guest of another one, is a worker. */
PKN_INTERNAL int pkn_search_at_home(pkn_member *worker, int how, int peek) {
    pkn_wait wait = {PKN_WAIT_ELSEWHERE, 0, 0, 0, 0, 0, 0};
    pkn_member *outer = pkn_current();
    int found;
    pkn_set_current(worker);
    if (peek) {
        found = pkn_search_now(worker, &wait, how, 1);
    } else {
        pkn_join_place place = pkn_join_close(worker);
        found = pkn_search_now(worker, &wait, how, 0);
        pkn_join_reopen(worker, place);
    }
    pkn_set_current(outer);
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

/* Asks everybody to make private joins public at the next fork; who is hungry, to fork where joins run in line, too. */
PKN_INTERNAL void pkn_request_work(pkn_member *self, int is_hungry) {
    uint32_t count = pkn_atomic_load_acquire_u32(&self->pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *member = pkn_member_at(self->pool, i);
        if (member == self) {
            continue;
        }
        if (pkn_atomic_load_relaxed_u32(&member->fork.request) == 0) {
            pkn_atomic_store_relaxed_u32(&member->fork.request, 1);
        }
        if (is_hungry) {
            pkn_atomic_fetch_add_relaxed_u32(&member->fork.hunger, PKN_HUNGER_STEP);
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
        pkn_request_work(home, 1);
    }
    pkn_request_work(self, 1);
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
    uint64_t stuck_since = self->stuck_since, spinning_since = 0, hidden_at = 0;
    uint32_t polls = 0;
    int was_woken = 0, stuck = stuck_since != 0, hurries = 0, how = 0;
    int outer_mode = self->tally.mode;
    uint64_t start = wait->kind == PKN_WAIT_WORK ? 0 : pkn_trace_start(self);
    self->stuck_since = 0;
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
            self->stuck_since = 0;
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
            pkn_request_work(self, polls != 0);
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
    /* else a thread that waits for short times, again and again, would never lose its patience */
    self->stuck_since = stuck && pkn_deadline_has_passed(wait->deadline_ns) ? stuck_since : 0;
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
    pkn_join_place place = pkn_join_close(self);
    int lost = pkn_work_here_until(self, wait);
    pkn_join_reopen(self, place);
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
    member->fork.in_line_at = PKN_NOT_IN_LINE;
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
        pkn_release(pool->allocator, pkn_join_slot(member, 0), pkn_join_segment_bytes(0));
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
        pkn_release(pool->allocator, pkn_atomic_load_relaxed_ptr(&member->join_segment[i]), pkn_join_segment_bytes(i));
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

/* The allocator of the pool that a call would run on, for scratch memory of the layers above. Makes no pool. Ask once: the global pool
   may come between two questions. */
PKN_INTERNAL const pkern_allocator *pkn_pool_allocator(const pkern_pool *pool);

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

/* Others have asked for work: all that is private, since the next push may be a while away. A request that is answered by nothing stays: who sleeps
   can't ask again. */
PKN_INTERNAL void pkn_join_share(pkn_member *owner, uint32_t end) {
    uint32_t exposed = pkn_join_expose(owner, end);
    if (exposed != 0) {
        pkn_atomic_store_relaxed_u32(&owner->fork.request, 0);
        pkn_work_posted(owner->pool, pkn_root(owner), exposed);
    }
}

/* The same; slot is the newest record. */
PKERN_API PKN_COLD void pkern_internal_share(pkn_slot *slot) {
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    pkn_join_share(owner, pkn_join_index(owner, slot) + 1u);
}

/* 1 where this join is likely short: the last one of the same function at this index that could be began a short time ago, and its first path down, if no
   more, was over since. Short is what a theft costs, four times that where there is something else to take; where there is nothing, outside of what runs in
   line, no join is short, and the clock is not looked at. */
PKN_INTERNAL int pkn_join_is_short(pkn_member *owner, uint32_t index, uintptr_t what) {
    uint32_t top = pkn_join_top(pkn_atomic_load_relaxed_u64(&owner->join_range));
    uint64_t limit = index > top ? 4 * owner->pool->theft_ticks : owner->pool->theft_ticks;
    if (index == top && owner->fork.in_line_depth == 0) {
        return 0;
    }
    uint64_t now = pkn_ticks();
    pkn_join_time *last = &owner->join_times[(what / 16u + index) % PKN_JOIN_TIMES];
    int is_known = last->what == what && last->index == index;
    uint64_t passed = now - last->ticks;
    last->what = what;
    last->index = index;
    last->ticks = now;
    return is_known && passed < limit;
}

/* Room for a second side; 0 where both run in line. */
PKERN_API pkn_slot *pkern_internal_room(pkn_slot *slot, uintptr_t what) {
    if ((pkn_atomic_load_relaxed_u32(&slot->flags) & PKN_SLOT_OVERFLOW) != 0) {
        return 0;
    }
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    uint32_t index = pkn_join_index(owner, slot);
    if (!pkn_join_is_short(owner, index, what)) {
        return pkn_room(slot);
    }
    if (pkn_atomic_load_relaxed_u32(&owner->fork.request) != 0) {
        pkn_join_share(owner, index);
    }
    return 0;
}

/* Returns the hunger that what runs in line from here on began at. Who sleeps can't count it up: the outermost then behaves as if somebody had, so that
   its second sides look again whether they are short. */
PKERN_API uint32_t pkern_internal_in_line_begin(void) {
    pkn_fork_state *self = pkern_internal_self;
    uint32_t hunger = pkn_atomic_load_relaxed_u32(&self->hunger);
    int is_outermost = self->pool != 0 && self->in_line_depth++ == 0;
    return is_outermost && pkn_sleeping_workers(self->pool) != 0 ? hunger - PKN_HUNGER_STEP : hunger;
}

PKERN_API void pkern_internal_in_line_end(void) {
    pkn_fork_state *self = pkern_internal_self;
    self->in_line_depth -= self->pool != 0;
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
    pkn_set_end(self, slot + 1);
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
PKN_INTERNAL PKN_COLD int pkn_join_end_public(pkn_slot *slot) {
    pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
    int taken = pkern_internal_take_back(slot);
    return taken > 0 ? frame->fn(frame->ctx) : taken == 0 ? frame->status : PKERN_ECANCELED;
}

PKERN_API pkern_status pkern_internal_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    pkn_entry entry;
    if (a == 0 || b == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    if (member == 0) {
        int a_status = a(a_ctx), b_status = b(b_ctx);
        pkn_leave(&entry);
        return a_status != 0 ? a_status : b_status;
    }
    pkn_fork_state *self = &member->fork;
    uint32_t outer_at = self->in_line_at;
    pkn_trace_call(member);
    pkn_slot *slot = pkn_join_fill(pkern_internal_room(pkn_end(self), (uintptr_t)b), b, b_ctx);
    self->in_line_at = slot != 0 ? (uint32_t)PKN_NOT_IN_LINE : pkern_internal_in_line_begin();
    int a_status = a(a_ctx);
    int b_status = slot != 0 && pkn_pop_is_special(slot) ? pkn_join_end_public(slot) : b(b_ctx);
    if (slot == 0) {
        pkern_internal_in_line_end();
    }
    self->in_line_at = outer_at;
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

#endif
/* ==== src/pkern_pool.in.h, continued ==== */
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
        slot = pkn_room(pkn_end(&member->fork));
    }
    if (slot != 0) {
        pkn_context_frame *frame = (pkn_context_frame *)(void *)slot->payload;
        frame->fn = b;
        frame->ctx = b_ctx;
        slot->run = pkn_context_migrated;
        pkn_push(slot);
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
    uint32_t outer_root = 0, root = 0;
    pkn_join_place place = {0, 0, 0};
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        outer_root = pkn_root(member);
        place = pkn_join_close(member);
        root = pkn_region_begin(member);
        pkn_set_root(member, root);
        slot = pkn_join_fill(pkn_room(pkn_end(&member->fork)), b, b_ctx);
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
        pkn_join_reopen(member, place);
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
            pkn_join_place place = pkn_join_close(member); /* the scope may be of another root than the task that spawns */
            pkn_run_job(member, &job);
            pkn_join_reopen(member, place);
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
    if (broadcast->caller == 0) {
        broadcast->next_spawned = pool->spawned_broadcasts;
        pool->spawned_broadcasts = broadcast;
    }
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
    link = &pool->spawned_broadcasts;
    while (*link != 0 && *link != broadcast) {
        link = &(*link)->next_spawned;
    }
    if (*link != 0) {
        *link = broadcast->next_spawned;
    }
    pkn_mutex_unlock(&pool->lock);
}

/* A spawned broadcast has run everywhere. */
PKN_INTERNAL void pkn_end_spawned_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    pkern_scope *scope = broadcast->scope;
    uint32_t number = broadcast->spawn_number;
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&broadcast->failure));
    if (!pkn_is_orphan(pool)) { /* a forked child frees those under way with the pool */
        pkn_withdraw_broadcast(pool, broadcast);
        pkn_release(pool->allocator, broadcast, sizeof *broadcast);
    }
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
    uint32_t outer_root = pkn_root(self);
    pkn_join_place place = pkn_join_close(self);
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
    pkn_join_reopen(self, place);
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
    pkn_broadcast broadcast = {0, 0, 0, fn, ctx, member, pkn_root(member), {0}, {PKN_NO_FAILURE}, 0, 0, 0};
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
    pkn_join_place place = pkn_join_close(member);
    int found = !is_local                                              ? pkn_search(member, &wait, 0)
                : pkn_is_isolated(member->pool, pkn_root(member)) ? 0
                                                                       : pkn_search_local(member);
    pkn_join_reopen(member, place);
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
/* ==== src/pkern_pool.in.h, continued ==== */
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

/* Never where there are no items, or less. */
PKN_ALWAYS_INLINE int pkn_loop_is_short(pkn_thread_state *thread, const pkern_pool *pool, size_t items, size_t key) {
    if (thread->short_key != key || thread->short_pool != pool || thread->memberships != 0 || thread->short_call != 0) {
        return 0;
    }
    return PKN_LIKELY(items - 1u < thread->short_items) ||
           (items - 1u < thread->short_cold_items && pkn_loop_is_short_cold(thread, pool, items));
}

PKN_INLINE void pkn_loop_forget_short(pkn_thread_state *thread) {
    thread->short_items = 0;
    thread->short_cold_items = 0;
}

PKN_ALWAYS_INLINE int pkn_loop_run_short(pkn_thread_state *thread, pkern_pool *pool, size_t begin, size_t end, pkern_range_fn body,
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
        pkn_slot *slot = pkn_room(pkn_end(self));
        if (slot == 0) {
            break;
        }
        pkn_loop_split_frame *frame = (pkn_loop_split_frame *)(void *)slot->payload;
        frame->view = view;
        frame->first = middle;
        frame->last = last;
        frame->grain = grain;
        slot->run = pkn_loop_split_stolen;
        pkn_push(slot);
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
    if (body == 0 || begin > end) {
        return PKERN_EINVAL;
    }
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

/* body over [begin, end) in pieces; see pkern_par_for. key names the user's code for what is remembered of its cost. Inline with a known body: a short
   call is then a few lines of code in a row. */
PKN_ALWAYS_INLINE pkern_status pkn_loop_run_keyed(pkern_pool *pool, size_t begin, size_t end, const pkern_par_options *options,
                                                  pkern_range_fn body, void *ctx, size_t key) {
    if (options == 0 && PKN_LIKELY(pkn_loop_is_short(&pkn_this_thread, pool, end - begin, key))) {
        return pkn_loop_run_short(&pkn_this_thread, pool, begin, end, body, ctx);
    }
    return pkn_loop_run_in_pool(pool, begin, end, options, body, ctx, key);
}

PKN_INTERNAL pkern_status pkn_loop_run(pkern_pool *pool, size_t begin, size_t end, const pkern_par_options *options,
                                       pkern_range_fn body, void *ctx) {
    return pkn_loop_run_keyed(pool, begin, end, options, body, ctx, (size_t)body);
}

#endif
/* ==== src/pkern_pool.in.h, continued ==== */
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

/* When the workers have ended: 1 where all spares rest, for good, else 0, and those that sleep are woken, since they may rest now. */
PKN_INTERNAL int pkn_spares_rest(pkern_pool *pool) {
    pkn_mutex_lock(&pool->lock);
    uint32_t working = pkn_atomic_load_relaxed_u32(&pool->spares_working);
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    pkn_mutex_unlock(&pool->lock);
    for (uint32_t i = pool->helpers; i < count && working != 0; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
    return working == 0;
}

/* After the workers have ended. */
PKN_INTERNAL void pkn_end_spares(pkern_pool *pool) {
    while (!pkn_spares_rest(pool)) {
        pkn_nap();
    }
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
    pkern_pool *pool = trace->pool;
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
    pkn_mutex_lock(&pool->lock); /* under which guests' members are made; not for longer: they come and go meanwhile */
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    pkn_mutex_unlock(&pool->lock);
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
    return config->num_threads >= 0 && config->num_threads <= PKERN_MAX_THREADS &&
           !pkn_allocator_is_half(config->allocator) && config->max_spares >= 0 && config->max_spares <= PKN_MAX_SPARES &&
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
    while (pool->spawned_broadcasts != 0) { /* in a forked child */
        pkn_broadcast *broadcast = pool->spawned_broadcasts;
        pool->spawned_broadcasts = broadcast->next_spawned;
        pkn_release(allocator, broadcast, sizeof *broadcast);
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

#if PKN_THREADS
PKN_INTERNAL void pkn_stop_workers(pkern_pool *pool) {
    pkn_atomic_store_relaxed_u32(&pool->stopping, 1);
    pkn_fence_seq_cst(); /* orders stopping before the look at parked; pairs with the fence in pkn_sleep */
    for (uint32_t i = 0; i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
}
#endif

PKN_INTERNAL void pkn_end_workers(pkern_pool *pool) {
#if PKN_THREADS
    pkn_stop_workers(pool);
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
    made->theft_ticks = (uint64_t)(PKN_THEFT_NS * made->ticks_per_ns);
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
        /* pairs with the release of a guest that leaves: the slot is freed after the fence in pkn_end_workers */
        if (pkn_atomic_load_fenced_u32(&pkn_member_at(pool, i)->guest_state) == PKN_GUEST_KEPT) {
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

#if PKN_THREADS
/* 1 where nothing of the pool runs. */
PKN_INTERNAL int pkn_all_have_ended(pkern_pool *pool) {
    int ended = 1;
    pkn_mutex_lock(&pool->lock);
    for (uint32_t i = 0; i < pool->helpers && ended; i++) {
        ended = pkn_member_at(pool, i)->ended;
    }
    pkn_mutex_unlock(&pool->lock);
    return ended && pkn_spares_rest(pool);
}

/* The calling thread is inside another pool, which jobs that this one still has may wait for: so it works there until they are done. By
   naps, since this is rare. */
PKN_INTERNAL PKN_COLD void pkn_work_elsewhere_until_ended(pkern_pool *pool) {
    pkn_member *outer = pkn_current();
    pkn_wait wait = {PKN_WAIT_END, 0, 0, 0, 0, 0, 0};
    pkn_stop_workers(pool);
    /* what runs here may fork */
    while (!pkn_is_orphan(outer->pool) && !pkn_is_orphan(pool) && !pkn_all_have_ended(pool)) {
        pkn_join_place place = pkn_join_close(outer);
        if (!pkn_search(outer, &wait, PKN_SEARCH_HIDDEN)) {
            pkn_nap();
        }
        pkn_join_reopen(outer, place);
    }
}
#endif

/* serves: see above. */
PKN_INTERNAL pkern_status pkn_pool_end(pkern_pool *pool, int serves) {
    if (pool == 0 || pool->num_slots == 0) {
        return PKERN_OK;
    }
    pkn_member *own = pkn_membership(pkn_settled_thread(), pool);
    int stayed = own != 0 && own->stays && own->entries == 1 && own == pkn_current() && pkn_join_end(own) == 0;
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
#if PKN_THREADS
        if (serves && pkn_current() != 0) {
            pkn_work_elsewhere_until_ended(pool);
        }
#else
        PKN_UNUSED(serves);
#endif
    }
    if (!pkn_is_orphan(pool)) {
        pkn_end_workers(pool);
    }
    pkn_pool_free(pool);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_pool_destroy(pkern_pool *pool) {
    return pkn_pool_end(pool, 1);
}

/* ---- the global pool ---- */

static pkn_atomic_ptr pkn_global_pool;

PKN_INTERNAL const pkern_allocator *pkn_pool_allocator(const pkern_pool *pool) {
    if (pool == 0) {
        /* acquire: pairs with the release in pkn_global_make */
        pool = pkn_current() != 0 ? pkn_current()->pool : (pkern_pool *)pkn_atomic_load_acquire_ptr(&pkn_global_pool);
    }
    return pool != 0 ? pool->allocator : 0;
}

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
    pkern_status status = pkn_pool_end(pool, 0); /* what else ran here might want the lock */
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
/* ==== src/pkern_pool.in.h, continued ==== */
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
/* ==== src/pkern_pool.in.h, continued ==== */
#endif
