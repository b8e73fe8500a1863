#include "price_data.h"

// clang knows #embed of C23 in every mode.
#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char data[] = {
#embed "prices.json"
};

const unsigned char *price_data(void) { return data; }
size_t price_data_count(void) { return sizeof(data); }
