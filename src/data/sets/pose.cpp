// SPDX-License-Identifier: Apache-2.0
#include "data/sets/pose.h"

#include <fmt/format.h>

#include <Eigen/LU>

#include <cmath>
#include <string>

namespace spinfill {
namespace {

constexpr const char* kField = "transform_matrix";
constexpr double kRigidTolerance = 1e-3;  // files keep four decimals or more

std::optional<Eigen::Matrix4d> numbers(const Json& rows, double most) {
  if (!rows.is_array() || (rows.size() != 3 && rows.size() != 4)) return std::nullopt;
  Eigen::Matrix4d out = Eigen::Matrix4d::Identity();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!rows[r].is_array() || rows[r].size() != 4) return std::nullopt;
    for (std::size_t c = 0; c < 4; ++c) {
      const Json& entry = rows[r][c];
      if (!entry.is_number() || !(std::abs(entry.get<double>()) <= most)) return std::nullopt;
      out(static_cast<int>(r), static_cast<int>(c)) = entry.get<double>();
    }
  }
  return out;
}

double error_of(const Eigen::Matrix3d& rotation) {
  return (rotation.transpose() * rotation - Eigen::Matrix3d::Identity()).cwiseAbs().maxCoeff();
}

// What departs from a rigid motion, and what to do about it; no text: nothing does.
struct Fault {
  std::string what, advice, example;
};
Fault fault_of(const Eigen::Matrix4d& pose) {
  const Eigen::RowVector4d last(0, 0, 0, 1);
  const Eigen::Matrix3d part = pose.topLeftCorner<3, 3>();
  if ((pose.row(3) - last).cwiseAbs().maxCoeff() >= 1e-9) {
    const bool transposed = (pose.col(3).transpose() - last).cwiseAbs().maxCoeff() < 1e-9;
    if (transposed)
      return {"is not a rigid motion: it is written by columns", "write it by rows, the position last in each", ""};
    return {"is not a rigid motion: its last row is not 0 0 0 1", "write the camera-to-vehicle matrix by rows", ""};
  }
  const double scale = std::cbrt(std::abs(part.determinant()));
  if (!(scale > 1e-6) || error_of(part / scale) > kRigidTolerance) {
    return {"is not a rigid motion: its 3x3 part is no rotation", "give a rotation (determinant +1) and a position",
            ""};
  }
  if (error_of(part) > kRigidTolerance) {
    return {"is not a rigid motion: it is scaled by {}",
            "divide the 3x3 part by that (in Blender: apply the camera's scale)", fmt::format("{:.4g}", scale)};
  }
  if (part.determinant() < 0) {
    return {"is not a rigid motion: it is left-handed (determinant -1)",
            "use right-handed axes: camera +X right, +Y up, -Z forward", ""};
  }
  return {};
}

}  // namespace

std::optional<Eigen::Matrix4d> read_pose(TransformsFields& fields, double most) {
  const Json* rows = fields.find(kField);
  if (rows == nullptr || fields.is_wrong(kField)) return std::nullopt;
  const auto pose = numbers(*rows, most);
  if (!pose) {
    fields.wrong(kField, fmt::format("is not 4x4 (or 3x4) finite numbers within ±{}", most),
                 "write the camera-to-vehicle matrix by rows");
    return std::nullopt;
  }
  const Fault fault = fault_of(*pose);
  if (fault.what.empty()) return pose;
  fields.wrong(kField, fault.what, fault.advice, fault.example);
  return std::nullopt;
}

}  // namespace spinfill
