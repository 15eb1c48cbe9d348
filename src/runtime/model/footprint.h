// How large a model is, counted to the byte: what every report and table means by bits per weight.
#pragma once

#include <cstdint>

#include "runtime/model/open_model.h"

namespace dwubit {

// 8 bytes / weights, 0 of nothing.
double bits_per_weight(std::uint64_t bytes, std::uint64_t weights);

struct Footprint {
    std::uint64_t parameters = 0;    // weights of the model, whatever they are stored as
    std::uint64_t bytes = 0;         // a packed model: its weight files, headers and alignment too; others: the tensors
    std::uint64_t linear_bytes = 0;  // of the layers' linears without biases; of a packed model its packed ones
    std::uint64_t linear_weights = 0;   // that these stand for
    std::uint64_t bytes_per_token = 0;  // read for one generated token

    double bits_per_weight_linears() const { return bits_per_weight(linear_bytes, linear_weights); }
    double bits_per_weight_file() const { return bits_per_weight(bytes, parameters); }
};

Footprint measure_footprint(const OpenModel& model);

// Bytes of a linear's weight, or of all its buffers. check_tensors() has passed.
std::uint64_t linear_bytes(const OpenModel& model, const LinearShape& linear);

}  // namespace dwubit
