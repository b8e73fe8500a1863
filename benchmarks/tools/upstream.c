// The provider behind every system under test: one fixed JSON answer, or a stream of events.
//
//   upstream PORT[,PORT] ANSWER_FILE                            JSON
//   upstream PORT[,PORT] ANSWER_FILE EVENT_FILE CHUNKS MS        a stream: CHUNKS events, one every MS (0: at once)
//   upstream PORT[,PORT] ANSWER_FILE EVENT_FILE 0 0              a stream that sends one event and then stays open
//
// Reads HTTP/1.1 requests with a content-length and throws their bodies away. EVENT_FILE holds one event; where it has
// `@` and 19 digits, the wall clock in nanoseconds is written just before it is sent. The streams tick in PHASES groups,
// each a burst, one group after the other. A stream ends as a provider's does: with its usage and `data: [DONE]`.
#include "common.h"

enum { MAXIMUM_DESCRIPTORS = 65536, HEAD_ROOM = 16384, PHASES = 10, STAMP_DIGITS = 19 };

struct connection {
    char *head;             // bytes of a head that is not whole yet; NULL while there are none
    size_t head_length;
    uint64_t body_left;
    const char *out;        // what is left to send of an answer that lies in memory as a whole
    size_t out_left;
    int chunks_left;        // of a paced stream; 0: none is running
    int phase;
    int place;              // in its phase's list
};

static struct connection connections[MAXIMUM_DESCRIPTORS];
static int phase_members[PHASES][MAXIMUM_DESCRIPTORS], phase_count[PHASES], next_phase;
static int poll_fd, chunks, tick_milliseconds, streaming;
static char *answer, *event, *stream_head, *burst;
static size_t answer_length, event_length, stream_head_length, burst_length;
static char *stamp_place;
static char scratch[1 << 18];
static const char STREAM_END[] =
    "ba\r\ndata: {\"id\":\"chatcmpl-Bq7d9hQ2kF5m8s1t4v6x\",\"object\":\"chat.completion.chunk\",\"created\":1735689600,"
    "\"choices\":[],\"usage\":{\"prompt_tokens\":182,\"completion_tokens\":100,\"total_tokens\":282}}\n\n\r\n"
    "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

static void watch(int fd, uint32_t events, int operation) {
    struct epoll_event wanted = {.events = events, .data.fd = fd};
    if (epoll_ctl(poll_fd, operation, fd, &wanted)) die("epoll: %s", strerror(errno));
}

static void leave_phase(int fd) {
    struct connection *it = &connections[fd];
    if (!it->chunks_left) return;
    int *members = phase_members[it->phase], last = members[--phase_count[it->phase]];
    members[it->place] = last;
    connections[last].place = it->place;
    it->chunks_left = 0;
}

static void drop(int fd) {
    leave_phase(fd);
    free(connections[fd].head);
    memset(&connections[fd], 0, sizeof connections[fd]);
    close(fd);
}

// Sends what is left of an answer; asks to be told when the socket takes more.
static int flush(int fd) {
    struct connection *it = &connections[fd];
    while (it->out_left > 0) {
        ssize_t sent = send(fd, it->out, it->out_left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return 1;
        }
        if (sent < 0) return 0;
        it->out += sent;
        it->out_left -= (size_t)sent;
    }
    it->out = NULL;
    return 1;
}

static int send_event(int fd) {
    int64_t now = wall_now();
    for (int digit = STAMP_DIGITS - 1; digit >= 0; digit--, now /= 10) stamp_place[digit] = (char)('0' + now % 10);
    // A socket that is full at 300 bytes every few milliseconds belongs to somebody who has stopped reading.
    return send(fd, event, event_length, MSG_NOSIGNAL) == (ssize_t)event_length;
}

static int answer_request(int fd) {
    struct connection *it = &connections[fd];
    if (!streaming) {
        it->out = answer, it->out_left = answer_length;
        return flush(fd);
    }
    if (chunks && !tick_milliseconds) {
        it->out = burst, it->out_left = burst_length;
        return flush(fd);
    }
    if (send(fd, stream_head, stream_head_length, MSG_NOSIGNAL) != (ssize_t)stream_head_length) return 0;
    if (!chunks) return send_event(fd);
    it->chunks_left = chunks;
    it->phase = next_phase++ % PHASES;
    it->place = phase_count[it->phase];
    phase_members[it->phase][phase_count[it->phase]++] = fd;
    return 1;
}

// The content-length that a head names; it must name one, or none for an empty body.
static uint64_t content_length(const char *head) {
    const char *line = strcasestr(head, "\r\ncontent-length:");
    if (!line && strcasestr(head, "\r\ntransfer-encoding:")) die("a request came in chunks");
    return line ? strtoull(line + 17, NULL, 10) : 0;
}

// Takes bytes of requests; false if the connection is to be dropped.
static int take(int fd, char *bytes, size_t count) {
    struct connection *it = &connections[fd];
    while (count > 0) {
        if (it->body_left > 0) {
            size_t part = count < it->body_left ? count : (size_t)it->body_left;
            it->body_left -= part, bytes += part, count -= part;
            if (it->body_left == 0 && !answer_request(fd)) return 0;
            continue;
        }
        if (!it->head) it->head = malloc(HEAD_ROOM), it->head_length = 0;
        size_t room = HEAD_ROOM - 1 - it->head_length, part = count < room ? count : room;
        if (part == 0) return 0;
        memcpy(it->head + it->head_length, bytes, part);
        it->head[it->head_length + part] = 0;
        char *end = strstr(it->head, "\r\n\r\n");
        if (!end) {
            it->head_length += part, bytes += part, count -= part;
            continue;
        }
        size_t used = (size_t)(end + 4 - it->head) - it->head_length;
        *end = 0;
        it->body_left = content_length(it->head);
        free(it->head);
        it->head = NULL;
        bytes += used, count -= used;
        if (it->body_left == 0 && !answer_request(fd)) return 0;
    }
    return 1;
}

static void read_from(int fd) {
    ssize_t count = recv(fd, scratch, sizeof scratch - 1, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || !take(fd, scratch, (size_t)count)) drop(fd);
}

static void tick_one_phase(void) {
    static int phase;
    phase = (phase + 1) % PHASES;
    for (int i = phase_count[phase] - 1; i >= 0; i--) {
        int fd = phase_members[phase][i];
        struct connection *it = &connections[fd];
        if (!send_event(fd)) {
            drop(fd);
        } else if (it->chunks_left == 1) {
            leave_phase(fd);
            if (send(fd, STREAM_END, sizeof STREAM_END - 1, MSG_NOSIGNAL) < 0) drop(fd);
        } else {
            it->chunks_left--;
        }
    }
}

// A tick that was missed is made up for: the number of events per second is part of the work.
static void tick(int timer) {
    uint64_t due = 0;
    if (read(timer, &due, sizeof due) != sizeof due) return;
    while (due-- > 0) tick_one_phase();
}

static void accept_from(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAXIMUM_DESCRIPTORS) die("too many connections");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = loopback(port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) die("port %d: %s", port, strerror(errno));
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    return fd;
}

static void prepare_answer(const char *path) {
    size_t length;
    char *body = read_file(path, &length);
    answer = malloc(length + 512);
    answer_length = (size_t)sprintf(
        answer,
        "HTTP/1.1 200 OK\r\nserver: upstream\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-type: application/json\r\n"
        "content-length: %zu\r\nopenai-processing-ms: 1\r\nx-upstream-request-id: upreq_0123456789abcdef\r\n\r\n", length);
    memcpy(answer + answer_length, body, length);
    answer_length += length;
}

// The event as one chunk of the transfer coding, the head of a stream, and a whole stream in one piece.
static void prepare_stream(const char *path) {
    size_t length;
    char *text = read_file(path, &length);
    event = malloc(length + 32);
    event_length = (size_t)sprintf(event, "%zx\r\n%s\r\n", length, text);
    stamp_place = strchr(event, '@');
    if (!stamp_place || strspn(++stamp_place, "0123456789") < STAMP_DIGITS) die("%s has no place for a time", path);
    stream_head =
        "HTTP/1.1 200 OK\r\nserver: upstream\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-type: text/event-stream\r\n"
        "cache-control: no-cache\r\ntransfer-encoding: chunked\r\nx-upstream-request-id: upreq_0123456789abcdef\r\n\r\n";
    stream_head_length = strlen(stream_head);
    burst = malloc(stream_head_length + (size_t)chunks * event_length + sizeof STREAM_END);
    burst_length = (size_t)sprintf(burst, "%s", stream_head);
    for (int i = 0; i < chunks; i++, burst_length += event_length) memcpy(burst + burst_length, event, event_length);
    memcpy(burst + burst_length, STREAM_END, sizeof STREAM_END - 1);
    burst_length += sizeof STREAM_END - 1;
}

static int start_ticking(void) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    long period = tick_milliseconds * 1000000L / PHASES;
    struct itimerspec every = {.it_interval.tv_nsec = period, .it_value.tv_nsec = period};
    timerfd_settime(timer, 0, &every, NULL);
    watch(timer, EPOLLIN, EPOLL_CTL_ADD);
    return timer;
}

int main(int count, char **arguments) {
    if (count != 3 && count != 6) die("usage: upstream PORT[,PORT] ANSWER_FILE [EVENT_FILE CHUNKS MILLISECONDS]");
    use_all_descriptors();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    prepare_answer(arguments[2]);
    if (count == 6) {
        streaming = 1, chunks = atoi(arguments[4]), tick_milliseconds = atoi(arguments[5]);
        prepare_stream(arguments[3]);
    }
    int highest_listener = 0, timer = streaming && tick_milliseconds ? start_ticking() : -1;
    for (char *port = strtok(arguments[1], ","); port; port = strtok(NULL, ",")) highest_listener = listen_on(atoi(port));
    for (;;) {
        struct epoll_event ready[256];
        int events = epoll_wait(poll_fd, ready, 256, -1);
        for (int i = 0; i < events; i++) {
            int fd = ready[i].data.fd;
            if (fd == timer) {
                tick(timer);
            } else if (fd <= highest_listener) {
                accept_from(fd);
            } else if (ready[i].events & EPOLLOUT) {
                if (!flush(fd)) drop(fd);
                else if (!connections[fd].out) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
            } else {
                read_from(fd);
            }
        }
    }
}
