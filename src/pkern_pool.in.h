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
#include "base/base.h"
#include "pool/pool.h"
#include "pool/fork.h"
#include "pool/observe.h"

/* The code. */
#if defined(PKERN_POOL_IMPLEMENTATION) || defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
#include "pool/cancel.c"
#include "pool/join.c"
#include "pool/join_context.c"
#include "pool/scope.c"
#include "pool/spawn.c"
#include "pool/broadcast.c"
#include "pool/yield.c"
#include "pool/loop.c"
#include "pool/blocking.c"
#include "pool/trace.c"
#include "pool/pool.c"
#include "pool/stats.c"
#endif
