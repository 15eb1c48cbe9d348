// Encoders of the bitshift trellis: for a tile of 256 numbers the tail-biting path of states with the least squared
// error, found by the Viterbi algorithm in two passes (Tseng et al. 2024, arXiv 2406.11235, section 3.2).
//
// State s_t has L = 16 bits; a step takes kV = bits * step_values new ones: s_t = (s_{t-1} << kV | c_t) mod 2^16, and
// the first state follows the last. In node form a node is a state's low 16 - kV bits, the predecessors of what may
// follow:
//     M_t[g] = min over c of  M_{t-1}[g >> kV | c << (16 - 2 kV)] + |value(g | c << (16 - kV)) - x_t|^2
// Pass 1 runs over the sequence rotated by half, from cost 0 at every node to whichever node has the least, and gives
// the node between the last element and the first; pass 2 starts and ends there. Of equal costs the lowest c, or node,
// is taken.
//
// The encoders of 16-bit costs keep no c: they keep M after every one to eight steps, and on the way back work out
// again the few paths into the one node that matters. viterbi_u16.h has their arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/cpu/isa.h"

namespace dwubit {

inline constexpr int kViterbiTile = 256;  // numbers of a tile

struct ViterbiTrellis {
    int bits = 2;                   // K: 1 to 4 per number
    int step_values = 1;            // V: numbers per state, 1 or 2
    const float* values = nullptr;  // [V][2^16], as trellis_values(); |value| < 8
};

// x: [tiles, 256] in sequence order and in units of the values; states: [tiles, 256 / V].
// Deterministic: the states of a tile depend on nothing but its numbers. Numbers beyond +-8 count as +-8. NaN gives
// some path.
using ViterbiEncode = void (*)(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
                               std::uint16_t* states);
// Float costs: what the others are measured against.
void viterbi_encode_f32_ref(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles, std::uint16_t* states);
// Costs of 16 bits in units of 1/256; all three give the same states.
void viterbi_encode_u16_ref(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles, std::uint16_t* states);
void viterbi_encode_u16_avx2(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles, std::uint16_t* states);
void viterbi_encode_u16_avx512(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
                               std::uint16_t* states);
// The encoder of 16-bit costs for this level.
ViterbiEncode viterbi_encode(Isa isa);

// The same on the device, with costs of its own precision: the states are a path as good, not the same one. Pointers
// are the device's, trellis.values too; `workspace`: viterbi_workspace_bytes() of device memory. Returns what CUDA says
// of an error, or nullptr. In a build without CUDA kernels there is none to call: has_cuda_kernels() of e8p_search.h.
std::size_t viterbi_workspace_bytes(int bits, int step_values);
const char* viterbi_encode_cuda(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
                                std::uint16_t* states, void* workspace, void* stream);

}  // namespace dwubit
