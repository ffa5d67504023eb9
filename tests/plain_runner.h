/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A test runner with Criterion's names for where Criterion can't go: sanitizers, cross builds, bare machines.

   usage: program [--no-fork] [--timeout SECONDS] [--list] [WORD...]
   Runs the tests whose "suite/name" contains one of the words, all without any. Each test runs in a process of
   its own, which is killed after the timeout (default 60 s), so a crash or a hang fails one test alone. With
   --no-fork all run in this process, and the first failure ends it. The exit status is 1 if a test failed. */
#ifndef PKN_TEST_PLAIN_RUNNER_H
#define PKN_TEST_PLAIN_RUNNER_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit statuses of a test; no plain exit() passes for success. */
enum { PLAIN_PASSED = 40, PLAIN_FAILED = 41, PLAIN_SKIPPED = 42 };

#ifdef __clang__
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

typedef struct plain_test {
    const char        *suite, *name;
    void             (*run)(void);
    struct plain_test *next;
} plain_test;

static plain_test *plain_tests;
static int         plain_forks = 1;

#define Test(suite, name)                                                                          \
    static void                    suite##_##name##_body(void);                                    \
    __attribute__((constructor)) static void suite##_##name##_register(void) {                     \
        static plain_test test = {#suite, #name, suite##_##name##_body, 0};                        \
        plain_test      **end = &plain_tests;                                                      \
        while (*end) end = &(*end)->next;                                                          \
        *end = &test;                                                                              \
    }                                                                                              \
    static void suite##_##name##_body(void)

#ifdef PKN_TEST_COVERAGE
void __gcov_dump(void);
#define PLAIN_DUMP() __gcov_dump()
#else
#define PLAIN_DUMP() ((void)0)
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define PLAIN_LEAKS() __lsan_do_recoverable_leak_check()
#else
#define PLAIN_LEAKS() 0
#endif

/* Ends the test's process without its exit handlers: other threads may still run. */
static void plain_end(int result) __attribute__((noreturn));
static void plain_end(int result) {
    fflush(NULL);
    PLAIN_DUMP();
    if (result == PLAIN_PASSED && PLAIN_LEAKS()) result = PLAIN_FAILED;
    _exit(result);
}

static void plain_fail(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn, unused));
static void plain_fail(const char *file, int line, const char *condition, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s:%d: failed: %s ", file, line, condition);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    plain_end(PLAIN_FAILED);
}

static void plain_skip(const char *reason) __attribute__((noreturn, unused));
static void plain_skip(const char *reason) {
    printf("    skipped: %s\n", reason);
    plain_end(PLAIN_SKIPPED);
}

#define PKN_TEST_SKIP(reason) plain_skip(reason)

/* The message is optional, and " " __VA_ARGS__ makes a format of both; it needs no GNU comma. */
#define plain_check(condition, text, ...)                                                          \
    ((condition) ? (void)0 : plain_fail(__FILE__, __LINE__, text, " " __VA_ARGS__))

#define cr_assert(condition, ...) plain_check(condition, #condition, __VA_ARGS__)
#define cr_assert_not(condition, ...) plain_check(!(condition), "not " #condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) plain_check((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) plain_check((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) plain_check((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) plain_check((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) plain_check((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) plain_check((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(a, ...) plain_check((a) == NULL, #a " is null", __VA_ARGS__)
#define cr_assert_not_null(a, ...) plain_check((a) != NULL, #a " is not null", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) plain_check(strcmp(a, b) == 0, #a " is the text " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) plain_check(strcmp(a, b) != 0, #a " is not the text " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, eps, ...)                                                         \
    plain_check((a) - (b) <= (eps) && (b) - (a) <= (eps), #a " == " #b " within " #eps, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, bytes, ...)                                                         \
    plain_check(memcmp(a, b, bytes) == 0, #a " has the bytes of " #b, __VA_ARGS__)
#define cr_assert_arr_neq(a, b, bytes, ...)                                                        \
    plain_check(memcmp(a, b, bytes) != 0, #a " has other bytes than " #b, __VA_ARGS__)
#define cr_assert_fail(...) plain_check(0, "reached", __VA_ARGS__)
#define cr_fail(...) plain_check(0, "reached", __VA_ARGS__)

static int plain_wanted(const plain_test *test, int n_words, char **words) {
    char full_name[512];
    snprintf(full_name, sizeof full_name, "%s/%s", test->suite, test->name);
    for (int i = 0; i < n_words; i++)
        if (strstr(full_name, words[i])) return 1;
    return n_words == 0;
}

/* The default action of SIGALRM is the watchdog. The test leads a process group, so that what it forked dies too. */
static int plain_run(const plain_test *test, unsigned timeout) {
    int   status = 0;
    pid_t child;
    fflush(NULL);
    child = plain_forks ? fork() : 0;
    if (child < 0) {
        perror("fork");
        return PLAIN_FAILED;
    }
    if (child == 0) {
        if (plain_forks) setpgid(0, 0);
        alarm(timeout);
        test->run();
        alarm(0);
        if (plain_forks) plain_end(PLAIN_PASSED);
        return PLAIN_PASSED;
    }
    while (waitpid(child, &status, 0) < 0) {}
    kill(-child, SIGKILL);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WTERMSIG(status) == SIGALRM) fprintf(stderr, "%s/%s: no end after %u s\n", test->suite, test->name, timeout);
    else fprintf(stderr, "%s/%s: ended by signal %d\n", test->suite, test->name, WTERMSIG(status));
    return PLAIN_FAILED;
}

int main(int argc, char **argv) {
    unsigned timeout = 60;
    int      n_passed = 0, n_failed = 0, n_skipped = 0, list = 0, first = 1;
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (!strcmp(argv[first], "--no-fork")) plain_forks = 0;
        else if (!strcmp(argv[first], "--list")) list = 1;
        else if (!strcmp(argv[first], "--timeout") && first + 1 < argc) timeout = (unsigned)atoi(argv[++first]);
        else return fprintf(stderr, "usage: %s [--no-fork] [--timeout SECONDS] [--list] [WORD...]\n", argv[0]), 2;
    }
    for (const plain_test *test = plain_tests; test; test = test->next) {
        int result;
        if (!plain_wanted(test, argc - first, argv + first)) continue;
        if (list || getenv("PKN_TEST_VERBOSE")) printf("%s/%s\n", test->suite, test->name);
        if (list) continue;
        result = plain_run(test, timeout);
        if (result == PLAIN_PASSED) n_passed++;
        else if (result == PLAIN_SKIPPED) printf("SKIP %s/%s\n", test->suite, test->name), n_skipped++;
        else printf("FAIL %s/%s\n", test->suite, test->name), n_failed++;
    }
    if (!list) printf("%s: %d passed, %d failed, %d skipped\n", argv[0], n_passed, n_failed, n_skipped);
    if (!list && !n_passed && !n_failed && !n_skipped) return fprintf(stderr, "%s: no such test\n", argv[0]), 1;
    return n_failed != 0;
}

#endif
