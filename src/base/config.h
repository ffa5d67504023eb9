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
