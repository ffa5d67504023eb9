/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Where the CPUs of pinned workers lie, so that a thief looks at its neighbours first: those with the same last cache, then those of the
   same memory node, then the others. Only where the workers are pinned and differ; guests count as near, since nobody knows where
   they run and most work begins with them. */
#ifndef PKN_POOL_DISTANCE_H
#define PKN_POOL_DISTANCE_H

#include "pool/topology.h"

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
