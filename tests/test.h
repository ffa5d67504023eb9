/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The first include of every test: the runner and the whole library with its code, internals visible.

   PKN_TEST_PLAIN   the in-tree runner instead of Criterion, for sanitizers and cross builds
   PKERN_TEST_DIST  the product pkern.h instead of the sources under src/

   All tests of a layer are one translation unit. They use Test(suite, name), the cr_assert family that
   plain_runner.h lists, and PKN_TEST_SKIP(reason), which ends the test and is counted. */
#ifndef PKN_TEST_H
#define PKN_TEST_H

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Walloc-size-larger-than=" /* tests ask for sizes that can't be */
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails the library's thread creations while not 0: bit 0 fails the next one, bit 1 the one after it, and so on. */
static uint64_t test_failing_threads __attribute__((unused));
#define PKN_THREAD_CREATE_FAILS() test_thread_creation_fails()
static int test_thread_creation_fails(void) __attribute__((unused));
static int test_thread_creation_fails(void) {
    uint64_t failing = test_failing_threads;
    test_failing_threads >>= 1;
    return (int)(failing & 1u);
}

/* Called before each step of writing a file, with the step's name; the step fails where it returns not 0. */
static int (*test_disk_step)(const char *step) __attribute__((unused));
#define PKN_DISK_STEP_FAILS(step) (test_disk_step != 0 && test_disk_step(step) != 0)

/* Where pinned workers read what lies near them. */
static const char *test_devices __attribute__((unused)) = "/sys/devices/system";
#define PKN_SYSTEM_DEVICES test_devices

#ifdef PKERN_TEST_DIST
#include "pkern.h"
#define PKERN_IMPLEMENTATION
#include "pkern.h"
#else
#define PKERN_IMPLEMENTATION
#include "pkern.in.h"
#endif

#ifdef PKN_TEST_PLAIN
#include "plain_runner.h"
#else
#include <criterion/criterion.h>
#include <criterion/hooks.h>

#define PKN_TEST_SKIP(reason) (fprintf(stderr, "skipped: %s\n", reason), cr_skip_test("%s", reason))

/* Criterion names the skipped tests but does not count them. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
    fprintf(stderr, "%d passed, %d failed, %d crashed, %d skipped\n", (int)stats->tests_passed, (int)stats->tests_failed,
            (int)stats->tests_crashed, (int)stats->tests_skipped);
}
#endif

#endif
