/* Stands between a program and the C library (LD_PRELOAD). It records each change of the files
 * below DISK_DIRECTORY in the file DISK_RECORD, and makes a sync take DISK_SYNC_MS milliseconds
 * instead of bringing anything to the disk. Each DISK_FAILS-th sync of a file fails.
 * tests/durability/disk.rs reads the record. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { LINK = 1, UNLINK, RENAME, WRITE, RESIZE, SYNC, FAILED_SYNC };

/* What every event begins with; names or data follow. */
struct event {
    uint64_t kind, time, file, to, offset, length;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;
static const char *directory;
static long sync_ms, fails, syncs;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_mkdir)(const char *, mode_t);

__attribute__((constructor)) static void begin(void)
{
    real_open = dlsym(RTLD_NEXT, "open64");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    directory = getenv("DISK_DIRECTORY");
    const char *name = getenv("DISK_RECORD");
    const char *ms = getenv("DISK_SYNC_MS");
    const char *every = getenv("DISK_FAILS");
    sync_ms = ms ? atol(ms) : 0;
    fails = every ? atol(every) : 0;
    if (name && directory)
        record = real_open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(const char *path)
{
    return record >= 0 && path && strncmp(path, directory, strlen(directory)) == 0;
}

static int is_our_file(int fd)
{
    char link[64], path[4096];
    if (record < 0 || fd == record)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_ours(path);
}

static uint64_t inode(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static uint64_t inode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

static uint64_t parent_of(const char *path)
{
    char copy[4096];
    strncpy(copy, path, sizeof copy - 1);
    copy[sizeof copy - 1] = 0;
    return inode_of(dirname(copy));
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* With the mutex held. */
static void put(struct event event, const void *data)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event.time = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    struct iovec parts[2] = {{&event, sizeof event}, {(void *)data, event.length}};
    if (writev(record, parts, 2) < 0)
        abort();
}

static void put_name(enum kind kind, const char *path, uint64_t to)
{
    const char *name = name_of(path);
    put((struct event){kind, 0, parent_of(path), to, 0, strlen(name)}, name);
}

static int opened(int fd, const char *path, int flags, int was_there)
{
    if (fd >= 0 && flags & O_CREAT && !was_there)
        put_name(LINK, path, inode(fd));
    if (fd >= 0 && flags & O_TRUNC)
        put((struct event){RESIZE, 0, inode(fd), 0, 0, 0}, NULL);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (!is_ours(path))
        return real_open(path, flags, mode);
    pthread_mutex_lock(&mutex);
    int was_there = access(path, F_OK) == 0;
    int fd = opened(real_open(path, flags, mode), path, flags, was_there);
    pthread_mutex_unlock(&mutex);
    return fd;
}

int open(const char *path, int flags, ...) __attribute__((alias("open64")));

ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset)
{
    if (!is_our_file(fd))
        return real_pwrite(fd, data, length, offset);
    pthread_mutex_lock(&mutex);
    ssize_t written = real_pwrite(fd, data, length, offset);
    if (written > 0)
        put((struct event){WRITE, 0, inode(fd), 0, offset, written}, data);
    pthread_mutex_unlock(&mutex);
    return written;
}

/* A write without a place is none that the store does. */
ssize_t write(int fd, const void *data, size_t length)
{
    if (is_our_file(fd))
        abort();
    return real_write(fd, data, length);
}

int ftruncate64(int fd, off_t length)
{
    if (!is_our_file(fd))
        return real_ftruncate(fd, length);
    pthread_mutex_lock(&mutex);
    int result = real_ftruncate(fd, length);
    if (result == 0)
        put((struct event){RESIZE, 0, inode(fd), 0, length, 0}, NULL);
    pthread_mutex_unlock(&mutex);
    return result;
}

int fsync(int fd)
{
    if (!is_our_file(fd))
        return 0;
    pthread_mutex_lock(&mutex);
    uint64_t begin = lseek(record, 0, SEEK_END);
    pthread_mutex_unlock(&mutex);
    struct timespec time = {sync_ms / 1000, sync_ms % 1000 * 1000000};
    nanosleep(&time, NULL);
    pthread_mutex_lock(&mutex);
    struct stat status;
    int is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    int has_failed = is_file && fails && ++syncs % fails == 0;
    put((struct event){has_failed ? FAILED_SYNC : SYNC, 0, inode(fd), 0, begin, 0}, NULL);
    pthread_mutex_unlock(&mutex);
    if (has_failed)
        errno = EIO;
    return has_failed ? -1 : 0;
}

int fdatasync(int fd) __attribute__((alias("fsync")));

int rename(const char *from, const char *to)
{
    if (!is_ours(from) || !is_ours(to))
        return real_rename(from, to);
    pthread_mutex_lock(&mutex);
    int result = real_rename(from, to);
    if (result == 0) {
        char names[8192];
        int length = snprintf(names, sizeof names, "%s/%s", name_of(from), name_of(to));
        put((struct event){RENAME, 0, parent_of(from), parent_of(to), 0, length}, names);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int unlink(const char *path)
{
    if (!is_ours(path))
        return real_unlink(path);
    pthread_mutex_lock(&mutex);
    int result = real_unlink(path);
    if (result == 0)
        put_name(UNLINK, path, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    if (!is_ours(path))
        return real_mkdir(path, mode);
    pthread_mutex_lock(&mutex);
    int result = real_mkdir(path, mode);
    if (result == 0)
        put_name(LINK, path, inode_of(path));
    pthread_mutex_unlock(&mutex);
    return result;
}
