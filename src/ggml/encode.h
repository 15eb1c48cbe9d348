// Rows of floats to blocks, in plain C++: BlockType::encode of each type. The same bytes as llama.cpp's quantizer
// writes for the same weights and importance, bit for bit: the order of every operation is part of that.
// docs/formats/ggml.md
#pragma once

#include <cstddef>
#include <cstdint>

namespace dwubit::ggml {

void encode_f32(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_f16(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_bf16(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q4_0(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q5_0(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q8_0(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_iq4_nl(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q2_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q4_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q5_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_q6_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out);
void encode_iq2_xxs(const float* row, std::int64_t blocks, const float* importance, std::byte* out);

}  // namespace dwubit::ggml
