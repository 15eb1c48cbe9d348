// Blocks to floats, in plain C++: BlockType::decode of each type. Bit for bit what the Python package `gguf` gives.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dwubit::ggml {

void decode_f32(const std::byte* in, std::int64_t blocks, float* out);
void decode_f16(const std::byte* in, std::int64_t blocks, float* out);
void decode_bf16(const std::byte* in, std::int64_t blocks, float* out);
void decode_q4_0(const std::byte* in, std::int64_t blocks, float* out);
void decode_q4_1(const std::byte* in, std::int64_t blocks, float* out);
void decode_q5_0(const std::byte* in, std::int64_t blocks, float* out);
void decode_q5_1(const std::byte* in, std::int64_t blocks, float* out);
void decode_q8_0(const std::byte* in, std::int64_t blocks, float* out);
void decode_iq4_nl(const std::byte* in, std::int64_t blocks, float* out);
void decode_q2_k(const std::byte* in, std::int64_t blocks, float* out);
void decode_q3_k(const std::byte* in, std::int64_t blocks, float* out);
void decode_q4_k(const std::byte* in, std::int64_t blocks, float* out);
void decode_q5_k(const std::byte* in, std::int64_t blocks, float* out);
void decode_q6_k(const std::byte* in, std::int64_t blocks, float* out);
void decode_iq2_xxs(const std::byte* in, std::int64_t blocks, float* out);
void decode_iq2_xs(const std::byte* in, std::int64_t blocks, float* out);
void decode_iq2_s(const std::byte* in, std::int64_t blocks, float* out);
void decode_iq3_xxs(const std::byte* in, std::int64_t blocks, float* out);

}  // namespace dwubit::ggml
