#include "fuzzer.h"

// Only a header: the library is linked in.
