/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The system's headers and the few calls that a strict -std=c99 hides although libc has them. Only base includes them, and
   only the implementation includes this file. */
#ifndef PKN_BASE_PLATFORM_H
#define PKN_BASE_PLATFORM_H

#include "base/compiler.h"

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
