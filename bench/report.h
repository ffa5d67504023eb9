/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What a bench prints: a table for people and rows of CSV. Part of bench.h. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/* 3 significant digits with a unit, e.g. "6.21 us"; text has room for 16. */
static const char *bench_time_text(double ns, char *text) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 0;
    while (unit < 3 && ns >= 999.5) {
        ns /= 1000.0;
        unit++;
    }
    snprintf(text, 16, "%.*f %s", ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0, ns, units[unit]);
    return text;
}

static void bench_note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (bench.options.table) {
        vprintf(format, arguments);
        fflush(stdout);
    }
    va_end(arguments);
}

static void bench_csv_row(const char *topic, const char *name, const char *implementation,
                          int threads, size_t size, double median_ns, double iqr_ns) {
    if (bench.options.csv != NULL) {
        fprintf(bench.options.csv, "%s,%s,%s,%d,%zu,%.5g,%.3g\n", topic, name, implementation,
                threads, size, median_ns, iqr_ns);
        fflush(bench.options.csv);
    }
}

/* items: what a call does, for the column "per item" (pairs, sets, rows). */
static void bench_report(const char *topic, const char *name, size_t size, double items,
                         const bench_impl *impls, int count, const bench_stat *stats) {
    char median[16], iqr[16], item[16];
    int one = 0; /* whose core's cycle is reported */
    bench_note("\n%s: %s, n = %zu\n", topic, name, size);
    bench_note("  %-30s %7s %10s %10s %10s %13s %6s\n", "implementation", "threads", "median",
               "IQR", "per item", "x sequential", "CPUs");
    for (int i = 0; i < count; i++) {
        if (stats[i].n_samples == 0) {
            continue;
        }
        bench_note("  %-30s %7d %10s %10s %10s %12.*fx %6.2f\n", impls[i].name, impls[i].threads,
                   bench_time_text(stats[i].median_ns, median),
                   bench_time_text(stats[i].iqr_ns, iqr),
                   bench_time_text(stats[i].median_ns / items, item),
                   stats[0].median_ns < 0.1 * stats[i].median_ns ? 4 : 2,
                   stats[0].median_ns / stats[i].median_ns, stats[i].busy_cpus);
        bench_csv_row(topic, name, impls[i].name, impls[i].threads, size, stats[i].median_ns,
                      stats[i].iqr_ns);
        if (strcmp(impls[i].name, "pkern 1 thread") == 0) {
            one = i;
        }
    }
    bench_csv_row(topic, name, "cycle", 1, size, stats[one].cycle_ns, 0.0);
}

static int bench_wanted(const char *topic, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s/%s", topic, name);
    return bench.options.only == NULL || strstr(full, bench.options.only) != NULL;
}

/* 1 where a quick run has used up its time; the case is counted. */
static int bench_late(void) {
    int late = bench.options.end_ns > 0.0 && bench_now() > bench.options.end_ns;
    bench.n_late += late;
    return late;
}

/* Measures and prints one case, if it is wanted and there is time. 0 where it was not run. */
__attribute__((unused)) static int bench_case_stats(const char *topic, const char *name,
                                                    size_t size, double items,
                                                    const bench_impl *impls, int count,
                                                    bench_stat *stats) {
    if (!bench_wanted(topic, name) || bench_late()) {
        return 0;
    }
    bench_measure(name, BENCH_HOT, impls, count, stats);
    bench_report(topic, name, size, items, impls, count, stats);
    bench.n_cases++;
    return 1;
}

__attribute__((unused)) static int bench_case(const char *topic, const char *name, size_t size,
                                              double items, const bench_impl *impls, int count) {
    bench_stat stats[BENCH_MAX_IMPLS];
    return bench_case_stats(topic, name, size, items, impls, count, stats);
}

/* The line that names the machine. */
static void bench_print_machine(FILE *to) {
    struct utsname system;
    char model[128] = "unknown CPU", line[256];
    FILE *cpuinfo = fopen("/proc/cpuinfo", "r");
    double load = 0.0;
    while (cpuinfo != NULL && fgets(line, sizeof line, cpuinfo) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (cpuinfo != NULL) {
        fclose(cpuinfo);
    }
    uname(&system);
    fprintf(
        to,
        "machine: %s, %d usable CPUs at %.2f GHz, %s %s %s, %s %s, pkern %s, instruction set %s\n",
        model, CPU_COUNT(&bench.usable), bench.cycle_ns > 0.0 ? 1.0 / bench.cycle_ns : 0.0,
        system.sysname, system.release, system.machine,
#if defined(__clang__)
        "clang", __clang_version__,
#else
        "gcc", __VERSION__,
#endif
        PKERN_VERSION, pkern_simd_isa());
    if (getloadavg(&load, 1) == 1 && load > 0.5) {
        fprintf(to, "machine: load average %.2f before the run: the figures are noisy\n", load);
    }
}

#endif /* BENCH_REPORT_H */
