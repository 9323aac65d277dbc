// CRC32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes a step by table lookup. Integrity, not
// origin.
#pragma once

#include <cstddef>
#include <cstdint>

namespace smctrain {

// crc of `size` bytes, continuing from a previous result (0 to start).
uint32_t crc32c(const void* data, size_t size, uint32_t crc = 0);

}  // namespace smctrain
