/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The explorer's driver: runs the tables of litmus tests, planted bugs and scenarios, or replays one failure.
   explore [--executions N] [--seed S] [--only NAME] [--all | --bounded PREEMPTIONS OLD_VALUES | --random]
           [--schedules] [--mutant N] [--replay NAME SCHEDULE] [litmus] [planted] [scenarios] */
#include "explore.c"

#include <signal.h>
#include <time.h>

/* ---- one execution ---- */

static void *run_scenario_thread(void *argument) {
    search.scenario->thread[*(const int *)argument]();
    return 0;
}

static void begin_execution(void) {
    static int numbers[EXPLORE_THREADS];
    unsigned used = now.view_used;
    for (int i = 0; i < EXPLORE_THREADS; i++) {
        thread *t = &now.threads[i];
        memset(t->now.at, 0, used * sizeof t->now.at[0]);
        memset(t->acquired.at, 0, used * sizeof t->now.at[0]);
        memset(t->released.at, 0, used * sizeof t->now.at[0]);
        memset(t->stale_floor, 0, used * sizeof t->stale_floor[0]);
        t->alive = t->pending = t->yielded = t->stales = t->start_pending = 0;
        t->futex = t->pending_address = 0;
        t->least_store = t->slept_stores = 0;
        t->clock = 0;
        t->run = 0;
        t->priority = (int)(next_random() >> 40);
    }
    memset(now.fences.at, 0, used * sizeof now.fences.at[0]);
    now.execution++;
    now.writes = 0;
    now.view_used = LANES;
    now.locations = now.stores = now.messages = 0;
    now.heap_used = 64;
    now.allocations_left = -1;
    now.tick_step = 1;
    now.current = 0;
    search.depth = search.sleep = search.steps = search.spins = 0;
    search.last = -1;
    search.preempted = search.staled = 0;
    search.name_count = 0;
    for (unsigned i = 0; i < 3; i++) {
        search.change[i] = (unsigned)(next_random() % (search.mean_steps + 1));
    }
    if (search.scenario->setup != 0) {
        search.scenario->setup();
    }
    for (int i = 0; i < EXPLORE_THREADS && search.scenario->thread[i] != 0; i++) {
        numbers[i] = i;
        now.threads[i].run = run_scenario_thread;
        now.threads[i].argument = &numbers[i];
        start_thread(i);
    }
}

static int run_execution(void) {
    int end = _setjmp(driver);
    if (end == 0) {
        begin_execution();
        now.running = 1;
        now.current = select_thread();
        _longjmp(context[now.current], 1);
    }
    now.running = 0;
    if (end == RUN_DONE) {
        end = _setjmp(driver);
        if (end == 0) {
            if (search.scenario->check != 0) {
                search.scenario->check();
            }
            end = RUN_DONE;
        }
    }
    search.executions++;
    search.mean_steps = search.steps;
    return end;
}

/* ---- the search of a scenario ---- */

/* To the next path; 0 where all have been walked. */
static int backtrack(void) {
    while (search.depth != 0) {
        choice *c = &search.path[search.depth - 1];
        if (!c->is_thread) {
            if (++c->chosen < c->count) {
                break;
            }
        } else {
            c->done |= (uint8_t)(1u << c->chosen);
            unsigned rest = c->options & ~(unsigned)c->done;
            if (rest != 0) {
                c->chosen = (uint8_t)__builtin_ctz(rest);
                break;
            }
        }
        search.depth--;
    }
    search.prefix = search.depth;
    return search.depth != 0;
}

static void forget_sharing(void) {
    while (touched_count != 0) {
        uint32_t index = touched_list[--touched_count];
        touched[index] = wrote[index] = is_shared[index] = 0;
    }
}

static void learn_sharing(void) {
    for (unsigned i = 0; i < touched_count; i++) {
        uint32_t index = touched_list[i];
        is_shared[index] = (touched[index] & (touched[index] - 1)) != 0 && wrote[index] != 0;
    }
    found_shared = 0;
}

typedef struct result {
    int failed, exhausted, preemptions, stale; /* exhausted: all executions, or all within these bounds */
    uint64_t executions, at_random;
} result;

/* Executions until all have been seen, or the limit. 1 where one has failed. */
static int walk(uint64_t limit, int *exhausted) {
    search.prefix = 0;
    *exhausted = 0;
    while (search.executions < limit) {
        int end = run_execution();
        if (found_shared) {
            learn_sharing();
            search.prefix = 0;
            search.outcomes = 0;
            continue;
        }
        if (end == RUN_FAILED) {
            return 1;
        }
        if (search.how != EXPLORE_RANDOM && !backtrack()) {
            *exhausted = 1;
            return 0;
        }
    }
    return 0;
}

/* A bounded search that has ended goes on with as many executions at random, then with wider bounds, while the limit lasts. */
static result search_scenario(const explore_scenario *scenario, uint64_t limit, uint64_t seed) {
    result r;
    int exhausted;
    memset(&r, 0, sizeof r);
    search.scenario = scenario;
    search.how = scenario->how;
    search.preemptions = scenario->preemptions;
    search.stale = scenario->stale;
    search.random = seed;
    search.executions = search.outcomes = search.mean_steps = 0;
    search.failure[0] = 0;
    forget_sharing();
    found_shared = 0;
    r.failed = walk(limit, &exhausted);
    r.exhausted = exhausted;
    r.preemptions = search.preemptions;
    r.stale = search.stale;
    while (scenario->how == EXPLORE_BOUNDED && scenario->seen == 0 && exhausted && !r.failed && search.executions < limit) {
        uint64_t before = search.executions;
        search.how = EXPLORE_RANDOM;
        r.failed = walk(2 * before < limit ? 2 * before : limit, &exhausted);
        r.at_random += search.executions - before;
        search.how = EXPLORE_BOUNDED;
        if (!r.failed && search.executions < limit) {
            search.preemptions++;
            search.stale++;
            r.failed = walk(limit, &exhausted);
            r.preemptions += exhausted;
            r.stale += exhausted;
        }
    }
    r.executions = search.executions;
    return r;
}

/* ---- schedules as text: letters are threads, numbers their steps, ~n the n-th choice from the newest in the last step ---- */

static void print_schedule(void) {
    printf("    replay: --replay '%s' ", search.scenario->name);
    for (unsigned i = 0; i < search.steps;) {
        unsigned first = i;
        while (i < search.steps && search.step_thread[i] == search.step_thread[first] && search.step_stale[i] == 0) {
            i++;
        }
        int stale = i < search.steps && search.step_thread[i] == search.step_thread[first];
        printf("%c%u", 'a' + search.step_thread[first], i - first + (unsigned)stale);
        if (stale) {
            printf("~%u", search.step_stale[i]);
            i++;
        }
    }
    printf("\n");
}

static void parse_schedule(const char *text) {
    search.replay_steps = 0;
    while (*text >= 'a' && *text < 'a' + EXPLORE_THREADS) {
        uint8_t t = (uint8_t)(*text++ - 'a');
        unsigned long count = strtoul(text, (char **)(uintptr_t)&text, 10);
        for (; count != 0 && search.replay_steps < STEPS; count--) {
            search.replay_thread[search.replay_steps] = t;
            search.replay_stale[search.replay_steps++] = 0;
        }
        if (*text == '~' && search.replay_steps != 0) {
            search.replay_stale[search.replay_steps - 1] = (uint8_t)strtoul(text + 1, (char **)(uintptr_t)&text, 10);
        }
    }
}

/* 1 where the failure that was found happens again when its schedule is followed. */
static int repeats(void) {
    char failure[sizeof search.failure];
    memcpy(failure, search.failure, sizeof failure);
    memcpy(search.replay_thread, search.step_thread, search.steps);
    memcpy(search.replay_stale, search.step_stale, search.steps);
    search.replay_steps = search.steps;
    search.how = REPLAY;
    search.failure[0] = 0;
    return run_execution() == RUN_FAILED && strcmp(search.failure, failure) == 0;
}

static int replay(const explore_scenario *scenario, const char *schedule) {
    search.scenario = scenario;
    search.how = REPLAY;
    search.tracing = 1;
    parse_schedule(schedule);
    forget_sharing();
    int end = run_execution();
    printf("%s: %s\n", scenario->name, end == RUN_FAILED ? search.failure : "no failure");
    return end == RUN_FAILED;
}

/* ---- tables ---- */

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static uint64_t total_executions;
static int failures;
int explore_mutant;
static int how_given = -1; /* instead of what the tables say */
static int preemptions_given, stale_given;
static int all_schedules; /* those of planted bugs, too */

static void run_table(const char *title, const explore_scenario *table, uint64_t budget, uint64_t seed, const char *only) {
    uint64_t left = budget, weights = 0, before = total_executions;
    double start = seconds();
    unsigned count = 0;
    for (const explore_scenario *s = table; s->name != 0; s++) {
        weights += s->weight != 0 ? (unsigned)s->weight : 1u;
    }
    /* what one leaves of its share goes to those after it */
    for (const explore_scenario *s = table; s->name != 0; s++) {
        uint64_t weight = s->weight != 0 ? (unsigned)s->weight : 1u;
        if (only != 0 && strcmp(only, s->name) != 0) {
            weights -= weight;
            continue;
        }
        double began = seconds();
        explore_scenario given = *s;
        if (how_given >= 0) {
            given.how = how_given;
            given.preemptions = preemptions_given;
            given.stale = stale_given;
        }
        result r = search_scenario(&given, left * weight / weights, seed);
        if (s->seen != 0 && !r.failed) {
            /* the reductions lose nothing: the same outcomes without sleep sets */
            explore_scenario plain = *s;
            uint64_t outcomes = search.outcomes;
            plain.how = EXPLORE_BOUNDED;
            plain.preemptions = plain.stale = 1000;
            r.executions += search_scenario(&plain, left, seed).executions;
            r.failed |= search.outcomes != outcomes;
        }
        double took = seconds() - began;
        const char *verdict = "ok";
        int wrong = 0;
        if (s->finds != 0) {
            wrong = !r.failed || strstr(search.failure, s->finds) == 0 || !repeats();
            verdict = wrong ? "NOT FOUND, OR NOT AGAIN" : "found";
        } else if (r.failed) {
            wrong = 1;
            verdict = "FAILED";
        } else if ((search.outcomes & s->seen) != s->seen || (search.outcomes & s->not_seen) != 0) {
            wrong = 1;
            verdict = "WRONG OUTCOMES";
        }
        char reach[64];
        if (!r.exhausted) {
            snprintf(reach, sizeof reach, s->how == EXPLORE_RANDOM ? "at random" : "of more");
        } else if (given.how == EXPLORE_ALL) {
            snprintf(reach, sizeof reach, "all");
        } else {
            snprintf(reach, sizeof reach, "all within %d/%d, %llu at random", r.preemptions, r.stale,
                     (unsigned long long)r.at_random);
        }
        printf("  %-46s %9llu  %-34s %6.2f s  %s\n", s->name, (unsigned long long)r.executions, reach, took, verdict);
        if (wrong) {
            failures++;
            printf("    %s (outcomes %#llx)\n", r.failed ? search.failure : "no failure", (unsigned long long)search.outcomes);
        }
        if (r.failed && (wrong || all_schedules)) {
            print_schedule();
        }
        fflush(stdout);
        count++;
        total_executions += r.executions;
        weights -= weight;
        left -= r.executions < left ? r.executions : left;
        if (wrong && explore_mutant != 0) {
            break;
        }
    }
    if (count != 0) {
        printf("%s: %u, %llu executions, %.1f s\n", title, count, (unsigned long long)(total_executions - before), seconds() - start);
    }
}

/* A wild access is a failure of the execution like any other. */
static void on_crash(int number) {
    (void)number;
    if (!now.running) {
        abort();
    }
    explore_fail("crash");
}

static void catch_crashes(void) {
    static char stack[1 << 16];
    stack_t alternate;
    struct sigaction action;
    memset(&alternate, 0, sizeof alternate);
    memset(&action, 0, sizeof action);
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, 0);
    action.sa_handler = on_crash;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    sigaction(SIGILL, &action, 0);
}

int main(int argc, char **argv) {
    uint64_t budget = 5200000, seed = 1;
    const char *only = 0;
    int litmus = 0, planted = 0, scenarios = 0;
    make_coroutines();
    catch_crashes();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--executions") == 0 && i + 1 < argc) {
            budget = strtoull(argv[++i], 0, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], 0, 10);
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else if (strcmp(argv[i], "--mutant") == 0 && i + 1 < argc) {
            explore_mutant = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--schedules") == 0) {
            all_schedules = 1;
        } else if (strcmp(argv[i], "--all") == 0) {
            how_given = EXPLORE_ALL;
        } else if (strcmp(argv[i], "--random") == 0) {
            how_given = EXPLORE_RANDOM;
        } else if (strcmp(argv[i], "--bounded") == 0 && i + 2 < argc) {
            how_given = EXPLORE_BOUNDED;
            preemptions_given = atoi(argv[++i]);
            stale_given = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--replay") == 0 && i + 2 < argc) {
            const explore_scenario *const tables[] = {explore_litmus, explore_planted, explore_scenarios};
            for (int k = 0; k < 3; k++) {
                for (const explore_scenario *s = tables[k]; s->name != 0; s++) {
                    if (strcmp(s->name, argv[i + 1]) == 0) {
                        return replay(s, argv[i + 2]);
                    }
                }
            }
            fprintf(stderr, "there is no scenario '%s'\n", argv[i + 1]);
            return 2;
        } else {
            litmus |= strcmp(argv[i], "litmus") == 0;
            planted |= strcmp(argv[i], "planted") == 0;
            scenarios |= strcmp(argv[i], "scenarios") == 0;
        }
    }
    if (!litmus && !planted && !scenarios) {
        litmus = planted = scenarios = 1;
    }
    if (litmus) {
        run_table("litmus tests", explore_litmus, 4000000, seed, only);
    }
    if (planted) {
        run_table("planted bugs", explore_planted, 4000000, seed, only);
    }
    if (scenarios) {
        run_table("scenarios", explore_scenarios, budget, seed, only);
    }
    printf("explorer: %llu executions, %d failures\n", (unsigned long long)total_executions, failures);
    return failures != 0;
}
