// uniform_group_dequantize_f32_ref: rows of codes to float32, in plain C++.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/float16.h"
#include "runtime/formats/uniform_group/kernels.h"
#include "runtime/formats/uniform_group/layout.h"

namespace dwubit::uniform_group {
namespace {

// `n` codes that start at a byte, as scale * (code - offset).
template <int kBits>
void expand(const std::byte* codes, std::int64_t n, float scale, float offset, float* out) {
    constexpr int kChunk = 8;  // codes in kBits bytes
    constexpr std::uint64_t kMask = (1U << kBits) - 1;
    float values[1 << kBits];
    if constexpr (kBits < 8) {  // of 8-bit codes a group has fewer than the table
        for (int code = 0; code < 1 << kBits; ++code) values[code] = scale * (static_cast<float>(code) - offset);
    }
    const auto value = [&](std::uint64_t code) {
        return kBits < 8 ? values[code] : scale * (static_cast<float>(code) - offset);
    };
    std::int64_t i = 0;
    for (; i + kChunk <= n; i += kChunk) {
        std::uint64_t word = 0;
        std::memcpy(&word, codes + i / kChunk * kBits, kBits);
        for (int j = 0; j < kChunk; ++j) out[i + j] = value(word >> (j * kBits) & kMask);
    }
    for (; i < n; ++i) out[i] = value(read_element(codes, i, kBits));
}

using Expand = void (*)(const std::byte*, std::int64_t, float, float, float*);

Expand expand_for(int bits) {
    switch (bits) {
        case 2:
            return expand<2>;
        case 3:
            return expand<3>;
        case 4:
            return expand<4>;
        default:
            return expand<8>;
    }
}

class Reader : public FormatReader {
public:
    Reader(const PackedView& packed, const UniformGroupParams& params, std::vector<std::uint32_t> perm)
        : params_(params),
          in_(packed.shape[1]),
          groups_(params.groups(in_)),
          row_bytes_(stream_bytes(in_, params.bits)),
          expand_(expand_for(params.bits)),
          codes_(packed.find("codes")->bytes.data()),
          scales_(packed.find("scales")->bytes.data()),
          zeros_(params.grid == UniformGroupParams::Grid::kZero ? packed.find("zeros")->bytes.data() : nullptr),
          perm_(std::move(perm)) {
        const auto bytes = [](const std::byte* p) { return reinterpret_cast<const unsigned char*>(p); };
        matrix_ = {.codes = bytes(codes_),
                   .scales = bytes(scales_),
                   .zeros = bytes(zeros_),
                   .perm = perm_.empty() ? nullptr : perm_.data(),
                   .out = packed.shape[0],
                   .in = in_,
                   .group = params.group,
                   .groups = groups_,
                   .row_bytes = row_bytes_,
                   .zero_bytes = stream_bytes(packed.shape[0] * groups_, params.bits),
                   .bits = params.bits,
                   .mirror_offset = params.mirror_offset(),
                   .chunk_groups = nullptr,
                   .lane_groups = nullptr};
        if (params.group % kSegment == 0 || groups_ == 1) list_groups();
    }

    const void* matrix() const override { return &matrix_; }

    void dequantize(std::int64_t first, std::int64_t count, float* out) const override {
        std::vector<float> stored(perm_.size());
        for (std::int64_t r = 0; r < count; ++r) {
            float* const row = out + r * in_;
            if (perm_.empty()) {
                stored_row(first + r, row);
                continue;
            }
            stored_row(first + r, stored.data());
            for (std::size_t j = 0; j < stored.size(); ++j) row[perm_[j]] = stored[j];
        }
    }

private:
    // chunk_groups and lane_groups of kernels.h.
    void list_groups() {
        const std::int64_t columns = chunk_columns(params_.bits);
        const std::int64_t count = chunks(matrix_);
        const auto group_of = [&](std::int64_t column) { return std::min(column, in_ - 1) / params_.group; };
        for (std::int64_t c = 0; c < count; ++c) {
            const std::int64_t first = group_of(c * columns);
            chunk_groups_.push_back(static_cast<std::int32_t>(first));
            for (std::int64_t lane = 0; lane < kLanesPerChunk; ++lane) {
                const std::int64_t group = group_of(c * columns + lane * columns / kLanesPerChunk);
                lane_groups_.push_back(static_cast<std::int32_t>(group - first));
            }
        }
        matrix_.chunk_groups = chunk_groups_.data();
        matrix_.lane_groups = lane_groups_.data();
    }

    // Row `r` in stored order, [in].
    void stored_row(std::int64_t r, float* out) const {
        const std::byte* const codes = codes_ + r * row_bytes_;
        for (std::int64_t g = 0; g < groups_; ++g) {
            const std::int64_t index = r * groups_ + g;
            F16 scale{};
            std::memcpy(&scale, scales_ + index * 2, sizeof(scale));
            const float offset = zeros_ != nullptr ? static_cast<float>(read_element(zeros_, index, params_.bits))
                                                   : params_.mirror_offset();
            const std::int64_t start = g * params_.group;
            expand_(codes + start / 8 * params_.bits, std::min(params_.group, in_ - start), to_float(scale), offset,
                    out + start);
        }
    }

    UniformGroupParams params_;
    std::int64_t in_;
    std::int64_t groups_;
    std::int64_t row_bytes_;
    Expand expand_;
    const std::byte* codes_;
    const std::byte* scales_;
    const std::byte* zeros_;  // nullptr for the mirror grid
    std::vector<std::uint32_t> perm_;
    std::vector<std::int32_t> chunk_groups_;
    std::vector<std::int32_t> lane_groups_;
    Matrix matrix_{};
};

}  // namespace

Result<std::unique_ptr<FormatReader>> bind(const PackedView& packed) {
    DWUBIT_ASSIGN(const UniformGroupParams params, uniform_group_params(packed.params, packed.shape));
    DWUBIT_TRY(check_scales(*packed.find("scales")));
    DWUBIT_ASSIGN(std::vector<std::uint32_t> perm, read_perm(packed, params));
    return std::unique_ptr<FormatReader>(std::make_unique<Reader>(packed, params, std::move(perm)));
}

}  // namespace dwubit::uniform_group
