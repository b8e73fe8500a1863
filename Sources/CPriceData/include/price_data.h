#ifndef PRICE_DATA_H
#define PRICE_DATA_H

#include <stddef.h>

// The built-in prices: prices.json as it stands beside the source, in read-only memory of the executable.
const unsigned char *price_data(void);
size_t price_data_count(void);

#endif
