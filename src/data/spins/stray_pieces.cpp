// SPDX-License-Identifier: Apache-2.0
#include "data/spins/stray_pieces.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>

#include <Eigen/LU>

#include <opencv2/imgproc.hpp>

#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr std::size_t kFewest = 5;              // pictures
constexpr std::size_t kOneOf = 7;               // others: so many, one may lack a part
constexpr double kStray = 0.02;                 // lengths beyond what the others leave
constexpr double kPoorFit = 0.008;              // lengths by which the masks fit together
constexpr double kExcluded = 0.006;             // lengths
constexpr double kReach = 0.03;                 // lengths
constexpr int kFewestPixels = 4;                // stray ones of a piece
constexpr double kConfirmed = 0.3;              // share of a piece's stray pixels
constexpr double kAcross = 25;                  // degrees
constexpr std::size_t kConfirming = 3;          // one of so many views
constexpr double kMost = 0.15;                  // of a mask
constexpr int kSoft = 4;                        // px of the outline
constexpr double kLower = 1.0 / 3;              // of the height of its box
constexpr int kWidth = 256;                     // px at which masks are compared
constexpr float kVoxel = 0.008F;                // lengths
constexpr std::array kHalf{0.56F, 0.4F, 0.4F};  // of the box, lengths
constexpr float kNowhere = -9;                  // lengths

// A mask as a camera sees it.
struct View {
  std::size_t picture = 0;
  cv::Mat inside;           // CV_32F: signed distance to the outline, px, positive on the vehicle
  cv::Matx34f project;      // from the vehicle frame; the third row is the depth
  float length_per_px = 0;  // at depth 1
  double azimuth_deg = 0;
  cv::Mat covered;           // 8-bit
  cv::Mat support, lenient;  // CV_32F: the most that the others, or all but some of them, leave along each ray, lengths
  cv::Mat stray, confirmed;  // 8-bit

  struct Seen {
    int x = -1, y = -1;
    float depth = 0;
  };
  Seen see(float X, float Y, float Z) const {
    const cv::Matx34f& p = project;
    const float depth = p(2, 0) * X + p(2, 1) * Y + p(2, 2) * Z + p(2, 3);
    if (depth <= 0) return {};
    const float u = (p(0, 0) * X + p(0, 1) * Y + p(0, 2) * Z + p(0, 3)) / depth,
                v = (p(1, 0) * X + p(1, 1) * Y + p(1, 2) * Z + p(1, 3)) / depth;
    if (!(u >= 0 && v >= 0 && u < static_cast<float>(inside.cols) && v < static_cast<float>(inside.rows))) return {};
    return {static_cast<int>(u), static_cast<int>(v), depth};
  }
};

cv::Mat signed_distance(const cv::Mat& covered) {
  cv::Mat in, out;
  cv::distanceTransform(covered, in, cv::DIST_L2, cv::DIST_MASK_PRECISE);
  cv::distanceTransform(~covered, out, cv::DIST_L2, cv::DIST_MASK_PRECISE);
  return in - out;
}

View view_of(const SpinPicture& picture, const Camera& of_picture, std::size_t number) {
  View view;
  view.picture = number;
  const auto rows = static_cast<int>(picture.alpha.size(0)), cols = static_cast<int>(picture.alpha.size(1));
  const int width = std::min(kWidth, cols), height = std::max(2, cvRound(static_cast<double>(rows) * width / cols));
  const at::Tensor alpha = picture.alpha.contiguous();
  cv::Mat small;
  cv::resize(cv::Mat(rows, cols, CV_32F, const_cast<float*>(alpha.const_data_ptr<float>())), small, {width, height}, 0,
             0, cv::INTER_AREA);
  view.covered = small >= 0.5F;
  view.inside = signed_distance(view.covered);
  const Camera camera = resized(of_picture, width, height);
  const Eigen::Matrix4d to = camera.vehicle_from_camera.inverse();
  Eigen::Matrix3d k;  // of OpenGL's axes
  k << camera.fl_x, 0, -camera.cx, 0, -camera.fl_y, -camera.cy, 0, 0, -1;
  const Eigen::Matrix<double, 3, 4> p = k * to.topRows<3>();
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 4; ++c) view.project(r, c) = static_cast<float>(p(r, c));
  view.azimuth_deg = viewing_direction(camera).azimuth_deg;
  view.length_per_px = static_cast<float>(1 / camera.fl_x);
  for (cv::Mat* map : {&view.support, &view.lenient}) *map = cv::Mat(height, width, CV_32F, kNowhere);
  for (cv::Mat* map : {&view.stray, &view.confirmed}) *map = cv::Mat::zeros(height, width, CV_8U);
  return view;
}

// Voxel by voxel through the box.
void each_voxel(const std::function<void(float, float, float)>& visit) {
  for (float z = -kHalf[2]; z < kHalf[2]; z += kVoxel)
    for (float y = -kHalf[1]; y < kHalf[1]; y += kVoxel)
      for (float x = -kHalf[0]; x < kHalf[0]; x += kVoxel) visit(x, y, z);
}

// Each view's support by all others and by all but `may_lack` of them.
void find_support(std::vector<View>& views, std::size_t may_lack) {
  std::vector<View::Seen> seen(views.size());
  std::vector<float> own(views.size()), least;
  each_voxel([&](float x, float y, float z) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      seen[i] = views[i].see(x, y, z);
      own[i] = seen[i].x < 0 ? kNowhere
                             : views[i].inside.at<float>(seen[i].y, seen[i].x) * seen[i].depth * views[i].length_per_px;
    }
    least = own;
    const auto kept = std::min(least.size(), may_lack + 2);
    std::ranges::partial_sort(least, least.begin() + static_cast<std::ptrdiff_t>(kept));
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (seen[i].x < 0 || own[i] < 0) continue;  // no pixel of its mask
      // The others' least are all views' without its own.
      const auto of_others = [&](std::size_t rank) { return own[i] <= least[rank] ? least[rank + 1] : least[rank]; };
      float& all = views[i].support.at<float>(seen[i].y, seen[i].x);
      all = std::max(all, of_others(0));
      float& most = views[i].lenient.at<float>(seen[i].y, seen[i].x);
      most = std::max(most, of_others(may_lack));
    }
  });
  // Voxels are up to two pixels apart.
  for (View& view : views)
    for (cv::Mat* map : {&view.support, &view.lenient}) cv::dilate(*map, *map, cv::Mat::ones(3, 3, CV_8U));
}

// Whether two rays that meet do so at a place: from one side, or from opposite ones, they run along each other.
bool across(const View& a, const View& b) {
  return std::abs(std::sin((a.azimuth_deg - b.azimuth_deg) * kDegree)) > std::sin(kAcross * kDegree);
}

// Where several views' stray pixels see one place.
void find_confirmed(std::vector<View>& views) {
  std::vector<View::Seen> at;
  std::vector<View*> who;
  const std::size_t enough = std::max<std::size_t>(2, views.size() / kConfirming);
  each_voxel([&](float x, float y, float z) {
    at.clear(), who.clear();
    for (View& view : views) {
      const View::Seen seen = view.see(x, y, z);
      if (seen.x < 0 || view.stray.at<uchar>(seen.y, seen.x) == 0) continue;
      at.push_back(seen), who.push_back(&view);
    }
    if (who.size() < enough) return;
    for (std::size_t i = 0; i < who.size(); ++i)
      if (std::ranges::any_of(who, [&](const View* other) { return across(*who[i], *other); }))
        who[i]->confirmed.at<uchar>(at[i].y, at[i].x) = 255;
  });
  for (View& view : views) cv::dilate(view.confirmed, view.confirmed, cv::Mat::ones(3, 3, CV_8U));
}

// The stray pieces of a view, at its own size; empty: none.
cv::Mat pieces_of(const View& view, double length_px) {
  const int reach = std::max(1, cvRound(kReach * length_px));
  cv::Mat near, labels;
  cv::dilate(view.stray, near, cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * reach + 1, 2 * reach + 1}));
  const cv::Mat grown = view.covered & near & (view.support < -kExcluded);
  const int count = cv::connectedComponents(grown, labels, 8);
  const double mask = cv::countNonZero(view.covered);
  cv::Mat out = cv::Mat::zeros(view.stray.size(), CV_8U);
  for (int label = 1; label < count; ++label) {
    const cv::Mat piece = labels == label;
    const int stray = cv::countNonZero(piece & view.stray);
    if (stray < kFewestPixels || cv::countNonZero(piece & view.stray & view.confirmed) > kConfirmed * stray) continue;
    const bool on_top = cv::boundingRect(piece).y < cv::boundingRect(view.covered & ~piece).y;
    if (!on_top && cv::countNonZero(piece) <= kMost * mask) out |= piece;
  }
  return cv::countNonZero(out) == 0 ? cv::Mat() : out;
}

}  // namespace

std::vector<StrayPiece> stray_pieces(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                     double miss) {
  std::vector<View> views;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (pictures[i].trusted) views.push_back(view_of(pictures[i], cameras.at(i), i));
  std::vector<StrayPiece> out(pictures.size());
  if (views.size() < kFewest || miss > kPoorFit) return out;
  find_support(views, std::max<std::size_t>(1, (views.size() - 1) / kOneOf));
  for (View& view : views) {
    view.stray = view.covered & (view.lenient < -kStray);
    const cv::Rect box = cv::boundingRect(view.covered);
    view.stray.rowRange(box.br().y - cvRound(kLower * box.height), view.stray.rows).setTo(0);
  }
  if (std::ranges::all_of(views, [](const View& view) { return cv::countNonZero(view.stray) == 0; })) return out;
  find_confirmed(views);
  for (const View& view : views) {
    const Camera& camera = cameras[view.picture];
    const double distance = camera.vehicle_from_camera.block<3, 1>(0, 3).norm();
    const cv::Mat pieces = pieces_of(view, 1 / (distance * view.length_per_px));
    if (pieces.empty()) continue;
    StrayPiece& piece = out[view.picture];
    piece.area = static_cast<double>(cv::countNonZero(pieces)) / cv::countNonZero(view.covered);
    // Its soft outline goes, too, but nothing of the vehicle's.
    cv::Mat wide, rest;
    cv::dilate(pieces, wide, cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * kSoft + 1, 2 * kSoft + 1}));
    cv::dilate(view.covered & ~pieces, rest, cv::Mat::ones(3, 3, CV_8U));
    wide = (wide & ~rest) | pieces;
    wide.convertTo(wide, CV_32F, 1 / 255.0);
    const at::Tensor& alpha = pictures[view.picture].alpha;
    cv::resize(wide, piece.share, {static_cast<int>(alpha.size(1)), static_cast<int>(alpha.size(0))}, 0, 0,
               cv::INTER_LINEAR);
    piece.share = cv::min(cv::max((piece.share - 0.5F) * 4 + 0.5F, 0), 1);
  }
  return out;
}

}  // namespace spinfill
