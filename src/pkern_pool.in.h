/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern_pool: the scheduler of pkern alone: a work-stealing pool with join, scopes and parallel
   loops.

   Do this:
       #define PKERN_POOL_IMPLEMENTATION
       #include "pkern_pool.h"
   in exactly one C or C++ file, and plainly #include "pkern_pool.h" wherever else it is used. It
   may stand beside pkern_simd.h and pkern.h, in any order; PKERN_IMPLEMENTATION stands for the
   code of all of them. Build with -O2 -pthread.

   Options: PKERN_POOL_IMPLEMENTATION, PKERN_STATIC (all functions static in this file, with the
   code), PKERN_NO_THREADS (everything runs on the calling thread), PKERN_NUM_THREADS (threads of a
   pool where neither config nor environment names a number), PKERN_DEBUG (1 checks the library's
   own assumptions while it runs). They have to be the same in every file of a program.

   Errors: functions return a pkern_status, 0 for success. Nothing prints, aborts or sets errno. */

/* Public headers. */
#include "base/base.h"

/* The code. */
#if defined(PKERN_POOL_IMPLEMENTATION) || defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
#endif
