/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Files: the C library's streams, and the few POSIX calls beside them. Without POSIX (PKERN_NO_POSIX_FILES) nothing is mapped, and
   what is written reaches the disk when the system likes. */
#ifndef PKN_BASE_DISK_H
#define PKN_BASE_DISK_H

#include "base/platform.h"
#include "base/thread.h"

/* Tests define it to make a step of writing a file fail, or to end the process there. */
#ifndef PKN_DISK_STEP_FAILS
#define PKN_DISK_STEP_FAILS(step) 0
#endif

/* What calls of the system change in the calling thread and a call of the library must leave as it was. */
typedef struct pkn_disk_guard {
    int kept_errno, cancellation;
} pkn_disk_guard;

PKN_INLINE pkn_disk_guard pkn_disk_begin(void) {
    pkn_disk_guard guard;
    guard.kept_errno = errno;
#if PKN_THREADS
    guard.cancellation = pkn_hold_cancellation();
#else
    guard.cancellation = 0;
#endif
    return guard;
}

PKN_INLINE void pkn_disk_end(pkn_disk_guard guard) {
#if PKN_THREADS
    pkn_allow_cancellation(guard.cancellation);
#endif
    errno = guard.kept_errno;
}

/* A new file at path, 0 where it can't be made or, with POSIX, exists already. */
PKN_INTERNAL FILE *pkn_disk_create(const char *path) {
    if (PKN_DISK_STEP_FAILS("create")) {
        return 0;
    }
#if PKN_POSIX_FILES
    return fopen(path, "wbx");
#else
    return fopen(path, "wb");
#endif
}

/* 1 where the bytes are with the system now. */
PKN_INTERNAL int pkn_disk_write(FILE *stream, const void *data, size_t bytes) {
    return !PKN_DISK_STEP_FAILS("write") && fwrite(data, 1, bytes, stream) == bytes;
}

/* 1 where all that was written is on the disk now. */
PKN_INTERNAL int pkn_disk_sync(FILE *stream) {
    if (PKN_DISK_STEP_FAILS("sync") || fflush(stream) != 0) {
        return 0;
    }
#if PKN_POSIX_FILES
    return fsync(fileno(stream)) == 0;
#else
    return 1;
#endif
}

/* Gives the file at `from` the name `to`, in one step as far as anyone can see. 1 where it worked. */
PKN_INTERNAL int pkn_disk_rename(const char *from, const char *to) {
    return !PKN_DISK_STEP_FAILS("rename") && rename(from, to) == 0;
}

/* Waits until the names in a folder are on the disk, where the system can. */
PKN_INTERNAL void pkn_disk_sync_folder(const char *path) {
#if PKN_POSIX_FILES
    int descriptor = open(path, O_RDONLY);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        (void)close(descriptor);
    }
#else
    PKN_UNUSED(path);
#endif
}

/* Bytes of an open file; 0 also where the system doesn't say. The stream stands at its end then. */
PKN_INTERNAL size_t pkn_disk_size(FILE *stream) {
    long size = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : 0;
    return size > 0 ? (size_t)size : 0;
}

/* The file's first `bytes` bytes, read-only, at a page's start; 0 where it can't be mapped. */
PKN_INTERNAL void *pkn_disk_map(FILE *stream, size_t bytes) {
#if PKN_POSIX_FILES
    void *memory = mmap(0, bytes, PROT_READ, MAP_PRIVATE, fileno(stream), 0);
    return memory == MAP_FAILED ? 0 : memory;
#else
    PKN_UNUSED(stream);
    PKN_UNUSED(bytes);
    return 0;
#endif
}

PKN_INTERNAL void pkn_disk_unmap(void *memory, size_t bytes) {
#if PKN_POSIX_FILES
    (void)munmap(memory, bytes);
#else
    PKN_UNUSED(memory);
    PKN_UNUSED(bytes);
#endif
}

#endif
