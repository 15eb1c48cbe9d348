#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/ops/attention/attention.h"

namespace dwubit {

void attention_ref(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache,
                   std::int64_t first_position, MatrixView<float> out) {
    const std::int64_t group = shape.heads / shape.kv_heads;
    const std::int64_t dim = shape.head_dim;
    for (std::int64_t r = 0; r < q.rows; ++r) {
        for (std::int64_t h = 0; h < shape.heads; ++h) {
            const float* query = q.row(r).data() + h * dim;
            const float* keys = static_cast<const float*>(cache.keys) + (h / group) * cache.capacity * dim;
            const float* values = static_cast<const float*>(cache.values) + (h / group) * cache.capacity * dim;
            std::vector<double> scores(static_cast<std::size_t>(first_position + r + 1));
            for (std::size_t p = 0; p < scores.size(); ++p) {
                for (std::int64_t i = 0; i < dim; ++i) {
                    scores[p] += static_cast<double>(query[i]) * keys[static_cast<std::int64_t>(p) * dim + i];
                }
                scores[p] /= std::sqrt(static_cast<double>(dim));
            }
            const double maximum = *std::max_element(scores.begin(), scores.end());
            double sum = 0;
            for (double& s : scores) sum += s = std::exp(s - maximum);
            for (std::int64_t i = 0; i < dim; ++i) {
                double value = 0;
                for (std::size_t p = 0; p < scores.size(); ++p) {
                    value += scores[p] / sum * values[static_cast<std::int64_t>(p) * dim + i];
                }
                out(r, h * dim + i) = static_cast<float>(value);
            }
        }
    }
}

}  // namespace dwubit
