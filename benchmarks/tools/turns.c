// Closed-loop load by many callers in turn: as many requests under way as connections, each with the next caller's key.
//
//   turns PORT REQUEST_FILE KEYS_FILE CALLERS CONNECTIONS SECONDS      0 seconds: until every caller has had a turn
//
// REQUEST_FILE holds one whole HTTP/1.1 request with the key and namespace of one line of KEYS_FILE, whose lines are
// `key namespace limit`, all of the same lengths but for those of the namespace `tiny`, which are left out. The keys fill
// a table of CALLERS places, again and again if they are fewer: whatever this program's own reading of cold memory costs,
// it costs it with few keys as with many, and a request is one copy of a name into the bytes that are sent.
// Prints one JSON object.
#include "common.h"

enum { MAXIMUM_DESCRIPTORS = 65536, ROOM = 65536, NAME = 64 };

struct caller { char key[NAME], namespace[NAME]; };
struct answer { char *bytes; size_t length; };

static struct caller *callers;
static struct answer answers[MAXIMUM_DESCRIPTORS];
static size_t caller_count, next_caller, request_length, key_length, namespace_length;
static char *request, *key_place, *namespace_place;
static long requests, failures, bytes_received;

static char *find(const char *name, const char *file) {
    char *place = strstr(request, name);
    if (!place) die("%s does not name %s", file, name);
    return place;
}

// The key that the request was written with marks where all of them go.
static void read_callers(const char *file, size_t wanted) {
    size_t length, lines = 0;
    char *text = read_file(file, &length), *rest = NULL;
    callers = calloc(wanted, sizeof *callers);
    for (char *line = strtok_r(text, "\n", &rest); line && lines < wanted; line = strtok_r(NULL, "\n", &rest)) {
        struct caller it;
        if (sscanf(line, "%63s %63s", it.key, it.namespace) != 2) die("%s: cannot read %s", file, line);
        if (!strcmp(it.namespace, "tiny")) continue;
        if (strstr(request, it.key)) key_place = find(it.key, file), namespace_place = find(it.namespace, file);
        if (lines && (strlen(it.key) != key_length || strlen(it.namespace) != namespace_length)) die("%s: names of differing lengths", file);
        key_length = strlen(it.key), namespace_length = strlen(it.namespace);
        callers[lines++] = it;
    }
    if (!lines || !key_place) die("%s: no key of the request's", file);
    for (caller_count = lines; caller_count < wanted; caller_count++) callers[caller_count] = callers[caller_count % lines];
    free(text);
}

static void ask(int fd) {
    struct caller *it = &callers[next_caller];
    next_caller = (next_caller + 1) % caller_count;
    memcpy(key_place, it->key, key_length);
    memcpy(namespace_place, it->namespace, namespace_length);
    answers[fd].length = 0;
    if (send(fd, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length) die("a connection broke: %s", strerror(errno));
}

static void read_from(int fd, int more) {
    struct answer *it = &answers[fd];
    ssize_t count = recv(fd, it->bytes + it->length, ROOM - 1 - it->length, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) die("the server closed a connection");
    it->length += (size_t)count, bytes_received += count;
    if (!whole_answer(it->bytes, it->length)) return;
    requests++;
    failures += memcmp(it->bytes, "HTTP/1.1 200", 12) != 0;
    if (more) ask(fd);
}

int main(int count, char **arguments) {
    if (count != 7) die("usage: turns PORT REQUEST_FILE KEYS_FILE CALLERS CONNECTIONS SECONDS");
    use_all_descriptors();
    request = read_file(arguments[2], &request_length);
    read_callers(arguments[3], strtoul(arguments[4], NULL, 10));
    next_caller = (size_t)steady_now() % caller_count;
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int left = atoi(arguments[5]); left > 0; left--) {
        int fd = connect_to(atoi(arguments[1]));
        if (fd < 0) die("port %s: %s", arguments[1], strerror(errno));
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &wanted);
        answers[fd].bytes = malloc(ROOM);
        ask(fd);
    }
    int64_t start = steady_now(), end = start + (int64_t)(atof(arguments[6]) * 1e9), now = start;
    while (now < end || (end == start && requests < (long)caller_count)) {
        struct epoll_event ready[256];
        int ready_count = epoll_wait(poll_fd, ready, 256, 100);
        for (int i = 0; i < ready_count; i++) read_from(ready[i].data.fd, 1);
        now = steady_now();
    }
    printf("RESULT {\"requests\":%ld,\"microseconds\":%lld,\"bytes\":%ld,\"errors\":0,\"refused\":%ld}\n",
           requests, (long long)((now - start) / 1000), bytes_received, failures);
    return 0;
}
