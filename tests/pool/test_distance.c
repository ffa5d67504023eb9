/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Places of CPUs from a made-up /sys, and the order of victims that follows. */
#include "pool_tools.h"

#if PKN_LINUX && PKN_THREADS

static pool_files distance_files;

Test(pool_distance, a_cpu_is_found_in_a_list) {
    static const struct {
        const char *text;
        uint64_t cpu;
        int is_named, first;
    } cases[] = {{"0-3,8-11\n", 2, 1, 0}, {"0-3,8-11", 8, 1, 0}, {"0-3,8-11", 4, 0, 0}, {"5", 5, 1, 5},
                 {"5", 55, 0, 5},         {"", 0, 0, -1},        {"x", 0, 0, -1},       {"3-", 3, 0, -1},
                 {"7,9", 9, 1, 7},        {"1-2,", 2, 1, 1},     {"4-4", 4, 1, 4},      {"99999999999999999999", 1, 0, -1}};
    for (size_t i = 0; i < POOL_COUNT(cases); i++) {
        int first = -1;
        cr_assert_eq(pkn_cpu_list_has(cases[i].text, cases[i].cpu, &first), cases[i].is_named, "%s", cases[i].text);
        cr_assert_eq(first, cases[i].first, "%s", cases[i].text);
    }
}

/* 8 CPUs: two nodes of two caches of two CPUs each; the smaller caches are each CPU's own. */
static void distance_write_machine(void) {
    char path[96], text[32];
    for (int cpu = 0; cpu < 8; cpu++) {
        snprintf(path, sizeof path, "/cpu/cpu%d/cache/index0/shared_cpu_list", cpu);
        snprintf(text, sizeof text, "%d\n", cpu);
        pool_files_write(&distance_files, path, text);
        snprintf(path, sizeof path, "/cpu/cpu%d/cache/index3/shared_cpu_list", cpu);
        snprintf(text, sizeof text, "%d-%d\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        pool_files_write(&distance_files, path, text);
    }
    pool_files_write(&distance_files, "/node/node0/cpulist", "0-3\n");
    pool_files_write(&distance_files, "/node/node1/cpulist", "4-7\n");
}

Test(pool_distance, places_come_from_the_systems_files) {
    pkn_cpu_place places[8];
    distance_write_machine();
    for (int cpu = 0; cpu < 8; cpu++) {
        places[cpu] = pkn_place_of_cpu(distance_files.root, cpu);
        cr_assert_eq(places[cpu].cache, cpu / 2 * 2 + 1);
        cr_assert_eq(places[cpu].node, cpu / 4 + 1);
    }
    pkn_cpu_place missing = pkn_place_of_cpu(distance_files.root, 9);
    cr_assert_eq(missing.cache, 1);
    cr_assert_eq(missing.node, 1);
    pool_files_remove(&distance_files);
    missing = pkn_place_of_cpu("/nowhere", 3);
    cr_assert_eq(missing.cache, 1);
    cr_assert_eq(missing.node, 1);
}

static int distance_taken;

static int distance_take(void *ctx) {
    distance_taken = (int)(size_t)ctx;
    return 0;
}

/* Each of eight members has a job; the first takes them all. */
static void distance_check_order(pkern_pool *pool, const int order[7]) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *self = pkn_member_at(pool, 0);
    for (int i = 1; i < 8; i++) {
        pkn_job job = {distance_take, (void *)(size_t)i, 0, 0, PKN_ROOT_NONE};
        pkn_atomic_fetch_add_relaxed_size(&pool->detached, 1);
        cr_assert_eq(pkn_spawn_push(pkn_member_at(pool, (uint32_t)i), &job), 0);
    }
    self->victim = 0;
    for (int i = 0; i < 7; i++) {
        cr_assert(pkn_take_from_any(self, &anything, 1));
        cr_assert(pkn_take_from_any(self, &anything, 0));
        cr_assert_eq(distance_taken, order[i], "the %d-th was taken from %d, not %d", i, distance_taken, order[i]);
    }
    cr_assert(!pkn_take_from_any(self, &anything, 1));
}

Test(pool_distance, near_victims_come_first) {
    static const int plain[7] = {1, 2, 3, 4, 5, 6, 7};
    static const int near_first[7] = {2, 7, 4, 6, 1, 3, 5}; /* 7 is a guest */
    static const int cpus[8] = {0, 4, 1, 5, 2, 6, 3, -1};
    pkern_pool_config config;
    distance_write_machine();
    memset(&config, 0, sizeof config);
    pkern_pool *pool = pkn_pool_allocate(&config, 8, 8);
    pool->num_threads = 8;
    pool->ticks_per_ns = 1.0;
    for (int i = 0; i < 8; i++) {
        pkn_member *member = pkn_member_create(pool, i, i < 7);
        pkn_atomic_store_relaxed_ptr(&pool->members[i], member);
        pkn_atomic_store_release_u32(&pool->num_members, (uint32_t)i + 1u);
    }
    distance_check_order(pool, plain);
    for (int i = 0; i < 7; i++) {
        pkn_member_at(pool, (uint32_t)i)->place = pkn_place_of_cpu(distance_files.root, cpus[i]);
        pool->is_spread |= pkn_distance(pkn_member_at(pool, (uint32_t)i), pkn_member_at(pool, 0)) != 0;
    }
    cr_assert(pool->is_spread);
    distance_check_order(pool, near_first);
    pkn_pool_free(pool);
    pool_files_remove(&distance_files);
}

Test(pool_distance, a_pinned_pool_works_as_any) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 4;
    config.flags = PKERN_POOL_PIN;
    for (int spread = 0; spread < 2; spread++) {
        if (spread) {
            pool_files_write(&distance_files, "/node/node0/cpulist", "0,2,4,6\n");
            pool_files_write(&distance_files, "/node/node1/cpulist", "1,3,5,7\n");
            pool_files_write(&distance_files, "/cpu/cpu1/cache/index2/shared_cpu_list", "1,3,5,7\n");
            test_devices = distance_files.root;
        }
        pkern_pool *pool = pool_with(&config);
        if (spread && pkn_nth_cpu(1) == 1 && pkn_nth_cpu(2) % 2 == 0) {
            cr_assert(pool->is_spread);
        }
        for (int i = 0; i < 200; i++) {
            size_t ran = 0;
            pkern_scope scope;
            cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
            for (int k = 0; k < 50; k++) {
                cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            cr_assert_eq(ran, 50);
        }
        pool_end(pool);
    }
    pool_files_remove(&distance_files);
    test_devices = "/sys/devices/system";
}

#endif
