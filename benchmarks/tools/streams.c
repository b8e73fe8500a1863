// A client that keeps many event streams open and measures how late each event comes.
//
//   streams PORT REQUEST_FILE STREAMS CHUNKS SECONDS WARM_UP    one stream after the other on every connection
//   streams PORT REQUEST_FILE STREAMS hold                      opens them, prints `open`, and holds them until stdin ends
//
// REQUEST_FILE holds one whole HTTP/1.1 request. An event has `@` and 19 digits in it: when the upstream sent it. Its
// delay is the time until the kernel put it into this client's socket. An answer must be `200`, have CHUNKS events and
// end with the last chunk; anything else is a failure. Prints one JSON object; times are microseconds.
#include "common.h"

enum { MAXIMUM_DESCRIPTORS = 65536, STAMP = 20 };
enum part { HEAD, SIZE, DATA, AFTER_DATA, LAST_LINE, END };

struct stream {
    int open, started, events;  // of the answer that is running
    enum part part;             // of the transfer coding: a proxy may cut an event anywhere
    uint64_t left;              // bytes of this part, or its size as far as it was read
    int head_end;               // bytes of CR LF CR LF that were seen
    int stamp_seen;             // bytes of `@…` that were seen
    int64_t stamp;
};

static struct stream streams[MAXIMUM_DESCRIPTORS];
static struct delays delays;
static int port, poll_fd, chunks, holding;
static char *request;
static size_t request_length;
static long finished, failures, events, open_count;
static int64_t measured_from, until;
static char bytes[1 << 18];

static void fail(const char *why, int length) {
    if (!failures++) fprintf(stderr, "first failure: %.*s\n", length, why);
}

static int ask(int fd) {
    memset(&streams[fd], 0, sizeof streams[fd]);
    streams[fd].open = 1;
    return send(fd, request, request_length, MSG_NOSIGNAL) == (ssize_t)request_length;
}

static void open_stream(void) {
    int fd = connect_to(port);
    if (fd < 0 || fd >= MAXIMUM_DESCRIPTORS) die("stream %ld cannot be opened: %s", open_count, strerror(errno));
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &wanted);
    open_count++;
    if (!ask(fd)) fail("a request cannot be sent", 24);
}

static void close_stream(int fd) {
    streams[fd].open = 0;
    open_count--;
    close(fd);
}

static void note_event(struct stream *it, int64_t arrived) {
    it->events++;
    events++;
    // Zero is what an upstream leaves that sends all events at once: there is nothing to measure.
    if (it->stamp && arrived >= measured_from) record(&delays, arrived - it->stamp);
}

// Finds the stamps, also where two chunks or two reads share one.
static void scan(struct stream *it, const char *from, const char *end, int64_t arrived) {
    while (from < end) {
        if (!it->stamp_seen) {
            from = memchr(from, '@', (size_t)(end - from));
            if (!from) return;
            it->stamp_seen = 1, it->stamp = 0, from++;
        } else if (*from < '0' || *from > '9') {
            it->stamp_seen = 0;
        } else {
            it->stamp = it->stamp * 10 + (*from++ - '0');
            if (++it->stamp_seen < STAMP) continue;
            it->stamp_seen = 0;
            note_event(it, arrived);
        }
    }
}

static int hexadecimal(char digit) {
    return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

// Takes bytes of an answer: its head, then chunks as `size CRLF data CRLF`, the last of which has no data.
static void take(struct stream *it, const char *from, const char *end, int64_t arrived) {
    while (from < end && it->part != END) {
        if (it->part == DATA) {
            size_t room = (size_t)(end - from), count = it->left < room ? (size_t)it->left : room;
            scan(it, from, from + count, arrived);
            from += count, it->left -= count;
            if (!it->left) it->part = AFTER_DATA;
            continue;
        }
        char byte = *from++;
        if (it->part == HEAD) {
            it->head_end = byte == (it->head_end % 2 ? '\n' : '\r') ? it->head_end + 1 : byte == '\r';
            if (it->head_end == 4) it->part = SIZE, it->left = 0;
        } else if (byte == '\n') {
            it->part = it->part == LAST_LINE ? END : it->part == AFTER_DATA ? SIZE : it->left ? DATA : LAST_LINE;
        } else if (it->part == SIZE && byte != '\r') {
            it->left = it->left * 16 + (uint64_t)hexadecimal(byte);
        }
    }
}

static void read_from(int fd) {
    struct stream *it = &streams[fd];
    int64_t arrived;
    ssize_t count = receive(fd, bytes, sizeof bytes, &arrived);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || (count >= 12 && !it->started && memcmp(bytes, "HTTP/1.1 200", 12))) {
        fail(count > 0 ? bytes : "connection closed", count > 0 ? (int)count : 17);
        close_stream(fd);
        return;
    }
    it->started = 1;
    take(it, bytes, bytes + count, arrived);
    if (it->part != END) return;
    finished++;
    if (it->events != chunks) fail("a stream has not all events", 27);
    if (steady_now() >= until || failures) close_stream(fd);
    else if (!ask(fd)) fail("a request cannot be sent", 24);
}

static void serve(int milliseconds) {
    struct epoll_event ready[256];
    int count = epoll_wait(poll_fd, ready, 256, milliseconds);
    for (int i = 0; i < count; i++) {
        if (streams[ready[i].data.fd].open) read_from(ready[i].data.fd);
    }
}

// A few at a time, so that no backlog overflows and the streams do not move in step.
static void open_all(int wanted) {
    for (int i = 0; i < wanted; i++) {
        open_stream();
        if (i % 16 == 15) serve(1);
    }
}

static void hold(int wanted) {
    int64_t deadline = steady_now() + 60 * NANOSECONDS;
    while (events < wanted && !failures && steady_now() < deadline) serve(10);
    if (events < wanted || failures) die("%ld of %d streams are open, %ld failed", events, wanted, failures);
    printf("open\n");
    fflush(stdout);
    char nothing;
    while (read(0, &nothing, 1) > 0) continue;
}

int main(int count, char **arguments) {
    holding = count == 5 && !strcmp(arguments[4], "hold");
    if (count != 7 && !holding) die("usage: streams PORT REQUEST_FILE STREAMS hold | CHUNKS SECONDS WARM_UP");
    use_all_descriptors();
    port = atoi(arguments[1]);
    request = read_file(arguments[2], &request_length);
    int wanted = atoi(arguments[3]);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (holding) {
        open_all(wanted);
        hold(wanted);
        return 0;
    }
    chunks = atoi(arguments[4]);
    double seconds = atof(arguments[5]), warm_up = atof(arguments[6]);
    int64_t start = steady_now();
    measured_from = wall_now() + (int64_t)(warm_up * 1e9);
    until = start + (int64_t)((warm_up + seconds) * 1e9);
    open_all(wanted);
    // Every stream is read to its end, so that none can be dropped unseen.
    while (open_count > 0 && steady_now() < until + 10 * NANOSECONDS) serve(100);
    double elapsed = (double)(steady_now() - start) / 1e9;
    printf("{\"streams\":%ld,\"events\":%ld,\"failures\":%ld,\"seconds\":%.6f,", finished, events, failures + open_count, elapsed);
    print_percentiles(&delays);
    printf("}\n");
    return 0;
}
