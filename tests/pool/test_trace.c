/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The trace: what is written is read back, and checked for form, names, nesting and times. */
#include "trace_json.h"

#include <sys/stat.h>
#include <sys/wait.h>

typedef struct trace_place {
    char folder[64], file[96];
} trace_place;

static void trace_make_place(trace_place *place) {
    strcpy(place->folder, "/tmp/pkern_trace_XXXXXX");
    cr_assert_not_null(mkdtemp(place->folder));
    sprintf(place->file, "%s/trace.json", place->folder);
    unsetenv("PKERN_TRACE");
}

static void trace_leave_place(const trace_place *place) {
    (void)remove(place->file);
    cr_assert_eq(rmdir(place->folder), 0, "%s holds a file that nobody expected", place->folder);
}

static int trace_exists(const char *name) {
    struct stat about;
    return stat(name, &about) == 0;
}

static pkern_pool *trace_pool(const char *file, int threads, const pkern_allocator *allocator) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = PKN_THREADS ? threads : 1;
    config.trace = file;
    config.allocator = allocator;
    config.name = "a\"b\\c"; /* a name that must be escaped */
    return pool_with(&config);
}

static pkern_pool_stats trace_stats(pkern_pool *pool) {
    pkern_pool_stats stats;
    cr_assert_eq(pkern_pool_get_stats(pool, &stats, 0, 0), PKERN_OK);
    return stats;
}

static int trace_broadcast(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    return pool_count_one(ctx);
}

static int trace_piece(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    pool_nap_us((unsigned)(end - begin) * 50);
    return 0;
}

static int trace_nested(void *ctx) {
    size_t ran = 0;
    return pkern_join((pkern_pool *)ctx, pool_count_one, &ran, pool_count_one, &ran) != 0 ||
           pkn_loop_run((pkern_pool *)ctx, 0, 20, 0, trace_piece, 0) != 0;
}

/* Some of everything. Scope tasks: 40. */
static void trace_work(pkern_pool *pool) {
    size_t ran = 0;
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, i % 8 == 0 ? trace_nested : pool_count_one, i % 8 == 0 ? (void *)pool : &ran), PKERN_OK);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pkn_loop_run(pool, 0, 40, 0, trace_piece, 0), PKERN_OK);
    cr_assert_eq(pkern_broadcast(pool, trace_broadcast, &ran), PKERN_OK);
    cr_assert_eq(pkern_join(pool, trace_nested, pool, trace_nested, pool), PKERN_OK);
}

/* ---- form, nesting, times ---- */

static int trace_by_lane_and_start(const void *a, const void *b) {
    const trace_read_event *x = (const trace_read_event *)a, *y = (const trace_read_event *)b;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    if (x->tid != y->tid) return x->tid < y->tid ? -1 : 1;
    if (x->start_ns != y->start_ns) return x->start_ns < y->start_ns ? -1 : 1;
    return x->length_ns > y->length_ns ? -1 : x->length_ns < y->length_ns;
}

/* Every event is a known kind with its fields; slices of a lane nest; all lie between the two moments. Sorts the events. */
static void trace_check(trace_file *file, uint64_t from_ns, uint64_t to_ns) {
    int64_t ends[256];
    size_t depth = 0;
    qsort(file->events, file->n_events, sizeof *file->events, trace_by_lane_and_start);
    for (size_t i = 0; i < file->n_events; i++) {
        const trace_read_event *event = &file->events[i];
        int is_new_lane = i == 0 || event[-1].pid != event->pid || event[-1].tid != event->tid;
        cr_assert(event->name[0] != 0 && event->pid >= 1 && event->tid >= 0);
        depth = is_new_lane ? 0 : depth;
        if (!strcmp(event->phase, "M")) {
            continue;
        }
        cr_assert(event->start_ns >= (int64_t)from_ns && event->start_ns <= (int64_t)to_ns, "%s at %lld, not in %llu .. %llu",
                  event->name, (long long)event->start_ns, (unsigned long long)from_ns, (unsigned long long)to_ns);
        if (!strcmp(event->phase, "i")) {
            cr_assert_eq(event->length_ns, -1);
            continue;
        }
        cr_assert_str_eq(event->phase, "X");
        int64_t end = event->start_ns + event->length_ns;
        cr_assert(event->length_ns >= 0 && end <= (int64_t)to_ns, "%s ends %lld ns late", event->name, (long long)(end - (int64_t)to_ns));
        while (depth != 0 && ends[depth - 1] <= event->start_ns) {
            depth--;
        }
        cr_assert(depth == 0 || end <= ends[depth - 1], "%s of lane %ld ends %lld ns after what it is in", event->name, event->tid,
                  (long long)(end - ends[depth - 1]));
        cr_assert_lt(depth, POOL_COUNT(ends));
        ends[depth++] = end;
    }
}

Test(pool_trace, the_checker_finds_what_is_wrong) {
    static const char *const broken[] = {"", "[", "[{}", "[{},]", "[{}]x", "[{\"a\":}]", "[{\"a\":1.}]", "[{\"a\":\"b]", "[{\"a\":1 \"b\":2}]",
                                         "[{\"a\":01.2345}]", "[{\"a\\n\":1}]"};
    for (size_t i = 0; i < POOL_COUNT(broken); i++) {
        trace_file file;
        file.text = strdup(broken[i]);
        cr_assert_not(trace_parse(&file), "%s", broken[i]);
        trace_free(&file);
    }
    trace_file file;
    file.text = strdup("[\n{\"name\":\"q\\\"\\\\\",\"ph\":\"X\",\"ts\":12.345,\"dur\":0.001,\"args\":{\"from\":-1}}, {}\n]\n");
    cr_assert(trace_parse(&file));
    cr_assert_eq(file.n_events, 2);
    cr_assert_str_eq(file.events[0].name, "q\"\\");
    cr_assert(file.events[0].start_ns == 12345 && file.events[0].length_ns == 1 && file.events[0].from == -1);
    trace_free(&file);
}

Test(pool_trace, a_file_holds_what_the_pool_did) {
    for (size_t i = 0; i < POOL_COUNT(pool_threads); i++) {
        int threads = PKN_THREADS ? pool_threads[i] : 1;
        trace_place place;
        trace_file file;
        trace_make_place(&place);
        uint64_t from_ns = pkn_now_ns();
        pkern_pool *pool = trace_pool(place.file, threads, 0);
        trace_work(pool);
#if PKN_THREADS
        pool_wait_asleep(pool, (uint32_t)threads - 1); /* a helper counts what it did after its loop is over */
#endif
        pkern_pool_stats stats = trace_stats(pool);
        cr_assert_eq(stats.trace, PKERN_OK);
        cr_assert(stats.trace_events >= 40 && stats.trace_dropped == 0);
        pool_end(pool);
        trace_load(&file, place.file);
        trace_check(&file, from_ns, pkn_now_ns());
        cr_assert_eq(trace_count(&file, "process_name"), 1);
        cr_assert_eq(trace_count(&file, "thread_name"), (size_t)threads);
        cr_assert(trace_count(&file, "job") == 40 && stats.total.jobs == 40);
        cr_assert_eq(trace_count(&file, "stolen join"), stats.total.joins_stolen);
        cr_assert_eq(trace_count(&file, "loop"), stats.total.loops_shared);
        cr_assert_eq(trace_count(&file, "help"), stats.total.loops_helped);
        cr_assert_eq(trace_count(&file, "wake"), stats.total.wakes);
        cr_assert_eq(trace_count(&file, "broadcast"), threads == 1 ? 0 : (size_t)threads);
        cr_assert_eq(trace_count(&file, "announce broadcast"), threads != 1);
        cr_assert_eq(trace_count(&file, "call"), 2);
        cr_assert_eq(trace_count(&file, "events dropped"), 0);
        size_t workers = 0, callers = 0;
        for (size_t k = 0; k < file.n_events; k++) {
            if (!strcmp(file.events[k].name, "thread_name")) {
                workers += !strncmp(file.events[k].text, "a\"b\\c-", 6);
                callers += !strcmp(file.events[k].text, "caller-0");
            }
        }
        cr_assert(workers == (size_t)threads - 1 && callers == 1);
        trace_free(&file);
        trace_leave_place(&place);
    }
}

Test(pool_trace, an_idle_pool_leaves_a_valid_file) {
    trace_place place;
    trace_file file;
    trace_make_place(&place);
    pkern_pool *pool = trace_pool(place.file, 2, 0);
    trace_load(&file, place.file); /* from the start on */
    trace_free(&file);
    pool_end(pool);
    trace_load(&file, place.file);
    trace_free(&file);
    trace_leave_place(&place);
}

static int trace_context(void *ctx, int migrated) {
    PKN_UNUSED(migrated);
    return pool_count_one(ctx);
}

static int trace_short(size_t begin, size_t end, void *ctx) {
    return begin < end ? pool_count_one(ctx) : 1;
}

static int trace_inside(void *ctx) {
    int status = pkern_join_with(0, pool_count_one, ctx, pool_count_one, ctx, PKERN_WAIT_OWN);
    pkn_loop_cost_of(pkn_current(), (size_t)trace_short)->item_ns = 0.01f; /* so it runs alone, in a pool of any size */
    return status | pkn_loop_run(0, 0, 2, 0, trace_short, ctx);
}

Test(pool_trace, every_kind_of_call_from_outside_has_its_slice) {
    for (size_t i = 0; i < POOL_COUNT(pool_threads); i++) {
        trace_place place;
        trace_file file;
        size_t ran = 0;
        trace_make_place(&place);
        uint64_t from_ns = pkn_now_ns();
        pkern_pool *pool = trace_pool(place.file, pool_threads[i], 0);
        cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
        for (int mode = PKERN_WAIT_STEAL; mode <= PKERN_WAIT_BLOCK; mode++) {
            cr_assert_eq(pkern_join_with(pool, pool_count_one, &ran, pool_count_one, &ran, mode), 0);
        }
        cr_assert_eq(pkern_join_context(pool, trace_context, &ran, trace_context, &ran), 0);
        cr_assert_eq(pkern_pool_install(pool, trace_inside, &ran), 0); /* what it calls is no call from outside */
        pool_end(pool);
        trace_load(&file, place.file);
        trace_check(&file, from_ns, pkn_now_ns());
        cr_assert_eq(trace_count(&file, "call"), 6);
        cr_assert(PKN_THREADS == 0 || pool_threads[i] == 1 || trace_count(&file, "loop, not shared") != 0);
        trace_free(&file);
        trace_leave_place(&place);
    }
}

/* ---- which file ---- */

Test(pool_trace, pools_may_share_a_file_one_after_another_or_at_once) {
    trace_place place;
    trace_file file;
    trace_make_place(&place);
    uint64_t from_ns = pkn_now_ns();
    pkern_pool *first = trace_pool(place.file, 2, 0);
    pkern_pool *second = trace_pool(place.file, 1, 0);
    trace_work(first);
    pool_end(first);
    trace_work(second);
    pkern_pool *third = trace_pool(place.file, 3, 0);
    trace_work(third);
    pool_end(second);
    pool_end(third);
    trace_load(&file, place.file);
    trace_check(&file, from_ns, pkn_now_ns());
    cr_assert_eq(trace_count(&file, "process_name"), 3);
    cr_assert_eq(trace_count(&file, "job"), 120);
    trace_free(&file);
    trace_leave_place(&place);
}

Test(pool_trace, a_file_that_somebody_cut_or_removed_is_begun_anew) {
    trace_place place;
    trace_file file;
    trace_make_place(&place);
    for (int cut = 0; cut < 2; cut++) {
        pkern_pool *pool = trace_pool(place.file, 2, 0);
        trace_work(pool);
        if (cut) {
            FILE *other = fopen(place.file, "wb");
            cr_assert(other != 0 && fputs("not ours", other) >= 0 && fclose(other) == 0);
        } else {
            cr_assert_eq(remove(place.file), 0);
        }
        pool_end(pool);
        trace_load(&file, place.file);
        cr_assert_eq(trace_count(&file, "job"), 40);
        trace_free(&file);
    }
    trace_leave_place(&place);
}

Test(pool_trace, the_environment_names_a_file_and_the_config_wins) {
    trace_place place;
    trace_file file;
    char pattern[160], expected[160];
    trace_make_place(&place);
    sprintf(pattern, "%s/%%p_x_%%p", place.folder);
    sprintf(expected, "%s/%ld_x_%ld", place.folder, (long)getpid(), (long)getpid());
    cr_assert_eq(setenv("PKERN_TRACE", pattern, 1), 0);
    pkern_pool *pool = trace_pool(0, 2, 0);
    trace_work(pool);
    pool_end(pool);
    trace_load(&file, expected);
    cr_assert_eq(trace_count(&file, "job"), 40);
    trace_free(&file);
    cr_assert_eq(remove(expected), 0);

    pool = trace_pool("", 2, 0);
    trace_work(pool);
    cr_assert_eq(trace_stats(pool).trace_events, 0);
    pool_end(pool);
    cr_assert_not(trace_exists(expected));

    pool = trace_pool(place.file, 2, 0);
    pool_end(pool);
    cr_assert_not(trace_exists(expected));
    cr_assert(trace_exists(place.file));

    cr_assert_eq(setenv("PKERN_TRACE", "", 1), 0);
    pool = trace_pool(0, 2, 0);
    trace_work(pool);
    cr_assert_eq(trace_stats(pool).trace_events, 0);
    pool_end(pool);
    unsetenv("PKERN_TRACE");
    trace_leave_place(&place);
}

Test(pool_trace, a_file_that_cannot_be_written_is_told_and_does_no_harm) {
    static const char *const files[] = {"/nonexistent/folder/trace.json", "/", "/dev/full"};
    unsetenv("PKERN_TRACE");
    for (size_t i = 0; i < POOL_COUNT(files); i++) {
        errno = 0;
        pkern_pool *pool = trace_pool(files[i], 2, 0);
        cr_assert_eq(errno, 0);
        cr_assert_eq(trace_stats(pool).trace, PKERN_EIO, "%s", files[i]);
        trace_work(pool);
        pkern_pool_stats stats = trace_stats(pool);
        cr_assert(stats.total.jobs == 40 && stats.trace_events == 0);
        pool_end(pool);
        cr_assert_eq(errno, 0);
    }
}

/* ---- memory ---- */

Test(pool_trace, without_memory_the_pool_works_and_counts_what_is_missing) {
    trace_place place;
    pool_heap heap;
    trace_make_place(&place);
    size_t incomplete = 0, made = 0;
    /* a pool of one has no worker, so that each run asks for memory in the same order; of two, any order must do */
    for (size_t i = 0; i < 24; i++) {
        pkern_pool_config config;
        pkern_pool *pool = 0;
        pool_heap_init(&heap);
        memset(&config, 0, sizeof config);
        config.num_threads = PKN_THREADS && i >= 12 ? 2 : 1;
        config.trace = place.file;
        config.allocator = &heap.allocator;
        pool_heap_fail(&heap, i % 12, 1);
        if (pkern_pool_create(&config, &pool) == PKERN_OK) {
            trace_work(pool);
            pkern_pool_stats stats = trace_stats(pool);
            cr_assert_leq(stats.total.jobs, 40); /* what could not be queued ran inside its call */
            incomplete += config.num_threads == 1 && (stats.trace == PKERN_ENOMEM || stats.trace_events < 40 || stats.trace_dropped > 0);
            made++;
            pool_end(pool);
        }
        pool_heap_check(&heap);
    }
    cr_assert(made >= 16 && incomplete >= 3, "%zu of %zu", incomplete, made); /* no trace, no lane, no block */

    pool_heap_init(&heap);
    pkern_pool *pool = trace_pool(place.file, 1, &heap.allocator);
    size_t ran = 0;
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), PKERN_OK); /* the caller's slot is there */
    trace_work(pool);
    uint64_t before = trace_stats(pool).trace_events;
    for (int i = 0; i < 120; i++) { /* into a second block */
        if (trace_stats(pool).trace_events > 4000) {
            pool_heap_fail(&heap, 0, SIZE_MAX);
        }
        trace_work(pool);
    }
    pkern_pool_stats stats = trace_stats(pool);
    cr_assert(stats.trace_events >= before && stats.trace_dropped > 0 && stats.total.jobs == 121 * 40);
    pool_heap_fail(&heap, 0, 0);
    pool_end(pool);
    pool_heap_check(&heap);
    trace_leave_place(&place);
}

Test(pool_trace, events_beyond_the_bound_are_counted_in_the_file) {
    enum { TASKS = PKERN_TRACE_EVENTS + 1000 };
    trace_place place;
    trace_file file;
    trace_make_place(&place);
    pkern_pool *pool = trace_pool(place.file, 1, 0);
    size_t ran = 0;
    pkern_scope scope;
    for (int done = 0; done < TASKS; done += 1000) {
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        for (int i = 0; i < 1000; i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    }
    pkern_pool_stats stats = trace_stats(pool);
    cr_assert_eq(stats.trace_events, PKERN_TRACE_EVENTS);
    cr_assert(stats.trace_dropped >= TASKS - PKERN_TRACE_EVENTS);
    pool_end(pool);
    trace_load(&file, place.file);
    long told = -1;
    size_t kept = 0;
    for (size_t i = 0; i < file.n_events; i++) {
        told = !strcmp(file.events[i].name, "events dropped") ? file.events[i].count : told;
        kept += strcmp(file.events[i].phase, "M") != 0;
    }
    cr_assert_eq(told, (long)stats.trace_dropped);
    cr_assert_eq(kept, PKERN_TRACE_EVENTS + 1u);
    trace_free(&file);
    trace_leave_place(&place);
}

/* ---- exit and fork ---- */

static int trace_ended(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(pool_trace, pools_that_live_until_exit_are_written_then) {
    trace_place place;
    trace_file file;
    trace_make_place(&place);
    fflush(0);
    uint64_t from_ns = PKN_THREADS ? pkn_now_ns() : 0; /* without threads the clock is the process's own */
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        alarm(20);
        setenv("PKERN_TRACE", place.file, 1);
        pkern_pool *pool = trace_pool(0, 3, 0);
        trace_work(pool);
        trace_work(0);
        size_t ran = 0;
        pkern_spawn(pool, pool_count_one, &ran);
        pkn_trace_at_exit(); /* exit would run the test runner's handlers, too; examples/trace.c exits */
        _exit(17);
    }
    cr_assert_eq(trace_ended(child), 17);
    trace_load(&file, place.file);
    trace_check(&file, from_ns, PKN_THREADS ? pkn_now_ns() : INT64_MAX);
    cr_assert_eq(trace_count(&file, "process_name"), 2);
    cr_assert_geq(trace_count(&file, "job"), 80);
    trace_free(&file);
    trace_leave_place(&place);
}

#if PKN_THREADS

static pid_t trace_fork(void) {
    fflush(0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        alarm(20);
    }
    return child;
}

Test(pool_trace, a_forked_child_leaves_its_parents_file_alone) {
    trace_place place;
    trace_file file;
    trace_make_place(&place);
    pkern_pool *pool = trace_pool(place.file, 2, 0);
    trace_work(pool);
    char *before = trace_text(place.file);
    for (int destroys = 0; destroys < 2; destroys++) {
        pid_t child = trace_fork();
        if (child == 0) {
            size_t ran = 0;
            if (pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran) != PKERN_OK || ran != 2) {
                _exit(1);
            }
            if (destroys) {
                (void)pkern_pool_destroy(pool);
            }
            pkn_trace_at_exit();
            _exit(17);
        }
        cr_assert_eq(trace_ended(child), 17);
        char *after = trace_text(place.file);
        cr_assert_str_eq(before, after);
        free(after);
    }
    free(before);
    trace_work(pool);
    pool_end(pool);
    trace_load(&file, place.file);
    cr_assert_eq(trace_count(&file, "job"), 80);
    trace_free(&file);
    trace_leave_place(&place);
}

Test(pool_trace, a_forked_childs_own_pools_have_a_file_of_their_own) {
    trace_place place;
    trace_file file;
    char name[160];
    trace_make_place(&place);
#if PKN_TSAN
    trace_leave_place(&place);
    PKN_TEST_SKIP("the thread sanitizer allows no threads after fork");
#endif
    pkern_pool *pool = trace_pool(place.file, 2, 0);
    trace_work(pool);
    pid_t child = trace_fork();
    if (child == 0) {
        pkern_pool *own = trace_pool(place.file, 2, 0);
        trace_work(own);
        _exit(pkern_pool_destroy(own) == PKERN_OK ? 17 : 1);
    }
    cr_assert_eq(trace_ended(child), 17);
    pool_end(pool);
    sprintf(name, "%s.%ld", place.file, (long)child);
    const char *const names[] = {place.file, name};
    for (int i = 0; i < 2; i++) {
        trace_load(&file, names[i]);
        cr_assert_eq(trace_count(&file, "process_name"), 1);
        cr_assert_eq(trace_count(&file, "job"), 40);
        trace_free(&file);
    }
    cr_assert_eq(remove(name), 0);
    trace_leave_place(&place);
}

/* Forks while other threads begin and end traces: the child must find the lock free. */
static void *trace_make_and_end(void *ctx) {
    for (int i = 0; i < 30; i++) {
        pkern_pool *pool = trace_pool((const char *)ctx, 2, 0);
        pool_end(pool);
    }
    return 0;
}

Test(pool_trace, a_child_forked_while_a_trace_is_written_does_not_hang) {
    trace_place place;
    pool_outside outside;
    trace_make_place(&place);
#if POOL_SANITIZER
    trace_leave_place(&place);
    PKN_TEST_SKIP("sanitizers: a child can't have threads, or finds their allocator locked");
#endif
    outside.count = 0;
    pool_end(trace_pool(place.file, 2, 0)); /* fork is watched from here on */
    pool_go(&outside, trace_make_and_end, place.file);
    for (int i = 0; i < 20; i++) {
        pid_t child = trace_fork();
        if (child == 0) {
            char name[120];
            pkern_pool_config config;
            pkern_pool *own = 0;
            memset(&config, 0, sizeof config);
            config.num_threads = 2;
            config.trace = place.file;
            sprintf(name, "%s.%ld", place.file, (long)getpid());
            int good = pkern_pool_create(&config, &own) == PKERN_OK && pkern_pool_destroy(own) == PKERN_OK && remove(name) == 0;
            _exit(good ? 17 : 1);
        }
        cr_assert_eq(trace_ended(child), 17);
        pool_nap_us(300);
    }
    pool_come_back(&outside);
    trace_leave_place(&place);
}

/* The file is written while the workers and another caller go on. */
static void *trace_work_on(void *ctx) {
    for (int i = 0; i < 30; i++) {
        trace_work((pkern_pool *)ctx);
    }
    return 0;
}

Test(pool_trace, writing_while_threads_record_gives_whole_events) {
    trace_place place;
    trace_file file;
    pool_outside outside;
    trace_make_place(&place);
    outside.count = 0;
    uint64_t from_ns = pkn_now_ns();
    pkern_pool *pool = trace_pool(place.file, 3, 0);
    pool_go(&outside, trace_work_on, pool);
    for (int i = 0; i < 10; i++) {
        pool_nap_us(1000);
        cr_assert_eq(remove(place.file), 0);
        pkn_mutex_lock(&pkn_trace_lock);
        pkn_trace_write(pool->trace);
        pkn_mutex_unlock(&pkn_trace_lock);
        trace_load(&file, place.file);
        trace_check(&file, from_ns, pkn_now_ns());
        trace_free(&file);
    }
    pool_come_back(&outside);
    pool_end(pool);
    trace_leave_place(&place);
}

#endif
