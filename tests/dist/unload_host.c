/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* unload_host LIBRARY COUNT: loads, uses and unloads a library that carries pkern, COUNT times; then counts the threads, the memory and the
   mappings that are left, and forks, since the library's fork handlers must be gone with it. R37 and R41 of docs/reliability.md. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static long status_of(const char *name) {
    char  line[256];
    long  value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, name, &value) == 1) break;
    if (file) fclose(file);
    return value;
}

static long mappings(void) {
    long  lines = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    for (int c; file && (c = getc(file)) != EOF;) lines += c == '\n';
    if (file) fclose(file);
    return lines;
}

int main(int argc, char **argv) {
    long count = argc > 2 ? atol(argv[2]) : 0, rss = 0, maps = 0;
    if (count < 100) return fprintf(stderr, "usage: %s LIBRARY COUNT (at least 100)\n", argv[0]), 2;
    alarm(120);
    for (long i = 0; i < count; i++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        int (*run)(int) = 0;
        if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
        *(void **)&run = dlsym(library, "library_run");
        int failed = run ? run(1 + (int)(i % 4)) : 9;
        if (failed) return fprintf(stderr, "round %ld: step %d failed\n", i, failed), 1;
        if (dlclose(library)) return fprintf(stderr, "%s\n", dlerror()), 1;
        if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD)) return fprintf(stderr, "round %ld: still loaded\n", i), 1;
        if (i == count / 10) {
            rss = status_of("VmRSS: %ld");
            maps = mappings();
        }
    }
    long more_rss = status_of("VmRSS: %ld") - rss, more_maps = mappings() - maps, threads = status_of("Threads: %ld");
    pid_t child = fork();
    int   status = 1;
    if (child == 0) _exit(0);
    while (waitpid(child, &status, 0) < 0) {}
    printf("%ld times loaded and unloaded: %ld threads, %ld KiB and %ld mappings more than after a tenth\n", count, threads, more_rss,
           more_maps);
    return threads != 1 || more_rss > 512 || more_maps > 4 || status != 0;
}
