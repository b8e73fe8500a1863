// Open-loop load: sends at a fixed rate whatever comes back, and keeps the latency of every request.
//
//   openloop PORT REQUEST_FILE RATE SECONDS [WARM_UP]
//
// REQUEST_FILE holds one whole HTTP/1.1 request. Arrivals are a Poisson process with a fixed seed, because users do not
// arrive in step. No request waits for another's answer: if no connection is idle a new one is opened, so slow answers
// are not hidden by a generator that waits with them. A latency ends when the kernel put the last byte of the answer
// into this client's socket. Prints one JSON object; times are microseconds.
#include "common.h"
#include <math.h>

enum { MAXIMUM_DESCRIPTORS = 65536, MAXIMUM_CONNECTIONS = 900, FIRST_CONNECTIONS = 32, ROOM = 65536 };

struct exchange {
    int busy;
    int measured;
    int64_t sent_at;
    char *answer;
    size_t length;
};

static struct exchange exchanges[MAXIMUM_DESCRIPTORS];
static int idle[MAXIMUM_CONNECTIONS], idle_count, connections, busy, opened, port, poll_fd;
static struct delays delays;
static long failures;
static char *request;
static size_t request_length;

static int open_connection(void) {
    int fd = connect_to(port);
    if (fd < 0) return -1;
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &wanted);
    if (!exchanges[fd].answer) exchanges[fd].answer = malloc(ROOM);
    exchanges[fd].busy = 0;
    connections++, opened++;
    return fd;
}

static void close_connection(int fd) {
    if (exchanges[fd].busy) busy--;
    exchanges[fd].busy = 0;
    for (int i = 0; i < idle_count; i++) {
        if (idle[i] == fd) idle[i--] = idle[--idle_count];
    }
    close(fd);
    connections--;
}

static void ask(int measured) {
    int fd = idle_count ? idle[--idle_count] : connections < MAXIMUM_CONNECTIONS ? open_connection() : -1;
    if (fd < 0) {
        failures++;
        return;
    }
    struct exchange *it = &exchanges[fd];
    it->busy = 1, it->measured = measured, it->length = 0, it->sent_at = wall_now();
    busy++;
    if (send(fd, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length) {
        failures++;
        close_connection(fd);
    }
}

static void read_from(int fd) {
    struct exchange *it = &exchanges[fd];
    int64_t arrived;
    ssize_t count = receive(fd, it->answer + it->length, ROOM - 1 - it->length, &arrived);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || !it->busy) {
        // A server may close a connection that nobody is using; one that is in use it may not.
        failures += it->busy;
        close_connection(fd);
        return;
    }
    it->length += (size_t)count;
    if (!whole_answer(it->answer, it->length)) return;
    it->busy = 0;
    busy--;
    idle[idle_count++] = fd;
    if (memcmp(it->answer, "HTTP/1.1 200", 12)) failures++;
    else if (it->measured) record(&delays, arrived - it->sent_at);
}

static void serve(void) {
    struct epoll_event ready[256];
    int count = epoll_wait(poll_fd, ready, 256, 0);
    for (int i = 0; i < count; i++) read_from(ready[i].data.fd);
}

// Serves answers until `due`. Sleeps in between: the upstream runs on this core too.
static void wait_until(int64_t due) {
    for (;;) {
        serve();
        int64_t left = due - steady_now();
        if (left <= 0) return;
        struct timespec limit = {left / NANOSECONDS, left % NANOSECONDS};
        struct epoll_event ready[64];
        int count = epoll_pwait2(poll_fd, ready, 64, &limit, NULL);
        for (int i = 0; i < count; i++) read_from(ready[i].data.fd);
    }
}

static void print_summary(int64_t late) {
    printf("{\"requests\":%zu,\"failures\":%ld,\"connections\":%d,\"late\":%.1f,", delays.count, failures, opened, (double)late / 1000);
    print_percentiles(&delays);
    printf("}\n");
}

int main(int count, char **arguments) {
    if (count != 5 && count != 6) die("usage: openloop PORT REQUEST_FILE RATE SECONDS [WARM_UP]");
    use_all_descriptors();
    port = atoi(arguments[1]);
    request = read_file(arguments[2], &request_length);
    double rate = atof(arguments[3]), seconds = atof(arguments[4]), warm_up = count == 6 ? atof(arguments[5]) : 1;
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    srand48(1);
    for (int i = 0; i < FIRST_CONNECTIONS; i++) {
        int fd = open_connection();
        if (fd < 0) die("port %d: %s", port, strerror(errno));
        idle[idle_count++] = fd;
    }
    int64_t start = steady_now() + NANOSECONDS / 20, late = 0;
    int64_t measured_from = start + (int64_t)(warm_up * 1e9), end = measured_from + (int64_t)(seconds * 1e9);
    for (int64_t due = start; due < end; due += (int64_t)(-log(1 - drand48()) / rate * 1e9)) {
        wait_until(due);
        int64_t now = steady_now();
        if (now - due > late) late = now - due;
        ask(due >= measured_from);
    }
    int64_t deadline = steady_now() + 5 * NANOSECONDS;
    while (busy > 0 && steady_now() < deadline) wait_until(steady_now() + NANOSECONDS / 100);
    failures += busy;
    print_summary(late);
    return 0;
}
