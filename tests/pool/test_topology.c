/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"


Test(pool_topology, a_number_of_threads_is_a_plain_decimal_in_range) {
    static const char *const junk[] = {"", " ", "x", "-1", "+1", " 2", "2 ", "2x", "0x2", "1.5", "1e3", "1025", "2147483648",
                                       "4294967297", "18446744073709551616", "99999999999999999999999999", "\n2"};
    char text[16];
    for (size_t i = 0; i < POOL_COUNT(junk); i++) {
        cr_assert_eq(pkn_threads_of_text(junk[i]), 0, "%s", junk[i]);
    }
    cr_assert_eq(pkn_threads_of_text(0), 0);
    cr_assert_eq(pkn_threads_of_text("0"), 0);
    cr_assert_eq(pkn_threads_of_text("007"), 7);
    for (int i = 1; i <= PKERN_MAX_THREADS; i++) {
        snprintf(text, sizeof text, "%d", i);
        cr_assert_eq(pkn_threads_of_text(text), i);
    }
}

Test(pool_topology, a_quota_is_rounded_up_to_whole_cpus) {
    static const struct {
        const char *text;
        int cpus;
    } cases[] = {{"max 100000\n", 0},     {"100000 100000\n", 1}, {"50000 100000\n", 1},   {"100001 100000\n", 2},
                 {"250000 100000", 3},    {"1 100000", 1},        {"0 100000", 0},         {"100000 0", 0},
                 {"-1 100000", 0},        {"", 0},                {"100000", 0},           {"100000 ", 0},
                 {"100000 x", 0},         {"x 100000", 0},        {"1000000000 1", 1024},  {"18446744073709551615 1", 0},
                 {"99999999999999999999 100000", 0}};
    for (size_t i = 0; i < POOL_COUNT(cases); i++) {
        cr_assert_eq(pkn_cpus_of_quota(cases[i].text), cases[i].cpus, "%s", cases[i].text);
    }
}

#if PKN_LINUX && PKN_THREADS

static pool_files topology_files;

Test(pool_topology, cgroup_v2_takes_the_tightest_quota_up_to_the_root) {
    pool_files_write(&topology_files, "/cpu.max", "max 100000\n");
    pool_files_write(&topology_files, "/a/cpu.max", "300000 100000\n");
    pool_files_write(&topology_files, "/a/b/cpu.max", "max 100000\n");
    pool_files_write(&topology_files, "/a/c/cpu.max", "150000 100000\n");
    pool_files_write(&topology_files, "/a/c/d/cpu.max", "500000 100000\n");
    pool_files_write(&topology_files, "/e/other", "");
    cr_assert_eq(pkn_cpus_of_cgroups("0::/\n", topology_files.root), 0);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/a\n", topology_files.root), 3);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/a/b\n", topology_files.root), 3);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/a/c\n", topology_files.root), 2);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/a/c/d\n", topology_files.root), 2);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/e\n", topology_files.root), 0);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/nowhere/at/all\n", topology_files.root), 0);
    cr_assert_eq(pkn_cpus_of_cgroups("0::/a/gone\n", topology_files.root), 3);
    pool_files_write(&topology_files, "/cpu.max", "100000 100000\n");
    cr_assert_eq(pkn_cpus_of_cgroups("0::/a/c/d", topology_files.root), 1);
    pool_files_remove(&topology_files);
}

Test(pool_topology, cgroup_v1_reads_quota_and_period_of_the_cpu_controller) {
    pool_files_write(&topology_files, "/cpu,cpuacct/x/cpu.cfs_quota_us", "250000\n");
    pool_files_write(&topology_files, "/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    pool_files_write(&topology_files, "/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    pool_files_write(&topology_files, "/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    pool_files_write(&topology_files, "/cpu/z/cpu.cfs_quota_us", "50000\n");
    pool_files_write(&topology_files, "/cpu/z/cpu.cfs_period_us", "50000\n");
    pool_files_write(&topology_files, "/cpu/long/cpu.cfs_quota_us", "000000000000000000000000000000000000000000000000000000000050000\n");
    pool_files_write(&topology_files, "/cpu/long/cpu.cfs_period_us", "000000000000000000000000000000000000000000000000000000000050000\n");
    cr_assert_leq(pkn_cpus_of_cgroups("3:cpu:/long\n", topology_files.root), 1); /* cut off, not written past an array */
    pool_files_write(&topology_files, "/cpuset/x/cpu.cfs_quota_us", "1\n");
    pool_files_write(&topology_files, "/cpuset/x/cpu.cfs_period_us", "1\n");
    cr_assert_eq(pkn_cpus_of_cgroups("3:cpu,cpuacct:/x\n", topology_files.root), 3);
    cr_assert_eq(pkn_cpus_of_cgroups("3:cpuacct,cpu:/x/y\n", topology_files.root), 3);
    cr_assert_eq(pkn_cpus_of_cgroups("11:memory:/q\n3:cpu:/z\n1:name=systemd:/\n", topology_files.root), 1);
    cr_assert_eq(pkn_cpus_of_cgroups("3:cpuset:/x\n", topology_files.root), 0);
    cr_assert_eq(pkn_cpus_of_cgroups("3:cpuacct:/x\n", topology_files.root), 0);
    cr_assert_eq(pkn_cpus_of_cgroups("4:cpu,cpuacct:/x\n0::/\n", topology_files.root), 3);
    pool_files_remove(&topology_files);
}

Test(pool_topology, lines_that_mean_nothing_give_no_limit) {
    static const char *const junk[] = {"", "\n", "\n\n", ":", "::", "0:", "0::", "cpu", "1:cpu", "1:cpu:", ":::::", "0::\n0::"};
    char path[2000];
    for (size_t i = 0; i < POOL_COUNT(junk); i++) {
        cr_assert_eq(pkn_cpus_of_cgroups(junk[i], "/nowhere"), 0);
    }
    memset(path, 'a', sizeof path - 1);
    memcpy(path, "0::/", 4);
    path[sizeof path - 1] = 0;
    cr_assert_eq(pkn_cpus_of_cgroups(path, "/nowhere"), 0);
    for (uint64_t i = 0; i < 2000; i++) { /* random lines of the characters that matter */
        char text[64];
        size_t length = (size_t)pool_random(i, 60);
        for (size_t j = 0; j < length; j++) {
            text[j] = "0:/cpu,\na"[pool_random(i * 64 + j, 9)];
        }
        text[length] = 0;
        cr_assert_eq(pkn_cpus_of_cgroups(text, "/nowhere"), 0);
    }
}

Test(pool_topology, the_affinity_mask_bounds_the_usable_cpus) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    int cpus = pkn_affinity(mask);
    cr_assert(cpus >= 1);
    cr_assert(pkn_usable_cpus() >= 1 && pkn_usable_cpus() <= cpus);
    pkn_pin_this_thread(cpus + 1);
    cr_assert_eq(pkn_affinity(mask), 1);
    cr_assert_eq(pkn_usable_cpus(), 1);
    pkn_pin_this_thread(0);
    cr_assert_eq(pkn_affinity(mask), 1);
}

#endif
