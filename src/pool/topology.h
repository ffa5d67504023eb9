/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How many CPUs this process may use: the smaller of the affinity mask and the cgroup's quota. */
#ifndef PKN_POOL_TOPOLOGY_H
#define PKN_POOL_TOPOLOGY_H

#include "pool/member.h"
#include "base/bits.h"

/* A decimal number at *text, which is moved behind it. 1 where there is one that fits. */
PKN_INTERNAL int pkn_parse_number(const char **text, uint64_t *number) {
    const char *at = *text;
    uint64_t value = 0;
    if (*at < '0' || *at > '9') {
        return 0;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (UINT64_MAX - 9) / 10) {
            return 0;
        }
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *text = at;
    *number = value;
    return 1;
}

/* CPUs that "quota period" (cgroup v2's cpu.max, in us) allows, rounded up; 0 for no limit or text that means nothing. */
PKN_INTERNAL int pkn_cpus_of_quota(const char *text) {
    uint64_t quota, period;
    if (!pkn_parse_number(&text, &quota) || (*text != ' ' && *text != '\n')) {
        return 0;
    }
    text++;
    if (!pkn_parse_number(&text, &period) || period == 0 || quota == 0) {
        return 0;
    }
    uint64_t cpus = quota / period + (quota % period != 0);
    return cpus > PKERN_MAX_THREADS ? PKERN_MAX_THREADS : (int)cpus;
}

/* The threads that the environment asks for; 0 where it says nothing usable. */
PKN_INTERNAL int pkn_threads_of_text(const char *text) {
    uint64_t number;
    if (text == 0 || !pkn_parse_number(&text, &number) || *text != 0 || number > PKERN_MAX_THREADS) {
        return 0;
    }
    return (int)number;
}

#if PKN_LINUX && PKN_THREADS

/* Reads a small file as text; 0 where that fails. */
PKN_INTERNAL size_t pkn_read_text(const char *path, char *text, size_t size) {
    size_t length = 0;
    int cancellation = pkn_hold_cancellation();
    FILE *file = fopen(path, "re");
    if (file != 0) {
        length = fread(text, 1, size - 1, file);
        fclose(file);
        text[length] = 0;
    }
    pkn_allow_cancellation(cancellation);
    return length;
}

/* folder/name, read; 0 where it doesn't fit or isn't there */
PKN_INTERNAL size_t pkn_read_in_folder(const char *folder, size_t folder_length, const char *name, char *text, size_t size) {
    char path[1024];
    size_t name_length = strlen(name);
    if (folder_length + name_length + 1 > sizeof path) {
        return 0;
    }
    memcpy(path, folder, folder_length);
    memcpy(path + folder_length, name, name_length + 1);
    return pkn_read_text(path, text, size);
}

/* The tightest quota of a cgroup folder and its parents, up to the root of length root_length. 0 for none. */
PKN_INTERNAL int pkn_cpus_of_cgroup(char *folder, size_t root_length) {
    char quota[64];
    char period[32]; /* both fit in quota */
    int least = 0;
    for (size_t length = strlen(folder); length >= root_length; length--) {
        if (length != root_length && folder[length] != '/' && folder[length] != 0) {
            continue;
        }
        folder[length] = 0;
        int cpus = 0;
        if (pkn_read_in_folder(folder, length, "/cpu.max", quota, sizeof quota) != 0) {
            cpus = pkn_cpus_of_quota(quota);
        } else if (pkn_read_in_folder(folder, length, "/cpu.cfs_quota_us", quota, 32) != 0 &&
                   pkn_read_in_folder(folder, length, "/cpu.cfs_period_us", period, 32) != 0) {
            size_t end = strcspn(quota, "\n");
            quota[end] = ' ';
            memcpy(quota + end + 1, period, strlen(period) + 1);
            cpus = pkn_cpus_of_quota(quota);
        }
        if (cpus != 0 && (least == 0 || cpus < least)) {
            least = cpus;
        }
    }
    return least;
}

/* The quota that the lines of /proc/self/cgroup lead to below mount_root (normally /sys/fs/cgroup). 0 for none. */
PKN_INTERNAL int pkn_cpus_of_cgroups(const char *lines, const char *mount_root) {
    int least = 0;
    while (*lines != 0) {
        size_t length = strcspn(lines, "\n");
        const char *first_colon = (const char *)memchr(lines, ':', length);
        const char *second_colon =
            first_colon == 0 ? 0 : (const char *)memchr(first_colon + 1, ':', (size_t)(lines + length - first_colon - 1));
        if (second_colon != 0) {
            size_t names = (size_t)(second_colon - first_colon - 1);
            /* v2 has no names; v1's cpu controller is mounted as "cpu", alone or with cpuacct */
            const char *folders[3] = {"", "/cpu", "/cpu,cpuacct"};
            int is_cpu = 0;
            for (size_t i = 0; i + 3 <= names; i++) {
                is_cpu |= strncmp(first_colon + 1 + i, "cpu", 3) == 0 && (i == 0 || first_colon[i] == ',') &&
                          (i + 3 == names || first_colon[i + 4] == ',');
            }
            for (int i = names == 0 ? 0 : 1; i < (names == 0 ? 1 : is_cpu ? 3 : 0); i++) {
                char folder[768];
                size_t root = strlen(mount_root) + strlen(folders[i]);
                size_t path = (size_t)(lines + length - second_colon - 1);
                if (root + path + 1 < sizeof folder) {
                    memcpy(folder, mount_root, strlen(mount_root));
                    memcpy(folder + strlen(mount_root), folders[i], strlen(folders[i]));
                    memcpy(folder + root, second_colon + 1, path);
                    folder[root + path] = 0;
                    int cpus = pkn_cpus_of_cgroup(folder, root);
                    if (cpus != 0 && (least == 0 || cpus < least)) {
                        least = cpus;
                    }
                }
            }
        }
        lines += length + (lines[length] != 0);
    }
    return least;
}

#define PKN_CPU_MASK_WORDS 128

/* The CPUs of the affinity mask, as a bit set; their number, 0 where the system doesn't say. */
PKN_INTERNAL int pkn_affinity(unsigned long mask[PKN_CPU_MASK_WORDS]) {
    memset(mask, 0, PKN_CPU_MASK_WORDS * sizeof mask[0]);
    size_t bytes = pkn_thread_get_affinity(mask, PKN_CPU_MASK_WORDS * sizeof mask[0]);
    int cpus = 0;
    for (size_t i = 0; i < bytes / sizeof mask[0]; i++) {
        cpus += (int)pkn_popcount_u64(mask[i]);
    }
    return cpus;
}

/* The n-th CPU of the affinity mask, counted round; -1 where the system doesn't say. */
PKN_INTERNAL int pkn_nth_cpu(int n) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    int cpus = pkn_affinity(mask);
    int left = cpus == 0 ? 0 : n % cpus;
    for (size_t bit = 0; cpus != 0 && bit < 8 * sizeof mask; bit++) {
        unsigned long word = mask[bit / (8 * sizeof mask[0])];
        if ((word >> bit % (8 * sizeof mask[0]) & 1u) != 0 && left-- == 0) {
            return (int)bit;
        }
    }
    return -1;
}

/* Keeps the calling thread on that CPU. */
PKN_INTERNAL void pkn_pin_this_thread(int n) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    int cpu = pkn_nth_cpu(n);
    if (cpu >= 0) {
        size_t bit = (size_t)cpu;
        memset(mask, 0, sizeof mask);
        mask[bit / (8 * sizeof mask[0])] = 1ul << bit % (8 * sizeof mask[0]);
        pkn_thread_set_affinity(mask, sizeof mask);
    }
}

PKN_INTERNAL int pkn_usable_cpus(void) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    char lines[2048];
    int cpus = pkn_affinity(mask);
    int quota = 0;
    if (pkn_read_text("/proc/self/cgroup", lines, sizeof lines) != 0) {
        quota = pkn_cpus_of_cgroups(lines, "/sys/fs/cgroup");
    }
    if (cpus == 0) {
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    }
    if (quota != 0 && quota < cpus) {
        cpus = quota;
    }
    return cpus < 1 ? 1 : cpus > PKERN_MAX_THREADS ? PKERN_MAX_THREADS : cpus;
}

#else

PKN_INTERNAL void pkn_pin_this_thread(int n) {
    PKN_UNUSED(n);
}

PKN_INTERNAL int pkn_usable_cpus(void) {
#if PKN_THREADS && defined(_SC_NPROCESSORS_ONLN)
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > PKERN_MAX_THREADS ? PKERN_MAX_THREADS : (int)cpus;
#else
    return 1;
#endif
}

#endif

#endif
