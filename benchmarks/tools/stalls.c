// A control: spins on its core and notes every gap in its own time, which is what the machine does to everybody.
//
//   stalls SECONDS       prints one JSON object; times are microseconds
#include "common.h"

int main(int count, char **arguments) {
    if (count != 2) die("usage: stalls SECONDS");
    int64_t start = steady_now(), end = start + (int64_t)(atof(arguments[1]) * 1e9), last = start;
    int64_t longest = 0, lost = 0;
    long above_100us = 0, above_1ms = 0;
    while (last < end) {
        int64_t now = steady_now(), gap = now - last;
        last = now;
        if (gap > longest) longest = gap;
        if (gap > 20000) lost += gap;
        above_100us += gap > 100000;
        above_1ms += gap > 1000000;
    }
    printf(
        "{\"longest\":%.1f,\"above_100us\":%ld,\"above_1ms\":%ld,\"lost_share\":%.5f}\n", (double)longest / 1000,
        above_100us, above_1ms, (double)lost / (double)(last - start));
    return 0;
}
