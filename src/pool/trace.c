/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Writing the trace. The file is complete after each step: it is created as an array of one event, and whatever is added takes the
   place of the closing bracket. So pools may come and go and share a file, and what is there can be opened at any time.

   A process is recognised by its number, so a forked child knows that the traces it inherits are not its own. */
#ifndef PKN_POOL_TRACE_C
#define PKN_POOL_TRACE_C

#include "pool/trace.h"
#include "pool/guest.h"

struct pkn_trace {
    pkn_trace *next; /* of the process's traced pools, under pkn_trace_lock */
    pkern_pool *pool;
    long process;
    unsigned number; /* of the pool in the process */
    size_t bytes;
    char file[1];
};

typedef struct pkn_trace_kind {
    const char *name;
    const char *first, *second; /* what the event's numbers are, 0 for none */
} pkn_trace_kind;

static const pkn_trace_kind pkn_trace_kinds[PKN_TRACE_KINDS] = {
    {"stolen join", "from", 0},
    {"job", "from", 0},
    {"help", "owner", "units"},
    {"loop", "units", 0},
    {"loop, not shared", 0, 0},
    {"broadcast", 0, 0},
    {"wait", 0, 0},
    {"wait for join", 0, 0},
    {"wait for scope", 0, 0},
    {"wait for loop", 0, 0},
    {"wait for broadcast", 0, 0},
    {"wait for future", 0, 0},
    {"wait for idle", 0, 0},
    {"yield", 0, 0},
    {"sleep", 0, 0},
    {"call", 0, 0},
    {"wake", "slot", 0},
    {"announce broadcast", 0, 0},
};

static pkn_trace *pkn_traces;
static unsigned pkn_traced_pools;
static int pkn_trace_watches_exit;

/* Which files this process has created, by their names' hashes; where there are more, the oldest is forgotten and begun anew. */
#define PKN_TRACE_FILES 16u
static uint64_t pkn_trace_files[PKN_TRACE_FILES];
static unsigned pkn_trace_file_count;

/* ---- the file ---- */

PKN_INTERNAL uint64_t pkn_trace_hash(const char *file, long process) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)process;
    for (; *file != 0; file++) {
        hash = (hash ^ (unsigned char)*file) * UINT64_C(0x100000001b3);
    }
    return hash | 1u;
}

#define PKN_TRACE_END "\n]\n"

/* The file, positioned where the next event goes, after what stands before it was written; 0 where it can't be had. */
PKN_INTERNAL FILE *pkn_trace_open_file(const pkn_trace *trace) {
    uint64_t hash = pkn_trace_hash(trace->file, trace->process);
    for (unsigned i = 0; i < PKN_TRACE_FILES; i++) {
        FILE *known = pkn_trace_files[i] == hash ? fopen(trace->file, "rb+") : 0;
        char end[sizeof PKN_TRACE_END] = "";
        if (known != 0) {
            if (fseek(known, -(long)(sizeof end - 1), SEEK_END) == 0 && fread(end, 1, sizeof end - 1, known) == sizeof end - 1 &&
                strcmp(end, PKN_TRACE_END) == 0 && fseek(known, -(long)(sizeof end - 1), SEEK_END) == 0 &&
                fputs(",\n", known) >= 0) {
                return known;
            }
            fclose(known);
        }
    }
    FILE *made = fopen(trace->file, "wb");
    if (made != 0) {
        pkn_trace_files[pkn_trace_file_count++ % PKN_TRACE_FILES] = hash;
        if (fputs("[\n", made) < 0) {
            fclose(made);
            return 0;
        }
    }
    return made;
}

PKN_INTERNAL pkern_status pkn_trace_close_file(FILE *file) {
    int failed = fputs(PKN_TRACE_END, file) < 0;
    failed |= ferror(file);
    failed |= fclose(file);
    return failed ? PKERN_EIO : PKERN_OK;
}

/* As a part of a JSON string. */
PKN_INTERNAL void pkn_trace_put_text(FILE *file, const char *text) {
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', file);
        }
        fputc(*text >= ' ' && *text <= '~' ? *text : '?', file);
    }
}

/* ---- a pool's events ---- */

/* Ticks to nanoseconds, by two looks at both clocks. */
typedef struct pkn_trace_clock {
    uint64_t ticks, ns;
    double ns_per_tick;
} pkn_trace_clock;

PKN_INTERNAL uint64_t pkn_trace_ns(const pkn_trace_clock *clock, uint64_t ticks) {
    double passed = (double)(int64_t)(ticks - clock->ticks) * clock->ns_per_tick;
    return passed > 0 ? clock->ns + (uint64_t)passed : clock->ns;
}

PKN_INTERNAL void pkn_trace_put_time(FILE *file, const char *name, uint64_t ns) {
    fprintf(file, ",\"%s\":%llu.%03u", name, (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
}

/* A number of a slot, or -1. */
PKN_INTERNAL void pkn_trace_put_number(FILE *file, const char *name, uint32_t number) {
    if (number == UINT32_MAX) {
        fprintf(file, "\"%s\":-1", name);
    } else {
        fprintf(file, "\"%s\":%lu", name, (unsigned long)number);
    }
}

PKN_INTERNAL void pkn_trace_put_event(FILE *file, const pkn_trace *trace, int slot, const pkn_trace_event *event,
                                      const pkn_trace_clock *clock) {
    const pkn_trace_kind *kind = &pkn_trace_kinds[event->kind];
    int is_instant = event->kind >= PKN_TRACE_WAKE;
    uint64_t start = pkn_trace_ns(clock, event->start);
    fprintf(file, ",\n{\"name\":\"%s\",\"cat\":\"pkern\",\"ph\":\"%s\",\"pid\":%u,\"tid\":%d", kind->name,
            is_instant ? "i\",\"s\":\"t" : "X", trace->number, slot);
    pkn_trace_put_time(file, "ts", start);
    if (!is_instant) {
        pkn_trace_put_time(file, "dur", pkn_trace_ns(clock, event->end) - start);
    }
    if (kind->first != 0) {
        fputs(",\"args\":{", file);
        pkn_trace_put_number(file, kind->first, event->first);
        if (kind->second != 0) {
            fputc(',', file);
            pkn_trace_put_number(file, kind->second, event->second);
        }
        fputc('}', file);
    }
    fputc('}', file);
}

/* The name of a slot's lane, its events, and how many are missing. */
PKN_INTERNAL void pkn_trace_put_lane(FILE *file, const pkn_trace *trace, const pkn_member *member, const pkn_trace_clock *clock) {
    pkn_trace_lane *lane = member->lane;
    const char *prefix = member->is_worker ? trace->pool->name : member->is_spare ? "spare" : "caller";
    int number = member->is_worker ? member->index : member->index - trace->pool->num_threads + 1;
    uint64_t count = pkn_count_read_published(&lane->recorded);
    uint64_t dropped = pkn_count_read(&lane->dropped);
    uint64_t last = clock->ns;
    fprintf(file, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%d,\"args\":{\"name\":\"", trace->number, member->index);
    pkn_trace_put_text(file, prefix);
    fprintf(file, "-%d\"}}", number);
    for (uint64_t i = 0; i < count; i++) {
        const pkn_trace_event *block =
            (const pkn_trace_event *)pkn_atomic_load_relaxed_ptr(&lane->block[i / PKN_TRACE_BLOCK]);
        const pkn_trace_event *event = &block[i % PKN_TRACE_BLOCK];
        last = pkn_trace_ns(clock, event->end);
        pkn_trace_put_event(file, trace, member->index, event, clock);
    }
    if (dropped != 0) {
        fprintf(file, ",\n{\"name\":\"events dropped\",\"cat\":\"pkern\",\"ph\":\"i\",\"s\":\"t\",\"pid\":%u,\"tid\":%d", trace->number,
                member->index);
        pkn_trace_put_time(file, "ts", last);
        fprintf(file, ",\"args\":{\"count\":%llu}}", (unsigned long long)dropped);
    }
}

/* Under pkn_trace_lock. The pool's threads may go on. */
PKN_INTERNAL void pkn_trace_write(const pkn_trace *trace) {
    pkern_pool *pool = trace->pool;
    uint64_t now_ticks = pkn_ticks();
    pkn_trace_clock clock;
    clock.ticks = pool->created_ticks;
    clock.ns = pool->id;
    clock.ns_per_tick = now_ticks == clock.ticks ? 1.0 : (double)(pkn_now_ns() - clock.ns) / (double)(now_ticks - clock.ticks);
    FILE *file = pkn_trace_open_file(trace);
    if (file == 0) {
        return;
    }
    fprintf(file, "{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":%u,\"tid\":0,\"args\":{\"sort_index\":%u}}", trace->number,
            trace->number);
    pkn_mutex_lock(&pool->lock); /* under which guests' members are made; not for longer: they come and go meanwhile */
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    pkn_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < count; i++) {
        const pkn_member *member = pkn_member_at(pool, i);
        if (member->lane != 0) {
            pkn_trace_put_lane(file, trace, member, &clock);
        }
    }
    (void)pkn_trace_close_file(file);
}

/* ---- begin and end ---- */

/* The name with %p replaced, and the process's number behind it in a forked child that shows no other difference. */
PKN_INTERNAL void pkn_trace_expand(const char *name, long process, char *file) {
    int has_number = 0;
    for (; *name != 0; name++) {
        if (name[0] == '%' && name[1] == 'p') {
            file += sprintf(file, "%ld", process);
            has_number = 1;
            name++;
        } else {
            *file++ = *name;
        }
    }
    *file = 0;
    if (!has_number && pkn_atomic_load_relaxed_u32(&pkn_fork_generation) != 0) {
        (void)sprintf(file, ".%ld", process);
    }
}

PKN_INTERNAL void pkn_trace_at_exit(void) {
    int kept_errno = errno;
    pkn_mutex_lock(&pkn_trace_lock);
    for (const pkn_trace *trace = pkn_traces; trace != 0; trace = trace->next) {
        if (trace->process == pkn_process_number()) {
            pkn_trace_write(trace);
        }
    }
    pkn_traces = 0;
    pkn_mutex_unlock(&pkn_trace_lock);
    errno = kept_errno;
}

/* Creates the file, or adds the pool's name to it. */
PKN_INTERNAL pkern_status pkn_trace_begin(pkn_trace *trace) {
    FILE *file = pkn_trace_open_file(trace);
    if (file == 0) {
        return PKERN_EIO;
    }
    fprintf(file, "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":0,\"args\":{\"name\":\"pool %u, ", trace->number,
            trace->number);
    pkn_trace_put_text(file, trace->pool->name);
    fprintf(file, ", process %ld\"}}", trace->process);
    return pkn_trace_close_file(file);
}

/* Before the pool has members. */
PKN_INTERNAL pkern_status pkn_trace_open(pkern_pool *pool, const char *name) {
    name = name != 0 ? name : getenv("PKERN_TRACE");
    if (name == 0 || *name == 0) {
        return PKERN_OK;
    }
    int kept_errno = errno;
    /* each "%p" may become 20 digits */
    size_t bytes = sizeof(pkn_trace) + 10 * strlen(name) + 24;
    pkn_trace *trace = (pkn_trace *)pkn_allocate(pool->allocator, bytes, sizeof(void *));
    if (trace == 0) {
        return PKERN_ENOMEM;
    }
    trace->pool = pool;
    trace->process = pkn_process_number();
    trace->bytes = bytes;
    pkn_trace_expand(name, trace->process, trace->file);
    pkn_mutex_lock(&pkn_trace_lock);
    trace->number = ++pkn_traced_pools;
    pkern_status status = pkn_trace_begin(trace);
    if (status == PKERN_OK && !pkn_trace_watches_exit) {
        pkn_trace_watches_exit = atexit(pkn_trace_at_exit) == 0;
    }
    if (status == PKERN_OK) {
        trace->next = pkn_traces;
        pkn_traces = trace;
        pool->trace = trace;
    }
    pkn_mutex_unlock(&pkn_trace_lock);
    if (status != PKERN_OK) {
        pkn_release(pool->allocator, trace, bytes);
    }
    errno = kept_errno;
    return status;
}

/* The pool's threads are gone; its members are not. */
PKN_INTERNAL void pkn_trace_close(pkern_pool *pool) {
    pkn_trace *trace = pool->trace;
    if (trace == 0) {
        return;
    }
    int kept_errno = errno;
    pkn_mutex_lock(&pkn_trace_lock);
    pkn_trace **link = &pkn_traces;
    while (*link != 0 && *link != trace) {
        link = &(*link)->next;
    }
    if (*link != 0) {
        *link = trace->next;
        if (trace->process == pkn_process_number()) {
            pkn_trace_write(trace);
        }
    }
    pkn_mutex_unlock(&pkn_trace_lock);
    pkn_release(pool->allocator, trace, trace->bytes);
    errno = kept_errno;
}

#endif
