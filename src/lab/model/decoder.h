// A decoder of the Llama family in libtorch, one layer in memory at a time: for what looks into it (calibration) and
// for what needs gradients. The runtime's forward pass (runtime/model) is the fast one; the two agree on the logits.
//
// Weights and activations are in one dtype, float32 or bfloat16; norms, rotation and softmax are in float32.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <span>

#include "base/token_id.h"
#include "checkpoint/hf_dir.h"
#include "hessians/hessian_store.h"
#include "runtime/model/config.h"

namespace dwubit::lab {

struct LinearWeight {
    at::Tensor weight;  // [out, in]
    at::Tensor bias;    // [out] or undefined
};

struct DecoderLayer {
    at::Tensor attention_norm;  // [hidden] float32
    at::Tensor mlp_norm;        // [hidden] float32
    at::Tensor q_norm;          // [head_dim] float32, or undefined
    at::Tensor k_norm;          // [head_dim] float32, or undefined
    LinearWeight q, k, v, o;
    LinearWeight gate, up, down;
};

// Gets the input [rows, n] of the linears of a site, in the decoder's dtype.
using SiteSink = std::function<void(Site site, const at::Tensor& x)>;

// Const members may be called from several threads at once.
class Decoder {
public:
    // For sequences of up to `positions` tokens; Unsupported where the model's attention is not full that far.
    // `directory` must outlive this, and its tensors have passed check_tensors().
    Decoder(const HfDir& directory, const ModelConfig& config, std::int64_t positions, at::Device device,
            at::ScalarType dtype);

    const ModelConfig& config() const { return config_; }
    at::Device device() const { return device_; }
    at::ScalarType dtype() const { return dtype_; }

    DecoderLayer load_layer(std::int64_t layer) const;

    // [ids, hidden]; the ids are in the vocabulary.
    at::Tensor embed(std::span<const TokenId> ids) const;
    // x [sequences, length, hidden], each sequence from position 0, to the same after the layer. Sites are seen in the
    // order qkv, o, up, down.
    at::Tensor forward(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const;
    // The same without a result, for the last layer: nothing is done after the last site.
    void visit(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const;
    // x [rows, hidden] after the last layer -> [rows, vocab] float32. Loads norm and head.
    at::Tensor logits(const at::Tensor& x) const;

private:
    LinearWeight load_linear(const std::string& module, bool bias) const;
    at::Tensor load_norm(const std::string& module) const;
    at::Tensor attention_block(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const;
    at::Tensor mlp_input(const DecoderLayer& layer, const at::Tensor& x, const SiteSink& sink) const;
    at::Tensor rotate(const at::Tensor& heads, const at::Tensor& norm, double scale) const;
    at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;

    const HfDir& directory_;
    ModelConfig config_;
    at::Device device_;
    at::ScalarType dtype_;
    at::Tensor cosine_;  // [positions, 1, head_dim / 2] float32
    at::Tensor sine_;
    at::Tensor future_;  // [block, block] bool: key after query
};

}  // namespace dwubit::lab
