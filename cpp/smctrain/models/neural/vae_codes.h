// What a trained variational autoencoder says about rows, without torch: plain loops over the stored arrays.
//
//   codes           mean and log variance of each latent unit (n, 2 latent)
//   reconstruction  the row decoded from its latent means (n, columns)
//   losses          squared error / 2 of the reconstruction, and KL divergence from the standard normal (n,
//   2)
//
// A row's numbers do not depend on the rows beside it. const: any number of threads may ask at once.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/neural/layout.h"

namespace smctrain::models::neural {

class VaeCodes {
 public:
  VaeCodes(const NetShape& shape, const NetWeights& weights);

  const NetShape& shape() const { return shape_; }

  // InputError when a row is not finite.
  std::vector<double> codes(MatrixView<const float> X, std::span<const int64_t> rows,
                            const StopToken& stop) const;
  std::vector<double> reconstruction(MatrixView<const float> X, std::span<const int64_t> rows,
                                     const StopToken& stop) const;
  std::vector<double> losses(MatrixView<const float> X, std::span<const int64_t> rows,
                             const StopToken& stop) const;

 private:
  struct Affine {
    int64_t in = 0;
    int64_t out = 0;
    std::vector<float> weight;  // (in, out)
    std::vector<float> bias;
    std::vector<float> scale;  // of the folded BatchNorm; empty: none, and no ReLU
  };
  static std::vector<float> through(const std::vector<Affine>& layers, std::vector<float> x, int64_t n);
  std::vector<float> means(const std::vector<float>& codes, int64_t n) const;
  // visit(first place, x, codes) for blocks of rows.
  void each_block(
      MatrixView<const float> X, std::span<const int64_t> rows, const StopToken& stop,
      const std::function<void(int64_t, const std::vector<float>&, const std::vector<float>&)>& visit) const;

  NetShape shape_;
  std::vector<Affine> encoder_;  // down to the codes
  std::vector<Affine> decoder_;  // up to the row
};

}  // namespace smctrain::models::neural
