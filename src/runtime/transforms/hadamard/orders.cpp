#include "runtime/transforms/hadamard/orders.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/check.h"
#include "base/error.h"

namespace dwubit {
namespace {

bool is_prime(int n) {
    if (n < 2) return false;
    for (int d = 2; d * d <= n; ++d) {
        if (n % d == 0) return false;
    }
    return true;
}

SignMatrix zeros(int order) {
    return {order, std::vector<std::int8_t>(static_cast<std::size_t>(order) * static_cast<std::size_t>(order))};
}

std::int8_t& entry(SignMatrix& matrix, int row, int column) {
    return matrix.entries[static_cast<std::size_t>(row) * static_cast<std::size_t>(matrix.order) +
                          static_cast<std::size_t>(column)];
}

// The field of q elements for q prime, or the square of a prime p = 3 mod 4: there a + b i with i^2 = -1 is element
// a + p b, and a square exactly if its norm a^2 + b^2 is one mod p.
class Field {
public:
    static std::optional<Field> of(int q) {
        if (is_prime(q)) return Field(q, q);
        for (int p = 3; p * p <= q; p += 4) {
            if (p * p == q && is_prime(p)) return Field(q, p);
        }
        return std::nullopt;
    }

    // The quadratic character of element i minus element j.
    int character(int i, int j) const {
        if (p_ == q_) return legendre(i - j);
        const int a = i % p_ - j % p_;
        const int b = i / p_ - j / p_;
        return legendre(a * a + b * b);
    }

private:
    Field(int q, int p) : q_(q), p_(p), legendre_(static_cast<std::size_t>(p), -1) {
        legendre_[0] = 0;
        for (int root = 1; root < p; ++root) legendre_[static_cast<std::size_t>(root * root % p)] = 1;
    }
    // 0 for 0, else 1 for squares mod p and -1 for others.
    int legendre(int x) const { return legendre_[static_cast<std::size_t>((x % p_ + p_) % p_)]; }

    int q_;
    int p_;
    std::vector<std::int8_t> legendre_;
};

// Paley's first construction, q = order - 1 = 3 mod 4: a border of -1 above and +1 at the left, characters inside.
std::optional<SignMatrix> paley_1(int order) {
    const int q = order - 1;
    const auto field = Field::of(q);
    if (!field || q % 4 != 3) return std::nullopt;
    SignMatrix matrix = zeros(order);
    for (int i = 0; i < order; ++i) {
        entry(matrix, 0, i) = i == 0 ? 1 : -1;
        entry(matrix, i, 0) = 1;
    }
    for (int i = 0; i < q; ++i) {
        for (int j = 0; j < q; ++j) {
            entry(matrix, i + 1, j + 1) = static_cast<std::int8_t>(i == j ? 1 : field->character(i, j));
        }
    }
    return matrix;
}

// Paley's second, q = order / 2 - 1 = 1 mod 4: [[C + I, C - I], [C - I, -C - I]] of the conference matrix C.
std::optional<SignMatrix> paley_2(int order) {
    const int half = order / 2;
    const int q = half - 1;
    const auto field = Field::of(q);
    if (!field || q % 4 != 1) return std::nullopt;
    SignMatrix matrix = zeros(order);
    for (int i = 0; i < half; ++i) {
        for (int j = 0; j < half; ++j) {
            int c = 1;
            if (i > 0 && j > 0) c = field->character(i - 1, j - 1);
            if (i == 0 && j == 0) c = 0;
            const int unit = i == j ? 1 : 0;
            entry(matrix, i, j) = static_cast<std::int8_t>(c + unit);
            entry(matrix, i, half + j) = static_cast<std::int8_t>(c - unit);
            entry(matrix, half + i, j) = static_cast<std::int8_t>(c - unit);
            entry(matrix, half + i, half + j) = static_cast<std::int8_t>(-c - unit);
        }
    }
    return matrix;
}

// Williamson's: four symmetric circulants of order / 4, given by their first rows. The rows are those of the orders'
// matrices in Sloane's collection (neilsloane.com/hadamard), which QuIP# uses.
struct Williamson {
    int order;
    std::array<std::string_view, 4> rows;
};
constexpr Williamson kWilliamson[] = {
    {52, {"+-+--++++--+-", "+---++++++---", "++-+--++--+-+", "+----+--+----"}},
    {116,
     {"++--+--+-+++-++++-+++-+--+--+", "++++-++-+---++++++---+-++-+++", "+-+---++--+-++++++-+--++---+-",
      "+++---++--+-+----+-+--++---++"}},
    {124,
     {"+--+++-+--+----++----+--+-+++--", "+--+++-+--+----++----+--+-+++--", "+-----+++-+-+--++--+-+-+++-----",
      "++++++---+-+-++--++-+-+---+++++"}},
    {156,
     {"+++--+-+-----+--++----++--+-----+-+--++", "++++---+--++----+-+--+-+----++--+---+++",
      "+++--++-+---+-+--+----+--+-+---+-++--++", "+---++-+-+-----+++-++-+++-----+-+-++---"}},
    {172,
     {"+---++--++++-+-+++-++--++-+++-+-++++--++---", "++-++++++----+-+--++-++-++--+-+----++++++-+",
      "+++-+-++--+-+-++++-+----+-++++-+-+--++-+-++", "++---++++-+--+--++--------++--+--+-++++---+"}},
};

std::optional<SignMatrix> williamson(int order) {
    const auto* const found =
        std::find_if(std::begin(kWilliamson), std::end(kWilliamson), [&](const auto& w) { return w.order == order; });
    if (found == std::end(kWilliamson)) return std::nullopt;
    // Which circulant stands in block (i, j), and its sign: [[a, b, c, d], [-b, a, -d, c], [-c, d, a, -b], [-d, -c, b,
    // a]].
    constexpr int kBlock[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0}};
    constexpr int kSign[4][4] = {{1, 1, 1, 1}, {-1, 1, -1, 1}, {-1, 1, 1, -1}, {-1, -1, 1, 1}};
    const int k = order / 4;
    SignMatrix matrix = zeros(order);
    for (int row = 0; row < order; ++row) {
        for (int column = 0; column < order; ++column) {
            const int i = row / k;
            const int j = column / k;
            const std::string_view first = found->rows[static_cast<std::size_t>(kBlock[i][j])];
            const int sign = first[static_cast<std::size_t>((column % k - row % k + k) % k)] == '+' ? 1 : -1;
            entry(matrix, row, column) = static_cast<std::int8_t>(sign * kSign[i][j]);
        }
    }
    return matrix;
}

// Where several constructions reach an order, the first does: with Williamson's before Paley's second, and Paley's
// first before that, the orders of QuIP# get its matrices.
std::optional<SignMatrix> construct(int order) {
    if (auto matrix = williamson(order)) return matrix;
    if (order == 28 || order == 36) return paley_2(order);  // 28 = 27 + 1 too, but QuIP# has this one
    if (auto matrix = paley_1(order)) return matrix;
    return paley_2(order);
}

std::int64_t nearest_size(std::int64_t n, int direction) {
    constexpr int kTries = 4096;
    for (int i = 1; i <= kTries; ++i) {
        const std::int64_t size = n + direction * std::int64_t{i};
        if (size < 1) return 0;
        if (hadamard_size(size)) return size;
    }
    return 0;
}

}  // namespace

const SignMatrix* hadamard_matrix(int order) {
    if (order < 12 || order > kMaxHadamardOrder || order % 4 != 0 ||
        std::has_single_bit(static_cast<unsigned>(order))) {
        return nullptr;
    }
    static std::mutex mutex;
    static std::map<int, std::optional<SignMatrix>> made;
    const std::lock_guard lock(mutex);
    const auto found = made.find(order);
    const auto& matrix = found != made.end() ? found->second : made.emplace(order, construct(order)).first->second;
    return matrix ? &*matrix : nullptr;
}

std::optional<HadamardSize> hadamard_size(std::int64_t n) {
    if (n < 1) return std::nullopt;
    const auto twos = std::countr_zero(static_cast<std::uint64_t>(n));
    const std::int64_t odd = n >> twos;
    if (odd == 1) return HadamardSize{1, twos};
    if (odd > kMaxHadamardOrder) return std::nullopt;
    std::int64_t order = 4 * odd;
    for (int used = 2; used <= twos && order <= kMaxHadamardOrder; ++used, order *= 2) {
        if (hadamard_matrix(static_cast<int>(order)) == nullptr) continue;
        return HadamardSize{static_cast<int>(order), twos - used};
    }
    return std::nullopt;
}

Result<HadamardSize> require_hadamard_size(std::int64_t n) {
    if (const auto size = hadamard_size(n)) return *size;
    if (n < 1) return errorf(ErrorKind::kUnsupported, "there is no Hadamard matrix of size {}", n);
    const std::int64_t below = nearest_size(n, -1);
    const std::int64_t above = nearest_size(n, 1);
    std::string hint = "the nearest sizes that have one are ";
    if (below > 0) hint += std::to_string(below) + (above > 0 ? " and " : "");
    if (above > 0) hint += std::to_string(above);
    return errorf(ErrorKind::kUnsupported, "there is no Hadamard matrix of size {} here: {} = {} x {}", n, n,
                  n >> std::countr_zero(static_cast<std::uint64_t>(n)),
                  std::uint64_t{1} << std::countr_zero(static_cast<std::uint64_t>(n)))
        .with_hint(below > 0 || above > 0 ? hint + "; block_rht takes every size with blocks that have one" : "");
}

}  // namespace dwubit
