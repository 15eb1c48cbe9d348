#include "lab/model/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "checkpoint/stored_tensor.h"
#include "lab/failure.h"
#include "lab/tensors.h"
#include "runtime/ops/rope/rope.h"

namespace dwubit::lab {
namespace {

// Query positions whose scores are made at once, at most.
constexpr std::int64_t kQueryBlock = 256;
// Scores that exist at once; fewer queries are taken at a time where heads and keys would make more.
constexpr std::int64_t kScoresCpu = std::int64_t{1} << 20;
constexpr std::int64_t kScoresGpu = std::int64_t{1} << 28;

const TensorView& require(const HfDir& directory, const std::string& name) {
    return *unwrap(directory.tensors.require(name));
}

at::Tensor linear(const at::Tensor& x, const LinearWeight& w) {
    return w.bias.defined() ? at::addmm(w.bias, x, w.weight.t()) : at::mm(x, w.weight.t());
}

// x / rms(x) * weight over the last dimension, float32.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor scale = at::square(wide).mean(-1, /*keepdim=*/true).add_(epsilon).rsqrt_();
    return at::mul(wide, scale).mul_(weight);
}

}  // namespace

Decoder::Decoder(const HfDir& directory, const ModelConfig& config, std::int64_t positions, at::Device device,
                 at::ScalarType dtype)
    : directory_(directory), config_(config), device_(device), dtype_(dtype) {
    if (config.full_attention_limit && positions > *config.full_attention_limit) {
        throw Failure(errorf(ErrorKind::kUnsupported,
                             "sequences of {} tokens need the model's sliding-window attention of {} positions, which "
                             "is not supported",
                             positions, *config.full_attention_limit)
                          .with_hint(fmt::format("--length {} at most", *config.full_attention_limit)));
    }
    RopeTable table(rope_inverse_frequencies(config.rope, config.head_dim));
    table.grow(positions);
    const std::int64_t half = config.head_dim / 2;
    const auto copy = [&](const float* values) {
        return at::from_blob(const_cast<float*>(values), {positions, 1, half}, at::kFloat).clone().to(device);
    };
    cosine_ = copy(table.cosine(0));
    sine_ = copy(table.sine(0));
    const std::int64_t block = std::min(kQueryBlock, positions);
    future_ = at::ones({block, block}, at::TensorOptions().dtype(at::kBool).device(device)).triu(1);
}

LinearWeight Decoder::load_linear(const std::string& module, bool bias) const {
    LinearWeight linear{to_tensor(require(directory_, module + ".weight"), device_, dtype_), {}};
    if (bias) linear.bias = to_tensor(require(directory_, module + ".bias"), device_, dtype_);
    return linear;
}

at::Tensor Decoder::load_norm(const std::string& module) const {
    return to_tensor(require(directory_, module + ".weight"), device_, at::kFloat);
}

DecoderLayer Decoder::load_layer(std::int64_t layer) const {
    const LayerTensorNames names = layer_tensor_names(config_, layer);
    DecoderLayer result;
    result.attention_norm = load_norm(names.attention_norm);
    result.mlp_norm = load_norm(names.mlp_norm);
    if (config_.qk_norm) {
        result.q_norm = load_norm(names.q_norm);
        result.k_norm = load_norm(names.k_norm);
    }
    result.q = load_linear(names.q, config_.qkv_bias);
    result.k = load_linear(names.k, config_.qkv_bias);
    result.v = load_linear(names.v, config_.qkv_bias);
    result.o = load_linear(names.o, config_.o_bias);
    result.gate = load_linear(names.gate, config_.mlp_bias);
    result.up = load_linear(names.up, config_.mlp_bias);
    result.down = load_linear(names.down, config_.mlp_bias);
    return result;
}

at::Tensor Decoder::embed(std::span<const TokenId> ids) const {
    const std::string name = global_tensor_names(config_).embedding + ".weight";
    const TensorView& table = require(directory_, name);
    const std::size_t row_bytes = static_cast<std::size_t>(config_.hidden) * dtype_size(value_dtype(table));
    const auto count = static_cast<std::int64_t>(ids.size());
    at::Tensor rows = at::empty({count, config_.hidden}, scalar_type(table));
    auto* const out = static_cast<std::byte*>(rows.data_ptr());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        DWUBIT_CHECK(ids[i] >= 0 && ids[i] < config_.vocab);
        copy_stored_rows(table, ids[i], 1, out + i * row_bytes);
    }
    return rows.to(device_).to(dtype_);
}

// heads [sequences, length, count, head_dim]: normalised where the family does that, rotated, times `scale`.
at::Tensor Decoder::rotate(const at::Tensor& heads, const at::Tensor& norm, double scale) const {
    const at::Tensor wide = norm.defined() ? rms_norm(heads, norm, config_.rms_norm_eps) : heads.to(at::kFloat);
    const std::int64_t half = config_.head_dim / 2;
    const at::Tensor cosine = cosine_.narrow(0, 0, heads.size(1)) * scale;
    const at::Tensor sine = sine_.narrow(0, 0, heads.size(1)) * scale;
    const at::Tensor a = wide.narrow(-1, 0, half);
    const at::Tensor b = wide.narrow(-1, half, half);
    at::Tensor out = at::empty_like(wide, at::MemoryFormat::Contiguous);
    at::Tensor first = out.narrow(-1, 0, half);
    at::Tensor second = out.narrow(-1, half, half);
    at::mul_out(first, a, cosine).addcmul_(b, sine, -1);
    at::mul_out(second, b, cosine).addcmul_(a, sine);
    return out.to(dtype_);
}

// Causal. q [sequences, length, heads, head_dim], scaled; k, v [sequences, length, kv_heads, head_dim]
// -> [sequences * length, heads * head_dim]
at::Tensor Decoder::attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const std::int64_t sequences = q.size(0);
    const std::int64_t length = q.size(1);
    const std::int64_t dim = config_.head_dim;
    const std::int64_t shared = config_.heads / config_.kv_heads;  // query heads that read one key head
    const std::int64_t groups = sequences * config_.kv_heads;
    const at::Tensor queries =
        q.view({sequences, length, config_.kv_heads, shared, dim}).permute({0, 2, 3, 1, 4}).contiguous();
    const at::Tensor keys = k.permute({0, 2, 1, 3}).reshape({groups, length, dim});
    const at::Tensor values = v.permute({0, 2, 1, 3}).reshape({groups, length, dim});
    at::Tensor out = at::empty({sequences, length, config_.kv_heads, shared, dim}, q.options());
    at::Tensor out_by_group = out.permute({0, 2, 3, 1, 4});

    const std::int64_t budget = device_.is_cpu() ? kScoresCpu : kScoresGpu;
    std::int64_t block =
        std::clamp<std::int64_t>(budget / (sequences * config_.heads * length), 1, std::min(kQueryBlock, length));
    // Weights of later positions are zero, and zero times NaN is NaN: one query at a time multiplies none of them.
    if (!std::isfinite(values.sum().item<double>())) block = 1;
    for (std::int64_t first = 0; first < length; first += block) {
        const std::int64_t count = std::min(block, length - first);
        const std::int64_t seen = first + count;
        const at::Tensor part =
            queries.view({groups, shared, length, dim}).narrow(2, first, count).reshape({groups, shared * count, dim});
        at::Tensor scores = at::bmm(part, keys.narrow(1, 0, seen).transpose(1, 2)).to(at::kFloat);
        scores.view({groups, shared, count, seen})
            .narrow(3, first, count)
            .masked_fill_(future_.narrow(0, 0, count).narrow(1, 0, count), -std::numeric_limits<float>::infinity());
        const at::Tensor weights = at::softmax(scores, -1).to(dtype_);
        out_by_group.narrow(3, first, count)
            .copy_(at::bmm(weights, values.narrow(1, 0, seen)).view({sequences, config_.kv_heads, shared, count, dim}));
    }
    return out.view({sequences * length, config_.heads * dim});
}

// x [sequences, length, hidden] -> [sequences * length, hidden], the residual stream after attention.
at::Tensor Decoder::attention_block(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const {
    const std::int64_t sequences = x.size(0);
    const std::int64_t length = x.size(1);
    const at::Tensor rows = x.reshape({sequences * length, config_.hidden});
    const at::Tensor normed = rms_norm(rows, layer.attention_norm, config_.rms_norm_eps).to(dtype_);
    sink(Site::kQkv, normed);
    const auto heads = [&](const LinearWeight& w, std::int64_t count) {
        return linear(normed, w).view({sequences, length, count, config_.head_dim});
    };
    const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
    const at::Tensor q = rotate(heads(layer.q, config_.heads), layer.q_norm, scale);
    const at::Tensor k = rotate(heads(layer.k, config_.kv_heads), layer.k_norm, 1.0);
    const at::Tensor attended = attention(q, k, heads(layer.v, config_.kv_heads));
    sink(Site::kO, attended);
    return linear(attended, layer.o).add_(rows);
}

// silu(gate(norm x)) * up(norm x) of x [rows, hidden]: [rows, intermediate].
at::Tensor Decoder::mlp_input(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const {
    const at::Tensor normed = rms_norm(x, layer.mlp_norm, config_.rms_norm_eps).to(dtype_);
    sink(Site::kUp, normed);
    at::Tensor gated = linear(normed, layer.gate);
    at::silu_(gated).mul_(linear(normed, layer.up));
    sink(Site::kDown, gated);
    return gated;
}

at::Tensor Decoder::forward(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const {
    const at::Tensor residual = attention_block(layer, x, sink);
    return linear(mlp_input(layer, residual, sink), layer.down).add_(residual).view(x.sizes());
}

void Decoder::visit(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const {
    mlp_input(layer, attention_block(layer, x, sink), sink);
}

at::Tensor Decoder::logits(const at::Tensor& x) const {
    const GlobalTensorNames names = global_tensor_names(config_);
    const at::Tensor normed = rms_norm(x, load_norm(names.norm), config_.rms_norm_eps).to(dtype_);
    return linear(normed, load_linear(names.head, false)).to(at::kFloat);
}

}  // namespace dwubit::lab
