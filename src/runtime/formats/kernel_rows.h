// Rows of a format's kernel table, for processors.
#pragma once

#include "runtime/formats/format.h"

namespace dwubit {

// What rows of op "gemv" say of their activations.
struct GemvActivations {
    decltype(FormatKernel::arranged_bytes) bytes;
    decltype(FormatKernel::arrangement) arrangement;
    decltype(FormatKernel::arrange) arrange;
};

constexpr FormatKernel gemv_row(const char* name, Isa isa, ActType act, unsigned needs,
                                const GemvActivations& activations, decltype(FormatKernel::product) product,
                                decltype(FormatKernel::unsupported) unsupported = nullptr) {
    return {.name = name,
            .op = "gemv",
            .isa = isa,
            .device = "cpu",
            .act = act,
            .needs = needs,
            .unsupported = unsupported,
            .arranged_bytes = activations.bytes,
            .arrangement = activations.arrangement,
            .arrange = activations.arrange,
            .product = product};
}

// op: "dequantize", or "gemm", which dequantizes panels for the dense product.
constexpr FormatKernel dequantize_row(const char* name, const char* op, Isa isa, ActType act, unsigned needs,
                                      decltype(FormatKernel::dequantize) dequantize) {
    return {.name = name, .op = op, .isa = isa, .device = "cpu", .act = act, .needs = needs, .dequantize = dequantize};
}

}  // namespace dwubit
