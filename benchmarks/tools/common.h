// What the tools share: failing with a sentence, time, files, loopback sockets, arrival times, percentiles.
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

static inline void die(const char *form, ...) {
    va_list arguments;
    va_start(arguments, form);
    vfprintf(stderr, form, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static inline int64_t clock_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

// The wall clock, because the kernel stamps arriving segments with it; upstream and client share one machine.
static inline int64_t wall_now(void) { return clock_now(CLOCK_REALTIME); }
static inline int64_t steady_now(void) { return clock_now(CLOCK_MONOTONIC); }

static inline char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) die("cannot open %s: %s", path, strerror(errno));
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*length + 1);
    if (fread(bytes, 1, *length, file) != *length) die("cannot read %s", path);
    bytes[*length] = 0;
    fclose(file);
    return bytes;
}

static inline void use_all_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static inline struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// A connected socket that does not block and whose arriving bytes are stamped; -1 if the connection is refused.
static inline int connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = loopback(port);
    if (fd < 0) die("no socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

// Like recv. `*arrived` becomes the time at which the kernel put the last of these bytes into the socket, so that a
// client that comes to reading late does not count as a delay of whoever sent them.
static inline ssize_t receive(int fd, char *bytes, size_t room, int64_t *arrived) {
    char control[128];
    struct iovec into = {bytes, room};
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(fd, &message, 0);
    *arrived = 0;
    if (count <= 0) return count;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
        *arrived = stamp.tv_sec * NANOSECONDS + stamp.tv_nsec;
    }
    if (!*arrived) *arrived = wall_now();
    return count;
}

// True if a whole answer is there: by its content-length, or by its last chunk. `answer` has room for one more byte.
static inline int whole_answer(char *answer, size_t length) {
    answer[length] = 0;
    char *end = strstr(answer, "\r\n\r\n");
    if (!end) return 0;
    char *line = strcasestr(answer, "\r\ncontent-length:");
    if (line && line < end) return length >= (size_t)(end + 4 - answer) + strtoull(line + 17, NULL, 10);
    return length > 7 && !memcmp(answer + length - 7, "\r\n0\r\n\r\n", 7);
}

// Delays in nanoseconds, kept one by one: a histogram would round what is compared.
struct delays {
    uint32_t *values;
    size_t count, room;
};

static inline void record(struct delays *delays, int64_t nanoseconds) {
    if (delays->count == delays->room) {
        delays->room = delays->room ? 2 * delays->room : 1 << 16;
        delays->values = realloc(delays->values, delays->room * sizeof *delays->values);
        if (!delays->values) die("out of memory");
    }
    if (nanoseconds < 0) nanoseconds = 0;
    delays->values[delays->count++] = nanoseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)nanoseconds;
}

static inline int ascending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

// Prints `"p50":…,"p90":…,"p99":…,"p999":…,"max":…` in microseconds.
static inline void print_percentiles(struct delays *delays) {
    static const struct { const char *name; double share; } wanted[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    qsort(delays->values, delays->count, sizeof *delays->values, ascending);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        size_t at = (size_t)((double)delays->count * wanted[i].share);
        if (at >= delays->count) at = delays->count ? delays->count - 1 : 0;
        printf("%s\"%s\":%.1f", i ? "," : "", wanted[i].name, delays->count ? delays->values[at] / 1000.0 : 0.0);
    }
}
